#include "tls/handshake/context.h"

#include "tls/certificate/chain.h"
#include "tls/certificate/issue.h"
#include "tls/certificate/ordered.h"
#include "tls/handshake/context_internal.h"
#include "tls/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/wolfcrypt/sha256.h>

// Any value except INVALID_DEVID tells wolfSSL that the key is elsewhere and must not be decoded.
enum { KEY_IS_ELSEWHERE = 1 };
enum { RSA_BITS_MIN = 2048 };

enum result tls_library_init(void) {
    return wolfSSL_Init() == WOLFSSL_SUCCESS ? RESULT_OK : RESULT_ERROR;
}

void tls_library_free(void) {
    wolfSSL_Cleanup();
}

const char *tls_library_version(void) {
    return wolfSSL_lib_version();
}

bool context_apply_policy(WOLFSSL_CTX *context, const struct config_tls *policy,
                          const struct ticket_store *tickets) {
    int groups[POLICY_GROUP_COUNT];
    int group_count = (int)policy_usable_groups(policy->require_post_quantum, groups);
    bool ok = group_count > 0 &&
              wolfSSL_CTX_set_cipher_list(context, policy_cipher_list()) == WOLFSSL_SUCCESS &&
              wolfSSL_CTX_set_groups(context, groups, group_count) == WOLFSSL_SUCCESS &&
              wolfSSL_CTX_only_dhe_psk(context) == 0 &&
              wolfSSL_CTX_set_group_messages(context) == WOLFSSL_SUCCESS &&
              wolfSSL_CTX_SetMinRsaKey_Sz(context, RSA_BITS_MIN) == WOLFSSL_SUCCESS;
    wolfSSL_CTX_set_session_cache_mode(context, WOLFSSL_SESS_CACHE_OFF);
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    wolfSSL_CTX_SetIORecv(context, handshake_receive_callback);
    wolfSSL_CTX_SetIOSend(context, handshake_send_callback);
    wolfSSL_CTX_SetEccSignCb(context, handshake_ecc_sign_callback);
    wolfSSL_CTX_SetRsaPssSignCb(context, handshake_rsa_sign_callback);
    wolfSSL_CTX_SetRsaPssSignCheckCb(context, handshake_rsa_check_callback);
    wolfSSL_CTX_SetEd25519SignCb(context, handshake_ed25519_sign_callback);
    if (policy->ticket_lifetime_s == 0) {
        return ok && wolfSSL_CTX_no_ticket_TLSv13(context) == 0;
    }
    return ok &&
           wolfSSL_CTX_set_TicketEncCb(context, handshake_ticket_callback) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_TicketEncCtx(context, (void *)(uintptr_t)tickets) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_TicketHint(context, (int)policy->ticket_lifetime_s) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_timeout(context, policy->ticket_lifetime_s) == WOLFSSL_SUCCESS;
}

// --- Identities ---

static uint32_t signature_of(enum certificate_key key) {
    switch (key) {
    case CERTIFICATE_KEY_P256:
        return POLICY_SIGNATURE_ECDSA_P256;
    case CERTIFICATE_KEY_P384:
        return POLICY_SIGNATURE_ECDSA_P384;
    case CERTIFICATE_KEY_ED25519:
        return POLICY_SIGNATURE_ED25519;
    case CERTIFICATE_KEY_RSA:
        return POLICY_SIGNATURE_RSA_PSS;
    default:
        return 0;
    }
}

static int refuse_ticket(WOLFSSL *ssl, unsigned char name[WOLFSSL_TICKET_NAME_SZ],
                         unsigned char iv[WOLFSSL_TICKET_IV_SZ],
                         unsigned char mac[WOLFSSL_TICKET_MAC_SZ], int encrypt,
                         unsigned char *ticket, int size, int *out_size, void *context) {
    (void)ssl, (void)name, (void)iv, (void)mac, (void)encrypt, (void)ticket, (void)size,
        (void)context;
    *out_size = 0;
    return WOLFSSL_TICKET_RET_REJECT;
}

