// One HTTP/2 connection of a client (RFC 9113 3.4, 5 and 6, RFC 9218): bytes in, events and frames
// out. This is the main header of http2/. No I/O, no allocation per frame. It knows no session and
// no exchange.
//
// How a session uses it:
//
//   begin     http2_init(), when ALPN has chosen h2. Our SETTINGS are then due in http2_output().
//   receive   http2_receive() with the plaintext of each record, where it was opened. It calls the
//             events. A DATA event points into those bytes: the exchange writes them to its server
//             from there, without a copy. It copies what the server does not take at once into a
//             buffer of its own; the window of the stream bounds that buffer. http2_taken() tells
//             that bytes have left, to the server or into nothing.
//   requests  headers(): http2_request_read() (http2/request.h), then an exchange, an answer, or
//             http2_reset(). data(): http2_body_take(). end(): http2_body_may_end().
//   send      In rounds. http2_output() into the send buffer comes first. Then, while the buffer
//             has room: http2_next() names the stream whose turn it is, and the session lends the
//             send buffer to the exchange of that stream. Its slots keep FRAME_HEADER_SIZE bytes
//             free behind the room for the record header. The exchange reads at most http2_room()
//             bytes from its server behind them, and http2_send_data() writes the frame header in
//             place. A head is a list of http2/response.h, written by http2_send_headers(). An
//             exchange says with http2_want() whether it has something to send.
//   wait      http2_deadline() is one more deadline of the session, http2_tick() what is due then.
//   idle      http2_rest(), when there has been no stream for a second or so.
//   end       http2_shutdown() for drain, reload, `requests-per-connection` and `idle-timeout`. The
//             session closes when http2_is_drained(). After RESULT_ERROR it sends what
//             http2_output() gives, and closes.
//
// Lifetime of a stream: from headers() until both sides have ended it, or one has reset it. Its
// pointer is invalid after
//   - reset() has returned, or http2_reset() was called,
//   - the owner has sent its end, if the client's end came before,
//   - end() has returned, if the owner has sent its end before.
// An event may call every function here but http2_receive(), http2_tick() and http2_free().
//
// Bounds: struct http2_limits for the client; http2/hpack.h for the header tables; a header block
// is gathered on the heap only if it comes in more than one piece. Control frames wait in a fixed
// array. When it is full, http2_receive() stops until http2_output() is called, so that a client
// that does not read makes no memory grow. After http2_rest() a connection takes at most
// HTTP2_IDLE_MAX bytes with its tables, when it has served requests of a browser: 1.5 KiB in
// tests/unit/test_http2_connection.c.
#ifndef RAVELIN_HTTP2_CONNECTION_H
#define RAVELIN_HTTP2_CONNECTION_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/slab.h"
#include "http2/hpack.h"
#include "http2/limits.h"
#include "http2/priority.h"

#define HTTP2_IDLE_MAX 2048

struct http2_connection;

// What a stream has to send.
enum http2_wants {
    HTTP2_WANTS_NOTHING,
    HTTP2_WANTS_DATA,  // bytes of a body, which need a window
    HTTP2_WANTS_FRAME, // what needs none: a head, trailers, an empty DATA frame with the end
};

struct http2_stream {
    struct http2_stream *next; // of the same bucket
    struct list_node ready;    // in connection->ready
    struct list_node owing;    // in connection->owing
    struct list_node linger;   // in connection->lingering
    void *owner;               // set by the owner of the connection; NULL at first
    uint32_t id;
    int32_t send_window;    // below 0 after the client made it smaller
    int32_t receive_window; // below 0 after we made it smaller
    uint32_t held;          // bytes of DATA that were not yet taken
    uint32_t target;        // what receive_window and held come to when all is well
    uint32_t reset_code;    // of an http2_code, when `resets`
    struct http2_priority priority;
    uint8_t wants; // an enum http2_wants
    bool remote_ended, local_ended;
    bool resets;      // RST_STREAM is to be sent; the owner has forgotten it
    int64_t reset_ms; // while it lingers: when it is reset
};

