// One audit: the tested server, the results so far, and functions for further connections.
//
// audit_begin() has one whole conversation with the server. The checks then make one connection
// each, one after the other. This struct has the data that they share. Every connection is bounded
// in time and bytes, and so is the audit.
#ifndef RAVELIN_DOCTOR_AUDIT_H
#define RAVELIN_DOCTOR_AUDIT_H

#include "doctor/answer.h"
#include "doctor/connection.h"
#include "doctor/conversation.h"
#include "doctor/http2.h"
#include "doctor/path.h"
#include "doctor/trust.h"
#include "tls/probe/offer.h"

#define AUDIT_TICKETS_MAX 8
#define PROBE_SIZE_MAX ((size_t)128 * 1024)
#define CHAIN_SENT_MAX 10

enum legacy_version { LEGACY_SSL3, LEGACY_TLS10, LEGACY_TLS11, LEGACY_TLS12, LEGACY_COUNT };

struct audit {
    struct target target;
    struct address address; // address that accepted the connection
    struct trust trust;     // CAs that the caller trusts
    int64_t timeout_us;     // longest time of a connection
    int64_t deadline_us;    // end of the audit
    int64_t now;            // seconds since 1970, for dates

    // Results of the first conversation:
    bool connected; // a TLS 1.3 handshake was completed
    bool speaks_tls;
    char first_text[CONVERSATION_TEXT_SIZE]; // end of the conversation as text
    enum ending first_ending;
    struct probe_facts facts; // its slices are no longer valid
    uint16_t http_status;     // 0: no HTTP
    bool speaks_http2;        // ALPN chose h2
    uint16_t http2_status;    // of a normal request; 0: no response
    size_t ticket_count;
    size_t next_ticket;
    size_t tickets_seen;
    struct probe_ticket tickets[AUDIT_TICKETS_MAX];

    // Results of probes that several checks need:
    bool legacy_asked[LEGACY_COUNT];
    struct answer legacy[LEGACY_COUNT];
    struct flight flights[LEGACY_COUNT]; // bytes of `legacy`

    // Certificates of the server: in TLS 1.3, or else in an older version.
    size_t certificate_count;
    bool certificate_is_bad; // one of them is malformed
    struct x509 certificates[CHAIN_SENT_MAX];
    struct slice staple;
    struct path path;
    uint8_t kept[PROBE_MESSAGE_MAX]; // bytes of the slices above

    char request[512];                // memory of audit_request()
    struct flight flight;             // of the last probe
    uint8_t received[PROBE_SIZE_MAX]; // bytes received by the last probe
};

// Begins an audit. The caller sets the target, the trust and the times, and zeroes the others.
// RESULT_ERROR: no address can be reached; `error` has the reason.
enum result audit_begin(struct audit *audit, char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;
void audit_end(struct audit *audit); // wipes the tickets
bool audit_is_late(const struct audit *audit);

// Sends a ClientHello on a new connection. The answer's slices are valid until the next probe. In
// TLS 1.2 and older, the answer has the whole flight.
void audit_probe(struct audit *audit, const struct offer *offer, struct answer *answer);
// The same with any bytes.
void audit_probe_bytes(struct audit *audit, struct slice bytes, struct answer *answer);

// Returns an offer of TLS 1.2 or older with the usual extensions and without suites.
struct offer audit_legacy_offer(const struct audit *audit, uint16_t version);
// Returns an offer of TLS 1.3 with these groups and without key shares. A server that supports one
// of the groups asks for a share of it.
struct offer audit_offer(const struct audit *audit, struct numbers groups);
// Returns the answer to an offer of at most this version. The probe is made once.
const struct answer *audit_legacy(struct audit *audit, enum legacy_version version);
// Returns the answer for the newest older version that the server accepts. NULL: it accepts none.
const struct answer *audit_accepted_legacy(struct audit *audit);

// The wishes for a normal handshake.
struct probe_wishes audit_wishes(const struct audit *audit);
void audit_converse(struct audit *audit, const struct probe_wishes *wishes,
                    struct conversation *conversation);
// The same with HTTP/2. NULL: memory is short.
struct http2_client *audit_converse_http2(struct audit *audit);
// Returns an unused ticket, from a new conversation if needed. NULL: the server sends none.
const struct probe_ticket *audit_ticket(struct audit *audit);
// Returns "GET / HTTP/1.1" with Host, Connection: close and the empty line.
struct slice audit_request(struct audit *audit);

#endif
