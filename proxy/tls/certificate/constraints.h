// Name constraints (RFC 5280 4.2.1.10): whether a CA may vouch for the names in a certificate at
// any level below it. wolfSSL checks one level only, and the paths of clients are longer.
//
// Compared are directory names, mail addresses (also in the subject), host names, the hosts of
// URIs, and IP addresses. If a comparison is not certain, the name is not allowed. Examples: a name
// of an unknown kind if a name of its kind is constrained; a malformed name; different text that is
// not ASCII; a subtree with a minimum or a maximum; a certificate that cannot be read.
//
// Signatures are not verified: the caller has verified both certificates. No I/O, no allocation.
// After CONSTRAINTS_COMPARISONS_MAX comparisons the result is false.
#ifndef RAVELIN_TLS_CERTIFICATE_CONSTRAINTS_H
#define RAVELIN_TLS_CERTIFICATE_CONSTRAINTS_H

#include "base/slice.h"

#include <stdbool.h>

#define CONSTRAINTS_COMPARISONS_MAX 10000

// Both are whole certificates in DER. True also if the authority has no name constraints.
bool constraints_allow(struct slice authority, struct slice certificate);

#endif
