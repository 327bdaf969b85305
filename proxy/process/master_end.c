#include "process/master_internal.h"

#include "process/kinds.h"

#include <stdio.h>

// Longest life of a child after STOP.
static const ev_tstamp STOP_TIMEOUT = 5.;

// A draining master waits for its former masters, too, and for the last commands.
static void end_when_childless(struct master *master) {
    bool waits = master->state == MASTER_DRAINING &&
                 (master->formers.count > 0 || master->upgrade.phase == UPGRADE_LEAVING);
    if (children_alive(&master->children) == 0 && !waits) {
        ev_break(master->loop, EVBREAK_ALL);
    }
}

static void tell_to_end(struct master *master, enum ipc_type type) {
    struct ipc_message message;
    ipc_init(&message, type, 0);
    children_send(&master->children, &message);
}

static void on_kill(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    children_kill_all(&master->children);
}

// Kills children that have not exited after STOP.
static void kill_later(struct master *master) {
    ev_timer_stop(master->loop, &master->kill);
    ev_timer_init(&master->kill, on_kill, STOP_TIMEOUT, STOP_TIMEOUT);
    master->kill.data = master;
    ev_timer_start(master->loop, &master->kill);
}

void master_stop(struct master *master, int exit_status) {
    if (master->state == MASTER_STOPPING) {
        return;
    }
    log_info(&master->log, "stopping");
    master->state = MASTER_STOPPING;
    board_set_state(master->shares.board, BOARD_ENDING);
    master->exit_status = exit_status;
    upgrade_abort(&master->upgrade, "Ravelin is ending");
    formers_say(&master->formers, HANDOVER_STOP);
    notifier_tell(&master->notifier, NOTICE_STOPPING, "%s", "stopping");
    auto_reload_stop(&master->auto_reload);
    children_end(&master->children);
    reload_abort(&master->reload, "Ravelin is ending");
    beat_stop(&master->beat);
    server_events_stop(&master->server_events);
    tell_to_end(master, IPC_STOP);
    children_dismiss_helpers(&master->children);
    listeners_close(&master->current->listeners);
    ev_timer_stop(master->loop, &master->drain);
    kill_later(master);
    end_when_childless(master);
}

static void on_drain_timeout(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    log_info(&master->log, "drain-timeout is over: ending what is still open");
    tell_to_end(master, IPC_EXPIRE);
    kill_later(master);
}

static void close_doors(struct master *master) {
    uint32_t timeout_ms = master->current->config->drain_timeout_ms;
    children_end(&master->children);
    tell_to_end(master, IPC_DRAIN);
    // Otherwise connections would wait in queues that no process accepts from.
    listeners_close(&master->current->listeners);
    if (timeout_ms > 0) {
        ev_timer_init(&master->drain, on_drain_timeout, timeout_ms / 1e3, 0.);
        master->drain.data = master;
        ev_timer_start(master->loop, &master->drain);
    }
    end_when_childless(master);
}

static void on_drain_delay(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    log_info(&master->log, "drain-delay is over: accepting no more connections");
    close_doors(master);
}

void master_drain(struct master *master) {
    if (master->state == MASTER_STARTING) {
        master_stop(master, 0); // there is nothing to finish
        return;
    }
    if (master->state != MASTER_RUNNING) {
        return;
    }
    uint32_t delay_ms = master->current->config->drain_delay_ms;
    log_info(&master->log, "draining");
    master->state = MASTER_DRAINING;
    board_set_state(master->shares.board, BOARD_ENDING);
    notifier_tell(&master->notifier, NOTICE_STOPPING, "%s", "draining: finishing open requests");
    upgrade_abort(&master->upgrade, "Ravelin is ending");
    auto_reload_stop(&master->auto_reload);
    reload_abort(&master->reload, "Ravelin is ending");
    if (delay_ms == 0) {
        close_doors(master);
        return;
    }
    tell_to_end(master, IPC_RETIRE);
    ev_timer_init(&master->drain, on_drain_delay, delay_ms / 1e3, 0.);
    master->drain.data = master;
    ev_timer_start(master->loop, &master->drain);
}

void master_give_way(struct master *master) {
    if (master->state != MASTER_RUNNING) {
        return;
    }
    log_info(&master->log, "draining");
    master->state = MASTER_DRAINING;
    master->current->admins.leaves_paths = true; // /ready stays true: the other one serves
    auto_reload_stop(&master->auto_reload);
    reload_abort(&master->reload, "another process has taken over");
    children_end(&master->children);
    children_send_type(&master->children, &kinds[KIND_MONITOR], IPC_STOP, master->current->number);
    close_doors(master);
}

// The start failed.
void master_cannot_start(void *context, const char *why) {
    struct master *master = context;
    if (master->state == MASTER_STOPPING) {
        return;
    }
    (void)fprintf(stderr, "ravelin: cannot start: %s\n", why);
    successor_fail(&master->successor, why);
    master_stop(master, 1);
}

void master_note_end_of_child(struct master *master) {
    bool is_ending = master->state == MASTER_DRAINING || master->state == MASTER_STOPPING;
    if (is_ending && !children_serve(&master->children)) {
        children_dismiss_helpers(&master->children);
        end_when_childless(master);
    }
}
