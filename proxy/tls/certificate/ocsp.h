// Reads an OCSP response (RFC 6960) that is stapled to handshakes (RFC 8446 4.4.2.1).
//
// Ravelin fetches no response: a job of the operator writes it to a file. ocsp_read() reads the
// file: whether the response is successful and about this certificate, and until when it is valid.
// ocsp_verify() verifies its signature, once for each bundle (tls/certificate/check.h). So a worker
// staples no response that clients would refuse.
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
    // thisUpdate and nextUpdate, in seconds since 1970, limited by the dates of a responder's
    // certificate in the response. INT64_MAX: no nextUpdate.
    int64_t from;
    int64_t until;
};

// Reads a file, DER or PEM, with one response about `certificate` and nothing else. If the response
// has several answers, the first one for the certificate's serial number counts. RESULT_ERROR:
// nothing needs to be freed, and `why` has the problem.
enum result ocsp_read(struct slice file, const struct certificate *certificate, struct ocsp *ocsp,
                      char why[PEM_WHY_SIZE]) MUST_CHECK;
// Verifies the signature of the response: by `issuer`, which has issued the certificate, or by a
// responder that it has named (ocsp_signature.h). Dates are ignored.
enum result ocsp_verify(const struct ocsp *ocsp, const struct certificate *issuer,
                        char why[PEM_WHY_SIZE]) MUST_CHECK;
void ocsp_free(struct ocsp *ocsp); // may be called again

#endif
