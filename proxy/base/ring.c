#include "base/ring.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

static_assert((RING_SIZE & (RING_SIZE - 1)) == 0, "ring_at() masks positions");

struct ring_chunk {
    struct list_node node; // in the list of partial chunks, if it is one
    uint8_t *base;         // 2 * count * RING_SIZE bytes of address space
    size_t count;
    size_t free_count;
    struct ring *free; // rings that are neither in use nor spares; they have no memory
    struct ring rings[];
};

// Maps shared memory a second time, at this address: mremap() does this if the old size is 0. It
// needs no descriptor.
static bool show(uint8_t *memory, size_t size, uint8_t *at) {
    return mremap(memory, 0, size, MREMAP_MAYMOVE | MREMAP_FIXED, at) != MAP_FAILED;
}

// Maps `count` rings, whose memory is contiguous, as A AB BC C.
static bool show_all(uint8_t *memory, size_t count, uint8_t *base) {
    bool shown = show(memory, RING_SIZE, base);
    for (size_t i = 0; shown && i + 1 < count; i++) {
        shown = show(memory + i * RING_SIZE, 2 * RING_SIZE, base + (2 * i + 1) * RING_SIZE);
    }
    return shown &&
           show(memory + (count - 1) * RING_SIZE, RING_SIZE, base + (2 * count - 1) * RING_SIZE);
}

// Bytes of clients must not be in a core dump or in a child.
static bool confine(uint8_t *base, size_t size) {
    return madvise(base, size, MADV_DONTDUMP) == 0 && madvise(base, size, MADV_DONTFORK) == 0;
}

static uint8_t *map_rings(size_t count) {
    size_t size = 2 * count * RING_SIZE;
    // The address space is reserved first. Fixed addresses then replace pages of this reservation,
    // never other pages.
    uint8_t *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    uint8_t *memory =
        mmap(NULL, count * RING_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool mapped = memory != MAP_FAILED && show_all(memory, count, base) && confine(base, size);
    if (memory != MAP_FAILED) {
        (void)munmap(memory, count * RING_SIZE);
    }
    if (!mapped) {
        (void)munmap(base, size);
        return NULL;
    }
    return base;
}

static struct ring_chunk *make_chunk(size_t count) {
    struct ring_chunk *chunk = malloc(sizeof(*chunk) + count * sizeof(chunk->rings[0]));
    if (chunk == NULL) {
        return NULL;
    }
    *chunk = (struct ring_chunk){.base = map_rings(count), .count = count, .free_count = count};
    if (chunk->base == NULL) {
        free(chunk);
        return NULL;
    }
    for (size_t i = count; i-- > 0;) {
        struct ring *ring = &chunk->rings[i];
        *ring = (struct ring){
            .base = chunk->base + 2 * i * RING_SIZE, .next_spare = chunk->free, .chunk = chunk};
        chunk->free = ring;
    }
    return chunk;
}

static struct ring_chunk *find_chunk(struct ring_pool *pool) {
    if (!list_is_empty(&pool->partial)) {
        return LIST_ENTRY(pool->partial.next, struct ring_chunk, node);
    }
    struct ring_chunk *chunk = make_chunk(RING_CHUNK);
    if (chunk == NULL && RING_CHUNK > 1) {
        chunk = make_chunk(1);
    }
    if (chunk != NULL) {
        list_push_first(&pool->partial, &chunk->node);
    }
    return chunk;
}

// Takes back a ring that is neither in use nor a spare any more.
static void give_back(struct ring_pool *pool, struct ring *ring) {
    struct ring_chunk *chunk = ring->chunk;
    if (chunk->free_count++ == 0) {
        list_push_last(&pool->partial, &chunk->node);
    }
    if (chunk->free_count == chunk->count) {
        list_remove(&chunk->node);
        (void)munmap(chunk->base, 2 * chunk->count * RING_SIZE);
        free(chunk);
        return;
    }
    (void)madvise(ring->base, RING_SIZE, MADV_REMOVE);
    ring->next_spare = chunk->free;
    chunk->free = ring;
}

static void free_spares(struct ring_pool *pool, size_t count) {
    for (; count > 0; count--) {
        struct ring *ring = pool->spares;
        pool->spares = ring->next_spare;
        pool->spare_count--;
        give_back(pool, ring);
    }
}

void ring_pool_init(struct ring_pool *pool, size_t spare_max) {
    *pool = (struct ring_pool){.spare_max = KEEP_SPARES ? spare_max : 0};
    list_init(&pool->partial);
}

struct ring *ring_get(struct ring_pool *pool) {
    struct ring *ring = pool->spares;
    if (ring != NULL) {
        pool->spares = ring->next_spare;
        pool->spare_count--;
        pool->spare_low = pool->spare_count < pool->spare_low ? pool->spare_count : pool->spare_low;
        *ring = (struct ring){.base = ring->base, .chunk = ring->chunk};
        return ring;
    }
    struct ring_chunk *chunk = find_chunk(pool);
    if (chunk == NULL) {
        return NULL;
    }
    ring = chunk->free;
    chunk->free = ring->next_spare;
    if (--chunk->free_count == 0) {
        list_remove(&chunk->node);
    }
    ring->next_spare = NULL;
    ring->head = ring->tail = 0;
    return ring;
}

void ring_put(struct ring_pool *pool, struct ring *ring) {
    if (ring == NULL) {
        return;
    }
    if (pool->spare_count >= pool->spare_max) {
        give_back(pool, ring);
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
    free_spares(pool, (pool->spare_low + 1) / 2); // rounded up, so that trimming ends
    pool->spare_low = pool->spare_count;
}
