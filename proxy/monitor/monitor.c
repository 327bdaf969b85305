#include "monitor/monitor.h"

#include "monitor/admin.h"
#include "monitor/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>

static const ev_tstamp TICK_S = 1.;

struct staged {
    struct watched *watched; // NULL: nothing is staged
    struct admin_sockets sockets;
};

struct monitor {
    struct monitor_options options;
    struct watched *current; // NULL before the first commit
    struct staged staged;
    struct admin admin;
    ev_timer tick;
};

// --- Generations ---

void monitor_abort(struct monitor *monitor) {
    watched_free(monitor->staged.watched);
    admin_sockets_close(&monitor->staged.sockets);
    monitor->staged.watched = NULL;
}

enum result monitor_stage(struct monitor *monitor, const struct monitor_load *load,
                          char error[CONFIG_ERROR_SIZE]) {
    monitor_abort(monitor);
    struct watched *watched = watched_new(load, monitor->options.series, error);
    if (watched != NULL && watched->config->admin_count != load->admin_count) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "a socket of `admin` is missing");
        watched_free(watched);
        watched = NULL;
    }
    admin_sockets_fill(&monitor->staged.sockets, load->admin_fds, load->admin_count);
    if (watched == NULL) {
        admin_sockets_close(&monitor->staged.sockets);
        return RESULT_ERROR;
    }
    monitor->staged.watched = watched;
    return RESULT_OK;
}

void monitor_commit(struct monitor *monitor) {
    watched_free(monitor->current);
    monitor->current = monitor->staged.watched;
    monitor->staged.watched = NULL;
    admin_listen(&monitor->admin, &monitor->staged.sockets);
}

void monitor_replace_admin(struct monitor *monitor, const int *fds, size_t count) {
    struct admin_sockets sockets;
    admin_sockets_fill(&sockets, fds, count);
    admin_listen(&monitor->admin, &sockets);
}

// --- What is served ---

static void answer_ready(const struct monitor *monitor, struct admin_answer *answer) {
    bool is_ready =
        monitor->current != NULL && board_state(monitor->options.board) == BOARD_RUNNING;
    answer->status = is_ready ? 200 : 503;
    admin_answer_text(answer, is_ready ? "ready\n" : "not ready\n");
}

static void answer_metrics(const struct monitor *monitor, struct admin_answer *answer) {
    answer->type = METRICS_TEXT_TYPE;
    if (monitor->current == NULL ||
        !metrics_text_write(&answer->body, &monitor->options, monitor->current)) {
        admin_answer_failure(answer, 503);
    }
}

static void on_request(void *context, struct slice path, struct admin_answer *answer) {
    const struct monitor *monitor = context;
    if (slice_equal(path, SLICE("/ready"))) {
        answer_ready(monitor, answer);
    } else if (slice_equal(path, SLICE("/metrics"))) {
        answer_metrics(monitor, answer);
    } else {
        admin_answer_failure(answer, 404);
    }
}

// --- Life ---

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    struct monitor *monitor = timer->data;
    (void)loop;
    (void)events;
    log_flush(monitor->options.log);
}

struct monitor *monitor_new(const struct monitor_options *options) {
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        return NULL;
    }
    monitor->options = *options;
    const struct admin_options admin = {
        .loop = options->loop, .log = options->log, .request = on_request, .context = monitor};
    admin_init(&monitor->admin, &admin);
    ev_timer_init(&monitor->tick, on_tick, TICK_S, TICK_S);
    monitor->tick.data = monitor;
    ev_timer_start(options->loop, &monitor->tick);
    return monitor;
}

void monitor_free(struct monitor *monitor) {
    ev_timer_stop(monitor->options.loop, &monitor->tick);
    admin_free(&monitor->admin);
    monitor_abort(monitor);
    watched_free(monitor->current);
    free(monitor);
}
