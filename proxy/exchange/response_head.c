// The heads of a response: the first part of exchange_respond().
//
// Nearly every head is complete in the first part of the room. It is parsed there, and the encoded
// head replaces it. A head that is not complete is gathered in a buffer of its own. The bytes
// behind it stay in the room.
#include "exchange/response_head.h"

#include "exchange/location.h"
#include "http/encode.h"
#include "http/websocket.h"

#include <stdio.h>
#include <stdlib.h>

// INTERIM_MAX: a busy server may send 102 (Processing) for hours. GATHER_MIN: first size of a
// head's buffer, which grows.
enum { INTERIM_MAX = 1000, GATHER_MIN = 4096, WHERE_SIZE = 160, NAME_SHOWN_MAX = 64 };
// Bytes of a body that every server is assumed to read together with the head.
enum { UNREAD_BODY_MIN = 16 * 1024 };

static const char too_large[] = "the head is larger than response-header-size";
static const char no_memory[] = "no memory for a response head";

struct head_buffer {
    size_t limit; // of the capacity: response-header-size when the exchange began
    size_t capacity;
    size_t size;
    char data[];
};

// Makes space in exchange->http->gathered_head, and allocates it if needed. False: no memory.
static bool grow(struct exchange *exchange) {
    struct head_buffer *old = exchange->http->gathered_head;
    size_t limit = old == NULL ? limits(exchange)->response_header_size : old->limit;
    size_t capacity = old == NULL ? GATHER_MIN : old->capacity * 2;
    capacity = capacity < limit ? capacity : limit;
    struct head_buffer *buffer = realloc(old, sizeof(*buffer) + capacity);
    if (buffer == NULL) {
        return false;
    }
    buffer->size = old == NULL ? 0 : buffer->size;
    buffer->limit = limit;
    buffer->capacity = capacity;
    exchange->http->gathered_head = buffer;
    return true;
}

bool exchange_head_has_begun(const struct exchange *exchange) {
    const struct exchange_http *http = exchange->http;
    return http != NULL && http->gathered_head != NULL && http->gathered_head->size > 0;
}

static void expect_head(struct exchange *exchange) {
    exchange->http->head_scanned = 0;
    exchange->http->head_part = (struct http_part){0, false};
}

void response_head_forget(struct exchange *exchange) {
    if (exchange->http == NULL) {
        return;
    }
    expect_head(exchange);
    if (exchange->http->gathered_head != NULL) {
        exchange->http->gathered_head->size = 0;
    }
}

size_t response_head_lead(const struct exchange *exchange) {
    return STREAM_HEAD_GROWTH + http_changes_size(&exchange->choice.route->response) +
           (exchange->choice.backend->sticky == NULL ? 0 : HTTP_SET_COOKIE_MAX) +
           exchange->http->added_size;
}

// --- what is wrong ---

// Describes the position of `at`: its line, from 1, and its column.
static int put_place(char *text, size_t capacity, struct slice message, const char *at) {
    size_t line = 1;
    const char *begin = message.data;
    for (const char *byte = message.data; byte < at; byte++) {
        if (*byte == '\n') {
            line++;
            begin = byte + 1;
        }
    }
    return snprintf(text, capacity, ": line %zu, column %zu", line, (size_t)(at - begin) + 1);
}

// Values of fields are not logged, because a cookie may be among them. Exception: fields that frame
// the body.
static void put_field(char *text, size_t capacity, const struct http_field *field) {
    struct slice name = field->name, value = {NULL, 0};
    if (field->id == FIELD_CONTENT_LENGTH || field->id == FIELD_TRANSFER_ENCODING ||
        field->id == FIELD_UPGRADE) {
        value = field->value;
    }
    (void)snprintf(text, capacity, ": '%.*s: %.*s'",
                   (int)(name.size < NAME_SHOWN_MAX ? name.size : NAME_SHOWN_MAX), name.data,
                   (int)(value.size < NAME_SHOWN_MAX ? value.size : NAME_SHOWN_MAX),
                   value.size == 0 ? "" : value.data);
}

