#include "tls/context.h"

#include "base/secret.h"
#include "tls/context_internal.h"
#include "tls/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>

// Any value but INVALID_DEVID tells wolfSSL that the key is elsewhere and must not be decoded.
enum { KEY_IS_ELSEWHERE = 1 };
enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 4096 };

static const int GROUPS[] = {
#ifdef WOLFSSL_HAVE_MLKEM
    WOLFSSL_X25519MLKEM768, WOLFSSL_SECP256R1MLKEM768,
#endif
    WOLFSSL_ECC_X25519,     WOLFSSL_ECC_SECP256R1,     WOLFSSL_ECC_SECP384R1,
};
enum {
    GROUP_COUNT = sizeof(GROUPS) / sizeof(GROUPS[0]),
    POST_QUANTUM_GROUP_COUNT = GROUP_COUNT - 3,
};

static const char SUITES[] =
    "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256";

// What is read out of a leaf certificate.
struct leaf {
    uint32_t signature;     // hello_signature bit, 0 when the key type is not one of ours
    int key_size;           // bytes, as wolfSSL wants to know it
    uint8_t public_key[64]; // DER, Ed25519 only
    word32 public_key_size;
};

enum result tls_library_init(void) {
    return wolfSSL_Init() == WOLFSSL_SUCCESS ? RESULT_OK : RESULT_ERROR;
}

void tls_library_free(void) {
    wolfSSL_Cleanup();
}

const char *tls_library_version(void) {
    return wolfSSL_lib_version();
}

bool tls_has_post_quantum(void) {
    return POST_QUANTUM_GROUP_COUNT > 0;
}

static int allowed_groups(const struct config_tls *policy) {
    return policy->require_post_quantum ? POST_QUANTUM_GROUP_COUNT : GROUP_COUNT;
}

bool context_apply_policy(WOLFSSL_CTX *context, const struct config_tls *policy,
                          const struct ticket_store *tickets) {
    int groups[GROUP_COUNT];
    memcpy(groups, GROUPS, sizeof(groups));
    int group_count = allowed_groups(policy);
    bool ok = group_count > 0 && wolfSSL_CTX_set_cipher_list(context, SUITES) == WOLFSSL_SUCCESS &&
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

static enum result fail(char error[CONFIG_ERROR_SIZE], const struct config *config, int line,
                        const char *what, const char *path) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s:%d: %s: %s", config->path, line, path, what);
    return RESULT_ERROR;
}

static int rsa_key_size(const struct DecodedCert *certificate) {
    RsaKey key;
    word32 index = 0;
    if (wc_InitRsaKey(&key, NULL) != 0) {
        return 0;
    }
    int size = 0;
    if (wc_RsaPublicKeyDecode(certificate->publicKey, &index, &key, certificate->pubKeySize) == 0) {
        size = wc_RsaEncryptSize(&key);
    }
    wc_FreeRsaKey(&key);
    return size;
}

static bool read_leaf_key(const struct DecodedCert *certificate, struct leaf *leaf) {
    switch (certificate->keyOID) {
    case ECDSAk:
        leaf->key_size =
            wc_ecc_get_curve_size_from_id(wc_ecc_get_oid(certificate->pkCurveOID, NULL, NULL));
        if (leaf->key_size == 32) {
            leaf->signature = HELLO_SIGNATURE_ECDSA_P256;
        } else if (leaf->key_size == 48) {
            leaf->signature = HELLO_SIGNATURE_ECDSA_P384;
        }
        return leaf->signature != 0;
    case RSAk:
        leaf->key_size = rsa_key_size(certificate);
        leaf->signature = HELLO_SIGNATURE_RSA_PSS;
        return leaf->key_size >= RSA_BITS_MIN / 8 && leaf->key_size <= RSA_BITS_MAX / 8;
    case ED25519k:
        leaf->signature = HELLO_SIGNATURE_ED25519;
        leaf->public_key_size = sizeof(leaf->public_key);
        return wc_GetSubjectPubKeyInfoDerFromCert(certificate->source, certificate->maxIdx,
                                                  leaf->public_key, &leaf->public_key_size) == 0;
    default:
        return false;
    }
}

