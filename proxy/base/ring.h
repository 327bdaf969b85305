// A receive ring: RING_SIZE bytes mapped twice, one mapping right behind the other, so that any run
// of up to RING_SIZE bytes is contiguous wherever it begins. A TLS record is therefore always
// contiguous and can be opened where it was received, and nothing is ever moved to make room: that
// is what makes the request direction copy-free.
//
// Positions are counts of bytes since the ring was empty the first time; `head` <= `tail` <= `head`
// + RING_SIZE. When a ring is empty ring_rewind() returns its positions to 0, so small messages
// always use the same few cache lines.
//
// Rings are mapped in chunks of RING_CHUNK, because the number of mappings of a process has a limit
// (vm.max_map_count). In a chunk the rings A, B and C lie as A AB BC C: the second view of a ring
// and the first view of the next one are one mapping, so that a ring costs one mapping and not two.
// When a whole chunk cannot be mapped, a ring is mapped alone. A chunk is unmapped when its last
// ring comes back.
//
// A ring_pool keeps spare rings with their memory; one pool per worker. A spare keeps its bytes:
// who gets it reads only what was received since. What is more than spare_max gives its memory
// back. Rings are in no core dump and in no child (MADV_DONTDUMP, MADV_DONTFORK). Under
// AddressSanitizer no spare is kept and a chunk is one ring, so that a use after put is seen.
#ifndef RAVELIN_BASE_RING_H
#define RAVELIN_BASE_RING_H

#include "base/list.h"
#include "base/sanitize.h"

#include <stddef.h>
#include <stdint.h>

// A power of two and a multiple of the page size, and room for seven of the largest TLS records. A
// large body costs less the more of it comes in one call, up to about here: with half of it 1.13
// times as much.
#define RING_SIZE ((size_t)131072)
#define RING_CHUNK (KEEP_SPARES ? 32 : 1)

struct ring_chunk;

struct ring {
    uint8_t *base; // 2 * RING_SIZE bytes of address space, RING_SIZE of memory
    uint64_t head; // first byte still needed
    uint64_t tail; // end of the bytes received
    struct ring *next_spare;
    struct ring_chunk *chunk; // it lies there
};

struct ring_pool {
    struct list_node partial; // chunks with a ring that is not in use and no spare
    struct ring *spares;
    size_t spare_count;
    size_t spare_low; // the lowest spare_count since the last trim
    size_t spare_max;
};

void ring_pool_init(struct ring_pool *pool, size_t spare_max);
struct ring *ring_get(struct ring_pool *pool); // NULL when memory or mappings are short
void ring_put(struct ring_pool *pool, struct ring *ring);
void ring_pool_free(struct ring_pool *pool);
// Gives back half of the spares that no ring_get() has needed since the last call, so that a steady
// load keeps what it uses and a burst does not stay as memory.
void ring_pool_trim(struct ring_pool *pool);

static inline uint8_t *ring_at(const struct ring *ring, uint64_t position) {
    return ring->base + (position & (RING_SIZE - 1));
}

static inline size_t ring_used(const struct ring *ring) {
    return (size_t)(ring->tail - ring->head);
}

static inline size_t ring_room(const struct ring *ring) {
    return RING_SIZE - ring_used(ring);
}

// `position` must lie between head and tail. Does not renumber: ring_rewind() does, when nothing is
// left.
static inline void ring_release(struct ring *ring, uint64_t position) {
    ring->head = position;
}

// When the ring is empty, starts again at position 0. The caller holds no positions any more.
static inline void ring_rewind(struct ring *ring) {
    if (ring->head == ring->tail) {
        ring->head = ring->tail = 0;
    }
}

#endif
