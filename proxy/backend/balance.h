// The choice among the servers of a backend: pure functions over a view of the server table. They
// know no socket, no clock and no configuration.
//
// Round robin is smooth and weighted: in each round a server is chosen as often as its weight says,
// spread out. A server with a penalty is passed over, unless all have one.
#ifndef RAVELIN_BACKEND_BALANCE_H
#define RAVELIN_BACKEND_BALANCE_H

#include "backend/server_table.h"

#define BALANCE_NONE SIZE_MAX

// The servers of one backend. The weights are at least 1.
struct balance_view {
    const struct server_entry *entries; // [count]
    struct server_state *states;        // [count], of the worker that chooses
    size_t count;                       // at least 1
};

// Chooses a server and takes note of its turn. Avoids `failed` (an index, or BALANCE_NONE) when
// there is another, even one with a penalty. The only server is chosen in any case.
size_t balance_choose(const struct balance_view *view, size_t failed, int64_t now_ms);
// This server is passed over until then.
void balance_punish(const struct balance_view *view, size_t index, int64_t until_ms);

#endif
