// The structs of context.c for the handshake and for rehearsals (tls/prove/rehearsal.h). No other
// file includes it.
#ifndef RAVELIN_TLS_HANDSHAKE_CONTEXT_INTERNAL_H
#define RAVELIN_TLS_HANDSHAKE_CONTEXT_INTERNAL_H

#include "tls/certificate/client_auth.h"
#include "tls/certificate/ocsp.h"
#include "tls/handshake/context.h"
#include "tls/policy.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

struct tls_identity {
    WOLFSSL_CTX *context; // with a random generator that its handshakes share
    const struct tls_contexts *owner;
    uint32_t signature;                // the policy_signature bit a client must offer
    bool asks_certificate;             // sends a CertificateRequest
    bool needs_certificate;            // refuses clients without a certificate
    const struct client_auth *clients; // authorities of clients; NULL: no CertificateRequest
    const char *name; // host name that it covers, see acme_name in config.h; NULL: any
    bool is_own;      // Ravelin generated the certificate: see tls/certificate/issue.h
    uint8_t key_id[KEY_ID_SIZE];
    struct ticket_terms terms; // of tickets, without the protocol; points into the config
    struct ocsp ocsp;          // response to staple; der NULL: none
};

struct tls_site {
    struct tls_identity *identities; // NULL until the first handshake of the site
    size_t count;
    struct client_auth *clients; // made together with `identities`
    bool has_policy;             // `policy` is set
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
    bool post_quantum_only; // `groups` has post-quantum groups only
    bool refuses_unknown_names;
};

// Sets the whole TLS policy of a context. Called for every context. False: memory is short.
bool context_apply_policy(WOLFSSL_CTX *context, const struct config_tls *policy,
                          const struct ticket_store *tickets);

// The callbacks of wolfSSL during a handshake, in handshake_callbacks.c.
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
