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
// Who may be chosen, the first group that has a server: primary servers without a penalty; backup
// servers without one; all primary servers; all backup servers. A server that failed in this
// exchange is not chosen if there is another. Of that group, servers that have all the connections
// that they may have are passed over. If all of it have, none is chosen.
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
    bool is_limited;                    // a server has a limit of connections
};

struct balance_wish {
    enum balance how;
    size_t failed; // index of the server that failed in this exchange, or BALANCE_NONE
    int64_t now_ms;
    uint64_t number; // hash: hash_bytes() of the key. Random two: a random number
};

// Chooses a server. Round robin and least connections take note of its turn. The only server is
// chosen even if it failed. BALANCE_NONE: no connection is left, or no server is up.
size_t balance_choose(const struct balance_view *view, const struct balance_wish *wish);
// Whether there is a server that is neither drained nor down.
bool balance_is_up(const struct balance_view *view);
// Whether one can be chosen, by the limits of connections.
bool balance_has_room(const struct balance_view *view, int64_t now_ms);
// Whether this one has a connection left.
bool balance_is_free(const struct balance_view *view, size_t index);
// Sets a penalty: the server is not chosen until `until_ms`, unless all of its group have a
// penalty.
void balance_punish(const struct balance_view *view, size_t index, int64_t until_ms);

#endif
