// Connections to servers: made, leased to one exchange at a time, and pooled between exchanges.
//
// A `struct lease` is one connection. While somebody has it, `owner` is set: readiness is noted in
// the flags, then ready() of the owner is called. An owner is part of the object that has the
// lease, so owners can be of any kind. While the connection is idle in its server's pool it is only
// watched: anything that becomes readable then (an end, or bytes nobody asked for) closes it. The
// loop polls once a turn, so pool_lease() also looks into the socket with one recv(MSG_PEEK) before
// it reuses a connection: what a server sent before that call is never taken for a response.
//
// Bytes that nobody asked for mean that the server and Ravelin do not agree on where a message
// ends. Then no connection to this server is reused for POOL_DISTRUST_MS. A 408 before an end is
// none of these.
//
// A server that authenticates connections (NTLM, Negotiate) takes every request on one for the
// request of the client that logged in. Such a connection is `bound`: it never enters the pool.
// Between its exchanges it is idle in its keeper's list (a session's), watched like a pooled one,
// and serves that keeper alone.
//
// Watchers: the read watcher runs from the connection's first day and is stopped only while its
// owner does not want to read (lease_want_read), so a request on a pooled connection costs no
// epoll_ctl. I/O itself is the owner's (session/relay).
//
// A unix server whose queue is full refuses with EAGAIN, and the kernel does not tell when there is
// room. Then a timer tries again after 2 ms, and after twice the time before at each further try,
// up to 64 ms. The owner's connect-timeout bounds the tries.
//
// Bounds: at most POOL_IDLE_MAX idle connections a server and worker, each for at most
// POOL_IDLE_MS. A keeper has at most one bound connection for each backend, as long as it lives.
#ifndef RAVELIN_BACKEND_POOL_H
#define RAVELIN_BACKEND_POOL_H

#include "backend/backend.h"
#include "base/list.h"
#include "base/result.h"
#include "base/slab.h"
#include "observe/metrics.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_IDLE_MAX 512
#define POOL_IDLE_MS 60000
#define POOL_DISTRUST_MS 60000

struct lease_owner {
    // Readiness was noted in the lease. May close or release the lease and free the owner.
    void (*ready)(struct lease_owner *owner);
};

struct lease {
    struct list_node node; // in server->idle or in its keeper's list, only while idle
    // In pool->by_age, the longest idle first, or in pool->kept; only while idle.
    struct list_node age_node;
    struct pool *pool;
    struct server *server;
    ev_io read_watcher;
    ev_io write_watcher;
    int fd;
    ev_timer retry;  // while queue_full
    bool queue_full; // of the server: the connection has not begun
    int error;       // errno of a later try, 0: none failed
    bool connected;
    bool reused;         // has served an exchange before
    bool readable;       // noted by the loop; the owner clears it after a short read
    bool writable;       // cleared by the owner after a short write
    bool bound;          // serves one client only: see above
    bool kept;           // idle in its keeper's list
    bool large_response; // its owner's note for the next one: the last response was a large one
    int64_t idle_since_ms;
    struct lease_owner *owner; // NULL: idle
};

struct pool {
    struct ev_loop *loop;
    struct slab leases;
    struct list_node by_age;
    struct list_node kept; // all idle connections of all keepers
    struct metrics_slot *metrics;
};

void pool_init(struct pool *pool, struct ev_loop *loop, struct metrics_slot *metrics);
// Closes all pooled connections; leased and kept ones must have been closed before.
void pool_free(struct pool *pool);
void pool_sweep(struct pool *pool, int64_t now_ms); // closes what has been idle too long
void pool_close_idle(struct pool *pool, struct backend_set *set);

// An idle connection of this server when there is one at which nothing waits and `fresh` is false,
// else a new one (perhaps not connected yet). NULL with errno when none could be made; EBUSY: the
// server has as many in use as it may have.
struct lease *pool_lease(struct pool *pool, struct server *server, bool fresh,
                         struct lease_owner *owner);
// After ready() was called for a connection in progress: 0 when it is complete, EINPROGRESS, or its
// error.
int lease_finish_connect(struct lease *lease);
// Gives the connection back for the next exchange; closes it when the pool is full or its
// generation retired.
void lease_release(struct lease *lease, bool retired, int64_t now_ms);
void lease_close(struct lease *lease);

// For a bound connection instead of lease_release(): leaves it idle in `keeper`, in place of the
// one that the keeper has for this backend. `set` is the backend set in use; the connection is
// closed when the server is no longer in it.
void lease_keep(struct lease *lease, struct list_node *keeper, const struct backend_set *set);
// The connection that the keeper has for this backend, leased to `owner`. NULL: it has none at
// which nothing waits.
struct lease *pool_lease_kept(struct list_node *keeper, const struct backend *backend,
                              struct lease_owner *owner);
void pool_close_kept(struct list_node *keeper);
// `set` takes the place of the one in use: kept connections become those of its servers, and are
// closed where it has not the same server.
void pool_move_kept(struct pool *pool, const struct backend_set *set);

void lease_want_read(struct lease *lease, bool wanted);
void lease_want_write(struct lease *lease, bool wanted);

#endif
