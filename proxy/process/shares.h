// The memory that the master shares with its children, for all generations: counters, the table of
// clients, connections in use to servers, ticket keys, and the board for the monitor. It is made
// before the first fork. Right before each fork, shares_lend() or a similar function sets what the
// new process sees and writes. Only the master has the key of server names.
#ifndef RAVELIN_PROCESS_SHARES_H
#define RAVELIN_PROCESS_SHARES_H

#include "backend/server_counts.h"
#include "backend/server_names.h"
#include "exchange/client_table.h"
#include "observe/board.h"
#include "observe/metrics.h"
#include "observe/series.h"
#include "tls/handshake/ticket.h"

#include <stdbool.h>
#include <stddef.h>

struct shares {
    size_t slots;                 // number of workers
    struct metrics_slot *metrics; // one for each worker, then one for the monitor
    struct ticket_store *tickets;
    struct client_table *clients;
    struct server_counts *servers;
    struct server_names *names;
    struct board *board;
    struct series *series;
};

static inline size_t shares_metric_slots(const struct shares *shares) {
    return shares->slots + 1;
}

// Makes the memory. False: memory or random bytes are short; call shares_unmap().
bool shares_map(struct shares *shares, size_t slots);
void shares_unmap(struct shares *shares); // zeroed is allowed
// For the next fork of a worker: it can read the ticket keys and all counters, and write its own
// slot.
void shares_lend(const struct shares *shares, size_t slot);
// For the next fork of a monitor: it can read the counters of workers and the board, and write its
// own counters. It cannot see ticket keys and clients.
void shares_lend_to_monitor(const struct shares *shares);
// For the next fork of another process: it sees none of this memory.
void shares_lend_to_nobody(const struct shares *shares);
// Clears the slot of a worker that died. Its counters of events stay.
void shares_clear(const struct shares *shares, size_t slot);

#endif
