// The key of a certificate that Ravelin orders: makes it, writes it, and uses it for the two
// signatures of issue.h. Only issue.c includes this header.
#ifndef RAVELIN_TLS_CERTIFICATE_ISSUE_KEY_H
#define RAVELIN_TLS_CERTIFICATE_ISSUE_KEY_H

#include "base/builder.h"
#include "tls/certificate/issue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <wolfssl/options.h>

#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>

#define ISSUE_RSA_BITS 2048
#define ISSUE_SIGNATURE_MAX 512

struct issue_key {
    enum issue_kind kind;
    WC_RNG *rng; // owned by the caller
    union {
        ecc_key ecc;
        RsaKey rsa;
    };
};

// False: no random bytes or no memory; nothing needs to be freed.
bool issue_key_make(struct issue_key *key, enum issue_kind kind, WC_RNG *rng);
void issue_key_free(struct issue_key *key); // wipes it

// Label of a PEM file with this key, such as "EC PRIVATE KEY".
const char *issue_key_label(const struct issue_key *key);
// Writes the private key in DER. False: `builder` has no space; its `overflow` is set, too.
bool issue_key_put(struct builder *builder, struct issue_key *key);
// Writes SubjectPublicKeyInfo (RFC 5280 4.1).
bool issue_key_put_public(struct builder *builder, struct issue_key *key);
// Writes the AlgorithmIdentifier of its signatures, which are over SHA-256.
void issue_key_put_algorithm(struct builder *builder, const struct issue_key *key);
// Signs. *size in: space in `signature`, at most ISSUE_SIGNATURE_MAX; out: size of the signature.
bool issue_key_sign(struct issue_key *key, const uint8_t *bytes, size_t count, uint8_t *signature,
                    size_t *size);

#endif
