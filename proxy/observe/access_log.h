// The access log: one line for each exchange, and one for each session whose TLS handshake failed.
//
// Each worker gathers lines in one buffer. The buffer is written when it is nearly full, once a
// second by the worker's timer (access_log_flush), and at exit; with a daemon after each line. No
// write waits for a reader (sink.h). Lines that the target does not accept stay in the buffer. If
// the buffer is full, new lines are lost and counted. access_log_flush() reports lost lines in the
// error log, at most once in 10 seconds. If a disk is full, a line may be written in part; its rest
// is written first when there is room again. The process must ignore SIGPIPE and SIGXFSZ.
//
// Formats:
//   JSON             one object a line, always with the same keys in the same order; request_id and
//                    traceparent only if the configuration asks for ids. Strings are
//                    escaped (RFC 8259). Control characters, DEL, U+0080 to U+009F and bytes over
//                    0x7f that are not valid UTF-8 are written as \u00XX.
//   combined         the format of Apache and nginx. Quoted fields are escaped: \" and \\, and \xHH
//                    for every byte that is not printable ASCII. "-" stands for an unknown value,
//                    and for status and size if no response was sent.
//   combined-reason  combined, and one more field in quotes: `ended` and `client_unread`.
//
// In the journal a line is the field MESSAGE. What it tells is in fields of their own too, escaped
// as in combined: RAVELIN_CLIENT, RAVELIN_SITE, RAVELIN_METHOD, RAVELIN_TARGET, RAVELIN_STATUS,
// RAVELIN_BACKEND, RAVELIN_SERVER, RAVELIN_DURATION_US, RAVELIN_ENDED. Unknown ones are left out.
// RAVELIN_LOG is "access".
//
// A line is at most 16 KiB, its line end included. To a target that is no file, a line is at most 4
// KiB, what is added for a daemon included. If a line is longer, all its strings are cut to one
// length, so that short strings stay whole. No escape and no character is cut in two: the line
// stays valid.
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

// The content of one line. The slices belong to the caller. Empty slices, NULL and negative times
// are written as null (JSON) or "-" (combined). For a session whose handshake failed, `method` is
// empty and `status` is 0.
struct access_entry {
    int64_t started_us;  // wall clock, when the first byte of the request had been received
    struct slice client; // address of the client
    uint16_t client_port;
    // The part of a trusted proxy's header field about the client that could not be parsed.
    struct slice client_unread;
    struct slice site; // name of the site
    // If the request was refused by the parser: the first line of the request, any bytes. Method,
    // target and protocol are then the parts that could be recognised in this line.
    struct slice request_line;
    struct slice method;
    struct slice target;
    struct slice host;
    struct slice protocol;   // with `request_line` only: "HTTP/1.1"
    uint8_t minor_version;   // x of HTTP/1.x, without `request_line` only
    bool http2;              // it is HTTP/2.0 instead
    uint16_t status;         // 0: no response was sent
    uint64_t request_bytes;  // of the request body
    uint64_t response_bytes; // of the response body
    struct slice referer;
    struct slice user_agent;
    bool has_request_id; // JSON: write the next two, which are null if they are not known
    struct slice request_id;
    struct slice traceparent;
    struct slice backend; // name of the backend
    struct slice server;  // address of the server
    bool server_reused;   // the request was sent on a pooled connection
    int64_t duration_us;  // from the first byte of the request to the last byte of the response
    int64_t connect_us;   // time to get a server connection; -1: none
    int64_t response_us; // from the request sent to the response head; 0: it came earlier; -1: none
    const char *tls_version; // "TLSv1.3"; NULL: plain listener or failed handshake
    const char *tls_group;   // "X25519MLKEM768"
    const char *tls_suite;   // "TLS_AES_128_GCM_SHA256"
    bool tls_resumed;
    struct slice tls_sni;    // known when the ClientHello has been read
    struct slice tls_client; // subject of the client's certificate
    // Why the exchange ended early ("client closed", "header timeout", ...). NULL: it ended
    // normally.
    const char *ended;
};

// `fd`: see sink_use(). `errors`: outlives the log. False: memory is short.
bool access_log_init(struct access_log *log, int fd, enum sink_daemon daemon,
                     enum access_format format, struct log *errors);
static inline bool access_log_enabled(const struct access_log *log) {
    return sink_is_on(&log->sink);
}
// Adds one line. Does nothing if the log is off.
void access_log_write(struct access_log *log, const struct access_entry *entry);
// Writes what the target accepts, and reports lines lost since the last report.
void access_log_flush(struct access_log *log);
// Flushes to the former target, then changes to the new one (log rotation). The caller closes the
// former descriptor. Lines that the former target did not accept go to the new one if both are
// descriptors; otherwise they are lost.
void access_log_reopen(struct access_log *log, int fd, enum sink_daemon daemon,
                       enum access_format format);
void access_log_free(struct access_log *log); // flushes

#endif
