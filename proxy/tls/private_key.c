#include "tls/private_key.h"

#include "base/secret.h"
#include "tls/der.h"
#include "tls/pem.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum { POINT_SIZE_MAX = 1 + 2 * 48 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// --- Reading ---

static bool keep(struct private_key *key, enum certificate_key kind, const void *secret,
                 size_t size) {
    key->secret = malloc(size);
    if (key->secret == NULL) {
        return false;
    }
    memcpy(key->secret, secret, size);
    key->kind = kind;
    key->size = size;
    return true;
}

static size_t scalar_size(enum certificate_key kind) {
    return kind == CERTIFICATE_KEY_P256 ? 32 : 48;
}

static enum certificate_key find_curve(struct slice oid) {
    return slice_equal(oid, SLICE("\x2a\x86\x48\xce\x3d\x03\x01\x07")) ? CERTIFICATE_KEY_P256
           : slice_equal(oid, SLICE("\x2b\x81\x04\x00\x22"))           ? CERTIFICATE_KEY_P384
                                                                       : CERTIFICATE_KEY_OTHER;
}

// ECPrivateKey (RFC 5915). `curve` is OTHER when only it can say.
static bool read_ec(struct slice der, enum certificate_key curve, struct private_key *key) {
    struct der outer = der_begin(der);
    struct der fields = der_enter(&outer, DER_SEQUENCE);
    (void)der_take(&fields, DER_INTEGER);
    struct slice scalar = der_take(&fields, DER_OCTET_STRING);
    if (der_peek(&fields) == DER_CONTEXT_CONSTRUCTED + 0) {
        struct der parameters = der_enter(&fields, DER_CONTEXT_CONSTRUCTED + 0);
        enum certificate_key named = find_curve(der_take(&parameters, DER_OID));
        if (curve != CERTIFICATE_KEY_OTHER && named != curve) {
            return false;
        }
        curve = named;
    }
    return !fields.bad && curve != CERTIFICATE_KEY_OTHER && scalar.size > 0 &&
           scalar.size <= scalar_size(curve) && keep(key, curve, scalar.data, scalar.size);
}

static bool read_ed25519(struct slice der, struct private_key *key) {
    struct der outer = der_begin(der);
    struct slice seed = der_take(&outer, DER_OCTET_STRING);
    uint8_t both[2 * ED25519_KEY_SIZE];
    ed25519_key ed;
    if (seed.size != ED25519_KEY_SIZE || wc_ed25519_init(&ed) != 0) {
        return false;
    }
    memcpy(both, seed.data, ED25519_KEY_SIZE);
    bool ok = wc_ed25519_import_private_only(both, ED25519_KEY_SIZE, &ed) == 0 &&
              wc_ed25519_make_public(&ed, both + ED25519_KEY_SIZE, ED25519_KEY_SIZE) == 0 &&
              keep(key, CERTIFICATE_KEY_ED25519, both, sizeof(both));
    wc_ed25519_free(&ed);
    secret_wipe(both, sizeof(both));
    return ok;
}

static bool read_rsa(struct slice der, struct private_key *key) {
    RsaKey rsa;
    word32 index = 0;
    if (wc_InitRsaKey(&rsa, NULL) != 0) {
        return false;
    }
    bool ok = wc_RsaPrivateKeyDecode((const byte *)der.data, &index, &rsa, (word32)der.size) == 0 &&
              keep(key, CERTIFICATE_KEY_RSA, der.data, der.size);
    wc_FreeRsaKey(&rsa);
    return ok;
}

