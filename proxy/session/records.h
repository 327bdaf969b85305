// The kind of transport that seals and opens TLS records where they lie, with tls/record/record.h.
// Private to transport.c.
//
// An end of the connection without close_notify is TRANSPORT_CUT: an attacker can bring it about.
#ifndef RAVELIN_SESSION_RECORDS_H
#define RAVELIN_SESSION_RECORDS_H

#include "session/transport_kind.h"

extern const struct transport_kind records_kind;

#endif
