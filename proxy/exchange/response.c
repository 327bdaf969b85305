// The response: from the server to the client.
#include "exchange/exchange_internal.h"
#include "exchange/response_head.h"

#include <errno.h>
#include <stdio.h>

enum result response_is_bad(struct exchange *exchange, const char *why, const char *where) {
    complain_of_server(&exchange->shared->complaints, exchange->attempt.server,
                       "bad response: %s%s", why, where);
    if (exchange->response_state == RESPONSE_HEAD) {
        exchange->response_is_bad = true; // exchange.c blames the server
    } else {
        attempt_blame(&exchange->attempt, &exchange->choice, (struct failure){FAULT_MALFORMED, 0});
    }
    if (exchange->response_started) {
        exchange->account.ended = why;
        return RESULT_ERROR;
    }
    return exchange_refuse(exchange, 502, why);
}

void exchange_forget_response(struct exchange *exchange) {
    if (exchange->room != NULL) {
        room_clear(exchange->room);
        exchange->room = NULL;
    }
    response_head_forget(exchange);
    exchange->response_is_bad = false;
    exchange->left_status = 0;
}

// --- reading from the server ---

// Reads no more than the body of a known length. Bytes that a server sends beyond it stay in the
// socket, and are found when the connection returns to the pool.
static size_t read_limit(const struct exchange *exchange) {
    return exchange->response_state == RESPONSE_BODY && exchange->response_framing == FRAMING_LENGTH
               ? exchange->http->response_left
               : SIZE_MAX;
}

static void add_to_room(struct room *room, const struct iovec iov[ROOM_PARTS], size_t received) {
    for (uint32_t i = 0; i < ROOM_PARTS && received > 0; i++) {
        size_t part = received < iov[i].iov_len ? received : iov[i].iov_len;
        room->parts[i].end += (uint32_t)part;
        received -= part;
    }
}

// A head has begun and is gathered elsewhere. The first part is kept free for the encoded head.
static bool is_gathering(const struct exchange *exchange) {
    return exchange->response_state == RESPONSE_HEAD && exchange->http->gathered_head != NULL;
}

// Most responses are small. So while the head is awaited, one part is read with recv(), which costs
// less than readv(). The other parts are read only if the first was filled. If the last response on
// the connection was large, the next one probably is, too, and one readv() costs less than both
// calls.
static ssize_t read_parts(const struct exchange *exchange, struct iovec iov[ROOM_PARTS]) {
    struct lease *lease = exchange->attempt.lease;
    const struct pool_calls *calls = &lease->pool->calls;
    if (exchange->response_state != RESPONSE_HEAD || is_gathering(exchange)) {
        return calls->readv(lease->fd, iov, ROOM_PARTS);
    }
    bool was_large = lease->large_response;
    ssize_t first = was_large ? calls->readv(lease->fd, iov, ROOM_PARTS)
                              : calls->recv(lease->fd, iov[0].iov_base, iov[0].iov_len, 0);
    lease->large_response = first >= (ssize_t)iov[0].iov_len;
    if (was_large || !lease->large_response) {
        return first;
    }
    ssize_t more = calls->readv(lease->fd, iov + 1, ROOM_PARTS - 1);
    return more > 0 ? first + more : first; // an end or an error is met again at the next read
}

// RESULT_OK: bytes were read. RESULT_AGAIN: none now. RESULT_EOF: the server closed. RESULT_ERROR:
// its connection broke.
static enum result read_server(struct exchange *exchange, struct room *room) {
    struct lease *lease = exchange->attempt.lease;
    struct iovec iov[ROOM_PARTS];
    size_t limit = read_limit(exchange);
    size_t total = 0;
    for (uint32_t i = 0; i < ROOM_PARTS; i++) {
        const struct room_part *part = &room->parts[i];
        size_t free_size = i == 0 && is_gathering(exchange) ? 0 : part->capacity - part->end;
        size_t size = free_size < limit - total ? free_size : limit - total;
        iov[i] = (struct iovec){part->data + part->end, size};
        total += size;
    }
    if (total == 0) { // only the first part has room
        total = room->parts[0].capacity - room->parts[0].end;
        iov[0].iov_len = total;
    }
    ssize_t received = read_parts(exchange, iov);
    if (received < 0) {
        bool waits = errno == EAGAIN || errno == EINTR;
        lease->readable = false;
        return waits ? RESULT_AGAIN : RESULT_ERROR;
    }
    if (received == 0) {
        lease->readable = false;
        return RESULT_EOF;
    }
    // After the whole body was read, further bytes are not needed. If bytes arrive, the loop
    // reports them.
    lease->readable = (size_t)received == total && total < limit;
    add_to_room(room, iov, (size_t)received);
    exchange->room = room;
    return RESULT_OK;
}

// --- the body ---

