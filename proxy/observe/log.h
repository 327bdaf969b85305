// The error log: one line per event, "2026-11-23T10:11:12.345Z level process[pid]: message".
//
// Each process has one `struct log`, which writes to a descriptor that the master opened, to syslog
// or to the journal (with the field RAVELIN_PROCESS). A line has at most 2 KiB; a longer line is
// cut and ends in "...". Every byte that is neither printable ASCII nor part of a printable UTF-8
// character is written as \xHH. So no client can forge a line or control a terminal. A line is one
// write: lines of several processes never mix. Ravelin never logs keys, tickets, bodies, or values
// of Authorization or Cookie.
//
// No write waits for a reader (sink.h). Lines that the target does not accept wait in a buffer of
// LOG_BUFFER_SIZE bytes. If the buffer is full, lines are lost and counted, and a line with their
// number follows as soon as there is room. The owner calls log_flush() from time to time. The
// process must ignore SIGPIPE and SIGXFSZ, and call tzset() before it enters a sandbox.
#ifndef RAVELIN_OBSERVE_LOG_H
#define RAVELIN_OBSERVE_LOG_H

#include "base/slice.h"
#include "observe/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// In the order of the values of `log-level`.
enum log_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO, SEVERITY_DEBUG };

#define LOG_BUFFER_SIZE 16384

// A zeroed log writes nothing. Never move or copy an initialised log: the sink points into it.
struct log {
    struct sink sink;
    enum log_severity level;
    const char *process; // "master", "worker 0", "signer 0": static or outliving the log
    uint64_t lost_reported;
    // Called for each written line. NULL: none.
    void (*listener)(void *context, enum log_severity severity, const char *message);
    void *listener_context;
    char buffer[LOG_BUFFER_SIZE];
};

// `fd`: not owned, -1: none. Its requirements are in sink.h.
void log_init(struct log *log, int fd, enum sink_daemon daemon, enum log_severity level,
              const char *process);
// Changes the target and the level of an initialised log. For pending lines see sink_use().
void log_use(struct log *log, int fd, enum sink_daemon daemon, enum log_severity level);
// Writes pending lines, and reports lost lines.
void log_flush(struct log *log);
// Writes one line, if `severity` is within the level of the log. Does not change errno.
void log_write(struct log *log, enum log_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Writes one log line for each line of the text that is not empty. `who`: the process that wrote
// the text, named at the beginning of each line; NULL: none.
void log_lines(struct log *log, enum log_severity severity, const char *who, const char *text);
// Quotes text of a client for a message: in single quotes, printable ASCII unchanged, every other
// byte and `'` and `\` as \xHH. A text that does not fit is cut and ends in "..." behind the quote.
// Returns `output`, NUL-terminated.
#define LOG_QUOTE_SIZE 400
const char *log_quote(struct slice text, char output[LOG_QUOTE_SIZE]);

static inline bool log_wants(const struct log *log, enum log_severity severity) {
    return severity <= log->level;
}

#define log_error(log, ...) log_write((log), SEVERITY_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), SEVERITY_WARNING, __VA_ARGS__)
#define log_info(log, ...)                                                                         \
    (log_wants((log), SEVERITY_INFO) ? log_write((log), SEVERITY_INFO, __VA_ARGS__) : (void)0)
#define log_debug(log, ...)                                                                        \
    (log_wants((log), SEVERITY_DEBUG) ? log_write((log), SEVERITY_DEBUG, __VA_ARGS__) : (void)0)

#endif
