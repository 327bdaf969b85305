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

// Makes the worker of a struct worker_start: the loop and the library, which the sandbox does not
// allow to start. NULL on failure, which goes to stderr.
void *worker_prepare(void *start);
// Its life, in the sandbox. Frees it and returns the exit status.
int worker_run(void *worker);

#endif
