#include "process/master.h"

#include "base/clock.h"
#include "process/capacity.h"
#include "process/kinds.h"
#include "process/master_internal.h"
#include "process/setup.h"
#include "process/status.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static const char UNDER_WAY[] = "an upgrade is under way; try again";

// --- What the monitor is told ---

static uint64_t lost_log_lines(const struct master *master) {
    return master->log.sink.lost + log_writers_lost(&master->log_writers);
}

// Writes the board, if there is a monitor.
static void write_facts(struct master *master) {
    if (kinds_has_monitor(master->current)) {
        facts_write(&master->facts, lost_log_lines(master));
    }
}

// --- What children report ---

// `failure` (or NULL): why the last reload failed.
static void tell_ready(struct master *master, enum notice notice, const char *failure) {
    notifier_tell(
        &master->notifier, notice, "generation %llu is active, %u worker%s%s%s",
        (unsigned long long)master->current->number, master->slot_count, plural(master->slot_count),
        failure == NULL ? "" : "; the last reload failed: ", failure == NULL ? "" : failure);
}

static const char *begin_reload(void *context, uint64_t client) {
    struct master *master = context;
    if (master->state != MASTER_RUNNING || master_is_held(master)) {
        return master->state <= MASTER_RUNNING ? "Ravelin is still starting" : "Ravelin is ending";
    }
    return upgrade_is_idle(&master->upgrade) ? reload_begin(&master->reload, client) : UNDER_WAY;
}

void master_do_due(struct master *master) {
    uint8_t due = master->due;
    if (master->state != MASTER_RUNNING) {
        return;
    }
    master->due = 0;
    if ((due & HANDOVER_DUE_REOPEN) != 0) {
        (void)logs_reopen(&master->logs, 0);
    }
    if ((due & HANDOVER_DUE_RELOAD) != 0) {
        (void)begin_reload(master, 0);
    }
}

static void on_started(void *context) {
    struct master *master = context;
    if (master->state != MASTER_STARTING) {
        return;
    }
    if (master->children.is_held && children_all_loaded(&master->children)) {
        successor_say_ready(&master->successor);
    }
    if (!children_all_run(&master->children)) {
        return;
    }
    master->state = MASTER_RUNNING;
    board_set_state(master->shares.board, BOARD_RUNNING);
    write_facts(master);
    children_run(&master->children);
    log_info(&master->log, "ravelin: ready, %u worker%s", master->slot_count,
             plural(master->slot_count));
    tell_ready(master, NOTICE_READY, NULL);
    if (master_is_held(master)) {
        successor_say_serving(&master->successor);
    } else {
        socket_store_put(&master->socket_store, &master->current->listeners);
        auto_reload_update(&master->auto_reload);
        master_do_due(master);
    }
}

static void on_ready(void *context, struct child *child, uint64_t generation) {
    struct master *master = context;
    reload_child_ready(&master->reload, child, generation);
}

static void on_committed(void *context, struct child *child, uint64_t generation) {
    struct master *master = context;
    reload_child_committed(&master->reload, child, generation);
}

static void on_failed(void *context, struct child *child, uint64_t generation, const char *why) {
    struct master *master = context;
    reload_child_failed(&master->reload, child, generation, why);
}

static void on_died(void *context, struct child *child, const char *how) {
    struct master *master = context;
    (void)child;
    reload_child_died(&master->reload, how);
}

static void on_reopened(void *context, const char *failure) {
    struct master *master = context;
    logs_note_reopened(&master->logs, failure);
}

static void on_resolved(void *context) {
    struct master *master = context;
    names_take(&master->names, master->current, &master->shares);
}

static bool is_reload_idle(const struct master *master) {
    return master->reload.phase == RELOAD_IDLE;
}

// A slow reader must not delay the replacement of a dead child.
static bool may_change_children(void *context) {
    const struct master *master = context;
    return !reload_concerns_children(&master->reload);
}

// --- What a reload reports ---

static void on_reload_began(void *context) {
    struct master *master = context;
    notifier_tell(&master->notifier, NOTICE_RELOADING, "%s", "reloading");
}

static void on_files_read(void *context) {
    struct master *master = context;
    auto_reload_note_read(&master->auto_reload);
}

static void on_new_generation(void *context, struct source *staged) {
    struct master *master = context;
    struct source *former = master->current;
    master->current = master->children.current = staged;
    logs_use(&master->logs);
    notices_use(&master->notices, staged);
    auto_reload_use(&master->auto_reload, staged->config);
    if (former->config->limits.connections != staged->config->limits.connections) {
        // Otherwise it was logged before.
        capacity_warn(&master->log, staged->config, master->slot_count);
    }
    socket_store_put(&master->socket_store, &staged->listeners);
    source_free(former, staged);
    ticket_rotation_use(&master->ticket_rotation, staged->config->tls.ticket_lifetime_s);
    write_facts(master);
}

