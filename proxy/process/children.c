#include "process/children.h"

#include "base/clock.h"
#include "base/printable.h"
#include "process/beat.h"
#include "process/reload.h"
#include "process/signer_process.h"
#include "process/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const ev_tstamp DELAY_FIRST = 0.1;
static const ev_tstamp DELAY_MAX = 5.;
static const ev_tstamp CALM_LISTENERS = 60.;
static const ev_tstamp CALM = 10.; // deaths further apart than this are no series

const char *child_kind_name(enum child_kind kind) {
    return kind == CHILD_WORKER ? "worker" : "signer";
}

const char *child_state_name(enum child_state state) {
    static const char *const names[] = {
        [CHILD_DEAD] = "dead", [CHILD_STARTING] = "starting", [CHILD_RUNNING] = "running"};
    return names[state];
}

void child_name(const struct child *child, char name[CHILD_NAME_SIZE]) {
    (void)snprintf(name, CHILD_NAME_SIZE, "%s %u", child_kind_name(child->kind), child->slot);
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events);
static void on_respawn(struct ev_loop *loop, ev_timer *timer, int events);

void children_init(struct master *master) {
    for (unsigned slot = 0; slot < master->slot_count; slot++) {
        for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
            struct child *child = &master->slots[slot].children[kind];
            *child = (struct child){.master = master, .kind = (enum child_kind)kind, .slot = slot};
            ev_io_init(&child->control, on_message, -1, EV_READ);
            child->control.data = child;
            ev_timer_init(&child->respawn, on_respawn, 0., 0.);
            child->respawn.data = child;
        }
    }
}

// --- Sending ---

void child_kill(struct child *child, const char *why) {
    if (child->pid > 0) {
        log_error(&child->master->log, "%s %u (pid %ld) %s: killing it",
                  child_kind_name(child->kind), child->slot, (long)child->pid, why);
        (void)kill(child->pid, SIGKILL);
        ev_io_stop(child->master->loop, &child->control); // what it has sent means nothing now
    }
}

void child_send(struct child *child, const struct ipc_message *message) {
    if (child->state == CHILD_DEAD || child->control.fd < 0) {
        return;
    }
    switch (ipc_send(child->control.fd, message)) {
    case RESULT_OK:
    case RESULT_EOF: // it is dying: SIGCHLD follows
        break;
    default:
        child_kill(child, "does not take its messages");
        break;
    }
}

void children_send_all(struct master *master, enum child_kind kind, enum ipc_type type,
                       uint64_t generation) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    for (struct child *child = child_first(master, kind); child != NULL;
         child = child_next(child)) {
        child_send(child, &message);
    }
}

void child_load(struct child *child, const struct source *source) {
    struct ipc_message message;
    ipc_init(&message, IPC_LOAD, source->number);
    if (child->kind == CHILD_SIGNER) {
        message.fds[IPC_FD_BUNDLE] = source->keys_fd;
    } else {
        message.fds[IPC_FD_BUNDLE] = source->files_fd;
        message.fds[IPC_FD_ERROR_LOG] = source->logs.error.fd;
        message.fds[IPC_FD_ACCESS_LOG] = source->logs.access.fd;
        message.fds[IPC_FD_SERVERS] = source->servers.entries.fd;
        message.fds[IPC_FD_SERVER_STATES] = source->servers.states[child->slot].fd;
        message.log_level = source->config->log_level;
        message.log_to_syslog = source->config->log.target == LOG_TARGET_SYSLOG;
        for (size_t i = 0; i < source->listeners.count; i++) {
            message.listeners[i] = listeners_fd(&source->listeners, i, child->slot);
        }
        message.listener_count = source->listeners.count;
    }
    child_send(child, &message);
}

// --- Listening sockets ---

// True: at least one was bound anew.
static bool renew_listeners(struct child *worker) {
    struct master *master = worker->master;
    char address[ADDRESS_TEXT_SIZE];
    size_t failed;
    size_t renewed = listeners_renew(&master->current->listeners, worker->slot, address, &failed);
    if (failed > 0) {
        log_error(&master->log, "worker %u: socket on %s does not listen and cannot be bound: %s",
                  worker->slot, address, strerror(errno));
    } else if (renewed > 0) {
        log_error(&master->log, "worker %u: socket on %s did not listen any more: bound again",
                  worker->slot, address);
    }
    return renewed > 0;
}

