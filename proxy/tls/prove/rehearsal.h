// A rehearsal: handshakes in memory between the linked wolfSSL, set up as for every client
// (context.c), and clients of this program. So `ravelin prove` tests what wolfSSL does.
//
// The checks of tls/handshake/hello.h and flight.h are not used: wolfSSL alone decides. The clients
// are offer.h and probe.h in tls/probe/. The certificates are built in and have no private keys, so
// the signatures of the server are wrong; the client ignores that. No I/O.
#ifndef RAVELIN_TLS_PROVE_REHEARSAL_H
#define RAVELIN_TLS_PROVE_REHEARSAL_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/probe/offer.h"
#include "tls/probe/probe.h"

#include <stdbool.h>
#include <stdint.h>

struct rehearsal;

enum rehearsal_certificate {
    REHEARSAL_P256,
    REHEARSAL_P384,
    REHEARSAL_ED25519,
    REHEARSAL_RSA,
    REHEARSAL_CERTIFICATE_COUNT,
};

// Call tls_library_init() first. NULL: memory is short, or there are no random bytes.
struct rehearsal *rehearsal_new(void);
void rehearsal_free(struct rehearsal *rehearsal); // does nothing to NULL

#define REHEARSAL_NO_ALERT (-1)

struct rehearsal_answer {
    bool accepted;    // the server sent a ServerHello or a HelloRetryRequest
    bool refused;     // the handshake failed. If neither is true, the server waits for more bytes
    int alert;        // if refused: the alert, or REHEARSAL_NO_ALERT
    uint16_t version; // version that the server chose
    uint16_t suite;
    uint16_t group;
};

// Sends these bytes to the server as the first bytes of a client.
void rehearsal_say(struct rehearsal *rehearsal, struct slice bytes,
                   struct rehearsal_answer *answer);
// Sends this ClientHello to the server in one record.
void rehearsal_offer(struct rehearsal *rehearsal, const struct offer *offer,
                     struct rehearsal_answer *answer);

struct rehearsal_outcome {
    bool connected; // the handshake was completed on both sides
    uint16_t suite;
    uint16_t group;
    uint16_t scheme; // of CertificateVerify; 0 when resumed
    bool resumed;
    bool early_data_accepted;
    bool has_ticket;
    struct probe_ticket ticket;
};

// Does a whole handshake, up to and including the session ticket. The caller wipes the ticket.
void rehearsal_connect(struct rehearsal *rehearsal, enum rehearsal_certificate certificate,
                       const struct probe_wishes *wishes, struct rehearsal_outcome *outcome);

#endif
