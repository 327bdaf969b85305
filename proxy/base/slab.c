#include "base/slab.h"

#include "base/sanitize.h"

#include <stdlib.h>
#include <string.h>

// The link to the next spare block is in the first bytes of the block.
static void *next_spare(const void *block) {
    void *next;
    memcpy(&next, block, sizeof(next));
    return next;
}

static void free_spares(struct slab *slab, size_t count) {
    for (; count > 0; count--) {
        void *block = slab->spares;
        slab->spares = next_spare(block);
        slab->spare_count--;
        free(block);
    }
}

void slab_init(struct slab *slab, size_t block_size, size_t spare_max) {
    *slab = (struct slab){
        .block_size = block_size > sizeof(void *) ? block_size : sizeof(void *),
        .spare_max = KEEP_SPARES ? spare_max : 0,
    };
}

void *slab_get(struct slab *slab) {
    void *block = slab->spares;
    if (block == NULL) {
        return malloc(slab->block_size);
    }
    slab->spares = next_spare(block);
    slab->spare_count--;
    slab->spare_low = slab->spare_count < slab->spare_low ? slab->spare_count : slab->spare_low;
    return block;
}

void slab_put(struct slab *slab, void *block) {
    if (block == NULL) {
        return;
    }
    if (slab->spare_count >= slab->spare_max) {
        free(block);
        return;
    }
    memcpy(block, &slab->spares, sizeof(slab->spares));
    slab->spares = block;
    slab->spare_count++;
}

void slab_free(struct slab *slab) {
    free_spares(slab, slab->spare_count);
}

void slab_trim(struct slab *slab) {
    free_spares(slab, (slab->spare_low + 1) / 2); // rounded up, so that trimming ends
    slab->spare_low = slab->spare_count;
}
