// Logs and counts refused handshakes and incomplete requests.
//
// Handshakes are counted by reason. Their log lines are limited so that a flood fills no disk: in
// each log at most REFUSALS_BURST lines at once, then REFUSALS_PER_SECOND. A further line has the
// number of omitted lines. The access log has a line for every request; complaints.h limits the
// lines of requests in the error log.
#ifndef RAVELIN_SESSION_REFUSALS_H
#define RAVELIN_SESSION_REFUSALS_H

#include "base/rate.h"
#include "base/slice.h"
#include "tls/handshake/refusal.h"

struct sessions;
struct session;

#define REFUSALS_BURST 50
#define REFUSALS_PER_SECOND 2
#define REFUSALS_RATE                                                                              \
    (struct rate) {                                                                                \
        .interval_ms = 1000 / REFUSALS_PER_SECOND, .burst = REFUSALS_BURST                         \
    }

#define PLAIN_HTTP_ANSWER_SIZE 41 // bytes of the page for plain HTTP on the TLS port

// Call it while the session still has its handshake. `bytes`: the last received bytes, for a client
// that sent no ClientHello.
void refusals_note(struct session *session, const struct refusal *refusal, struct slice bytes);
// The client left after `part` of a request head. Writes a line to the access log, and one of level
// debug.
void refusals_note_half(struct session *session, struct slice part);
struct http2_fault;
// An HTTP/2 connection ends because of a fault of its client. Counts it, and writes a line to the
// error log.
void refusals_note_http2(struct session *session, const struct http2_fault *fault);
// A malformed HTTP/2 request is reset. Writes a line to the access log, and one of level debug.
// `part` is the request head as in HTTP/1.
void refusals_note_reset(struct session *session, struct slice part, const char *why);
// Call it once a second. Logs the number of omitted lines as soon as the rate allows a line.
void refusals_tick(struct sessions *sessions);

#endif
