// The master's children: starts them, replaces those that die, and passes their reports to a
// handler.
//
// A kind of child is a row of struct child_kind (kinds.h has the rows). The list of children is
// sorted by kind, in the order of the rows, then by slot. A kind starts, and loads a generation,
// before the kinds after it.
//
// A child that dies is replaced: the first time at once, then after 0.1 s, doubled up to 5 s, while
// deaths are less than ten seconds apart. The new child gets the current generation. New pairs of
// sockets connect it with the other kinds of its slot. No child is replaced while the handler
// forbids it (children have messages of a reload), nor after children_end().
//
// Some generations do not need a kind. After a change of the generation, children_start() starts
// the children that are needed now, and stops the others. A child that was told to stop takes no
// part in reloads. If it is needed again, it is replaced after its exit.
//
// This module does not know the handler's owner. Handler functions may kill children or start
// reloads. No child is freed before children_free().
#ifndef RAVELIN_PROCESS_CHILDREN_H
#define RAVELIN_PROCESS_CHILDREN_H

#include "base/rate.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "process/ipc.h"
#include "process/pulse.h"
#include "process/shares.h"
#include "process/spawn.h"
#include "tls/handshake/ticket.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <ev.h>

struct child;
struct source;

// The end of a pair of sockets that a kind gets. The answering side loads its generation before it
// gets its end; the asking side gets its end first.
enum child_data { DATA_NONE, DATA_ASKS, DATA_ANSWERS };

// The pairs of a slot: for signatures and for logins.
enum child_pair { PAIR_SIGNATURES, PAIR_LOGINS, PAIR_COUNT };

struct child_kind {
    const char *name; // "worker": in logs, in ps and in replies to commands
    bool is_single;   // true: one child; false: one for each slot
    bool commits;     // true: READY is followed by COMMIT; false: LOAD is the whole change
    bool is_helper;   // exits last, when its control socket is closed
    bool is_told;     // gets DRAIN, STOP and REOPEN
    bool resolves;    // may send NAMES
    bool orders;      // may send ORDERS
    bool makes_way;   // exits with status 0 after a reload that its sandbox does not fit
    enum sandbox sandbox;
    enum child_data data[PAIR_COUNT];
    // Whether a generation needs this kind. NULL: always.
    bool (*is_wanted)(const struct source *source);
    // Forks a child: adds its functions to a copy of `spawn` and calls spawn_process(). -1 with
    // errno.
    pid_t (*spawn)(const struct child *child, const struct spawn *spawn);
    // Puts the descriptors and settings of a generation into the child's LOAD.
    void (*fill_load)(const struct child *child, const struct source *source,
                      struct ipc_message *load);
    // Called when the child has died. May be NULL.
    void (*clear)(const struct child *child);
};

enum child_state { CHILD_DEAD, CHILD_STARTING, CHILD_RUNNING };

struct child {
    struct children *children;
    const struct child_kind *kind;
    unsigned slot; // 0 if the kind is single
    enum child_state state;
    pid_t pid; // 0: no process
    unsigned restarts;
    bool is_loaded;    // has loaded its first generation, and waits for children_release()
    bool awaited;      // a reload waits for its reply
    bool is_dismissed; // was told to stop, because no generation needs it
    unsigned reopens;  // REOPENs without a reply
    // Limits the messages of the child; the master kills a child that exceeds it.
    struct rate messages;
    struct pulse pulse;
    ev_io control;        // watches the control socket; fd -1: closed
    ev_timer respawn;     // runs while the child is dead and will be replaced
    ev_tstamp died_at;    // 0: never
    ev_tstamp renewed_at; // when a listening socket of the worker was bound again; 0: never
    ev_tstamp next_delay; // next time of the respawn timer
};

// Functions for reports of children. A report may be about a former generation.
struct children_handler {
    // A child has loaded the current generation for the first time. For a held child it is called
    // twice: after loading and after COMMIT.
    void (*started)(void *context);
    // Only before children_run(): a child cannot be started, cannot load, or died.
    void (*cannot_start)(void *context, const char *why);
    void (*ready)(void *context, struct child *child, uint64_t generation);
    void (*committed)(void *context, struct child *child, uint64_t generation);
    // `why` is printable and contains the name of the child.
    void (*failed)(void *context, struct child *child, uint64_t generation, const char *why);
    // The child has died. It will be replaced.
    void (*died)(void *context, struct child *child, const char *how);
    // The child uses the log files of children_reopen_logs(). `failure` is printable and contains
    // the name of the child; empty: no failure.
    void (*reopened)(void *context, const char *failure);
    // The child has new addresses of server names (server_answers.h).
    void (*resolved)(void *context);
    bool (*may_replace)(void *context); // whether a child may be replaced now
    void *context;
};

