// The signature of an OCSP response (RFC 6960 4.2.1), and its allowed signers (4.2.2.2): the issuer
// of the certificate that the response is about, or a responder. A responder has a certificate for
// OCSP signing (id-kp-OCSPSigning) that this issuer has signed.
//
// A bounded parser of untrusted bytes: no I/O, no allocation. The slices point into the response.
// The responder's name in the response is ignored, because the signature shows which key signed it.
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

// Reads the content of a BasicOCSPResponse. RESULT_ERROR: malformed.
enum result ocsp_signature_read(struct der basic, struct ocsp_signature *signature) MUST_CHECK;
// The validity of the certificates for OCSP signing in the response, in seconds since 1970: from,
// until. INT64_MIN, INT64_MAX: no such certificate, because the issuer itself signed.
void ocsp_signature_terms(const struct ocsp_signature *signature, int64_t terms[2]);
// Whether an allowed signer has signed. The dates of certificates are ignored. If the result is not
// VERDICT_GOOD, `why` has the reason.
enum verdict ocsp_signature_verify(const struct ocsp_signature *signature,
                                   const struct x509 *issuer, char why[OCSP_SIGNATURE_WHY_SIZE]);

#endif
