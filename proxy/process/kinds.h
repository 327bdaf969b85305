// The kinds of children that the master has: a row for each, in the order in which they start and
// load.
#ifndef RAVELIN_PROCESS_KINDS_H
#define RAVELIN_PROCESS_KINDS_H

#include "process/children.h"

enum { KIND_SIGNER, KIND_WORKER, KIND_MONITOR, KIND_ACME, KIND_COUNT };

extern const struct child_kind kinds[KIND_COUNT];

// Whether a generation has work for the monitor.
bool kinds_has_monitor(const struct source *source);
// Binds the listening sockets anew that a worker or the monitor has shut down, and gives them to
// it. A process that does it again within a minute is killed.
void kinds_check_listeners(struct children *children);

#endif
