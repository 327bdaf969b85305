// The access log: one line for each exchange, and one for each session whose TLS handshake failed.
//
// Each worker gathers lines in one buffer. The buffer is written when it is nearly full, once a
// second by the worker's timer (access_log_flush), and at exit. For a daemon, it is written after
// each line. No write waits for a reader (sink.h). Lines that the target does not accept stay in
// the buffer. If the buffer is full, new lines are lost and counted. access_log_flush() reports
// lost lines in the error log, at most once in 10 seconds. If a disk is full, a line may be written
// in part; its rest is written first when there is space again. The process must ignore SIGPIPE and
// SIGXFSZ.
//
// A line has at most 16 KiB, with its line end. If the target is not a file, a line has at most 4
// KiB, with the bytes added for a daemon. If a line is longer, all its strings are cut to the same
// length, so that short strings stay whole. No escape and no character is cut in two: the line
// stays valid.
#ifndef RAVELIN_OBSERVE_ACCESS_LOG_H
#define RAVELIN_OBSERVE_ACCESS_LOG_H

#include "base/rate.h"
#include "observe/access_line.h"
#include "observe/log.h"
#include "observe/sink.h"

#define ACCESS_LOG_BUFFER_SIZE 65536
#define ACCESS_LOG_LINE_MAX 16384
#define ACCESS_LOG_PIECE_LINE_MAX SINK_PIECE_MAX

struct access_log {
    struct sink sink; // its buffer holds ACCESS_LOG_BUFFER_SIZE bytes
    struct log *errors;
    size_t line_max; // bytes of one line
    uint64_t lost_reported;
    struct rate reports;
    struct access_style style;
};

// `fd`: see sink_use(). `errors`: outlives the log. False: memory is short.
bool access_log_init(struct access_log *log, int fd, enum sink_daemon daemon,
                     enum access_format format, struct log *errors);
static inline bool access_log_enabled(const struct access_log *log) {
    return sink_is_on(&log->sink);
}
// Adds one line. Does nothing if the log is off.
void access_log_write(struct access_log *log, const struct access_entry *entry);
// Writes what the target accepts, and reports lines lost since the last report.
void access_log_flush(struct access_log *log);
// Flushes to the former target, then changes to the new one (log rotation). The caller closes the
// former descriptor. Lines that the former target did not accept go to the new one if both are
// descriptors; otherwise they are lost.
void access_log_reopen(struct access_log *log, int fd, enum sink_daemon daemon,
                       enum access_format format);
void access_log_free(struct access_log *log); // flushes

#endif
