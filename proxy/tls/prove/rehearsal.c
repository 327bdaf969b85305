#include "tls/prove/rehearsal.h"

#include "base/reader.h"
#include "base/secret.h"
#include "tls/handshake/context_internal.h"
#include "tls/probe/server_hello.h"
#include "tls/prove/rehearsal_certificates.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>

enum { WIRE_SIZE = 32768, TURNS_MAX = 32, KEY_IS_ELSEWHERE = 1 };
enum { ALERT_SIZE = 2, SERVER_HELLO = 2 };

// One direction of a connection.
struct wire {
    size_t begin;
    size_t end;
    uint8_t data[WIRE_SIZE];
};

struct rehearsal {
    WOLFSSL_CTX *contexts[REHEARSAL_CERTIFICATE_COUNT];
    struct wire to_server;
    struct wire to_client;
};

// --- The server's side ---

static int receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct wire *wire = &((struct rehearsal *)context)->to_server;
    size_t there = wire->end - wire->begin;
    size_t taken = there < (size_t)size ? there : (size_t)size;
    if (taken == 0) {
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(buffer, wire->data + wire->begin, taken);
    wire->begin += taken;
    return (int)taken;
}

static int transmit(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct wire *wire = &((struct rehearsal *)context)->to_client;
    if (size < 0 || (size_t)size > WIRE_SIZE - wire->end) {
        return WOLFSSL_CBIO_ERR_GENERAL;
    }
    memcpy(wire->data + wire->end, buffer, (size_t)size);
    wire->end += (size_t)size;
    return size;
}

// Bytes with the size of a signature.
static int pretend_to_sign(unsigned char *out, unsigned int *out_size, unsigned int size) {
    if (*out_size < size) {
        return BUFFER_E;
    }
    memset(out, 1, size);
    *out_size = size;
    return 0;
}

static int sign_ecc(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size, unsigned char *out,
                    word32 *out_size, const unsigned char *key, unsigned int key_size,
                    void *context) {
    (void)ssl, (void)in, (void)in_size, (void)key, (void)key_size, (void)context;
    return pretend_to_sign(out, out_size, 64);
}

static int sign_rsa(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size, unsigned char *out,
                    unsigned int *out_size, int hash, int mgf, const unsigned char *key,
                    unsigned int key_size, void *context) {
    (void)ssl, (void)in, (void)in_size, (void)hash, (void)mgf, (void)key, (void)key_size;
    (void)context;
    return pretend_to_sign(out, out_size, 256);
}

static int sign_ed25519(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                        unsigned char *out, unsigned int *out_size, const unsigned char *key,
                        unsigned int key_size, void *context) {
    (void)ssl, (void)in, (void)in_size, (void)key, (void)key_size, (void)context;
    return pretend_to_sign(out, out_size, 64);
}

// A ticket never leaves this process and need not be sealed. But wolfSSL requires a change of its
// bytes.
static int pass_ticket(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                       unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                       unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt, unsigned char *ticket,
                       int size, int *out_size, void *context) {
    (void)ssl, (void)context;
    for (int i = 0; i < size; i++) {
        ticket[i] ^= 0xff;
    }
    if (encrypt != 0) {
        memset(name, 1, WOLFSSL_TICKET_NAME_SZ);
        memset(iv, 1, WOLFSSL_TICKET_IV_SZ);
        memset(mac, 1, WOLFSSL_TICKET_MAC_SZ);
    }
    *out_size = size;
    return WOLFSSL_TICKET_RET_OK;
}

// Sets the certificate, and that its key is elsewhere. For Ed25519 wolfSSL gets the public key
// instead.
static bool use_certificate(WOLFSSL_CTX *context, enum rehearsal_certificate kind) {
    static const struct {
        const char *pem;
        int key_size;
    } certificates[REHEARSAL_CERTIFICATE_COUNT] = {
        [REHEARSAL_P256] = {CERTIFICATE_P256, 32},
        [REHEARSAL_P384] = {CERTIFICATE_P384, 48},
        [REHEARSAL_ED25519] = {CERTIFICATE_ED25519, 0},
        [REHEARSAL_RSA] = {CERTIFICATE_RSA, 256},
    };
    static const unsigned char key_id[] = "rehearsal";
    const unsigned char *pem = (const unsigned char *)certificates[kind].pem;
    long size = (long)strlen(certificates[kind].pem);
    if (wolfSSL_CTX_use_certificate_chain_buffer(context, pem, size) != WOLFSSL_SUCCESS) {
        return false;
    }
    if (kind != REHEARSAL_ED25519) {
        return wolfSSL_CTX_use_PrivateKey_Id_ex(context, key_id, sizeof(key_id), KEY_IS_ELSEWHERE,
                                                certificates[kind].key_size) == WOLFSSL_SUCCESS;
    }
    DerBuffer *der = NULL;
    byte key[64];
    word32 key_size = sizeof(key);
    bool ok = wc_PemToDer(pem, size, CERT_TYPE, &der, NULL, NULL, NULL) == 0 &&
              wc_GetSubjectPubKeyInfoDerFromCert(der->buffer, der->length, key, &key_size) == 0 &&
              wolfSSL_CTX_use_PrivateKey_Id(context, key, (long)key_size, INVALID_DEVID) ==
                  WOLFSSL_SUCCESS;
    wc_FreeDer(&der);
    return ok;
}

