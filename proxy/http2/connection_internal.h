// What the files of a connection share: its streams, its output and its failure.
#ifndef RAVELIN_HTTP2_CONNECTION_INTERNAL_H
#define RAVELIN_HTTP2_CONNECTION_INTERNAL_H

#include "http2/connection.h"

// The longest control frame that http2_receive() writes. A frame is read only when there is room
// for two of them.
#define CONTROL_FRAME_MAX (FRAME_HEADER_SIZE + 8)

// --- streams.c ---

enum stream_place {
    STREAM_HERE,     // *stream is set
    STREAM_IDLE,     // not opened yet, or never by a client (even numbers)
    STREAM_SKIPPED,  // closed without having been opened (RFC 9113 5.1.1)
    STREAM_ENDED,    // both ways
    STREAM_CANCELED, // by the client
    STREAM_RESET,    // by us: frames may still be on their way
    STREAM_FORGOTTEN // closed too long ago to know how
};

enum stream_place streams_find(const struct http2_connection *connection, uint32_t id,
                               struct http2_stream **stream);
// Notes that the client uses this number, and so closes all lower ones that it has not used.
void streams_note(struct http2_connection *connection, uint32_t id);
// NULL: memory is short.
struct http2_stream *streams_open(struct http2_connection *connection, uint32_t id);
// Frees the stream, and gives the bytes that it held back to the window of the connection.
void streams_close(struct http2_connection *connection, struct http2_stream *stream,
                   enum stream_place how);
// For a number that has no stream.
void streams_remember(struct http2_connection *connection, uint32_t id, enum stream_place how);

// What PRIORITY_UPDATE said of a stream before it was opened. False: nothing.
bool streams_take_update(struct http2_connection *connection, uint32_t id,
                         struct http2_priority *priority);
static inline bool stream_owes(const struct http2_stream *stream) {
    return !list_is_empty(&stream->owing);
}

// --- windows.c ---

// Bytes of DATA that the client has sent. ERROR: more than it may.
enum result windows_receive(struct http2_connection *connection, struct http2_stream *stream,
                            uint32_t size, struct http2_fault *fault) MUST_CHECK;
// WINDOW_UPDATE; `stream` NULL: of the connection.
enum result windows_open(struct http2_connection *connection, struct http2_stream *stream,
                         uint32_t increment, struct http2_fault *fault) MUST_CHECK;
// SETTINGS_INITIAL_WINDOW_SIZE of the client.
enum result windows_resize(struct http2_connection *connection, uint32_t size,
                           struct http2_fault *fault) MUST_CHECK;
// Our own setting counts from now on.
void windows_acknowledge(struct http2_connection *connection);
// Bytes that may be given back now, 0 if it is not worth a frame.
uint32_t windows_credit(int64_t window, uint32_t held, uint32_t target);

// --- schedule.c ---

void schedule_init(struct http2_connection *connection);
// Puts the stream where its wants, its windows and its priority say.
void schedule_place(struct http2_connection *connection, struct http2_stream *stream);
// After a turn of the stream.
void schedule_turn(struct http2_connection *connection, struct http2_stream *stream);
// Changes the priority, and the place with it.
void schedule_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                         struct http2_priority priority);

// --- connection.c ---

enum result connection_fail(struct http2_connection *connection, const struct http2_fault *fault);
// One unit of its budget. ERROR: it is spent, and the connection has failed.
enum result connection_charge(struct http2_connection *connection, enum http2_cost cost) MUST_CHECK;
void connection_give_back(struct http2_connection *connection, enum http2_cost cost,
                          uint32_t units);
struct builder connection_output(struct http2_connection *connection);
void connection_wrote(struct http2_connection *connection, const struct builder *output);

#endif
