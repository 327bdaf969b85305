// A worker: one libev loop that serves clients (session/service.h), driven by messages from the
// master (ipc.h).
//
// Everything it needs arrives over its control socket: the generation to serve, its listeners, its
// logs, its end of the pair to its signer. It opens no file. It loads a generation in two steps
// (LOAD is answered by READY or FAILED, then COMMIT, answered by COMMITTED, or ABORT follows), the
// first one like any later one. It ends when told to (STOP), when a drain is complete, and at once
// when the master is gone.
#ifndef RAVELIN_PROCESS_WORKER_H
#define RAVELIN_PROCESS_WORKER_H

#include "backend/server_counts.h"
#include "exchange/client_table.h"
#include "observe/metrics.h"
#include "tls/handshake/ticket.h"

#include <stddef.h>

struct worker_start {
    unsigned slot;
    int control;
    struct metrics_slot *metrics; // of all slots; its own is writable (metrics_map())
    size_t slot_count;
    struct client_table *clients;
    const struct server_counts *servers;
    const struct ticket_store *tickets;
};

// The whole life of a worker process; a struct worker_start. Returns the exit status.
int worker_run(void *start);

#endif
