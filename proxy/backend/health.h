// Whether a server works, as one worker sees it from its requests: failures take a server out of
// use for a while, and a request or a connection tries it before it returns.
//
// Each worker slot has a cell (server_counts.h) for every server, and decides about its own use of
// the server. A cell belongs to the server as long as the server is in the configuration, so a
// reload changes nothing.
//
// States of a cell:
//   in use   until_ms is 0. Failures are counted
//   out      after a failed connection, `max-failures` other failures in a row, or too many
//            failures among the last requests (`failure-ratio`). The time doubles for each time in
//            a row, from `eject-time` to `eject-time-max`, and is spread by up to an eighth
//   due      the time has passed. After a failed connection, the prober (prober.h) connects before
//            any request is sent. After other failures, the next request that can be repeated
//            tries it, unless it is a retry and another server works; one request at a time, in
//            all workers
//   trying   a success brings the server back, and `slow-start` begins. A failure begins the next
//            time out
//
// If checks find the server down and then up while it is out, due or trying, it is in use again at
// once: the checks have seen more than a try would.
//
// An attacker who controls a worker can write anything into its cells. Invariant: another worker
// takes a server out of use only after a failure of its own, for any number of cells that report
// one. It leaves a try to another worker for at most HEALTH_YIELD_MS in a row.
#ifndef RAVELIN_BACKEND_HEALTH_H
#define RAVELIN_BACKEND_HEALTH_H

#include "config/config.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HEALTH_WINDOW_MS 10000
#define HEALTH_WINDOW_MIN 20 // requests; fewer are not enough for a ratio
#define HEALTH_YIELD_MS 2000
// A request that cannot be repeated tries a server only if no other request tried it for this time.
#define HEALTH_PATIENCE_MS 1000

// Why a server is out of use. The comment is the meaning of the detail.
enum fault {
    FAULT_NONE,
    FAULT_CONNECT, // errno
    FAULT_CONNECT_TIMEOUT,
    FAULT_CLOSED,           // connection closed before a response
    FAULT_BROKEN,           // connection closed within a response
    FAULT_RESPONSE_TIMEOUT, // no response in time
    FAULT_MALFORMED,
    FAULT_STATUS, // status of the response
    FAULT_COUNT,
};

// One cell. The worker of the slot writes it, all other workers read it.
struct health {
    _Atomic int64_t until_ms;  // monotonic clock. 0: in use; HEALTH_HELD: until the prober connects
    _Atomic int64_t since_ms;  // of the last change between in use and out
    _Atomic int64_t trying_ms; // since when a request tries the server; 0: no request does
    int64_t due_ms;            // HEALTH_HELD: time of the prober's next connection
    int64_t window_ms;         // begin of the window of requests
    uint32_t requests, failed; // in the window
    uint32_t in_a_row;         // failures in a row
    uint32_t level;            // how many times in a row the server was out
    _Atomic uint32_t fault;    // of the last failure: enum fault and its detail
    uint32_t yielded_ms;       // time for which a try was left to other workers
};

#define HEALTH_HELD INT64_MAX

static inline int64_t health_until(const struct health *health) {
    return atomic_load_explicit(&health->until_ms, memory_order_relaxed);
}

static inline bool health_is_out(const struct health *health) {
    return health_until(health) != 0;
}

static inline int64_t health_since(const struct health *health) {
    return atomic_load_explicit(&health->since_ms, memory_order_relaxed);
}

// For the prober.
static inline bool health_is_held(const struct health *health) {
    return health_until(health) == HEALTH_HELD &&
           atomic_load_explicit(&health->trying_ms, memory_order_relaxed) == 0;
}

enum health_change { HEALTH_SAME, HEALTH_EJECTED, HEALTH_RETURNED };

struct health_event {
    const struct config_backend *policy;
    int64_t now_ms;
    int64_t begun_ms; // when the request came to this server
    bool tries;       // the request tried the server, see health_try()
};

// A response without a fault.
enum health_change health_worked_slowly(struct health *health, const struct health_event *event);
static inline enum health_change health_worked(struct health *health,
                                               const struct health_event *event) {
    health->requests++;
    if (health->in_a_row == 0 && !health_is_out(health)) {
        return HEALTH_SAME;
    }
    return health_worked_slowly(health, event);
}

// `others`: another worker has the server out of use. `random`: any number.
enum health_change health_failed(struct health *health, const struct health_event *event,
                                 enum fault fault, uint32_t detail, bool others, uint64_t random);

// A check has found the server up at `up_ms`; 0: at no time. Brings the server back if this was
// after it went out of use.
enum health_change health_found_up(struct health *health, int64_t up_ms, int64_t now_ms);

// Call it when a request begins to try a server that is due.
void health_try(struct health *health, int64_t now_ms);
// Call it when the request ended without a result, for example because its client left.
void health_end_try(struct health *health, int64_t now_ms);
// Leaves the try to another worker for some time. False: this time is over.
bool health_yield(struct health *health, int64_t now_ms);

// The part of its weight, in 256ths, that a server gets when it returned at `since_ms`.
uint32_t health_share(int64_t since_ms, uint32_t slow_start_ms, int64_t now_ms);

#define FAULT_TEXT_SIZE 80
// Writes "connect: Connection refused". `fault` as in struct health; any number is allowed.
void fault_write(uint32_t fault, char text[FAULT_TEXT_SIZE]);

#endif
