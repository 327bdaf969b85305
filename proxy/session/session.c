#include "session/session.h"

#include "base/clock.h"
#include "base/socket.h"
#include "http/parse.h"
#include "session/body_rest.h"
#include "session/exchange.h"
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

enum { COOLING_MS = 1000 }; // of silence, after which a connection is cold
// Of one session in one turn of the loop. A step is a request, or a round of a body: what a ring
// and a send buffer hold.
enum { TURN_STEPS = 4 };

// Only `capacity` bounds the data: header-size may have been changed by a reload meanwhile.
struct partial_head {
    size_t capacity; // bytes of data, header-size when the head began
    size_t size;
    size_t scanned;
    char data[];
};

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
static void await_deadline(struct session *session) {
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

// Between exchanges: the deadline of an idle session, or of one that drops the rest of a request.
static void end_or_drop_on(struct session *session) {
    if (session->rest != NULL && session_drop_again(session)) {
        await_deadline(session);
    } else {
        session_end(session, ALERT_CLOSE_NOTIFY);
    }
}

static void cut(struct session *session);

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
        if (session->exchange != NULL) {
            if (exchange_timed_out(session->exchange) != RESULT_OK) {
                cut(session);
                return;
            }
        } else if (session->head_since_ms != 0 && !session->service->shared.draining) {
            struct slice part = {NULL, 0};
            if (session->head != NULL) {
                part = (struct slice){session->head->data, session->head->size};
            }
            session->exchange = exchange_new_refused(session, part, 408, "header timeout");
        } else {
            end_or_drop_on(session);
            return;
        }
        session_advance(session);
        return;
    case SESSION_LINGER:
        if (session_drop_again(session)) {
            await_deadline(session);
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
        await_deadline(session);
    } else {
        time_out(session);
    }
}

void session_drain(struct session *session) {
    bool between = session->state == SESSION_OPEN && session->exchange == NULL;
    if (session->state == SESSION_LINGER || (between && session->rest != NULL)) {
        session_drop_hurry(session);
        await_deadline(session);
    } else if (between) {
        session->deadline_ms = now_ms(session);
        await_deadline(session);
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
        await_deadline(session);
    }
}

static void set_idle(struct session *session, bool idle) {
    if (session->counted_idle != idle) {
        session->counted_idle = idle;
        if (idle) {
            metric_add(session->service->options.metrics, METRIC_sessions_idle, 1);
        } else {
            metric_subtract(session->service->options.metrics, METRIC_sessions_idle, 1);
        }
    }
}

void session_close(struct session *session) {
    struct service *service = session->service;
    if (session->state == SESSION_CLOSED) {
        return;
    }
    session->state = SESSION_CLOSED;
    set_idle(session, false);
    if (session->exchange != NULL) {
        exchange_finish(session->exchange);
        session->exchange = NULL;
    }
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
    free(session->head);
    session->head = NULL;
    body_rest_free(session->rest);
    session->rest = NULL;
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
    await_deadline(session);
}

// Ends a session whose response stays incomplete, which the client sees by the missing
// close_notify. If the client still sends its request, a reset would destroy the part that came.
static void cut(struct session *session) {
    struct transport *transport = &session->transport;
    if (session->rest == NULL || transport->end != TRANSPORT_OPEN ||
        transport_has_unsent(transport)) {
        session_close(session);
        return;
    }
    exchange_finish(session->exchange);
    session->exchange = NULL;
    transport_shut(transport);
    linger(session);
}

void session_end(struct session *session, uint8_t alert) {
    if (session->state == SESSION_CLOSED || session->state == SESSION_LINGER) {
        return;
    }
    set_idle(session, false);
    transport_shutdown(&session->transport, alert);
    // A client that has ended its direction sends nothing more that could meet a closed socket.
    if (session->transport.end == TRANSPORT_ENDED || session->transport.end == TRANSPORT_CUT) {
        session_close(session);
        return;
    }
    linger(session);
}

// --- requests ---

// Empty lines before a request are skipped. False when nothing is left.
static bool skip_empty_lines(struct session *session) {
    struct transport *transport = &session->transport;
    const struct segment *first = transport_segment(transport, 0);
    size_t size =
        http_skip_empty_lines((const char *)first->data, first->size, &session->empty_lines);
    transport_consume(transport, size);
    return transport_has_segments(transport);
}

