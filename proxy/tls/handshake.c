#include "tls/handshake.h"

#include "base/secret.h"
#include "tls/context_internal.h"
#include "tls/resumption.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>

enum { OUTPUT_FIRST_SIZE = 4096, OUTPUT_SIZE_MAX = 256 * 1024 };
static const char ALPN_HTTP[] = "http/1.1,http/1.0"; // the first of the client's that is among them

enum sign_state {
    SIGN_IDLE,
    SIGN_WANTED,  // wolfSSL asked; the request was not taken yet
    SIGN_WAITING, // the signer works
    SIGN_READY,
    SIGN_REFUSED,
};

struct handshake {
    WOLFSSL *ssl; // NULL until the ClientHello is there
    const struct tls_contexts *contexts;
    const struct tls_identity *identity;
    handshake_site_function choose_site;
    void *choose_context;

    const uint8_t *input; // during handshake_advance() only
    size_t input_size;
    size_t input_used;

    uint8_t *output;
    size_t output_begin;
    size_t output_end;
    size_t output_capacity;
    bool output_started; // something was sent in this handshake

    enum sign_state sign_state;
    struct sign_request request;
    uint8_t signature[SIGNATURE_SIZE_MAX];
    size_t signature_size;
    struct resumption resumption;

    uint8_t client_secret[RECORD_SECRET_MAX];
    uint8_t server_secret[RECORD_SECRET_MAX];
    const char *failure;
    char failure_text[96];
    struct handshake_facts facts;
};

struct handshake *handshake_new(const struct tls_contexts *contexts,
                                handshake_site_function choose_site, void *choose_context) {
    struct handshake *handshake = calloc(1, sizeof(*handshake));
    if (handshake != NULL) {
        handshake->contexts = contexts;
        handshake->choose_site = choose_site;
        handshake->choose_context = choose_context;
    }
    return handshake;
}

void handshake_free(struct handshake *handshake) {
    if (handshake == NULL) {
        return;
    }
    wolfSSL_free(handshake->ssl);
    free(handshake->output);
    secret_wipe(handshake, sizeof(*handshake));
    free(handshake);
}

static bool append_output(struct handshake *handshake, const void *data, size_t size) {
    if (handshake->output_begin == handshake->output_end) {
        handshake->output_begin = handshake->output_end = 0;
    }
    size_t needed = handshake->output_end + size;
    if (needed > handshake->output_capacity) {
        size_t capacity =
            handshake->output_capacity == 0 ? OUTPUT_FIRST_SIZE : handshake->output_capacity;
        while (capacity < needed && capacity < OUTPUT_SIZE_MAX) {
            capacity *= 2;
        }
        uint8_t *larger = capacity < needed ? NULL : realloc(handshake->output, capacity);
        if (larger == NULL) {
            return false;
        }
        handshake->output = larger;
        handshake->output_capacity = capacity;
    }
    memcpy(handshake->output + handshake->output_end, data, size);
    handshake->output_end += size;
    handshake->output_started = true;
    return true;
}

struct slice handshake_output(const struct handshake *handshake) {
    return (struct slice){(const char *)handshake->output + handshake->output_begin,
                          handshake->output_end - handshake->output_begin};
}

void handshake_sent(struct handshake *handshake, size_t size) {
    handshake->output_begin += size;
}

const char *handshake_failure_reason(const struct handshake *handshake) {
    return handshake->failure == NULL ? "none" : handshake->failure;
}

struct slice handshake_server_name(const struct handshake *handshake) {
    return (struct slice){handshake->facts.name, handshake->facts.name_size};
}

// --- callbacks from wolfSSL ---

