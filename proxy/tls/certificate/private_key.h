// A decoded private key: only the part that signing needs.
//
// Read from PEM: PKCS#8, "EC PRIVATE KEY" and "RSA PRIVATE KEY", not encrypted. A file has exactly
// one key. It may also have parameters and certificates; any other block is an error. A public key
// in the file is ignored: it is computed from the private key.
//
// Owner: the caller, which wipes the key with private_key_free(). Only the signer and check.c use
// this module.
#ifndef RAVELIN_TLS_CERTIFICATE_PRIVATE_KEY_H
#define RAVELIN_TLS_CERTIFICATE_PRIVATE_KEY_H

#include "tls/certificate/certificate.h"
#include "tls/certificate/pem.h"

struct private_key {
    enum certificate_key kind; // P256, P384, ED25519 or RSA
    // The scalar (ECDSA); the seed and the public key (Ed25519); an RSAPrivateKey (RFC 8017 A.1.2).
    uint8_t *secret;
    size_t size;
};

// Reads a key. RESULT_ERROR: nothing is left to free, and `why` has the problem.
enum result private_key_read(struct slice text, struct private_key *key,
                             char why[PEM_WHY_SIZE]) MUST_CHECK;
void private_key_free(struct private_key *key); // wipes; does nothing to a freed key
// True if the key matches the certificate.
bool private_key_fits(const struct private_key *key, const struct certificate *certificate);

#endif
