// Lines of the error log that clients or servers can cause. Their number is limited so that a flood
// fills no disk: for each kind, and for each server, at most COMPLAINTS_BURST lines at once, then
// COMPLAINTS_PER_SECOND. A further line has the number of omitted lines. refusals.h counts refused
// handshakes.
#ifndef RAVELIN_EXCHANGE_COMPLAINTS_H
#define RAVELIN_EXCHANGE_COMPLAINTS_H

#include "base/rate.h"
#include "observe/log.h"

#include <stdbool.h>
#include <stdint.h>

struct backend_set;
struct server;

#define COMPLAINTS_BURST 20
#define COMPLAINTS_PER_SECOND 1

// Name, then the text of "N more lines about ... were left out".
#define COMPLAINTS(X)                                                                              \
    X(LIMIT, "connections over a limit")                                                           \
    X(PROXY_HEADER, "PROXY headers")                                                               \
    X(FORWARDED, "forwarding headers")                                                             \
    X(REQUEST, "refused requests")                                                                 \
    X(PROBE, "connections without a word")                                                         \
    X(HTTP2, "HTTP/2 connections that were ended")

enum complaint {
#define COMPLAINT_ENUM(name, text) COMPLAINT_##name,
    COMPLAINTS(COMPLAINT_ENUM)
#undef COMPLAINT_ENUM
        COMPLAINT_COUNT,
};

struct complaints {
    struct log *log;
    const int64_t *now_ms; // monotonic clock, set by the owner
    struct rate rates[COMPLAINT_COUNT];
    bool about_servers; // lines about a server may have been omitted
};

void complaints_init(struct complaints *complaints, struct log *log, const int64_t *now_ms);
// Logs one line, or counts it as omitted. Lines below the log level are not counted.
void complain(struct complaints *complaints, enum complaint kind, enum log_severity severity,
              const char *format, ...) __attribute__((format(printf, 4, 5)));
// Logs a warning about a server: "backend NAME: server ADDRESS: ...".
void complain_of_server(struct complaints *complaints, struct server *server, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));
// Call it once a second. Logs the number of omitted lines, as soon as the rate allows a line.
// `servers`: in use now; NULL: none.
void complaints_tick(struct complaints *complaints, const struct backend_set *servers);

#endif
