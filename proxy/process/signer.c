#include "process/signer.h"

#include "base/secret.h"

#include <stdlib.h>
#include <string.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>
#include <wolfssl/wolfcrypt/rsa.h>

enum { GENERATIONS_KEPT = 3 };
enum key_type { KEY_NONE, KEY_ECC, KEY_RSA, KEY_ED25519 };

struct signer_key {
    uint8_t id[KEY_ID_SIZE];
    enum key_type type;
    union {
        ecc_key *ecc;
        RsaKey *rsa;
        ed25519_key *ed25519;
    } as;
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

static void free_key(struct signer_key *key) {
    switch (key->type) {
    case KEY_ECC:
        wc_ecc_free(key->as.ecc);
        secret_wipe(key->as.ecc, sizeof(*key->as.ecc));
        free(key->as.ecc);
        break;
    case KEY_RSA:
        wc_FreeRsaKey(key->as.rsa);
        secret_wipe(key->as.rsa, sizeof(*key->as.rsa));
        free(key->as.rsa);
        break;
    case KEY_ED25519:
        wc_ed25519_free(key->as.ed25519);
        secret_wipe(key->as.ed25519, sizeof(*key->as.ed25519));
        free(key->as.ed25519);
        break;
    case KEY_NONE:
        break;
    }
    key->type = KEY_NONE;
}

static void free_set(struct key_set *set) {
    for (size_t i = 0; i < set->count; i++) {
        free_key(&set->keys[i]);
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

// Each try_* makes a key object from DER or leaves nothing behind.

static bool try_ecc(struct signer_key *key, const DerBuffer *der) {
    ecc_key *ecc = malloc(sizeof(*ecc));
    word32 index = 0;
    if (ecc == NULL || wc_ecc_init(ecc) != 0) {
        free(ecc);
        return false;
    }
    if (wc_EccPrivateKeyDecode(der->buffer, &index, ecc, der->length) != 0) {
        wc_ecc_free(ecc);
        free(ecc);
        return false;
    }
    key->type = KEY_ECC;
    key->as.ecc = ecc;
    return true;
}

static bool try_rsa(struct signer_key *key, const DerBuffer *der, WC_RNG *rng) {
    RsaKey *rsa = malloc(sizeof(*rsa));
    word32 index = 0;
    if (rsa == NULL || wc_InitRsaKey(rsa, NULL) != 0) {
        free(rsa);
        return false;
    }
    if (wc_RsaPrivateKeyDecode(der->buffer, &index, rsa, der->length) != 0 ||
        wc_RsaSetRNG(rsa, rng) != 0) {
        wc_FreeRsaKey(rsa);
        free(rsa);
        return false;
    }
    key->type = KEY_RSA;
    key->as.rsa = rsa;
    return true;
}

static bool try_ed25519(struct signer_key *key, const DerBuffer *der) {
    ed25519_key *ed = malloc(sizeof(*ed));
    word32 index = 0;
    if (ed == NULL || wc_ed25519_init(ed) != 0) {
        free(ed);
        return false;
    }
    uint8_t public_key[ED25519_PUB_KEY_SIZE];
    if (wc_Ed25519PrivateKeyDecode(der->buffer, &index, ed, der->length) != 0 ||
        wc_ed25519_make_public(ed, public_key, sizeof(public_key)) != 0 ||
        wc_ed25519_import_public(public_key, sizeof(public_key), ed) != 0) {
        wc_ed25519_free(ed);
        free(ed);
        return false;
    }
    key->type = KEY_ED25519;
    key->as.ed25519 = ed;
    return true;
}

static bool decode_key(struct signer_key *key, struct slice pem, WC_RNG *rng) {
    DerBuffer *der = NULL;
    int format = 0;
    if (wc_PemToDer((const unsigned char *)pem.data, (long)pem.size, PRIVATEKEY_TYPE, &der, NULL,
                    NULL, &format) != 0) {
        return false;
    }
    bool ok = try_ecc(key, der) || try_ed25519(key, der) || try_rsa(key, der, rng);
    secret_wipe(der->buffer, der->length);
    wc_FreeDer(&der);
    return ok;
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
        struct signer_key *key = &set.keys[i];
        if (!bundle_file_at(bundle, i, &path, &content) || path.size >= sizeof(name) ||
            !decode_key(key, content, &keys->rng)) {
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
    struct signer_key wanted = {.type = KEY_NONE};
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

static int sign_rsa_pss(struct signer_keys *keys, RsaKey *key, const struct sign_request *request,
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
                              kinds[request->hash].hash, kinds[request->hash].mgf, key, &keys->rng);
    if (size <= 0) {
        return BAD_FUNC_ARG;
    }
    // A fault while signing with CRT would give the key away: check before it leaves (RFC 8446
    // C.2's concern).
    uint8_t plain[SIGNATURE_SIZE_MAX];
    int verified = wc_RsaPSS_VerifyCheck(out, (word32)size, plain, sizeof(plain), request->data,
                                         request->data_size, kinds[request->hash].hash,
                                         kinds[request->hash].mgf, key);
    *out_size = (word32)size;
    return verified > 0 ? 0 : SIG_VERIFY_E;
}

void signer_sign(struct signer_keys *keys, const struct sign_request *request,
                 struct sign_response *response) {
    word32 size = SIGNATURE_SIZE_MAX;
    int failed = BAD_FUNC_ARG;
    struct signer_key *key = find_key(keys, request->key_id);
    memset(response, 0, sizeof(*response)); // the padding too
    response->number = request->number;
    if (key != NULL && request->data_size <= SIGN_DATA_MAX) {
        if (key->type == KEY_ECC && request->scheme == SIGN_ECDSA &&
            request->data_size == wc_ecc_size(key->as.ecc)) { // the hash that goes with the curve
            failed = wc_ecc_sign_hash(request->data, request->data_size, response->signature, &size,
                                      &keys->rng, key->as.ecc);
        } else if (key->type == KEY_RSA && request->scheme == SIGN_RSA_PSS) {
            failed = sign_rsa_pss(keys, key->as.rsa, request, response->signature, &size);
        } else if (key->type == KEY_ED25519 && request->scheme == SIGN_ED25519) {
            failed = wc_ed25519_sign_msg(request->data, request->data_size, response->signature,
                                         &size, key->as.ed25519);
        }
    }
    if (failed == 0) {
        response->signature_size = (uint16_t)size;
    } else { // whatever is in there: the whole response leaves this process
        secret_wipe(response->signature, sizeof(response->signature));
    }
}
