#include "process/kinds.h"

#include "process/signer_process.h"
#include "process/source.h"
#include "process/worker.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const ev_tstamp CALM_LISTENERS = 60.;

// --- Signers ---

static pid_t spawn_signer(const struct child *child, const struct spawn *spawn) {
    struct signer_start start = {.control = spawn->keep[0]};
    struct spawn mine = *spawn;
    mine.argument = &start;
    mine.prepare = signer_prepare;
    mine.run = signer_run;
    shares_lend_to_nobody(&child->children->shares);
    return spawn_process(&mine, child->children->title);
}

static void fill_signer_load(const struct child *child, const struct source *source,
                             struct ipc_message *load) {
    (void)child;
    load->fds[IPC_FD_BUNDLE] = source->keys_fd;
}

// --- Workers ---

// True: at least one listening socket was bound anew.
static bool renew_listeners(const struct child *worker) {
    const struct children *children = worker->children;
    char address[ADDRESS_TEXT_SIZE];
    size_t failed;
    size_t renewed = listeners_renew(&children->current->listeners, worker->slot, address, &failed);
    if (failed > 0) {
        log_error(children->log, "worker %u: socket on %s does not listen and cannot be bound: %s",
                  worker->slot, address, strerror(errno));
    } else if (renewed > 0) {
        log_error(children->log, "worker %u: socket on %s did not listen any more: bound again",
                  worker->slot, address);
    }
    return renewed > 0;
}

static pid_t spawn_worker(const struct child *child, const struct spawn *spawn) {
    const struct children *children = child->children;
    struct worker_start start = {
        .slot = child->slot,
        .control = spawn->keep[0],
        .shares = &children->shares,
    };
    struct spawn mine = *spawn;
    mine.argument = &start;
    mine.prepare = worker_prepare;
    mine.run = worker_run;
    // The one before may have been taken over.
    (void)renew_listeners(child);
    listeners_reset(&children->current->listeners, child->slot);
    metrics_clear_gauges(&children->shares.metrics[child->slot]);
    shares_lend(&children->shares, child->slot);
    pid_t pid = spawn_process(&mine, children->title);
    shares_lend_to_nobody(&children->shares);
    return pid;
}

static void add_listeners(const struct child *worker, const struct listeners *listeners,
                          struct ipc_message *message) {
    static_assert(IPC_LISTENERS_MAX == LISTENERS_OF_SLOT_MAX, "a message has room for all");
    message->listener_count = listeners_of_slot(listeners, worker->slot, message->listeners);
}

static void fill_worker_load(const struct child *child, const struct source *source,
                             struct ipc_message *load) {
    load->fds[IPC_FD_BUNDLE] = source->files_fd;
    load->fds[IPC_FD_ERROR_LOG] = source->logs.error.fd;
    load->fds[IPC_FD_ACCESS_LOG] = source->logs.access.fd;
    load->fds[IPC_FD_SERVERS] = source->servers.entries.fd;
    load->fds[IPC_FD_SERVER_STATES] = source->servers.states[child->slot].fd;
    load->log_level = source->config->log_level;
    load->log_daemon = config_log_daemon(&source->config->log);
    add_listeners(child, &source->listeners, load);
}

static void clear_worker(const struct child *child) {
    shares_clear(&child->children->shares, child->slot);
    server_table_clear(&child->children->current->servers, child->slot);
}

static void check_listeners(struct child *worker) {
    const struct source *current = worker->children->current;
    ev_tstamp now = ev_now(worker->children->loop);
    if (!renew_listeners(worker)) {
        return;
    }
    if (worker->renewed_at > 0. && now - worker->renewed_at < CALM_LISTENERS) {
        child_kill(worker, "shuts its listening sockets down");
    } else {
        struct ipc_message message;
        ipc_init(&message, IPC_LISTENERS, current->number);
        add_listeners(worker, &current->listeners, &message);
        child_send(worker, &message);
    }
    worker->renewed_at = now;
}

void kinds_check_listeners(struct children *children) {
    const struct child_kind *kind = &kinds[KIND_WORKER];
    for (struct child *worker = child_first(children, kind); worker != NULL;
         worker = child_next(worker, kind)) {
        if (worker->state == CHILD_RUNNING) {
            check_listeners(worker);
        }
    }
}

// --- The rows ---

const struct child_kind kinds[KIND_COUNT] = {
    [KIND_SIGNER] = {.name = "signer",
                     .is_helper = true,
                     .sandbox = SANDBOX_DESCRIPTORS,
                     .data = DATA_ANSWERS,
                     .spawn = spawn_signer,
                     .fill_load = fill_signer_load},
    [KIND_WORKER] = {.name = "worker",
                     .commits = true,
                     .sandbox = SANDBOX_NETWORK,
                     .data = DATA_ASKS,
                     .spawn = spawn_worker,
                     .fill_load = fill_worker_load,
                     .clear = clear_worker},
};
