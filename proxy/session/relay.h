// Moving the bytes of an exchange, one function for each direction. Neither copies a body byte.
//
//   request:  segments of plaintext in the ring, with our head before and our chunk lines around
//             them, leave in one writev to the server
//   response: readv from the server into the slots of the send buffer; our head and chunk lines
//             are written into the room around the bytes; sealed in place; one sendmsg to the
//             client
//
// Each returns RESULT_OK after progress, RESULT_AGAIN when it waits for a side, RESULT_EOF when the
// server closed where that cannot be (the caller may try another server while nothing was passed
// on), RESULT_ERROR when the exchange cannot go on: with exchange->answer set (exchange_refuse())
// that takes the place of the response, else the session must be cut.
#ifndef RAVELIN_SESSION_RELAY_H
#define RAVELIN_SESSION_RELAY_H

#include "session/exchange.h"

enum result relay_request(struct exchange *exchange) MUST_CHECK;
enum result relay_response(struct exchange *exchange) MUST_CHECK;

#endif
