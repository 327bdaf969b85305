// Session-ticket keys and the sealing of tickets (RFC 8446 4.6.1, RFC 5077 4).
//
// The keys live in one shared, locked mapping that stays out of core dumps. The master makes them
// from the system's RNG and rotates them on a timer; workers only read. They are never written
// anywhere else, and an old key is overwritten when it leaves the store. Three keys: `next` (known
// to all before its first use), `current` (seals), `previous` (only opens).
//
// A ticket is sealed with AES-256-GCM under a random 96-bit nonce; the additional data bind it to
// the key's name and to the site it was issued for. One writer, any readers: a sequence lock.
#ifndef RAVELIN_TLS_TICKET_H
#define RAVELIN_TLS_TICKET_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_NAME_SIZE 16
#define TICKET_IV_SIZE 16
#define TICKET_MAC_SIZE 32
#define TICKET_BINDING_SIZE 32

struct ticket_store; // the shared mapping

struct ticket_store *
ticket_store_new(void); // with fresh keys; NULL when memory or randomness is short
void ticket_store_free(struct ticket_store *store);
// In a process forked from the owner that must not see the keys: unmaps them there, and leaves them
// to the others.
void ticket_store_leave(struct ticket_store *store);
// previous <- current <- next <- fresh; what falls out is wiped. False when there is no randomness:
// nothing changed.
bool ticket_store_rotate(struct ticket_store *store);

// Seals in place: data[0..size) becomes ciphertext; name, iv and mac are filled. `random_nonce`
// must be fresh randomness.
enum result ticket_seal(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], const uint8_t random_nonce[12],
                        uint8_t name[TICKET_NAME_SIZE], uint8_t iv[TICKET_IV_SIZE],
                        uint8_t mac[TICKET_MAC_SIZE], uint8_t *data, size_t size) MUST_CHECK;

// Opens in place. RESULT_ERROR: an unknown key, another site's ticket, or damaged; the handshake
// then goes on in full. *renew: the key is no longer the current one, a new ticket should be
// issued.
enum result ticket_open(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE],
                        const uint8_t name[TICKET_NAME_SIZE], const uint8_t iv[TICKET_IV_SIZE],
                        const uint8_t mac[TICKET_MAC_SIZE], uint8_t *data, size_t size,
                        bool *renew) MUST_CHECK;

#endif
