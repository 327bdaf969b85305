// Functions that the files of an exchange share: exchange.c, exchange_answer.c, exchange_time.c,
// exchange_verdict.c, request_head.c, request.c, response.c and response_head.c.
#ifndef RAVELIN_EXCHANGE_EXCHANGE_INTERNAL_H
#define RAVELIN_EXCHANGE_EXCHANGE_INTERNAL_H

#include "exchange/exchange.h"
#include "exchange/shared.h"

static inline int64_t now_ms(const struct exchange *exchange) {
    return shared_now_ms(exchange->shared);
}

static inline const struct config_limits *limits(const struct exchange *exchange) {
    return &exchange->generation->config->limits;
}

// The response is complete, or an answer has replaced it.
static inline bool answering(const struct exchange *exchange) {
    return exchange->response_state >= RESPONSE_SENDING;
}

// Bytes go both ways, without framing.
static inline bool exchange_is_tunnel(const struct exchange *exchange) {
    return exchange->response_framing == FRAMING_TUNNEL &&
           exchange->response_state != RESPONSE_HEAD;
}

static inline bool has_unread(const struct exchange *exchange) {
    return exchange->room != NULL && room_unread(exchange->room) > 0;
}

// For the parts of an exchange: ends it with an answer in place of the response. exchange.c sends
// the answer, or cuts the stream if a part of the response was sent.
static inline enum result exchange_refuse(struct exchange *exchange, uint16_t status,
                                          const char *why) {
    exchange->answer = answer_of(status, why);
    return RESULT_ERROR;
}

// Whether the request can be sent to a server again: no response was passed on, the sent part of
// the body is kept, and a second execution is harmless.
static inline bool exchange_can_repeat(const struct exchange *exchange) {
    const struct exchange_http *http = exchange->http;
    if (exchange->response_state != RESPONSE_HEAD || http == NULL || http->interim_count > 0) {
        return false;
    }
    bool is_kept = http->kept.limit > 0 && exchange->request_state != REQUEST_GIVEN_UP;
    return exchange->attempt.can_repeat || is_kept;
}

// --- the head: request_head.c ---

// Writes the head for the server into memory of the account, behind its texts. `head_size`: size of
// the received head and of changes that made it longer.
struct answer exchange_encode_head(struct exchange *exchange, const struct http_request *request,
                                   const struct http_told *told, size_t head_size);

// --- the two directions: request.c and response.c ---

// Both functions have these results:
//   OK     progress
//   AGAIN  waits for a side
//   EOF    the server closed too early. The caller may try another server if nothing was passed on
//   ERROR  the exchange cannot continue. If exchange->answer is set (exchange_refuse()), it
//          replaces the response; otherwise the stream must be cut

// Sends the head and the stream's runs to the server, from where they are, with chunk lines around
// the runs, in one write.
enum result exchange_request(struct exchange *exchange) MUST_CHECK;
// Reads bytes of the server into the stream's room, and names them as head or body there.
enum result exchange_respond(struct exchange *exchange) MUST_CHECK;

// Sends no more of the request to the server, if the server has not got all of it. Drops what the
// client still sends, if the end of the body can be found.
void exchange_give_up_request(struct exchange *exchange, bool end_is_known);
void exchange_free_request(struct exchange *exchange);
// Begins to send the request again, from its head and the kept part of its body.
void exchange_rewind_request(struct exchange *exchange);
// Drops the received part of a response, because another attempt begins. Nothing may have been
// passed on.
void exchange_forget_response(struct exchange *exchange);
// A part of a response head was received.
bool exchange_head_has_begun(const struct exchange *exchange);

// --- verdicts: exchange_verdict.c ---

// Asks the guards of the route. Returns an answer to send at once. NO_ANSWER: the request
// continues, after exchange->verdict.
struct answer exchange_ask_guards(struct exchange *exchange, const struct http_request *request,
                                  const struct http_told *told);
// RESULT_OK: all verdicts allow the request. RESULT_ERROR: exchange->answer is set.
enum result exchange_await_verdicts(struct exchange *exchange) MUST_CHECK;
void exchange_arm_verdict(struct exchange *exchange);
// For an exchange with a verdict. Results of exchange_verdict_timed_out(): as of
// exchange_await_verdicts().
int64_t exchange_verdict_deadline(const struct exchange *exchange);
enum result exchange_verdict_timed_out(struct exchange *exchange) MUST_CHECK;
void exchange_drop_verdicts(struct exchange *exchange); // may be called without verdicts

// --- time: exchange_time.c ---

// Whether the response has begun, but the client takes no more of it, and the server no more of the
// request.
bool exchange_is_stuck(const struct exchange *exchange);
// Whether the exchange waits for the client: for bytes of a body, or until it takes bytes of a
// response.
bool exchange_waits_for_client(const struct exchange *exchange);
// Call it when nothing more can be done now. Begins or continues a wait for the client.
void exchange_note_wait(struct exchange *exchange);
// Whether `request-timeout` has expired.
bool exchange_is_over(const struct exchange *exchange);
// Call it at the deadline of such a wait. RESULT_OK: the wait continues. RESULT_ERROR: respond with
// 408, or cut the stream.
enum result exchange_client_timed_out(struct exchange *exchange) MUST_CHECK;

// --- answers: exchange_answer.c ---

// Notes the media types that a request accepts, for pages. Only for requests that are not
// forwarded.
void exchange_note_accept(struct exchange *exchange, const struct http_request *request);
// Passes exchange->answer to the stream, and stops using the server. Only exchange.c calls it.
// RESULT_ERROR: the stream must be cut.
enum result exchange_answer(struct exchange *exchange) MUST_CHECK;

#endif
