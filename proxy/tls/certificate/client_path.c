#include "tls/certificate/client_path.h"

#include <assert.h>
#include <string.h>

struct search {
    const struct certificate *authorities;
    size_t authority_count;
    const struct certificate *presented;
    size_t count;
    bool needed[CLIENT_PRESENTED_MAX]; // by its name, it may be above the client's certificate
    const struct certificate *issuers[CLIENT_PRESENTED_MAX]; // NULL: not vouched for
    struct client_path *path;
    bool is_costly;
    bool is_false;
};

static bool is_authority(const struct search *search, const struct certificate *certificate) {
    for (size_t i = 0; i < search->authority_count; i++) {
        if (slice_equal(search->authorities[i].der, certificate->der)) {
            return true;
        }
    }
    return false;
}

// Marks the client's certificate and the certificates that may be above it. A copy of an authority
// is not needed, because the authority itself is used.
static void mark_needed(struct search *search) {
    size_t pending[CLIENT_PRESENTED_MAX] = {0};
    size_t pending_count = 1;
    search->needed[0] = true;
    for (size_t at = 0; at < pending_count; at++) {
        const struct certificate *below = &search->presented[pending[at]];
        for (size_t i = 1; i < search->count; i++) {
            const struct certificate *above = &search->presented[i];
            if (!search->needed[i] && certificate_may_have_issued(above, below) &&
                !is_authority(search, above)) {
                search->needed[i] = true;
                pending[pending_count++] = i;
            }
        }
    }
}

// Whether this trusted certificate signed the other. Also false if the work limit is reached.
static bool vouches(struct search *search, const struct certificate *issuer,
                    const struct certificate *certificate) {
    if (search->is_costly || !certificate_may_have_issued(issuer, certificate)) {
        return false;
    }
    uint32_t cost = certificate_verification_cost(issuer);
    if (cost > CLIENT_PATH_COST_MAX - search->path->cost) {
        search->is_costly = true;
        return false;
    }
    search->path->cost += cost;
    if (certificate_verifies(issuer, certificate)) {
        return true;
    }
    // RFC 8446 6.2 distinguishes a wrong signature from an unknown authority. Only a key identifier
    // shows that the certificate means this very key. wolfSSL verifies no weak signature.
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): both are items of arrays
    search->is_false |= certificate->has_authority_key_id || certificate->signature_hash == NULL;
    return false;
}

static const struct certificate *find_authority(struct search *search,
                                                const struct certificate *certificate) {
    for (size_t i = 0; i < search->authority_count; i++) {
        if (vouches(search, &search->authorities[i], certificate)) {
            return &search->authorities[i];
        }
    }
    return NULL;
}

// Finds the issuer among the presented certificates that the previous round has vouched for.
static const struct certificate *find_presented(struct search *search, const bool *fresh,
                                                const struct certificate *certificate) {
    for (size_t i = 1; i < search->count; i++) {
        if (fresh[i] && vouches(search, &search->presented[i], certificate)) {
            return &search->presented[i];
        }
    }
    return NULL;
}

// One round: finds the issuers of certificates that are one step further from the authorities.
// `fresh`: in: results of the last round (unused in the first); out: results of this round.
static bool vouch_round(struct search *search, bool is_first, bool fresh[CLIENT_PRESENTED_MAX]) {
    bool found[CLIENT_PRESENTED_MAX] = {false};
    bool any = false;
    for (size_t i = 0; i < search->count && search->issuers[0] == NULL; i++) {
        if (search->needed[i] && search->issuers[i] == NULL) {
            const struct certificate *certificate = &search->presented[i];
            search->issuers[i] = is_first ? find_authority(search, certificate)
                                          : find_presented(search, fresh, certificate);
            found[i] = search->issuers[i] != NULL;
            any |= found[i];
        }
    }
    memcpy(fresh, found, sizeof(found));
    return any;
}

static bool is_presented(const struct search *search, const struct certificate *certificate) {
    return certificate >= search->presented && certificate < search->presented + search->count;
}

// Writes the path from the client's certificate up to the authority.
static void write_path(const struct search *search) {
    struct client_path *path = search->path;
    const struct certificate *at = search->presented;
    while (is_presented(search, at)) {
        path->items[path->count++] = at;
        at = search->issuers[at - search->presented];
    }
    path->items[path->count++] = at;
}

static bool is_in_path(const struct client_path *path, const struct certificate *certificate) {
    for (size_t i = 1; i < path->count; i++) {
        if (slice_equal(path->items[i]->der, certificate->der)) {
            return true;
        }
    }
    return false;
}

// Continues with the issuers of the authority that are authorities, too.
static enum client_path_end extend_path(struct search *search) {
    struct client_path *path = search->path;
    for (;;) {
        const struct certificate *last = path->items[path->count - 1];
        const struct certificate *issuer = NULL;
        for (size_t i = 0; issuer == NULL && !last->is_self_issued && i < search->authority_count;
             i++) {
            const struct certificate *candidate = &search->authorities[i];
            if (!is_in_path(path, candidate) && vouches(search, candidate, last)) {
                issuer = candidate;
            }
        }
        if (search->is_costly) {
            return CLIENT_PATH_COSTLY;
        }
        if (issuer == NULL) {
            return CLIENT_PATH_TRUSTED;
        }
        if (path->count == CLIENT_PATH_MAX) {
            return CLIENT_PATH_TOO_LONG;
        }
        path->items[path->count++] = issuer;
    }
}

enum client_path_end client_path_find(const struct certificate *authorities, size_t authority_count,
                                      const struct certificate *presented, size_t count,
                                      struct client_path *path) {
    static_assert(CLIENT_PRESENTED_MAX < CLIENT_PATH_MAX, "room for an authority above them all");
    struct search search = {.authorities = authorities,
                            .authority_count = authority_count,
                            .presented = presented,
                            .count = count,
                            .path = path};
    bool fresh[CLIENT_PRESENTED_MAX] = {false};
    path->count = 0;
    path->cost = 0;
    mark_needed(&search);
    for (bool more = vouch_round(&search, true, fresh); more && search.issuers[0] == NULL;) {
        more = vouch_round(&search, false, fresh);
    }
    if (search.issuers[0] != NULL) {
        write_path(&search);
        return extend_path(&search);
    }
    return search.is_costly  ? CLIENT_PATH_COSTLY
           : search.is_false ? CLIENT_PATH_FALSE
                             : CLIENT_PATH_UNKNOWN;
}
