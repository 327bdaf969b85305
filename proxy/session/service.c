#include "session/service.h"

#include "base/clock.h"
#include "session/http1_internal.h"
#include "session/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SPARE_STREAMS_MAX = 256, SCRATCH_SIZE = 64 * 1024 };
// Callbacks of due nodes in one loop turn: when thousands are due at once, others wait for a few of
// them, not for all.
enum { DUE_BATCH = 32 };

static void check_drained(struct service *service) {
    if (service->shared.draining && list_is_empty(&service->sessions) &&
        service->options.drained != NULL) {
        void (*drained)(void *) = service->options.drained;
        service->options.drained = NULL; // once
        drained(service->options.context);
    }
}

// Lets each session that has used up its turn have another one.
static void resume(struct service *service) {
    struct list_node end; // of those who wait now: who is not finished after that comes behind it
    list_init(&end);
    list_push_last(&service->unfinished, &end);
    while (service->unfinished.next != &end) {
        struct session *session = LIST_ENTRY(service->unfinished.next, struct session, turn_node);
        list_remove(&session->turn_node);
        session_advance(session);
    }
    list_remove(&end);
}

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events) {
    (void)loop, (void)watcher, (void)events;
}

// Before the loop sleeps. At last memory of closed sessions goes back: nobody holds a pointer any
// more.
static void on_turn_end(struct ev_loop *loop, ev_prepare *watcher, int events) {
    (void)events;
    struct service *service = watcher->data;
    resume(service);
    if (list_is_empty(&service->unfinished)) {
        ev_idle_stop(loop, &service->busy);
    } else {
        ev_idle_start(loop, &service->busy);
    }
    while (!list_is_empty(&service->closed)) {
        session_free(LIST_ENTRY(service->closed.next, struct session, node));
    }
    check_drained(service);
}

static void compare_clocks(struct service *service) {
    service->shared.wall_offset_us = clock_wall_us() - clock_monotonic_us();
}

static void on_turn_begin(struct ev_loop *loop, ev_check *watcher, int events) {
    (void)loop, (void)events;
    struct service *service = watcher->data;
    service->shared.now_ms = clock_monotonic_us() / 1000;
}

// --- deadlines ---

static void set_wheel_timer(struct service *service, int64_t at_ms) {
    int64_t wait_ms = at_ms - service->shared.now_ms;
    ev_timer_stop(service->options.loop, &service->wheel_timer);
    service->wheel_timer_ms = at_ms;
    if (at_ms != INT64_MAX) {
        ev_timer_set(&service->wheel_timer, wait_ms < 0 ? 0. : (double)wait_ms / 1000., 0.);
        ev_timer_start(service->options.loop, &service->wheel_timer);
    }
}

void service_await(struct service *service, struct wheel_node *node, int64_t at_ms) {
    wheel_put(&service->wheel, node, at_ms);
    if (at_ms < service->wheel_timer_ms) {
        set_wheel_timer(service, wheel_next_ms(&service->wheel));
    }
}

static void on_wheel_timer(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    struct service *service = timer->data;
    service->wheel_timer_ms = 0; // it is set below, and not on the way there
    wheel_run(&service->wheel, service->shared.now_ms, DUE_BATCH);
    set_wheel_timer(service, wheel_next_ms(&service->wheel));
}

static void flush_logs(struct service *service) {
    const struct log *log = service->options.log;
    access_log_flush(&service->shared.access_log);
    log_flush(service->options.log);
    uint64_t lost = log->sink.lost + service->shared.access_log.sink.lost;
    if (lost != service->lines_lost) {
        metric_add(service->options.metrics, METRIC_log_lines_lost, lost - service->lines_lost);
        service->lines_lost = lost;
    }
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    struct service *service = timer->data;
    compare_clocks(service);
    refusals_tick(service);
    complaints_tick(&service->shared);
    flush_logs(service);
    pool_sweep(&service->shared.pool, service_now_ms(service));
    transport_pools_trim(&service->transports);
    exchange_slabs_trim(&service->shared);
    slab_trim(&service->http1_streams);
}

