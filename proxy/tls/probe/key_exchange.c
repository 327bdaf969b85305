#include "tls/probe/key_exchange.h"

#include "base/secret.h"
#include "tls/probe/offer.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/random.h>
#ifdef WOLFSSL_HAVE_MLKEM
#include <wolfssl/wolfcrypt/wc_mlkem.h>
#endif

#define X25519_SIZE 32
#define MLKEM768_PUBLIC_SIZE 1184
#define MLKEM768_CIPHERTEXT_SIZE 1088
#define MLKEM768_SECRET_SIZE 32

// The parts of a group. The parts of a hybrid follow each other, in shares and in secrets.
struct group_shape {
    size_t curve_size; // of a coordinate
    int curve;         // ECC_CURVE_INVALID: X25519
    uint16_t group;
    bool has_mlkem;
    bool mlkem_first;
};

static const struct group_shape SHAPES[] = {
    {X25519_SIZE, ECC_CURVE_INVALID, GROUP_X25519, false, false},
    {32, ECC_SECP256R1, GROUP_P256, false, false},
    {48, ECC_SECP384R1, GROUP_P384, false, false},
    {66, ECC_SECP521R1, GROUP_P521, false, false},
#ifdef WOLFSSL_HAVE_MLKEM
    {X25519_SIZE, ECC_CURVE_INVALID, GROUP_X25519MLKEM768, true, true},
    {32, ECC_SECP256R1, GROUP_SECP256R1MLKEM768, true, false},
#endif
};

struct key_exchange {
    curve25519_key x25519;
    const struct group_shape *shape;
    size_t share_size;
    WC_RNG rng;
    ecc_key ecc;
#ifdef WOLFSSL_HAVE_MLKEM
    MlKemKey mlkem;
    bool has_mlkem;
#endif
    bool has_rng; // which of the above are to be freed
    bool has_x25519;
    bool has_ecc;
    uint8_t share[KEY_SHARE_SIZE_MAX];
};

static const struct group_shape *find_shape(uint16_t group) {
    for (size_t i = 0; i < sizeof(SHAPES) / sizeof(SHAPES[0]); i++) {
        if (SHAPES[i].group == group) {
            return &SHAPES[i];
        }
    }
    return NULL;
}

bool key_exchange_knows(uint16_t group) {
    return find_shape(group) != NULL;
}

// The size of the elliptic-curve part of a share.
static size_t curve_share_size(const struct group_shape *shape) {
    return shape->curve == ECC_CURVE_INVALID ? X25519_SIZE : 1 + 2 * shape->curve_size;
}

static bool make_x25519(struct key_exchange *exchange) {
    word32 size = X25519_SIZE;
    if (wc_curve25519_init(&exchange->x25519) != 0) {
        return false;
    }
    exchange->has_x25519 = true;
    if (wc_curve25519_make_key(&exchange->rng, X25519_SIZE, &exchange->x25519) != 0 ||
        wc_curve25519_export_public_ex(&exchange->x25519, exchange->share + exchange->share_size,
                                       &size, EC25519_LITTLE_ENDIAN) != 0) {
        return false;
    }
    exchange->share_size += size;
    return true;
}

static bool make_ecc(struct key_exchange *exchange) {
    word32 size = (word32)(KEY_SHARE_SIZE_MAX - exchange->share_size);
    if (wc_ecc_init(&exchange->ecc) != 0) {
        return false;
    }
    exchange->has_ecc = true;
    if (wc_ecc_make_key_ex(&exchange->rng, (int)exchange->shape->curve_size, &exchange->ecc,
                           exchange->shape->curve) != 0 ||
        wc_ecc_set_rng(&exchange->ecc, &exchange->rng) != 0 ||
        wc_ecc_export_x963(&exchange->ecc, exchange->share + exchange->share_size, &size) != 0) {
        return false;
    }
    exchange->share_size += size;
    return true;
}

static bool make_curve(struct key_exchange *exchange) {
    return exchange->shape->curve == ECC_CURVE_INVALID ? make_x25519(exchange) : make_ecc(exchange);
}

#ifdef WOLFSSL_HAVE_MLKEM
static bool make_mlkem(struct key_exchange *exchange) {
    if (!exchange->shape->has_mlkem) {
        return true;
    }
    if (wc_MlKemKey_Init(&exchange->mlkem, WC_ML_KEM_768, NULL, INVALID_DEVID) != 0) {
        return false;
    }
    exchange->has_mlkem = true;
    if (wc_MlKemKey_MakeKey(&exchange->mlkem, &exchange->rng) != 0 ||
        wc_MlKemKey_EncodePublicKey(&exchange->mlkem, exchange->share + exchange->share_size,
                                    MLKEM768_PUBLIC_SIZE) != 0) {
        return false;
    }
    exchange->share_size += MLKEM768_PUBLIC_SIZE;
    return true;
}

