// The send buffer of an HTTP/2 connection, and the order in which sides write to it.
#include "session/http2_internal.h"

#include <stdlib.h>

// Limit of one step: turns, each with at most one room.
enum { TURNS_MAX = 16 };
// Bytes of one step, if the client sends priorities, not counting the last turn: almost a buffer,
// or few if a more urgent response may arrive soon.
enum { STEP_SIZE = (SEND_SLOTS - 1) * SLOT_READ_MAX, SHORT_STEP_SIZE = 8192 };
// Time after a request in which its response may arrive soon. For a later response, the wait behind
// a buffer is short compared with the time of its server.
enum { AWAITED_MS = 20 };
// Spans that must be free before another side has its turn: its head, data and end.
enum { SPANS_FREE = 3 };
enum { CONTROL_SIZE_MAX = 2048 }; // of control frames that are written at once

// --- the buffer ---

static uint8_t *slot_end(const struct http2 *http2) {
    return slot_payload(buffer_of(http2), http2->slot) + SLOT_READ_MAX;
}

static bool is_full(const struct http2 *http2) {
    return http2->end != NULL &&
           (buffer_of(http2)->span_count + SPANS_FREE > SPANS_MAX || http2->slot == SEND_SLOTS);
}

enum result http2_send(struct http2 *http2) {
    struct transport *transport = &http2->session->transport;
    struct send_buffer *buffer = transport->send;
    enum result result = RESULT_OK;
    if (buffer != NULL && buffer->span_count > 0) {
        result = transport_seal(transport);
    }
    http2->end = NULL;
    http2->slot = 0;
    return result == RESULT_OK ? transport_flush(transport) : result;
}

uint8_t *http2_place(struct http2 *http2, size_t size) {
    struct send_buffer *buffer = buffer_of(http2);
    if (buffer == NULL || size > SLOT_READ_MAX) {
        return NULL;
    }
    if (http2->end != NULL && (size_t)(slot_end(http2) - http2->end) <= size) {
        if (http2->slot + 1 == SEND_SLOTS) {
            return NULL;
        }
        http2->slot++;
        http2->end = slot_payload(buffer, http2->slot);
    }
    if (http2->end == NULL) {
        http2->end = slot_payload(buffer, 0);
    }
    const struct span *last =
        buffer->span_count == 0 ? NULL : &buffer->spans[buffer->span_count - 1];
    bool joins = last != NULL && last->data + last->size == http2->end &&
                 last->size + size <= RECORD_PAYLOAD_MAX;
    if (!joins && buffer->span_count == SPANS_MAX) {
        return NULL;
    }
    // A byte behind a record is its type.
    return last == NULL || joins || last->slot != http2->slot ? http2->end : http2->end + 1;
}

void http2_wrote(struct http2 *http2, uint32_t slot, uint8_t *data, size_t size) {
    (void)!transport_add_span(buffer_of(http2), slot, data, size); // there is room: see is_full()
    http2->slot = slot;
    http2->end = data + size;
}

// Writes as much as there is room for, and returns how much that was.
static size_t write_some(struct http2 *http2, const uint8_t *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t left = size - done;
        size_t part = left < SLOT_READ_MAX / 2 ? left : SLOT_READ_MAX / 2;
        uint8_t *at = http2_place(http2, part);
        if (at == NULL) {
            break;
        }
        memcpy(at, bytes + done, part);
        http2_wrote(http2, http2->slot, at, part);
        done += part;
    }
    return done;
}

bool http2_write(struct http2 *http2, const uint8_t *bytes, size_t size) {
    size_t done = http2->backlog == NULL ? write_some(http2, bytes, size) : 0;
    size_t before = http2->backlog == NULL ? 0 : http2->backlog->size;
    if (done == size) {
        return true;
    }
    struct http2_backlog *backlog =
        realloc(http2->backlog, sizeof(*backlog) + before + size - done);
    if (backlog == NULL) {
        return false;
    }
    backlog->sent = before == 0 ? 0 : backlog->sent;
    backlog->size = before + size - done;
    memcpy(backlog->data + before, bytes + done, size - done);
    http2->backlog = backlog;
    return true;
}

// RESULT_OK: the whole backlog was written.
static enum result write_backlog(struct http2 *http2) {
    while (http2->backlog != NULL) {
        struct http2_backlog *backlog = http2->backlog;
        backlog->sent +=
            write_some(http2, backlog->data + backlog->sent, backlog->size - backlog->sent);
        if (backlog->sent == backlog->size) {
            http2->backlog = NULL;
            free(backlog);
            return RESULT_OK;
        }
        enum result result = http2_send(http2);
        if (result != RESULT_OK) {
            return result;
        }
    }
    return RESULT_OK;
}

static void write_control(struct http2 *http2) {
    size_t size = 1;
    while (size > 0 && http2_has_output(&http2->connection)) {
        uint8_t *at = http2_place(http2, CONTROL_SIZE_MAX);
        if (at == NULL) {
            return;
        }
        size = http2_output(&http2->connection, at, CONTROL_SIZE_MAX);
        if (size > 0) {
            http2_wrote(http2, http2->slot, at, size);
        }
    }
}

