// The heads of HTTP/1 requests.
//
// Nearly every head is complete in the first segment, and is parsed there. A head in pieces is
// gathered in a buffer of header-size bytes; the body behind it stays in the segments.
#include "session/http1_internal.h"
#include "session/refusals.h"

#include <stdlib.h>

// Only `capacity` bounds the data, because a reload may have changed header-size.
struct partial_head {
    size_t capacity; // bytes of data, header-size when the head began
    size_t size;
    size_t scanned;
    char data[];
};

static const struct config_limits *limits(const struct session *session) {
    return &session->sessions->shared.current->config->limits;
}

// Empty lines before a request are skipped. False when nothing is left.
static bool skip_empty_lines(struct session *session) {
    struct transport *transport = &session->transport;
    const struct segment *first = transport_segment(transport, 0);
    size_t size =
        http_skip_empty_lines((const char *)first->data, first->size, &session->http1.empty_lines);
    transport_consume(transport, size);
    return transport_has_segments(transport);
}

// The usual case: the whole head is in the first segment. *size: bytes of the head, to be released
// after use.
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

// Gathers a head in pieces in a buffer of its own. The body behind it stays in the segments.
static enum result gather_head(struct session *session, struct slice *head) {
    struct transport *transport = &session->transport;
    if (session->http1.head == NULL) {
        session->http1.head = new_partial_head(limits(session)->header_size);
        if (session->http1.head == NULL) {
            return RESULT_ERROR;
        }
    }
    struct partial_head *partial = session->http1.head;
    while (transport_has_segments(transport) && partial->size < partial->capacity) {
        const struct segment *first = transport_segment(transport, 0);
        size_t room = partial->capacity - partial->size;
        size_t part = first->size < room ? first->size : room;
        memcpy(partial->data + partial->size, first->data, part);
        partial->size += part;
        size_t empty =
            http_skip_empty_lines(partial->data, partial->size, &session->http1.empty_lines);
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

// RESULT_OK: *head is a whole head. RESULT_EOF: the head is too large, *head is its first part.
// RESULT_AGAIN: more must arrive. *size: bytes of the segments to be released after use.
static enum result find_head(struct session *session, struct slice *head, size_t *size) {
    *size = 0;
    if (session->http1.head == NULL) {
        session->http1.header_count = limits(session)->header_count;
        session->http1.target_size = limits(session)->target_size;
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

// False: the incomplete head can never become valid.
static bool may_become_head(struct session *session, struct slice part,
                            struct http_refusal *refusal) {
    return part.size == 0 ||
           http_check_request_part(part.data, part.size, &session->http1.head_part, refusal) ==
               RESULT_OK;
}

// --- beginning ---

struct http1_stream *http1_new_stream(struct session *session) {
    struct sessions *sessions = session->sessions;
    struct http1_stream *http1 = slab_get(&sessions->http1_streams);
    if (http1 == NULL) {
        return NULL;
    }
    memset(http1, 0, sizeof(*http1));
    http1->session = session;
    http1->minor_version = 1;
    http1->whole = true;
    http1->fields_max = limits(session)->header_count;
    http1->stream.verbs = &http1_verbs;
    http1->stream.client = &session->client;
    http1->stream.kept = &session->kept;
    http1->stream.steps_left = &session->steps_left;
    http1->stream.target_size = session->http1.target_size;
    http1->stream.sent = session->transport.sent;
    session->http1.requests++;
    session->http1.stream = http1;
    return http1;
}

// Frees the buffer of a head, and resets the parsed part.
static void end_head(struct session *session) {
    free(session->http1.head);
    session->http1.head = NULL;
    session->http1.head_since_ms = 0;
    session->http1.empty_lines = 0;
    session->http1.head_part = (struct http_part){0, false};
}

static void refuse(struct session *session, struct slice bytes, uint16_t status, const char *why) {
    struct http1_stream *http1 = http1_new_stream(session);
    if (http1 != NULL) {
        http1->is_head = bytes.size >= 5 && memcmp(bytes.data, "HEAD ", 5) == 0;
        struct refused_request refused = {bytes, http1->is_head, status, why};
        http1->exchange = exchange_new_refused(&http1->stream, &session->sessions->shared, &refused,
                                               session->http1.head_since_ms);
    }
}

static void begin(struct session *session, struct slice head) {
    struct shared *shared = &session->sessions->shared;
    struct http_request request;
    struct http_refusal refusal;
    if (http_parse_request(head, shared_fields(shared, session->http1.header_count), &request,
                           &refusal) != RESULT_OK) {
        refuse(session, head, refusal.status, refusal.why);
        return;
    }
    struct http1_stream *http1 = http1_new_stream(session);
    if (http1 == NULL) {
        return;
    }
    uint32_t last = limits(session)->requests_per_connection;
    http1->stream.keep_alive = request.keep_alive && (last == 0 || session->http1.requests < last);
    http1->minor_version = request.minor_version;
    http1->is_head = request.is_head;
    http1_body_begin(http1, &request);
    http1->exchange =
        exchange_new(&http1->stream, shared, &request, head.size, session->http1.head_since_ms);
}

// Handles an incomplete head: refuses it, or waits for more (false).
static bool judge_part(struct session *session, struct slice part) {
    struct http_refusal refusal;
    if (!may_become_head(session, part, &refusal)) {
        refuse(session, part, refusal.status, refusal.why);
        return true;
    }
    if (part.size == 0) { // nothing but empty lines
        return false;
    }
    if (session->http1.head_since_ms == 0) {
        session->http1.head_since_ms = sessions_now_ms(session->sessions);
        session->deadline_ms = session->http1.head_since_ms + limits(session)->header_timeout_ms;
    }
    return false;
}

// Called after an attempt to begin. No exchange: memory is short.
static bool has_begun(struct session *session) {
    const struct http1_stream *http1 = session->http1.stream;
    end_head(session);
    if (http1 == NULL || http1->exchange == NULL) {
        session_close(session);
        return false;
    }
    return true;
}

bool http1_begin(struct session *session) {
    struct slice head = {NULL, 0};
    size_t size;
    switch (find_head(session, &head, &size)) {
    case RESULT_OK:
        begin(session, head);
        break;
    case RESULT_EOF:
        refuse(session, head, http_oversize_status(head.data, head.size), "the head is too large");
        break;
    case RESULT_AGAIN:
        if (!judge_part(session, head)) {
            return false;
        }
        break;
    default: // no memory
        break;
    }
    transport_consume(&session->transport, size);
    return has_begun(session);
}

bool http1_begin_late(struct session *session) {
    const struct partial_head *head = session->http1.head;
    struct slice part = {NULL, 0};
    if (head != NULL) {
        part = (struct slice){head->data, head->size};
    }
    refuse(session, part, 408, "header timeout");
    return has_begun(session);
}

void http1_note_half(struct session *session) {
    const struct partial_head *head = session->http1.head;
    if (head != NULL && head->size > 0) {
        refusals_note_half(session, (struct slice){head->data, head->size});
    }
}
