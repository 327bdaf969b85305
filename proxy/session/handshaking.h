// The phase in which a session makes its TLS handshake: bytes between socket and tls/handshake, the
// way to the signer, the hand-over to the record layer.
#ifndef RAVELIN_SESSION_HANDSHAKING_H
#define RAVELIN_SESSION_HANDSHAKING_H

#include "session/session.h"

// The session may be closed afterwards, for want of memory.
void handshaking_enter(struct session *session);

#endif
