#include "process/reload.h"

#include "process/children.h"
#include "process/orders.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// Back to idle; what came in the meantime is done now.
static void finish(struct master *master, int exit_code, const char *answer) {
    struct reload *reload = &master->reload;
    ev_timer_stop(master->loop, &reload->timeout);
    ev_io_stop(master->loop, &reload->verdict);
    reading_cancel(&reload->reading);
    validate_cancel(&reload->validation);
    reload->phase = RELOAD_IDLE;
    uint64_t client = reload->client;
    uint64_t client_after = reload->client_after;
    bool automatic = reload->automatic;
    bool again = reload->again;
    bool reopen = reload->reopen_after;
    reload->client = reload->client_after = 0;
    reload->automatic = reload->again = reload->reopen_after = false;
    control_answer(master->control, client, exit_code, answer);
    if (master->state == MASTER_RUNNING) {
        children_start(master);
        if (reopen) {
            orders_reopen_logs(master);
        }
        if (automatic) {
            auto_reload_note_end(master, exit_code, answer);
        } else if (exit_code == 0) {
            auto_reload_update(master);
        }
    }
    if (again) {
        reload_begin(master, client_after);
    }
}

static void log_failure(struct master *master, const char *text) {
    unsigned long long number = master->current->number;
    if (!master->reload.automatic) {
        log_lines(&master->log, SEVERITY_ERROR, text);
        log_error(&master->log, "reload refused: generation %llu goes on", number);
    } else if (auto_reload_is_news(master, text)) {
        log_lines(&master->log, SEVERITY_WARNING, text);
        log_warning(&master->log, "changed files refused: generation %llu goes on", number);
    } else {
        log_debug(&master->log, "changed files refused as before");
    }
}

static void fail(struct master *master, int exit_code, const char *why) {
    struct reload *reload = &master->reload;
    char text[CONFIG_ERROR_SIZE];
    (void)snprintf(text, sizeof(text), "%s", why); // it may lie in what is freed here
    if (reload->phase == RELOAD_WORKERS) {
        children_send_all(master, CHILD_WORKER, IPC_ABORT, reload->staged->number);
    }
    if (reload->phase >= RELOAD_SIGNERS) {
        children_send_all(master, CHILD_SIGNER, IPC_ABORT, reload->staged->number);
    }
    source_free(reload->staged);
    reload->staged = NULL;
    log_failure(master, text);
    finish(master, exit_code, text);
}

// The point of no return.
static void commit(struct master *master) {
    struct reload *reload = &master->reload;
    struct source *former = master->current;
    reload->phase = RELOAD_COMMIT;
    for (struct child *worker = child_first(master, CHILD_WORKER); worker != NULL;
         worker = child_next(worker)) {
        worker->awaited = worker->state != CHILD_DEAD;
    }
    children_send_all(master, CHILD_WORKER, IPC_COMMIT, reload->staged->number);
    master->current = reload->staged;
    reload->staged = NULL;
    master_use_log(master);
    notices_use(&master->notices, master->current);
    if (former->config->limits.connections != master->current->config->limits.connections) {
        master_warn_capacity(master); // else it was said before
    }
    source_free(former);
    master_schedule_rotation(master);
}

static void succeed(struct master *master) {
    char text[64];
    (void)snprintf(text, sizeof(text), "reloaded: generation %llu",
                   (unsigned long long)master->current->number);
    log_info(&master->log, "%s", text);
    finish(master, 0, text);
}

static bool is_awaiting(struct master *master, enum child_kind kind) {
    for (struct child *child = child_first(master, kind); child != NULL;
         child = child_next(child)) {
        if (child->state != CHILD_DEAD && child->awaited) {
            return true;
        }
    }
    return false;
}

// Sends LOAD to all of a kind that live; the others get the generation when they are replaced.
static void load_all(struct master *master, enum child_kind kind, enum reload_phase phase) {
    master->reload.phase = phase;
    for (struct child *child = child_first(master, kind); child != NULL;
         child = child_next(child)) {
        child->awaited = child->state != CHILD_DEAD;
        if (child->awaited) {
            child_load(child, master->reload.staged);
        }
    }
}

