// A cache of password verdicts of the last minutes. Right passwords are cached so that a page with
// many parts costs one check. Wrong passwords are cached so that a client that repeats one password
// is not counted as guessing.
//
// The cache has no passwords, and no hashes that can be tried elsewhere. An entry is an
// HMAC-SHA-256 with a random key of this process. Its input is the name, the password and the
// content of the file of users, so that a change of the file invalidates the entries. An entry is
// wiped LOGIN_CACHE_S after its last use. Comparisons take constant time. The number of entries is
// fixed. A new entry replaces the one that would expire first. Wrong passwords never replace right
// ones.
//
// Memory is allocated with the first entry.
#ifndef RAVELIN_SESSION_LOGIN_CACHE_H
#define RAVELIN_SESSION_LOGIN_CACHE_H

#include "base/slice.h"
#include "config/config.h"
#include "tls/digest.h"

#include <stdbool.h>
#include <stdint.h>

#define LOGIN_CACHE_S 300
#define LOGIN_CACHE_MS (LOGIN_CACHE_S * INT64_C(1000))

enum login_known { LOGIN_UNKNOWN, LOGIN_KNOWN_RIGHT, LOGIN_KNOWN_WRONG };

struct login_entries;

struct login_cache {
    struct login_entries *entries; // from secret_map(); NULL: none yet
};

// The key of an entry.
struct login_mac {
    uint8_t bytes[DIGEST_SIZE];
};

// Computes the key of an entry. False: memory or random bytes are short.
bool login_cache_mac(struct login_cache *cache, const struct users_mark *file, struct slice user,
                     struct slice password, struct login_mac *mac);
enum login_known login_cache_find(struct login_cache *cache, const struct login_mac *mac,
                                  int64_t now_ms);
void login_cache_add(struct login_cache *cache, const struct login_mac *mac, bool is_right,
                     int64_t now_ms);
void login_cache_expire(struct login_cache *cache, int64_t now_ms); // call it regularly
void login_cache_free(struct login_cache *cache);                   // wipes the entries

#endif
