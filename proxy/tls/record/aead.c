#include "tls/record/aead.h"

#include "base/secret.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/kdf.h>

struct record_engine {
    const struct aead_gcm *gcm;
    const char *refused;
    bool in_run;
    size_t expanded_size; // of the key that is expanded in `scratch`; 0: none is
    struct {
        _Alignas(64) uint8_t key[64]; // the one that is expanded
        _Alignas(64) uint8_t scratch[AEAD_SCRATCH_SIZE];
    } secret;
};

size_t aead_key_size(uint16_t suite) {
    switch (suite) {
    case SUITE_AES_128_GCM_SHA256:
        return 16;
    case SUITE_AES_256_GCM_SHA384:
    case SUITE_CHACHA20_POLY1305_SHA256:
        return 32;
    default:
        return 0;
    }
}

size_t aead_hash_size(uint16_t suite) {
    switch (suite) {
    case SUITE_AES_128_GCM_SHA256:
    case SUITE_CHACHA20_POLY1305_SHA256:
        return 32;
    case SUITE_AES_256_GCM_SHA384:
        return 48;
    default:
        return 0;
    }
}

// --- AES-GCM by wolfCrypt ---

_Static_assert(sizeof(Aes) <= AEAD_SCRATCH_SIZE, "AEAD_SCRATCH_SIZE is too small");

static enum aead_start wolfcrypt_start(void *scratch) {
    (void)scratch;
    return AEAD_READY;
}

static bool wolfcrypt_expand(void *scratch, const uint8_t *key, size_t key_size) {
    return wc_AesInit(scratch, NULL, INVALID_DEVID) == 0 &&
           wc_AesGcmSetKey(scratch, key, (word32)key_size) == 0;
}

// wolfCrypt's assembly reads 16 bytes at the 12 bytes of a nonce.
struct padded_nonce {
    uint8_t bytes[16];
};

static struct padded_nonce pad(const uint8_t *nonce) {
    struct padded_nonce padded = {{0}};
    memcpy(padded.bytes, nonce, AEAD_NONCE_SIZE);
    return padded;
}

static bool wolfcrypt_seal(void *scratch, const uint8_t *nonce, const uint8_t *header,
                           uint8_t *data, size_t size, uint8_t *tag) {
    const struct padded_nonce padded = pad(nonce);
    return wc_AesGcmEncrypt(scratch, data, data, (word32)size, padded.bytes, AEAD_NONCE_SIZE, tag,
                            RECORD_TAG_SIZE, header, RECORD_HEADER_SIZE) == 0;
}

static bool wolfcrypt_open(void *scratch, const uint8_t *nonce, const uint8_t *header,
                           uint8_t *data, size_t size, const uint8_t *tag) {
    const struct padded_nonce padded = pad(nonce);
    return wc_AesGcmDecrypt(scratch, data, data, (word32)size, padded.bytes, AEAD_NONCE_SIZE, tag,
                            RECORD_TAG_SIZE, header, RECORD_HEADER_SIZE) == 0;
}

// The whole object is secret, because the fields with a key or a value computed from it differ
// between builds of wolfSSL. With wc_AesInit(), wiping it costs 20 ns.
static const struct aead_gcm wolfcrypt = {
    .name = "wolfCrypt",
    .secret_size = sizeof(Aes),
    .start = wolfcrypt_start,
    .expand = wolfcrypt_expand,
    .seal = wolfcrypt_seal,
    .open = wolfcrypt_open,
};

// --- Sealing and opening ---

// More than the libraries use of the stack. They leave parts of a key schedule there (wolfCrypt:
// the powers of the hash key) and the last blocks of plaintext (libipsec-mb).
enum { STACK_USED_MAX = 1536 };

static __attribute__((noinline)) void wipe_stack(void) {
    __attribute__((uninitialized)) uint8_t below[STACK_USED_MAX]; // once is enough
    secret_wipe(below, sizeof(below));
}

static void forget_key(struct record_engine *engine) {
    if (engine->expanded_size > 0) {
        secret_wipe(&engine->secret, sizeof(engine->secret.key) + engine->gcm->secret_size);
        engine->expanded_size = 0;
    }
}

