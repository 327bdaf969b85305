#include "tls/digest.h"

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/sha256.h>

void digest_text(struct slice data, char text[DIGEST_TEXT_SIZE]) {
    static const char digits[] = "0123456789abcdef";
    enum { PIECE = 1 << 20 }; // the library counts in 32 bits
    uint8_t hash[WC_SHA256_DIGEST_SIZE] = {0};
    wc_Sha256 state;
    bool ok = wc_InitSha256(&state) == 0;
    while (ok && data.size > 0) {
        size_t size = data.size < PIECE ? data.size : PIECE;
        ok = wc_Sha256Update(&state, (const byte *)data.data, (word32)size) == 0;
        data.data += size;
        data.size -= size;
    }
    ok = ok && wc_Sha256Final(&state, hash) == 0;
    wc_Sha256Free(&state);
    for (size_t i = 0; i < sizeof(hash); i++) {
        text[2 * i] = ok ? digits[hash[i] >> 4] : '-';
        text[2 * i + 1] = ok ? digits[hash[i] & 15] : '-';
    }
    text[2 * sizeof(hash)] = '\0';
}

bool digest_keyed(const uint8_t key[DIGEST_SIZE], const struct slice *parts, size_t count,
                  uint8_t mac[DIGEST_SIZE]) {
    Hmac hmac;
    if (wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0) {
        return false;
    }
    int error = wc_HmacSetKey(&hmac, WC_SHA256, key, DIGEST_SIZE);
    for (size_t i = 0; error == 0 && i < count; i++) {
        error = wc_HmacUpdate(&hmac, (const byte *)parts[i].data, (word32)parts[i].size);
    }
    error = error == 0 ? wc_HmacFinal(&hmac, mac) : error;
    wc_HmacFree(&hmac);
    return error == 0;
}
