#include "observe/access_log.h"

#include "base/decimal.h"
#include "base/escape.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

// How often lost lines are reported while they are being lost.
enum { REPORT_INTERVAL_MS = 10000 };

// --- A line under construction ---

struct line {
    char *at;
    char *end;
    size_t string_max; // bytes a string may take, escaped
    bool full;         // something did not fit: the line is no good
};

static inline void put(struct line *line, const char *data, size_t size) {
    if ((size_t)(line->end - line->at) < size) {
        line->full = true;
        return;
    }
    memcpy(line->at, data, size);
    line->at += size;
}

// For string literals: the compiler knows the size and makes the copy a few moves.
#define PUT(line, literal) put((line), (literal), sizeof(literal) - 1)

static void put_unsigned(struct line *line, uint64_t value) {
    size_t size = decimal_size(value);
    if ((size_t)(line->end - line->at) < size) {
        line->full = true;
        return;
    }
    decimal_write(line->at, size, value);
    line->at += size;
}

// --- Strings ---

static const uint8_t combined_classes[256] = {
    [0x00 ... 0x1f] = 'x',
    ['"'] = '"',
    ['\\'] = '\\',
    [0x7f ... 0xff] = 'x',
};

static void put_escaped(struct line *line, struct slice text, const uint8_t classes[256]) {
    size_t room = (size_t)(line->end - line->at);
    bool may_cut = room > line->string_max;
    room = may_cut ? line->string_max : room;
    size_t plain = escape_copy_plain(text, line->at, room, classes);
    line->at += plain;
    if (plain == text.size) {
        return;
    }
    text = (struct slice){text.data + plain, text.size - plain};
    const struct escaped done = escape(text, line->at, room - plain, classes);
    line->at += done.size;
    line->full |= done.taken < text.size && !may_cut;
}

// --- Times ---

// Brings time_text up to date and returns the microseconds within its second. Most lines fall in
// the second of the line before.
static unsigned update_time(struct access_log *log, int64_t wall_us) {
    unsigned rest_us;
    int64_t second = clock_second_of(wall_us, &rest_us);
    if (second != log->time_second) {
        log->time_second = second;
        if (log->format == ACCESS_FORMAT_JSON) {
            clock_format_iso(wall_us, log->time_text);
        } else {
            clock_format_common_log(second, log->time_text);
        }
    }
    return rest_us;
}

// --- JSON ---

static void put_json_string(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "null");
        return;
    }
    PUT(line, "\"");
    put_escaped(line, text, escape_json);
    PUT(line, "\"");
}

static void put_json_bool(struct line *line, bool value) {
    if (value) {
        PUT(line, "true");
    } else {
        PUT(line, "false");
    }
}

static void put_json_duration(struct line *line, int64_t duration_us) {
    if (duration_us < 0) {
        PUT(line, "null");
    } else {
        put_unsigned(line, (uint64_t)duration_us);
    }
}

static void put_json_time(struct line *line, struct access_log *log, int64_t started_us) {
    unsigned milliseconds = update_time(log, started_us) / 1000;
    put(line, log->time_text, sizeof("2026-11-23T10:11:12") - 1);
    char fraction[] = {'.', (char)('0' + milliseconds / 100), (char)('0' + milliseconds / 10 % 10),
                       (char)('0' + milliseconds % 10), 'Z'};
    put(line, fraction, sizeof(fraction));
}

static void put_json_tls(struct line *line, const struct access_entry *entry) {
    if (entry->tls_version == NULL && entry->tls_sni.size == 0) {
        PUT(line, ",\"tls\":null");
        return;
    }
    PUT(line, ",\"tls\":{\"version\":");
    put_json_string(line, slice_from(entry->tls_version));
    PUT(line, ",\"group\":");
    put_json_string(line, slice_from(entry->tls_group));
    PUT(line, ",\"suite\":");
    put_json_string(line, slice_from(entry->tls_suite));
    PUT(line, ",\"resumed\":");
    put_json_bool(line, entry->tls_resumed);
    PUT(line, ",\"sni\":");
    put_json_string(line, entry->tls_sni);
    PUT(line, ",\"client_certificate\":");
    put_json_string(line, entry->tls_client);
    PUT(line, "}");
}

