// The frames of http2/frame.h that a client may send in each state of RFC 9113 5 and 6.
#include "http2/receive_internal.h"

enum reader_state {
    READ_PREFACE,
    READ_HEADER,
    READ_PREFIX,
    READ_CONTENT,
    READ_PADDING,
};

// --- DATA ---

static enum result begin_data(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream;
    struct http2_fault fault;
    enum stream_place place = streams_find(connection, reader->header.stream, &stream);
    if (place == STREAM_IDLE) {
        return receive_on_idle(connection);
    }
    bool wanted = place == STREAM_HERE && !stream->remote_ended;
    reader->skips = !wanted;
    if (windows_receive(connection, wanted ? stream : NULL, reader->header.length, &fault) !=
        RESULT_OK) {
        reader->skips = true;
        return receive_refuse(connection, reader->header.stream, &fault);
    }
    if (reader->layout.content == 0 && (reader->header.flags & FRAME_END_STREAM) == 0 &&
        connection_charge(connection, HTTP2_COST_EMPTY) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (place == STREAM_ENDED) {
        return receive_fail(connection, HTTP2_STREAM_CLOSED, "DATA on a stream that has ended");
    }
    bool forgiven = place == STREAM_RESET || place == STREAM_FORGOTTEN;
    if (forgiven && windows_take_rest(connection, reader->header.length)) {
        connection->useful += reader->layout.content;
        return RESULT_OK;
    }
    if (!wanted) {
        return receive_on_closed(connection, place == STREAM_HERE ? STREAM_ENDED : place, true);
    }
    // Padding and its length are given back at once.
    http2_taken(connection, stream, reader->header.length - reader->layout.content);
    connection_give_back(connection, HTTP2_COST_PING, 1);
    return RESULT_OK;
}

static void read_data(struct http2_connection *connection, const uint8_t **at, const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    size_t size = (size_t)(end - *at) < reader->left ? (size_t)(end - *at) : reader->left;
    struct slice data = {(const char *)*at, size};
    struct http2_stream *stream;
    *at += size;
    reader->left -= (uint32_t)size;
    connection->useful += reader->skips ? 0 : size;
    if (reader->skips || streams_find(connection, reader->header.stream, &stream) != STREAM_HERE) {
        return;
    }
    if (stream->reset_ms != 0) { // it lingers: only frames of the connection are allowed
        stream->held -= (uint32_t)size;
        connection->held -= (uint32_t)size;
        if (!http2_body_take(&stream->body, size)) {
            http2_reset(connection, stream, HTTP2_PROTOCOL_ERROR);
        }
    } else {
        connection->shared->events->data(connection->owner, stream, data);
    }
}

static void finish_data(struct http2_connection *connection) {
    const struct http2_reader *reader = &connection->reader;
    if (!reader->skips && (reader->header.flags & FRAME_END_STREAM) != 0) {
        receive_end(connection, reader->header.stream);
    }
}

// --- frames ---

static enum result begin_content(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    switch (reader->header.type) {
    case FRAME_DATA:
        return begin_data(connection);
    case FRAME_HEADERS:
        if (receive_begin_headers(connection) != RESULT_OK) {
            return RESULT_ERROR;
        }
        return receive_begin_fragment(connection);
    case FRAME_CONTINUATION:
        return receive_begin_fragment(connection);
    case FRAME_PRIORITY:
    case FRAME_PRIORITY_UPDATE:
        return connection_charge(connection, HTTP2_COST_PRIORITY);
    case FRAME_SETTINGS:
    case FRAME_RST_STREAM:
    case FRAME_WINDOW_UPDATE:
    case FRAME_PING:
    case FRAME_GOAWAY:
        return RESULT_OK;
    default: // RFC 9113 4.1: unknown types are ignored
        reader->skips = true;
        return connection_charge(connection, HTTP2_COST_STRAY);
    }
}

static enum result read_content(struct http2_connection *connection, const uint8_t **at,
                                const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    switch (reader->header.type) {
    case FRAME_DATA:
        read_data(connection, at, end);
        return RESULT_OK;
    case FRAME_HEADERS:
    case FRAME_CONTINUATION:
        return receive_read_fragment(connection, at, end);
    case FRAME_SETTINGS:
        return receive_read_settings(connection, at, end);
    default:
        break;
    }
    if (!reader->skips) {
        return receive_read_small(connection, at, end);
    }
    size_t size = (size_t)(end - *at) < reader->left ? (size_t)(end - *at) : reader->left;
    *at += size;
    reader->left -= (uint32_t)size;
    return RESULT_OK;
}

static enum result finish_frame(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    reader->state = READ_HEADER;
    reader->have = 0;
    if (reader->header.type == FRAME_DATA) {
        finish_data(connection);
    } else if (reader->header.type == FRAME_SETTINGS) {
        return receive_finish_settings(connection);
    }
    return connection->failed ? RESULT_ERROR : RESULT_OK;
}

static enum result finish_content(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    reader->left = reader->layout.padding;
    reader->state = READ_PADDING;
    return reader->left == 0 ? finish_frame(connection) : RESULT_OK;
}

static enum result begin_payload(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_fault fault;
    if (frame_read_prefix(&reader->header, reader->gathered, &reader->layout, &fault) !=
        RESULT_OK) {
        // A fault of a stream waits for the end of its header block.
        if (fault.of_connection || reader->header.type != FRAME_HEADERS) {
            if (receive_refuse(connection, reader->header.stream, &fault) != RESULT_OK) {
                return RESULT_ERROR;
            }
        } else {
            reader->fault = fault;
        }
    }
    reader->have = 0;
    reader->left = reader->layout.content;
    reader->state = READ_CONTENT;
    if (begin_content(connection) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (reader->left > 0) {
        return RESULT_OK;
    }
    // An empty fragment may be the end of its block.
    const uint8_t *none = reader->gathered;
    bool fragment =
        reader->header.type == FRAME_HEADERS || reader->header.type == FRAME_CONTINUATION;
    if (fragment && receive_read_fragment(connection, &none, none) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return finish_content(connection);
}

static enum result check_order(struct http2_connection *connection) {
    const struct http2_reader *reader = &connection->reader;
    const struct frame_header *header = &reader->header;
    if (!connection->settings_came &&
        (header->type != FRAME_SETTINGS || (header->flags & FRAME_ACK) != 0)) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR, "first frame is not SETTINGS");
    }
    bool continues = header->type == FRAME_CONTINUATION;
    if (reader->block != 0 && (!continues || header->stream != reader->block)) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR, "header block is not continued");
    }
    if (reader->block == 0 && continues) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR,
                            "CONTINUATION without a header block");
    }
    return RESULT_OK;
}

