// Classes of bytes, named as in the grammars of RFC 3986, RFC 9110 and RFC 9112. All parsers use
// this one table, so that they agree. Used inside http/ and http2/ only.
#ifndef RAVELIN_HTTP_BYTES_H
#define RAVELIN_HTTP_BYTES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum http_byte_class {
    BYTE_TOKEN = 1 << 0,  // tchar
    BYTE_VALUE = 1 << 1,  // field-vchar, SP and HTAB
    BYTE_TARGET = 1 << 2, // before a query: visible ASCII except '#', '%' and '?'
    BYTE_DIGIT = 1 << 3,
    BYTE_HEX = 1 << 4,
    BYTE_HOST = 1 << 5,    // letters, digits, '-', '.', '_'
    BYTE_SEGMENT = 1 << 6, // of a path: stands for itself in every place
    BYTE_QUERY = 1 << 7,   // visible ASCII except '#', and bytes beyond ASCII
};

extern const uint8_t http_byte_classes[256];

static inline bool http_byte_is(char byte, enum http_byte_class class) {
    return (http_byte_classes[(uint8_t)byte] & class) != 0;
}

// Of eight bytes of a field value, little-endian: marks those that are below SP or DEL in their top
// bits. The lowest mark is exact; HTAB is marked, too. 0: all eight may stand in a value.
static inline uint64_t http_value_marks(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t below_space = (word - ones * 0x20) & ~word;
    uint64_t deleted = word ^ (ones * 0x7f);
    return (below_space | ((deleted - ones) & ~deleted)) & tops;
}

// True if every byte may stand in a field value.
bool http_is_value(struct slice text);

#endif
