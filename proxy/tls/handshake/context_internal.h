// What context.c shares with the handshake and with those that rehearse; nobody else includes it.
#ifndef RAVELIN_TLS_HANDSHAKE_CONTEXT_INTERNAL_H
#define RAVELIN_TLS_HANDSHAKE_CONTEXT_INTERNAL_H

#include "tls/certificate/client_auth.h"
#include "tls/certificate/ocsp.h"
#include "tls/handshake/context.h"
#include "tls/policy.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

struct tls_identity {
    WOLFSSL_CTX *context; // has its own random generator, which its sessions share
    const struct tls_contexts *owner;
    uint32_t signature;                // the policy_signature bit a client must offer
    bool asks_certificate;             // of the client
    bool needs_certificate;            // and serves none without
    const struct client_auth *clients; // whom it accepts; NULL when it does not ask
    uint8_t key_id[KEY_ID_SIZE];
    struct ticket_terms terms; // of its tickets, but for the protocol; points into the config
    struct ocsp ocsp;          // der is NULL when there is none
};

struct tls_site {
    struct tls_identity *identities; // NULL until the first handshake of the site
    size_t count;
    struct client_auth *clients; // with them
    bool has_policy;             // below
    uint8_t policy[TLS_CLIENT_POLICY_SIZE];
};

struct tls_contexts {
    const struct config *config;
    const struct bundle *files;
    uint64_t generation;
    const struct ticket_store *tickets;
    struct tls_site *sites;
    size_t site_count;
    int groups[POLICY_GROUP_COUNT]; // in order of preference
    size_t group_count;
    bool post_quantum_only; // no classical group is among them
    bool refuses_unknown_names;
};

// The whole TLS policy, for every context there is; false when memory is short.
bool context_apply_policy(WOLFSSL_CTX *context, const struct config_tls *policy,
                          const struct ticket_store *tickets);

// Callbacks wolfSSL makes during a handshake; handshake_callbacks.c has them.
int handshake_receive_callback(WOLFSSL *ssl, char *buffer, int size, void *context);
int handshake_send_callback(WOLFSSL *ssl, char *buffer, int size, void *context);
int handshake_ecc_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                unsigned char *out, word32 *out_size, const unsigned char *key,
                                unsigned int key_size, void *context);
int handshake_rsa_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                unsigned char *out, unsigned int *out_size, int hash, int mgf,
                                const unsigned char *key, unsigned int key_size, void *context);
int handshake_rsa_check_callback(WOLFSSL *ssl, unsigned char *signature, unsigned int size,
                                 unsigned char **out, int hash, int mgf, const unsigned char *key,
                                 unsigned int key_size, void *context);
int handshake_ed25519_sign_callback(WOLFSSL *ssl, const unsigned char *in, unsigned int in_size,
                                    unsigned char *out, unsigned int *out_size,
                                    const unsigned char *key, unsigned int key_size, void *context);
int handshake_verify_callback(int verified, WOLFSSL_X509_STORE_CTX *store);
int handshake_ticket_callback(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                              unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                              unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt,
                              unsigned char *ticket, int size, int *out_size, void *context);

#endif
