// Plain TCP behind TLS, for listeners with `protocol = tcp`. A session has one exchange: a tunnel
// to a server of the listener's backend.
//
// The tunnel uses the phase and the data path of http1.h, as an upgraded HTTP/1 connection does,
// but has no head. The ends differ. If the server ends its direction, the client gets close_notify
// and FIN, and may continue to send. If the server fails, the client gets no close_notify, because
// Ravelin has no error message in the client's protocol.
#ifndef RAVELIN_SESSION_TUNNEL_H
#define RAVELIN_SESSION_TUNNEL_H

#include "session/session.h"

// Begins the tunnel. The handshake must be over and the transport committed. May close the session.
void tunnel_enter(struct session *session);

#endif
