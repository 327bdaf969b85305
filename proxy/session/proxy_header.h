// The first part of a session on a listener with proxy-protocol: the PROXY header that says who the
// client is. Only trusted peers get this far (session.c). Only session.c includes it.
#ifndef RAVELIN_SESSION_PROXY_HEADER_H
#define RAVELIN_SESSION_PROXY_HEADER_H

#include "session/session.h"

// One step. RESULT_OK when another may follow at once; the session has begun or is closed
// afterwards, or waits for the rest of the header.
enum result session_proxy_step(struct session *session) MUST_CHECK;

#endif