// The usual case: the whole head lies in the first segment. *size: its bytes, to be let go after
// use.
static enum result find_head_in_place(struct session *session, struct slice *head, size_t *size) {
    const struct segment *first = transport_segment(&session->transport, 0);
    size_t limit = limits(session)->header_size;
    size_t scanned = 0;
    *size = http_head_end((const char *)first->data, first->size, &scanned);
    if (*size == 0) {
        return RESULT_AGAIN;
    }
    *head = (struct slice){(const char *)first->data, *size < limit ? *size : limit};
    return *size > limit ? RESULT_EOF : RESULT_OK;
}

static struct partial_head *new_partial_head(size_t capacity) {
    struct partial_head *partial = malloc(sizeof(*partial) + capacity);
    if (partial != NULL) {
        partial->capacity = capacity;
        partial->scanned = partial->size = 0;
    }
    return partial;
}

// A head in pieces is put together in a buffer of its own; the body behind it stays in the
// segments.
static enum result gather_head(struct session *session, struct slice *head) {
    struct transport *transport = &session->transport;
    if (session->head == NULL) {
        session->head = new_partial_head(limits(session)->header_size);
        if (session->head == NULL) {
            return RESULT_ERROR;
        }
    }
    struct partial_head *partial = session->head;
    while (transport_has_segments(transport) && partial->size < partial->capacity) {
        const struct segment *first = transport_segment(transport, 0);
        size_t room = partial->capacity - partial->size;
        size_t part = first->size < room ? first->size : room;
        memcpy(partial->data + partial->size, first->data, part);
        partial->size += part;
        size_t empty = http_skip_empty_lines(partial->data, partial->size, &session->empty_lines);
        if (empty > 0) {
            partial->size -= empty;
            memmove(partial->data, partial->data + empty, partial->size);
            partial->scanned = 0;
        }
        size_t end = http_head_end(partial->data, partial->size, &partial->scanned);
        size_t behind = end > 0 ? partial->size - end : 0; // stays in the segments
        transport_consume(transport, part - behind);
        if (end > 0) {
            *head = (struct slice){partial->data, end};
            return RESULT_OK;
        }
    }
    *head = (struct slice){partial->data, partial->size};
    return partial->size == partial->capacity ? RESULT_EOF : RESULT_AGAIN;
}

// RESULT_OK: *head is a whole head. RESULT_EOF: it is too large, *head is its first part.
// RESULT_AGAIN: more must arrive. *size bytes of the segments are to be let go after use.
static enum result find_head(struct session *session, struct slice *head, size_t *size) {
    *size = 0;
    if (session->head == NULL) {
        session->header_count = limits(session)->header_count;
        session->target_size = limits(session)->target_size;
        if (!skip_empty_lines(session)) {
            return RESULT_AGAIN;
        }
        enum result result = find_head_in_place(session, head, size);
        if (result != RESULT_AGAIN) {
            return result;
        }
    }
    return gather_head(session, head);
}

// False when the head that is still incomplete can never become one.
static bool may_become_head(struct session *session, struct slice part,
                            struct http_refusal *refusal) {
    return part.size == 0 ||
           http_check_request_part(part.data, part.size, &session->head_part, refusal) == RESULT_OK;
}

static struct exchange *begin_exchange(struct session *session) {
    struct slice head = {NULL, 0};
    size_t size;
    struct exchange *exchange = NULL;
    struct http_refusal refusal;
    switch (find_head(session, &head, &size)) {
    case RESULT_OK:
        exchange = exchange_new(session, head);
        break;
    case RESULT_EOF:
        exchange = exchange_new_refused(session, head, http_oversize_status(head.data, head.size),
                                        "the head is too large");
        break;
    case RESULT_AGAIN:
        if (!may_become_head(session, head, &refusal)) {
            exchange = exchange_new_refused(session, head, refusal.status, refusal.why);
            break;
        }
        if (session->head_since_ms == 0) {
            session->head_since_ms = now_ms(session);
            session->deadline_ms = session->head_since_ms + limits(session)->header_timeout_ms;
        }
        return NULL;
    default:
        break;
    }
    transport_consume(&session->transport, size);
    free(session->head);
    session->head = NULL;
    session->head_since_ms = 0;
    session->empty_lines = 0;
    session->head_part = (struct http_part){0, false};
    if (exchange == NULL) {
        session_close(session);
    }
    return exchange;
}

