// The memory that the master shares with its children, whatever generation they serve: counters,
// the table of clients, connections in use to servers, ticket keys, and the board for the monitor.
// It is made before the first process is forked. Which of it a process sees and writes is said
// right before each fork. The key of the names of servers is the master's alone.
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
    size_t slots;                 // of workers
    struct metrics_slot *metrics; // of all slots, then one of the monitor
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

// False: memory or randomness is short. shares_unmap() frees what there is.
bool shares_map(struct shares *shares, size_t slots);
void shares_unmap(struct shares *shares); // none (all zero) is fine
// A worker forked now reads the ticket keys and what other workers count, and writes its own slot.
void shares_lend(const struct shares *shares, size_t slot);
// A monitor forked now reads what workers count and the board, and writes its own counters. It has
// no view of ticket keys and clients.
void shares_lend_to_monitor(const struct shares *shares);
// What is forked now has no view of these.
void shares_lend_to_nobody(const struct shares *shares);
// The worker in this slot is gone, and what it wrote with it. Its counters of events stay.
void shares_clear(const struct shares *shares, size_t slot);

#endif
