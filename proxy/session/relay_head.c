// The heads of a response: the first part of relay.h's relay_response().
//
// Nearly every head lies whole in the first slot: it is parsed there, and ours is written before
// the bytes that follow it. One that is larger is gathered in a buffer of its own, from all slots
// but the first, so that the bytes behind it stay where they are. An encoded head that does not fit
// before those bytes goes out in pieces, a record each.
#include "session/relay_head.h"

#include "base/clock.h"
#include "http/encode.h"
#include "session/service_internal.h"

#include <stdio.h>
#include <stdlib.h>

// HEAD_ROOM: in the first slot for our head to be longer than the server's, and for a chunk line.
// INTERIM_MAX: a server that is busy may say 102 (Processing) for hours.
enum { HEAD_ROOM = 256, INTERIM_MAX = 1000, WHERE_SIZE = 160, NAME_SHOWN_MAX = 64 };
// What a server is taken to read of a body together with the head, whatever it answers.
enum { UNREAD_BODY_MIN = 16 * 1024 };

static const char too_large[] = "the head is larger than response-header-size";
static const char no_memory[] = "no memory for a response head";

struct head_buffer {
    size_t capacity; // bytes of data; nothing else bounds them, as a reload may change the limit
    size_t size;
    size_t sent; // of an encoded head that goes out in pieces
    char data[];
};

static struct head_buffer *new_buffer(size_t capacity) {
    struct head_buffer *buffer = malloc(sizeof(*buffer) + capacity);
    if (buffer != NULL) {
        buffer->capacity = capacity;
        buffer->size = buffer->sent = 0;
    }
    return buffer;
}

void response_head_free(struct exchange *exchange) {
    free(exchange->gathered_head);
    free(exchange->encoded_head);
    exchange->gathered_head = exchange->encoded_head = NULL;
}

static void expect_head(struct exchange *exchange) {
    exchange->head_scanned = 0;
    exchange->head_part = (struct http_part){0, false};
    exchange->head_cut = false;
}

void response_head_start(struct exchange *exchange, struct send_buffer *buffer) {
    if (exchange->gathered_head != NULL) {
        return;
    }
    size_t room = HEAD_ROOM + http_changes_size(&exchange->choice.route->response) +
                  (exchange->choice.backend->sticky == NULL ? 0 : HTTP_SET_COOKIE_MAX);
    room = room < SLOT_READ_MAX / 2 ? room : SLOT_READ_MAX / 2;
    buffer->fills[0] = (struct fill){(uint32_t)room, (uint32_t)room};
    expect_head(exchange);
}

// --- what is wrong ---

// Says where `at` is: by its line, from 1, and its column.
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

// Field values are not shown: a cookie may be among them. Those that frame the body are.
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

enum result relay_bad_message(struct exchange *exchange, struct slice message,
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
    return relay_bad_response(exchange, refusal->why, where);
}

// --- encoding ---

// Encodes in the service's scratch, or in exchange->encoded_head when that is too small. Empty:
// there is no memory.
static struct slice encode(struct exchange *exchange, const struct http_response *response,
                           size_t head_size, const struct http_response_framing *framing) {
    struct shared *shared = exchange->shared;
    size_t capacity = head_size + (size_t)2 * response->fields->count + HTTP_RESPONSE_GROWTH_MAX +
                      (framing->changes == NULL ? 0 : http_changes_size(framing->changes));
    char *output = shared->scratch;
    if (capacity > shared->scratch_size) {
        exchange->encoded_head = new_buffer(capacity);
        if (exchange->encoded_head == NULL) {
            return (struct slice){NULL, 0};
        }
        output = exchange->encoded_head->data;
    }
    return (struct slice){
        output, http_encode_response(response, framing, shared_date(shared), output, capacity)};
}

