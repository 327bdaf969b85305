// Session-ticket keys and the sealing of tickets (RFC 8446 4.6.1, RFC 5077 4).
//
// Keys. Three, in locked memory that stays out of core dumps: `next` (fresh), `current` (seals),
// `previous` (only opens). They are never written anywhere else. The kernel writes its randomness
// straight over the key that falls out, so no key ever passes through the master's registers or
// stack; a worker copies a key to its stack for one ticket and wipes the copy and what was made of
// it. The one writer is the process that made the store: the master, on a timer. Nobody else can
// write: workers hold a read-only view for ever, and only processes forked while the store is lent
// hold one at all. One writer, any readers: a sequence lock.
//
// Tickets are sealed with AES-256-GCM under a random 96-bit nonce; the additional data bind a
// ticket to the key's name and to its terms (ticket_binding()): the site, the protocol, what is
// asked of client certificates, and whether a post-quantum key exchange is required. When any of
// these is another one, by SNI, by ALPN or by a reload, the handshake is a full one.
//
// Time. A ticket resumes for as long as the ticket-lifetime that is in force when it comes back,
// by its age: a reload that lowers the lifetime counts for tickets that are out already. (The TLS
// library compares the age, and refuses a ticket whose client counts another age, so that a clock
// that was set back revives nothing.) A reload that turns tickets off, or on, makes all keys anew:
// no ticket from before resumes.
//
// Chains. A resumed connection gets a new ticket, and so on: what was proven in the first, full
// handshake would be believed for ever. Each ticket carries a stamp of that handshake: a session
// resumes for TICKET_CHAIN_SECONDS after it, and TICKET_CHAIN_MAX times in a row (RFC 8446 4.6.1
// recommends a limit; and 5.9.2 of the library counts resumptions in a byte and fails after 255).
//
// What a ticket cannot do: resume without a fresh key exchange (psk_dhe_ke only, with the groups
// that are allowed now), or carry early data. One use only is not claimed: a ticket resumes as
// often as it comes while it is good; without early data a replayed ClientHello gets nothing.
#ifndef RAVELIN_TLS_HANDSHAKE_TICKET_H
#define RAVELIN_TLS_HANDSHAKE_TICKET_H

#include "base/result.h"
#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TICKET_NAME_SIZE 16
#define TICKET_IV_SIZE 16
#define TICKET_MAC_SIZE 32
#define TICKET_NONCE_SIZE 12
#define TICKET_BINDING_SIZE 32
#define TICKET_STAMP_SIZE 16

#define TICKET_CHAIN_SECONDS 86400
#define TICKET_CHAIN_MAX 200

// --- Keys ---

struct ticket_store;

// With fresh keys, not lent; NULL when memory or randomness is short.
struct ticket_store *ticket_store_new(void);
void ticket_store_free(struct ticket_store *store); // by its owner; wipes the keys; NULL is fine
// Whether processes that are forked from now on get to read the keys.
void ticket_store_lend(struct ticket_store *store, bool lend);
// previous <- current <- next <- fresh; what falls out is overwritten. False when there is no
// randomness: nothing changed.
bool ticket_store_rotate(struct ticket_store *store) MUST_CHECK;
// Three fresh keys: no ticket that is out opens any more. False as above; then keys may be left.
bool ticket_store_renew(struct ticket_store *store) MUST_CHECK;

// --- Tickets ---

// What a ticket is good for.
struct ticket_terms {
    struct slice site;                // its name in the configuration
    struct slice protocol;            // of ALPN; empty: none
    struct slice client_certificates; // the site's policy for them, as bytes; empty: none are asked
    bool post_quantum_required;
};

// One hash over all the terms, each with its name and size.
void ticket_binding(const struct ticket_terms *terms, uint8_t binding[TICKET_BINDING_SIZE]);

// The full handshake that a ticket comes from.
struct ticket_stamp {
    int64_t since_s;      // when it was, wall clock
    uint32_t resumptions; // since then
};

// A ticket where it lies. The room behind data[0..size) is TICKET_STAMP_SIZE at least when it is
// sealed.
struct ticket {
    uint8_t *name; // TICKET_NAME_SIZE bytes, and so on
    uint8_t *iv;
    uint8_t *mac;
    uint8_t *data;
    size_t size;
};

// Seals in place: data and stamp become ciphertext, size grows by TICKET_STAMP_SIZE; name, iv and
// mac are filled. `nonce` must be fresh randomness.
enum result ticket_seal(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE],
                        const uint8_t nonce[TICKET_NONCE_SIZE], const struct ticket_stamp *stamp,
                        struct ticket *ticket) MUST_CHECK;

// Opens in place; size shrinks again. RESULT_ERROR: an unknown key, other terms, damaged, or at the
// end of its chain at `now_s`; the handshake then goes on in full.
enum result ticket_open(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], int64_t now_s,
                        struct ticket *ticket, struct ticket_stamp *stamp) MUST_CHECK;

#endif
