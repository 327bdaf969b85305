#include "process/master_internal.h"

#include "process/kinds.h"

// --- The former side: another master takes the place of this one ---

static const char *why_not_now(const struct master *master) {
    if (master->state != MASTER_RUNNING) {
        return master->state == MASTER_STARTING ? "Ravelin is still starting" : "Ravelin is ending";
    }
    if (master->successor.fd > 0) {
        return "the upgrade before this one is not complete";
    }
    return master->reload.phase == RELOAD_IDLE ? NULL : "a reload is under way; try again";
}

const char *master_begin_upgrade(void *context, uint64_t client) {
    struct master *master = context;
    const char *refusal = why_not_now(master);
    if (refusal != NULL) {
        log_error(&master->log, "upgrade refused: %s", refusal);
        return refusal;
    }
    return upgrade_begin(&master->upgrade, client);
}

static void tell_state(struct master *master) {
    uint64_t connections =
        metrics_sum(master->shares.metrics, master->slot_count, METRIC_sessions_open);
    upgrade_tell_state(&master->upgrade,
                       connections < UINT32_MAX ? (uint32_t)connections : UINT32_MAX);
}

static void on_replaced(void *context, pid_t by) {
    struct master *master = context;
    notifier_replace(&master->notifier, by);
    formers_forget(&master->formers); // the next master has them
    master_give_way(master);
}

static void on_failed(void *context) {
    struct master *master = context;
    if (master->state == MASTER_RUNNING) {
        auto_reload_update(&master->auto_reload); // files may have changed meanwhile
    }
    master->due &= (uint8_t)~HANDOVER_DUE_REOPEN; // done here
    master_do_due(master);
}

static void on_left(void *context) {
    master_note_end_of_child(context);
}

static void answer_client(void *context, uint64_t client, int exit_code, const char *text) {
    struct master *master = context;
    control_answer(master->control, client, exit_code, text);
    tell_state(master);
}

static void reopen_logs(void *context) {
    struct master *master = context;
    (void)logs_reopen(&master->logs, 0);
}

static void stop(void *context) {
    master_stop(context, 0);
}

void master_upgrade_beat(struct master *master) {
    tell_state(master);
}

// --- The next side: this master takes the place of another ---

bool master_is_held(const struct master *master) {
    return master->successor.fd > 0;
}

static void on_go(void *context) {
    struct master *master = context;
    char error[CONFIG_ERROR_SIZE];
    if (master->state != MASTER_STARTING) {
        return; // this master fails, and the former one sees it
    }
    if (listeners_begin(&master->current->listeners, error) != RESULT_OK) {
        master_cannot_start(master, error);
        return;
    }
    children_release(&master->children);
}

static void on_released(void *context) {
    struct master *master = context;
    const struct control_handler handler = orders_control(&master->orders);
    control_take_over(master->control);
    admin_listeners_take_over(&master->current->admins);
    control_start(master->control, master->loop, &handler);
    master->notifier.is_held = false;
    notifier_retry(&master->notifier);
    notifier_start_watchdog(&master->notifier, master->loop);
    successor_say_done(&master->successor, &master->formers);
    if (master->state == MASTER_RUNNING) {
        socket_store_put(&master->socket_store, &master->current->listeners);
        auto_reload_update(&master->auto_reload);
    }
    master->due |= master->successor.due;
    master_do_due(master);
}

static void on_orphaned(void *context) {
    master_cannot_start(context, "the former master ended before the upgrade was complete");
}

static void on_former_ended(void *context) {
    master_note_end_of_child(context);
}

// --- Both ---

void master_make_upgrade(struct master *master) {
    const struct successor_handler successor = {
        .go = on_go, .released = on_released, .orphaned = on_orphaned, .context = master};
    master->formers = (struct formers){
        .loop = master->loop, .log = &master->log, .ended = on_former_ended, .context = master};
    master->upgrade = (struct upgrade){
        .children = &master->children,
        .rotation = &master->ticket_rotation,
        .formers = &master->formers,
        .executable = master->executable,
        .config_path = master->config_path,
        .version = master->version,
        .due = &master->due,
        .handler = {.replaced = on_replaced,
                    .left = on_left,
                    .failed = on_failed,
                    .answer = answer_client,
                    .reopen = reopen_logs,
                    .stop = stop,
                    .context = master},
    };
    if (master_is_held(master)) {
        master->children.is_held = true;
        master->notifier.is_held = true;
        successor_listen(&master->successor, master->loop, &successor);
    }
}
