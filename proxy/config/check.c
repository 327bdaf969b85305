#include "config/check.h"

#include "config/acme.h"
#include "config/challenge.h"
#include "config/field.h"
#include "config/login.h"
#include "config/page.h"
#include "config/suggest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
        // An invalid name was reported already, and no reference can match it.
        if (config->backends[i].name != NULL) {
            index->entries[index->count++] = (struct entry){config->backends[i].name, i};
        }
    }
    qsort(index->entries, index->count, sizeof(*index->entries), compare_entries);
    return true;
}

// A reference to a backend, at `line`.
static void report_no_backend(const char *name, int line, const struct index *index,
                              struct report *report) {
    char hint[SUGGESTION_TEXT_SIZE];
    struct suggestion suggestion;
    suggestion_init(&suggestion, name);
    for (size_t i = 0; i < index->count; i++) {
        suggestion_offer(&suggestion, index->entries[i].name);
    }
    suggestion_format(&suggestion, hint);
    report_add(report, line, "backend '%.*s' is not defined%s", REPORT_QUOTE_MAX, name, hint);
}

// The index of the backend with this name. False: no such backend, or no name.
static bool find_backend(const char *name, int line, const struct index *index, size_t *found_index,
                         struct report *report) {
    if (name == NULL) {
        return false;
    }
    const struct entry wanted = {.name = name};
    const struct entry *found =
        bsearch(&wanted, index->entries, index->count, sizeof(wanted), compare_entries);
    if (found == NULL) {
        report_no_backend(name, line, index, report);
        return false;
    }
    *found_index = found->index;
    return true;
}

// Checks that a route has exactly one action.
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

// An allow-file without addresses allows no client.
static void note_limits(struct config_route *route) {
    route->is_limited = route->allow.count > 0 || route->deny.count > 0 ||
                        route->allow_file.path != NULL || route->deny_file.path != NULL;
}

// Reserves the names of copied headers. A name that two copies set has two values.
static void check_copies(struct config_route *route, struct config_authorize *authorize,
                         struct report *report) {
    struct config_names *reserved = &route->request.reserved[ROUTE_GUARD_AUTHORIZE];
    *reserved = (struct config_names){authorize->reserved, 0};
    for (size_t i = 0; i < authorize->headers.count && i < CONFIG_COPIES_MAX; i++) {
        char *name = field_copy_target(authorize->headers.items[i]);
        for (size_t j = 0; j < i; j++) {
            if (strcasecmp(name, reserved->items[j]) == 0) {
                report_add(report, authorize->line, "authorize: headers has '%.*s' twice",
                           REPORT_QUOTE_MAX, name);
            }
        }
        reserved->items[reserved->count++] = name;
    }
}

// Checks the `authorize` section of a route, finds its backend and sets the guard.
static void check_authorize(struct config_route *route, const struct index *index,
                            struct report *report) {
    for (size_t i = 0; i < route->authorize_count; i++) {
        struct config_authorize *authorize = &route->authorize[i];
        if (route->backend_line == 0) {
            report_add(report, authorize->line, "authorize goes with a backend");
        }
        authorize->backend_index = route->backend_index;
        (void)find_backend(authorize->backend_name, authorize->backend_line, index,
                           &authorize->backend_index, report);
        route->guards |= 1 << ROUTE_GUARD_AUTHORIZE;
        check_copies(route, authorize, report);
    }
}

static bool ends_with_slash(const char *text) {
    size_t size = text == NULL ? 0 : strlen(text);
    return size > 0 && text[size - 1] == '/';
}

static void check_redirect(const struct config_route *route, struct report *report) {
    const char *scheme = route->redirect == NULL ? NULL : strstr(route->redirect, "://");
    const char *path = scheme == NULL ? route->redirect : strchr(scheme + 3, '/');
    if (route->redirect_rest && route->redirect_line == 0) {
        report_add(report, route->redirect_rest_line, "redirect-rest requires redirect");
    } else if (route->redirect_rest && !ends_with_slash(route->prefix)) {
        report_add(report, route->redirect_rest_line,
                   "redirect-rest requires a prefix that ends with '/'");
    } else if (route->redirect_rest && route->redirect != NULL && !ends_with_slash(path)) {
        report_add(report, route->redirect_rest_line,
                   "redirect-rest requires a redirect with a path that ends with '/'");
    }
}

// The changes must fit in the room before a response.
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

// All listeners must name the same folder, because one process serves it.
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

// The backend of a plain TCP listener must not need requests.
static void check_tcp(const struct config_listen *listen, const struct config *config,
                      struct report *report) {
    const struct config_backend *backend = &config->backends[listen->backend_index];
    if (backend->sticky != NULL) {
        report_add(report, listen->backend_line,
                   "backend '%.*s' has sticky, which needs HTTP; with protocol = tcp use balance = "
                   "hash",
                   REPORT_QUOTE_MAX, backend->name);
    }
    if (backend->hash_by.what != HASH_BY_CLIENT) {
        report_add(report, listen->backend_line,
                   "backend '%.*s' has a hash-by that needs HTTP; with protocol = tcp use hash-by "
                   "= client",
                   REPORT_QUOTE_MAX, backend->name);
    }
    if (backend->tls_facts) {
        report_add(report, listen->backend_line,
                   "backend '%.*s' has tls-facts, which needs HTTP; remove it, or use another "
                   "backend with protocol = tcp",
                   REPORT_QUOTE_MAX, backend->name);
    }
}