static void send_listeners(struct child *worker) {
    const struct listeners *listeners = &worker->master->current->listeners;
    struct ipc_message message;
    ipc_init(&message, IPC_LISTENERS, worker->master->current->number);
    for (size_t i = 0; i < listeners->count; i++) {
        message.listeners[i] = listeners_fd(listeners, i, worker->slot);
    }
    message.listener_count = listeners->count;
    child_send(worker, &message);
}

static void check_listeners(struct child *worker) {
    ev_tstamp now = ev_now(worker->master->loop);
    if (!renew_listeners(worker)) {
        return;
    }
    if (worker->renewed_at > 0. && now - worker->renewed_at < CALM_LISTENERS) {
        child_kill(worker, "shuts its listening sockets down");
    } else {
        send_listeners(worker);
    }
    worker->renewed_at = now;
}

void children_check_listeners(struct master *master) {
    if (master->state != MASTER_RUNNING || master->reload.phase != RELOAD_IDLE) {
        return;
    }
    for (struct child *worker = child_first(master, CHILD_WORKER); worker != NULL;
         worker = child_next(worker)) {
        if (worker->state == CHILD_RUNNING) {
            check_listeners(worker);
        }
    }
}

// --- Receiving ---

static bool all_run(const struct master *master) {
    unsigned running = 0;
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, kind); child != NULL;
             child = child_next(child)) {
            running += child->state == CHILD_RUNNING;
        }
    }
    return running == master->slot_count * CHILD_KIND_COUNT;
}

static bool is_first_load(const struct child *child, uint64_t generation) {
    return child->state == CHILD_STARTING && generation == child->master->current->number;
}

// A signer runs when it has loaded its first generation, a worker when it has committed it.
static void note_running(struct child *child) {
    struct master *master = child->master;
    child->state = CHILD_RUNNING;
    child->pulse.missed = 0;
    if (master->state == MASTER_STARTING && all_run(master)) {
        master_ready(master);
    }
}

static void note_ready(struct child *child, uint64_t generation) {
    if (!is_first_load(child, generation)) {
        reload_child_ready(child, generation);
    } else if (child->kind == CHILD_SIGNER) {
        note_running(child);
    }
}

static void note_committed(struct child *child, uint64_t generation) {
    if (is_first_load(child, generation)) {
        note_running(child);
    } else {
        reload_child_committed(child, generation);
    }
}

// Its end of the pair did not arrive: the heartbeat connects the slot again.
static void note_apart(struct child *child, const char *text) {
    struct slot *slot = &child->master->slots[child->slot];
    if (!slot->is_apart) {
        slot->is_apart = true;
        log_error(&child->master->log, "%s", text);
    }
}

// A child is not trusted: people see what it says only in printable form, and as its word.
static void note_failure(struct child *child, const struct ipc_message *message) {
    struct master *master = child->master;
    char name[CHILD_NAME_SIZE];
    char text[CONFIG_ERROR_SIZE];
    child_name(child, name);
    printable_attribute(text, sizeof(text), name, message->text);
    if (message->generation == IPC_NO_GENERATION) {
        note_apart(child, text);
    } else if (!is_first_load(child, message->generation)) {
        reload_child_failed(child, message->generation, text);
    } else if (master->state == MASTER_STARTING) {
        master_fail(master, text);
    } else {
        log_error(&master->log, "%s", text);
        child_kill(child, "cannot load the configuration");
    }
}

static void on_message(struct ev_loop *loop, ev_io *watcher, int events) {
    struct child *child = watcher->data;
    struct ipc_message message;
    (void)events;
    enum result result = ipc_receive(watcher->fd, &message);
    if (result == RESULT_AGAIN) {
        return;
    }
    if (result != RESULT_OK) {
        ev_io_stop(loop, watcher);
        if (result == RESULT_ERROR) {
            child_kill(child, "sent nonsense");
        } else if (child->pid > 0) {
            // It is ending, and this changes nothing; or it cut itself loose, which it may not.
            (void)kill(child->pid, SIGKILL);
        }
        return;
    }
    if (!rate_take(&child->messages, clock_monotonic_us() / 1000)) {
        child_kill(child, "sends too many messages");
        ipc_close(&message);
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
        break; // it ends by itself now
    case IPC_PONG:
        beat_note_pong(child, message.generation);
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
        ev_io_stop(child->master->loop, &child->control);
        (void)close(child->control.fd);
        ev_io_set(&child->control, -1, EV_READ);
    }
}

