// HTTP/1 on an open session: one request after the other, each with an exchange and a stream.
// Pipelined requests wait in the ring.
//
// What a connection keeps between two requests is in http1_state.h; what an exchange needs of it is
// held as long as there is one, and while the rest of its request is dropped: see http1_internal.h.
#ifndef RAVELIN_SESSION_HTTP1_H
#define RAVELIN_SESSION_HTTP1_H

#include "session/session.h"

// Requests follow from now on. The transport has been committed.
void http1_enter(struct session *session);
// The memory of streams, of which `sessions` has the slab.
void http1_init(struct sessions *sessions);

#endif
