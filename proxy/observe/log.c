#include "observe/log.h"

#include "base/clock.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

// Size of a line with its end; at most SINK_PIECE_MAX, so that a pipe accepts a line as a whole.
#define LINE_SIZE 2048

static const char *const severity_names[] = {"error", "warning", "info", "debug"};
static const int syslog_priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

void log_init(struct log *log, int fd, enum sink_daemon daemon, enum log_severity level,
              const char *process) {
    log->process = process;
    log->lost_reported = 0;
    log->listener = NULL;
    sink_init(&log->sink, log->buffer, sizeof(log->buffer));
    log_use(log, fd, daemon, level);
}

void log_use(struct log *log, int fd, enum sink_daemon daemon, enum log_severity level) {
    sink_use(&log->sink, fd, daemon);
    log->level = level;
}

// Appends `text` to line[used..limit), escaped. Text that does not fit is cut, and "..." marks the
// place. Returns the new end.
static size_t append_escaped(char *line, size_t used, size_t limit, const char *text) {
    static const char hex[] = "0123456789abcdef";
    static const char mark[] = "...";
    const size_t mark_size = sizeof(mark) - 1;
    const uint8_t *at = (const uint8_t *)text;
    const uint8_t *end = at + strlen(text);
    size_t mark_at = used; // the last position at which the mark still fits
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

const char *log_quote(struct slice text, char output[LOG_QUOTE_SIZE]) {
    static const char hex[] = "0123456789abcdef";
    const size_t limit = LOG_QUOTE_SIZE - sizeof("'...");
    size_t used = 0;
    size_t i = 0;
    output[used++] = '\'';
    for (; i < text.size; i++) {
        uint8_t byte = (uint8_t)text.data[i];
        bool plain = byte >= 0x20 && byte < 0x7f && byte != '\'' && byte != '\\';
        if (limit - used < (plain ? 1U : 4U)) {
            break;
        }
        memcpy(output + used, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
        output[used] = plain ? text.data[i] : output[used];
        used += plain ? 1 : 4;
    }
    memcpy(output + used, i < text.size ? "'..." : "'", i < text.size ? 5 : 2);
    return output;
}

// Writes the beginning of a line; returns its size.
static size_t write_head(struct log *log, enum log_severity severity, char *line) {
    if (sink_is_daemon(&log->sink)) {
        size_t size = sink_head(&log->sink, syslog_priorities[severity], line);
        int more =
            log->sink.kind == SINK_JOURNAL
                ? snprintf(line + size, LINE_SIZE / 2,
                           "RAVELIN_PROCESS=%.64s" SINK_FIELD_END "MESSAGE=%.64s: ", log->process,
                           log->process)
                : snprintf(line + size, LINE_SIZE / 2, "%.64s: ", log->process);
        return size + (more < 0 ? 0 : (size_t)more);
    }
    char time[CLOCK_ISO_SIZE];
    clock_format_iso(clock_wall_us(), time);
    int size = snprintf(line, LINE_SIZE / 2, "%s %s %.64s[%ld]: ", time, severity_names[severity],
                        log->process, (long)getpid());
    return size < 0 ? 0 : (size_t)size;
}

static void add_line(struct log *log, enum log_severity severity, const char *message) {
    char *line = sink_room(&log->sink, LINE_SIZE);
    if (line != NULL) {
        size_t used = write_head(log, severity, line);
        used = append_escaped(line, used, LINE_SIZE - 1, message);
        line[used++] = '\n';
        sink_add(&log->sink, used);
    }
}

// Writes a line in place of the lost lines, as soon as there is space for it and for one line more.
static void report_lost(struct log *log) {
    uint64_t lost = log->sink.lost - log->lost_reported;
    if (lost > 0) {
        sink_flush(&log->sink);
    }
    if (lost > 0 && log->sink.capacity - log->sink.used >= (size_t)2 * LINE_SIZE) {
        char report[96];
        (void)snprintf(report, sizeof(report), "error log: %llu lines lost: %.48s",
                       (unsigned long long)lost, sink_reason(&log->sink));
        log->lost_reported = log->sink.lost;
        add_line(log, SEVERITY_WARNING, report);
    }
}

void log_flush(struct log *log) {
    int saved_errno = errno;
    sink_flush(&log->sink);
    if (sink_is_on(&log->sink)) {
        report_lost(log);
        sink_flush(&log->sink);
    }
    errno = saved_errno;
}

void log_write(struct log *log, enum log_severity severity, const char *format, ...) {
    if (!log_wants(log, severity) || !sink_is_on(&log->sink)) {
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
    report_lost(log);
    add_line(log, severity, message);
    sink_flush(&log->sink);
    if (log->listener != NULL) {
        log->listener(log->listener_context, severity, message);
    }
    errno = saved_errno;
}

void log_lines(struct log *log, enum log_severity severity, const char *who, const char *text) {
    while (*text != '\0') {
        size_t size = strcspn(text, "\n");
        if (size > 0) {
            log_write(log, severity, "%s%s%.*s", who == NULL ? "" : who, who == NULL ? "" : ": ",
                      (int)size, text);
        }
        text += size;
        text += *text == '\n' ? 1 : 0;
    }
}
