#include "exchange/generation.h"

#include "observe/metrics.h"

#include <stdio.h>
#include <stdlib.h>

static void generation_free(struct generation *generation) {
    backend_set_free(generation->backends);
    router_free(generation->router);
    free(generation->site_series);
    tls_contexts_free(generation->contexts);
    config_free(generation->config);
    bundle_close(&generation->bundle);
    free(generation);
}

static uint16_t find_https_port(const struct config *config) {
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].protocol == LISTEN_HTTPS) {
            return address_port(&config->listeners[i].address);
        }
    }
    return 443; // another program serves https on this host
}

static struct series_cell *find_cell(const struct generation_shares *shares, const char *first,
                                     const char *second) {
    uint32_t cell = series_find(shares->series, series_key(first, second));
    return series_own(shares->series, shares->counter.slot, cell);
}

bool generation_find_cells(struct generation *generation, const struct generation_shares *shares) {
    const struct config *config = generation->config;
    generation->site_series = calloc(config->site_count + 1, sizeof(struct series_cell *));
    for (size_t i = 0; generation->site_series != NULL && i < config->site_count; i++) {
        generation->site_series[i] = find_cell(shares, config->sites[i].name, NULL);
    }
    for (size_t i = 0; i < generation->backends->count; i++) {
        struct backend *backend = &generation->backends->backends[i];
        for (size_t k = 0; k < backend->server_count; k++) {
            struct server *server = &backend->servers[k];
            const char *text = server->config->text;
            server->series = find_cell(shares, backend->config->name, text == NULL ? "" : text);
        }
    }
    return generation->site_series != NULL;
}

static bool build(struct generation *generation, struct server_fds *servers,
                  const struct generation_shares *shares, char error[CONFIG_ERROR_SIZE]) {
    generation->config = bundle_config(&generation->bundle, NULL, error);
    if (generation->config == NULL) {
        return false;
    }
    generation->contexts = tls_contexts_build(generation->config, &generation->bundle,
                                              generation->number, shares->tickets, error);
    if (generation->contexts == NULL) {
        return false;
    }
    (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
    generation->router = router_new(generation->config);
    generation->backends = backend_set_new(generation->config, servers, &shares->counter);
    generation->https_port = find_https_port(generation->config);
    return generation->router != NULL && generation->backends != NULL &&
           generation_find_cells(generation, shares);
}

// Makes a generation with only its bundle.
static struct generation *open_generation(uint64_t number, int bundle_fd,
                                          struct metrics_slot *metrics) {
    struct bundle bundle;
    if (bundle_open(bundle_fd, &bundle) != RESULT_OK) {
        return NULL;
    }
    struct generation *generation = calloc(1, sizeof(*generation));
    if (generation == NULL) {
        bundle_close(&bundle);
        return NULL;
    }
    generation->number = number;
    generation->references = 1;
    generation->bundle = bundle;
    generation->metrics = metrics;
    return generation;
}

struct generation *generation_new(uint64_t number, int bundle_fd, struct server_fds *servers,
                                  const struct generation_shares *shares,
                                  char error[CONFIG_ERROR_SIZE]) {
    (void)snprintf(error, CONFIG_ERROR_SIZE, "the bundle cannot be read");
    struct generation *generation = open_generation(number, bundle_fd, shares->metrics);
    if (generation == NULL || !build(generation, servers, shares, error)) {
        server_fds_close(servers);
        if (generation != NULL) {
            generation_free(generation);
        }
        return NULL;
    }
    metric_add(shares->metrics, METRIC_generations_held, 1);
    return generation;
}

struct generation *generation_hold(struct generation *generation) {
    generation->references++;
    return generation;
}

void generation_release(struct generation *generation) {
    if (generation != NULL && --generation->references == 0) {
        metric_subtract(generation->metrics, METRIC_generations_held, 1);
        generation_free(generation);
    }
}
