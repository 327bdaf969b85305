// Session-ticket keys and the sealing of tickets (RFC 8446 4.6.1, RFC 5077 4).
//
// Keys. There are three, in locked memory that is in no core dump: `next`, `current` (seals and
// opens) and `previous` (opens only). They are stored nowhere else. The kernel writes random bytes
// directly over the oldest key, so no key passes through the registers or the stack of the master.
// A worker copies a key to its stack for one ticket, and wipes the copy and all that it derived.
// Only the process that made the store writes it: the master, on a timer. Workers have a read-only
// view. Processes that are not forked while the store is lent have no view. A sequence lock
// protects readers.
//
// Tickets are sealed with AES-256-GCM and a random 96-bit nonce. The additional data bind a ticket
// to the name of its key and to its terms (ticket_binding()): the site, the protocol, the policy
// for client certificates, and whether a post-quantum key exchange is required. If a term has
// changed, by SNI, by ALPN or by a reload, the handshake is a full one.
//
// Time. A ticket resumes until its age is over the present ticket-lifetime. So a reload with a
// lower lifetime applies to tickets that clients already have. wolfSSL compares the age with the
// age that the client sends, so that a clock that was set back makes no old ticket valid. A reload
// that turns tickets off or on replaces all keys: no ticket from before resumes.
//
// Chains. A resumed connection gets a new ticket. Without a limit, the proof of the first full
// handshake would be valid without end. So each ticket has a stamp of that handshake: a session
// resumes until TICKET_CHAIN_SECONDS after it, and TICKET_CHAIN_MAX times in a row (RFC 8446 4.6.1
// recommends a limit; wolfSSL 5.9.2 counts resumptions in a byte and fails after 255).
//
// A ticket never resumes without a new key exchange (psk_dhe_ke only, with the groups of the
// present policy), and never allows early data. A valid ticket may be used several times: without
// early data, a replayed ClientHello gains nothing.
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

// With new keys, not lent. NULL: memory is short, or there are no random bytes.
struct ticket_store *ticket_store_new(void);
// For the owner: wipes the keys. Does nothing to NULL.
void ticket_store_free(struct ticket_store *store);
// Sets whether processes that are forked from now on can read the keys.
void ticket_store_lend(struct ticket_store *store, bool lend);
// Rotates: previous <- current <- next <- a new key. The old `previous` is overwritten. False: no
// random bytes; nothing has changed.
bool ticket_store_rotate(struct ticket_store *store) MUST_CHECK;
// Replaces all three keys: no ticket that a client has opens. False: no random bytes; old keys may
// be left.
bool ticket_store_renew(struct ticket_store *store) MUST_CHECK;

// The keys, for the next master of an upgrade (process/handover.h). They are copied from one locked
// memory to another. The caller wipes its copy.
#define TICKET_KEYS_LAYOUT 1 // changes with the format of the bytes and with the sealing of tickets
#define TICKET_KEYS_SIZE 148
void ticket_store_copy_out(const struct ticket_store *store, uint8_t keys[TICKET_KEYS_SIZE]);
// Replaces the keys of the store. False: these bytes are not keys; nothing has changed.
bool ticket_store_copy_in(struct ticket_store *store,
                          const uint8_t keys[TICKET_KEYS_SIZE]) MUST_CHECK;

// --- Tickets ---

// The terms under which a ticket is valid.
struct ticket_terms {
    struct slice site;                // name of the site in the configuration
    struct slice protocol;            // of ALPN; empty: none
    struct slice client_certificates; // tls_contexts_client_policy(); empty: no client-ca
    bool post_quantum_required;
};

// A hash of all terms, each with its name and size.
void ticket_binding(const struct ticket_terms *terms, uint8_t binding[TICKET_BINDING_SIZE]);

// The full handshake that a ticket comes from.
struct ticket_stamp {
    int64_t since_s;      // time of the handshake, wall clock
    uint32_t resumptions; // in a row since then
};

// A ticket in memory of the caller. To seal it, TICKET_STAMP_SIZE bytes behind data[0..size) must
// be writable.
struct ticket {
    uint8_t *name; // [TICKET_NAME_SIZE]
    uint8_t *iv;   // [TICKET_IV_SIZE]
    uint8_t *mac;  // [TICKET_MAC_SIZE]
    uint8_t *data;
    size_t size;
};

// Seals in place: data and stamp become ciphertext, size grows by TICKET_STAMP_SIZE, and name, iv
// and mac are filled. `nonce`: random bytes that were never used before. RESULT_ERROR: the library
// failed.
enum result ticket_seal(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE],
                        const uint8_t nonce[TICKET_NONCE_SIZE], const struct ticket_stamp *stamp,
                        struct ticket *ticket) MUST_CHECK;

// Opens in place; size shrinks by TICKET_STAMP_SIZE. RESULT_ERROR: unknown key, other terms,
// damage, or the end of the chain at `now_s`; continue with a full handshake.
enum result ticket_open(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], int64_t now_s,
                        struct ticket *ticket, struct ticket_stamp *stamp) MUST_CHECK;

#endif
