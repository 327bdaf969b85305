// The way from a certificate to an authority somebody trusts (RFC 5280 6.1, as far as it concerns
// TLS servers): names that follow each other, signatures that verify, authorities that are allowed
// to be ones.
//
// Names inside name constraints are not compared, policies are not looked at, and nothing is asked
// for revocations. Dates are noted, not judged: a way in which everything is valid at the moment is
// preferred.
#ifndef RAVELIN_DOCTOR_PATH_H
#define RAVELIN_DOCTOR_PATH_H

#include "doctor/trust.h"
#include "tls/certificate/verify.h"

#define PATH_MAX_LENGTH 8
#define PATH_TEXT_SIZE 320

struct path {
    bool found;
    size_t count; // certificates in the way, leaf first, without the anchor
    const struct x509 *certificates[PATH_MAX_LENGTH];
    const struct x509 *anchor;
    bool has_name_constraints; // somewhere in it
    char why[PATH_TEXT_SIZE];  // not found: why not
};

// `sent[0]` is the leaf; the others stand in any order. `now` in seconds since 1970.
void path_find(const struct x509 *sent, size_t sent_count, const struct trust *trust, int64_t now,
               struct path *path);

#endif