static void put_version(struct line *line, const struct access_entry *entry) {
    if (entry->http2) {
        PUT(line, "HTTP/2.0");
        return;
    }
    PUT(line, "HTTP/1.");
    put_unsigned(line, entry->minor_version);
}

static void put_json_exchange(struct line *line, const struct access_entry *entry) {
    PUT(line, ",\"site\":");
    put_json_string(line, entry->site);
    PUT(line, ",\"method\":");
    put_json_string(line, entry->method);
    PUT(line, ",\"target\":");
    put_json_string(line, entry->target);
    PUT(line, ",\"host\":");
    put_json_string(line, entry->host);
    if (entry->method.size == 0 || entry->request_line.size > 0) {
        PUT(line, ",\"protocol\":");
        put_json_string(line, entry->protocol);
    } else {
        PUT(line, ",\"protocol\":\"");
        put_version(line, entry);
        PUT(line, "\"");
    }
    PUT(line, ",\"status\":");
    put_unsigned(line, entry->status);
    PUT(line, ",\"request_bytes\":");
    put_unsigned(line, entry->request_bytes);
    PUT(line, ",\"response_bytes\":");
    put_unsigned(line, entry->response_bytes);
    PUT(line, ",\"referer\":");
    put_json_string(line, entry->referer);
    PUT(line, ",\"user_agent\":");
    put_json_string(line, entry->user_agent);
    if (entry->has_request_id) {
        PUT(line, ",\"request_id\":");
        put_json_string(line, entry->request_id);
        PUT(line, ",\"traceparent\":");
        put_json_string(line, entry->traceparent);
    }
}

static void put_json_server(struct line *line, const struct access_entry *entry) {
    PUT(line, ",\"backend\":");
    put_json_string(line, entry->backend);
    PUT(line, ",\"server\":");
    put_json_string(line, entry->server);
    PUT(line, ",\"server_reused\":");
    put_json_bool(line, entry->server_reused);
    PUT(line, ",\"duration_us\":");
    put_json_duration(line, entry->duration_us);
    PUT(line, ",\"connect_us\":");
    put_json_duration(line, entry->connect_us);
    PUT(line, ",\"response_us\":");
    put_json_duration(line, entry->response_us);
}

static void put_json(struct line *line, struct access_log *log, const struct access_entry *entry) {
    PUT(line, "{\"time\":\"");
    put_json_time(line, log, entry->started_us);
    PUT(line, "\",\"client\":");
    put_json_string(line, entry->client);
    PUT(line, ",\"client_port\":");
    put_unsigned(line, entry->client_port);
    if (entry->client_unread.size == 0) { // as nearly always
        PUT(line, ",\"client_unread\":null");
    } else {
        PUT(line, ",\"client_unread\":");
        put_json_string(line, entry->client_unread);
    }
    put_json_exchange(line, entry);
    put_json_server(line, entry);
    put_json_tls(line, entry);
    PUT(line, ",\"ended\":");
    put_json_string(line, slice_from(entry->ended));
    PUT(line, "}");
}

// --- Combined ---

static void put_combined_string(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "-");
    } else {
        put_escaped(line, text, combined_classes);
    }
}

static void put_combined_request(struct line *line, const struct access_entry *entry) {
    if (entry->request_line.size > 0 || entry->method.size == 0) {
        put_combined_string(line, entry->request_line);
        return;
    }
    put_combined_string(line, entry->method);
    PUT(line, " ");
    put_combined_string(line, entry->target);
    PUT(line, " ");
    put_version(line, entry);
}

static void put_combined_reason(struct line *line, const struct access_entry *entry) {
    PUT(line, " \"");
    put_combined_string(line, slice_from(entry->ended));
    if (entry->client_unread.size > 0) {
        PUT(line, "; not understood: ");
        put_combined_string(line, entry->client_unread);
    }
    PUT(line, "\"");
}

