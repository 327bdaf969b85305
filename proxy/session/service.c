#include "session/service.h"

#include "base/clock.h"
#include "exchange/authorize.h"
#include "exchange/exchange.h"
#include "session/http1.h"
#include "session/http2.h"
#include "session/login.h"
#include "session/refusals.h"
#include "session/service_internal.h"
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCRATCH_SIZE = 64 * 1024 };

static void check_drained(struct service *service) {
    if (service->is_closed && list_is_empty(&service->sessions.open) &&
        service->options.drained != NULL) {
        void (*drained)(void *) = service->options.drained;
        service->options.drained = NULL; // once
        drained(service->options.context);
    }
}

// Lets each session that has used up its turn have another one.
static void resume(struct service *service) {
    // End of the sessions that wait now; those that are unfinished again come behind it.
    struct list_node end;
    list_init(&end);
    list_push_last(&service->sessions.unfinished, &end);
    while (service->sessions.unfinished.next != &end) {
        struct session *session =
            LIST_ENTRY(service->sessions.unfinished.next, struct session, turn_node);
        list_remove(&session->turn_node);
        session_advance(session);
    }
    list_remove(&end);
}

static void on_idle(struct ev_loop *loop, ev_idle *watcher, int events) {
    (void)loop, (void)watcher, (void)events;
}

// Called before the loop sleeps. The memory of closed sessions is freed here, because no pointer to
// them is left.
static void on_turn_end(struct ev_loop *loop, ev_prepare *watcher, int events) {
    (void)events;
    struct service *service = watcher->data;
    resume(service);
    if (list_is_empty(&service->sessions.unfinished)) {
        ev_idle_stop(loop, &service->busy);
    } else {
        ev_idle_start(loop, &service->busy);
    }
    while (!list_is_empty(&service->sessions.closed)) {
        session_free(LIST_ENTRY(service->sessions.closed.next, struct session, node));
    }
    check_drained(service);
}

static void compare_clocks(struct service *service) {
    service->sessions.shared.wall_offset_us = clock_wall_us() - clock_monotonic_us();
}

static void on_turn_begin(struct ev_loop *loop, ev_check *watcher, int events) {
    (void)loop, (void)events;
    struct service *service = watcher->data;
    sessions_begin_turn(&service->sessions, clock_monotonic_us());
}

static void flush_logs(struct service *service) {
    const struct log *log = service->options.log;
    access_log_flush(&service->sessions.shared.access_log);
    log_flush(service->options.log);
    uint64_t lost = log->sink.lost + service->sessions.shared.access_log.sink.lost;
    if (lost != service->lines_lost) {
        metric_add(service->options.metrics, METRIC_log_lines_lost, lost - service->lines_lost);
        service->lines_lost = lost;
    }
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop, (void)events;
    struct service *service = timer->data;
    compare_clocks(service);
    refusals_tick(&service->sessions);
    const struct generation *current = service->sessions.shared.current;
    complaints_tick(&service->sessions.shared.complaints,
                    current == NULL ? NULL : current->backends);
    flush_logs(service);
    if (current != NULL) {
        pool_close_left(current->backends);
    }
    logins_tick(&service->sessions.logins, sessions_now_ms(&service->sessions));
    pool_sweep(&service->sessions.shared.pool, sessions_now_ms(&service->sessions));
    transport_pools_trim(&service->sessions.transports);
    exchange_slabs_trim(&service->sessions.shared);
    slab_trim(&service->sessions.http1_streams);
    http2_sessions_trim(&service->sessions);
}

static bool allocate_scratch(struct service *service) {
    service->sessions.shared.fields.items =
        calloc(HTTP_FIELDS_MAX, sizeof(*service->sessions.shared.fields.items));
    service->sessions.shared.fields.capacity = HTTP_FIELDS_MAX;
    service->sessions.shared.scratch = malloc(SCRATCH_SIZE);
    service->sessions.shared.scratch_size = SCRATCH_SIZE;
    return service->sessions.shared.fields.items != NULL &&
           service->sessions.shared.scratch != NULL;
}