// A worker forked now reads the ticket keys and what other workers count, and writes its own slot.
static void lend_to_worker(const struct master *master, unsigned slot) {
    ticket_store_lend(master->tickets, true);
    metrics_lend(master->metrics, master->slot_count, slot);
    client_table_lend(master->clients, slot);
}

// What is forked now has no view of these: a signer, the validator.
static void lend_to_nobody(const struct master *master) {
    ticket_store_lend(master->tickets, false);
    metrics_lend(master->metrics, master->slot_count, REGION_NO_SLOT);
    client_table_lend(master->clients, REGION_NO_SLOT);
}

static pid_t fork_child(struct child *child, int control) {
    struct master *master = child->master;
    struct worker_start worker = {
        .slot = child->slot,
        .control = control,
        .metrics = master->metrics,
        .slot_count = master->slot_count,
        .clients = master->clients,
        .tickets = master->tickets,
    };
    struct signer_start signer = {
        .control = control,
    };
    bool is_worker = child->kind == CHILD_WORKER;
    char name[16];
    char title[32];
    (void)snprintf(name, sizeof(name), "rav-%s-%u", child_kind_name(child->kind),
                   child->slot % 1000);
    (void)snprintf(title, sizeof(title), "ravelin: %s %u", child_kind_name(child->kind),
                   child->slot);
    const struct spawn spawn = {
        .name = name,
        .title = title,
        .privilege = &master->privilege,
        .keep = {control},
        .keep_count = 1,
        .run = is_worker ? worker_run : signer_run,
        .argument = is_worker ? (void *)&worker : (void *)&signer,
    };
    if (is_worker) {
        lend_to_worker(master, child->slot);
    }
    pid_t pid = spawn_process(&spawn, master->title);
    lend_to_nobody(master);
    return pid;
}

// A fresh pair between the worker and the signer of a slot; each drops its former end.
static bool connect_slot(struct slot *slot) {
    int fds[2];
    if (ipc_pair(fds) != RESULT_OK) {
        return false;
    }
    slot->is_apart = false;
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        struct ipc_message message;
        ipc_init(&message, IPC_DATA, 0);
        // fds[0] does not block, which is what the worker needs.
        message.fds[IPC_FD_DATA] = kind == CHILD_WORKER ? fds[0] : fds[1];
        child_send(&slot->children[kind], &message);
    }
    (void)close(fds[0]);
    (void)close(fds[1]);
    return true;
}

void children_connect(struct master *master) {
    for (unsigned i = 0; i < master->slot_count; i++) {
        struct slot *slot = &master->slots[i];
        if (slot->is_apart) {
            (void)connect_slot(slot); // if it fails, the slot stays apart
        }
    }
}

static bool start_child(struct child *child) {
    struct master *master = child->master;
    int fds[2];
    if (ipc_pair(fds) != RESULT_OK) {
        return false;
    }
    if (child->kind == CHILD_WORKER) { // the one before may have been taken over
        (void)renew_listeners(child);
        listeners_reset(&master->current->listeners, child->slot);
    }
    pid_t pid = fork_child(child, fds[1]);
    (void)close(fds[1]);
    if (pid < 0) {
        (void)close(fds[0]);
        return false;
    }
    child->pid = pid;
    child->state = CHILD_STARTING;
    child->awaited = false;
    child->pulse = (struct pulse){.number = 0};
    child->messages = (struct rate){.interval_ms = 50, .burst = 200};
    ev_io_set(&child->control, fds[0], EV_READ);
    ev_io_start(master->loop, &child->control);
    if (child->kind == CHILD_WORKER) {
        metrics_clear_gauges(&master->metrics[child->slot]);
    }
    // Keys come before the socket on which they are asked for, and that before the sockets of
    // clients.
    struct slot *slot = &master->slots[child->slot];
    if (child->kind == CHILD_SIGNER) {
        child_load(child, master->current);
    }
    bool connected = connect_slot(slot);
    if (child->kind == CHILD_WORKER) {
        struct ipc_message commit;
        ipc_init(&commit, IPC_COMMIT, master->current->number);
        child_load(child, master->current);
        child_send(child, &commit);
    }
    if (!connected) {
        child_kill(child, "cannot be connected to its slot");
    }
    return true;
}

static void schedule(struct child *child) {
    struct master *master = child->master;
    ev_tstamp now = ev_now(master->loop);
    bool is_series = child->died_at > 0. && now - child->died_at < CALM;
    ev_tstamp delay = is_series ? child->next_delay : 0.;
    child->next_delay = delay <= 0. ? DELAY_FIRST : delay * 2 < DELAY_MAX ? delay * 2 : DELAY_MAX;
    child->died_at = now;
    ev_timer_set(&child->respawn, delay, 0.);
    ev_timer_start(master->loop, &child->respawn);
}

