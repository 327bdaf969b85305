// What a handshake has to do with tickets: seals those that wolfSSL makes, opens those that a
// client offers, each under the terms of this connection, and hands the stamp of the full handshake
// down the chain (ticket.h says what all this is for).
#ifndef RAVELIN_TLS_HANDSHAKE_RESUMPTION_H
#define RAVELIN_TLS_HANDSHAKE_RESUMPTION_H

#include "tls/handshake/ticket.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

// A part of the handshake; zeroed at its start.
struct resumption {
    bool opened;               // a ticket, at least one
    struct ticket_stamp stamp; // the oldest and the longest chain of those that were opened
};

// For a callback of wolfSSL's type SessionTicketEncCb, whose arguments end in the store. The terms
// lack the protocol, which is taken from the connection. Returns a WOLFSSL_TICKET_RET_ code.
int resumption_ticket(struct resumption *resumption, const struct ticket_terms *terms, WOLFSSL *ssl,
                      unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                      unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                      unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt, unsigned char *data,
                      int size, int *out_size, const struct ticket_store *store);

#endif
