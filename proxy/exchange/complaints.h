// Lines of the error log that a client or a server can cause. Their number is bounded, so that a
// flood of them fills no disk: of each kind, and of each server, at most a burst and then a few a
// second. A line with the number of lines left out follows. refusals.h counts refused handshakes.
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

// name, what its lines are about: "N more lines about ... were left out".
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
    const int64_t *now_ms; // of the monotonic clock, kept by the owner
    struct rate rates[COMPLAINT_COUNT];
    bool about_servers; // lines about a server may have been left out
};

void complaints_init(struct complaints *complaints, struct log *log, const int64_t *now_ms);
// Logs one line, or counts it as left out. Lines that the level does not want count for nothing.
void complain(struct complaints *complaints, enum complaint kind, enum log_severity severity,
              const char *format, ...) __attribute__((format(printf, 4, 5)));
// A warning about a server: "backend NAME: server ADDRESS: ...".
void complain_of_server(struct complaints *complaints, struct server *server, const char *format,
                        ...) __attribute__((format(printf, 3, 4)));
// Once a second: logs how many lines were left out, as soon as the rate allows a line.
// `servers`: those in use; NULL: none.
void complaints_tick(struct complaints *complaints, const struct backend_set *servers);

#endif