static void on_respawn(struct ev_loop *loop, ev_timer *timer, int events) {
    struct child *child = timer->data;
    struct master *master = child->master;
    (void)loop;
    (void)events;
    if (master->state != MASTER_RUNNING || master->reload.phase != RELOAD_IDLE) {
        return; // children_start() comes when the reload is over
    }
    if (!start_child(child)) {
        log_error(&master->log, "cannot start %s %u: %s", child_kind_name(child->kind), child->slot,
                  strerror(errno));
        schedule(child);
        return;
    }
    child->restarts++;
    log_info(&master->log, "started %s %u again (pid %ld)", child_kind_name(child->kind),
             child->slot, (long)child->pid);
}

void children_start(struct master *master) {
    // All signers first, so that every worker finds its own.
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, kind); child != NULL;
             child = child_next(child)) {
            if (child->state != CHILD_DEAD || ev_is_active(&child->respawn)) {
                continue;
            }
            if (master->state != MASTER_STARTING) {
                on_respawn(master->loop, &child->respawn, 0);
            } else if (!start_child(child)) {
                master_fail(master, "cannot start a process");
                return;
            }
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
    struct master *master = child->master;
    char how[64];
    char what[128];
    describe_status(status, how, sizeof(how));
    (void)snprintf(what, sizeof(what), "%s %u (pid %ld) %s", child_kind_name(child->kind),
                   child->slot, (long)child->pid, how);
    bool is_ending = master->state == MASTER_DRAINING || master->state == MASTER_STOPPING;
    if (is_ending && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        log_debug(&master->log, "%s", what);
    } else {
        log_error(&master->log, "%s", what);
    }
    close_control(child);
    child->pid = 0;
    child->state = CHILD_DEAD;
    if (child->kind == CHILD_WORKER) {
        metrics_clear_gauges(&master->metrics[child->slot]);
        client_table_clear(master->clients, child->slot);
        server_table_clear(&master->current->servers, child->slot);
    }
    if (master->state == MASTER_STARTING) {
        master_fail(master, what);
    } else if (master->state == MASTER_RUNNING) {
        schedule(child);
        reload_child_died(child, what);
    }
}

struct child *children_find(struct master *master, pid_t pid) {
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, kind); child != NULL;
             child = child_next(child)) {
            if (child->pid == pid) {
                return child;
            }
        }
    }
    return NULL;
}

void children_reap(struct master *master) {
    int status;
    pid_t pid;
    // Strangers that the master inherited are reaped too.
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        struct child *child = children_find(master, pid);
        validate_note_death(&master->reload.reading.child, pid, status);
        validate_note_death(&master->reload.validation, pid, status);
        if (log_writers_note_death(&master->log_writers, pid)) {
            log_warning(&master->log, "a log writer (pid %ld) died", (long)pid);
        }
        if (child != NULL) {
            bury(child, status);
        }
    }
    bool is_ending = master->state == MASTER_DRAINING || master->state == MASTER_STOPPING;
    if (is_ending && children_alive(master, CHILD_WORKER) == 0) {
        children_dismiss_signers(master);
        if (children_alive(master, CHILD_SIGNER) == 0) {
            ev_break(master->loop, EVBREAK_ALL);
        }
    }
}

unsigned children_alive(const struct master *master, enum child_kind kind) {
    unsigned alive = 0;
    for (unsigned slot = 0; slot < master->slot_count; slot++) {
        alive += master->slots[slot].children[kind].pid > 0;
    }
    return alive;
}

void children_kill_all(struct master *master) {
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, kind); child != NULL;
             child = child_next(child)) {
            if (child->pid > 0) {
                (void)kill(child->pid, SIGKILL);
            }
        }
    }
}

void children_dismiss_signers(struct master *master) {
    for (struct child *child = child_first(master, CHILD_SIGNER); child != NULL;
         child = child_next(child)) {
        close_control(child);
    }
}

void children_free(struct master *master) {
    for (int kind = 0; kind < CHILD_KIND_COUNT; kind++) {
        for (struct child *child = child_first(master, kind); child != NULL;
             child = child_next(child)) {
            close_control(child);
            ev_timer_stop(master->loop, &child->respawn);
        }
    }
}
