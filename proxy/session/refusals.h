// Handshakes that fail: counted by reason, and told in the logs, but so that a flood of them fills no
// disk: at most REFUSALS_BURST lines at once and then REFUSALS_PER_SECOND, in either log, with a line
// that says how many were left out.
#ifndef RAVELIN_SESSION_REFUSALS_H
#define RAVELIN_SESSION_REFUSALS_H

#include "base/rate.h"
#include "tls/refusal.h"

struct service;
struct session;

#define REFUSALS_BURST 50
#define REFUSALS_PER_SECOND 2
#define REFUSALS_RATE                                                                              \
    (struct rate) {                                                                                \
        .interval_ms = 1000 / REFUSALS_PER_SECOND, .burst = REFUSALS_BURST                         \
    }

// While the session still has its handshake.
void refusals_note(struct session *session, const struct refusal *refusal);
// Once a second: tells how many lines were left out, as soon as the rate allows a line.
void refusals_tick(struct service *service);

#endif
