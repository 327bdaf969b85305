// A private key as it is kept: of the few kinds there are, and not more of it than signing needs.
//
// Read from PEM: PKCS#8, "EC PRIVATE KEY" and "RSA PRIVATE KEY", none of them encrypted. The file
// holds one key; parameters and certificates may stand beside it, anything else is an error.
// Whatever public key the file holds beside the private one is not looked at: the public key is
// computed.
//
// Owner: the caller, who wipes it with private_key_free(). Only the signer and tls/check use this.
#ifndef RAVELIN_TLS_CERTIFICATE_PRIVATE_KEY_H
#define RAVELIN_TLS_CERTIFICATE_PRIVATE_KEY_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/pem.h"

struct private_key {
    enum certificate_key kind; // never OTHER or P521
    // The scalar (ECDSA); the seed and the public key (Ed25519); an RSAPrivateKey (RFC 8017 A.1.2).
    uint8_t *secret;
    size_t size;
};

// RESULT_ERROR: no usable key; nothing is left to free, and `why` says what is wrong.
enum result private_key_read(struct slice text, struct private_key *key,
                             char why[PEM_WHY_SIZE]) MUST_CHECK;
void private_key_free(struct private_key *key); // wipes; once more is fine
// Whether it is the private half of the certificate's key.
bool private_key_fits(const struct private_key *key, const struct certificate *certificate);

#endif