int handshake_receive_callback(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct handshake *handshake = context;
    size_t left = handshake->input_size - handshake->input_used;
    size_t wanted = size < 0 ? 0 : (size_t)size;
    size_t taken = left < wanted ? left : wanted;
    if (taken == 0) {
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(buffer, handshake->input + handshake->input_used, taken);
    handshake->input_used += taken;
    return (int)taken;
}

int handshake_send_callback(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    return append_output(context, buffer, (size_t)size) ? size : WOLFSSL_CBIO_ERR_GENERAL;
}

// The one way all three kinds of signature go: ask, be called again, answer.
static int sign(struct handshake *handshake, enum sign_scheme scheme, enum sign_hash hash,
                const unsigned char *data, unsigned int size, unsigned char *out,
                unsigned int *out_size) {
    switch (handshake->sign_state) {
    case SIGN_IDLE:
        if (size > SIGN_DATA_MAX) {
            return BUFFER_E;
        }
        handshake->request = (struct sign_request){
            .scheme = (uint8_t)scheme, .hash = (uint8_t)hash, .data_size = (uint16_t)size};
        memcpy(handshake->request.key_id, handshake->identity->key_id, KEY_ID_SIZE);
        memcpy(handshake->request.data, data, size);
        handshake->sign_state = SIGN_WANTED;
        return WC_PENDING_E;
    case SIGN_READY:
        if (handshake->signature_size > *out_size) {
            return BUFFER_E;
        }
        memcpy(out, handshake->signature, handshake->signature_size);
        *out_size = (unsigned int)handshake->signature_size;
        return 0;
    case SIGN_REFUSED:
        return NO_PRIVATE_KEY;
    default:
        return WC_PENDING_E;
    }
}

int handshake_ecc_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                unsigned char *out, word32 *out_size, const unsigned char *key,
                                unsigned int key_size, void *context) {
    (void)ssl, (void)key, (void)key_size;
    return sign(context, SIGN_ECDSA, SIGN_HASH_NONE, in, in_size, out, out_size);
}

int handshake_rsa_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                unsigned char *out, unsigned int *out_size, int hash, int mgf,
                                const unsigned char *key, unsigned int key_size, void *context) {
    (void)ssl, (void)mgf, (void)key, (void)key_size;
    enum sign_hash wanted;
    switch (hash) {
    case SHA256h:
        wanted = SIGN_HASH_SHA256;
        break;
    case SHA384h:
        wanted = SIGN_HASH_SHA384;
        break;
    case SHA512h:
        wanted = SIGN_HASH_SHA512;
        break;
    default:
        return BAD_FUNC_ARG;
    }
    return sign(context, SIGN_RSA_PSS, wanted, in, in_size, out, out_size);
}

int handshake_rsa_check_callback(WOLFSSL *ssl, unsigned char *signature, unsigned int size,
                                 unsigned char **out, int hash, int mgf, const unsigned char *key,
                                 unsigned int key_size, void *context) {
    // The signer has verified its own signature, with the key this process does not have.
    (void)ssl, (void)signature, (void)size, (void)out, (void)hash, (void)mgf, (void)key,
        (void)key_size, (void)context;
    return 0;
}

int handshake_ed25519_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                    unsigned char *out, unsigned int *out_size,
                                    const unsigned char *key, unsigned int key_size,
                                    void *context) {
    (void)ssl, (void)key, (void)key_size;
    return sign(context, SIGN_ED25519, SIGN_HASH_NONE, in, in_size, out, out_size);
}

int handshake_ticket_callback(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                              unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                              unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt,
                              unsigned char *ticket, int size, int *out_size, void *context) {
    struct handshake *handshake = wolfSSL_GetIOReadCtx(ssl);
    return resumption_ticket(&handshake->resumption, &handshake->identity->terms, ssl, name, iv,
                             mac, encrypt, ticket, size, out_size, context);
}

static int secret_callback(WOLFSSL *ssl, int id, const unsigned char *secret, int size,
                           void *context) {
    (void)ssl;
    struct handshake *handshake = context;
    if (size < 0 || size > RECORD_SECRET_MAX) {
        return -1;
    }
    if (id == CLIENT_TRAFFIC_SECRET) {
        memcpy(handshake->client_secret, secret, (size_t)size);
    } else if (id == SERVER_TRAFFIC_SECRET) {
        memcpy(handshake->server_secret, secret, (size_t)size);
    }
    return 0;
}

// --- the ClientHello ---

static enum result refuse(struct handshake *handshake, uint8_t alert, const char *why) {
    handshake->failure = why;
    if (!handshake
             ->output_started) { // nothing of ours is encrypted yet, so the alert is not either
        const uint8_t record[] = {RECORD_ALERT, 3, 3, 0, 2, 2, alert};
        (void)append_output(handshake, record, sizeof(record));
    }
    return RESULT_ERROR;
}

