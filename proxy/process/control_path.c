#include "process/control_path.h"

#include "base/hash.h"
#include "process/control.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static bool print_folder(struct control_path *path) {
    if (geteuid() == 0) {
        (void)snprintf(path->folder, sizeof(path->folder), "/run/ravelin");
        return true;
    }
    const char *given = getenv("RUNTIME_DIRECTORY"); // several folders are separated by colons
    if (given != NULL && given[0] == '/' && strchr(given, ':') == NULL) {
        return snprintf(path->folder, sizeof(path->folder), "%s", given) <
               (int)sizeof(path->folder);
    }
    const char *base = getenv("XDG_RUNTIME_DIR");
    int size = snprintf(path->folder, sizeof(path->folder), "%s/ravelin-%lu",
                        base == NULL || base[0] != '/' ? "/tmp" : base, (unsigned long)geteuid());
    return size > 0 && (size_t)size < sizeof(path->folder);
}

// The absolute form of a path, without "//" and "/./". Follows no links. False: too long.
static bool make_absolute(const char *path, char absolute[PATH_MAX]) {
    size_t size = 0;
    if (path[0] != '/') {
        if (getcwd(absolute, PATH_MAX) == NULL) {
            return false;
        }
        size = strlen(absolute);
    }
    for (const char *part = path; *part != '\0';) {
        size_t length = strcspn(part, "/");
        if (length > 0 && !(length == 1 && part[0] == '.')) {
            if (size + 1 + length >= PATH_MAX) {
                return false;
            }
            absolute[size++] = '/';
            memcpy(absolute + size, part, length);
            size += length;
        }
        part += length + (part[length] == '/');
    }
    absolute[size] = '\0';
    return true;
}

// False: too long.
static bool print_address(const struct control_path *path, const char *config_path,
                          struct sockaddr_un *address) {
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    int size = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%016" PRIx64 ".sock",
                        path->folder, hash_add(HASH_BEGIN, config_path, strlen(config_path)));
    return size > 0 && (size_t)size < sizeof(address->sun_path);
}

enum result control_path_find(const char *config_path, struct control_path *path,
                              char error[CONFIG_ERROR_SIZE]) {
    char real[PATH_MAX];
    char given[PATH_MAX] = "";
    bool exists = realpath(config_path, real) != NULL;
    int missing = errno;
    if (!make_absolute(config_path, given)) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: the path is too long", config_path);
        return RESULT_ERROR;
    }
    if (!print_folder(path) || !print_address(path, given, &path->given) ||
        !print_address(path, exists ? real : given, &path->address)) {
        (void)snprintf(
            error, CONFIG_ERROR_SIZE,
            "RUNTIME_DIRECTORY or XDG_RUNTIME_DIR is too long for the name of a socket in it");
        return RESULT_ERROR;
    }
    if (!exists) {
        (void)snprintf(error, CONFIG_ERROR_SIZE, "%s: %s", config_path, strerror(missing));
    }
    return exists ? RESULT_OK : RESULT_EOF;
}

bool control_path_is_real(const struct control_path *path) {
    return strcmp(path->address.sun_path, path->given.sun_path) == 0;
}

static int connect_to(const struct sockaddr_un *address) {
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    const struct timeval patience = {.tv_sec = CONTROL_CONNECT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        int saved = errno;
        (void)close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int control_connect(const struct control_path *path) {
    int fd = connect_to(&path->given);
    if (fd >= 0 || (errno != ENOENT && errno != ECONNREFUSED)) {
        return fd;
    }
    return connect_to(&path->address);
}

static bool peer_of(int fd, struct ucred *peer) {
    socklen_t size = sizeof(*peer);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size) == 0;
}

static bool is_trusted(const struct ucred *peer) {
    return peer->uid == 0 || peer->uid == geteuid();
}

bool control_peer_is_trusted(int fd, pid_t *pid) {
    struct ucred peer;
    if (!peer_of(fd, &peer)) {
        return false;
    }
    *pid = peer.pid;
    return is_trusted(&peer);
}

bool control_server_is_trusted(int fd, const struct control_path *path) {
    struct ucred peer;
    struct stat folder;
    return peer_of(fd, &peer) &&
           (is_trusted(&peer) || (geteuid() == 0 && lstat(path->folder, &folder) == 0 &&
                                  S_ISDIR(folder.st_mode) && folder.st_uid == peer.uid));
}
