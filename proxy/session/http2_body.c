// The bodies of HTTP/2 requests. Flow control bounds the copied bytes: see http2_internal.h.
#include "session/http2_internal.h"

#include <stdlib.h>

void side_free_body(struct http2_side *side) {
    side_free_window(side);
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

// The end of a tunnel is not the end of a body.
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
    body->whole = side->whole && !stream->websocket;
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
        side_note_taken(side, side->given - unwritten, false);
    }
    side->given = unwritten;
}

// The given bytes were taken.
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
        side_note_taken(side, side->given, buffer_size(&side->waiting) == 0);
    }
    side->given = 0;
    forget_given(side);
}

// Drops the rest of the body and credits it to the client, because some clients read the response
// only after they have sent everything.
void side_stop(struct stream *stream, bool drop) {
    struct http2_side *side = side_of(stream);
    (void)drop;
    if (side->stopped) {
        return;
    }
    // The rest of a frame that arrived in part is credited when it arrives.
    size_t size = side->given + buffer_size(&side->waiting) + (side->holds_last ? 1 : 0);
    for (uint32_t i = 0; i < side->run_count && !side->runs_given; i++) {
        size += side->runs[i].iov_len;
    }
    side->stopped = true;
    side->holds_last = false;
    side->given = 0;
    forget_given(side);
    side->run_count = 0;
    buffer_free(&side->waiting);
    if (side->wire != NULL && size > 0) {
        http2_taken(&http2_of(side)->connection, side->wire, (uint32_t)size);
    }
}

static uint64_t expected(const struct http2_side *side) {
    if (side->whole || side->stopped || side->stream.websocket || side->wire == NULL ||
        side->wire->receive_window < 0) {
        return 0;
    }
    const struct http2_body *body = &side->wire->body;
    uint64_t left = body->declared ? body->left : UINT64_MAX;
    uint64_t window = (uint32_t)side->wire->receive_window;
    return left < window ? left : window;
}

uint64_t http2_expected(const struct http2 *http2) {
    uint64_t most = 0;
    const struct list_node *node;
    for (node = http2->sides.next; node != &http2->sides; node = node->next) {
        uint64_t size = expected(LIST_ENTRY(node, struct http2_side, node));
        most = size > most ? size : most;
    }
    int64_t window = http2->connection.receive_window;
    return (int64_t)most < window ? most : window < 0 ? 0 : (uint64_t)window;
}

// --- what the server does not take at once ---

// The exchange writes from the ring. Copies the bytes that it has not written.
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
    side_shrink_window(side);
    return true;
}

// Advances the exchange, so that it writes the runs, and keeps the rest of them. The side may end.
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

static void add_run(struct http2_side *side, struct slice data) {
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

void side_add_data(struct http2_side *side, struct slice data) {
    const struct http2_body *body = &side->wire->body;
    if (body->declared && body->left == 0 && data.size > 0) {
        data.size--;
        side->holds_last = true;
        side->last = data.data[data.size];
        side->last_at = data.data + data.size;
    }
    if (data.size > 0) {
        add_run(side, data);
    }
}

void side_add_last(struct http2_side *side) {
    if (!side->holds_last) {
        return;
    }
    // In the usual case the end came with the data, and the run goes on.
    const struct iovec *run = side->run_count == 0 ? NULL : &side->runs[side->run_count - 1];
    bool goes_on = run != NULL && (const char *)run->iov_base + run->iov_len == side->last_at;
    side->holds_last = false;
    add_run(side, (struct slice){goes_on ? side->last_at : &side->last, 1});
}
