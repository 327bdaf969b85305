// A TLS 1.3 client that tests servers, for `ravelin doctor` and `ravelin prove`. It can ask for
// things that a server should refuse (PSK without a key exchange, early data), completes the
// handshake with every certificate, and records what the server did. No user data pass through it:
// it trusts no server. wolfCrypt does the cryptography; wolfSSL's client is not used.
//
// The handshake continues only if the messages have the order and form of RFC 8446, the server
// chose from the offer, its records are authentic and its Finished is correct. Whether
// CertificateVerify is correct is only recorded (facts->signature).
//
// No I/O: probe_feed() accepts received bytes, probe_advance() processes them, and probe_output()
// has the bytes to send. Bounds: PROBE_MESSAGE_MAX bytes of a handshake message,
// PROBE_TRANSCRIPT_MAX bytes of the transcript, PROBE_TICKETS_MAX tickets. The caller limits the
// number of records.
//
// Owner: the caller. Slices in the facts are valid as long as the client. probe_free() wipes
// secrets.
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

// A session ticket that can be offered. It may be copied. It contains a secret.
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

// The parameters of a handshake. probe_new() copies lists and slices.
struct probe_wishes {
    struct slice name; // SNI; empty: none
    struct numbers suites;
    struct numbers groups;
    struct numbers signatures;
    struct numbers shares; // groups to send a key share for, at most OFFER_SHARES_MAX
    const struct probe_ticket *ticket;
    unsigned modes;          // psk_mode bits, with or without a ticket
    bool http2;              // offer h2 in place of http/1.1 (ALPN)
    struct slice early_data; // sent with the ticket's key before the server's first message
};

struct probe_facts {
    uint16_t suite;
    uint16_t group; // 0: no key exchange took place
    bool retried;   // the server sent a HelloRetryRequest
    bool resumed;
    bool early_data_accepted;
    bool asked_for_certificate;
    bool http2;                // the server chose h2 (ALPN)
    uint16_t scheme;           // of CertificateVerify; 0: not received
    enum verdict signature;    // of CertificateVerify
    struct slice certificates; // the list of CertificateEntry, as received
    bool has_alert;            // the server sent a fatal alert
    uint8_t alert;             // number of that alert
    bool alert_was_protected;
};

enum probe_event {
    PROBE_NOTHING,
    PROBE_HANDSHAKE_DONE,
    PROBE_DATA,   // application data in *data
    PROBE_TICKET, // probe_tickets() has one more
    PROBE_ALERT,  // a fatal alert; see the facts
    PROBE_CLOSED, // close_notify
};

// NULL: memory is short, there are no random bytes, or this build does not support a wish.
struct probe *probe_new(const struct probe_wishes *wishes);
void probe_free(struct probe *client);

// Copies received bytes, as far as there is room, and returns their number. probe_advance() makes
// room.
size_t probe_feed(struct probe *client, const void *data, size_t size);

// Processes the received bytes.
//   OK     *event; *data is valid until the next call. No event follows PROBE_ALERT or PROBE_CLOSED
//   AGAIN  feed more bytes
//   ERROR  the handshake or connection failed; see probe_failure()
enum result probe_advance(struct probe *client, enum probe_event *event,
                          struct slice *data) MUST_CHECK;

// The bytes to send. probe_sent() removes the first `size` of them.
struct slice probe_output(const struct probe *client);
void probe_sent(struct probe *client, size_t size);

// For use after the handshake. `message`: any handshake message, right or wrong, with its header.
// RESULT_ERROR: not connected, or no room in the output.
enum result probe_send_data(struct probe *client, struct slice data) MUST_CHECK;
enum result probe_send_message(struct probe *client, struct slice message) MUST_CHECK;
enum result probe_send_close(struct probe *client) MUST_CHECK;

const struct probe_facts *probe_facts(const struct probe *client);
bool probe_is_connected(const struct probe *client);
size_t probe_tickets(const struct probe *client, const struct probe_ticket **tickets);
// The number of tickets received, also of those that were too many or too long to keep.
size_t probe_ticket_count(const struct probe *client);
const char *probe_failure(const struct probe *client);

#endif
