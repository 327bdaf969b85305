// `proxy CONFIG` is `ravelin run -c CONFIG`, without what valgrind 3.19 cannot do: it does not live
// in the sandbox, and its mremap() makes no second view of a mapping.
#include "process/master.h"
#include "process/sandbox.h"

#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum result sandbox_enter(enum sandbox kind) {
    (void)kind;
    return RESULT_OK;
}

// In place of the C library's. Only base/ring.c calls it, and with fresh pages: both views become
// views of a file in memory.
void *mremap(void *address, size_t old_size, size_t new_size, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    void *view = va_arg(arguments, void *);
    va_end(arguments);
    int fd = memfd_create("ring", MFD_CLOEXEC);
    if (old_size != 0 || fd < 0 || ftruncate(fd, (off_t)new_size) != 0) {
        abort();
    }
    void *const views[] = {address, view};
    for (int i = 0; i < 2; i++) {
        if (mmap(views[i], new_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
            MAP_FAILED) {
            abort();
        }
    }
    (void)close(fd);
    return view;
}

int main(int argc, char **argv) {
    if (argc != 2) {
        return EXIT_FAILURE;
    }
    static char no_title[1];
    const struct title title = {no_title, 0};
    return master_run(argv[1], "gate", &title);
}
