// What the parts of the master share. Only they include this.
#ifndef RAVELIN_PROCESS_MASTER_STATE_H
#define RAVELIN_PROCESS_MASTER_STATE_H

#include "base/rate.h"
#include "exchange/client_table.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "process/auto_reload.h"
#include "process/control.h"
#include "process/log_writer.h"
#include "process/notices.h"
#include "process/privilege.h"
#include "process/pulse.h"
#include "process/reading.h"
#include "process/source.h"
#include "process/spawn.h"
#include "process/validate.h"
#include "tls/handshake/ticket.h"

#include <limits.h>
#include <stdbool.h>

#include <ev.h>

enum child_kind { CHILD_SIGNER, CHILD_WORKER, CHILD_KIND_COUNT };
enum child_state { CHILD_DEAD, CHILD_STARTING, CHILD_RUNNING };

struct child {
    struct master *master;
    enum child_kind kind;
    unsigned slot;
    enum child_state state;
    pid_t pid; // 0: none
    unsigned restarts;
    bool awaited;         // the reload waits for its answer
    struct rate messages; // that it sends; one that floods the master is killed
    struct pulse pulse;
    ev_io control;        // fd -1: closed
    ev_timer respawn;     // runs while the child is dead and will be replaced
    ev_tstamp died_at;    // 0: never
    ev_tstamp renewed_at; // when a listening socket of a worker was bound again; 0: never
    ev_tstamp next_delay; // of the respawn timer
};

struct slot {
    struct child children[CHILD_KIND_COUNT];
    bool is_apart; // worker and signer have no common pair of sockets
};

// In this order.
enum reload_phase {
    RELOAD_IDLE,
    RELOAD_READ, // the reader reads the files
    RELOAD_VALIDATE,
    RELOAD_SIGNERS, // LOAD was sent to the signers
    RELOAD_WORKERS, // and to the workers
    RELOAD_COMMIT,  // COMMIT was sent to the workers: nothing can go back any more
};

struct reload {
    enum reload_phase phase;
    struct source *staged;
    struct reading reading;
    struct validation validation;
    ev_io verdict; // of the reader, then of the validator
    ev_timer timeout;
    uint64_t client;       // of the control socket, who waits for the outcome; 0: nobody
    bool automatic;        // changed files asked for it
    bool again;            // HUP or a command came meanwhile
    uint64_t client_after; // whose command it was; 0: nobody's
    bool reopen_after;     // USR1 came meanwhile
};

// STARTING until every child has answered once; DRAINING and STOPPING end with the last child.
enum master_state { MASTER_STARTING, MASTER_RUNNING, MASTER_DRAINING, MASTER_STOPPING };

struct master {
    enum master_state state;
    int exit_status;
    const char *config_path;
    char real_path[PATH_MAX]; // of the config file, found at the start
    const char *version;
    const struct title *title;
    int64_t started_us; // wall clock
    const char *untold; // what the service manager has not accepted yet; NULL: nothing
    struct log log;
    struct log_writers log_writers;
    struct privilege privilege;
    unsigned slot_count;
    struct slot *slots;
    struct metrics_slot *metrics;
    struct ticket_store *tickets;
    struct client_table *clients;
    uint64_t last_number; // of a generation, used or tried
    struct source *current;
    struct reload reload;
    struct auto_reload auto_reload;
    struct control_server *control;
    struct ev_loop *loop;
    ev_signal signals[5];
    ev_timer rotate_tickets;
    struct notices notices;
    ev_timer beat;
    ev_timer kill; // after a stop that a child did not obey
};

// Ways to end (master.c). Each may be called more than once.
void master_drain(struct master *master);
void master_stop(struct master *master, int exit_status);
// The start failed: says why and stops with status 1.
void master_fail(struct master *master, const char *why);
// Called when the last child has answered for the first time.
void master_ready(struct master *master);
// Logs to where the current generation says.
void master_use_log(struct master *master);
// Logs a warning when the system has not enough of what `connections` may need (capacity.h).
void master_warn_capacity(struct master *master);
// Ticket keys rotate as often as the current generation says.
void master_schedule_rotation(struct master *master);

#endif
