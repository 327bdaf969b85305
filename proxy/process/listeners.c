#include "process/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The kernel reduces it to net.core.somaxconn.
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

// A line of this table: "  0: 0100007F:1F90 00000000:0000 0A ...": local address, remote address,
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

// Whether another process listens on the address. bind() reports this only for sockets without
// SO_REUSEPORT. With another socket that has it, such as a second Ravelin's, this master would
// silently get only half of the connections.
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
    // Listening sockets are first in the file.
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

static bool is_handed(const struct handed *handed, uint16_t port) {
    for (size_t i = 0; i < handed->count; i++) {
        if (handed->sockets[i].fd >= 0 && address_port(&handed->sockets[i].address) == port) {
            return true;
        }
    }
    return false;
}

// Checked before any bind of this process, because its own wildcard socket would hide the others.
static enum result check_free(const struct config *config, const struct listeners_origin *origin,
                              char error[CONFIG_ERROR_SIZE]) {
    for (size_t i = 0; i < config->listener_count; i++) {
        const struct config_listen *listen = &config->listeners[i];
        uint16_t port = address_port(&listen->address);
        bool is_ours = (origin->kept != NULL && has_port(origin->kept, port)) ||
                       (origin->handed != NULL && is_handed(origin->handed, port));
        if (!is_ours && somebody_listens(&listen->address)) {
            errno = EADDRINUSE;
            return fail(error, config, listen);
        }
    }
    return RESULT_OK;
}

// --- Lanes ---

static size_t count_handed(const struct handed *handed, const struct address *address) {
    size_t count = 0;
    for (size_t i = handed_find(handed, address, 0); i < handed->count;
         i = handed_find(handed, address, i + 1)) {
        count++;
    }
    return count;
}

static size_t count_lanes(const struct config *config, size_t slots,
                          const struct listeners_origin *origin) {
    size_t most = 1; // of a slot
    if (origin->kept != NULL) {
        return origin->kept->lanes;
    }
    for (size_t i = 0; origin->handed != NULL && i < config->listener_count; i++) {
        size_t count = count_handed(origin->handed, &config->listeners[i].address);
        size_t here = (count + slots - 1) / slots;
        most = here > most ? here : most;
    }
    return most * slots;
}

static int duplicate(int fd) {
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

// Duplicates the sockets of the previous generation. False, with errno.
static bool keep_address(int *fds, size_t lanes, const struct listeners *kept, size_t old) {
    for (size_t lane = 0; lane < lanes; lane++) {
        int fd = listeners_fd(kept, old, lane);
        fds[lane] = fd < 0 ? -1 : duplicate(fd);
        if (fd >= 0 && fds[lane] < 0) {
            return false;
        }
    }
    return true;
}

// Puts the handed sockets of an address into the lanes from 0 on. *next: the first lane without
// one. *is_shareable: further sockets can be bound to the address. False, with errno.
static bool use_handed(int *fds, size_t lanes, struct handed *handed, const struct address *address,
                       size_t *next, bool *is_shareable) {
    for (size_t i = handed_find(handed, address, 0); i < handed->count && *next < lanes;
         i = handed_find(handed, address, i + 1)) {
        fds[*next] = duplicate(handed->sockets[i].fd);
        if (fds[*next] < 0) {
            return false;
        }
        handed->sockets[i].is_used = true;
        *is_shareable = *is_shareable && handed->sockets[i].is_shareable;
        (*next)++;
    }
    return true;
}

// Fills the lanes of an address with handed sockets, then with new ones. False, with errno.
static bool fill_address(int *fds, struct listeners *listeners, size_t index,
                         struct handed *handed) {
    const struct address *address = &listeners->config->listeners[index].address;
    size_t there = 0;
    bool is_shareable = true;
    if (handed != NULL &&
        !use_handed(fds, listeners->lanes, handed, address, &there, &is_shareable)) {
        return false;
    }
    listeners->distinct[index] = is_shareable ? listeners->lanes : there;
    for (size_t lane = there; lane < listeners->slots; lane++) {
        fds[lane] = is_shareable ? socket_bind(address) : duplicate(fds[lane % there]);
        if (fds[lane] < 0) {
            return false;
        }
    }
    return true;
}

static enum result open_address(struct listeners *listeners, size_t index,
                                const struct listeners_origin *origin,
                                char error[CONFIG_ERROR_SIZE]) {
    const struct config_listen *listen = &listeners->config->listeners[index];
    int *fds = &listeners->fds[index * listeners->lanes];
    size_t old = origin->kept == NULL ? 0 : find_address(origin->kept, &listen->address);
    bool is_kept = origin->kept != NULL && old < origin->kept->count;
    bool filled = is_kept ? keep_address(fds, listeners->lanes, origin->kept, old)
                          : fill_address(fds, listeners, index, origin->handed);
    if (is_kept) {
        listeners->distinct[index] = origin->kept->distinct[old];
    }
    return filled ? RESULT_OK : fail(error, listeners->config, listen);
}

// False: `error` has the reason.
static bool make_lanes(struct listeners *listeners, char error[CONFIG_ERROR_SIZE]) {
    const struct config *config = listeners->config;
    size_t total = config->listener_count * listeners->lanes;
    if (total / listeners->slots > LISTENERS_OF_SLOT_MAX) {
        (void)snprintf(error, CONFIG_ERROR_SIZE,
                       "%s: workers: %zu workers cannot serve all sockets that were handed over; "
                       "start more of them",
                       config->path, listeners->slots);
        return false;
    }
    listeners->fds = total == 0 ? NULL : calloc(total, sizeof(*listeners->fds));
    for (size_t i = 0; listeners->fds != NULL && i < total; i++) {
        listeners->fds[i] = -1;
    }
    if (listeners->fds == NULL) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: out of memory", config->path);
        return false;
    }
    listeners->count = config->listener_count;
    return true;
}

