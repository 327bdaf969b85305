// The layout of ticket keys in memory. Private to ticket.c and its tests.
#ifndef RAVELIN_TLS_HANDSHAKE_TICKET_KEYS_H
#define RAVELIN_TLS_HANDSHAKE_TICKET_KEYS_H

#include "tls/handshake/ticket.h"

#include <stdatomic.h>

#define TICKET_KEY_SIZE 32
#define TICKET_KEY_COUNT 3

struct ticket_key {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t key[TICKET_KEY_SIZE];
};

// A ring of keys: current, next, previous.
struct ticket_keys {
    _Atomic uint32_t version; // odd while the owner writes
    uint32_t current;
    struct ticket_key ring[TICKET_KEY_COUNT];
};

// In the private memory of each process. Both views show the same keys.
struct ticket_store {
    struct ticket_keys *own;        // writable view; in the owner only
    const struct ticket_keys *lent; // read-only view
};

#endif
