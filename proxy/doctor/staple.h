// Parses and checks an OCSP response (RFC 6960) that a server stapled.
//
// A bounded parser of untrusted bytes: no I/O, no allocation. The slices point into the response.
#ifndef RAVELIN_DOCTOR_STAPLE_H
#define RAVELIN_DOCTOR_STAPLE_H

#include "base/result.h"
#include "tls/certificate/ocsp_signature.h"

#define STAPLE_TEXT_SIZE 224

enum staple_status { STAPLE_GOOD, STAPLE_REVOKED, STAPLE_UNKNOWN };

struct staple {
    unsigned response_status; // 0: successful; the other members are set only then
    struct slice responses;   // SingleResponses
    struct ocsp_signature signature;
};

struct staple_entry {
    enum staple_status status;
    int64_t this_update; // seconds since 1970
    int64_t next_update; // INT64_MAX: none
};

enum result staple_parse(struct slice response, struct staple *staple) MUST_CHECK;
// Finds the entry for this serial number. RESULT_EOF: none. RESULT_ERROR: malformed.
enum result staple_find(const struct staple *staple, struct slice serial,
                        struct staple_entry *entry) MUST_CHECK;

// Checks whether the response is valid at `now`. NULL: valid; otherwise the reason, in `text`.
// `issuer`: issuer of the leaf.
const char *staple_judge(struct slice response, const struct x509 *leaf, const struct x509 *issuer,
                         int64_t now, char text[STAPLE_TEXT_SIZE]);

#endif
