#include "session/relay.h"

#include "base/socket.h"
#include "http/encode.h"
#include "session/exchange_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static char crlf[] = "\r\n";
static char last_chunk_line[] = "0\r\n";

static void add_iov(struct exchange *exchange, void *data, size_t size) {
    exchange->iov[exchange->iov_count++] = (struct iovec){data, size};
}

static bool has_room(const struct exchange *exchange) {
    return exchange->line_count < REQUEST_LINES_MAX;
}

static void add_data(struct exchange *exchange, uint8_t *data, size_t size, bool chunked) {
    char *line = exchange->lines[exchange->line_count++];
    if (chunked) {
        char *begin = chunk_write_size(line + CHUNK_LINE_SIZE, size);
        add_iov(exchange, begin, (size_t)(line + CHUNK_LINE_SIZE - begin));
    }
    add_iov(exchange, data, size);
    if (chunked) {
        add_iov(exchange, crlf, 2);
    }
    exchange->account.request_bytes += size;
}

// The trailer section is gathered (it is no body) and written afresh after the last chunk.
static enum result take_trailers(struct exchange *exchange, const char *data, size_t size,
                                 size_t *used) {
    struct trailers *trailers = &exchange->request_trailers;
    trailers->gathering = true;
    enum result result = trailers_gather(trailers, TRAILERS_MAX, data, size, used);
    if (result != RESULT_OK) {
        exchange->body_why = result == RESULT_ERROR ? trailers->why : exchange->body_why;
        return result;
    }
    struct http_fields *fields =
        shared_fields(exchange->shared, exchange->generation->config->limits.header_count);
    if (http_parse_trailers((struct slice){trailers->data, trailers->size}, fields,
                            &exchange->body_why) != RESULT_OK) {
        return RESULT_ERROR;
    }
    size_t capacity = trailers->size + fields->count + 2;
    exchange->request_final = malloc(capacity);
    size_t encoded = exchange->request_final == NULL
                         ? 0
                         : http_encode_trailers(fields, exchange->request_final, capacity);
    if (encoded == 0) {
        return RESULT_ERROR;
    }
    add_iov(exchange, last_chunk_line, 3);
    add_iov(exchange, exchange->request_final, encoded);
    exchange->request_whole = true;
    return RESULT_OK;
}

