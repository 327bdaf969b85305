// Finds whole, valid, harmless UTF-8 characters (RFC 3629), for logs and terminals.
#ifndef RAVELIN_BASE_UTF8_H
#define RAVELIN_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Characters that change how the text around them is shown: the marks, embeddings, overrides and
// isolates of bidirectional text, the line and paragraph separators U+2028 and U+2029, and the byte
// order mark U+FEFF.
static inline bool utf8_is_format(uint32_t code) {
    return code == 0x061c || code == 0x200e || code == 0x200f || code == 0xfeff ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

// Reads the multi-byte character at `data`, where `size` bytes are readable. Returns its size, 2 to
// 4, and its number in *code. 0: there is no such character, but an ASCII byte, a stray or missing
// continuation byte, an overlong form, a surrogate, a number over U+10FFFF, or one of the control
// characters U+0080 to U+009F, which a terminal would obey.
static inline size_t utf8_read(const uint8_t *data, size_t size, uint32_t *code) {
    uint8_t lead = size > 0 ? data[0] : 0;
    size_t length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || size < length) {
        return 0;
    }
    // The second byte's range is narrower after some lead bytes; all later ones are plain
    // continuation bytes.
    uint8_t low = lead == 0xc2 ? 0xa0 : lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (data[1] < low || data[1] > high) {
        return 0;
    }
    *code = (uint32_t)(lead & (0x7f >> length)) << 6 | (data[1] & 0x3f);
    for (size_t i = 2; i < length; i++) {
        if ((data[i] & 0xc0) != 0x80) {
            return 0;
        }
        *code = *code << 6 | (data[i] & 0x3f);
    }
    return length;
}

// The same for text that is displayed: 0 for a format character, too (utf8_is_format()).
static inline size_t utf8_printable(const uint8_t *data, size_t size) {
    uint32_t code = 0;
    size_t length = utf8_read(data, size, &code);
    return length > 0 && utf8_is_format(code) ? 0 : length;
}

#endif