struct service *service_new(const struct service_options *options) {
    struct service *service = calloc(1, sizeof(*service));
    if (service == NULL) {
        return NULL;
    }
    struct sessions *sessions = &service->sessions;
    struct shared *shared = &sessions->shared;
    service->options = *options;
    shared->log = options->log;
    shared->metrics = options->metrics;
    shared->clients = options->clients;
    shared->slot = options->slot;
    shared->askers[ROUTE_GUARD_AUTHORIZE] = authorize_ask;
    complaints_init(&shared->complaints, options->log, &shared->now_ms);
    exchange_slabs_init(shared);
    shared->askers[ROUTE_GUARD_USERS] = login_ask;
    pool_init(&shared->pool, options->loop, options->metrics);
    prober_init(&shared->prober, &shared->pool);
    queues_init(&shared->queues, options->loop, options->metrics);
    logins_init(&sessions->logins, options->loop, options->metrics, options->clients,
                options->slot);
    sessions_init(sessions, options->loop, clock_monotonic_us());
    sessions->all_metrics = options->all_metrics;
    sessions->slot_count = options->slot_count;
    sessions->refusal_lines = REFUSALS_RATE;
    pages_init(&sessions->pages, sizeof(struct session));
    http1_init(sessions);
    signing_init(&sessions->signing, options->loop, options->metrics);
    compare_clocks(service);
    service->access_log_fd = service->staged_access_log_fd = -1;
    ev_prepare_init(&service->turn_end, on_turn_end);
    ev_idle_init(&service->busy, on_idle);
    ev_timer_init(&service->tick, on_tick, 1., 1.);
    ev_check_init(&service->turn_begin, on_turn_begin);
    ev_set_priority(&service->turn_begin, EV_MAXPRI); // before all other events of the turn
    service->turn_begin.data = service->turn_end.data = service;
    service->tick.data = service;
    if (!transport_pools_init(&service->sessions.transports, options->metrics) ||
        !allocate_scratch(service) || !request_ids_init(&shared->request_ids) ||
        !http2_sessions_init(sessions) ||
        !access_log_init(&service->sessions.shared.access_log, -1, SINK_NO_DAEMON,
                         ACCESS_FORMAT_JSON, options->log)) {
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
    while (!list_is_empty(&service->sessions.open)) {
        session_close(LIST_ENTRY(service->sessions.open.next, struct session, node));
    }
    while (!list_is_empty(&service->sessions.closed)) {
        session_free(LIST_ENTRY(service->sessions.closed.next, struct session, node));
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
    sessions_stop(&service->sessions);
    ev_check_stop(service->options.loop, &service->turn_begin);
    ev_prepare_stop(service->options.loop, &service->turn_end);
    ev_idle_stop(service->options.loop, &service->busy);
    signing_free(&service->sessions.signing);
    prober_free(&service->sessions.shared.prober);
    pool_free(&service->sessions.shared.pool);
    queues_free(&service->sessions.shared.queues);
    logins_free(&service->sessions.logins);
    generation_release(service->sessions.shared.current);
    transport_pools_free(&service->sessions.transports);
    if (service->access_log_ready) {
        access_log_free(&service->sessions.shared.access_log);
    }
    close_access_log(service, -1);
    pages_free(&service->sessions.pages);
    slab_free(&service->sessions.http1_streams);
    http2_sessions_free(&service->sessions);
    exchange_slabs_free(&service->sessions.shared);
    free(service->sessions.shared.fields.items);
    free(service->sessions.shared.scratch);
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
        .series = service->options.series,
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
    if (!listener_set_init(&service->staged_listeners, &service->sessions, generation->config,
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
    const struct config *config = service->sessions.shared.current->config;
    access_log_reopen(&service->sessions.shared.access_log, fd,
                      config_log_daemon(&config->access_log), formats[config->access_log_format]);
    close_access_log(service, fd);
}

// Ends the sessions of sites and listeners that have changed.
static void tell_sessions(struct service *service, const struct generation *before) {
    struct reload reload = {.before = before, .now = service->sessions.shared.current};
    const struct config *old = before->config, *new = reload.now->config;
    for (size_t i = 0; i < CONFIG_LISTENERS_MAX; i++) {
        reload.listeners[i] = SESSION_NO_LISTENER;
        for (uint32_t k = 0; i < old->listener_count && k < new->listener_count; k++) {
            if (address_equal(&old->listeners[i].address, &new->listeners[k].address)) {
                reload.listeners[i] = k;
            }
        }
    }
    struct list_node *node;
    for (node = service->sessions.open.next; node != &service->sessions.open; node = node->next) {
        session_reload(LIST_ENTRY(node, struct session, node), &reload);
    }
}

void service_commit(struct service *service) {
    struct generation *old = service->sessions.shared.current;
    struct listener_set old_listeners = service->listeners;
    service->sessions.shared.current = service->staged;
    service->listeners = service->staged_listeners;
    service->staged = NULL;
    service->staged_listeners = (struct listener_set){NULL, 0};
    metric_set(service->options.metrics, METRIC_generation,
               service->sessions.shared.current->number);
    use_access_log(service, service->staged_access_log_fd);
    service->staged_access_log_fd = -1;
    if (!service->sessions.shared.draining) {
        listener_set_start(&service->listeners);
    }
    listener_set_free(&old_listeners);
    prober_use(&service->sessions.shared.prober, service->sessions.shared.current->backends);
    if (old != NULL) {
        old->backends->retired = true;
        backend_set_take_over(service->sessions.shared.current->backends, old->backends,
                              old->number);
        pool_close_idle(&service->sessions.shared.pool, old->backends);
        pool_move_kept(&service->sessions.shared.pool, service->sessions.shared.current->backends);
        tell_sessions(service, old);
        generation_release(old);
    }
}

void service_log_start(struct service *service) {
    const char *refused = record_engine_refused(service->sessions.transports.engine);
    if (refused != NULL) {
        log_warning(service->options.log,
                    "%s failed its own tests and is not used; AES-GCM is done by %s", refused,
                    record_engine_name(service->sessions.transports.engine));
    }
}

void service_attach_signer(struct service *service, int fd) {
    signing_attach(&service->sessions.signing, fd);
}

void service_attach_logins(struct service *service, int fd) {
    logins_attach(&service->sessions.logins, fd);
}

bool service_replace_listeners(struct service *service, const int *fds, size_t count) {
    return !service->sessions.shared.draining &&
           listener_set_replace(&service->listeners, fds, count);
}

void service_reopen_access_log(struct service *service, int access_log_fd) {
    if (service->sessions.shared.current != NULL) {
        use_access_log(service, access_log_fd);
    }
}

void service_retire(struct service *service) {
    service->sessions.shared.draining = true;
}

void service_drain(struct service *service) {
    service->sessions.shared.draining = true;
    service->is_closed = true;
    listener_set_accept_queued(&service->listeners);
    listener_set_free(&service->listeners);
    struct list_node *node;
    for (node = service->sessions.open.next; node != &service->sessions.open; node = node->next) {
        session_drain(LIST_ENTRY(node, struct session, node));
    }
    check_drained(service);
}

void service_expire(struct service *service) {
    struct list_node *node;
    service->sessions.expired = true;
    for (node = service->sessions.open.next; node != &service->sessions.open; node = node->next) {
        struct session *session = LIST_ENTRY(node, struct session, node);
        session->deadline_ms = sessions_now_ms(&service->sessions);
        session_await_deadline(session);
    }
}