static enum result read_leaf(const struct config *config, const struct config_certificate *entry,
                             struct slice chain, struct leaf *leaf, char error[CONFIG_ERROR_SIZE]) {
    DerBuffer *der = NULL;
    struct DecodedCert certificate;
    *leaf = (struct leaf){0};
    if (wc_PemToDer((const unsigned char *)chain.data, (long)chain.size, CERT_TYPE, &der, NULL,
                    NULL, NULL) != 0) {
        return fail(error, config, entry->line, "no PEM certificate in it",
                    entry->certificate_path);
    }
    wc_InitDecodedCert(&certificate, der->buffer, der->length, NULL);
    enum result result = RESULT_OK;
    if (wc_ParseCert(&certificate, CERT_TYPE, NO_VERIFY, NULL) != 0) {
        result = fail(error, config, entry->line, "the certificate cannot be read",
                      entry->certificate_path);
    } else if (!read_leaf_key(&certificate, leaf)) {
        result =
            fail(error, config, entry->line,
                 "its key is none of ECDSA P-256, ECDSA P-384, Ed25519, RSA of 2048 to 4096 bits",
                 entry->certificate_path);
    }
    wc_FreeDecodedCert(&certificate);
    wc_FreeDer(&der);
    return result;
}

static bool load_chain(WOLFSSL_CTX *context, struct slice chain) {
    return wolfSSL_CTX_use_certificate_chain_buffer(context, (const unsigned char *)chain.data,
                                                    (long)chain.size) == WOLFSSL_SUCCESS;
}

