#include "exchange/attempt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct backend *backend_of(const struct choice *choice) {
    const struct generation *generation = choice->generation;
    size_t index = (size_t)(choice->backend - generation->config->backends);
    return &generation->backends->backends[index];
}

static struct server_wish wish_of(const struct attempt *attempt, const struct choice *choice) {
    const struct affinity *affinity = &choice->affinity;
    return (struct server_wish){
        .tried = attempt->tried,
        .tried_count = attempt->tried_count,
        .may_try = attempt->can_repeat,
        .has_key = affinity->has_key,
        .key = affinity->key,
        .name = affinity->has_name ? affinity->name : NULL,
    };
}

// Returns a server with a free connection, unless other exchanges wait for one. An exchange that
// was called from the queue is first.
static struct server *choose_server(struct attempt *attempt, const struct choice *choice,
                                    struct backend *backend) {
    if (backend->queue != NULL && attempt->wait == NULL && queue_is_busy(backend->queue)) {
        return NULL;
    }
    const struct server_wish wish = wish_of(attempt, choice);
    attempt->begun_ms = shared_now_ms(choice->shared);
    return backend_choose(backend, &wish, attempt->begun_ms, &attempt->tries);
}

// Ends the try of a server without a result.
static void end_try(struct attempt *attempt, const struct choice *choice) {
    if (attempt->tries && attempt->server != NULL) {
        health_end_try(attempt->server->health, shared_now_ms(choice->shared));
        attempt->tries = false;
    }
}

// Returns the client's own connection to this backend on the first try, otherwise one of the pool
// or a new one. NULL with errno; EBUSY: the attempt must wait.
static struct lease *choose_lease(struct attempt *attempt, const struct choice *choice) {
    struct backend *backend = backend_of(choice);
    // A connection that began with the address of one client must not serve another.
    bool fresh = attempt->wants_unused || attempt->count > 1 || attempt->met_old ||
                 choice->backend->send_proxy_protocol != PROXY_PROTOCOL_OFF;
    bool may_be_kept = attempt->count <= 1 && !attempt->met_old && !attempt->wants_unused;
    struct lease *lease = !may_be_kept || list_is_empty(attempt->kept)
                              ? NULL
                              : pool_lease_kept(attempt->kept, backend, &attempt->owner);
    if (lease != NULL && server_entry_standing(lease->server->entry) >= SERVER_DOWN) {
        lease_close(lease);
        lease = NULL;
    }
    if (lease != NULL) {
        attempt->server = lease->server;
        return lease;
    }
    struct server *server = choose_server(attempt, choice, backend);
    if (server == NULL) {
        errno = EBUSY;
        return NULL;
    }
    attempt->server = server;
    lease = pool_lease(&choice->shared->pool, server, fresh, &attempt->owner);
    if (lease != NULL) {
        lease->bound = attempt->binds_lease;
    }
    if (lease == NULL && errno == EBUSY) {
        end_try(attempt, choice);
        errno = EBUSY;
    }
    return lease;
}

static void on_room(struct queue_waiter *waiter) {
    struct attempt *attempt = LIST_ENTRY(waiter, struct attempt_wait, waiter)->attempt;
    attempt->owner.ready(&attempt->owner);
}

// Enters the queue of the backend, or enters it again.
static bool begin_wait(struct attempt *attempt, const struct choice *choice,
                       const struct server *named) {
    struct shared *shared = choice->shared;
    struct attempt_wait *wait = attempt->wait == NULL ? calloc(1, sizeof(*wait)) : attempt->wait;
    attempt->wait = wait;
    attempt->refusal = "no memory for a request";
    if (wait == NULL) {
        return false;
    }
    wait->attempt = attempt;
    wait->waiter.server = named;
    wait->waiter.key = client_table_key(shared->clients, &choice->client_address.any);
    wait->waiter.ready = on_room;
    if (queue_enter(backend_of(choice)->queue, &shared->queues, &wait->waiter,
                    shared_now_ms(shared))) {
        return true;
    }
    attempt->refusal = "too many requests wait for a server";
    attempt->wait = NULL;
    free(wait);
    return false;
}

