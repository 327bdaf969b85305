// Which server of a backend is asked next: pure functions over a view of the server table. They
// know no socket, no clock, no source of randomness and no configuration.
//
//   round robin        smooth and weighted: in each round a server is chosen as often as its weight
//                      says, spread out
//   least connections  the server with the fewest connections in use for its weight, in all workers
//                      (server_counts.h); between equal ones, round robin
//   random two         two servers at random, by weight; of these the one with fewer connections
//   hash               rendezvous hashing: each server draws a number from the key and its address,
//                      scaled by its weight; the largest wins. If a server goes, its keys spread
//                      over the others, and no other key moves. The order of servers in the
//                      configuration means nothing. The same on every host and after every start.
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
    size_t failed; // an index, or BALANCE_NONE
    int64_t now_ms;
    uint64_t number; // hash: of the key, by balance_hash(). Random two: a random one
};

// Chooses a server. Round robin and least connections take note of its turn. The only server is
// chosen in any case. BALANCE_NONE: no connection is left.
size_t balance_choose(const struct balance_view *view, const struct balance_wish *wish);
// Whether one can be chosen, by the limits of connections.
bool balance_has_room(const struct balance_view *view, int64_t now_ms);
// Whether this one has a connection left.
bool balance_is_free(const struct balance_view *view, size_t index);
// This server is passed over until then.
void balance_punish(const struct balance_view *view, size_t index, int64_t until_ms);

// Spreads every bit of the input over all of the output.
uint64_t balance_mix(uint64_t value);
// A number for these bytes, the same everywhere.
uint64_t balance_hash(const void *bytes, size_t size);

#endif
