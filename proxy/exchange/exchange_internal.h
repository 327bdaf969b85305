// What the files of an exchange know of each other: exchange.c, exchange_answer.c, exchange_time.c,
// request.c, response.c and response_head.c.
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

// The response is whole, or an answer of our own has taken its place.
static inline bool answering(const struct exchange *exchange) {
    return exchange->response_state >= RESPONSE_SENDING;
}

// Bytes go both ways, and nobody frames them.
static inline bool exchange_is_tunnel(const struct exchange *exchange) {
    return exchange->response_framing == FRAMING_TUNNEL &&
           exchange->response_state != RESPONSE_HEAD;
}

static inline bool has_unread(const struct exchange *exchange) {
    return exchange->room != NULL && room_unread(exchange->room) > 0;
}

// For the parts: ends what they do, with an answer in place of the response. exchange.c gives it,
// or cuts the stream if something of a response was sent.
static inline enum result exchange_refuse(struct exchange *exchange, uint16_t status,
                                          const char *why) {
    exchange->answer = answer_of(status, why);
    return RESULT_ERROR;
}

// --- the two directions: request.c and response.c ---

// Each returns RESULT_OK after progress, RESULT_AGAIN when it waits for a side, RESULT_EOF when the
// server closed where that cannot be (the caller may try another server while nothing was passed
// on), RESULT_ERROR when the exchange cannot go on: with exchange->answer set (exchange_refuse())
// that takes the place of the response, else the stream must be cut.

// The head and the stream's runs, with our chunk lines around them, leave in one write to the
// server, from where they lie.
enum result exchange_request(struct exchange *exchange) MUST_CHECK;
// Bytes of the server come into the stream's room and are named as head or body there.
enum result exchange_respond(struct exchange *exchange) MUST_CHECK;

// Sends no more of the request to the server, if it has not got all of it. What the client still
// sends is dropped if it can be told where that ends.
void exchange_give_up_request(struct exchange *exchange, bool end_is_known);
void exchange_free_request(struct exchange *exchange);
void exchange_free_response(struct exchange *exchange);
// Begins the request again, from its head and what was kept of its body.
void exchange_rewind_request(struct exchange *exchange);
// What has come of a response is dropped: another attempt begins. Nothing was passed on.
void exchange_forget_response(struct exchange *exchange);
// A part of a response head has come.
bool exchange_head_has_begun(const struct exchange *exchange);

// --- time: exchange_time.c ---

// The response has begun, but the client takes no more of it, and the server no more of the
// request.
bool exchange_is_stuck(const struct exchange *exchange);
// The client is waited for: to send a body or to take a response.
bool exchange_waits_for_client(const struct exchange *exchange);
// Nothing more can be done now: if the client is waited for, that begins here, or goes on.
void exchange_note_wait(struct exchange *exchange);
// `request-timeout` has passed.
bool exchange_is_over(const struct exchange *exchange);
// At the deadline of such a wait. RESULT_OK: it goes on. RESULT_ERROR: 408 is due, or the stream
// must be cut.
enum result exchange_client_timed_out(struct exchange *exchange) MUST_CHECK;

// --- answers: exchange_answer.c ---

// Notes what a request accepts that is not forwarded: pages depend on it.
void exchange_note_accept(struct exchange *exchange, const struct http_request *request);
// Hands exchange->answer to the stream, and no more is asked of the server. For exchange.c only.
// RESULT_ERROR: the stream must be cut.
enum result exchange_answer(struct exchange *exchange) MUST_CHECK;

#endif
