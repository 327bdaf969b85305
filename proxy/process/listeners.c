#include "process/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The kernel cuts it down to net.core.somaxconn.
enum { QUEUE_LENGTH = 65535 };

static enum result fail(char error[CONFIG_ERROR_SIZE], const struct config *config,
                        const struct config_listen *listen) {
    char text[ADDRESS_TEXT_SIZE];
    address_format(&listen->address, text);
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s:%d: cannot listen on %s: %s", config->path,
                   listen->line, text, strerror(errno));
    return RESULT_ERROR;
}

static size_t find_address(const struct listeners *kept, const struct address *address) {
    size_t i = 0;
    while (i < kept->count && !address_equal(&kept->config->listeners[i].address, address)) {
        i++;
    }
    return i;
}

static bool has_port(const struct listeners *kept, uint16_t port) {
    for (size_t i = 0; i < kept->count; i++) {
        if (address_port(&kept->config->listeners[i].address) == port) {
            return true;
        }
    }
    return false;
}

// A socket without SO_REUSEPORT cannot be bound where one listens: false, with errno, when somebody does.
static bool address_is_free(const struct address *address) {
    const int on = 1;
    int fd = socket(address->as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_free = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                   (address->as.any.sa_family != AF_INET6 ||
                    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
                   bind(fd, &address->as.any, address->size) == 0;
    int saved = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = saved;
    return is_free;
}

// Looked at before anything of ours is bound: a wildcard of ours would hide the others.
static enum result check_free(const struct config *config, const struct listeners *kept,
                              char error[CONFIG_ERROR_SIZE]) {
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        bool is_ours = kept != NULL && has_port(kept, address_port(&listen->address));
        if (!is_ours && !address_is_free(&listen->address)) {
            return fail(error, config, listen);
        }
    }
    return RESULT_OK;
}

static enum result open_address(struct listeners *listeners, size_t index,
                                const struct listeners *kept, char error[CONFIG_ERROR_SIZE]) {
    const struct config_listen *listen = &listeners->config->listeners[index];
    size_t old = kept == NULL ? 0 : find_address(kept, &listen->address);
    for (size_t slot = 0; slot < listeners->slots; slot++) {
        int fd = kept != NULL && old < kept->count
                     ? fcntl(listeners_fd(kept, old, slot), F_DUPFD_CLOEXEC, 0)
                     : socket_listen(&listen->address, QUEUE_LENGTH);
        if (fd < 0) {
            return fail(error, listeners->config, listen);
        }
        listeners->fds[index * listeners->slots + slot] = fd;
    }
    return RESULT_OK;
}

enum result listeners_open(struct listeners *listeners, const struct config *config, size_t slots,
                           const struct listeners *kept, char error[CONFIG_ERROR_SIZE]) {
    *listeners = (struct listeners){.slots = slots, .config = config};
    if (check_free(config, kept, error) != RESULT_OK) {
        return RESULT_ERROR;
    }
    size_t total = config->listener_count * slots;
    listeners->fds = malloc(total * sizeof(*listeners->fds));
    if (listeners->fds == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", config->path);
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < total; i++) {
        listeners->fds[i] = -1;
    }
    listeners->count = config->listener_count;
    for (size_t i = 0; i < listeners->count; i++) {
        if (open_address(listeners, i, kept, error) != RESULT_OK) {
            listeners_close(listeners);
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

void listeners_close(struct listeners *listeners) {
    for (size_t i = 0; listeners->fds != NULL && i < listeners->count * listeners->slots; i++) {
        if (listeners->fds[i] >= 0) {
            (void)close(listeners->fds[i]);
        }
    }
    free(listeners->fds);
    listeners->fds = NULL;
    listeners->count = 0;
}
