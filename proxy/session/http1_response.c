// HTTP/1 responses: heads and chunk lines are written into the room around the bytes of the server.
//
// A head replaces the received one, or is written at the beginning of the first slot. A head that
// does not fit there is sent in pieces, one record each, before anything else.
#include "http/encode.h"
#include "session/http1_internal.h"

#include <assert.h>
#include <stdlib.h>

enum { ZERO_PAD_MAX = 8 };
static const char end_of_chunks[5] = {'0', '\r', '\n', '\r', '\n'};
enum { LAST_CHUNK_SIZE = 3 }; // "0" and CRLF, without the CRLF that ends the trailers

struct head_pieces {
    size_t size;
    size_t sent;
    char data[];
};

static struct head_pieces *new_pieces(size_t capacity) {
    struct head_pieces *pieces = malloc(sizeof(*pieces) + capacity);
    if (pieces != NULL) {
        pieces->size = pieces->sent = 0;
    }
    return pieces;
}

void http1_response_free(struct http1_stream *http1) {
    free(http1->pieces);
    free(http1->final);
}

static struct send_buffer *buffer_of(const struct http1_stream *http1) {
    return http1->session->transport.send;
}

struct room *http1_room(struct stream *stream, size_t lead) {
    struct transport *transport = &http1_of(stream)->session->transport;
    struct send_buffer *buffer = transport_send_buffer(transport);
    if (buffer == NULL) {
        return NULL;
    }
    uint32_t most = (uint32_t)(transport_is_cold(transport) ? COLD_READ_MAX : SLOT_READ_MAX);
    uint32_t begin = (uint32_t)(lead < SLOT_READ_MAX / 2 ? lead : SLOT_READ_MAX / 2);
    uint32_t capacity = begin + most < SLOT_READ_MAX ? begin + most : (uint32_t)SLOT_READ_MAX;
    buffer->room.parts[0] = (struct room_part){slot_payload(buffer, 0), capacity, begin, begin};
    for (uint32_t i = 1; i < SEND_SLOTS; i++) {
        buffer->room.parts[i] = (struct room_part){slot_payload(buffer, i), most, 0, 0};
    }
    return &buffer->room;
}

// --- heads ---

// Encodes in the service's scratch, or in http1->pieces when that is too small. Empty: there is no
// memory.
static struct slice encode(struct http1_stream *http1, const struct stream_head *head,
                           const struct http_response_framing *framing) {
    struct shared *shared = &http1->session->sessions->shared;
    size_t capacity = head->size + (size_t)2 * head->response->fields->count +
                      HTTP_RESPONSE_GROWTH_MAX + framing->added.size +
                      (framing->changes == NULL ? 0 : http_changes_size(framing->changes));
    char *output = shared->scratch;
    if (capacity > shared->scratch_size) {
        http1->pieces = new_pieces(capacity);
        if (http1->pieces == NULL) {
            return (struct slice){NULL, 0};
        }
        output = http1->pieces->data;
    }
    size_t size =
        http_encode_response(head->response, framing, shared_date(shared), output, capacity);
    if (size == 0) {
        free(http1->pieces);
        http1->pieces = NULL;
    }
    return (struct slice){output, size};
}

// Writes the encoded head so that it ends at `end`. The room before it is free.
static bool place(struct http1_stream *http1, struct slice head, uint8_t *end) {
    struct send_buffer *buffer = buffer_of(http1);
    if (http1->pieces != NULL || (size_t)(end - slot_payload(buffer, 0)) < head.size) {
        return false;
    }
    memcpy(end - head.size, head.data, head.size);
    return transport_add_span(buffer, 0, end - head.size, head.size);
}

// From now on the head is sent in pieces.
static enum result begin_pieces(struct http1_stream *http1, struct slice head) {
    if (http1->pieces == NULL) {
        http1->pieces = new_pieces(head.size);
        if (http1->pieces == NULL) {
            return RESULT_ERROR;
        }
        memcpy(http1->pieces->data, head.data, head.size);
    }
    http1->pieces->size = head.size;
    http1->stream.unsent = true;
    return RESULT_AGAIN;
}

