// Linked into build/count/ravelin in place of memcpy and memmove (ld --wrap), also for the calls of
// wolfSSL and http-parser: counts the bytes that go through them in each process and writes a line
// to stderr for every further MiB. A test moves hundreds of MiB through the proxy and reads how
// much was copied on the way. The compiler is told not to make copies of its own out of calls
// (-fno-builtin-memcpy); copies of a few bytes that it writes as loads and stores are structs and
// numbers, not bodies.
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { STEP = 1 << 20 };

void *__real_memcpy(void *to, const void *from, size_t size);
void *__real_memmove(void *to, const void *from, size_t size);
void *__wrap_memcpy(void *to, const void *from, size_t size);
void *__wrap_memmove(void *to, const void *from, size_t size);

static uint64_t copied;

static void count(size_t size) {
    uint64_t before = copied;
    copied += size;
    if (before / STEP != copied / STEP) {
        char line[64];
        int length = snprintf(line, sizeof(line), "copied %llu MiB in process %d\n",
                              (unsigned long long)(copied / STEP), (int)getpid());
        ssize_t written = write(STDERR_FILENO, line, (size_t)length);
        (void)written;
    }
}

void *__wrap_memcpy(void *to, const void *from, size_t size) {
    count(size);
    return __real_memcpy(to, from, size);
}

void *__wrap_memmove(void *to, const void *from, size_t size) {
    count(size);
    return __real_memmove(to, from, size);
}
