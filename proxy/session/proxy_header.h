// The first phase of a session on a listener with proxy-protocol. It reads the PROXY header, which
// has the address of the client. Peers outside of trusted-proxies are closed.
#ifndef RAVELIN_SESSION_PROXY_HEADER_H
#define RAVELIN_SESSION_PROXY_HEADER_H

#include "session/session.h"

void proxy_header_enter(struct session *session);

#endif
