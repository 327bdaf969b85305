// The sides of an HTTP/2 connection: from a new stream to its end. See http2_internal.h.
#include "base/clock.h"
#include "session/http2_internal.h"

// Time without progress of a response after which a side counts as stalled.
enum { STALL_MS = 10000 };

// Has the session advanced at the end of this turn of the loop.
void http2_advance_later(struct session *session) {
    if (!session->advancing && list_is_empty(&session->turn_node)) {
        list_push_last(&session->sessions->unfinished, &session->turn_node);
    }
}

void side_make_ready(struct http2_side *side) {
    if (list_is_empty(&side->ready)) {
        list_push_last(&http2_of(side)->ready, &side->ready);
    }
    http2_advance_later(side->session);
}

static void wake(struct stream *stream) {
    side_make_ready(side_of(stream));
}

static struct address local_address(const struct stream *stream) {
    const struct http2_side *side = side_of((struct stream *)(uintptr_t)stream);
    return transport_local_address(&side->session->transport);
}

// The client grants windows for the bytes that it takes, so these bytes are the bytes that it has
// moved.
static uint64_t moved(const struct stream *stream) {
    return stream->sent;
}

const struct stream_verbs side_verbs = {
    .wake = wake,
    .local_address = local_address,
    .moved = moved,
    .body = side_body,
    .taken = side_taken,
    .stop = side_stop,
    .room = side_room,
    .head = side_head,
    .fits = side_fits,
    .data = side_data,
    .end = side_end,
    .answer = side_answer,
    .flush = side_flush,
};

static void end_stall(struct http2_side *side) {
    side->closed_ms = 0;
    if (side->stalled) {
        side->stalled = false;
        http2_of(side)->stalled--;
    }
}

void side_free(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    struct sessions *sessions = side->session->sessions;
    side_forget_unread(side);
    http2->lent = http2->lent == side ? NULL : http2->lent;
    http2->turn = http2->turn == side ? NULL : http2->turn;
    end_stall(side);
    if (side->wire != NULL) {
        side->wire->owner = NULL;
    }
    side_free_body(side);
    side_free_response(side);
    wheel_remove(&sessions->wheel, &side->due);
    list_remove(&side->fresh);
    list_remove(&side->ready);
    list_remove(&side->node);
    slab_put(&sessions->http2_sides, side);
    http2->quiet_ms = sessions_now_ms(sessions);
    http2->rested = false;
}

void side_end_exchange(struct http2_side *side, const char *why) {
    if (side->exchange != NULL) {
        const char *known = side->exchange->account.ended;
        side->exchange->account.ended = known == NULL ? why : known;
        exchange_finish(side->exchange);
        side->exchange = NULL;
    }
}

void side_cut(struct http2_side *side, enum http2_code code, const char *why) {
    struct http2 *http2 = http2_of(side);
    side_finish_frame(side, false);
    side_end_exchange(side, why);
    if (side->wire != NULL) {
        http2_reset(&http2->connection, side->wire, code);
        side->wire = NULL;
    }
    side_free(side);
}

// The response is complete. The connection drops the rest of the client's bytes.
static void complete(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    exchange_finish(side->exchange);
    side->exchange = NULL;
    if (side->wire != NULL) {
        http2_linger(&http2->connection, side->wire, sessions_now_ms(side->session->sessions));
        side->wire = NULL;
    }
    side_free(side);
}

static void await_deadline(struct http2_side *side) {
    if (side->due.at_ms == 0 || side->due.at_ms > side->deadline_ms) {
        sessions_await(side->session->sessions, &side->due, side->deadline_ms);
    }
}

// --- responses that the client does not take ---

// Notes whether its own window is shut, and since when nothing was sent.
static void note_stall(struct http2_side *side) {
    bool shut = side->stream.unsent && side->stream.held_by == HELD_CLOSED && side->wire != NULL &&
                side->wire->send_window <= 0;
    if (!shut) {
        end_stall(side);
    } else if (side->closed_ms == 0 || side->closed_sent != side->stream.sent) {
        end_stall(side);
        side->closed_ms = sessions_now_ms(side->session->sessions);
        side->closed_sent = side->stream.sent;
    }
}

