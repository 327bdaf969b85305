// The error log of a child. Its target changes with a generation (LOAD, then COMMIT) and when log
// files are opened again (REOPEN). The child opens no file: messages bring the descriptors.
#ifndef RAVELIN_PROCESS_CHILD_LOG_H
#define RAVELIN_PROCESS_CHILD_LOG_H

#include "observe/log.h"
#include "process/ipc.h"

#include <stdbool.h>
#include <stdint.h>

// It must not be moved, because `log` has a pointer to it.
struct child_log {
    struct log log;
    char name[16];
    int fd; // target of the log; -1: none, or a daemon
    struct {
        bool is_there;
        uint64_t generation;
        int fd;
        enum sink_daemon daemon;
        enum log_level level;
    } staged; // used from the next COMMIT on
};

void child_log_init(struct child_log *child_log, const char *name);
// Takes the descriptor from a LOAD. Drops the staged log, if any.
void child_log_stage(struct child_log *child_log, struct ipc_message *load);
// Whether the log of this generation is staged.
bool child_log_has(const struct child_log *child_log, uint64_t generation);
void child_log_commit(struct child_log *child_log); // there must be a staged log
void child_log_drop(struct child_log *child_log);   // does nothing without a staged log
// Takes the descriptor from a REOPEN, if it has one.
void child_log_reopen(struct child_log *child_log, struct ipc_message *message);
void child_log_close(struct child_log *child_log);

#endif
