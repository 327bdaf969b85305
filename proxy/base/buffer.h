// A queue of bytes on the heap, with a bound: bytes are put behind its end and taken from its
// beginning. Zeroed is empty; whoever holds it frees it.
#ifndef RAVELIN_BASE_BUFFER_H
#define RAVELIN_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t begin; // of the bytes in it
    size_t end;
    size_t capacity;
};

static inline size_t buffer_size(const struct buffer *buffer) {
    return buffer->end - buffer->begin;
}

// NULL if nothing was ever put in. An offset, even of 0, to NULL is undefined in C.
static inline uint8_t *buffer_bytes(const struct buffer *buffer) {
    return buffer->data == NULL ? NULL : buffer->data + buffer->begin;
}

// Room for `size` bytes behind the end; what is written there counts after buffer_grow(). Valid
// until the next call. NULL: more than `limit` bytes would be in it, or memory is short.
uint8_t *buffer_room(struct buffer *buffer, size_t size, size_t limit);
static inline void buffer_grow(struct buffer *buffer, size_t size) {
    buffer->end += size;
}
// False as buffer_room() is NULL; then nothing has changed.
bool buffer_append(struct buffer *buffer, const void *data, size_t size, size_t limit);
// Takes away the first `size` bytes.
void buffer_take(struct buffer *buffer, size_t size);
// Takes away the last bytes, down to `size`.
static inline void buffer_cut(struct buffer *buffer, size_t size) {
    buffer->end = buffer->begin + size;
}
void buffer_free(struct buffer *buffer); // and empties it

#endif
