// The monitor's process: one libev loop around monitor/monitor.h, driven by messages of the master
// (ipc.h). There is one for all workers, and only while a generation needs it (kinds.c).
//
// It opens no file: LOAD has the configuration, the sockets of `admin`, the server table and the
// error log. It has no private key, no ticket key, no client socket and no view of the client
// table. It runs while Ravelin drains, so that /ready can report the drain. It exits after STOP, or
// when the master closes its control socket.
#ifndef RAVELIN_PROCESS_MONITOR_PROCESS_H
#define RAVELIN_PROCESS_MONITOR_PROCESS_H

#include "process/shares.h"

struct monitor_start {
    int control;
    const struct shares *shares;
};

// Prepares the monitor of a struct monitor_start: makes the loop, because the sandbox forbids it.
// NULL: failure, printed to stderr.
void *monitor_prepare(void *start);
// The loop, in the sandbox. Frees `process` and returns the exit status.
int monitor_run(void *process);

#endif
