// The backends of one generation and their servers, as one worker uses them. The generation owns
// the set.
//
// A server that is a name is in `servers` once for each place of its addresses (server_table.h).
// The set notices changes of addresses when a server is chosen, and then copies the entry of the
// place. A connection to a former address stays while it is in use. It is then not pooled, and its
// outcome counts for no server (pool.h).
//
// Before a name was resolved for the first time, requests wait for its backend (queue.h).
//
// balance.h chooses a server among those that work (health.h). The state of a server in a worker is
// in the worker's own part of the server table (server_table.h) and in its own cells
// (server_counts.h), so there are no locks.
#ifndef RAVELIN_BACKEND_BACKEND_H
#define RAVELIN_BACKEND_BACKEND_H

#include "backend/balance.h"
#include "backend/server_table.h"
#include "base/list.h"
#include "base/rate.h"
#include "config/config.h"
#include "observe/series.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_LINES_INTERVAL_MS 1000
#define SERVER_LINES_BURST 20

struct server {
    const struct config_server *config;
    const char *text; // the address, for logs
    struct backend *backend;
    uint32_t version;      // version of the entry from which the members below were made
    struct list_node idle; // server_connection.node, the most recently used first
    uint32_t idle_count;
    const struct server_entry *entry; // in the view of the set
    struct health *health;            // this worker's cell
    const char *cookie;     // NUL-terminated value of Set-Cookie; NULL: its backend is not sticky
    _Atomic uint32_t *used; // this worker's connections in use, see server_counts.h
    struct series_cell *series;  // counts of its requests
    int64_t distrusted_until_ms; // until this time no connection is reused, see pool.h
    struct rate lines;           // limits the log lines about this server
};

struct queue;

struct backend {
    const struct config_backend *config;
    struct server *servers;
    size_t server_count; // number of places; view.count: places that may be used
    bool has_names;
    uint32_t changes; // number of changes of the entries that were copied
    uint32_t swept;   // number of changes for which the pool has closed idle connections
    struct balance_view view;
    char *cookies; // values of Set-Cookie for its servers; NULL: not sticky
    char *texts;   // text of the addresses of places; NULL: no server is a name
    // Exchanges that wait for a connection, see queue.h. NULL: no server has a limit or is a name.
    struct queue *queue;
    uint64_t random;         // state of the random numbers of backend_choose()
    uint32_t retry_credit;   // percent of a retry; see backend_earn_retry()
    struct rate few_retries; // limits retries without credit
};

struct backend_set {
    struct backend *backends; // in the order of config.backends
    size_t count;
    const struct config *config;
    struct server_view view;
    bool retired; // its generation is no longer current: connections are closed instead of pooled
};

// Makes the set. Owns the descriptors of the server table, also on failure. `counter`: of the
// worker. NULL: memory is short, or the descriptors are not a table of this configuration.
struct backend_set *backend_set_new(const struct config *config, struct server_fds *fds,
                                    const struct server_counter *counter);
// All connections must be closed or released before.
void backend_set_free(struct backend_set *set);

// Copies the state of servers that stay from the set of generation `number`, which this set
// replaces.
void backend_set_take_over(struct backend_set *set, const struct backend_set *former,
                           uint64_t number);

// Finds the server of this set that is the same as `server` of another set: the same address, in a
// backend of the same name and with the same send-proxy-protocol. NULL: none.
struct server *backend_set_find(const struct backend_set *set, const struct server *server);

// Requirements of a request for the choice of a server.
struct server_wish {
    const uint32_t *tried; // [tried_count], indices of servers that were tried in this exchange
    uint32_t tried_count;
    bool may_try;        // the request can be repeated, so it may try a server that failed
    bool has_key;        // `key` is set; `balance = hash` without a key is round robin
    uint64_t key;        // of hash_bytes()
    const uint8_t *name; // name of a server in the cookie; NULL: none
};

// Returns the named server, if it was not tried, is in use and is not down. Otherwise NULL.
struct server *backend_find_named(struct backend *backend, const struct server_wish *wish,
                                  int64_t now_ms);
// Returns the named server, if it may be used; otherwise a server chosen by `balance`. NULL: no
// connection is left, or no server is up. *tries: out: this request tries whether the server works
// again.
struct server *backend_choose(struct backend *backend, const struct server_wish *wish,
                              int64_t now_ms, bool *tries);
// True if `name` is the name of the server.
bool server_has_name(const struct server *server, const uint8_t name[SERVER_NAME_SIZE]);
// Whether a server is neither drained nor down, or a name may soon have an address.
bool backend_is_up(struct backend *backend);
// Whether a connection is left: to any server that may be chosen, or to this one.
bool backend_has_room(struct backend *backend, int64_t now_ms);
bool server_has_room(const struct server *server);
// Whether there is another server than the tried ones.
bool backend_has_other(const struct backend *backend, const uint32_t *tried, uint32_t tried_count);
// Whether a server works, as far as is known, that was not tried. It may have no connection left.
// Servers that are out of use until `due_ms` count, too; `due_ms` 0: none of them.
bool backend_has_working(const struct backend *backend, const uint32_t *tried, uint32_t tried_count,
                         int64_t due_ms);

// The retry budget. Each request adds `retry-budget` percent of a retry, up to RETRIES_MAX retries.
// In addition, a few retries are free, so that a quiet backend can have one.
#define RETRIES_MAX 1000
#define FREE_RETRIES_BURST 10
#define FREE_RETRIES_INTERVAL_MS 500
static inline void backend_earn_retry(struct backend *backend) {
    uint32_t credit = backend->retry_credit + backend->config->retry_budget;
    backend->retry_credit = credit < RETRIES_MAX * 100 ? credit : RETRIES_MAX * 100;
}
// Uses a retry. False: none is left.
bool backend_take_retry(struct backend *backend, int64_t now_ms);

// The end of a request at a server.
struct server_outcome {
    int64_t begun_ms; // when the server was chosen
    int64_t now_ms;
    bool tries; // *tries of backend_choose()
};
void server_worked(struct server *server, const struct server_outcome *outcome);
// `detail`: see enum fault. True: the failure takes the server out of use.
bool server_failed(struct server *server, const struct server_outcome *outcome, enum fault fault,
                   uint32_t detail);
// Brings the server back if a check has found it up again since it went out of use.
void server_take_check(struct server *server, int64_t now_ms);
// Whether the backend has one server.
bool backend_has_one(const struct backend *backend);
// Whether no server of the backend has an address.
bool backend_is_empty(const struct backend *backend);
// The present address of the server. Returns its version.
uint32_t server_address(const struct server *server, struct address *address);
// Whether the server still has the address of this version.
bool server_is_same(const struct server *server, uint32_t version);
// Copies changes of names from the table.
void backend_take_notice(struct backend *backend);

#endif
