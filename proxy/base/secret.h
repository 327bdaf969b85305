// Handling of secrets: wiping, constant-time comparison, memory that stays out of core dumps and
// swap.
#ifndef RAVELIN_BASE_SECRET_H
#define RAVELIN_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

// Overwrites with zeros in a way the compiler keeps.
void secret_wipe(void *data, size_t size);
// Takes the same time whatever the contents.
bool secret_equal(const void *a, const void *b, size_t size);

// Pages for secrets of this process: locked where the limit allows, left out of core dumps
// (MADV_DONTDUMP) and of processes forked later (MADV_DONTFORK). Zeroed. NULL when memory is short.
void *secret_map(size_t size);
void secret_unmap(void *data, size_t size); // wipes first

// The same for secrets that other processes read: a region (base/region.h) of one slot. There are
// two views of the pages: `own` to write, which no forked process gets; and `lent` to read, which
// processes get that are forked while it is lent. No process can make a writable view out of it.
struct secret_views {
    void *own;
    const void *lent;
    size_t size;
};

bool secret_map_views(size_t size, struct secret_views *views); // not lent; false: memory is short
void secret_lend(const struct secret_views *views, bool lend);
void secret_unmap_views(const struct secret_views *views); // by the owner; wipes first

#endif
