// Any bytes as the image of a config: image_read() says that it is damaged or gives a config that
// keeps what config.h promises, and neither crashes nor leaks.
//
// An image begins with the fingerprint of the option table, which no fuzzer finds. So the first
// byte of an input chooses: the rest is a whole image, is what follows the fingerprint, or is a
// list of changes (two bytes of place, one of value) in a good image.
#include "config/image.h"

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FINGERPRINT_SIZE = 8, CHANGE_SIZE = 3 };
enum { WHOLE, BEHIND_FINGERPRINT, CHANGES, MODES };

static const char text[] =
    "workers = 2\n user = nobody\n log = /l/e.log\n access-log = a.log\n trusted-proxies = "
    "{10.0.0.0/8, ::1}\n"
    "limits { header-size = 32k }\n tls { ticket-lifetime = 0 }\n"
    "listen 127.0.0.1:8443 {}\n listen [::1]:80 { protocol = redirect }\n"
    "site a.test { aliases = {b.test, \"*.c.test\"}\n certificate a.pem { key = a.key ocsp = "
    "a.ocsp }\n"
    "  client-ca = ca.pem client-crl = crl.pem\n route / { backend = b allow = {127.0.0.0/8} rate "
    "= 5\n"
    "    request { set-header = {\"X-A: b\"} remove-header = {X-B} } }\n"
    "  route /r/ { redirect = https://d.test } route /s { return = 404 } }\n"
    "site d.test { certificate d.pem { key = d.key } route / { backend = c } }\n"
    "backend b { server 127.0.0.1:9000 { weight = 3 } server unix:/run/b {} }\n"
    "backend c { server [::1]:9001 {} }\n";

static struct slice good;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    char error[CONFIG_ERROR_SIZE];
    struct config *config = config_load("/etc/fuzz.conf", text, sizeof(text) - 1, error);
    assert(config != NULL);
    good = image_write(config);
    assert(good.data != NULL && good.size > FINGERPRINT_SIZE);
    config_free(config);
    return 0;
}

static void check(const struct config *config) {
    assert(config->listener_count > 0 && config->listener_count <= CONFIG_LISTENERS_MAX &&
           config->site_count > 0 && config->workers <= CONFIG_WORKERS_MAX);
    for (size_t i = 0; i < config->site_count; i++) {
        const struct config_site *site = &config->sites[i];
        assert(site->name != NULL && site->certificate_count > 0);
        for (size_t j = 0; j < site->certificate_count; j++) {
            assert(site->certificates[j].certificate_path != NULL &&
                   site->certificates[j].key_path != NULL);
        }
        for (size_t j = 0; j < site->route_count; j++) {
            const struct config_route *route = &site->routes[j];
            assert(route->prefix[0] == '/' && strlen(route->prefix) == route->prefix_size);
            assert(route->backend_name == NULL || route->backend_index < config->backend_count);
        }
    }
    for (size_t i = 0; i < config->backend_count; i++) {
        assert(config->backends[i].name != NULL && config->backends[i].server_count > 0);
    }
}

static void read_one(const uint8_t *data, size_t size) {
    char error[CONFIG_ERROR_SIZE];
    struct config *config = image_read((struct slice){(const char *)data, size}, "/f.conf", error);
    if (config == NULL) {
        assert(strncmp(error, "/f.conf", 7) == 0 && strlen(error) < CONFIG_ERROR_SIZE);
        return;
    }
    assert(error[0] == '\0');
    check(config);
    config_free(config);
}

// On the heap, with nothing behind it, so that a read past the end is seen.
static void read_copy(struct slice start, const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(start.size + size);
    assert(copy != NULL);
    memcpy(copy, start.data, start.size);
    memcpy(copy + start.size, data, size);
    read_one(copy, start.size + size);
    free(copy);
}

static void read_changed(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(good.size);
    assert(copy != NULL);
    memcpy(copy, good.data, good.size);
    for (; size >= CHANGE_SIZE; data += CHANGE_SIZE, size -= CHANGE_SIZE) {
        copy[((size_t)data[0] << 8 | data[1]) % good.size] = data[2];
    }
    read_one(copy, good.size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    switch (data[0] % MODES) {
    case WHOLE:
        read_one(data + 1, size - 1);
        break;
    case BEHIND_FINGERPRINT:
        read_copy((struct slice){good.data, FINGERPRINT_SIZE}, data + 1, size - 1);
        break;
    default:
        read_changed(data + 1, size - 1);
    }
    return 0;
}
