#include "process/children.h"

#include "base/clock.h"
#include "base/printable.h"
#include "process/source.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const ev_tstamp DELAY_FIRST = 0.1;
static const ev_tstamp DELAY_MAX = 5.;
static const ev_tstamp CALM = 10.; // deaths further apart than this are no series

static void note_names(struct child *child) {
    const struct children_handler *handler = &child->children->handler;
    if (child->kind->resolves) {
        handler->resolved(handler->context);
    } else {
        child_kill(child, "sent nonsense");
    }
}

static void note_orders(struct child *child, const struct ipc_message *message) {
    struct children_orders *orders = &child->children->orders;
    if (!child->kind->orders) {
        child_kill(child, "sent nonsense");
        return;
    }
    orders->failing = message->generation;
    (void)snprintf(orders->last, sizeof(orders->last), "%.*s", (int)sizeof(orders->last) - 1,
                   message->text);
    printable_clean(orders->last, PRINTABLE_LINE);
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events);
static void on_respawn(struct ev_loop *loop, ev_timer *timer, int events);

static void init_child(struct children *children, const struct child_kind *kind, unsigned slot) {
    struct child *child = &children->list[children->count++];
    *child = (struct child){.children = children, .kind = kind, .slot = slot};
    ev_io_init(&child->control, on_message, -1, EV_READ);
    child->control.data = child;
    ev_timer_init(&child->respawn, on_respawn, 0., 0.);
    child->respawn.data = child;
}

enum result children_init(struct children *children) {
    children->count = 0;
    children->phase = CHILDREN_STARTING;
    children->list = calloc(children->kind_count * children->slot_count, sizeof(struct child));
    children->is_apart = calloc(children->slot_count, sizeof(bool));
    if (children->list == NULL || children->is_apart == NULL) {
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < children->kind_count; i++) {
        const struct child_kind *kind = &children->kinds[i];
        for (unsigned slot = 0; slot < (kind->is_single ? 1 : children->slot_count); slot++) {
            init_child(children, kind, slot);
        }
    }
    return RESULT_OK;
}

void children_run(struct children *children) {
    children->phase = CHILDREN_RUNNING;
}

void children_end(struct children *children) {
    children->phase = CHILDREN_ENDING;
}

// --- Sending ---

void child_kill(struct child *child, const char *why) {
    if (child->pid > 0) {
        char name[CHILD_NAME_SIZE];
        child_name(child, name);
        log_error(child->children->log, "%s (pid %ld) %s: killing it", name, (long)child->pid, why);
        (void)kill(child->pid, SIGKILL);
        // Messages that it has sent are ignored from now on.
        ev_io_stop(child->children->loop, &child->control);
    }
}

void child_send(struct child *child, const struct ipc_message *message) {
    if (child->state == CHILD_DEAD || child->control.fd < 0) {
        return;
    }
    switch (ipc_send(child->control.fd, message)) {
    case RESULT_OK:
        rate_give(&child->messages); // for its answer: reloads may follow one another quickly
        break;
    case RESULT_EOF: // it is exiting: SIGCHLD follows
        break;
    default:
        child_kill(child, "does not take its messages");
        break;
    }
}

void children_send(struct children *children, const struct ipc_message *message) {
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->kind->is_told) {
            child_send(child, message);
        }
    }
}

void children_reopen_logs(struct children *children, int error_fd, int access_fd) {
    struct ipc_message message;
    ipc_init(&message, IPC_REOPEN, children->current->number);
    message.fds[IPC_FD_ERROR_LOG] = error_fd;
    message.fds[IPC_FD_ACCESS_LOG] = access_fd;
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->kind->is_told && child->state != CHILD_DEAD) {
            child->reopens++;
            child_send(child, &message);
        }
    }
}

void children_send_type(struct children *children, const struct child_kind *kind,
                        enum ipc_type type, uint64_t generation) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    for (struct child *child = child_first(children, kind); child != NULL;
         child = child_next(child, kind)) {
        child_send(child, &message);
    }
}

void child_load(struct child *child, const struct source *source) {
    struct ipc_message message;
    ipc_init(&message, IPC_LOAD, source->number);
    child->kind->fill_load(child, source, &message);
    child_send(child, &message);
}

// --- Receiving ---

static bool is_first_load(const struct child *child, uint64_t generation) {
    return child->state == CHILD_STARTING && generation == child->children->current->number;
}

// A child that commits runs after its first COMMIT. Any other child runs after its first LOAD.
static void note_running(struct child *child) {
    const struct children_handler *handler = &child->children->handler;
    child->state = CHILD_RUNNING;
    child->pulse.missed = 0;
    handler->started(handler->context);
}

