// A worker: one libev loop that serves clients (session/service.h), driven by messages of the
// master (ipc.h).
//
// Everything that it needs arrives over its control socket: the generation, its listeners, its
// logs, its end of the pair to its signer. It opens no file. It loads each generation, also the
// first one, in two steps: LOAD, to which it replies READY or FAILED; then COMMIT, to which it
// replies COMMITTED, or ABORT. It exits after STOP, when a drain is complete, and at once when the
// master has exited.
#ifndef RAVELIN_PROCESS_WORKER_H
#define RAVELIN_PROCESS_WORKER_H

#include "process/shares.h"

struct worker_start {
    unsigned slot;
    int control;
    const struct shares *shares; // its own slot is writable
};

// Prepares the worker of a struct worker_start: makes the loop and initialises wolfSSL, because the
// sandbox forbids both. NULL on failure, which is printed to stderr.
void *worker_prepare(void *start);
// The loop, in the sandbox. Frees `worker` and returns the exit status.
int worker_run(void *worker);

#endif
