#include "doctor/audit.h"

#include "base/clock.h"
#include "base/reader.h"
#include "base/secret.h"
#include "doctor/suites.h"
#include "tls/probe/key_exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define FIRST_BUDGET ((size_t)4 * 1024 * 1024)
#define CONVERSATION_BUDGET ((size_t)256 * 1024)

static const uint16_t SUITES_13[] = {SUITE_AES_128_GCM_SHA256, SUITE_AES_256_GCM_SHA384,
                                     SUITE_CHACHA20_POLY1305_SHA256};
static const uint16_t SIGNATURES[] = {0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805,
                                      0x0806, 0x0809, 0x080a, 0x080b, 0x0808};
// The schemes of TLS 1.2, with obsolete ones.
static const uint16_t LEGACY_SIGNATURES[] = {0x0403, 0x0503, 0x0603, 0x0804, 0x0805, 0x0806, 0x0401,
                                             0x0501, 0x0601, 0x0203, 0x0201, 0x0202, 0x0301};
static const uint16_t LEGACY_GROUPS[] = {GROUP_X25519, GROUP_P256, GROUP_P384, GROUP_P521, 0x001e,
                                         0x0015,       0x0016,     0x0100,     0x0101};
static const uint16_t CLASSICAL_GROUPS[] = {GROUP_X25519, GROUP_P256, GROUP_P384, GROUP_P521};
static const uint16_t GROUPS[] = {GROUP_X25519MLKEM768, GROUP_SECP256R1MLKEM768,
                                  GROUP_X25519,         GROUP_P256,
                                  GROUP_P384,           GROUP_P521};
static const uint16_t SHARES[] = {GROUP_X25519MLKEM768, GROUP_X25519};

// --- Bounds ---

bool audit_is_late(const struct audit *audit) {
    return clock_monotonic_us() >= audit->deadline_us;
}

// The deadline of a connection that begins now.
static int64_t deadline_of(const struct audit *audit) {
    int64_t deadline_us = clock_monotonic_us() + audit->timeout_us;
    return deadline_us < audit->deadline_us ? deadline_us : audit->deadline_us;
}

// --- Probes ---

static struct slice received(const uint8_t *buffer, size_t size) {
    return (struct slice){(const char *)buffer, size};
}

// Sends and reads until the answer is complete, or until none can follow.
static void ask(struct audit *audit, struct slice bytes, bool whole, struct flight *flight,
                struct answer *answer) {
    struct connection connection;
    char error[CONNECTION_ERROR_SIZE];
    uint8_t *buffer = audit->received;
    size_t size = 0;
    *answer = (struct answer){.kind = ANSWER_LOST};
    if (connection_open(&connection, &audit->address, deadline_of(audit), PROBE_SIZE_MAX, error) !=
        RESULT_OK) {
        return;
    }
    *answer = (struct answer){.kind = ANSWER_NONE};
    // A server that refuses may close before it has read everything, so its reply is read in any
    // case.
    (void)(connection_send(&connection, bytes) == RESULT_OK);
    for (;;) {
        size_t more;
        enum result result =
            connection_receive(&connection, buffer + size, PROBE_SIZE_MAX - size, &more);
        size += more;
        if (result == RESULT_OK) {
            if (answer_read(received(buffer, size), whole, flight, answer) == RESULT_OK) {
                break;
            }
            continue;
        }
        if (answer->kind == ANSWER_NONE && result != RESULT_AGAIN) {
            answer->kind = size > 0               ? ANSWER_STRANGE
                           : result == RESULT_EOF ? ANSWER_CLOSED
                                                  : ANSWER_RESET;
        } else if (answer->kind == ANSWER_NONE && size > 0) {
            answer->kind = ANSWER_STRANGE;
        }
        break;
    }
    connection_close(&connection);
}

static uint16_t record_version_of(uint16_t version) {
    return version == VERSION_SSL3 ? VERSION_SSL3 : VERSION_TLS10;
}

static void probe(struct audit *audit, const struct offer *offer, struct flight *flight,
                  struct answer *answer) {
    uint8_t random[OFFER_RANDOM_SIZE];
    uint8_t message_bytes[4096];
    uint8_t record_bytes[sizeof(message_bytes) + 5];
    struct builder message = builder_over(message_bytes, sizeof(message_bytes));
    struct builder record = builder_over(record_bytes, sizeof(record_bytes));
    *answer = (struct answer){.kind = ANSWER_LOST};
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
        return;
    }
    offer_write(offer, random, &message);
    offer_write_record(record_version_of(offer->version), received(message.data, message.size),
                       &record);
    if (!message.overflow && !record.overflow) {
        ask(audit, received(record.data, record.size), true, flight, answer);
    }
}

