// What the files of HTTP/2 know of each other: http2.c (the phase), http2_side.c (a stream from its
// beginning to its end), http2_requests.c (what a client sends becomes requests), http2_body.c
// (their bodies), http2_output.c (the send buffer and whose turn it is), http2_response.c (the
// verbs of a response).
//
// A side is the client's side of one exchange: a stream of exchange/stream.h over a stream of
// http2/connection.h.
//
// Request bodies. DATA is named as runs where it was opened. They are in the ring only until the
// end of a step: what the server has not taken by then is copied to memory of the side. The window
// of the stream bounds that memory. So a slow server does not hold up the other streams.
//
// Responses. The send buffer is lent to one side at a time, in the order of http2/schedule.c. While
// it is a side's turn, its exchange reads from its server into the slots and names what is body.
// The header of the frame is written before it. Several small responses lie behind each other in a
// slot. Frames are sealed when the buffer is full, or at the end of a step. What a side has read
// and may not send, because its window is shut, is copied aside.
//
// Invariants: frames are written only while nothing that is sealed is unsent. When a step ends,
// everything that was written is sealed. Only the bytes of one side are unread in the send buffer,
// and it is then http2->lent.
#ifndef RAVELIN_SESSION_HTTP2_INTERNAL_H
#define RAVELIN_SESSION_HTTP2_INTERNAL_H

#include "exchange/exchange.h"
#include "http2/connection.h"
#include "http2/request.h"
#include "session/http2.h"

// One less than an exchange takes at once: it may also be given what was copied before.
#define SIDE_RUNS_MAX (STREAM_RUNS_MAX - 1)

// Of silence, after which a connection is cold, and made small.
#define HTTP2_COOLING_MS 1000

// Bytes that go out before anything else: the rest of a header block that the buffer had no room
// for.
struct http2_backlog {
    size_t size;
    size_t sent;
    uint8_t data[];
};

// A response of Ravelin itself that waits for its turn.
struct side_answer {
    uint16_t status;
    size_t fields_size;
    size_t type_size;  // of the media type; 0: the small page
    size_t whole_size; // of the page, which a response to HEAD does not have
    size_t page_size;
    size_t page_sent;
    char text[]; // the fields, the type, then the page
};

// Unread bytes of a server that were copied out of the send buffer.
struct side_aside {
    struct room room; // its first part is all of it
    uint8_t data[];
};

struct http2 {
    struct http2_connection connection;
    struct http2_limits limits; // of this connection, for its life
    uint32_t target_size;
    uint32_t stalled_max; // sides that may be stalled at a time
    uint32_t stalled;     // sides that are
    uint32_t extra;       // of all sides, at most half of limits.connection_window
    struct session *session;
    struct list_node sides;
    struct list_node ready;        // sides of which something may go on
    struct list_node fresh;        // sides with runs in the ring
    struct http2_side *turn;       // has the send buffer now
    struct http2_side *lent;       // has unread bytes in it, between turns too
    uint32_t steps_left;           // of the exchange that is advanced
    uint32_t slot;                 // where the next frame is written: in this slot,
    uint8_t *end;                  // here, behind what was written; NULL: the buffer is empty
    struct http2_backlog *backlog; // NULL: none
    uint32_t requests;             // ever
    int64_t quiet_ms;              // since when there is no side
    bool expired;                  // the time of a drain was over once
    bool end_noted;                // the client sends nothing more, and the sides know it
    bool rested;                   // the connection was made small since
    struct pace pace;              // of a client that does not take what is sealed
};

struct http2_side {
    struct stream stream;
    struct session *session;
    struct exchange *exchange; // NULL while it is being made
    struct http2_stream *wire; // NULL: both ends have ended, or it was reset
    struct list_node node;     // in http2->sides
    struct list_node ready;    // in http2->ready, or in no list
    struct list_node fresh;    // in http2->fresh, or in no list
    struct wheel_node due;
    int64_t deadline_ms;
    int64_t closed_ms;    // since when its window is shut; 0: it is not
    uint64_t closed_sent; // what had been sent then
    bool stalled;         // counted in http2->stalled

    // request
    struct http2_body length; // Content-Length against DATA
    bool websocket;
    bool is_head;
    bool whole;   // the client has sent all
    bool stopped; // the exchange wants no more
    bool runs_given;
    uint32_t run_count;
    uint32_t extra;        // of its window, beyond limits.stream_window
    size_t given;          // bytes that the exchange has been given and the client no credit for
    struct buffer waiting; // copied, and not given yet
    uint8_t *copy;         // copied, and given; NULL: none
    char *trailers;        // a section as HTTP/1 writes it; NULL: none
    size_t trailers_size;

    // response
    bool head_sent; // the final one
    bool end_due;   // END_STREAM, behind `ending`
    bool shut;      // the window did not allow what was read
    uint8_t *frame; // the header of the DATA frame that is being made; NULL: none is
    uint32_t frame_size;
    struct side_answer *answer;
    struct side_aside *aside;
    char *ending; // trailers of the response, as HTTP/1 writes them; NULL: none
    size_t ending_size;