enum result http2_begin_output(struct http2 *http2) {
    struct transport *transport = &http2->session->transport;
    enum result result = transport_flush(transport);
    if (result == RESULT_OK && is_full(http2)) {
        result = http2_send(http2);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (transport_send_buffer(transport) == NULL) {
        return RESULT_ERROR;
    }
    if (http2->backlog != NULL) {
        result = write_backlog(http2);
    }
    if (result == RESULT_OK && http2->lent == NULL) {
        write_control(http2);
    }
    return result;
}

// --- what is unread ---

void side_forget_unread(struct http2_side *side) {
    const struct http2 *http2 = http2_of(side);
    struct send_buffer *buffer = buffer_of(http2);
    if (buffer != NULL && (http2->lent == side || http2->turn == side)) {
        room_clear(&buffer->room);
    }
}

bool side_set_aside(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    struct room *room = &buffer_of(http2)->room;
    size_t size = room_unread(room);
    if (size == 0) {
        return true;
    }
    struct side_aside *aside = malloc(sizeof(*aside) + size);
    if (aside == NULL) {
        return false;
    }
    aside->room = (struct room){0};
    size_t at = 0;
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        const struct room_part *part = &room->parts[i];
        size_t unread = room_part_unread(part);
        if (unread > 0) {
            memcpy(aside->data + at, part->data + part->begin, unread);
        }
        at += unread;
        aside->room.parts[i].data = aside->data;
    }
    aside->room.parts[0].capacity = aside->room.parts[0].end = (uint32_t)size;
    room_clear(room);
    side->aside = aside;
    exchange_move_unread(side->exchange, &aside->room);
    http2->lent = http2->lent == side ? NULL : http2->lent;
    return true;
}

void side_bring_back(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    struct send_buffer *buffer = buffer_of(http2);
    struct side_aside *aside = side->aside;
    const struct room_part *from = &aside->room.parts[0];
    size_t at = from->begin;
    buffer->first_slot = 0;
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        uint32_t begin = i == 0 ? STREAM_HEAD_GROWTH : 0;
        size_t left = from->end - at, most = SLOT_READ_MAX - begin;
        size_t part = left < most ? left : most;
        uint8_t *data = slot_payload(buffer, i);
        if (part > 0) {
            memcpy(data + begin, from->data + at, part);
        }
        buffer->room.parts[i] =
            (struct room_part){data, begin + (uint32_t)part, begin, begin + (uint32_t)part};
        at += part;
    }
    exchange_move_unread(side->exchange, &buffer->room);
    free(aside);
    side->aside = NULL;
    side->shut = false;
    http2->lent = side;
}

bool side_write_kept_back(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    if (http2->lent != side || !http2_has_output(&http2->connection)) {
        return true;
    }
    if (!side_set_aside(side)) {
        return false;
    }
    http2->lent = NULL;
    http2->turn = side;
    return http2_begin_output(http2) == RESULT_OK;
}

// --- turns ---

void side_hold(struct http2_side *side, enum stream_hold why) {
    side->stream.unsent = true;
    side->stream.held_by = (uint8_t)why;
}

// DATA needs a window. All other frames do not.
static bool wants_frame(const struct http2_side *side) {
    if (side->answer != NULL && side->answer->page_sent > 0) {
        return false;
    }
    return !side->head_sent || side->end_due;
}

void side_tell_wants(struct http2_side *side) {
    enum http2_wants wants = HTTP2_WANTS_NOTHING;
    if (side->wire == NULL) {
        return;
    }
    if (side->stream.unsent) {
        wants = wants_frame(side) ? HTTP2_WANTS_FRAME : HTTP2_WANTS_DATA;
    }
    http2_want(&http2_of(side)->connection, side->wire, wants);
}

bool side_has_turn(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    if (http2->turn != NULL || http2->lent != NULL) {
        return http2->turn == side || http2->lent == side;
    }
    if (!list_is_empty(&http2->ready) || http2->end != NULL) {
        return false;
    }
    side_tell_wants(side);
    const struct http2_stream *next = http2_next(&http2->connection);
    if (next != NULL && next->owner != side) {
        return false;
    }
    http2->turn = side;
    return true;
}

void side_end_turn(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    const struct send_buffer *buffer = buffer_of(http2);
    if (http2->turn == side || http2->lent == side) {
        bool unread = buffer != NULL && room_unread(&buffer->room) > 0;
        http2->turn = NULL;
        http2->lent = unread ? side : NULL;
    }
}

bool side_makes_way(const struct http2_side *side) {
    const struct http2 *http2 = http2_of(side);
    return http2->connection.knows_urgency &&
           sessions_now_ms(side->session->sessions) - http2->asked_ms <= AWAITED_MS &&
           !http2_is_most_urgent(&http2->connection, side->wire);
}

static size_t unsealed_size(const struct http2 *http2) {
    if (http2->end == NULL) {
        return 0;
    }
    const uint8_t *begin = slot_payload(buffer_of(http2), http2->slot);
    return http2->slot * SLOT_READ_MAX + (size_t)(http2->end - begin);
}

bool side_step_is_over(const struct http2_side *side) {
    const struct http2 *http2 = http2_of(side);
    if (!http2->connection.knows_urgency) {
        return false;
    }
    size_t written =
        (size_t)(http2->session->transport.sent - http2->sent_before) + unsealed_size(http2);
    return written >= STEP_SIZE ||
           (written >= SHORT_STEP_SIZE && side->wire != NULL && side_makes_way(side));
}

static void take_turn(struct http2 *http2, struct http2_side *side) {
    list_remove(&side->ready);
    http2->turn = side;
    http2->steps_left = 1;
    (void)side_advance(side);
}

enum result http2_take_turns(struct http2 *http2) {
    enum result result = http2_begin_output(http2);
    for (int i = 0; i < TURNS_MAX && result == RESULT_OK; i++) {
        struct http2_stream *next = http2_next(&http2->connection);
        struct http2_side *side = http2->lent != NULL ? http2->lent
                                  : next == NULL      ? NULL
                                                      : next->owner;
        if (side == NULL || side_step_is_over(side)) {
            break;
        }
        take_turn(http2, side);
        result = http2->connection.failed ? RESULT_AGAIN : http2_begin_output(http2);
    }
    if (result == RESULT_OK) {
        result = http2_send(http2);
    }
    return result;
}
