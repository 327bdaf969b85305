// What the files of the watching client share; nobody else but its tests includes it.
#ifndef RAVELIN_TLS_CLIENT_INTERNAL_H
#define RAVELIN_TLS_CLIENT_INTERNAL_H

#include "tls/aead.h"
#include "tls/client.h"
#include "tls/key_exchange.h"
#include "tls/key_schedule.h"
#include "tls/server_hello.h"

enum client_state {
    CLIENT_WAITS_HELLO,
    CLIENT_WAITS_EXTENSIONS,
    CLIENT_WAITS_CERTIFICATE, // or CertificateRequest
    CLIENT_WAITS_VERIFY,
    CLIENT_WAITS_FINISHED,
    CLIENT_CONNECTED,
    CLIENT_OVER,
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

// Keys of one direction. `ready`: records are protected.
struct client_keys {
    bool ready;
    uint8_t secret[HASH_SIZE_MAX];
    uint8_t key[32];
    uint8_t iv[AEAD_NONCE_SIZE];
    uint64_t sequence;
};

#define CLIENT_GROUPS_MAX 16
#define CLIENT_INPUT_SIZE ((size_t)2 * RECORD_SIZE_MAX)
#define CLIENT_OUTPUT_SIZE ((size_t)32768)

struct tls_client {
    enum client_state state;
    struct record_engine *engine;
    struct client_facts facts;
    char failure[CLIENT_FAILURE_SIZE];

    // The offer, and the memory its slices and lists point to.
    struct offer offer;
    uint8_t random[OFFER_RANDOM_SIZE];
    uint16_t lists[4][CLIENT_GROUPS_MAX]; // suites, groups, signatures, shares
    char name[256];
    uint8_t cookie[512];
    struct key_exchange *exchanges[OFFER_SHARES_MAX];
    bool has_ticket;
    struct client_ticket ticket;
    struct slice early_data;
    bool early_keys; // what is sent next is still under the early keys
    uint8_t hello[8192];

    struct key_schedule schedule;
    struct client_keys read, write;
    uint8_t write_secret[HASH_SIZE_MAX]; // for the handshake, while the early keys are in use
    uint8_t resumption_secret[HASH_SIZE_MAX];

    // Every handshake message so far, as it is hashed.
    size_t transcript_size;
    uint8_t transcript[CLIENT_TRANSCRIPT_MAX];
    uint8_t certificate[CLIENT_MESSAGE_MAX]; // the server's, kept for the facts
    uint8_t request_context[255];
    size_t request_context_size;

    size_t ticket_count;
    size_t kept_tickets;
    struct client_ticket tickets[CLIENT_TICKETS_MAX];

    size_t message_size; // a handshake message that is not whole yet
    uint8_t message[CLIENT_MESSAGE_MAX + 4];
    size_t input_begin, input_end;
    uint8_t input[CLIENT_INPUT_SIZE];
    size_t output_size;
    uint8_t output[CLIENT_OUTPUT_SIZE];
};

// ---- client.c

// Ends the conversation; `why` as for printf. Always RESULT_ERROR.
enum result client_fail(struct tls_client *client, const char *why, ...)
    __attribute__((format(printf, 2, 3))) MUST_CHECK;
enum result client_set_keys(struct tls_client *client, struct client_keys *keys,
                            const uint8_t *secret) MUST_CHECK;
// Appends one record to the output, protected if there are keys.
enum result client_put_record(struct tls_client *client, enum record_type type,
                              struct slice data) MUST_CHECK;

// ---- client_hello.c

// Writes a ClientHello into the output and the transcript, its binder computed.
enum result client_put_hello(struct tls_client *client) MUST_CHECK;
// Turns the transcript so far into the one after a HelloRetryRequest (RFC 8446 4.4.1).
enum result client_restart_transcript(struct tls_client *client, uint16_t suite) MUST_CHECK;
enum result client_transcript_add(struct tls_client *client, struct slice bytes) MUST_CHECK;
enum result client_transcript_hash(struct tls_client *client,
                                   uint8_t hash[HASH_SIZE_MAX]) MUST_CHECK;

// ---- client_messages.c

// One whole handshake message, with its header. *event is CLIENT_NOTHING when nothing is to be
// told.
enum result client_take_message(struct tls_client *client, struct slice message,
                                enum client_event *event) MUST_CHECK;

#endif