static void put_combined(struct line *line, struct access_log *log,
                         const struct access_entry *entry) {
    put_combined_string(line, entry->client);
    PUT(line, " - - [");
    (void)update_time(log, entry->started_us);
    put(line, log->time_text, CLOCK_COMMON_LOG_SIZE - 1);
    PUT(line, "] \"");
    put_combined_request(line, entry);
    if (entry->status == 0) {
        PUT(line, "\" - - \"");
    } else {
        PUT(line, "\" ");
        put_unsigned(line, entry->status);
        PUT(line, " ");
        put_unsigned(line, entry->response_bytes);
        PUT(line, " \"");
    }
    put_combined_string(line, entry->referer);
    PUT(line, "\" \"");
    put_combined_string(line, entry->user_agent);
    PUT(line, "\"");
    if (log->format == ACCESS_FORMAT_COMBINED_REASON) {
        put_combined_reason(line, entry);
    }
}

// --- Fields for the journal ---

static void put_field(struct line *line, const char *name, struct slice value) {
    if (value.size > 0) {
        put(line, name, strlen(name));
        PUT(line, "=");
        put_escaped(line, value, combined_classes);
        PUT(line, SINK_FIELD_END);
    }
}

static void put_number_field(struct line *line, const char *name, uint64_t value) {
    put(line, name, strlen(name));
    PUT(line, "=");
    put_unsigned(line, value);
    PUT(line, SINK_FIELD_END);
}

static void put_fields(struct line *line, const struct access_entry *entry) {
    PUT(line, "RAVELIN_LOG=access" SINK_FIELD_END);
    put_field(line, "RAVELIN_CLIENT", entry->client);
    put_field(line, "RAVELIN_SITE", entry->site);
    put_field(line, "RAVELIN_METHOD", entry->method);
    put_field(line, "RAVELIN_TARGET", entry->target);
    if (entry->status != 0) {
        put_number_field(line, "RAVELIN_STATUS", entry->status);
    }
    put_field(line, "RAVELIN_BACKEND", entry->backend);
    put_field(line, "RAVELIN_SERVER", entry->server);
    if (entry->duration_us >= 0) {
        put_number_field(line, "RAVELIN_DURATION_US", (uint64_t)entry->duration_us);
    }
    put_field(line, "RAVELIN_ENDED", slice_from(entry->ended));
    PUT(line, "MESSAGE=");
}

// --- Lines ---

// Builds a line in `space`, which has room for `room` bytes, and returns its size.
static size_t build_line(struct access_log *log, const struct access_entry *entry, char *space,
                         size_t room) {
    // Ends at the latest when every string is cut to nothing: what is left is well under a
    // kilobyte.
    for (size_t string_max = room;; string_max /= 2) {
        struct line line = {.at = space, .end = space + room, .string_max = string_max};
        if (log->sink.kind == SINK_JOURNAL) {
            put_fields(&line, entry);
        }
        if (log->format == ACCESS_FORMAT_JSON) {
            put_json(&line, log, entry);
        } else {
            put_combined(&line, log, entry);
        }
        PUT(&line, "\n");
        if (!line.full || string_max == 0) {
            return (size_t)(line.at - space);
        }
    }
}

static size_t line_max(const struct access_log *log) {
    return log->sink.kind == SINK_FILE ? ACCESS_LOG_LINE_MAX : ACCESS_LOG_PIECE_LINE_MAX;
}

// --- Targets ---

static void set_target(struct access_log *log, int fd, enum sink_daemon daemon,
                       enum access_format format) {
    sink_use(&log->sink, fd, daemon);
    log->format = format;
    log->line_max = line_max(log);
    log->time_second = INT64_MIN; // no text yet in this format
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
    sink_add(&log->sink, head + build_line(log, entry, room + head, log->line_max - head));
    // A daemon that did not keep up is asked again by the next flush, not with every line.
    if (sink_is_daemon(&log->sink) && !log->sink.is_stalled) {
        sink_flush(&log->sink);
    }
}

void access_log_flush(struct access_log *log) {
    sink_flush(&log->sink);
    // If the error log does not keep up either, the report waits.
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
