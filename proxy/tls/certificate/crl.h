// Certificate revocation lists (RFC 5280 5): complete lists of the authorities that issue clients'
// certificates, from one file.
//
// Read once; what a client's certificate is looked up in is a sorted list of serial numbers. A list
// is found by the name of its issuer. Where several have one name, as when an authority has changed
// its key, a certificate must be on none of them and all must be fresh. A list with a critical
// extension, or of an issuing distribution point, or of changes only, is not a complete one, or not
// a plain one, and refused; so is one with a critical extension in an entry.
//
// Owner: tls/client_auth; immutable.
#ifndef RAVELIN_TLS_CERTIFICATE_CRL_H
#define RAVELIN_TLS_CERTIFICATE_CRL_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/findings.h"
#include "tls/certificate/name.h"

#define CRLS_MAX 256
#define CRL_ERROR_SIZE (NAME_TEXT_SIZE + 256)

struct crls;

enum crl_answer {
    CRL_CLEAR,   // fresh lists do not have it
    CRL_REVOKED, // one does
    CRL_STALE,   // a list is past its nextUpdate, or not valid yet
    CRL_NONE,    // there is no list of its issuer
};

// Reads a file: one list in DER, or PEM. NULL: `why` says what is wrong.
struct crls *crls_new(struct slice file, char why[CRL_ERROR_SIZE]);
void crls_free(struct crls *crls); // NULL is fine
// Verifies that one of these authorities signed each list, whatever the dates of both, and that its
// keyUsage allows that (RFC 5280 6.3.3 f and g).
enum result crls_verify(const struct crls *crls, const struct certificate *authorities,
                        size_t count, char why[CRL_ERROR_SIZE]) MUST_CHECK;
// Adds when each list is fresh: from, until.
void crls_terms(const struct crls *crls, struct term *term);
// Whether there is a list of this issuer.
bool crls_cover(const struct crls *crls, struct slice issuer);
// `serial` is the content of the INTEGER.
enum crl_answer crls_look_up(const struct crls *crls, struct slice issuer, struct slice serial,
                             int64_t now);

#endif
