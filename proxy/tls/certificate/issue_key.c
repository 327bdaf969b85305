#include "tls/certificate/issue_key.h"

#include "base/secret.h"
#include "tls/certificate/der_write.h"

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/sha256.h>

enum { POINT_SIZE = 65, SCALAR_SIZE = 32, RSA_EXPONENT = 65537 };

// --- ECDSA P-256 ---

static bool make_ecdsa(struct issue_key *key) {
    if (wc_ecc_init(&key->ecc) != 0) {
        return false;
    }
    bool ok = wc_ecc_set_rng(&key->ecc, key->rng) == 0 &&
              wc_ecc_make_key_ex(key->rng, SCALAR_SIZE, &key->ecc, ECC_SECP256R1) == 0;
    if (!ok) {
        (void)wc_ecc_free(&key->ecc);
    }
    return ok;
}

static void free_ecdsa(struct issue_key *key) {
    (void)wc_ecc_free(&key->ecc);
}

static void put_curve(struct builder *builder) {
    DER_PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7); // 1.2.840.10045.3.1.7, P-256
}

static bool put_point(struct builder *builder, struct issue_key *key) {
    uint8_t point[POINT_SIZE];
    word32 size = sizeof(point);
    bool ok = wc_ecc_export_x963(&key->ecc, point, &size) == 0;
    if (ok) {
        der_put_bits(builder, point, size);
    }
    return ok && !builder->overflow;
}

// RFC 5915.
static bool put_ecdsa(struct builder *builder, struct issue_key *key) {
    static const uint8_t version = 1;
    uint8_t scalar[SCALAR_SIZE];
    word32 size = sizeof(scalar);
    if (wc_ecc_export_private_only(&key->ecc, scalar, &size) != 0) {
        return false;
    }
    size_t whole = der_start(builder, DER_SEQUENCE);
    der_put(builder, DER_INTEGER, &version, 1);
    der_put(builder, DER_OCTET_STRING, scalar, size);
    secret_wipe(scalar, sizeof(scalar));
    size_t curve = der_start(builder, DER_CONTEXT_CONSTRUCTED + 0);
    put_curve(builder);
    der_end(builder, curve);
    size_t public = der_start(builder, DER_CONTEXT_CONSTRUCTED + 1);
    bool ok = put_point(builder, key);
    der_end(builder, public);
    der_end(builder, whole);
    return ok && !builder->overflow;
}

static bool put_public_ecdsa(struct builder *builder, struct issue_key *key) {
    size_t whole = der_start(builder, DER_SEQUENCE);
    size_t algorithm = der_start(builder, DER_SEQUENCE);
    DER_PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1); // 1.2.840.10045.2.1, ecPublicKey
    put_curve(builder);
    der_end(builder, algorithm);
    bool ok = put_point(builder, key);
    der_end(builder, whole);
    return ok && !builder->overflow;
}

static void put_algorithm_ecdsa(struct builder *builder) {
    // 1.2.840.10045.4.3.2, ecdsa-with-SHA256
    DER_PUT_OID(builder, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2);
}

static bool sign_ecdsa(struct issue_key *key, const uint8_t digest[WC_SHA256_DIGEST_SIZE],
                       uint8_t *signature, size_t *size) {
    word32 written = (word32)*size;
    bool ok = wc_ecc_sign_hash(digest, WC_SHA256_DIGEST_SIZE, signature, &written, key->rng,
                               &key->ecc) == 0;
    *size = written;
    return ok;
}

// --- RSA ---

static bool make_rsa(struct issue_key *key) {
    if (wc_InitRsaKey(&key->rsa, NULL) != 0) {
        return false;
    }
    bool ok = wc_RsaSetRNG(&key->rsa, key->rng) == 0 &&
              wc_MakeRsaKey(&key->rsa, ISSUE_RSA_BITS, RSA_EXPONENT, key->rng) == 0;
    if (!ok) {
        (void)wc_FreeRsaKey(&key->rsa);
    }
    return ok;
}