static void advance(struct master *master) {
    struct reload *reload = &master->reload;
    if (reload->phase == RELOAD_SIGNERS && !is_awaiting(master, CHILD_SIGNER)) {
        load_all(master, CHILD_WORKER, RELOAD_WORKERS);
    }
    if (reload->phase == RELOAD_WORKERS && !is_awaiting(master, CHILD_WORKER)) {
        commit(master);
    }
    if (reload->phase == RELOAD_COMMIT && !is_awaiting(master, CHILD_WORKER)) {
        succeed(master);
    }
}

static void open_and_load(struct master *master) {
    char error[CONFIG_ERROR_SIZE];
    if (master->reload.automatic) {
        log_info(&master->log, "files changed: reloading"); // not at every look at bad ones
    }
    struct source *staged = master->reload.staged;
    if (source_settle(staged, error) != RESULT_OK ||
        source_open(staged, master->slot_count, master->current, &master->log_writers, error) !=
            RESULT_OK) {
        fail(master, 1, error);
        return;
    }
    load_all(master, CHILD_SIGNER, RELOAD_SIGNERS);
    advance(master);
}

static void on_verdict(struct ev_loop *loop, ev_io *watcher, int events) {
    struct master *master = watcher->data;
    (void)events;
    enum result result = validate_read(&master->reload.validation);
    if (result == RESULT_AGAIN) {
        return;
    }
    ev_io_stop(loop, watcher);
    if (result == RESULT_OK) {
        open_and_load(master);
    } else {
        fail(master, 2, master->reload.validation.text);
    }
}

static void kill_awaited(struct master *master, enum child_kind kind) {
    for (struct child *child = child_first(master, kind); child != NULL;
         child = child_next(child)) {
        if (child->awaited) {
            child->awaited = false;
            child_kill(child, "did not answer a reload in time");
        }
    }
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events) {
    struct master *master = timer->data;
    (void)loop;
    (void)events;
    switch (master->reload.phase) {
    case RELOAD_READ:
        fail(master, 1, "the files could not be read in time");
        break;
    case RELOAD_VALIDATE:
        fail(master, 1, "the certificates and keys could not be looked at in time");
        break;
    case RELOAD_SIGNERS:
        kill_awaited(master, CHILD_SIGNER);
        fail(master, 1, "a signer did not answer in time and is replaced");
        break;
    case RELOAD_WORKERS:
        kill_awaited(master, CHILD_WORKER);
        fail(master, 1, "a worker did not answer in time and is replaced");
        break;
    case RELOAD_COMMIT:
        kill_awaited(master, CHILD_WORKER); // those that come instead have the new generation
        succeed(master);
        break;
    case RELOAD_IDLE:
        break;
    }
}

static enum result check_fixed(struct master *master, const struct config *config,
                               char error[CONFIG_ERROR_SIZE]) {
    if (!privilege_is_same(config, master->current->config)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: user: cannot change while Ravelin runs; start it anew", config->path);
        return RESULT_ERROR;
    }
    if (config->workers != 0 && config->workers != master->slot_count) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: workers: cannot change from %u to %u while Ravelin runs; start it anew",
                       config->path, master->slot_count, config->workers);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

// For what a child says next, for RELOAD_TIMEOUT_S.
static void await(struct master *master, void (*on_word)(struct ev_loop *, ev_io *, int), int fd) {
    struct reload *reload = &master->reload;
    ev_io_init(&reload->verdict, on_word, fd, EV_READ);
    reload->verdict.data = master;
    ev_io_start(master->loop, &reload->verdict);
    ev_timer_stop(master->loop, &reload->timeout);
    ev_timer_init(&reload->timeout, on_timeout, (ev_tstamp)RELOAD_TIMEOUT_S, 0.);
    reload->timeout.data = master;
    ev_timer_start(master->loop, &reload->timeout);
}

static void begin_validation(struct master *master) {
    struct reload *reload = &master->reload;
    const struct validate_input input = {reload->staged, &master->privilege, master->title};
    if (validate_start(&reload->validation, &input) != RESULT_OK) {
        fail(master, 1, "cannot start the validator");
        return;
    }
    await(master, on_verdict, reload->validation.fd);
}

