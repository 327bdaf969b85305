// The tickets of one handshake: seals the tickets that wolfSSL makes, and opens those that the
// client offers, both under the terms of this connection. Copies the stamp of the full handshake to
// new tickets. See ticket.h.
#ifndef RAVELIN_TLS_HANDSHAKE_RESUMPTION_H
#define RAVELIN_TLS_HANDSHAKE_RESUMPTION_H

#include "tls/handshake/ticket.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

// A part of the handshake. Zeroed at its start.
struct resumption {
    bool opened;               // at least one ticket was opened
    struct ticket_stamp stamp; // of the opened tickets, the oldest time and the longest chain
};

// Seals or opens a ticket, for a wolfSSL callback of type SessionTicketEncCb. `terms` has no
// protocol: the connection has it. Returns a WOLFSSL_TICKET_RET_ code.
int resumption_ticket(struct resumption *resumption, const struct ticket_terms *terms, WOLFSSL *ssl,
                      unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                      unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                      unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt, unsigned char *data,
                      int size, int *out_size, const struct ticket_store *store);

#endif