void audit_probe(struct audit *audit, const struct offer *offer, struct answer *answer) {
    probe(audit, offer, &audit->flight, answer);
}

void audit_probe_bytes(struct audit *audit, struct slice bytes, struct answer *answer) {
    ask(audit, bytes, false, &audit->flight, answer);
}

struct offer audit_legacy_offer(const struct audit *audit, uint16_t version) {
    struct offer offer = {
        .version = version,
        .name = slice_from(audit->target.name),
        .groups = NUMBERS(LEGACY_GROUPS),
        .legacy = true,
        .http1 = true,
        .ocsp = true,
    };
    if (version == VERSION_TLS12) {
        offer.signatures = NUMBERS(LEGACY_SIGNATURES);
    }
    return offer;
}

struct offer audit_offer(const struct audit *audit, struct numbers groups) {
    static const uint16_t versions[] = {VERSION_TLS13};
    return (struct offer){
        .version = VERSION_TLS12,
        .suites = NUMBERS(SUITES_13),
        .name = slice_from(audit->target.name),
        .versions = NUMBERS(versions),
        .groups = groups,
        .signatures = NUMBERS(SIGNATURES),
        .has_shares = true,
        .http1 = true,
        .modes = PSK_DHE_KE,
    };
}

// --- Certificates ---

// Reads a list of certificates in the form of TLS 1.3 (with extensions for each) or of TLS 1.2.
static void read_certificates(struct audit *audit, struct slice list, bool with_extensions) {
    enum { STATUS_REQUEST = 5 };
    struct reader reader = reader_of(list);
    while (reader_more(&reader) && audit->certificate_count < CHAIN_SENT_MAX) {
        struct slice der = read_vector(&reader, 3);
        struct reader extensions = {NULL, 0, false};
        if (with_extensions) {
            extensions = reader_of(read_vector(&reader, 2));
        }
        if (reader.bad ||
            x509_parse(der, &audit->certificates[audit->certificate_count]) != RESULT_OK) {
            audit->certificate_is_bad = true;
            return;
        }
        while (reader_more(&extensions)) {
            uint32_t type = read_number(&extensions, 2);
            struct reader content = reader_of(read_vector(&extensions, 2));
            if (type == STATUS_REQUEST && audit->certificate_count == 0 &&
                read_number(&content, 1) == 1) { // ocsp
                audit->staple = read_vector(&content, 3);
            }
        }
        audit->certificate_count++;
    }
}

// --- What is asked for once ---

static const uint16_t LEGACY_VERSIONS[LEGACY_COUNT] = {VERSION_SSL3, VERSION_TLS10, VERSION_TLS11,
                                                       VERSION_TLS12};

const struct answer *audit_legacy(struct audit *audit, enum legacy_version version) {
    struct answer *answer = &audit->legacy[version];
    if (!audit->legacy_asked[version]) {
        uint16_t suites[SUITES_MAX];
        struct offer offer = audit_legacy_offer(audit, LEGACY_VERSIONS[version]);
        offer.suites = (struct numbers){suites, suites_with(SUITE_ANY | SUITE_GOOD, suites)};
        probe(audit, &offer, &audit->flights[version], answer);
        audit->legacy_asked[version] = true;
    }
    return answer;
}

const struct answer *audit_accepted_legacy(struct audit *audit) {
    for (int version = LEGACY_TLS12; version >= LEGACY_SSL3; version--) {
        const struct answer *answer = audit_legacy(audit, (enum legacy_version)version);
        if (answer->kind == ANSWER_HELLO) {
            return answer;
        }
    }
    return NULL;
}

// --- Conversations ---

struct probe_wishes audit_wishes(const struct audit *audit) {
    bool has_hybrids = key_exchange_knows(GROUP_X25519MLKEM768);
    struct probe_wishes wishes = {
        .name = slice_from(audit->target.name),
        .suites = NUMBERS(SUITES_13),
        .groups = NUMBERS(GROUPS),
        .signatures = NUMBERS(SIGNATURES),
        .shares = NUMBERS(SHARES),
        .modes = PSK_DHE_KE,
    };
    if (!has_hybrids) {
        wishes.groups = NUMBERS(CLASSICAL_GROUPS);
        wishes.shares = (struct numbers){CLASSICAL_GROUPS, 1};
    }
    return wishes;
}

void audit_converse(struct audit *audit, const struct probe_wishes *wishes,
                    struct conversation *conversation) {
    conversation_open(conversation, &audit->address, deadline_of(audit), CONVERSATION_BUDGET,
                      wishes);
}

struct http2_client *audit_converse_http2(struct audit *audit) {
    struct probe_wishes wishes = audit_wishes(audit);
    return http2_client_open(&audit->address, deadline_of(audit), CONVERSATION_BUDGET, &wishes);
}

