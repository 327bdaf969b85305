// Real handshakes in memory: wolfSSL as the client, tls/handshake as the server, the keys with a
// signer.
#ifndef RAVELIN_TESTS_HANDSHAKE_LAB_H
#define RAVELIN_TESTS_HANDSHAKE_LAB_H

#include "certificates.h"
#include "process/signer.h"
#include "tls/handshake/handshake.h"

#include <wolfssl/options.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/ssl.h>

#define LAB_REST                                                                                   \
    "route / { backend = b } }\nlisten 127.0.0.1:1 {}\nbackend b { server 127.0.0.1:2 {} }\n"
#define LAB_SITE(name, certificate)                                                                \
    "site " name " { certificate " certificate ".pem { key = " certificate ".key }\n"
#define LAB_ROUTE "route / { backend = b } }\n"

// What a server has.
struct lab {
    struct folder folder;
    struct ticket_store *tickets;
    struct tls_contexts *contexts;
    struct signer_keys *keys;
    struct record_engine *engine;
};

struct queue {
    uint8_t data[1 << 17];
    size_t begin, end;
};

// What a client offers. Zero: whatever wolfSSL does by itself.
struct client {
    const char *name;   // SNI
    const char *trusts; // the certificate it takes, by file name; NULL: any
    const char *suites;
    const char *alpn;
    int groups[8]; // ends with 0
    bool no_key_shares;
    bool http2;  // the listener offers it
    bool no_dhe; // wants a resumption without a new key exchange
    WOLFSSL_SESSION *session;
};

// One connection.
struct link {
    struct lab *lab;
    struct queue to_server, to_client;
    size_t piece;          // bytes that arrive at once
    size_t arrived;        // of to_server
    bool keeps_signatures; // link_run() stops at each, the test answers
    unsigned signatures;
    struct handshake *handshake; // NULL after link_finish()
    enum result result;
    struct record_layer layer;
    struct handshake_facts facts;
    WOLFSSL_CTX *context;
    WOLFSSL *client;
    bool connected;
    int client_error;
};

// --- The server's side ---

static inline void lab_contexts(struct lab *lab, uint64_t generation) {
    char error[CONFIG_ERROR_SIZE];
    lab->contexts = tls_contexts_build(lab->folder.config, &lab->folder.pair.files, generation,
                                       lab->tickets, error);
    if (lab->contexts == NULL) {
        fail_msg("%s", error);
    }
    assert_int_equal(signer_keys_load(lab->keys, generation, &lab->folder.pair.keys), RESULT_OK);
}

// Set-up of a group: the library, and a folder with a certificate of each kind.
static inline void lab_open(struct lab *lab) {
    assert_int_equal(tls_library_init(), RESULT_OK);
    folder_make(&lab->folder);
    make_each_kind(&lab->folder);
}

// With the certificates that were made in lab->folder.
static inline void lab_start(struct lab *lab, const char *config_text) {
    folder_load(&lab->folder, config_text);
    lab->tickets = ticket_store_new();
    lab->keys = signer_keys_new();
    lab->engine = record_engine_new();
    assert_true(lab->tickets != NULL && lab->keys != NULL && lab->engine != NULL);
    lab_contexts(lab, 1);
}

static inline void lab_end(struct lab *lab) {
    tls_contexts_free(lab->contexts);
    signer_keys_free(lab->keys);
    ticket_store_free(lab->tickets);
    record_engine_free(lab->engine);
    folder_free(&lab->folder);
}

static inline void lab_close(struct lab *lab) {
    lab_end(lab);
    tls_library_free();
}

// The site of this name; the first one when there is none.
static inline size_t lab_choose_site(void *context, struct slice name) {
    const struct lab *lab = context;
    for (size_t i = 0; i < lab->folder.config->site_count; i++) {
        if (slice_equal(name, slice_from(lab->folder.config->sites[i].name))) {
            return i;
        }
    }
    return 0;
}

// --- Bytes ---

static inline void queue_put(struct queue *queue, const void *data, size_t size) {
    assert_true(queue->end + size <= sizeof(queue->data));
    memcpy(queue->data + queue->end, data, size);
    queue->end += size;
}

static inline size_t queue_size(const struct queue *queue) {
    return queue->end - queue->begin;
}

static inline int client_receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct queue *queue = context;
    size_t there = queue_size(queue);
    if (there == 0) {
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    size_t taken = there < (size_t)size ? there : (size_t)size;
    memcpy(buffer, queue->data + queue->begin, taken);
    queue->begin += taken;
    return (int)taken;
}

static inline int client_send(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    queue_put(context, buffer, (size_t)size);
    return size;
}

