// Handshakes that are refused, and requests that are never whole.
//
// Handshakes are counted by reason, and logged so that a flood of them fills no disk: at most
// REFUSALS_BURST lines at once and then REFUSALS_PER_SECOND, in either log, with a line that says
// how many were left out. The access log has a line for every request; complaints.h bounds their
// lines in the error log.
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

#define PLAIN_HTTP_ANSWER_SIZE 41 // bytes of the page that plain HTTP on the TLS port gets

// While the session still has its handshake. `bytes`: what the client sent last, for a client that
// sent no ClientHello.
void refusals_note(struct session *session, const struct refusal *refusal, struct slice bytes);
// The client left after `part` of a request head: a line in the access log, and one of level debug.
void refusals_note_half(struct session *session, struct slice part);
struct http2_fault;
// A connection of HTTP/2 ends for a fault of its client: counted, and a line in the error log.
void refusals_note_http2(struct session *session, const struct http2_fault *fault);
// A request of HTTP/2 is reset as malformed, `part` being its head as HTTP/1 writes it: a line in
// the access log, and one of level debug.
void refusals_note_reset(struct session *session, struct slice part, const char *why);
// Once a second: tells how many lines were left out, as soon as the rate allows a line.
void refusals_tick(struct sessions *sessions);

#endif
