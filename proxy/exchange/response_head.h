// The heads of a response. Private to response.c.
//
// A head is parsed where it was read, in the first part of the room. If a head does not arrive at
// once, it is gathered in a buffer of the exchange, of at most response-header-size bytes.
#ifndef RAVELIN_EXCHANGE_RESPONSE_HEAD_H
#define RAVELIN_EXCHANGE_RESPONSE_HEAD_H

#include "exchange/exchange_internal.h"

// Bytes that must be free before a head, so that the re-encoded head fits there.
size_t response_head_lead(const struct exchange *exchange);
// Reads a head. Call it in RESPONSE_HEAD, with bytes of the server in the room.
//   OK     continue: a head was read, or the rest of one can be received now
//   EOF    a head was read, which must be sent before anything else
//   AGAIN  the head is not complete
//   ERROR  as of exchange_respond()
enum result response_head_take(struct exchange *exchange) MUST_CHECK;

// Drops the received part of a head.
void response_head_forget(struct exchange *exchange);

// Refuses with 502, or has the stream cut if the response has begun. Logs the reason and the
// position in the response.
enum result response_is_bad(struct exchange *exchange, const char *why,
                            const char *where) MUST_CHECK;
// The same for an error in a head or trailer section.
enum result response_message_is_bad(struct exchange *exchange, struct slice message,
                                    const struct http_refusal *refusal) MUST_CHECK;

#endif
