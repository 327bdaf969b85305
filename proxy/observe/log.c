#include "observe/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LINE_SIZE                                                                                  \
    2048 // with the line end; no more than PIPE_BUF, so that a pipe takes a line whole

static const char *const severity_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

void log_init(struct log *log, int fd, bool use_syslog, enum log_severity level,
              const char *process) {
    *log = (struct log){.fd = fd, .use_syslog = use_syslog, .level = level, .process = process};
}

ssize_t log_put(int fd, const char *data, size_t size) {
    struct pollfd room = {.fd = fd, .events = POLLOUT};
    // When poll itself fails, write is left to say what is wrong.
    if (poll(&room, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t written;
    do {
        written = write(fd, data, size);
    } while (written < 0 && errno == EINTR);
    return written;
}

// Appends `text` to line[used..limit), escaped. What does not fit is cut, and "..." marks the
// place. Returns the new end.
static size_t append_escaped(char *line, size_t used, size_t limit, const char *text) {
    static const char hex[] = "0123456789abcdef";
    static const char mark[] = "...";
    const size_t mark_size = sizeof(mark) - 1;
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    size_t mark_at = used; // the last place where the mark still fits
    while (at < end) {
        size_t size = *at >= 0x20 && *at < 0x7f ? 1 : utf8_printable(at, (size_t)(end - at));
        size_t needed = size == 0 ? 4 : size;
        if (limit - used < needed) {
            memcpy(line + mark_at, mark, mark_size);
            return mark_at + mark_size;
        }
        if (size == 0) {
            memcpy(line + used, (char[]){'\\', 'x', hex[*at >> 4], hex[*at & 15]}, 4);
            size = 1;
        } else {
            memcpy(line + used, at, size);
        }
        at += size;
        used += needed;
        if (limit - used >= mark_size) {
            mark_at = used;
        }
    }
    return used;
}

// One line to the descriptor; false when it could not be written whole.
static bool write_line(struct log *log, enum log_severity severity, const char *message) {
    char time[CLOCK_ISO_SIZE];
    clock_format_iso(clock_wall_us(), time);
    char line[LINE_SIZE];
    int head = snprintf(line, sizeof(line) / 2, "%s %s %.64s[%ld]: ", time,
                        severity_names[severity], log->process, (long)getpid());
    if (head < 0) {
        return false;
    }
    size_t used = append_escaped(line, (size_t)head, sizeof(line) - 1, message);
    line[used++] = '\n';
    return log_put(log->fd, line, used) == (ssize_t)used;
}

static void write_to_descriptor(struct log *log, enum log_severity severity, const char *message) {
    if (log->lost > 0) {
        char report[64];
        (void)snprintf(report, sizeof(report), "%llu log lines could not be written",
                       (unsigned long long)log->lost);
        if (!write_line(log, SEVERITY_WARNING, report)) {
            log->lost++;
            return;
        }
        log->lost = 0;
    }
    if (!write_line(log, severity, message)) {
        log->lost++;
    }
}

void log_write(struct log *log, enum log_severity severity, const char *format, ...) {
    if (!log_wants(log, severity) || (log->fd < 0 && !log->use_syslog)) {
        return;
    }
    int saved_errno = errno;
    char message[LINE_SIZE +
                 1]; // one more than a line holds, so that a message cut here is cut there too
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (size < 0) {
        (void)snprintf(message, sizeof(message), "(a message that cannot be formatted: %.200s)",
                       format);
    }
    if (log->use_syslog) {
        char line[LINE_SIZE];
        line[append_escaped(line, 0, sizeof(line) - 1, message)] = '\0';
        syslog(syslog_priorities[severity], "%s: %s", log->process, line);
    } else {
        write_to_descriptor(log, severity, message);
    }
    errno = saved_errno;
}
