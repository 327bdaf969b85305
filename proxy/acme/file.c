#include "acme/file.h"

#include "config/acme.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int fd, struct slice content) {
    while (content.size > 0) {
        ssize_t written = write(fd, content.data, content.size);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        size_t done = written > 0 ? (size_t)written : 0;
        content = (struct slice){content.data + done, content.size - done};
    }
    return true;
}

// Writes the file and closes it. False, with the errno of the first failure.
static bool fill(int fd, struct slice content, mode_t mode) {
    bool ok = fchmod(fd, mode) == 0 && write_all(fd, content) && fsync(fd) == 0;
    int error = errno;
    bool closed = close(fd) == 0;
    errno = ok ? errno : error;
    return ok && closed;
}

bool acme_write_file(const char *path, struct slice content, mode_t mode) {
    char draft[ACME_PATH_MAX + 4];
    (void)snprintf(draft, sizeof(draft), "%s.new", path);
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return false;
    }
    bool ok = fill(fd, content, mode) && rename(draft, path) == 0;
    if (!ok) {
        int error = errno;
        (void)unlink(draft);
        errno = error;
    }
    return ok;
}
