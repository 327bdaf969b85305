// The request: from the client to the server.
#include "exchange/exchange_internal.h"
#include "exchange/request_write.h"
#include "http/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

static char crlf[] = "\r\n";
static char end_of_chunks[] = "0\r\n\r\n";
enum { LAST_CHUNK_SIZE = 3 }; // of that, without the empty line

static void add_part(struct request_write *write, void *data, size_t size) {
    write->parts[write->count++] = (struct iovec){data, size};
}

// --- gathering what can be written ---

// A new connection to a server with `send-proxy-protocol` begins with the PROXY header. A reused
// connection began with the header of the same client.
static void add_proxy_header(struct exchange *exchange) {
    const struct client *client = exchange->choice.client;
    enum proxy_version version = (enum proxy_version)exchange->choice.backend->send_proxy_protocol;
    if (version == PROXY_VERSION_NONE || exchange->attempt.lease->reused) {
        return;
    }
    struct address address = {.size = sizeof(address.as.v6)};
    address.as.v6 = client->address.v6; // as large as either
    const struct address local = exchange->stream->verbs->local_address(exchange->stream);
    struct request_write *write = exchange->write;
    add_part(write, write->proxy_header,
             proxy_header_write(version, client->unknown ? NULL : &address, &local,
                                write->proxy_header));
}

// Encodes the last chunk and the trailers. False: no memory.
static bool add_end(struct exchange *exchange, const struct http_fields *fields) {
    if (fields == NULL) {
        add_part(exchange->write, end_of_chunks, sizeof(end_of_chunks) - 1);
        return true;
    }
    struct exchange_http *http = exchange->http;
    size_t capacity = http_trailers_size(fields);
    free(http->request_trailers); // of another attempt
    http->request_trailers = malloc(capacity);
    if (http->request_trailers == NULL) {
        return false;
    }
    size_t size = http_encode_trailers(fields, &exchange->choice.route->request,
                                       http->request_trailers, capacity);
    http->request_trailers_size = size;
    add_part(exchange->write, end_of_chunks, LAST_CHUNK_SIZE);
    add_part(exchange->write, http->request_trailers, size);
    return size > 0;
}

static void add_runs(struct exchange *exchange, const struct stream_body *body) {
    struct request_write *write = exchange->write;
    bool chunked = exchange->request_framing == FRAMING_CHUNKED;
    for (uint32_t i = 0; i < body->count; i++) {
        const struct iovec *run = &body->runs[i];
        if (chunked) {
            char *end = write->lines[i] + CHUNK_LINE_SIZE;
            char *begin = chunk_write_size(end, run->iov_len);
            add_part(write, begin, (size_t)(end - begin));
        }
        write->runs |= UINT64_C(1) << write->count;
        add_part(write, run->iov_base, run->iov_len);
        if (chunked) {
            add_part(write, crlf, 2);
        }
        exchange->account.request_bytes += run->iov_len;
    }
}

static void keep(struct exchange *exchange, const struct stream_body *body) {
    struct exchange_http *http = exchange->http;
    if (http != NULL) {
        kept_body_add(&http->kept, body->runs, body->count);
        http->kept_is_whole = body->whole;
    }
}

static bool has_kept(const struct exchange *exchange) {
    const struct exchange_http *http = exchange->http;
    return http != NULL && (http->kept.size > 0 || http->kept_is_whole);
}

