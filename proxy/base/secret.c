#include "base/secret.h"

#include "base/region.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

void secret_wipe(void *data, size_t size) {
    if (size > 0) {
        explicit_bzero(data, size);
    }
}

void secret_copy(void *to, const void *from, size_t size) {
    // Volatile: no compiler may turn this into a call of memcpy().
    volatile uint8_t *target = to;
    const volatile uint8_t *source = from;
    for (size_t i = 0; i < size; i++) {
        target[i] = source[i];
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
    // RLIMIT_MEMLOCK may be too low: unlocked pages are worse than locked ones, but are wiped, too.
    (void)mlock(data, size);
    return data;
}

void secret_unmap(void *data, size_t size) {
    if (data != NULL) {
        secret_wipe(data, size);
        munmap(data, size);
    }
}

static struct region region_of(const struct secret_views *views) {
    return (struct region){.writable = views->own,
                           .readable = views->lent,
                           .slots = 1,
                           .slot_size = region_round(views->size)};
}

bool secret_map_views(size_t size, struct secret_views *views) {
    struct region region;
    *views = (struct secret_views){.size = size};
    if (size > SIZE_MAX / 4 || !region_map(&region, "ravelin-secret", 1, region_round(size))) {
        return false;
    }
    views->own = region.writable;
    views->lent = region.readable;
    (void)mlock(views->own, size); // as above; it applies to the pages, and so to both views
    return true;
}

void secret_lend(const struct secret_views *views, bool lend) {
    const struct region region = region_of(views);
    region_lend(&region, lend ? REGION_READER : REGION_NO_SLOT);
}

void secret_unmap_views(const struct secret_views *views) {
    struct region region = region_of(views);
    secret_wipe(views->own, views->size);
    region_unmap(&region);
}
