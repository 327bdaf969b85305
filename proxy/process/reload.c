#include "process/reload.h"

#include "process/maintenance.h"
#include "process/names.h"
#include "process/servers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// A child that has not replied is on its own again: the heartbeat decides whether it still runs.
static void await_nobody(struct children *children) {
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        child->awaited = false;
    }
}

// Returns to idle. The handler begins the next request.
static void finish(struct reload *reload, enum reload_result result, int exit_code,
                   const char *text) {
    struct ev_loop *loop = reload->children->loop;
    const struct reload_end end = {
        .result = result,
        .exit_code = exit_code,
        .text = text,
        .who = reload->who,
        .request = reload->request,
        .next = reload->next,
    };
    ev_timer_stop(loop, &reload->timeout);
    ev_io_stop(loop, &reload->verdict);
    reading_cancel(&reload->reading);
    validate_cancel(&reload->validation);
    await_nobody(reload->children);
    reload->phase = RELOAD_IDLE;
    reload->who = NULL;
    reload->request = reload->next = (struct reload_request){RELOAD_BY_NONE, 0};
    reload->handler.ended(reload->handler.context, &end);
}

static void fail(struct reload *reload, int exit_code, const char *why) {
    struct children *children = reload->children;
    char text[CONFIG_ERROR_SIZE];
    (void)snprintf(text, sizeof(text), "%s", why); // `why` may be in memory that is freed here
    for (size_t kind = reload->kind + 1; reload->phase >= RELOAD_LOAD && kind-- > 0;) {
        children_send_type(children, &children->kinds[kind], IPC_ABORT, reload->staged->number);
    }
    source_free(reload->staged, children->current);
    reload->staged = NULL;
    finish(reload, RELOAD_FAILED, exit_code, text);
}

static void succeed(struct reload *reload) {
    char text[64];
    (void)snprintf(text, sizeof(text), "reloaded: generation %llu",
                   (unsigned long long)reload->children->current->number);
    finish(reload, RELOAD_DONE, 0, text);
}

// Whether this child takes part in the phase. A child that the new generation does not need stays
// as it is until the end.
static bool takes_part(const struct reload *reload, const struct child *child) {
    const struct source *next = reload->staged != NULL ? reload->staged : reload->children->current;
    if (child->is_dismissed || !child_is_wanted(child, next)) {
        return false;
    }
    return reload->phase == RELOAD_COMMIT ? child->kind->commits
                                          : child->kind == &reload->children->kinds[reload->kind];
}

static bool is_awaiting(const struct reload *reload) {
    for (struct child *child = child_first(reload->children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (takes_part(reload, child) && child->state != CHILD_DEAD && child->awaited) {
            return true;
        }
    }
    return false;
}

// From here on, the reload cannot fail.
static void commit(struct reload *reload) {
    struct children *children = reload->children;
    struct source *staged = reload->staged;
    struct ipc_message message;
    names_hand_on(staged, children->current, &children->shares);
    servers_keep_orders(staged, children->current, children->log);
    maintenance_keep(staged, children->current, children->log);
    ipc_init(&message, IPC_COMMIT, staged->number);
    reload->phase = RELOAD_COMMIT;
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (takes_part(reload, child)) {
            child->awaited = child->state != CHILD_DEAD;
            child_send(child, &message);
        }
    }
    reload->staged = NULL;
    reload->handler.committed(reload->handler.context, staged);
}

