// The state of servers that workers share: connections in use, for balancing and `max-connections`;
// waiting requests, for `queue`; and health (health.h).
//
// The master makes the counts before it forks, in a region (base/region.h). Each worker slot has a
// cell for every server. Only the slot's worker writes the cell, all others read it, and the master
// clears the slot when the worker dies. A server keeps its cell as long as it is in the
// configuration (server_table.h assigns cells), so connections of exchanges from before a reload
// still count. One generation after a server was removed, a new server may get its cell.
// Connections to the removed server then count for the new server until they end.
//
// An attacker who controls a worker can write anything into its cells. Invariant: for balancing, a
// worker uses at most 2 * own + 16 of each other slot's count, where `own` is its own number of
// connections to the server. The kernel spreads clients evenly over workers, so the counts of
// honest workers differ less. A false count can make a server seem busier by a bounded number of
// connections. It cannot make a sum smaller or wrap it. For limits, the whole count is used: a
// worker that was taken over can use up `max-connections` and `queue`, as it could with real
// connections.
#ifndef RAVELIN_BACKEND_SERVER_COUNTS_H
#define RAVELIN_BACKEND_SERVER_COUNTS_H

#include "backend/health.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

// With more servers than this, some share a cell.
#define SERVER_CELLS 16384

struct server_counts;

// Makes zeroed counts for `slots` workers. NULL: memory is short.
struct server_counts *server_counts_map(size_t slots);
void server_counts_unmap(struct server_counts *counts); // for the master; NULL is allowed
// Sets which slot the processes can write that are forked from now on. REGION_NO_SLOT: no view.
void server_counts_lend(const struct server_counts *counts, size_t slot);
// For the master: clears the slot of a worker that has died.
void server_counts_clear(const struct server_counts *counts, size_t slot);

// The counts and the slot of one worker.
struct server_counter {
    const struct server_counts *counts;
    size_t slot; // of the worker
};

// Returns the worker's own cell with this number, which must be less than SERVER_CELLS.
_Atomic uint32_t *server_counter_cell(const struct server_counter *counter, uint32_t cell);
// Connections of all workers, with the bound for balancing; at most UINT32_MAX.
uint32_t server_counter_sum(const struct server_counter *counter, uint32_t cell);
// Connections of all workers, for limits. If two workers add to their cells and then call it, both
// see the sum of both.
uint32_t server_counter_total(const struct server_counter *counter, uint32_t cell);

// --- Health ---

// The worker's own cells, by number.
struct health *server_counter_health(const struct server_counter *counter);
const struct health *server_counts_health(const struct server_counts *counts, size_t slot);
size_t server_counts_slots(const struct server_counts *counts);
// Whether another worker has this server out of use, or tries it.
bool server_counter_others_out(const struct server_counter *counter, uint32_t cell);
bool server_counter_others_try(const struct server_counter *counter, uint32_t cell);
// The health of a server in all workers, for logs.
struct server_health {
    uint32_t workers_out; // workers that have the server out of use
    uint32_t fault;       // fault of one of them, see fault_write()
    int64_t since_ms;     // the latest return of a server that is in use; 0: it was never out
};
struct server_health server_counts_summary(const struct server_counts *counts, uint32_t cell);
// For the master: clears a cell that a new server gets.
void server_counts_forget(const struct server_counts *counts, uint32_t cell);

// --- Checks ---

// The state of a server by the monitor's checks (`health` of a backend).
enum check_standing {
    CHECK_UP,  // up, or not checked
    CHECK_NEW, // added by a reload, and no check has ended yet
    CHECK_DOWN,
};

enum check_fault {
    CHECK_GOOD,
    CHECK_CONNECT, // errno
    CHECK_CONNECT_TIMEOUT,
    CHECK_TIMEOUT,
    CHECK_CLOSED,
    CHECK_MALFORMED,
    CHECK_STATUS, // the status
    CHECK_UNEXPECTED,
    CHECK_FAULT_COUNT,
};

// The monitor writes it, workers and the master read it. The master writes it before the monitor
// has the server.
struct check {
    _Atomic uint32_t standing; // enum check_standing
    _Atomic uint32_t fault;    // of the last failed check: enum check_fault and its detail
    _Atomic int64_t since_ms;  // time of the last change of standing; 0: none
};

const struct check *server_counts_checks(const struct server_counts *counts); // by cell
// For the monitor.
void server_counts_set_check(const struct server_counts *counts, uint32_t cell,
                             enum check_standing standing, enum check_fault fault, uint32_t detail,
                             int64_t now_ms);
// For the master: sets the state that is valid until the first check ends.
void server_counts_begin_check(const struct server_counts *counts, uint32_t cell,
                               enum check_standing standing);
// Processes that are forked from now on can write checks. For the monitor.
void server_counts_lend_checks(const struct server_counts *counts);
// Returns the fault of the last failed check, an enum check_fault for an honest monitor.
uint32_t check_fault(const struct check *check, uint32_t *detail);
#define CHECK_TEXT_SIZE 160
// Writes "health: 503 instead of 200-399". `fault` as in struct check; any number is allowed.
void check_write(uint32_t fault, const struct config_health *health, char text[CHECK_TEXT_SIZE]);

static inline enum check_standing check_standing(const struct check *check) {
    return (enum check_standing)atomic_load_explicit(&check->standing, memory_order_relaxed);
}

static inline int64_t check_since(const struct check *check) {
    return atomic_load_explicit(&check->since_ms, memory_order_relaxed);
}

// --- Changes ---

// Reports to the master that a server went out of use, or returned.
void server_counter_note_change(const struct server_counter *counter);
// The number of changes, of all workers and of checks.
uint32_t server_counts_changes(const struct server_counts *counts);

// --- Waiting requests ---

// A backend uses the cell of its first server.

// Sets the worker's own cell. `since_ms`: when the first request that waits for any server began to
// wait, on the monotonic clock; 0: no request waits.
void server_counter_set_waiting(const struct server_counter *counter, uint32_t cell, uint32_t count,
                                int64_t since_ms);
// Waiting requests in all workers; at most UINT32_MAX.
uint32_t server_counter_waiting(const struct server_counter *counter, uint32_t cell);
// Begin of the oldest wait in the other workers; 0: no request waits there.
int64_t server_counter_oldest(const struct server_counter *counter, uint32_t cell);

// Adds to a cell of the worker. The amount UINT32_MAX subtracts 1.
static inline void server_cell_add(_Atomic uint32_t *cell, uint32_t amount) {
    uint32_t before = atomic_load_explicit(cell, memory_order_relaxed);
    atomic_store_explicit(cell, before + amount, memory_order_relaxed);
}

#endif
