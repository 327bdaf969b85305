// The kinds of children of the master: a row for each, in the order in which they start and load.
#ifndef RAVELIN_PROCESS_KINDS_H
#define RAVELIN_PROCESS_KINDS_H

#include "process/children.h"

enum { KIND_SIGNER, KIND_AUTH, KIND_WORKER, KIND_MONITOR, KIND_ACME, KIND_COUNT };

extern const struct child_kind kinds[KIND_COUNT];

// Whether a generation needs the monitor.
bool kinds_has_monitor(const struct source *source);
// Binds again the listening sockets that a worker or the monitor has shut down, and sends them to
// it. Kills a process that shuts down a socket again within a minute. True: a socket was bound.
bool kinds_check_listeners(struct children *children);

#endif
