// Admission: limits on client connections, checked when the address of the client is known.
#ifndef RAVELIN_SESSION_ADMISSION_H
#define RAVELIN_SESSION_ADMISSION_H

#include "session/session.h"

// Counts the session in the table of clients. Then begins the handshake, or HTTP if the listener is
// plain. Refuses the session if the client may not connect. The session may be closed afterwards.
void session_admit(struct session *session);

#endif
