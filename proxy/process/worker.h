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

#include "process/shares.h"

struct worker_start {
    unsigned slot;
    int control;
    const struct shares *shares; // its own slot is writable
};

// The whole life of a worker process; a struct worker_start. Returns the exit status.
int worker_run(void *start);

#endif
