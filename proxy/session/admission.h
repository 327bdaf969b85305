// Who is let in: the client is known, and counted among the connections that it has.
#ifndef RAVELIN_SESSION_ADMISSION_H
#define RAVELIN_SESSION_ADMISSION_H

#include "session/session.h"

// Counts the session and begins the handshake (or HTTP, where the listener is plain). The session
// may be closed afterwards.
void session_admit(struct session *session);

#endif
