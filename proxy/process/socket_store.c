#include "process/socket_store.h"

#include "process/notify.h"

#include <stdlib.h>
#include <sys/socket.h>

// How many sockets the manager keeps; 0: none.
static size_t capacity(void) {
    const char *number = getenv("FDSTORE");
    long count = number == NULL ? 0 : strtol(number, NULL, 10);
    return count > 0 ? (size_t)count : 0;
}

static bool is_shareable(int fd) {
    int reuses = 0;
    socklen_t size = sizeof(reuses);
    return getsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &reuses, &size) == 0 && reuses != 0;
}

// Those of a list that are Ravelin's own, at most `most`.
static size_t keep_own(int *fds, size_t count, size_t most) {
    size_t kept = 0;
    for (size_t i = 0; i < count && kept < most; i++) {
        if (is_shareable(fds[i])) {
            fds[kept++] = fds[i];
        }
    }
    return kept;
}

// False: the manager accepts nothing now.
static bool send_all(const struct listeners *listeners, size_t left) {
    int fds[NOTIFY_FDS_MAX];
    size_t at = 0;
    size_t count;
    if (!notify_manager("FDSTOREREMOVE=1\nFDNAME=" HANDED_STORED_NAME)) {
        return false;
    }
    while (left > 0 && (count = listeners_list(listeners, &at, fds, NOTIFY_FDS_MAX)) > 0) {
        count = keep_own(fds, count, left);
        if (count > 0 && !notify_manager_fds("FDSTORE=1\nFDNAME=" HANDED_STORED_NAME, fds, count)) {
            return false;
        }
        left -= count;
    }
    return true;
}

void socket_store_put(struct socket_store *store, const struct listeners *listeners) {
    size_t most = capacity();
    store->is_stale = most > 0 && !send_all(listeners, most);
}

void socket_store_retry(struct socket_store *store, const struct listeners *listeners) {
    if (store->is_stale) {
        socket_store_put(store, listeners);
    }
}
