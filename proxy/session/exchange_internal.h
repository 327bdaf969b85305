// What the parts of an exchange know of each other: exchange.c, exchange_answer.c, exchange_rest.c
// and exchange_time.c.
#ifndef RAVELIN_SESSION_EXCHANGE_INTERNAL_H
#define RAVELIN_SESSION_EXCHANGE_INTERNAL_H

#include "session/exchange.h"
#include "session/service_internal.h"

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

// Sends no more of the request to the server. If the client has more of it to send and its framing
// is known, the session drops the rest: see body_rest.h.
void exchange_give_up_request(struct exchange *exchange);
// The response has begun, but the client takes no more of it, and the server no more of the
// request.
bool exchange_is_stuck(const struct exchange *exchange);
// Whether another request can follow on the connection.
bool exchange_request_ends(const struct exchange *exchange);
// The client is waited for: to send a body or to take a response.
bool exchange_waits_for_client(const struct exchange *exchange);
// Nothing more can be done now: if the client is waited for, that begins here, or goes on.
void exchange_note_wait(struct exchange *exchange);
// At the deadline of such a wait. RESULT_OK: it goes on. RESULT_ERROR: 408 is due, or the session
// must be cut.
enum result exchange_client_timed_out(struct exchange *exchange) MUST_CHECK;
// For the parts: ends what they do, with an answer in place of the response. exchange.c gives it,
// or cuts the session if something of a response was sent.
static inline enum result exchange_refuse(struct exchange *exchange, uint16_t status,
                                          const char *why) {
    exchange->answer = answer_of(status, why);
    return RESULT_ERROR;
}
// Puts exchange->answer into the send buffer and no more is asked of the server. For exchange.c
// only. RESULT_ERROR: the session must be cut.
enum result exchange_answer(struct exchange *exchange) MUST_CHECK;

#endif
