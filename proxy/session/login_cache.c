#include "session/login_cache.h"

#include "base/secret.h"

#include <string.h>
#include <sys/random.h>

enum { WAYS = 4, RIGHT_SETS = 512, WRONG_SETS = 64 };

struct entry {
    struct login_mac mac;
    int64_t until_ms; // 0: free
};

struct login_entries {
    uint8_t key[DIGEST_SIZE];
    size_t used;
    struct entry right[RIGHT_SETS][WAYS];
    struct entry wrong[WRONG_SETS][WAYS];
};

static bool allocate(struct login_cache *cache) {
    if (cache->entries != NULL) {
        return true;
    }
    struct login_entries *entries = secret_map(sizeof(*entries));
    if (entries == NULL) {
        return false;
    }
    if (getrandom(entries->key, sizeof(entries->key), 0) != (ssize_t)sizeof(entries->key)) {
        secret_unmap(entries, sizeof(*entries));
        return false;
    }
    cache->entries = entries;
    return true;
}

void login_cache_free(struct login_cache *cache) {
    if (cache->entries != NULL) {
        secret_unmap(cache->entries, sizeof(*cache->entries));
        cache->entries = NULL;
    }
}

bool login_cache_mac(struct login_cache *cache, const struct users_mark *file, struct slice user,
                     struct slice password, struct login_mac *mac) {
    const uint16_t user_size = (uint16_t)user.size;
    const struct slice parts[] = {{(const char *)file, sizeof(*file)},
                                  {(const char *)&user_size, sizeof(user_size)},
                                  user,
                                  password};
    return allocate(cache) && digest_keyed(cache->entries->key, parts, 4, mac->bytes);
}

static struct entry *set_of(struct login_cache *cache, const struct login_mac *mac, bool is_right) {
    uint16_t number;
    memcpy(&number, mac->bytes, sizeof(number));
    return is_right ? cache->entries->right[number % RIGHT_SETS]
                    : cache->entries->wrong[number % WRONG_SETS];
}

// Compares all ways, so that the time does not depend on the result. NULL: not in the set.
static struct entry *find(struct entry *set, const struct login_mac *mac, int64_t now_ms) {
    struct entry *found = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        bool same = secret_equal(set[i].mac.bytes, mac->bytes, sizeof(mac->bytes));
        found = same && set[i].until_ms > now_ms ? &set[i] : found;
    }
    return found;
}

enum login_known login_cache_find(struct login_cache *cache, const struct login_mac *mac,
                                  int64_t now_ms) {
    if (cache->entries == NULL) {
        return LOGIN_UNKNOWN;
    }
    struct entry *right = find(set_of(cache, mac, true), mac, now_ms);
    struct entry *wrong = find(set_of(cache, mac, false), mac, now_ms);
    struct entry *entry = right != NULL ? right : wrong;
    if (entry == NULL) {
        return LOGIN_UNKNOWN;
    }
    entry->until_ms = now_ms + LOGIN_CACHE_MS;
    return right != NULL ? LOGIN_KNOWN_RIGHT : LOGIN_KNOWN_WRONG;
}

void login_cache_add(struct login_cache *cache, const struct login_mac *mac, bool is_right,
                     int64_t now_ms) {
    if (!allocate(cache)) {
        return; // the password is checked again
    }
    struct entry *set = set_of(cache, mac, is_right);
    struct entry *entry = find(set, mac, now_ms);
    for (size_t i = 0; i < WAYS && entry == NULL; i++) {
        entry = set[i].until_ms == 0 ? &set[i] : NULL;
    }
    if (entry == NULL) {
        entry = &set[0];
        for (size_t i = 1; i < WAYS; i++) {
            entry = set[i].until_ms < entry->until_ms ? &set[i] : entry;
        }
    }
    cache->entries->used += entry->until_ms == 0;
    *entry = (struct entry){*mac, now_ms + LOGIN_CACHE_MS};
}

static void expire(struct login_entries *entries, struct entry *entry, int64_t now_ms) {
    if (entry->until_ms != 0 && entry->until_ms <= now_ms) {
        secret_wipe(entry, sizeof(*entry));
        entries->used--;
    }
}

void login_cache_expire(struct login_cache *cache, int64_t now_ms) {
    struct login_entries *entries = cache->entries;
    if (entries == NULL || entries->used == 0) {
        return;
    }
    for (size_t i = 0; i < (size_t)RIGHT_SETS * WAYS; i++) {
        expire(entries, &entries->right[0][0] + i, now_ms);
    }
    for (size_t i = 0; i < (size_t)WRONG_SETS * WAYS; i++) {
        expire(entries, &entries->wrong[0][0] + i, now_ms);
    }
}
