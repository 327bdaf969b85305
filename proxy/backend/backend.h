// Backends at work: the servers of one generation as one worker sees them.
//
// Which server is chosen, balance.h says. One that could not be connected to is passed over for
// SERVER_PENALTY_MS, unless all are. What a worker knows of a server lies in its own part of the
// server table (server_table.h): no locks.
#ifndef RAVELIN_BACKEND_BACKEND_H
#define RAVELIN_BACKEND_BACKEND_H

#include "backend/balance.h"
#include "backend/server_table.h"
#include "base/list.h"
#include "base/rate.h"
#include "config/config.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_PENALTY_MS 1000
#define SERVER_LINES_INTERVAL_MS 1000
#define SERVER_LINES_BURST 20

struct server {
    const struct config_server *config;
    struct backend *backend;
    struct list_node idle; // server_connection.node, the most recently used first
    uint32_t idle_count;
    struct server_state *state; // in the view of the set, as is the entry
    const struct server_entry *entry;
    const char *cookie;     // NUL-terminated value of Set-Cookie; NULL: its backend is not sticky
    _Atomic uint32_t *used; // this worker's connections in use, see server_counts.h
    int64_t distrusted_until_ms; // until then no connection is reused, see pool.h
    struct rate lines;           // of the log, about this server
};

struct queue;

struct backend {
    const struct config_backend *config;
    struct server *servers;
    size_t server_count;
    struct balance_view view;
    char *cookies;       // of its servers; NULL: it is not sticky
    struct queue *queue; // who waits for a connection, see queue.h; NULL: no server has a limit
    uint64_t random;     // a state of backend_choose()
};

struct backend_set {
    struct backend *backends; // in the order of config.backends
    size_t count;
    const struct config *config;
    struct server_view view;
    bool retired; // its generation is no longer current: connections are closed instead of pooled
};

// Takes the descriptors of the server table, on failure too. `counter` is the worker's. NULL when
// memory is short or they are no table of this config.
struct backend_set *backend_set_new(const struct config *config, struct server_fds *fds,
                                    const struct server_counter *counter);
// Every connection must have been closed or released before.
void backend_set_free(struct backend_set *set);

// Takes over from the set of generation `number`, which this set takes the place of, what is known
// of servers that stay.
void backend_set_take_over(struct backend_set *set, const struct backend_set *former,
                           uint64_t number);

// The server of this set that stands for the same as `server` of another: one of the same address,
// of the backend of the same name that has the same send-proxy-protocol. NULL: none.
struct server *backend_set_find(const struct backend_set *set, const struct server *server);

// What a request asks of the choice.
struct server_wish {
    const struct server *failed; // in this exchange, avoided if there is another; or NULL
    bool has_key;                // `key` is what `balance = hash` hashes; without one, round robin
    uint64_t key;                // of balance_hash()
    const uint8_t *name;         // of the server that a cookie names; NULL: none does
};

// The server that is named and may be used: it has not failed and has no penalty. NULL: none.
struct server *backend_find_named(struct backend *backend, const struct server_wish *wish,
                                  int64_t now_ms);
// The server that is named, if it may be used; else one by `balance`. NULL: no connection is left.
struct server *backend_choose(struct backend *backend, const struct server_wish *wish,
                              int64_t now_ms);
// Whether this is the name of the server.
bool server_has_name(const struct server *server, const uint8_t name[SERVER_NAME_SIZE]);
// Whether a connection is left: of any server that may be chosen, or of this one.
bool backend_has_room(const struct backend *backend, int64_t now_ms);
bool server_has_room(const struct server *server);
void server_failed(struct server *server, int64_t now_ms);
// Where a connection to it begins now.
void server_address(const struct server *server, struct address *address);

#endif
