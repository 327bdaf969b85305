#include "process/kinds.h"

#include "config/acme.h"
#include "process/acme_process.h"
#include "process/auth_process.h"
#include "process/monitor_process.h"
#include "process/signer_process.h"
#include "process/source.h"
#include "process/worker.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

static const ev_tstamp CALM_LISTENERS = 60.;

// --- Listening sockets ---

static bool is_monitor(const struct child *child) {
    return child->kind == &kinds[KIND_MONITOR];
}

static void add_listeners(const struct child *child, const struct source *source,
                          struct ipc_message *message) {
    static_assert(IPC_LISTENERS_MAX == LISTENERS_OF_SLOT_MAX, "a message has room for all");
    static_assert(IPC_LISTENERS_MAX >= CONFIG_ADMINS_MAX, "a message has room for all");
    if (is_monitor(child)) {
        message->listener_count = source->admins.count;
        memcpy(message->listeners, source->admins.fds, source->admins.count * sizeof(int));
    } else {
        message->listener_count =
            listeners_of_slot(&source->listeners, child->slot, message->listeners);
    }
}

// True: at least one listening socket was bound again.
static bool renew_listeners(const struct child *child) {
    struct source *current = child->children->current;
    struct log *log = child->children->log;
    char address[ADDRESS_TEXT_SIZE];
    char name[CHILD_NAME_SIZE];
    size_t failed;
    size_t renewed = is_monitor(child)
                         ? admin_listeners_renew(&current->admins, address, &failed)
                         : listeners_renew(&current->listeners, child->slot, address, &failed);
    child_name(child, name);
    if (failed > 0) {
        log_error(log, "%s: socket on %s does not listen and cannot be bound: %s", name, address,
                  strerror(errno));
    } else if (renewed > 0) {
        log_error(log, "%s: socket on %s did not listen any more: bound again", name, address);
    }
    return renewed > 0;
}

static bool check_listeners(struct child *child) {
    ev_tstamp now = ev_now(child->children->loop);
    if (!renew_listeners(child)) {
        return false;
    }
    if (child->renewed_at > 0. && now - child->renewed_at < CALM_LISTENERS) {
        child_kill(child, "shuts its listening sockets down");
    } else {
        struct ipc_message message;
        ipc_init(&message, IPC_LISTENERS, child->children->current->number);
        add_listeners(child, child->children->current, &message);
        child_send(child, &message);
    }
    child->renewed_at = now;
    return true;
}

static bool has_listeners(const struct child *child) {
    return child->kind == &kinds[KIND_WORKER] || is_monitor(child);
}

bool kinds_check_listeners(struct children *children) {
    bool renewed = false;
    for (struct child *child = child_first(children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (has_listeners(child) && child->state == CHILD_RUNNING && !child->is_dismissed) {
            renewed = check_listeners(child) || renewed;
        }
    }
    return renewed;
}

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

// --- Those that check passwords ---

static bool wants_auth(const struct source *source) {
    return config_has_users(source->config);
}

static pid_t spawn_auth(const struct child *child, const struct spawn *spawn) {
    struct auth_start start = {.control = spawn->keep[0]};
    struct spawn mine = *spawn;
    mine.argument = &start;
    mine.prepare = auth_prepare;
    mine.run = auth_run;
    shares_lend_to_nobody(&child->children->shares);
    return spawn_process(&mine, child->children->title);
}

static void fill_auth_load(const struct child *child, const struct source *source,
                           struct ipc_message *load) {
    (void)child;
    load->fds[IPC_FD_BUNDLE] = source->users_fd;
}

// --- Workers ---

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
    // The previous worker may have been taken over. The first worker of a held master finds sockets
    // that do not listen yet.
    if (children->is_held) {
        listeners_reset(&children->current->listeners, child->slot);
    } else {
        (void)renew_listeners(child);
    }
    metrics_clear_gauges(&children->shares.metrics[child->slot]);
    shares_lend(&children->shares, child->slot);
    pid_t pid = spawn_process(&mine, children->title);
    shares_lend_to_nobody(&children->shares);
    return pid;
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
    add_listeners(child, source, load);
}

static void clear_worker(const struct child *child) {
    shares_clear(&child->children->shares, child->slot);
    server_table_clear(&child->children->current->servers, child->slot);
}

// --- The monitor ---

