// A slice is a view of bytes. It never owns the bytes and is valid as long as they are. There need
// not be a NUL behind them.
#ifndef RAVELIN_BASE_SLICE_H
#define RAVELIN_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *data;
    size_t size;
};

// For string literals only: the size comes from the array.
#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})

// The text without its NUL. NULL gives an empty slice.
static inline struct slice slice_from(const char *text) {
    return (struct slice){text, text == NULL ? 0 : strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

// Compares bytes, for qsort(). A text is before the texts that begin with it.
static inline int slice_compare(struct slice a, struct slice b) {
    size_t size = a.size < b.size ? a.size : b.size;
    int order = size == 0 ? 0 : memcmp(a.data, b.data, size);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

// Changes ASCII letters only, in every locale.
static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// As ascii_lower(), of eight bytes at a time.
static inline uint64_t ascii_lower_word(uint64_t word) {
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low = word & (ones * 0x7f);
    uint64_t from_a = low + ones * (0x80 - 'A'), beyond_z = low + ones * (0x7f - 'Z');
    return word | ((from_a ^ beyond_z) & ~word & (ones * 0x80)) >> 2;
}

// Copies the bytes in lower case. They must not overlap.
static inline void ascii_copy_lower(char *to, struct slice from) {
    uint64_t word;
    size_t i = 0;
    if (from.size >= sizeof(word)) { // the last ones together with some before them
        for (size_t last = from.size - sizeof(word);;
             i = i + sizeof(word) < last ? i + sizeof(word) : last) {
            memcpy(&word, from.data + i, sizeof(word));
            word = ascii_lower_word(word);
            memcpy(to + i, &word, sizeof(word));
            if (i == last) {
                return;
            }
        }
    }
    for (; i < from.size; i++) {
        to[i] = ascii_lower(from.data[i]);
    }
}

static inline bool slice_equal_nocase(struct slice a, struct slice b) {
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i] != b.data[i] && ascii_lower(a.data[i]) != ascii_lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

static inline bool slice_begins_nocase(struct slice text, struct slice prefix) {
    return text.size >= prefix.size &&
           slice_equal_nocase((struct slice){text.data, prefix.size}, prefix);
}

#endif
