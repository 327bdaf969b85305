// The sandbox: a seccomp filter with the system calls a process needs, after which any other ends
// it (SIGSYS, logged by the master as "killed by the sandbox").
//
// Each process that spawn.h makes names its sandbox there; the kinds of children have a column for
// it (kinds.h). There is no way back.
//
// Before the filter comes a fence against what the filter might let through (landlock.h).
//
// fcntl(), madvise(), getsockopt() and setsockopt() are allowed with the arguments in one table in
// sandbox.c; with others they fail with EPERM. What a filter cannot judge: the address of connect()
// and sendto(), the name of a congestion control, and to which socket shutdown() is applied.
//
// A build with sanitizers has no sandbox (they need more); sandbox_enter() then does nothing.
#ifndef RAVELIN_PROCESS_SANDBOX_H
#define RAVELIN_PROCESS_SANDBOX_H

#include "base/result.h"

enum sandbox {
    // Reads and writes the descriptors it has and maps memory that is never executable, no more.
    SANDBOX_DESCRIPTORS,
    // Besides: an event loop, accepts from its sockets, makes TCP and unix connections. It cannot
    // open a file, start a program, make a process, bind or listen.
    SANDBOX_NETWORK,
    // Besides what the first one may: accepts connections from a socket it has, and opens the files
    // that the fence it has entered before lets it open (landlock_enter_reading()). It cannot make
    // a socket, a process or a file.
    SANDBOX_FILES,
    // As SANDBOX_NETWORK, for the monitor: it checks servers, and makes UDP sockets for the DNS.
    SANDBOX_MONITOR,
    // For one that runs programs, and has entered a fence of its own (landlock_enter_paths()): all
    // but what reaches into other processes or the kernel, changes rights, mounts or listens. Those
    // calls fail with EPERM.
    SANDBOX_PROGRAMS,
    SANDBOX_NONE, // for the one that reads files with the master's rights
};

// Needs no_new_privs (privilege_drop). RESULT_ERROR: the kernel refused the filter; the process
// must end.
enum result sandbox_enter(enum sandbox sandbox) MUST_CHECK;

// Of libseccomp: major, minor, patch; zeros in a build without a sandbox.
void sandbox_library_version(unsigned parts[3]);

#endif