static enum result put_data(struct exchange *exchange, uint32_t part, uint8_t *data, size_t size) {
    struct stream *stream = exchange->stream;
    exchange->account.response_bytes += size;
    return stream->verbs->data(stream, part, data, size);
}

// RESULT_AGAIN: the section is not whole.
static enum result take_trailers(struct exchange *exchange, struct room_part *part) {
    struct stream *stream = exchange->stream;
    size_t used = 0;
    struct http_refusal refusal;
    enum result result = trailers_gather_response(
        &exchange->http->response_trailers, limits(exchange)->response_header_size,
        (const char *)part->data + part->begin, room_part_unread(part), &used, &refusal);
    part->begin += (uint32_t)used;
    struct slice section = trailers_section(exchange->http->response_trailers);
    if (result == RESULT_AGAIN) {
        return result;
    }
    struct http_fields *fields = shared_fields(exchange->shared, HTTP_FIELDS_MAX);
    if (result == RESULT_OK) {
        result = http_parse_response_trailers(section, fields, &refusal);
    }
    if (result != RESULT_OK) {
        return response_message_is_bad(exchange, section, &refusal);
    }
    exchange->response_state = RESPONSE_SENDING;
    return stream->verbs->end(stream, fields->count > 0 ? fields : NULL);
}

static enum result bad_chunk(struct exchange *exchange, const char *why) {
    char where[64];
    (void)snprintf(where, sizeof(where), ": byte 0x%02x, behind %llu bytes of body",
                   (unsigned)(uint8_t)exchange->http->response_decoder.wrong,
                   (unsigned long long)exchange->account.response_bytes);
    return response_is_bad(exchange, why, where);
}

// Names the first `size` bytes of data, behind which more has arrived. RESULT_AGAIN: the rest must
// wait.
static enum result put_some(struct exchange *exchange, uint32_t index, size_t size) {
    struct room_part *part = &exchange->room->parts[index];
    uint8_t *begin = part->data + part->begin;
    enum chunk_span span;
    size_t length;
    const char *why;
    if (size == 0) {
        return RESULT_AGAIN;
    }
    // The first bytes of data are data.
    (void)!chunk_next(&exchange->http->response_decoder, (const char *)begin, size, &span, &length,
                      &why);
    part->begin += (uint32_t)size;
    enum result result = put_data(exchange, index, begin, size);
    return result == RESULT_OK ? RESULT_AGAIN : result;
}

// Reads one part of a chunked body. Data is named only after the framing behind it was read,
// because the stream may overwrite this framing. RESULT_AGAIN: the rest must wait for the next
// round.
static enum result take_chunked(struct exchange *exchange, uint32_t index) {
    struct stream *stream = exchange->stream;
    struct room_part *part = &exchange->room->parts[index];
    uint8_t *data = NULL;
    size_t data_size = 0;
    enum result result = RESULT_OK;
    while (room_part_unread(part) > 0 && exchange->response_state == RESPONSE_BODY) {
        uint8_t *begin = part->data + part->begin;
        if (chunk_decoder_at_trailers(&exchange->http->response_decoder)) {
            if (take_trailers(exchange, part) == RESULT_ERROR) {
                return RESULT_ERROR;
            }
            continue;
        }
        struct chunk_decoder before = exchange->http->response_decoder;
        enum chunk_span span;
        size_t length;
        const char *why;
        if (chunk_next(&exchange->http->response_decoder, (const char *)begin,
                       room_part_unread(part), &span, &length, &why) != RESULT_OK) {
            return bad_chunk(exchange, why);
        }
        size_t fits =
            span == CHUNK_DATA ? stream->verbs->fits(stream, index, begin, length) : length;
        if (fits < length) { // no other data waits to be named: framing is between
            exchange->http->response_decoder = before;
            return put_some(exchange, index, fits);
        }
        part->begin += (uint32_t)length;
        if (data != NULL) {
            result = put_data(exchange, index, data, data_size);
        }
        if (result != RESULT_OK) {
            return result;
        }
        data = span == CHUNK_DATA ? begin : NULL;
        data_size = length;
    }
    return data == NULL ? RESULT_OK : put_data(exchange, index, data, data_size);
}

// Drops bytes behind the last `size` bytes of the body. They belong to no request, and the stream
// may overwrite them.
static void cut_surplus(struct exchange *exchange, struct room_part *part, size_t size) {
    if (room_part_unread(part) > size) {
        part->end = part->begin + (uint32_t)size;
        exchange->server_keep_alive = false;
    }
}

