#include "session/http2.h"

#include "base/clock.h"
#include "session/http2_internal.h"
#include "session/linger.h"
#include "session/refusals.h"

#include <stdlib.h>

enum { SPARE_SIDES_MAX = 256 };
// Limits of the list of a response: fields of a server, with those that Ravelin adds.
enum { LIST_FIELDS_MAX = HTTP_FIELDS_MAX + 256, LIST_TEXT_SIZE = 1024 * 1024 };
// Enough for the largest header-size, with values that are joined.
enum { SECTION_TEXT_SIZE = 2 * 64 * 1024 };
// Limits of one step: sides that are advanced, and steps of an exchange.
enum { READY_MAX = 64, EXCHANGE_STEPS = 3 };
// SHUTDOWN_MS: from the first to the last GOAWAY. BURST: seconds of a budget that may be used at
// once.
enum { SHUTDOWN_MS = 1000, BURST = 10 };
// Bytes of a step, after which the event loop is asked for news.
enum { NOTICE_SIZE = 8192 };
// For a stream whose response was complete before its request.
enum { LINGER_MS = 200 };
// Two batches of records: one is made while the other one is sent. With a smaller limit, BBR kept
// up to three times as many bytes in the network, and urgent responses arrived later.
enum { UNSENT_MAX = 2 * SEND_SLOTS * RECORD_PAYLOAD_MAX };

static const struct session_phase phase;

static const struct config_limits *limits(const struct session *session) {
    return &session->sessions->shared.current->config->limits;
}

// --- steps ---

static void leave(struct session *session) {
    struct http2 *http2 = session->http2;
    bulk_end(&http2->bulk);
    while (!list_is_empty(&http2->sides)) {
        struct http2_side *side = LIST_ENTRY(http2->sides.next, struct http2_side, node);
        side_end_exchange(side, http2->connection.failed ? http2->connection.fault.why : NULL);
        side_free(side);
    }
    if (session->transport.send != NULL) {
        room_clear(&session->transport.send->room);
    }
    free(http2->backlog);
    http2_free(&http2->connection);
    pages_put(&session->sessions->http2_connections, http2);
    metric_subtract(session->sessions->shared.metrics, METRIC_sessions_http2, 1);
    session->http2 = NULL;
}

// The connection has failed. Sends GOAWAY, if the client accepts it.
static void fail(struct session *session) {
    struct http2 *http2 = session->http2;
    refusals_note_http2(session, &http2->connection.fault);
    if (http2->lent != NULL) { // no control frame is written while the send buffer is lent
        side_forget_unread(http2->lent);
        http2->lent = NULL;
    }
    (void)!(http2_begin_output(http2) == RESULT_OK && http2_send(http2) == RESULT_OK);
    session_end(session, ALERT_CLOSE_NOTIFY);
}

// Reads opened bytes. *used: bytes of the segments that were processed.
static enum result read_segments(struct session *session, size_t *used) {
    struct http2_connection *connection = &session->http2->connection;
    struct transport *transport = &session->transport;
    enum result result = RESULT_OK;
    *used = 0;
    shared_fields(&session->sessions->shared, HTTP_FIELDS_MAX);
    for (uint32_t i = 0; i < transport_segment_count(transport) && result == RESULT_OK; i++) {
        const struct segment *segment = transport_segment(transport, i);
        size_t size;
        result = http2_receive(connection, segment->data, segment->size, &size,
                               sessions_now_ms(session->sessions));
        *used += size;
    }
    return result;
}

