// Moving the bytes of an exchange, one function for each direction. Neither copies a body byte.
//
//   request:  segments of plaintext in the ring, with our head before and our chunk lines around
//             them, leave in one writev to the server
//   response: readv from the server into the slots of the send buffer; our head and chunk lines
//             are written into the room around the bytes; sealed in place; one sendmsg to the client
//
// Each returns RESULT_OK after progress, RESULT_AGAIN when it waits for a side, RESULT_EOF when the
// server closed where that cannot be (the caller may try another server while nothing was passed
// on), RESULT_ERROR when the exchange cannot go on: with exchange->answer set (exchange_refuse()) that takes
// the place of the response, else the session must be cut.
#ifndef RAVELIN_SESSION_RELAY_H
#define RAVELIN_SESSION_RELAY_H

#include "session/exchange.h"

enum result relay_request(struct exchange *exchange) MUST_CHECK;
enum result relay_response(struct exchange *exchange) MUST_CHECK;

// Appends to the trailers until their section is whole. RESULT_OK: whole, *used bytes of data
// belong to it. RESULT_AGAIN: all of data was taken, more is needed. RESULT_ERROR: too long, malformed
// (http_check_trailers_part) or no memory. `limit` bounds a section that begins with this call.
enum result trailers_gather(struct trailers *trailers, size_t limit, const char *data, size_t size,
                            size_t *used) MUST_CHECK;
// The same of a response. On RESULT_ERROR `refusal` says why: too long, no memory, or what no reading
// of it could mend (http_check_response_trailers_part).
enum result trailers_gather_response(struct trailers *trailers, size_t limit, const char *data,
                                     size_t size, size_t *used,
                                     struct http_refusal *refusal) MUST_CHECK;
void trailers_free(struct trailers *trailers);

#endif
