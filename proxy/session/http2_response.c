// HTTP/2 responses: heads are encoded and frame headers written in the room around the bytes of the
// server.
#include "http/encode.h"
#include "http/walk.h"
#include "http2/response.h"
#include "session/http2_internal.h"

#include <stdlib.h>

enum { HEAD_READ_MIN = 2048 };         // of a head, and of a body that the window does not allow
enum { ROOM_MIN = 1024 };              // less is not worth a read
enum { BEHIND = RECORD_OVERHEAD + 1 }; // room for the end of one record and the next one's header
enum { MOVED_MAX = 1024 };             // of data: a copy of so much costs less than a record
// Size of a record with several responses: the client can read the first when it has the last.
enum { JOINED_MAX = 8192 };
enum { FIELD_MORE = 16, BLOCK_MORE = 64 }; // of an encoded field, and of a block

void side_free_response(struct http2_side *side) {
    free(side->answer);
    free(side->aside);
    free(side->ending);
    side->answer = NULL;
    side->aside = NULL;
    side->ending = NULL;
}

static struct http2_connection *connection_of(const struct http2_side *side) {
    return &http2_of(side)->connection;
}

// Ravelin's end of the stream was sent. The stream is gone if the client's end came before.
static void note_end(struct http2_side *side, bool end, bool both) {
    if (end && both) {
        side->wire = NULL;
    }
}

// --- frames of data ---

void side_finish_frame(struct http2_side *side, bool end) {
    if (side->frame == NULL) {
        return;
    }
    uint8_t *header = side->frame;
    uint32_t size = side->frame_size;
    side->frame = NULL;
    side->frame_size = 0;
    if (side->wire != NULL) {
        bool both = side->wire->remote_ended;
        http2_send_data(connection_of(side), side->wire, size, end, header);
        side->stream.sent += size + FRAME_HEADER_SIZE;
        note_end(side, end, both);
    }
}

// Whether data continues the unfinished frame.
static bool goes_on(const struct http2_side *side, size_t size) {
    return side->frame != NULL && side->frame_size + size <= FRAME_SIZE_DEFAULT;
}

// Where the output of the slot ends, or where it may begin if there is none.
static uint8_t *output_end(const struct http2 *http2, uint32_t slot) {
    struct send_buffer *buffer = buffer_of(http2);
    bool written = http2->slot == slot && http2->end > slot_payload(buffer, slot);
    return written ? http2->end : buffer->slots[slot] + RECORD_HEADER_SIZE;
}

size_t side_fits(struct stream *stream, uint32_t part, const uint8_t *data, size_t size) {
    struct http2_side *side = side_of(stream);
    struct http2 *http2 = http2_of(side);
    const struct send_buffer *buffer = buffer_of(http2);
    if (side->aside != NULL || side->wire == NULL || http2->backlog != NULL ||
        buffer->span_count + 2 > SPANS_MAX) {
        return 0;
    }
    int64_t window = side_window(side);
    side->shut = window < (int64_t)size;
    size_t allowed = side->shut ? (size_t)window : size;
    uint32_t slot = buffer->first_slot + part;
    if (allowed == 0 || goes_on(side, allowed)) {
        return allowed;
    }
    return data - output_end(http2, slot) >= FRAME_HEADER_SIZE ? allowed : 0;
}

// Whether the output can be continued right behind its end, if it ends in this slot, in a record of
// `most` bytes.
static bool joins(const struct send_buffer *buffer, uint32_t slot, size_t size, size_t most) {
    const struct span *last =
        buffer->span_count == 0 ? NULL : &buffer->spans[buffer->span_count - 1];
    return last != NULL && last->slot == slot && last->size + size <= most;
}

