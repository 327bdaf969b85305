// Draws the answer to the command `status`: what the master knows of itself, its children, the
// current generation's certificates and the counters, as one JSON object.
#ifndef RAVELIN_PROCESS_STATUS_H
#define RAVELIN_PROCESS_STATUS_H

#include "process/master_state.h"

#include <stdbool.h>
#include <stddef.h>

// False: it does not fit into `capacity` bytes, NUL included, or memory is short. The list of
// certificates is cut so that it fits into CONTROL_ANSWER_MAX bytes in all but odd cases.
bool status_draw(const struct master *master, char *output, size_t capacity) MUST_CHECK;

#endif