enum result response_message_is_bad(struct exchange *exchange, struct slice message,
                                    const struct http_refusal *refusal) {
    char where[WHERE_SIZE] = "";
    const char *end = message.data + message.size;
    if (refusal->byte != NULL) {
        int size = put_place(where, sizeof(where), message, refusal->byte);
        if (refusal->byte < end) {
            (void)snprintf(where + size, sizeof(where) - (size_t)size, ", byte 0x%02x",
                           (unsigned)(uint8_t)*refusal->byte);
        }
    } else if (refusal->field != NULL) {
        int size = put_place(where, sizeof(where), message, refusal->field->name.data);
        put_field(where + size, sizeof(where) - (size_t)size, refusal->field);
    }
    return response_is_bad(exchange, refusal->why, where);
}

// --- taking ---

// Passes a head to the stream. Results as of response_head_take().
static enum result pass_on(struct exchange *exchange, const struct stream_head *head) {
    switch (exchange->stream->verbs->head(exchange->stream, head)) {
    case RESULT_OK:
        return RESULT_OK;
    case RESULT_AGAIN:
        return RESULT_EOF;
    default:
        return exchange_refuse(exchange, 503, no_memory);
    }
}

static enum result take_interim(struct exchange *exchange, struct stream_head *head) {
    expect_head(exchange);
    exchange->awaits_continue = exchange->awaits_continue && head->response->status != 100;
    if (++exchange->http->interim_count > INTERIM_MAX) {
        return response_is_bad(exchange, "too many interim responses", "");
    }
    return pass_on(exchange, head);
}

// A server that refuses a request may not have read its body, although the sockets on the way have
// accepted all of it. A server that authenticates connections must keep them, so it reads the body.
static bool may_be_unread(const struct exchange *exchange, uint16_t status) {
    bool whole =
        exchange->request_framing == FRAMING_NONE || exchange->request_state == REQUEST_DONE;
    return (status >= 300 && !whole) || (status >= 400 && !exchange->attempt.lease->bound &&
                                         exchange->account.request_bytes > UNREAD_BODY_MIN);
}

static void decide_framing(struct exchange *exchange, const struct http_response *response) {
    exchange->account.status = response->status;
    exchange->response_framing = response->framing;
    exchange->http->response_left = response->content_length;
    // A server would read the rest of an unread body as the next request.
    exchange->server_keep_alive = response->keep_alive && !exchange->body_in_doubt &&
                                  !exchange->awaits_continue &&
                                  !may_be_unread(exchange, response->status);
    chunk_decoder_init_tolerant(&exchange->http->response_decoder);
    if (response->framing == FRAMING_TUNNEL) {
        exchange->request_framing = FRAMING_NONE; // nothing frames the bytes of a tunnel
        exchange->request_state = REQUEST_TUNNEL;
        exchange->server_keep_alive = false;
    }
}

// A server that refuses a request before it has read it does not want the rest. A response that
// ends here ends before the request.
static bool request_is_cut(const struct exchange *exchange, const struct http_response *response) {
    if (exchange->request_state == REQUEST_DONE) {
        return false;
    }
    size_t available = exchange->room == NULL ? 0 : room_unread(exchange->room);
    bool whole = response->framing == FRAMING_NONE ||
                 (response->framing == FRAMING_LENGTH && response->content_length <= available);
    return exchange->request_state == REQUEST_GIVEN_UP || response->status >= 300 || whole;
}

