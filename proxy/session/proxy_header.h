// The first phase of a session on a listener with proxy-protocol: the PROXY header that says who
// the client is. A peer that speaks for others must be one of trusted-proxies; others are closed.
#ifndef RAVELIN_SESSION_PROXY_HEADER_H
#define RAVELIN_SESSION_PROXY_HEADER_H

#include "session/session.h"

void proxy_header_enter(struct session *session);

#endif
