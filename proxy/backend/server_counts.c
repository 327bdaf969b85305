#include "backend/server_counts.h"

#include "base/region.h"

#include <stdlib.h>
#include <string.h>

enum { BELIEVED_MIN = 16 };

struct cells {
    _Alignas(REGION_PAGE) _Atomic uint32_t used[SERVER_CELLS];
};

struct server_counts {
    struct region region; // a slot is a struct cells
};

struct server_counts *server_counts_map(size_t slots) {
    struct server_counts *counts = calloc(1, sizeof(*counts));
    if (counts != NULL &&
        !region_map(&counts->region, "ravelin-server-counts", slots, sizeof(struct cells))) {
        free(counts);
        return NULL;
    }
    return counts;
}

void server_counts_unmap(struct server_counts *counts) {
    if (counts != NULL) {
        region_unmap(&counts->region);
        free(counts);
    }
}

void server_counts_lend(const struct server_counts *counts, size_t slot) {
    region_lend(&counts->region, slot);
}

static struct cells *own_cells(const struct server_counts *counts, size_t slot) {
    return (struct cells *)(void *)(counts->region.writable + slot * sizeof(struct cells));
}

static const struct cells *cells_of(const struct server_counts *counts, size_t slot) {
    return (const struct cells *)(const void *)(counts->region.readable +
                                                slot * sizeof(struct cells));
}

void server_counts_clear(const struct server_counts *counts, size_t slot) {
    memset((void *)own_cells(counts, slot), 0, sizeof(struct cells));
}

_Atomic uint32_t *server_counter_cell(const struct server_counter *counter, uint32_t cell) {
    return &own_cells(counter->counts, counter->slot)->used[cell];
}

static uint64_t used_in(const struct server_counts *counts, size_t slot, uint32_t cell) {
    return atomic_load_explicit(&cells_of(counts, slot)->used[cell], memory_order_relaxed);
}

uint32_t server_counter_sum(const struct server_counter *counter, uint32_t cell) {
    const struct server_counts *counts = counter->counts;
    uint64_t own = used_in(counts, counter->slot, cell);
    uint64_t bound = 2 * own + BELIEVED_MIN;
    uint64_t sum = own;
    for (size_t slot = 0; slot < counts->region.slots; slot++) {
        uint64_t used = slot == counter->slot ? 0 : used_in(counts, slot, cell);
        sum += used < bound ? used : bound;
    }
    return sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}
