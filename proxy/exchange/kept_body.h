// A copy of what was given of a request body, so that it can be sent to another server: for
// `retry-body`. It grows up to its limit; a body that is larger is not kept, and the request is not
// repeated. Without the option nothing is copied.
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

// Adds a copy of the runs. If they do not fit, or memory is short, nothing is kept from now on.
void kept_body_add(struct kept_body *kept, const struct iovec *runs, uint32_t count);
void kept_body_free(struct kept_body *kept); // and keeps nothing from now on

#endif
