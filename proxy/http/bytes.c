#include "http/bytes.h"

// One letter per class, to keep the table readable.
#define _ 0
#define V BYTE_VALUE                              // white space
#define B (BYTE_VALUE | BYTE_QUERY)               // bytes beyond ASCII
#define Q (BYTE_VALUE | BYTE_QUERY)               // '?': begins a query
#define S (BYTE_VALUE | BYTE_QUERY | BYTE_TARGET) // delimiters that are special in a path
#define T (S | BYTE_SEGMENT)                      // other delimiters
#define N (BYTE_VALUE | BYTE_TOKEN)               // '#': a token, and the end of a query to some
#define P (N | BYTE_QUERY)                        // '%': a token, special in a path
#define K (T | BYTE_TOKEN)                        // other punctuation of tokens
#define H (K | BYTE_HOST)                         // letters beyond 'f', '-', '.', '_'
#define X (H | BYTE_HEX)                          // letters to 'f'
#define D (X | BYTE_DIGIT)                        // digits

const uint8_t http_byte_classes[256] = {
    // clang-format off
    _, _, _, _, _, _, _, _, _, V, _, _, _, _, _, _, // 0x00
    _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, // 0x10
    V, K, T, N, K, P, K, K, T, T, K, K, T, H, H, S, // 0x20
    D, D, D, D, D, D, D, D, D, D, T, S, T, T, T, Q, // 0x30
    T, X, X, X, X, X, X, H, H, H, H, H, H, H, H, H, // 0x40
    H, H, H, H, H, H, H, H, H, H, H, T, S, T, K, H, // 0x50
    K, X, X, X, X, X, X, H, H, H, H, H, H, H, H, H, // 0x60
    H, H, H, H, H, H, H, H, H, H, H, T, K, T, K, _, // 0x70
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0x80
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0x90
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xa0
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xb0
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xc0
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xd0
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xe0
    B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, B, // 0xf0
    // clang-format on
};

#undef _
#undef V
#undef B
#undef Q
#undef S
#undef T
#undef N
#undef P
#undef K
#undef H
#undef X
#undef D

bool http_is_value(struct slice text) {
    size_t i = 0;
    while (text.size - i >= HTTP_VALUE_STEP) {
        size_t plain = http_value_plain(text.data + i);
        i += plain;
        if (plain < HTTP_VALUE_STEP && text.data[i++] != '\t') {
            return false;
        }
    }
    // The rest, together with some bytes before it.
    if (text.size >= HTTP_VALUE_STEP &&
        http_value_plain(text.data + text.size - HTTP_VALUE_STEP) == HTTP_VALUE_STEP) {
        return true;
    }
    while (i < text.size && http_byte_is(text.data[i], BYTE_VALUE)) {
        i++;
    }
    return i == text.size;
}
