#include "process/log_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum result open_target(int *fd, const struct config *config, const char *option,
                               const struct config_log *target, char error[CONFIG_ERROR_SIZE]) {
    const char *name = target->path;
    switch (target->target) {
    case LOG_TARGET_OFF:
    case LOG_TARGET_SYSLOG:
        return RESULT_OK;
    case LOG_TARGET_STDOUT:
        name = "stdout";
        *fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
        break;
    case LOG_TARGET_STDERR:
        name = "stderr";
        *fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
        break;
    case LOG_TARGET_FILE:
        *fd = open(target->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
        break;
    }
    if (*fd < 0) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s: cannot open %s: %s", config->path, option,
                       name, strerror(errno));
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

enum result log_files_open(struct log_files *files, const struct config *config,
                           char error[CONFIG_ERROR_SIZE]) {
    *files = (struct log_files){-1, -1};
    if (open_target(&files->error_fd, config, "log", &config->log, error) != RESULT_OK ||
        open_target(&files->access_fd, config, "access-log", &config->access_log, error) !=
            RESULT_OK) {
        log_files_close(files);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void log_files_close(struct log_files *files) {
    if (files->error_fd >= 0) {
        (void)close(files->error_fd);
    }
    if (files->access_fd >= 0) {
        (void)close(files->access_fd);
    }
    *files = (struct log_files){-1, -1};
}

enum log_severity log_files_severity(enum log_level level) {
    switch (level) {
    case LOG_LEVEL_ERROR:
        return SEVERITY_ERROR;
    case LOG_LEVEL_WARNING:
        return SEVERITY_WARNING;
    case LOG_LEVEL_DEBUG:
        return SEVERITY_DEBUG;
    case LOG_LEVEL_INFO:
    default:
        return SEVERITY_INFO;
    }
}
