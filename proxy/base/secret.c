#include "base/secret.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

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

void *secret_map(size_t size, bool shared) {
    int visibility = shared ? MAP_SHARED : MAP_PRIVATE;
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, visibility | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) {
        return NULL;
    }
    if (madvise(data, size, MADV_DONTDUMP) != 0 ||
        (!shared && madvise(data, size, MADV_DONTFORK) != 0)) {
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