static void log_failed_reload(struct master *master, const struct reload_end *end) {
    unsigned long long number = master->current->number;
    if (end->request.by != RELOAD_BY_CHANGE) {
        log_lines(&master->log, SEVERITY_ERROR, end->who, end->text);
        log_error(&master->log, "reload failed: generation %llu stays active", number);
    } else if (auto_reload_is_news(&master->auto_reload, end->text)) {
        log_lines(&master->log, SEVERITY_WARNING, end->who, end->text);
        log_warning(&master->log, "reload of changed files failed: generation %llu stays active",
                    number);
    } else {
        log_debug(&master->log, "reload of changed files failed as before");
    }
}

static void tell_reload_ended(struct master *master, const struct reload_end *end) {
    if (end->result != RELOAD_SAME) {
        tell_ready(master, end->request.by == RELOAD_BY_CHANGE ? NOTICE_STATUS : NOTICE_READY,
                   end->result == RELOAD_FAILED ? end->text : NULL);
    }
}

static void tell_auto_reload(struct master *master, const struct reload_end *end) {
    if (end->result == RELOAD_SAME) {
        return; // logged before
    }
    if (end->request.by == RELOAD_BY_CHANGE) {
        auto_reload_note_end(&master->auto_reload, end->exit_code, end->text);
    } else if (end->result == RELOAD_DONE) {
        auto_reload_update(&master->auto_reload);
    }
}

static void begin_next_reload(struct master *master, uint64_t client) {
    const char *refusal = begin_reload(master, client);
    if (refusal != NULL) {
        control_answer(master->control, client, 1, refusal);
    }
}

// Begins what had to wait for the end of the reload.
static void on_reload_ended(void *context, const struct reload_end *end) {
    struct master *master = context;
    facts_note_reload(&master->facts, end);
    write_facts(master);
    switch (end->result) {
    case RELOAD_DONE:
        log_info(&master->log, "%s", end->text);
        break;
    case RELOAD_FAILED:
        log_failed_reload(master, end);
        break;
    case RELOAD_SAME:
        auto_reload_note_same(&master->auto_reload);
        break;
    }
    control_answer(master->control, end->request.client, end->exit_code, end->text);
    if (master->state == MASTER_RUNNING) {
        tell_reload_ended(master, end);
        children_start(&master->children);
        tell_auto_reload(master, end);
        write_facts(master);
    }
    logs_advance(&master->logs);
    if (end->next.by != RELOAD_BY_NONE) {
        begin_next_reload(master, end->next.client);
    }
}

// --- What changed files ask for ---

static bool may_reload_changed(void *context) {
    const struct master *master = context;
    return is_reload_idle(master) && upgrade_is_idle(&master->upgrade) && !master_is_held(master);
}

static void reload_changed(void *context) {
    struct master *master = context;
    reload_changed_files(&master->reload);
}

// --- What the control socket asks for ---

static void answer_client(void *context, uint64_t client, int exit_code, const char *text) {
    struct master *master = context;
    control_answer(master->control, client, exit_code, text);
}

static const char *why_upgrading(void *context) {
    const struct master *master = context;
    return upgrade_is_idle(&master->upgrade) ? NULL : UNDER_WAY;
}

static const char *on_reopen_order(void *context, uint64_t client) {
    struct master *master = context;
    if (master->upgrade.phase >= UPGRADE_LEAVING && client != 0) {
        return UNDER_WAY; // the next master would not know of it
    }
    if (!upgrade_is_idle(&master->upgrade)) {
        master->due |= HANDOVER_DUE_REOPEN;
    }
    formers_say(&master->formers, HANDOVER_REOPEN);
    return logs_reopen(&master->logs, client);
}

static void on_drain_order(void *context) {
    master_drain(context);
}

static void on_stop_order(void *context) {
    master_stop(context, 0);
}

static bool draw_status(void *context, char *text, size_t capacity) {
    static const char *const states[] = {[MASTER_STARTING] = "starting",
                                         [MASTER_RUNNING] = "running",
                                         [MASTER_DRAINING] = "draining",
                                         [MASTER_STOPPING] = "stopping"};
    const struct master *master = context;
    const struct status status = {
        .version = master->version,
        .state = states[master->state],
        .config_path = master->real_path,
        .started_us = master->started_us,
        .lost_log_lines = lost_log_lines(master),
        .reload = &master->reload,
        .upgrade = &master->upgrade,
        .formers = &master->formers,
        .automatic = &master->auto_reload,
        .children = &master->children,
    };
    return status_draw(&status, text, capacity);
}

