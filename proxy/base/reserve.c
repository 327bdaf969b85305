#include "base/reserve.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// A block of the reserve is this and 2 to the power of `shift` bytes.
struct head {
    union {
        struct {
            unsigned shift;
            struct head *next; // of the free ones of this size
        } as;
        max_align_t align;
    } of;
};

enum { SHIFT_MIN = 6, SHIFT_COUNT = 32 };

static struct {
    uint8_t *base; // NULL: there is none
    size_t used;
    struct head *free[SHIFT_COUNT];
} reserve;

bool reserve_open(void) {
    void *base = mmap(NULL, RESERVE_SIZE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return false;
    }
    reserve.base = base;
    return true;
}

size_t reserve_used(void) {
    return reserve.used;
}

static bool is_reserved(const void *block) {
    uintptr_t at = (uintptr_t)block;
    uintptr_t base = (uintptr_t)reserve.base;
    return reserve.base != NULL && at >= base && at < base + RESERVE_SIZE;
}

static struct head *head_of(void *block) {
    return (struct head *)block - 1;
}

static void *take(size_t size) {
    unsigned shift = SHIFT_MIN;
    while (shift < SHIFT_COUNT - 1 && (size_t)1 << shift < size) {
        shift++;
    }
    struct head *head = reserve.free[shift];
    size_t whole = sizeof(*head) + ((size_t)1 << shift);
    if (head != NULL) {
        reserve.free[shift] = head->of.as.next;
        return head + 1;
    }
    if (reserve.base == NULL || (size_t)1 << shift < size || whole > RESERVE_SIZE - reserve.used) {
        return NULL;
    }
    head = (struct head *)(void *)(reserve.base + reserve.used);
    reserve.used += whole;
    head->of.as.shift = shift;
    return head + 1;
}

static void *make(size_t size) {
    void *block = malloc(size);
    if (block == NULL) {
        block = take(size);
    }
    return block;
}

static void release(void *block) {
    if (!is_reserved(block)) {
        free(block);
        return;
    }
    struct head *head = head_of(block);
    head->of.as.next = reserve.free[head->of.as.shift];
    reserve.free[head->of.as.shift] = head;
}

static size_t capacity_of(void *block) {
    return is_reserved(block) ? (size_t)1 << head_of(block)->of.as.shift
                              : malloc_usable_size(block);
}

static void *move(void *block, size_t size) {
    void *moved = make(size);
    size_t capacity = capacity_of(block);
    if (moved != NULL) {
        memcpy(moved, block, capacity < size ? capacity : size);
        release(block);
    }
    return moved;
}

void *reserve_realloc(void *block, long size) {
    if (size <= 0) {
        release(size == 0 ? block : NULL);
        return NULL;
    }
    if (block == NULL) {
        return make((size_t)size);
    }
    void *grown = is_reserved(block) ? NULL : realloc(block, (size_t)size);
    return grown != NULL ? grown : move(block, (size_t)size);
}
