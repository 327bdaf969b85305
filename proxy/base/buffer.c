#include "base/buffer.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 512 };

// Moves the contents to the front of a block that is large enough.
static bool move_to(struct buffer *buffer, size_t capacity) {
    uint8_t *data = malloc(capacity);
    if (data == NULL) {
        return false;
    }
    size_t size = buffer_size(buffer);
    if (size > 0) {
        memcpy(data, buffer_bytes(buffer), size);
    }
    free(buffer->data);
    *buffer = (struct buffer){.data = data, .end = size, .capacity = capacity};
    return true;
}

uint8_t *buffer_room(struct buffer *buffer, size_t size, size_t limit) {
    size_t there = buffer_size(buffer);
    if (there > limit || size > limit - there) {
        return NULL;
    }
    if (buffer->capacity - buffer->end < size || buffer->data == NULL) {
        size_t capacity = buffer->capacity < CAPACITY_MIN ? CAPACITY_MIN : buffer->capacity;
        while (capacity - there < size) {
            capacity *= 2;
        }
        if (!move_to(buffer, capacity)) {
            return NULL;
        }
    }
    return buffer->data + buffer->end;
}

bool buffer_append(struct buffer *buffer, const void *data, size_t size, size_t limit) {
    uint8_t *room = buffer_room(buffer, size, limit);
    if (room == NULL) {
        return false;
    }
    if (size > 0) {
        memcpy(room, data, size);
        buffer_grow(buffer, size);
    }
    return true;
}

void buffer_take(struct buffer *buffer, size_t size) {
    buffer->begin += size;
    if (buffer->begin == buffer->end) {
        buffer->begin = buffer->end = 0;
    }
}

void buffer_free(struct buffer *buffer) {
    free(buffer->data);
    *buffer = (struct buffer){0};
}