// Moves small data to the output before it, over the server's framing between them, so that one
// record contains many small pieces. `lead`: bytes to be written before the data. Returns the new
// place of the data.
static uint8_t *close_gap(const struct http2 *http2, uint32_t slot, uint8_t *data, size_t size,
                          size_t lead) {
    const struct send_buffer *buffer = buffer_of(http2);
    if (size > MOVED_MAX || !joins(buffer, slot, lead + size, RECORD_PAYLOAD_MAX)) {
        return data;
    }
    const struct span *last = &buffer->spans[buffer->span_count - 1];
    uint8_t *at = last->data + last->size + lead;
    if (at < data) {
        memmove(at, data, size);
        return at;
    }
    return data;
}

enum result side_data(struct stream *stream, uint32_t part, uint8_t *data, size_t size) {
    struct http2_side *side = side_of(stream);
    struct http2 *http2 = http2_of(side);
    uint32_t slot = buffer_of(http2)->first_slot + part;
    bool more = goes_on(side, size);
    data = close_gap(http2, slot, data, size, more ? 0 : FRAME_HEADER_SIZE);
    uint8_t *begin = data;
    if (more) {
        side->frame_size += (uint32_t)size;
    } else {
        side_finish_frame(side, false);
        begin = data - FRAME_HEADER_SIZE;
        side->frame = begin;
        side->frame_size = (uint32_t)size;
    }
    http2_wrote(http2, slot, begin, (size_t)(data + size - begin));
    return RESULT_OK;
}

// --- room ---

// Notes why the side cannot write now.
static void hold(struct http2_side *side) {
    bool closed = side->head_sent && !side->end_due && side_window(side) == 0;
    side_hold(side, closed ? HELD_CLOSED : HELD_TURN);
}

// Free bytes of the slot from the cursor on; `lead` and some more must fit.
static bool find_slot(struct http2 *http2, size_t lead, uint32_t *used) {
    struct send_buffer *buffer = buffer_of(http2);
    *used = http2->end == NULL
                ? 0
                : (uint32_t)(http2->end - slot_payload(buffer, http2->slot)) + BEHIND;
    if (*used + lead + ROOM_MIN <= SLOT_READ_MAX) {
        return true;
    }
    if (http2->slot + 1 == SEND_SLOTS) {
        return false;
    }
    http2->slot++;
    http2->end = slot_payload(buffer, http2->slot);
    *used = 0;
    return true;
}

static void lend(struct http2_side *side, size_t lead, uint32_t used) {
    struct http2 *http2 = http2_of(side);
    struct send_buffer *buffer = buffer_of(http2);
    bool cold = transport_is_cold(&side->session->transport);
    uint32_t slots = side_makes_way(side) ? http2->slot + 1 : SEND_SLOTS;
    int64_t allowed = side_window(side);
    if (!side->head_sent && allowed < HEAD_READ_MIN) {
        allowed = HEAD_READ_MIN;
    }
    uint32_t begin =
        (uint32_t)lead + (lead < FRAME_HEADER_SIZE && used > 0 ? FRAME_HEADER_SIZE : 0);
    buffer->first_slot = http2->slot;
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        uint32_t slot = http2->slot + i;
        size_t most = slot >= slots ? 0 : cold ? COLD_READ_MAX : SLOT_READ_MAX;
        size_t left = i == 0 ? SLOT_READ_MAX - used - begin : SLOT_READ_MAX;
        size_t size = left < most ? left : most;
        size = (int64_t)size < allowed ? size : (size_t)allowed;
        allowed -= (int64_t)size;
        uint32_t at = i == 0 ? begin : 0;
        buffer->room.parts[i] =
            (struct room_part){slot_payload(buffer, slot % SEND_SLOTS) + (i == 0 ? used : 0),
                               at + (uint32_t)size, at, at};
    }
}

