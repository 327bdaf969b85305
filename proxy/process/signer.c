#include "process/signer.h"

#include "base/secret.h"
#include "tls/certificate/private_key.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum { GENERATIONS_KEPT = 3 };

struct signer_key {
    uint8_t id[KEY_ID_SIZE];
    struct private_key key;
};

struct key_set {
    uint64_t generation;
    struct signer_key *keys; // sorted by id
    size_t count;
};

struct signer_keys {
    WC_RNG rng;
    struct key_set sets[GENERATIONS_KEPT]; // newest first
};

static void free_set(struct key_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        private_key_free(&set->keys[i].key);
    }
    free(set->keys);
    *set = (struct key_set){.keys = NULL};
}

struct signer_keys *signer_keys_new(void) {
    struct signer_keys *keys = calloc(1, sizeof(*keys));
    if (keys != NULL && wc_InitRng(&keys->rng) != 0) {
        free(keys);
        return NULL;
    }
    return keys;
}

void signer_keys_free(struct signer_keys *keys) {
    if (keys == NULL) {
        return;
    }
    for (size_t i = 0; i < GENERATIONS_KEPT; i++) {
        free_set(&keys->sets[i]);
    }
    wc_FreeRng(&keys->rng);
    secret_wipe(keys, sizeof(*keys));
    free(keys);
}

static int compare_keys(const void *a, const void *b) {
    return memcmp(((const struct signer_key *)a)->id, ((const struct signer_key *)b)->id,
                  KEY_ID_SIZE);
}

enum result signer_keys_load(struct signer_keys *keys, uint64_t generation,
                             const struct bundle *bundle) {
    struct slice path;
    struct slice content;
    struct key_set set = {.generation = generation};
    size_t total = 0;
    while (bundle_file_at(bundle, total, &path, &content)) {
        total++;
    }
    set.keys = calloc(total == 0 ? 1 : total, sizeof(*set.keys));
    if (set.keys == NULL) {
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < total; i++) {
        char name[4096];
        char why[PEM_WHY_SIZE]; // the validator has reported it
        struct signer_key *key = &set.keys[i];
        if (!bundle_file_at(bundle, i, &path, &content) || path.size >= sizeof(name) ||
            private_key_read(content, &key->key, why) != RESULT_OK) {
            free_set(&set);
            return RESULT_ERROR;
        }
        memcpy(name, path.data, path.size);
        name[path.size] = '\0';
        signature_key_id(generation, name, key->id);
        set.count++;
    }
    qsort(set.keys, set.count, sizeof(*set.keys), compare_keys);
    free_set(&keys->sets[GENERATIONS_KEPT - 1]);
    memmove(&keys->sets[1], &keys->sets[0], sizeof(keys->sets[0]) * (GENERATIONS_KEPT - 1));
    keys->sets[0] = set;
    return RESULT_OK;
}

void signer_keys_drop(struct signer_keys *keys, uint64_t generation) {
    if (keys->sets[0].keys != NULL && keys->sets[0].generation == generation) {
        free_set(&keys->sets[0]);
        memmove(&keys->sets[0], &keys->sets[1], sizeof(keys->sets[0]) * (GENERATIONS_KEPT - 1));
        keys->sets[GENERATIONS_KEPT - 1] = (struct key_set){.keys = NULL};
    }
}

static struct signer_key *find_key(struct signer_keys *keys, const uint8_t id[KEY_ID_SIZE]) {
    struct signer_key wanted = {.key = {.secret = NULL}};
    memcpy(wanted.id, id, KEY_ID_SIZE);
    for (size_t i = 0; i < GENERATIONS_KEPT; i++) {
        struct key_set *set = &keys->sets[i];
        struct signer_key *found = set->count == 0 ? NULL
                                                   : bsearch(&wanted, set->keys, set->count,
                                                             sizeof(*set->keys), compare_keys);
        if (found != NULL) {
            return found;
        }
    }
    return NULL;
}

// wolfSSL's key objects are many times larger than the kept part of a key. They are made again for
// each signature, which takes a hundredth of the time of signing.

static int sign_ecdsa(struct signer_keys *keys, const struct private_key *key,
                      const struct sign_request *request, uint8_t *out, word32 *out_size) {
    ecc_key ecc;
    bool is_p256 = key->kind == CERTIFICATE_KEY_P256;
    if (request->data_size != (is_p256 ? 32 : 48)) { // the hash that goes with the curve
        return BAD_FUNC_ARG;
    }
    int failed = wc_ecc_init(&ecc);
    if (failed != 0) {
        return failed;
    }
    failed = wc_ecc_import_private_key_ex(key->secret, (word32)key->size, NULL, 0, &ecc,
                                          is_p256 ? ECC_SECP256R1 : ECC_SECP384R1);
    if (failed == 0) {
        failed =
            wc_ecc_sign_hash(request->data, request->data_size, out, out_size, &keys->rng, &ecc);
    }
    wc_ecc_free(&ecc);
    secret_wipe(&ecc, sizeof(ecc));
    return failed;
}

