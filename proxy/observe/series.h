// Counters with labels: requests and bytes of each site, and of each server.
//
// A label set gets a cell when the first generation with it is loaded. It keeps the cell while the
// master runs, so its counters never decrease, even if a reload removes the labels and another
// reload adds them again. The master keeps the list of label sets. There are at most SERIES_MAX;
// further label sets share cell 0.
//
// A region (base/region.h) has a slot of cells for each worker. A worker adds to cells of its own
// slot with relaxed stores. Another region has the list, which the master writes and all others
// read. Readers must not trust the values: sums saturate.
#ifndef RAVELIN_OBSERVE_SERIES_H
#define RAVELIN_OBSERVE_SERIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_MAX 16384

// SERIES_NO_STATUS to SERIES_5XX: requests by the first digit of their status. A server has no 1xx
// here; its place counts failed attempts.
enum series_counter {
    SERIES_NO_STATUS, // ended before a response
    SERIES_FAILURES,
    SERIES_2XX,
    SERIES_3XX,
    SERIES_4XX,
    SERIES_5XX,
    SERIES_REQUEST_BYTES, // of bodies
    SERIES_RESPONSE_BYTES,
    SERIES_COUNTERS
};

// The classes of statuses, with their names in metrics and on the status page.
#define SERIES_CLASSES 5
struct series_class {
    const char *name;
    enum series_counter counter;
};
extern const struct series_class series_classes[SERIES_CLASSES];

struct series_cell {
    _Alignas(64) _Atomic uint64_t values[SERIES_COUNTERS];
};

// Always inline, because gcc 12 would merge this function with metric_add(), and warn that the
// numbers of metrics are too large.
__attribute__((always_inline)) static inline void
series_add(struct series_cell *cell, enum series_counter counter, uint64_t amount) {
    uint64_t before = atomic_load_explicit(&cell->values[counter], memory_order_relaxed);
    atomic_store_explicit(&cell->values[counter], before + amount, memory_order_relaxed);
}

static inline enum series_counter series_of_status(unsigned status) {
    return status >= 200 && status < 600 ? (enum series_counter)(status / 100) : SERIES_NO_STATUS;
}

struct series;

struct series *series_map(size_t slots);  // NULL: memory is short
void series_unmap(struct series *series); // for the master; does nothing to NULL
// Sets which slot the processes can write that are forked from now on; REGION_READER and
// REGION_NO_SLOT as in base/region.h.
void series_lend(const struct series *series, size_t slot);

// The key of a site by its name (`second` NULL), or of a server by its backend's name and its
// address.
uint64_t series_key(const char *first, const char *second);
// For the master: gives the label set a cell, if one is left.
void series_register(struct series *series, uint64_t key);
// The cell of a label set; 0: the shared cell of label sets without a cell.
uint32_t series_find(const struct series *series, uint64_t key);
// The worker's own cell, less than SERIES_MAX.
struct series_cell *series_own(const struct series *series, size_t slot, uint32_t cell);
// The sum over all slots, at most UINT64_MAX.
uint64_t series_sum(const struct series *series, uint32_t cell, enum series_counter counter);

#endif
