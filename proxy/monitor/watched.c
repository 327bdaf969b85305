#include "monitor/watched.h"

#include "config/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void watched_free(struct watched *watched) {
    if (watched != NULL) {
        server_view_close(&watched->servers);
        free(watched->site_cells);
        free(watched->server_cells);
        config_free(watched->config);
        free(watched);
    }
}

static struct config *open_config(int bundle_fd, char error[CONFIG_ERROR_SIZE]) {
    struct bundle bundle;
    if (bundle_open(bundle_fd, &bundle) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle cannot be read");
        return NULL;
    }
    struct config *config = bundle_config(&bundle, NULL, error);
    bundle_close(&bundle);
    return config;
}

size_t watched_backends(const struct watched *watched) {
    return watched->config->backend_count - (watched->config->has_challenge_backend ? 1 : 0);
}

bool watched_has_term(const struct watched *watched, const struct board_term *term) {
    const struct config *config = watched->config;
    return term->site < config->site_count &&
           term->certificate < config->sites[term->site].certificate_count;
}

static bool find_cells(struct watched *watched, const struct series *series) {
    const struct config *config = watched->config;
    size_t index = 0;
    watched->site_cells = calloc(config->site_count + 1, sizeof(uint32_t));
    watched->server_cells = calloc(watched->servers.count + 1, sizeof(uint32_t));
    if (watched->site_cells == NULL || watched->server_cells == NULL) {
        return false;
    }
    for (size_t i = 0; i < config->site_count; i++) {
        watched->site_cells[i] = series_find(series, series_key(config->sites[i].name, NULL));
    }
    for (size_t i = 0; i < watched_backends(watched); i++) {
        const struct config_backend *backend = &config->backends[i];
        for (size_t k = 0; k < backend->server_count; k++) {
            uint64_t key = series_key(backend->name, backend->servers[k].text);
            watched->server_cells[index++] = series_find(series, key);
        }
    }
    return true;
}

struct watched *watched_new(const struct monitor_load *load, const struct series *series,
                            char error[CONFIG_ERROR_SIZE]) {
    struct watched *watched = calloc(1, sizeof(*watched));
    int servers_fd = load->servers_fd;
    if (watched != NULL) {
        watched->number = load->number;
        watched->config = open_config(load->bundle_fd, error);
    } else {
        (void)close(load->bundle_fd);
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
    }
    if (watched == NULL || watched->config == NULL) {
        (void)close(servers_fd);
        watched_free(watched);
        return NULL;
    }
    if (!server_view_open_entries(&watched->servers, watched->config, servers_fd) ||
        !find_cells(watched, series)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the server table cannot be opened");
        watched_free(watched);
        return NULL;
    }
    return watched;
}
