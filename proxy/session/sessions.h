// What the sessions of a worker share. The service owns it and outlives them.
//
// One wheel holds all that waits for a time, and one timer wakes the loop for it. Few of many nodes
// that are due at once are called in one loop turn, so that others wait for a few of them, not for
// all.
#ifndef RAVELIN_SESSION_SESSIONS_H
#define RAVELIN_SESSION_SESSIONS_H

#include "base/list.h"
#include "base/pages.h"
#include "base/rate.h"
#include "base/slab.h"
#include "base/wheel.h"
#include "exchange/shared.h"
#include "http2/connection.h"
#include "http2/response.h"
#include "session/signing.h"
#include "session/transport.h"

#include <ev.h>

struct sessions {
    struct shared shared; // what exchanges know of it
    struct ev_loop *loop;
    const struct metrics_slot *all_metrics; // all slots, for limits that count over all workers
    size_t slot_count;
    // The time of a drain is over: what a session still does ends at its deadline, which is now.
    bool expired;
    struct list_node open;
    struct list_node closed;     // freed at the end of the loop turn
    struct list_node unfinished; // those that have used up their turn
    struct wheel wheel;
    ev_timer wheel_timer;
    int64_t wheel_timer_ms; // when it fires; INT64_MAX: never
    struct pages pages;     // of sessions
    struct slab http1_streams;
    struct pages http2_connections; // of struct http2
    struct slab http2_sides;
    struct http2_shared http2;
    struct http2_list http2_list; // scratch: the fields of a response
    struct transport_pools transports;
    struct signing signing;
    struct rate refusal_lines; // of refused handshakes, see refusals.h
};

// The lists, the wheel and its timer. The rest is the service's to fill in.
void sessions_init(struct sessions *sessions, struct ev_loop *loop, int64_t now_us);
// A loop turn begins. `now_us`: of the monotonic clock.
void sessions_begin_turn(struct sessions *sessions, int64_t now_us);
void sessions_stop(struct sessions *sessions);

static inline int64_t sessions_now_ms(const struct sessions *sessions) {
    return shared_now_ms(&sessions->shared);
}

// Has the callback of this node called, at this time or somewhat later.
void sessions_await(struct sessions *sessions, struct wheel_node *node, int64_t at_ms);

#endif