// Each gets the owner of the connection. None of them may be NULL.
struct http2_events {
    // The header section of a new stream, as hpack_decode() gave it. It is valid during the call. A
    // section that is too large gets 431. `end`: no body comes.
    void (*headers)(void *owner, struct http2_stream *stream, struct hpack_section *section,
                    bool end);
    // Trailers; end() follows.
    void (*trailers)(void *owner, struct http2_stream *stream, struct hpack_section *section);
    // At least one byte of the body.
    void (*data)(void *owner, struct http2_stream *stream, struct slice data);
    // The client has sent all.
    void (*end)(void *owner, struct http2_stream *stream);
    // The client has reset the stream (`why` is NULL), or Ravelin resets it for a fault of the
    // client. The owner must forget the stream, which may have a response under way.
    void (*reset)(void *owner, struct http2_stream *stream, enum http2_code code, const char *why);
};

// What all connections of a worker share.
struct http2_shared {
    const struct http2_events *events;
    struct slab streams;        // of struct http2_stream
    struct hpack_memory memory; // of all header tables
    struct http_fields *fields; // scratch of header sections: their number of fields
    char *text;                 // twice limits->header_list_size of all connections
    size_t text_capacity;
};

#define HTTP2_BUCKETS 16
#define HTTP2_CLOSED_MAX 32
#define HTTP2_OUTPUT_SIZE 256
#define HTTP2_UPDATES_MAX 4
#define HTTP2_GATHER_SIZE 64

// How far a frame has been read. Private to http2/.
struct http2_reader {
    struct frame_header header;
    struct frame_layout layout;
    uint32_t left;      // of the content, or of the padding
    uint8_t state;      // an enum reader_state
    uint8_t have;       // bytes in `gathered`
    uint8_t purpose;    // of a header block: an enum block_purpose
    bool skips;         // the rest of the frame means nothing
    uint32_t block;     // stream whose header block is not complete; 0: none
    bool block_ends;    // END_STREAM was set
    uint32_t fragments; // frames of it so far
    int64_t block_ms;   // when it began
    struct buffer parts;
    struct http2_fault fault; // of its stream, to be reported when the block was decoded
    uint8_t gathered[HTTP2_GATHER_SIZE];
    struct { // of SETTINGS, applied at its end
        uint32_t window, table, table_smallest;
        bool has_window, has_table;
    } settings;
};

enum http2_end {
    HTTP2_RUNNING,
    HTTP2_ANNOUNCING,
    HTTP2_ANNOUNCED,
    HTTP2_FINISHING,
    HTTP2_FINISHED
};

struct http2_connection {
    struct http2_shared *shared;
    const struct http2_limits *limits; // lives as long as the connection
    void *owner;
    int64_t now_ms; // of the call that runs

    struct http2_stream *buckets[HTTP2_BUCKETS];
    struct list_node ready[HTTP2_URGENCIES]; // streams that have something to send
    struct list_node lingering;              // streams, see http2_linger(); the next one first
    struct list_node owing;                  // streams that owe a RST_STREAM or WINDOW_UPDATE
    uint32_t stream_count;
    uint32_t last_stream;              // the highest that the client has opened
    uint32_t final_stream;             // of the last GOAWAY; what is beyond is ignored
    uint64_t opened;                   // bit i: last_stream - 2 * i was opened
    uint32_t closed[HTTP2_CLOSED_MAX]; // how streams were closed: a ring
    uint8_t closed_next;

    struct { // PRIORITY_UPDATE for streams that are not open yet
        uint32_t stream;
        struct http2_priority priority;
    } updates[HTTP2_UPDATES_MAX];
    uint8_t updates_next;

    int32_t send_window, receive_window;
    uint32_t held, target; // as of a stream
    uint32_t peer_window, peer_frame_size;

    struct http2_reader reader;
    struct hpack_decoder decoder;
    struct hpack_encoder encoder;

    uint64_t received; // bytes, ever
    uint64_t useful;   // of these, and of what was sent, those of header blocks and data

    uint16_t spent[HTTP2_COST_COUNT];
    int64_t refilled_ms;
    int64_t started_ms, shutdown_ms;
    bool settings_came, settings_acked;
    bool client_leaves; // it has sent GOAWAY
    bool failed;        // `fault` says why
    bool said_failure;  // GOAWAY with it is in the output
    uint8_t end;        // an enum http2_end
    struct http2_fault fault;

    uint16_t output_size;
    uint8_t output[HTTP2_OUTPUT_SIZE];
};