static bool allocate_scratch(struct service *service) {
    service->shared.fields.items = calloc(HTTP_FIELDS_MAX, sizeof(*service->shared.fields.items));
    service->shared.fields.capacity = HTTP_FIELDS_MAX;
    service->shared.scratch = malloc(SCRATCH_SIZE);
    service->shared.scratch_size = SCRATCH_SIZE;
    return service->shared.fields.items != NULL && service->shared.scratch != NULL;
}

struct service *service_new(const struct service_options *options) {
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL) {
        return NULL;
    }
    service->options = *options;
    service->shared.log = options->log;
    service->shared.metrics = options->metrics;
    service->shared.clients = options->clients;
    service->shared.slot = options->slot;
    service->refusal_lines = REFUSALS_RATE;
    complaints_init(&service->shared.complaints);
    compare_clocks(service);
    service->access_log_fd = service->staged_access_log_fd = -1;
    list_init(&service->sessions);
    list_init(&service->closed);
    list_init(&service->unfinished);
    service->shared.now_ms = clock_monotonic_us() / 1000;
    wheel_init(&service->wheel, service->shared.now_ms);
    service->wheel_timer_ms = INT64_MAX;
    pages_init(&service->session_pages, sizeof(struct session));
    slab_init(&service->http1_streams, sizeof(struct http1_stream), SPARE_STREAMS_MAX);
    exchange_slabs_init(&service->shared);
    pool_init(&service->shared.pool, options->loop, options->metrics);
    queues_init(&service->shared.queues, options->loop, options->metrics);
    signing_init(&service->signing, options->loop, options->metrics);
    ev_prepare_init(&service->turn_end, on_turn_end);
    ev_idle_init(&service->busy, on_idle);
    ev_timer_init(&service->tick, on_tick, 1., 1.);
    ev_check_init(&service->turn_begin, on_turn_begin);
    ev_set_priority(&service->turn_begin, EV_MAXPRI); // before all else of the turn
    ev_init(&service->wheel_timer, on_wheel_timer);
    service->turn_begin.data = service->turn_end.data = service;
    service->tick.data = service->wheel_timer.data = service;
    if (!transport_pools_init(&service->transports, options->metrics) ||
        !allocate_scratch(service) ||
        !access_log_init(&service->shared.access_log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON,
                         options->log)) {
        service_free(service);
        return NULL;
    }
    service->access_log_ready = true;
    ev_check_start(options->loop, &service->turn_begin);
    ev_prepare_start(options->loop, &service->turn_end);
    ev_timer_start(options->loop, &service->tick);
    return service;
}

static void close_sessions(struct service *service) {
    while (!list_is_empty(&service->sessions)) {
        session_close(LIST_ENTRY(service->sessions.next, struct session, node));
    }
    while (!list_is_empty(&service->closed)) {
        session_free(LIST_ENTRY(service->closed.next, struct session, node));
    }
}

static void close_access_log(struct service *service, int fd) {
    if (service->access_log_fd >= 0) {
        close(service->access_log_fd);
    }
    service->access_log_fd = fd;
}

void service_free(struct service *service) {
    if (service == NULL) {
        return;
    }
    service_abort(service);
    listener_set_free(&service->listeners);
    close_sessions(service);
    ev_timer_stop(service->options.loop, &service->tick);
    ev_timer_stop(service->options.loop, &service->wheel_timer);
    ev_check_stop(service->options.loop, &service->turn_begin);
    ev_prepare_stop(service->options.loop, &service->turn_end);
    ev_idle_stop(service->options.loop, &service->busy);
    signing_free(&service->signing);
    pool_free(&service->shared.pool);
    queues_free(&service->shared.queues);
    generation_release(service->shared.current);
    transport_pools_free(&service->transports);
    if (service->access_log_ready) {
        access_log_free(&service->shared.access_log);
    }
    close_access_log(service, -1);
    pages_free(&service->session_pages);
    slab_free(&service->http1_streams);
    exchange_slabs_free(&service->shared);
    free(service->shared.fields.items);
    free(service->shared.scratch);
    free(service);
}