// wolfSSL gets no CA. For it, every certificate has an unknown issuer, so it calls the callback,
// which decides alone. So no certificate of a client is ever kept in the context.
static bool ask_clients(WOLFSSL_CTX *context, bool required) {
    int mode = WOLFSSL_VERIFY_PEER | (required ? WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
    wolfSSL_CTX_set_verify(context, mode, handshake_verify_callback);
    return wolfSSL_CTX_no_ticket_TLSv13(context) == 0 &&
           wolfSSL_CTX_set_TicketEncCb(context, refuse_ticket) == WOLFSSL_SUCCESS;
}

static bool load_chain(WOLFSSL_CTX *context, const struct chain *chain) {
    size_t size = 0;
    for (size_t i = 0; i < chain->count; i++) {
        size += chain->certificates[i].der.size;
    }
    uint8_t *in_order = malloc(size + 1);
    if (in_order == NULL) {
        return false;
    }
    size_t used = 0;
    for (size_t i = 0; i < chain->count; i++) {
        struct slice der = chain->certificates[i].der;
        memcpy(in_order + used, der.data, der.size);
        used += der.size;
    }
    int loaded = wolfSSL_CTX_use_certificate_chain_buffer_format(context, in_order, (long)size,
                                                                 WOLFSSL_FILETYPE_ASN1);
    free(in_order);
    return loaded == WOLFSSL_SUCCESS;
}

// Sets the kind of key that signs, without a key.
static bool name_key(WOLFSSL_CTX *context, const struct certificate *leaf,
                     const uint8_t key_id[KEY_ID_SIZE]) {
    if (leaf->key == CERTIFICATE_KEY_ED25519) {
        // wolfSSL has no external Ed25519 keys. With the public key as key, it still calls the
        // callback to sign.
        return wolfSSL_CTX_use_PrivateKey_Id(context, (const byte *)leaf->key_info.data,
                                             (long)leaf->key_info.size,
                                             INVALID_DEVID) == WOLFSSL_SUCCESS;
    }
    long size = leaf->key == CERTIFICATE_KEY_P256   ? 32
                : leaf->key == CERTIFICATE_KEY_P384 ? 48
                                                    : (long)(leaf->key_bits + 7) / 8;
    return wolfSSL_CTX_use_PrivateKey_Id_ex(context, key_id, KEY_ID_SIZE, KEY_IS_ELSEWHERE, size) ==
           WOLFSSL_SUCCESS;
}

// wolfSSL asks for a response if a client did. It can fetch one by itself, but only if stapling is
// on without this callback, which never happens.
static int staple(WOLFSSL *ssl, void *context) {
    const struct ocsp *ocsp = context;
    int64_t now = (int64_t)time(NULL);
    if (now < ocsp->from || now > ocsp->until) {
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    }
    unsigned char *copy = malloc(ocsp->size); // wolfSSL frees it
    if (copy == NULL) {
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    }
    memcpy(copy, ocsp->der, ocsp->size);
    if (wolfSSL_set_tlsext_status_ocsp_resp(ssl, copy, (int)ocsp->size) != WOLFSSL_SUCCESS) {
        free(copy);
        return WOLFSSL_OCSP_STATUS_CB_NOACK;
    }
    return WOLFSSL_OCSP_STATUS_CB_OK; // NOLINT(clang-analyzer-unix.Malloc): the library has it
}

static bool set_ocsp(const struct tls_contexts *contexts, const struct config_certificate *entry,
                     const struct certificate *leaf, struct tls_identity *identity) {
    char why[PEM_WHY_SIZE];
    if (entry->ocsp_path == NULL) {
        return true;
    }
    return ocsp_read(bundle_file(contexts->files, entry->ocsp_path), leaf, &identity->ocsp, why) ==
               RESULT_OK &&
           wolfSSL_CTX_set_tlsext_status_cb(identity->context, staple) == WOLFSSL_SUCCESS &&
           wolfSSL_CTX_set_tlsext_status_arg(identity->context, &identity->ocsp) == WOLFSSL_SUCCESS;
}

static bool build_identity(const struct tls_contexts *contexts, size_t site,
                           const struct config_certificate *entry, struct tls_identity *identity) {
    const struct config_site *source = &contexts->config->sites[site];
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    if (chain_read(ordered_certificate(entry, contexts->files, why), &chain, why) != RESULT_OK) {
        return false;
    }
    const struct certificate *leaf = &chain.certificates[0];
    const uint8_t *policy = tls_contexts_client_policy(contexts, site);
    signature_key_id(contexts->generation, entry->key_path, identity->key_id);
    identity->owner = contexts;
    identity->name = entry->acme_name;
    identity->is_own = entry->acme_name != NULL && issue_is_own(leaf);
    identity->signature = signature_of(leaf->key);
    identity->clients = contexts->sites[site].clients;
    identity->asks_certificate = identity->clients != NULL;
    identity->needs_certificate =
        identity->asks_certificate && source->client_certificate == CLIENT_CERTIFICATE_REQUIRED;
    identity->terms = (struct ticket_terms){
        .site = slice_from(source->name),
        .client_certificates = {(const char *)policy, policy == NULL ? 0 : TLS_CLIENT_POLICY_SIZE},
        .post_quantum_required = contexts->config->tls.require_post_quantum,
    };
    identity->context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    bool ok = identity->signature != 0 && identity->context != NULL &&
              wolfSSL_CTX_new_rng(identity->context) == WOLFSSL_SUCCESS &&
              context_apply_policy(identity->context, &contexts->config->tls, contexts->tickets) &&
              (!identity->asks_certificate ||
               ask_clients(identity->context, identity->needs_certificate)) &&
              load_chain(identity->context, &chain) &&
              name_key(identity->context, leaf, identity->key_id) &&
              set_ocsp(contexts, entry, leaf, identity);
    chain_free(&chain);
    return ok;
}

static void free_site(struct tls_site *site) {
    for (size_t i = 0; site->identities != NULL && i < site->count; i++) {
        wolfSSL_CTX_free(site->identities[i].context);
        ocsp_free(&site->identities[i].ocsp);
    }
    free(site->identities);
    client_auth_free(site->clients);
    site->identities = NULL;
    site->count = 0;
    site->clients = NULL;
}

// Makes the contexts of a site at its first handshake.
static bool build_site(const struct tls_contexts *contexts, size_t index) {
    const struct config_site *source = &contexts->config->sites[index];
    struct tls_site *site = &contexts->sites[index];
    if (source->client_ca_path != NULL) {
        char why[CLIENT_AUTH_ERROR_SIZE];
        bool in_crl;
        site->clients = client_auth_open(source, contexts->files, why, &in_crl);
        if (site->clients == NULL) {
            return false;
        }
    }
    site->identities = calloc(source->certificate_count, sizeof(*site->identities));
    if (site->identities == NULL) {
        free_site(site);
    }
    for (size_t i = 0; site->identities != NULL && i < source->certificate_count; i++) {
        site->count++;
        if (!build_identity(contexts, index, &source->certificates[i], &site->identities[i])) {
            free_site(site);
        }
    }
    return site->identities != NULL;
}

// --- What sites ask of clients ---

static bool hash_file(const struct tls_contexts *contexts, const char *path,
                      uint8_t hash[WC_SHA256_DIGEST_SIZE]) {
    struct slice content = bundle_file(contexts->files, path);
    return content.data != NULL &&
           wc_Sha256Hash((const byte *)content.data, (word32)content.size, hash) == 0;
}

static bool make_policy(const struct tls_contexts *contexts, const struct config_site *source,
                        uint8_t policy[TLS_CLIENT_POLICY_SIZE]) {
    struct {
        uint8_t name[WC_SHA256_DIGEST_SIZE];
        uint8_t authorities[WC_SHA256_DIGEST_SIZE];
        uint8_t lists[WC_SHA256_DIGEST_SIZE]; // zeros: none
        uint8_t required;
        uint8_t has_lists;
    } all = {.required = source->client_certificate == CLIENT_CERTIFICATE_REQUIRED,
             .has_lists = source->client_crl_path != NULL};
    static_assert(TLS_CLIENT_POLICY_SIZE == WC_SHA256_DIGEST_SIZE, "a policy is a hash");
    return wc_Sha256Hash((const byte *)source->name, (word32)strlen(source->name), all.name) == 0 &&
           hash_file(contexts, source->client_ca_path, all.authorities) &&
           (!all.has_lists || hash_file(contexts, source->client_crl_path, all.lists)) &&
           wc_Sha256Hash((const byte *)&all, sizeof(all), policy) == 0;
}

const uint8_t *tls_contexts_client_policy(const struct tls_contexts *contexts, size_t site_index) {
    const struct config_site *source = &contexts->config->sites[site_index];
    struct tls_site *site = &contexts->sites[site_index];
    if (source->client_ca_path == NULL) {
        return NULL;
    }
    if (!site->has_policy) {
        if (!make_policy(contexts, source, site->policy)) {
            (void)memset(site->policy, 0xff, sizeof(site->policy)); // equals no real policy
        }
        site->has_policy = true;
    }
    return site->policy;
}

// --- Contexts ---

struct tls_contexts *tls_contexts_build(const struct config *config, const struct bundle *files,
                                        uint64_t generation, const struct ticket_store *tickets,
                                        char error[CONFIG_ERROR_SIZE]) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory while setting up TLS");
    struct tls_contexts *contexts = calloc(1, sizeof(*contexts));
    if (contexts == NULL) {
        return NULL;
    }
    contexts->config = config;
    contexts->files = files;
    contexts->generation = generation;
    contexts->tickets = tickets;
    contexts->post_quantum_only = config->tls.require_post_quantum;
    contexts->group_count = policy_usable_groups(contexts->post_quantum_only, contexts->groups);
    contexts->refuses_unknown_names = config->tls.unknown_server_name == UNKNOWN_NAME_REFUSE;
    contexts->site_count = config->site_count;
    contexts->sites = calloc(config->site_count, sizeof(*contexts->sites));
    if (contexts->sites == NULL) {
        tls_contexts_free(contexts);
        return NULL;
    }
    return contexts;
}

