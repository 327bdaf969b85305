// The master's children: a signer and a worker for every slot.
//
// A child that dies is replaced: at once the first time, then after 0.1 s, doubled up to 5 s, while
// deaths are less than ten seconds apart. The one that takes its place gets the current generation,
// the same listening sockets and the same metrics slot, and a new pair of sockets connects worker
// and signer. While a reload is under way nothing is replaced (a death ends the reload); while
// draining or stopping neither.
#ifndef RAVELIN_PROCESS_CHILDREN_H
#define RAVELIN_PROCESS_CHILDREN_H

#include "process/ipc.h"
#include "process/master_state.h"

void children_init(struct master *master);
// Starts those that are not there and not waiting for their time.
void children_start(struct master *master);
// Reaps what has died: on SIGCHLD.
void children_reap(struct master *master);
// Sends to one child. One that does not take it is killed (and will be replaced).
void child_send(struct child *child, const struct ipc_message *message);
// LOAD of a generation, with the descriptors that kind of child gets.
void child_load(struct child *child, const struct source *source);
// Kills a child that misbehaved; `why` goes to the log.
void child_kill(struct child *child, const char *why);
// Sends a plain message to all living children of a kind.
void children_send_all(struct master *master, enum child_kind kind, enum ipc_type type,
                       uint64_t generation);
// With every heartbeat: binds the listening sockets anew that a worker has shut down, and gives them
// to it. A worker that does it again within a minute is killed.
void children_check_listeners(struct master *master);
// NULL: the process is none of them.
struct child *children_find(struct master *master, pid_t pid);
// SIGKILL for all.
void children_kill_all(struct master *master);
// Connects workers and signers again whose end of the pair did not arrive, see ipc.h.
void children_connect(struct master *master);
// Closes the signers' control sockets, upon which they end.
void children_dismiss_signers(struct master *master);
unsigned children_alive(const struct master *master, enum child_kind kind);
void children_free(struct master *master);

const char *child_kind_name(enum child_kind kind); // "worker", "signer"
const char *child_state_name(enum child_state state);

#define CHILD_NAME_SIZE 32
void child_name(const struct child *child, char name[CHILD_NAME_SIZE]); // "worker 3"

// To go through all children of a kind, living or not, in the order of their slots; NULL after the
// last.
static inline struct child *child_first(const struct master *master, enum child_kind kind) {
    return &master->slots[0].children[kind];
}

static inline struct child *child_next(const struct child *child) {
    const struct master *master = child->master;
    unsigned next = child->slot + 1;
    return next < master->slot_count ? &master->slots[next].children[child->kind] : NULL;
}

#endif
