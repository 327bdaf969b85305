// The heads of a response. Private to response.c.
//
// A head is parsed where it was read, in the first part of the room, or, when it does not come
// whole, in a buffer of the exchange's own, of at most response-header-size bytes.
#ifndef RAVELIN_EXCHANGE_RESPONSE_HEAD_H
#define RAVELIN_EXCHANGE_RESPONSE_HEAD_H

#include "exchange/exchange_internal.h"

// How many bytes are to be free before a head, so that ours finds its place there.
size_t response_head_lead(const struct exchange *exchange);
// In RESPONSE_HEAD, with bytes of the server in the room. RESULT_OK: go on, a head was taken, or
// the rest of one can be read now. RESULT_EOF: a head was taken, and must be
// sent before anything else. RESULT_AGAIN: the head is not whole. RESULT_ERROR: as
// exchange_respond().
enum result response_head_take(struct exchange *exchange) MUST_CHECK;

// Forgets what has come of a head.
void response_head_forget(struct exchange *exchange);

// Refuses with 502, or has the stream cut, when the response has begun. Logs why, and where in the
// response that is.
enum result response_is_bad(struct exchange *exchange, const char *why,
                            const char *where) MUST_CHECK;
// The same with what is wrong in a head or trailer section.
enum result response_message_is_bad(struct exchange *exchange, struct slice message,
                                    const struct http_refusal *refusal) MUST_CHECK;

#endif