// Takes what can be taken of one segment; *used says how much. RESULT_ERROR: the framing is
// malformed.
static enum result take_chunked(struct exchange *exchange, const struct segment *segment,
                                size_t *used) {
    *used = 0;
    while (*used < segment->size && !exchange->request_whole && has_room(exchange)) {
        uint8_t *at = segment->data + *used;
        size_t left = segment->size - *used;
        size_t length = 0;
        if (exchange->request_trailers.gathering) {
            enum result result = take_trailers(exchange, (const char *)at, left, &length);
            *used += length;
            if (result != RESULT_OK) {
                return result == RESULT_AGAIN ? RESULT_OK : result;
            }
            continue;
        }
        enum chunk_span span;
        if (chunk_next(&exchange->request_decoder, (const char *)at, left, &span, &length,
                       &exchange->body_why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        if (span == CHUNK_DATA) {
            add_data(exchange, at, length, true);
        } else if (span == CHUNK_TRAILERS) {
            exchange->request_trailers.gathering = true;
        }
        *used += length;
    }
    return RESULT_OK;
}

static enum result take_segment(struct exchange *exchange, const struct segment *segment,
                                size_t *used) {
    switch (exchange->request_framing) {
    case FRAMING_CHUNKED:
        return take_chunked(exchange, segment, used);
    case FRAMING_LENGTH:
        *used =
            segment->size < exchange->request_left ? segment->size : (size_t)exchange->request_left;
        exchange->request_left -= *used;
        exchange->request_whole = exchange->request_left == 0;
        break;
    default: // a tunnel
        *used = segment->size;
        break;
    }
    add_data(exchange, segment->data, *used, false);
    return RESULT_OK;
}

// A new connection to a server that wants to know whose it is begins with that. One that is used
// again has begun with this session's.
static void add_proxy_header(struct exchange *exchange) {
    enum proxy_version version = (enum proxy_version)exchange->choice.backend->send_proxy_protocol;
    struct address client = {.size = sizeof(client.as.v6)};
    if (version == PROXY_VERSION_NONE || exchange->attempt.lease->reused) {
        return;
    }
    const struct address local = transport_local_address(&exchange->session->transport);
    client.as.v6 = exchange->client->address.v6; // as large as either
    add_iov(exchange, exchange->proxy_header,
            proxy_header_write(version, exchange->client->unknown ? NULL : &client, &local,
                               exchange->proxy_header));
}

// Gathers what can be written now. RESULT_ERROR: the body is malformed.
static enum result gather(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    exchange->iov_first = exchange->iov_count = 0;
    exchange->line_count = 0;
    exchange->taken = 0;
    if (exchange->request_state == REQUEST_HEAD) {
        add_proxy_header(exchange);
        add_iov(exchange, exchange->head, exchange->head_size);
        exchange->request_state = REQUEST_BODY;
        exchange->request_whole = exchange->request_framing == FRAMING_NONE;
    }
    uint32_t count = transport_segment_count(transport);
    for (uint32_t i = 0; i < count && !exchange->request_whole && has_room(exchange); i++) {
        const struct segment *segment = transport_segment(transport, i);
        size_t used = 0;
        if (take_segment(exchange, segment, &used) != RESULT_OK) {
            return RESULT_ERROR;
        }
        exchange->taken += used;
        if (used < segment->size) {
            break;
        }
    }
    if (exchange->iov_count == 0 && exchange->taken > 0) { // framing only: nothing to write
        transport_consume(transport, exchange->taken);
        exchange->taken = 0;
    }
    return RESULT_OK;
}

static void written(struct exchange *exchange, size_t size) {
    while (exchange->iov_first < exchange->iov_count &&
           size >= exchange->iov[exchange->iov_first].iov_len) {
        size -= exchange->iov[exchange->iov_first++].iov_len;
    }
    if (size > 0) {
        struct iovec *first = &exchange->iov[exchange->iov_first];
        first->iov_base = (uint8_t *)first->iov_base + size;
        first->iov_len -= size;
    }
    if (exchange->iov_first == exchange->iov_count) {
        transport_consume(&exchange->session->transport, exchange->taken);
        exchange->taken = 0;
        exchange->iov_first = exchange->iov_count = 0;
        if (exchange->request_whole) {
            exchange->request_state = REQUEST_DONE;
            exchange->account.request_sent_us = clock_monotonic_us();
        }
    }
}

// RESULT_OK: wrote something. RESULT_AGAIN: the server does not take more now. RESULT_EOF: it is
// gone.
static enum result write_server(struct exchange *exchange) {
    struct lease *lease = exchange->attempt.lease;
    if (!lease->writable) {
        return RESULT_AGAIN;
    }
    ssize_t sent = socket_send(lease->fd, &exchange->iov[exchange->iov_first],
                               exchange->iov_count - exchange->iov_first);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            return RESULT_EOF;
        }
        lease->writable = errno == EINTR;
        return errno == EINTR ? RESULT_OK : RESULT_AGAIN;
    }
    written(exchange, (size_t)sent);
    lease->writable = exchange->iov_count == 0; // a short write: the socket is full
    return RESULT_OK;
}

// There is nothing to write, and there never will be.
static enum result client_ended(struct exchange *exchange) {
    if (exchange->request_framing != FRAMING_TUNNEL) {
        exchange->account.ended = "the client ended before its request body did";
        return RESULT_ERROR;
    }
    if (!exchange->server_shut) {
        exchange->server_shut = true;
        (void)shutdown(exchange->attempt.lease->fd, SHUT_WR);
    }
    return RESULT_AGAIN;
}

enum result relay_request(struct exchange *exchange) {
    struct transport *transport = &exchange->session->transport;
    if (exchange->request_state == REQUEST_DONE || exchange->request_given_up) {
        return RESULT_AGAIN;
    }
    if (exchange->iov_count == 0) {
        uint64_t consumed = transport->consumed;
        if (gather(exchange) != RESULT_OK) {
            exchange->rest_is_lost = true;
            return exchange_refuse(exchange, 400,
                                   exchange->body_why == NULL ? "the request body is malformed"
                                                              : exchange->body_why);
        }
        if (exchange->choice.body_limit != 0 &&
            exchange->account.request_bytes > exchange->choice.body_limit &&
            exchange->request_framing != FRAMING_TUNNEL) {
            return exchange_refuse(exchange, 413, "the request body is larger than is accepted");
        }
        if (exchange->iov_count == 0) {
            if (transport->consumed != consumed) {
                return RESULT_OK;
            }
            return transport->end == TRANSPORT_ENDED && !transport_has_segments(transport)
                       ? client_ended(exchange)
                       : RESULT_AGAIN;
        }
    }
    return write_server(exchange);
}
