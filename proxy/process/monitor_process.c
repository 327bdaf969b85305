#include "process/monitor_process.h"

#include "monitor/monitor.h"
#include "monitor/page.h"
#include "process/child_log.h"
#include "process/setup.h"
#include "process/spawn.h"
#include "tls/digest.h"

#include <stdio.h>
#include <stdlib.h>

#include <ev.h>

struct monitor_process {
    struct ev_loop *loop;
    struct monitor *monitor;
    ev_io control;
    struct child_log log;
    char page_policy[PAGE_POLICY_SIZE];
    int exit_status;
};

static void leave(struct monitor_process *process, int exit_status) {
    process->exit_status = exit_status;
    ev_break(process->loop, EVBREAK_ALL);
}

static void answer(struct monitor_process *process, enum ipc_type type, uint64_t generation,
                   const char *text) {
    struct ipc_message message;
    ipc_init(&message, type, generation);
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    if (ipc_send(process->control.fd, &message) != RESULT_OK) {
        leave(process, 1);
    }
}

static void load(struct monitor_process *process, struct ipc_message *message) {
    char error[CONFIG_ERROR_SIZE] = "";
    const struct monitor_load load = {
        .number = message->generation,
        .bundle_fd = ipc_take(message, IPC_FD_BUNDLE),
        .servers_fd = ipc_take(message, IPC_FD_SERVERS),
        .answers_fd = ipc_take(message, IPC_FD_ANSWERS),
        .admin_fds = message->listeners,
        .admin_count = message->listener_count,
    };
    message->listener_count = 0; // the monitor's from here on
    child_log_drop(&process->log);
    if (monitor_stage(process->monitor, &load, error) != RESULT_OK) {
        answer(process, IPC_FAILED, message->generation, error);
        return;
    }
    child_log_stage(&process->log, message);
    answer(process, IPC_READY, message->generation, "");
}

static void commit(struct monitor_process *process, uint64_t generation) {
    if (child_log_has(&process->log, generation)) {
        child_log_commit(&process->log);
        monitor_commit(process->monitor);
        answer(process, IPC_COMMITTED, generation, "");
    }
}

static void abort_load(struct monitor_process *process, uint64_t generation) {
    if (child_log_has(&process->log, generation)) {
        monitor_abort(process->monitor);
        child_log_drop(&process->log);
    }
}

static const char NO_DESCRIPTORS[] = "too few free descriptors (raise LimitNOFILE or ulimit -n)";

// Handles a message without its descriptors. The monitor continues with its present ones.
static void do_without(struct monitor_process *process, const struct ipc_message *message) {
    switch (message->type) {
    case IPC_LOAD:
        answer(process, IPC_FAILED, message->generation, NO_DESCRIPTORS);
        break;
    case IPC_REOPEN:
        answer(process, IPC_REOPENED, message->generation, NO_DESCRIPTORS);
        break;
    default:
        leave(process, 1);
        break;
    }
}

static void obey(struct monitor_process *process, struct ipc_message *message) {
    if (message->is_cut) {
        do_without(process, message);
        return;
    }
    switch (message->type) {
    case IPC_LOAD:
        load(process, message);
        break;
    case IPC_COMMIT:
        commit(process, message->generation);
        break;
    case IPC_ABORT:
        abort_load(process, message->generation);
        break;
    case IPC_REOPEN:
        child_log_reopen(&process->log, message);
        answer(process, IPC_REOPENED, message->generation, "");
        break;
    case IPC_LISTENERS:
        monitor_replace_admin(process->monitor, message->listeners, message->listener_count);
        message->listener_count = 0; // the monitor's from here on
        break;
    case IPC_RETIRE:
    case IPC_DRAIN:
    case IPC_EXPIRE:
        break; // the board has this state (observe/board.h)
    case IPC_STOP:
        leave(process, 0);
        break;
    case IPC_PING:
        answer(process, IPC_PONG, message->generation, "");
        break;
    default:
        leave(process, 1);
        break;
    }
    ipc_close(message);
}

static void on_control(struct ev_loop *loop, ev_io *watcher, int events) {
    struct monitor_process *process = watcher->data;
    struct ipc_message message;
    (void)loop;
    (void)events;
    switch (ipc_receive(watcher->fd, &message)) {
    case RESULT_OK:
        obey(process, &message);
        break;
    case RESULT_AGAIN:
        break;
    case RESULT_EOF: // the last worker has exited, or the master is gone
        leave(process, 0);
        break;
    default:
        leave(process, 1);
        break;
    }
}

// monitor/ itself has no cryptography.
static void write_policy(struct monitor_process *process) {
    char script[DIGEST_TEXT_SIZE];
    char style[DIGEST_TEXT_SIZE];
    digest_text(page_script(), script);
    digest_text(page_style(), style);
    page_write_policy(script, style, process->page_policy);
}

// The answers part has news.
static void on_news(void *context) {
    struct monitor_process *process = context;
    answer(process, IPC_NAMES, IPC_NO_GENERATION, "");
}

static enum result start_up(struct monitor_process *process, const struct monitor_start *start) {
    const struct shares *shares = start->shares;
    child_log_init(&process->log, "monitor");
    process->loop = setup_loop();
    if (process->loop == NULL) {
        return RESULT_ERROR;
    }
    write_policy(process);
    const struct monitor_options options = {
        .loop = process->loop,
        .log = &process->log.log,
        .metrics = &shares->metrics[shares->slots],
        .all_metrics = metrics_readable(shares->metrics, shares_metric_slots(shares)),
        .metric_slots = shares_metric_slots(shares),
        .servers = shares->servers,
        .board = shares->board,
        .series = shares->series,
        .page_policy = process->page_policy,
        .news = on_news,
        .context = process,
    };
    process->monitor = monitor_new(&options);
    if (process->monitor == NULL) {
        ev_loop_destroy(process->loop);
        return RESULT_ERROR;
    }
    ev_io_init(&process->control, on_control, start->control, EV_READ);
    process->control.data = process;
    ev_io_start(process->loop, &process->control);
    return RESULT_OK;
}

void *monitor_prepare(void *start) {
    struct monitor_process *process = malloc(sizeof(*process));
    if (process != NULL) {
        process->exit_status = 1;
    }
    if (process == NULL || start_up(process, start) != RESULT_OK) {
        (void)fprintf(stderr, "ravelin: monitor: cannot start\n");
        free(process);
        return NULL;
    }
    spawn_mute();
    return process;
}

int monitor_run(void *argument) {
    struct monitor_process *process = argument;
    ev_run(process->loop, 0);
    monitor_free(process->monitor);
    child_log_close(&process->log);
    ev_loop_destroy(process->loop);
    int exit_status = process->exit_status;
    free(process);
    return exit_status;
}