static void note_ready(struct child *child, uint64_t generation) {
    const struct children_handler *handler = &child->children->handler;
    if (!is_first_load(child, generation)) {
        handler->ready(handler->context, child, generation);
    } else if (!child->kind->commits) {
        note_running(child);
    } else if (child->children->is_held) {
        child->is_loaded = true;
        handler->started(handler->context);
    }
}

static void note_committed(struct child *child, uint64_t generation) {
    const struct children_handler *handler = &child->children->handler;
    if (is_first_load(child, generation)) {
        note_running(child);
    } else {
        handler->committed(handler->context, child, generation);
    }
}

// Its end of the pair did not arrive: the next heartbeat connects the slot again.
static void note_apart(struct child *child, const char *text) {
    bool *is_apart = &child->children->is_apart[child->slot];
    if (!child_is_paired(child)) { // it would disturb the others of its slot
        child_kill(child, "sent nonsense");
    } else if (!*is_apart) {
        *is_apart = true;
        log_error(child->children->log, "%s", text);
    }
}

// A child is not trusted: its text is logged only in printable form, and with its name.
static void note_failure(struct child *child, const struct ipc_message *message) {
    struct children *children = child->children;
    const struct children_handler *handler = &children->handler;
    char name[CHILD_NAME_SIZE];
    char text[CONFIG_ERROR_SIZE];
    child_name(child, name);
    printable_attribute(text, sizeof(text), name, message->text);
    if (message->generation == IPC_NO_GENERATION) {
        note_apart(child, text);
    } else if (!is_first_load(child, message->generation)) {
        handler->failed(handler->context, child, message->generation, text);
    } else if (children->phase == CHILDREN_STARTING) {
        handler->cannot_start(handler->context, text);
    } else {
        log_error(children->log, "%s", text);
        child_kill(child, "cannot load the configuration");
    }
}

static void note_reopened(struct child *child, const char *text) {
    const struct children_handler *handler = &child->children->handler;
    char name[CHILD_NAME_SIZE];
    char failure[CONFIG_ERROR_SIZE] = "";
    if (child->reopens == 0) {
        child_kill(child, "sent nonsense");
        return;
    }
    child->reopens--;
    if (text[0] != '\0') {
        child_name(child, name);
        printable_attribute(failure, sizeof(failure), name, text);
    }
    handler->reopened(handler->context, failure);
}

static void note_pong(struct child *child, uint64_t number) {
    if (!pulse_note_answer(&child->pulse, number)) {
        child_kill(child, "sent nonsense");
    }
}

// True: the caller must close *message.
static bool receive(struct child *child, struct ipc_message *message) {
    enum result result = ipc_receive(child->control.fd, message);
    if (result == RESULT_AGAIN) {
        return false;
    }
    if (result != RESULT_OK) {
        ev_io_stop(child->children->loop, &child->control);
        if (result == RESULT_ERROR) {
            child_kill(child, "sent nonsense");
        } else if (child->pid > 0) {
            // The child is exiting already, and this has no effect; or it closed its socket, which
            // it must not.
            (void)kill(child->pid, SIGKILL);
        }
        return false;
    }
    if (!rate_take(&child->messages, clock_monotonic_us() / 1000)) {
        child_kill(child, "sends too many messages");
        ipc_close(message);
        return false;
    }
    return true;
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events) {
    struct child *child = watcher->data;
    struct ipc_message message;
    (void)loop;
    (void)events;
    if (!receive(child, &message)) {
        return;
    }
    if (message.is_cut) { // a child sends no descriptors
        message.type = IPC_TYPE_END;
    }
    switch (message.type) {
    case IPC_READY:
        note_ready(child, message.generation);
        break;
    case IPC_FAILED:
        note_failure(child, &message);
        break;
    case IPC_COMMITTED:
        note_committed(child, message.generation);
        break;
    case IPC_DRAINED:
        break; // it exits by itself now
    case IPC_REOPENED:
        note_reopened(child, message.text);
        break;
    case IPC_PONG:
        note_pong(child, message.generation);
        break;
    case IPC_NAMES:
        note_names(child);
        break;
    case IPC_ORDERS:
        note_orders(child, &message);
        break;
    default:
        child_kill(child, "sent nonsense");
        break;
    }
    ipc_close(&message);
}

// --- Life ---

