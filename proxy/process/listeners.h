// The listening sockets: for every configured address one SO_REUSEPORT socket for each worker slot,
// so that the kernel spreads connections over the workers and no two of them share a queue.
//
// The master holds them for life: a connection that waits in a socket's queue survives the death of
// the worker whose slot it is, and a reload. Each generation owns descriptors of its own
// (duplicates for the addresses that stay).
//
// A worker shares the open sockets of its slot, and can shut them down for the master too. Then
// listeners_renew() binds new ones: no system call makes such a socket receive connections again.
#ifndef RAVELIN_PROCESS_LISTENERS_H
#define RAVELIN_PROCESS_LISTENERS_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"

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
// Binds anew what does not listen any more of a slot's sockets, and returns how many. The first
// one's address is in `address`. *failed: how many could not be bound, errno says why; they are
// tried again by the next call.
size_t listeners_renew(struct listeners *listeners, size_t slot, char address[ADDRESS_TEXT_SIZE],
                       size_t *failed);
// Before another worker gets a slot's sockets: see socket_reset_listening().
void listeners_reset(const struct listeners *listeners, size_t slot);
// Logs what a configuration listens on.
void listeners_announce(const struct config *config, struct log *log);
void listeners_close(struct listeners *listeners); // once more is fine

static inline int listeners_fd(const struct listeners *listeners, size_t address, size_t slot) {
    return listeners->fds[address * listeners->slots + slot];
}

#endif
