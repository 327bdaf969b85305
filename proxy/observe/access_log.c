#include "observe/access_log.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

// ---- A line under construction ----

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
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char digits[20];
    size_t first = sizeof(digits);
    while (value >= 10) {
        first -= 2;
        memcpy(digits + first, pairs + value % 100 * 2, 2);
        value /= 100;
    }
    if (value > 0 || first == sizeof(digits)) {
        digits[--first] = (char)('0' + value);
    }
    put(line, digits + first, sizeof(digits) - first);
}

// ---- Strings ----

// How each byte is written inside a string: 0 as it is, HIGH as it is where it begins a UTF-8
// character, anything else as a backslash and that letter, after 'u' and 'x' with the byte's value
// in hex.
#define HIGH 1

static const uint8_t json_classes[256] = {
    [0x00 ... 0x07] = 'u', ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n',
    [0x0b] = 'u',          ['\f'] = 'f',  ['\r'] = 'r', ['"'] = '"',
    [0x0e ... 0x1f] = 'u', ['\\'] = '\\', [0x7f] = 'u', [0x80 ... 0xff] = HIGH,
};

static const uint8_t combined_classes[256] = {
    [0x00 ... 0x1f] = 'x',
    ['"'] = '"',
    ['\\'] = '\\',
    [0x7f ... 0xff] = 'x',
};

// Whether eight bytes at once are all of class 0, which is the same in both tables: no borrow or
// carry between the bytes can hide one that is not (it may only accuse a good one, which the tables
// then acquit).
static inline bool is_plain_word(uint64_t word) {
    const uint64_t ones = 0x0101010101010101;
    const uint64_t highs = ones * 0x80;
    uint64_t quotes = word ^ ones * '"';
    uint64_t backslashes = word ^ ones * '\\';
    uint64_t high_or_del = word | (word + ones);
    uint64_t control = word - ones * 0x20;
    return ((high_or_del | control | (quotes - ones) | (backslashes - ones)) & highs) == 0;
}

// Writes what the byte at `at` becomes to `unit` and returns its size; *taken bytes of the input
// are in it.
static size_t escape(uint8_t class, const uint8_t *at, size_t left, char unit[6], size_t *taken) {
    static const char hex[] = "0123456789abcdef";
    *taken = 1;
    if (class == HIGH) {
        size_t size = utf8_printable(at, left);
        if (size > 0) {
            memcpy(unit, at, size);
            *taken = size;
            return size;
        }
        if (*at == 0xc2 && left > 1 && (at[1] & 0xc0) == 0x80) {
            at++; // U+0080 to U+009F: the second byte is the character's number
            *taken = 2;
        }
        class = 'u';
    }
    size_t size = 0;
    unit[size++] = '\\';
    unit[size++] = (char)class;
    if (class == 'u') {
        unit[size++] = '0';
        unit[size++] = '0';
    }
    if (class == 'u' || class == 'x') {
        unit[size++] = hex[*at >> 4];
        unit[size++] = hex[*at & 15];
    }
    return size;
}

// Copies the plain bytes at the start of `text`, no more than `room`, and returns how many.
static inline size_t copy_plain(char *out, size_t room, const uint8_t *text, size_t size,
                                const uint8_t classes[256]) {
    size_t most = size < room ? size : room;
    size_t done = 0;
    uint64_t word;
    while (most - done >= sizeof(word)) {
        memcpy(&word, text + done, sizeof(word));
        if (!is_plain_word(word)) {
            break;
        }
        memcpy(out + done, &word, sizeof(word));
        done += sizeof(word);
    }
    while (done < most && classes[text[done]] == 0) {
        out[done] = (char)text[done];
        done++;
    }
    return done;
}

static void put_escaped(struct line *line, struct slice text, const uint8_t classes[256]) {
    const uint8_t *at = (const uint8_t *)text.data;
    size_t left = text.size;
    size_t room = (size_t)(line->end - line->at);
    bool may_cut = room > line->string_max;
    room = may_cut ? line->string_max : room;
    for (;;) {
        size_t plain = copy_plain(line->at, room, at, left, classes);
        line->at += plain;
        room -= plain;
        at += plain;
        left -= plain;
        if (left == 0) {
            return;
        }
        char unit[6];
        size_t taken = 1;
        size_t size = 0;
        if (room == 0 || (size = escape(classes[*at], at, left, unit, &taken)) > room) {
            break;
        }
        memcpy(line->at, unit, size);
        line->at += size;
        room -= size;
        at += taken;
        left -= taken;
    }
    line->full |= !may_cut;
}

// ---- Times ----

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

// ---- JSON ----

static void put_json_string(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "null");
        return;
    }
    PUT(line, "\"");
    put_escaped(line, text, json_classes);
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