static enum result build_identity(struct tls_contexts *contexts, const struct config *config,
                                  const struct config_site *site,
                                  const struct config_certificate *entry,
                                  const struct bundle *files, uint64_t generation,
                                  struct tls_identity *identity, char error[CONFIG_ERROR_SIZE]) {
    struct slice chain = bundle_file(files, entry->certificate_path);
    struct leaf leaf;
    if (read_leaf(config, entry, chain, &leaf, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    signature_key_id(generation, entry->key_path, identity->key_id);
    identity->owner = contexts;
    identity->signature = leaf.signature;
    identity->terms = (struct ticket_terms){
        .site = slice_from(site->name),
        .post_quantum_required = config->tls.require_post_quantum,
    };
    identity->context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    enum result result = RESULT_OK;
    if (identity->context == NULL || wolfSSL_CTX_new_rng(identity->context) != WOLFSSL_SUCCESS ||
        !context_apply_policy(identity->context, &config->tls, contexts->tickets)) {
        result = fail(error, config, entry->line, "out of memory", entry->certificate_path);
    } else if (!load_chain(identity->context, chain)) {
        result = fail(error, config, entry->line, "the certificate chain cannot be read",
                      entry->certificate_path);
    } else if (leaf.public_key_size > 0) {
        // wolfSSL has no external Ed25519 keys; given the public key as the key, it still asks the
        // callback to sign.
        if (wolfSSL_CTX_use_PrivateKey_Id(identity->context, leaf.public_key,
                                          (long)leaf.public_key_size,
                                          INVALID_DEVID) != WOLFSSL_SUCCESS) {
            result = RESULT_ERROR;
        }
    } else if (wolfSSL_CTX_use_PrivateKey_Id_ex(identity->context, identity->key_id, KEY_ID_SIZE,
                                                KEY_IS_ELSEWHERE,
                                                leaf.key_size) != WOLFSSL_SUCCESS) {
        result = RESULT_ERROR;
    }
    return result;
}

static enum result build_site(struct tls_contexts *contexts, const struct config *config,
                              size_t index, const struct bundle *files, uint64_t generation,
                              char error[CONFIG_ERROR_SIZE]) {
    const struct config_site *source = &config->sites[index];
    struct tls_site *site = &contexts->sites[index];
    site->identities = calloc(source->certificate_count, sizeof(*site->identities));
    if (site->identities == NULL) {
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < source->certificate_count; i++) {
        site->count++;
        if (build_identity(contexts, config, source, &source->certificates[i], files, generation,
                           &site->identities[i], error) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

struct tls_contexts *tls_contexts_build(const struct config *config, const struct bundle *files,
                                        uint64_t generation, const struct ticket_store *tickets,
                                        char error[CONFIG_ERROR_SIZE]) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory while setting up TLS");
    if (config->tls.require_post_quantum && !tls_has_post_quantum()) {
        (void)snprintf(
            error, CONFIG_ERROR_SIZE,
            "%s: require-post-quantum: the TLS library of this build has no post-quantum groups",
            config->path);
        return NULL;
    }
    struct tls_contexts *contexts = calloc(1, sizeof(*contexts));
    if (contexts == NULL) {
        return NULL;
    }
    contexts->tickets = tickets;
    contexts->groups = GROUPS;
    contexts->group_count = (size_t)allowed_groups(&config->tls);
    contexts->post_quantum_only = config->tls.require_post_quantum;
    contexts->site_count = config->site_count;
    contexts->sites = calloc(config->site_count, sizeof(*contexts->sites));
    bool ok = contexts->sites != NULL;
    for (size_t i = 0; ok && i < config->site_count; i++) {
        ok = build_site(contexts, config, i, files, generation, error) == RESULT_OK;
    }
    if (!ok) {
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
        for (size_t k = 0; k < contexts->sites[i].count; k++) {
            wolfSSL_CTX_free(contexts->sites[i].identities[k].context);
        }
        free(contexts->sites[i].identities);
    }
    free(contexts->sites);
    free(contexts);
}

const struct tls_identity *tls_contexts_select(const struct tls_contexts *contexts,
                                               size_t site_index,
                                               const struct client_hello *hello) {
    // Cheapest to sign and to verify first.
    static const uint32_t preference[] = {HELLO_SIGNATURE_ECDSA_P256, HELLO_SIGNATURE_ECDSA_P384,
                                          HELLO_SIGNATURE_ED25519, HELLO_SIGNATURE_RSA_PSS};
    const struct tls_site *site = &contexts->sites[site_index];
    for (size_t i = 0; i < sizeof(preference) / sizeof(preference[0]); i++) {
        for (size_t k = 0; k < site->count; k++) {
            if ((site->identities[k].signature & preference[i] & hello->signatures) != 0) {
                return &site->identities[k];
            }
        }
    }
    return &site->identities[0];
}

static enum result check_key(const struct config *config, const struct config_certificate *entry,
                             const struct bundle *files, const struct bundle *keys,
                             char error[CONFIG_ERROR_SIZE]) {
    struct slice chain = bundle_file(files, entry->certificate_path);
    struct slice key = bundle_file(keys, entry->key_path);
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    if (context == NULL) {
        return fail(error, config, entry->line, "out of memory", entry->key_path);
    }
    enum result result = RESULT_OK;
    if (!load_chain(context, chain)) {
        result = fail(error, config, entry->line, "the certificate chain cannot be read",
                      entry->certificate_path);
    } else if (wolfSSL_CTX_use_PrivateKey_buffer(context, (const unsigned char *)key.data,
                                                 (long)key.size,
                                                 WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) {
        result = fail(error, config, entry->key_line,
                      "no usable PEM private key in it (encrypted keys are not supported)",
                      entry->key_path);
    } else if (wolfSSL_CTX_check_private_key(context) != WOLFSSL_SUCCESS) {
        result = fail(error, config, entry->key_line, "the key does not belong to the certificate",
                      entry->key_path);
    }
    wolfSSL_CTX_free(context);
    return result;
}

enum result tls_check_keys(const struct config *config, const struct bundle *files,
                           const struct bundle *keys, char error[CONFIG_ERROR_SIZE]) {
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        for (size_t k = 0; k < site->certificate_count; k++) {
            if (check_key(config, &site->certificates[k], files, keys, error) != RESULT_OK) {
                return RESULT_ERROR;
            }
        }
    }
    return RESULT_OK;
}

void signature_key_id(uint64_t generation, const char *key_path, uint8_t id[KEY_ID_SIZE]) {
    // Twenty-four bytes of the path's hash tell any two paths apart.
    uint8_t hash[WC_SHA256_DIGEST_SIZE];
    (void)wc_Sha256Hash((const byte *)key_path, (word32)strlen(key_path), hash);
    memcpy(id, &generation, sizeof(generation));
    memcpy(id + sizeof(generation), hash, KEY_ID_SIZE - sizeof(generation));
}
