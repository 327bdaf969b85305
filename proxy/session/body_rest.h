// The rest of a request body that no server will get: read and dropped, so that the client comes to
// the end of what it sends and reads the response. A socket that is closed with unread bytes sends
// a reset, and a reset can destroy a response that the client has not read yet (RFC 9112 9.6).
//
// exchange_give_up_request() makes one from the framing state of the exchange and hands it to the
// session. The session drops the rest while the response is sent and, after the exchange, until the
// body is complete; then the session ends. session_drop.h says how long. No server sees any of
// these bytes.
#ifndef RAVELIN_SESSION_BODY_REST_H
#define RAVELIN_SESSION_BODY_REST_H

#include "session/exchange.h"

struct body_rest {
    enum http_framing framing; // LENGTH or CHUNKED
    uint64_t left;             // LENGTH: bytes that have not been dropped
    struct chunk_decoder decoder;
    struct trailers trailers;
};

// Drops all that the segments hold of the rest and adds the bytes to *dropped. RESULT_OK: the body
// is complete. RESULT_AGAIN: more must arrive. RESULT_ERROR: malformed, its end cannot be found.
enum result body_rest_drop(struct body_rest *rest, struct transport *transport,
                           uint64_t *dropped) MUST_CHECK;
void body_rest_free(struct body_rest *rest); // NULL is fine

#endif
