#include "config/check.h"

#include "config/challenge.h"
#include "config/suggest.h"

#include <stdlib.h>
#include <string.h>

enum { SET_HEADERS_SIZE_MAX = 4096 };

static int compare_routes(const void *left, const void *right) {
    const struct config_route *a = left;
    const struct config_route *b = right;
    return a->prefix_size != b->prefix_size ? (a->prefix_size < b->prefix_size ? 1 : -1)
                                            : (a->line > b->line) - (a->line < b->line);
}

// The backends by name.
struct entry {
    const char *name;
    size_t index;
};

struct index {
    struct entry *entries;
    size_t count;
};

static int compare_entries(const void *left, const void *right) {
    const struct entry *a = left;
    const struct entry *b = right;
    return strcmp(a->name, b->name);
}

static bool index_backends(const struct config *config, struct index *index) {
    *index = (struct index){.entries = calloc(config->backend_count + 1, sizeof(*index->entries))};
    if (index->entries == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        // A name that is not valid was reported already, and nothing can have it.
        if (config->backends[i].name != NULL) {
            index->entries[index->count++] = (struct entry){config->backends[i].name, i};
        }
    }
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    return true;
}

static void report_no_backend(const struct config_route *route, const struct index *index,
                              struct report *report) {
    char hint[SUGGESTION_TEXT_SIZE];
    struct suggestion suggestion;
    suggestion_init(&suggestion, route->backend_name);
    for (size_t i = 0; i < index->count; i++) {
        suggestion_offer(&suggestion, index->entries[i].name);
    }
    suggestion_format(&suggestion, hint);
    report_add(report, route->backend_line, "no backend '%.*s'%s", REPORT_QUOTE_MAX,
               route->backend_name, hint);
}

static void find_backend(struct config_route *route, const struct index *index,
                         struct report *report) {
    if (route->backend_name == NULL) {
        return;
    }
    const struct entry wanted = {.name = route->backend_name};
    const struct entry *found =
        bsearch(&wanted, index->entries, index->count, sizeof(wanted), compare_entries);
    if (found == NULL) {
        report_no_backend(route, index, report);
    } else {
        route->backend_index = found->index;
    }
}

// A route does one thing.
static void check_action(const struct config_route *route, struct report *report) {
    bool forwards = route->backend_line != 0;
    bool redirects = route->redirect_line != 0;
    bool returns = route->status_line != 0;
    if (forwards + redirects + returns > 1) {
        int last =
            route->backend_line > route->redirect_line ? route->backend_line : route->redirect_line;
        last = route->status_line > last ? route->status_line : last;
        report_add(report, last, "a route has one of backend, redirect and return");
    } else if (!forwards && !redirects && !returns) {
        report_add(report, route->line, "route '%.*s' has no backend, redirect or return",
                   REPORT_QUOTE_MAX, route->prefix == NULL ? "" : route->prefix);
    }
    if (route->strip_prefix && !forwards) {
        report_add(report, route->strip_prefix_line, "strip-prefix goes with a backend");
    } else if (route->strip_prefix && route->prefix != NULL &&
               route->prefix[route->prefix_size - 1] != '/') {
        report_add(report, route->strip_prefix_line,
                   "strip-prefix goes with a prefix that ends with '/'");
    }
}

// An allow-file without addresses lets no one in, as it says.
static void note_limits(struct config_route *route) {
    route->is_limited = route->allow.count > 0 || route->deny.count > 0 ||
                        route->allow_file.path != NULL || route->deny_file.path != NULL;
}

// They must fit in the room that is kept before a response.
static void check_size(const struct config_route *route, struct report *report) {
    size_t size = 0;
    for (size_t i = 0; i < route->response.set_count; i++) {
        size += strlen(route->response.set[i]) + 2;
    }
    if (size > SET_HEADERS_SIZE_MAX) {
        report_add(report, route->line,
                   "the set-header of a response has %zu bytes, at most %d fit", size,
                   SET_HEADERS_SIZE_MAX);
    }
}

// All of a configuration name the same folder, because one process answers.
static void check_challenges(const struct config *config, const struct config_listen *listen,
                             struct report *report) {
    const char *folder = challenge_folder(config);
    if (listen->challenge_path == NULL) {
        return;
    }
    if (listen->protocol != LISTEN_REDIRECT) {
        report_add(report, listen->challenge_line, "acme-challenge requires protocol = redirect");
    } else if (strcmp(listen->challenge_path, folder) != 0) {
        report_add(report, listen->challenge_line,
                   "acme-challenge '%.*s': another listener has '%.*s'; name one folder in all",
                   REPORT_QUOTE_MAX, listen->challenge_path, REPORT_QUOTE_MAX, folder);
    }
}

static void check_listeners(const struct config *config, struct report *report) {
    int https_line = 0;
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        https_line =
            https_line == 0 && listen->protocol == LISTEN_HTTPS ? listen->line : https_line;
        if (listen->proxy_protocol && config->trusted_proxies.count == 0) {
            report_add(report, listen->proxy_protocol_line,
                       "proxy-protocol needs trusted-proxies: else nobody could connect");
        }
        check_challenges(config, listen, report);
    }
    if (https_line != 0 && config->site_count == 0) {
        report_add(report, https_line, "no site section");
    }
}

static void check_trusted_proxies(const struct config *config, struct report *report) {
    for (size_t i = 0; i < config->trusted_proxies.count; i++) {
        if (config->trusted_proxies.items[i].bits == 0) {
            report_add(report, config->trusted_proxies_line,
                       "trusted-proxies must not be everybody: then any client says who it is");
        }
    }
}

static void check_user(const struct config *config, struct report *report) {
    if (config->user != NULL && strcmp(config->user, "root") == 0) {
        report_add(report, config->user_line,
                   "user must not be root: workers talk to clients, and need none of its rights");
    }
}

static void check_backend(const struct config_backend *backend, struct report *report) {
    if (backend->hash_by_line != 0 && backend->balance != BALANCE_HASH) {
        report_add(report, backend->hash_by_line, "hash-by requires balance = hash");
    }
}

static void check_clients(const struct config_site *site, struct report *report) {
    if (site->client_ca_line == 0 && site->client_certificate_line != 0) {
        report_add(report, site->client_certificate_line, "client-certificate needs client-ca");
    }
    if (site->client_ca_line == 0 && site->client_crl_line != 0) {
        report_add(report, site->client_crl_line, "client-crl needs client-ca");
    }
}

void check_config(struct config *config, struct report *report) {
    struct index index;
    check_user(config, report);
    check_trusted_proxies(config, report);
    if (!index_backends(config, &index)) {
        report_out_of_memory(report);
        return;
    }
    check_listeners(config, report);
    for (size_t i = 0; i < config->backend_count; i++) {
        check_backend(&config->backends[i], report);
    }
    for (size_t i = 0; i < config->site_count; i++) {
        struct config_site *site = &config->sites[i];
        check_clients(site, report);
        for (size_t j = 0; j < site->route_count; j++) {
            check_action(&site->routes[j], report);
            check_size(&site->routes[j], report);
            note_limits(&site->routes[j]);
            find_backend(&site->routes[j], &index, report);
        }
        if (site->route_count > 0) {
            qsort(site->routes, site->route_count, sizeof(*site->routes), compare_routes);
        }
    }
    free(index.entries);
}
