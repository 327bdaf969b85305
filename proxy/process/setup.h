// What the master makes of its own process before anything else, and what its children inherit.
#ifndef RAVELIN_PROCESS_SETUP_H
#define RAVELIN_PROCESS_SETUP_H

#include <stdbool.h>

// Opens standard streams that are closed, ignores the signals that a write can cause, sets the name
// and the umask, seals the memory (privilege.h) and reserves some for event loops (base/reserve.h).
// False: the process must end.
bool setup_process(void);

#endif
