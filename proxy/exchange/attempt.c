#include "exchange/attempt.h"

#include <errno.h>
#include <string.h>

// The client's own connection to this backend on the first try, else one of the pool or a new one.
static struct lease *choose_lease(struct attempt *attempt, const struct choice *choice) {
    const struct generation *generation = choice->generation;
    size_t index = (size_t)(choice->backend - generation->config->backends);
    struct backend *backend = &generation->backends->backends[index];
    // A connection that began with the name of one client is not for another.
    bool fresh = attempt->count > 1 || choice->backend->send_proxy_protocol != PROXY_PROTOCOL_OFF;
    struct lease *lease = attempt->count > 1 || list_is_empty(attempt->kept)
                              ? NULL
                              : pool_lease_kept(attempt->kept, backend, &attempt->owner);
    if (lease != NULL) {
        attempt->server = lease->server;
        return lease;
    }
    const struct server_wish wish = {
        .failed = attempt->failed_server,
        .has_key = choice->affinity.has_key,
        .key = choice->affinity.key,
        .name = choice->affinity.has_name ? choice->affinity.name : NULL,
    };
    attempt->server = backend_choose(backend, &wish, shared_now_ms(choice->shared));
    lease = pool_lease(&choice->shared->pool, attempt->server, fresh, &attempt->owner);
    if (lease != NULL) {
        lease->bound = attempt->binds_lease;
    }
    return lease;
}

// 0, or the error with which no connection could be made.
static int take_lease(struct attempt *attempt, const struct choice *choice,
                      struct account *account) {
    attempt->count++;
    // The first try begins with the exchange; looking at the clock again would cost more than it
    // tells.
    account->connect_begun_us =
        attempt->count == 1 ? account->started_mono_us : clock_monotonic_us();
    account->connect_us = -1;
    account->request_sent_us = 0;
    attempt->lease = choose_lease(attempt, choice);
    int error = attempt->lease == NULL ? errno : 0;
    account->server = attempt->server->config->text;
    if (attempt->lease == NULL) {
        complain_of_server(choice->shared, attempt->server, "cannot connect: %s", strerror(error));
        return error;
    }
    account->server_reused = attempt->lease->reused;
    if (attempt->lease->connected) { // from the pool, or at once: it took no time
        account->connect_us = 0;
    }
    return 0;
}

int attempt_connect(struct attempt *attempt, const struct choice *choice, struct account *account) {
    int error = attempt->lease == NULL ? take_lease(attempt, choice, account) : 0;
    if (error != 0 || attempt->lease->connected) {
        return error;
    }
    error = lease_finish_connect(attempt->lease);
    if (error == 0) {
        account->connect_us = clock_monotonic_us() - account->connect_begun_us;
    }
    return error;
}

void attempt_drop(struct attempt *attempt) {
    if (attempt->lease != NULL) {
        lease_close(attempt->lease);
        attempt->lease = NULL;
    }
}

void attempt_fail(struct attempt *attempt, const struct choice *choice, const char *why) {
    bool was_reused = attempt->lease != NULL && attempt->lease->reused;
    metric_add(choice->shared->metrics, METRIC_server_failures, 1);
    attempt_drop(attempt);
    if (!was_reused) {
        attempt->failed_server = attempt->server;
        server_failed(attempt->server, shared_now_ms(choice->shared));
        complain_of_server(choice->shared, attempt->server, "%s", why);
    }
}

struct slice attempt_cookie(const struct attempt *attempt, const struct choice *choice) {
    const struct affinity *affinity = &choice->affinity;
    bool known = affinity->has_name && server_has_name(attempt->server, affinity->name);
    return known ? SLICE("") : slice_from(attempt->server->cookie);
}

bool attempt_may_repeat(const struct attempt *attempt, const struct choice *choice) {
    return attempt->count <= choice->backend->retries;
}

void attempt_release(struct attempt *attempt, const struct choice *choice, bool reusable) {
    struct lease *lease = attempt->lease;
    attempt->lease = NULL;
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
