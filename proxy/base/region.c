#include "base/region.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool place(int fd, uint8_t *at, size_t size, int protection) {
    return mmap(at, size, protection, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
}

// Maps both views of one slot at the reserved addresses. The seal forbids further writable
// mappings; the existing one stays writable.
static bool place_views(int fd, uint8_t *writable, uint8_t *readable, size_t size) {
    return ftruncate(fd, (off_t)size) == 0 && place(fd, writable, size, PROT_READ | PROT_WRITE) &&
           fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0 &&
           place(fd, readable, size, PROT_READ);
}

// One file for each slot, because a view can be grown by mremap(), and must not reach the next
// slot.
static bool map_slot(const struct region *region, const char *name, uint8_t *base, size_t slot) {
    uint8_t *writable = base + slot * region->slot_size;
    uint8_t *readable = writable + region->slots * region->slot_size;
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    bool placed = fd >= 0 && place_views(fd, writable, readable, region->slot_size);
    if (fd >= 0) {
        (void)close(fd);
    }
    return placed;
}

// The addresses of both views of all slots.
static bool map_slots(const struct region *region, const char *name, uint8_t *base, size_t size) {
    for (size_t slot = 0; slot < region->slots; slot++) {
        if (!map_slot(region, name, base, slot)) {
            return false;
        }
    }
    return madvise(base, size, MADV_DONTDUMP) == 0 && madvise(base, size, MADV_DONTFORK) == 0;
}

bool region_map(struct region *region, const char *name, size_t slots, size_t slot_size) {
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
    if (!map_slots(region, name, base, 2 * size)) {
        (void)munmap(base, 2 * size);
        return false;
    }
    region->writable = base;
    region->readable = base + size;
    return true;
}

// Cannot fail on whole pages of a mapping. If it failed, a process would get memory that it must
// not have.
static void advise(const uint8_t *at, size_t size, int advice) {
    if (madvise((void *)(uintptr_t)at, size, advice) != 0) {
        abort();
    }
}

void region_lend(const struct region *region, size_t slot) {
    size_t size = region->slots * region->slot_size;
    bool writes = slot < region->slots;
    advise(region->writable, size, MADV_DONTFORK);
    advise(region->readable, size, writes || slot == REGION_READER ? MADV_DOFORK : MADV_DONTFORK);
    if (writes) {
        advise(region->writable + slot * region->slot_size, region->slot_size, MADV_DOFORK);
    }
}

void region_unmap(struct region *region) {
    if (region->writable != NULL) {
        (void)munmap(region->writable, 2 * region->slots * region->slot_size);
        region->writable = NULL;
    }
}

// --- Handed on by descriptor ---

struct head {
    char name[REGION_NAME_SIZE];
    uint32_t version;
    uint8_t unused[REGION_HEAD_SIZE - REGION_NAME_SIZE - sizeof(uint32_t)];
};

static const int SIZE_SEALS = F_SEAL_SHRINK | F_SEAL_GROW;

static struct head head_of(const struct region_kind *kind) {
    struct head head = {.version = kind->version};
    memcpy(head.name, kind->name, strnlen(kind->name, sizeof(head.name) - 1));
    return head;
}

static void write_head(const struct region_part *part, const struct region_kind *kind) {
    const struct head head = head_of(kind);
    memcpy(part->data, &head, sizeof(head));
}

static bool map_part(struct region_part *part, int protection) {
    void *data = mmap(NULL, part->size, protection, MAP_SHARED, part->fd, 0);
    part->data = data == MAP_FAILED ? NULL : data;
    return part->data != NULL && madvise(data, part->size, MADV_DONTFORK) == 0 &&
           madvise(data, part->size, MADV_DONTDUMP) == 0;
}

// The maker maps the part before the seal that forbids writable mappings.
static bool make_part(struct region_part *part, enum region_access others) {
    int seals = SIZE_SEALS | F_SEAL_SEAL | (others == REGION_READ ? F_SEAL_FUTURE_WRITE : 0);
    return part->fd >= 0 && ftruncate(part->fd, (off_t)part->size) == 0 &&
           map_part(part, PROT_READ | PROT_WRITE) && fcntl(part->fd, F_ADD_SEALS, seals) == 0;
}

bool region_make(struct region_part *part, const struct region_kind *kind, size_t size) {
    *part = (struct region_part){.size = size,
                                 .fd = memfd_create(kind->name, MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (size < sizeof(struct head) || !make_part(part, kind->others)) {
        int error = errno;
        region_close(part);
        errno = error;
        return false;
    }
    write_head(part, kind);
    return true;
}

static bool has_kind(const struct region_part *part, const struct region_kind *kind) {
    struct head found;
    const struct head wanted = head_of(kind);
    memcpy(&found, part->data, sizeof(found));
    return memcmp(found.name, wanted.name, sizeof(found.name)) == 0 &&
           found.version == wanted.version;
}

// Whether the size is correct. It cannot change later.
static bool has_size(int fd, size_t size) {
    struct stat status;
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & SIZE_SEALS) == SIZE_SEALS && fstat(fd, &status) == 0 &&
           size >= sizeof(struct head) && status.st_size == (off_t)size;
}

bool region_open(struct region_part *part, const struct region_kind *kind, int fd, size_t size) {
    int protection = kind->others == REGION_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    *part = (struct region_part){.size = size, .fd = fd};
    bool opened =
        fd >= 0 && has_size(fd, size) && map_part(part, protection) && has_kind(part, kind);
    if (!opened) {
        region_close(part);
        return false;
    }
    (void)close(fd);
    part->fd = -1;
    return true;
}

void region_clear(const struct region_part *part, const struct region_kind *kind) {
    write_head(part, kind);
    memset(part->data + REGION_HEAD_SIZE, 0, part->size - REGION_HEAD_SIZE);
}

void region_close(struct region_part *part) {
    if (part->data != NULL) {
        (void)munmap(part->data, part->size);
    }
    if (part->fd >= 0) {
        (void)close(part->fd);
    }
    *part = REGION_NO_PART;
}
