#include "monitor/monitor.h"

#include "base/clock.h"
#include "monitor/admin.h"
#include "monitor/health.h"
#include "monitor/history.h"
#include "monitor/metrics_text.h"
#include "monitor/name_watch.h"
#include "monitor/page.h"
#include "monitor/status_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    struct history history;
    struct board_events events; // lines of its own log, the oldest first
    struct health_checks checks;
    struct name_watch names;
    ev_timer tick;
    unsigned ticks; // since the last step of the history
};

// --- Generations ---

void monitor_abort(struct monitor *monitor) {
    name_watch_abort(&monitor->names);
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
    if (watched != NULL && !name_watch_stage(&monitor->names, watched)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
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
    health_checks_free(&monitor->checks); // the checks point into the former generation
    struct watched *former = monitor->current;
    name_watch_commit(&monitor->names, monitor->staged.watched);
    watched_free(former);
    monitor->current = monitor->staged.watched;
    monitor->staged.watched = NULL;
    if (!health_checks_use(&monitor->checks, monitor->current)) {
        log_error(monitor->options.log, "no memory to check servers");
    }
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
    if (monitor->current == NULL || !metrics_text_write(&answer->body, &monitor->options,
                                                        monitor->current, monitor->names.names)) {
        admin_answer_failure(answer, 503);
    }
}

static void answer_status(const struct monitor *monitor, struct admin_answer *answer) {
    const struct status_input input = {.options = &monitor->options,
                                       .watched = monitor->current,
                                       .history = &monitor->history,
                                       .own_events = &monitor->events};
    answer->type = "application/json";
    if (monitor->current == NULL || !status_json_write(&answer->body, &input)) {
        admin_answer_failure(answer, 503);
    }
}

static void answer_page(const struct monitor *monitor, struct admin_answer *answer) {
    struct slice page = page_html();
    answer->type = "text/html; charset=utf-8";
    answer->fields = monitor->options.page_policy;
    if (!buffer_append(&answer->body, page.data, page.size, ADMIN_BODY_MAX)) {
        admin_answer_failure(answer, 503);
    }
}

static void on_request(void *context, struct slice path, struct admin_answer *answer) {
    const struct monitor *monitor = context;
    if (slice_equal(path, SLICE("/ready"))) {
        answer_ready(monitor, answer);
    } else if (slice_equal(path, SLICE("/metrics"))) {
        answer_metrics(monitor, answer);
    } else if (slice_equal(path, SLICE("/status.json"))) {
        answer_status(monitor, answer);
    } else if (slice_equal(path, SLICE("/"))) {
        answer_page(monitor, answer);
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
    if (++monitor->ticks >= HISTORY_STEP_S) {
        monitor->ticks = 0;
        history_step(&monitor->history, monitor->options.all_metrics, monitor->options.metric_slots,
                     clock_wall_us());
    }
}

// Lines of the monitor's log are events, like those of the master's log.
static void on_line(void *context, enum log_severity severity, const char *line) {
    struct board_events *events = &((struct monitor *)context)->events;
    if (events->count == BOARD_EVENTS_MAX) {
        events->count--;
        memmove(&events->items[0], &events->items[1], events->count * sizeof(events->items[0]));
    }
    struct board_event *event = &events->items[events->count++];
    event->at_us = clock_wall_us();
    event->severity = severity;
    (void)snprintf(event->text, sizeof(event->text), "%s", line);
}

struct monitor *monitor_new(const struct monitor_options *options) {
    struct monitor *monitor = calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        return NULL;
    }
    monitor->options = *options;
    if (!name_watch_init(&monitor->names, &monitor->options)) {
        free(monitor);
        return NULL;
    }
    const struct admin_options admin = {
        .loop = options->loop, .log = options->log, .request = on_request, .context = monitor};
    admin_init(&monitor->admin, &admin);
    options->log->listener = on_line;
    options->log->listener_context = monitor;
    history_begin(&monitor->history, options->all_metrics, options->metric_slots);
    health_checks_init(&monitor->checks, &monitor->options);
    ev_timer_init(&monitor->tick, on_tick, TICK_S, TICK_S);
    monitor->tick.data = monitor;
    ev_timer_start(options->loop, &monitor->tick);
    return monitor;
}

void monitor_free(struct monitor *monitor) {
    monitor->options.log->listener = NULL;
    ev_timer_stop(monitor->options.loop, &monitor->tick);
    admin_free(&monitor->admin);
    health_checks_free(&monitor->checks);
    monitor_abort(monitor);
    name_watch_free(&monitor->names);
    watched_free(monitor->current);
    free(monitor);
}
