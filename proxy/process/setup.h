// Prepares the master's own process before anything else. Children inherit the result.
#ifndef RAVELIN_PROCESS_SETUP_H
#define RAVELIN_PROCESS_SETUP_H

#include <stdbool.h>

// Opens closed standard streams, ignores the signals that a write can cause, sets the name and the
// umask, seals the memory (privilege.h) and reserves memory for event loops (base/reserve.h).
// False: the process must exit.
bool setup_process(void);

#endif
