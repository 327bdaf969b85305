// An OCSP response (RFC 6960), to be stapled to a handshake (RFC 8446 4.4.2.1).
//
// The proxy fetches none: a job gets the response and puts it into a file. ocsp_read() reads what
// it says: that it is a successful response, about this certificate, and until when it holds.
// ocsp_verify() verifies its signature, once for each bundle (tls/certificate/check.h), so that a
// worker staples no response that clients would refuse.
#ifndef RAVELIN_TLS_CERTIFICATE_OCSP_H
#define RAVELIN_TLS_CERTIFICATE_OCSP_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/pem.h"

#define OCSP_SIZE_MAX ((size_t)16384)

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp {
    uint8_t *der; // the whole response
    size_t size;
    enum ocsp_status status;
    // thisUpdate and nextUpdate, in seconds since 1970, and not beyond the dates of the certificate
    // of a responder that is in it. INT64_MAX: it has no nextUpdate.
    int64_t from;
    int64_t until;
};

// Reads a file, DER or PEM, that holds one response about `certificate` and nothing else. Of
// several answers in the response, the first about the certificate's serial number counts.
// RESULT_ERROR: nothing is left to free, and `why` says what is wrong.
enum result ocsp_read(struct slice file, const struct certificate *certificate, struct ocsp *ocsp,
                      char why[PEM_WHY_SIZE]) MUST_CHECK;
// Verifies that `issuer`, which has issued the certificate, signed what ocsp_read() has read, or a
// responder that it has named (ocsp_signature.h). Dates do not matter.
enum result ocsp_verify(const struct ocsp *ocsp, const struct certificate *issuer,
                        char why[PEM_WHY_SIZE]) MUST_CHECK;
void ocsp_free(struct ocsp *ocsp); // once more is fine

#endif
