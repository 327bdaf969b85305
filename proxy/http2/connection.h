// One HTTP/2 connection of a client (RFC 9113 3.4, 5 and 6, RFC 9218): converts received bytes to
// events, and requests of the owner to frames. This is the main header of http2/. No I/O, no
// allocation per frame. It uses neither sessions nor exchanges.
//
// How a session uses it:
//
//   begin     http2_init(), after ALPN has chosen h2. http2_output() then returns the SETTINGS
//             first.
//   receive   http2_receive() with the plaintext of each record, in place. It calls the events. A
//             DATA event points into those bytes: the exchange writes them to its server from
//             there, without a copy. The session copies bytes that the server does not take at once
//             into a buffer, which the window of the stream bounds. Call http2_taken() when bytes
//             were sent to the server or dropped.
//   requests  headers(): http2_request_read() (http2/request.h), then an exchange, an answer, or
//             http2_reset(). data(): http2_body_take(). end(): http2_body_may_end().
//   send      In rounds. First http2_output() into the send buffer. Then, while the buffer has
//             space: http2_next() returns the stream that has its turn, and the session lends the
//             send buffer to the exchange of this stream. The slots keep FRAME_HEADER_SIZE bytes
//             free behind the space for the record header. The exchange reads at most http2_room()
//             bytes from its server into the space behind, and http2_send_data() writes the frame
//             header in place. A head is a list of http2/response.h, written by
//             http2_send_headers(). http2_want() sets whether a stream has something to send.
//   wait      http2_deadline() is one more deadline of the session. Then call http2_tick().
//   idle      http2_rest(), when there was no stream for about a second.
//   end       http2_shutdown() for drain, reload, `requests-per-connection` and `idle-timeout`. The
//             session closes when http2_is_drained(). After RESULT_ERROR it sends the rest of
//             http2_output() and closes.
//
// Lifetime of a stream: from headers() until both sides have ended it, or one side has reset it.
// Its pointer is invalid after
//   - reset() has returned, or http2_reset() was called;
//   - the owner has sent its end, if the client's end came before;
//   - end() has returned, if the owner has sent its end before.
// An event may call every function here except http2_receive(), http2_tick() and http2_free().
//
// Bounds: struct http2_limits for the client, http2/hpack.h for the header tables. A header block
// is gathered on the heap only if it arrives in more than one piece. Control frames wait in a fixed
// array. When the array is full, http2_receive() stops until http2_output() is called. So a client
// that does not read cannot make memory grow. After http2_rest(), a connection that has served
// requests of a browser takes at most HTTP2_IDLE_MAX bytes with its tables (1.5 KiB in
// tests/unit/test_http2_connection.c).
#ifndef RAVELIN_HTTP2_CONNECTION_H
#define RAVELIN_HTTP2_CONNECTION_H

#include "base/buffer.h"
#include "base/list.h"
#include "base/slab.h"
#include "http2/hpack.h"
#include "http2/limits.h"
#include "http2/priority.h"
#include "http2/request.h"

#define HTTP2_IDLE_MAX 2048

struct http2_connection;

// The kinds of output that a stream has.
enum http2_wants {
    HTTP2_WANTS_NOTHING,
    HTTP2_WANTS_DATA,  // bytes of a body, which need a window
    HTTP2_WANTS_FRAME, // needs no window: a head, trailers, an empty DATA frame with the end
};

struct http2_stream {
    struct http2_stream *next; // next stream in the same bucket
    struct list_node ready;    // in connection->ready
    struct list_node owing;    // in connection->owing
    struct list_node linger;   // in connection->lingering
    void *owner;               // object of the connection's owner, which sets it; NULL at first
    uint32_t id;
    int32_t send_window;    // negative after the client reduced it
    int32_t receive_window; // negative after Ravelin reduced it
    uint32_t held;          // bytes of DATA that were received and not taken
    uint32_t target;        // intended sum of receive_window and held
    uint32_t reset_code;    // an enum http2_code, if `resets`
    struct http2_priority priority;
    struct http2_body body; // what the client must still send; the owner sets it in headers()
    uint8_t wants;          // an enum http2_wants
    bool remote_ended, local_ended;
    bool resets;      // RST_STREAM is not sent yet; the owner does not use the stream any more
    int64_t reset_ms; // while it lingers: time of its reset
};

