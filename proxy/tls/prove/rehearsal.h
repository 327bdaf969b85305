// A rehearsal: the TLS library that is linked into this program, set up as it is for every client
// (context.c), before clients that this program plays itself. So `ravelin prove` can ask what the
// library does instead of believing a list.
//
// Nothing stands between the two: what tls/hello refuses before the library sees it is not refused
// here, so the library answers alone. The client's side is tls/offer and tls/client, which know
// nothing of the library's ways. The certificates are built in, without private keys: what the
// server signs is no signature, and the client does not mind. All in memory, no I/O.
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

// NULL: no memory or randomness. The library is initialized (tls_library_init).
struct rehearsal *rehearsal_new(void);
void rehearsal_free(struct rehearsal *rehearsal); // NULL is fine

#define REHEARSAL_NO_ALERT (-1)

struct rehearsal_answer {
    bool accepted;    // a ServerHello or a HelloRetryRequest came
    bool refused;     // the server has given up; neither: it waits for more
    int alert;        // when it has: the alert, or REHEARSAL_NO_ALERT
    uint16_t version; // what was chosen
    uint16_t suite;
    uint16_t group;
};

// What the server says to these bytes, as the first that come from a client.
void rehearsal_say(struct rehearsal *rehearsal, struct slice bytes,
                   struct rehearsal_answer *answer);
// And to this ClientHello in one record.
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

// A whole handshake, up to and with the session ticket. Wipe the ticket when it has served.
void rehearsal_connect(struct rehearsal *rehearsal, enum rehearsal_certificate certificate,
                       const struct probe_wishes *wishes, struct rehearsal_outcome *outcome);

#endif
