#include "process/log_target.h"

#include <stddef.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

// Numbers from statfs(2) and the kernel's sources.
static bool is_remote(unsigned long filesystem) {
    static const unsigned long remote[] = {
        0x6969,     // NFS
        0x517B,     // SMB
        0xFE534D42, // SMB2
        0xFF534D42, // CIFS
        0x65735546, // FUSE, and virtiofs
        0x01021997, // 9P
        0x00C36400, // Ceph
        0x5346414F, // AFS
        0x6B414653, // AFS of the kernel
        0x73757245, // Coda
        0x0BD00BD0, // Lustre
        0x7461636F, // OCFS2
        0x01161970, // GFS2
    };
    for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++) {
        if ((filesystem & 0xFFFFFFFF) == remote[i]) { // f_type is signed on some systems
            return true;
        }
    }
    return false;
}

static bool answers_at_once(dev_t device) {
    enum { MEMORY_DEVICES = 1, NULL_DEVICE = 3, ZERO_DEVICE = 5, FULL_DEVICE = 7 };
    return major(device) == MEMORY_DEVICES &&
           (minor(device) == NULL_DEVICE || minor(device) == ZERO_DEVICE ||
            minor(device) == FULL_DEVICE);
}

bool log_target_needs_writer(const struct stat *status, unsigned long filesystem) {
    switch (status->st_mode & S_IFMT) {
    case S_IFREG:
        return is_remote(filesystem);
    case S_IFIFO:
        return false;
    case S_IFCHR:
        return !answers_at_once(status->st_rdev);
    default:
        return true;
    }
}

bool log_target_is_for_writer(int fd) {
    struct stat status;
    struct statfs filesystem = {.f_type = 0};
    if (fstat(fd, &status) != 0) {
        return true;
    }
    (void)fstatfs(fd, &filesystem); // sockets and pipes have a type, too
    return log_target_needs_writer(&status, (unsigned long)filesystem.f_type);
}
