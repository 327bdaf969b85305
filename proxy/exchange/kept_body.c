#include "exchange/kept_body.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 4096 };

void kept_body_free(struct kept_body *kept) {
    free(kept->data);
    *kept = (struct kept_body){.limit = 0};
}

// False: the size exceeds the limit, or memory is short.
static bool reserve(struct kept_body *kept, size_t size) {
    if (size > kept->limit - kept->size) {
        return false;
    }
    size_t needed = kept->size + size;
    size_t capacity = kept->capacity == 0 ? CAPACITY_MIN : kept->capacity;
    while (capacity < needed) {
        capacity *= 2;
    }
    if (capacity <= kept->capacity) {
        return true;
    }
    capacity = capacity < kept->limit ? capacity : kept->limit;
    uint8_t *data = realloc(kept->data, capacity);
    if (data == NULL) {
        return false;
    }
    kept->data = data;
    kept->capacity = (uint32_t)capacity;
    return true;
}

void kept_body_add(struct kept_body *kept, const struct iovec *runs, uint32_t count) {
    for (uint32_t i = 0; i < count && kept->limit > 0; i++) {
        if (!reserve(kept, runs[i].iov_len)) {
            kept_body_free(kept);
            return;
        }
        memcpy(kept->data + kept->size, runs[i].iov_base, runs[i].iov_len);
        kept->size += (uint32_t)runs[i].iov_len;
    }
}
