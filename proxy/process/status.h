// Draws the answer to the command `status`: what the master knows of itself, its children, the
// current generation's certificates and the counters, as one JSON object.
#ifndef RAVELIN_PROCESS_STATUS_H
#define RAVELIN_PROCESS_STATUS_H

#include "process/auto_reload.h"
#include "process/reload.h"
#include "process/upgrade.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What is drawn. Nothing here is changed.
struct status {
    const char *version;
    const char *state;       // of the master, in one word
    const char *config_path; // absolute
    int64_t started_us;      // wall clock
    uint64_t lost_log_lines;
    const struct reload *reload;
    const struct upgrade *upgrade;
    const struct formers *formers; // masters that drain
    const struct auto_reload *automatic;
    const struct children *children;
};

// False: it does not fit into `capacity` bytes, NUL included, or memory is short. The list of
// certificates is cut so that it fits into CONTROL_ANSWER_MAX bytes in all but odd cases.
bool status_draw(const struct status *status, char *output, size_t capacity) MUST_CHECK;

#endif
