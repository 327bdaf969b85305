// Name constraints (RFC 5280 4.2.1.10): whether an authority may vouch for the names in a
// certificate that stands anywhere below it. The library looks one level down only; clients' paths
// are longer.
//
// Compared are directory names, mail addresses (also those in the subject), host names, the hosts
// of URIs, and IP addresses. Strict: what cannot be compared for sure is not allowed. That is a
// name of another kind as soon as one of its kind is constrained, a name that is malformed, text
// that is not ASCII and differs, a subtree with a minimum or a maximum, a certificate that cannot
// be read.
//
// It knows nothing of signatures: both certificates were verified before. No allocation. Bounded:
// CONSTRAINTS_COMPARISONS_MAX.
#ifndef RAVELIN_TLS_CERTIFICATE_CONSTRAINTS_H
#define RAVELIN_TLS_CERTIFICATE_CONSTRAINTS_H

#include "base/slice.h"

#include <stdbool.h>

#define CONSTRAINTS_COMPARISONS_MAX 10000

// Both are whole certificates. True when the authority has no name constraints.
bool constraints_allow(struct slice authority, struct slice certificate);

#endif