struct room *side_room(struct stream *stream, size_t lead) {
    struct http2_side *side = side_of(stream);
    struct http2 *http2 = http2_of(side);
    uint32_t used;
    size_t most = lead < SLOT_READ_MAX / 2 ? lead : SLOT_READ_MAX / 2;
    if (side->wire == NULL || (side->head_sent && side_window(side) == 0) || !side_has_turn(side) ||
        side_step_is_over(side)) {
        hold(side);
        return NULL;
    }
    enum result result = http2_begin_output(http2);
    if (result == RESULT_OK && !find_slot(http2, most, &used)) {
        result = http2_send(http2);
        used = 0;
    }
    if (result != RESULT_OK || http2->backlog != NULL) {
        if (result != RESULT_ERROR) {
            hold(side);
        }
        return NULL;
    }
    lend(side, most, used);
    return &buffer_of(http2)->room;
}

// --- heads ---

// Encodes the list into scratch space of the worker, or *memory when that is too small. Empty: no
// memory.
static struct slice encode(struct http2_side *side, const struct http2_list *list, bool end,
                           uint8_t **memory) {
    struct shared *shared = &side->session->sessions->shared;
    size_t size = 0;
    bool both = side->wire->remote_ended;
    *memory = NULL;
    uint8_t *output = (uint8_t *)shared->scratch;
    enum result result = http2_send_headers(connection_of(side), side->wire, list->items,
                                            list->count, end, output, shared->scratch_size, &size);
    if (result == RESULT_AGAIN) {
        size_t capacity = list->text_size + (size_t)list->count * FIELD_MORE + BLOCK_MORE;
        capacity += (capacity / FRAME_SIZE_DEFAULT + 2) * FRAME_HEADER_SIZE;
        output = *memory = malloc(capacity);
        result = output == NULL ? RESULT_ERROR
                                : http2_send_headers(connection_of(side), side->wire, list->items,
                                                     list->count, end, output, capacity, &size);
    }
    if (result != RESULT_OK) {
        return (struct slice){NULL, 0};
    }
    note_end(side, end, both);
    side->stream.sent += size;
    return (struct slice){(char *)output, size};
}

// Position of a frame in the send buffer.
struct frame_place {
    uint8_t *data; // NULL: there is no room
    uint32_t slot;
};

// Whether the head, with the data behind it, continues the record before it. close_gap() will move
// the data.
static bool joins_record(const struct http2 *http2, size_t head_size, size_t unread) {
    const struct send_buffer *buffer = buffer_of(http2);
    bool cold = transport_is_cold(&http2->session->transport);
    return unread <= MOVED_MAX &&
           joins(buffer, buffer->first_slot, head_size + FRAME_HEADER_SIZE + unread,
                 cold ? COLD_READ_MAX : JOINED_MAX);
}

// A head before bytes of the server that are unread in the first part of the room.
static struct frame_place place_before(struct http2 *http2, size_t size, bool body_follows) {
    const struct send_buffer *buffer = buffer_of(http2);
    const struct room_part *part = &buffer->room.parts[0];
    uint8_t *limit = part->data + part->begin - (body_follows ? FRAME_HEADER_SIZE : 1);
    uint8_t *end = output_end(http2, buffer->first_slot);
    bool joined = body_follows && joins_record(http2, size, room_part_unread(part));
    uint8_t *from = joined ? end : end + 1;
    uint8_t *at = joined ? end : limit - size;
    bool fits = limit - from >= (ptrdiff_t)size;
    return (struct frame_place){fits ? at : NULL, buffer->first_slot};
}

static struct frame_place place_head(struct http2 *http2, size_t size, bool body_follows) {
    const struct send_buffer *buffer = buffer_of(http2);
    struct frame_place none = {NULL, 0};
    if (buffer->span_count + 2 > SPANS_MAX) {
        return none;
    }
    if (room_part_unread(&buffer->room.parts[0]) > 0) {
        return place_before(http2, size, body_follows);
    }
    // Bytes that are unread in other slots must stay there.
    uint32_t slot = http2->slot;
    uint8_t *end = http2->end;
    uint8_t *at = http2_place(http2, size);
    if (at != NULL && http2->slot != slot && room_unread(&buffer->room) > 0) {
        http2->slot = slot;
        http2->end = end;
        return none;
    }
    return (struct frame_place){at, http2->slot};
}

