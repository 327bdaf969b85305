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

// Changes ASCII letters only, in every locale.
static inline char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
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
