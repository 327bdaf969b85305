// What the parts of an exchange know of each other: exchange.c, exchange_answer.c, exchange_rest.c and
// exchange_pace.c.
#ifndef RAVELIN_SESSION_EXCHANGE_INTERNAL_H
#define RAVELIN_SESSION_EXCHANGE_INTERNAL_H

#include "session/exchange.h"
#include "session/service_internal.h"

static inline int64_t now_ms(const struct exchange *exchange) {
    return service_now_ms(exchange->session->service);
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
// The response has begun, but the client takes no more of it, and the server no more of the request.
bool exchange_is_stuck(const struct exchange *exchange);
// Whether another request can follow on the connection.
bool exchange_request_ends(const struct exchange *exchange);
// The client is waited for: to send a body or to take a response.
bool pace_waits_for_client(const struct exchange *exchange);
// The wait is over, for now.
void pace_end_wait(struct exchange *exchange);
// At the deadline of such a wait. RESULT_OK: it goes on, or 408 is the response.
enum result pace_client_timed_out(struct exchange *exchange) MUST_CHECK;
// Closes the connection to the server, if there is one.
void exchange_drop_lease(struct exchange *exchange);
// A text for the logs, and where it is to be kept.
struct kept_text {
    struct slice *to;
    struct slice text;
};
// How many bytes exchange_keep_texts() writes: each text is cut to 2 KiB.
size_t exchange_texts_size(const struct kept_text *texts, size_t count);
void exchange_keep_texts(const struct kept_text *texts, size_t count, char *at);
// Keeps what can be told of a request that is refused unread, `bytes` being its head or a part of it.
// `block` must not be set yet.
void exchange_keep_refused(struct exchange *exchange, struct slice bytes);
// Writes the access log line, and for a refused request one in the error log.
void exchange_write_log(const struct exchange *exchange);
// The answer of a redirect listener.
enum result exchange_answer_redirect(struct exchange *exchange,
                                     const struct http_request *request) MUST_CHECK;

#endif