// Counts a side that has stalled. False: there were too many, and the side was reset.
static bool judge_stall(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    if (side->closed_ms == 0 || side->stalled ||
        sessions_now_ms(side->session->sessions) - side->closed_ms < STALL_MS) {
        return true;
    }
    if (http2->stalled >= http2->stalled_max) {
        side_cut(side, HTTP2_ENHANCE_YOUR_CALM, "too many responses that the client does not take");
        return false;
    }
    side->stalled = true;
    http2->stalled++;
    side->deadline_ms = exchange_deadline(side->exchange);
    return true;
}

// --- advancing ---

static void arm(struct http2_side *side) {
    exchange_arm(side->exchange);
    note_stall(side);
    side->deadline_ms = exchange_deadline(side->exchange);
    if (side->closed_ms != 0 && !side->stalled) {
        side->deadline_ms = clock_earlier(side->deadline_ms, side->closed_ms + STALL_MS);
    }
    if (side->deadline_ms == INT64_MAX) { // held_by is checked again
        side->deadline_ms = sessions_now_ms(side->session->sessions) +
                            side->session->sessions->shared.current->config->limits.idle_timeout_ms;
    }
    await_deadline(side);
}

bool side_awaits_turn(struct http2_side *side) {
    bool can_send = side->wire != NULL && (!side->head_sent || side_window(side) > 0);
    if (side->stream.unsent || !can_send || !exchange_only_reads(side->exchange) ||
        side_has_turn(side)) {
        return false;
    }
    side_hold(side, HELD_TURN);
    side_tell_wants(side);
    list_push_last(&http2_of(side)->awaiting, &side->ready);
    return true;
}

bool side_advance(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    enum result result = exchange_advance(side->exchange);
    if (result != RESULT_AGAIN) {
        if (result == RESULT_OK) {
            complete(side);
        } else {
            side_cut(side, HTTP2_INTERNAL_ERROR, NULL);
        }
        return false;
    }
    side_give_credit(side);
    side_end_turn(side);
    side_tell_wants(side);
    if (http2->steps_left == 0) {
        side_make_ready(side);
    }
    arm(side);
    return true;
}

void http2_arm_awaiting(struct http2 *http2) {
    while (!list_is_empty(&http2->awaiting)) {
        struct http2_side *side = LIST_ENTRY(http2->awaiting.next, struct http2_side, ready);
        list_remove(&side->ready);
        arm(side);
    }
}

// Timer callback of a side, perhaps before its deadline.
static void on_due(struct wheel_node *node) {
    struct http2_side *side = LIST_ENTRY(node, struct http2_side, due);
    if (side->deadline_ms > sessions_now_ms(side->session->sessions)) {
        await_deadline(side);
        return;
    }
    struct session *session = side->session;
    if (!judge_stall(side)) {
        session_advance(session);
        return;
    }
    if (side->deadline_ms > sessions_now_ms(session->sessions)) {
        await_deadline(side);
        return;
    }
    if (exchange_timed_out(side->exchange) != RESULT_OK) {
        side_cut(side, HTTP2_CANCEL, NULL);
    } else {
        side_make_ready(side);
    }
    session_advance(session);
}

struct http2_side *http2_new_side(struct http2 *http2, struct http2_stream *wire) {
    struct session *session = http2->session;
    struct http2_side *side = slab_get(&session->sessions->http2_sides);
    if (side == NULL) {
        return NULL;
    }
    memset(side, 0, offsetof(struct http2_side, runs));
    side->session = session;
    side->wire = wire;
    wire->owner = side;
    side->stream.verbs = &side_verbs;
    side->stream.client = &session->client;
    side->stream.kept = &session->kept;
    side->stream.steps_left = &http2->steps_left;
    side->stream.target_size = http2->target_size;
    side->stream.http2 = side->stream.keeps_heads = true;
    list_init(&side->ready);
    list_init(&side->fresh);
    list_push_last(&http2->sides, &side->node);
    wheel_node_init(&side->due, on_due);
    return side;
}
