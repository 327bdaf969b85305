// A TLS 1.3 client that watches: for `ravelin doctor`, which has to see what a library hides. It
// asks for what it is told to ask for, also for what no server should grant (PSK without a key
// exchange, early data), goes through with the handshake whatever the certificate is like, and
// notes what the server did. Nothing a user's data go through: it judges nothing and trusts nobody.
// wolfCrypt does the cryptography; wolfSSL's own client is not used.
//
// What must hold for the handshake to go on: the messages come in RFC 8446's order and are well
// formed, the server chose from what was offered, its records authenticate and its Finished is
// right. Whether CertificateVerify is right is noted only (facts->signature).
//
// No I/O: probe_feed() takes bytes from the wire, probe_advance() works on them, probe_output()
// is what is to be sent. Everything a server can make grow has a bound: a handshake message
// PROBE_MESSAGE_MAX, the transcript PROBE_TRANSCRIPT_MAX, tickets PROBE_TICKETS_MAX; how many
// records are taken altogether is the caller's to limit.
//
// Owner: the caller. Slices in the facts live as long as the client. Secrets are wiped in
// probe_free().
#ifndef RAVELIN_TLS_PROBE_PROBE_H
#define RAVELIN_TLS_PROBE_PROBE_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/certificate/verify.h"
#include "tls/probe/offer.h"
#include "tls/record/record.h"

#include <stdbool.h>
#include <stdint.h>

#define PROBE_MESSAGE_MAX ((size_t)65536)
#define PROBE_TRANSCRIPT_MAX ((size_t)3 * 65536)
#define PROBE_TICKET_SIZE_MAX 4096
#define PROBE_TICKETS_MAX 4
#define PROBE_FAILURE_SIZE 160

struct probe;

// A session ticket, ready to be offered. Copyable; holds a secret.
struct probe_ticket {
    uint16_t suite;
    uint8_t psk[RECORD_SECRET_MAX];
    size_t psk_size;
    uint32_t lifetime_s;
    uint32_t age_add;
    int64_t received_us; // monotonic
    bool allows_early_data;
    uint32_t early_data_max; // bytes
    size_t size;
    uint8_t data[PROBE_TICKET_SIZE_MAX];
};

// What to ask for. Lists are copied, slices too.
struct probe_wishes {
    struct slice name; // SNI; empty: none
    struct numbers suites;
    struct numbers groups;
    struct numbers signatures;
    struct numbers shares; // groups to send a key share for, at most OFFER_SHARES_MAX
    const struct probe_ticket *ticket;
    unsigned modes;          // psk_mode bits; with or without a ticket
    struct slice early_data; // sent under the ticket's key before the server has answered
};

struct probe_facts {
    uint16_t suite;
    uint16_t group; // 0: no key exchange took place
    bool retried;   // there was a HelloRetryRequest
    bool resumed;
    bool early_data_accepted;
    bool asked_for_certificate;
    uint16_t scheme;           // of CertificateVerify; 0: none came
    enum verdict signature;    // is it right?
    struct slice certificates; // the list of CertificateEntry, as received
    bool has_alert;            // the server sent a fatal alert:
    uint8_t alert;
    bool alert_was_protected;
};

enum probe_event {
    PROBE_NOTHING,
    PROBE_HANDSHAKE_DONE,
    PROBE_DATA,   // *data
    PROBE_TICKET, // one more in probe_tickets()
    PROBE_ALERT,  // a fatal alert, in facts
    PROBE_CLOSED, // close_notify
};

// NULL: no memory or randomness, or a wish this build cannot do.
struct probe *probe_new(const struct probe_wishes *wishes);
void probe_free(struct probe *client);

// Takes as many bytes as there is room for, and says how many; probe_advance() makes room.
size_t probe_feed(struct probe *client, const void *data, size_t size);

// RESULT_OK: something happened; *data is valid until the next call. RESULT_AGAIN: feed more.
// RESULT_ERROR: over; probe_failure() says why. After PROBE_ALERT and PROBE_CLOSED nothing more
// comes.
enum result probe_advance(struct probe *client, enum probe_event *event,
                          struct slice *data) MUST_CHECK;

// What is to be sent; the caller says how much of it was.
struct slice probe_output(const struct probe *client);
void probe_sent(struct probe *client, size_t size);

// After the handshake. RESULT_ERROR: not now, or too much. A message is any handshake message,
// right or wrong, header included.
enum result probe_send_data(struct probe *client, struct slice data) MUST_CHECK;
enum result probe_send_message(struct probe *client, struct slice message) MUST_CHECK;
enum result probe_send_close(struct probe *client) MUST_CHECK;

const struct probe_facts *probe_facts(const struct probe *client);
bool probe_is_connected(const struct probe *client);
size_t probe_tickets(const struct probe *client, const struct probe_ticket **tickets);
// How many tickets came, also those that were too many or too long to be kept.
size_t probe_ticket_count(const struct probe *client);
const char *probe_failure(const struct probe *client);

#endif