// --- The client's side ---

static inline void client_trust(struct link *link, const char *certificate) {
    uint8_t pem[8192];
    size_t size = read_file(&link->lab->folder, certificate, pem, sizeof(pem));
    assert_int_equal(
        wolfSSL_CTX_load_verify_buffer(link->context, pem, (long)size, WOLFSSL_FILETYPE_PEM),
        WOLFSSL_SUCCESS);
}

static inline void client_make_context(struct link *link, const struct client *client) {
    link->context = wolfSSL_CTX_new(wolfTLSv1_3_client_method());
    assert_non_null(link->context);
    wolfSSL_CTX_SetIORecv(link->context, client_receive);
    wolfSSL_CTX_SetIOSend(link->context, client_send);
    wolfSSL_CTX_set_verify(
        link->context, client->trusts == NULL ? WOLFSSL_VERIFY_NONE : WOLFSSL_VERIFY_PEER, NULL);
    if (client->trusts != NULL) {
        client_trust(link, client->trusts);
    }
    if (client->suites != NULL) {
        assert_int_equal(wolfSSL_CTX_set_cipher_list(link->context, client->suites),
                         WOLFSSL_SUCCESS);
    }
}

static inline void client_offer_groups(WOLFSSL *ssl, const struct client *client) {
    int groups[8];
    int count = 0;
    for (; client->groups[count] != 0; count++) {
        groups[count] = client->groups[count];
    }
    if (count > 0) {
        assert_int_equal(wolfSSL_set_groups(ssl, groups, count), WOLFSSL_SUCCESS);
        if (!client->no_key_shares) {
            assert_int_equal(wolfSSL_UseKeyShare(ssl, (word16)groups[0]), WOLFSSL_SUCCESS);
        }
    }
    if (client->no_key_shares) {
        assert_int_equal(wolfSSL_NoKeyShares(ssl), WOLFSSL_SUCCESS);
    }
}

static inline void client_make(struct link *link, const struct client *client) {
    client_make_context(link, client);
    WOLFSSL *ssl = wolfSSL_new(link->context);
    assert_non_null(ssl);
    link->client = ssl;
    wolfSSL_SetIOReadCtx(ssl, &link->to_client);
    wolfSSL_SetIOWriteCtx(ssl, &link->to_server);
    client_offer_groups(ssl, client);
    if (client->name != NULL) {
        assert_int_equal(
            wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, client->name, (word16)strlen(client->name)),
            WOLFSSL_SUCCESS);
    }
    if (client->alpn != NULL) {
        char alpn[64];
        int size = snprintf(alpn, sizeof(alpn), "%s", client->alpn);
        assert_int_equal(
            wolfSSL_UseALPN(ssl, alpn, (word32)size, WOLFSSL_ALPN_CONTINUE_ON_MISMATCH),
            WOLFSSL_SUCCESS);
    }
    if (client->no_dhe) {
        assert_int_equal(wolfSSL_no_dhe_psk(ssl), 0);
    }
    if (client->session != NULL) {
        assert_int_equal(wolfSSL_set_session(ssl, client->session), WOLFSSL_SUCCESS);
    }
}

// --- A connection ---

static inline struct link *link_open(struct lab *lab, const struct client *client) {
    struct link *link = calloc(1, sizeof(*link));
    assert_non_null(link);
    link->lab = lab;
    link->piece = SIZE_MAX;
    link->result = RESULT_AGAIN;
    link->handshake = handshake_new(lab->contexts, lab->engine, lab_choose_site, lab);
    assert_non_null(link->handshake);
    if (client != NULL) {
        client_make(link, client);
    }
    if (client != NULL && client->http2) {
        handshake_use_protocols(link->handshake, hello_http2);
    }
    return link;
}

static inline void link_close(struct link *link) {
    handshake_free(link->handshake);
    record_layer_wipe(&link->layer);
    wolfSSL_free(link->client);
    wolfSSL_CTX_free(link->context);
    free(link);
}

static inline struct sign_response link_sign(struct link *link,
                                             const struct sign_request *request) {
    struct sign_response response;
    signer_sign(link->lab->keys, request, &response);
    link->signatures++;
    return response;
}

static inline void link_take_output(struct link *link) {
    struct slice output = handshake_output(link->handshake);
    while (output.size > 0) { // in parts, as a socket takes it
        size_t part = output.size < link->piece ? output.size : link->piece;
        queue_put(&link->to_client, output.data, part);
        handshake_sent(link->handshake, part);
        output = handshake_output(link->handshake);
    }
}