// Writes the encoded head so that it ends at `end`; the room before it is free.
static bool place(struct send_buffer *buffer, struct slice head, uint8_t *end) {
    if ((size_t)(end - slot_payload(buffer, 0)) < head.size) {
        return false;
    }
    memcpy(end - head.size, head.data, head.size);
    return transport_add_span(buffer, 0, end - head.size, head.size);
}

// The head goes out in pieces from now on.
static enum result begin_pieces(struct exchange *exchange, struct slice head) {
    if (exchange->encoded_head == NULL) {
        exchange->encoded_head = new_buffer(head.size);
        if (exchange->encoded_head == NULL) {
            return exchange_refuse(exchange, 503, no_memory);
        }
        memcpy(exchange->encoded_head->data, head.data, head.size);
    }
    exchange->encoded_head->size = head.size;
    exchange->after_head = exchange->response_state;
    exchange->response_state = RESPONSE_HEAD_PIECES;
    return response_head_put(exchange);
}

enum result response_head_put(struct exchange *exchange) {
    struct send_buffer *buffer = buffer_of(exchange);
    struct head_buffer *head = exchange->encoded_head;
    const struct fill *fill = &buffer->fills[0];
    // Before bytes of the server a chunk line may be written, and a byte of each record is its
    // type.
    size_t room =
        fill->begin < fill->end ? fill->begin - (size_t)CHUNK_LINE_SIZE - 1 : SLOT_READ_MAX;
    size_t left = head->size - head->sent;
    size_t part = left < room ? left : room;
    memcpy(slot_payload(buffer, 0), head->data + head->sent, part);
    head->sent += part;
    if (head->sent == head->size) {
        exchange->response_state = exchange->after_head;
        exchange->encoded_head = NULL;
        free(head);
    }
    return transport_add_span(buffer, 0, slot_payload(buffer, 0), part) ? RESULT_OK : RESULT_ERROR;
}

// --- taking ---

// Bytes of the server that are not used yet.
static size_t unused(struct send_buffer *buffer) {
    size_t size = 0;
    for (uint32_t i = 0; i < SEND_SLOTS; i++) {
        size += buffer->fills[i].end - buffer->fills[i].begin;
    }
    return size;
}

// `end`: of the received head, when it lies in the first slot; else NULL.
static enum result take_interim(struct exchange *exchange, const struct http_response *response,
                                size_t head_size, uint8_t *end) {
    expect_head(exchange);
    exchange->awaits_continue = exchange->awaits_continue && response->status != 100;
    if (++exchange->interim_count > INTERIM_MAX) {
        return relay_bad_response(exchange, "too many interim responses", "");
    }
    if (exchange->account.minor_version == 0) { // HTTP/1.0 has none
        return RESULT_OK;
    }
    struct http_response_framing framing = {.client_minor_version = 1};
    struct slice head = encode(exchange, response, head_size, &framing);
    if (head.size == 0) {
        return exchange_refuse(exchange, 503, no_memory);
    }
    metric_add(exchange->shared->metrics, METRIC_responses_1xx, 1);
    // A byte before what follows is left for the inner content type.
    if (end == NULL || !place(buffer_of(exchange), head, end - 1)) {
        return begin_pieces(exchange, head);
    }
    return RESULT_OK;
}

// A server that refuses a request may not have read its body, although the sockets on the way have
// taken all of it. One that authenticates connections must keep them, and reads.
static bool may_be_unread(const struct exchange *exchange, uint16_t status) {
    bool whole =
        exchange->request_framing == FRAMING_NONE || exchange->request_state == REQUEST_DONE;
    return (status >= 300 && !whole) || (status >= 400 && !exchange->attempt.lease->bound &&
                                         exchange->account.request_bytes > UNREAD_BODY_MIN);
}

