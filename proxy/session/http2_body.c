// The bodies of HTTP/2 requests. Flow control bounds what is copied: see http2_internal.h.
#include "session/http2_internal.h"

#include <stdlib.h>

void side_free_body(struct http2_side *side) {
    http2_of(side)->extra -= side->extra;
    side->extra = 0;
    free(side->copy);
    free(side->trailers);
    buffer_free(&side->waiting);
    side->copy = NULL;
    side->trailers = NULL;
    side->run_count = 0;
}

static void add_to(struct stream_body *body, void *data, size_t size) {
    body->runs[body->count++] = (struct iovec){data, size};
}

static enum result read_trailers(struct http2_side *side, struct stream_body *body) {
    struct http_fields *fields = shared_fields(&side->session->sessions->shared, HTTP_FIELDS_MAX);
    body->trailers = fields;
    return http_parse_trailers((struct slice){side->trailers, side->trailers_size}, fields,
                               &body->why);
}

// Of a tunnel the end is not the end of a body.
static enum result at_end(const struct http2_side *side) {
    bool ends = side->whole || side->session->transport.end != TRANSPORT_OPEN;
    return ends ? RESULT_EOF : RESULT_AGAIN;
}

enum result side_body(struct stream *stream, struct stream_body *body) {
    struct http2_side *side = side_of(stream);
    size_t copied = buffer_size(&side->waiting);
    body->count = 0;
    body->trailers = NULL;
    body->why = NULL;
    if (copied > 0) {
        add_to(body, buffer_bytes(&side->waiting), copied);
        side->copy = side->waiting.data;
        side->waiting = (struct buffer){0};
        side->given += copied;
    }
    for (uint32_t i = 0; i < side->run_count; i++) {
        add_to(body, side->runs[i].iov_base, side->runs[i].iov_len);
        side->given += side->runs[i].iov_len;
    }
    side->runs_given = side->run_count > 0;
    body->whole = side->whole && !side->websocket;
    if (body->whole && side->trailers != NULL && read_trailers(side, body) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return body->count > 0 || body->whole ? RESULT_OK : at_end(side);
}

void side_give_credit(struct http2_side *side) {
    if (side->given == 0) {
        return;
    }
    size_t unwritten = exchange_unwritten(side->exchange);
    if (side->wire != NULL && side->given > unwritten) {
        http2_taken(&http2_of(side)->connection, side->wire, (uint32_t)(side->given - unwritten));
    }
    side->given = unwritten;
}

// While its server keeps up with a client that uses its window, the window of the stream grows. All
// streams together have at most half the window of the connection beyond what they began with, so
// that one whose server then stands still does not hold up the others.
static void set_extra(struct http2_side *side, uint32_t wanted) {
    struct http2 *http2 = http2_of(side);
    uint32_t most = http2->limits.connection_window / 2 - (http2->extra - side->extra);
    uint32_t extra = wanted < most ? wanted : most;
    http2->extra = http2->extra - side->extra + extra;
    side->extra = extra;
    if (side->wire != NULL) {
        http2_set_target(&http2->connection, side->wire, http2->limits.stream_window + extra);
    }
}

static void grow_window(struct http2_side *side) {
    const struct http2_stream *wire = side->wire;
    bool is_used = wire->receive_window < (int32_t)(wire->target / 2);
    if (is_used && !side->whole && buffer_size(&side->waiting) == 0) {
        set_extra(side, side->extra == 0 ? http2_of(side)->limits.stream_window : 2 * side->extra);
    }
}

// What was given has been taken.
static void forget_given(struct http2_side *side) {
    free(side->copy);
    side->copy = NULL;
    if (side->runs_given) {
        side->runs_given = false;
        side->run_count = 0;
    }
}

void side_taken(struct stream *stream) {
    struct http2_side *side = side_of(stream);
    if (side->wire != NULL && side->given > 0) {
        http2_taken(&http2_of(side)->connection, side->wire, (uint32_t)side->given);
        grow_window(side);
    }
    side->given = 0;
    forget_given(side);
}

// What still comes is dropped; the client is given credit for it, as it may not read the response
// before it has sent everything.
void side_stop(struct stream *stream, bool drop) {
    struct http2_side *side = side_of(stream);
    (void)drop;
    if (side->stopped) {
        return;
    }
    // Of a frame that has come in part, the rest is credited as it comes.
    size_t size = side->given + buffer_size(&side->waiting);
    for (uint32_t i = 0; i < side->run_count && !side->runs_given; i++) {
        size += side->runs[i].iov_len;
    }
    side->stopped = true;
    side->given = 0;
    forget_given(side);
    side->run_count = 0;
    buffer_free(&side->waiting);
    if (side->wire != NULL && size > 0) {
        http2_taken(&http2_of(side)->connection, side->wire, (uint32_t)size);
    }
}

// --- what the server does not take at once ---

// The exchange writes from the ring: what it has not written is copied for it.
static bool keep_given(struct http2_side *side) {
    size_t size = exchange_unwritten(side->exchange);
    uint8_t *copy = size == 0 ? NULL : malloc(size);
    if (size > 0 && copy == NULL) {
        return false;
    }
    if (size > 0) {
        exchange_move_unwritten(side->exchange, copy);
    }
    forget_given(side);
    side->copy = copy;
    return true;
}

bool side_keep_runs(struct http2_side *side) {
    if (side->runs_given && !keep_given(side)) {
        return false;
    }
    for (uint32_t i = 0; i < side->run_count; i++) {
        const struct iovec *run = &side->runs[i];
        if (!buffer_append(&side->waiting, run->iov_base, run->iov_len, SIZE_MAX)) {
            return false;
        }
    }
    side->run_count = 0;
    if (side->extra > 0 && buffer_size(&side->waiting) > http2_of(side)->limits.stream_window) {
        set_extra(side, 0);
    }
    return true;
}

// Advances the exchange, so that it writes the runs, and keeps what is left of them. The side may
// end.
static void finish_runs(struct http2_side *side) {
    list_remove(&side->fresh);
    if (side->run_count == 0) {
        return;
    }
    list_remove(&side->ready);
    http2_of(side)->steps_left = 2;
    if (side_advance(side) && !side_keep_runs(side)) {
        side_cut(side, HTTP2_INTERNAL_ERROR, "no memory for a request body");
    }
}

void http2_finish_runs(struct http2 *http2) {
    while (!list_is_empty(&http2->fresh)) {
        finish_runs(LIST_ENTRY(http2->fresh.next, struct http2_side, fresh));
    }
}

void side_add_run(struct http2_side *side, struct slice data) {
    struct iovec *last = side->run_count == 0 ? NULL : &side->runs[side->run_count - 1];
    if (last != NULL && (char *)last->iov_base + last->iov_len == data.data) {
        last->iov_len += data.size;
        return;
    }
    side->runs[side->run_count++] = (struct iovec){(void *)(uintptr_t)data.data, data.size};
    if (list_is_empty(&side->fresh)) {
        list_push_last(&http2_of(side)->fresh, &side->fresh);
    }
    if (side->run_count == SIDE_RUNS_MAX) {
        finish_runs(side);
    }
}
