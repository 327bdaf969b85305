// The phase of a session in which the TLS handshake is made. It moves bytes between the socket and
// tls/handshake, passes sign requests to the signer, and gives the traffic secrets to the record
// layer.
#ifndef RAVELIN_SESSION_HANDSHAKING_H
#define RAVELIN_SESSION_HANDSHAKING_H

#include "session/session.h"

// Begins the handshake. Closes the session if memory is short.
void handshaking_enter(struct session *session);

#endif