static void free_rsa(struct issue_key *key) {
    (void)wc_FreeRsaKey(&key->rsa);
}

static bool put_by(struct builder *builder, struct issue_key *key,
                   int (*write)(RsaKey *rsa, byte *output, word32 capacity)) {
    int size = builder->overflow ? 0
                                 : write(&key->rsa, builder->data + builder->size,
                                         (word32)(builder->capacity - builder->size));
    builder->overflow |= size <= 0;
    builder->size += size > 0 ? (size_t)size : 0;
    return size > 0;
}

// RFC 8017 A.1.2.
static bool put_rsa(struct builder *builder, struct issue_key *key) {
    return put_by(builder, key, wc_RsaKeyToDer);
}

static bool put_public_rsa(struct builder *builder, struct issue_key *key) {
    return put_by(builder, key, wc_RsaKeyToPublicDer);
}

static void put_algorithm_rsa(struct builder *builder) {
    // 1.2.840.113549.1.1.11, sha256WithRSAEncryption. Its parameters are NULL (RFC 4055 5).
    static const uint8_t null[] = {0x05, 0x00};
    DER_PUT_OID(builder, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 11);
    builder_put_bytes(builder, null, sizeof(null));
}

static bool sign_rsa(struct issue_key *key, const uint8_t digest[WC_SHA256_DIGEST_SIZE],
                     uint8_t *signature, size_t *size) {
    uint8_t info[WC_SHA256_DIGEST_SIZE + 32];
    word32 info_size = wc_EncodeSignature(info, digest, WC_SHA256_DIGEST_SIZE, SHA256h);
    int written = wc_RsaSSL_Sign(info, info_size, signature, (word32)*size, &key->rsa, key->rng);
    *size = written > 0 ? (size_t)written : 0;
    return written > 0;
}

// --- Either ---

static const struct {
    const char *label;
    bool (*make)(struct issue_key *key);
    void (*free)(struct issue_key *key);
    bool (*put)(struct builder *builder, struct issue_key *key);
    bool (*put_public)(struct builder *builder, struct issue_key *key);
    void (*put_algorithm)(struct builder *builder);
    bool (*sign)(struct issue_key *key, const uint8_t digest[WC_SHA256_DIGEST_SIZE],
                 uint8_t *signature, size_t *size);
} kinds[] = {
    [ISSUE_ECDSA] = {"EC PRIVATE KEY", make_ecdsa, free_ecdsa, put_ecdsa, put_public_ecdsa,
                     put_algorithm_ecdsa, sign_ecdsa},
    [ISSUE_RSA] = {"RSA PRIVATE KEY", make_rsa, free_rsa, put_rsa, put_public_rsa,
                   put_algorithm_rsa, sign_rsa},
};

bool issue_key_make(struct issue_key *key, enum issue_kind kind, WC_RNG *rng) {
    key->kind = kind;
    key->rng = rng;
    return kinds[kind].make(key);
}

void issue_key_free(struct issue_key *key) {
    kinds[key->kind].free(key);
    secret_wipe(key, sizeof(*key));
}

const char *issue_key_label(const struct issue_key *key) {
    return kinds[key->kind].label;
}

bool issue_key_put(struct builder *builder, struct issue_key *key) {
    return kinds[key->kind].put(builder, key);
}

bool issue_key_put_public(struct builder *builder, struct issue_key *key) {
    return kinds[key->kind].put_public(builder, key);
}

void issue_key_put_algorithm(struct builder *builder, const struct issue_key *key) {
    size_t start = der_start(builder, DER_SEQUENCE);
    kinds[key->kind].put_algorithm(builder);
    der_end(builder, start);
}

bool issue_key_sign(struct issue_key *key, const uint8_t *bytes, size_t count, uint8_t *signature,
                    size_t *size) {
    uint8_t digest[WC_SHA256_DIGEST_SIZE];
    return wc_Sha256Hash(bytes, (word32)count, digest) == 0 &&
           kinds[key->kind].sign(key, digest, signature, size);
}
