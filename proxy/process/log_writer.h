// Log writers: processes that write log lines to a target on which a write may wait.
//
// A terminal that is stopped or not read makes every write to it wait. The same holds for a pipe
// that Ravelin inherited and may not open again, and for a file on a network (log_target.h lists
// the kinds). O_NONBLOCK is no way out: it is a property of the open file description, which the
// shell and other programs share, and with it a terminal accepts parts of lines. So the workers and
// the master write into a pipe of Ravelin, which is not blocking, and a log writer copies the pipe
// to the target. Only the log writer ever waits. It replaces what is not printable and copies whole
// lines, each in one write. A socket gets a log writer too, because whoever has a socket can shut
// it down, and nobody can shut down a pipe.
//
// There is one log writer for a target, however many logs and generations use it. It starts when a
// log first needs it, and ends when no log uses it any more and its pipe is empty. Until that end
// it is said to be leaving. The master keeps both ends of the pipe of a target in use, so that no
// line in the pipe is lost when a log writer dies: log_writers_revive() starts another one.
//
// Losses. A line for which the pipe has no room is counted by the process whose line it is. A line
// that the target refuses (a terminal that was closed, a full disk) is counted by the log writer;
// log_writers_report() logs it.
#ifndef RAVELIN_PROCESS_LOG_WRITER_H
#define RAVELIN_PROCESS_LOG_WRITER_H

#include "base/region.h"
#include "observe/log.h"
#include "process/spawn.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

// Two logs, each of a generation in use and of one that is to follow, and as many that leave.
#define LOG_WRITER_COUNT 8
#define LOG_WRITER_NAME_SIZE 128

// How long log_writers_end() waits for the targets to accept the last lines.
#define LOG_WRITER_END_MS 1000

struct log_writer {
    pid_t pid;      // 0: none runs
    unsigned users; // 0: unused, or leaving if one runs
    dev_t device;   // which file the target is
    ino_t inode;
    int target; // the three descriptors are open while there are users
    int read_fd;
    int write_fd; // O_NONBLOCK
    uint64_t lost_reported;
    bool is_failure_reported;
    char name[LOG_WRITER_NAME_SIZE]; // of the target, for messages; cut if it is long
};

// Zeroed but for the first two, there are none.
struct log_writers {
    const struct privilege *privilege; // whom they become
    const struct title *title;
    struct region reports; // a slot a log writer: what it could not write
    uint64_t lost;         // lines, by those that are no more
    struct log_writer writers[LOG_WRITER_COUNT];
};

// Uses the log writer of the target, and starts one if there is none. A terminal that was hung up
// is another target than the one that has its name now. Takes `target`, on failure too: an open
// file description without O_NONBLOCK. RESULT: a descriptor whose lines reach the target,
// close-on-exec, the caller's, and in `used` what log_writers_release() needs; -1 with errno.
int log_writers_open(struct log_writers *writers, int target, const char *name,
                     struct log_writer **used);
// One user less. The last one makes the log writer leave when all writing ends are closed.
void log_writers_release(struct log_writer *writer);
// For the process that reaps all children: whether this was a log writer that was still in use.
bool log_writers_note_death(struct log_writers *writers, pid_t pid);
// Starts those that have died.
void log_writers_revive(struct log_writers *writers);
// Logs, once a failure, which targets do not accept lines, and how many lines they have refused.
void log_writers_report(struct log_writers *writers, struct log *log);
// How many lines the targets have refused so far.
uint64_t log_writers_lost(const struct log_writers *writers);
// When all are released and all other writing ends are closed: waits for the last lines to be
// written, but at most LOG_WRITER_END_MS, and ends the log writers.
void log_writers_end(struct log_writers *writers);

#endif
