#include "observe/access_log.h"

#include <stdlib.h>
#include <syslog.h>

// Interval of reports while lines are being lost.
enum { REPORT_INTERVAL_MS = 10000 };

static size_t line_max(const struct access_log *log) {
    return log->sink.kind == SINK_FILE ? ACCESS_LOG_LINE_MAX : ACCESS_LOG_PIECE_LINE_MAX;
}

// --- Targets ---

static void set_target(struct access_log *log, int fd, enum sink_daemon daemon,
                       enum access_format format) {
    sink_use(&log->sink, fd, daemon);
    log->line_max = line_max(log);
    log->style = (struct access_style){.format = format, .second = INT64_MIN};
}

static void report_lost(struct access_log *log) {
    uint64_t lost = log->sink.lost - log->lost_reported;
    if (lost > 0) {
        log_warning(log->errors, "access log: %llu lines lost: %s", (unsigned long long)lost,
                    sink_reason(&log->sink));
        log->lost_reported = log->sink.lost;
    }
}

bool access_log_init(struct access_log *log, int fd, enum sink_daemon daemon,
                     enum access_format format, struct log *errors) {
    char *buffer = malloc(ACCESS_LOG_BUFFER_SIZE);
    *log = (struct access_log){.errors = errors,
                               .reports = {.interval_ms = REPORT_INTERVAL_MS, .burst = 1}};
    sink_init(&log->sink, buffer, buffer == NULL ? 0 : ACCESS_LOG_BUFFER_SIZE);
    set_target(log, fd, daemon, format);
    return buffer != NULL;
}

void access_log_write(struct access_log *log, const struct access_entry *entry) {
    if (!access_log_enabled(log)) {
        return;
    }
    char *room = sink_room(&log->sink, log->line_max);
    if (room == NULL) {
        return;
    }
    size_t head = sink_head(&log->sink, LOG_INFO, room);
    sink_add(&log->sink,
             head + access_line_build(entry, &log->style, log->sink.kind == SINK_JOURNAL,
                                      room + head, log->line_max - head));
    // A daemon that did not accept a line is tried again at the next flush, not with every line.
    if (sink_is_daemon(&log->sink) && !log->sink.is_stalled) {
        sink_flush(&log->sink);
    }
}

void access_log_flush(struct access_log *log) {
    sink_flush(&log->sink);
    // If the error log does not accept lines either, the report waits.
    if (log->sink.lost != log->lost_reported && !log->errors->sink.is_stalled &&
        rate_take(&log->reports, clock_monotonic_us() / 1000)) {
        report_lost(log);
    }
}

void access_log_reopen(struct access_log *log, int fd, enum sink_daemon daemon,
                       enum access_format format) {
    set_target(log, fd, daemon, format);
    if (!access_log_enabled(log)) {
        report_lost(log);
    }
}

void access_log_free(struct access_log *log) {
    sink_close(&log->sink);
    report_lost(log);
    free(log->sink.buffer);
    log->sink.buffer = NULL;
    log->sink.capacity = 0;
}
