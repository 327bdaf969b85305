// Opens the log targets of a configuration. The master opens them and passes the descriptors to
// workers, which open nothing. This module owns and closes every descriptor. No target makes a
// process wait for the reader of the lines (see observe/sink.h). Nothing that other programs share
// is changed:
//
//   a file          opened for appending, made with mode 0640. If an empty file is not writable for
//                   Ravelin, because logrotate made it for another user, it is replaced if the
//                   folder allows this; log_files_warn() reports it
//   a FIFO          opened with O_NONBLOCK, also without a reader: the master then holds a reading
//                   end, so that lines wait in the FIFO until it is full. log_files_warn() reports
//                   it
//   a terminal or device, a file on a network
//                   opened by the master and passed to a log writer, see log_target.h
//   stdout, stderr  a file is duplicated. A pipe is opened again through /proc, so that Ravelin has
//                   its own open file description. A terminal, a socket, and a pipe that cannot be
//                   opened again get a log writer (log_writer.h). A worker with a socket, such as
//                   the journal's, could shut it down for all processes
#ifndef RAVELIN_PROCESS_LOG_FILES_H
#define RAVELIN_PROCESS_LOG_FILES_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/log_writer.h"

#include <stdbool.h>

enum log_file_state {
    LOG_FILE_NONE,     // off, a daemon, or not open yet
    LOG_FILE_OPEN,     // also with a log writer
    LOG_FILE_REPLACED, // open; it replaced an empty file that Ravelin may not write
    LOG_FILE_HELD,     // open: a FIFO without a reader; `holder` keeps its lines
    LOG_FILE_ABSENT,   // a FIFO without a reader that Ravelin may not read: try later
};

struct log_file {
    enum log_file_state state;
    int fd;                    // -1 with LOG_FILE_NONE and LOG_FILE_ABSENT
    int holder;                // reading end of the FIFO, if LOG_FILE_HELD; else -1
    struct log_writer *writer; // copies from the pipe of `fd` to the target; NULL: none
};

struct log_files {
    struct log_file error;
    struct log_file access;
};

void log_files_init(struct log_files *files); // no file is open
// Opens the logs. On failure nothing is left open, and `error` has the file and the reason.
enum result log_files_open(struct log_files *files, const struct config *config,
                           struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Logs a warning for each FIFO without a reader, and each file that was replaced.
void log_files_warn(const struct log_files *files, const struct config *config, struct log *log);
// Number of logs that are off because their FIFO has no reader. Try to open them again.
unsigned log_files_absent(const struct log_files *files);
void log_files_close(struct log_files *files); // may be called again

enum log_severity log_files_severity(enum log_level level);

#endif