// Events. `owner` is the owner of the connection. No event may be NULL.
struct http2_events {
    // The header section of a new stream, as hpack_decode() returned it. It is valid during the
    // call. Reset the stream of a malformed section with PROTOCOL_ERROR. Respond with 431 to one
    // that is too large. `end`: no body follows.
    void (*headers)(void *owner, struct http2_stream *stream, struct hpack_section *section,
                    bool end);
    // The trailers. end() follows. stream->owner may be NULL: see http2_linger().
    void (*trailers)(void *owner, struct http2_stream *stream, struct hpack_section *section);
    // At least one byte of the body.
    void (*data)(void *owner, struct http2_stream *stream, struct slice data);
    // The client has ended the stream.
    void (*end)(void *owner, struct http2_stream *stream);
    // The client has reset the stream (`why` is NULL), or Ravelin resets it because of a fault of
    // the client. The owner must not use the stream any more. Its response may be unfinished.
    void (*reset)(void *owner, struct http2_stream *stream, enum http2_code code, const char *why);
};

// The state that all connections of a worker share.
struct http2_shared {
    const struct http2_events *events;
    struct slab streams;        // of struct http2_stream
    struct hpack_memory memory; // of all header tables
    struct http_fields *fields; // scratch of header sections; its capacity limits their fields
    char *text;                 // scratch, twice the largest limits->header_list_size
    size_t text_capacity;
};

#define HTTP2_BUCKETS 16
#define HTTP2_CLOSED_MAX 32
#define HTTP2_OUTPUT_SIZE 256
#define HTTP2_UPDATES_MAX 4
#define HTTP2_GATHER_SIZE 64

// The state of the frame reader. Private to http2/.
struct http2_reader {
    struct frame_header header;
    struct frame_layout layout;
    uint32_t left;            // bytes of the content, or of the padding, to come
    uint8_t state;            // an enum reader_state
    uint8_t have;             // bytes in `gathered`
    uint8_t purpose;          // of a header block: an enum block_purpose
    bool skips;               // the rest of the frame is ignored
    uint32_t block;           // stream whose header block is incomplete; 0: none
    bool block_ends;          // the HEADERS frame has END_STREAM
    uint32_t fragments;       // frames of the header block so far
    int64_t block_ms;         // when the header block began
    struct buffer parts;      // gathered parts of the header block
    struct http2_fault fault; // fault of the block's stream, reported after the block was decoded
    uint8_t gathered[HTTP2_GATHER_SIZE];
    struct { // values of a SETTINGS frame, applied at its end
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
    int64_t now_ms; // time of the present call

    struct http2_stream *buckets[HTTP2_BUCKETS];
    struct list_node ready[HTTP2_URGENCIES]; // streams that have something to send
    struct list_node lingering; // streams in http2_linger(), in the order of their deadline
    struct list_node owing;     // streams with an unsent RST_STREAM or WINDOW_UPDATE
    uint32_t stream_count;
    uint16_t streams_of[HTTP2_URGENCIES]; // number of streams of each urgency
    uint32_t last_stream;                 // highest number that the client has opened
    uint32_t final_stream;                // of the last GOAWAY; higher streams are ignored
    uint64_t opened;                      // bit i: last_stream - 2 * i was opened
    uint32_t closed[HTTP2_CLOSED_MAX]; // ring of the last closed streams, and how they were closed
    uint8_t closed_next;

    struct { // PRIORITY_UPDATE frames for streams that are not open yet
        uint32_t stream;
        struct http2_priority priority;
    } updates[HTTP2_UPDATES_MAX];
    uint8_t updates_next;

    int32_t send_window, receive_window;
    uint32_t held, target; // as in struct http2_stream
    uint32_t peer_window, peer_frame_size;

    struct http2_reader reader;
    struct hpack_decoder decoder;
    struct hpack_encoder encoder;

    uint64_t received; // bytes received so far
    uint64_t useful;   // of these and of sent bytes: bytes of header blocks and data
    // Bytes of DATA that the client may still send on streams that Ravelin has reset, because they
    // were granted before. At most the window of the connection.
    uint32_t granted;

    uint16_t spent[HTTP2_COST_COUNT];
    int64_t refilled_ms;
    int64_t started_ms, shutdown_ms;
    bool settings_came, settings_acked;
    bool knows_urgency; // streams with different urgency were seen
    bool failed;        // `fault` has the reason
    bool said_failure;  // the output has the GOAWAY for it
    uint8_t end;        // an enum http2_end
    struct http2_fault fault;

