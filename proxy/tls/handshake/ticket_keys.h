// How ticket keys lie in memory. Private to ticket.c and its tests.
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

// A ring: behind the current key comes the next, behind that the previous.
struct ticket_keys {
    _Atomic uint32_t version; // odd while the owner writes
    uint32_t current;
    struct ticket_key ring[TICKET_KEY_COUNT];
};

// In the memory of each process; both views lead to the same keys.
struct ticket_store {
    struct ticket_keys *own;        // only the owner has it
    const struct ticket_keys *lent; // what everybody reads
};

#endif