static enum result take_final(struct exchange *exchange, struct stream_head *head) {
    const struct http_response *response = head->response;
    if (exchange_can_repeat(exchange) &&
        attempt_may_leave(&exchange->attempt, &exchange->choice, response->status)) {
        exchange->left_status = response->status;
        return RESULT_ERROR;
    }
    if (exchange->write_failed) { // so this is why
        exchange_give_up_request(exchange, true);
    }
    head->request_is_cut = request_is_cut(exchange, response);
    head->set_cookie = attempt_cookie(&exchange->attempt, &exchange->choice);
    head->hsts_s = exchange->choice.of_site ? exchange->choice.site->hsts_s : 0;
    head->changes = &exchange->choice.route->response;
    head->added = (struct slice){exchange->http->added, exchange->http->added_size};
    decide_framing(exchange, response);
    attempt_note_response(&exchange->attempt, &exchange->choice, response->status);
    if (!exchange->is_subrequest) {
        account_keep_response_headers(&exchange->account, &exchange->choice, response->fields);
    }
    enum result result = pass_on(exchange, head);
    if (result == RESULT_ERROR) {
        return RESULT_ERROR;
    }
    exchange->response_started = exchange->response_started || exchange->stream->keeps_heads;
    // The bytes were there when this loop turn began, unless they arrived during the turn.
    int64_t wait_us = exchange->shared->turn_us - exchange->account.request_sent_us;
    exchange->account.response_us =
        exchange->account.request_sent_us == 0 || wait_us < 0 ? 0 : wait_us;
    exchange->response_state = response->framing == FRAMING_NONE ? RESPONSE_FINAL : RESPONSE_BODY;
    return result;
}

// A response that may have a Location. `fields`: of the response.
static enum result take_moved(struct exchange *exchange, struct stream_head *head,
                              struct http_fields *fields) {
    char text[LOCATION_SIZE_MAX];
    struct address address;
    const struct server *server = exchange->attempt.server;
    server_entry_address(server->entry, &address);
    const struct slice sent = {exchange->http->head, exchange->http->head_size};
    const struct location location = {.authority = http_head_field(sent, SLICE("Host")),
                                      .server = slice_from(server->text),
                                      .address = &address,
                                      .route = exchange->choice.route};
    for (uint32_t i = 0; i < fields->count; i++) {
        struct http_field *field = &fields->items[i];
        if (slice_equal_nocase(field->name, SLICE("Location"))) {
            struct slice value = location_rewrite(&location, field->value, text);
            head->size += value.size; // at most that much longer
            field->value = value.size > 0 ? value : field->value;
            break;
        }
    }
    return take_final(exchange, head);
}

static bool may_be_moved(const struct exchange *exchange, uint16_t status) {
    return (status / 100 == 3 || status == 201) && exchange->choice.backend->rewrite_location;
}

// Refuses a response that opens no WebSocket. A 2xx is not counted as a failure of the server:
// otherwise any client could put a server out of use.
static enum result check_websocket(struct exchange *exchange,
                                   const struct http_response *response) {
    const struct slice sent = {exchange->http->head, exchange->http->head_size};
    const char *why = websocket_judge(response, http_head_field(sent, SLICE("Sec-WebSocket-Key")));
    if (why == NULL) {
        return RESULT_OK;
    }
    return response->status == 101 ? response_is_bad(exchange, why, "")
                                   : exchange_refuse(exchange, 502, why);
}

// `in_room`: see struct stream_head.
static enum result take(struct exchange *exchange, struct slice text, bool in_room) {
    struct http_fields *fields = shared_fields(exchange->shared, HTTP_FIELDS_MAX);
    struct http_response response;
    struct http_refusal refusal;
    if (http_parse_response(text, exchange->is_head, account_texts(&exchange->account)->protocols,
                            fields, &response, &refusal) != RESULT_OK) {
        return response_message_is_bad(exchange, text, &refusal);
    }
    // Before that, the end of the body and the beginning of the tunnel are unknown.
    if (response.framing == FRAMING_TUNNEL && exchange->request_state != REQUEST_DONE) {
        return response_is_bad(exchange, "101 before the end of the request", "");
    }
    if (exchange->stream->websocket && check_websocket(exchange, &response) != RESULT_OK) {
        return RESULT_ERROR;
    }
    exchange->attempt.lease->bound = exchange->attempt.lease->bound || response.binds_connection;
    if (in_room) {
        exchange->room->parts[0].begin += (uint32_t)text.size;
    }
    struct stream_head head = {.response = &response, .size = text.size, .in_room = in_room};
    if (response.interim) {
        return take_interim(exchange, &head);
    }
    return may_be_moved(exchange, response.status) ? take_moved(exchange, &head, fields)
                                                   : take_final(exchange, &head);
}

