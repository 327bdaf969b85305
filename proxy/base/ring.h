// A receive ring: RING_SIZE bytes of memory, mapped twice at adjacent addresses. So any run of up
// to RING_SIZE bytes is contiguous, wherever it begins. A TLS record is always contiguous, is
// opened where it was received, and never moves. Request bodies therefore need no copy in user
// space.
//
// A position counts bytes since the ring was made or rewound; `head` <= `tail` <= `head` +
// RING_SIZE. When the ring is empty, ring_rewind() sets both positions to 0, so small messages
// always use the same few cache lines.
//
// Rings are mapped in chunks of RING_CHUNK, because the number of mappings of a process has a limit
// (vm.max_map_count). A chunk maps the rings A, B and C as A AB BC C: the second view of a ring and
// the first view of the next ring are one mapping. So a ring costs one mapping, not two. If a whole
// chunk cannot be mapped, a ring is mapped alone. A chunk is unmapped when all its rings are
// unused.
//
// Each worker has one ring_pool, which owns all rings and keeps at most spare_max spare rings with
// their memory. The memory of other unused rings returns to the system. A spare ring still contains
// old bytes: the next user must read only what it received itself. Rings are in no core dump and no
// child (MADV_DONTDUMP, MADV_DONTFORK). Under AddressSanitizer no spare is kept and a chunk is one
// ring, so that a use after ring_put() is reported.
#ifndef RAVELIN_BASE_RING_H
#define RAVELIN_BASE_RING_H

#include "base/list.h"
#include "base/sanitize.h"

#include <stddef.h>
#include <stdint.h>

// A power of two and a multiple of the page size, with room for seven of the largest TLS records.
// Larger reads cost less CPU per byte: half of it costs 1.13 times as much, and twice as much gains
// almost nothing.
#define RING_SIZE ((size_t)131072)
#define RING_CHUNK (KEEP_SPARES ? 32 : 1)

struct ring_chunk;

struct ring {
    uint8_t *base; // 2 * RING_SIZE bytes of address space, RING_SIZE of memory
    uint64_t head; // position of the first byte that is still needed
    uint64_t tail; // position behind the last byte received
    struct ring *next_spare;
    struct ring_chunk *chunk; // chunk that contains the ring
};

struct ring_pool {
    struct list_node partial; // chunks with a ring that is neither in use nor a spare
    struct ring *spares;
    size_t spare_count;
    size_t spare_low; // the lowest spare_count since the last trim
    size_t spare_max;
};

void ring_pool_init(struct ring_pool *pool, size_t spare_max);
struct ring *ring_get(struct ring_pool *pool); // NULL when memory or mappings are short
void ring_put(struct ring_pool *pool, struct ring *ring);
void ring_pool_free(struct ring_pool *pool);
// Frees the memory of half of the spares that no ring_get() has needed since the last call. So a
// steady load keeps its spares, and the memory of a burst returns to the system.
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

// Moves the head to `position`, which must be between head and tail.
static inline void ring_release(struct ring *ring, uint64_t position) {
    ring->head = position;
}

// If the ring is empty, sets both positions to 0. The caller must hold no position.
static inline void ring_rewind(struct ring *ring) {
    if (ring->head == ring->tail) {
        ring->head = ring->tail = 0;
    }
}

#endif
