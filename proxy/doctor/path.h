// Finds the path from a certificate to a trusted CA (RFC 5280 6.1, for TLS servers): each issuer
// name matches the next subject, each signature verifies, and each issuer may be a CA.
//
// Not checked are name constraints, policies and revocation. Dates are recorded only: a path on
// which all certificates are valid now is preferred.
#ifndef RAVELIN_DOCTOR_PATH_H
#define RAVELIN_DOCTOR_PATH_H

#include "doctor/trust.h"
#include "tls/certificate/verify.h"

#define PATH_MAX_LENGTH 8
#define PATH_TEXT_SIZE 320

struct path {
    bool found;
    size_t count; // certificates of the path, leaf first, without the anchor
    const struct x509 *certificates[PATH_MAX_LENGTH];
    const struct x509 *anchor;
    bool has_name_constraints; // a certificate of the path has name constraints
    char why[PATH_TEXT_SIZE];  // reason, if not found
};

// `sent[0]` is the leaf; the others are in any order. `now`: seconds since 1970.
void path_find(const struct x509 *sent, size_t sent_count, const struct trust *trust, int64_t now,
               struct path *path);

#endif
