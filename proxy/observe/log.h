// The error log: one line per event, "2026-11-23T10:11:12.345Z level process[pid]: message".
//
// Each process has one `struct log` over a descriptor the master opened (a file opened O_APPEND, stderr) or syslog.
// A line is formatted into a bounded stack buffer, control bytes and line ends in it are written as \xHH, so that nothing a
// client sends can forge a line, and it leaves in one write(): lines of several processes never mix. Nothing
// here blocks on a full pipe for long: a line that cannot be written is counted in `lost` and reported later.
// Never logged: keys, tickets, bodies, Authorization or Cookie values.
#ifndef RAVELIN_OBSERVE_LOG_H
#define RAVELIN_OBSERVE_LOG_H

#include <stdbool.h>
#include <stdint.h>

// The same order as the configuration's.
enum log_severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_INFO, SEVERITY_DEBUG };

struct log {
    int fd;              // -1 with syslog
    bool use_syslog;
    enum log_severity level;
    const char *process; // "master", "worker 0", "signer 0": static or outliving the log
    uint64_t lost;
};

void log_init(struct log *log, int fd, bool use_syslog, enum log_severity level, const char *process);
void log_write(struct log *log, enum log_severity severity, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline bool log_wants(const struct log *log, enum log_severity severity) {
    return severity <= log->level;
}

#define log_error(log, ...) log_write((log), SEVERITY_ERROR, __VA_ARGS__)
#define log_warning(log, ...) log_write((log), SEVERITY_WARNING, __VA_ARGS__)
#define log_info(log, ...) (log_wants((log), SEVERITY_INFO) ? log_write((log), SEVERITY_INFO, __VA_ARGS__) : (void)0)
#define log_debug(log, ...) (log_wants((log), SEVERITY_DEBUG) ? log_write((log), SEVERITY_DEBUG, __VA_ARGS__) : (void)0)

#endif
