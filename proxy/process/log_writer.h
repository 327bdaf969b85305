// Log writers: processes that write log lines to targets on which a write may wait.
//
// A write to a terminal that is stopped or not read waits. The same is true for a pipe that Ravelin
// inherited and may not open again, and for a file on a network (log_target.h lists the kinds).
// O_NONBLOCK does not help. It is a property of the open file description, which the shell and
// other programs share, and a terminal with O_NONBLOCK accepts parts of lines. So workers and the
// master write into a non-blocking pipe of Ravelin, and a log writer copies the pipe to the target.
// Only the log writer waits. It replaces bytes that are not printable, and copies whole lines, each
// in one write. A socket gets a log writer, too, because every process with a socket can shut it
// down. A pipe cannot be shut down.
//
// A target has one log writer, for all logs and generations that use it. The log writer starts when
// a log first needs it. It exits when no log uses it and its pipe is empty; until then it is called
// leaving. The master keeps both ends of the pipe of a target in use, so that no line in the pipe
// is lost when a log writer dies: log_writers_revive() starts another one.
//
// Losses. If the pipe has no space for a line, the process that writes the line counts it. If the
// target refuses a line (a closed terminal, a full disk), the log writer counts it, and
// log_writers_report() logs it.
#ifndef RAVELIN_PROCESS_LOG_WRITER_H
#define RAVELIN_PROCESS_LOG_WRITER_H

#include "base/region.h"
#include "observe/log.h"
#include "process/spawn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Two logs, each of the current and of a staged generation, and as many that leave.
#define LOG_WRITER_COUNT 8
#define LOG_WRITER_NAME_SIZE 128

// How long log_writers_end() waits for the targets to accept the last lines.
#define LOG_WRITER_END_MS 1000

struct log_writer {
    pid_t pid;      // 0: not running
    unsigned users; // number of uses; 0: unused, or leaving if it runs
    dev_t device;   // device and inode of the target
    ino_t inode;
    int target; // this and the next two descriptors are open while there are users
    int read_fd;
    int write_fd; // O_NONBLOCK
    uint64_t lost_reported;
    bool is_failure_reported;
    unsigned stopped;                // for pulse_is_stopped()
    char name[LOG_WRITER_NAME_SIZE]; // name of the target for messages, cut if it is long
};

// The owner sets the first two members and zeroes the others.
struct log_writers {
    const struct privilege *privilege; // user that log writers become
    const struct title *title;
    struct region reports; // one slot for each log writer: lines that it could not write
    uint64_t lost;         // lines lost by log writers that have exited
    struct log_writer writers[LOG_WRITER_COUNT];
};

// Uses the log writer of a target. Starts one if there is none. A terminal that was hung up is
// another target than the terminal that has its name now.
//   target   an open file description without O_NONBLOCK; owned by this module, also on failure
//   used     out: for log_writers_release()
//   Returns  a close-on-exec descriptor for lines to the target, owned by the caller; -1 with errno
int log_writers_open(struct log_writers *writers, int target, const char *name,
                     struct log_writer **used);
// Ends one use. After the last use, the log writer exits when all writing ends are closed.
void log_writers_release(struct log_writer *writer);
// Call it when a child was reaped. True: it was a log writer in use.
bool log_writers_note_death(struct log_writers *writers, pid_t pid);
// Call it with every heartbeat. Starts the log writers that have died, and kills those that a
// signal has stopped.
void log_writers_revive(struct log_writers *writers);
// Logs the targets that refuse lines, once for each failure, and the number of refused lines.
void log_writers_report(struct log_writers *writers, struct log *log);
// Number of lines that the targets have refused so far.
uint64_t log_writers_lost(const struct log_writers *writers);
// Call it when all are released and all other writing ends are closed. Waits until the last lines
// are written, at most LOG_WRITER_END_MS, and ends the log writers.
void log_writers_end(struct log_writers *writers);

#endif
