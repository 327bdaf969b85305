#include "session/http1.h"

#include "base/clock.h"
#include "session/http1_internal.h"
#include "session/linger.h"

#include <stdlib.h>

enum { COOLING_MS = 1000 }; // of silence, after which a connection is cold
enum { SPARE_STREAMS_MAX = 256 };
// During a drain: time that a client has to send a request after a response or after its handshake.
// A request on its way to a closed connection would fail.
enum { DRAIN_GRACE_MS = 1000 };

static const struct session_phase phase;

// --- what a stream tells ---

void http1_wake(struct stream *stream) {
    session_advance(http1_of(stream)->session);
}

struct address http1_local_address(const struct stream *stream) {
    return transport_local_address(&http1_of_const(stream)->session->transport);
}

uint64_t http1_moved(const struct stream *stream) {
    const struct session *session = http1_of_const(stream)->session;
    return session->dropped + transport_acknowledged(&session->transport);
}

const struct stream_verbs http1_verbs = {
    .wake = http1_wake,
    .local_address = http1_local_address,
    .moved = http1_moved,
    .body = http1_body,
    .taken = http1_taken,
    .stop = http1_stop,
    .room = http1_room,
    .head = http1_head,
    .fits = http1_fits,
    .data = http1_data,
    .end = http1_end,
    .answer = http1_answer,
    .flush = http1_flush,
};

// The unsent bytes may be a KeyUpdate, not a response.
static void note_unsent(struct http1_stream *http1) {
    http1->stream.unsent = http1->stream.unsent || transport_has_unsent(&http1->session->transport);
}

// --- ends ---

static struct exchange *exchange_of(const struct session *session) {
    return session->http1.stream == NULL ? NULL : session->http1.stream->exchange;
}

static bool is_dropping(const struct session *session) {
    return session->http1.stream != NULL && session->http1.stream->dropping;
}

static void free_stream(struct session *session) {
    struct http1_stream *http1 = session->http1.stream;
    bulk_end(&http1->bulk);
    http1_response_free(http1);
    free(http1->trailers);
    slab_put(&session->sessions->http1_streams, http1);
    session->http1.stream = NULL;
}

static void leave(struct session *session) {
    struct exchange *exchange = exchange_of(session);
    if (exchange != NULL) {
        exchange_finish(exchange);
    }
    if (session->http1.stream != NULL) {
        free_stream(session);
    }
    free(session->http1.head);
    session->http1.head = NULL;
}

// The response stays incomplete.
static void cut(struct session *session) {
    if (is_dropping(session)) {
        session_cut(session);
    } else {
        session_close(session);
    }
}

// Time limit for the next request.
static int64_t patience_ms(const struct session *session, int64_t usual_ms) {
    return session->sessions->shared.draining && usual_ms > DRAIN_GRACE_MS ? DRAIN_GRACE_MS
                                                                           : usual_ms;
}

static void finish_exchange(struct session *session) {
    struct http1_stream *http1 = session->http1.stream;
    bool go_on = http1->stream.keep_alive && http1_request_ends(http1);
    exchange_finish(http1->exchange);
    http1->exchange = NULL;
    if (http1->dropping) { // the rest is dropped, then the session ends
        bulk_end(&http1->bulk);
        session_drop_begin(session);
        return;
    }
    free_stream(session);
    if (!go_on) {
        session_end(session, ALERT_CLOSE_NOTIFY);
        return;
    }
    session->http1.answered_ms = sessions_now_ms(session->sessions);
    session->deadline_ms =
        session->http1.answered_ms +
        patience_ms(session, session->sessions->shared.current->config->limits.idle_timeout_ms);
}

// --- steps ---

// The alert for the end of the client's direction.
static uint8_t end_alert(const struct session *session) {
    return session->transport.end == TRANSPORT_BROKEN ? session->transport.alert
                                                      : ALERT_CLOSE_NOTIFY;
}

// Handles the end of the client's direction.
static void client_ended(struct session *session) {
    if (session->transport.end != TRANSPORT_OPEN) {
        http1_note_half(session);
        session_end(session, end_alert(session));
    }
}

// The client's direction broke. A record that cannot be opened gets its alert; for other faults the
// session is cut.
static void client_broke(struct session *session) {
    const struct transport *transport = &session->transport;
    http1_note_half(session);
    if (transport->end == TRANSPORT_BROKEN && !transport_has_unsent(transport)) {
        session_end(session, end_alert(session));
    } else {
        session_close(session);
    }
}

// Between exchanges: begins the next one if its head is complete. False: it is not.
static bool next_exchange(struct session *session) {
    struct transport *transport = &session->transport;
    if (session->http1.stream == NULL && transport_has_segments(transport) &&
        http1_begin(session)) {
        session_set_idle(session, false);
        if (sessions_now_ms(session->sessions) - session->http1.answered_ms >= COOLING_MS) {
            transport_cool(transport);
        }
        return true;
    }
    if (session->phase == &phase && !transport_has_segments(transport)) {
        client_ended(session);
    }
    return false;
}

// Drops received bytes of the rest of a request. False: dropping is over, and so is the session.
static bool drop_rest(struct session *session) {
    struct http1_stream *http1 = session->http1.stream;
    if (!session_drops_now(session)) {
        return true;
    }
    if (http1_drop(http1) == RESULT_AGAIN) {
        return true;
    }
    http1->dropping = false;
    if (http1->exchange != NULL) {
        session->drop_until_ms = 0; // the end of the session has time of its own
        return true;
    }
    session_end(session, ALERT_CLOSE_NOTIFY);
    return false;
}