static bool finish_mlkem(struct key_exchange *exchange, const uint8_t *ciphertext,
                         uint8_t *secret) {
    return wc_MlKemKey_Decapsulate(&exchange->mlkem, secret, ciphertext,
                                   MLKEM768_CIPHERTEXT_SIZE) == 0;
}
#else
static bool make_mlkem(struct key_exchange *exchange) {
    (void)exchange;
    return true;
}

static bool finish_mlkem(struct key_exchange *exchange, const uint8_t *ciphertext,
                         uint8_t *secret) {
    (void)exchange, (void)ciphertext, (void)secret;
    return false;
}
#endif

struct key_exchange *key_exchange_new(uint16_t group) {
    const struct group_shape *shape = find_shape(group);
    struct key_exchange *exchange = shape == NULL ? NULL : secret_map(sizeof(*exchange));
    if (exchange == NULL) {
        return NULL;
    }
    exchange->shape = shape;
    exchange->has_rng = wc_InitRng(&exchange->rng) == 0;
    bool ok =
        exchange->has_rng && (shape->mlkem_first ? make_mlkem(exchange) && make_curve(exchange)
                                                 : make_curve(exchange) && make_mlkem(exchange));
    if (!ok) {
        key_exchange_free(exchange);
        return NULL;
    }
    return exchange;
}

void key_exchange_free(struct key_exchange *exchange) {
    if (exchange == NULL) {
        return;
    }
    if (exchange->has_x25519) {
        wc_curve25519_free(&exchange->x25519);
    }
    if (exchange->has_ecc) {
        (void)wc_ecc_free(&exchange->ecc);
    }
#ifdef WOLFSSL_HAVE_MLKEM
    if (exchange->has_mlkem) {
        (void)wc_MlKemKey_Free(&exchange->mlkem);
    }
#endif
    if (exchange->has_rng) {
        (void)wc_FreeRng(&exchange->rng);
    }
    secret_unmap(exchange, sizeof(*exchange));
}

struct slice key_exchange_share(const struct key_exchange *exchange) {
    return (struct slice){(const char *)exchange->share, exchange->share_size};
}

static bool finish_x25519(struct key_exchange *exchange, const uint8_t *share, uint8_t *secret) {
    curve25519_key peer;
    uint8_t copy[X25519_SIZE];
    word32 size = X25519_SIZE;
    memcpy(copy, share, sizeof(copy));
    copy[X25519_SIZE - 1] &= 0x7f; // RFC 7748 5: implementations mask it
    if (wc_curve25519_init(&peer) != 0) {
        return false;
    }
    bool ok = wc_curve25519_import_public_ex(copy, X25519_SIZE, &peer, EC25519_LITTLE_ENDIAN) == 0;
    ok = ok && wc_curve25519_shared_secret_ex(&exchange->x25519, &peer, secret, &size,
                                              EC25519_LITTLE_ENDIAN) == 0;
    wc_curve25519_free(&peer);
    return ok && size == X25519_SIZE;
}

static bool finish_ecc(struct key_exchange *exchange, const uint8_t *share, uint8_t *secret) {
    ecc_key peer;
    word32 size = (word32)exchange->shape->curve_size;
    if (wc_ecc_init(&peer) != 0) {
        return false;
    }
    bool ok = wc_ecc_import_x963_ex2(share, (word32)curve_share_size(exchange->shape), &peer,
                                     exchange->shape->curve, 1) == 0;
    ok = ok && wc_ecc_shared_secret(&exchange->ecc, &peer, secret, &size) == 0;
    (void)wc_ecc_free(&peer);
    return ok && size == exchange->shape->curve_size;
}

enum result key_exchange_finish(struct key_exchange *exchange, struct slice server_share,
                                uint8_t secret[KEY_SECRET_SIZE_MAX], size_t *size) {
    const struct group_shape *shape = exchange->shape;
    size_t curve_size = curve_share_size(shape);
    size_t mlkem_size = shape->has_mlkem ? MLKEM768_CIPHERTEXT_SIZE : 0;
    if (server_share.size != curve_size + mlkem_size) {
        return RESULT_ERROR;
    }
    const uint8_t *share = (const uint8_t *)server_share.data;
    const uint8_t *curve_share = share + (shape->mlkem_first ? mlkem_size : 0);
    const uint8_t *mlkem_share = share + (shape->mlkem_first ? 0 : curve_size);
    size_t mlkem_secret_size = shape->has_mlkem ? MLKEM768_SECRET_SIZE : 0;
    uint8_t *curve_secret = secret + (shape->mlkem_first ? mlkem_secret_size : 0);
    uint8_t *mlkem_secret = secret + (shape->mlkem_first ? 0 : shape->curve_size);
    bool ok = shape->curve == ECC_CURVE_INVALID ? finish_x25519(exchange, curve_share, curve_secret)
                                                : finish_ecc(exchange, curve_share, curve_secret);
    ok = ok && (!shape->has_mlkem || finish_mlkem(exchange, mlkem_share, mlkem_secret));
    *size = shape->curve_size + mlkem_secret_size;
    return ok ? RESULT_OK : RESULT_ERROR;
}
