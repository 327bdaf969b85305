// An exchange: one request of a client and its response.
//
// It begins with a whole request head and ends when the response (or an answer of our own) has been
// sent or the stream is cut. It holds its generation, its route and, once needed, one lease. It
// does not know how the client's bytes travel: see exchange/stream.h.
//
// exchange_advance() decides; exchange_request() and exchange_respond() move the bytes of the two
// directions. Both directions run at the same time, each bounded by its own buffer: a full one
// stops reading the other side.
#ifndef RAVELIN_EXCHANGE_EXCHANGE_H
#define RAVELIN_EXCHANGE_EXCHANGE_H

#include "base/result.h"
#include "base/slice.h"
#include "exchange/account.h"
#include "exchange/answer.h"
#include "exchange/attempt.h"
#include "exchange/kept_body.h"
#include "exchange/pace.h"
#include "exchange/rules.h"
#include "exchange/stream.h"
#include "exchange/trailers.h"
#include "http/chunk.h"
#include "http/parse.h"

struct head_buffer;
struct request_write;

enum request_state {
    REQUEST_HEAD,     // nothing is on its way to the server yet
    REQUEST_BODY,     // more is to come from the stream
    REQUEST_LAST,     // the last of it is on its way
    REQUEST_DONE,     // all of it is written; of a tunnel: the client has ended
    REQUEST_TUNNEL,   // after a 101, or from the beginning
    REQUEST_GIVEN_UP, // the server does not get all of it; see exchange_give_up_request()
};

enum response_state {
    RESPONSE_HEAD, // none of the final head has arrived whole
    RESPONSE_BODY,
    RESPONSE_FINAL,   // the body is complete, the stream does not know it yet
    RESPONSE_ENDED,   // of a tunnel: the stream knows it, and the client may still send
    RESPONSE_SENDING, // everything is with the stream
    RESPONSE_DONE,
};

struct exchange {
    struct stream *stream;
    struct shared *shared;
    struct generation *generation; // held
    struct choice choice;          // of the rules
    struct attempt attempt;
    struct answer answer; // of a part that refuses; see exchange_refuse()

    // request
    enum request_state request_state;
    enum http_framing request_framing; // toward the server
    struct request_write *write;       // what the server has not taken yet; NULL: nothing
    char *head;                        // the encoded one, in memory of the account
    size_t head_size;
    char *request_trailers; // the encoded section, when there is one
    size_t request_trailers_size;
    struct kept_body kept; // of the body, to be sent again
    bool kept_is_whole;    // the body has ended
    bool write_failed;     // nothing more is written; what the server said is read
    bool is_head;
    bool accepts_json;    // and no HTML; of a request that is not forwarded
    bool body_in_doubt;   // the server may not have taken the body for one: see struct http_request
    bool awaits_continue; // Expect: 100-continue was passed on, and the server has not said 100

    // response
    enum response_state response_state;
    enum http_framing response_framing;
    bool server_keep_alive;
    bool response_started; // the final head is on its way to the client
    bool response_is_bad;  // and nothing of it is: the answer is for if it cannot be repeated
    uint64_t response_left;
    struct chunk_decoder response_decoder;
    struct trailers response_trailers;
    struct room *room; // with unread bytes of the server in it; NULL: there are none
    struct head_buffer *gathered_head; // where heads are gathered since one was not whole at once
    size_t head_scanned;
    struct http_part head_part; // what has been looked at of an incomplete head
    uint32_t interim_count;

    int64_t active_ms; // last progress
    struct pace pace;  // of the client
    struct account account;
};

// The slabs of `shared` that exchanges come from. None of it may be in use when they are freed.
void exchange_slabs_init(struct shared *shared);
void exchange_slabs_trim(struct shared *shared); // gives back what has not been used for long
void exchange_slabs_free(struct shared *shared);

// Begins with a whole head of `head_size` bytes, whose first byte came at `head_since_ms` (0: all
// at once). The request may be changed, and is not needed afterwards. NULL when memory is short.
struct exchange *exchange_new(struct stream *stream, struct shared *shared,
                              struct http_request *request, size_t head_size,
                              int64_t head_since_ms);

// A tunnel without a head: all bytes of the client go to a server of `backend`, and the server's to
// the client, until both have ended. `generation` is that of the backend; `site` is for the log.
// When no server can be asked there is no response: exchange_advance() returns RESULT_ERROR. NULL
// when memory is short.
struct exchange *exchange_new_tunnel(struct stream *stream, struct shared *shared,
                                     struct generation *generation, const struct config_site *site,
                                     const struct config_backend *backend);

// A request whose head was refused, or never became whole.
struct refused_request {
    struct slice bytes; // of the head, as far as they came
    bool is_head;       // the method was HEAD
    uint16_t status;
    const char *why; // static
};
struct exchange *exchange_new_refused(struct stream *stream, struct shared *shared,
                                      const struct refused_request *refused, int64_t head_since_ms);

// Does all that can be done. RESULT_AGAIN: waits. RESULT_OK: complete, the connection may go on if
// stream->keep_alive. RESULT_ERROR: the stream must be cut.
enum result exchange_advance(struct exchange *exchange) MUST_CHECK;
// When nothing more can be done now: notes who is waited for and sets exactly the lease's watchers
// that are needed.
void exchange_arm(struct exchange *exchange);
// When the side that is waited for must have done something. For after exchange_arm().
int64_t exchange_deadline(const struct exchange *exchange);
// The deadline passed: tries another server, or answers 408, 503 or 504 when nothing was sent yet.
// RESULT_ERROR: the stream must be cut.
enum result exchange_timed_out(struct exchange *exchange) MUST_CHECK;
// The time of a drain is over: answers 503 if nothing was sent yet. RESULT_EOF: it is a tunnel, and
// the stream must be ended. RESULT_ERROR: the stream must be cut.
enum result exchange_expire(struct exchange *exchange) MUST_CHECK;
// Writes the access log line, lets the lease go, frees.
void exchange_finish(struct exchange *exchange);

// --- for streams whose bytes cannot stay where they are ---

// How many bytes of those that body() gave last the server has not taken.
size_t exchange_unwritten(const struct exchange *exchange);
// Copies these bytes to `to`, where they are until taken() or stop().
void exchange_move_unwritten(struct exchange *exchange, uint8_t *to);
// The bytes of the server that are unread, in their order; the stream may take back the room that
// they are in when it has copied them to this one. It must be at its beginning again before any of
// them can be named.
static inline void exchange_move_unread(struct exchange *exchange, struct room *room) {
    exchange->room = exchange->room == NULL ? NULL : room;
}

#endif