static enum result begin_frame(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_fault fault;
    frame_read_header(reader->gathered, &reader->header);
    reader->have = 0;
    reader->skips = false;
    if (check_order(connection) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (frame_check(&reader->header, FRAME_SIZE_DEFAULT, &fault) != RESULT_OK) {
        // A PRIORITY of the wrong size is skipped.
        reader->skips = true;
        reader->layout = (struct frame_layout){.content = reader->header.length};
        reader->left = reader->header.length;
        reader->state = READ_CONTENT;
        if (receive_refuse(connection, reader->header.stream, &fault) != RESULT_OK) {
            return RESULT_ERROR;
        }
        return reader->left == 0 ? finish_content(connection) : RESULT_OK;
    }
    reader->state = READ_PREFIX;
    return frame_prefix_size(&reader->header) == 0 ? begin_payload(connection) : RESULT_OK;
}

static enum result read_preface(struct http2_connection *connection, const uint8_t **at,
                                const uint8_t *end) {
    static const char preface[] = FRAME_PREFACE;
    struct http2_reader *reader = &connection->reader;
    while (*at < end && reader->have < sizeof preface - 1) {
        if (**at != (uint8_t)preface[reader->have]) {
            return receive_fail(connection, HTTP2_PROTOCOL_ERROR, "no preface of HTTP/2");
        }
        (*at)++;
        reader->have++;
    }
    if (reader->have == sizeof preface - 1) {
        reader->have = 0;
        reader->state = READ_HEADER;
    }
    return RESULT_OK;
}

static enum result step(struct http2_connection *connection, const uint8_t **at,
                        const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    switch ((enum reader_state)reader->state) {
    case READ_PREFACE:
        return read_preface(connection, at, end);
    case READ_HEADER:
        return receive_gather(reader, at, end, FRAME_HEADER_SIZE) ? begin_frame(connection)
                                                                  : RESULT_OK;
    case READ_PREFIX:
        return receive_gather(reader, at, end, frame_prefix_size(&reader->header))
                   ? begin_payload(connection)
                   : RESULT_OK;
    case READ_CONTENT:
        if (read_content(connection, at, end) != RESULT_OK) {
            return RESULT_ERROR;
        }
        return reader->left == 0 ? finish_content(connection) : RESULT_OK;
    case READ_PADDING:
        break;
    }
    size_t size = (size_t)(end - *at) < reader->left ? (size_t)(end - *at) : reader->left;
    *at += size;
    reader->left -= (uint32_t)size;
    return reader->left == 0 ? finish_frame(connection) : RESULT_OK;
}

// A client may send OVERHEAD_SHARE bytes for each byte of a header block or of data in either
// direction, and limits->overhead bytes more. Granted bytes on a stream that was reset also count
// as data.
enum { OVERHEAD_SHARE = 8 };

static enum result check_overhead(struct http2_connection *connection) {
    uint64_t most = connection->useful + connection->limits->overhead / OVERHEAD_SHARE;
    return connection->received / OVERHEAD_SHARE <= most
               ? RESULT_OK
               : receive_fail(connection, HTTP2_ENHANCE_YOUR_CALM, "flood of overhead");
}

static bool can_answer(const struct http2_connection *connection) {
    return HTTP2_OUTPUT_SIZE - connection->output_size >= 2 * CONTROL_FRAME_MAX;
}

enum result http2_receive(struct http2_connection *connection, const uint8_t *bytes, size_t size,
                          size_t *used, int64_t now_ms) {
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + size;
    enum result result = connection->failed ? RESULT_ERROR : RESULT_OK;
    connection->now_ms = now_ms;
    while (result == RESULT_OK && at < end) {
        if (!can_answer(connection)) {
            result = RESULT_AGAIN;
            break;
        }
        result = step(connection, &at, end);
        // An event may have made the connection fail.
        result = connection->failed ? RESULT_ERROR : result;
    }
    *used = (size_t)(at - bytes);
    connection->received += *used;
    return result == RESULT_ERROR                    ? RESULT_ERROR
           : check_overhead(connection) == RESULT_OK ? result
                                                     : RESULT_ERROR;
}