// RESULT_EOF: the client ended before the body was complete. RESULT_ERROR: as exchange_request().
static enum result add_body(struct exchange *exchange) {
    struct stream_body body;
    enum result result = exchange->stream->verbs->body(exchange->stream, &body);
    if (result == RESULT_ERROR) {
        exchange_give_up_request(exchange, false); // the end of the request is unknown
        return exchange_refuse(exchange, 400,
                               body.why == NULL ? "the request body is malformed" : body.why);
    }
    if (result != RESULT_OK) {
        return result;
    }
    add_runs(exchange, &body);
    keep(exchange, &body);
    if (body.whole) {
        exchange->request_state = REQUEST_LAST;
    }
    if (body.whole && exchange->request_framing == FRAMING_CHUNKED &&
        !add_end(exchange, body.trailers)) {
        return exchange_refuse(exchange, 503, "no memory for request trailers");
    }
    uint64_t limit = exchange->choice.body_limit;
    if (limit != 0 && exchange->account.request_bytes > limit &&
        exchange->request_state != REQUEST_TUNNEL) {
        return exchange_refuse(exchange, 413, "the request body is larger than body-size");
    }
    return RESULT_OK;
}

// Adds the part of the body that an earlier attempt has read.
static void add_kept(struct exchange *exchange) {
    struct request_write *write = exchange->write;
    const struct exchange_http *http = exchange->http;
    const struct kept_body *kept = &http->kept;
    bool chunked = exchange->request_framing == FRAMING_CHUNKED;
    if (kept->size > 0 && chunked) {
        char *end = write->lines[0] + CHUNK_LINE_SIZE;
        char *begin = chunk_write_size(end, kept->size);
        add_part(write, begin, (size_t)(end - begin));
    }
    if (kept->size > 0) {
        add_part(write, kept->data, kept->size);
    }
    if (kept->size > 0 && chunked) {
        add_part(write, crlf, 2);
    }
    if (!http->kept_is_whole) {
        return;
    }
    exchange->request_state = REQUEST_LAST;
    if (chunked && http->request_trailers != NULL) {
        add_part(write, end_of_chunks, LAST_CHUNK_SIZE);
        add_part(write, http->request_trailers, http->request_trailers_size);
    } else if (chunked) {
        add_part(write, end_of_chunks, sizeof(end_of_chunks) - 1);
    }
}

void exchange_rewind_request(struct exchange *exchange) {
    const struct exchange_http *http = exchange->http;
    bool keeps = http != NULL && http->kept.limit > 0;
    // `kept` has a copy of all bytes that `write` points to.
    if (keeps && exchange->write != NULL) {
        exchange->stream->verbs->taken(exchange->stream);
    }
    exchange_free_request(exchange);
    exchange->request_state = REQUEST_HEAD;
    exchange->write_failed = false;
}

// All given bytes of the stream were written.
static void all_written(struct exchange *exchange) {
    exchange->stream->verbs->taken(exchange->stream);
    if (exchange->request_state == REQUEST_LAST) {
        exchange->request_state = REQUEST_DONE;
        exchange->account.request_sent_us = clock_monotonic_us();
    }
}

static void add_head(struct exchange *exchange) {
    if (exchange->request_framing == FRAMING_TUNNEL) { // a tunnel has no head
        exchange->request_state = REQUEST_TUNNEL;
        return;
    }
    add_part(exchange->write, exchange->http->head, exchange->http->head_size);
    exchange->request_state =
        exchange->request_framing == FRAMING_NONE ? REQUEST_LAST : REQUEST_BODY;
}

// RESULT_OK: there is something to write, or the request is done. RESULT_AGAIN: nothing now.
// RESULT_EOF, RESULT_ERROR: as add_body().
static enum result gather(struct exchange *exchange) {
    struct request_write *write = slab_get(&exchange->shared->write_slab);
    if (write == NULL) {
        return exchange_refuse(exchange, 503, "no memory for a request");
    }
    write->first = write->count = 0;
    write->runs = 0;
    exchange->write = write;
    if (exchange->request_state == REQUEST_HEAD) {
        add_proxy_header(exchange);
        add_head(exchange);
        if (has_kept(exchange)) {
            add_kept(exchange);
            return RESULT_OK;
        }
    }
    enum result result = exchange->request_state == REQUEST_LAST ? RESULT_OK : add_body(exchange);
    if (result == RESULT_ERROR || write->count > 0) {
        return result == RESULT_ERROR ? RESULT_ERROR : RESULT_OK;
    }
    exchange_free_request(exchange);
    if (result == RESULT_OK) { // the body has ended
        all_written(exchange);
    }
    return result;
}

