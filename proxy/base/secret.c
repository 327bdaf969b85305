#include "base/secret.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void secret_wipe(void *data, size_t size) {
    if (size > 0) {
        explicit_bzero(data, size);
    }
}

bool secret_equal(const void *a, const void *b, size_t size) {
    // Volatile: no compiler may turn this into a loop that stops at the first difference.
    const volatile uint8_t *left = a;
    const volatile uint8_t *right = b;
    uint8_t difference = 0;
    for (size_t i = 0; i < size; i++) {
        difference = (uint8_t)(difference | (left[i] ^ right[i]));
    }
    return difference == 0;
}

static bool confine(void *data, size_t size) {
    return madvise(data, size, MADV_DONTDUMP) == 0 && madvise(data, size, MADV_DONTFORK) == 0;
}

void *secret_map(size_t size) {
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        return NULL;
    }
    if (!confine(data, size)) {
        munmap(data, size);
        return NULL;
    }
    // RLIMIT_MEMLOCK may be too low for it: unlocked pages are worse than locked ones, but still
    // wiped.
    (void)mlock(data, size);
    return data;
}

void secret_unmap(void *data, size_t size) {
    if (data != NULL) {
        secret_wipe(data, size);
        munmap(data, size);
    }
}

// A view of the whole of `fd`; NULL when that fails.
static void *map_view(int fd, size_t size, int protection) {
    void *view = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
    if (view != MAP_FAILED && !confine(view, size)) {
        munmap(view, size);
        view = MAP_FAILED;
    }
    return view == MAP_FAILED ? NULL : view;
}

static bool map_views(int fd, struct secret_views *views) {
    size_t size = views->size;
    views->own =
        ftruncate(fd, (off_t)size) == 0 ? map_view(fd, size, PROT_READ | PROT_WRITE) : NULL;
    if (views->own == NULL) {
        return false;
    }
    (void)mlock(views->own, size); // as above; it holds for the pages, and so for both views
    // Views that are made after the seal can never become writable.
    views->lent =
        fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0 ? map_view(fd, size, PROT_READ) : NULL;
    if (views->lent == NULL) {
        munmap(views->own, size);
    }
    return views->lent != NULL;
}

bool secret_map_views(size_t size, struct secret_views *views) {
    *views = (struct secret_views){.size = size};
    int fd = memfd_create("ravelin-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool mapped = fd >= 0 && map_views(fd, views);
    if (fd >= 0) {
        (void)close(fd);
    }
    return mapped;
}

void secret_lend(const struct secret_views *views, bool lend) {
    void *lent = (void *)(uintptr_t)views->lent;
    // It cannot fail on a whole mapping; if it did, secrets would go where they must not.
    if (madvise(lent, views->size, lend ? MADV_DOFORK : MADV_DONTFORK) != 0) {
        abort();
    }
}

void secret_unmap_views(const struct secret_views *views) {
    secret_unmap(views->own, views->size);
    munmap((void *)(uintptr_t)views->lent, views->size);
}