// Counts the time of a wait from its beginning, also if the wait failed or timed out.
static void end_wait(struct attempt *attempt, const struct choice *choice) {
    struct attempt_wait *wait = attempt->wait;
    if (wait == NULL) {
        return;
    }
    queue_leave(&wait->waiter);
    int64_t wait_ms = shared_now_ms(choice->shared) - wait->waiter.since_ms;
    metric_note_time(choice->shared->metrics, TIME_QUEUE, wait_ms * 1000);
    attempt->wait = NULL;
    free(wait);
}

static void note_connect_end(struct attempt *attempt, const struct choice *choice, int64_t us) {
    if (attempt->connects) {
        metric_note_time(choice->shared->metrics, TIME_CONNECT, us);
        attempt->connects = false;
    }
}

// EINPROGRESS: it waits. EBUSY: the queue is full, or no server is up.
static int wait_for_room(struct attempt *attempt, const struct choice *choice) {
    struct backend *backend = backend_of(choice);
    const struct server_wish wish = wish_of(attempt, choice);
    const struct server *named = backend_find_named(backend, &wish, shared_now_ms(choice->shared));
    attempt->count--; // nothing was tried
    // Without a queue, no server was up, for any later change of the master.
    if (backend->queue == NULL || (named == NULL && !backend_is_up(backend))) {
        attempt->refusal = backend_is_empty(backend)
                               ? "no name of the backend has an address"
                               : "all servers of the backend are drained or down";
        return EBUSY;
    }
    attempt->has_waited = true;
    if (!begin_wait(attempt, choice, named)) {
        return EBUSY;
    }
    attempt->refusal = backend_is_empty(backend) ? "no name of the backend was resolved in time"
                                                 : "all servers had max-connections in use";
    return EINPROGRESS;
}

static struct server_outcome end_with_outcome(struct attempt *attempt,
                                              const struct choice *choice) {
    const struct server_outcome outcome = {attempt->begun_ms, shared_now_ms(choice->shared),
                                           attempt->tries};
    attempt->tries = false;
    return outcome;
}

// For a tunnel, only the connection shows whether the server works.
static void note_connected(struct attempt *attempt, const struct choice *choice) {
    if (attempt->wants_unused) {
        const struct server_outcome outcome = end_with_outcome(attempt, choice);
        server_worked(attempt->server, &outcome);
    }
}

// 0: it has a lease. EINPROGRESS: it must wait. Otherwise the errno of a failed connection.
static int take_lease(struct attempt *attempt, const struct choice *choice,
                      struct account *account) {
    attempt->count++;
    if (attempt->count == 1 && !attempt->met_old) {
        backend_earn_retry(backend_of(choice));
    }
    attempt->lease = choose_lease(attempt, choice);
    int error = attempt->lease == NULL ? errno : 0;
    if (error == EBUSY) {
        return wait_for_room(attempt, choice);
    }
    end_wait(attempt, choice);
    attempt->connects = attempt->lease == NULL || !attempt->lease->reused;
    // The first try begins with the exchange, if it did not wait. Reading the clock again costs
    // more than it is worth.
    account->connect_begun_us = attempt->count == 1 && !attempt->has_waited && !attempt->met_old
                                    ? account->started_mono_us
                                    : clock_monotonic_us();
    account->connect_us = -1;
    account->request_sent_us = 0;
    account->server = attempt->server->text;
    account->server_series = attempt->server->series;
    if (attempt->lease == NULL) {
        note_connect_end(attempt, choice, 0);
        complain_of_server(&choice->shared->complaints, attempt->server, "cannot connect: %s",
                           strerror(error));
        return error;
    }
    account->server_reused = attempt->lease->reused;
    if (attempt->lease->connected) { // from the pool, or connected at once: no time passed
        account->connect_us = 0;
        note_connect_end(attempt, choice, 0);
        note_connected(attempt, choice);
    }
    return 0;
}

