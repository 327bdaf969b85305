// The structs and functions that the files of the probe share. Only its tests include it, too.
#ifndef RAVELIN_TLS_PROBE_PROBE_INTERNAL_H
#define RAVELIN_TLS_PROBE_PROBE_INTERNAL_H

#include "tls/probe/key_exchange.h"
#include "tls/probe/key_schedule.h"
#include "tls/probe/probe.h"
#include "tls/probe/server_hello.h"
#include "tls/record/aead.h"

enum probe_state {
    PROBE_WAITS_HELLO,
    PROBE_WAITS_EXTENSIONS,
    PROBE_WAITS_CERTIFICATE, // or CertificateRequest
    PROBE_WAITS_VERIFY,
    PROBE_WAITS_FINISHED,
    PROBE_CONNECTED,
    PROBE_OVER,
};

enum handshake_type {
    MESSAGE_CLIENT_HELLO = 1,
    MESSAGE_SERVER_HELLO = 2,
    MESSAGE_NEW_SESSION_TICKET = 4,
    MESSAGE_END_OF_EARLY_DATA = 5,
    MESSAGE_ENCRYPTED_EXTENSIONS = 8,
    MESSAGE_CERTIFICATE = 11,
    MESSAGE_CERTIFICATE_REQUEST = 13,
    MESSAGE_CERTIFICATE_VERIFY = 15,
    MESSAGE_FINISHED = 20,
    MESSAGE_KEY_UPDATE = 24,
    MESSAGE_MESSAGE_HASH = 254,
};

// The keys of one direction. `ready`: records are protected with them.
struct probe_keys {
    bool ready;
    uint8_t secret[HASH_SIZE_MAX];
    uint8_t key[32];
    uint8_t iv[AEAD_NONCE_SIZE];
    uint64_t sequence;
};

#define PROBE_GROUPS_MAX 16
#define PROBE_INPUT_SIZE ((size_t)2 * RECORD_SIZE_MAX)
#define PROBE_OUTPUT_SIZE ((size_t)32768)

struct probe {
    enum probe_state state;
    struct record_engine *engine;
    struct probe_facts facts;
    char failure[PROBE_FAILURE_SIZE];

    // The offer, and the memory for its slices and lists.
    struct offer offer;
    uint8_t random[OFFER_RANDOM_SIZE];
    uint16_t lists[4][PROBE_GROUPS_MAX]; // suites, groups, signatures, shares
    char name[256];
    uint8_t cookie[512];
    struct key_exchange *exchanges[OFFER_SHARES_MAX];
    bool has_ticket;
    struct probe_ticket ticket;
    struct slice early_data;
    bool early_keys; // the next record to send has the early keys
    uint8_t hello[8192];

    struct key_schedule schedule;
    struct probe_keys read, write;
    // Write secret of the handshake keys, while early keys are in use.
    uint8_t write_secret[HASH_SIZE_MAX];
    uint8_t resumption_secret[HASH_SIZE_MAX];

    // All handshake messages so far, in the form that is hashed.
    size_t transcript_size;
    uint8_t transcript[PROBE_TRANSCRIPT_MAX];
    uint8_t certificate[PROBE_MESSAGE_MAX]; // the server's Certificate, for the facts
    uint8_t request_context[255];
    size_t request_context_size;

    size_t ticket_count;
    size_t kept_tickets;
    struct probe_ticket tickets[PROBE_TICKETS_MAX];

    size_t message_size; // bytes of an incomplete handshake message
    uint8_t message[PROBE_MESSAGE_MAX + 4];
    size_t input_begin, input_end;
    uint8_t input[PROBE_INPUT_SIZE];
    size_t output_size;
    uint8_t output[PROBE_OUTPUT_SIZE];
};

// --- probe.c ---

// Ends the connection. `why`: format as for printf. Always RESULT_ERROR.
enum result probe_fail(struct probe *client, const char *why, ...)
    __attribute__((format(printf, 2, 3))) MUST_CHECK;
enum result probe_set_keys(struct probe *client, struct probe_keys *keys,
                           const uint8_t *secret) MUST_CHECK;
// Appends one record to the output, protected if write.ready.
enum result probe_put_record(struct probe *client, enum record_type type,
                             struct slice data) MUST_CHECK;

// --- probe_hello.c ---

// Writes a ClientHello, with its binder, into the output and the transcript.
enum result probe_put_hello(struct probe *client) MUST_CHECK;
// Replaces the transcript by the one after a HelloRetryRequest (RFC 8446 4.4.1).
enum result probe_restart_transcript(struct probe *client, uint16_t suite) MUST_CHECK;
enum result probe_transcript_add(struct probe *client, struct slice bytes) MUST_CHECK;
enum result probe_transcript_hash(struct probe *client, uint8_t hash[HASH_SIZE_MAX]) MUST_CHECK;

// --- probe_messages.c ---

// Processes one whole handshake message, with its header. *event may be PROBE_NOTHING.
enum result probe_take_message(struct probe *client, struct slice message,
                               enum probe_event *event) MUST_CHECK;

#endif
