#include "process/landlock.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

// As in linux/landlock.h, of which older ones lack parts.
struct ruleset {
    uint64_t file_system;
    uint64_t network;
    uint64_t scope;
};

enum { VERSION_FLAG = 1, PATH_BENEATH = 1 };
static const uint64_t READ_FILE = 1 << 2;
static const uint64_t BIND_TCP = 1;
static const uint64_t SCOPES = 3; // abstract unix sockets, signals

// How many rights about files each ABI knows: they are the lowest bits.
static const unsigned file_rights[] = {[1] = 13, [2] = 14, [3] = 15, [4] = 15, [5] = 16};

// What this kernel can deny, and how much of the struct it reads.
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

// True: files below the folder can be opened for reading, and nothing else.
static bool allow_reading(int ruleset, int folder) {
    struct rule {
        uint64_t rights;
        int32_t folder;
    } __attribute__((packed)) rule = {READ_FILE, folder};
    return syscall(SYS_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0) == 0;
}

bool landlock_enter_reading(int folder) {
    struct ruleset ruleset;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, VERSION_FLAG);
    if (abi < 1) {
        return false;
    }
    size_t size = fill(&ruleset, abi);
    int fd = (int)syscall(SYS_landlock_create_ruleset, &ruleset, size, 0);
    if (fd < 0) {
        return false;
    }
    // What no rule allows is denied, of all that it handles.
    bool entered = (folder < 0 || allow_reading(fd, folder)) &&
                   syscall(SYS_landlock_restrict_self, fd, 0) == 0;
    return close(fd) == 0 && entered;
}

bool landlock_enter(void) {
    return landlock_enter_reading(-1);
}
