#include "tls/aead.h"

#include "base/secret.h"

#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/chacha20_poly1305.h>
#include <wolfssl/wolfcrypt/kdf.h>

struct record_engine {
    Aes aes;
};

struct record_engine *record_engine_new(void) {
    return secret_map(sizeof(struct record_engine));
}

void record_engine_free(struct record_engine *engine) {
    secret_unmap(engine, sizeof(*engine));
}

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

// The whole object is wiped after each call: which of its fields hold a key, or what was computed
// from one, differs from build to build of wolfSSL. With wc_AesInit() this costs 20 ns.
static int set_aes_key(Aes *aes, uint16_t suite, const uint8_t *key) {
    int error = wc_AesInit(aes, NULL, INVALID_DEVID);
    return error != 0 ? error : wc_AesGcmSetKey(aes, key, (word32)aead_key_size(suite));
}

enum result aead_seal(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      uint8_t tag[RECORD_TAG_SIZE]) {
    int error;
    if (suite == SUITE_CHACHA20_POLY1305_SHA256) {
        error = wc_ChaCha20Poly1305_Encrypt(key, nonce, header, RECORD_HEADER_SIZE, data,
                                            (word32)size, data, tag);
    } else {
        Aes *aes = &engine->aes;
        error = set_aes_key(aes, suite, key);
        if (error == 0) {
            error = wc_AesGcmEncrypt(aes, data, data, (word32)size, nonce, AEAD_NONCE_SIZE, tag,
                                     RECORD_TAG_SIZE, header, RECORD_HEADER_SIZE);
        }
        secret_wipe(aes, sizeof(*aes));
    }
    return error == 0 ? RESULT_OK : RESULT_ERROR;
}

enum result aead_open(struct record_engine *engine, uint16_t suite, const uint8_t *key,
                      const uint8_t nonce[AEAD_NONCE_SIZE],
                      const uint8_t header[RECORD_HEADER_SIZE], uint8_t *data, size_t size,
                      const uint8_t tag[RECORD_TAG_SIZE]) {
    int error;
    if (suite == SUITE_CHACHA20_POLY1305_SHA256) {
        error = wc_ChaCha20Poly1305_Decrypt(key, nonce, header, RECORD_HEADER_SIZE, data,
                                            (word32)size, tag, data);
    } else {
        Aes *aes = &engine->aes;
        error = set_aes_key(aes, suite, key);
        if (error == 0) {
            error = wc_AesGcmDecrypt(aes, data, data, (word32)size, nonce, AEAD_NONCE_SIZE, tag,
                                     RECORD_TAG_SIZE, header, RECORD_HEADER_SIZE);
        }
        secret_wipe(aes, sizeof(*aes));
    }
    if (error != 0) {
        // wolfCrypt decrypts while it authenticates.
        secret_wipe(data, size);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

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
