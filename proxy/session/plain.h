// The two kinds of transport that change no byte. Private to transport.c.
#ifndef RAVELIN_SESSION_PLAIN_H
#define RAVELIN_SESSION_PLAIN_H

#include "session/transport_kind.h"

// Bytes of the PROXY header and the handshake. They become no segments, and nothing can be sealed.
// The connection must not end here, so its end is TRANSPORT_CUT.
extern const struct transport_kind raw_kind;
// HTTP without TLS, for redirect listeners. FIN is an end in good order.
extern const struct transport_kind plain_kind;

#endif
