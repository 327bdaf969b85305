// Certificate revocation lists (RFC 5280 5): the complete lists of the authorities of client
// certificates, from one file.
//
// The file is read once, into sorted lists of serial numbers. A list is found by the name of its
// issuer. If several lists have one name, as after an authority changed its key, a certificate must
// be on none of them, and all must be fresh. Refused are lists that are not complete or not plain:
// with a critical extension, also in an entry; of an issuing distribution point; of changes only.
//
// Owner: client_auth.c. Immutable.
#ifndef RAVELIN_TLS_CERTIFICATE_CRL_H
#define RAVELIN_TLS_CERTIFICATE_CRL_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/findings.h"
#include "tls/certificate/name.h"

#define CRLS_MAX 256
#define CRL_ERROR_SIZE (NAME_TEXT_SIZE + 256)

struct crls;

enum crl_answer {
    CRL_CLEAR,   // all lists of the issuer are fresh, and none has the certificate
    CRL_REVOKED, // a list has the certificate
    CRL_STALE,   // a list is past its nextUpdate, or not valid yet
    CRL_NONE,    // no list of the issuer
};

// Reads a file: one list in DER, or lists in PEM. NULL: `why` has the problem.
struct crls *crls_new(struct slice file, char why[CRL_ERROR_SIZE]);
void crls_free(struct crls *crls); // does nothing to NULL
// RESULT_OK: one of these authorities signed each list, and its keyUsage allows this (RFC 5280
// 6.3.3 f and g). Dates are ignored. RESULT_ERROR: `why` has the problem.
enum result crls_verify(const struct crls *crls, const struct certificate *authorities,
                        size_t count, char why[CRL_ERROR_SIZE]) MUST_CHECK;
// Adds the dates between which each list is fresh.
void crls_terms(const struct crls *crls, struct term *term);
// True if there is a list of this issuer.
bool crls_cover(const struct crls *crls, struct slice issuer);
// Looks up a certificate. `serial`: content of the INTEGER. `now`: seconds since 1970.
enum crl_answer crls_look_up(const struct crls *crls, struct slice issuer, struct slice serial,
                             int64_t now);

#endif
