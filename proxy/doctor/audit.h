// One audit: who is looked at, what is known of it so far, and the means to ask it more.
//
// audit_begin() has one whole conversation with the server; the checks then ask one question each,
// with a connection of its own, one after the other. What they share is in here. Every connection
// is bounded in time and bytes, and so is the whole.
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
    struct address address; // the one that answered
    struct trust trust;     // whom the caller trusts
    int64_t timeout_us;     // of a connection, from its beginning to its end
    int64_t deadline_us;    // of the whole
    int64_t now;            // seconds since 1970, for dates

    // Of the first conversation.
    bool connected; // it got through a TLS 1.3 handshake
    bool speaks_tls;
    char first_text[CONVERSATION_TEXT_SIZE]; // how it ended
    enum ending first_ending;
    struct probe_facts facts; // its slices point nowhere any more
    uint16_t http_status;     // 0: no HTTP
    bool speaks_http2;        // ALPN chose h2
    uint16_t http2_status;    // of an ordinary request; 0: no response
    size_t ticket_count;
    size_t next_ticket;
    size_t tickets_seen;
    struct probe_ticket tickets[AUDIT_TICKETS_MAX];

    // Of probes that several checks ask for.
    bool legacy_asked[LEGACY_COUNT];
    struct answer legacy[LEGACY_COUNT];
    struct flight flights[LEGACY_COUNT]; // what they point to

    // What the server shows: of TLS 1.3, else of an older version.
    size_t certificate_count;
    bool certificate_is_bad; // one of them cannot be read
    struct x509 certificates[CHAIN_SENT_MAX];
    struct slice staple;
    struct path path;
    uint8_t kept[PROBE_MESSAGE_MAX]; // what the slices above point to

    char request[512];                // audit_request()
    struct flight flight;             // of the last probe
    uint8_t received[PROBE_SIZE_MAX]; // by the last probe
};

// The target, the trust and the times are the caller's to set; everything else begins as zeros.
// RESULT_ERROR: nobody can be reached; `error` says why.
enum result audit_begin(struct audit *audit, char error[CONNECTION_ERROR_SIZE]) MUST_CHECK;
void audit_end(struct audit *audit); // wipes the tickets
bool audit_is_late(const struct audit *audit);

// A ClientHello on a connection of its own. The answer's slices are valid until the next probe. In
// TLS 1.2 and older the answer is the whole flight.
void audit_probe(struct audit *audit, const struct offer *offer, struct answer *answer);
// Any bytes.
void audit_probe_bytes(struct audit *audit, struct slice bytes, struct answer *answer);

// An offer of TLS 1.2 or older, with everything usual in it but suites.
struct offer audit_legacy_offer(const struct audit *audit, uint16_t version);
// An offer of TLS 1.3 with these groups and without key shares: a server that knows one of them
// asks for it.
struct offer audit_offer(const struct audit *audit, struct numbers groups);
// The answer to an offer of nothing newer than this, asked for once.
const struct answer *audit_legacy(struct audit *audit, enum legacy_version version);
// The newest of the older versions that the server takes; NULL when it takes none.
const struct answer *audit_accepted_legacy(struct audit *audit);

// Wishes for an ordinary handshake.
struct probe_wishes audit_wishes(const struct audit *audit);
void audit_converse(struct audit *audit, const struct probe_wishes *wishes,
                    struct conversation *conversation);
// The same with HTTP/2. NULL: memory is short.
struct http2_client *audit_converse_http2(struct audit *audit);
// A ticket nobody has used yet, if need be from a new conversation; NULL when the server has none.
const struct probe_ticket *audit_ticket(struct audit *audit);
// "GET / HTTP/1.1" with Host, Connection: close and the empty line.
struct slice audit_request(struct audit *audit);

#endif
