#include "http2/connection_internal.h"

// --- control frames ---

struct builder connection_output(struct http2_connection *connection) {
    struct builder output = builder_over(connection->output, HTTP2_OUTPUT_SIZE);
    output.size = connection->output_size;
    return output;
}

void connection_wrote(struct http2_connection *connection, const struct builder *output) {
    connection->output_size = (uint16_t)output->size;
}

static bool has_room(const struct builder *output) {
    return output->capacity - output->size >= CONTROL_FRAME_MAX;
}

static void put_owed(struct http2_connection *connection, struct http2_stream *stream,
                     struct builder *output) {
    if (stream->resets) {
        frame_put_reset(output, stream->id, stream->reset_code);
        streams_close(connection, stream, STREAM_RESET);
        return;
    }
    uint32_t credit = windows_credit(stream->receive_window, stream->held, stream->target);
    if (credit > 0 && !stream->remote_ended) {
        frame_put_window_update(output, stream->id, credit);
        stream->receive_window += (int32_t)credit;
    }
    list_remove(&stream->owing);
}

// The window of the connection grows by taken bytes until the bytes held by streams come near
// limits->held_max. This limit is larger by the difference of the target and
// limits->connection_window.
static uint32_t connection_credit(const struct http2_connection *connection) {
    const struct http2_limits *limits = connection->limits;
    uint32_t target = connection->target;
    uint32_t first = target < limits->connection_window ? target : limits->connection_window;
    uint32_t free = limits->held_max - first;
    uint32_t beyond = connection->held > free ? connection->held - free : 0;
    return windows_credit(connection->receive_window, beyond, target);
}

static const uint8_t shutdown_ping[8] = {'g', 'o', 'i', 'n', 'g', 0, 0, 0};

static void put_end(struct http2_connection *connection, struct builder *output) {
    if (connection->end == HTTP2_ANNOUNCING) {
        frame_put_goaway(output, FRAME_STREAM_MAX, HTTP2_NO_ERROR);
        frame_put_ping(output, shutdown_ping, false);
        connection->end = HTTP2_ANNOUNCED;
    } else if (connection->end == HTTP2_FINISHING) {
        frame_put_goaway(output, connection->final_stream, HTTP2_NO_ERROR);
        connection->end = HTTP2_FINISHED;
    }
}

static bool end_is_due(const struct http2_connection *connection) {
    return connection->end == HTTP2_ANNOUNCING || connection->end == HTTP2_FINISHING;
}

static void put_due(struct http2_connection *connection, struct builder *output) {
    while (has_room(output) && !list_is_empty(&connection->owing)) {
        put_owed(connection, LIST_ENTRY(connection->owing.next, struct http2_stream, owing),
                 output);
    }
    uint32_t credit = connection_credit(connection);
    if (has_room(output) && credit > 0) {
        frame_put_window_update(output, 0, credit);
        connection->receive_window += (int32_t)credit;
    }
    if (output->capacity - output->size >= (size_t)2 * CONTROL_FRAME_MAX) {
        put_end(connection, output);
    }
}

static void put_failure(struct http2_connection *connection, struct builder *output) {
    if (!connection->said_failure && has_room(output)) {
        // Not more than in an earlier GOAWAY.
        uint32_t last = connection->last_stream < connection->final_stream
                            ? connection->last_stream
                            : connection->final_stream;
        frame_put_goaway(output, last, connection->fault.code);
        connection->said_failure = true;
    }
}

size_t http2_output(struct http2_connection *connection, uint8_t *output, size_t capacity) {
    struct builder builder = builder_over(output, capacity);
    size_t waiting = connection->output_size < capacity ? connection->output_size : capacity;
    builder_put_bytes(&builder, connection->output, waiting);
    connection->output_size = (uint16_t)(connection->output_size - waiting);
    memmove(connection->output, connection->output + waiting, connection->output_size);
    if (connection->output_size > 0) {
        return builder.size;
    }
    if (connection->failed) {
        put_failure(connection, &builder);
    } else {
        put_due(connection, &builder);
    }
    return builder.size;
}

