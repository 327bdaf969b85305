#include "exchange/router.h"

#include "base/hash.h"
#include "http/path.h"

#include <stdint.h>
#include <stdlib.h>

enum { NAME_MAX_SIZE = 253 };

struct router_entry {
    struct slice name; // empty: a free place
    size_t site;
};

// Open addressing, at most half full, size a power of two.
struct name_table {
    struct router_entry *entries;
    size_t mask;
};

struct router {
    struct name_table exact;
    struct name_table wildcards; // without the "*", with the dot: ".example.com"
    size_t any_site;             // of the alias "*"
};

// A hash without a key is safe: only the configuration adds names, clients only look them up.
static size_t hash_name(struct slice name) {
    uint64_t hash = hash_add(HASH_BEGIN, name.data, name.size);
    return (size_t)(hash ^ hash >> 32);
}

static struct router_entry *table_place(const struct name_table *table, struct slice name) {
    size_t index = hash_name(name) & table->mask;
    while (table->entries[index].name.size != 0 && !slice_equal(table->entries[index].name, name)) {
        index = (index + 1) & table->mask;
    }
    return &table->entries[index];
}

static size_t table_find(const struct name_table *table, struct slice name) {
    const struct router_entry *entry = table_place(table, name);
    return entry->name.size == 0 ? ROUTER_NO_SITE : entry->site;
}

static bool table_init(struct name_table *table, size_t names) {
    size_t size = 8;
    while (size < names * 2 + 1) {
        size *= 2;
    }
    table->mask = size - 1;
    table->entries = calloc(size, sizeof(*table->entries));
    return table->entries != NULL;
}

static void add_name(struct router *router, const char *text, size_t site) {
    struct slice name = slice_from(text);
    if (slice_equal(name, SLICE("*"))) {
        router->any_site = site;
        return;
    }
    bool wildcard = name.size > 2 && name.data[0] == '*';
    if (wildcard) {
        name = (struct slice){name.data + 1, name.size - 1};
    }
    *table_place(wildcard ? &router->wildcards : &router->exact, name) =
        (struct router_entry){name, site};
}

struct router *router_new(const struct config *config) {
    struct router *router = calloc(1, sizeof(*router));
    if (router == NULL) {
        return NULL;
    }
    size_t names = config->site_count;
    for (size_t i = 0; i < config->site_count; i++) {
        names += config->sites[i].alias_count;
    }
    router->any_site = ROUTER_NO_SITE;
    if (!table_init(&router->exact, names) || !table_init(&router->wildcards, names)) {
        router_free(router);
        return NULL;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        add_name(router, site->name, i);
        for (size_t k = 0; k < site->alias_count; k++) {
            add_name(router, site->aliases[k], i);
        }
    }
    return router;
}

void router_free(struct router *router) {
    if (router != NULL) {
        free(router->exact.entries);
        free(router->wildcards.entries);
        free(router);
    }
}

size_t router_find_site(const struct router *router, struct slice host) {
    char lower[NAME_MAX_SIZE];
    if (host.size > 0 && host.data[host.size - 1] == '.') {
        host.size--;
    }
    if (host.size == 0 || host.size > sizeof(lower)) {
        return router->any_site;
    }
    for (size_t i = 0; i < host.size; i++) {
        lower[i] = ascii_lower(host.data[i]);
    }
    size_t site = table_find(&router->exact, (struct slice){lower, host.size});
    for (size_t i = 1; site == ROUTER_NO_SITE && i < host.size; i++) {
        if (lower[i] == '.') {
            site = table_find(&router->wildcards, (struct slice){lower + i, host.size - i});
        }
    }
    return site == ROUTER_NO_SITE ? router->any_site : site;
}

// The longest prefix of this text.
static const struct config_route *longest_prefix(const struct config_site *site,
                                                 struct slice text) {
    for (size_t i = 0; i < site->route_count; i++) { // longest prefix first
        const struct config_route *route = &site->routes[i];
        if (text.size >= route->prefix_size &&
            memcmp(text.data, route->prefix, route->prefix_size) == 0) {
            return route;
        }
    }
    return NULL;
}

// Whether a prefix continues where the text ends.
static bool can_go_on(const struct config_site *site, struct slice text) {
    for (size_t i = 0; i < site->route_count && site->routes[i].prefix_size > text.size; i++) {
        if (memcmp(text.data, site->routes[i].prefix, text.size) == 0) {
            return true;
        }
    }
    return false;
}

// At a doubtful byte, the path of some server continues with a byte that no prefix has ('%', ';' or
// a second slash): the bytes before it decide the route of this server. The route of the server
// that reads the most is decided at the end. All routes must be the same.
enum result router_find_route(const struct config_site *site, struct slice path, bool plain,
                              const struct config_route **route) {
    if (plain) {
        *route = longest_prefix(site, path);
        return RESULT_OK;
    }
    char text[PREFIX_MAX_SIZE];
    size_t size = 0;
    size_t limit = site->route_count == 0 ? 0 : site->routes[0].prefix_size;
    const struct config_route *decided = NULL;
    size_t decided_at = SIZE_MAX;
    struct http_path_reader reader;
    http_path_reader_init(&reader, path);
    while (size < limit) {
        char byte = 0;
        enum http_path_step step = http_path_next(&reader, &byte);
        struct slice so_far = {text, size};
        if (step == PATH_END) {
            break;
        }
        if (step == PATH_LOST && can_go_on(site, so_far)) {
            return RESULT_ERROR;
        }
        if (step != PATH_BYTE && size != decided_at) {
            const struct config_route *here = longest_prefix(site, so_far);
            if (decided_at != SIZE_MAX && here != decided) {
                return RESULT_ERROR;
            }
            decided = here;
            decided_at = size;
        }
        if (step == PATH_LOST) {
            break;
        }
        if (step != PATH_DOUBTFUL) {
            text[size++] = byte;
        }
    }
    *route = longest_prefix(site, (struct slice){text, size});
    return decided_at == SIZE_MAX || decided == *route ? RESULT_OK : RESULT_ERROR;
}