enum children_phase { CHILDREN_STARTING, CHILDREN_RUNNING, CHILDREN_ENDING };

// Reports of the process that orders certificates.
struct children_orders {
    uint64_t failing; // number of names whose last order failed
    char last[512];   // text of the last failure, printable; empty: none
};

// The owner sets the members above the line before children_init(). Their objects outlive the
// children.
struct children {
    struct ev_loop *loop;
    struct log *log;
    const struct title *title;
    const struct privilege *privilege;
    const struct child_kind *kinds;
    size_t kind_count;
    unsigned slot_count;
    struct shares shares;
    struct children_handler handler;
    struct source
        *current; // the generation that children get when they start; changes with a reload
    // Children of a kind that commits load their first generation and wait until
    // children_release().
    bool is_held;
    // ----
    enum children_phase phase;
    struct child *list;
    size_t count;
    struct children_orders orders;
    bool *is_apart; // by slot: its children need new pairs of sockets
};

// Makes the list. Starts no child. RESULT_ERROR: memory is short.
enum result children_init(struct children *children) MUST_CHECK;
void children_free(struct children *children); // closes control sockets; zeroed is allowed

// Starts the children that are needed, do not run and do not wait for their respawn time. Stops the
// children that are not needed.
void children_start(struct children *children);
// Lets held children continue.
void children_release(struct children *children);
// All children have started: children that die are replaced from now on.
void children_run(struct children *children);
// No child is replaced any more.
void children_end(struct children *children);

// A process was reaped. Does nothing if it is not a child of the list.
void children_note_death(struct children *children, pid_t pid, int status);
// Returns the child with this pid. NULL: none.
struct child *children_find(struct children *children, pid_t pid);
unsigned children_alive(const struct children *children);
// Whether a child lives that is not a helper.
bool children_serve(const struct children *children);
// Whether one is wanted that orders certificates.
bool children_order(const struct children *children);
bool children_all_run(const struct children *children);
// Whether all run; held children need not have committed.
bool children_all_loaded(const struct children *children);

// Sends a message to a child. Kills the child if the message cannot be queued.
void child_send(struct child *child, const struct ipc_message *message);
// Sends LOAD of a generation, with the descriptors that this kind gets.
void child_load(struct child *child, const struct source *source);
// Kills a child that misbehaved. Logs the reason `why`.
void child_kill(struct child *child, const char *why);
// Sends to all living children whose kind `is_told`.
void children_send(struct children *children, const struct ipc_message *message);
// Sends log files to the same children. Each of them replies. -1: no file.
void children_reopen_logs(struct children *children, int error_fd, int access_fd);
// Whether a living child has not replied yet.
bool children_are_reopening(const struct children *children);
// Sends a message without text and descriptors to all children of a kind.
void children_send_type(struct children *children, const struct child_kind *kind,
                        enum ipc_type type, uint64_t generation);
// Sends SIGKILL to all.
void children_kill_all(struct children *children);
// Makes new pairs of sockets for the slots in which an end did not arrive, see ipc.h.
void children_connect(struct children *children);
// Closes the helpers' control sockets. The helpers then exit.
void children_dismiss_helpers(struct children *children);

// Whether a generation needs the child.
bool child_is_wanted(const struct child *child, const struct source *source);
// Whether a pair of sockets connects the child with another one of its slot.
bool child_is_paired(const struct child *child);
const char *child_state_name(enum child_state state);

#define CHILD_NAME_SIZE 32
void child_name(const struct child *child, char name[CHILD_NAME_SIZE]); // "worker 3"

// Iterate over the children of a kind, living or not, in the order of their slots. NULL: no more.
// `kind` NULL: all kinds.
struct child *child_first(const struct children *children, const struct child_kind *kind);
struct child *child_next(const struct child *child, const struct child_kind *kind);

#endif