static bool list_has(struct slice list, uint16_t wanted) {
    for (size_t i = 0; i + 1 < list.size; i += 2) {
        if ((uint8_t)list.data[i] == wanted >> 8 && (uint8_t)list.data[i + 1] == (wanted & 0xff)) {
            return true;
        }
    }
    return false;
}

// wolfSSL answers illegal_parameter where RFC 8446 4.1.1 asks for handshake_failure, so this is
// decided here.
static const char *missing_common(const struct handshake *handshake,
                                  const struct client_hello *hello) {
    static const uint16_t suites[] = {SUITE_AES_128_GCM_SHA256, SUITE_AES_256_GCM_SHA384,
                                      SUITE_CHACHA20_POLY1305_SHA256};
    bool suite = false;
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        suite |= list_has(hello->cipher_suites, suites[i]);
    }
    if (!suite) {
        return "no common cipher suite";
    }
    bool group = hello->groups.size == 0; // then the extension is missing: wolfSSL's to judge
    for (size_t i = 0; i < handshake->contexts->group_count; i++) {
        group |= list_has(hello->groups, (uint16_t)handshake->contexts->groups[i]);
    }
    if (!group) {
        return "no common group";
    }
    if (hello->signatures != 0 && (hello->signatures & handshake->identity->signature) == 0) {
        return "no common signature algorithm";
    }
    return NULL;
}

static bool create_ssl(struct handshake *handshake) {
    WOLFSSL *ssl = wolfSSL_new(handshake->identity->context);
    if (ssl == NULL) {
        return false;
    }
    handshake->ssl = ssl;
    wolfSSL_SetIOReadCtx(ssl, handshake);
    wolfSSL_SetIOWriteCtx(ssl, handshake);
    wolfSSL_SetEccSignCtx(ssl, handshake);
    wolfSSL_SetRsaPssSignCtx(ssl, handshake);
    wolfSSL_SetEd25519SignCtx(ssl, handshake);
    char alpn[sizeof(ALPN_HTTP)];
    memcpy(alpn, ALPN_HTTP, sizeof(alpn));
    bool ok = wolfSSL_set_tls13_secret_cb(ssl, secret_callback, handshake) == WOLFSSL_SUCCESS &&
              wolfSSL_UseALPN(ssl, alpn, sizeof(ALPN_HTTP) - 1, WOLFSSL_ALPN_FAILED_ON_MISMATCH) ==
                  WOLFSSL_SUCCESS;
    if (ok && handshake->facts.name_size >
                  0) { // so that the name is acknowledged and tickets are bound to it
        ok = wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, handshake->facts.name,
                            handshake->facts.name_size) == WOLFSSL_SUCCESS;
        wolfSSL_SNI_SetOptions(ssl, WOLFSSL_SNI_HOST_NAME, WOLFSSL_SNI_ANSWER_ON_MISMATCH);
    }
    return ok;
}

// Reads the ClientHello as soon as it is whole, chooses site and certificate, makes the wolfSSL
// object.
static enum result begin(struct handshake *handshake) {
    struct slice message;
    uint8_t alert;
    enum result result = hello_find(handshake->input, handshake->input_size, &message, &alert);
    if (result == RESULT_ERROR) {
        return refuse(handshake, alert, "not a TLS handshake");
    }
    if (result != RESULT_OK) {
        return result;
    }
    struct client_hello hello = {0};
    if (message.size > 0) {
        if (hello_parse(message, &hello, &alert) != RESULT_OK) {
            return refuse(handshake, alert,
                          alert == ALERT_PROTOCOL_VERSION ? "no TLS 1.3 offered"
                                                          : "malformed ClientHello");
        }
        for (size_t i = 0; i < hello.server_name.size; i++) {
            handshake->facts.name[i] = ascii_lower(hello.server_name.data[i]);
        }
        handshake->facts.name_size = (uint8_t)hello.server_name.size;
    }
    struct slice name = {handshake->facts.name, handshake->facts.name_size};
    size_t site = handshake->choose_site(handshake->choose_context, name);
    handshake->facts.site_index = site;
    handshake->identity = tls_contexts_select(handshake->contexts, site, &hello);
    const char *missing = message.size > 0 ? missing_common(handshake, &hello) : NULL;
    if (missing != NULL) {
        return refuse(handshake, ALERT_HANDSHAKE_FAILURE, missing);
    }
    if (!create_ssl(handshake)) {
        return refuse(handshake, ALERT_INTERNAL_ERROR, "out of memory");
    }
    return RESULT_OK;
}