// Writes an encoded head where there is space. Otherwise the head is sent before all other bytes.
static enum result put_head(struct http2_side *side, struct slice head, bool body_follows) {
    struct http2 *http2 = http2_of(side);
    struct frame_place place = place_head(http2, head.size, body_follows);
    if (place.data != NULL) {
        memcpy(place.data, head.data, head.size);
        http2_wrote(http2, place.slot, place.data, head.size);
        return RESULT_OK;
    }
    return side_set_aside(side) && http2_write(http2, (const uint8_t *)head.data, head.size)
               ? RESULT_OK
               : RESULT_ERROR;
}

// The list has no memory, or the head was not encoded: the connection has failed, or the server's
// head is larger than any list.
static enum result send_list(struct http2_side *side, bool listed, bool end, bool body_follows) {
    const struct http2_list *list = &side->session->sessions->http2_list;
    uint8_t *memory;
    if (!listed || side->wire == NULL) {
        return RESULT_ERROR;
    }
    struct slice head = encode(side, list, end, &memory);
    enum result result = head.size == 0 ? RESULT_ERROR : put_head(side, head, body_follows);
    free(memory);
    return result;
}

static void take_priority(struct http2_side *side, const struct http_response *response) {
    for (uint32_t i = 0; i < response->fields->count; i++) {
        const struct http_field *field = &response->fields->items[i];
        if (field->id == FIELD_OTHER && slice_equal_nocase(field->name, SLICE("priority"))) {
            http2_prioritize(connection_of(side), side->wire, field->value);
        }
    }
}

enum result side_head(struct stream *stream, const struct stream_head *head) {
    struct http2_side *side = side_of(stream);
    struct shared *shared = &side->session->sessions->shared;
    const struct http_response *response = head->response;
    struct http_response_framing framing = {.client_minor_version = 1};
    if (response->interim) {
        metric_add(shared->metrics, METRIC_responses_1xx, 1);
    } else {
        framing.set_cookie = head->set_cookie;
        framing.hsts_s = head->hsts_s;
        framing.changes = head->changes;
        framing.added = head->added;
    }
    bool end = !response->interim && response->framing == FRAMING_NONE;
    bool listed = http2_list_response(&side->session->sessions->http2_list, response, &framing,
                                      shared_date(shared), stream->websocket);
    if (!response->interim && side->wire != NULL && !end) {
        take_priority(side, response);
    }
    if (!side_write_kept_back(side)) {
        return RESULT_ERROR;
    }
    enum result result = send_list(side, listed, end, !response->interim && !end);
    side->head_sent = side->head_sent || (result == RESULT_OK && !response->interim);
    return result;
}

// --- ends ---

static bool write_trailers(struct http2_side *side, const struct http_fields *fields) {
    struct http2_list *list = &side->session->sessions->http2_list;
    bool listed = http2_list_trailers(list, fields);
    return send_list(side, listed && list->count > 0, true, false) == RESULT_OK;
}

// Writes an empty frame with the end. False: no space now.
static bool write_end(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    uint8_t *at = http2_place(http2, FRAME_HEADER_SIZE);
    if (at == NULL) {
        return false;
    }
    bool both = side->wire->remote_ended;
    http2_send_data(&http2->connection, side->wire, 0, true, at);
    http2_wrote(http2, http2->slot, at, FRAME_HEADER_SIZE);
    side->stream.sent += FRAME_HEADER_SIZE;
    note_end(side, true, both);
    return true;
}

static bool keep_ending(struct http2_side *side, const struct http_fields *fields) {
    size_t capacity = http_trailers_size(fields);
    side->ending = malloc(capacity);
    side->ending_size =
        side->ending == NULL ? 0 : http_encode_trailers(fields, NULL, side->ending, capacity);
    return side->ending_size > 0;
}

