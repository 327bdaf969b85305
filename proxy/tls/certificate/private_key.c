#include "tls/certificate/private_key.h"

#include "base/secret.h"
#include "tls/certificate/der.h"

#include <stdio.h>
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

static const char damaged[] = "the key is cut short, or its DER is damaged";
static const char no_curve[] = "the curve of the key is none of P-256 and P-384";

// Reads an ECPrivateKey (RFC 5915). `curve` OTHER: the key itself must have the curve. NULL, or the
// problem.
static const char *read_ec(struct slice der, enum certificate_key curve, struct private_key *key) {
    struct der outer = der_begin(der);
    struct der fields = der_enter(&outer, DER_SEQUENCE);
    (void)der_take(&fields, DER_INTEGER);
    struct slice scalar = der_take(&fields, DER_OCTET_STRING);
    if (der_peek(&fields) == DER_CONTEXT_CONSTRUCTED + 0) {
        struct der parameters = der_enter(&fields, DER_CONTEXT_CONSTRUCTED + 0);
        enum certificate_key named = find_curve(der_take(&parameters, DER_OID));
        if (curve != CERTIFICATE_KEY_OTHER && named != curve) {
            return "the key names two curves";
        }
        curve = named;
    }
    if (fields.bad || scalar.size == 0) {
        return damaged;
    }
    if (curve == CERTIFICATE_KEY_OTHER) {
        return no_curve;
    }
    return scalar.size <= scalar_size(curve) && keep(key, curve, scalar.data, scalar.size)
               ? NULL
               : damaged;
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

// Reads a PrivateKeyInfo (RFC 5958) from behind its version. NULL, or the problem.
static const char *read_pkcs8(struct der fields, struct private_key *key) {
    struct der algorithm = der_enter(&fields, DER_SEQUENCE);
    struct slice oid = der_take(&algorithm, DER_OID);
    struct slice inner = der_take(&fields, DER_OCTET_STRING);
    if (fields.bad) {
        return damaged;
    }
    if (slice_equal(oid, SLICE("\x2a\x86\x48\xce\x3d\x02\x01"))) {
        enum certificate_key curve = find_curve(der_take(&algorithm, DER_OID));
        return curve == CERTIFICATE_KEY_OTHER ? no_curve : read_ec(inner, curve, key);
    }
    if (slice_equal(oid, SLICE("\x2b\x65\x70"))) {
        return read_ed25519(inner, key) ? NULL : damaged;
    }
    if (slice_equal(oid, SLICE("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"))) {
        return read_rsa(inner, key) ? NULL : damaged;
    }
    return "the key is none of ECDSA, Ed25519 and RSA";
}

// Reads a PrivateKeyInfo, or one of the two older forms. NULL, or the problem.
static const char *read_der(struct slice der, struct private_key *key) {
    struct der outer = der_begin(der);
    struct der fields = der_enter(&outer, DER_SEQUENCE);
    (void)der_take(&fields, DER_INTEGER);
    if (fields.bad) {
        return damaged;
    }
    if (outer.rest.size > 0) {
        return "bytes follow the key";
    }
    if (der_peek(&fields) == DER_OCTET_STRING) {
        return read_ec(der, CERTIFICATE_KEY_OTHER, key);
    }
    if (der_peek(&fields) == DER_INTEGER) {
        return read_rsa(der, key) ? NULL : damaged;
    }
    return read_pkcs8(fields, key);
}

// Reads one block of the file. False: `why` has the problem.
static bool read_block(const struct pem_block *block, struct private_key *key,
                       char why[PEM_WHY_SIZE]) {
    bool is_key = pem_is(block, "PRIVATE KEY") || pem_is(block, "EC PRIVATE KEY") ||
                  pem_is(block, "RSA PRIVATE KEY");
    bool is_beside = pem_is_parameters(block) || pem_is(block, "CERTIFICATE") ||
                     pem_is(block, "X509 CERTIFICATE") || pem_is(block, "TRUSTED CERTIFICATE");
    const char *reason = NULL;
    if (is_beside) {
        return true;
    }
    if (block->is_encrypted || pem_is(block, "ENCRYPTED PRIVATE KEY")) {
        reason = "the key is encrypted; decrypt it with 'openssl pkey -in FILE -out NEW'";
    } else if (!is_key) {
        pem_refuse_label(block, "a private key in a form that Ravelin reads", why);
        return false;
    } else if (key->secret != NULL) {
        reason = "a second private key; a file holds one";
    } else {
        reason = read_der(block->der, key);
    }
    if (reason != NULL) {
        (void)snprintf(why, PEM_WHY_SIZE, "line %u: %s", block->line, reason);
    }
    return reason == NULL;
}

enum result private_key_read(struct slice text, struct private_key *key, char why[PEM_WHY_SIZE]) {
    struct pem pem = pem_begin(text);
    size_t capacity = text.size + 1;
    uint8_t *der = malloc(capacity);
    enum result result = der == NULL ? RESULT_ERROR : RESULT_OK;
    *key = (struct private_key){.secret = NULL};
    (void)snprintf(why, PEM_WHY_SIZE, "out of memory");
    while (result == RESULT_OK) {
        struct pem_block block;
        result = pem_next(&pem, &block, der, capacity, why);
        if (result == RESULT_OK && !read_block(&block, key, why)) {
            result = RESULT_ERROR;
        }
    }
    if (result == RESULT_EOF && key->secret == NULL) {
        (void)snprintf(why, PEM_WHY_SIZE, "no PEM private key in it");
    }
    if (result == RESULT_ERROR) {
        private_key_free(key);
    }
    if (der != NULL) {
        secret_wipe(der, capacity);
        free(der);
    }
    return key->secret != NULL ? RESULT_OK : RESULT_ERROR;
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
