// Converts the events of http2/connection.h to requests.
#include "http/websocket.h"
#include "session/http2_internal.h"
#include "session/refusals.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

// Bytes of an HTTP/1 request line around method and target.
enum { REQUEST_LINE_MORE = 32 };
enum { LINE_MORE = 4 }; // ": " and CRLF
enum { PSEUDO_FIELDS_MAX = 5 };

static struct shared *shared_of(const struct session *session) {
    return &session->sessions->shared;
}

// --- what is refused ---

// The parts of a request for the log. The section is rewritten when the request is read, so its
// pseudo-header fields are kept here. Their bytes do not move.
struct told {
    struct slice method, path, authority;
    bool connects; // the request has a :protocol
    char key[WEBSOCKET_KEY_SIZE];
};

static struct told told_of(const struct http_fields *fields) {
    struct told told = {0};
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->name.size == 0 || field->name.data[0] != ':') {
            break;
        }
        if (slice_equal(field->name, SLICE(":method"))) {
            told.method = field->value;
        } else if (slice_equal(field->name, SLICE(":path"))) {
            told.path = field->value;
        } else if (slice_equal(field->name, SLICE(":authority"))) {
            told.authority = field->value;
        } else if (slice_equal(field->name, SLICE(":protocol"))) {
            told.connects = true;
        }
    }
    return told;
}

static struct slice agent_of(const struct http_fields *fields) {
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_equal(fields->items[i].name, SLICE("user-agent"))) {
            return fields->items[i].value;
        }
    }
    return SLICE("");
}

// The head in the form of HTTP/1, for the log. In the scratch space of the service.
static struct slice head_text(struct session *session, const struct told *told,
                              struct slice agent) {
    struct shared *shared = shared_of(session);
    int size = snprintf(shared->scratch, shared->scratch_size,
                        "%.*s %.*s HTTP/2.0\r\nHost: %.*s\r\n%s%.*s%s\r\n", (int)told->method.size,
                        told->method.data == NULL ? "" : told->method.data, (int)told->path.size,
                        told->path.data == NULL ? "" : told->path.data, (int)told->authority.size,
                        told->authority.data == NULL ? "" : told->authority.data,
                        agent.size == 0 ? "" : "User-Agent: ", (int)agent.size, agent.data,
                        agent.size == 0 ? "" : "\r\n");
    size_t most = shared->scratch_size - 1;
    return (struct slice){shared->scratch, size < 0              ? 0
                                           : (size_t)size < most ? (size_t)size
                                                                 : most};
}

// The request is malformed (the status is 0), or answered by Ravelin.
static void refuse(struct http2_side *side, struct slice text, const struct http_refusal *refusal) {
    struct session *session = side->session;
    if (refusal->status == 0) {
        refusals_note_reset(session, text, refusal->why);
        side_cut(side, HTTP2_PROTOCOL_ERROR, refusal->why);
        return;
    }
    struct refused_request refused = {text, side->is_head, refusal->status, refusal->why};
    side->exchange = exchange_new_refused(&side->stream, shared_of(session), &refused, 0);
}

// --- what is taken ---

// Size of the head in the form of HTTP/1.
static size_t head_size_of(const struct http_request *request) {
    size_t size = request->method.size + request->target.size + REQUEST_LINE_MORE;
    for (uint32_t i = 0; i < request->fields->count; i++) {
        const struct http_field *field = &request->fields->items[i];
        size += field->name.size + field->value.size + LINE_MORE;
    }
    return size;
}

static void take(struct http2_side *side, struct http2_request *request) {
    side->is_head = request->http.is_head;
    side->stream.websocket = request->websocket;
    if (!request->websocket) {
        side->wire->body = http2_body_of(&request->http);
    }
    side->exchange = exchange_new(&side->stream, shared_of(side->session), &request->http,
                                  head_size_of(&request->http), 0);
}

static bool make_key(char key[WEBSOCKET_KEY_SIZE]) {
    uint8_t nonce[WEBSOCKET_NONCE_SIZE];
    if (getrandom(nonce, sizeof nonce, 0) != sizeof nonce) {
        return false;
    }
    websocket_write_key(nonce, key);
    return true;
}

static enum result read_request(struct http2_side *side, struct hpack_section *section, bool end,
                                struct told *told, struct http2_request *request,
                                struct http_refusal *refusal) {
    uint32_t most = shared_of(side->session)->current->config->limits.header_count;
    if (section->malformed != NULL) {
        return http_refuse(refusal, 0, section->malformed);
    }
    if (section->too_large || section->fields->count > most + PSEUDO_FIELDS_MAX) {
        return http_refuse(refusal, 431, "the head is too large");
    }
    if (told->connects && !make_key(told->key)) {
        return http_refuse(refusal, 503, "no random bytes");
    }
    return http2_request_read(section->fields, end, told->key, request, refusal);
}

