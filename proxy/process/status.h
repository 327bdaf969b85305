// Writes the reply to the command `status` as one JSON object: the state of the master and its
// children, the certificates of the current generation, and the counters.
#ifndef RAVELIN_PROCESS_STATUS_H
#define RAVELIN_PROCESS_STATUS_H

#include "process/auto_reload.h"
#include "process/reload.h"
#include "process/upgrade.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The data of the reply. It is only read.
struct status {
    const char *version;
    const char *state;       // state of the master, one word
    const char *config_path; // absolute
    int64_t started_us;      // wall clock
    uint64_t lost_log_lines;
    const struct reload *reload;
    const struct upgrade *upgrade;
    const struct formers *formers; // draining masters
    const struct auto_reload *automatic;
    const struct children *children;
};

// False: the reply does not fit into `capacity` bytes with its NUL, or memory is short. The list of
// certificates is shortened so that the reply fits into CONTROL_ANSWER_MAX bytes, except in unusual
// cases.
bool status_draw(const struct status *status, char *output, size_t capacity) MUST_CHECK;

#endif
