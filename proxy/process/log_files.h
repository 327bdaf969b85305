// Where the logs go: descriptors for the targets a config names, opened by the master and passed on
// to workers, which open nothing. A file is opened for appending and made with mode 0640; stdout
// and stderr are duplicated, so that every descriptor here is owned and closed alike.
#ifndef RAVELIN_PROCESS_LOG_FILES_H
#define RAVELIN_PROCESS_LOG_FILES_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"

struct log_files {
    int error_fd;  // -1: syslog
    int access_fd; // -1: off or syslog
};

// On failure nothing is left open and `error` says which file and why.
enum result log_files_open(struct log_files *files, const struct config *config,
                           char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void log_files_close(struct log_files *files); // once more is fine

enum log_severity log_files_severity(enum log_level level);

#endif
