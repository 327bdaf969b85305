// Escapes text that is written between quotes, so that no byte of it can end the quotes or the
// line. The access log and every JSON output use escape(). No I/O, no allocation.
#ifndef RAVELIN_BASE_ESCAPE_H
#define RAVELIN_BASE_ESCAPE_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

// A table gives each byte a class: 0 copies it; ESCAPE_HIGH copies it as part of a character that
// utf8_printable() accepts, else writes \u00XX with the byte's value; any other class writes a
// backslash and the class, and after 'u' (with two zeros) and 'x' the byte's value in hex. '"' and
// '\\' must not be of class 0, nor a control character.
#define ESCAPE_HIGH 1

// The table for a string in JSON (RFC 8259 section 7). The output is ASCII or valid UTF-8. The
// characters U+0080 to U+009F are written as their number. Other bytes that are not printable UTF-8
// are written as Latin-1 characters.
extern const uint8_t escape_json[256];

struct escaped {
    size_t size;  // bytes that were written
    size_t taken; // bytes of the text that were escaped
};

// Writes `text` to output[0..room), without quotes. Stops before the first byte or character whose
// escaped form does not fit.
struct escaped escape(struct slice text, char *output, size_t room, const uint8_t classes[256]);

// True if all eight bytes of the word are of class 0 in every table. A borrow or carry between the
// bytes can make the result false for bytes of class 0; the table then decides about them. It can
// never make the result true for another byte.
static inline bool escape_is_plain_word(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    const uint64_t highs = ones * 0x80;
    uint64_t quotes = word ^ ones * '"';
    uint64_t backslashes = word ^ ones * '\\';
    uint64_t high_or_del = word | (word + ones);
    uint64_t control = word - ones * 0x20;
    return ((high_or_del | control | (quotes - ones) | (backslashes - ones)) & highs) == 0;
}

#ifdef __SSE2__
#define ESCAPE_BLOCK 16

// Copies ESCAPE_BLOCK bytes if all of them are of class 0 in every table. False: it copied none.
static inline bool escape_copy_block(const char *from, char *to) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    // Bytes from 0x80 on are negative here.
    __m128i other = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    other = _mm_or_si128(other, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
    other = _mm_or_si128(other, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
    other = _mm_or_si128(other, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
    if (_mm_movemask_epi8(other) != 0) {
        return false;
    }
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    return true;
}
#endif

// Copies the bytes of class 0 at the start of `text`, at most `room`, and returns their number.
// Pass the rest of the text to escape(). Inline, because most texts are short and have no rest.
__attribute__((always_inline)) static inline size_t
escape_copy_plain(struct slice text, char *output, size_t room, const uint8_t classes[256]) {
    size_t most = text.size < room ? text.size : room;
    size_t done = 0;
#ifdef __SSE2__
    while (most - done >= ESCAPE_BLOCK && escape_copy_block(text.data + done, output + done)) {
        done += ESCAPE_BLOCK;
    }
#endif
    uint64_t word;
    while (most - done >= sizeof(word)) {
        memcpy(&word, text.data + done, sizeof(word));
        if (!escape_is_plain_word(word)) {
            break;
        }
        memcpy(output + done, &word, sizeof(word));
        done += sizeof(word);
    }
    // If all bytes before are plain, the rest is checked together with the bytes before it, without
    // a loop.
    size_t left = most - done;
    if (left > 0 && left < sizeof(word) && most >= sizeof(word)) {
        memcpy(&word, text.data + most - sizeof(word), sizeof(word));
        if (escape_is_plain_word(word)) {
            memcpy(output + most - sizeof(word), &word, sizeof(word));
            return most;
        }
    } else if (left == most && left >= sizeof(uint32_t) && left < sizeof(word)) {
        uint32_t first, last;
        memcpy(&first, text.data, sizeof(first));
        memcpy(&last, text.data + most - sizeof(last), sizeof(last));
        if (escape_is_plain_word((uint64_t)last << 32 | first)) {
            memcpy(output, &first, sizeof(first));
            memcpy(output + most - sizeof(last), &last, sizeof(last));
            return most;
        }
    }
    while (done < most && classes[(uint8_t)text.data[done]] == 0) {
        output[done] = text.data[done];
        done++;
    }
    return done;
}

#endif
