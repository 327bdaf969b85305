#include "process/logs.h"

#include "process/source.h"

void logs_use(const struct logs *logs) {
    const struct config *config = logs->children->current->config;
    const struct log_files *files = &logs->children->current->logs;
    log_use(logs->children->log, files->error.fd, config->log.target == LOG_TARGET_SYSLOG,
            log_files_severity(config->log_level));
    log_files_warn(files, config, logs->children->log);
}

// Makes these files the logs of the master and of the workers.
static void use_files(const struct logs *logs, const struct log_files *files) {
    struct source *current = logs->children->current;
    struct log_files former = current->logs;
    current->logs = *files;
    logs_use(logs);
    log_files_close(&former);
    struct ipc_message message;
    ipc_init(&message, IPC_REOPEN, current->number);
    message.fds[IPC_FD_ERROR_LOG] = files->error.fd;
    message.fds[IPC_FD_ACCESS_LOG] = files->access.fd;
    children_send(logs->children, &message);
    log_info(logs->children->log, "log files reopened");
}

static enum result open_files(const struct logs *logs, struct log_files *files,
                              char error[CONFIG_ERROR_SIZE]) {
    return log_files_open(files, logs->children->current->config, logs->writers, error);
}

enum result logs_reopen(const struct logs *logs, char error[CONFIG_ERROR_SIZE]) {
    struct log_files files;
    if (open_files(logs, &files, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    use_files(logs, &files);
    return RESULT_OK;
}

void logs_retry(const struct logs *logs) {
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    unsigned absent = log_files_absent(&logs->children->current->logs);
    if (absent == 0 || open_files(logs, &files, error) != RESULT_OK) {
        return;
    }
    if (log_files_absent(&files) < absent) {
        use_files(logs, &files);
    } else {
        log_files_close(&files);
    }
}