static enum result receive(struct session *session) {
    struct transport *transport = &session->transport;
    enum result received = transport_receive(transport);
    if (received == RESULT_ERROR || transport_open(transport) == RESULT_ERROR ||
        transport->end == TRANSPORT_CUT) {
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

// The client's direction broke. A record that cannot be opened gets its alert; for other faults the
// session is cut.
static void client_broke(struct session *session) {
    const struct transport *transport = &session->transport;
    if (transport->end == TRANSPORT_BROKEN && !transport_has_unsent(transport)) {
        session_end(session, transport->alert);
    } else {
        session_close(session);
    }
}

// Informs sides that wait for more of their requests that nothing more arrives.
static void note_end(struct session *session) {
    struct http2 *http2 = session->http2;
    if (session->transport.end == TRANSPORT_OPEN || http2->end_noted) {
        return;
    }
    http2->end_noted = true;
    for (struct list_node *node = http2->sides.next; node != &http2->sides; node = node->next) {
        side_make_ready(LIST_ENTRY(node, struct http2_side, node));
    }
}

static void advance_ready(struct http2 *http2) {
    for (int i = 0; i < READY_MAX && !list_is_empty(&http2->ready); i++) {
        struct http2_side *side = LIST_ENTRY(http2->ready.next, struct http2_side, ready);
        list_remove(&side->ready);
        if (!side_awaits_turn(side)) {
            http2->steps_left = EXCHANGE_STEPS;
            (void)side_advance(side);
        }
    }
}

// Whether the connection is over.
static bool is_over(const struct session *session) {
    const struct http2 *http2 = session->http2;
    bool drained = http2_is_drained(&http2->connection) && list_is_empty(&http2->sides);
    bool left = session->transport.end != TRANSPORT_OPEN && list_is_empty(&http2->sides);
    return (drained || left) && !transport_has_unsent(&session->transport);
}

// Bytes in the kernel are sent before all others, also before more urgent ones. So the kernel gets
// little more than it can send at once. This takes CPU time in many small turns, so it is only done
// for clients that send urgencies.
static void limit_unsent(struct http2 *http2) {
    if (http2->connection.knows_urgency && !http2->limits_unsent) {
        http2->limits_unsent = true;
        transport_limit_unsent(&http2->session->transport, UNSENT_MAX);
    }
}

// Ends the session's turn of the event loop after a step that has sent bytes. A request or response
// that arrived meanwhile may be more urgent than the rest.
static void end_turn_for_news(struct session *session) {
    const struct http2 *http2 = session->http2;
    if (http2->connection.knows_urgency &&
        session->transport.sent - http2->sent_before >= NOTICE_SIZE) {
        session->steps_left = 0;
    }
}

static enum result step(struct session *session) {
    struct http2 *http2 = session->http2;
    struct transport *transport = &session->transport;
    http2->sent_before = transport->sent;
    if (receive(session) != RESULT_OK) {
        client_broke(session);
        return RESULT_AGAIN;
    }
    bool was_full = transport_segment_count(transport) == SEGMENTS_MAX;
    size_t used;
    enum result read = read_segments(session, &used);
    http2_finish_runs(http2);
    transport_consume(transport, used);
    if (read == RESULT_ERROR || http2->connection.failed) {
        fail(session);
        return RESULT_AGAIN;
    }
    note_end(session);
    limit_unsent(http2);
    advance_ready(http2);
    enum result sent = http2_take_turns(http2);
    http2_arm_awaiting(http2);
    if (http2->connection.failed) {
        fail(session);
        return RESULT_AGAIN;
    }
    if (sent == RESULT_ERROR) {
        session_close(session);
        return RESULT_AGAIN;
    }
    if (is_over(session)) {
        session_end(session, ALERT_CLOSE_NOTIFY);
        return RESULT_AGAIN;
    }
    bool more =
        !list_is_empty(&http2->ready) ||
        (sent == RESULT_OK && (read == RESULT_AGAIN || http2_has_output(&http2->connection) ||
                               http2_next(&http2->connection) != NULL)) ||
        (transport->readable && transport_wants_receive(transport)) || (was_full && used > 0);
    if (more) {
        end_turn_for_news(session);
    }
    return more ? RESULT_OK : RESULT_AGAIN;
}

// --- time ---

// The deadline of a client that does not take sealed bytes.
static int64_t pace_of_output(struct session *session) {
    struct http2 *http2 = session->http2;
    struct pace *pace = &http2->pace;
    if (!transport_has_unsent(&session->transport)) {
        pace_end_wait(pace, sessions_now_ms(session->sessions));
        return INT64_MAX;
    }
    if (!pace->window_open) {
        pace_open_window(pace, transport_acknowledged(&session->transport));
    }
    pace_begin_wait(pace, sessions_now_ms(session->sessions));
    return pace_deadline(pace, limits(session)->idle_timeout_ms);
}

// The deadline of a session without requests: it is made small after some time, and closed later.
static int64_t idle_deadline(const struct session *session) {
    const struct http2 *http2 = session->http2;
    if (!list_is_empty(&http2->sides) || http2->connection.end != HTTP2_RUNNING) {
        return INT64_MAX;
    }
    int64_t end_ms = http2->quiet_ms + limits(session)->idle_timeout_ms;
    return http2->rested ? end_ms : clock_earlier(end_ms, http2->quiet_ms + HTTP2_COOLING_MS);
}

static int arm(struct session *session) {
    struct transport *transport = &session->transport;
    struct http2 *http2 = session->http2;
    if (transport_send_key_update(transport) == RESULT_ERROR) {
        session_close(session);
        return 0;
    }
    transport_trim(transport);
    if (bulk_is_due(&http2->bulk, session)) {
        bulk_note(&http2->bulk, session, http2_expected(http2));
    }
    session->deadline_ms =
        clock_earlier(clock_earlier(http2_deadline(&http2->connection), idle_deadline(session)),
                      pace_of_output(session));
    if (session->sessions->expired) {
        session->deadline_ms = sessions_now_ms(session->sessions);
    } else if (session->deadline_ms == INT64_MAX) {
        session->deadline_ms =
            sessions_now_ms(session->sessions) + limits(session)->idle_timeout_ms;
    }
    bool idle = list_is_empty(&http2->sides) && http2->requests > 0;
    session_set_idle(session, idle && !transport_has_buffers(transport));
    bool blocked = transport_has_unsent(transport) && !transport->writable;
    return session_read_event(session) | (blocked ? EV_WRITE : 0);
}

// False: the session is closed.
static bool judge_pace(struct session *session) {
    struct pace *pace = &session->http2->pace;
    int64_t now_ms = sessions_now_ms(session->sessions);
    if (pace_of_output(session) > now_ms) {
        return true;
    }
    pace_end_wait(pace, now_ms);
    uint64_t acknowledged = transport_acknowledged(&session->transport);
    if (pace_is_too_slow(pace, limits(session)->body_rate, limits(session)->idle_timeout_ms,
                         acknowledged)) {
        struct http2_side *side;
        struct list_node *node;
        for (node = session->http2->sides.next; node != &session->http2->sides; node = node->next) {
            side = LIST_ENTRY(node, struct http2_side, node);
            if (side->exchange->account.ended == NULL) {
                side->exchange->account.ended = "the client read the response too slowly";
            }
        }
        session_close(session);
        return false;
    }
    pace_open_window(pace, acknowledged);
    return true;
}

// The time limit of a drain has expired. Requests without a response get one. When this time has
// passed again, the connection ends.
static void expire(struct session *session) {
    struct http2 *http2 = session->http2;
    if (http2->expired) {
        session_close(session);
        return;
    }
    http2->expired = true;
    struct list_node *node = http2->sides.next;
    while (node != &http2->sides) {
        struct http2_side *side = LIST_ENTRY(node, struct http2_side, node);
        node = node->next;
        if (exchange_expire(side->exchange) == RESULT_OK) {
            side_make_ready(side);
        } else {
            side_cut(side, HTTP2_CANCEL, NULL);
        }
    }
    session_advance(session);
}

static void time_out(struct session *session) {
    struct http2 *http2 = session->http2;
    int64_t now_ms = sessions_now_ms(session->sessions);
    if (session->sessions->expired) {
        expire(session);
        return;
    }
    if (!judge_pace(session)) {
        return;
    }
    if (http2_tick(&http2->connection, now_ms) != RESULT_OK) {
        fail(session);
        return;
    }
    if (idle_deadline(session) <= now_ms) {
        if (now_ms >= http2->quiet_ms + limits(session)->idle_timeout_ms) {
            http2_shutdown(&http2->connection, now_ms);
        }
        http2_rest(&http2->connection);
        http2->rested = true;
    }
    session_advance(session);
}

static void drain(struct session *session) {
    http2_shutdown(&session->http2->connection, sessions_now_ms(session->sessions));
    http2_advance_later(session);
}

// Drains the session if its requests would get 421 now, or could not use HTTP/2.
static void reload(struct session *session, const struct reload *reload) {
    if (!session->offers_http2 || !rules_keep_site(&session->client, reload->before, reload->now)) {
        drain(session);
    }
}

// Whether a reload happened between the beginning of the handshake and now.
static bool is_outdated(const struct session *session) {
    const struct generation *before = session->handshake_generation;
    const struct generation *now = session->sessions->shared.current;
    return before != NULL && before != now &&
           (!session->offers_http2 || !rules_keep_site(&session->client, before, now));
}

static const struct session_phase phase = {
    .step = step,
    .arm = arm,
    .time_out = time_out,
    .drain = drain,
    .reload = reload,
    .leave = leave,
};

// --- beginning ---

_Static_assert((int)HTTP2_RATE_COUNT == (int)HTTP2_COST_COUNT &&
                   (int)HTTP2_RATE_STRAY == (int)HTTP2_COST_STRAY,
               "in the same order");

// Memory of bodies that wait for servers: a window for each stream, and the growth of windows.
static uint32_t held_max(const struct config *config) {
    uint64_t most = (uint64_t)config->limits.streams * config->http2.stream_window +
                    config->http2.connection_window;
    return most < FRAME_WINDOW_MAX ? (uint32_t)most : FRAME_WINDOW_MAX;
}

// Compressed bytes of a header block. More than of a header list, so that a client whose headers
// are somewhat too large gets 431 for that request, and keeps its other requests.
static uint32_t header_block_max(const struct config *config) {
    return 2 * config->limits.header_size;
}

static struct http2_limits limits_of(const struct config *config) {
    struct http2_limits limits = {
        .streams = config->limits.streams,
        .header_list_size = config->limits.header_size,
        .header_block_size = header_block_max(config),
        .continuations = config->http2.continuations,
        .stream_window = config->http2.stream_window,
        .connection_window = config->http2.connection_window,
        .held_max = held_max(config),
        .overhead = config->http2.overhead,
        .settings_ms = config->limits.header_timeout_ms,
        .header_ms = config->limits.header_timeout_ms,
        .linger_ms = LINGER_MS,
        .shutdown_ms = SHUTDOWN_MS,
    };
    for (unsigned i = 0; i < HTTP2_COST_COUNT; i++) {
        uint32_t rate = config->http2.rates[i];
        limits.budgets[i] = (struct http2_budget){(uint16_t)(BURST * rate), (uint16_t)rate};
    }
    return limits;
}

static uint32_t growth_max(const struct config_http2 *config) {
    return config->largest_window > config->connection_window
               ? config->largest_window - config->connection_window
               : 0;
}

size_t http2_memory_max(const struct config *config) {
    const struct config_limits *limits = &config->limits;
    // Unread bytes that were copied out of the send buffer; a head that is gathered, and trailers.
    size_t response = SEND_SLOTS * SLOT_READ_MAX + (size_t)2 * limits->response_header_size;
    // The texts for the log, and the head for the server; the trailers.
    size_t request = (size_t)3 * limits->header_size + limits->target_size;
    size_t stream = sizeof(struct http2_side) + sizeof(struct http2_stream) +
                    sizeof(struct exchange) + sizeof(struct exchange_http) + SHARED_MEMORY_SIZE +
                    request + response;
    // The buffer of a body may be twice as large as its contents.
    size_t bodies =
        (size_t)2 * (held_max(config) + growth_max(&config->http2)) + config->http2.stream_window;
    return sizeof(struct session) + sizeof(struct http2) + RING_SIZE +
           sizeof(struct receive_buffer) + sizeof(struct send_buffer) +
           (size_t)2 * HPACK_TABLE_MEMORY_MAX + header_block_max(config) + bodies +
           limits->streams * stream;
}

void http2_enter(struct session *session) {
    struct sessions *sessions = session->sessions;
    struct http2 *http2 = pages_get(&sessions->http2_connections);
    if (http2 == NULL) {
        session_close(session);
        return;
    }
    memset(http2, 0, sizeof(*http2));
    http2->session = session;
    const struct config *config = sessions->shared.current->config;
    http2->limits = limits_of(config);
    http2->stalled_max = config->http2.stalled_streams;
    http2->growth_max = growth_max(&config->http2);
    http2->target_size = limits(session)->target_size;
    http2->quiet_ms = sessions_now_ms(sessions);
    list_init(&http2->sides);
    list_init(&http2->ready);
    list_init(&http2->awaiting);
    list_init(&http2->fresh);
    http2_init(&http2->connection, &sessions->http2, &http2->limits, session, http2->quiet_ms);
    bool ends = sessions->shared.draining || is_outdated(session);
    session_enter(session, &phase);
    session->http2 = http2;
    metric_add(sessions->shared.metrics, METRIC_sessions_http2, 1);
    if (ends) {
        http2_shutdown(&http2->connection, http2->quiet_ms);
    }
    session->deadline_ms = http2_deadline(&http2->connection);
}

bool http2_sessions_init(struct sessions *sessions) {
    pages_init(&sessions->http2_connections, sizeof(struct http2));
    slab_init(&sessions->http2_sides, sizeof(struct http2_side), SPARE_SIDES_MAX);
    char *text = malloc(SECTION_TEXT_SIZE);
    sessions->http2_list.items = calloc(LIST_FIELDS_MAX, sizeof(*sessions->http2_list.items));
    sessions->http2_list.capacity = LIST_FIELDS_MAX;
    sessions->http2_list.text = malloc(LIST_TEXT_SIZE);
    sessions->http2_list.text_capacity = LIST_TEXT_SIZE;
    http2_shared_init(&sessions->http2, &http2_session_events, &sessions->shared.fields, text,
                      SECTION_TEXT_SIZE);
    return text != NULL && sessions->http2_list.items != NULL && sessions->http2_list.text != NULL;
}

void http2_sessions_trim(struct sessions *sessions) {
    slab_trim(&sessions->http2_sides);
    slab_trim(&sessions->http2.streams);
}

void http2_sessions_free(struct sessions *sessions) {
    pages_free(&sessions->http2_connections);
    slab_free(&sessions->http2_sides);
    slab_free(&sessions->http2.streams);
    free(sessions->http2.text);
    free(sessions->http2_list.items);
    free(sessions->http2_list.text);
}