// Goes on with what was read; NULL: `error` says why it could not be.
static void stage(struct master *master, struct source *source, char error[CONFIG_ERROR_SIZE]) {
    master->reload.phase = RELOAD_VALIDATE;
    master->reload.staged = source;
    if (source == NULL || check_fixed(master, source->config, error) != RESULT_OK) {
        fail(master, 2, error);
        return;
    }
    master->last_number++;
    begin_validation(master);
}

// No reload after all.
static void find_nothing_new(struct master *master) {
    auto_reload_note_same(master);
    master->reload.automatic = false; // it is not the end of one that is worth a note
    finish(master, 1, "");
}

static void on_reading(struct ev_loop *loop, ev_io *watcher, int events) {
    struct master *master = watcher->data;
    struct reload *reload = &master->reload;
    char error[CONFIG_ERROR_SIZE];
    (void)events;
    enum result result = reading_receive(&reload->reading);
    if (result == RESULT_AGAIN) {
        return;
    }
    ev_io_stop(loop, watcher);
    if (reload->automatic) {
        auto_reload_note_read(master);
    }
    if (result != RESULT_OK) {
        fail(master, 2, reload->reading.child.text);
    } else if (reload->reading.same) {
        find_nothing_new(master);
    } else {
        const char *name = reload->automatic ? NULL : master->config_path;
        stage(master, reading_take(&reload->reading, name, master->last_number + 1, error), error);
    }
}

// `former`: as in reading.h.
static void begin_reading(struct master *master, const struct source *former) {
    struct reload *reload = &master->reload;
    const struct reading_input input = {master->config_path, former, master->title};
    reload->phase = RELOAD_READ;
    if (reading_start(&reload->reading, &input) != RESULT_OK) {
        char error[CONFIG_ERROR_SIZE];
        (void)snprintf(error, sizeof(error), "%s: cannot start a process that reads it: %s",
                       master->config_path, strerror(errno));
        fail(master, 1, error);
        return;
    }
    await(master, on_reading, reload->reading.child.fd);
}

void reload_begin(struct master *master, uint64_t client) {
    struct reload *reload = &master->reload;
    if (master->state != MASTER_RUNNING) {
        control_answer(master->control, client, 1,
                       master->state == MASTER_STARTING ? "Ravelin is still starting"
                                                        : "Ravelin is ending");
        return;
    }
    if (reload->phase != RELOAD_IDLE) {
        if (client == 0 || (reload->automatic && reload->client_after == 0)) {
            reload->again = true;
            reload->client_after = client == 0 ? reload->client_after : client;
        } else {
            control_answer(master->control, client, 1, "a reload is running");
        }
        return;
    }
    log_info(&master->log, "reloading %s", master->config_path);
    reload->client = client;
    begin_reading(master, NULL);
}

void reload_changed_files(struct master *master) {
    master->reload.automatic = true;
    begin_reading(master, master->current);
}

void reload_abort(struct master *master, const char *why) {
    if (master->reload.phase == RELOAD_COMMIT) {
        succeed(master);
    } else if (master->reload.phase != RELOAD_IDLE) {
        fail(master, 1, why);
    }
}

// Whether the child was asked about this generation and has not answered yet.
static bool concerns(const struct child *child, uint64_t generation) {
    const struct reload *reload = &child->master->reload;
    return reload->staged != NULL && child->awaited && generation == reload->staged->number;
}

void reload_child_ready(struct child *child, uint64_t generation) {
    if (concerns(child, generation)) {
        child->awaited = false;
        advance(child->master);
    }
}

void reload_child_committed(struct child *child, uint64_t generation) {
    struct master *master = child->master;
    if (master->reload.phase == RELOAD_COMMIT && generation == master->current->number) {
        child->awaited = false;
        advance(master);
    }
}

void reload_child_failed(struct child *child, uint64_t generation, const char *why) {
    if (concerns(child, generation)) {
        child->awaited = false;
        fail(child->master, 1, why);
    }
}

void reload_child_died(struct child *child, const char *how) {
    struct master *master = child->master;
    if (master->reload.phase == RELOAD_SIGNERS || master->reload.phase == RELOAD_WORKERS) {
        fail(master, 1, how);
    } else if (master->reload.phase == RELOAD_COMMIT) {
        advance(master); // it is not waited for any more
    }
}