static void close_control(struct child *child) {
    if (child->control.fd >= 0) {
        ev_io_stop(child->children->loop, &child->control);
        (void)close(child->control.fd);
        ev_io_set(&child->control, -1, EV_READ);
    }
}

static pid_t fork_child(struct child *child, int control) {
    char name[16];
    char title[64];
    char whole[CHILD_NAME_SIZE];
    child_name(child, whole);
    (void)snprintf(title, sizeof(title), "ravelin: %s", whole);
    if (child->kind->is_single) {
        (void)snprintf(name, sizeof(name), "rav-%s", child->kind->name);
    } else {
        (void)snprintf(name, sizeof(name), "rav-%s-%u", child->kind->name, child->slot % 1000);
    }
    struct spawn spawn = {
        .name = name,
        .title = title,
        .privilege = child->children->privilege,
        .sandbox = child->kind->sandbox,
        .keep = {control},
        .keep_count = 1,
    };
    return child->kind->spawn(child, &spawn);
}

static bool has_answering(struct children *children, unsigned slot, enum child_pair pair) {
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->slot == slot && child->kind->data[pair] == DATA_ANSWERS &&
            child->state != CHILD_DEAD && !child->is_dismissed) {
            return true;
        }
    }
    return false;
}

// Makes a new pair of sockets between the children of a slot that talk to each other. Each closes
// its former end.
static bool connect_pair(struct children *children, unsigned slot, enum child_pair pair) {
    static const enum ipc_type types[] = {[PAIR_SIGNATURES] = IPC_DATA, [PAIR_LOGINS] = IPC_LOGINS};
    int fds[2];
    if (!has_answering(children, slot, pair)) {
        return true; // connected when the other child has started, if it is needed
    }
    if (ipc_pair(fds) != RESULT_OK) {
        return false;
    }
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        enum child_data data = child->kind->data[pair];
        if (child->slot == slot && data != DATA_NONE) {
            struct ipc_message message;
            ipc_init(&message, types[pair], 0);
            // fds[0] does not block, as the asking side needs it.
            message.fds[IPC_FD_DATA] = data == DATA_ASKS ? fds[0] : fds[1];
            child_send(child, &message);
        }
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return true;
}

void children_connect(struct children *children) {
    for (unsigned slot = 0; slot < children->slot_count; slot++) {
        bool connected = children->is_apart[slot];
        for (enum child_pair pair = 0; connected && pair < PAIR_COUNT; pair++) {
            connected = connect_pair(children, slot, pair);
        }
        // If it fails, the slot stays apart.
        children->is_apart[slot] = children->is_apart[slot] && !connected;
    }
}

static bool connect_child(struct child *child) {
    bool connected = true;
    for (enum child_pair pair = 0; pair < PAIR_COUNT; pair++) {
        if (child->kind->data[pair] != DATA_NONE) {
            connected = connect_pair(child->children, child->slot, pair) && connected;
        }
    }
    return connected;
}

static void commit(struct child *child) {
    struct ipc_message message;
    ipc_init(&message, IPC_COMMIT, child->children->current->number);
    child_send(child, &message);
}

void children_release(struct children *children) {
    children->is_held = false;
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child->kind->commits && child->state == CHILD_STARTING) {
            commit(child);
        }
    }
}

// Sends a new child its first messages. The answering side has its generation before it has the
// socket for requests. The asking side has this socket before it has client connections.
static void equip(struct child *child) {
    struct children *children = child->children;
    bool answers = child->kind->data[PAIR_SIGNATURES] == DATA_ANSWERS ||
                   child->kind->data[PAIR_LOGINS] == DATA_ANSWERS;
    if (answers) {
        child_load(child, children->current);
    }
    bool connected = connect_child(child);
    if (!answers) {
        child_load(child, children->current);
    }
    if (child->kind->commits && !children->is_held) {
        commit(child);
    }
    if (!connected) {
        child_kill(child, "cannot be connected to its slot");
    }
}

// False, with errno.
static bool start_child(struct child *child) {
    int fds[2];
    if (ipc_pair(fds) != RESULT_OK) {
        return false;
    }
    pid_t pid = fork_child(child, fds[1]);
    int error = errno;
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        errno = error;
        return false;
    }
    child->pid = pid;
    child->state = CHILD_STARTING;
    child->is_loaded = child->awaited = child->is_dismissed = false;
    child->reopens = 0;
    child->pulse = (struct pulse){.number = 0};
    child->messages = (struct rate){.interval_ms = 50, .burst = 200};
    ev_io_set(&child->control, fds[0], EV_READ);
    ev_io_start(child->children->loop, &child->control);
    equip(child);
    return true;
}

