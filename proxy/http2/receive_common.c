// Functions that the frame readers share: faults of streams, and gathering of bytes.
#include "http2/receive_internal.h"

enum result receive_fail(struct http2_connection *connection, enum http2_code code,
                         const char *why) {
    const struct http2_fault fault = {code, true, why};
    return connection_fail(connection, &fault);
}

// --- faults of streams ---

// Ends a stream with RST_STREAM. A number that was never used must not get one (RFC 9113 6.4).
enum result receive_refuse(struct http2_connection *connection, uint32_t id,
                           const struct http2_fault *fault) {
    struct http2_stream *stream;
    enum stream_place place = streams_find(connection, id, &stream);
    if (fault->of_connection || place == STREAM_IDLE) {
        return connection_fail(connection, fault);
    }
    // A client that has not acknowledged the settings may not know how many streams it may open.
    bool innocent = fault->code == HTTP2_REFUSED_STREAM && !connection->settings_acked;
    if (connection_charge(connection, innocent ? HTTP2_COST_STRAY : HTTP2_COST_FAULT) !=
        RESULT_OK) {
        return RESULT_ERROR;
    }
    if (place == STREAM_RESET) {
        return RESULT_OK;
    }
    struct builder output = connection_output(connection);
    frame_put_reset(&output, id, fault->code);
    connection_wrote(connection, &output);
    if (place != STREAM_HERE) {
        streams_remember(connection, id, STREAM_RESET);
        return RESULT_OK;
    }
    windows_expect_rest(connection, stream);
    // reset() gets the stream for the last time. Calls with it during reset() have no effect.
    stream->resets = true;
    connection->shared->events->reset(connection->owner, stream, fault->code, fault->why);
    streams_close(connection, stream, STREAM_RESET);
    return RESULT_OK;
}

// Handles a frame of a closed stream.
enum result receive_on_closed(struct http2_connection *connection, enum stream_place place,
                              bool is_error) {
    if (is_error && place != STREAM_RESET && place != STREAM_FORGOTTEN) {
        const struct http2_fault fault = {HTTP2_STREAM_CLOSED, false, "frame on a closed stream"};
        return receive_refuse(connection, connection->reader.header.stream, &fault);
    }
    return connection_charge(connection, HTTP2_COST_STRAY);
}

enum result receive_on_idle(struct http2_connection *connection) {
    return receive_fail(connection, HTTP2_PROTOCOL_ERROR, "frame on a stream that is not open yet");
}

// --- gathering ---

// Reads bytes until reader->gathered has `wanted`. True: it has.
bool receive_gather(struct http2_reader *reader, const uint8_t **at, const uint8_t *end,
                    size_t wanted) {
    size_t missing = wanted - reader->have;
    size_t size = (size_t)(end - *at) < missing ? (size_t)(end - *at) : missing;
    if (size > 0) {
        memcpy(reader->gathered + reader->have, *at, size);
    }
    *at += size;
    reader->have = (uint8_t)(reader->have + size);
    return reader->have == wanted;
}

// --- ends ---

// The client's side of a stream has ended.
void receive_end(struct http2_connection *connection, uint32_t id) {
    struct http2_stream *stream;
    if (streams_find(connection, id, &stream) != STREAM_HERE) {
        return;
    }
    if (stream->reset_ms != 0 && !http2_body_may_end(&stream->body)) {
        http2_reset(connection, stream, HTTP2_PROTOCOL_ERROR);
        return;
    }
    stream->remote_ended = true;
    connection->shared->events->end(connection->owner, stream);
    if (streams_find(connection, id, &stream) == STREAM_HERE && stream->local_ended) {
        streams_close(connection, stream, STREAM_ENDED);
    }
}
