#include "exchange/attempt.h"

#include <errno.h>
#include <stdio.h>
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

// A server that has a connection left, unless others wait for one.
static struct server *choose_server(struct attempt *attempt, const struct choice *choice,
                                    struct backend *backend) {
    if (backend->queue != NULL && !attempt->waiter.granted && queue_is_busy(backend->queue)) {
        return NULL;
    }
    const struct server_wish wish = wish_of(attempt, choice);
    attempt->begun_ms = shared_now_ms(choice->shared);
    return backend_choose(backend, &wish, attempt->begun_ms, &attempt->tries);
}

// Without an outcome.
static void end_try(struct attempt *attempt, const struct choice *choice) {
    if (attempt->tries) {
        health_end_try(attempt->server->health, shared_now_ms(choice->shared));
        attempt->tries = false;
    }
}

// The client's own connection to this backend on the first try, else one of the pool or a new one.
// NULL with errno; EBUSY: it must be waited for.
static struct lease *choose_lease(struct attempt *attempt, const struct choice *choice) {
    struct backend *backend = backend_of(choice);
    // A connection that began with the name of one client is not for another.
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
    struct attempt *attempt = LIST_ENTRY(waiter, struct attempt, waiter);
    attempt->owner.ready(&attempt->owner);
}

// EINPROGRESS: it waits. EBUSY: too many do, or no server is up.
static int wait_for_room(struct attempt *attempt, const struct choice *choice) {
    struct shared *shared = choice->shared;
    struct backend *backend = backend_of(choice);
    struct queue_waiter *waiter = &attempt->waiter;
    const struct server_wish wish = wish_of(attempt, choice);
    waiter->server = backend_find_named(backend, &wish, shared_now_ms(shared));
    waiter->key = client_table_key(shared->clients, &choice->client_address.any);
    waiter->ready = on_room;
    attempt->count--; // nothing was tried
    // Without a queue no server was up, whatever the master has written meanwhile.
    if (backend->queue == NULL || (waiter->server == NULL && !backend_is_up(backend))) {
        attempt->refusal = backend_is_empty(backend)
                               ? "no name of the backend has an address"
                               : "all servers of the backend are drained or down";
        return EBUSY;
    }
    attempt->has_waited = true;
    if (queue_enter(backend->queue, &shared->queues, waiter, shared_now_ms(shared))) {
        attempt->refusal = backend_is_empty(backend) ? "no name of the backend was resolved in time"
                                                     : "no server had a connection left";
        return EINPROGRESS;
    }
    attempt->refusal = "too many requests wait for a server";
    return EBUSY;
}

static struct server_outcome end_with_outcome(struct attempt *attempt,
                                              const struct choice *choice) {
    const struct server_outcome outcome = {attempt->begun_ms, shared_now_ms(choice->shared),
                                           attempt->tries};
    attempt->tries = false;
    return outcome;
}

// Nothing but the connection shows whether the server of a tunnel works.
static void note_connected(struct attempt *attempt, const struct choice *choice) {
    if (attempt->wants_unused) {
        const struct server_outcome outcome = end_with_outcome(attempt, choice);
        server_worked(attempt->server, &outcome);
    }
}

// 0, EINPROGRESS if it must be waited for, or the error with which no connection could be made.
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
    if (attempt->waiter.granted) {
        attempt->waiter.granted = false;
        metric_note_time(choice->shared->metrics, TIME_QUEUE,
                         (shared_now_ms(choice->shared) - attempt->waiter.since_ms) * 1000);
    }
    // The first try begins with the exchange, if it did not wait; looking at the clock again would
    // cost more than it tells.
    account->connect_begun_us = attempt->count == 1 && !attempt->has_waited && !attempt->met_old
                                    ? account->started_mono_us
                                    : clock_monotonic_us();
    account->connect_us = -1;
    account->request_sent_us = 0;
    account->server = attempt->server->text;
    account->server_series = attempt->server->series;
    if (attempt->lease == NULL) {
        complain_of_server(&choice->shared->complaints, attempt->server, "cannot connect: %s",
                           strerror(error));
        return error;
    }
    account->server_reused = attempt->lease->reused;
    if (attempt->lease->connected) { // from the pool, or at once: it took no time
        account->connect_us = 0;
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
    if (error == 0) {
        account->connect_us = clock_monotonic_us() - account->connect_begun_us;
        note_connected(attempt, choice);
        metric_note_time(choice->shared->metrics, TIME_CONNECT, account->connect_us);
    }
    return error;
}

void attempt_drop(struct attempt *attempt, const struct choice *choice) {
    queue_leave(&attempt->waiter);
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

// An address that its name has lost is no server's.
static bool has_left(const struct attempt *attempt) {
    return attempt->lease != NULL && !lease_is_current(attempt->lease);
}

void attempt_blame(struct attempt *attempt, const struct choice *choice, struct failure failure) {
    struct shared *shared = choice->shared;
    const struct server_outcome outcome = end_with_outcome(attempt, choice);
    if (!has_left(attempt) &&
        server_failed(attempt->server, &outcome, failure.fault, failure.detail)) {
        metric_add(shared->metrics, METRIC_server_ejections, 1);
        pool_close_idle_of(attempt->server);
        prober_wake(&shared->prober);
    }
}

// The next attempt is not at this server.
static void note_tried(struct attempt *attempt, const struct choice *choice) {
    const struct backend *backend = backend_of(choice);
    if (attempt->server != NULL && attempt->server->backend == backend &&
        attempt->tried_count < ATTEMPTS_MAX) {
        attempt->tried[attempt->tried_count++] = (uint32_t)(attempt->server - backend->servers);
    }
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
    struct shared *shared = choice->shared;
    int size = snprintf(shared->scratch, shared->scratch_size, "Retry-After: %u\r\n",
                        (choice->backend->queue_timeout_ms + 999) / 1000);
    struct answer answer = answer_of(503, attempt->refusal);
    answer.fields = (struct slice){shared->scratch, (size_t)size};
    metric_add(shared->metrics, METRIC_queue_refused, 1);
    return answer;
}

// Nothing is charged for what costs servers nothing: failed connections, and connections of the
// pool that had ended.
static bool is_charged(const struct attempt *attempt) {
    return attempt->blamed && attempt->fault != FAULT_CONNECT &&
           attempt->fault != FAULT_CONNECT_TIMEOUT;
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
        !is_charged(attempt) || backend_take_retry(backend, shared_now_ms(choice->shared));
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
