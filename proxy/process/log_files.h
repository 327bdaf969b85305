// Where the logs go: descriptors for the targets a config names, opened by the master and passed on
// to workers, which open nothing. Every descriptor here is owned and closed alike. None makes a
// process wait for the reader of the lines (see observe/sink.h), and nothing is changed that
// another program shares:
//
//   a file          opened for appending, made with mode 0640. An empty one that Ravelin may not
//                   write, because logrotate made it for another user, is replaced if the folder
//                   allows it; log_files_warn() reports it.
//   a FIFO          opened with O_NONBLOCK. A FIFO that no process reads is opened all the same:
//                   the master holds a reading end, so that lines wait in the FIFO until it is
//                   full. log_files_warn() reports it.
//   a terminal or   opened by the master and given to a log writer, which log_target.h explains. So
//   device          is a file on a network.
//   stdout, stderr  a file is duplicated. A pipe is opened again through /proc, which gives Ravelin
//                   an open file description of its own. A terminal gets a log writer, and so does
//                   what cannot be opened again (log_writer.h). So does a socket, as the journal's:
//                   a worker that has it could shut it down for all processes.
#ifndef RAVELIN_PROCESS_LOG_FILES_H
#define RAVELIN_PROCESS_LOG_FILES_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/log_writer.h"

#include <stdbool.h>

enum log_file_state {
    LOG_FILE_NONE,     // off, a daemon, or not open yet
    LOG_FILE_OPEN,     // also by a log writer
    LOG_FILE_REPLACED, // open, in place of an empty file that Ravelin may not write
    LOG_FILE_HELD,     // open: a FIFO that no process reads; `holder` keeps its lines
    LOG_FILE_ABSENT,   // a FIFO that no process reads, and that Ravelin may not read: try later
};

struct log_file {
    enum log_file_state state;
    int fd;                    // -1 with LOG_FILE_NONE and LOG_FILE_ABSENT
    int holder;                // reading end of the FIFO with LOG_FILE_HELD; else -1
    struct log_writer *writer; // that writes what is written to `fd`; NULL: none
};

struct log_files {
    struct log_file error;
    struct log_file access;
};

void log_files_init(struct log_files *files); // none is open
// On failure nothing is left open and `error` says which file and why.
enum result log_files_open(struct log_files *files, const struct config *config,
                           struct log_writers *writers, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Logs a warning for each FIFO that no process reads, and each file that was replaced.
void log_files_warn(const struct log_files *files, const struct config *config, struct log *log);
// How many logs are off because no process reads their FIFO: to be opened again soon.
unsigned log_files_absent(const struct log_files *files);
void log_files_close(struct log_files *files); // once more is fine

enum log_severity log_files_severity(enum log_level level);

#endif