// `available`: how many bytes have come behind the head.
static void decide_framing(struct exchange *exchange, const struct http_response *response,
                           size_t available) {
    exchange->account.status = response->status;
    exchange->response_framing = response->framing;
    exchange->response_left = response->content_length;
    // What a server has not read of a body it would read as the next request.
    exchange->server_keep_alive = response->keep_alive && !exchange->body_in_doubt &&
                                  !exchange->awaits_continue &&
                                  !may_be_unread(exchange, response->status);
    chunk_decoder_init_tolerant(&exchange->response_decoder);
    bool unknown_length =
        response->framing == FRAMING_CHUNKED || response->framing == FRAMING_CLOSE;
    exchange->client_chunked = unknown_length && exchange->account.minor_version > 0;
    if (unknown_length && exchange->account.minor_version == 0) {
        exchange->keep_alive = false;
    }
    // A server that refuses a request before it has read it does not want the rest; and a response
    // that ends here ends before the request.
    bool whole = response->framing == FRAMING_NONE ||
                 (response->framing == FRAMING_LENGTH && response->content_length <= available);
    if (exchange->request_failed ||
        (exchange->request_state != REQUEST_DONE && (response->status >= 300 || whole))) {
        exchange->keep_alive = false;
    }
    if (exchange->shared->draining) {
        exchange->keep_alive = false;
    }
    if (response->framing == FRAMING_TUNNEL) {
        exchange->request_framing = FRAMING_TUNNEL;
        exchange->request_state = REQUEST_BODY;
        exchange->request_whole = false;
        exchange->keep_alive = exchange->server_keep_alive = false;
    }
}

// Where the head must end: before the body, and before the chunk line that a body without one is
// about to get.
static uint8_t *head_end(const struct exchange *exchange, struct send_buffer *buffer,
                         uint8_t *body) {
    if (!exchange->client_chunked || exchange->response_framing != FRAMING_CLOSE) {
        return body;
    }
    size_t size = (size_t)(slot_payload(buffer, 0) + buffer->fills[0].end - body);
    char line[CHUNK_LINE_SIZE];
    return size == 0 ? body
                     : body - (line + sizeof(line) - chunk_write_size(line + sizeof(line), size));
}

static enum result take_final(struct exchange *exchange, const struct http_response *response,
                              size_t head_size, uint8_t *body) {
    struct send_buffer *buffer = buffer_of(exchange);
    decide_framing(exchange, response, unused(buffer));
    struct http_response_framing framing = {
        .client_minor_version = exchange->account.minor_version,
        .close = !exchange->keep_alive,
        .write_chunked =
            exchange->client_chunked || (exchange->is_head && response->declared_chunked &&
                                         exchange->account.minor_version > 0),
        .set_cookie = attempt_cookie(&exchange->attempt, &exchange->choice),
        .hsts_s = exchange->choice.site->hsts_s,
        .changes = &exchange->choice.route->response,
    };
    struct slice head = encode(exchange, response, head_size, &framing);
    if (head.size == 0) {
        return exchange_refuse(exchange, 503, no_memory);
    }
    exchange->account.response_us = exchange->account.request_sent_us == 0
                                        ? 0
                                        : clock_monotonic_us() - exchange->account.request_sent_us;
    exchange->response_state = response->framing == FRAMING_NONE ? RESPONSE_SENDING : RESPONSE_BODY;
    if (response->framing == FRAMING_NONE && unused(buffer) > 0) {
        exchange->server_keep_alive = false; // bytes nobody asked for
    }
    uint8_t *end = body == NULL ? NULL : head_end(exchange, buffer, body);
    if (end == NULL || !place(buffer, head, end)) {
        return begin_pieces(exchange, head);
    }
    exchange->output_slot = 0;
    exchange->output_end = end;
    return RESULT_OK;
}