static void schedule(struct child *child) {
    struct ev_loop *loop = child->children->loop;
    ev_tstamp now = ev_now(loop);
    bool is_series = child->died_at > 0. && now - child->died_at < CALM;
    ev_tstamp delay = is_series ? child->next_delay : 0.;
    child->next_delay = delay <= 0. ? DELAY_FIRST : delay * 2 < DELAY_MAX ? delay * 2 : DELAY_MAX;
    child->died_at = now;
    ev_timer_set(&child->respawn, delay, 0.);
    ev_timer_start(loop, &child->respawn);
}

static void replace(struct child *child) {
    struct children *children = child->children;
    char name[CHILD_NAME_SIZE];
    if (children->phase != CHILDREN_RUNNING || !child_is_wanted(child, children->current) ||
        !children->handler.may_replace(children->handler.context)) {
        return; // children_start() is called when it is allowed
    }
    child_name(child, name);
    if (!start_child(child)) {
        log_error(children->log, "cannot start %s: %s", name, strerror(errno));
        schedule(child);
        return;
    }
    bool is_new = child->died_at <= 0.;
    child->restarts += !is_new;
    log_info(children->log, "started %s%s (pid %ld)", name, is_new ? "" : " again",
             (long)child->pid);
}

static void on_respawn(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    replace(timer->data);
}

// Stops a child that the present generation does not need.
static void dismiss(struct child *child) {
    struct ipc_message message;
    ipc_init(&message, IPC_STOP, child->children->current->number);
    if (child->state != CHILD_DEAD && !child->is_dismissed) {
        child_send(child, &message);
        child->is_dismissed = true;
    }
    ev_timer_stop(child->children->loop, &child->respawn);
    child->died_at = 0.;
}

void children_start(struct children *children) {
    const struct children_handler *handler = &children->handler;
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (!child_is_wanted(child, children->current)) {
            dismiss(child);
            continue;
        }
        if (child->state != CHILD_DEAD || ev_is_active(&child->respawn)) {
            continue;
        }
        if (children->phase != CHILDREN_STARTING) {
            replace(child);
        } else if (!start_child(child)) {
            char why[128];
            (void)snprintf(why, sizeof(why), "cannot start a process: %s", strerror(errno));
            handler->cannot_start(handler->context, why);
            return;
        }
    }
}

// --- Death ---

static void describe_status(int status, char *text, size_t capacity) {
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) {
        (void)snprintf(text, capacity, "was killed by the sandbox (SIGSYS)");
    } else if (WIFSIGNALED(status)) {
        (void)snprintf(text, capacity, "was killed by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(text, capacity, "ended with status %d", WEXITSTATUS(status));
    }
}

static void bury(struct child *child, int status) {
    struct children *children = child->children;
    const struct children_handler *handler = &children->handler;
    char how[64];
    char name[CHILD_NAME_SIZE];
    char what[128];
    describe_status(status, how, sizeof(how));
    child_name(child, name);
    (void)snprintf(what, sizeof(what), "%s (pid %ld) %s", name, (long)child->pid, how);
    bool is_due = children->phase == CHILDREN_ENDING || child->is_dismissed;
    if ((is_due || child->kind->makes_way) && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_debug(children->log, "%s", what);
    } else {
        log_error(children->log, "%s", what);
    }
    close_control(child);
    child->pid = 0;
    child->state = CHILD_DEAD;
    if (child->kind->clear != NULL) {
        child->kind->clear(child);
    }
    if (children->phase == CHILDREN_STARTING) {
        handler->cannot_start(handler->context, what);
    } else if (children->phase == CHILDREN_RUNNING && child->is_dismissed) {
        replace(child); // does nothing, unless a later generation needs the child
    } else if (children->phase == CHILDREN_RUNNING) {
        schedule(child);
        handler->died(handler->context, child, what);
    }
}

void children_note_death(struct children *children, pid_t pid, int status) {
    struct child *child = children_find(children, pid);
    if (child != NULL) {
        bury(child, status);
    }
}

void children_dismiss_helpers(struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        if (children->list[i].kind->is_helper) {
            close_control(&children->list[i]);
        }
    }
}

void children_free(struct children *children) {
    for (size_t i = 0; i < children->count; i++) {
        close_control(&children->list[i]);
        ev_timer_stop(children->loop, &children->list[i].respawn);
    }
    free(children->list);
    free(children->is_apart);
    children->list = NULL;
    children->is_apart = NULL;
    children->count = 0;
}
