// Landlock: a second fence around a process, behind the filter of sandbox.h. Where the kernel has
// it, the process can reach no file system (ABI 1), bind no TCP port (ABI 4), connect to no
// abstract unix socket and signal no process outside (ABI 6). It holds also if the filter has a
// hole.
//
// What it cannot judge here: the address of connect(), because servers come and go with reloads and
// a fence can only become narrower; and unix sockets with a path.
#ifndef RAVELIN_PROCESS_LANDLOCK_H
#define RAVELIN_PROCESS_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

// Needs no_new_privs, and comes before the filter. False: the kernel does not have it, or a
// container does not allow it; the process goes on with its filter alone.
bool landlock_enter(void);
// The same for a process that reads files: those below this folder, an open descriptor of it (-1:
// none) can be opened for reading.
bool landlock_enter_reading(int folder);

// What a process may do with a file, or with all below a folder.
enum landlock_right {
    LANDLOCK_READ,  // read files, list folders
    LANDLOCK_RUN,   // besides, run programs
    LANDLOCK_WRITE, // everything
};

struct landlock_path {
    const char *path; // NULL, or not there: passed over
    enum landlock_right right;
};

// The same with a list of paths.
bool landlock_enter_paths(const struct landlock_path *paths, size_t count);

#endif
