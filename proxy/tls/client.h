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
// No I/O: client_feed() takes bytes from the wire, client_advance() works on them, client_output()
// is what is to be sent. Everything a server can make grow has a bound: a handshake message
// CLIENT_MESSAGE_MAX, the transcript CLIENT_TRANSCRIPT_MAX, tickets CLIENT_TICKETS_MAX; how many
// records are taken altogether is the caller's to limit.
//
// Owner: the caller. Slices in the facts live as long as the client. Secrets are wiped in
// client_free().
#ifndef RAVELIN_TLS_CLIENT_H
#define RAVELIN_TLS_CLIENT_H

#include "base/result.h"
#include "base/slice.h"
#include "tls/offer.h"
#include "tls/record.h"
#include "tls/verify.h"

#include <stdbool.h>
#include <stdint.h>

#define CLIENT_MESSAGE_MAX ((size_t)65536)
#define CLIENT_TRANSCRIPT_MAX ((size_t)3 * 65536)
#define CLIENT_TICKET_SIZE_MAX 4096
#define CLIENT_TICKETS_MAX 4
#define CLIENT_FAILURE_SIZE 160

struct tls_client;

// A session ticket, ready to be offered. Copyable; holds a secret.
struct client_ticket {
    uint16_t suite;
    uint8_t psk[RECORD_SECRET_MAX];
    size_t psk_size;
    uint32_t lifetime_s;
    uint32_t age_add;
    int64_t received_us; // monotonic
    bool allows_early_data;
    uint32_t early_data_max; // bytes
    size_t size;
    uint8_t data[CLIENT_TICKET_SIZE_MAX];
};

// What to ask for. Lists are copied, slices too.
struct client_wishes {
    struct slice name; // SNI; empty: none
    struct numbers suites;
    struct numbers groups;
    struct numbers signatures;
    struct numbers shares; // groups to send a key share for, at most OFFER_SHARES_MAX
    const struct client_ticket *ticket;
    unsigned modes;          // psk_mode bits; with or without a ticket
    struct slice early_data; // sent under the ticket's key before the server has answered
};

struct client_facts {
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

enum client_event {
    CLIENT_NOTHING,
    CLIENT_HANDSHAKE_DONE,
    CLIENT_DATA,   // *data
    CLIENT_TICKET, // one more in client_tickets()
    CLIENT_ALERT,  // a fatal alert, in facts
    CLIENT_CLOSED, // close_notify
};

// NULL: no memory or randomness, or a wish this build cannot do.
struct tls_client *client_new(const struct client_wishes *wishes);
void client_free(struct tls_client *client);

// Takes as many bytes as there is room for, and says how many; client_advance() makes room.
size_t client_feed(struct tls_client *client, const void *data, size_t size);

// RESULT_OK: something happened; *data is valid until the next call. RESULT_AGAIN: feed more.
// RESULT_ERROR: over; client_failure() says why. After CLIENT_ALERT and CLIENT_CLOSED nothing more
// comes.
enum result client_advance(struct tls_client *client, enum client_event *event,
                           struct slice *data) MUST_CHECK;

// What is to be sent; the caller says how much of it was.
struct slice client_output(const struct tls_client *client);
void client_sent(struct tls_client *client, size_t size);

// After the handshake. RESULT_ERROR: not now, or too much. A message is any handshake message,
// right or wrong, header included.
enum result client_send_data(struct tls_client *client, struct slice data) MUST_CHECK;
enum result client_send_message(struct tls_client *client, struct slice message) MUST_CHECK;
enum result client_send_close(struct tls_client *client) MUST_CHECK;

const struct client_facts *client_facts(const struct tls_client *client);
bool client_is_connected(const struct tls_client *client);
size_t client_tickets(const struct tls_client *client, const struct client_ticket **tickets);
// How many tickets came, also those that were too many or too long to be kept.
size_t client_ticket_count(const struct tls_client *client);
const char *client_failure(const struct tls_client *client);

#endif
