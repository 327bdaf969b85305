// The listening sockets: for every configured address one SO_REUSEPORT socket for each worker slot,
// so that the kernel spreads connections over the workers and no two of them share a queue.
//
// The master holds them for life: a connection that waits in a socket's queue survives the death of
// the worker whose slot it is, and a reload. Each generation owns descriptors of its own
// (duplicates for the addresses that stay).
#ifndef RAVELIN_PROCESS_LISTENERS_H
#define RAVELIN_PROCESS_LISTENERS_H

#include "base/result.h"
#include "config/config.h"

#include <stddef.h>

struct listeners {
    size_t count; // addresses, in the order of config.listeners
    size_t slots;
    int *fds; // [address * slots + slot], -1 when closed
    const struct config *config;
};

// Opens what `kept` (NULL at the start) does not have yet and takes over the rest. `config` must
// outlive the listeners. An address on which somebody else listens is an error, although
// SO_REUSEPORT would let us share it. On failure nothing is left open and `error` says file:line
// and why.
enum result listeners_open(struct listeners *listeners, const struct config *config, size_t slots,
                           const struct listeners *kept, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
void listeners_close(struct listeners *listeners); // once more is fine

static inline int listeners_fd(const struct listeners *listeners, size_t address, size_t slot) {
    return listeners->fds[address * listeners->slots + slot];
}

#endif
