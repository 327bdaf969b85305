#include "session/session.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Steps of one session in one turn of the loop. A step is a request, or a round of a body: the
// bytes that a ring and a send buffer hold.
enum { TURN_STEPS = 4 };

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    struct session *session = watcher->data;
    session->transport.readable |= (events & EV_READ) != 0;
    session->transport.writable |= (events & EV_WRITE) != 0;
    session_advance(session);
}

static void watch(struct session *session, int events) {
    struct ev_loop *loop = session->sessions->loop;
    if ((session->watcher.events & (EV_READ | EV_WRITE)) == events) {
        return;
    }
    ev_io_stop(loop, &session->watcher);
    ev_io_modify(&session->watcher, events);
    if (events != 0) {
        ev_io_start(loop, &session->watcher);
    }
}

// Moves the timer only if it would fire too late. When it fires, the deadline is checked.
void session_await_deadline(struct session *session) {
    if (session->due.at_ms == 0 || session->due.at_ms > session->deadline_ms) {
        sessions_await(session->sessions, &session->due, session->deadline_ms);
    }
}

// Timer callback, perhaps before the deadline.
static void on_due(struct wheel_node *node) {
    struct session *session = LIST_ENTRY(node, struct session, due);
    if (session->deadline_ms > sessions_now_ms(session->sessions)) {
        session_await_deadline(session);
    } else {
        session->phase->time_out(session);
    }
}

void session_drain(struct session *session) {
    if (session->phase->drain != NULL) {
        session->phase->drain(session);
    }
}

void session_reload(struct session *session, const struct reload *reload) {
    if (session->listener_generation == NULL && session->listener != SESSION_NO_LISTENER) {
        session->listener = reload->listeners[session->listener];
    }
    if (session->listener_generation == NULL && session->listener != SESSION_NO_LISTENER) {
        session->offers_http2 =
            config_offers_http2(&reload->now->config->listeners[session->listener]);
    }
    if (session->phase->reload != NULL) {
        session->phase->reload(session, reload);
    }
}

// --- beginning and end ---

void session_set_client(struct session *session, const struct sockaddr *address) {
    union ip_address *client = &session->client.address;
    if (address->sa_family == AF_INET6) {
        client->v6 = *(const struct sockaddr_in6 *)(const void *)address;
        ip_address_unmap(client);
    } else {
        client->v4 = *(const struct sockaddr_in *)(const void *)address;
    }
    ip_address_format(client, session->client.text);
    session->client.port =
        ntohs(client->any.sa_family == AF_INET6 ? client->v6.sin6_port : client->v4.sin_port);
    session->client.text_size = (uint8_t)strlen(session->client.text);
}

struct session *session_new(struct sessions *sessions, int fd, const struct sockaddr *peer) {
    struct session *session = pages_get(&sessions->pages);
    if (session == NULL) {
        close(fd);
        return NULL;
    }
    memset(session, 0, sizeof(*session));
    session->sessions = sessions;
    list_init(&session->turn_node);
    list_init(&session->kept);
    session->accepted_us = clock_monotonic_us();
    session_set_client(session, peer);
    transport_init(&session->transport, &sessions->transports, fd);
    ev_io_init(&session->watcher, on_ready, fd, 0);
    session->watcher.data = session;
    wheel_node_init(&session->due, on_due);
    list_push_last(&sessions->open, &session->node);
    metric_add(sessions->shared.metrics, METRIC_sessions_open, 1);
    return session;
}

void session_enter(struct session *session, const struct session_phase *phase) {
    if (session->phase != NULL && session->phase->leave != NULL) {
        session->phase->leave(session);
    }
    session->phase = phase;
}

void session_wait(struct session *session) {
    watch(session, EV_READ);
    session_await_deadline(session);
}

void session_count_idle(struct session *session, bool idle) {
    session->counted_idle = idle;
    if (idle) {
        metric_add(session->sessions->shared.metrics, METRIC_sessions_idle, 1);
    } else {
        metric_subtract(session->sessions->shared.metrics, METRIC_sessions_idle, 1);
    }
}

static bool is_closed(const struct session *session) {
    return session->transport.fd < 0;
}

void session_close(struct session *session) {
    struct sessions *sessions = session->sessions;
    if (is_closed(session)) {
        return;
    }
    session_set_idle(session, false);
    session_enter(session, NULL);
    pool_close_kept(&session->kept);
    generation_release(session->listener_generation);
    session->listener_generation = NULL;
    if (session->counted) {
        client_table_disconnect(sessions->shared.clients, sessions->shared.slot,
                                session->client_key);
        session->counted = false;
    }
    watch(session, 0);
    wheel_remove(&sessions->wheel, &session->due);
    transport_close(&session->transport);
    free(session->client.server_name);
    free(session->client.identity);
    session->client.server_name = NULL;
    session->client.server_name_size = 0;
    list_remove(&session->turn_node);
    list_remove(&session->node);
    list_push_last(&sessions->closed, &session->node);
    metric_subtract(sessions->shared.metrics, METRIC_sessions_open, 1);
}

void session_refuse(struct session *session, const char *why) {
    struct sessions *sessions = session->sessions;
    metric_add(sessions->shared.metrics, METRIC_sessions_refused, 1);
    complain(&sessions->shared.complaints, COMPLAINT_LIMIT, SEVERITY_WARNING,
             "client %s: %s: closed", session->client.text, why);
    session_close(session);
}

void session_free(struct session *session) {
    list_remove(&session->node);
    pages_put(&session->sessions->pages, session);
}

// --- deciding ---

static void arm(struct session *session) {
    int events = session->phase->arm(session);
    if (!is_closed(session)) {
        watch(session, events);
        session_await_deadline(session);
    }
}

void session_advance(struct session *session) {
    if (session->advancing) { // called from below itself: once more, from above
        session->again = true;
        return;
    }
    session->advancing = true;
    session->steps_left = TURN_STEPS;
    enum result progress = RESULT_AGAIN;
    while (session->phase != NULL && session->steps_left > 0) {
        session->again = false;
        session->steps_left--;
        progress = session->phase->step(session);
        if (progress != RESULT_OK && !session->again) {
            break;
        }
    }
    session->advancing = false;
    if (session->phase == NULL) {
        return;
    }
    if (session->steps_left == 0) {
        list_remove(&session->turn_node);
        list_push_last(&session->sessions->unfinished, &session->turn_node);
    }
    arm(session);
}