// Moves a part's bytes into the buffer, up to the end of the head. RESULT_OK: *size is the head's.
// RESULT_EOF: there is no room for the rest. RESULT_ERROR: no memory.
static enum result gather_part(struct exchange *exchange, struct room_part *part, size_t *size) {
    while (room_part_unread(part) > 0) {
        struct head_buffer *buffer = exchange->http->gathered_head;
        if (buffer == NULL || buffer->size == buffer->capacity) {
            if (buffer != NULL && buffer->capacity == buffer->limit) {
                return RESULT_EOF;
            }
            if (!grow(exchange)) {
                return RESULT_ERROR;
            }
            continue;
        }
        size_t unread = room_part_unread(part);
        size_t room = buffer->capacity - buffer->size;
        size_t moved = unread < room ? unread : room;
        memcpy(buffer->data + buffer->size, part->data + part->begin, moved);
        buffer->size += moved;
        part->begin += (uint32_t)moved;
        *size = http_head_end(buffer->data, buffer->size, &exchange->http->head_scanned);
        if (*size > 0) {
            part->begin -= (uint32_t)(buffer->size - *size);
            return RESULT_OK;
        }
    }
    return RESULT_AGAIN;
}

// Moves the received part of a head into the buffer. Bytes behind the head stay.
static enum result gather(struct exchange *exchange, struct slice *head) {
    enum result result = RESULT_AGAIN;
    size_t size = 0;
    for (uint32_t i = 0; i < ROOM_PARTS && result == RESULT_AGAIN; i++) {
        result = gather_part(exchange, &exchange->room->parts[i], &size);
    }
    struct head_buffer *buffer = exchange->http->gathered_head;
    if (result == RESULT_ERROR) {
        return exchange_refuse(exchange, 503, no_memory);
    }
    *head = (struct slice){buffer->data, result == RESULT_OK ? size : buffer->size};
    if (result == RESULT_OK) {
        buffer->size = 0; // for the next one
    }
    return result;
}

// Searches the end of a head in the first part.
static bool find(struct exchange *exchange, struct slice *head) {
    const struct room_part *part = &exchange->room->parts[0];
    const char *begin = (const char *)part->data + part->begin;
    size_t scanned = 0;
    *head = (struct slice){begin, http_head_end(begin, room_part_unread(part), &scanned)};
    return head->size > 0;
}

enum result response_head_take(struct exchange *exchange) {
    size_t limit = limits(exchange)->response_header_size; // of the exchange's generation
    const struct head_buffer *gathered = exchange->http->gathered_head;
    struct slice head = {NULL, 0};
    bool in_room = (gathered == NULL || gathered->size == 0) && find(exchange, &head);
    enum result result = in_room ? RESULT_OK : gather(exchange, &head);
    if (result == RESULT_ERROR) {
        return RESULT_ERROR;
    }
    if (result == RESULT_EOF || head.size > limit ||
        (head.size == limit && result == RESULT_AGAIN)) {
        return response_is_bad(exchange, too_large, "");
    }
    if (result == RESULT_OK) {
        return take(exchange, head, in_room);
    }
    struct http_refusal refusal;
    if (http_check_response_part(head.data, head.size, &exchange->http->head_part, &refusal) !=
        RESULT_OK) {
        return response_message_is_bad(exchange, head, &refusal);
    }
    return exchange->attempt.lease->readable ? RESULT_OK : RESULT_AGAIN;
}
