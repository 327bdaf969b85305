// The end of a session, and dropping bytes that the client still sends. Dropped are: the rest of a
// request that already has its response, the received part of a request whose server failed, and
// bytes after Ravelin's own end of the connection. Without dropping, close() sends a reset, which
// can destroy the response or the alert before the client reads it (RFC 9112 9.6).
//
// Bounds. A client is closed if it sends nothing for a period: 5 s within a request, 2 s after the
// end. A client that sends less than `body-rate` on average is closed. Every client is closed after
// DROP_TOTAL_MS. While the service drains, dropping ends after DROP_DRAIN_MS. One turn of the loop
// drops at most as much as it would relay. A session that drops holds no buffer between two turns.
#ifndef RAVELIN_SESSION_LINGER_H
#define RAVELIN_SESSION_LINGER_H

#include "session/session.h"

#define DROP_TOTAL_MS 60000
#define DROP_DRAIN_MS 1000

// Ends the session in order: sends the alert (0: close_notify), then drops what the client still
// sends. Sends no alert if any byte is unsent.
void session_end(struct session *session, uint8_t alert);
// Ends the session so that the client sees the received response as incomplete. Drops what the
// client still sends, because a reset would destroy bytes that the client has not read.
void session_cut(struct session *session);

// Begins a period and sets the deadline of the session to the end of the period.
void session_drop_begin(struct session *session);
// Call it at the deadline. Begins another period if the client has sent enough and time is left.
// False: dropping is over.
bool session_drop_again(struct session *session);
// The service drains: limits the time that is left to DROP_DRAIN_MS.
void session_drop_hurry(struct session *session);
// Whether more may be dropped now. Begins a period if there is none.
bool session_drops_now(struct session *session);

#endif
