// The error log: one line per event, "2026-11-23T10:11:12.345Z level process[pid]: message".
//
// Each process has one `struct log` over a descriptor the master opened or over syslog. A line is
// at most 2 KiB; a longer one is cut and ends in "...". Every byte in it that is neither printable
// ASCII nor part of a printable UTF-8 character is written as \xHH, so that nothing a client sends
// can forge a line or drive a terminal. It leaves in one write: lines of several processes never
// mix. Never logged: keys, tickets, bodies, Authorization or Cookie values.
//
// No write waits for a reader (sink.h). Lines that the target does not accept wait in a buffer of
// LOG_BUFFER_SIZE bytes; when it is full, lines are lost and counted, and a line with their number
// follows as soon as there is room. The owner calls log_flush() from time to time. tzset() before a
// sandbox is the process's job, and so is ignoring SIGPIPE and
// SIGXFSZ.
#ifndef RAVELIN_OBSERVE_LOG_H
#define RAVELIN_OBSERVE_LOG_H

#include "base/slice.h"
#include "observe/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The same order as the configuration's.
enum log_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO, SEVERITY_DEBUG };

#define LOG_BUFFER_SIZE 16384

// Zeroed, it writes nothing. It must stay where it was initialised.
struct log {
    struct sink sink;
    enum log_severity level;
    const char *process; // "master", "worker 0", "signer 0": static or outliving the log
    uint64_t lost_reported;
    char buffer[LOG_BUFFER_SIZE];
};

// `fd`: not owned, -1 for none; see sink.h for what it must be.
void log_init(struct log *log, int fd, bool use_syslog, enum log_severity level,
              const char *process);
// Changes the target and the level of an initialised log. Lines that still wait go to the new
// target.
void log_use(struct log *log, int fd, bool use_syslog, enum log_severity level);
// Writes lines that still wait, and reports lost ones.
void log_flush(struct log *log);
// Writes nothing when the level does not want it. Leaves errno as it was.
void log_write(struct log *log, enum log_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// One log line for each line of the text that is not empty.
void log_lines(struct log *log, enum log_severity severity, const char *text);
// Writes `text`, which a client sent, in single quotes, for use in a message: printable ASCII as it
// is, every other byte and `'` and `\` as \xHH, NUL included. A longer text is cut and ends in
// "..." behind the quote. Returns `output`, NUL-terminated.
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
