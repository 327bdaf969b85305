// Reads a file of users for `users`, in the format of htpasswd.
//
// Each line has one user: "name:hash". Text after another colon is a comment. Empty lines and lines
// that begin with # are ignored. A name is UTF-8 of 1 to USERS_NAME_MAX bytes, without control
// characters and without a blank at its ends.
//
// Accepted are hashes that are slow to guess: bcrypt ($2a$, $2b$, $2y$), yescrypt ($y$) and SHA-512
// crypt ($6$). Their parameters are bounded, so that a hash takes at most about a second of CPU
// time and 64 MiB of memory. Every other hash is refused, and so is a plain password. No message
// contains a hash.
//
// No I/O, no allocation. Slices point into the content.
#ifndef RAVELIN_CONFIG_USERS_FILE_H
#define RAVELIN_CONFIG_USERS_FILE_H

#include "base/slice.h"
#include "config/config.h"
#include "config/report.h"

#define USERS_MAX 20000    // users in one file
#define USERS_HASH_MAX 192 // bytes of a hash
#define USERS_WHY_SIZE 192

struct users_entry {
    struct slice name;
    struct slice hash;
    bool is_fast; // accepted, but quicker to guess than recommended today
};

// A position in a file. Begin with the content and line 0.
struct users_reader {
    struct slice rest;
    int line; // line of the last entry or fault; 1 is the first
};

enum users_line { USERS_END, USERS_ENTRY, USERS_FAULT };

// Reads the next entry. FAULT: `why` has the problem of the line; the next call continues behind
// it.
enum users_line users_file_next(struct users_reader *reader, struct users_entry *entry,
                                char why[USERS_WHY_SIZE]);

// Checks a whole file. The first fault is added to `report`, with `path` and the line of the file.
// Faults are also: a repeated name, no user, more than USERS_MAX users.
//   line      of the option that names the file
//   warnings  gets a line if hashes are fast
// True: no fault.
bool users_file_check(const char *path, struct slice content, int line, struct report *report,
                      struct report *warnings);

// Computes a digest that distinguishes contents: two hashes of the content, and its size. It does
// not resist an attacker who writes both contents, because only the operator writes them.
struct users_mark users_file_mark(struct slice content);

#endif