enum result listeners_open(struct listeners *listeners, const struct config *config, size_t slots,
                           const struct listeners_origin *origin, char error[CONFIG_ERROR_SIZE]) {
    *listeners = (struct listeners){
        .slots = slots, .lanes = count_lanes(config, slots, origin), .config = config};
    if (check_free(config, origin, error) != RESULT_OK || !make_lanes(listeners, error)) {
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < listeners->count; i++) {
        if (open_address(listeners, i, origin, error) != RESULT_OK) {
            listeners_close(listeners);
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

enum result listeners_begin(const struct listeners *listeners, char error[CONFIG_ERROR_SIZE]) {
    for (size_t i = 0; i < listeners->count; i++) {
        for (size_t lane = 0; lane < listeners->lanes; lane++) {
            int fd = listeners_fd(listeners, i, lane);
            if (fd >= 0 && !socket_is_listening(fd) && listen(fd, QUEUE_LENGTH) != 0) {
                return fail(error, listeners->config, &listeners->config->listeners[i]);
            }
        }
    }
    return RESULT_OK;
}

size_t listeners_of_slot(const struct listeners *listeners, size_t slot,
                         int fds[LISTENERS_OF_SLOT_MAX]) {
    size_t count = 0;
    for (size_t lane = slot; lane < listeners->lanes; lane += listeners->slots) {
        for (size_t i = 0; i < listeners->count; i++) {
            int fd = listeners_fd(listeners, i, lane);
            fds[count++] = fd < 0 ? listeners_fd(listeners, i, slot) : fd;
        }
    }
    return count;
}

size_t listeners_list(const struct listeners *listeners, size_t *at, int *fds, size_t most) {
    size_t count = 0;
    for (; *at < listeners->count * listeners->lanes && count < most; (*at)++) {
        bool is_distinct = *at % listeners->lanes < listeners->distinct[*at / listeners->lanes];
        if (is_distinct && listeners->fds[*at] >= 0) {
            fds[count++] = listeners->fds[*at];
        }
    }
    return count;
}

// --- Repair ---

static bool listens_again(int fd) {
    int reuses = 0;
    socklen_t size = sizeof(reuses);
    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuses, &size) == 0 && reuses == 0 &&
           listen(fd, QUEUE_LENGTH) == 0;
}

// False: it could not be bound; errno has the reason.
static bool renew(int *fd, const struct address *address) {
    int fresh = socket_listen(address, QUEUE_LENGTH);
    if (fresh < 0) {
        int error = errno;
        bool listens = listens_again(*fd);
        errno = error;
        return listens;
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
    for (size_t i = slot; i < listeners->count * listeners->lanes; i += listeners->slots) {
        const struct config_listen *listen = &listeners->config->listeners[i / listeners->lanes];
        if (listeners->fds[i] < 0) {
            continue;
        }
        if (socket_is_listening(listeners->fds[i])) {
            socket_reset_listening(listeners->fds[i]);
            continue;
        }
        if (address[0] == '\0') {
            address_format(&listen->address, address);
        }
        if (renew(&listeners->fds[i], &listen->address)) {
            renewed++;
        } else {
            (*failed)++;
        }
    }
    return renewed;
}

void listeners_reset(const struct listeners *listeners, size_t slot) {
    for (size_t i = slot; i < listeners->count * listeners->lanes; i += listeners->slots) {
        if (listeners->fds[i] >= 0) {
            socket_reset_listening(listeners->fds[i]);
        }
    }
}

static const char *describe(const struct config_listen *listen) {
    switch (listen->protocol) {
    case LISTEN_HTTPS:
        return "https";
    case LISTEN_TCP:
        return "tcp";
    default:
        return listen->challenge_path == NULL ? "redirect to https"
                                              : "redirect to https, and ACME challenges";
    }
}

void listeners_announce(const struct config *config, struct log *log) {
    for (size_t i = 0; i < config->listener_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(&config->listeners[i].address, address);
        log_info(log, "listening on %s (%s)", address, describe(&config->listeners[i]));
    }
}

void listeners_close(struct listeners *listeners) {
    for (size_t i = 0; listeners->fds != NULL && i < listeners->count * listeners->lanes; i++) {
        if (listeners->fds[i] >= 0) {
            (void)close(listeners->fds[i]);
        }
    }
    free(listeners->fds);
    listeners->fds = NULL;
    listeners->count = 0;
}
