// The bodies of HTTP/1 requests: finds the body bytes within their framing.
//
// If no server will get the rest of a body, it is read and dropped, so that the client finishes
// sending and reads the response. A socket that is closed with unread bytes sends a reset, and a
// reset can destroy a response that the client has not read yet (RFC 9112 9.6). linger.h has the
// limits. No server gets any of these bytes.
#include "session/http1_internal.h"

enum { TRAILERS_MAX = 8192 };

void http1_body_begin(struct http1_stream *http1, const struct http_request *request) {
    http1->framing = request->framing;
    http1->left = request->content_length;
    http1->whole = request->framing == FRAMING_NONE;
    chunk_decoder_init(&http1->decoder);
}

// Finds what the first bytes at `at` are: *length bytes belong together. *is_data: they are body
// bytes.
static enum result next_of_chunks(struct http1_stream *http1, const uint8_t *at, size_t size,
                                  size_t *length, bool *is_data, const char **why) {
    *is_data = false;
    if (chunk_decoder_at_trailers(&http1->decoder)) {
        enum result result =
            trailers_gather(&http1->trailers, TRAILERS_MAX, (const char *)at, size, length, why);
        http1->whole = result == RESULT_OK;
        return result == RESULT_ERROR ? RESULT_ERROR : RESULT_OK;
    }
    enum chunk_span span;
    if (chunk_next(&http1->decoder, (const char *)at, size, &span, length, why) != RESULT_OK) {
        return RESULT_ERROR;
    }
    *is_data = span == CHUNK_DATA;
    return RESULT_OK;
}

static enum result next(struct http1_stream *http1, const uint8_t *at, size_t size, size_t *length,
                        bool *is_data, const char **why) {
    if (http1->framing == FRAMING_CHUNKED) {
        return next_of_chunks(http1, at, size, length, is_data, why);
    }
    *is_data = true;
    *length = size;
    if (http1->framing == FRAMING_LENGTH) {
        *length = size < http1->left ? size : (size_t)http1->left;
        http1->left -= *length;
        http1->whole = http1->left == 0;
    }
    return RESULT_OK;
}

// Reads as much as possible of one segment.
static enum result take_segment(struct http1_stream *http1, const struct segment *segment,
                                struct stream_body *body) {
    size_t used = 0;
    while (used < segment->size && !http1->whole && body->count < STREAM_RUNS_MAX) {
        uint8_t *at = segment->data + used;
        size_t length = 0;
        bool is_data;
        if (next(http1, at, segment->size - used, &length, &is_data, &body->why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        if (is_data) {
            body->runs[body->count++] = (struct iovec){at, length};
        }
        used += length;
    }
    http1->given += used;
    return used < segment->size ? RESULT_EOF : RESULT_OK;
}

static enum result read_trailers(struct http1_stream *http1, struct stream_body *body) {
    struct http_fields *fields =
        shared_fields(&http1->session->sessions->shared, http1->fields_max);
    body->trailers = fields;
    return http_parse_trailers(trailers_section(http1->trailers), fields, &body->why);
}

enum result http1_body(struct stream *stream, struct stream_body *body) {
    struct http1_stream *http1 = http1_of(stream);
    const struct transport *transport = &http1->session->transport;
    uint32_t count = transport_segment_count(transport);
    enum result result = RESULT_OK;
    body->count = 0;
    body->trailers = NULL;
    body->why = NULL;
    for (uint32_t i = 0; i < count && !http1->whole && result == RESULT_OK; i++) {
        result = take_segment(http1, transport_segment(transport, i), body);
    }
    if (result == RESULT_ERROR) {
        return RESULT_ERROR;
    }
    body->whole = http1->whole;
    if (http1->whole && http1->framing == FRAMING_CHUNKED &&
        read_trailers(http1, body) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (body->count > 0 || body->whole) {
        return RESULT_OK;
    }
    http1_taken(stream); // framing only
    return transport->end == TRANSPORT_ENDED && !transport_has_segments(transport) ? RESULT_EOF
                                                                                   : RESULT_AGAIN;
}

void http1_taken(struct stream *stream) {
    struct http1_stream *http1 = http1_of(stream);
    transport_consume(&http1->session->transport, http1->given);
    http1->given = 0;
}

bool http1_request_ends(const struct http1_stream *http1) {
    return http1->framing == FRAMING_NONE || (http1->whole && http1->given == 0 && !http1->stopped);
}

uint64_t http1_expected(const struct http1_stream *http1) {
    if (http1->whole || http1->stopped || http1->framing == FRAMING_TUNNEL) {
        return 0;
    }
    if (http1->framing == FRAMING_CHUNKED) {
        return UINT64_MAX;
    }
    size_t held = transport_held(&http1->session->transport);
    return http1->left > held ? http1->left - held : 0;
}

void http1_stop(struct stream *stream, bool drop) {
    struct http1_stream *http1 = http1_of(stream);
    if (http1->stopped || http1_request_ends(http1)) {
        return;
    }
    http1->stopped = true;
    http1->dropping = drop && !http1->whole && http1->framing != FRAMING_TUNNEL;
    http1_taken(stream);
}

enum result http1_drop(struct http1_stream *http1) {
    struct transport *transport = &http1->session->transport;
    while (transport_has_segments(transport) && !http1->whole) {
        const struct segment *segment = transport_segment(transport, 0);
        size_t length = 0;
        bool is_data;
        const char *why;
        if (next(http1, segment->data, segment->size, &length, &is_data, &why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        transport_consume(transport, length);
        http1->session->dropped += length;
    }
    return http1->whole ? RESULT_OK : RESULT_AGAIN;
}
