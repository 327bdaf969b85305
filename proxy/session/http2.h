// HTTP/2 on an open session, entered when ALPN has chosen it. The connection is that of
// http2/connection.h; each of its requests has an exchange, and a stream of exchange/stream.h: see
// http2_internal.h.
#ifndef RAVELIN_SESSION_HTTP2_H
#define RAVELIN_SESSION_HTTP2_H

#include "session/session.h"

// Requests follow from now on. The transport has been committed. When memory is short, the session
// is closed.
void http2_enter(struct session *session);
// The most memory that one connection can take, in bytes.
size_t http2_memory_max(const struct config *config);
// The memory of connections and streams, of which `sessions` has the slabs. False: memory is short.
bool http2_sessions_init(struct sessions *sessions);
void http2_sessions_free(struct sessions *sessions);
void http2_sessions_trim(struct sessions *sessions);

#endif