bool http2_has_output(const struct http2_connection *connection) {
    if (connection->failed) {
        return connection->output_size > 0 || !connection->said_failure;
    }
    return connection->output_size > 0 || !list_is_empty(&connection->owing) ||
           connection_credit(connection) > 0 || end_is_due(connection);
}

// --- responses ---

// Ravelin's side of the stream has ended.
static void end_locally(struct http2_connection *connection, struct http2_stream *stream) {
    stream->local_ended = true;
    schedule_place(connection, stream);
    if (stream->remote_ended && !stream->resets) {
        connection_give_back(connection, HTTP2_COST_RESET, 1);
        connection_give_back(connection, HTTP2_COST_STRAY, 2);
        streams_close(connection, stream, STREAM_ENDED);
    }
}

// Sent bytes that give the client the budget for a WINDOW_UPDATE.
#define UPDATE_BYTES 2048

void http2_send_data(struct http2_connection *connection, struct http2_stream *stream,
                     uint32_t size, bool end, uint8_t header[FRAME_HEADER_SIZE]) {
    frame_write_header(
        header, &(struct frame_header){size, stream->id, FRAME_DATA, end ? FRAME_END_STREAM : 0});
    stream->send_window -= (int32_t)size;
    connection->send_window -= (int32_t)size;
    connection->useful += size;
    connection_give_back(connection, HTTP2_COST_WINDOW_UPDATE, 1 + size / UPDATE_BYTES);
    connection_give_back(connection, HTTP2_COST_PING, 1);
    if (end) {
        end_locally(connection, stream);
        return;
    }
    schedule_place(connection, stream);
    schedule_turn(connection, stream);
}

enum result http2_send_headers(struct http2_connection *connection, struct http2_stream *stream,
                               const struct hpack_field *fields, size_t count, bool end,
                               uint8_t *output, size_t capacity, size_t *size) {
    size_t block;
    *size = 0;
    if (capacity < FRAME_HEADER_SIZE) {
        return RESULT_AGAIN;
    }
    // Space for the headers of CONTINUATION frames: one for each whole frame.
    size_t room = capacity - FRAME_HEADER_SIZE;
    size_t headers = room / connection->peer_frame_size * FRAME_HEADER_SIZE;
    enum result result = hpack_encode(&connection->encoder, &connection->shared->memory, fields,
                                      count, output + FRAME_HEADER_SIZE, room - headers, &block);
    if (result == RESULT_ERROR) {
        const struct http2_fault fault = {HTTP2_INTERNAL_ERROR, true,
                                          "no memory for header compression"};
        return connection_fail(connection, &fault);
    }
    if (result == RESULT_AGAIN) {
        return RESULT_AGAIN;
    }
    *size =
        frame_wrap_headers(output, block, capacity, stream->id, connection->peer_frame_size, end);
    if (end) {
        end_locally(connection, stream);
    }
    return RESULT_OK;
}

void http2_linger(struct http2_connection *connection, struct http2_stream *stream,
                  int64_t now_ms) {
    stream->owner = NULL;
    stream->reset_ms = now_ms + connection->limits->linger_ms;
    list_push_last(&connection->lingering, &stream->linger);
}

static bool is_fault_of_client(enum http2_code code) {
    return code == HTTP2_PROTOCOL_ERROR || code == HTTP2_FLOW_CONTROL_ERROR ||
           code == HTTP2_ENHANCE_YOUR_CALM;
}

void http2_reset(struct http2_connection *connection, struct http2_stream *stream,
                 enum http2_code code) {
    if (stream->resets) {
        return;
    }
    windows_expect_rest(connection, stream);
    stream->owner = NULL;
    stream->resets = true;
    stream->reset_code = code;
    connection->held -= stream->held;
    stream->held = 0;
    schedule_place(connection, stream);
    if (!stream_owes(stream)) {
        list_push_last(&connection->owing, &stream->owing);
    }
    if (is_fault_of_client(code) && connection_charge(connection, HTTP2_COST_FAULT) != RESULT_OK) {
        return; // the next http2_receive() returns the failure
    }
}
