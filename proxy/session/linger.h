// The end of a session, and dropping what a client still sends and nobody wants: the rest of a
// request that has its response, or the part of one that came before its server broke off, and the
// bytes after the end of the session's own direction. Otherwise close() sends a reset, which can
// destroy the response or the alert before the client has read it (RFC 9112 9.6).
//
// Bounds: a client that sends nothing for a period (5 s within a request, 2 s after the end), or
// less than `body-rate` on average, is closed, and so is each client after DROP_TOTAL_MS. While the
// service drains, dropping ends after DROP_DRAIN_MS. One turn of the loop drops at most as much as
// it would relay. A session that drops holds no buffer between two turns.
#ifndef RAVELIN_SESSION_LINGER_H
#define RAVELIN_SESSION_LINGER_H

#include "session/session.h"

#define DROP_TOTAL_MS 60000
#define DROP_DRAIN_MS 1000

// Ends the session in order: sends the alert (0: close_notify), then drops what still comes. No
// alert is sent if anything is unsent.
void session_end(struct session *session, uint8_t alert);
// Ends it so that the client, which still sends, sees what it has received as cut. What it sends is
// dropped, as a reset would destroy what it has not read.
void session_cut(struct session *session);

// Begins a period and sets the deadline of the session to its end.
void session_drop_begin(struct session *session);
// At the deadline: begins another period if the client has sent enough and there is time left.
// False: dropping is over.
bool session_drop_again(struct session *session);
// The service drains: little time is left.
void session_drop_hurry(struct session *session);
// Whether more may be dropped now; begins a period if there is none.
bool session_drops_now(struct session *session);

#endif
