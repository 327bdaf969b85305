// Plain TCP behind TLS, for listeners with `protocol = tcp`: one exchange for all of the session, a
// tunnel to a server of the listener's backend.
//
// It is what an upgraded HTTP/1 connection becomes, without a head: the phase, and the ways in
// which bytes travel, are those of http1.h. The two differ in the end. When the server has ended,
// the client gets close_notify and FIN and may go on sending. A server that fails is seen by the
// client as a connection without close_notify: Ravelin has no word in the client's protocol.
#ifndef RAVELIN_SESSION_TUNNEL_H
#define RAVELIN_SESSION_TUNNEL_H

#include "session/session.h"

// The handshake is over, and the transport committed. May close the session.
void tunnel_enter(struct session *session);

#endif