int attempt_connect(struct attempt *attempt, const struct choice *choice, struct account *account) {
    if (attempt_is_queued(attempt)) {
        return EINPROGRESS;
    }
    int error = attempt->lease == NULL ? take_lease(attempt, choice, account) : 0;
    if (error != 0 || attempt->lease->connected) {
        return error;
    }
    error = lease_finish_connect(attempt->lease);
    if (error == EINPROGRESS) {
        return error;
    }
    int64_t connect_us = clock_monotonic_us() - account->connect_begun_us;
    note_connect_end(attempt, choice, connect_us);
    if (error == 0) {
        account->connect_us = connect_us;
        note_connected(attempt, choice);
    }
    return error;
}

void attempt_drop(struct attempt *attempt, const struct choice *choice) {
    end_wait(attempt, choice);
    note_connect_end(attempt, choice, (shared_now_ms(choice->shared) - attempt->begun_ms) * 1000);
    end_try(attempt, choice);
    if (attempt->lease != NULL) {
        lease_close(attempt->lease);
        attempt->lease = NULL;
    }
}

void attempt_note_response(struct attempt *attempt, const struct choice *choice, uint16_t status) {
    if (config_statuses_have(&choice->backend->fail_on_status, status)) {
        attempt_blame(attempt, choice, (struct failure){FAULT_STATUS, status});
        return;
    }
    const struct server_outcome outcome = end_with_outcome(attempt, choice);
    server_worked(attempt->server, &outcome);
}

// An address that its name has lost belongs to no server.
static bool has_left(const struct attempt *attempt) {
    return attempt->lease != NULL && !lease_is_current(attempt->lease);
}

static bool is_connect_fault(enum fault fault) {
    return fault == FAULT_CONNECT || fault == FAULT_CONNECT_TIMEOUT;
}

void attempt_blame(struct attempt *attempt, const struct choice *choice, struct failure failure) {
    struct shared *shared = choice->shared;
    const struct server_outcome outcome = end_with_outcome(attempt, choice);
    bool out = !has_left(attempt) &&
               server_failed(attempt->server, &outcome, failure.fault, failure.detail);
    if (out) {
        metric_add(shared->metrics, METRIC_server_ejections, 1);
        pool_close_idle_of(attempt->server);
    }
    // After a failed connection, the server may have been out for another reason.
    if (out || is_connect_fault(failure.fault)) {
        prober_wake(&shared->prober);
    }
}

// The next attempt uses another server.
static void note_tried(struct attempt *attempt, const struct choice *choice) {
    const struct backend *backend = backend_of(choice);
    if (attempt->server != NULL && attempt->server->backend == backend &&
        attempt->tried_count < ATTEMPTS_MAX) {
        attempt->tried[attempt->tried_count++] = (uint32_t)(attempt->server - backend->servers);
    }
}

// Whether another server than the tried ones and the present one works. See backend_has_working().
static bool works_elsewhere(struct attempt *attempt, const struct choice *choice, int64_t due_ms) {
    uint32_t before = attempt->tried_count;
    note_tried(attempt, choice);
    bool works =
        backend_has_working(backend_of(choice), attempt->tried, attempt->tried_count, due_ms);
    attempt->tried_count = before;
    return works;
}

// Whether a retry moves the request from a server that gets no more requests to one that works.
// There are at most as many such retries as requests were under way.
static bool is_move(struct attempt *attempt, const struct choice *choice) {
    return attempt->server != NULL && health_is_out(attempt->server->health) &&
           works_elsewhere(attempt, choice, 0);
}