// --- Events ---

// Called with every heartbeat: repeats what failed before.
static void on_beat(void *context) {
    struct master *master = context;
    if (master->state == MASTER_RUNNING && may_change_children(master) &&
        kinds_check_listeners(&master->children)) {
        master->socket_store.is_stale = true;
    }
    log_flush(&master->log);
    master_upgrade_beat(master);
    log_writers_revive(&master->log_writers);
    challenge_servers_revive(&master->challenge_servers);
    log_writers_report(&master->log_writers, &master->log);
    notifier_retry(&master->notifier);
    if (master->state == MASTER_RUNNING) {
        socket_store_retry(&master->socket_store, &master->current->listeners);
    }
    logs_retry(&master->logs);
    children_connect(&master->children);
    write_facts(master);
}

static void reap(struct master *master) {
    int status;
    pid_t pid;
    // Other children that the master inherited are reaped, too.
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        reload_note_death(&master->reload, pid, status);
        upgrade_note_death(&master->upgrade, pid, status);
        if (log_writers_note_death(&master->log_writers, pid)) {
            log_warning(&master->log, "a log writer (pid %ld) died", (long)pid);
        }
        challenge_servers_note_death(&master->challenge_servers, pid, status, &master->log);
        children_note_death(&master->children, pid, status);
    }
    logs_advance(&master->logs); // no reply follows from a dead child, dismissed or not
    master_note_end_of_child(master);
}

// No client learns that a reload cannot begin now.
static void on_hangup(struct master *master) {
    const char *refusal = begin_reload(master, 0);
    if (refusal != NULL && master->state <= MASTER_RUNNING) {
        log_info(&master->log, "%s: the reload follows", refusal);
        master->due |= HANDOVER_DUE_RELOAD;
    } else if (refusal != NULL) {
        log_warning(&master->log, "reload refused: %s", refusal);
    }
}

static void on_signal(struct ev_loop *loop, ev_signal *watcher, int events) {
    struct master *master = watcher->data;
    (void)loop;
    (void)events;
    switch (watcher->signum) {
    case SIGHUP:
        on_hangup(master);
        break;
    case SIGUSR1:
        (void)on_reopen_order(master, 0);
        break;
    case SIGUSR2:
        (void)master_begin_upgrade(master, 0);
        break;
    case SIGTERM:
    case SIGQUIT:
        if (master->state == MASTER_DRAINING) {
            master_stop(master, 0);
        } else {
            master_drain(master);
        }
        break;
    case SIGINT:
        master_stop(master, 0);
        break;
    case SIGCHLD:
        reap(master);
        break;
    default:
        break;
    }
}

static bool start_loop(struct master *master) {
    static const int numbers[] = {SIGHUP, SIGUSR1, SIGUSR2, SIGTERM, SIGQUIT, SIGINT, SIGCHLD};
    master->loop = setup_loop();
    if (master->loop == NULL) {
        return false;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ev_signal_init(&master->signals[i], on_signal, numbers[i]);
        master->signals[i].data = master;
        ev_signal_start(master->loop, &master->signals[i]);
    }
    setup_unblock_signals();
    return true;
}

// --- Life ---

static enum result make_children(struct master *master) {
    struct children *children = &master->children;
    *children = (struct children){
        .loop = master->loop,
        .log = &master->log,
        .title = master->title,
        .privilege = &master->privilege,
        .kinds = kinds,
        .kind_count = KIND_COUNT,
        .slot_count = master->slot_count,
        .shares = master->shares,
        .handler = {.started = on_started,
                    .cannot_start = master_cannot_start,
                    .ready = on_ready,
                    .committed = on_committed,
                    .failed = on_failed,
                    .died = on_died,
                    .reopened = on_reopened,
                    .resolved = on_resolved,
                    .may_replace = may_change_children,
                    .context = master},
        .current = master->current,
    };
    return children_init(children);
}

