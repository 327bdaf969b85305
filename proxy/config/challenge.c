#include "config/challenge.h"

#include <stdlib.h>
#include <string.h>

struct slice challenge_token(struct slice path) {
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t skip = sizeof(CHALLENGE_PREFIX) - 1;
    if (path.size <= skip || path.size > skip + CHALLENGE_TOKEN_MAX ||
        memcmp(path.data, CHALLENGE_PREFIX, skip) != 0) {
        return SLICE("");
    }
    for (size_t i = skip; i < path.size; i++) {
        if (memchr(allowed, path.data[i], sizeof(allowed) - 1) == NULL) {
            return SLICE("");
        }
    }
    return (struct slice){path.data + skip, path.size - skip};
}

const char *challenge_folder(const struct config *config) {
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config->listeners[i].challenge_path != NULL) {
            return config->listeners[i].challenge_path;
        }
    }
    return NULL;
}

// False: parts may be missing. config_free() frees the others.
static bool fill(struct config_backend *backend) {
    backend->name = strdup("acme challenge"); // no configured name has a blank
    backend->servers = calloc(1, sizeof(*backend->servers));
    if (backend->name == NULL || backend->servers == NULL) {
        return false;
    }
    backend->server_count = 1;
    backend->connect_timeout_ms = 2000;
    backend->response_timeout_ms = 10000;
    backend->retries = 1;
    struct config_server *server = backend->servers;
    const char *why;
    server->weight = 1;
    server->text = strdup("challenge server");
    return server->text != NULL &&
           address_parse(SLICE("127.0.0.1:0"), &server->address, &why) == RESULT_OK;
}

bool challenge_add_backend(struct config *config) {
    if (challenge_folder(config) == NULL) {
        return true;
    }
    struct config_backend *backends =
        reallocarray(config->backends, config->backend_count + 1, sizeof(*backends));
    if (backends == NULL) {
        return false;
    }
    config->backends = backends;
    struct config_backend *backend = &backends[config->backend_count++];
    memset(backend, 0, sizeof(*backend));
    config->has_challenge_backend = true;
    return fill(backend);
}
