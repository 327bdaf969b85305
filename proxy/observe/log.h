// The error log: one line per event, "2026-11-23T10:11:12.345Z level process[pid]: message".
//
// Each process has one `struct log` over a descriptor the master opened (a file opened O_APPEND,
// stderr) or syslog. A line is formatted into a bounded stack buffer (2 KiB; a longer one is cut
// and ends in "..."). Every byte in it that is neither printable ASCII nor part of a printable
// UTF-8 character is written as \xHH, so that nothing a client sends can forge a line or drive a
// terminal. It leaves in one write(): lines of several processes never mix. Never logged: keys,
// tickets, bodies, Authorization or Cookie values.
//
// Waiting: a line that a pipe or socket has no room for is not written but counted in `lost`; the
// next line that can be written is preceded by one that tells how many were lost. With syslog the
// line goes through syslog(3), which waits for a slow daemon; openlog() (and tzset(), before a
// sandbox) is the process's job, and so is ignoring SIGPIPE.
#ifndef RAVELIN_OBSERVE_LOG_H
#define RAVELIN_OBSERVE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// The same order as the configuration's.
enum log_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO, SEVERITY_DEBUG };

struct log {
    int fd; // -1 with syslog; not owned
    bool use_syslog;
    enum log_severity level;
    const char *process; // "master", "worker 0", "signer 0": static or outliving the log
    uint64_t lost;       // lines, since that was last reported
};

void log_init(struct log *log, int fd, bool use_syslog, enum log_severity level,
              const char *process);
// Writes nothing when the level does not want it. Leaves errno as it was.
void log_write(struct log *log, enum log_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline bool log_wants(const struct log *log, enum log_severity severity) {
    return severity <= log->level;
}

#define log_error(log, ...) log_write((log), SEVERITY_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), SEVERITY_WARNING, __VA_ARGS__)
#define log_info(log, ...)                                                                         \
    (log_wants((log), SEVERITY_INFO) ? log_write((log), SEVERITY_INFO, __VA_ARGS__) : (void)0)
#define log_debug(log, ...)                                                                        \
    (log_wants((log), SEVERITY_DEBUG) ? log_write((log), SEVERITY_DEBUG, __VA_ARGS__) : (void)0)

// write() that does not wait for a reader even when `fd` is blocking (a shared stderr cannot be
// made otherwise): polls first and fails with EAGAIN when there is no room. On a pipe that holds
// for `size` up to PIPE_BUF, unless another process takes the last room between the two calls; on a
// descriptor that is O_NONBLOCK it always holds. Returns as write() does.
ssize_t log_put(int fd, const char *data, size_t size);

#endif
