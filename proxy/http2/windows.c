// Flow control, RFC 9113 5.2 and 6.9.
#include "http2/connection_internal.h"

enum result windows_receive(struct http2_connection *connection, struct http2_stream *stream,
                            uint32_t size, struct http2_fault *fault) {
    if ((int64_t)size > connection->receive_window) {
        return http2_fail(fault, true, HTTP2_FLOW_CONTROL_ERROR,
                          "DATA beyond the window of the connection");
    }
    connection->receive_window -= (int32_t)size;
    if (stream == NULL) {
        return RESULT_OK;
    }
    if ((int64_t)size > stream->receive_window) {
        return http2_fail(fault, false, HTTP2_FLOW_CONTROL_ERROR,
                          "DATA beyond the window of the stream");
    }
    stream->receive_window -= (int32_t)size;
    stream->held += size;
    connection->held += size;
    return RESULT_OK;
}

void windows_expect_rest(struct http2_connection *connection, const struct http2_stream *stream) {
    if (!stream->remote_ended && stream->receive_window > 0) {
        uint64_t rest = (uint64_t)connection->granted + (uint32_t)stream->receive_window;
        connection->granted = rest < connection->target ? (uint32_t)rest : connection->target;
    }
}

bool windows_take_rest(struct http2_connection *connection, uint32_t size) {
    bool is_granted = size > 0 && size <= connection->granted;
    connection->granted -= is_granted ? size : 0;
    return is_granted;
}

static bool open_window(int32_t *window, int64_t change) {
    int64_t sum = *window + change;
    if (sum > FRAME_WINDOW_MAX) {
        return false;
    }
    *window = (int32_t)sum; // at least -(2^31-1): a setting is never below 0
    return true;
}

// Places all streams that wait for a window again, when the connection's window opens or all
// windows change.
static void place_all(struct http2_connection *connection) {
    for (size_t i = 0; i < HTTP2_BUCKETS; i++) {
        for (struct http2_stream *stream = connection->buckets[i]; stream != NULL;
             stream = stream->next) {
            schedule_place(connection, stream);
        }
    }
}

enum result windows_open(struct http2_connection *connection, struct http2_stream *stream,
                         uint32_t increment, struct http2_fault *fault) {
    bool whole = stream == NULL;
    if (increment == 0) {
        return http2_fail(fault, whole, HTTP2_PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
    }
    if (!open_window(whole ? &connection->send_window : &stream->send_window, increment)) {
        return http2_fail(fault, whole, HTTP2_FLOW_CONTROL_ERROR, "window over 2^31-1");
    }
    if (!whole) {
        schedule_place(connection, stream);
    }
    return RESULT_OK;
}

enum result windows_resize(struct http2_connection *connection, uint32_t size,
                           struct http2_fault *fault) {
    int64_t change = (int64_t)size - connection->peer_window;
    connection->peer_window = size;
    for (size_t i = 0; i < HTTP2_BUCKETS; i++) {
        for (struct http2_stream *stream = connection->buckets[i]; stream != NULL;
             stream = stream->next) {
            if (!open_window(&stream->send_window, change)) {
                return http2_fail(fault, true, HTTP2_FLOW_CONTROL_ERROR,
                                  "SETTINGS make a window exceed 2^31-1");
            }
        }
    }
    place_all(connection);
    return RESULT_OK;
}

void windows_acknowledge(struct http2_connection *connection) {
    int32_t change = (int32_t)connection->limits->stream_window - FRAME_WINDOW_DEFAULT;
    for (size_t i = 0; i < HTTP2_BUCKETS; i++) {
        for (struct http2_stream *stream = connection->buckets[i]; stream != NULL;
             stream = stream->next) {
            stream->receive_window += change;
        }
    }
}

// A credit of this size is always worth a frame.
#define CREDIT_MAX 524288

uint32_t windows_credit(int64_t window, uint32_t held, uint32_t target) {
    int64_t credit = target - window - held;
    credit = credit < FRAME_WINDOW_MAX ? credit : FRAME_WINDOW_MAX;
    return credit > 0 && (credit >= target / 2 || credit >= CREDIT_MAX) ? (uint32_t)credit : 0;
}

static void note_credit(struct http2_connection *connection, struct http2_stream *stream) {
    if (!stream_owes(stream) && !stream->remote_ended &&
        windows_credit(stream->receive_window, stream->held, stream->target) > 0) {
        list_push_last(&connection->owing, &stream->owing);
    }
}

void http2_taken(struct http2_connection *connection, struct http2_stream *stream, uint32_t size) {
    stream->held -= size;
    connection->held -= size;
    note_credit(connection, stream);
}

void http2_set_target(struct http2_connection *connection, struct http2_stream *stream,
                      uint32_t target) {
    if (stream == NULL) {
        connection->target = target;
    } else {
        stream->target = target;
        note_credit(connection, stream);
    }
}

uint32_t http2_room(const struct http2_connection *connection, const struct http2_stream *stream) {
    int32_t window = stream->send_window < connection->send_window ? stream->send_window
                                                                   : connection->send_window;
    if (window <= 0) {
        return 0;
    }
    return (uint32_t)window < connection->peer_frame_size ? (uint32_t)window
                                                          : connection->peer_frame_size;
}
