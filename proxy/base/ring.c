#include "base/ring.h"

#include "base/sanitize.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/mman.h>

static_assert((RING_SIZE & (RING_SIZE - 1)) == 0, "ring_at() masks positions");

// Both halves of the reserved area show the same memory: a shared mapping, and a second view of it,
// which is what mremap() makes of an old size of 0. No descriptor is needed on the way.
static int map_twice(uint8_t *base) {
    void *first = mmap(base, RING_SIZE, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (first == MAP_FAILED) {
        return -1;
    }
    void *second = mremap(base, 0, RING_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, base + RING_SIZE);
    if (second == MAP_FAILED) {
        return -1;
    }
    // What clients sent belongs in no core dump and in no child.
    if (madvise(base, 2 * RING_SIZE, MADV_DONTDUMP) != 0) {
        return -1;
    }
    return madvise(base, 2 * RING_SIZE, MADV_DONTFORK);
}

static uint8_t *map_ring(void) {
    // The reservation comes first: fixed addresses then replace pages that are ours, never somebody
    // else's.
    void *base = mmap(NULL, 2 * RING_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    if (map_twice(base) != 0) {
        munmap(base, 2 * RING_SIZE);
        return NULL;
    }
    return base;
}

static void unmap_ring(struct ring *ring) {
    munmap(ring->base, 2 * RING_SIZE);
    free(ring);
}

static void free_spares(struct ring_pool *pool, size_t count) {
    for (; count > 0; count--) {
        struct ring *ring = pool->spares;
        pool->spares = ring->next_spare;
        pool->spare_count--;
        unmap_ring(ring);
    }
}

void ring_pool_init(struct ring_pool *pool, size_t spare_max) {
    *pool = (struct ring_pool){.spare_max = KEEP_SPARES ? spare_max : 0};
}

struct ring *ring_get(struct ring_pool *pool) {
    struct ring *ring = pool->spares;
    if (ring != NULL) {
        pool->spares = ring->next_spare;
        pool->spare_count--;
        pool->spare_low = pool->spare_count < pool->spare_low ? pool->spare_count : pool->spare_low;
        *ring = (struct ring){.base = ring->base};
        return ring;
    }
    ring = malloc(sizeof(*ring));
    if (ring == NULL) {
        return NULL;
    }
    *ring = (struct ring){.base = map_ring()};
    if (ring->base == NULL) {
        free(ring);
        return NULL;
    }
    return ring;
}

void ring_put(struct ring_pool *pool, struct ring *ring) {
    if (ring == NULL) {
        return;
    }
    if (pool->spare_count >= pool->spare_max) {
        unmap_ring(ring);
        return;
    }
    ring->next_spare = pool->spares;
    pool->spares = ring;
    pool->spare_count++;
}

void ring_pool_free(struct ring_pool *pool) {
    free_spares(pool, pool->spare_count);
}

void ring_pool_trim(struct ring_pool *pool) {
    free_spares(pool, (pool->spare_low + 1) / 2); // rounded up, so that trimming comes to an end
    pool->spare_low = pool->spare_count;
}