static void finish_exchange(struct session *session) {
    struct exchange *exchange = session->exchange;
    bool go_on = exchange->keep_alive && !session->service->shared.draining;
    exchange_finish(exchange);
    session->exchange = NULL;
    if (session->rest != NULL) { // it is dropped, then the session ends
        session_drop_begin(session);
    } else if (!go_on) {
        session_end(session, ALERT_CLOSE_NOTIFY);
    } else {
        session->answered_ms = now_ms(session);
        session->deadline_ms = session->answered_ms + limits(session)->idle_timeout_ms;
    }
}

// The alert that answers how the client's direction ended.
static uint8_t end_alert(const struct session *session) {
    return session->transport.end == TRANSPORT_BROKEN ? session->transport.alert
                                                      : ALERT_CLOSE_NOTIFY;
}

// The client leaves: says so if a request has begun.
static void note_half(struct session *session) {
    if (session->head != NULL && session->head->size > 0) {
        refusals_note_half(session, (struct slice){session->head->data, session->head->size});
    }
}

// What to do when the client will send nothing more.
static void client_ended(struct session *session) {
    if (session->transport.end != TRANSPORT_OPEN) {
        note_half(session);
        session_end(session, end_alert(session));
    }
}

// The client's direction broke: a record that cannot be opened gets its alert, all else is cut.
static void client_broke(struct session *session) {
    const struct transport *transport = &session->transport;
    if (transport->end == TRANSPORT_BROKEN && !transport_has_unsent(transport)) {
        session_end(session, end_alert(session));
    } else {
        note_half(session);
        session_close(session);
    }
}

// Between exchanges: begins the next one when its head is there. False when it is not.
static bool next_exchange(struct session *session) {
    struct transport *transport = &session->transport;
    if (session->rest == NULL && transport_has_segments(transport)) {
        session->exchange = begin_exchange(session);
    }
    if (session->exchange != NULL) {
        set_idle(session, false);
        if (now_ms(session) - session->answered_ms >= COOLING_MS) {
            transport_cool(transport);
        }
        return true;
    }
    if (session->state == SESSION_OPEN && !transport_has_segments(transport)) {
        client_ended(session);
    }
    return false;
}

// One step of an open session; RESULT_OK when another may follow at once.
static enum result open_step(struct session *session) {
    struct transport *transport = &session->transport;
    enum result received = transport_receive(transport);
    if (transport_open(transport) == RESULT_ERROR || transport->end == TRANSPORT_CUT ||
        (session->exchange == NULL && transport_flush(transport) == RESULT_ERROR)) {
        client_broke(session);
        return RESULT_AGAIN;
    }
    uint64_t dropped = session->dropped;
    if (session->rest != NULL) {
        if (session_drop_rest(session) != RESULT_AGAIN && session->exchange == NULL) {
            session_end(session, ALERT_CLOSE_NOTIFY);
            return RESULT_AGAIN;
        }
    }
    // Taking a head lets go of segments too, but only where there were too many is there more to
    // open.
    bool was_full = transport_segment_count(transport) == SEGMENTS_MAX;
    uint64_t consumed = transport->consumed;
    if (session->exchange != NULL || next_exchange(session)) {
        consumed = was_full ? consumed : transport->consumed;
        switch (exchange_advance(session->exchange)) {
        case RESULT_OK:
            finish_exchange(session);
            return session->state == SESSION_OPEN ? RESULT_OK : RESULT_AGAIN;
        case RESULT_AGAIN:
            break;
        default:
            cut(session);
            break;
        }
    }
    // What was let go made room for more; what filled the ring may have left more in the socket.
    bool more =
        transport->consumed != consumed || session->dropped != dropped ||
        (received == RESULT_OK && transport->readable && transport_wants_receive(transport));
    return more ? RESULT_OK : RESULT_AGAIN;
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
        if (session->exchange != NULL) {
            exchange_arm(session->exchange);
            session->deadline_ms = exchange_deadline(session->exchange);
        } else {
            set_idle(session, !transport_has_buffers(transport) && session->requests > 0 &&
                                  session->rest == NULL);
        }
    }
    watch(session, (want_read ? EV_READ : 0) | (want_write ? EV_WRITE : 0));
    await_deadline(session);
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
            progress = open_step(session);
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
