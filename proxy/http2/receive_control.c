// SETTINGS, and frames of a few bytes: RST_STREAM, WINDOW_UPDATE, PING, GOAWAY, PRIORITY_UPDATE.
#include "http2/receive_internal.h"

// --- SETTINGS ---

static void take_parameter(struct http2_connection *connection,
                           const struct frame_parameter *parameter) {
    struct http2_reader *reader = &connection->reader;
    switch (parameter->id) {
    case SETTING_HEADER_TABLE_SIZE:
        if (!reader->settings.has_table || parameter->value < reader->settings.table_smallest) {
            reader->settings.table_smallest = parameter->value;
        }
        reader->settings.table = parameter->value;
        reader->settings.has_table = true;
        break;
    case SETTING_INITIAL_WINDOW_SIZE:
        reader->settings.window = parameter->value;
        reader->settings.has_window = true;
        break;
    case SETTING_MAX_FRAME_SIZE:
        connection->peer_frame_size = parameter->value;
        break;
    default: // the others change nothing here
        break;
    }
}

enum result receive_read_settings(struct http2_connection *connection, const uint8_t **at,
                                  const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    struct frame_parameter parameter;
    struct http2_fault fault;
    if (!receive_gather(reader, at, end, FRAME_PARAMETER_SIZE)) {
        return RESULT_OK;
    }
    frame_read_parameter(reader->gathered, &parameter);
    reader->have = 0;
    reader->left -= FRAME_PARAMETER_SIZE;
    if (frame_check_parameter(&parameter, &fault) != RESULT_OK) {
        return connection_fail(connection, &fault);
    }
    take_parameter(connection, &parameter);
    return RESULT_OK;
}

// Each setting counts once, with its last value; for the table, the smallest value counts, too (RFC
// 7541 4.2).
static enum result apply_settings(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct hpack_encoder *encoder = &connection->encoder;
    struct http2_fault fault;
    bool has_table = reader->settings.has_table, has_window = reader->settings.has_window;
    reader->settings.has_table = reader->settings.has_window = false;
    if (has_table) {
        hpack_encoder_resize(encoder, reader->settings.table_smallest);
        hpack_encoder_resize(encoder, reader->settings.table);
    }
    if (has_window && windows_resize(connection, reader->settings.window, &fault) != RESULT_OK) {
        return connection_fail(connection, &fault);
    }
    return RESULT_OK;
}

