// Landlock: a second limit for a process, next to the filter of sandbox.h. If the kernel supports
// it, the process can open no file (ABI 1), bind no TCP port (ABI 4), connect to no abstract unix
// socket and signal no other process (ABI 6). These limits also apply if the filter has a hole.
//
// Landlock does not limit two things here. The address of connect() is free, because servers change
// with reloads, and a Landlock rule can only become stricter. Unix sockets with a path are free,
// too.
#ifndef RAVELIN_PROCESS_LANDLOCK_H
#define RAVELIN_PROCESS_LANDLOCK_H

#include <stdbool.h>
#include <stddef.h>

// Limits the process. Call it after no_new_privs is set and before the filter. False: the kernel
// has no Landlock, or a container forbids it. The process then has only its filter.
bool landlock_enter(void);
// The same for a process that reads files: it may open files below `folder` for reading. `folder`
// is an open descriptor; -1: none.
bool landlock_enter_reading(int folder);

// Rights for a file, or for all files below a folder.
enum landlock_right {
    LANDLOCK_READ,  // read files, list folders
    LANDLOCK_RUN,   // also run programs
    LANDLOCK_WRITE, // all except running programs: a file that was written there cannot be run
};

struct landlock_path {
    const char *path; // NULL or a missing file is skipped
    enum landlock_right right;
};

// The same with a list of paths.
bool landlock_enter_paths(const struct landlock_path *paths, size_t count);

#endif
