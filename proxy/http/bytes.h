// Classes of bytes, named as in the grammars of RFC 3986, RFC 9110 and RFC 9112. All parsers use
// this one table, so that they agree. Used inside http/ and http2/, and by exchange/authorize.
#ifndef RAVELIN_HTTP_BYTES_H
#define RAVELIN_HTTP_BYTES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#else
#include <endian.h>
#include <string.h>
#endif

enum http_byte_class {
    BYTE_TOKEN = 1 << 0,  // tchar
    BYTE_VALUE = 1 << 1,  // field-vchar, SP and HTAB
    BYTE_TARGET = 1 << 2, // before a query: visible ASCII except '#', '%' and '?'
    BYTE_DIGIT = 1 << 3,
    BYTE_HEX = 1 << 4,
    BYTE_HOST = 1 << 5,    // letters, digits, '-', '.', '_'
    BYTE_SEGMENT = 1 << 6, // of a path: has the same meaning at every position
    BYTE_QUERY = 1 << 7,   // visible ASCII except '#', and bytes beyond ASCII
};

extern const uint8_t http_byte_classes[256];

static inline bool http_byte_is(char byte, enum http_byte_class class) {
    return (http_byte_classes[(uint8_t)byte] & class) != 0;
}

// Number of bytes of a field value that are checked together.
#ifdef __SSE2__
#define HTTP_VALUE_STEP 16
#else
#define HTTP_VALUE_STEP 8
#endif

// Of HTTP_VALUE_STEP bytes: number of bytes at the start that are allowed in a field value and are
// not HTAB.
static inline size_t http_value_plain(const char *at) {
#ifdef __SSE2__
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
    __m128i below_space = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    __m128i deleted = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    unsigned marks = (unsigned)_mm_movemask_epi8(_mm_or_si128(below_space, deleted));
    return (size_t)__builtin_ctz(marks | 1U << HTTP_VALUE_STEP);
#else
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    uint64_t below_space = (word - ones * 0x20) & ~word;
    uint64_t deleted = word ^ (ones * 0x7f);
    // The lowest mark is exact.
    uint64_t marks = (below_space | ((deleted - ones) & ~deleted)) & tops;
    return marks == 0 ? HTTP_VALUE_STEP : (size_t)__builtin_ctzll(marks) / 8;
#endif
}

// True if every byte is allowed in a field value.
bool http_is_value(struct slice text);

#endif
