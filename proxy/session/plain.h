// HTTP without TLS, for redirect listeners: a kind of transport that changes no byte. FIN is an end
// in good order.
#ifndef RAVELIN_SESSION_PLAIN_H
#define RAVELIN_SESSION_PLAIN_H

#include "session/transport_kind.h"

// What was received and not taken belongs to the new kind.
void plain_commit(struct transport *transport);

#endif