static bool has_ended(const struct http2_side *side) {
    return side->wire == NULL || side->wire->local_ended;
}

// Trailers that HTTP/2 does not allow are left out.
static bool are_trailers(struct http2_side *side, const struct http_fields *fields) {
    struct http2_list *list = &side->session->sessions->http2_list;
    return fields != NULL && http2_list_trailers(list, fields) && list->count > 0;
}

enum result side_end(struct stream *stream, const struct http_fields *trailers) {
    struct http2_side *side = side_of(stream);
    struct http2 *http2 = http2_of(side);
    bool has_trailers = are_trailers(side, trailers);
    if (has_ended(side)) {
        return RESULT_OK;
    }
    side_finish_frame(side, !has_trailers);
    if (has_ended(side)) {
        return RESULT_OK;
    }
    if (http2->lent == side) { // no byte of the room is needed: control frames go before the end
        http2->lent = NULL;
        http2->turn = side;
    }
    bool now = side_has_turn(side) && http2->backlog == NULL && side->aside == NULL &&
               http2_begin_output(http2) == RESULT_OK;
    if (now && (has_trailers ? write_trailers(side, trailers) : write_end(side))) {
        return RESULT_OK;
    }
    side->end_due = true;
    hold(side);
    return has_trailers && !has_ended(side) && !keep_ending(side, trailers) ? RESULT_ERROR
                                                                            : RESULT_OK;
}

static enum result write_ending(struct http2_side *side) {
    struct http_fields *fields = shared_fields(&side->session->sessions->shared, HTTP_FIELDS_MAX);
    const char *why;
    if (side->ending == NULL) {
        return write_end(side) ? RESULT_OK : RESULT_AGAIN;
    }
    if (http_parse_trailers((struct slice){side->ending, side->ending_size}, fields, &why) !=
        RESULT_OK) {
        return write_end(side) ? RESULT_OK : RESULT_AGAIN;
    }
    return write_trailers(side, fields) ? RESULT_OK : RESULT_ERROR;
}

// --- answers of our own ---

enum result side_answer(struct stream *stream, uint16_t status, struct slice fields,
                        const struct http_page *page, uint64_t *body_size) {
    struct http2_side *side = side_of(stream);
    size_t whole = page != NULL ? page->body.size : http_page_size(status);
    size_t body = side->is_head ? 0 : whole;
    size_t type = page != NULL ? page->type.size : 0;
    if (side->wire == NULL) {
        return RESULT_ERROR;
    }
    side_free_response(side);
    side_forget_unread(side);
    struct side_answer *answer = malloc(sizeof(*answer) + fields.size + type + body);
    if (answer == NULL) {
        return RESULT_ERROR;
    }
    *answer = (struct side_answer){.status = status,
                                   .fields_size = fields.size,
                                   .type_size = type,
                                   .whole_size = whole,
                                   .page_size = body};
    if (fields.size > 0) {
        memcpy(answer->text, fields.data, fields.size);
    }
    char *at = answer->text + fields.size;
    if (page != NULL) {
        memcpy(at, page->type.data, type);
        memcpy(at + type, page->body.data, body);
    } else if (body > 0) {
        (void)http_encode_page(status, at, body);
    }
    side->answer = answer;
    *body_size = body;
    side_hold(side, HELD_TURN);
    return RESULT_OK;
}

enum { PAGE_FRAME_MAX = 8192 }; // fits in a slot, and in the smallest frame size of a client

