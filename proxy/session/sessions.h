// The state that the sessions of a worker share. The service owns it, and it outlives the sessions.
//
// One wheel has all timers of the sessions, and one libev timer drives the wheel. One loop turn
// calls only a bounded number of expired nodes, so that other events wait for a few nodes, not for
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
#include "session/logins.h"
#include "session/signing.h"
#include "session/transport.h"

#include <ev.h>

struct sessions {
    struct shared shared; // the part that exchanges use
    struct ev_loop *loop;
    const struct metrics_slot *all_metrics; // all slots, for limits that count over all workers
    size_t slot_count;
    // The time limit of a drain has expired. Each session is ended at its deadline, which is set to
    // now.
    bool expired;
    struct list_node open;
    struct list_node closed;     // freed at the end of the loop turn
    struct list_node unfinished; // sessions that have used up their steps of this turn
    struct wheel wheel;
    ev_timer wheel_timer;
    int64_t wheel_timer_ms; // when it fires; INT64_MAX: never
    struct list_node bulk;  // struct bulk (bulk.h): those that are active
    ev_timer bulk_timer;    // active while that list is not empty
    struct pages pages;     // memory of struct session
    struct slab http1_streams;
    struct pages http2_connections; // memory of struct http2
    struct slab http2_sides;
    struct http2_shared http2;
    uint64_t http2_windows;       // bytes: sum of http2->grown of all connections
    struct http2_list http2_list; // scratch: header fields of a response
    struct transport_pools transports;
    struct signing signing;
    struct logins logins;
    struct rate refusal_lines; // limits the log lines of refused handshakes, see refusals.h
};

// Initialises the lists, the wheel and its timer. The service sets the other members.
void sessions_init(struct sessions *sessions, struct ev_loop *loop, int64_t now_us);
// Call it when a loop turn begins. `now_us`: monotonic clock.
void sessions_begin_turn(struct sessions *sessions, int64_t now_us);
void sessions_stop(struct sessions *sessions);

static inline int64_t sessions_now_ms(const struct sessions *sessions) {
    return shared_now_ms(&sessions->shared);
}

// Sets the timer of `node`: its callback is called at `at_ms` or a little later. If `at_ms` has
// passed, it is called with the next slot of the wheel, so that a callback that sets its own timer
// again does not delay other timers.
void sessions_await(struct sessions *sessions, struct wheel_node *node, int64_t at_ms);

#endif
