// Blocks of one size. The block that was freed last is used first, because it may still be in the
// cache.
//
// A worker has a few slabs (sessions, exchanges, send buffers). A slab owns its spare blocks; the
// caller owns a block between slab_get() and slab_put(). slab_put() keeps at most `spare_max` spare
// blocks and frees the others, so that the memory of a burst returns to the system. Under
// AddressSanitizer no block is kept, so that a use after slab_put() is reported.
#ifndef RAVELIN_BASE_SLAB_H
#define RAVELIN_BASE_SLAB_H

#include <stddef.h>

struct slab {
    size_t block_size;
    size_t spare_max;
    size_t spare_count;
    size_t spare_low; // the lowest spare_count since the last trim
    void *spares;     // linked through their first word
};

void slab_init(struct slab *slab, size_t block_size, size_t spare_max);
void *slab_get(struct slab *slab); // uninitialised; NULL: memory is short
void slab_put(struct slab *slab, void *block);
void slab_free(struct slab *slab); // frees the spare blocks, not those that callers own
// Frees half of the spare blocks that no slab_get() has needed since the last call. The owner calls
// it from time to time.
void slab_trim(struct slab *slab);

#endif
