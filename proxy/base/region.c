#include "base/region.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static bool place(int fd, uint8_t *at, size_t size, int protection) {
    return mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

// Both views of one slot into the reserved addresses. The seal lets the view that exists write, and
// no other.
static bool place_views(int fd, uint8_t *writable, uint8_t *readable, size_t size) {
    return ftruncate(fd, (off_t)size) == 0 && place(fd, writable, size, PROT_READ | PROT_WRITE) &&
           fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0 &&
           place(fd, readable, size, PROT_READ);
}

// A file for each slot: a view can be grown by mremap(), and must not reach the next slot then.
static bool map_slot(const struct region *region, uint8_t *base, size_t slot) {
    uint8_t *writable = base + slot * region->slot_size;
    uint8_t *readable = writable + region->slots * region->slot_size;
    int fd = memfd_create("ravelin-region", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool placed = fd >= 0 && place_views(fd, writable, readable, region->slot_size);
    if (fd >= 0) {
        (void)close(fd);
    }
    return placed;
}

static bool map_slots(const struct region *region, uint8_t *base, size_t size) {
    for (size_t slot = 0; slot < region->slots; slot++) {
        if (!map_slot(region, base, slot)) {
            return false;
        }
    }
    return madvise(base, size, MADV_DONTDUMP) == 0 && madvise(base, size, MADV_DONTFORK) == 0;
}

bool region_map(struct region *region, size_t slots, size_t slot_size) {
    *region = (struct region){.slots = slots, .slot_size = slot_size};
    if (slots == 0 || slot_size == 0 || slot_size % REGION_PAGE != 0 ||
        slots > SIZE_MAX / 4 / slot_size) {
        return false;
    }
    size_t size = slots * slot_size;
    uint8_t *base = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    if (!map_slots(region, base, 2 * size)) {
        (void)munmap(base, 2 * size);
        return false;
    }
    region->writable = base;
    region->readable = base + size;
    return true;
}

// It cannot fail on whole pages of a mapping; if it did, a process would get what it must not have.
static void advise(const uint8_t *at, size_t size, int advice) {
    if (madvise((void *)(uintptr_t)at, size, advice) != 0) {
        abort();
    }
}

void region_lend(const struct region *region, size_t slot) {
    size_t size = region->slots * region->slot_size;
    advise(region->writable, size, MADV_DONTFORK);
    advise(region->readable, size, slot < region->slots ? MADV_DOFORK : MADV_DONTFORK);
    if (slot < region->slots) {
        advise(region->writable + slot * region->slot_size, region->slot_size, MADV_DOFORK);
    }
}

void region_unmap(struct region *region) {
    if (region->writable != NULL) {
        (void)munmap(region->writable, 2 * region->slots * region->slot_size);
        region->writable = NULL;
    }
}
