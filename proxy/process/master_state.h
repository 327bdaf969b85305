// What the parts of the master share. Only they include this.
#ifndef RAVELIN_PROCESS_MASTER_STATE_H
#define RAVELIN_PROCESS_MASTER_STATE_H

#include "exchange/client_table.h"
#include "observe/log.h"
#include "observe/metrics.h"
#include "process/auto_reload.h"
#include "process/beat.h"
#include "process/children.h"
#include "process/control.h"
#include "process/log_writer.h"
#include "process/notices.h"
#include "process/privilege.h"
#include "process/reload.h"
#include "process/source.h"
#include "process/spawn.h"
#include "tls/handshake/ticket.h"

#include <limits.h>
#include <stdbool.h>

#include <ev.h>

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
    struct children children;
    struct metrics_slot *metrics;
    struct ticket_store *tickets;
    struct client_table *clients;
    struct source *current;
    struct reload reload;
    struct auto_reload auto_reload;
    struct control_server *control;
    struct ev_loop *loop;
    ev_signal signals[5];
    ev_timer rotate_tickets;
    struct notices notices;
    struct beat beat;
    ev_timer kill; // after a stop that a child did not obey
};

// Ways to end (master.c). Each may be called more than once.
void master_drain(struct master *master);
void master_stop(struct master *master, int exit_status);
// Logs to where the current generation says.
void master_use_log(struct master *master);
// Ticket keys rotate as often as the current generation says.
void master_schedule_rotation(struct master *master);

#endif