static int sign_ed25519(const struct private_key *key, const struct sign_request *request,
                        uint8_t *out, word32 *out_size) {
    ed25519_key ed;
    int failed = wc_ed25519_init(&ed);
    if (failed != 0) {
        return failed;
    }
    failed = wc_ed25519_import_private_key(key->secret, ED25519_KEY_SIZE,
                                           key->secret + ED25519_KEY_SIZE, ED25519_KEY_SIZE, &ed);
    if (failed == 0) {
        failed = wc_ed25519_sign_msg(request->data, request->data_size, out, out_size, &ed);
    }
    wc_ed25519_free(&ed);
    secret_wipe(&ed, sizeof(ed));
    return failed;
}

static int sign_with_rsa(struct signer_keys *keys, RsaKey *rsa, const struct sign_request *request,
                         uint8_t *out, word32 *out_size) {
    static const struct {
        enum wc_HashType hash;
        int mgf;
        uint16_t size;
    } kinds[] = {
        [SIGN_HASH_SHA256] = {WC_HASH_TYPE_SHA256, WC_MGF1SHA256, 32},
        [SIGN_HASH_SHA384] = {WC_HASH_TYPE_SHA384, WC_MGF1SHA384, 48},
        [SIGN_HASH_SHA512] = {WC_HASH_TYPE_SHA512, WC_MGF1SHA512, 64},
    };
    if (request->hash < SIGN_HASH_SHA256 || request->hash > SIGN_HASH_SHA512 ||
        request->data_size != kinds[request->hash].size) {
        return BAD_FUNC_ARG;
    }
    int size = wc_RsaPSS_Sign(request->data, request->data_size, out, SIGNATURE_SIZE_MAX,
                              kinds[request->hash].hash, kinds[request->hash].mgf, rsa, &keys->rng);
    if (size <= 0) {
        return BAD_FUNC_ARG;
    }
    // A fault while signing with CRT would reveal the key, so the signature is verified before it
    // is sent (RFC 8446 C.2).
    uint8_t plain[SIGNATURE_SIZE_MAX];
    int verified = wc_RsaPSS_VerifyCheck(out, (word32)size, plain, sizeof(plain), request->data,
                                         request->data_size, kinds[request->hash].hash,
                                         kinds[request->hash].mgf, rsa);
    *out_size = (word32)size;
    return verified > 0 ? 0 : SIG_VERIFY_E;
}

static int sign_rsa_pss(struct signer_keys *keys, const struct private_key *key,
                        const struct sign_request *request, uint8_t *out, word32 *out_size) {
    RsaKey rsa;
    word32 index = 0;
    int failed = wc_InitRsaKey(&rsa, NULL);
    if (failed != 0) {
        return failed;
    }
    failed = wc_RsaPrivateKeyDecode(key->secret, &index, &rsa, (word32)key->size);
    if (failed == 0) {
        failed = wc_RsaSetRNG(&rsa, &keys->rng);
    }
    if (failed == 0) {
        failed = sign_with_rsa(keys, &rsa, request, out, out_size);
    }
    wc_FreeRsaKey(&rsa);
    secret_wipe(&rsa, sizeof(rsa));
    return failed;
}

static int sign(struct signer_keys *keys, const struct private_key *key,
                const struct sign_request *request, uint8_t *out, word32 *out_size) {
    switch (key->kind) {
    case CERTIFICATE_KEY_P256:
    case CERTIFICATE_KEY_P384:
        return request->scheme == SIGN_ECDSA ? sign_ecdsa(keys, key, request, out, out_size)
                                             : BAD_FUNC_ARG;
    case CERTIFICATE_KEY_RSA:
        return request->scheme == SIGN_RSA_PSS ? sign_rsa_pss(keys, key, request, out, out_size)
                                               : BAD_FUNC_ARG;
    case CERTIFICATE_KEY_ED25519:
        return request->scheme == SIGN_ED25519 ? sign_ed25519(key, request, out, out_size)
                                               : BAD_FUNC_ARG;
    default:
        return BAD_FUNC_ARG;
    }
}

void signer_sign(struct signer_keys *keys, const struct sign_request *request,
                 struct sign_response *response) {
    word32 size = SIGNATURE_SIZE_MAX;
    int failed = BAD_FUNC_ARG;
    const struct signer_key *key = find_key(keys, request->key_id);
    memset(response, 0, sizeof(*response)); // the padding too
    response->number = request->number;
    if (key != NULL && request->data_size <= SIGN_DATA_MAX) {
        failed = sign(keys, &key->key, request, response->signature, &size);
    }
    if (failed == 0) {
        response->signature_size = (uint16_t)size;
    } else { // whatever is in there: the whole response leaves this process
        secret_wipe(response->signature, sizeof(response->signature));
    }
}