static enum result receive(struct session *session, bool *came) {
    struct transport *transport = &session->transport;
    *came = transport_receive(transport) == RESULT_OK;
    return transport_open(transport) == RESULT_ERROR || transport->end == TRANSPORT_CUT ||
                   (exchange_of(session) == NULL && transport_flush(transport) == RESULT_ERROR)
               ? RESULT_ERROR
               : RESULT_OK;
}

static enum result step(struct session *session) {
    struct transport *transport = &session->transport;
    bool came;
    if (receive(session, &came) != RESULT_OK) {
        client_broke(session);
        return RESULT_AGAIN;
    }
    uint64_t dropped = session->dropped;
    bool was_dropping = is_dropping(session);
    if (was_dropping && !drop_rest(session)) {
        return RESULT_AGAIN;
    }
    // Reading a head releases segments, too. But only if there were too many segments, more can be
    // opened.
    bool was_full = transport_segment_count(transport) == SEGMENTS_MAX;
    uint64_t consumed = transport->consumed;
    if (exchange_of(session) != NULL || next_exchange(session)) {
        consumed = was_full ? consumed : transport->consumed;
        note_unsent(session->http1.stream);
        switch (exchange_advance(exchange_of(session))) {
        case RESULT_OK:
            finish_exchange(session);
            return session->phase == &phase ? RESULT_OK : RESULT_AGAIN;
        case RESULT_AGAIN:
            break;
        default:
            cut(session);
            break;
        }
    }
    // Released bytes made room in the ring, and a full ring may have left bytes in the socket.
    bool more = transport->consumed != consumed || session->dropped != dropped ||
                (!was_dropping && is_dropping(session)) ||
                (came && transport->readable && transport_wants_receive(transport));
    return more ? RESULT_OK : RESULT_AGAIN;
}

// --- time ---

// Between exchanges, with no bytes of a request: the session is idle.
static bool arm_exchange(struct session *session) {
    struct http1_stream *http1 = session->http1.stream;
    if (http1 == NULL || http1->exchange == NULL) {
        return http1 == NULL && session->http1.requests > 0;
    }
    note_unsent(http1);
    if (http1->framing != FRAMING_NONE && bulk_is_due(&http1->bulk, session)) {
        bulk_note(&http1->bulk, session, http1_expected(http1));
    }
    exchange_arm(http1->exchange);
    session->deadline_ms = session->sessions->expired ? sessions_now_ms(session->sessions)
                                                      : exchange_deadline(http1->exchange);
    return false;
}

static int arm(struct session *session) {
    struct transport *transport = &session->transport;
    if (transport_send_key_update(transport) == RESULT_ERROR) {
        session_close(session);
        return 0;
    }
    transport_trim(transport);
    bool idle = arm_exchange(session);
    session_set_idle(session, idle && !transport_has_buffers(transport));
    bool blocked = transport_has_unsent(transport) && !transport->writable;
    return session_read_event(session) | (blocked ? EV_WRITE : 0);
}

// The time limit of a drain has expired. A tunnel ends in order, because its bytes are not known to
// be incomplete.
static void expire(struct session *session) {
    note_unsent(session->http1.stream);
    switch (exchange_expire(exchange_of(session))) {
    case RESULT_EOF:
        session_end(session, ALERT_CLOSE_NOTIFY);
        break;
    case RESULT_ERROR:
        cut(session);
        break;
    default:
        session_advance(session);
        break;
    }
}

static void time_out(struct session *session) {
    struct exchange *exchange = exchange_of(session);
    if (exchange != NULL && session->sessions->expired) {
        expire(session);
        return;
    }
    if (exchange != NULL) {
        note_unsent(session->http1.stream);
        if (exchange_timed_out(exchange) != RESULT_OK) {
            cut(session);
            return;
        }
    } else if (session->http1.head_since_ms != 0 && !session->sessions->shared.draining) {
        if (!http1_begin_late(session)) {
            return;
        }
    } else if (is_dropping(session) && session_drop_again(session)) {
        session_await_deadline(session);
        return;
    } else {
        session_end(session, ALERT_CLOSE_NOTIFY);
        return;
    }
    session_advance(session);
}

// The end of a session between two requests: one that has been silent for long is closed now.
static int64_t end_of_grace_ms(const struct session *session) {
    int64_t now_ms = sessions_now_ms(session->sessions);
    int64_t since_ms = session->http1.requests > 0 ? session->http1.answered_ms : now_ms;
    return since_ms + DRAIN_GRACE_MS > now_ms ? since_ms + DRAIN_GRACE_MS : now_ms;
}

static void drain(struct session *session) {
    if (exchange_of(session) != NULL) {
        return;
    }
    if (is_dropping(session)) {
        session_drop_hurry(session);
    } else if (session->http1.head_since_ms == 0) { // a head that has begun has its time
        session->deadline_ms = clock_earlier(session->deadline_ms, end_of_grace_ms(session));
    }
    session_await_deadline(session);
}

static const struct session_phase phase = {
    .step = step,
    .arm = arm,
    .time_out = time_out,
    .drain = drain,
    .leave = leave,
};

void http1_enter(struct session *session) {
    session_enter(session, &phase);
    session->deadline_ms =
        sessions_now_ms(session->sessions) +
        patience_ms(session, session->sessions->shared.current->config->limits.header_timeout_ms);
}

void http1_init(struct sessions *sessions) {
    slab_init(&sessions->http1_streams, sizeof(struct http1_stream), SPARE_STREAMS_MAX);
}
