#include "tls/handshake/handshake_internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/hash.h>

// --- Bytes ---

int handshake_receive_callback(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct buffer *feed = &((struct handshake *)context)->flight.feed;
    size_t left = buffer_size(feed);
    size_t wanted = size < 0 ? 0 : (size_t)size;
    size_t taken = left < wanted ? left : wanted;
    if (taken == 0) {
        return WOLFSSL_CBIO_ERR_WANT_READ;
    }
    memcpy(buffer, buffer_bytes(feed), taken);
    buffer_take(feed, taken);
    return (int)taken;
}

int handshake_send_callback(WOLFSSL *ssl, char *buffer, int size, void *context) {
    (void)ssl;
    struct handshake *handshake = context;
    return buffer_append(&handshake->output, buffer, (size_t)size, HANDSHAKE_OUTPUT_MAX)
               ? size
               : WOLFSSL_CBIO_ERR_GENERAL;
}

// --- Signatures ---

// The steps of all three kinds of signature: request it, be called again, return it.
static int sign(struct handshake *handshake, enum sign_scheme scheme, enum sign_hash hash,
                const unsigned char *data, unsigned int size, unsigned char *out,
                unsigned int *out_size) {
    handshake->library_waits = false;
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
        handshake->library_waits = true;
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
        handshake->library_waits = true;
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

// --- The client's certificate ---

// The client's identity is determined here, and nowhere else.
static struct client_verdict judge_client(struct handshake *handshake,
                                          const WOLFSSL_X509_STORE_CTX *store) {
    struct slice presented[CLIENT_PRESENTED_MAX];
    size_t count = store->totalCerts < 0 ? 0 : (size_t)store->totalCerts;
    for (size_t i = 0; i < count && i < CLIENT_PRESENTED_MAX; i++) {
        presented[i] = (struct slice){(const char *)store->certs[i].buffer, store->certs[i].length};
    }
    struct client_identity *client = calloc(1, sizeof(*client));
    if (client == NULL) {
        return (struct client_verdict){ALERT_INTERNAL_ERROR, "out of memory"};
    }
    struct client_verdict verdict = client_auth_judge(handshake->identity->clients, presented,
                                                      count, (int64_t)time(NULL), client);
    free(handshake->facts.client);
    handshake->facts.client = NULL;
    if (verdict.alert == 0) {
        handshake->facts.client = client;
    } else {
        free(client);
    }
    return verdict;
}

// wolfSSL has no CA, so it calls this for every certificate with this error. The client's own
// certificate, at depth 0, is last. Any other error stays an error.
int handshake_verify_callback(int verified, WOLFSSL_X509_STORE_CTX *store) {
    struct handshake *handshake = store->userCtx;
    bool is_unknown = store->error == ASN_NO_SIGNER_E || store->error == ASN_SELF_SIGNED_E;
    if (verified) {
        return 1; // only lets wolfSSL continue; the client's identity is not decided here
    }
    if (!is_unknown) {
        handshake->verdict = (struct client_verdict){ALERT_BAD_CERTIFICATE,
                                                     "a certificate of the client is not usable"};
        return 0;
    }
    if (store->error_depth == 0) {
        handshake->verdict = judge_client(handshake, store);
    }
    return handshake->verdict.alert == 0;
}

// --- Tickets and secrets ---

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
    uint8_t *kept = id == CLIENT_HANDSHAKE_TRAFFIC_SECRET ? handshake->client_handshake_secret
                    : id == CLIENT_TRAFFIC_SECRET         ? handshake->client_secret
                    : id == SERVER_TRAFFIC_SECRET         ? handshake->server_secret
                                                          : NULL;
    if (kept != NULL) {
        memcpy(kept, secret, (size_t)size);
        handshake->secrets |= 1U << id;
    }
    return 0;
}

bool handshake_has_keys(const struct handshake *handshake) {
    const unsigned all = 1U << CLIENT_HANDSHAKE_TRAFFIC_SECRET | 1U << CLIENT_TRAFFIC_SECRET |
                         1U << SERVER_TRAFFIC_SECRET;
    return (handshake->secrets & all) == all;
}

bool handshake_bind(struct handshake *handshake) {
    WOLFSSL *ssl = handshake->ssl;
    wolfSSL_SetIOReadCtx(ssl, handshake);
    wolfSSL_SetIOWriteCtx(ssl, handshake);
    wolfSSL_SetEccSignCtx(ssl, handshake);
    wolfSSL_SetRsaPssSignCtx(ssl, handshake);
    wolfSSL_SetEd25519SignCtx(ssl, handshake);
    wolfSSL_SetCertCbCtx(ssl, handshake);
    return wolfSSL_set_tls13_secret_cb(ssl, secret_callback, handshake) == WOLFSSL_SUCCESS;
}
