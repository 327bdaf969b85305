#include "session/session.h"

#include "base/clock.h"
#include "base/socket.h"
#include "session/handshake_step.h"
#include "session/proxy_header.h"
#include "session/refusals.h"
#include "session/service_internal.h"
#include "session/session_drop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

// Of one session in one turn of the loop. A step is a request, or a round of a body: what a ring
// and a send buffer hold.
enum { TURN_STEPS = 4 };

static const struct config_limits *limits(const struct session *session) {
    return &session->service->shared.current->config->limits;
}

static int64_t now_ms(const struct session *session) {
    return service_now_ms(session->service);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    struct session *session = watcher->data;
    session->transport.readable |= (events & EV_READ) != 0;
    session->transport.writable |= (events & EV_WRITE) != 0;
    session_advance(session);
}

static void watch(struct session *session, int events) {
    struct ev_loop *loop = session->service->options.loop;
    if ((session->watcher.events & (EV_READ | EV_WRITE)) == events) {
        return;
    }
    ev_io_stop(loop, &session->watcher);
    ev_io_modify(&session->watcher, events);
    if (events != 0) {
        ev_io_start(loop, &session->watcher);
    }
}

// Moved only when it would come up too late; when it comes up the deadline is looked at.
void session_await_deadline(struct session *session) {
    if (session->due.at_ms == 0 || session->due.at_ms > session->deadline_ms) {
        service_await(session->service, &session->due, session->deadline_ms);
    }
}

// Closes one that is over a limit or not let in, and says so.
static void refuse(struct session *session, const char *why) {
    struct service *service = session->service;
    metric_add(service->options.metrics, METRIC_sessions_refused, 1);
    complain(&service->shared, COMPLAINT_LIMIT, SEVERITY_WARNING, "client %s: %s: closed",
             session->client.text, why);
    session_close(session);
}

static void time_out(struct session *session) {
    switch (session->state) {
    case SESSION_PROXY_HEADER:
        refuse(session, "no PROXY header in time");
        return;
    case SESSION_HANDSHAKE:
        session_handshake_broken(session, REFUSAL_timeout);
        session_close(session);
        return;
    case SESSION_OPEN:
        http1_time_out(session);
        return;
    case SESSION_LINGER:
        if (session_drop_again(session)) {
            session_await_deadline(session);
        } else {
            session_close(session);
        }
        return;
    case SESSION_CLOSED:
        return;
    }
}

// The session came up in the wheel, perhaps before its deadline.
static void on_due(struct wheel_node *node) {
    struct session *session = LIST_ENTRY(node, struct session, due);
    if (session->deadline_ms > now_ms(session)) {
        session_await_deadline(session);
    } else {
        time_out(session);
    }
}

