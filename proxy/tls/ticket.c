#include "tls/ticket.h"

#include "base/secret.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

enum { KEY_SIZE = 32, NONCE_SIZE = 12, TAG_SIZE = 16, KEY_COUNT = 3 };
enum { KEY_PREVIOUS, KEY_CURRENT, KEY_NEXT };

struct ticket_key {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t key[KEY_SIZE];
};

struct ticket_store {
    _Atomic uint32_t version; // odd while the master writes
    struct ticket_key keys[KEY_COUNT];
};

static bool fill_random(void *data, size_t size) {
    return getrandom(data, size, 0) == (ssize_t)size;
}

struct ticket_store *ticket_store_new(void) {
    struct ticket_store *store = secret_map(sizeof(*store), true);
    if (store == NULL) {
        return NULL;
    }
    if (!fill_random(store->keys, sizeof(store->keys))) {
        ticket_store_free(store);
        return NULL;
    }
    return store;
}

void ticket_store_free(struct ticket_store *store) {
    if (store != NULL) {
        secret_unmap(store, sizeof(*store));
    }
}

void ticket_store_leave(struct ticket_store *store) {
    if (store != NULL) {
        (void)munmap(store, sizeof(*store));
    }
}

bool ticket_store_rotate(struct ticket_store *store) {
    struct ticket_key fresh;
    if (!fill_random(&fresh, sizeof(fresh))) {
        return false;
    }
    atomic_fetch_add_explicit(&store->version, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release); // no key is written before the version is odd
    store->keys[KEY_PREVIOUS] = store->keys[KEY_CURRENT];
    store->keys[KEY_CURRENT] = store->keys[KEY_NEXT];
    store->keys[KEY_NEXT] = fresh;
    atomic_fetch_add_explicit(&store->version, 1, memory_order_acq_rel);
    secret_wipe(&fresh, sizeof(fresh));
    return true;
}

// Copies the key out; the caller wipes it. A writer holds the lock for well under a microsecond,
// once an hour.
static void read_key(const struct ticket_store *store, int index, struct ticket_key *key) {
    uint32_t before;
    uint32_t after;
    do {
        before = atomic_load_explicit(&store->version, memory_order_acquire);
        *key = store->keys[index];
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&store->version, memory_order_relaxed);
    } while (before != after || (before & 1) != 0);
}

struct additional_data {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t binding[TICKET_BINDING_SIZE];
};

static struct additional_data make_additional_data(const uint8_t *name, const uint8_t *binding) {
    struct additional_data data;
    memcpy(data.name, name, sizeof(data.name));
    memcpy(data.binding, binding, sizeof(data.binding));
    return data;
}

enum result ticket_seal(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], const uint8_t random_nonce[12],
                        uint8_t name[TICKET_NAME_SIZE], uint8_t iv[TICKET_IV_SIZE],
                        uint8_t mac[TICKET_MAC_SIZE], uint8_t *data, size_t size) {
    struct ticket_key key;
    Aes aes;
    read_key(store, KEY_CURRENT, &key);
    memcpy(name, key.name, TICKET_NAME_SIZE);
    memset(iv, 0, TICKET_IV_SIZE);
    memcpy(iv, random_nonce, NONCE_SIZE);
    memset(mac, 0, TICKET_MAC_SIZE);
    struct additional_data additional = make_additional_data(name, binding);
    int failed = wc_AesInit(&aes, NULL, INVALID_DEVID);
    if (failed == 0) {
        failed = wc_AesGcmSetKey(&aes, key.key, KEY_SIZE);
        if (failed == 0) {
            failed = wc_AesGcmEncrypt(&aes, data, data, (word32)size, iv, NONCE_SIZE, mac, TAG_SIZE,
                                      (const byte *)&additional, sizeof(additional));
        }
        wc_AesFree(&aes);
    }
    secret_wipe(&aes, sizeof(aes));
    secret_wipe(&key, sizeof(key));
    return failed == 0 ? RESULT_OK : RESULT_ERROR;
}

// A rotation meanwhile moves keys towards KEY_PREVIOUS: looked for in this order, none is missed.
static int find_key(const struct ticket_store *store, const uint8_t *name, struct ticket_key *key) {
    for (int index = KEY_NEXT; index >= KEY_PREVIOUS; index--) {
        read_key(store, index, key);
        if (secret_equal(key->name, name, TICKET_NAME_SIZE)) {
            return index;
        }
    }
    return -1;
}

// The fields are wider than what is in them. The rest is zeros, and not authenticated.
static bool has_padding(const uint8_t *iv, const uint8_t *mac) {
    static const uint8_t zeros[TICKET_MAC_SIZE];
    return memcmp(iv + NONCE_SIZE, zeros, TICKET_IV_SIZE - NONCE_SIZE) == 0 &&
           memcmp(mac + TAG_SIZE, zeros, TICKET_MAC_SIZE - TAG_SIZE) == 0;
}

enum result ticket_open(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE],
                        const uint8_t name[TICKET_NAME_SIZE], const uint8_t iv[TICKET_IV_SIZE],
                        const uint8_t mac[TICKET_MAC_SIZE], uint8_t *data, size_t size,
                        bool *renew) {
    struct ticket_key key;
    Aes aes;
    int index = find_key(store, name, &key);
    int failed = index < 0 || !has_padding(iv, mac);
    *renew = index != KEY_CURRENT;
    if (!failed) {
        struct additional_data additional = make_additional_data(name, binding);
        failed = wc_AesInit(&aes, NULL, INVALID_DEVID);
        if (!failed) {
            failed = wc_AesGcmSetKey(&aes, key.key, KEY_SIZE);
            if (!failed) {
                failed = wc_AesGcmDecrypt(&aes, data, data, (word32)size, iv, NONCE_SIZE, mac,
                                          TAG_SIZE, (const byte *)&additional, sizeof(additional));
            }
            wc_AesFree(&aes);
        }
        secret_wipe(&aes, sizeof(aes));
    }
    secret_wipe(&key, sizeof(key));
    return failed ? RESULT_ERROR : RESULT_OK;
}