// Names the next piece as output, which is the only output.
static bool put_piece(struct http1_stream *http1) {
    struct send_buffer *buffer = buffer_of(http1);
    struct head_pieces *head = http1->pieces;
    const struct room_part *part = &buffer->room.parts[0];
    // A chunk line may be written before the server's bytes, and each record needs a byte for its
    // type.
    size_t room =
        room_part_unread(part) > 0 ? part->begin - (size_t)CHUNK_LINE_SIZE - 1 : SLOT_READ_MAX;
    size_t left = head->size - head->sent;
    size_t size = left < room ? left : room;
    memcpy(slot_payload(buffer, 0), head->data + head->sent, size);
    head->sent += size;
    if (head->sent == head->size) {
        http1->pieces = NULL;
        free(head);
    }
    return transport_add_span(buffer, 0, slot_payload(buffer, 0), size);
}

// The end of a head that replaces the received one: before the body, and before the chunk line that
// a body without a chunk line will get.
static uint8_t *end_in_room(const struct http1_stream *http1, const struct stream_head *head) {
    const struct room_part *part = &buffer_of(http1)->room.parts[0];
    uint8_t *end = part->data + part->begin;
    size_t size = room_part_unread(part);
    if (head->response->interim) {
        return end - 1; // one byte before the next output is left for the inner content type
    }
    if (!http1->chunked || head->response->framing != FRAMING_CLOSE || size == 0) {
        return end;
    }
    char line[CHUNK_LINE_SIZE];
    return end - (line + sizeof(line) - chunk_write_size(line + sizeof(line), size));
}

// Writes the encoded head where there is space. Results as of stream_verbs.head().
static enum result put_head(struct http1_stream *http1, const struct stream_head *head,
                            struct slice text) {
    struct send_buffer *buffer = buffer_of(http1);
    uint8_t *end = NULL;
    if (head->in_room) {
        end = end_in_room(http1, head);
    } else if (room_part_unread(&buffer->room.parts[0]) == 0 && text.size <= SLOT_READ_MAX) {
        end = slot_payload(buffer, 0) + text.size;
    }
    if (end == NULL || !place(http1, text, end)) {
        return begin_pieces(http1, text);
    }
    http1->output_slot = 0;
    http1->output_end = end;
    return RESULT_OK;
}

// How the body is framed for the client, and whether another response may follow.
static void decide_framing(struct http1_stream *http1, const struct stream_head *head) {
    enum http_framing framing = head->response->framing;
    bool unknown_length = framing == FRAMING_CHUNKED || framing == FRAMING_CLOSE;
    http1->chunked = unknown_length && http1->minor_version > 0;
    if ((unknown_length && http1->minor_version == 0) || head->request_is_cut ||
        framing == FRAMING_TUNNEL || http1->session->sessions->shared.draining) {
        http1->stream.keep_alive = false;
    }
    if (framing == FRAMING_TUNNEL) {
        http1->framing = FRAMING_TUNNEL;
        http1->whole = false;
    }
}

static enum result interim_head(struct http1_stream *http1, const struct stream_head *head) {
    if (http1->minor_version == 0) { // HTTP/1.0 has none
        return RESULT_OK;
    }
    struct http_response_framing framing = {.client_minor_version = 1};
    struct slice text = encode(http1, head, &framing);
    if (text.size == 0) {
        return RESULT_ERROR;
    }
    metric_add(http1->session->sessions->shared.metrics, METRIC_responses_1xx, 1);
    return put_head(http1, head, text);
}

