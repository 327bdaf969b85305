#include "process/handed.h"

#include "base/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MANAGER_FD_FIRST = 3 }; // SD_LISTEN_FDS_START

static bool get_option(int fd, int level, int option, int *value) {
    socklen_t size = sizeof(*value);
    return getsockopt(fd, level, option, value, &size) == 0;
}

// NULL: it is a listener. A former master also hands unix sockets: those of `admin`.
static const char *why_no_listener(int fd, bool from_master) {
    int domain = 0;
    int type = 0;
    if (!get_option(fd, SOL_SOCKET, SO_DOMAIN, &domain) ||
        !get_option(fd, SOL_SOCKET, SO_TYPE, &type)) {
        return "is not a socket";
    }
    bool is_known = domain == AF_INET || domain == AF_INET6 || (domain == AF_UNIX && from_master);
    if (type != SOCK_STREAM || !is_known) {
        return "is not a TCP socket";
    }
    return socket_is_listening(fd) ? NULL : "does not listen";
}

static bool is_shareable(int fd) {
    struct stat status;
    int reuses = 0;
    return get_option(fd, SOL_SOCKET, SO_REUSEPORT, &reuses) && reuses != 0 &&
           fstat(fd, &status) == 0 && status.st_uid == geteuid();
}

static bool prepare(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
           fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

// Reads the address in the form of the configuration: the size of a unix address has several forms.
static bool read_address(int fd, struct address *address) {
    char text[ADDRESS_TEXT_SIZE];
    const char *why;
    address->size = sizeof(address->as);
    if (getsockname(fd, &address->as.any, &address->size) != 0) {
        return false;
    }
    address_format(address, text);
    return address_parse(slice_from(text), address, &why) == RESULT_OK;
}

static void examine(struct handed_socket *handed, bool from_master) {
    handed->why = why_no_listener(handed->fd, from_master);
    if (handed->why == NULL &&
        (!read_address(handed->fd, &handed->address) || !prepare(handed->fd))) {
        handed->why = "cannot be used";
    }
    if (handed->why != NULL) {
        (void)close(handed->fd);
        handed->fd = -1;
        return;
    }
    socket_set_nodelay(handed->fd);
    handed->is_shareable = is_shareable(handed->fd);
}

bool handed_add(struct handed *handed, int fd, const char *name) {
    struct handed_socket *sockets =
        handed->count == HANDED_MAX
            ? NULL
            : realloc(handed->sockets, (handed->count + 1) * sizeof(*sockets));
    if (sockets == NULL) {
        (void)close(fd);
        return false;
    }
    handed->sockets = sockets;
    struct handed_socket *added = &sockets[handed->count++];
    *added = (struct handed_socket){.fd = fd};
    memcpy(added->name, name, strnlen(name, sizeof(added->name) - 1));
    printable_clean(added->name, PRINTABLE_LINE);
    added->is_stored = !handed->from_master && strcmp(name, HANDED_STORED_NAME) == 0;
    examine(added, handed->from_master);
    return true;
}

// --- From a service manager ---

// The number in this variable, from 1 to `most`; otherwise 0.
static long number_of(const char *variable, long most) {
    const char *text = getenv(variable);
    char *end = NULL;
    long number = text == NULL ? 0 : strtol(text, &end, 10);
    return number >= 1 && number <= most && *end == '\0' ? number : 0;
}

// The first of the names, which are separated by colons. *names is then behind it.
static void next_name(const char **names, char name[HANDED_NAME_SIZE]) {
    size_t size = strcspn(*names, ":");
    size_t fits = size < HANDED_NAME_SIZE ? size : HANDED_NAME_SIZE - 1;
    memcpy(name, *names, fits);
    name[fits] = '\0';
    *names += size + ((*names)[size] == ':');
}

void handed_from_manager(struct handed *handed) {
    long count = number_of("LISTEN_FDS", HANDED_MAX);
    const char *names = getenv("LISTEN_FDNAMES");
    if (number_of("LISTEN_PID", INT32_MAX) != getpid()) {
        count = 0; // for another process
    }
    names = names == NULL ? "" : names;
    for (int fd = MANAGER_FD_FIRST; fd < MANAGER_FD_FIRST + count; fd++) {
        char name[HANDED_NAME_SIZE];
        next_name(&names, name);
        if (fcntl(fd, F_GETFD) >= 0) {
            (void)handed_add(handed, fd, name);
        }
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

// --- Use ---

size_t handed_find(const struct handed *handed, const struct address *address, size_t from) {
    while (from < handed->count && (handed->sockets[from].fd < 0 ||
                                    !address_equal(&handed->sockets[from].address, address))) {
        from++;
    }
    return from;
}

void handed_end_unused(const struct handed *handed) {
    for (size_t i = 0; i < handed->count; i++) {
        const struct handed_socket *unused = &handed->sockets[i];
        if (unused->is_stored && unused->fd >= 0 && !unused->is_used) {
            (void)shutdown(unused->fd, SHUT_RDWR); // the manager has it open, too
        }
    }
}

void handed_warn(const struct handed *handed, struct log *log) {
    for (size_t i = 0; i < handed->count; i++) {
        const struct handed_socket *unused = &handed->sockets[i];
        char address[ADDRESS_TEXT_SIZE];
        if (unused->is_stored) {
            continue;
        }
        if (unused->fd < 0) {
            log_warning(log, "socket '%s' of the service manager %s: not used", unused->name,
                        unused->why);
        } else if (!unused->is_used && !handed->from_master) {
            address_format(&unused->address, address);
            log_warning(log,
                        "socket '%s' of the service manager is for %s, which is not listened on: "
                        "connections to it wait in vain",
                        unused->name, address);
        }
    }
}

void handed_free(struct handed *handed) {
    for (size_t i = 0; i < handed->count; i++) {
        if (handed->sockets[i].fd >= 0) {
            (void)close(handed->sockets[i].fd);
        }
    }
    free(handed->sockets);
    *handed = (struct handed){.count = 0};
}
