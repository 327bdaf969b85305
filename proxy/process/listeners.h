// The listening sockets: for every configured address one SO_REUSEPORT socket for each worker slot,
// so that the kernel spreads connections over the workers and no two of them share a queue.
//
// The master holds them for life: a connection that waits in a socket's queue survives the death of
// the worker whose slot it is, and a reload. Each generation owns descriptors of its own
// (duplicates for the addresses that stay).
//
// Sockets that were handed to the master (handed.h) take the place of new ones. Each is in a lane,
// and the lanes belong to the slots in turn:
//   one for each slot   as if they had been made here
//   more than slots     no connection in a queue is lost: a slot has several lanes of an address
//   fewer               others are made beside them, or, where that is not possible because a
//                       service manager of another user made them, slots share them: several
//                       workers accept from one queue
//
// A worker shares the open sockets of its slot, and can shut them down for the master too. Then
// listeners_renew() binds new ones: no system call makes such a socket receive connections again,
// but for one without SO_REUSEPORT, which is told to listen again.
#ifndef RAVELIN_PROCESS_LISTENERS_H
#define RAVELIN_PROCESS_LISTENERS_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/handed.h"

#include <stddef.h>

struct listeners {
    size_t count; // addresses, in the order of config.listeners
    size_t slots;
    size_t lanes; // a multiple of slots
    int *fds;     // [address * lanes + lane], -1: none. The first `slots` lanes have one
    // Of an address, the lanes from this one on are duplicates of those before.
    size_t distinct[CONFIG_LISTENERS_MAX];
    const struct config *config;
};

// The most sockets that one slot can have.
#define LISTENERS_OF_SLOT_MAX 192

// Where sockets come from that need not be bound. Both may be NULL.
struct listeners_origin {
    const struct listeners *kept; // of the generation before
    struct handed *handed;        // at the start; those that are used are marked
};

// Binds what `origin` does not have yet and duplicates the rest. No new one receives connections
// before listeners_begin(). `config` must outlive the listeners. An address on which somebody else
// listens is an error, although SO_REUSEPORT would let us share it. On failure nothing is left open
// and `error` says file:line and why.
enum result listeners_open(struct listeners *listeners, const struct config *config, size_t slots,
                           const struct listeners_origin *origin,
                           char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// All of them listen from now on. On failure `error` says file:line and why.
enum result listeners_begin(const struct listeners *listeners,
                            char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// The sockets of a slot, as many for each address, in the order of the addresses; a socket may be
// there twice. Returns how many.
size_t listeners_of_slot(const struct listeners *listeners, size_t slot,
                         int fds[LISTENERS_OF_SLOT_MAX]);
// Lists each socket once, up to `most`, from index *at on, which moves on. Returns how many; 0: no
// more.
size_t listeners_list(const struct listeners *listeners, size_t *at, int *fds, size_t most);
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

static inline int listeners_fd(const struct listeners *listeners, size_t address, size_t lane) {
    return listeners->fds[address * listeners->lanes + lane];
}

#endif