bool attempt_may_leave(struct attempt *attempt, const struct choice *choice, uint16_t status) {
    struct backend *backend = backend_of(choice);
    const int64_t now_ms = shared_now_ms(choice->shared);
    if (!config_statuses_have(&choice->backend->fail_on_status, status) || attempt->lease->bound ||
        attempt->count > choice->backend->retries ||
        (backend->queue != NULL && queue_is_full(backend->queue) &&
         !backend_has_room(backend, now_ms)) ||
        !works_elsewhere(attempt, choice, attempt->can_repeat ? now_ms : 0)) {
        return false;
    }
    bool within = is_move(attempt, choice) || backend_take_retry(backend, now_ms);
    metric_add(choice->shared->metrics, METRIC_retries_refused, within ? 0 : 1);
    return within;
}

void attempt_fail(struct attempt *attempt, const struct choice *choice, struct failure failure,
                  const char *why) {
    bool was_reused = attempt->lease != NULL && attempt->lease->reused;
    metric_add(choice->shared->metrics, METRIC_server_failures, 1);
    if (attempt->server != NULL) {
        series_add(attempt->server->series, SERIES_FAILURES, 1);
    }
    attempt->fault = failure.fault;
    attempt->blamed = failure.fault != FAULT_NONE && (!was_reused || failure.fault != FAULT_CLOSED);
    if (attempt->blamed) {
        note_tried(attempt, choice);
        attempt_blame(attempt, choice, failure);
        if (why != NULL) {
            complain_of_server(&choice->shared->complaints, attempt->server, "%s", why);
        }
    }
    attempt_drop(attempt, choice);
}

struct slice attempt_cookie(const struct attempt *attempt, const struct choice *choice) {
    const struct affinity *affinity = &choice->affinity;
    bool known = affinity->has_name && server_has_name(attempt->server, affinity->name);
    return known ? SLICE("") : slice_from(attempt->server->cookie);
}

struct answer attempt_refuse(const struct attempt *attempt, const struct choice *choice) {
    metric_add(choice->shared->metrics, METRIC_queue_refused, 1);
    return shared_answer_later(choice->shared, 503, attempt->refusal,
                               (choice->backend->queue_timeout_ms + 999) / 1000);
}

// Retries that cost servers nothing are free: after failed connections, and after connections of
// the pool that had ended. So are retries that cannot become a storm.
static bool is_charged(struct attempt *attempt, const struct choice *choice) {
    return attempt->blamed && !is_connect_fault(attempt->fault) && !is_move(attempt, choice);
}

bool attempt_may_repeat(struct attempt *attempt, const struct choice *choice, bool elsewhere) {
    struct backend *backend = backend_of(choice);
    bool other = backend_has_other(backend, attempt->tried, attempt->tried_count);
    if (!attempt->blamed && !attempt->met_old && choice->backend->retries > 0) {
        attempt->met_old = true;
        attempt->count--; // no server was tried: the connection was an old one
        return true;
    }
    if (attempt->count > choice->backend->retries ||
        (!other && (!backend_has_one(backend) || elsewhere))) {
        return false;
    }
    bool within =
        !is_charged(attempt, choice) || backend_take_retry(backend, shared_now_ms(choice->shared));
    metric_add(choice->shared->metrics, METRIC_retries_refused, within ? 0 : 1);
    return within;
}

void attempt_release(struct attempt *attempt, const struct choice *choice, bool reusable) {
    struct lease *lease = attempt->lease;
    attempt->lease = NULL;
    end_try(attempt, choice);
    if (lease == NULL) {
        return;
    }
    if (reusable && lease->bound) {
        lease_keep(lease, attempt->kept, choice->shared->current->backends);
    } else if (reusable && choice->backend->send_proxy_protocol == PROXY_PROTOCOL_OFF) {
        lease_release(lease, choice->generation->backends->retired, shared_now_ms(choice->shared));
    } else {
        lease_close(lease);
    }
}
