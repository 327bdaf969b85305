#include "process/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
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
    struct place place = config_place(config, listen->line);
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s:%d: cannot listen on %s: %s", place.file,
                   place.line, text, strerror(errno));
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

// The kernel's text for an address in /proc/net/tcp and tcp6: words of 32 bits, in hexadecimal.
static void format_words(const struct address *address, char text[33]) {
    uint32_t words[4];
    bool is_v6 = address->as.any.sa_family == AF_INET6;
    memcpy(words,
           is_v6 ? (const void *)&address->as.v6.sin6_addr : (const void *)&address->as.v4.sin_addr,
           is_v6 ? 16 : 4);
    for (size_t i = 0; i < (is_v6 ? 4 : 1); i++) {
        (void)snprintf(text + 8 * i, 9, "%08X", words[i]);
    }
}

static bool is_wildcard(const char *words) {
    return strspn(words, "0") == strlen(words);
}

// A line of that table: "  0: 0100007F:1F90 00000000:0000 0A ...", local address, remote one,
// state.
struct table_line {
    char *local; // the address's words, cut out of the line
    unsigned long port;
    unsigned long state;
};

static bool parse_line(char *line, struct table_line *parsed) {
    char *rest = NULL;
    parsed->local = strchr(line, ':');
    if (parsed->local == NULL) {
        return false;
    }
    parsed->local += 2;
    char *port = strchr(parsed->local, ':');
    char *remote = port == NULL ? NULL : strchr(port, ' ');
    char *state = remote == NULL ? NULL : strchr(remote + 1, ' ');
    if (state == NULL) {
        return false;
    }
    *port = '\0';
    parsed->port = strtoul(port + 1, NULL, 16);
    parsed->state = strtoul(state, &rest, 16);
    return rest != state;
}

// Whether somebody listens there already. bind() tells that only of those who do not share by
// SO_REUSEPORT; with another that does, a second Ravelin say, we would silently get half of the
// connections.
static bool somebody_listens(const struct address *address) {
    const char *path = address->as.any.sa_family == AF_INET6 ? "/proc/net/tcp6" : "/proc/net/tcp";
    char wanted[33];
    char line[256];
    struct table_line parsed;
    bool found = false;
    FILE *table = fopen(path, "re");
    if (table == NULL) {
        return false;
    }
    format_words(address, wanted);
    bool more = fgets(line, sizeof(line), table) != NULL; // the heading
    // Listening sockets come first.
    while (more && !found) {
        more = fgets(line, sizeof(line), table) != NULL && parse_line(line, &parsed) &&
               parsed.state == TCP_LISTEN;
        found =
            more && parsed.port == address_port(address) &&
            (strcmp(parsed.local, wanted) == 0 || is_wildcard(parsed.local) || is_wildcard(wanted));
    }
    (void)fclose(table);
    return found;
}

// Looked at before anything of ours is bound: a wildcard of ours would hide the others.
static enum result check_free(const struct config *config, const struct listeners *kept,
                              char error[CONFIG_ERROR_SIZE]) {
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        bool is_ours = kept != NULL && has_port(kept, address_port(&listen->address));
        if (!is_ours && somebody_listens(&listen->address)) {
            errno = EADDRINUSE;
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
    listeners->fds = total == 0 ? NULL : calloc(total, sizeof(*listeners->fds));
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

// False: it could not be bound.
static bool renew(struct listeners *listeners, size_t index, size_t slot) {
    int *fd = &listeners->fds[index * listeners->slots + slot];
    int fresh = socket_listen(&listeners->config->listeners[index].address, QUEUE_LENGTH);
    if (fresh < 0) {
        return false;
    }
    (void)close(*fd);
    *fd = fresh;
    return true;
}

size_t listeners_renew(struct listeners *listeners, size_t slot, char address[ADDRESS_TEXT_SIZE],
                       size_t *failed) {
    size_t renewed = 0;
    *failed = 0;
    address[0] = '\0';
    for (size_t i = 0; i < listeners->count; i++) {
        if (socket_is_listening(listeners_fd(listeners, i, slot))) {
            continue;
        }
        if (address[0] == '\0') {
            address_format(&listeners->config->listeners[i].address, address);
        }
        if (renew(listeners, i, slot)) {
            renewed++;
        } else {
            (*failed)++;
        }
    }
    return renewed;
}

void listeners_reset(const struct listeners *listeners, size_t slot) {
    for (size_t i = 0; i < listeners->count; i++) {
        socket_reset_listening(listeners_fd(listeners, i, slot));
    }
}

static const char *describe(const struct config_listen *listen) {
    return listen->protocol == LISTEN_HTTPS ? "https"
           : listen->challenge_path == NULL ? "redirect to https"
                                            : "redirect to https, and ACME challenges";
}

void listeners_announce(const struct config *config, struct log *log) {
    for (size_t i = 0; i < config->listener_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(&config->listeners[i].address, address);
        log_info(log, "listening on %s (%s)", address, describe(&config->listeners[i]));
    }
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