// PrivateKeyInfo (RFC 5958), or one of the two older forms.
static bool read_der(struct slice der, struct private_key *key) {
    struct der outer = der_begin(der);
    struct der fields = der_enter(&outer, DER_SEQUENCE);
    (void)der_take(&fields, DER_INTEGER);
    if (der_peek(&fields) == DER_OCTET_STRING) {
        return read_ec(der, CERTIFICATE_KEY_OTHER, key);
    }
    if (der_peek(&fields) == DER_INTEGER) {
        return read_rsa(der, key);
    }
    struct der algorithm = der_enter(&fields, DER_SEQUENCE);
    struct slice oid = der_take(&algorithm, DER_OID);
    struct slice inner = der_take(&fields, DER_OCTET_STRING);
    if (fields.bad) {
        return false;
    }
    if (slice_equal(oid, SLICE("\x2a\x86\x48\xce\x3d\x02\x01"))) {
        enum certificate_key curve = find_curve(der_take(&algorithm, DER_OID));
        return curve != CERTIFICATE_KEY_OTHER && read_ec(inner, curve, key);
    }
    if (slice_equal(oid, SLICE("\x2b\x65\x70"))) {
        return read_ed25519(inner, key);
    }
    return slice_equal(oid, SLICE("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")) && read_rsa(inner, key);
}

enum result private_key_read(struct slice pem, struct private_key *key) {
    static const char *const labels[] = {"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"};
    enum result result = RESULT_EOF;
    size_t capacity = pem.size + 1;
    uint8_t *der = malloc(capacity);
    *key = (struct private_key){.secret = NULL};
    for (size_t i = 0; der != NULL && result == RESULT_EOF && i < COUNT(labels); i++) {
        struct slice text = pem;
        size_t size = capacity;
        result = pem_next(&text, labels[i], der, &size);
        if (result == RESULT_OK && !read_der((struct slice){(const char *)der, size}, key)) {
            result = RESULT_ERROR;
        }
    }
    if (der != NULL) {
        secret_wipe(der, capacity);
        free(der);
    }
    return result == RESULT_OK ? RESULT_OK : RESULT_ERROR;
}

void private_key_free(struct private_key *key) {
    if (key->secret != NULL) {
        secret_wipe(key->secret, key->size);
        free(key->secret);
    }
    *key = (struct private_key){.secret = NULL};
}

// --- Comparing ---

// Whether the point that belongs to the scalar is the one in the certificate.
static bool ec_fits(const struct private_key *key, struct slice point) {
    ecc_key ecc;
    uint8_t computed[POINT_SIZE_MAX];
    word32 size = sizeof(computed);
    int curve = key->kind == CERTIFICATE_KEY_P256 ? ECC_SECP256R1 : ECC_SECP384R1;
    if (wc_ecc_init(&ecc) != 0) {
        return false;
    }
    bool fits =
        wc_ecc_import_private_key_ex(key->secret, (word32)key->size, NULL, 0, &ecc, curve) == 0 &&
        wc_ecc_make_pub(&ecc, NULL) == 0 && wc_ecc_export_x963(&ecc, computed, &size) == 0 &&
        slice_equal(point, (struct slice){(const char *)computed, size});
    wc_ecc_free(&ecc);
    secret_wipe(&ecc, sizeof(ecc));
    return fits;
}

// Modulus and exponent of an RSAPrivateKey and an RSAPublicKey.
static bool rsa_fits(const struct private_key *key, struct slice public_key) {
    struct der private_outer = der_begin((struct slice){(const char *)key->secret, key->size});
    struct der private_fields = der_enter(&private_outer, DER_SEQUENCE);
    struct der public_outer = der_begin(public_key);
    struct der public_fields = der_enter(&public_outer, DER_SEQUENCE);
    (void)der_take(&private_fields, DER_INTEGER); // version
    bool fits = true;
    for (size_t i = 0; i < 2; i++) {
        fits &= slice_equal(der_take(&private_fields, DER_INTEGER),
                            der_take(&public_fields, DER_INTEGER));
    }
    return fits && !private_fields.bad && !public_fields.bad;
}

bool private_key_fits(const struct private_key *key, const struct certificate *certificate) {
    if (key->kind != certificate->key) {
        return false;
    }
    switch (key->kind) {
    case CERTIFICATE_KEY_P256:
    case CERTIFICATE_KEY_P384:
        return ec_fits(key, certificate->public_key);
    case CERTIFICATE_KEY_ED25519:
        return slice_equal(
            certificate->public_key,
            (struct slice){(const char *)key->secret + ED25519_KEY_SIZE, ED25519_KEY_SIZE});
    case CERTIFICATE_KEY_RSA:
        return rsa_fits(key, certificate->public_key);
    default:
        return false;
    }
}
