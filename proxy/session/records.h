// The kind of transport that seals and opens TLS records where they lie, with tls/record/record.h.
//
// An end of the connection without close_notify is TRANSPORT_CUT: an attacker can bring it about.
#ifndef RAVELIN_SESSION_RECORDS_H
#define RAVELIN_SESSION_RECORDS_H

#include "session/transport_kind.h"

// The secrets of `layer` are moved and wiped at the caller. What was received and not taken belongs
// to the new kind.
void records_commit(struct transport *transport, struct record_layer *layer);

#endif