static void check_listener(struct config_listen *listen, const struct config *config,
                           const struct index *index, struct report *report) {
    bool trusts = config->trusted_proxies.count > 0 || config->trusted_proxies_file.path != NULL;
    if (listen->proxy_protocol && !trusts) {
        report_add(report, listen->proxy_protocol_line,
                   "proxy-protocol requires trusted-proxies; list the addresses of your load "
                   "balancers there");
    }
    bool is_tcp = listen->protocol == LISTEN_TCP;
    if (is_tcp && listen->backend_line == 0) {
        report_add(report, listen->line, "a listener with protocol = tcp has a backend");
    } else if (!is_tcp && listen->backend_line != 0) {
        report_add(report, listen->backend_line,
                   "a listener has a backend only with protocol = tcp; the routes of a site name "
                   "those of HTTP");
    } else if (find_backend(listen->backend_name, listen->backend_line, index,
                            &listen->backend_index, report)) {
        check_tcp(listen, config, report);
    }
    if (listen->protocol != LISTEN_REDIRECT && config->site_count == 0) {
        report_add(report, listen->line, "no site section; write site HOST { ... }");
    }
    if (listen->https_port_line != 0 && listen->protocol != LISTEN_REDIRECT) {
        report_add(report, listen->https_port_line, "https-port requires protocol = redirect");
    }
    if (!is_tcp && listen->alpn_line != 0) {
        report_add(report, listen->alpn_line,
                   "alpn requires protocol = tcp; http2 = yes or no decides about HTTP/2");
    }
    check_challenges(config, listen, report);
}

static bool has_https(const struct config *config) {
    bool found = false;
    for (size_t i = 0; i < config->listener_count; i++) {
        found |= config->listeners[i].protocol == LISTEN_HTTPS;
    }
    return found;
}

static void check_trusted(const struct network *items, size_t count, int line, const char *where,
                          struct report *report) {
    for (size_t i = 0; i < count; i++) {
        if (items[i].bits == 0) {
            report_add(report, line, "%s must not be everybody: then any client says who it is",
                       where);
            return;
        }
    }
}

static void check_trusted_proxies(const struct config *config, struct report *report) {
    check_trusted(config->trusted_proxies.items, config->trusted_proxies.count,
                  config->trusted_proxies_line, "trusted-proxies", report);
    check_trusted(config->trusted_proxies_file.set.items, config->trusted_proxies_file.set.count,
                  config->trusted_proxies_file_line, "trusted-proxies-file", report);
}

static void check_access_log(const struct config *config, struct report *report) {
    static const enum access_field ids[] = {ACCESS_FIELD_REQUEST_ID, ACCESS_FIELD_TRACEPARENT};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        if (!config->request_id && access_fields_have(&config->access_log_fields, ids[i])) {
            report_add(report, config->access_log_fields_line,
                       "the field '%s' in access-log-fields requires request-id = yes",
                       access_field_names[ids[i]]);
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
    for (size_t i = 0; i < backend->server_count; i++) {
        const struct config_server *server = &backend->servers[i];
        if (server->addresses_line != 0 && server->text != NULL && server->host == NULL) {
            report_add(report, server->addresses_line,
                       "server '%.*s' is one address: addresses goes with a name", REPORT_QUOTE_MAX,
                       server->text);
        }
    }
}

static void check_resolvers(const struct config *config, struct report *report) {
    for (size_t i = 0; i < config->resolvers.count; i++) {
        if (config->resolvers.items[i].size == 0 && config->resolvers.count > 1) {
            report_add(report, config->resolver_line,
                       "resolver is either system or a list of addresses");
            return;
        }
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
    check_access_log(config, report);
    check_trusted_proxies(config, report);
    check_resolvers(config, report);
    if (!index_backends(config, &index)) {
        report_out_of_memory(report);
        return;
    }
    for (size_t i = 0; i < config->listener_count; i++) {
        check_listener(&config->listeners[i], config, &index, report);
    }
    acme_check(config, report);
    for (size_t i = 0; i < config->backend_count; i++) {
        check_backend(&config->backends[i], report);
    }
    const bool needs_routes = has_https(config);
    for (size_t i = 0; i < config->site_count; i++) {
        struct config_site *site = &config->sites[i];
        check_clients(site, report);
        for (size_t j = 0; j < site->error_page_count; j++) {
            page_check_error(&site->error_pages[j], report);
        }
        if (site->route_count == 0 && needs_routes) {
            report_add(report, site->line, "site '%.*s' has no route", REPORT_QUOTE_MAX,
                       site->name == NULL ? "" : site->name);
        }
        for (size_t j = 0; j < site->route_count; j++) {
            check_action(&site->routes[j], report);
            check_redirect(&site->routes[j], report);
            page_check_route(&site->routes[j], report);
            check_size(&site->routes[j], report);
            note_limits(&site->routes[j]);
            (void)find_backend(site->routes[j].backend_name, site->routes[j].backend_line, &index,
                               &site->routes[j].backend_index, report);
            check_authorize(&site->routes[j], &index, report);
        }
        if (site->route_count > 0) {
            qsort(site->routes, site->route_count, sizeof(*site->routes), compare_routes);
        }
        login_settle(site, report); // the routes must not be moved after this
    }
    free(index.entries);
}
