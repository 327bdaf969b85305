// A queue of bytes on the heap: bytes are added at the end and removed from the beginning. The
// caller states the limit with every addition. A zeroed buffer is empty. The struct that contains
// the buffer owns the bytes and calls buffer_free().
#ifndef RAVELIN_BASE_BUFFER_H
#define RAVELIN_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer {
    uint8_t *data;
    size_t begin; // offset of the first byte that is stored
    size_t end;   // offset behind the last byte that is stored
    size_t capacity;
};

static inline size_t buffer_size(const struct buffer *buffer) {
    return buffer->end - buffer->begin;
}

// The first byte. NULL if nothing was ever added: an offset to NULL, even 0, is undefined in C.
// Valid until the next change.
static inline uint8_t *buffer_bytes(const struct buffer *buffer) {
    return buffer->data == NULL ? NULL : buffer->data + buffer->begin;
}

// Room for `size` bytes behind the end. The caller writes there, then calls buffer_grow() with the
// number of bytes written. Valid until the next call. NULL: the buffer would hold more than `limit`
// bytes, or memory is short; the buffer is unchanged.
uint8_t *buffer_room(struct buffer *buffer, size_t size, size_t limit);
static inline void buffer_grow(struct buffer *buffer, size_t size) {
    buffer->end += size;
}
// False in the cases in which buffer_room() returns NULL; the buffer is then unchanged.
bool buffer_append(struct buffer *buffer, const void *data, size_t size, size_t limit);
// Removes the first `size` bytes; at most buffer_size().
void buffer_take(struct buffer *buffer, size_t size);
// Removes bytes at the end, until `size` are left; at most buffer_size().
static inline void buffer_cut(struct buffer *buffer, size_t size) {
    buffer->end = buffer->begin + size;
}
void buffer_free(struct buffer *buffer); // the buffer is empty then, and can be used again

#endif