// Compares the bytes, not the addresses: after a KeyUpdate, another key is at the same address.
static bool expand_key(struct record_engine *engine, const uint8_t *key, size_t size) {
    if (engine->expanded_size == size && secret_equal(engine->secret.key, key, size)) {
        return true;
    }
    forget_key(engine);
    engine->expanded_size = size;
    memcpy(engine->secret.key, key, size);
    return engine->gcm->expand(engine->secret.scratch, key, size);
}

// Called after each call, with every result.
static void clean_up(struct record_engine *engine, bool ok) {
    if (!engine->in_run || !ok) {
        forget_key(engine);
    }
    wipe_stack();
}

void record_engine_begin_run(struct record_engine *engine) {
    engine->in_run = true;
}

void record_engine_end_run(struct record_engine *engine) {
    engine->in_run = false;
    forget_key(engine);
}

enum result aead_seal(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      uint8_t tag[RECORD_TAG_SIZE]) {
    bool ok = false;
    switch (suite) {
    case SUITE_AES_128_GCM_SHA256:
    case SUITE_AES_256_GCM_SHA384:
        ok = expand_key(engine, key, aead_key_size(suite)) &&
             engine->gcm->seal(engine->secret.scratch, nonce, header, data, size, tag);
        break;
    case SUITE_CHACHA20_POLY1305_SHA256:
        ok = wc_ChaCha20Poly1305_Encrypt(key, nonce, header, RECORD_HEADER_SIZE, data, (word32)size,
                                         data, tag) == 0;
        break;
    default:
        break;
    }
    clean_up(engine, ok);
    return ok ? RESULT_OK : RESULT_ERROR;
}

enum result aead_open(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      const uint8_t tag[RECORD_TAG_SIZE]) {
    bool ok = false;
    switch (suite) {
    case SUITE_AES_128_GCM_SHA256:
    case SUITE_AES_256_GCM_SHA384:
        ok = expand_key(engine, key, aead_key_size(suite)) &&
             engine->gcm->open(engine->secret.scratch, nonce, header, data, size, tag);
        break;
    case SUITE_CHACHA20_POLY1305_SHA256:
        ok = wc_ChaCha20Poly1305_Decrypt(key, nonce, header, RECORD_HEADER_SIZE, data, (word32)size,
                                         tag, data) == 0;
        break;
    default:
        break;
    }
    clean_up(engine, ok);
    if (!ok) {
        // The libraries decrypt while they authenticate, so the data must be wiped.
        secret_wipe(data, size);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

// --- Known answers, and the choice ---

// Long enough for every loop of the libraries, which process up to 48 blocks at a time, and for
// partial blocks.
enum { SHORT_SIZE = 15, LONG_SIZE = 2063 };

// Tags of the bytes of fill(), with the key 0, 1, 2, ... and the nonce 0xa0, 0xa1, ...; computed
// with OpenSSL. A correct tag shows that the ciphertext is correct.
static const struct {
    uint16_t suite;
    uint16_t size;
    uint8_t tag[RECORD_TAG_SIZE];
} known_answers[] = {
    {SUITE_AES_128_GCM_SHA256,
     SHORT_SIZE,
     {0x22, 0xbb, 0x37, 0x3c, 0x39, 0x7a, 0xfa, 0xee, 0x33, 0xa7, 0xc8, 0x1e, 0x06, 0x74, 0x9b,
      0x01}},
    {SUITE_AES_128_GCM_SHA256,
     LONG_SIZE,
     {0xdf, 0x30, 0x56, 0x85, 0xdd, 0x65, 0xc0, 0x76, 0xb6, 0x79, 0x3b, 0x86, 0x5b, 0xb8, 0xf4,
      0x9d}},
    {SUITE_AES_256_GCM_SHA384,
     SHORT_SIZE,
     {0x91, 0x29, 0x52, 0x2d, 0x1b, 0x84, 0xd1, 0xbb, 0x08, 0x51, 0x16, 0x14, 0x6e, 0x26, 0x24,
      0xb9}},
    {SUITE_AES_256_GCM_SHA384,
     LONG_SIZE,
     {0x6f, 0xb2, 0x1a, 0xbf, 0xcd, 0x51, 0xe1, 0x63, 0x70, 0x0a, 0x35, 0x12, 0xc6, 0x36, 0xd0,
      0x7e}},
    {SUITE_CHACHA20_POLY1305_SHA256,
     SHORT_SIZE,
     {0x2a, 0x12, 0x7b, 0x75, 0x14, 0xea, 0x88, 0xa5, 0xc7, 0xaf, 0x56, 0x7a, 0x84, 0x92, 0x23,
      0xb9}},
    {SUITE_CHACHA20_POLY1305_SHA256,
     LONG_SIZE,
     {0x8d, 0x3f, 0x78, 0x72, 0xc0, 0xae, 0xdc, 0xa4, 0x6e, 0x21, 0xad, 0x9b, 0x16, 0x8a, 0x6b,
      0x27}},
};

static void fill(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(31 * i + 7);
    }
}

static bool is_zero(const uint8_t *data, size_t size) {
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= data[i];
    }
    return any == 0;
}

