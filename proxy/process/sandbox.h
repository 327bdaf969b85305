// The sandbox: a seccomp filter with the system calls a process needs, after which any other ends
// it (SIGSYS, logged by the master as "killed by the sandbox").
//
// A worker can use its sockets, make TCP and unix connections, and map memory that is never
// executable; it cannot open a file, start a program, make a process, bind or listen. A signer can
// read and write the descriptors it has and nothing else. The validator runs under the signer's
// filter. There is no way back.
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

enum sandbox { SANDBOX_WORKER, SANDBOX_SIGNER };

// Needs no_new_privs (privilege_drop). RESULT_ERROR: the kernel refused the filter; the process
// must end.
enum result sandbox_enter(enum sandbox kind) MUST_CHECK;

// Of libseccomp: major, minor, patch; zeros in a build without a sandbox.
void sandbox_library_version(unsigned parts[3]);

#endif
