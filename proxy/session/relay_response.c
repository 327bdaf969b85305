#include "session/relay.h"

#include "base/clock.h"
#include "http/encode.h"
#include "session/relay_head.h"
#include "session/service_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { ZERO_PAD_MAX = 8 };
static const char end_of_chunks[5] = {'0', '\r', '\n', '\r', '\n'};
enum { LAST_CHUNK_SIZE = 3 }; // "0" and CRLF, without the CRLF that ends the trailers

enum result relay_bad_response(struct exchange *exchange, const char *why, const char *where) {
    struct shared *shared = exchange->shared;
    complain_of_server(shared, exchange->attempt.server, "bad response: %s%s", why, where);
    if (exchange->response_started) {
        exchange->account.ended = why;
        return RESULT_ERROR;
    }
    return exchange_refuse(exchange, 502, why);
}

// --- reading from the server ---

static void start_fills(struct exchange *exchange, struct send_buffer *buffer) {
    for (uint32_t i = 0; i < SEND_SLOTS; i++) {
        buffer->fills[i] = (struct fill){0, 0};
    }
    if (exchange->response_state == RESPONSE_HEAD) {
        response_head_start(exchange, buffer);
    }
    exchange->output_end = NULL;
}

// No more than belongs to a body of known length is read: what a server sends beyond it stays in
// the socket and is noticed when the connection comes to the pool.
static size_t read_limit(const struct exchange *exchange) {
    return exchange->response_state == RESPONSE_BODY && exchange->response_framing == FRAMING_LENGTH
               ? exchange->response_left
               : SIZE_MAX;
}

static void add_to_fills(struct send_buffer *buffer, const struct iovec iov[SEND_SLOTS],
                         size_t received) {
    for (uint32_t i = 0; i < SEND_SLOTS && received > 0; i++) {
        size_t part = received < iov[i].iov_len ? received : iov[i].iov_len;
        buffer->fills[i].end += (uint32_t)part;
        received -= part;
    }
}

// Most responses are small: while the head is awaited, one slot is read with recv(), which costs
// less than readv(), and the others only when that was filled. On a connection whose last response
// filled it the next probably will, and one readv() costs less than both.
static ssize_t read_slots(const struct exchange *exchange, struct iovec iov[SEND_SLOTS]) {
    struct lease *lease = exchange->attempt.lease;
    if (exchange->response_state != RESPONSE_HEAD || exchange->gathered_head != NULL) {
        return readv(lease->fd, iov, SEND_SLOTS);
    }
    if (transport_is_cold(&exchange->session->transport)) {
        return recv(lease->fd, iov[0].iov_base, iov[0].iov_len, 0);
    }
    bool was_large = lease->large_response;
    ssize_t first = was_large ? readv(lease->fd, iov, SEND_SLOTS)
                              : recv(lease->fd, iov[0].iov_base, iov[0].iov_len, 0);
    lease->large_response = first >= (ssize_t)iov[0].iov_len;
    if (was_large || !lease->large_response) {
        return first;
    }
    ssize_t more = readv(lease->fd, iov + 1, SEND_SLOTS - 1);
    return more > 0 ? first + more : first; // an end or an error is met again at the next read
}

// How much may come into a slot now. A head that is cut must go on in the first one, so on a cold
// connection nothing comes into the others before it is whole. While a head is gathered, the first
// one is kept free for ours.
static size_t slot_room(const struct exchange *exchange, const struct send_buffer *buffer,
                        uint32_t slot) {
    size_t room = SLOT_READ_MAX - buffer->fills[slot].end;
    bool is_head = exchange->response_state == RESPONSE_HEAD;
    if (is_head && exchange->gathered_head != NULL && slot == 0) {
        return 0;
    }
    if (!transport_is_cold(&exchange->session->transport)) {
        return room;
    }
    if (slot > 0 && is_head && exchange->gathered_head == NULL) {
        return 0;
    }
    return room < COLD_READ_MAX ? room : COLD_READ_MAX;
}

