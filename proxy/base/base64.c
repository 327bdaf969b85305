#include "base/base64.h"

// Writes a group of four characters for `size` bytes, 1 to 3.
static void put_group(const uint8_t *bytes, size_t size, char *to) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; i++) {
        bits = bits << 8 | (i < size ? bytes[i] : 0U);
    }
    for (size_t i = 0; i < 4; i++) {
        to[i] = i <= size ? digits[bits >> (18 - 6 * i) & 63] : '=';
    }
}

void base64_write(const uint8_t *bytes, size_t size, char *text) {
    for (size_t at = 0; at < size; at += 3, text += 4) {
        put_group(bytes + at, size - at < 3 ? size - at : 3, text);
    }
}
