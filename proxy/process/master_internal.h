// The state of the master. Private to master.c (what it does while it runs), master_start.c (how it
// comes to run), master_upgrade.c (how it takes the place of another, or gives its own to one) and
// master_end.c (how it ends).
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
#include "process/successor.h"
#include "process/ticket_rotation.h"
#include "process/upgrade.h"

#include <limits.h>

// STARTING until every child has answered once; DRAINING and STOPPING end with the last child.
enum master_state { MASTER_STARTING, MASTER_RUNNING, MASTER_DRAINING, MASTER_STOPPING };

struct master {
    enum master_state state;
    int exit_status;
    const char *config_path;
    char real_path[PATH_MAX];  // of the config file, found at the start
    char executable[PATH_MAX]; // path by which this program was started; empty: unknown
    const char *version;
    const struct title *title;
    int64_t started_us; // wall clock
    struct notifier notifier;
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
    bool keys_came;      // the keys of tickets are those of a former master
    uint32_t keys_age_s; // since that one changed them
    ev_signal signals[6];
    struct ticket_rotation ticket_rotation;
    struct notices notices;
    struct names_watch names;
    struct beat beat;
    struct facts facts;
    struct server_events server_events;
    ev_timer drain; // of drain-delay, then of drain-timeout
    ev_timer kill;  // after a stop that a child did not obey
};

static inline const char *plural(unsigned count) {
    return count == 1 ? "" : "s";
}

// --- Start: master_start.c ---

// Prints why it cannot start, and tells a former master. Returns the exit status.
int master_complain(const struct master *master, const char *text, int exit_status);
// Takes over from a former master, if one has started this. Returns the exit status, as below.
int master_prepare_successor(struct master *master);
// Reads and checks the configuration. Returns the exit status, 0: it is good. On failure it has
// said why.
int master_prepare_config(struct master *master);
// What else can fail before the first fork, but for the loop and the parts. As above.
int master_prepare_system(struct master *master);
void master_log_start(struct master *master);

// --- Upgrades: master_upgrade.c ---

// With the loop and the children.
void master_make_upgrade(struct master *master);
// For orders and USR2. Returns NULL, or why it is refused.
const char *master_begin_upgrade(void *context, uint64_t client);
// A former master answers the commands, and is the main process.
bool master_is_held(const struct master *master);
void master_upgrade_beat(struct master *master);

// --- End: master_end.c ---

// Ends at once.
void master_stop(struct master *master, int exit_status);
// Lets open exchanges end, then ends.
void master_drain(struct master *master);
// The same when another master serves: nobody is told, and nothing waits.
void master_give_way(struct master *master);
// For the handler of the children: the start failed.
void master_cannot_start(void *context, const char *why);
// A child was reaped.
void master_note_end_of_child(struct master *master);

#endif
