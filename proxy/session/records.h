// The kind of transport that seals and opens TLS records in place, with tls/record/record.h.
//
// If the connection ends without close_notify, the end is TRANSPORT_CUT, because an attacker can
// cause it.
#ifndef RAVELIN_SESSION_RECORDS_H
#define RAVELIN_SESSION_RECORDS_H

#include "session/transport_kind.h"

// Makes the transport seal and open records. Moves the secrets of `layer` and wipes the caller's
// copy. Received bytes that were not taken become input of this kind.
void records_commit(struct transport *transport, struct record_layer *layer);

#endif
