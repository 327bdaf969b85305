// Checks whether the file of a private key is protected from other local users, by its mode or by
// the folder or mount that contains it.
//
// Container platforms mount secrets with mode 0444 or 0644. Such a file is accepted if other users
// cannot reach it, or if its mount was made for it:
//   - A folder on its resolved path that other users cannot enter, owned by root, by this user or
//   by the owner of the key. The file has no second (hard) link.
//   - A tmpfs or ramfs mount, or a read-only mount of a single file or folder (a bind mount). The
//   mount point is not a shared folder of the system (/, /tmp, /run, /dev/shm, /usr, ...). In a
//   writable mount only the owner of the key can replace the file (a sticky folder is enough). Only
//   users of the same container can read the file, so the caller warns.
// A file that users other than its owner can change is never accepted.
//
// The same check is used for files of users and hashes, see bundle_read.c.
#ifndef RAVELIN_CONFIG_KEY_FILE_H
#define RAVELIN_CONFIG_KEY_FILE_H

#include <sys/stat.h>

enum key_file {
    KEY_FILE_PRIVATE,    // its mode protects it
    KEY_FILE_SHIELDED,   // a folder or mount protects it; `place` names it
    KEY_FILE_EXPOSED,    // any local user can read it
    KEY_FILE_CHANGEABLE, // users other than its owner can change it
};

#define KEY_PLACE_SIZE 512

//   fd      open file
//   status  its fstat()
//   place   out, with SHIELDED: "folder '/tls'" or "read-only mount '/run/secrets'"
enum key_file key_file_judge(int fd, const struct stat *status, char place[KEY_PLACE_SIZE]);

#endif
