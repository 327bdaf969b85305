// Writes the length-prefixed vectors of the TLS presentation language (RFC 8446 3) into memory of
// the caller: the counterpart of base/reader.h. No allocation.
//
// If a piece does not fit, `overflow` is set, and the builder writes neither that piece nor any
// later one. Callers check `overflow` once, at the end.
#ifndef RAVELIN_BASE_BUILDER_H
#define RAVELIN_BASE_BUILDER_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct builder {
    uint8_t *data;
    size_t capacity;
    size_t size;
    bool overflow;
};

static inline struct builder builder_over(void *data, size_t capacity) {
    return (struct builder){data, capacity, 0, false};
}

static inline bool builder_has_room(struct builder *builder, size_t size) {
    builder->overflow |= builder->capacity - builder->size < size;
    return !builder->overflow;
}

// Writes a number of `width` bytes, 1 to 4, big-endian. Higher bytes of `value` are dropped.
static inline void builder_put(struct builder *builder, size_t value, size_t width) {
    if (builder_has_room(builder, width)) {
        for (size_t i = 0; i < width; i++) {
            builder->data[builder->size++] = (uint8_t)(value >> (8 * (width - 1 - i)));
        }
    }
}

static inline void builder_put_bytes(struct builder *builder, const void *data, size_t size) {
    if (size > 0 && builder_has_room(builder, size)) {
        memcpy(builder->data + builder->size, data, size);
        builder->size += size;
    }
}

static inline void builder_put_zeros(struct builder *builder, size_t size) {
    if (size > 0 && builder_has_room(builder, size)) {
        memset(builder->data + builder->size, 0, size);
        builder->size += size;
    }
}

// Begins a vector whose length field has `width` bytes. Pass the result to builder_close(), which
// writes the length.
static inline size_t builder_open(struct builder *builder, size_t width) {
    builder_put(builder, 0, width);
    return builder->size;
}

// Ends a vector. Content that is too long for the length field sets `overflow`.
static inline void builder_close(struct builder *builder, size_t begin, size_t width) {
    size_t size = builder->size - begin;
    builder->overflow |= width < sizeof(size) && size >> (8 * width) != 0;
    if (!builder->overflow) {
        for (size_t i = 0; i < width; i++) {
            builder->data[begin - width + i] = (uint8_t)(size >> (8 * (width - 1 - i)));
        }
    }
}

// Writes a vector that holds these bytes.
static inline void builder_put_vector(struct builder *builder, struct slice bytes, size_t width) {
    size_t begin = builder_open(builder, width);
    builder_put_bytes(builder, bytes.data, bytes.size);
    builder_close(builder, begin, width);
}

#endif
