#include "tls/certificate/verify.h"

#include "tls/registry.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum { RSA_BITS_MIN = 1024, RSA_BITS_MAX = 4096, EXPONENT_SIZE_MAX = 8 };

static enum wc_HashType library_hash(enum signature_hash hash) {
    switch (hash) {
    case HASH_SHA256:
        return WC_HASH_TYPE_SHA256;
    case HASH_SHA384:
        return WC_HASH_TYPE_SHA384;
    case HASH_SHA512:
        return WC_HASH_TYPE_SHA512;
    default:
        return WC_HASH_TYPE_NONE;
    }
}

static int mgf_of(enum signature_hash hash) {
    return hash == HASH_SHA256   ? WC_MGF1SHA256
           : hash == HASH_SHA384 ? WC_MGF1SHA384
                                 : WC_MGF1SHA512;
}

// `plain`: the decrypted signature. True: exactly the DigestInfo of this digest (RFC 8017 9.2).
static bool is_digest_info(const byte *plain, int size, enum wc_HashType hash, const byte *digest,
                           word32 digest_size) {
    byte expected[WC_MAX_DIGEST_SIZE + 32];
    word32 expected_size = wc_EncodeSignature(expected, digest, digest_size, wc_HashGetOID(hash));
    return size > 0 && (word32)size == expected_size && memcmp(plain, expected, expected_size) == 0;
}

static enum verdict verify_rsa(const struct public_key *key, struct signature_method method,
                               const byte *digest, word32 digest_size, struct slice signature) {
    byte plain[RSA_BITS_MAX / 8];
    RsaKey rsa;
    enum wc_HashType hash = library_hash(method.hash);
    if (key->bits < RSA_BITS_MIN || key->bits > RSA_BITS_MAX ||
        key->exponent.size > EXPONENT_SIZE_MAX) {
        return VERDICT_UNKNOWN;
    }
    if (signature.size != key->modulus.size || wc_InitRsaKey(&rsa, NULL) != 0) {
        return VERDICT_BAD;
    }
    bool good = false;
    const byte *bytes = (const byte *)signature.data;
    word32 size = (word32)signature.size;
    if (wc_RsaPublicKeyDecodeRaw((const byte *)key->modulus.data, (word32)key->modulus.size,
                                 (const byte *)key->exponent.data, (word32)key->exponent.size,
                                 &rsa) == 0) {
        if (method.kind == SIGNATURE_RSA_PSS) {
            int salt_size = method.salt_size == 0 ? (int)digest_size : method.salt_size;
            int found = wc_RsaPSS_Verify_ex(bytes, size, plain, sizeof(plain), hash,
                                            mgf_of(method.hash), salt_size, &rsa);
            good = found > 0 && wc_RsaPSS_CheckPadding_ex(digest, digest_size, plain, (word32)found,
                                                          hash, salt_size, (int)key->bits) == 0;
        } else {
            int found = wc_RsaSSL_Verify(bytes, size, plain, sizeof(plain), &rsa);
            good = is_digest_info(plain, found, hash, digest, digest_size);
        }
    }
    (void)wc_FreeRsaKey(&rsa);
    return good ? VERDICT_GOOD : VERDICT_BAD;
}

static int library_curve(enum key_curve curve) {
    switch (curve) {
    case CURVE_P256:
        return ECC_SECP256R1;
    case CURVE_P384:
        return ECC_SECP384R1;
    case CURVE_P521:
        return ECC_SECP521R1;
    default:
        return ECC_CURVE_INVALID;
    }
}

static enum verdict verify_ecdsa(const struct public_key *key, const byte *digest,
                                 word32 digest_size, struct slice signature) {
    ecc_key ecc;
    int good = 0;
    int curve = library_curve(key->curve);
    if (curve == ECC_CURVE_INVALID) {
        return VERDICT_UNKNOWN;
    }
    if (wc_ecc_init(&ecc) != 0) {
        return VERDICT_BAD;
    }
    if (wc_ecc_import_x963_ex2((const byte *)key->raw.data, (word32)key->raw.size, &ecc, curve,
                               1) != 0 ||
        wc_ecc_verify_hash((const byte *)signature.data, (word32)signature.size, digest,
                           digest_size, &good, &ecc) != 0) {
        good = 0;
    }
    (void)wc_ecc_free(&ecc);
    return good == 1 ? VERDICT_GOOD : VERDICT_BAD;
}

