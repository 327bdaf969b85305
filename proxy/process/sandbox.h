// The sandbox: a seccomp filter that allows the system calls that a process needs. Any other call
// kills the process (SIGSYS, logged by the master as "killed by the sandbox").
//
// Each process names its sandbox in struct spawn (spawn.h). Kinds of children have a column for it
// (kinds.h). A process cannot leave its sandbox.
//
// Landlock (landlock.h) limits the process before the filter does, in case the filter has a hole.
//
// fcntl(), madvise(), getsockopt() and setsockopt() are allowed with the arguments in a table of
// sandbox.c. With other arguments they fail with EPERM. A filter cannot check some arguments: the
// address of connect() and sendto(), the name of a congestion control, and the socket of
// shutdown().
//
// A build with sanitizers has no sandbox, because sanitizers need more calls. sandbox_enter() then
// does nothing.
#ifndef RAVELIN_PROCESS_SANDBOX_H
#define RAVELIN_PROCESS_SANDBOX_H

#include "base/result.h"

enum sandbox {
    // May read and write its descriptors and map memory that is not executable. Nothing else.
    SANDBOX_DESCRIPTORS,
    // Also may run an event loop, accept from its sockets, and make TCP and unix connections. It
    // cannot open a file, start a program, make a process, bind or listen.
    SANDBOX_NETWORK,
    // As SANDBOX_DESCRIPTORS. Also may accept from a socket that it has, and open the files that
    // Landlock allows (landlock_enter_reading()). It cannot make a socket, a process or a file, nor
    // shut down its listening socket.
    SANDBOX_FILES,
    // As SANDBOX_NETWORK, for the monitor: also may make UDP sockets for DNS.
    SANDBOX_MONITOR,
    // For a process that runs programs, after landlock_enter_paths(). It may make all calls except
    // those that reach into other processes or the kernel, change rights, mount or listen. These
    // fail with EPERM.
    SANDBOX_PROGRAMS,
    SANDBOX_NONE, // for the reader, which has the master's rights
};

// Enters the sandbox. Needs no_new_privs (privilege_drop()). RESULT_ERROR: the kernel refused the
// filter, and the process must exit.
enum result sandbox_enter(enum sandbox sandbox) MUST_CHECK;

// Version of libseccomp: major, minor, patch. Zeros in a build without sandbox.
void sandbox_library_version(unsigned parts[3]);

#endif