struct slice audit_request(struct audit *audit) {
    int size = snprintf(audit->request, sizeof(audit->request),
                        "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                        audit->target.authority);
    return (struct slice){audit->request, (size_t)size};
}

static void keep_tickets(struct audit *audit, const struct conversation *conversation) {
    const struct probe_ticket *tickets;
    size_t count = probe_tickets(conversation->client, &tickets);
    audit->tickets_seen += probe_ticket_count(conversation->client);
    for (size_t i = 0; i < count && audit->ticket_count < AUDIT_TICKETS_MAX; i++) {
        audit->tickets[audit->ticket_count++] = tickets[i];
    }
}

const struct probe_ticket *audit_ticket(struct audit *audit) {
    if (audit->next_ticket >= audit->ticket_count && audit->tickets_seen > 0) {
        struct conversation conversation;
        struct probe_wishes wishes = audit_wishes(audit);
        audit_converse(audit, &wishes, &conversation);
        conversation_send(&conversation, audit_request(audit));
        conversation_read_end(&conversation);
        keep_tickets(audit, &conversation);
        conversation_close(&conversation);
    }
    return audit->next_ticket < audit->ticket_count ? &audit->tickets[audit->next_ticket++] : NULL;
}

// --- Beginning and end ---

// Connects to each address until one accepts.
static enum result find_address(struct audit *audit, char error[CONNECTION_ERROR_SIZE]) {
    for (size_t i = 0; i < audit->target.address_count; i++) {
        struct connection connection;
        if (connection_open(&connection, &audit->target.addresses[i], deadline_of(audit), 0,
                            error) == RESULT_OK) {
            connection_close(&connection);
            audit->address = audit->target.addresses[i];
            return RESULT_OK;
        }
    }
    return RESULT_ERROR;
}

static void have_first_conversation(struct audit *audit) {
    struct conversation conversation;
    struct probe_wishes wishes = audit_wishes(audit);
    conversation_open(&conversation, &audit->address, deadline_of(audit), FIRST_BUDGET, &wishes);
    audit->connected = conversation.connected;
    if (audit->connected) {
        conversation_send(&conversation, audit_request(audit));
        conversation_read_end(&conversation);
        audit->http_status = conversation_status(&conversation);
        keep_tickets(audit, &conversation);
    }
    conversation_text(&conversation, audit->first_text);
    audit->first_ending = conversation.ending;
    if (conversation.client != NULL) {
        audit->facts = *probe_facts(conversation.client);
        struct slice list = audit->facts.certificates; // no longer than PROBE_MESSAGE_MAX
        if (list.size > 0) {
            memcpy(audit->kept, list.data, list.size);
        }
        read_certificates(audit, received(audit->kept, list.size), true);
    }
    conversation_close(&conversation);
}

// A server without TLS 1.3 sends its certificates to clients with older versions.
static void look_at_older_versions(struct audit *audit) {
    enum answer_kind kind = audit_legacy(audit, LEGACY_TLS12)->kind;
    if (kind != ANSWER_HELLO && kind != ANSWER_ALERT) {
        return; // no TLS: the older versions would have to wait, each for itself
    }
    audit->speaks_tls = true;
    const struct answer *accepted = audit_accepted_legacy(audit);
    if (accepted != NULL) {
        read_certificates(audit, accepted->certificates, false);
        audit->staple = accepted->staple;
    }
}

// Tests whether the server supports HTTP/2, and its response to a normal request.
static void look_at_http2(struct audit *audit) {
    struct http2_client *client = audit_converse_http2(audit);
    if (client == NULL) {
        return;
    }
    audit->speaks_http2 = http2_client_is_spoken_to(client);
    if (audit->speaks_http2) {
        const struct http2_client_request request = {.authority =
                                                         slice_from(audit->target.authority)};
        http2_client_put_request(client, 1, &request);
        http2_client_read_answer(client);
        audit->http2_status = client->status;
    }
    http2_client_close(client);
}

enum result audit_begin(struct audit *audit, char error[CONNECTION_ERROR_SIZE]) {
    audit->now = clock_wall_us() / 1000000;
    if (find_address(audit, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    have_first_conversation(audit);
    audit->speaks_tls = audit->connected || audit->facts.has_alert;
    if (!audit->connected) {
        look_at_older_versions(audit);
    } else {
        look_at_http2(audit);
    }
    path_find(audit->certificates, audit->certificate_count, &audit->trust, audit->now,
              &audit->path);
    return RESULT_OK;
}

void audit_end(struct audit *audit) {
    secret_wipe(audit->tickets, sizeof(audit->tickets));
}