static enum result write_answer_head(struct http2_side *side) {
    const struct side_answer *answer = side->answer;
    struct http2_list *list = &side->session->sessions->http2_list;
    // Only the type and size of the page: its body follows in DATA.
    const struct http_page page = {.type = {answer->text + answer->fields_size, answer->type_size},
                                   .body = {answer->text, answer->whole_size}};
    bool listed = http2_list_answer(
        list, answer->status, (struct slice){answer->text, answer->fields_size},
        answer->type_size > 0 ? &page : NULL, shared_date(&side->session->sessions->shared));
    enum result result = send_list(side, listed, answer->page_size == 0, false);
    side->head_sent = result == RESULT_OK;
    return result;
}

// Writes a frame of the page. RESULT_AGAIN: there is more, or no room in the window or the buffer.
static enum result write_page(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    struct side_answer *answer = side->answer;
    size_t left = answer->page_size - answer->page_sent;
    int64_t window = side_window(side);
    size_t most = left < PAGE_FRAME_MAX ? left : PAGE_FRAME_MAX;
    size_t size = (int64_t)most < window ? most : (size_t)window;
    uint8_t *at = size == 0 ? NULL : http2_place(http2, FRAME_HEADER_SIZE + size);
    if (at == NULL) {
        return RESULT_AGAIN;
    }
    memcpy(at + FRAME_HEADER_SIZE,
           answer->text + answer->fields_size + answer->type_size + answer->page_sent, size);
    http2_wrote(http2, http2->slot, at, FRAME_HEADER_SIZE + size);
    side->frame = at;
    side->frame_size = (uint32_t)size;
    answer->page_sent += size;
    side_finish_frame(side, size == left);
    return size == left ? RESULT_OK : RESULT_AGAIN;
}

static enum result write_answer(struct http2_side *side) {
    enum result result = side->head_sent ? RESULT_OK : write_answer_head(side);
    if (result == RESULT_OK && !has_ended(side)) {
        size_t before;
        do {
            before = side->answer->page_sent;
            result = http2_of(side)->backlog != NULL ? RESULT_AGAIN : write_page(side);
        } while (result == RESULT_AGAIN && side->answer->page_sent > before);
    }
    if (result == RESULT_OK) {
        free(side->answer);
        side->answer = NULL;
    }
    return result;
}

// --- sending ---

// The side has its turn: writes the parts that need no bytes of the server. RESULT_AGAIN: not all.
static enum result write_own(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    enum result result = http2_begin_output(http2);
    if (result != RESULT_OK) {
        return result;
    }
    if (side->answer != NULL) {
        return write_answer(side);
    }
    if (side->aside != NULL) {
        if (side->head_sent && side_window(side) == 0) {
            return RESULT_AGAIN;
        }
        result = http2_send(http2);
        if (result == RESULT_OK) {
            side_bring_back(side);
        }
        return result;
    }
    if (!side->end_due) {
        return RESULT_OK;
    }
    result = write_ending(side);
    side->end_due = result == RESULT_AGAIN;
    return result;
}

// Empties the send buffer of unread bytes: without a window they are set aside, and without space
// the written bytes are sent.
static enum result make_way(struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    const struct send_buffer *buffer = buffer_of(http2);
    bool own = http2->turn == side || http2->lent == side;
    if (!own || buffer == NULL || room_unread(&buffer->room) == 0) {
        return RESULT_OK;
    }
    if (side->shut) {
        return side_set_aside(side) ? RESULT_AGAIN : RESULT_ERROR;
    }
    return http2_send(http2);
}

enum result side_flush(struct stream *stream) {
    struct http2_side *side = side_of(stream);
    enum result result = RESULT_OK;
    side_finish_frame(side, false);
    if (http2_of(side)->connection.failed) {
        return RESULT_ERROR;
    }
    if (has_ended(side)) {
        stream->unsent = false;
        return RESULT_OK;
    }
    if (stream->unsent || side->aside != NULL) {
        result = side_has_turn(side) ? write_own(side) : RESULT_AGAIN;
    }
    if (result == RESULT_OK) {
        result = make_way(side);
    }
    stream->unsent = false;
    if (result == RESULT_AGAIN) {
        hold(side);
    }
    return result;
}
