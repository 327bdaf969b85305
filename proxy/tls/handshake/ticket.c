#include "tls/handshake/ticket.h"

#include "base/secret.h"
#include "tls/handshake/ticket_keys.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/sha256.h>

enum { TAG_SIZE = 16 };
// Steps in the ring, from the current key.
enum place { CURRENT, NEXT, PREVIOUS };

// --- Keys ---

struct ticket_store *ticket_store_new(void) {
    struct ticket_store *store = calloc(1, sizeof(*store));
    struct secret_views views;
    if (store == NULL || !secret_map_views(sizeof(*store->own), &views)) {
        free(store);
        return NULL;
    }
    store->own = views.own;
    store->lent = views.lent;
    if (!ticket_store_renew(store)) {
        ticket_store_free(store);
        return NULL;
    }
    return store;
}

void ticket_store_free(struct ticket_store *store) {
    if (store != NULL) {
        const struct secret_views views = {store->own, store->lent, sizeof(*store->own)};
        secret_unmap_views(&views);
        free(store);
    }
}

void ticket_store_lend(struct ticket_store *store, bool lend) {
    const struct secret_views views = {store->own, store->lent, sizeof(*store->own)};
    secret_lend(&views, lend);
}

static void begin_writing(struct ticket_keys *keys) {
    atomic_fetch_add_explicit(&keys->version, 1, memory_order_acq_rel);
    atomic_thread_fence(memory_order_release); // no key is written before the version is odd
}

static void end_writing(struct ticket_keys *keys) {
    atomic_fetch_add_explicit(&keys->version, 1, memory_order_acq_rel);
}

// getrandom() writes this many bytes completely or not at all.
static bool make_key(struct ticket_key *key) {
    return getrandom(key, sizeof(*key), 0) == (ssize_t)sizeof(*key);
}

// Moves the keys: current becomes previous, next becomes current, and the former previous is
// overwritten by a new next key.
static bool step(struct ticket_keys *keys) {
    bool made = make_key(&keys->ring[(keys->current + PREVIOUS) % TICKET_KEY_COUNT]);
    if (made) {
        keys->current = (keys->current + NEXT) % TICKET_KEY_COUNT;
    }
    return made;
}

bool ticket_store_rotate(struct ticket_store *store) {
    begin_writing(store->own);
    bool made = step(store->own);
    end_writing(store->own);
    return made;
}

bool ticket_store_renew(struct ticket_store *store) {
    bool made = true;
    begin_writing(store->own);
    for (int i = 0; i < TICKET_KEY_COUNT && made; i++) {
        made = step(store->own);
    }
    end_writing(store->own);
    return made;
}

// For the owner, so no writer is at work.
void ticket_store_copy_out(const struct ticket_store *store, uint8_t keys[TICKET_KEYS_SIZE]) {
    static_assert(TICKET_KEYS_SIZE == sizeof(store->own->current) + sizeof(store->own->ring), "");
    memcpy(keys, &store->own->current, sizeof(store->own->current));
    secret_copy(keys + sizeof(store->own->current), store->own->ring, sizeof(store->own->ring));
}

bool ticket_store_copy_in(struct ticket_store *store, const uint8_t keys[TICKET_KEYS_SIZE]) {
    uint32_t current;
    memcpy(&current, keys, sizeof(current));
    if (current >= TICKET_KEY_COUNT) {
        return false;
    }
    begin_writing(store->own);
    store->own->current = current;
    secret_copy(store->own->ring, keys + sizeof(current), sizeof(store->own->ring));
    end_writing(store->own);
    return true;
}

// Copies the key out; the caller wipes the copy. A writer has the lock for a few microseconds, once
// an hour.
static void read_key(const struct ticket_store *store, enum place place, struct ticket_key *key) {
    const struct ticket_keys *keys = store->lent;
    uint32_t before;
    uint32_t after;
    do {
        before = atomic_load_explicit(&keys->version, memory_order_acquire);
        *key = keys->ring[(keys->current + place) % TICKET_KEY_COUNT];
        atomic_thread_fence(memory_order_acquire);
        after = atomic_load_explicit(&keys->version, memory_order_relaxed);
    } while (before != after || (before & 1) != 0);
}

// A rotation during the search moves keys towards PREVIOUS. In this order of search, none is
// missed.
static bool find_key(const struct ticket_store *store, const uint8_t *name,
                     struct ticket_key *key) {
    static const enum place places[] = {NEXT, CURRENT, PREVIOUS};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        read_key(store, places[i], key);
        if (secret_equal(key->name, name, TICKET_NAME_SIZE)) {
            return true;
        }
    }
    return false;
}

// --- Terms ---

static void add_term(wc_Sha256 *hash, const char *name, struct slice value) {
    uint64_t size = value.size;
    (void)wc_Sha256Update(hash, (const byte *)name, (word32)strlen(name) + 1);
    (void)wc_Sha256Update(hash, (const byte *)&size, sizeof(size));
    (void)wc_Sha256Update(hash, (const byte *)value.data, (word32)value.size);
}