// --- generations ---

enum result service_stage(struct service *service, const struct service_load *load,
                          char error[CONFIG_ERROR_SIZE]) {
    struct server_fds servers = load->servers;
    service_abort(service);
    service->staged_access_log_fd = load->access_log_fd;
    const struct generation_shares shares = {
        .tickets = service->options.tickets,
        .metrics = service->options.metrics,
        .counter = {service->options.servers, service->options.slot},
    };
    struct generation *generation =
        generation_new(load->number, load->bundle_fd, &servers, &shares, error);
    if (generation == NULL) {
        for (size_t i = 0; i < load->listener_count; i++) {
            close(load->listener_fds[i]);
        }
        service_abort(service);
        return RESULT_ERROR;
    }
    service->staged = generation;
    if (!listener_set_init(&service->staged_listeners, service, generation->config,
                           load->listener_fds, load->listener_count)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the listeners do not fit the configuration");
        service_abort(service);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void service_abort(struct service *service) {
    generation_release(service->staged);
    service->staged = NULL;
    listener_set_free(&service->staged_listeners);
    if (service->staged_access_log_fd >= 0) {
        close(service->staged_access_log_fd);
        service->staged_access_log_fd = -1;
    }
}

static void use_access_log(struct service *service, int fd) {
    static const enum access_format formats[] = {
        [ACCESS_LOG_JSON] = ACCESS_FORMAT_JSON,
        [ACCESS_LOG_COMBINED] = ACCESS_FORMAT_COMBINED,
        [ACCESS_LOG_COMBINED_REASON] = ACCESS_FORMAT_COMBINED_REASON,
    };
    const struct config *config = service->shared.current->config;
    access_log_reopen(&service->shared.access_log, fd, config_log_daemon(&config->access_log),
                      formats[config->access_log_format]);
    close_access_log(service, fd);
}

void service_commit(struct service *service) {
    struct generation *old = service->shared.current;
    struct listener_set old_listeners = service->listeners;
    service->shared.current = service->staged;
    service->listeners = service->staged_listeners;
    service->staged = NULL;
    service->staged_listeners = (struct listener_set){NULL, 0};
    metric_set(service->options.metrics, METRIC_generation, service->shared.current->number);
    use_access_log(service, service->staged_access_log_fd);
    service->staged_access_log_fd = -1;
    if (!service->shared.draining) {
        listener_set_start(&service->listeners);
    }
    listener_set_free(&old_listeners);
    if (old != NULL) {
        old->backends->retired = true;
        backend_set_take_over(service->shared.current->backends, old->backends, old->number);
        pool_close_idle(&service->shared.pool, old->backends);
        pool_move_kept(&service->shared.pool, service->shared.current->backends);
        generation_release(old);
    }
}

void service_log_start(struct service *service) {
    const char *refused = record_engine_refused(service->transports.engine);
    if (refused != NULL) {
        log_warning(service->options.log,
                    "%s failed its own tests and is not used; AES-GCM is done by %s", refused,
                    record_engine_name(service->transports.engine));
    }
}

void service_attach_signer(struct service *service, int fd) {
    signing_attach(&service->signing, fd);
}

bool service_replace_listeners(struct service *service, const int *fds, size_t count) {
    return !service->shared.draining && listener_set_replace(&service->listeners, fds, count);
}

void service_reopen_access_log(struct service *service, int access_log_fd) {
    if (service->shared.current != NULL) {
        use_access_log(service, access_log_fd);
    }
}

void service_drain(struct service *service) {
    service->shared.draining = true;
    listener_set_accept_queued(&service->listeners);
    listener_set_free(&service->listeners);
    struct list_node *node;
    for (node = service->sessions.next; node != &service->sessions; node = node->next) {
        session_drain(LIST_ENTRY(node, struct session, node));
    }
    check_drained(service);
}
