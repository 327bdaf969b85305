// The master's children: starts them, replaces the dead, and tells a handler what they report.
//
// A kind of child is a row of struct child_kind (kinds.h has the rows). The children lie in one
// list, by kind in the order of the rows, then by slot. A kind is started, and loads a generation,
// before the kinds after it.
//
// A child that dies is replaced: at once the first time, then after 0.1 s, doubled up to 5 s, while
// deaths are less than ten seconds apart. The one that takes its place gets the current generation,
// and a new pair of sockets connects the kinds of a slot that talk to each other. While the handler
// does not allow it (a reload is under way) nothing is replaced, nor after children_end().
//
// A kind may be wanted by some generations only. When the generation changes, children_start()
// starts what is wanted now, and stops what is not. One that was told to stop takes no part in a
// reload, and is replaced after its end if it is wanted again.
//
// Nothing here knows the handler's owner. What the handler does may kill children or start reloads;
// no child is freed before children_free().
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

// Which end of the pair of sockets of its slot a kind gets. The answering side has its generation
// before it gets its end; the asking side gets its end first.
enum child_data { DATA_NONE, DATA_ASKS, DATA_ANSWERS };

struct child_kind {
    const char *name; // "worker": in logs, in ps and in the answers to commands
    bool is_single;   // one child, else one for each slot
    bool commits;     // READY to LOAD is followed by COMMIT, else LOAD is all
    bool is_helper;   // ends last: when its control socket is closed
    bool is_told;     // gets DRAIN, STOP and REOPEN
    bool resolves;    // may send NAMES
    enum sandbox sandbox;
    enum child_data data;
    // Whether a generation has work for it. NULL: always.
    bool (*is_wanted)(const struct source *source);
    // Forks it: adds what it runs to a copy of `spawn` and calls spawn_process(). -1 with errno.
    pid_t (*spawn)(const struct child *child, const struct spawn *spawn);
    // Puts the descriptors and the settings of a generation into its LOAD.
    void (*fill_load)(const struct child *child, const struct source *source,
                      struct ipc_message *load);
    // It has died. May be NULL.
    void (*clear)(const struct child *child);
};

enum child_state { CHILD_DEAD, CHILD_STARTING, CHILD_RUNNING };

struct child {
    struct children *children;
    const struct child_kind *kind;
    unsigned slot; // 0 for one that is single
    enum child_state state;
    pid_t pid; // 0: none
    unsigned restarts;
    bool is_loaded;       // it has loaded its first generation, and waits for children_release()
    bool awaited;         // a reload waits for its answer
    bool is_dismissed;    // it was told to stop, because no generation wants it any more
    unsigned reopens;     // REOPENs that it has not answered
    struct rate messages; // that it sends; one that floods the master is killed
    struct pulse pulse;
    ev_io control;        // fd -1: closed
    ev_timer respawn;     // runs while the child is dead and will be replaced
    ev_tstamp died_at;    // 0: never
    ev_tstamp renewed_at; // when a listening socket of a worker was bound again; 0: never
    ev_tstamp next_delay; // of the respawn timer
};

// What children report. Reports about another generation than the one that is asked for may come.
struct children_handler {
    // A child has loaded the current generation for the first time. Of one that is held this is
    // said twice: when it is loaded and when it has committed.
    void (*started)(void *context);
    // Before children_run(): one of them cannot be started, does not load or died.
    void (*cannot_start)(void *context, const char *why);
    void (*ready)(void *context, struct child *child, uint64_t generation);
    void (*committed)(void *context, struct child *child, uint64_t generation);
    // `why` is printable and names the child.
    void (*failed)(void *context, struct child *child, uint64_t generation, const char *why);
    // It will be replaced.
    void (*died)(void *context, struct child *child, const char *how);
    // It uses the log files that children_reopen_logs() sent. `failure` is printable and names the
    // child; empty: there is none.
    void (*reopened)(void *context, const char *failure);
    // It has found out something about names of servers (server_answers.h).
    void (*resolved)(void *context);
    bool (*may_replace)(void *context); // now
    void *context;
};

enum children_phase { CHILDREN_STARTING, CHILDREN_RUNNING, CHILDREN_ENDING };

// The owner sets what is above the line before children_init(); all of it outlives the children.
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
    // Those of a kind that commits load their first generation and wait, until children_release().
    bool is_held;
    // ----
    enum children_phase phase;
    struct child *list;
    size_t count;
    bool *is_apart; // by slot: those who talk to each other have no common pair of sockets
};

// Makes the list; nothing is started. RESULT_ERROR: out of memory.
enum result children_init(struct children *children) MUST_CHECK;
void children_free(struct children *children); // closes their control sockets; never made: nothing

// Starts those that are wanted, not there and not waiting for their time. Stops those that are not
// wanted.
void children_start(struct children *children);
// Those that are held go on.
void children_release(struct children *children);
// All have started: from now on the dead are replaced.
void children_run(struct children *children);
// None is replaced any more.
void children_end(struct children *children);

// A process was reaped. One that is none of them: nothing.
void children_note_death(struct children *children, pid_t pid, int status);
// NULL: the process is none of them.
struct child *children_find(struct children *children, pid_t pid);
unsigned children_alive(const struct children *children);
// Whether one lives that is no helper.
bool children_serve(const struct children *children);
bool children_all_run(const struct children *children);
// The same, where those that are held need not have committed.
bool children_all_loaded(const struct children *children);

// Sends to one child. One that does not take it is killed (and will be replaced).
void child_send(struct child *child, const struct ipc_message *message);
// LOAD of a generation, with the descriptors that kind of child gets.
void child_load(struct child *child, const struct source *source);
// Kills a child that misbehaved; `why` goes to the log.
void child_kill(struct child *child, const char *why);
// Sends to all living children that are told of such things.
void children_send(struct children *children, const struct ipc_message *message);
// Hands log files to the same children, each of which answers. -1: none.
void children_reopen_logs(struct children *children, int error_fd, int access_fd);
// Whether a living child has not answered yet.
bool children_are_reopening(const struct children *children);
// Sends a message that is only a type and a generation to one kind.
void children_send_type(struct children *children, const struct child_kind *kind,
                        enum ipc_type type, uint64_t generation);
// SIGKILL for all.
void children_kill_all(struct children *children);
// Connects the children of those slots again where an end of the pair did not arrive, see ipc.h.
void children_connect(struct children *children);
// Closes the helpers' control sockets, upon which they end.
void children_dismiss_helpers(struct children *children);

// Whether a generation has work for the child.
bool child_is_wanted(const struct child *child, const struct source *source);
const char *child_state_name(enum child_state state);

#define CHILD_NAME_SIZE 32
void child_name(const struct child *child, char name[CHILD_NAME_SIZE]); // "worker 3"

// To go through all children of a kind, living or not, in the order of their slots; NULL after the
// last. `kind` NULL: through all children.
struct child *child_first(const struct children *children, const struct child_kind *kind);
struct child *child_next(const struct child *child, const struct child_kind *kind);

#endif
