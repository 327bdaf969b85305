// Blocks of one size, reused last-in first-out so that the one handed out is still in the cache.
//
// A worker has a few slabs (sessions, exchanges, send buffers). slab_get() returns uninitialised
// memory; slab_put() keeps at most `spare_max` free blocks and gives the rest back to the system,
// so a burst does not stay as memory. Under AddressSanitizer nothing is kept, so that a use after
// put is seen.
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
void *slab_get(struct slab *slab); // NULL when memory is short
void slab_put(struct slab *slab, void *block);
void slab_free(struct slab *slab); // gives back the spare blocks; blocks in use are the caller's
// Gives back half of the spare blocks that no slab_get() has needed since the last call: called
// once in a while by the owner.
void slab_trim(struct slab *slab);

#endif
