#include "monitor/watched.h"

#include "config/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void watched_free(struct watched *watched) {
    if (watched != NULL) {
        server_view_close(&watched->servers);
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

struct watched *watched_new(const struct monitor_load *load, char error[CONFIG_ERROR_SIZE]) {
    struct watched *watched = calloc(1, sizeof(*watched));
    struct config *config = open_config(load->bundle_fd, error);
    if (watched == NULL || config == NULL) {
        if (config != NULL) {
            (void)snprintf(error, CONFIG_ERROR_SIZE, "out of memory");
        }
        (void)close(load->servers_fd);
        config_free(config);
        free(watched);
        return NULL;
    }
    *watched = (struct watched){.number = load->number, .config = config};
    if (!server_view_open_entries(&watched->servers, config, load->servers_fd)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "the server table cannot be opened");
        watched_free(watched);
        return NULL;
    }
    return watched;
}
