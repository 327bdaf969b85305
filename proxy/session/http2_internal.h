// The connection and the sides of HTTP/2, for these files:
//   http2.c           the phase of the session
//   http2_side.c      a side from its beginning to its end
//   http2_requests.c  header lists of the client become requests
//   http2_body.c      request bodies
//   http2_windows.c   window sizes: how many bytes a client may send ahead of the server
//   http2_output.c    the send buffer, and the order in which sides use it
//   http2_response.c  the verbs of a response
//
// A side is the client's side of one exchange: a stream of exchange/stream.h over a stream of
// http2/connection.h.
//
// Request bodies. DATA is named as runs in the ring, where it was opened. At the end of a step,
// bytes that the server has not taken are copied to memory of the side. The window of the stream
// bounds this memory. So a slow server does not delay the other streams.
//
// Responses. The send buffer is lent to one side at a time, in the order of http2/schedule.c.
// During the turn of a side, its exchange reads from its server into the slots and names the bytes
// that are body. The frame header is written before these bytes. One slot can hold several small
// responses. Frames are sealed when the buffer is full, or at the end of a step. If the window of a
// side is shut, bytes that the side has read are copied out of the buffer (`aside`).
//
// Urgent responses. Between two turns of the event loop, the session learns that a request or a
// response has arrived. If the client sends priorities, a turn therefore ends after one buffer. It
// ends after one record while a more urgent request is open that arrived a short time ago. Turns of
// other clients are longer, because longer turns need less CPU time.
//
// Invariants: frames are written only while no sealed byte is unsent. At the end of a step, all
// written bytes are sealed. Only one side has unread bytes in the send buffer: http2->lent.
#ifndef RAVELIN_SESSION_HTTP2_INTERNAL_H
#define RAVELIN_SESSION_HTTP2_INTERNAL_H

#include "exchange/exchange.h"
#include "http2/connection.h"
#include "http2/request.h"
#include "session/bulk.h"
#include "session/http2.h"

// One less than the exchange can take at once, because it may also be given a copied run.
#define SIDE_RUNS_MAX (STREAM_RUNS_MAX - 1)

// Time without activity after which a connection is cold and its memory is made small.
#define HTTP2_COOLING_MS 1000

// Bytes that are sent before all others: the rest of a header block that did not fit in the buffer.
struct http2_backlog {
    size_t size;
    size_t sent;
    uint8_t data[];
};

// A response that Ravelin generated and that waits for the side's turn.
struct side_answer {
    uint16_t status;
    size_t fields_size;
    size_t type_size;  // of the media type; 0: the small page
    size_t whole_size; // bytes of the page; a response to HEAD has the size, not the page
    size_t page_size;
    size_t page_sent;
    char text[]; // the fields, the type, then the page
};

// Unread bytes of a server that were copied out of the send buffer.
struct side_aside {
    struct room room; // its first part contains all bytes
    uint8_t data[];
};

struct http2 {
    struct http2_connection connection;
    struct http2_limits limits; // of this connection; they never change
    uint32_t target_size;
    uint32_t stalled_max; // largest number of stalled sides
    uint32_t stalled;     // number of stalled sides
    uint32_t extra;       // window bytes of all sides beyond limits.stream_window
    uint32_t growth_max;  // limit of `grown`
    uint32_t grown; // bytes by which the connection window is larger than limits.connection_window
    struct session *session;
    struct list_node sides;
    struct list_node ready; // sides that can be advanced
    // Sides that wait for their turn, and whose watchers are not set yet. Empty between steps.
    struct list_node awaiting;
    struct list_node fresh;  // sides with runs in the ring
    struct http2_side *turn; // the side that may use the send buffer now
    // the side that has unread bytes in the send buffer, also between turns
    struct http2_side *lent;
    uint32_t steps_left; // for the exchange that is advanced now
    uint32_t slot;       // slot in which the next frame is written
    uint8_t *end;        // end of the written bytes in this slot; NULL: the buffer is empty
    struct http2_backlog *backlog; // NULL: none
    uint32_t requests;             // requests on this connection so far
    int64_t quiet_ms;              // since when there is no side
    int64_t asked_ms;              // time of the last request
    uint64_t sent_before;          // transport.sent at the beginning of the step
    bool expired;                  // the time limit of a drain has expired
    bool end_noted;        // the client sends nothing more, and the sides have been informed
    bool rested;           // memory was made small since the last activity
    struct pace pace;      // rate of a client that does not take sealed bytes
    int64_t trip_us;       // round trip to the client; 0: unknown
    int64_t trip_noted_us; // when trip_us was read; 0: never
    struct bulk bulk;      // of all request bodies
    bool limits_unsent;    // the kernel accepts few bytes beyond those that it can send at once
};

