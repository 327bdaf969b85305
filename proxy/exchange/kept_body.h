// A copy of the sent part of a request body, so that `retry-body` can send it to another server. It
// grows up to a limit. A larger body is not kept, and its request is not repeated. Without the
// option nothing is copied.
#ifndef RAVELIN_EXCHANGE_KEPT_BODY_H
#define RAVELIN_EXCHANGE_KEPT_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct kept_body {
    uint32_t limit; // 0: nothing is kept
    uint32_t size;
    uint32_t capacity;
    uint8_t *data;
};

// Adds a copy of the runs. If they do not fit, or memory is short, frees the copy and keeps nothing
// from then on.
void kept_body_add(struct kept_body *kept, const struct iovec *runs, uint32_t count);
void kept_body_free(struct kept_body *kept); // frees the copy and keeps nothing from then on

#endif
