// Verifies one signature: of a CertificateVerify (RFC 8446 4.4.3), a certificate or an OCSP
// response for `ravelin doctor`, and of a revocation list or OCSP response in a bundle.
#ifndef RAVELIN_TLS_CERTIFICATE_VERIFY_H
#define RAVELIN_TLS_CERTIFICATE_VERIFY_H

#include "base/slice.h"
#include "tls/certificate/x509.h"

enum verdict {
    VERDICT_GOOD,
    VERDICT_BAD,
    VERDICT_UNKNOWN, // this build cannot verify the signature: SHA-1, Ed448, rare curves and sizes
};

enum verdict verify_signature(const struct public_key *key, struct signature_method method,
                              struct slice data, struct slice signature);

// The method of a SignatureScheme of TLS (RFC 8446 4.2.3), with the scheme's name. Kind
// SIGNATURE_OTHER: unknown.
struct signature_method verify_scheme(uint16_t scheme);

#endif