    struct iovec runs[SIDE_RUNS_MAX]; // in the ring
};

extern const struct http2_events http2_session_events;
extern const struct stream_verbs side_verbs;

static inline struct http2_side *side_of(struct stream *stream) {
    return LIST_ENTRY(stream, struct http2_side, stream);
}

static inline struct http2 *http2_of(const struct http2_side *side) {
    return side->session->http2;
}

static inline struct send_buffer *buffer_of(const struct http2 *http2) {
    return http2->session->transport.send;
}

// --- http2_side.c ---

// A side for a new stream. NULL: no memory.
struct http2_side *http2_new_side(struct http2 *http2, struct http2_stream *wire);
// The session is advanced in this turn of the loop.
void http2_advance_later(struct session *session);
// Something of the side may go on: it is advanced in this step, or in one of this turn of the loop.
void side_make_ready(struct http2_side *side);
// Advances its exchange, which may be its end. False: the side is freed.
bool side_advance(struct http2_side *side);
// Finishes the exchange; `why` (NULL: no reason) is what the log tells, unless it is known already.
void side_end_exchange(struct http2_side *side, const char *why);
// Ends the exchange before it is complete, resets the stream and frees the side.
void side_cut(struct http2_side *side, enum http2_code code, const char *why);
// Frees a side whose exchange has ended.
void side_free(struct http2_side *side);

// --- http2_body.c ---

enum result side_body(struct stream *stream, struct stream_body *body);
void side_taken(struct stream *stream);
void side_stop(struct stream *stream, bool drop);
// Data of the client. It may end the side.
void side_add_run(struct http2_side *side, struct slice data);
// The runs in the ring are copied, as far as the server has not taken them. False: no memory.
bool side_keep_runs(struct http2_side *side);
// Gives the client credit for what the server has taken.
void side_give_credit(struct http2_side *side);
// Advances all sides with runs, and keeps what their servers do not take.
void http2_finish_runs(struct http2 *http2);
void side_free_body(struct http2_side *side);

// --- http2_output.c ---

// Makes it so that frames can be written. RESULT_AGAIN: the client takes no more now. RESULT_ERROR:
// no memory, or the connection broke.
enum result http2_begin_output(struct http2 *http2) MUST_CHECK;
// Seals what was written and sends it. Results as of transport_flush().
enum result http2_send(struct http2 *http2) MUST_CHECK;
// Lets sides have their turns, as long as there is something to send and the client takes it.
// Results as of http2_begin_output().
enum result http2_take_turns(struct http2 *http2) MUST_CHECK;
// Whether the side has its turn now: it was given, or it needs nobody's.
bool side_has_turn(struct http2_side *side);
// Its turn is over, if it was its turn; it keeps the send buffer if it has unread bytes there.
void side_end_turn(struct http2_side *side);
// flush() is due, for this reason.
void side_hold(struct http2_side *side, enum stream_hold why);
// Says to the connection whether the side has something to send.
void side_tell_wants(struct http2_side *side);
// Room in the slot behind what was written: a place of `size` bytes; NULL: there is none. It
// becomes output with http2_wrote().
uint8_t *http2_place(struct http2 *http2, size_t size);
void http2_wrote(struct http2 *http2, uint32_t slot, uint8_t *data, size_t size);
// Writes bytes wherever there is room, and keeps the rest. False: no memory.
bool http2_write(struct http2 *http2, const uint8_t *bytes, size_t size);
// Forgets the side's unread bytes, if it has any in the send buffer.
void side_forget_unread(struct http2_side *side);
// Copies the side's unread bytes out of the send buffer. False: no memory.
bool side_set_aside(struct http2_side *side);
// The other way. The buffer must be empty.
void side_bring_back(struct http2_side *side);
// How many bytes of DATA the windows allow.
static inline int64_t side_window(const struct http2_side *side) {
    int64_t whole = http2_of(side)->connection.send_window;
    int64_t own = side->wire == NULL ? 0 : side->wire->send_window;
    int64_t window = (own < whole ? own : whole) - side->frame_size;
    return window < 0 ? 0 : window;
}

// --- http2_response.c ---

struct room *side_room(struct stream *stream, size_t lead);
enum result side_head(struct stream *stream, const struct stream_head *head);
size_t side_fits(struct stream *stream, uint32_t part, const uint8_t *data, size_t size);
enum result side_data(struct stream *stream, uint32_t part, uint8_t *data, size_t size);
enum result side_end(struct stream *stream, const struct http_fields *trailers);
enum result side_answer(struct stream *stream, uint16_t status, struct slice fields,
                        const struct http_page *page, uint64_t *body_size);
enum result side_flush(struct stream *stream);
// Ends the DATA frame that is being made.
void side_finish_frame(struct http2_side *side, bool end);
void side_free_response(struct http2_side *side);

#endif