struct http2_side {
    struct stream stream;
    struct session *session;
    struct exchange *exchange; // NULL while it is being made
    struct http2_stream *wire; // NULL: both ends have closed the stream, or it was reset
    struct list_node node;     // in http2->sides
    struct list_node ready;    // in http2->ready, http2->awaiting, or in no list
    struct list_node fresh;    // in http2->fresh, or in no list
    struct wheel_node due;
    int64_t deadline_ms;
    int64_t closed_ms;    // since when the send window is shut; 0: open
    uint64_t closed_sent; // bytes that had been sent at closed_ms
    bool stalled;         // this side is counted in http2->stalled

    // request
    bool is_head;
    bool whole;      // the client has sent the whole request
    bool stopped;    // the exchange wants no more of the body
    bool runs_given; // the exchange was given the runs
    bool holds_last; // `last` is the last byte of the body, and the stream has not ended
    char last;
    const char *last_at; // place of `last` in the ring; valid until the end of the step
    uint32_t run_count;
    uint32_t extra;        // window bytes beyond limits.stream_window
    uint32_t round_taken;  // bytes that the server has taken since round_us
    int64_t round_us;      // beginning of the present measurement
    size_t given;          // bytes that the exchange was given, without credit for the client yet
    struct buffer waiting; // copied bytes that the exchange was not given yet
    uint8_t *copy;         // copied bytes that the exchange was given; NULL: none
    char *trailers;        // trailer section as in HTTP/1; NULL: none
    size_t trailers_size;

    // response
    bool head_sent;      // the final response head was sent
    bool end_due;        // END_STREAM is not sent yet; it follows `ending`
    bool shut;           // the send window had no space for bytes that were read
    uint8_t *frame;      // header of the unfinished DATA frame; NULL: none
    uint32_t frame_size; // payload bytes of the unfinished DATA frame
    struct side_answer *answer;
    struct side_aside *aside;
    char *ending; // trailers of the response as in HTTP/1; NULL: none
    size_t ending_size;