// RESULT_OK: bytes came. RESULT_AGAIN: none now. RESULT_EOF: the server closed. RESULT_ERROR: its
// connection broke.
static enum result read_server(struct exchange *exchange, struct send_buffer *buffer) {
    struct lease *lease = exchange->attempt.lease;
    struct iovec iov[SEND_SLOTS];
    size_t limit = read_limit(exchange);
    size_t total = 0;
    for (uint32_t i = 0; i < SEND_SLOTS; i++) {
        size_t room = slot_room(exchange, buffer, i);
        size_t part = room < limit - total ? room : limit - total;
        iov[i] = (struct iovec){slot_payload(buffer, i) + buffer->fills[i].end, part};
        total += part;
    }
    ssize_t received = read_slots(exchange, iov);
    if (received < 0) {
        bool waits = errno == EAGAIN || errno == EINTR;
        lease->readable = false;
        return waits ? RESULT_AGAIN : RESULT_ERROR;
    }
    if (received == 0) {
        lease->readable = false;
        return RESULT_EOF;
    }
    // With all of a body read there may be more, but nothing that is wanted: should it come, the
    // loop tells.
    lease->readable = (size_t)received == total && total < limit;
    add_to_fills(buffer, iov, (size_t)received);
    return RESULT_OK;
}

// --- the body ---

// Names body bytes as output. In a chunked body they get our own chunk line before and CRLF after
// them, in the room that the server's framing or the slot's margins leave; leading zeros close a
// small gap, so that one record serves for all.
static bool put_data(struct exchange *exchange, uint32_t slot, uint8_t *data, size_t size) {
    struct send_buffer *buffer = buffer_of(exchange);
    exchange->account.response_bytes += size;
    if (!exchange->client_chunked) {
        return transport_add_span(buffer, slot, data, size);
    }
    uint8_t *begin = (uint8_t *)chunk_write_size((char *)data, size);
    if (exchange->output_end != NULL && exchange->output_slot == slot) {
        while (begin > exchange->output_end && data - 2 - begin < ZERO_PAD_MAX &&
               begin - exchange->output_end < ZERO_PAD_MAX) {
            *--begin = '0';
        }
    }
    data[size] = '\r';
    data[size + 1] = '\n';
    exchange->output_slot = slot;
    exchange->output_end = data + size + 2;
    return transport_add_span(buffer, slot, begin, (size_t)(exchange->output_end - begin));
}

// The last chunk line and these trailers, as they go out.
static bool encode_final(struct exchange *exchange, const struct http_fields *fields) {
    size_t capacity = exchange->response_trailers.size + (size_t)2 * fields->count + 8;
    exchange->final = malloc(capacity);
    if (exchange->final == NULL) {
        return false;
    }
    memcpy(exchange->final, end_of_chunks, LAST_CHUNK_SIZE);
    size_t encoded =
        http_encode_trailers(fields, exchange->final + LAST_CHUNK_SIZE, capacity - LAST_CHUNK_SIZE);
    exchange->final_size = LAST_CHUNK_SIZE + encoded;
    return encoded > 0;
}

// RESULT_AGAIN: the section is not whole.
static enum result take_trailers(struct exchange *exchange, struct fill *fill, uint8_t *begin) {
    struct trailers *trailers = &exchange->response_trailers;
    size_t used = 0;
    struct http_refusal refusal;
    enum result result =
        trailers_gather_response(trailers, limits(exchange)->response_header_size,
                                 (const char *)begin, fill->end - fill->begin, &used, &refusal);
    fill->begin += (uint32_t)used;
    struct slice section = {trailers->data, trailers->size};
    if (result == RESULT_AGAIN) {
        return result;
    }
    struct http_fields *fields = shared_fields(exchange->shared, HTTP_FIELDS_MAX);
    if (result == RESULT_OK) {
        result = http_parse_response_trailers(section, fields, &refusal);
    }
    if (result != RESULT_OK) {
        return relay_bad_message(exchange, section, &refusal);
    }
    if (fields->count > 0 && exchange->client_chunked && !encode_final(exchange, fields)) {
        return RESULT_ERROR;
    }
    exchange->response_state = RESPONSE_FINAL;
    return RESULT_OK;
}

static enum result bad_chunk(struct exchange *exchange, const char *why) {
    char where[64];
    (void)snprintf(where, sizeof(where), ": byte 0x%02x, behind %llu bytes of body",
                   (unsigned)(uint8_t)exchange->response_decoder.wrong,
                   (unsigned long long)exchange->account.response_bytes);
    return relay_bad_response(exchange, why, where);
}

