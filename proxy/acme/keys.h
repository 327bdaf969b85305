// Makes the files that an order needs: the keys of each name, the certificate requests, and
// self-signed certificates. Their paths are in config/acme.h.
//
// The master's reader calls this before it reads the files, with the rights that can read keys.
// Existing files stay. If a file of a key is missing, all files of this key are made again, and its
// certificate is removed, because it has another key.
//
// RSA keys take time: usually 0.04 s of CPU time each. After the time `until_us`, no other key is
// begun and the call fails. The next call continues.
//
// Every file is written completely or not at all: first with another name, then renamed. No file is
// written or read in the folder `work`, which belongs to a process with fewer rights. The folder is
// made here, for the user of this process.
#ifndef RAVELIN_ACME_KEYS_H
#define RAVELIN_ACME_KEYS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ACME_WHY_SIZE 512

// Owner of the folder `work`. `change` false: the caller's user.
struct acme_owner {
    bool change;
    uid_t uid;
    gid_t gid;
};

// False, with `why`: a file or folder cannot be made. The config must be expanded.
//   until_us  of clock_monotonic_us()
bool acme_make_files(const struct config *config, const struct acme_owner *owner, int64_t until_us,
                     char why[ACME_WHY_SIZE]);

#endif