size_t exchange_unwritten(const struct exchange *exchange) {
    const struct request_write *write = exchange->write;
    size_t size = 0;
    for (uint32_t i = write == NULL ? 0 : write->first; write != NULL && i < write->count; i++) {
        size += (write->runs >> i & 1) != 0 ? write->parts[i].iov_len : 0;
    }
    return size;
}

void exchange_move_unwritten(struct exchange *exchange, uint8_t *to) {
    struct request_write *write = exchange->write;
    for (uint32_t i = write == NULL ? 0 : write->first; write != NULL && i < write->count; i++) {
        struct iovec *part = &write->parts[i];
        if ((write->runs >> i & 1) != 0) {
            memcpy(to, part->iov_base, part->iov_len);
            part->iov_base = to;
            to += part->iov_len;
        }
    }
}

void exchange_free_request(struct exchange *exchange) {
    slab_put(&exchange->shared->write_slab, exchange->write);
    exchange->write = NULL;
}

// --- writing ---

static void written(struct exchange *exchange, size_t size) {
    struct request_write *write = exchange->write;
    while (write->first < write->count && size >= write->parts[write->first].iov_len) {
        size -= write->parts[write->first++].iov_len;
    }
    if (size > 0) {
        struct iovec *first = &write->parts[write->first];
        first->iov_base = (uint8_t *)first->iov_base + size;
        first->iov_len -= size;
    }
    if (write->first == write->count) {
        exchange_free_request(exchange);
        all_written(exchange);
    }
}

// RESULT_OK: bytes were written. RESULT_AGAIN: the server does not accept more now. RESULT_EOF: the
// server is gone.
static enum result write_server(struct exchange *exchange) {
    struct lease *lease = exchange->attempt.lease;
    struct request_write *write = exchange->write;
    if (!lease->writable) {
        return RESULT_AGAIN;
    }
    ssize_t sent = lease->pool->calls.send_parts(lease->fd, &write->parts[write->first],
                                                 write->count - write->first);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            return RESULT_EOF;
        }
        lease->writable = errno == EINTR;
        return errno == EINTR ? RESULT_OK : RESULT_AGAIN;
    }
    written(exchange, (size_t)sent);
    lease->writable = exchange->write == NULL; // a short write: the socket is full
    return RESULT_OK;
}

// The client has ended: there is nothing more to write.
static enum result client_ended(struct exchange *exchange) {
    if (exchange->request_state != REQUEST_TUNNEL) {
        exchange->account.ended = "the client closed before the end of its request body";
        return RESULT_ERROR;
    }
    const struct lease *lease = exchange->attempt.lease;
    exchange->request_state = REQUEST_DONE;
    (void)lease->pool->calls.shutdown(lease->fd, SHUT_WR);
    return exchange->response_state == RESPONSE_ENDED ? RESULT_OK : RESULT_AGAIN;
}

enum result exchange_request(struct exchange *exchange) {
    if (exchange->request_state == REQUEST_DONE || exchange->request_state == REQUEST_GIVEN_UP ||
        exchange->write_failed) {
        return RESULT_AGAIN;
    }
    enum result result = exchange->write == NULL ? gather(exchange) : RESULT_OK;
    if (result == RESULT_OK && exchange->write != NULL) {
        return write_server(exchange);
    }
    return result == RESULT_EOF ? client_ended(exchange) : result;
}

void exchange_give_up_request(struct exchange *exchange, bool end_is_known) {
    if (exchange->request_state == REQUEST_DONE || exchange->request_state == REQUEST_GIVEN_UP) {
        return;
    }
    exchange->request_state = REQUEST_GIVEN_UP;
    exchange_free_request(exchange);
    // A client that waits for 100 (Continue) sends no body after another response.
    exchange->stream->verbs->stop(exchange->stream, end_is_known && !exchange->awaits_continue);
}
