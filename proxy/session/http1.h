// HTTP/1 on an open session. Requests are served one after the other, each with an exchange and a
// stream. Pipelined requests wait in the ring.
//
// http1_state.h has what a connection keeps between two requests. http1_internal.h has the stream:
// it exists while its exchange exists, and while the rest of its request is dropped.
#ifndef RAVELIN_SESSION_HTTP1_H
#define RAVELIN_SESSION_HTTP1_H

#include "session/session.h"

// Begins to read requests. The transport must have been committed.
void http1_enter(struct session *session);
// Prepares the slab of streams in `sessions`.
void http1_init(struct sessions *sessions);

#endif
