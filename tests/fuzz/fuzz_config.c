// Any bytes as a config file: config_load() says what is wrong or gives a config that keeps what
// config.h promises, and neither crashes nor leaks.
#include "config/config.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_accepted(const struct config *config) {
    assert(config->listener_count > 0 && config->workers <= CONFIG_WORKERS_MAX);
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        assert(listen->protocol == LISTEN_REDIRECT || config->site_count > 0);
        assert((listen->protocol == LISTEN_TCP) == (listen->backend_name != NULL));
        assert(listen->backend_name == NULL || listen->backend_index < config->backend_count);
    }
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        assert(site->certificate_count > 0);
        for (size_t j = 0; j < site->certificate_count; j++) {
            assert(site->certificates[j].certificate_path[0] == '/' &&
                   site->certificates[j].key_path[0] == '/');
        }
        for (size_t j = 0; j < site->route_count; j++) {
            assert(site->routes[j].backend_index < config->backend_count);
            assert(j == 0 || site->routes[j - 1].prefix_size >= site->routes[j].prefix_size);
        }
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        assert(config->backends[i].server_count > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char error[CONFIG_ERROR_SIZE];
    struct config *config = config_load("/etc/fuzz.conf", (const char *)data, size, error);
    if (config == NULL) {
        assert(strncmp(error, "/etc/fuzz.conf", 14) == 0 && strlen(error) < CONFIG_ERROR_SIZE);
        return 0;
    }
    assert(error[0] == '\0');
    check_accepted(config);
    config_free(config);
    return 0;
}