static bool make_context(struct rehearsal *rehearsal, enum rehearsal_certificate kind) {
    static const struct config_tls policy = {.ticket_lifetime_s = 3600};
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    rehearsal->contexts[kind] = context;
    if (context == NULL || wolfSSL_CTX_new_rng(context) != WOLFSSL_SUCCESS ||
        !context_apply_policy(context, &policy, NULL)) {
        return false;
    }
    // The callbacks of these contexts have no struct handshake.
    wolfSSL_CTX_SetIORecv(context, receive);
    wolfSSL_CTX_SetIOSend(context, transmit);
    wolfSSL_CTX_SetEccSignCb(context, sign_ecc);
    wolfSSL_CTX_SetRsaPssSignCb(context, sign_rsa);
    wolfSSL_CTX_SetEd25519SignCb(context, sign_ed25519);
    return wolfSSL_CTX_set_TicketEncCb(context, pass_ticket) == WOLFSSL_SUCCESS &&
           use_certificate(context, kind);
}

struct rehearsal *rehearsal_new(void) {
    struct rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));
    if (rehearsal == NULL) {
        return NULL;
    }
    bool ok = true;
    for (int i = 0; ok && i < REHEARSAL_CERTIFICATE_COUNT; i++) {
        ok = make_context(rehearsal, (enum rehearsal_certificate)i);
    }
    if (!ok) {
        rehearsal_free(rehearsal);
        return NULL;
    }
    return rehearsal;
}

void rehearsal_free(struct rehearsal *rehearsal) {
    if (rehearsal == NULL) {
        return;
    }
    for (int i = 0; i < REHEARSAL_CERTIFICATE_COUNT; i++) {
        wolfSSL_CTX_free(rehearsal->contexts[i]);
    }
    free(rehearsal);
}

static WOLFSSL *open_server(struct rehearsal *rehearsal, enum rehearsal_certificate kind) {
    rehearsal->to_server.begin = rehearsal->to_server.end = 0;
    rehearsal->to_client.begin = rehearsal->to_client.end = 0;
    WOLFSSL *ssl = wolfSSL_new(rehearsal->contexts[kind]);
    if (ssl != NULL) {
        wolfSSL_SetIOReadCtx(ssl, rehearsal);
        wolfSSL_SetIOWriteCtx(ssl, rehearsal);
    }
    return ssl;
}

// --- One hello ---

static void read_answer(const struct wire *wire, struct rehearsal_answer *answer) {
    struct reader output = reader_of((struct slice){(const char *)wire->data, wire->end});
    uint32_t type = read_number(&output, 1);
    (void)read_number(&output, 2);
    struct reader record = reader_of(read_vector(&output, 2));
    struct server_hello hello;
    if (output.bad) {
        return;
    }
    if (type == RECORD_ALERT && record.left == ALERT_SIZE) {
        answer->alert = record.at[1];
    } else if (type == RECORD_HANDSHAKE && read_number(&record, 1) == SERVER_HELLO &&
               server_hello_parse(read_vector(&record, 3), &hello) == RESULT_OK) {
        answer->accepted = true;
        answer->version = hello.version;
        answer->suite = hello.suite;
        answer->group = hello.group;
    }
}

void rehearsal_say(struct rehearsal *rehearsal, struct slice bytes,
                   struct rehearsal_answer *answer) {
    struct wire *wire = &rehearsal->to_server;
    WOLFSSL *ssl = open_server(rehearsal, REHEARSAL_P256);
    *answer = (struct rehearsal_answer){.alert = REHEARSAL_NO_ALERT};
    if (ssl != NULL && bytes.size <= WIRE_SIZE) {
        memcpy(wire->data, bytes.data, bytes.size);
        wire->end = bytes.size;
        int result = wolfSSL_accept(ssl);
        read_answer(&rehearsal->to_client, answer);
        answer->refused = !answer->accepted && result != WOLFSSL_SUCCESS &&
                          wolfSSL_get_error(ssl, result) != WOLFSSL_ERROR_WANT_READ;
    }
    wolfSSL_free(ssl);
}