// `fields` is scratch of the caller. Sets up `shared` and nothing else; nothing to free but its
// slab.
void http2_shared_init(struct http2_shared *shared, const struct http2_events *events,
                       struct http_fields *fields, char *text, size_t text_capacity);

void http2_init(struct http2_connection *connection, struct http2_shared *shared,
                const struct http2_limits *limits, void *owner, int64_t now_ms);
// Frees all streams, without events.
void http2_free(struct http2_connection *connection);

// --- receiving ---

// Reads bytes of the client. *used: how many were read; the others are to be given again.
//   OK      all of them
//   AGAIN   the output is full: call http2_output() first
//   ERROR   the connection has failed: connection->fault says why; nothing more is read
enum result http2_receive(struct http2_connection *connection, const uint8_t *bytes, size_t size,
                          size_t *used, int64_t now_ms) MUST_CHECK;

// Bytes of DATA have left: to a server, or into nothing. So many more may come. `size` is at most
// stream->held.
void http2_taken(struct http2_connection *connection, struct http2_stream *stream, uint32_t size);

// How much a client may send before it must wait, from now on: 1 to 2^31-1. NULL: on all streams
// together. A smaller target takes effect as bytes are taken.
void http2_set_target(struct http2_connection *connection, struct http2_stream *stream,
                      uint32_t target);

// --- sending ---

// Control frames that are due. Returns the bytes written; 0: none is due, or there is no room.
size_t http2_output(struct http2_connection *connection, uint8_t *output, size_t capacity);
bool http2_has_output(const struct http2_connection *connection);

void http2_want(struct http2_connection *connection, struct http2_stream *stream,
                enum http2_wants wants);
// The stream whose turn it is (http2/schedule.c); NULL: none can send.
struct http2_stream *http2_next(struct http2_connection *connection);

// How many bytes of DATA the stream may send in one frame now.
uint32_t http2_room(const struct http2_connection *connection, const struct http2_stream *stream);
// Writes the header of a DATA frame of `size` bytes, at most http2_room(), and ends its turn.
void http2_send_data(struct http2_connection *connection, struct http2_stream *stream,
                     uint32_t size, bool end, uint8_t header[FRAME_HEADER_SIZE]);
// Writes a head or trailers into [output, output + capacity). All control frames must be out
// before: see http2_has_output(). AGAIN: it might not fit, and nothing was written. ERROR: memory
// is short, and the connection has failed.
enum result http2_send_headers(struct http2_connection *connection, struct http2_stream *stream,
                               const struct hpack_field *fields, size_t count, bool end,
                               uint8_t *output, size_t capacity, size_t *size) MUST_CHECK;

// Ends a stream. A fault of the client (PROTOCOL_ERROR, FLOW_CONTROL_ERROR, ENHANCE_YOUR_CALM)
// costs it; the connection may then have failed.
void http2_reset(struct http2_connection *connection, struct http2_stream *stream,
                 enum http2_code code);

// After a complete response whose request is not: the owner forgets the stream; it has taken all
// that it got of the body. What the client still sends is dropped. If the client has not ended the
// stream limits->linger_ms later, it is reset with NO_ERROR (RFC 9113 8.1). Some clients lose a
// response whose stream is reset at once.
void http2_linger(struct http2_connection *connection, struct http2_stream *stream, int64_t now_ms);

// A Priority field of the server's response.
void http2_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                      struct slice value);

// --- ends ---

// Ends the connection in two steps (RFC 9113 6.8). The first is GOAWAY with the number 2^31-1, and
// a PING. When its ACK has come, or limits->shutdown_ms later, the second is GOAWAY with the last
// stream that is served; streams that the client opens after that are ignored.
void http2_shutdown(struct http2_connection *connection, int64_t now_ms);
// The last GOAWAY is out, and no stream is left.
bool http2_is_drained(const struct http2_connection *connection);

// When http2_tick() is to be called; INT64_MAX: never.
int64_t http2_deadline(const struct http2_connection *connection);
// ERROR: the client was too slow, the connection has failed.
enum result http2_tick(struct http2_connection *connection, int64_t now_ms) MUST_CHECK;

// Makes the connection small, if it has no streams.
void http2_rest(struct http2_connection *connection);

#endif
