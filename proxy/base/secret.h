// Secrets: wiping, comparison in constant time, and memory that is in no core dump and, within the
// limit for locked memory, never in swap.
#ifndef RAVELIN_BASE_SECRET_H
#define RAVELIN_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

// Overwrites with zeros. The compiler cannot remove the call.
void secret_wipe(void *data, size_t size);
// Copies byte by byte. memcpy() leaves copies in vector registers, which the kernel writes to the
// stack with the next signal, and which forked processes get.
void secret_copy(void *to, const void *from, size_t size);
// Compares in a time that depends on `size` only, not on the contents.
bool secret_equal(const void *a, const void *b, size_t size);

// Maps pages for secrets of this process: locked if the limit allows, excluded from core dumps
// (MADV_DONTDUMP) and from processes forked later (MADV_DONTFORK). Zeroed. NULL: memory is short.
void *secret_map(size_t size);
void secret_unmap(void *data, size_t size); // wipes first

// The same for secrets that other processes read: a region (base/region.h) of one slot with two
// views. `own` is writable, and no forked process gets it. `lent` is readable: processes that are
// forked while it is lent get it, and cannot make it writable.
struct secret_views {
    void *own;
    const void *lent;
    size_t size;
};

// Maps both views and lends nothing. False: memory is short.
bool secret_map_views(size_t size, struct secret_views *views);
void secret_lend(const struct secret_views *views, bool lend);
void secret_unmap_views(const struct secret_views *views); // for the owner; wipes first

#endif
