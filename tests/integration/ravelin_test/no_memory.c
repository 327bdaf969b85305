// Preloaded into the program: in some of its processes every so many-th allocation fails (malloc()
// and its kin, mappings). Which processes and how often is read from a file that the test writes to
// and that all processes of the program share.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static void *(*true_malloc)(size_t);
static void *(*true_realloc)(void *, size_t);
static void *(*true_calloc)(size_t, size_t);
static void *(*true_mmap)(void *, size_t, int, int, int, off_t);
enum { PROCESSES = 15 };

struct rule {
    uint64_t every; // 0: none fails
    uint64_t pids[PROCESSES];
};

static const volatile struct rule *rule;
static uint64_t count;
static uint64_t pid;

static void note_fork(void) {
    pid = (uint64_t)getpid();
    count = 0;
}

static void *find(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static void __attribute__((constructor)) start(void) {
    true_malloc = find("malloc");
    true_realloc = find("realloc");
    true_calloc = find("calloc");
    true_mmap = find("mmap");
    const char *path = getenv("NO_MEMORY_FILE");
    int file = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *shared = true_mmap(NULL, sizeof(*rule), PROT_READ, MAP_SHARED, file, 0);
    rule = shared == MAP_FAILED ? NULL : shared;
    if (file >= 0) {
        (void)close(file);
    }
    note_fork();
    (void)pthread_atfork(NULL, NULL, note_fork);
}

static int fails(void) {
    uint64_t every = rule == NULL ? 0 : rule->every;
    if (every == 0) {
        return 0;
    }
    for (int i = 0; i < PROCESSES; i++) {
        if (rule->pids[i] == pid && ++count % every == 0) {
            errno = ENOMEM;
            return 1;
        }
    }
    return 0;
}

void *malloc(size_t size) {
    if (true_malloc == NULL) {
        true_malloc = find("malloc");
    }
    return fails() ? NULL : true_malloc(size);
}

void *realloc(void *block, size_t size) {
    if (true_realloc == NULL) {
        true_realloc = find("realloc");
    }
    return size > 0 && fails() ? NULL : true_realloc(block, size);
}

void *calloc(size_t number, size_t size) {
    static char early[4096]; // for dlsym() itself
    static size_t used;
    if (true_calloc == NULL) {
        void *block = early + used;
        used += (number * size + 15) & ~(size_t)15;
        return used <= sizeof(early) ? block : NULL;
    }
    return fails() ? NULL : true_calloc(number, size);
}

void *mmap(void *at, size_t size, int protection, int flags, int file, off_t offset) {
    if (true_mmap == NULL) {
        true_mmap = find("mmap");
    }
    return fails() ? MAP_FAILED : true_mmap(at, size, protection, flags, file, offset);
}