void rehearsal_offer(struct rehearsal *rehearsal, const struct offer *offer,
                     struct rehearsal_answer *answer) {
    uint8_t message_data[4096];
    uint8_t record_data[sizeof(message_data) + 8];
    uint8_t random[OFFER_RANDOM_SIZE];
    struct builder message = builder_over(message_data, sizeof(message_data));
    struct builder record = builder_over(record_data, sizeof(record_data));
    *answer = (struct rehearsal_answer){.alert = REHEARSAL_NO_ALERT};
    if (getrandom(random, sizeof(random), 0) != sizeof(random)) {
        return;
    }
    offer_write(offer, random, &message);
    offer_write_record(offer->version < VERSION_TLS10 ? offer->version : VERSION_TLS10,
                       (struct slice){(const char *)message.data, message.size}, &record);
    if (!message.overflow && !record.overflow) {
        rehearsal_say(rehearsal, (struct slice){(const char *)record.data, record.size}, answer);
    }
}

// --- Whole handshakes ---

struct stage {
    struct rehearsal *rehearsal;
    WOLFSSL *ssl;
    struct probe *client;
    bool server_done;
    bool probe_done;
    bool over; // one side has failed
};

static void move_server(struct stage *stage) {
    if (!stage->server_done && !stage->over) {
        int result = wolfSSL_accept(stage->ssl);
        stage->server_done = result == WOLFSSL_SUCCESS;
        stage->over =
            !stage->server_done && wolfSSL_get_error(stage->ssl, result) != WOLFSSL_ERROR_WANT_READ;
    }
}

static void move_client(struct stage *stage) {
    struct wire *wire = &stage->rehearsal->to_client;
    enum probe_event event;
    struct slice data;
    for (;;) {
        enum result result = probe_advance(stage->client, &event, &data);
        if (result == RESULT_OK) {
            stage->probe_done |= event == PROBE_HANDSHAKE_DONE;
            continue;
        }
        stage->over |= result == RESULT_ERROR;
        size_t left = wire->end - wire->begin;
        if (stage->over || left == 0) {
            return;
        }
        wire->begin += probe_feed(stage->client, wire->data + wire->begin, left);
    }
}

// Passes the client's output to the server. False: there was none.
static bool carry(struct stage *stage) {
    struct wire *wire = &stage->rehearsal->to_server;
    struct slice output = probe_output(stage->client);
    if (output.size == 0 || output.size > WIRE_SIZE - wire->end) {
        return false;
    }
    memcpy(wire->data + wire->end, output.data, output.size);
    wire->end += output.size;
    probe_sent(stage->client, output.size);
    return true;
}

static void note(const struct stage *stage, struct rehearsal_outcome *outcome) {
    const struct probe_facts *facts = probe_facts(stage->client);
    const struct probe_ticket *tickets;
    outcome->connected = stage->server_done && stage->probe_done;
    outcome->suite = facts->suite;
    outcome->group = facts->group;
    outcome->scheme = facts->scheme;
    outcome->resumed = facts->resumed;
    outcome->early_data_accepted = facts->early_data_accepted;
    outcome->has_ticket = probe_tickets(stage->client, &tickets) > 0;
    if (outcome->has_ticket) {
        outcome->ticket = tickets[0];
    }
}

void rehearsal_connect(struct rehearsal *rehearsal, enum rehearsal_certificate certificate,
                       const struct probe_wishes *wishes, struct rehearsal_outcome *outcome) {
    struct stage stage = {.rehearsal = rehearsal,
                          .ssl = open_server(rehearsal, certificate),
                          .client = probe_new(wishes)};
    memset(outcome, 0, sizeof(*outcome));
    if (stage.ssl != NULL && stage.client != NULL) {
        for (int turn = 0; turn < TURNS_MAX && carry(&stage); turn++) {
            move_server(&stage);
            move_client(&stage);
        }
        note(&stage, outcome);
    }
    probe_free(stage.client);
    wolfSSL_free(stage.ssl);
    secret_wipe(&rehearsal->to_server, sizeof(rehearsal->to_server));
    secret_wipe(&rehearsal->to_client, sizeof(rehearsal->to_client));
}
