// Makes processes with fork and without exec, so that a child has only the memory and the
// descriptors that it gets.
//
// A child has its own name (for ps). It ignores the signals that the master handles, because a
// Ctrl-C reaches the whole process group but the master decides. It has no descriptors except stdin
// (/dev/null), stdout, stderr and those listed in `keep`. It has dropped its rights (privilege.h)
// and dies with the master. It prepares what its sandbox forbids, enters its sandbox (sandbox.h)
// and runs. Memory of the master that it must not see is unmapped by the child.
#ifndef RAVELIN_PROCESS_SPAWN_H
#define RAVELIN_PROCESS_SPAWN_H

#include "process/privilege.h"
#include "process/sandbox.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_KEEP_MAX 4

// The memory that ps shows as the command line. Only children write to it.
struct title {
    char *start;
    size_t size;
};

// Finds the memory of main()'s arguments. Call it before they are reordered. Copy arguments that
// are needed after a spawn.
struct title title_find(int argc, char **argv);

struct spawn {
    const char *name;                  // at most 15 characters, for the kernel: "rav-worker-0"
    const char *title;                 // for ps: "ravelin: worker 0"
    const struct privilege *privilege; // NULL: the child keeps the master's rights
    int keep[SPAWN_KEEP_MAX];
    size_t keep_count;
    void *argument;
    // Called before the sandbox. Returns the argument of run(). NULL: the process exits with 1. If
    // `prepare` is NULL, run() gets `argument`.
    void *(*prepare)(void *argument);
    enum sandbox sandbox;       // zeroed: the strictest one
    int (*run)(void *prepared); // returns the exit status
};

// Returns the child's pid; -1 with errno. Never returns in the child.
pid_t spawn_process(const struct spawn *spawn, const struct title *title);

// fork() with all signals blocked, so that no handler of this process runs in the child. The child
// must set *mask after it has its own handlers.
pid_t spawn_fork(sigset_t *mask);
// The same, but the new process is a child of the parent of this process, which reaps it. *process:
// a pidfd of the new process.
pid_t spawn_fork_sibling(sigset_t *mask, int *process);

// For a child whose only output is its log: redirects stdout and stderr to /dev/null. A build with
// sanitizers keeps stderr.
void spawn_mute(void);

#endif
