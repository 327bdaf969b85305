// The attempts of one exchange to be served: which server is asked, over which connection, how
// often.
//
// Holds at most one lease; attempt_drop() or attempt_release() lets it go. The next attempt is at a
// server that this exchange has not tried.
//
// If no server has a connection left (`max-connections`), the attempt waits in the queue of its
// backend (backend/queue.h): it has no lease then, and its owner is told when it can go on.
#ifndef RAVELIN_EXCHANGE_ATTEMPT_H
#define RAVELIN_EXCHANGE_ATTEMPT_H

#include "backend/queue.h"
#include "exchange/account.h"

// `detail`: see enum fault.
struct failure {
    enum fault fault;
    uint32_t detail;
};

#define ATTEMPTS_MAX 11 // one more than `retries` can be

struct attempt {
    struct list_node *kept;       // connections that are bound to this client; the session's
    struct server *server;        // the last one that was asked, or NULL
    uint32_t tried[ATTEMPTS_MAX]; // [tried_count], indices of servers that failed
    uint32_t tried_count;
    struct lease *lease; // NULL: none
    struct lease_owner owner;
    struct queue_waiter waiter;
    bool has_waited;
    const char *refusal; // static: why no server is asked and nothing is waited for
    uint32_t count;
    int64_t begun_ms;  // when the server was chosen
    bool can_repeat;   // the request has no body and can be repeated: it may try a server
    bool tries;        // whether the server works again
    bool blamed;       // the last failure was the server's
    enum fault fault;  // the last one
    bool met_old;      // an old connection ended when it was used again
    bool wants_unused; // no connection that has served another request
    bool binds_lease;  // the request's credentials authenticate the connection to the server
};

// Takes a connection if there is none, and waits until it is connected. 0: it is. EINPROGRESS: not
// yet, and without a lease it waits for one in the queue. EBUSY: attempt_refuse() is the answer.
// Else its error, which is logged; without a lease none could be made.
int attempt_connect(struct attempt *attempt, const struct choice *choice, struct account *account);
// Closes the connection to the server, if there is one, and leaves the queue.
void attempt_drop(struct attempt *attempt, const struct choice *choice);
// The server gave a response of this status, or did what is no response: counts for its health.
void attempt_note_response(struct attempt *attempt, const struct choice *choice, uint16_t status);
void attempt_blame(struct attempt *attempt, const struct choice *choice, struct failure failure);
// The server failed. The connection is closed, and the server blamed unless it closed an old
// connection, which may end at any time. `why` is for the log; NULL: it was
// logged.
void attempt_fail(struct attempt *attempt, const struct choice *choice, struct failure failure,
                  const char *why);
// The value of Set-Cookie that names the server to the client; empty: the client knows it, or the
// backend is not sticky.
struct slice attempt_cookie(const struct attempt *attempt, const struct choice *choice);
// 503 with Retry-After, for a request that no server takes, or that has waited too long.
struct answer attempt_refuse(const struct attempt *attempt, const struct choice *choice);
// Whether there may be another one after a failure; takes it from `retry-budget`. A backend with
// one server has it for all, unless `elsewhere`: the same server would fail again.
bool attempt_may_repeat(struct attempt *attempt, const struct choice *choice, bool elsewhere);
// The exchange needs the connection no more. `reusable`: another may use it.
void attempt_release(struct attempt *attempt, const struct choice *choice, bool reusable);

static inline bool attempt_is_queued(const struct attempt *attempt) {
    return queue_has(&attempt->waiter);
}

static inline bool attempt_is_connecting(const struct attempt *attempt) {
    return attempt->lease != NULL && !attempt->lease->connected;
}

#endif