enum result receive_finish_settings(struct http2_connection *connection) {
    if (connection_charge(connection, HTTP2_COST_SETTINGS) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if ((connection->reader.header.flags & FRAME_ACK) != 0) {
        // An ACK without a SETTINGS frame to acknowledge is ignored.
        if (!connection->settings_acked) {
            connection->settings_acked = true;
            windows_acknowledge(connection);
        }
        return RESULT_OK;
    }
    connection->settings_came = true;
    if (apply_settings(connection) != RESULT_OK) {
        return RESULT_ERROR;
    }
    struct builder output = connection_output(connection);
    frame_put_settings_ack(&output);
    connection_wrote(connection, &output);
    return RESULT_OK;
}

// --- small frames ---

static enum result take_reset(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream;
    enum stream_place place = streams_find(connection, reader->header.stream, &stream);
    if (place == STREAM_IDLE) {
        return receive_on_idle(connection);
    }
    // After the client's RST_STREAM, none of its frames is still on the way.
    if (place == STREAM_RESET && stream == NULL) {
        streams_remember(connection, reader->header.stream, STREAM_CANCELED);
    }
    if (place != STREAM_HERE) {
        return receive_on_closed(connection, place, false);
    }
    stream->resets = true;
    connection->shared->events->reset(connection->owner, stream, frame_read_32(reader->gathered),
                                      NULL);
    bool answered = stream->local_ended;
    streams_close(connection, stream, STREAM_CANCELED);
    return answered ? RESULT_OK : connection_charge(connection, HTTP2_COST_RESET);
}

static enum result take_window_update(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream = NULL;
    struct http2_fault fault;
    uint32_t increment = frame_read_31(reader->gathered);
    if (reader->header.stream != 0) {
        enum stream_place place = streams_find(connection, reader->header.stream, &stream);
        if (place == STREAM_IDLE) {
            return receive_on_idle(connection);
        }
        if (place != STREAM_HERE) {
            return increment == 0 ? receive_fail(connection, HTTP2_PROTOCOL_ERROR,
                                                 "WINDOW_UPDATE by 0 on a closed stream")
                                  : receive_on_closed(connection, place, false);
        }
    }
    if (connection_charge(connection, HTTP2_COST_WINDOW_UPDATE) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (windows_open(connection, stream, increment, &fault) != RESULT_OK) {
        return receive_refuse(connection, reader->header.stream, &fault);
    }
    return RESULT_OK;
}

static enum result take_ping(struct http2_connection *connection) {
    const struct http2_reader *reader = &connection->reader;
    if (connection_charge(connection, HTTP2_COST_PING) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if ((reader->header.flags & FRAME_ACK) != 0) {
        // Ravelin's PING is sent once, with the first GOAWAY.
        if (connection->end == HTTP2_ANNOUNCED) {
            connection->end = HTTP2_FINISHING;
            connection->final_stream = connection->last_stream;
        }
        return RESULT_OK;
    }
    struct builder output = connection_output(connection);
    frame_put_ping(&output, reader->gathered, true);
    connection_wrote(connection, &output);
    return RESULT_OK;
}

static void keep_update(struct http2_connection *connection, uint32_t id,
                        struct http2_priority priority) {
    size_t place = connection->updates_next;
    for (size_t i = 0; i < HTTP2_UPDATES_MAX; i++) {
        if (connection->updates[i].stream == id) {
            place = i;
        }
    }
    if (place == connection->updates_next) {
        connection->updates_next = (uint8_t)((place + 1) % HTTP2_UPDATES_MAX);
    }
    connection->updates[place].stream = id;
    connection->updates[place].priority = priority;
}

// RFC 9218 7.1. An even stream number would be of a push, which Ravelin never makes.
static enum result take_priority_update(struct http2_connection *connection) {
    struct http2_reader *reader = &connection->reader;
    struct http2_stream *stream;
    uint32_t id = frame_read_31(reader->gathered);
    struct slice value = {(const char *)reader->gathered + 4, reader->have - 4U};
    struct http2_priority priority = http2_priority_default();
    if (id % 2 == 0) {
        return receive_fail(connection, HTTP2_PROTOCOL_ERROR,
                            "PRIORITY_UPDATE for no stream of a client");
    }
    if (reader->left > reader->have || !http2_priority_read(value, &priority)) {
        return RESULT_OK; // longer than any valid one, or malformed
    }
    enum stream_place place = streams_find(connection, id, &stream);
    if (place == STREAM_HERE) {
        schedule_prioritize(connection, stream, priority);
    } else if (place == STREAM_IDLE) {
        keep_update(connection, id, priority);
    }
    return RESULT_OK;
}

static enum result take_small(struct http2_connection *connection) {
    switch (connection->reader.header.type) {
    case FRAME_RST_STREAM:
        return take_reset(connection);
    case FRAME_WINDOW_UPDATE:
        return take_window_update(connection);
    case FRAME_PING:
        return take_ping(connection);
    case FRAME_PRIORITY_UPDATE:
        return take_priority_update(connection);
    default: // GOAWAY: the client will begin no stream
        return RESULT_OK;
    }
}

// Gathers the bytes that have a meaning, and skips the rest.
enum result receive_read_small(struct http2_connection *connection, const uint8_t **at,
                               const uint8_t *end) {
    struct http2_reader *reader = &connection->reader;
    uint32_t wanted = reader->left < HTTP2_GATHER_SIZE ? reader->left : HTTP2_GATHER_SIZE;
    if (!receive_gather(reader, at, end, wanted)) {
        return RESULT_OK;
    }
    enum result result = take_small(connection);
    reader->left -= wanted;
    reader->have = 0;
    reader->skips = true;
    return result;
}
