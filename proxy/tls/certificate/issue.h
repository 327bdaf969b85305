// Makes an ECDSA P-256 key for one host name, with a request for a certificate (PKCS#10, RFC 2986)
// and a certificate that it has signed itself.
//
// The name is in subjectAltName only; the subject is empty, as RFC 5280 4.2.1.6 allows. The
// certificate of its own is for clients that verify nothing, until there is a better one: it has no
// authority, and no client trusts it.
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

// Texts in PEM, with a NUL. The owner wipes `key`.
struct issue {
    char key[ISSUE_PEM_SIZE]; // "EC PRIVATE KEY"
    char request[ISSUE_PEM_SIZE];
    char certificate[ISSUE_PEM_SIZE];
};

//   host   a host name of at most 253 characters
//   now_s  the certificate is valid from a day before until ISSUE_DAYS after
//   ERROR  no random bytes, or the name is too long; `issue` is empty
enum result issue_make(const char *host, int64_t now_s, struct issue *issue) MUST_CHECK;

// Whether issue_make() has made this certificate, as far as its issuer tells.
bool issue_is_own(const struct certificate *certificate);

// The public key (SubjectPublicKeyInfo, whole) in a request that issue_make() has made. Points into
// `room`. Empty: it is none.
struct slice issue_request_key(struct slice pem, uint8_t *room, size_t capacity);

#endif
