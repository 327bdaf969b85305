#include "process/landlock.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The struct of linux/landlock.h; older versions of this header lack members.
struct ruleset {
    uint64_t file_system;
    uint64_t network;
    uint64_t scope;
};

enum { VERSION_FLAG = 1, PATH_BENEATH = 1 };
static const uint64_t RUN = 1 << 0;
static const uint64_t READ_FILE = 1 << 2;
static const uint64_t READ_FOLDER = 1 << 3;
// Rights that a rule for a file may have: run, write, read, truncate, ioctl.
static const uint64_t OF_FILES = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15;
static const uint64_t BIND_TCP = 1;
static const uint64_t SCOPES = 3; // abstract unix sockets, signals

// Number of file rights of each ABI: the lowest bits.
static const unsigned file_rights[] = {[1] = 13, [2] = 14, [3] = 15, [4] = 15, [5] = 16};

// Sets the rights that this kernel can deny. Returns the size of the struct that it reads.
static size_t fill(struct ruleset *ruleset, long abi) {
    const long last = (long)(sizeof(file_rights) / sizeof(file_rights[0])) - 1;
    *ruleset = (struct ruleset){
        .file_system = (UINT64_C(1) << file_rights[abi < last ? abi : last]) - 1,
        .network = abi >= 4 ? BIND_TCP : 0,
        .scope = abi >= 6 ? SCOPES : 0,
    };
    return abi >= 6   ? sizeof(*ruleset)
           : abi >= 4 ? offsetof(struct ruleset, scope)
                      : offsetof(struct ruleset, network);
}

struct rule {
    uint64_t rights;
    int32_t place;
} __attribute__((packed));

static bool allow(int ruleset, int place, uint64_t rights) {
    struct rule rule = {rights, place};
    return syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0) == 0;
}

// Makes a ruleset that denies all that this kernel supports; -1: it supports nothing. *rights: the
// file rights.
static int begin(uint64_t *rights) {
    struct ruleset ruleset;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
    if (abi < 1) {
        return -1;
    }
    size_t size = fill(&ruleset, abi);
    *rights = ruleset.file_system;
    return (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
}

static bool enter(int ruleset) {
    bool entered = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    return close(ruleset) == 0 && entered;
}

bool landlock_enter_reading(int folder) {
    uint64_t rights;
    int ruleset = begin(&rights);
    if (ruleset < 0) {
        return false;
    }
    if (folder >= 0 && !allow(ruleset, folder, READ_FILE)) {
        (void)close(ruleset);
        return false;
    }
    return enter(ruleset);
}

// A path that cannot be allowed stays denied.
static void allow_path(int ruleset, const struct landlock_path *path, uint64_t handled) {
    static const uint64_t rights[] = {
        [LANDLOCK_READ] = READ_FILE | READ_FOLDER,
        [LANDLOCK_RUN] = READ_FILE | READ_FOLDER | RUN,
        [LANDLOCK_WRITE] = ~RUN,
    };
    struct stat status;
    int place = path->path == NULL ? -1 : open(path->path, O_PATH | O_CLOEXEC);
    if (place < 0) {
        return;
    }
    if (fstat(place, &status) == 0) {
        uint64_t chosen = rights[path->right] & handled;
        (void)allow(ruleset, place, S_ISDIR(status.st_mode) ? chosen : chosen & OF_FILES);
    }
    (void)close(place);
}

bool landlock_enter_paths(const struct landlock_path *paths, size_t count) {
    uint64_t handled;
    int ruleset = begin(&handled);
    for (size_t i = 0; ruleset >= 0 && i < count; i++) {
        allow_path(ruleset, &paths[i], handled);
    }
    return ruleset >= 0 && enter(ruleset);
}

bool landlock_enter(void) {
    return landlock_enter_reading(-1);
}
