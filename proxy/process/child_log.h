// The error log of a child: where it goes changes with a generation (LOAD, then COMMIT) and when
// log files are opened again (REOPEN). The child opens no file: descriptors come with messages.
#ifndef RAVELIN_PROCESS_CHILD_LOG_H
#define RAVELIN_PROCESS_CHILD_LOG_H

#include "observe/log.h"
#include "process/ipc.h"

#include <stdbool.h>
#include <stdint.h>

// Never moved: the log points into it.
struct child_log {
    struct log log;
    char name[16];
    int fd; // what it logs to; -1: none, or a daemon
    struct {
        bool is_there;
        uint64_t generation;
        int fd;
        enum sink_daemon daemon;
        enum log_level level;
    } staged; // in use from the next COMMIT on
};

void child_log_init(struct child_log *child_log, const char *name);
// Takes the descriptor out of a LOAD. Drops what was staged before.
void child_log_stage(struct child_log *child_log, struct ipc_message *load);
// Whether this generation is staged.
bool child_log_has(const struct child_log *child_log, uint64_t generation);
void child_log_commit(struct child_log *child_log); // for one that is staged
void child_log_drop(struct child_log *child_log);   // does nothing if nothing is staged
// Takes the descriptor out of a REOPEN, if there is one.
void child_log_reopen(struct child_log *child_log, struct ipc_message *message);
void child_log_close(struct child_log *child_log);

#endif