static void put_json_exchange(struct line *line, const struct access_entry *entry) {
    PUT(line, ",\"site\":");
    put_json_string(line, entry->site);
    PUT(line, ",\"method\":");
    put_json_string(line, entry->method);
    PUT(line, ",\"target\":");
    put_json_string(line, entry->target);
    PUT(line, ",\"host\":");
    put_json_string(line, entry->host);
    if (entry->method.size == 0) {
        PUT(line, ",\"protocol\":null");
    } else {
        PUT(line, ",\"protocol\":\"HTTP/1.");
        put_unsigned(line, entry->minor_version);
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
    put_json_exchange(line, entry);
    put_json_server(line, entry);
    put_json_tls(line, entry);
    PUT(line, ",\"ended\":");
    put_json_string(line, slice_from(entry->ended));
    PUT(line, "}");
}

// ---- Combined ----

static void put_combined_string(struct line *line, struct slice text) {
    if (text.size == 0) {
        PUT(line, "-");
    } else {
        put_escaped(line, text, combined_classes);
    }
}

static void put_combined(struct line *line, struct access_log *log,
                         const struct access_entry *entry) {
    put_combined_string(line, entry->client);
    PUT(line, " - - [");
    (void)update_time(log, entry->started_us);
    put(line, log->time_text, CLOCK_COMMON_LOG_SIZE - 1);
    PUT(line, "] \"");
    put_combined_string(line, entry->method);
    if (entry->method.size > 0) {
        PUT(line, " ");
        put_combined_string(line, entry->target);
        PUT(line, " HTTP/1.");
        put_unsigned(line, entry->minor_version);
    }
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
}

// ---- The buffer ----

static size_t count_lines(const char *data, size_t size) {
    size_t lines = 0;
    for (const char *at = data; (at = memchr(at, '\n', size - (size_t)(at - data))) != NULL; at++) {
        lines++;
    }
    return lines;
}

// How much of `data` one write takes: whole lines, unless one alone is longer than a write may be.
static size_t piece_size(const char *data, size_t size, size_t write_max) {
    if (size <= write_max) {
        return size;
    }
    size_t piece = write_max;
    while (piece > 0 && data[piece - 1] != '\n') {
        piece--;
    }
    return piece > 0 ? piece : write_max;
}

// Writes as much of the buffer as goes without waiting and moves the rest to its start.
static void write_buffer(struct access_log *log) {
    size_t done = 0;
    while (done < log->used) {
        const char *data = log->buffer + done;
        ssize_t written =
            log_put(log->fd, data, piece_size(data, log->used - done, log->write_max));
        if (written <= 0) {
            log->write_error = written < 0 ? errno : ENOSPC;
            break;
        }
        done += (size_t)written;
    }
    if (done > 0) {
        log->used -= done;
        memmove(log->buffer, log->buffer + done, log->used);
    }
}

// Builds a line in `space`, which has room for line_max bytes, and returns its size.
static size_t build_line(struct access_log *log, const struct access_entry *entry, char *space) {
    // Ends at the latest when every string is cut to nothing: what is left is well under a
    // kilobyte.
    for (size_t string_max = log->line_max;; string_max /= 2) {
        struct line line = {.at = space, .end = space + log->line_max, .string_max = string_max};
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

// Sets where lines go and what follows from it.
static void set_target(struct access_log *log, int fd, bool use_syslog, enum access_format format) {
    struct stat status;
    bool is_file = !use_syslog && fd >= 0 && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
    log->fd = use_syslog ? -1 : fd;
    log->use_syslog = use_syslog;
    log->format = format;
    log->write_max = is_file ? ACCESS_LOG_BUFFER_SIZE : ACCESS_LOG_PIPE_LINE_MAX;
    log->line_max = is_file ? ACCESS_LOG_LINE_MAX : ACCESS_LOG_PIPE_LINE_MAX;
    log->time_second = INT64_MIN; // no text yet in this format
}

static void drop_buffer(struct access_log *log) {
    log->dropped += count_lines(log->buffer, log->used);
    log->used = 0;
}

static void report_dropped(struct access_log *log) {
    if (log->dropped == log->dropped_reported) {
        return;
    }
    const char *reason =
        log->write_error == EAGAIN ? "the reader does not keep up" : strerror(log->write_error);
    log_warning(log->errors, "access log: %llu lines dropped: %s",
                (unsigned long long)(log->dropped - log->dropped_reported), reason);
    log->dropped_reported = log->dropped;
}

bool access_log_init(struct access_log *log, int fd, bool use_syslog, enum access_format format,
                     struct log *errors) {
    *log = (struct access_log){.errors = errors, .buffer = malloc(ACCESS_LOG_BUFFER_SIZE)};
    set_target(log, fd, use_syslog, format);
    return log->buffer != NULL;
}

void access_log_write(struct access_log *log, const struct access_entry *entry) {
    if (log->use_syslog) {
        // Nothing is ever left in the buffer here, so it serves as the space for the line.
        size_t size = build_line(log, entry, log->buffer);
        syslog(LOG_INFO, "%.*s", (int)size - 1, log->buffer);
        return;
    }
    if (log->fd < 0) {
        return;
    }
    if (ACCESS_LOG_BUFFER_SIZE - log->used < log->line_max) {
        write_buffer(log);
        if (ACCESS_LOG_BUFFER_SIZE - log->used < log->line_max) {
            log->dropped++;
            return;
        }
    }
    log->used += build_line(log, entry, log->buffer + log->used);
}

void access_log_flush(struct access_log *log) {
    if (log->used > 0) {
        write_buffer(log);
    }
    report_dropped(log);
}

void access_log_reopen(struct access_log *log, int fd, bool use_syslog, enum access_format format) {
    access_log_flush(log);
    set_target(log, fd, use_syslog, format);
    if (log->fd < 0) {
        drop_buffer(log);
        report_dropped(log);
    }
}

void access_log_free(struct access_log *log) {
    if (log->buffer != NULL) {
        access_log_flush(log);
        drop_buffer(log);
        report_dropped(log);
        free(log->buffer);
        log->buffer = NULL;
    }
    log->fd = -1;
    log->use_syslog = false;
}
