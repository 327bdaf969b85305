#include "process/admin_listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { QUEUE_LENGTH = 128 };

static const mode_t PATH_MASK = 0117; // a socket's file is for the owner and the group

static bool is_path(const struct address *address) {
    return address->as.any.sa_family == AF_UNIX;
}

static int close_keeping_errno(int fd) {
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = error;
    return -1;
}

// --- Binding ---

// Without SO_REUSEPORT: no other process can listen on the address, too.
static int listen_on_port(const struct address *address) {
    const int on = 1;
    int fd = socket(address->as.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(fd, &address->as.any, address->size) == 0 && listen(fd, QUEUE_LENGTH) == 0;
    return ok ? fd : close_keeping_errno(fd);
}

static bool somebody_listens(const struct address *address) {
    enum connect_state state;
    int fd = socket_connect(address, &state);
    if (fd >= 0) {
        (void)close(fd);
    }
    return fd >= 0;
}

// False: the path has a socket in use, or a file that is not a socket.
static bool clear_path(const struct address *address) {
    struct stat status;
    if (lstat(address->as.unix_path.sun_path, &status) != 0) {
        return true;
    }
    if (!S_ISSOCK(status.st_mode) || somebody_listens(address)) {
        errno = EADDRINUSE;
        return false;
    }
    return unlink(address->as.unix_path.sun_path) == 0;
}

static int bind_path(const struct address *address) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(PATH_MASK);
    bool bound = fd >= 0 && bind(fd, &address->as.any, address->size) == 0;
    (void)umask(mask);
    return bound ? fd : close_keeping_errno(fd);
}

static int listen_on_path(const struct address *address) {
    int fd = clear_path(address) ? bind_path(address) : -1;
    if (fd >= 0 && listen(fd, QUEUE_LENGTH) != 0) {
        fd = close_keeping_errno(fd);
        (void)unlink(address->as.unix_path.sun_path);
    }
    return fd;
}

static int listen_on(const struct address *address) {
    return is_path(address) ? listen_on_path(address) : listen_on_port(address);
}

// --- Opening and closing ---

static size_t find(const struct admin_listeners *listeners, const struct address *address) {
    size_t i = 0;
    while (i < listeners->count && !address_equal(&listeners->config->admins[i].address, address)) {
        i++;
    }
    return i;
}

static bool has(const struct admin_listeners *listeners, const struct address *address) {
    return listeners != NULL && find(listeners, address) < listeners->count;
}

static enum result fail(char error[CONFIG_ERROR_SIZE], const struct config *config,
                        const struct config_listen *admin) {
    char text[ADDRESS_TEXT_SIZE];
    struct place place = config_place(config, admin->line);
    address_format(&admin->address, text);
    (void)snprintf(error, CONFIG_ERROR_SIZE, "%s:%d: cannot listen on %s: %s", place.file,
                   place.line, text, strerror(errno));
    return RESULT_ERROR;
}

// Opens a socket: duplicates an existing one, or binds a new one. -1 with errno.
static int open_one(const struct address *address, const struct admin_listeners *kept,
                    struct handed *handed) {
    size_t i = handed_find(handed, address, 0);
    if (has(kept, address)) {
        return fcntl(kept->fds[find(kept, address)], F_DUPFD_CLOEXEC, 0);
    }
    if (i == handed->count) {
        return listen_on(address);
    }
    handed->sockets[i].is_used = true;
    return fcntl(handed->sockets[i].fd, F_DUPFD_CLOEXEC, 0);
}

static void note_abandoned(struct admin_listeners *listeners, const struct handed *handed) {
    for (size_t i = 0; i < handed->count; i++) {
        const struct handed_socket *socket = &handed->sockets[i];
        if (socket->fd >= 0 && !socket->is_used && is_path(&socket->address) &&
            listeners->abandoned_count < CONFIG_ADMINS_MAX) {
            listeners->abandoned[listeners->abandoned_count++] = socket->address;
        }
    }
}

enum result admin_listeners_open(struct admin_listeners *listeners, const struct config *config,
                                 const struct admin_listeners *kept, struct handed *handed,
                                 char error[CONFIG_ERROR_SIZE]) {
    *listeners = (struct admin_listeners){.config = config, .leaves_paths = handed->from_master};
    for (size_t i = 0; i < config->admin_count; i++) {
        int fd = open_one(&config->admins[i].address, kept, handed);
        if (fd < 0) {
            enum result result = fail(error, config, &config->admins[i]);
            admin_listeners_close(listeners, kept);
            return result;
        }
        listeners->fds[listeners->count++] = fd;
    }
    note_abandoned(listeners, handed);
    return RESULT_OK;
}

static void remove_socket(const struct address *address) {
    struct stat status;
    const char *path = address->as.unix_path.sun_path;
    if (lstat(path, &status) == 0 && S_ISSOCK(status.st_mode)) {
        (void)unlink(path);
    }
}

void admin_listeners_take_over(struct admin_listeners *listeners) {
    for (size_t i = 0; i < listeners->abandoned_count; i++) {
        remove_socket(&listeners->abandoned[i]);
    }
    listeners->abandoned_count = 0;
    listeners->leaves_paths = false;
}

void admin_listeners_close(struct admin_listeners *listeners,
                           const struct admin_listeners *remaining) {
    for (size_t i = 0; i < listeners->count; i++) {
        const struct address *address = &listeners->config->admins[i].address;
        (void)close(listeners->fds[i]);
        if (is_path(address) && !listeners->leaves_paths && !has(remaining, address)) {
            (void)unlink(address->as.unix_path.sun_path);
        }
    }
    listeners->count = 0;
}

// --- Repair ---

static bool renew(int *fd, const struct address *address) {
    int fresh = listen_on(address);
    if (fresh < 0) {
        return false;
    }
    (void)close(*fd);
    *fd = fresh;
    return true;
}

size_t admin_listeners_renew(struct admin_listeners *listeners, char address[ADDRESS_TEXT_SIZE],
                             size_t *failed) {
    size_t renewed = 0;
    *failed = 0;
    for (size_t i = 0; i < listeners->count; i++) {
        const struct address *wanted = &listeners->config->admins[i].address;
        if (socket_is_listening(listeners->fds[i])) {
            socket_reset_listening(listeners->fds[i]);
            continue;
        }
        if (renewed + *failed == 0) {
            address_format(wanted, address);
        }
        if (renew(&listeners->fds[i], wanted)) {
            renewed++;
        } else {
            (*failed)++;
        }
    }
    return renewed;
}

void admin_listeners_announce(const struct config *config, struct log *log) {
    for (size_t i = 0; i < config->admin_count; i++) {
        char address[ADDRESS_TEXT_SIZE];
        address_format(&config->admins[i].address, address);
        log_info(log, "listening on %s (admin)", address);
    }
}