bool kinds_has_monitor(const struct source *source) {
    bool checks = false;
    for (size_t i = 0; i < source->config->backend_count && !checks; i++) {
        checks = source->config->backends[i].health_count > 0;
    }
    return checks || source->config->admin_count > 0 || config_has_names(source->config);
}

static pid_t spawn_monitor(const struct child *child, const struct spawn *spawn) {
    const struct children *children = child->children;
    struct monitor_start start = {.control = spawn->keep[0], .shares = &children->shares};
    struct spawn mine = *spawn;
    mine.argument = &start;
    mine.prepare = monitor_prepare;
    mine.run = monitor_run;
    (void)renew_listeners(child);
    metrics_clear_gauges(&children->shares.metrics[children->shares.slots]);
    shares_lend_to_monitor(&children->shares);
    pid_t pid = spawn_process(&mine, children->title);
    shares_lend_to_nobody(&children->shares);
    return pid;
}

static void fill_monitor_load(const struct child *child, const struct source *source,
                              struct ipc_message *load) {
    (void)child;
    load->fds[IPC_FD_BUNDLE] = source->files_fd;
    load->fds[IPC_FD_ERROR_LOG] = source->logs.error.fd;
    load->fds[IPC_FD_SERVERS] = source->servers.entries.fd;
    load->fds[IPC_FD_ANSWERS] = source->answers.part.fd;
    load->log_level = source->config->log_level;
    load->log_daemon = config_log_daemon(&source->config->log);
    add_listeners(child, source, load);
}

// --- The one that orders certificates ---

static bool wants_acme(const struct source *source) {
    return acme_is_used(source->config);
}

static pid_t spawn_acme(const struct child *child, const struct spawn *spawn) {
    struct acme_start start = {spawn->keep[0], child->children->current->config};
    struct spawn mine = *spawn;
    mine.argument = &start;
    mine.prepare = acme_prepare;
    mine.run = acme_run;
    shares_lend_to_nobody(&child->children->shares);
    return spawn_process(&mine, child->children->title);
}

static void fill_acme_load(const struct child *child, const struct source *source,
                           struct ipc_message *load) {
    (void)child;
    load->fds[IPC_FD_BUNDLE] = source->files_fd;
    load->fds[IPC_FD_ERROR_LOG] = source->logs.error.fd;
    load->log_level = source->config->log_level;
    load->log_daemon = config_log_daemon(&source->config->log);
}

// --- The rows ---

const struct child_kind kinds[KIND_COUNT] = {
    [KIND_SIGNER] = {.name = "signer",
                     .is_helper = true,
                     .sandbox = SANDBOX_DESCRIPTORS,
                     .data = {[PAIR_SIGNATURES] = DATA_ANSWERS},
                     .spawn = spawn_signer,
                     .fill_load = fill_signer_load},
    [KIND_AUTH] = {.name = "auth",
                   .is_helper = true,
                   .sandbox = SANDBOX_DESCRIPTORS,
                   .data = {[PAIR_LOGINS] = DATA_ANSWERS},
                   .is_wanted = wants_auth,
                   .spawn = spawn_auth,
                   .fill_load = fill_auth_load},
    [KIND_WORKER] = {.name = "worker",
                     .commits = true,
                     .is_told = true,
                     .sandbox = SANDBOX_NETWORK,
                     .data = {[PAIR_SIGNATURES] = DATA_ASKS, [PAIR_LOGINS] = DATA_ASKS},
                     .spawn = spawn_worker,
                     .fill_load = fill_worker_load,
                     .clear = clear_worker},
    [KIND_MONITOR] = {.name = "monitor",
                      .is_single = true,
                      .resolves = true,
                      .commits = true,
                      .is_helper = true,
                      .is_told = true,
                      .sandbox = SANDBOX_MONITOR,
                      .is_wanted = kinds_has_monitor,
                      .spawn = spawn_monitor,
                      .fill_load = fill_monitor_load},
    [KIND_ACME] = {.name = "acme",
                   .is_single = true,
                   .orders = true,
                   .makes_way = true,
                   .commits = true,
                   .is_helper = true,
                   .is_told = true,
                   .sandbox = SANDBOX_PROGRAMS,
                   .is_wanted = wants_acme,
                   .spawn = spawn_acme,
                   .fill_load = fill_acme_load},
};
