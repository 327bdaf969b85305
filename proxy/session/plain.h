// The kind of transport without TLS, for redirect listeners. It changes no byte. FIN of the client
// is an orderly end.
#ifndef RAVELIN_SESSION_PLAIN_H
#define RAVELIN_SESSION_PLAIN_H

#include "session/transport_kind.h"

// Makes the transport plain. Received bytes that were not taken become input of this kind.
void plain_commit(struct transport *transport);

#endif
