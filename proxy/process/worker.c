#include "process/worker.h"

#include "process/child_log.h"
#include "process/setup.h"
#include "process/spawn.h"
#include "session/service.h"
#include "tls/handshake/context.h"

#include <stdio.h>
#include <stdlib.h>

#include <ev.h>

struct worker {
    struct ev_loop *loop;
    struct service *service;
    ev_io control;
    struct child_log log;
    bool has_log;
    int exit_status;
};

static void leave(struct worker *worker, int exit_status) {
    worker->exit_status = exit_status;
    ev_break(worker->loop, EVBREAK_ALL);
}

static void answer(struct worker *worker, enum ipc_type type, uint64_t generation,
                   const char *text) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    if (ipc_send(worker->control.fd, &message) != RESULT_OK) {
        leave(worker, 1);
    }
}

static void load(struct worker *worker, struct ipc_message *message) {
    char error[CONFIG_ERROR_SIZE] = "";
    if (worker->log.staged.is_there) {
        service_abort(worker->service);
        child_log_drop(&worker->log);
    }
    const struct service_load load = {
        .number = message->generation,
        .bundle_fd = ipc_take(message, IPC_FD_BUNDLE),
        .servers = {ipc_take(message, IPC_FD_SERVERS), ipc_take(message, IPC_FD_SERVER_STATES)},
        .listener_fds = message->listeners,
        .listener_count = message->listener_count,
        .access_log_fd = ipc_take(message, IPC_FD_ACCESS_LOG),
    };
    message->listener_count = 0; // the service's from here on
    if (service_stage(worker->service, &load, error) != RESULT_OK) {
        answer(worker, IPC_FAILED, message->generation, error);
        return;
    }
    child_log_stage(&worker->log, message);
    answer(worker, IPC_READY, message->generation, "");
}

static void commit(struct worker *worker, uint64_t generation) {
    if (child_log_has(&worker->log, generation)) {
        service_commit(worker->service);
        child_log_commit(&worker->log);
        if (!worker->has_log) {
            worker->has_log = true;
            service_log_start(worker->service);
        }
        answer(worker, IPC_COMMITTED, generation, "");
    }
}

static void abort_load(struct worker *worker, uint64_t generation) {
    if (child_log_has(&worker->log, generation)) {
        service_abort(worker->service);
        child_log_drop(&worker->log);
    }
}

static void reopen(struct worker *worker, struct ipc_message *message) {
    if (message->fds[IPC_FD_ACCESS_LOG] >= 0) {
        service_reopen_access_log(worker->service, ipc_take(message, IPC_FD_ACCESS_LOG));
    }
    child_log_reopen(&worker->log, message);
    answer(worker, IPC_REOPENED, message->generation, "");
}

static const char NO_DESCRIPTORS[] =
    "too few free descriptors (raise LimitNOFILE or ulimit -n, or lower limits.connections)";

// Handles a message without its descriptors. The worker continues with its present ones.
static void do_without(struct worker *worker, const struct ipc_message *message) {
    switch (message->type) {
    case IPC_LOAD:
        answer(worker, IPC_FAILED, message->generation, NO_DESCRIPTORS);
        break;
    case IPC_DATA:
    case IPC_LOGINS:
        answer(worker, IPC_FAILED, IPC_NO_GENERATION, NO_DESCRIPTORS);
        break;
    case IPC_REOPEN:
        log_error(&worker->log.log, "log files not reopened: %s", NO_DESCRIPTORS);
        answer(worker, IPC_REOPENED, message->generation, NO_DESCRIPTORS);
        break;
    default:
        leave(worker, 1);
        break;
    }
}

static void obey(struct worker *worker, struct ipc_message *message) {
    if (message->is_cut) {
        do_without(worker, message);
        return;
    }
    switch (message->type) {
    case IPC_LOAD:
        load(worker, message);
        break;
    case IPC_COMMIT:
        commit(worker, message->generation);
        break;
    case IPC_ABORT:
        abort_load(worker, message->generation);
        break;
    case IPC_DATA:
        service_attach_signer(worker->service, ipc_take(message, IPC_FD_DATA));
        break;
    case IPC_LOGINS:
        service_attach_logins(worker->service, ipc_take(message, IPC_FD_DATA));
        break;
    case IPC_REOPEN:
        reopen(worker, message);
        break;
    case IPC_RETIRE:
        service_retire(worker->service);
        break;
    case IPC_DRAIN:
        service_drain(worker->service);
        break;
    case IPC_EXPIRE:
        service_expire(worker->service);
        break;
    case IPC_STOP:
        leave(worker, 0);
        break;
    case IPC_LISTENERS:
        if (service_replace_listeners(worker->service, message->listeners,
                                      message->listener_count)) {
            message->listener_count = 0; // the service's from here on
        }
        break;
    case IPC_PING:
        answer(worker, IPC_PONG, message->generation, "");
        break;
    default:
        leave(worker, 1);
        break;
    }
    ipc_close(message);
}

static void on_control(struct ev_loop *loop, ev_io *watcher, int events) {
    struct worker *worker = watcher->data;
    struct ipc_message message;
    (void)loop;
    (void)events;
    switch (ipc_receive(watcher->fd, &message)) {
    case RESULT_OK:
        obey(worker, &message);
        break;
    case RESULT_AGAIN:
        break;
    default: // the master is gone
        leave(worker, 1);
        break;
    }
}

static void on_drained(void *context) {
    struct worker *worker = context;
    answer(worker, IPC_DRAINED, 0, "");
    leave(worker, 0);
}

static enum result start_up(struct worker *worker, const struct worker_start *start) {
    const struct shares *shares = start->shares;
    char name[16];
    (void)snprintf(name, sizeof(name), "worker %u", start->slot);
    child_log_init(&worker->log, name);
    worker->loop = setup_loop();
    if (worker->loop == NULL || tls_library_init() != RESULT_OK) {
        return RESULT_ERROR;
    }
    const struct service_options options = {
        .loop = worker->loop,
        .log = &worker->log.log,
        .metrics = &shares->metrics[start->slot],
        .all_metrics = metrics_readable(shares->metrics, shares_metric_slots(shares)),
        .slot_count = shares->slots,
        .slot = start->slot,
        .clients = shares->clients,
        .servers = shares->servers,
        .series = shares->series,
        .tickets = shares->tickets,
        .drained = on_drained,
        .context = worker,
    };
    worker->service = service_new(&options);
    if (worker->service == NULL) {
        return RESULT_ERROR;
    }
    ev_io_init(&worker->control, on_control, start->control, EV_READ);
    worker->control.data = worker;
    ev_io_start(worker->loop, &worker->control);
    return RESULT_OK;
}

void *worker_prepare(void *argument) {
    struct worker *worker = malloc(sizeof(*worker));
    if (worker != NULL) {
        *worker = (struct worker){.exit_status = 1};
    }
    if (worker == NULL || start_up(worker, argument) != RESULT_OK) {
        const struct worker_start *start = argument;
        (void)fprintf(stderr, "ravelin: worker %u: cannot start\n", start->slot);
        free(worker);
        return NULL;
    }
    // A terminal there would obey escape sequences of the worker, and give it what is typed.
    spawn_mute();
    return worker;
}

int worker_run(void *argument) {
    struct worker *worker = argument;
    ev_run(worker->loop, 0);
    service_free(worker->service);
    child_log_close(&worker->log);
    ev_loop_destroy(worker->loop);
    tls_library_free();
    int exit_status = worker->exit_status;
    free(worker);
    return exit_status;
}
