// Connections to servers: made, leased to one exchange at a time, and pooled between exchanges.
//
// A `struct lease` is one connection. While it is leased, `owner` is set: the pool records
// readiness in the flags, then calls ready() of the owner. An owner is a member of the object that
// has the lease, so the pool does not know its type. An idle connection in the pool is only
// watched: if it becomes readable (an end, or unexpected bytes), the pool closes it. The loop polls
// once a turn. So pool_lease() also calls recv(MSG_PEEK) before it reuses a connection: bytes that
// a server sent before this call are never a response.
//
// Unexpected bytes mean that the server and Ravelin disagree about the end of a message. Then no
// connection to this server is reused for POOL_DISTRUST_MS. Exception: a 408 before the end.
//
// A server that authenticates connections (NTLM, Negotiate) attributes every request on a
// connection to the client that logged in. Such a connection is `bound`: it never enters the pool.
// Between exchanges it is idle in the list of its keeper (a session), watched like a pooled
// connection, and serves only that keeper.
//
// The loop always watches for bytes of the server, except while the owner does not want to read
// (lease_want_read()). So a request on a pooled connection costs no epoll_ctl. The owner does the
// I/O, by the calls of the pool.
//
// A unix server with a full queue refuses with EAGAIN, and no event follows when there is room.
// Then a timer tries again after 2 ms, and after twice the last time at each further try, up to 64
// ms. The owner's connect-timeout limits the tries.
//
// Bounds: at most POOL_IDLE_MAX idle connections for each server and worker, each for at most
// POOL_IDLE_MS. A keeper has at most one bound connection for each backend.
#ifndef RAVELIN_BACKEND_POOL_H
#define RAVELIN_BACKEND_POOL_H

#include "backend/backend.h"
#include "base/list.h"
#include "base/result.h"
#include "base/slab.h"
#include "base/socket.h"
#include "observe/metrics.h"

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_IDLE_MAX 512
#define POOL_IDLE_MS 60000
#define POOL_DISTRUST_MS 60000

struct lease_owner {
    // The flags of the lease have changed. May close or release the lease, and free the owner.
    void (*ready)(struct lease_owner *owner);
};

// While the queue of a unix server is full.
struct lease_retry {
    ev_timer timer;
    int error; // errno of the last try, which ended it; 0: the queue is still full
};

struct lease {
    struct list_node node; // in server->idle or in the keeper's list, only while idle
    // In pool->by_age (the longest idle first) or in pool->kept, only while idle.
    struct list_node age_node;
    struct pool *pool;
    struct server *server;
    struct lease_owner *owner; // NULL: idle
    int64_t idle_since_ms;
    ev_io watcher;
    struct lease_retry *retry; // owned. NULL: the connection has begun
    int fd;
    uint32_t version; // version of the server's address to which it is connected
    bool connected;
    bool reused;         // has served an exchange before
    bool readable;       // set by the loop; the owner clears it after a short read
    bool writable;       // set by the loop; the owner clears it after a short write
    bool bound;          // serves one client only: see above
    bool kept;           // idle in the keeper's list
    bool large_response; // the last response was large; the owner uses it as a hint for the next
};

// System calls on connections to servers. Tests replace them.
struct pool_calls {
    int (*connect)(const struct address *address, enum connect_state *state); // socket_connect()
    ssize_t (*recv)(int fd, void *data, size_t size, int flags);
    ssize_t (*readv)(int fd, const struct iovec *parts, int count);
    ssize_t (*send_parts)(int fd, struct iovec *parts, size_t count); // socket_send()
    int (*shutdown)(int fd, int how);
    int (*error)(int fd); // socket_error()
    int (*close)(int fd);
};

struct pool {
    struct ev_loop *loop;
    struct slab leases;
    struct list_node by_age;
    struct list_node kept; // all idle connections of all keepers
    struct metrics_slot *metrics;
    struct pool_calls calls;
};

void pool_init(struct pool *pool, struct ev_loop *loop, struct metrics_slot *metrics);
// Closes all pooled connections; leased and kept ones must have been closed before.
void pool_free(struct pool *pool);
// Closes connections that were idle for POOL_IDLE_MS. The owner calls it from time to time.
void pool_sweep(struct pool *pool, int64_t now_ms);
void pool_close_idle(struct pool *pool, struct backend_set *set);
void pool_close_idle_of(struct server *server);
// Closes idle connections to addresses that names have lost. The owner calls it from time to time.
void pool_close_left(struct backend_set *set);

// Returns an idle connection of this server without unexpected bytes, if there is one and `fresh`
// is false. Otherwise makes a new connection, which may not be connected yet. NULL with errno: no
// connection could be made. EBUSY: all connections that the server may have are in use.
struct lease *pool_lease(struct pool *pool, struct server *server, bool fresh,
                         struct lease_owner *owner);
// Call it after ready() for a connection that is not connected. 0: connected. EINPROGRESS: wait
// again. Otherwise the errno of the failure.
int lease_finish_connect(struct lease *lease);
// Returns the connection to the pool. Closes it if the pool is full, if the server has another
// address or none now, or if `retired`: the generation of the connection is no longer current.
void lease_release(struct lease *lease, bool retired, int64_t now_ms);
void lease_close(struct lease *lease);

// For a bound connection, instead of lease_release(): makes it idle in `keeper`, and closes the
// bound connection that the keeper has for this backend. `set`: the present backend set; a
// connection whose server is no longer in the set is closed.
void lease_keep(struct lease *lease, struct list_node *keeper, const struct backend_set *set);
// Leases the keeper's connection for this backend to `owner`. NULL: the keeper has none without
// unexpected bytes.
struct lease *pool_lease_kept(struct list_node *keeper, const struct backend *backend,
                              struct lease_owner *owner);
void pool_close_kept(struct list_node *keeper);
// Call it when `set` replaces the present backend set: kept connections move to the same servers of
// `set`, and are closed if `set` does not have the server.
void pool_move_kept(struct pool *pool, const struct backend_set *set);

// Whether the lease is connected to the present address of its server.
static inline bool lease_is_current(const struct lease *lease) {
    return server_is_same(lease->server, lease->version);
}

// EV_READ, EV_WRITE: what the loop watches the connection for.
static inline int lease_watched(const struct lease *lease) {
    return lease->watcher.events & (EV_READ | EV_WRITE);
}

void lease_want_read(struct lease *lease, bool wanted);
void lease_want_write(struct lease *lease, bool wanted);

#endif