// No part includes the master: they call it through handlers.
static void make_parts(struct master *master) {
    struct children *children = &master->children;
    master->reload.children = children;
    master->reload.config_path = master->config_path;
    master->reload.helpers = &master->helpers;
    master->reload.handler = (struct reload_handler){.began = on_reload_began,
                                                     .read = on_files_read,
                                                     .committed = on_new_generation,
                                                     .ended = on_reload_ended,
                                                     .context = master};
    reload_init(&master->reload);
    names_watch_init(&master->names, &master->log);
    master->auto_reload = (struct auto_reload){
        .loop = master->loop,
        .log = &master->log,
        .handler = {.may_begin = may_reload_changed, .begin = reload_changed, .context = master},
    };
    auto_reload_use(&master->auto_reload, master->current->config);
    master->logs = (struct logs){
        .children = children,
        .writers = &master->log_writers,
        .handler = {.may_reopen = may_change_children, .answer = answer_client, .context = master},
    };
    master->orders = (struct orders){
        .control = master->control,
        .children = children,
        .version = master->version,
        .handler = {.reload = begin_reload,
                    .reopen = on_reopen_order,
                    .upgrade = master_begin_upgrade,
                    .keeps = why_upgrading,
                    .drain = on_drain_order,
                    .stop = on_stop_order,
                    .draw_status = draw_status,
                    .context = master},
    };
    master->ticket_rotation = (struct ticket_rotation){
        .loop = master->loop, .log = &master->log, .tickets = master->shares.tickets};
    master->facts = (struct facts){
        .board = master->shares.board,
        .children = children,
        .tickets = &master->ticket_rotation,
        .version = master->version,
        .config_path = master->real_path,
        .started_us = master->started_us,
    };
    master->beat = (struct beat){.children = children, .later = on_beat, .context = master};
    master->server_events.loop = master->loop;
    master->server_events.log = &master->log;
    master->server_events.counts = master->shares.servers;
    master->server_events.current = &master->current;
}

// Makes the loop and its watchers.
static int make_loop(struct master *master) {
    log_init(&master->log, -1, SINK_NO_DAEMON, SEVERITY_INFO, "master");
    master->log.listener = facts_note_line;
    master->log.listener_context = master->shares.board;
    if (!start_loop(master)) {
        char text[128];
        (void)snprintf(text, sizeof(text), "ravelin: cannot make an event loop: %s",
                       strerror(errno));
        return master_complain(master, text, 1);
    }
    if (make_children(master) != RESULT_OK) {
        return master_complain(master, "ravelin: out of memory", 1);
    }
    make_parts(master);
    master_make_upgrade(master);
    logs_use(&master->logs);
    return 0;
}

static void begin_ticket_rotation(struct master *master) {
    uint32_t lifetime_s = master->current->config->tls.ticket_lifetime_s;
    if (master->keys_came) {
        ticket_rotation_resume(&master->ticket_rotation, lifetime_s, master->keys_age_s);
    } else {
        ticket_rotation_use(&master->ticket_rotation, lifetime_s);
    }
}

static void serve(struct master *master) {
    const struct control_handler handler = orders_control(&master->orders);
    master_log_start(master);
    notices_start(&master->notices, master->loop, &master->log, NOTICES_PERIOD_S);
    notices_use(&master->notices, master->current);
    capacity_warn(&master->log, master->current->config, master->slot_count);
    begin_ticket_rotation(master);
    if (!master_is_held(master)) {
        control_start(master->control, master->loop, &handler);
        notifier_start_watchdog(&master->notifier, master->loop);
    }
    beat_start(&master->beat);
    server_events_start(&master->server_events);
    children_start(&master->children);
    if (children_alive(&master->children) > 0) {
        ev_run(master->loop, 0);
    }
    log_info(&master->log, "ended");
}

static void release(struct master *master) {
    sink_close(&master->log.sink);
    if (master->loop != NULL) {
        auto_reload_stop(&master->auto_reload);
        beat_stop(&master->beat);
        server_events_stop(&master->server_events);
        notifier_stop(&master->notifier);
        upgrade_free(&master->upgrade);
        formers_forget(&master->formers);
        children_free(&master->children);
    }
    successor_free(&master->successor);
    control_close(master->control);
    notices_stop(&master->notices);
    if (master->loop != NULL) {
        ev_loop_destroy(master->loop);
    }
    source_free(master->current, NULL);
    handed_free(&master->handed);
    log_writers_end(&master->log_writers);
    shares_unmap(&master->shares);
}

int master_run(const char *config_path, const char *version, const struct title *title) {
    struct master master = {
        .config_path = config_path,
        .version = version,
        .title = title,
        .started_us = clock_wall_us(),
        .log_writers = {.title = title},
        .challenge_servers = {.title = title},
    };
    master.log_writers.privilege = master.challenge_servers.privilege = &master.privilege;
    master.helpers =
        (struct source_helpers){&master.log_writers, &master.challenge_servers, &master.handed};
    if (!setup_process()) {
        return 1;
    }
    executable_find(title->start == NULL ? "" : title->start, master.executable);
    handed_from_manager(&master.handed);
    master.exit_status = master_prepare_successor(&master);
    if (master.exit_status == 0) {
        master.exit_status = master_prepare_config(&master);
    }
    if (master.exit_status == 0) {
        master.exit_status = master_prepare_system(&master);
    }
    if (master.exit_status == 0) {
        master.exit_status = make_loop(&master);
    }
    if (master.exit_status == 0) {
        serve(&master);
    }
    release(&master);
    return master.exit_status;
}
