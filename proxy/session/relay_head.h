// The heads of a response, for relay_response() alone.
//
// A head is parsed in the first slot of the send buffer, or, where it is larger, in a buffer of its
// own: at most one for the received head (response-header-size bytes) and one for the encoded head,
// both the exchange's, and only as long as there is such a head. A buffer carries its own capacity.
#ifndef RAVELIN_SESSION_RELAY_HEAD_H
#define RAVELIN_SESSION_RELAY_HEAD_H

#include "session/exchange_internal.h"

// The send buffer is empty and a head is expected in it: leaves room before it in the first slot.
void response_head_start(struct exchange *exchange, struct send_buffer *buffer);
// In RESPONSE_HEAD, with bytes of the server in the slots. RESULT_OK: a head was taken and ours is
// named as output, or more of one can be read at once. RESULT_AGAIN: the head is not whole.
// RESULT_ERROR: as relay_response().
enum result response_head_take(struct exchange *exchange) MUST_CHECK;
// In RESPONSE_HEAD_PIECES, with nothing unsent: names the next piece as output.
enum result response_head_put(struct exchange *exchange) MUST_CHECK;
void response_head_free(struct exchange *exchange);

static inline struct send_buffer *buffer_of(struct exchange *exchange) {
    return exchange->session->transport.send;
}

// Refuses with 502, or has the session cut, when the response has begun. Logs why, and where in the
// response that is.
enum result relay_bad_response(struct exchange *exchange, const char *why,
                               const char *where) MUST_CHECK;
// The same with what is wrong in a head or trailer section.
enum result relay_bad_message(struct exchange *exchange, struct slice message,
                              const struct http_refusal *refusal) MUST_CHECK;

#endif