void session_drain(struct session *session) {
    if (session->state == SESSION_LINGER) {
        session_drop_hurry(session);
        session_await_deadline(session);
    } else if (session->state == SESSION_OPEN) {
        http1_drain(session);
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
    bool v6 = client->any.sa_family == AF_INET6;
    const void *host = v6 ? (const void *)&client->v6.sin6_addr : &client->v4.sin_addr;
    (void)inet_ntop(client->any.sa_family, host, session->client.text,
                    sizeof(session->client.text));
    session->client.port = ntohs(v6 ? client->v6.sin6_port : client->v4.sin_port);
    session->client.text_size = (uint8_t)strlen(session->client.text);
}

// Counts the session among its client's. False when that are too many.
static bool count_client(struct session *session) {
    struct service *service = session->service;
    struct client_table *table = service->options.clients;
    uint64_t key = client_table_key(table, &session->client.address.any);
    uint32_t most = limits(session)->connections_per_client;
    session->counted = true;
    session->client_key = key;
    return client_table_connect(table, service->options.slot, key, most);
}

void session_begin(struct session *session) {
    session->state = session->client.redirect ? SESSION_OPEN : SESSION_HANDSHAKE;
    if (!count_client(session)) {
        refuse(session, "more connections than one client may have");
        return;
    }
    session->deadline_ms =
        now_ms(session) + (session->client.redirect ? limits(session)->header_timeout_ms
                                                    : limits(session)->handshake_timeout_ms);
    if (session->client.redirect) {
        transport_commit(&session->transport, NULL);
    } else if (!session_begin_handshake(session)) {
        session_close(session);
    }
}

// A peer that speaks for others must be one that is trusted.
static void await_proxy_header(struct session *session) {
    const struct config_networks *trusted =
        &session->service->shared.current->config->trusted_proxies;
    session->state = SESSION_PROXY_HEADER;
    session->deadline_ms = now_ms(session) + limits(session)->handshake_timeout_ms;
    if (!networks_contain(trusted->items, trusted->count, &session->client.address.any)) {
        refuse(session, "not among trusted-proxies, where every client must come through one");
    }
}

void session_start(const struct listener *listener, int fd, const struct sockaddr_storage *peer) {
    struct service *service = listener->service;
    struct session *session = pages_get(&service->session_pages);
    if (session == NULL) {
        close(fd);
        return;
    }
    memset(session, 0, sizeof(*session));
    session->service = service;
    list_init(&session->turn_node);
    list_init(&session->kept);
    session->client.redirect = listener->protocol == LISTEN_REDIRECT;
    session->accepted_us = clock_monotonic_us();
    session_set_client(session, (const struct sockaddr *)peer);
    transport_init(&session->transport, &service->transports, fd);
    ev_io_init(&session->watcher, on_ready, fd, 0);
    session->watcher.data = session;
    wheel_node_init(&session->due, on_due);
    list_push_last(&service->sessions, &session->node);
    metric_add(service->options.metrics, METRIC_sessions_open, 1);
    if (listener->proxy_protocol) {
        await_proxy_header(session);
    } else {
        session_begin(session);
    }
    if (session->state != SESSION_CLOSED) {
        watch(session, EV_READ);
        session_await_deadline(session);
    }
}

void session_count_idle(struct session *session, bool idle) {
    session->counted_idle = idle;
    if (idle) {
        metric_add(session->service->options.metrics, METRIC_sessions_idle, 1);
    } else {
        metric_subtract(session->service->options.metrics, METRIC_sessions_idle, 1);
    }
}

void session_close(struct session *session) {
    struct service *service = session->service;
    if (session->state == SESSION_CLOSED) {
        return;
    }
    session->state = SESSION_CLOSED;
    session_set_idle(session, false);
    http1_close(session);
    pool_close_kept(&session->kept);
    session_drop_handshake(session);
    if (session->counted) {
        client_table_disconnect(service->options.clients, service->options.slot,
                                session->client_key);
        session->counted = false;
    }
    watch(session, 0);
    wheel_remove(&service->wheel, &session->due);
    transport_close(&session->transport);
    free(session->client.server_name);
    free(session->client.identity);
    session->client.server_name = NULL;
    session->client.server_name_size = 0;
    list_remove(&session->turn_node);
    list_remove(&session->node);
    list_push_last(&service->closed, &session->node);
    metric_subtract(service->options.metrics, METRIC_sessions_open, 1);
}

void session_free(struct session *session) {
    list_remove(&session->node);
    pages_put(&session->service->session_pages, session);
}

// Drops what the client still sends. The own direction has ended.
static void linger(struct session *session) {
    session_drop_handshake(session);
    pool_close_kept(&session->kept);
    session->state = SESSION_LINGER;
    session_drop_begin(session);
    watch(session, EV_READ);
    session_await_deadline(session);
}

void session_cut(struct session *session) {
    struct transport *transport = &session->transport;
    if (transport->end != TRANSPORT_OPEN || transport_has_unsent(transport)) {
        session_close(session);
        return;
    }
    http1_close(session);
    transport_shut(transport);
    linger(session);
}

void session_end(struct session *session, uint8_t alert) {
    if (session->state == SESSION_CLOSED || session->state == SESSION_LINGER) {
        return;
    }
    session_set_idle(session, false);
    transport_shutdown(&session->transport, alert);
    // A client that has ended its direction sends nothing more that could meet a closed socket.
    if (session->transport.end == TRANSPORT_ENDED || session->transport.end == TRANSPORT_CUT) {
        session_close(session);
        return;
    }
    linger(session);
}

// --- deciding ---

static void arm(struct session *session) {
    struct transport *transport = &session->transport;
    bool want_write;
    bool want_read = transport_wants_receive(transport) && !transport->readable;
    if (session->state == SESSION_PROXY_HEADER) {
        want_write = false;
    } else if (session->state == SESSION_HANDSHAKE) {
        want_write = handshake_output(session->handshake).size > 0;
        transport_trim(transport); // one that waits for its signature holds no buffer
    } else {
        want_write = transport_has_unsent(transport) && !transport->writable;
        transport_trim(transport);
        bool idle = session->state == SESSION_OPEN && http1_arm(session);
        session_set_idle(session, idle && !transport_has_buffers(transport));
    }
    watch(session, (want_read ? EV_READ : 0) | (want_write ? EV_WRITE : 0));
    session_await_deadline(session);
}

void session_advance(struct session *session) {
    if (session->advancing) { // called from below itself: once more, from above
        session->again = true;
        return;
    }
    session->advancing = true;
    session->steps_left = TURN_STEPS;
    enum result progress;
    do {
        session->again = false;
        session->steps_left--;
        switch (session->state) {
        case SESSION_PROXY_HEADER:
            progress = session_proxy_step(session);
            break;
        case SESSION_HANDSHAKE:
            progress = session_handshake_step(session);
            break;
        case SESSION_OPEN:
            progress = http1_step(session);
            break;
        case SESSION_LINGER:
            if (transport_drop_received(&session->transport, &session->dropped) == RESULT_OK) {
                session_close(session);
            }
            progress = RESULT_AGAIN;
            break;
        default:
            progress = RESULT_AGAIN;
            break;
        }
    } while ((progress == RESULT_OK || session->again) && session->state != SESSION_CLOSED &&
             session->steps_left > 0);
    session->advancing = false;
    if (session->steps_left == 0 && session->state != SESSION_CLOSED) {
        list_remove(&session->turn_node);
        list_push_last(&session->service->unfinished, &session->turn_node);
    }
    if (session->state == SESSION_OPEN &&
        transport_send_key_update(&session->transport) == RESULT_ERROR) {
        session_close(session);
    }
    if (session->state <= SESSION_OPEN) {
        arm(session);
    }
}
