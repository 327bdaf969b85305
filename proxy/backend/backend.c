#include "backend/backend.h"

#include <stdlib.h>
#include <string.h>

static bool init_backend(struct backend *backend, const struct config_backend *config) {
    backend->config = config;
    backend->server_count = config->server_count;
    backend->servers = calloc(config->server_count, sizeof(*backend->servers));
    if (backend->servers == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        struct server *server = &backend->servers[i];
        server->config = &config->servers[i];
        server->backend = backend;
        server->lines =
            (struct rate){.interval_ms = SERVER_LINES_INTERVAL_MS, .burst = SERVER_LINES_BURST};
        list_init(&server->idle);
    }
    return true;
}

struct backend_set *backend_set_new(const struct config *config) {
    struct backend_set *set = calloc(1, sizeof(*set));
    if (set == NULL) {
        return NULL;
    }
    set->count = config->backend_count;
    set->backends = calloc(config->backend_count, sizeof(*set->backends));
    bool ok = set->backends != NULL;
    for (size_t i = 0; ok && i < set->count; i++) {
        ok = init_backend(&set->backends[i], &config->backends[i]);
    }
    if (!ok) {
        backend_set_free(set);
        return NULL;
    }
    return set;
}

void backend_set_free(struct backend_set *set) {
    if (set == NULL) {
        return;
    }
    for (size_t i = 0; set->backends != NULL && i < set->count; i++) {
        free(set->backends[i].servers);
    }
    free(set->backends);
    free(set);
}

static struct server *find_address(const struct backend *backend, const struct address *address) {
    for (size_t i = 0; i < backend->server_count; i++) {
        if (address_equal(&backend->servers[i].config->address, address)) {
            return &backend->servers[i];
        }
    }
    return NULL;
}

struct server *backend_set_find(const struct backend_set *set, const struct server *server) {
    const struct config_backend *wanted = server->backend->config;
    for (size_t i = 0; i < set->count; i++) {
        const struct config_backend *config = set->backends[i].config;
        if (strcmp(config->name, wanted->name) == 0) {
            return config->send_proxy_protocol != wanted->send_proxy_protocol
                       ? NULL
                       : find_address(&set->backends[i], &server->config->address);
        }
    }
    return NULL;
}

// Each candidate gains its weight; the one that has gained most serves and pays the total.
static struct server *choose_weighted(struct backend *backend, const struct server *failed,
                                      bool with_penalised, int64_t now_ms) {
    struct server *best = NULL;
    int64_t total = 0;
    for (size_t i = 0; i < backend->server_count; i++) {
        struct server *server = &backend->servers[i];
        if (server == failed || (!with_penalised && server->penalty_until_ms > now_ms)) {
            continue;
        }
        server->current_weight += server->config->weight;
        total += server->config->weight;
        if (best == NULL || server->current_weight > best->current_weight) {
            best = server;
        }
    }
    if (best != NULL) {
        best->current_weight -= total;
    }
    return best;
}

struct server *backend_choose(struct backend *backend, const struct server *failed,
                              int64_t now_ms) {
    if (backend->server_count == 1) {
        return &backend->servers[0];
    }
    struct server *server = choose_weighted(backend, failed, false, now_ms);
    return server != NULL ? server : choose_weighted(backend, failed, true, now_ms);
}

void server_failed(struct server *server, int64_t now_ms) {
    server->penalty_until_ms = now_ms + SERVER_PENALTY_MS;
}