// Sends LOAD to all living children of a kind. The others get the generation when they are
// replaced.
static void load_kind(struct reload *reload, size_t kind) {
    reload->phase = RELOAD_LOAD;
    reload->kind = kind;
    for (struct child *child = child_first(reload->children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (takes_part(reload, child)) {
            child->awaited = child->state != CHILD_DEAD;
            if (child->awaited) {
                child_load(child, reload->staged);
            }
        }
    }
}

static void advance(struct reload *reload) {
    while (reload->phase == RELOAD_LOAD && !is_awaiting(reload)) {
        if (reload->kind + 1 < reload->children->kind_count) {
            load_kind(reload, reload->kind + 1);
        } else {
            commit(reload);
        }
    }
    if (reload->phase == RELOAD_COMMIT && !is_awaiting(reload)) {
        succeed(reload);
    }
}

static void open_and_load(struct reload *reload) {
    const struct children *children = reload->children;
    char error[CONFIG_ERROR_SIZE];
    if (reload->request.by == RELOAD_BY_CHANGE) {
        // Logged only now, so that a fault in the files is not logged at each reading.
        log_info(children->log, "files changed: reloading");
    }
    if (source_settle(reload->staged, error) != RESULT_OK ||
        source_open(reload->staged, &children->shares, children->current, reload->helpers, error) !=
            RESULT_OK) {
        fail(reload, 1, error);
        return;
    }
    load_kind(reload, 0);
    advance(reload);
}

static void on_verdict(struct ev_loop *loop, ev_io *watcher, int events) {
    struct reload *reload = watcher->data;
    (void)events;
    enum result result = validate_read(&reload->validation);
    if (result == RESULT_AGAIN) {
        return;
    }
    ev_io_stop(loop, watcher);
    if (result == RESULT_OK) {
        open_and_load(reload);
    } else {
        reload->who = reload->validation.is_quoted ? "validator" : NULL;
        fail(reload, 2, reload->validation.text);
    }
}

static void kill_awaited(struct reload *reload) {
    for (struct child *child = child_first(reload->children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (takes_part(reload, child) && child->awaited) {
            child->awaited = false;
            child_kill(child, "did not answer a reload in time");
        }
    }
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events) {
    struct reload *reload = timer->data;
    char text[96];
    (void)loop;
    (void)events;
    switch (reload->phase) {
    case RELOAD_READ:
        fail(reload, 1, "the files could not be read in time");
        break;
    case RELOAD_VALIDATE:
        fail(reload, 1, "the certificates and keys could not be looked at in time");
        break;
    case RELOAD_LOAD:
        kill_awaited(reload);
        (void)snprintf(text, sizeof(text), "a %s did not answer in time and is replaced",
                       reload->children->kinds[reload->kind].name);
        fail(reload, 1, text);
        break;
    case RELOAD_COMMIT:
        kill_awaited(reload); // their replacements get the new generation
        succeed(reload);
        break;
    case RELOAD_IDLE:
        break;
    }
}

static enum result check_fixed(const struct children *children, const struct config *config,
                               char error[CONFIG_ERROR_SIZE]) {
    if (!privilege_is_same(config, children->current->config)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: user: cannot change while Ravelin runs; start it anew", config->path);
        return RESULT_ERROR;
    }
    if (config->workers != 0 && config->workers != children->slot_count) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: workers: cannot change from %u to %u while Ravelin runs; start it anew",
                       config->path, children->slot_count, config->workers);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

// Waits for the child's message, at most RELOAD_TIMEOUT_S.
static void await(struct reload *reload, void (*on_word)(struct ev_loop *, ev_io *, int), int fd) {
    ev_io_init(&reload->verdict, on_word, fd, EV_READ);
    reload->verdict.data = reload;
    ev_io_start(reload->children->loop, &reload->verdict);
    ev_timer_stop(reload->children->loop, &reload->timeout);
    ev_timer_init(&reload->timeout, on_timeout, (ev_tstamp)RELOAD_TIMEOUT_S, 0.);
    reload->timeout.data = reload;
    ev_timer_start(reload->children->loop, &reload->timeout);
}

static void begin_validation(struct reload *reload) {
    const struct validate_input input = {reload->staged, reload->children->privilege,
                                         reload->children->title};
    if (validate_start(&reload->validation, &input) != RESULT_OK) {
        fail(reload, 1, "cannot start the validator");
        return;
    }
    await(reload, on_verdict, reload->validation.fd);
}

// Continues with the files that were read. NULL: `error` has the reason.
static void stage(struct reload *reload, struct source *source, char error[CONFIG_ERROR_SIZE]) {
    reload->phase = RELOAD_VALIDATE;
    reload->staged = source;
    if (source == NULL || check_fixed(reload->children, source->config, error) != RESULT_OK) {
        fail(reload, 2, error);
        return;
    }
    reload->last_number++;
    begin_validation(reload);
}

static void on_reading(struct ev_loop *loop, ev_io *watcher, int events) {
    struct reload *reload = watcher->data;
    char error[CONFIG_ERROR_SIZE];
    (void)events;
    enum result result = reading_receive(&reload->reading);
    if (result == RESULT_AGAIN) {
        return;
    }
    ev_io_stop(loop, watcher);
    if (reload->request.by == RELOAD_BY_CHANGE) {
        reload->handler.read(reload->handler.context);
    }
    if (result != RESULT_OK) {
        reload->who = reload->reading.child.is_quoted ? "reader" : NULL;
        fail(reload, 2, reload->reading.child.text);
    } else if (reload->reading.same) {
        finish(reload, RELOAD_SAME, 1, "");
    } else {
        const char *name = reload->request.by == RELOAD_BY_CHANGE ? NULL : reload->config_path;
        stage(reload, reading_take(&reload->reading, name, reload->last_number + 1, error), error);
    }
}

// `former`: as in reading.h.
static void begin_reading(struct reload *reload, const struct source *former) {
    const struct reading_input input = {reload->config_path, former, reload->children->title};
    reload->phase = RELOAD_READ;
    if (reading_start(&reload->reading, &input) != RESULT_OK) {
        char error[CONFIG_ERROR_SIZE];
        (void)snprintf(error, sizeof(error), "%s: cannot start a process that reads it: %s",
                       reload->config_path, strerror(errno));
        fail(reload, 1, error);
        return;
    }
    await(reload, on_reading, reload->reading.child.fd);
}

void reload_init(struct reload *reload) {
    reload->phase = RELOAD_IDLE;
    reload->validation = (struct validation){.fd = -1};
    reading_init(&reload->reading);
}

const char *reload_begin(struct reload *reload, uint64_t client) {
    const struct reload_request request = {client == 0 ? RELOAD_BY_SIGNAL : RELOAD_BY_CLIENT,
                                           client};
    if (reload->phase != RELOAD_IDLE) {
        if (client != 0 &&
            (reload->request.by != RELOAD_BY_CHANGE || reload->next.by == RELOAD_BY_CLIENT)) {
            return "a reload is running";
        }
        if (reload->next.by != RELOAD_BY_CLIENT) {
            reload->next = request;
        }
        return NULL;
    }
    log_info(reload->children->log, "reloading %s", reload->config_path);
    reload->request = request;
    reload->handler.began(reload->handler.context);
    begin_reading(reload, NULL);
    return NULL;
}

void reload_changed_files(struct reload *reload) {
    reload->request = (struct reload_request){RELOAD_BY_CHANGE, 0};
    begin_reading(reload, reload->children->current);
}

void reload_abort(struct reload *reload, const char *why) {
    if (reload->phase == RELOAD_COMMIT) {
        succeed(reload);
    } else if (reload->phase != RELOAD_IDLE) {
        fail(reload, 1, why);
    }
}

bool reload_concerns_children(const struct reload *reload) {
    return reload->phase >= RELOAD_LOAD;
}

void reload_note_death(struct reload *reload, pid_t pid, int status) {
    validate_note_death(&reload->reading.child, pid, status);
    validate_note_death(&reload->validation, pid, status);
}

// Whether the child was sent a message about this generation and has not replied yet.
static bool concerns(const struct reload *reload, const struct child *child, uint64_t generation) {
    return reload->staged != NULL && child->awaited && generation == reload->staged->number;
}

void reload_child_ready(struct reload *reload, struct child *child, uint64_t generation) {
    if (concerns(reload, child, generation)) {
        child->awaited = false;
        advance(reload);
    }
}

void reload_child_committed(struct reload *reload, struct child *child, uint64_t generation) {
    if (reload->phase == RELOAD_COMMIT && generation == reload->children->current->number) {
        child->awaited = false;
        advance(reload);
    }
}

void reload_child_failed(struct reload *reload, struct child *child, uint64_t generation,
                         const char *why) {
    if (concerns(reload, child, generation)) {
        child->awaited = false;
        fail(reload, 1, why);
    }
}

void reload_child_died(struct reload *reload, const char *how) {
    if (reload->phase == RELOAD_LOAD) {
        fail(reload, 1, how);
    } else if (reload->phase == RELOAD_COMMIT) {
        advance(reload); // the reload does not wait for it any more
    }
}