// `end`: as for take_interim().
static enum result take(struct exchange *exchange, struct slice text, uint8_t *end) {
    struct http_fields *fields = shared_fields(exchange->shared, HTTP_FIELDS_MAX);
    struct http_response response;
    struct http_refusal refusal;
    if (http_parse_response(text, exchange->is_head, exchange->account.protocols, fields, &response,
                            &refusal) != RESULT_OK) {
        return relay_bad_message(exchange, text, &refusal);
    }
    // Before that nobody can tell where the body ends and the tunnel begins.
    if (response.framing == FRAMING_TUNNEL && exchange->request_state != REQUEST_DONE) {
        return relay_bad_response(exchange, "101 before the end of the request", "");
    }
    exchange->attempt.lease->bound = exchange->attempt.lease->bound || response.binds_connection;
    if (end != NULL) {
        struct send_buffer *buffer = buffer_of(exchange);
        buffer->fills[0].begin = (uint32_t)(end - slot_payload(buffer, 0));
    }
    return response.interim ? take_interim(exchange, &response, text.size, end)
                            : take_final(exchange, &response, text.size, end);
}

// Moves what has come of a head from the slots into the buffer. What follows the head stays.
static enum result gather(struct exchange *exchange, struct slice *head) {
    struct send_buffer *buffer = buffer_of(exchange);
    struct head_buffer *gathered = exchange->gathered_head;
    for (uint32_t i = 0; i < SEND_SLOTS; i++) {
        struct fill *fill = &buffer->fills[i];
        size_t size = fill->end - fill->begin;
        size_t room = gathered->capacity - gathered->size;
        size_t part = size < room ? size : room;
        memcpy(gathered->data + gathered->size, slot_payload(buffer, i) + fill->begin, part);
        gathered->size += part;
        fill->begin += (uint32_t)part;
        size_t end = http_head_end(gathered->data, gathered->size, &exchange->head_scanned);
        if (end > 0) {
            fill->begin -= (uint32_t)(gathered->size - end);
            *head = (struct slice){gathered->data, end};
            gathered->size = 0; // for the next one
            return RESULT_OK;
        }
    }
    *head = (struct slice){gathered->data, gathered->size};
    return RESULT_AGAIN;
}

// Looks for the end of a head in the first slot. *end: where that is. RESULT_EOF: the slot is full.
static enum result find(struct exchange *exchange, struct slice *head, uint8_t **end) {
    struct send_buffer *buffer = buffer_of(exchange);
    const struct fill *fill = &buffer->fills[0];
    uint8_t *begin = slot_payload(buffer, 0) + fill->begin;
    size_t available = fill->end - fill->begin;
    size_t size = http_head_end((const char *)begin, available, &exchange->head_scanned);
    *head = (struct slice){(const char *)begin, size > 0 ? size : available};
    *end = begin + size;
    return size > 0 ? RESULT_OK : fill->end >= SLOT_READ_MAX ? RESULT_EOF : RESULT_AGAIN;
}

enum result response_head_take(struct exchange *exchange) {
    size_t limit = limits(exchange)->response_header_size; // of the exchange's generation
    struct slice head = {NULL, 0};
    uint8_t *end = NULL;
    enum result result = RESULT_EOF;
    if (exchange->gathered_head == NULL) {
        result = find(exchange, &head, &end);
    }
    if (result == RESULT_EOF) {
        if (exchange->gathered_head == NULL) {
            exchange->gathered_head = new_buffer(limit);
        }
        if (exchange->gathered_head == NULL) {
            return exchange_refuse(exchange, 503, no_memory);
        }
        end = NULL;
        result = gather(exchange, &head);
    }
    if (head.size > limit || (head.size == limit && result == RESULT_AGAIN)) {
        return relay_bad_response(exchange, too_large, "");
    }
    if (result == RESULT_OK) {
        return take(exchange, head, end);
    }
    struct http_refusal refusal;
    exchange->head_cut = true;
    if (http_check_response_part(head.data, head.size, &exchange->head_part, &refusal) !=
        RESULT_OK) {
        return relay_bad_message(exchange, head, &refusal);
    }
    return exchange->attempt.lease->readable ? RESULT_OK : RESULT_AGAIN;
}
