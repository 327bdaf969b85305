// An exchange: one request of a client and its response.
//
// It begins with a complete request head. It ends when the response of a server or of Ravelin has
// been sent, or when the stream is cut. It holds its generation, its route and, when needed, one
// lease. It does not know the client's protocol: see exchange/stream.h.
//
// exchange_advance() decides what to do. exchange_request() and exchange_respond() move the bytes
// of the two directions. Both directions run at the same time. Each has a bounded buffer; while the
// buffer is full, nothing is read from its source.
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
struct verdict;

enum request_state {
    REQUEST_HEAD,     // nothing was sent to the server yet
    REQUEST_BODY,     // the stream has more of the body
    REQUEST_LAST,     // the last bytes are being written
    REQUEST_DONE,     // all bytes are written; in a tunnel: the client has ended
    REQUEST_TUNNEL,   // after a 101, or from the beginning
    REQUEST_GIVEN_UP, // the server does not get the whole request; see exchange_give_up_request()
};

enum response_state {
    RESPONSE_HEAD, // the final head is not complete
    RESPONSE_BODY,
    RESPONSE_FINAL,   // the body is complete, the stream was not informed yet
    RESPONSE_ENDED,   // in a tunnel: the stream was informed, and the client may still send
    RESPONSE_SENDING, // the stream has all bytes
    RESPONSE_DONE,
};

// The part of an exchange that only HTTP needs.
struct exchange_http {
    // request
    char *head;       // encoded head, in memory of the account, or grown_head
    char *grown_head; // encoded head with fields of a verdict; NULL: none
    size_t head_size;
    char *request_trailers; // encoded section; NULL: none
    size_t request_trailers_size;
    struct kept_body kept; // copy of the body, for another attempt
    bool kept_is_whole;    // `kept` has the whole body

    // response
    uint32_t interim_count;            // number of interim (1xx) heads
    struct head_buffer *gathered_head; // buffer for heads, used since one was incomplete
    size_t head_scanned;               // bytes of the head that were searched for its end
    struct http_part head_part;        // the part of an incomplete head that was parsed already
    char *added;                       // lines of verdicts for the response head; NULL: none
    size_t added_size;
    uint64_t response_left; // bytes of the body to come
    struct chunk_decoder response_decoder;
    struct trailers *response_trailers; // NULL: none of them has come
};

struct exchange {
    struct stream *stream;
    struct shared *shared;
    struct generation *generation; // reference
    struct exchange_http *http;    // NULL: plain TCP
    struct choice choice;          // decisions of the rules
    struct attempt attempt;
    struct answer answer; // of a part that refused; see exchange_refuse()
    // The exchange waits for it before a server is tried; NULL: none. See verdict.h.
    struct verdict *verdict;

    // request
    enum request_state request_state;
    enum http_framing request_framing; // to the server
    struct request_write *write;       // bytes that the server has not taken; NULL: none
    bool write_failed; // a write failed: no more is written, but the response is read
    bool is_head;
    bool is_subrequest; // Ravelin made the request: see exchange_new_subrequest()
    // The client accepts JSON and not HTML; set for requests that are not forwarded.
    bool accepts_json;
    bool body_in_doubt;   // the server may not read the body as one: see struct http_request
    bool awaits_continue; // Expect: 100-continue was forwarded, and the server has not sent 100

    // response
    enum response_state response_state;
    enum http_framing response_framing;
    bool server_keep_alive;
    bool response_started; // the final head was passed to the stream
    // The response was malformed and nothing of it was passed on: `answer` is sent if the request
    // cannot be repeated.
    bool response_is_bad;
    uint16_t left_status; // status of a response that was dropped to try another server; 0: none
    struct room *room;    // room with unread bytes of the server; NULL: no such bytes

    int64_t active_ms; // time of the last progress
    struct pace pace;  // lowest rate of the client
    struct account account;
};

// The slabs in `shared` for exchanges. When they are freed, no exchange may exist.
void exchange_slabs_init(struct shared *shared);
void exchange_slabs_trim(struct shared *shared); // frees memory that was not used for some time
void exchange_slabs_free(struct shared *shared);

// Begins an exchange with a complete head of `head_size` bytes, whose first byte arrived at
// `head_since_ms` (0: all arrived at once). May change the request, which is not needed afterwards.
// NULL: memory is short.
struct exchange *exchange_new(struct stream *stream, struct shared *shared,
                              struct http_request *request, size_t head_size,
                              int64_t head_since_ms);

// Begins a tunnel without a head: all bytes of the client go to a server of `backend` and back,
// until both ends have ended. If no server can be tried, there is no response: exchange_advance()
// returns RESULT_ERROR. NULL: memory is short.
//   generation  of the backend
//   site        for the log
struct exchange *exchange_new_tunnel(struct stream *stream, struct shared *shared,
                                     struct generation *generation, const struct config_site *site,
                                     const struct config_backend *backend);

// Begins a request of Ravelin on behalf of a client's request, for a verdict (exchange/verdict.h).
// It has no body and may be repeated. It is neither logged nor counted as a request. NULL: memory
// is short.
//   choice  all decisions of the rules, with `generation`
//   head    encoded, from malloc(); owned by the exchange unless NULL is returned
struct exchange *exchange_new_subrequest(struct stream *stream, struct generation *generation,
                                         const struct choice *choice, struct slice head);

// A request whose head was refused, or never complete.
struct refused_request {
    struct slice bytes; // the received part of the head
    bool is_head;       // the method was HEAD
    uint16_t status;
    const char *why; // static
};
struct exchange *exchange_new_refused(struct stream *stream, struct shared *shared,
                                      const struct refused_request *refused, int64_t head_since_ms);

// Does all that can be done now. RESULT_AGAIN: waits. RESULT_OK: complete; the connection may
// continue if stream->keep_alive. RESULT_ERROR: the stream must be cut.
enum result exchange_advance(struct exchange *exchange) MUST_CHECK;
// True: the server has sent bytes, and the exchange can do nothing before the stream has room for
// them. So exchange_advance() may be called later.
bool exchange_only_reads(const struct exchange *exchange);
// Call it when nothing more can be done now. Notes which side is waited for, and sets the watchers
// of the lease.
void exchange_arm(struct exchange *exchange);
// The time limit of the side that is waited for. Call it after exchange_arm().
int64_t exchange_deadline(const struct exchange *exchange);
// Call it after the deadline. Tries another server, or responds with 408, 503 or 504 if nothing was
// sent yet. RESULT_ERROR: the stream must be cut.
enum result exchange_timed_out(struct exchange *exchange) MUST_CHECK;
// The time limit of a drain has expired. Responds with 503 if nothing was sent yet. RESULT_EOF: a
// tunnel, whose stream must be ended. RESULT_ERROR: the stream must be cut.
enum result exchange_expire(struct exchange *exchange) MUST_CHECK;
// Writes the access log line, releases the lease, and frees the exchange.
void exchange_finish(struct exchange *exchange);

// --- for streams that must move bytes ---

// Number of bytes of the last body() that the server has not taken.
size_t exchange_unwritten(const struct exchange *exchange);
// Copies these bytes to `to`, where they must stay until taken() or stop().
void exchange_move_unwritten(struct exchange *exchange, uint8_t *to);
// Call it after the stream has copied the server's unread bytes, in order, into `room`. The stream
// may then use their former room again. Before the exchange can name any of these bytes, they must
// be at the beginning of a room of the stream again.
static inline void exchange_move_unread(struct exchange *exchange, struct room *room) {
    exchange->room = exchange->room == NULL ? NULL : room;
}

#endif
