// The signature of an OCSP response (RFC 6960 4.2.1), and who may make it (4.2.2.2): the issuer of
// the certificate that the response is about, or the owner of a certificate that this issuer has
// signed itself and that is for OCSP signing (id-kp-OCSPSigning).
//
// A bounded reader of bytes from strangers: no I/O, no allocation; the slices point into the
// response. The responder's name in the response is not used: who can verify it, signed it.
#ifndef RAVELIN_TLS_CERTIFICATE_OCSP_SIGNATURE_H
#define RAVELIN_TLS_CERTIFICATE_OCSP_SIGNATURE_H

#include "base/result.h"
#include "tls/certificate/verify.h"

#define OCSP_SIGNATURE_WHY_SIZE 128

struct ocsp_signature {
    struct slice signed_part; // ResponseData, whole
    struct signature_method method;
    struct slice signature;
    struct slice certificates; // content of the list; empty: none
};

// From the content of a BasicOCSPResponse. RESULT_ERROR: malformed.
enum result ocsp_signature_read(struct der basic, struct ocsp_signature *signature) MUST_CHECK;
// When the certificates for OCSP signing in the response are valid, in seconds since 1970: from,
// until. INT64_MIN, INT64_MAX: there is none, as where the issuer itself signed.
void ocsp_signature_terms(const struct ocsp_signature *signature, int64_t terms[2]);
// Whether one who may has signed, whatever the dates of the certificates are. If the result is not
// VERDICT_GOOD, `why` says why.
enum verdict ocsp_signature_verify(const struct ocsp_signature *signature,
                                   const struct x509 *issuer, char why[OCSP_SIGNATURE_WHY_SIZE]);

#endif
