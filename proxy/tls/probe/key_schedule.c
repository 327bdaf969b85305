#include "tls/probe/key_schedule.h"

#include "base/secret.h"
#include "tls/record/aead.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/kdf.h>
#include <wolfssl/wolfcrypt/sha256.h>
#include <wolfssl/wolfcrypt/sha512.h>

static int hash_type(uint16_t suite) {
    return aead_hash_size(suite) == 48 ? WC_SHA384 : WC_SHA256;
}

enum result key_hash(uint16_t suite, struct slice data, uint8_t output[HASH_SIZE_MAX]) {
    const byte *bytes = (const byte *)data.data;
    int error;
    switch (aead_hash_size(suite)) {
    case 32:
        error = wc_Sha256Hash(bytes, (word32)data.size, output);
        break;
    case 48:
        error = wc_Sha384Hash(bytes, (word32)data.size, output);
        break;
    default:
        return RESULT_ERROR;
    }
    return error == 0 ? RESULT_OK : RESULT_ERROR;
}

enum result key_expand_label(uint16_t suite, const uint8_t *secret, const char *label,
                             struct slice context, uint8_t output[HASH_SIZE_MAX]) {
    static const byte protocol[] = {'t', 'l', 's', '1', '3', ' '};
    word32 size = (word32)aead_hash_size(suite);
    if (size == 0) {
        return RESULT_ERROR;
    }
    int error = wc_Tls13_HKDF_Expand_Label(
        output, size, secret, size, protocol, sizeof(protocol), (const byte *)label,
        (word32)strlen(label), (const byte *)context.data, (word32)context.size, hash_type(suite));
    return error == 0 ? RESULT_OK : RESULT_ERROR;
}

// HKDF-Extract(salt, input). An empty input means hash_size zeros.
static enum result extract(struct key_schedule *schedule, const uint8_t *salt, struct slice input) {
    byte copy[128] = {0};
    if (input.size > sizeof(copy)) {
        return RESULT_ERROR;
    }
    if (input.size > 0) {
        memcpy(copy, input.data, input.size);
    }
    size_t size = input.size > 0 ? input.size : schedule->hash_size;
    int error = wc_Tls13_HKDF_Extract(schedule->secret, salt, (word32)schedule->hash_size, copy,
                                      (word32)size, hash_type(schedule->suite));
    secret_wipe(copy, sizeof(copy));
    return error == 0 ? RESULT_OK : RESULT_ERROR;
}

enum result key_schedule_start(struct key_schedule *schedule, uint16_t suite, struct slice psk) {
    static const uint8_t zeros[HASH_SIZE_MAX] = {0};
    *schedule = (struct key_schedule){.suite = suite, .hash_size = aead_hash_size(suite)};
    return schedule->hash_size == 0 ? RESULT_ERROR : extract(schedule, zeros, psk);
}

enum result key_schedule_next(struct key_schedule *schedule, struct slice input) {
    uint8_t empty_hash[HASH_SIZE_MAX];
    uint8_t salt[HASH_SIZE_MAX];
    if (key_hash(schedule->suite, SLICE(""), empty_hash) != RESULT_OK ||
        key_schedule_derive(schedule, "derived", empty_hash, salt) != RESULT_OK) {
        return RESULT_ERROR;
    }
    enum result result = extract(schedule, salt, input);
    secret_wipe(salt, sizeof(salt));
    return result;
}

enum result key_schedule_derive(const struct key_schedule *schedule, const char *label,
                                const uint8_t *transcript_hash, uint8_t output[HASH_SIZE_MAX]) {
    struct slice context = {(const char *)transcript_hash, schedule->hash_size};
    return key_expand_label(schedule->suite, schedule->secret, label, context, output);
}

void key_schedule_wipe(struct key_schedule *schedule) {
    secret_wipe(schedule, sizeof(*schedule));
}

enum result key_finished(uint16_t suite, const uint8_t *secret, const uint8_t *transcript_hash,
                         uint8_t output[HASH_SIZE_MAX]) {
    uint8_t key[HASH_SIZE_MAX];
    Hmac hmac;
    word32 size = (word32)aead_hash_size(suite);
    if (key_expand_label(suite, secret, "finished", SLICE(""), key) != RESULT_OK) {
        return RESULT_ERROR;
    }
    int error = wc_HmacInit(&hmac, NULL, INVALID_DEVID);
    if (error == 0) {
        error = wc_HmacSetKey(&hmac, hash_type(suite), key, size);
        if (error == 0) {
            error = wc_HmacUpdate(&hmac, transcript_hash, size);
        }
        if (error == 0) {
            error = wc_HmacFinal(&hmac, output);
        }
        wc_HmacFree(&hmac);
    }
    secret_wipe(key, sizeof(key));
    return error == 0 ? RESULT_OK : RESULT_ERROR;
}
