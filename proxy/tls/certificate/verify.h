// Does a signature verify? One question, for CertificateVerify (RFC 8446 4.4.3), certificates and
// OCSP responses: for `ravelin doctor`, and for revocation lists and OCSP responses in a bundle.
#ifndef RAVELIN_TLS_CERTIFICATE_VERIFY_H
#define RAVELIN_TLS_CERTIFICATE_VERIFY_H

#include "base/slice.h"
#include "tls/certificate/x509.h"

enum verdict {
    VERDICT_GOOD,
    VERDICT_BAD,
    VERDICT_UNKNOWN, // this build cannot verify it: SHA-1, Ed448, odd curves and sizes
};

enum verdict verify_signature(const struct public_key *key, struct signature_method method,
                              struct slice data, struct slice signature);

// The method a TLS SignatureScheme stands for (RFC 8446 4.2.3); kind SIGNATURE_OTHER when unknown.
// The name is the scheme's.
struct signature_method verify_scheme(uint16_t scheme);

#endif
