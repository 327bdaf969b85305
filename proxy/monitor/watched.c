#include "monitor/watched.h"

#include "config/bundle.h"
#include "config/resolv_conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void watched_free(struct watched *watched) {
    if (watched != NULL) {
        server_view_close(&watched->servers);
        free(watched->site_cells);
        free(watched->server_cells);
        server_answers_close(&watched->answers);
        config_free(watched->config);
        free(watched);
    }
}

// DNS servers of the configuration, or of the system's file in the bundle.
static void find_resolvers(struct watched *watched, const struct bundle *bundle) {
    const struct config *config = watched->config;
    if (!config_has_names(config)) {
        return;
    }
    if (config_uses_system_resolver(config)) {
        watched->resolver_count =
            resolv_conf_parse(bundle_file(bundle, RESOLV_CONF_PATH), watched->resolvers);
        return;
    }
    size_t count = config->resolvers.count;
    watched->resolver_count = count < RESOLVERS_MAX ? count : RESOLVERS_MAX;
    for (size_t i = 0; i < watched->resolver_count; i++) {
        watched->resolvers[i] = config->resolvers.items[i];
    }
}

static struct config *open_config(struct watched *watched, int bundle_fd,
                                  char error[CONFIG_ERROR_SIZE]) {
    struct bundle bundle;
    if (bundle_open(bundle_fd, &bundle) != RESULT_OK) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle cannot be read");
        return NULL;
    }
    watched->config = bundle_config(&bundle, NULL, error);
    if (watched->config != NULL) {
        find_resolvers(watched, &bundle);
    }
    bundle_close(&bundle);
    return watched->config;
}

// Opens all except the bundle.
static void close_fds(const struct monitor_load *load) {
    (void)close(load->servers_fd);
    if (load->answers_fd >= 0) {
        (void)close(load->answers_fd);
    }
}

static bool open_answers(struct watched *watched, int fd) {
    return config_has_names(watched->config)
               ? server_answers_open(&watched->answers, watched->config, fd)
               : fd < 0;
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
    if (watched == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        close_fds(load);
        (void)close(load->bundle_fd);
        return NULL;
    }
    watched->number = load->number;
    watched->servers.entries_part = watched->servers.states_part = REGION_NO_PART;
    if (open_config(watched, load->bundle_fd, error) == NULL) {
        close_fds(load);
        watched_free(watched);
        return NULL;
    }
    bool servers = server_view_open_entries(&watched->servers, watched->config, load->servers_fd);
    bool answers = open_answers(watched, load->answers_fd);
    if (!servers || !answers || !find_cells(watched, series)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the server table cannot be opened");
        watched_free(watched);
        return NULL;
    }
    return watched;
}