    struct iovec runs[SIDE_RUNS_MAX]; // runs in the ring
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

// Makes a side for a new stream. NULL: no memory.
struct http2_side *http2_new_side(struct http2 *http2, struct http2_stream *wire);
// Has the session advanced later in this turn of the loop.
void http2_advance_later(struct session *session);
// Marks a side that can be advanced. It is advanced in this step, or in a later step of this turn
// of the loop.
void side_make_ready(struct http2_side *side);
// Advances the exchange of the side, which may end the exchange. False: the side is freed.
bool side_advance(struct http2_side *side);
// Adds a side to http2->awaiting, if its exchange can do nothing before its turn. False:
// side_advance() must be called. Saves that call if several responses arrive at once.
bool side_awaits_turn(struct http2_side *side);
// Sets the watchers and the deadlines of the sides in http2->awaiting, and empties the list.
void http2_arm_awaiting(struct http2 *http2);
// Finishes the exchange. `why` is the reason for the log, if no reason is known yet; NULL: no
// reason.
void side_end_exchange(struct http2_side *side, const char *why);
// Ends the exchange before it is complete, resets the stream and frees the side.
void side_cut(struct http2_side *side, enum http2_code code, const char *why);
// Frees a side whose exchange has ended.
void side_free(struct http2_side *side);

// --- http2_body.c ---

enum result side_body(struct stream *stream, struct stream_body *body);
void side_taken(struct stream *stream);
void side_stop(struct stream *stream, bool drop);
// Adds received DATA. Of a body with Content-Length the last byte is held until side_add_last(), so
// that a server receives a whole request only if the client has sent a whole, well-formed one. May
// end the side.
void side_add_data(struct http2_side *side, struct slice data);
// Call it when the client has ended the stream. May end the side.
void side_add_last(struct http2_side *side);
// Copies the bytes of the runs in the ring that the server has not taken. False: no memory.
bool side_keep_runs(struct http2_side *side);
// Gives the client credit for the bytes that the server has taken.
void side_give_credit(struct http2_side *side);
// Advances all sides with runs, and copies the bytes that their servers do not take.
void http2_finish_runs(struct http2 *http2);
// The largest number of bytes that may arrive now for one of the request bodies.
uint64_t http2_expected(const struct http2 *http2);
void side_free_body(struct http2_side *side);

// --- http2_windows.c ---

// Notes that the server has taken `taken` more bytes. `all`: no byte of the body waits for the
// server.
void side_note_taken(struct http2_side *side, size_t taken, bool all);
// Call it if the server has not taken all received bytes. Makes the window smaller.
void side_shrink_window(struct http2_side *side);
// Gives back the part of the window beyond that of a new stream.
void side_free_window(struct http2_side *side);

// --- http2_output.c ---

// Prepares the send buffer, so that frames can be written. RESULT_AGAIN: the client does not accept
// more now. RESULT_ERROR: no memory, or the connection broke.
enum result http2_begin_output(struct http2 *http2) MUST_CHECK;
// Seals and sends the written bytes. Results as of transport_flush().
enum result http2_send(struct http2 *http2) MUST_CHECK;
// Gives sides their turns, while there are bytes to send and the client accepts them, up to the
// limit of a step. Results as of http2_begin_output().
enum result http2_take_turns(struct http2 *http2) MUST_CHECK;
// Whether the side may use the send buffer now: it is the side's turn, or the side needs no turn.
bool side_has_turn(struct http2_side *side);
// Whether the response to a more urgent request may arrive soon. The side must have a stream.
bool side_makes_way(const struct http2_side *side);
// Whether the side must not add bytes in this step, because of the bytes written before.
bool side_step_is_over(const struct http2_side *side);
// Ends the turn of the side, if it has the turn. A side with unread bytes keeps the send buffer
// lent.
void side_end_turn(struct http2_side *side);
// Delays flush(), for the reason `why`.
void side_hold(struct http2_side *side, enum stream_hold why);
// Sets in the connection whether the side has bytes to send.
void side_tell_wants(struct http2_side *side);
// Returns space for `size` bytes behind the written bytes in the slot. NULL: no space.
// http2_wrote() makes the bytes output.
uint8_t *http2_place(struct http2 *http2, size_t size);
void http2_wrote(struct http2 *http2, uint32_t slot, uint8_t *data, size_t size);
// Writes bytes wherever there is space, and keeps the rest as backlog. False: no memory.
bool http2_write(struct http2 *http2, const uint8_t *bytes, size_t size);
// Discards the unread bytes of the side in the send buffer, if there are any.
void side_forget_unread(struct http2_side *side);
// Copies the unread bytes of the side out of the send buffer. False: no memory.
bool side_set_aside(struct http2_side *side);
// Writes the control frames that were kept back while the send buffer was lent to the side. Call it
// before a header block, which must follow them. All bytes of the room may be overwritten: unread
// ones are copied. False: no memory, or the connection broke.
bool side_write_kept_back(struct http2_side *side);
// Copies the bytes of side_set_aside() back into the send buffer, which must be empty.
void side_bring_back(struct http2_side *side);
// Bytes of DATA that the windows of stream and connection allow.
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
// Ends the unfinished DATA frame.
void side_finish_frame(struct http2_side *side, bool end);
void side_free_response(struct http2_side *side);

#endif
