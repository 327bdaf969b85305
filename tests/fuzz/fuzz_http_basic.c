// The value of Authorization from any bytes: what is read is bounded, clean text, and is read again
// from its own encoding. What is not read leaves nothing behind.
#include "http/basic.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool condition) {
    if (!condition) {
        abort();
    }
}

static size_t encode(const char *bytes, size_t size, char *to) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *at = to;
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < left ? (uint8_t)bytes[i + j] : 0);
        }
        for (size_t j = 0; j < 4; j++) {
            *at++ = j <= left ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
        }
    }
    return (size_t)(at - to);
}

static void check_text(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        check((uint8_t)text.data[i] >= ' ' && text.data[i] != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct http_basic basic;
    struct http_basic again;
    char value[6 + (BASIC_SIZE_MAX + 2) / 3 * 4 + 4] = "basic ";
    if (!http_basic_read((struct slice){(const char *)data, size}, &basic)) {
        for (size_t i = 0; i < sizeof(basic); i++) {
            check(((const char *)&basic)[i] == 0);
        }
        return 0;
    }
    check(basic.user.size > 0 && basic.user.size <= USERS_NAME_MAX);
    check(basic.password.size <= BASIC_PASSWORD_MAX);
    check(memchr(basic.user.data, ':', basic.user.size) == NULL);
    check_text(basic.user);
    check_text(basic.password);
    size_t whole = basic.user.size + 1 + basic.password.size;
    size_t written = encode(basic.bytes, whole, value + 6);
    check(http_basic_read((struct slice){value, 6 + written}, &again));
    check(slice_equal(basic.user, again.user) && slice_equal(basic.password, again.password));
    // There is one encoding.
    check(size >= written && memcmp(data + size - written, value + 6, written) == 0);
    return 0;
}
