// A large set of networks. A look-up takes time that grows with the number of different prefix
// lengths and the logarithm of the number of networks.
//
// Owns its memory. An empty set is all zeros. No I/O.
#ifndef RAVELIN_BASE_NETWORK_SET_H
#define RAVELIN_BASE_NETWORK_SET_H

#include "base/network.h"

struct network_run;

struct network_set {
    struct network *items; // after network_set_build(): sorted, without duplicates
    size_t count;
    struct network_run *runs; // networks with a prefix of the same length
    size_t run_count;
};

// Sorts the items and makes the runs. Before it, the set contains nothing. False: memory is short.
bool network_set_build(struct network_set *set);
bool network_set_contains(const struct network_set *set, const struct sockaddr *address);
void network_set_free(struct network_set *set);

// Networks that are listed in two places. The owner of both keeps them.
struct network_lists {
    const struct network *items;
    size_t count;
    const struct network_set *set;
};

static inline bool network_lists_contain(const struct network_lists *lists,
                                         const struct sockaddr *address) {
    return networks_contain(lists->items, lists->count, address) ||
           network_set_contains(lists->set, address);
}

#endif