// --- driving wolfSSL ---

static enum result accept_step(struct handshake *handshake) {
    if (wolfSSL_accept(handshake->ssl) == WOLFSSL_SUCCESS) {
        return RESULT_OK;
    }
    int error = wolfSSL_get_error(handshake->ssl, 0);
    if (error == WOLFSSL_ERROR_WANT_READ || error == WOLFSSL_ERROR_WANT_WRITE ||
        error == WC_PENDING_E) {
        return RESULT_AGAIN;
    }
    (void)snprintf(handshake->failure_text, sizeof(handshake->failure_text), "%s",
                   wolfSSL_ERR_reason_error_string((unsigned long)error));
    return refuse(handshake, ALERT_HANDSHAKE_FAILURE, handshake->failure_text);
}

enum result handshake_advance(struct handshake *handshake, const uint8_t *data, size_t size,
                              size_t *used) {
    *used = 0;
    if (handshake->failure != NULL) {
        return RESULT_ERROR;
    }
    if (handshake_waits_for_signature(handshake)) {
        return RESULT_AGAIN;
    }
    handshake->input = data;
    handshake->input_size = size;
    handshake->input_used = 0;
    enum result result = handshake->ssl == NULL ? begin(handshake) : RESULT_OK;
    if (result == RESULT_OK) {
        result = accept_step(handshake);
    }
    *used = handshake->input_used;
    handshake->input = NULL;
    handshake->input_size = handshake->input_used = 0;
    return result;
}

struct sign_request *handshake_wants_signature(struct handshake *handshake) {
    if (handshake->sign_state != SIGN_WANTED) {
        return NULL;
    }
    handshake->sign_state = SIGN_WAITING;
    return &handshake->request;
}

bool handshake_waits_for_signature(const struct handshake *handshake) {
    return handshake->sign_state == SIGN_WANTED || handshake->sign_state == SIGN_WAITING;
}

void handshake_give_signature(struct handshake *handshake, const uint8_t *signature, size_t size) {
    if (size == 0 || size > sizeof(handshake->signature)) {
        handshake->sign_state = SIGN_REFUSED;
        return;
    }
    memcpy(handshake->signature, signature, size);
    handshake->signature_size = size;
    handshake->sign_state = SIGN_READY;
}

// wolfSSL writes some groups by another name than the trade does.
static const char *group_name(const char *library_name) {
    if (library_name == NULL) {
        return "";
    }
    return strcmp(library_name, "SECP256R1") == 0   ? "P-256"
           : strcmp(library_name, "SECP384R1") == 0 ? "P-384"
                                                    : library_name;
}

enum result handshake_finish(struct handshake *handshake, struct record_layer *layer,
                             struct handshake_facts *facts) {
    word64 read_sequence = 0;
    word64 write_sequence = 0;
    uint16_t suite = (uint16_t)wolfSSL_get_current_cipher_suite(handshake->ssl);
    enum result result = RESULT_ERROR;
    if (wolfSSL_GetPeerSequenceNumber(handshake->ssl, &read_sequence) >= 0 &&
        wolfSSL_GetSequenceNumber(handshake->ssl, &write_sequence) >= 0) {
        result = record_layer_init(layer, suite, handshake->client_secret, handshake->server_secret,
                                   read_sequence, write_sequence, 0);
    }
    if (result == RESULT_OK) {
        *facts = handshake->facts;
        facts->suite = record_suite_name(suite);
        facts->group = group_name(wolfSSL_get_curve_name(handshake->ssl));
        facts->resumed = wolfSSL_session_reused(handshake->ssl) != 0;
    }
    handshake_free(handshake);
    return result;
}
