// The state of the master. Private to master.c (the running master), master_start.c (its start),
// master_upgrade.c (replacing another master, and being replaced) and master_end.c (its end).
#ifndef RAVELIN_PROCESS_MASTER_INTERNAL_H
#define RAVELIN_PROCESS_MASTER_INTERNAL_H

#include "process/auto_reload.h"
#include "process/beat.h"
#include "process/children.h"
#include "process/facts.h"
#include "process/handed.h"
#include "process/log_writer.h"
#include "process/logs.h"
#include "process/names.h"
#include "process/notices.h"
#include "process/notify.h"
#include "process/orders.h"
#include "process/reload.h"
#include "process/server_events.h"
#include "process/socket_store.h"
#include "process/successor.h"
#include "process/ticket_rotation.h"
#include "process/upgrade.h"

#include <limits.h>

// STARTING until every child has replied once. DRAINING and STOPPING until the last child has
// exited.
enum master_state { MASTER_STARTING, MASTER_RUNNING, MASTER_DRAINING, MASTER_STOPPING };

struct master {
    enum master_state state;
    int exit_status;
    const char *config_path;
    char real_path[PATH_MAX];  // of the config file, resolved at the start
    char executable[PATH_MAX]; // path by which this program was started; empty: unknown
    const char *version;
    const struct title *title;
    int64_t started_us; // wall clock
    struct notifier notifier;
    struct socket_store socket_store;
    struct log log;
    struct log_writers log_writers;
    struct challenge_servers challenge_servers;
    struct privilege privilege;
    unsigned slot_count;
    struct children children;
    struct shares shares;
    struct handed handed;          // at the start only
    struct source_helpers helpers; // log_writers, challenge_servers and handed
    struct source *current;
    struct reload reload;
    struct auto_reload auto_reload;
    struct control_server *control;
    struct orders orders;
    struct logs logs;
    struct ev_loop *loop;
    struct upgrade upgrade;
    struct successor successor;
    struct formers formers;
    uint8_t due;         // HANDOVER_DUE_ bits: what was asked for and could not be done then
    bool keys_came;      // the ticket keys are from a former master
    uint32_t keys_age_s; // seconds since the former master changed them
    ev_signal signals[7];
    struct ticket_rotation ticket_rotation;
    struct notices notices;
    struct names_watch names;
    struct beat beat;
    struct facts facts;
    struct server_events server_events;
    ev_timer drain; // first for drain-delay, then for drain-timeout
    ev_timer kill;  // kills children that did not exit after STOP
};

static inline const char *plural(unsigned count) {
    return count == 1 ? "" : "s";
}

// --- The running master: master.c ---

// Does what is due, if the master runs.
void master_do_due(struct master *master);

// --- Start: master_start.c ---

// Prints why the master cannot start, and sends it to a former master. Returns the exit status.
int master_complain(const struct master *master, const char *text, int exit_status);
// Receives the state of a former master, if one has started this process. Returns the exit status,
// as below.
int master_prepare_successor(struct master *master);
// Reads and checks the configuration. Returns the exit status; 0: no error. Prints an error.
int master_prepare_config(struct master *master);
// Does all else that can fail before the first fork, except the loop and the parts. As above.
int master_prepare_system(struct master *master);
void master_log_start(struct master *master);

// --- Upgrades: master_upgrade.c ---

// Needs the loop and the children.
void master_make_upgrade(struct master *master);
// For orders and USR2. Returns NULL, or the reason of a refusal.
const char *master_begin_upgrade(void *context, uint64_t client);
// Whether a former master still has the commands and is the main process.
bool master_is_held(const struct master *master);
void master_upgrade_beat(struct master *master);

// --- End: master_end.c ---

// Stops at once.
void master_stop(struct master *master, int exit_status);
// Lets open exchanges end, then exits.
void master_drain(struct master *master);
// The same after another master serves: notifies no service manager, and has no delay.
void master_give_way(struct master *master);
// For the handler of the children: the start has failed.
void master_cannot_start(void *context, const char *why);
// Call it when a child was reaped.
void master_note_end_of_child(struct master *master);

#endif
