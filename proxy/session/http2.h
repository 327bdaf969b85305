// HTTP/2 on an open session, if ALPN has chosen it. The connection is that of http2/connection.h.
// Each request has an exchange, and a side (http2_internal.h) as its stream of exchange/stream.h.
#ifndef RAVELIN_SESSION_HTTP2_H
#define RAVELIN_SESSION_HTTP2_H

#include "session/session.h"

// Begins to read requests. The transport must have been committed. Closes the session if memory is
// short.
void http2_enter(struct session *session);
// Largest memory of one connection, in bytes.
size_t http2_memory_max(const struct config *config);
// Prepares the memory of connections and sides in `sessions`. False: memory is short.
bool http2_sessions_init(struct sessions *sessions);
void http2_sessions_free(struct sessions *sessions);
void http2_sessions_trim(struct sessions *sessions);

#endif
