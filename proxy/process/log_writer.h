// Log writers: processes that write log lines to a stream on which a write may wait.
//
// A terminal that is stopped or not read makes every write to it wait. The same holds for a pipe
// that Ravelin inherited and may not open again. O_NONBLOCK is no way out, because it is a property
// of the open file description, which the shell and other programs share. So the workers and the
// master write into a pipe of Ravelin, which is not blocking, and a log writer copies the pipe to
// the stream. Only the log writer ever waits. It copies whole lines, each in one write. A socket
// gets a log writer too, because whoever has a socket can shut it down, and nobody can shut down a
// pipe.
//
// There is at most one log writer each for stdout and stderr. It starts when a log first needs it
// and ends with the master. The master keeps both ends of the pipe, so that no line in the pipe is
// lost when a log writer dies: log_writers_revive() starts another one.
#ifndef RAVELIN_PROCESS_LOG_WRITER_H
#define RAVELIN_PROCESS_LOG_WRITER_H

#include "process/spawn.h"

#include <stdbool.h>
#include <sys/types.h>

#define LOG_WRITER_COUNT 2

// How long log_writers_end() waits for the streams to accept the last lines.
#define LOG_WRITER_END_MS 1000

struct log_writer {
    pid_t pid;  // 0: none runs
    int stream; // STDOUT_FILENO or STDERR_FILENO; 0: not in use
    int read_fd;
    int write_fd; // O_NONBLOCK
};

// Zeroed but for the first two, there are none.
struct log_writers {
    const struct privilege *privilege; // whom they become
    const struct title *title;
    struct log_writer writers[LOG_WRITER_COUNT];
};

// A descriptor whose lines reach the stream, close-on-exec, the caller's; starts the log writer if
// none runs. -1 with errno.
int log_writers_open(struct log_writers *writers, int stream);
// For the process that reaps all children: whether this was a log writer.
bool log_writers_note_death(struct log_writers *writers, pid_t pid);
// Starts those that have died.
void log_writers_revive(struct log_writers *writers);
// When all other writing ends are closed: waits for the last lines to be written, but at most
// LOG_WRITER_END_MS, and ends the log writers.
void log_writers_end(struct log_writers *writers);

#endif
