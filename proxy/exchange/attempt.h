// The attempts of one exchange: the choice of a server, the connection to it, and how often another
// server is tried.
//
// Holds at most one lease. attempt_drop() or attempt_release() ends the lease. Each further attempt
// uses a server that this exchange has not tried.
//
// If every server has as many connections as it may have (`max-connections`), the attempt waits in
// the queue of its backend (backend/queue.h). A waiting attempt has no lease. Its owner is called
// when it can continue.
#ifndef RAVELIN_EXCHANGE_ATTEMPT_H
#define RAVELIN_EXCHANGE_ATTEMPT_H

#include "backend/queue.h"
#include "exchange/account.h"

// A failure of a server. `detail`: see enum fault.
struct failure {
    enum fault fault;
    uint32_t detail;
};

#define ATTEMPTS_MAX 11 // one more than `retries` can be

// A wait in the queue of the backend. It ends when there is a connection, or when the attempt ends.
struct attempt_wait {
    struct queue_waiter waiter;
    struct attempt *attempt;
};

struct attempt {
    struct list_node *kept; // idle connections that are bound to this client; owner: the session
    struct server *server;  // the last server that was tried, or NULL
    uint32_t tried[ATTEMPTS_MAX]; // [tried_count], indices of servers that failed
    uint32_t tried_count;
    struct lease *lease; // NULL: none
    struct lease_owner owner;
    struct attempt_wait *wait; // in the queue, or called from it; owned. NULL: does not wait
    const char *refusal;       // static; why no server can be tried and the attempt does not wait
    int64_t begun_ms;          // when the server was chosen
    uint32_t count;
    enum fault fault;  // the last failure
    bool has_waited;   // in the queue, or for a verdict
    bool connects;     // the connection is being made; its result was not counted yet
    bool can_repeat;   // the request has no body and may be sent twice
    bool tries;        // this request tries whether a failed server works again
    bool blamed;       // the last failure was the server's fault
    bool met_old;      // a reused connection was closed by the server
    bool wants_unused; // use no connection that has served another request
    bool binds_lease;  // the request's credentials authenticate the connection to the server
};

// Leases a connection if there is none, and waits until it is connected.
//   0            connected
//   EINPROGRESS  not connected yet; without a lease, the attempt waits in the queue
//   EBUSY        respond with attempt_refuse()
//   other        errno of the failure, which is logged. Without a lease, no connection could be
//                made
int attempt_connect(struct attempt *attempt, const struct choice *choice, struct account *account);
// Closes the connection to the server, if there is one, and leaves the queue.
void attempt_drop(struct attempt *attempt, const struct choice *choice);
// Notes the result of the server for its health: a response of this status, or a failure.
void attempt_note_response(struct attempt *attempt, const struct choice *choice, uint16_t status);
void attempt_blame(struct attempt *attempt, const struct choice *choice, struct failure failure);
// Notes that the server failed. Closes the connection. Blames the server, unless the server closed
// a reused connection, which it may do at any time. `why`: text for the log; NULL: it was logged
// already.
void attempt_fail(struct attempt *attempt, const struct choice *choice, struct failure failure,
                  const char *why);
// Whether a response of this status is a failure after which another server is tried. If so, uses a
// part of `retry-budget`. False if no other server is known to work, because then this response is
// the best for the client.
bool attempt_may_leave(struct attempt *attempt, const struct choice *choice, uint16_t status);
// The value of Set-Cookie that names the server. Empty: the client has this cookie already, or the
// backend is not sticky.
struct slice attempt_cookie(const struct attempt *attempt, const struct choice *choice);
// A 503 with Retry-After, if no server accepts the request, or if the request has waited too long.
struct answer attempt_refuse(const struct attempt *attempt, const struct choice *choice);
// Whether there may be another attempt after a failure. If so, uses a part of `retry-budget`. A
// backend with one server tries this server again, unless `elsewhere`: the same server would fail
// again.
bool attempt_may_repeat(struct attempt *attempt, const struct choice *choice, bool elsewhere);
// Ends the lease. `reusable`: another exchange may use the connection.
void attempt_release(struct attempt *attempt, const struct choice *choice, bool reusable);

static inline bool attempt_is_queued(const struct attempt *attempt) {
    return attempt->wait != NULL && queue_has(&attempt->wait->waiter);
}

static inline bool attempt_is_connecting(const struct attempt *attempt) {
    return attempt->lease != NULL && !attempt->lease->connected;
}

#endif
