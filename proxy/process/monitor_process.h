// The monitor's process: one libev loop around monitor/monitor.h, driven by messages from the
// master (ipc.h). One for all workers, and only while a generation has work for it (kinds.c).
//
// It opens no file: the configuration, the sockets of `admin`, the server table and the error log
// arrive with LOAD. It has no private key, no ticket key, no socket of a client and no view of the
// client table. It goes on while Ravelin drains, so that /ready can report it, and ends when told
// to (STOP) or when the master closes its control socket.
#ifndef RAVELIN_PROCESS_MONITOR_PROCESS_H
#define RAVELIN_PROCESS_MONITOR_PROCESS_H

#include "process/shares.h"

struct monitor_start {
    int control;
    const struct shares *shares;
};

// Makes the monitor of a struct monitor_start: the loop, which the sandbox does not allow to make.
// NULL on failure, which goes to stderr.
void *monitor_prepare(void *start);
// Its life, in the sandbox. Frees it and returns the exit status.
int monitor_run(void *process);

#endif