// RESULT_AGAIN: the rest must wait for the next round.
static enum result take_part(struct exchange *exchange, uint32_t index) {
    struct stream *stream = exchange->stream;
    struct room_part *part = &exchange->room->parts[index];
    uint8_t *begin = part->data + part->begin;
    size_t size = room_part_unread(part);
    if (exchange->response_framing == FRAMING_CHUNKED) {
        return take_chunked(exchange, index);
    }
    bool has_length = exchange->response_framing == FRAMING_LENGTH;
    size = has_length && size > exchange->http->response_left
               ? (size_t)exchange->http->response_left
               : size;
    size_t fits = stream->verbs->fits(stream, index, begin, size);
    if (fits == 0) {
        return RESULT_AGAIN;
    }
    bool whole = fits == size;
    size = fits;
    if (has_length) {
        exchange->http->response_left -= size;
        if (exchange->http->response_left == 0) {
            exchange->response_state = RESPONSE_FINAL;
            cut_surplus(exchange, part, size);
        }
    }
    part->begin += (uint32_t)size;
    enum result result = put_data(exchange, index, begin, size);
    return result == RESULT_OK && !whole ? RESULT_AGAIN : result;
}

static enum result take_body(struct exchange *exchange) {
    enum result result = RESULT_OK;
    for (uint32_t i = 0; i < ROOM_PARTS && result == RESULT_OK && exchange->room != NULL &&
                         exchange->response_state == RESPONSE_BODY;
         i++) {
        if (room_part_unread(&exchange->room->parts[i]) > 0) {
            result = take_part(exchange, i);
        }
    }
    return result == RESULT_AGAIN ? RESULT_OK : result;
}

// --- one round ---

// The server sends nothing more. RESULT_EOF: the response is incomplete.
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

// In a tunnel of `protocol = tcp`, the client may send after its server has ended.
static bool client_is_open(const struct exchange *exchange) {
    return exchange->request_framing == FRAMING_TUNNEL &&
           (exchange->request_state == REQUEST_HEAD || exchange->request_state == REQUEST_TUNNEL);
}

// Reads bytes of the server into the room, after all earlier bytes were used.
static enum result fill_room(struct exchange *exchange) {
    struct stream *stream = exchange->stream;
    if (exchange->response_state == RESPONSE_ENDED) {
        return client_is_open(exchange) ? RESULT_AGAIN : RESULT_OK;
    }
    if (exchange->response_state == RESPONSE_FINAL || has_unread(exchange)) {
        return RESULT_OK;
    }
    exchange->room = NULL;
    if (!exchange->attempt.lease->readable) {
        return RESULT_AGAIN;
    }
    bool is_head = exchange->response_state == RESPONSE_HEAD;
    struct room *room = stream->verbs->room(stream, is_head ? response_head_lead(exchange) : 0);
    if (room == NULL) {
        return stream->unsent ? RESULT_AGAIN
                              : exchange_refuse(exchange, 503, "no memory for a response");
    }
    enum result result = read_server(exchange, room);
    if (result == RESULT_EOF) {
        return server_ended(exchange);
    }
    return result == RESULT_ERROR ? RESULT_EOF : result;
}

// Bytes behind the response belong to no request. Drops them, and the connection is not reused.
static void drop_surplus(struct exchange *exchange) {
    if (has_unread(exchange)) {
        room_clear(exchange->room);
        exchange->server_keep_alive = false;
    }
    exchange->room = NULL;
}

// Processes the unread bytes of the room, as far as the stream accepts them now.
static enum result take_unread(struct exchange *exchange) {
    struct stream *stream = exchange->stream;
    enum result result = RESULT_OK;
    if (exchange->response_state == RESPONSE_HEAD) {
        result = response_head_take(exchange);
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_BODY) {
        result = take_body(exchange);
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_ENDED) {
        exchange->response_state = RESPONSE_SENDING;
    }
    if (result == RESULT_OK && exchange->response_state == RESPONSE_FINAL) {
        exchange->response_state = client_is_open(exchange) ? RESPONSE_ENDED : RESPONSE_SENDING;
        result = stream->verbs->end(stream, NULL);
    }
    return result == RESULT_EOF ? RESULT_OK : result;
}

static enum result respond(struct exchange *exchange) {
    struct stream *stream = exchange->stream;
    enum result result = stream->unsent ? stream->verbs->flush(stream) : RESULT_OK;
    if (result == RESULT_OK) {
        result = fill_room(exchange);
    }
    if (result == RESULT_OK) {
        result = take_unread(exchange);
    }
    if (result != RESULT_OK) {
        return result;
    }
    if (answering(exchange)) {
        drop_surplus(exchange);
    }
    result = stream->verbs->flush(stream);
    exchange->response_started = exchange->response_state != RESPONSE_HEAD;
    return result == RESULT_ERROR ? RESULT_ERROR : RESULT_OK;
}

enum result exchange_respond(struct exchange *exchange) {
    enum result result = respond(exchange);
    if (!has_unread(exchange)) { // then the stream may take the room back
        exchange->room = NULL;
    }
    return result;
}