static bool answers(struct record_engine *engine, uint16_t suite, size_t size,
                    const uint8_t known_tag[RECORD_TAG_SIZE]) {
    static const uint8_t nonce[AEAD_NONCE_SIZE] = {0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5,
                                                   0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab};
    const uint8_t header[RECORD_HEADER_SIZE] = {23, 3, 3, (uint8_t)((size + RECORD_TAG_SIZE) >> 8),
                                                (uint8_t)(size + RECORD_TAG_SIZE)};
    uint8_t plain[LONG_SIZE], data[LONG_SIZE], tag[RECORD_TAG_SIZE], key[32];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    fill(plain, size);
    memcpy(data, plain, size);
    if (aead_seal(engine, suite, key, nonce, header, data, size, tag) != RESULT_OK ||
        memcmp(tag, known_tag, sizeof(tag)) != 0 ||
        aead_open(engine, suite, key, nonce, header, data, size, tag) != RESULT_OK ||
        memcmp(data, plain, size) != 0) {
        return false;
    }
    tag[RECORD_TAG_SIZE - 1] ^= 1;
    return aead_open(engine, suite, key, nonce, header, data, size, tag) != RESULT_OK &&
           is_zero(data, size);
}

static enum aead_start start(struct record_engine *engine, const struct aead_gcm *gcm) {
    secret_wipe(engine->secret.scratch, sizeof(engine->secret.scratch));
    engine->gcm = gcm;
    enum aead_start started = gcm->start(engine->secret.scratch);
    for (size_t i = 0; i < sizeof(known_answers) / sizeof(known_answers[0]); i++) {
        if (started == AEAD_READY &&
            !answers(engine, known_answers[i].suite, known_answers[i].size, known_answers[i].tag)) {
            started = AEAD_BROKEN;
        }
    }
    return started;
}

struct record_engine *aead_engine_new(const struct aead_gcm *first_choice) {
    struct record_engine *engine = secret_map(sizeof(*engine));
    if (engine == NULL) {
        return NULL;
    }
    if (first_choice != NULL) {
        enum aead_start started = start(engine, first_choice);
        if (started == AEAD_READY) {
            return engine;
        }
        if (started == AEAD_BROKEN) {
            engine->refused = first_choice->name;
        }
    }
    if (start(engine, &wolfcrypt) != AEAD_READY) {
        record_engine_free(engine);
        return NULL;
    }
    return engine;
}

struct record_engine *record_engine_new(void) {
    return aead_engine_new(&aead_ipsec_mb);
}

void record_engine_free(struct record_engine *engine) {
    secret_unmap(engine, sizeof(*engine));
}

const char *record_engine_name(const struct record_engine *engine) {
    return engine->gcm->name;
}

const char *record_engine_refused(const struct record_engine *engine) {
    return engine->refused;
}

// --- Keys ---

enum result aead_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                              uint8_t *output, size_t size) {
    static const uint8_t protocol[] = {'t', 'l', 's', '1', '3', ' '};
    size_t hash_size = aead_hash_size(suite);
    int hash = hash_size == 48 ? WC_SHA384 : WC_SHA256;
    int error = wc_Tls13_HKDF_Expand_Label(output, (word32)size, secret, (word32)hash_size,
                                           protocol, sizeof(protocol), (const uint8_t *)label,
                                           (word32)strlen(label), NULL, 0, hash);
    if (hash_size == 0 || error != 0) {
        secret_wipe(output, size);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}
