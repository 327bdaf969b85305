#include "session/listener.h"

#include "base/claim.h"
#include "session/admission.h"
#include "session/proxy_header.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPT_MAX = 16, QUEUED_MAX = 65536 };
// Connections in a row that may fail before the listener waits.
enum { FAILURES_MAX = 64 };
static const double PAUSE_S = 0.1;
static const double PAUSE_MAX_S = 1.;

// The meaning of an error of accept4().
enum accept_failure {
    ACCEPT_NOTHING,    // no connection waits
    ACCEPT_CONNECTION, // this connection failed, perhaps not the next
    ACCEPT_SHORTAGE,   // no descriptor or memory: the connection stays in the queue
    ACCEPT_BROKEN,     // the socket does not listen, or an error that is not listed
};

static const struct {
    int error;
    enum accept_failure failure;
} failures[] = {
    {EAGAIN, ACCEPT_NOTHING},
    {EINTR, ACCEPT_CONNECTION},
    {ECONNABORTED, ACCEPT_CONNECTION}, // the client has left
    {EPERM, ACCEPT_CONNECTION},        // a firewall forbids it
    // Errors that are already pending on the new connection, accept(2).
    {EPROTO, ACCEPT_CONNECTION},
    {ENOPROTOOPT, ACCEPT_CONNECTION},
    {ENETDOWN, ACCEPT_CONNECTION},
    {ENETUNREACH, ACCEPT_CONNECTION},
    {EHOSTDOWN, ACCEPT_CONNECTION},
    {EHOSTUNREACH, ACCEPT_CONNECTION},
    {ENONET, ACCEPT_CONNECTION},
    {ECONNRESET, ACCEPT_CONNECTION},
    {ETIMEDOUT, ACCEPT_CONNECTION},
    {EMFILE, ACCEPT_SHORTAGE},
    {ENFILE, ACCEPT_SHORTAGE},
    {ENOBUFS, ACCEPT_SHORTAGE},
    {ENOMEM, ACCEPT_SHORTAGE},
};

static enum accept_failure judge(int error) {
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        if (failures[i].error == error) {
            return failures[i].failure;
        }
    }
    return ACCEPT_BROKEN;
}

static bool over_limit(const struct sessions *sessions) {
    uint64_t limit = sessions->shared.current->config->limits.connections;
    return metrics_bounded_sum(sessions->all_metrics, sessions->slot_count, sessions->shared.slot,
                               claim_bound(limit, sessions->slot_count),
                               METRIC_sessions_open) >= limit;
}

static void refuse(struct sessions *sessions, int fd) {
    close(fd);
    metric_add(sessions->shared.metrics, METRIC_sessions_refused, 1);
    complain(&sessions->shared.complaints, COMPLAINT_LIMIT, SEVERITY_WARNING,
             "the limit of %u connections is reached: new ones are closed",
             sessions->shared.current->config->limits.connections);
}

static void on_pause_over(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)events;
    struct listener *listener = timer->data;
    ev_io_start(loop, &listener->watcher);
}

static void log_pause(struct listener *listener, int error, double pause_s) {
    struct sessions *sessions = listener->sessions;
    if (!rate_take(&listener->pause_lines, sessions_now_ms(sessions))) {
        return;
    }
    char more[64] = "";
    if (listener->pause_lines.left_out > 0) {
        (void)snprintf(more, sizeof(more), " (%" PRIu64 " more times since the last line)",
                       listener->pause_lines.left_out);
        listener->pause_lines.left_out = 0;
    }
    log_error(sessions->shared.log, "cannot accept on %s: %s; trying again in %.1f s%s",
              listener->address, strerror(error), pause_s, more);
}

// A shortage may end soon. A broken socket is less likely to recover the longer it lasts.
static void pause_listener(struct listener *listener, int error) {
    struct ev_loop *loop = listener->sessions->loop;
    bool is_short = judge(error) == ACCEPT_SHORTAGE;
    double pause_s = is_short || listener->pause_s == 0. ? PAUSE_S : 2 * listener->pause_s;
    listener->pause_s = pause_s > PAUSE_MAX_S ? PAUSE_MAX_S : pause_s;
    listener->failures = 0;
    log_pause(listener, error, listener->pause_s);
    ev_io_stop(loop, &listener->watcher);
    ev_timer_set(&listener->pause, listener->pause_s, 0.);
    ev_timer_start(loop, &listener->pause);
}

