// Chooses a server of a backend: pure functions over a view of the server table, without sockets,
// clock, random numbers or configuration.
//
// Methods:
//   round robin        smooth and weighted: in each round a server is chosen as often as its
//                      weight, spread over the round
//   least connections  the server with the fewest connections in use relative to its weight, in all
//                      workers (server_counts.h); between equal ones, round robin
//   random two         two random servers, by weight; of these the one with fewer connections
//   hash               rendezvous hashing: each server gets a number from the key and its address,
//                      scaled by its weight. The largest number wins. If a server is removed, its
//                      keys spread over the others, and no other key moves. The result is the same
//                      for every order of servers in the configuration, on every host, at every
//                      start
//
// A server is chosen from the first of these groups that has one:
//   1. primary servers that are in use (health.h) and up by the monitor's checks
//   2. such backup servers; of these, the ones with the lowest rank
//   3. all primary servers
//   4. all backup servers
// So failures never take the last servers out of use. A server that was tried in this exchange is
// not chosen. Servers of the group without a free connection are skipped. If the whole group has
// none, no server is chosen.
//
// With `slow-start`, the weight of a server that has returned grows up to its own weight.
#ifndef RAVELIN_BACKEND_BALANCE_H
#define RAVELIN_BACKEND_BALANCE_H

#include "backend/server_counts.h"
#include "backend/server_table.h"

#define BALANCE_NONE SIZE_MAX

// The servers of one backend. The weights are at least 1.
struct balance_view {
    const struct server_entry *entries; // [count]
    struct server_state *states;        // [count], of the worker that chooses
    size_t count;                       // at least 1
    struct server_counter counter;      // counter of that worker
    const struct health *health;        // cells of that worker, by entries[].cell
    const struct check *checks;         // cells of the monitor; NULL: no checks
    uint32_t slow_start_ms;
    bool is_limited; // a server has a limit of connections
};

struct balance_wish {
    enum balance how;
    const uint32_t *tried; // [tried_count], indices of servers that were tried in this exchange
    uint32_t tried_count;
    int64_t now_ms;
    int64_t due_ms;  // servers that are out of use until then may be chosen
    uint64_t number; // hash: hash_bytes() of the key. Random two: a random number
};

// Chooses a server. Round robin and least connections count its turn. A single server is chosen
// even if it was tried or is out of use. BALANCE_NONE: no connection is left, or no server is up.
size_t balance_choose(const struct balance_view *view, const struct balance_wish *wish);
// Whether there is a server that is neither drained nor down.
bool balance_is_up(const struct balance_view *view);
// Whether a server can be chosen, by the limits of connections.
bool balance_has_room(const struct balance_view *view, int64_t now_ms);
// Whether a server that was not tried is in use and up by the monitor's checks. It may have no
// connection left.
bool balance_has_working(const struct balance_view *view, const struct balance_wish *wish);
// Whether this server has a connection left.
bool balance_is_free(const struct balance_view *view, size_t index);

#endif
