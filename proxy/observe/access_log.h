// The access log: one line per exchange (and one per session that ended before its first request, so that failed
// handshakes are visible), JSON or combined.
//
// Lines are gathered in one buffer per worker and written when it is nearly full, once a second by the worker's timer
// (access_log_flush), and at exit. A line is never split over two writes, so the workers' lines do not mix in a file opened
// O_APPEND. A full pipe or disk never blocks the worker: what cannot be written within the buffer is dropped whole-line,
// counted, and a warning is left in the error log.
//
// JSON: one object a line, every string escaped (RFC 8259; bytes over 0x7f that are not valid UTF-8 as \u00XX). Combined: the
// Apache/nginx format, quoted fields escaped (\" \\ \xHH), followed by no extra fields.
#ifndef RAVELIN_OBSERVE_ACCESS_LOG_H
#define RAVELIN_OBSERVE_ACCESS_LOG_H

#include "base/slice.h"
#include "observe/log.h"

#include <stdbool.h>
#include <stdint.h>

enum access_format { ACCESS_FORMAT_JSON, ACCESS_FORMAT_COMBINED };

struct access_log {
    int fd; // -1 = off or syslog; not owned
    bool use_syslog;
    enum access_format format;
    struct log *errors;
    char *buffer;
    size_t used;
    size_t capacity;
    uint64_t dropped; // lines
};

// What one line tells. Empty slices are written as null (JSON) or "-" (combined). Times in microseconds.
struct access_entry {
    int64_t started_us;         // wall clock, when the request's first byte was there
    struct slice client;        // address
    uint16_t client_port;
    struct slice site;          // its name
    struct slice method;
    struct slice target;
    struct slice host;
    uint8_t minor_version;      // HTTP/1.x
    uint16_t status;            // 0: no answer was sent
    uint64_t request_bytes;     // body
    uint64_t response_bytes;    // body
    struct slice referer;
    struct slice user_agent;
    struct slice backend;       // its name
    struct slice server;        // the address used
    bool server_reused;         // a pooled connection
    int64_t duration_us;        // first byte of the request to last byte of the answer
    int64_t connect_us;         // time to get a server connection; -1 = none
    int64_t response_us;        // request sent to response head; -1 = none
    const char *tls_version;    // "TLSv1.3", NULL on a plain listener
    const char *tls_group;      // "X25519MLKEM768"
    const char *tls_suite;      // "TLS_AES_128_GCM_SHA256"
    bool tls_resumed;
    struct slice tls_sni;
    const char *ended;          // why it ended when not in the usual way: "client closed", "header timeout", ... or NULL
};

// capacity: bytes of the buffer (64 KiB is usual). Returns false when memory is short.
bool access_log_init(struct access_log *log, int fd, bool use_syslog, enum access_format format, struct log *errors);
static inline bool access_log_enabled(const struct access_log *log) {
    return log->fd >= 0 || log->use_syslog;
}
void access_log_write(struct access_log *log, const struct access_entry *entry);
void access_log_flush(struct access_log *log);
// Flushes to the old descriptor, then goes on with the new one (log rotation). The caller closes the old one.
void access_log_reopen(struct access_log *log, int fd, bool use_syslog, enum access_format format);
void access_log_free(struct access_log *log); // flushes

#endif