void listener_start_session(const struct listener *listener, int fd, const struct sockaddr *peer) {
    struct session *session = session_new(listener->sessions, fd, peer);
    if (session == NULL) {
        return;
    }
    session->client.redirect = listener->protocol == LISTEN_REDIRECT;
    session->client.challenges = listener->challenges;
    session->client.https_port = listener->https_port;
    session->listener = listener->index;
    if (listener->protocol == LISTEN_TCP) {
        session->listener_generation = generation_hold(listener->sessions->shared.current);
    }
    session->offers_http2 = listener->http2 && listener->protocol == LISTEN_HTTPS;
    if (listener->proxy_protocol) {
        proxy_header_enter(session);
    } else {
        session_admit(session);
    }
    if (session->phase != NULL) {
        session_wait(session);
    }
}

static void start_session(struct listener *listener, int fd, const struct sockaddr_storage *peer) {
    struct sessions *sessions = listener->sessions;
    metric_add(sessions->shared.metrics, METRIC_sessions_accepted, 1);
    listener->failures = 0;
    listener->pause_s = 0.;
    if (over_limit(sessions)) {
        refuse(sessions, fd);
    } else {
        listener_start_session(listener, fd, (const struct sockaddr *)peer);
    }
}

// False: no other connection should be accepted now.
static bool note_failure(struct listener *listener, int error) {
    enum accept_failure failure = judge(error);
    if (failure == ACCEPT_NOTHING) {
        return false;
    }
    listener->failures++;
    if (failure == ACCEPT_CONNECTION && listener->failures < FAILURES_MAX) {
        return true;
    }
    pause_listener(listener, error);
    return false;
}

// Accepts up to `most` connections. False: no more wait, or none can be accepted now.
static bool accept_some(struct listener *listener, int most) {
    for (int i = 0; i < most; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        int fd = accept4(listener->watcher.fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            start_session(listener, fd, &peer);
        } else if (!note_failure(listener, errno)) {
            return false;
        }
    }
    return true;
}

// Finding out that no more connections wait costs a call. So one connection is accepted, and more
// only while every turn of the loop has some. The loop reports the rest in its next turn.
static void on_connection(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)events;
    struct listener *listener = watcher->data;
    unsigned turn = ev_iteration(loop);
    bool flood = accept_some(listener, listener->batch) && turn == listener->turn + 1;
    listener->batch = !flood ? 1 : listener->batch < ACCEPT_MAX ? 2 * listener->batch : ACCEPT_MAX;
    listener->turn = turn;
}

bool listener_set_init(struct listener_set *set, struct sessions *sessions,
                       const struct config *config, const int *fds, size_t count) {
    set->count = 0;
    set->listeners = calloc(count == 0 ? 1 : count, sizeof(*set->listeners));
    if (set->listeners == NULL || count == 0 || count % config->listener_count != 0) {
        for (size_t i = 0; i < count; i++) {
            close(fds[i]);
        }
        free(set->listeners);
        set->listeners = NULL;
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        const struct config_listen *listen = &config->listeners[i % config->listener_count];
        struct listener *listener = &set->listeners[i];
        listener->sessions = sessions;
        listener->protocol = listen->protocol;
        listener->index = (uint32_t)(i % config->listener_count);
        listener->proxy_protocol = listen->proxy_protocol;
        listener->challenges = listen->challenge_path != NULL;
        listener->https_port = (uint16_t)listen->https_port;
        listener->http2 = listen->http2;
        listener->batch = 1;
        listener->pause_lines = (struct rate){.interval_ms = 10000, .burst = 3};
        address_format(&listen->address, listener->address);
        ev_io_init(&listener->watcher, on_connection, fds[i], EV_READ);
        ev_init(&listener->pause, on_pause_over);
        listener->watcher.data = listener->pause.data = listener;
    }
    set->count = count;
    return true;
}

void listener_set_start(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        ev_io_start(set->listeners[i].sessions->loop, &set->listeners[i].watcher);
    }
}

bool listener_set_replace(struct listener_set *set, const int *fds, size_t count) {
    if (count != set->count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct listener *listener = &set->listeners[i];
        struct ev_loop *loop = listener->sessions->loop;
        ev_timer_stop(loop, &listener->pause);
        ev_io_stop(loop, &listener->watcher);
        close(listener->watcher.fd);
        ev_io_set(&listener->watcher, fds[i], EV_READ);
        ev_io_start(loop, &listener->watcher);
    }
    return true;
}

void listener_set_accept_queued(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        (void)accept_some(&set->listeners[i], QUEUED_MAX);
    }
}

void listener_set_free(struct listener_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        struct listener *listener = &set->listeners[i];
        ev_timer_stop(listener->sessions->loop, &listener->pause);
        ev_io_stop(listener->sessions->loop, &listener->watcher);
        close(listener->watcher.fd);
    }
    free(set->listeners);
    *set = (struct listener_set){NULL, 0};
}
