// The access log: one line per exchange (and one per session whose TLS handshake failed,
// so that refusals are visible), JSON or combined.
//
// Lines are gathered in one buffer per worker. Ravelin writes the buffer when it is nearly full,
// once a second by the worker's timer (access_log_flush), and at exit; with syslog after each line.
// No write waits for a reader, see sink.h: what the target did not accept stays in the buffer. When
// the buffer is full, new lines are lost and counted. access_log_flush() reports lost lines in the
// error log, at most once in 10 seconds. A disk that fills up may tear a line; the rest of the line
// is written first when there is room again. Ignoring SIGPIPE and SIGXFSZ is the process's job.
//
// JSON: one object a line, always with the same keys in the same order, every string escaped (RFC
// 8259; control characters, DEL, U+0080 to U+009F and bytes over 0x7f that are not valid UTF-8 as
// \u00XX). Combined: the Apache/nginx format, quoted fields escaped (\" \\, and \xHH for everything
// but printable ASCII); "-" for what is not known, also as status and size when no answer was sent.
// Combined has no extra fields. Combined-reason has one more in quotes: why the request ended when
// not in the usual way, and what was not understood of a trusted proxy.
//
// A line is at most 16 KiB (4 KiB to anything but a file, with syslog its header included), line
// end included. When it would be longer, its strings are cut: all to the same length, the largest
// power-of-two part of the line's size that makes it fit, so short ones stay whole. No escape and
// no character is cut in two, and the line stays valid.
#ifndef RAVELIN_OBSERVE_ACCESS_LOG_H
#define RAVELIN_OBSERVE_ACCESS_LOG_H

#include "base/clock.h"
#include "base/rate.h"
#include "base/slice.h"
#include "observe/log.h"
#include "observe/sink.h"

#include <stdbool.h>
#include <stdint.h>

#define ACCESS_LOG_BUFFER_SIZE 65536
#define ACCESS_LOG_LINE_MAX 16384
#define ACCESS_LOG_PIECE_LINE_MAX SINK_PIECE_MAX

enum access_format { ACCESS_FORMAT_JSON, ACCESS_FORMAT_COMBINED, ACCESS_FORMAT_COMBINED_REASON };

struct access_log {
    struct sink sink; // its buffer holds ACCESS_LOG_BUFFER_SIZE bytes
    enum access_format format;
    struct log *errors;
    size_t line_max; // bytes of one line
    uint64_t lost_reported;
    struct rate reports;
    int64_t time_second; // the second that time_text is for
    char time_text[CLOCK_COMMON_LOG_SIZE];
};

// What one line tells. Empty slices and NULL are written as null (JSON) or "-" (combined). Times in
// microseconds; negative ones are written as null. For a session whose handshake failed,
// `method` is empty and `status` 0.
struct access_entry {
    int64_t started_us;  // wall clock, when the request's first byte was there
    struct slice client; // address
    uint16_t client_port;
    // What a trusted proxy said of the client and could not be understood.
    struct slice client_unread;
    struct slice site; // its name
    // Of a request that was refused unread: its first line, any bytes. Method, target and protocol
    // are then what could be told apart in it.
    struct slice request_line;
    struct slice method;
    struct slice target;
    struct slice host;
    struct slice protocol;   // with `request_line`: "HTTP/1.1"
    uint8_t minor_version;   // HTTP/1.x, without `request_line`
    uint16_t status;         // 0: no answer was sent
    uint64_t request_bytes;  // body
    uint64_t response_bytes; // body
    struct slice referer;
    struct slice user_agent;
    struct slice backend;    // its name
    struct slice server;     // the address used
    bool server_reused;      // a pooled connection
    int64_t duration_us;     // first byte of the request to last byte of the answer
    int64_t connect_us;      // time to get a server connection; -1 = none
    int64_t response_us;     // request sent to response head; 0 = it came before; -1 = none
    const char *tls_version; // "TLSv1.3", NULL on a plain listener, and of a handshake that failed
    const char *tls_group;   // "X25519MLKEM768"
    const char *tls_suite;   // "TLS_AES_128_GCM_SHA256"
    bool tls_resumed;
    struct slice tls_sni;    // known as soon as the ClientHello is
    struct slice tls_client; // the subject of the client's certificate
    // Why it ended when not in the usual way: "client closed", "header timeout", ...; or NULL.
    const char *ended;
};

// Returns false when memory is short.
bool access_log_init(struct access_log *log, int fd, bool use_syslog, enum access_format format,
                     struct log *errors);
static inline bool access_log_enabled(const struct access_log *log) {
    return sink_is_on(&log->sink);
}
// Adds one line; nothing when the log is off.
void access_log_write(struct access_log *log, const struct access_entry *entry);
// Writes what can be written, and reports lines lost since the last report.
void access_log_flush(struct access_log *log);
// Flushes to the old descriptor, then goes on with the new one (log rotation). The caller closes
// the old one. Lines that the old one did not accept go to the new one; if there is none, or if
// only one of the two is syslog, they are lost.
void access_log_reopen(struct access_log *log, int fd, bool use_syslog, enum access_format format);
void access_log_free(struct access_log *log); // flushes

#endif