void ticket_binding(const struct ticket_terms *terms, uint8_t binding[TICKET_BINDING_SIZE]) {
    wc_Sha256 hash;
    (void)wc_InitSha256(&hash); // without a hardware device, these calls cannot fail
    add_term(&hash, "site", terms->site);
    add_term(&hash, "protocol", terms->protocol);
    add_term(&hash, "client certificates", terms->client_certificates);
    add_term(&hash, "post-quantum", terms->post_quantum_required ? SLICE("required") : SLICE(""));
    (void)wc_Sha256Final(&hash, binding);
    wc_Sha256Free(&hash);
}

// --- Tickets ---

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

static void write_stamp(const struct ticket_stamp *stamp, uint8_t bytes[TICKET_STAMP_SIZE]) {
    memset(bytes, 0, TICKET_STAMP_SIZE);
    memcpy(bytes, &stamp->since_s, sizeof(stamp->since_s));
    memcpy(bytes + sizeof(stamp->since_s), &stamp->resumptions, sizeof(stamp->resumptions));
}

static void read_stamp(const uint8_t bytes[TICKET_STAMP_SIZE], struct ticket_stamp *stamp) {
    memcpy(&stamp->since_s, bytes, sizeof(stamp->since_s));
    memcpy(&stamp->resumptions, bytes + sizeof(stamp->since_s), sizeof(stamp->resumptions));
}

enum result ticket_seal(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE],
                        const uint8_t nonce[TICKET_NONCE_SIZE], const struct ticket_stamp *stamp,
                        struct ticket *ticket) {
    struct ticket_key key;
    Aes aes;
    read_key(store, CURRENT, &key);
    memcpy(ticket->name, key.name, TICKET_NAME_SIZE);
    memset(ticket->iv, 0, TICKET_IV_SIZE);
    memcpy(ticket->iv, nonce, TICKET_NONCE_SIZE);
    memset(ticket->mac, 0, TICKET_MAC_SIZE);
    write_stamp(stamp, ticket->data + ticket->size);
    ticket->size += TICKET_STAMP_SIZE;
    struct additional_data additional = make_additional_data(ticket->name, binding);
    int failed = wc_AesInit(&aes, NULL, INVALID_DEVID);
    if (failed == 0) {
        failed = wc_AesGcmSetKey(&aes, key.key, sizeof(key.key));
        if (failed == 0) {
            failed = wc_AesGcmEncrypt(&aes, ticket->data, ticket->data, (word32)ticket->size,
                                      ticket->iv, TICKET_NONCE_SIZE, ticket->mac, TAG_SIZE,
                                      (const byte *)&additional, sizeof(additional));
        }
        wc_AesFree(&aes);
    }
    secret_wipe(&aes, sizeof(aes));
    secret_wipe(&key, sizeof(key));
    return failed == 0 ? RESULT_OK : RESULT_ERROR;
}

// The fields are longer than their contents. The rest is zeros, and not authenticated.
static bool has_padding(const struct ticket *ticket) {
    static const uint8_t zeros[TICKET_MAC_SIZE];
    return memcmp(ticket->iv + TICKET_NONCE_SIZE, zeros, TICKET_IV_SIZE - TICKET_NONCE_SIZE) == 0 &&
           memcmp(ticket->mac + TAG_SIZE, zeros, TICKET_MAC_SIZE - TAG_SIZE) == 0;
}

static bool decrypt(const struct ticket_key *key, const uint8_t *binding, struct ticket *ticket) {
    Aes aes;
    struct additional_data additional = make_additional_data(ticket->name, binding);
    int failed = wc_AesInit(&aes, NULL, INVALID_DEVID);
    if (failed == 0) {
        failed = wc_AesGcmSetKey(&aes, key->key, sizeof(key->key));
        if (failed == 0) {
            failed = wc_AesGcmDecrypt(&aes, ticket->data, ticket->data, (word32)ticket->size,
                                      ticket->iv, TICKET_NONCE_SIZE, ticket->mac, TAG_SIZE,
                                      (const byte *)&additional, sizeof(additional));
        }
        wc_AesFree(&aes);
    }
    secret_wipe(&aes, sizeof(aes));
    return failed == 0;
}

enum result ticket_open(const struct ticket_store *store,
                        const uint8_t binding[TICKET_BINDING_SIZE], int64_t now_s,
                        struct ticket *ticket, struct ticket_stamp *stamp) {
    struct ticket_key key;
    bool opened = ticket->size >= TICKET_STAMP_SIZE && has_padding(ticket) &&
                  find_key(store, ticket->name, &key) && decrypt(&key, binding, ticket);
    secret_wipe(&key, sizeof(key));
    if (!opened) {
        return RESULT_ERROR;
    }
    ticket->size -= TICKET_STAMP_SIZE;
    read_stamp(ticket->data + ticket->size, stamp);
    return now_s - stamp->since_s < TICKET_CHAIN_SECONDS && stamp->resumptions < TICKET_CHAIN_MAX
               ? RESULT_OK
               : RESULT_ERROR;
}
