// Functions that the files of a connection share: its streams, its output and its failure.
#ifndef RAVELIN_HTTP2_CONNECTION_INTERNAL_H
#define RAVELIN_HTTP2_CONNECTION_INTERNAL_H

#include "http2/connection.h"

// Size of the longest control frame that http2_receive() writes. A frame is read only if the output
// has space for two of them.
#define CONTROL_FRAME_MAX (FRAME_HEADER_SIZE + 8)

// --- streams.c ---

enum stream_place {
    STREAM_HERE,     // *stream is set
    STREAM_IDLE,     // not opened yet, or an even number, which a client never opens
    STREAM_SKIPPED,  // closed without having been opened (RFC 9113 5.1.1)
    STREAM_ENDED,    // ended by both sides
    STREAM_CANCELED, // reset by the client
    STREAM_RESET,    // reset by Ravelin: frames may still arrive
    STREAM_FORGOTTEN // closed too long ago to know how
};

enum stream_place streams_find(const struct http2_connection *connection, uint32_t id,
                               struct http2_stream **stream);
// Notes that the client uses this number. This closes all lower numbers that were never used.
void streams_note(struct http2_connection *connection, uint32_t id);
// Opens a stream. NULL: memory is short.
struct http2_stream *streams_open(struct http2_connection *connection, uint32_t id);
// Frees the stream, and returns the bytes that it held to the window of the connection.
void streams_close(struct http2_connection *connection, struct http2_stream *stream,
                   enum stream_place how);
// Notes how a stream was closed, for a number without a stream.
void streams_remember(struct http2_connection *connection, uint32_t id, enum stream_place how);

// Returns the priority of a PRIORITY_UPDATE that came before the stream was opened. False: none.
bool streams_take_update(struct http2_connection *connection, uint32_t id,
                         struct http2_priority *priority);
static inline bool stream_owes(const struct http2_stream *stream) {
    return !list_is_empty(&stream->owing);
}

// --- windows.c ---

// Counts received bytes of DATA. ERROR: more than the client may send.
enum result windows_receive(struct http2_connection *connection, struct http2_stream *stream,
                            uint32_t size, struct http2_fault *fault) MUST_CHECK;
// Applies a WINDOW_UPDATE. `stream` NULL: of the connection.
enum result windows_open(struct http2_connection *connection, struct http2_stream *stream,
                         uint32_t increment, struct http2_fault *fault) MUST_CHECK;
// Applies SETTINGS_INITIAL_WINDOW_SIZE of the client.
enum result windows_resize(struct http2_connection *connection, uint32_t size,
                           struct http2_fault *fault) MUST_CHECK;
// Call it when Ravelin resets a stream. The client may send the granted bytes until it learns of
// the reset.
void windows_expect_rest(struct http2_connection *connection, const struct http2_stream *stream);
// Counts DATA on a stream that Ravelin has reset. False: the client sends more than was granted.
bool windows_take_rest(struct http2_connection *connection, uint32_t size);
// The client has acknowledged Ravelin's settings: they apply from now on.
void windows_acknowledge(struct http2_connection *connection);
// Bytes by which a window can grow now; 0: not worth a frame.
uint32_t windows_credit(int64_t window, uint32_t held, uint32_t target);

// --- schedule.c ---

void schedule_init(struct http2_connection *connection);
// Puts the stream into the list of its wants, its windows and its priority.
void schedule_place(struct http2_connection *connection, struct http2_stream *stream);
// Call it after a turn of the stream.
void schedule_turn(struct http2_connection *connection, struct http2_stream *stream);
// Changes the priority of the stream, and its list.
void schedule_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                         struct http2_priority priority);

// --- connection.c ---

enum result connection_fail(struct http2_connection *connection, const struct http2_fault *fault);
// Charges one unit to a budget. ERROR: the budget is spent; the connection has failed.
enum result connection_charge(struct http2_connection *connection, enum http2_cost cost) MUST_CHECK;
void connection_give_back(struct http2_connection *connection, enum http2_cost cost,
                          uint32_t units);
struct builder connection_output(struct http2_connection *connection);
void connection_wrote(struct http2_connection *connection, const struct builder *output);

#endif