    uint16_t output_size;
    uint8_t output[HTTP2_OUTPUT_SIZE];
};

// Initialises `shared`. `fields` is scratch of the caller. Only the slab needs to be freed.
void http2_shared_init(struct http2_shared *shared, const struct http2_events *events,
                       struct http_fields *fields, char *text, size_t text_capacity);

void http2_init(struct http2_connection *connection, struct http2_shared *shared,
                const struct http2_limits *limits, void *owner, int64_t now_ms);
// Frees all streams, without calling events.
void http2_free(struct http2_connection *connection);

// --- receiving ---

// Reads bytes of the client.
//   used    out: bytes that were read; pass the others again
//   OK      all bytes were read
//   AGAIN   the output is full: call http2_output() first
//   ERROR   the connection has failed: see connection->fault. No more bytes are read
enum result http2_receive(struct http2_connection *connection, const uint8_t *bytes, size_t size,
                          size_t *used, int64_t now_ms) MUST_CHECK;

// Call it when `size` bytes of DATA were sent to a server or dropped. The client may then send as
// many more. `size` is at most stream->held.
void http2_taken(struct http2_connection *connection, struct http2_stream *stream, uint32_t size);

// Sets the bytes that a client may send before it must wait: 1 to 2^31-1. `stream` NULL: limit of
// all streams together. A smaller target takes effect as bytes are taken.
void http2_set_target(struct http2_connection *connection, struct http2_stream *stream,
                      uint32_t target);

// --- sending ---

// Writes pending control frames. Returns the bytes written; 0: none is pending, or no space.
size_t http2_output(struct http2_connection *connection, uint8_t *output, size_t capacity);
bool http2_has_output(const struct http2_connection *connection);

void http2_want(struct http2_connection *connection, struct http2_stream *stream,
                enum http2_wants wants);
// Returns the stream that has its turn (http2/schedule.c). NULL: no stream can send.
struct http2_stream *http2_next(struct http2_connection *connection);
// Whether no open stream is more urgent than this one. Streams with nothing to send count, too.
bool http2_is_most_urgent(const struct http2_connection *connection,
                          const struct http2_stream *stream);

// Bytes of DATA that the stream may send in one frame now.
uint32_t http2_room(const struct http2_connection *connection, const struct http2_stream *stream);
// Writes the header of a DATA frame of `size` bytes, at most http2_room(), and ends the stream's
// turn.
void http2_send_data(struct http2_connection *connection, struct http2_stream *stream,
                     uint32_t size, bool end, uint8_t header[FRAME_HEADER_SIZE]);
// Writes a head or trailers into [output, output + capacity). All control frames must have been
// written before: see http2_has_output(). AGAIN: it might not fit; nothing was written. ERROR:
// memory is short; the connection has failed.
enum result http2_send_headers(struct http2_connection *connection, struct http2_stream *stream,
                               const struct hpack_field *fields, size_t count, bool end,
                               uint8_t *output, size_t capacity, size_t *size) MUST_CHECK;

// Ends a stream with RST_STREAM. A fault of the client (PROTOCOL_ERROR, FLOW_CONTROL_ERROR,
// ENHANCE_YOUR_CALM) is charged to its budget. The connection may then have failed.
void http2_reset(struct http2_connection *connection, struct http2_stream *stream,
                 enum http2_code code);

// Call it after a complete response, if the request is not complete. The owner must have taken all
// bytes of the body, and does not use the stream any more. What the client still sends is dropped.
// A body that differs from stream->body resets the stream with PROTOCOL_ERROR. trailers() must do
// the same for malformed trailers.
// If the client has not ended the stream after limits->linger_ms, it is reset with NO_ERROR (RFC
// 9113 8.1). The reset waits because some clients lose a response whose stream is reset at once.
void http2_linger(struct http2_connection *connection, struct http2_stream *stream, int64_t now_ms);

// Applies the Priority field of the server's response.
void http2_prioritize(struct http2_connection *connection, struct http2_stream *stream,
                      struct slice value);

// --- ends ---

// Ends the connection in two steps (RFC 9113 6.8). The first step is GOAWAY with the number 2^31-1,
// and a PING. The second step follows after the ACK of the PING, or after limits->shutdown_ms:
// GOAWAY with the last stream that is served. Later streams of the client are ignored.
void http2_shutdown(struct http2_connection *connection, int64_t now_ms);
// Whether the last GOAWAY was written and no stream is left.
bool http2_is_drained(const struct http2_connection *connection);

// Time of the next http2_tick(); INT64_MAX: none.
int64_t http2_deadline(const struct http2_connection *connection);
// Handles expired deadlines. ERROR: the client was too slow; the connection has failed.
enum result http2_tick(struct http2_connection *connection, int64_t now_ms) MUST_CHECK;

// Frees memory of the connection, if it has no streams.
void http2_rest(struct http2_connection *connection);

#endif
