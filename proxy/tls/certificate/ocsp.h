// An OCSP response (RFC 6960), to be stapled to a handshake (RFC 8446 4.4.2.1).
//
// The proxy asks nobody: somebody else gets the response and puts it into a file. Looked at is only
// what tells a useful file from a useless one: that it is a successful response, about this
// certificate, and until when it holds. Its signature is for clients to verify: they have the keys.
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
    int64_t from;  // thisUpdate, seconds since 1970
    int64_t until; // nextUpdate; INT64_MAX when there is none
};

// Reads a file, DER or PEM, that holds one response about `certificate` and nothing else. Of
// several answers in the response, the first about the certificate's serial number counts.
// RESULT_ERROR: nothing is left to free, and `why` says what is wrong.
enum result ocsp_read(struct slice file, const struct certificate *certificate, struct ocsp *ocsp,
                      char why[PEM_WHY_SIZE]) MUST_CHECK;
void ocsp_free(struct ocsp *ocsp); // once more is fine

#endif
