#include "session/listener.h"

#include "base/claim.h"
#include "session/service_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_MAX = 16, QUEUED_MAX = 65536 };
static const double PAUSE_S = 0.1;

static bool over_limit(const struct service *service) {
    const struct service_options *options = &service->options;
    uint64_t limit = service->current->config->limits.connections;
    return metrics_bounded_sum(options->all_metrics, options->slot_count, options->slot,
                               claim_bound(limit, options->slot_count),
                               METRIC_sessions_open) >= limit;
}

static void refuse(struct service *service, int fd) {
    close(fd);
    metric_add(service->options.metrics, METRIC_sessions_refused, 1);
    int64_t now_ms = service_now_ms(service);
    if (now_ms - service->refused_logged_ms >= 1000) {
        service->refused_logged_ms = now_ms;
        log_warning(service->options.log,
                    "the limit of %u connections is reached: new ones are closed",
                    service->current->config->limits.connections);
    }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    struct listener *listener = timer->data;
    ev_io_start(loop, &listener->watcher);
}

static void pause_listener(struct listener *listener, int error) {
    struct service *service = listener->service;
    log_error(service->options.log, "cannot accept: %s; trying again in %.1f s", strerror(error),
              PAUSE_S);
    ev_io_stop(service->options.loop, &listener->watcher);
    ev_timer_set(&listener->pause, PAUSE_S, 0.);
    ev_timer_start(service->options.loop, &listener->pause);
}

// Accepts up to `most` connections. False when no more wait, or none can be accepted now.
static bool accept_some(struct listener *listener, int most) {
    struct service *service = listener->service;
    for (int i = 0; i < most; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        int fd = accept4(listener->watcher.fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            metric_add(service->options.metrics, METRIC_sessions_accepted, 1);
            if (over_limit(service)) {
                refuse(service, fd);
            } else {
                session_start(listener, fd, &peer);
            }
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_listener(listener, errno);
            return false;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return false;
        }
    }
    return true;
}

// To learn that no more wait takes a call for nothing. So it is one connection that is accepted, and
// more only while there are some in each turn of the loop; those left are told of in the next.
static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    struct listener *listener = watcher->data;
    unsigned turn = ev_iteration(loop);
    bool flood = accept_some(listener, listener->batch) && turn == listener->turn + 1;
    listener->batch = !flood ? 1 : listener->batch < ACCEPT_MAX ? 2 * listener->batch : ACCEPT_MAX;
    listener->turn = turn;
}

bool listener_set_init(struct listener_set *set, struct service *service,
                       const struct config *config, const int *fds, size_t count) {
    set->count = 0;
    set->listeners = calloc(count == 0 ? 1 : count, sizeof(*set->listeners));
    if (set->listeners == NULL || count != config->listener_count) {
        for (size_t i = 0; i < count; i++) {
            close(fds[i]);
        }
        free(set->listeners);
        set->listeners = NULL;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct listener *listener = &set->listeners[i];
        listener->service = service;
        listener->protocol = config->listeners[i].protocol;
        listener->proxy_protocol = config->listeners[i].proxy_protocol;
        listener->batch = 1;
        ev_io_init(&listener->watcher, on_connection, fds[i], EV_READ);
        ev_init(&listener->pause, on_pause_over);
        listener->watcher.data = listener->pause.data = listener;
    }
    set->count = count;
    return true;
}

void listener_set_start(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        ev_io_start(set->listeners[i].service->options.loop, &set->listeners[i].watcher);
    }
}

void listener_set_accept_queued(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        (void)accept_some(&set->listeners[i], QUEUED_MAX);
    }
}

void listener_set_free(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        ev_timer_stop(listener->service->options.loop, &listener->pause);
        ev_io_stop(listener->service->options.loop, &listener->watcher);
        close(listener->watcher.fd);
    }
    free(set->listeners);
    *set = (struct listener_set){NULL, 0};
}
