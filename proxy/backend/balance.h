// Chooses a server of a backend: pure functions over a view of the server table, without sockets,
// clock, random numbers or configuration.
//
//   round robin        smooth and weighted: in each round a server is chosen as often as its weight
//                      says, spread out
//   least connections  the server with the fewest connections in use for its weight, in all workers
//                      (server_counts.h); between equal ones, round robin
//   random two         two servers at random, by weight; of these the one with fewer connections
//   hash               rendezvous hashing: each server gets a number from the key and its address,
//                      scaled by its weight; the largest number wins. If a server is removed, its
//                      keys spread over the others, and no other key moves. The order of servers in
//                      the configuration does not matter. The same on every host, at every start.
//
// Who may be chosen, the first group that has a server: primary servers that are in use (health.h)
// and up by the monitor's checks; such backup servers, those of the lowest rank first; all primary
// servers; all backup servers. So failures never take the last servers out of use. A server that
// was tried in this exchange is not chosen. Of that group, servers that have all the connections
// that they may have are passed over. If all of it have, none is chosen.
//
// With `slow-start`, the weight of a server that has returned grows to its own.
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
    struct server_counter counter;      // of that worker
    const struct health *health;        // cells of that worker, by entries[].cell
    const struct check *checks;         // the same of the monitor; NULL: there are none
    uint32_t slow_start_ms;
    bool is_limited; // a server has a limit of connections
};

struct balance_wish {
    enum balance how;
    const uint32_t *tried; // [tried_count], indices of servers that were tried in this exchange
    uint32_t tried_count;
    int64_t now_ms;
    int64_t due_ms;  // servers that were to be out of use until then may be chosen
    uint64_t number; // hash: hash_bytes() of the key. Random two: a random number
};

// Chooses a server. Round robin and least connections take note of its turn. The only server is
// chosen in any case. BALANCE_NONE: no connection is left, or no server is up.
size_t balance_choose(const struct balance_view *view, const struct balance_wish *wish);
// Whether there is a server that is neither drained nor down.
bool balance_is_up(const struct balance_view *view);
// Whether one can be chosen, by the limits of connections.
bool balance_has_room(const struct balance_view *view, int64_t now_ms);
// Whether this one has a connection left.
bool balance_is_free(const struct balance_view *view, size_t index);

#endif