static void begin(struct http2_side *side, struct hpack_section *section, bool end) {
    struct told told = told_of(section->fields);
    struct slice agent = agent_of(section->fields);
    struct http2_request request;
    struct http_refusal refusal;
    side->whole = end;
    side->is_head = slice_equal(told.method, SLICE("HEAD"));
    if (read_request(side, section, end, &told, &request, &refusal) == RESULT_OK) {
        take(side, &request);
    } else {
        bool malformed = refusal.status == 0;
        refuse(side, head_text(side->session, &told, agent), &refusal);
        if (malformed) {
            return;
        }
    }
    if (side->exchange == NULL) {
        side_cut(side, HTTP2_REFUSED_STREAM, NULL);
        return;
    }
    metric_add(shared_of(side->session)->metrics, METRIC_requests_http2, 1);
    side_make_ready(side);
}

static void count_request(struct session *session) {
    struct http2 *http2 = session->http2;
    uint32_t most = shared_of(session)->current->config->limits.requests_per_connection;
    http2->requests++;
    http2->asked_ms = sessions_now_ms(session->sessions);
    if (most != 0 && http2->requests >= most) {
        http2_shutdown(&http2->connection, sessions_now_ms(session->sessions));
    }
}

// --- events ---

static void on_headers(void *owner, struct http2_stream *wire, struct hpack_section *section,
                       bool end) {
    struct session *session = owner;
    struct http2 *http2 = session->http2;
    bool first = list_is_empty(&http2->sides);
    struct http2_side *side = http2_new_side(http2, wire);
    if (side == NULL) {
        http2_reset(&http2->connection, wire, HTTP2_REFUSED_STREAM);
        return;
    }
    if (first && sessions_now_ms(session->sessions) - http2->quiet_ms >= HTTP2_COOLING_MS) {
        transport_cool(&session->transport);
    }
    session_set_idle(session, false);
    count_request(session);
    begin(side, section, end);
}

static bool keep_trailers(struct http2_side *side, const struct http_fields *fields) {
    size_t capacity = http_trailers_size(fields);
    side->trailers = malloc(capacity);
    if (side->trailers == NULL) {
        return false;
    }
    side->trailers_size = http_encode_trailers(fields, NULL, side->trailers, capacity);
    return side->trailers_size > 0;
}

static void on_trailers(void *owner, struct http2_stream *wire, struct hpack_section *section) {
    struct session *session = owner;
    struct http2_side *side = wire->owner;
    struct http_refusal refusal;
    bool malformed = http2_trailers_read(section->fields, &refusal) != RESULT_OK;
    if (side == NULL) { // the response is complete
        if (malformed) {
            http2_reset(&session->http2->connection, wire, HTTP2_PROTOCOL_ERROR);
        }
    } else if (side->stream.websocket) { // RFC 9113 8.5
        side_cut(side, HTTP2_PROTOCOL_ERROR, "HEADERS in a tunnel");
    } else if (malformed) {
        side_cut(side, HTTP2_PROTOCOL_ERROR, refusal.why);
    } else if (!side->stopped && section->fields->count > 0 && side->trailers == NULL &&
               !keep_trailers(side, section->fields)) {
        side_cut(side, HTTP2_INTERNAL_ERROR, "no memory for request trailers");
    }
}

static void on_data(void *owner, struct http2_stream *wire, struct slice data) {
    struct session *session = owner;
    struct http2_side *side = wire->owner;
    if (side == NULL) {
        return;
    }
    if (!http2_body_take(&wire->body, data.size)) {
        side_cut(side, HTTP2_PROTOCOL_ERROR, "the request body is longer than Content-Length");
    } else if (side->stopped) {
        session->dropped += data.size;
        http2_taken(&session->http2->connection, wire, (uint32_t)data.size);
    } else {
        side_add_data(side, data);
    }
}

static void on_end(void *owner, struct http2_stream *wire) {
    (void)owner;
    struct http2_side *side = wire->owner;
    if (side == NULL) {
        return;
    }
    if (!http2_body_may_end(&wire->body)) {
        side_cut(side, HTTP2_PROTOCOL_ERROR, "the request body is shorter than Content-Length");
        return;
    }
    side->whole = true;
    side_make_ready(side);
    side_add_last(side);
}

static void on_reset(void *owner, struct http2_stream *wire, enum http2_code code,
                     const char *why) {
    (void)owner;
    struct http2_side *side = wire->owner;
    if (side != NULL) { // the connection forgets the stream itself
        side->wire = NULL;
        side_cut(side, code, why == NULL ? "the client canceled the request" : why);
    }
}

const struct http2_events http2_session_events = {
    .headers = on_headers,
    .trailers = on_trailers,
    .data = on_data,
    .end = on_end,
    .reset = on_reset,
};
