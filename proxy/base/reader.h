// Reads the vectors of the TLS presentation language (RFC 8446 3). The cursor never passes the end
// of the bytes: a read beyond it sets `bad`, and that read and all later ones return 0 or an empty
// slice. Slices point into the caller's bytes.
#ifndef RAVELIN_BASE_READER_H
#define RAVELIN_BASE_READER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct reader {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static inline struct reader reader_of(struct slice slice) {
    return (struct reader){(const uint8_t *)slice.data, slice.size, false};
}

// Reads a big-endian number of at most 4 bytes.
static inline uint32_t read_number(struct reader *reader, size_t bytes) {
    if (reader->bad || reader->left < bytes) {
        reader->bad = true;
        return 0;
    }
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | reader->at[i];
    }
    reader->at += bytes;
    reader->left -= bytes;
    return value;
}

static inline struct slice read_bytes(struct reader *reader, size_t bytes) {
    if (reader->bad || reader->left < bytes) {
        reader->bad = true;
        return SLICE("");
    }
    struct slice part = {(const char *)reader->at, bytes};
    reader->at += bytes;
    reader->left -= bytes;
    return part;
}

// Reads a vector whose length field has `length_bytes` bytes.
static inline struct slice read_vector(struct reader *reader, size_t length_bytes) {
    return read_bytes(reader, read_number(reader, length_bytes));
}

// True if bytes are left and no read has failed.
static inline bool reader_more(const struct reader *reader) {
    return !reader->bad && reader->left > 0;
}

// True if no byte is left and no read has failed.
static inline bool reader_done(const struct reader *reader) {
    return !reader->bad && reader->left == 0;
}

#endif
