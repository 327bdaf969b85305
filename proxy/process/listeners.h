// The listening sockets: each configured address has one SO_REUSEPORT socket for each worker slot.
// So the kernel spreads connections over the workers, and no two workers share a queue.
//
// The master keeps the sockets open: connections in their queues survive the death of the worker of
// this slot, and a reload. Each generation owns its descriptors. For addresses that stay, they are
// duplicates.
//
// Sockets that were handed to the master (handed.h) replace new ones. Each socket is in a lane, and
// the lanes belong to the slots in turn:
//   one for each slot   as if the master had made them
//   more than slots     a slot has several lanes of an address, so that no queued connection is
//                       lost
//   fewer               the master makes the missing ones. If this is not possible, because a
//                       service manager of another user made the others, slots share sockets:
//                       several workers accept from one queue
//
// A worker shares the open sockets of its slot, and can shut them down for the master, too. Then
// listeners_renew() binds new ones, because no system call makes such a socket receive connections
// again. Exception: a socket without SO_REUSEPORT listens again after listen().
#ifndef RAVELIN_PROCESS_LISTENERS_H
#define RAVELIN_PROCESS_LISTENERS_H

#include "base/result.h"
#include "config/config.h"
#include "observe/log.h"
#include "process/handed.h"

#include <stddef.h>

struct listeners {
    size_t count; // number of addresses, in the order of config.listeners
    size_t slots;
    size_t lanes; // a multiple of slots
    int *fds;     // [address * lanes + lane], -1: none. The first `slots` lanes always have one
    // For each address: from this lane on, all sockets are duplicates of earlier lanes.
    size_t distinct[CONFIG_LISTENERS_MAX];
    const struct config *config;
};

// Largest number of sockets of one slot.
#define LISTENERS_OF_SLOT_MAX 192

// Sockets that need not be bound. Both members may be NULL.
struct listeners_origin {
    const struct listeners *kept; // of the previous generation
    struct handed *handed;        // at the start; used sockets are marked
};

// Binds the sockets that `origin` does not have, and duplicates the others. New sockets receive no
// connections before listeners_begin(). `config` must outlive the listeners. Fails if another
// process listens on an address, although SO_REUSEPORT would allow it. On failure, nothing is left
// open, and `error` has file:line and the reason.
enum result listeners_open(struct listeners *listeners, const struct config *config, size_t slots,
                           const struct listeners_origin *origin,
                           char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Makes all sockets listen. On failure `error` has file:line and the reason.
enum result listeners_begin(const struct listeners *listeners,
                            char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Lists the sockets of a slot, the same number for each address, in the order of the addresses. A
// socket may be listed twice. Returns their number.
size_t listeners_of_slot(const struct listeners *listeners, size_t slot,
                         int fds[LISTENERS_OF_SLOT_MAX]);
// Lists each socket once, up to `most`, from index *at on, which is advanced. Returns their number;
// 0: no more.
size_t listeners_list(const struct listeners *listeners, size_t *at, int *fds, size_t most);
// Binds again the sockets of a slot that do not listen any more, and returns their number. Resets
// the others, as listeners_reset() does.
//   address  out: address of the first one
//   failed   out: sockets that could not be bound; errno has the reason. The next call tries again
size_t listeners_renew(struct listeners *listeners, size_t slot, char address[ADDRESS_TEXT_SIZE],
                       size_t *failed);
// Resets the sockets of a slot that others may have changed: see socket_reset_listening().
void listeners_reset(const struct listeners *listeners, size_t slot);
// Logs the addresses of a configuration.
void listeners_announce(const struct config *config, struct log *log);
void listeners_close(struct listeners *listeners); // may be called again

static inline int listeners_fd(const struct listeners *listeners, size_t address, size_t lane) {
    return listeners->fds[address * listeners->lanes + lane];
}

#endif