void tls_contexts_free(struct tls_contexts *contexts) {
    if (contexts == NULL) {
        return;
    }
    for (size_t i = 0; contexts->sites != NULL && i < contexts->site_count; i++) {
        free_site(&contexts->sites[i]);
    }
    free(contexts->sites);
    free(contexts);
}

// A certificate of one name only is for clients that ask for this name.
static bool is_for(const struct tls_identity *identity, const struct client_hello *hello) {
    return identity->name == NULL ||
           slice_equal_nocase(hello->server_name, slice_from(identity->name));
}

const struct tls_identity *tls_contexts_select(const struct tls_contexts *contexts,
                                               size_t site_index,
                                               const struct client_hello *hello) {
    const struct tls_site *site = &contexts->sites[site_index];
    if (site->identities == NULL &&
        (!build_site(contexts, site_index) || site->identities == NULL)) {
        return NULL;
    }
    const struct tls_identity *own = NULL; // covers the name, but no client trusts it
    const struct tls_identity *other = NULL;
    for (size_t i = 0; i < POLICY_SCHEME_COUNT; i++) {
        uint32_t preferred = policy_schemes[i].signature & hello->signatures;
        for (size_t k = 0; preferred != 0 && k < site->count; k++) {
            const struct tls_identity *identity = &site->identities[k];
            if ((identity->signature & preferred) != 0) {
                if (is_for(identity, hello) && !identity->is_own) {
                    return identity;
                }
                own = own == NULL && is_for(identity, hello) ? identity : own;
                other = other == NULL ? identity : other;
            }
        }
    }
    return own != NULL ? own : other != NULL ? other : &site->identities[0];
}

void signature_key_id(uint64_t generation, const char *key_path, uint8_t id[KEY_ID_SIZE]) {
    // Twenty-four bytes of the hash distinguish all paths.
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    (void)wc_Sha256Hash((const byte *)key_path, (word32)strlen(key_path), hash);
    memcpy(id, &generation, sizeof(generation));
    memcpy(id + sizeof(generation), hash, KEY_ID_SIZE - sizeof(generation));
}