enum result http1_head(struct stream *stream, const struct stream_head *head) {
    struct http1_stream *http1 = http1_of(stream);
    const struct http_response *response = head->response;
    if (response->interim) {
        return interim_head(http1, head);
    }
    decide_framing(http1, head);
    struct http_response_framing framing = {
        .client_minor_version = http1->minor_version,
        .close = !stream->keep_alive,
        .write_chunked = http1->chunked ||
                         (http1->is_head && response->declared_chunked && http1->minor_version > 0),
        .set_cookie = head->set_cookie,
        .hsts_s = head->hsts_s,
        .changes = head->changes,
        .added = head->added,
    };
    struct slice text = encode(http1, head, &framing);
    return text.size == 0 ? RESULT_ERROR : put_head(http1, head, text);
}

// --- bodies ---

// A chunk line needs space between the last output and this data. The space is missing only if the
// server's lines end in LF alone.
size_t http1_fits(struct stream *stream, uint32_t slot, const uint8_t *data, size_t size) {
    const struct http1_stream *http1 = http1_of(stream);
    if (buffer_of(http1)->span_count + 2 >= SPANS_MAX) { // one more is for the last chunk
        return 0;
    }
    if (!http1->chunked || http1->output_end == NULL || http1->output_slot != slot) {
        return size;
    }
    char line[CHUNK_LINE_SIZE];
    bool fits = data - http1->output_end >=
                line + sizeof(line) - chunk_write_size(line + sizeof(line), size);
    return fits ? size : 0;
}

// In a chunked body, data gets a chunk line of Ravelin before it and CRLF after it. They use the
// space of the server's framing or the margins of the slot. Leading zeros close a small gap, so
// that one record contains everything.
enum result http1_data(struct stream *stream, uint32_t slot, uint8_t *data, size_t size) {
    struct http1_stream *http1 = http1_of(stream);
    struct send_buffer *buffer = buffer_of(http1);
    uint8_t *begin = data;
    uint8_t *end = data + size;
    if (http1->chunked) {
        begin = (uint8_t *)chunk_write_size((char *)data, size);
        if (http1->output_end != NULL && http1->output_slot == slot) {
            while (begin > http1->output_end && data - 2 - begin < ZERO_PAD_MAX &&
                   begin - http1->output_end < ZERO_PAD_MAX) {
                *--begin = '0';
            }
        }
        *end++ = '\r';
        *end++ = '\n';
        http1->output_slot = slot;
        http1->output_end = end;
    }
    return transport_add_span(buffer, slot, begin, (size_t)(end - begin)) ? RESULT_OK
                                                                          : RESULT_ERROR;
}

// Encodes the last chunk line and these trailers.
static bool encode_final(struct http1_stream *http1, const struct http_fields *fields) {
    size_t capacity = LAST_CHUNK_SIZE + http_trailers_size(fields);
    http1->final = malloc(capacity);
    if (http1->final == NULL) {
        return false;
    }
    memcpy(http1->final, end_of_chunks, LAST_CHUNK_SIZE);
    size_t encoded = http_encode_trailers(fields, NULL, http1->final + LAST_CHUNK_SIZE,
                                          capacity - LAST_CHUNK_SIZE);
    http1->final_size = LAST_CHUNK_SIZE + encoded;
    return encoded > 0;
}

// Names the rest of the end as output: behind the last output if its record has space, otherwise in
// later rounds, in as many records as needed.
static bool put_final(struct http1_stream *http1) {
    struct send_buffer *buffer = buffer_of(http1);
    const char *text = http1->final == NULL ? end_of_chunks : http1->final;
    size_t size = http1->final_size - http1->final_sent;
    uint8_t *at = slot_payload(buffer, 0);
    uint32_t slot = 0;
    if (buffer->span_count > 0) {
        const struct span *last = &buffer->spans[buffer->span_count - 1];
        slot = last->slot;
        at = last->data + last->size;
        size_t room = (size_t)(buffer->slots[slot] + SLOT_SIZE - at);
        if (room < size + RECORD_TAIL_SIZE || last->size + size > RECORD_PAYLOAD_MAX) {
            return true;
        }
    }
    size_t part = size < SLOT_READ_MAX ? size : SLOT_READ_MAX;
    memcpy(at, text + http1->final_sent, part);
    http1->final_sent += part;
    http1->final_due = http1->final_sent < http1->final_size;
    return transport_add_span(buffer, slot, at, part);
}

