// An exchange: one request of a session and its response.
//
// It begins with a whole request head and ends when the response (or an answer of our own) has been
// sent or the session is cut. It holds its generation, its route and, once needed, one lease. It
// does not know how the client's bytes travel: it takes segments and fills spans.
//
// exchange_advance() decides; relay.h moves the bytes of the two directions. Both directions run at
// the same time, each bounded by its own buffer: a full one stops reading the other side.
#ifndef RAVELIN_SESSION_EXCHANGE_H
#define RAVELIN_SESSION_EXCHANGE_H

#include "base/result.h"
#include "base/slice.h"
#include "exchange/account.h"
#include "exchange/answer.h"
#include "exchange/attempt.h"
#include "exchange/pace.h"
#include "exchange/rules.h"
#include "exchange/trailers.h"
#include "http/chunk.h"
#include "http/parse.h"
#include "http/proxy_protocol.h"
#include "session/session.h"

#define REQUEST_LINES_MAX 18 // data spans of one write
#define REQUEST_IOV_MAX                                                                            \
    (REQUEST_LINES_MAX * 3 + 3) // each with its chunk line and CRLF; PROXY header, head, last chunk
#define TRAILERS_MAX 8192       // of a request
#define EXCHANGE_ROOM 2048      // for the head and the log's texts of a usual request

enum request_state {
    REQUEST_HEAD, // the head is not written to the server yet
    REQUEST_BODY,
    REQUEST_DONE, // all of it is written
};

enum response_state {
    RESPONSE_HEAD,        // none of the final head has arrived whole
    RESPONSE_HEAD_PIECES, // a head that does not fit in one record is going out
    RESPONSE_BODY,
    RESPONSE_FINAL,   // the body is complete, its last bytes are not in the send buffer yet
    RESPONSE_SENDING, // everything is in the send buffer
    RESPONSE_DONE,
};

struct exchange {
    struct session *session;
    struct shared *shared;
    const struct client *client;   // the session's
    struct generation *generation; // held
    struct choice choice;          // of the rules
    struct attempt attempt;

    // request
    enum request_state request_state;
    enum http_framing request_framing; // FRAMING_TUNNEL after a 101
    uint64_t request_left;             // FRAMING_LENGTH
    struct chunk_decoder request_decoder;
    struct trailers request_trailers;
    const char *body_why; // what is wrong with a malformed body; NULL: nothing, or it is not said
    char *request_final;  // the encoded trailer section, when there are trailers
    bool is_head;
    bool idempotent;
    bool body_in_doubt;   // the server may not have taken the body for one: see struct http_request
    bool awaits_continue; // Expect: 100-continue was passed on, and the server has not said 100
    bool keep_alive;      // the session may go on after this exchange
    bool server_shut;     // our direction toward the server is closed (tunnels)
    bool request_failed;  // the server did not take all of it
    bool request_whole;   // all of it is in the iov or written
    bool request_given_up; // no more of it is sent; see exchange_give_up_request()
    bool rest_is_lost;     // the end of the request cannot be found, or is not waited for
    struct answer answer;  // of a part that refuses; see exchange_refuse()
    char *head;            // the encoded one: NULL, in `room` or allocated
    size_t head_size;
    size_t room_used; // by texts of the account
    uint32_t iov_first;
    uint32_t iov_count;
    uint32_t line_count;
    size_t taken; // bytes of segments that the iov holds, to be consumed when it is written

    // response
    enum response_state response_state;
    enum http_framing response_framing;
    uint64_t response_left;
    struct chunk_decoder response_decoder;
    struct trailers response_trailers;
    bool client_chunked; // we frame the body for the client in chunks
    bool server_keep_alive;
    bool response_started; // the head is on its way to the client
    bool head_cut;         // the bytes in the slots are the beginning of a head
    uint8_t *output_end;   // end of the last output in the slot being filled, for chunk lines
    uint32_t output_slot;
    uint32_t interim_count;
    char *final; // the encoded trailer section, when there are trailers
    size_t final_size;
    size_t final_sent;                 // of that, in whole records
    struct head_buffer *gathered_head; // where heads are gathered since one did not fit in a slot
    struct head_buffer *encoded_head;  // one that goes out in pieces
    enum response_state after_head;    // when it has gone out
    size_t head_scanned;
    struct http_part head_part; // what has been looked at of an incomplete head

    int64_t active_ms; // last progress
    struct pace pace;  // of the client
    struct account account;

    // These are large, and not cleared when an exchange begins.
    struct iovec iov[REQUEST_IOV_MAX];
    uint8_t proxy_header[PROXY_HEADER_WRITE_MAX];
    char lines[REQUEST_LINES_MAX][CHUNK_LINE_SIZE];
    char room[EXCHANGE_ROOM];
};

// Begins with a whole head, `head` (which the caller lets go of afterwards). A refused head makes
// an exchange that answers the refusal. NULL when memory is short.
struct exchange *exchange_new(struct session *session, struct slice head);
// Answers a request whose head never became whole, of which `part` is the beginning.
struct exchange *exchange_new_refused(struct session *session, struct slice part, uint16_t status,
                                      const char *why);
// Does all that can be done. RESULT_AGAIN: waits. RESULT_OK: complete, the session may go on if
// exchange->keep_alive. RESULT_ERROR: the session must be cut.
enum result exchange_advance(struct exchange *exchange) MUST_CHECK;
// When nothing more can be done now: notes who is waited for and sets exactly the lease's watchers
// that are needed.
void exchange_arm(struct exchange *exchange);
// When the side that is waited for must have done something. For after exchange_arm().
int64_t exchange_deadline(const struct exchange *exchange);
// The deadline passed: answers 408 or 504 when nothing was sent yet. RESULT_ERROR: the session must
// be cut.
enum result exchange_timed_out(struct exchange *exchange) MUST_CHECK;
// Writes the access log line, lets the lease go, frees.
void exchange_finish(struct exchange *exchange);

#endif
