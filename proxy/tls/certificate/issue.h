// Makes a key for one host name, ECDSA P-256 or RSA of 2048 bits, with a certificate request
// (PKCS#10, RFC 2986) and a self-signed certificate.
//
// The name is in subjectAltName only. The subject is empty, as RFC 5280 4.2.1.6 allows. The
// self-signed certificate is used until the CA has issued one, for clients that verify nothing. No
// client trusts it.
#ifndef RAVELIN_TLS_CERTIFICATE_ISSUE_H
#define RAVELIN_TLS_CERTIFICATE_ISSUE_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/certificate/certificate.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ISSUE_PEM_SIZE 2048
#define ISSUE_DAYS 397

enum issue_kind { ISSUE_ECDSA, ISSUE_RSA };

// Texts in PEM, with a NUL. The owner wipes `key`.
struct issue {
    char key[ISSUE_PEM_SIZE]; // "EC PRIVATE KEY", "RSA PRIVATE KEY"
    char request[ISSUE_PEM_SIZE];
    char certificate[ISSUE_PEM_SIZE];
};

//   host   a host name of at most 253 characters
//   now_s  the certificate is valid from a day before until ISSUE_DAYS after
//   ERROR  no random bytes, no memory, or the name is too long; `issue` is empty
// An RSA key takes a tenth of a second of CPU time, in rare cases ten times as long.
enum result issue_make(enum issue_kind kind, const char *host, int64_t now_s,
                       struct issue *issue) MUST_CHECK;

// Whether issue_make() has made this certificate, judged by its issuer.
bool issue_is_own(const struct certificate *certificate);

// Returns the public key (SubjectPublicKeyInfo, whole) of a request that issue_make() has made.
// Points into `room`. Empty: not such a request.
struct slice issue_request_key(struct slice pem, uint8_t *room, size_t capacity);

#endif
