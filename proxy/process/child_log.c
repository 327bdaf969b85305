#include "process/child_log.h"

#include "process/log_files.h"

#include <stdio.h>
#include <unistd.h>

void child_log_init(struct child_log *child_log, const char *name) {
    (void)snprintf(child_log->name, sizeof(child_log->name), "%s", name);
    child_log->fd = child_log->staged.fd = -1;
    child_log->staged.is_there = false;
    log_init(&child_log->log, -1, SINK_NO_DAEMON, SEVERITY_INFO, child_log->name);
}

static void use(struct child_log *child_log, int fd, enum sink_daemon daemon,
                enum log_severity level) {
    int former = child_log->fd;
    log_use(&child_log->log, fd, daemon, level);
    child_log->fd = fd;
    if (former >= 0) {
        (void)close(former);
    }
}

void child_log_drop(struct child_log *child_log) {
    if (child_log->staged.is_there && child_log->staged.fd >= 0) {
        (void)close(child_log->staged.fd);
    }
    child_log->staged.is_there = false;
}

void child_log_stage(struct child_log *child_log, struct ipc_message *load) {
    child_log_drop(child_log);
    child_log->staged.is_there = true;
    child_log->staged.generation = load->generation;
    child_log->staged.fd = ipc_take(load, IPC_FD_ERROR_LOG);
    child_log->staged.daemon = load->log_daemon;
    child_log->staged.level = load->log_level;
}

bool child_log_has(const struct child_log *child_log, uint64_t generation) {
    return child_log->staged.is_there && child_log->staged.generation == generation;
}

void child_log_commit(struct child_log *child_log) {
    use(child_log, child_log->staged.fd, child_log->staged.daemon,
        log_files_severity(child_log->staged.level));
    child_log->staged.is_there = false;
}

void child_log_reopen(struct child_log *child_log, struct ipc_message *message) {
    if (message->fds[IPC_FD_ERROR_LOG] >= 0) {
        use(child_log, ipc_take(message, IPC_FD_ERROR_LOG), SINK_NO_DAEMON, child_log->log.level);
    }
}

void child_log_close(struct child_log *child_log) {
    child_log_drop(child_log);
    sink_close(&child_log->log.sink);
}