enum result http1_end(struct stream *stream, const struct http_fields *trailers) {
    struct http1_stream *http1 = http1_of(stream);
    if (!http1->chunked) {
        return RESULT_OK;
    }
    http1->final_size = sizeof(end_of_chunks);
    if ((trailers != NULL && !encode_final(http1, trailers)) ||
        transport_send_buffer(&http1->session->transport) == NULL) {
        return RESULT_ERROR;
    }
    http1->final_due = true;
    return put_final(http1) ? RESULT_OK : RESULT_ERROR;
}

// --- answers of our own, and sending ---

// Copies the body into the slots behind the first one, which has the head.
static bool put_body(struct send_buffer *buffer, struct slice body) {
    static_assert((SEND_SLOTS - 1) * SLOT_READ_MAX >= BUNDLE_PAGE_MAX, "a page fits");
    bool ok = true;
    for (uint32_t slot = 1; ok && slot < SEND_SLOTS && body.size > 0; slot++) {
        size_t size = body.size < SLOT_READ_MAX ? body.size : SLOT_READ_MAX;
        memcpy(slot_payload(buffer, slot), body.data, size);
        ok = transport_add_span(buffer, slot, slot_payload(buffer, slot), size);
        body = (struct slice){body.data + size, body.size - size};
    }
    return ok && body.size == 0;
}

enum result http1_answer(struct stream *stream, uint16_t status, struct slice fields,
                         const struct http_page *page, uint64_t *body_size) {
    struct http1_stream *http1 = http1_of(stream);
    struct send_buffer *buffer = transport_send_buffer(&http1->session->transport);
    if (buffer == NULL) {
        return RESULT_ERROR;
    }
    room_clear(&buffer->room);
    buffer->span_count = 0;
    stream->keep_alive = stream->keep_alive && !http1->session->sessions->shared.draining &&
                         http1_request_ends(http1) && status != 400 &&
                         // An HTTP/1.0 client would need Connection: keep-alive.
                         http1->minor_version > 0;
    char *output = (char *)slot_payload(buffer, 0);
    size_t scanned = 0;
    size_t size =
        http_encode_answer(status, fields, page, !stream->keep_alive, http1->is_head,
                           shared_date(&http1->session->sessions->shared), output, SLOT_READ_MAX);
    *body_size = size - http_head_end(output, size, &scanned);
    stream->unsent = true;
    if (size == 0 || !transport_add_span(buffer, 0, (uint8_t *)output, size)) {
        return RESULT_ERROR;
    }
    if (page != NULL && !http1->is_head) {
        *body_size = page->body.size;
        return put_body(buffer, page->body) ? RESULT_OK : RESULT_ERROR;
    }
    return RESULT_OK;
}

// Sends the named output, after sealed bytes, because a KeyUpdate may be half sent.
static enum result send_output(struct http1_stream *http1) {
    struct transport *transport = &http1->session->transport;
    struct send_buffer *buffer = transport->send;
    enum result result = transport_flush(transport);
    if (result == RESULT_OK && buffer != NULL && buffer->span_count > 0) {
        result = transport_seal(transport);
        result = result == RESULT_OK ? transport_flush(transport) : result;
    }
    if (result == RESULT_OK) {
        http1->output_end = NULL;
    }
    http1->stream.sent = transport->sent;
    return result;
}

enum result http1_flush(struct stream *stream) {
    struct http1_stream *http1 = http1_of(stream);
    enum result result = send_output(http1);
    while (result == RESULT_OK && (http1->pieces != NULL || http1->final_due)) {
        if (transport_send_buffer(&http1->session->transport) == NULL ||
            !(http1->pieces != NULL ? put_piece(http1) : put_final(http1))) {
            return RESULT_ERROR;
        }
        result = send_output(http1);
    }
    stream->unsent = result == RESULT_AGAIN;
    return result;
}