// Whether there is no room for our CRLF and size line between the last output and this data: it
// must wait for the next round then. That is so only where lines end in LF alone.
static bool is_too_near(const struct exchange *exchange, uint32_t slot, uint8_t *data,
                        size_t size) {
    char line[CHUNK_LINE_SIZE];
    ptrdiff_t line_size = line + sizeof(line) - chunk_write_size(line + sizeof(line), size);
    return exchange->client_chunked && exchange->output_end != NULL &&
           exchange->output_slot == slot && data - exchange->output_end < line_size;
}

// One slot of a chunked body. Data is named as output only after the framing that follows it has
// been read, because our CRLF is written over it. RESULT_AGAIN: the rest must wait for the next
// round.
static enum result take_chunked(struct exchange *exchange, uint32_t slot) {
    struct send_buffer *buffer = buffer_of(exchange);
    struct fill *fill = &buffer->fills[slot];
    uint8_t *data = NULL;
    size_t data_size = 0;
    // It stops for want of spans only behind framing: between the last output and what is left
    // there is then a size line.
    while (fill->begin < fill->end && exchange->response_state == RESPONSE_BODY &&
           (data != NULL || buffer->span_count + 2 < SPANS_MAX)) {
        uint8_t *begin = slot_payload(buffer, slot) + fill->begin;
        if (exchange->response_trailers.gathering) {
            enum result result = take_trailers(exchange, fill, begin);
            if (result == RESULT_ERROR) {
                return RESULT_ERROR;
            }
            continue;
        }
        struct chunk_decoder before = exchange->response_decoder;
        enum chunk_span span;
        size_t length;
        const char *why;
        if (chunk_next(&exchange->response_decoder, (const char *)begin, fill->end - fill->begin,
                       &span, &length, &why) != RESULT_OK) {
            return bad_chunk(exchange, why);
        }
        if (span == CHUNK_DATA && is_too_near(exchange, slot, begin, length)) {
            exchange->response_decoder = before;
            return RESULT_AGAIN;
        }
        fill->begin += (uint32_t)length;
        if (data != NULL && !put_data(exchange, slot, data, data_size)) {
            return RESULT_ERROR;
        }
        data = span == CHUNK_DATA ? begin : NULL;
        data_size = length;
        exchange->response_trailers.gathering = span == CHUNK_TRAILERS;
    }
    if (data != NULL && !put_data(exchange, slot, data, data_size)) {
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

static enum result take_slot(struct exchange *exchange, uint32_t slot) {
    struct fill *fill = &buffer_of(exchange)->fills[slot];
    uint8_t *begin = slot_payload(buffer_of(exchange), slot) + fill->begin;
    size_t size = fill->end - fill->begin;
    if (exchange->response_framing == FRAMING_CHUNKED) {
        return take_chunked(exchange, slot);
    }
    if (exchange->response_framing == FRAMING_LENGTH) {
        if (size > exchange->response_left) {
            size = (size_t)exchange->response_left;
            exchange->server_keep_alive =
                false; // bytes beyond the body: dropped, and the connection with them
        }
        exchange->response_left -= size;
        if (exchange->response_left == 0) {
            exchange->response_state = RESPONSE_SENDING;
        }
    }
    fill->begin += (uint32_t)size;
    return put_data(exchange, slot, begin, size) ? RESULT_OK : RESULT_ERROR;
}

static enum result take_body(struct exchange *exchange) {
    struct send_buffer *buffer = buffer_of(exchange);
    if (buffer->span_count == 0) { // what was output before has gone out
        exchange->output_end = NULL;
    }
    for (uint32_t i = 0; i < SEND_SLOTS && exchange->response_state == RESPONSE_BODY; i++) {
        if (buffer->fills[i].begin < buffer->fills[i].end) {
            if (buffer->span_count + 2 >= SPANS_MAX) {
                return RESULT_OK; // the rest after these are sent
            }
            enum result result = take_slot(exchange, i);
            if (result != RESULT_OK) {
                return result == RESULT_AGAIN ? RESULT_OK : result;
            }
        }
    }
    return RESULT_OK;
}

// The last chunk and the trailers: behind the last output when there is room in its record, else in
// later rounds, as many as it takes records.
static enum result put_final(struct exchange *exchange) {
    struct send_buffer *buffer = buffer_of(exchange);
    const char *text = exchange->final == NULL ? end_of_chunks : exchange->final;
    size_t size = exchange->final == NULL ? sizeof(end_of_chunks) : exchange->final_size;
    if (!exchange->client_chunked) {
        exchange->response_state = RESPONSE_SENDING;
        return RESULT_OK;
    }
    uint8_t *at = slot_payload(buffer, 0);
    uint32_t slot = 0;
    text += exchange->final_sent;
    size -= exchange->final_sent;
    if (buffer->span_count > 0) {
        const struct span *last = &buffer->spans[buffer->span_count - 1];
        slot = last->slot;
        at = last->data + last->size;
        size_t room = (size_t)(buffer->slots[slot] + SLOT_SIZE - at);
        if (room < size + RECORD_TAIL_SIZE || last->size + size > RECORD_PAYLOAD_MAX) {
            return RESULT_OK;
        }
    }
    if (size > SLOT_READ_MAX) {
        size = SLOT_READ_MAX;
        exchange->final_sent += size;
    } else {
        exchange->response_state = RESPONSE_SENDING;
    }
    memcpy(at, text, size);
    return transport_add_span(buffer, slot, at, size) ? RESULT_OK : RESULT_ERROR;
}

// --- one round ---

// The server will send nothing more. RESULT_EOF: it should have.
static enum result server_ended(struct exchange *exchange) {
    if (exchange->response_state != RESPONSE_BODY ||
        (exchange->response_framing != FRAMING_CLOSE &&
         exchange->response_framing != FRAMING_TUNNEL)) {
        return RESULT_EOF;
    }
    exchange->server_keep_alive = false;
    exchange->response_state = RESPONSE_FINAL;
    return RESULT_OK;
}

// Brings bytes of the server into the slots, when what is there has been used or is the beginning
// of a head.
static enum result fill_slots(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    bool wants_more = !transport_has_fills(transport) ||
                      (exchange->response_state == RESPONSE_HEAD && exchange->head_cut);
    bool only_sends = exchange->response_state == RESPONSE_FINAL ||
                      exchange->response_state == RESPONSE_HEAD_PIECES;
    if (only_sends || !wants_more) {
        return transport_send_buffer(transport) == NULL ? RESULT_ERROR : RESULT_OK;
    }
    if (!exchange->attempt.lease->readable) {
        return RESULT_AGAIN;
    }
    struct send_buffer *buffer = transport_send_buffer(transport);
    if (buffer == NULL) {
        return RESULT_ERROR;
    }
    if (!transport_has_fills(transport)) {
        start_fills(exchange, buffer);
    }
    enum result result = read_server(exchange, buffer);
    if (result == RESULT_EOF) {
        return server_ended(exchange);
    }
    return result == RESULT_ERROR ? RESULT_EOF : result;
}

// The response is whole. What the server sent behind it belongs to no request: it is dropped, and
// the connection with it.
static void drop_surplus(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    if (transport_has_fills(transport)) {
        memset(transport->send->fills, 0, sizeof(transport->send->fills));
        exchange->server_keep_alive = false;
    }
}

enum result relay_response(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    enum result result = transport_flush(transport);
    if (result == RESULT_OK) {
        result = fill_slots(exchange);
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_HEAD_PIECES) {
        result = response_head_put(exchange);
    } else if (result == RESULT_OK && exchange->response_state == RESPONSE_HEAD) {
        result = response_head_take(exchange);
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_BODY) {
        result = take_body(exchange);
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_FINAL) {
        result = put_final(exchange);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (exchange->response_state == RESPONSE_SENDING) {
        drop_surplus(exchange);
    }
    if (transport->send->span_count == 0) {
        return RESULT_OK;
    }
    if (transport_seal(transport) != RESULT_OK) {
        return RESULT_ERROR;
    }
    exchange->response_started = exchange->response_state != RESPONSE_HEAD;
    return transport_flush(transport) == RESULT_ERROR ? RESULT_ERROR : RESULT_OK;
}