static enum verdict verify_ed25519(const struct public_key *key, struct slice data,
                                   struct slice signature) {
    ed25519_key ed25519;
    int good = 0;
    if (wc_ed25519_init(&ed25519) != 0) {
        return VERDICT_BAD;
    }
    if (wc_ed25519_import_public((const byte *)key->raw.data, (word32)key->raw.size, &ed25519) !=
            0 ||
        wc_ed25519_verify_msg((const byte *)signature.data, (word32)signature.size,
                              (const byte *)data.data, (word32)data.size, &good, &ed25519) != 0) {
        good = 0;
    }
    wc_ed25519_free(&ed25519);
    return good == 1 ? VERDICT_GOOD : VERDICT_BAD;
}

enum verdict verify_signature(const struct public_key *key, struct signature_method method,
                              struct slice data, struct slice signature) {
    byte digest[WC_MAX_DIGEST_SIZE];
    if (method.kind == SIGNATURE_ED25519) {
        return key->kind == KEY_ED25519 ? verify_ed25519(key, data, signature) : VERDICT_BAD;
    }
    enum wc_HashType hash = library_hash(method.hash);
    if (hash == WC_HASH_TYPE_NONE) {
        return VERDICT_UNKNOWN;
    }
    int digest_size = wc_HashGetDigestSize(hash);
    if (digest_size <= 0 || wc_Hash(hash, (const byte *)data.data, (word32)data.size, digest,
                                    (word32)digest_size) != 0) {
        return VERDICT_BAD;
    }
    switch (method.kind) {
    case SIGNATURE_RSA_PKCS1:
    case SIGNATURE_RSA_PSS:
        return key->kind == KEY_RSA
                   ? verify_rsa(key, method, digest, (word32)digest_size, signature)
                   : VERDICT_BAD;
    case SIGNATURE_ECDSA:
        return key->kind == KEY_EC ? verify_ecdsa(key, digest, (word32)digest_size, signature)
                                   : VERDICT_BAD;
    default:
        return VERDICT_UNKNOWN;
    }
}

struct signature_method verify_scheme(uint16_t scheme) {
    static const struct {
        uint16_t scheme;
        enum signature_kind kind;
        enum signature_hash hash;
    } known[] = {
        {0x0101, SIGNATURE_RSA_PKCS1, HASH_MD5},    {0x0201, SIGNATURE_RSA_PKCS1, HASH_SHA1},
        {0x0202, SIGNATURE_OTHER, HASH_SHA1},       {0x0203, SIGNATURE_ECDSA, HASH_SHA1},
        {0x0301, SIGNATURE_RSA_PKCS1, HASH_SHA224}, {0x0303, SIGNATURE_ECDSA, HASH_SHA224},
        {0x0401, SIGNATURE_RSA_PKCS1, HASH_SHA256}, {0x0403, SIGNATURE_ECDSA, HASH_SHA256},
        {0x0501, SIGNATURE_RSA_PKCS1, HASH_SHA384}, {0x0503, SIGNATURE_ECDSA, HASH_SHA384},
        {0x0601, SIGNATURE_RSA_PKCS1, HASH_SHA512}, {0x0603, SIGNATURE_ECDSA, HASH_SHA512},
        {0x0804, SIGNATURE_RSA_PSS, HASH_SHA256},   {0x0805, SIGNATURE_RSA_PSS, HASH_SHA384},
        {0x0806, SIGNATURE_RSA_PSS, HASH_SHA512},   {0x0807, SIGNATURE_ED25519, HASH_NONE},
        {0x0808, SIGNATURE_ED448, HASH_NONE},       {0x0809, SIGNATURE_RSA_PSS, HASH_SHA256},
        {0x080a, SIGNATURE_RSA_PSS, HASH_SHA384},   {0x080b, SIGNATURE_RSA_PSS, HASH_SHA512},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].scheme == scheme) {
            const char *name = registry_name(registry_schemes(), scheme);
            return (struct signature_method){known[i].kind, known[i].hash, name, 0};
        }
    }
    return (struct signature_method){SIGNATURE_OTHER, HASH_OTHER, "an unknown scheme", 0};
}
