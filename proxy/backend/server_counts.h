// Connections in use to each server, counted over all workers, and requests that wait for one: for
// balancing by load, `max-connections` and `queue`.
//
// The master makes the counts before it forks, in a region (base/region.h). Each worker slot has a
// cell for every server; its worker alone writes it, the others read it, and the master clears the
// slot when the worker died. A server keeps its cell as long as it is in the configuration
// (server_table.h gives cells out), so a connection of an exchange that began before a reload still
// counts. After a server left, its cell may become that of a new one one generation later:
// connections of the former one that are still in use then count for the new one until they end.
//
// A worker may be taken over and write anything into its cells. Invariant: another worker believes
// at most 2 * own + 16 of what each other slot says of a server, `own` being its own connections to
// it. The kernel spreads clients evenly over workers, so the counts of honest workers differ less
// than that. A false count therefore makes a server look busier by a bounded number of connections;
// it cannot make a sum smaller or wrap it. Where a limit counts, all is believed: a worker that was
// taken over can use up `max-connections` and `queue`, as it could by connecting for real.
#ifndef RAVELIN_BACKEND_SERVER_COUNTS_H
#define RAVELIN_BACKEND_SERVER_COUNTS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// With more servers than this, some share a cell.
#define SERVER_CELLS 16384

struct server_counts;

// For `slots` workers, zeroed. NULL when memory is short.
struct server_counts *server_counts_map(size_t slots);
void server_counts_unmap(struct server_counts *counts); // NULL is fine; for the master
// Which slot the processes can write that are forked from now on; REGION_NO_SLOT: they get nothing.
void server_counts_lend(const struct server_counts *counts, size_t slot);
// For the master: the worker in this slot is gone, and what it wrote with it.
void server_counts_clear(const struct server_counts *counts, size_t slot);

// What a worker counts with.
struct server_counter {
    const struct server_counts *counts;
    size_t slot; // its own
};

// The worker's own cell of this number, less than SERVER_CELLS.
_Atomic uint32_t *server_counter_cell(const struct server_counter *counter, uint32_t cell);
// What all workers together use of it, as far as that is believed; UINT32_MAX at most.
uint32_t server_counter_sum(const struct server_counter *counter, uint32_t cell);
// The same if all is believed. Two workers that add to their cells and then ask, see both.
uint32_t server_counter_total(const struct server_counter *counter, uint32_t cell);

// --- Who waits ---

// A backend has the cell of its first server.

// For the worker's own cell. `since_ms`: when the first came that waits for any server, on the
// monotonic clock; 0: nobody does.
void server_counter_set_waiting(const struct server_counter *counter, uint32_t cell, uint32_t count,
                                int64_t since_ms);
// In all workers; UINT32_MAX at most.
uint32_t server_counter_waiting(const struct server_counter *counter, uint32_t cell);
// The earliest of the other workers; 0: nobody waits there.
int64_t server_counter_oldest(const struct server_counter *counter, uint32_t cell);

// Adds to an own cell; UINT32_MAX subtracts one.
static inline void server_cell_add(_Atomic uint32_t *cell, uint32_t amount) {
    uint32_t before = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, before + amount, memory_order_relaxed);
}

#endif
