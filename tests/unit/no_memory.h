// Allocations that fail when a test says so: malloc() and its kin of the whole program, libraries
// included, and new mappings (mmap(), mremap()). Include it in one file of a program.
//
// memory_fail_at(n) lets the n-th allocation from now on fail, and that one alone;
// memory_fail_from(n) lets all from that one on fail. memory_again() ends it and tells whether one
// has failed: when none has, n is past the last. Blocks that are in use are counted, so that a test
// can see what a failure leaves behind.
//
// In a build with sanitizers the allocator is theirs: MEMORY_CAN_FAIL is then 0 and nothing ever
// fails.
#ifndef RAVELIN_TESTS_NO_MEMORY_H
#define RAVELIN_TESTS_NO_MEMORY_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct no_memory {
    uint64_t count;
    uint64_t from, until; // fails where from <= count < until; 0: never
    uint64_t failed;
    int64_t blocks;
    bool paused; // neither counts nor fails: what the test itself does
};

static struct no_memory no_memory;

#ifdef RAVELIN_SANITIZE
#define MEMORY_CAN_FAIL 0
#else
#define MEMORY_CAN_FAIL 1

// The C library's, under its own names.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void __libc_free(void *block);

static bool no_memory_now(void) {
    if (no_memory.paused) {
        return false;
    }
    no_memory.count++;
    if (no_memory.from == 0 || no_memory.count < no_memory.from ||
        no_memory.count >= no_memory.until) {
        return false;
    }
    no_memory.failed++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t size) {
    void *block = no_memory_now() ? NULL : __libc_malloc(size);
    no_memory.blocks += block != NULL;
    return block;
}

void *calloc(size_t count, size_t size) {
    void *block = no_memory_now() ? NULL : __libc_calloc(count, size);
    no_memory.blocks += block != NULL;
    return block;
}

void *realloc(void *block, size_t size) {
    if (block == NULL) {
        return malloc(size);
    }
    void *grown = no_memory_now() ? NULL : __libc_realloc(block, size);
    return grown;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    return no_memory_now()
               ? MAP_FAILED
               : (void *)syscall(SYS_mmap, at, size, protection, flags, fd, offset); // NOLINT
}

// NOLINTNEXTLINE(cert-dcl50-cpp)
void *mremap(void *at, size_t size, size_t new_size, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    void *to = (flags & MREMAP_FIXED) != 0 ? va_arg(arguments, void *) : NULL;
    va_end(arguments);
    return no_memory_now() ? MAP_FAILED
                           : (void *)syscall(SYS_mremap, at, size, new_size, flags, to); // NOLINT
}

void free(void *block) {
    no_memory.blocks -= block != NULL;
    __libc_free(block);
}

#endif

static inline void memory_fail_at(uint64_t n) {
    no_memory = (struct no_memory){.from = n, .until = n + 1, .blocks = no_memory.blocks};
}

static inline void memory_fail_from(uint64_t n) {
    no_memory = (struct no_memory){.from = n, .until = UINT64_MAX, .blocks = no_memory.blocks};
}

static inline void memory_fail(uint64_t n, bool for_good) {
    if (for_good) {
        memory_fail_from(n);
    } else {
        memory_fail_at(n);
    }
}

static inline bool memory_again(void) {
    no_memory.from = 0;
    return no_memory.failed > 0;
}

#endif
