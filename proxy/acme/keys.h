// Makes the files that an order begins with: the key of each name, the request for a certificate,
// and a certificate of Ravelin's own making. config/acme.h says where each is.
//
// The reader of the master calls this, with the rights that read keys, before it reads the files.
// What is there stays. If a file of a name is missing, all of this name are made, and its
// certificate is removed, which had another key.
//
// Every file is written whole or not at all: under another name first, then renamed. No file is
// written or read in the folder `work`, which belongs to a process with less rights; it is made
// here, for its user.
#ifndef RAVELIN_ACME_KEYS_H
#define RAVELIN_ACME_KEYS_H

#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define ACME_WHY_SIZE 512

// Whose the folder `work` is to be. `change` is false: the caller's own.
struct acme_owner {
    bool change;
    uid_t uid;
    gid_t gid;
};

// False, with `why`: a file or folder cannot be made. The config is expanded.
bool acme_make_files(const struct config *config, const struct acme_owner *owner,
                     char why[ACME_WHY_SIZE]);

#endif