// One more piece arrives. False when nothing can go on without the client or the test.
static inline bool link_server_step(struct link *link) {
    struct queue *queue = &link->to_server;
    size_t left = queue_size(queue) - link->arrived;
    size_t used;
    link->arrived += left < link->piece ? left : link->piece;
    link->result =
        handshake_advance(link->handshake, queue->data + queue->begin, link->arrived, &used);
    assert_true(used <= link->arrived);
    queue->begin += used;
    link->arrived -= used;
    link_take_output(link);
    if (link->result != RESULT_AGAIN) {
        return false;
    }
    if (handshake_waits_for_signature(link->handshake)) {
        if (link->keeps_signatures) {
            return false;
        }
        struct sign_request *request = handshake_wants_signature(link->handshake);
        assert_non_null(request);
        struct sign_response response = link_sign(link, request);
        handshake_give_signature(link->handshake, response.signature, response.signature_size);
        return true;
    }
    return left > 0;
}

static inline void link_client_step(struct link *link) {
    if (link->client != NULL && !link->connected && link->client_error == 0) {
        link->connected = wolfSSL_connect(link->client) == WOLFSSL_SUCCESS;
        int error = link->connected ? 0 : wolfSSL_get_error(link->client, 0);
        link->client_error = error == WOLFSSL_ERROR_WANT_READ ? 0 : error;
    }
}

// Until both sides are through, or one has failed, or waits for the test.
static inline void link_run(struct link *link) {
    size_t before;
    do {
        before = link->to_client.end + link->to_server.begin;
        link_client_step(link);
        while (link->result == RESULT_AGAIN && link_server_step(link)) {
        }
        link_client_step(link);
    } while (link->to_client.end + link->to_server.begin != before);
}

static inline void link_finish(struct link *link) {
    assert_int_equal(handshake_finish(link->handshake, &link->layer, &link->facts), RESULT_OK);
    link->handshake = NULL;
}

// A handshake that must succeed.
static inline struct link *link_establish(struct lab *lab, const struct client *client,
                                          size_t piece) {
    struct link *link = link_open(lab, client);
    link->piece = piece;
    link_run(link);
    if (link->result != RESULT_OK || !link->connected) {
        fail_msg("server: %d, %s; client: %s", link->result,
                 handshake_refusal(link->handshake)->text,
                 wolfSSL_ERR_reason_error_string((unsigned long)link->client_error));
    }
    link_finish(link);
    return link;
}

// --- Data after the handshake ---

static inline void link_send(struct link *link, const char *text) {
    uint8_t record[1024];
    size_t size = strlen(text);
    memcpy(record + RECORD_HEADER_SIZE, text, size + 1);
    assert_int_equal(record_seal(&link->layer, link->lab->engine, RECORD_APPLICATION_DATA,
                                 record + RECORD_HEADER_SIZE, size, record,
                                 record + RECORD_HEADER_SIZE + size + 1),
                     RESULT_OK);
    queue_put(&link->to_client, record, size + RECORD_OVERHEAD);
}

static inline void link_assert_client_reads(struct link *link, const char *text) {
    char data[1024];
    int size = wolfSSL_read(link->client, data, sizeof(data));
    assert_int_equal(size, strlen(text));
    assert_memory_equal(data, text, strlen(text));
}

// The next data of the client; other records on the way are taken too.
static inline void link_assert_server_reads(struct link *link, const char *text) {
    struct queue *queue = &link->to_server;
    enum record_event event = RECORD_EVENT_NONE;
    uint8_t *payload = NULL;
    size_t payload_size = 0;
    while (event != RECORD_EVENT_DATA) {
        size_t size;
        assert_int_equal(
            record_measure(&link->layer, queue->data + queue->begin, queue_size(queue), &size),
            RESULT_OK);
        assert_in_range(size, 1, queue_size(queue));
        assert_int_equal(record_open(&link->layer, link->lab->engine, queue->data + queue->begin,
                                     size, &event, &payload, &payload_size),
                         RESULT_OK);
        queue->begin += size;
    }
    assert_int_equal(payload_size, strlen(text));
    assert_memory_equal(payload, text, payload_size);
}

static inline void link_client_sends(struct link *link, const char *text) {
    assert_int_equal(wolfSSL_write(link->client, text, (int)strlen(text)), strlen(text));
}

// Both directions work.
static inline void link_assert_works(struct link *link) {
    link_client_sends(link, "GET / HTTP/1.1");
    link_assert_server_reads(link, "GET / HTTP/1.1");
    link_send(link, "HTTP/1.1 200 OK");
    link_assert_client_reads(link, "HTTP/1.1 200 OK");
    assert_int_equal(queue_size(&link->to_server), 0);
}

#endif
