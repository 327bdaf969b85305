// Making a process: fork without exec, so that a child has exactly the memory and the descriptors
// it is given.
//
// A child made here has its own name (for ps), ignores the signals the master acts on (a Ctrl-C
// reaches the whole process group, but the master decides), holds no descriptor but stdin
// (/dev/null), stdout, stderr and those listed, has dropped its rights (privilege.h) and dies with
// the master. It prepares what its sandbox does not allow, enters its sandbox (sandbox.h) and runs.
// What it must not see of the master's memory it unmaps itself.
#ifndef RAVELIN_PROCESS_SPAWN_H
#define RAVELIN_PROCESS_SPAWN_H

#include "process/privilege.h"
#include "process/sandbox.h"

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#define SPAWN_KEEP_MAX 4

// The memory that ps shows as the command line. Only children write there.
struct title {
    char *start;
    size_t size;
};

// From main()'s arguments, before anything reorders them. Who needs the arguments' text after a
// spawn copies it.
struct title title_find(int argc, char **argv);

struct spawn {
    const char *name;                  // at most 15 characters, for the kernel: "rav-worker-0"
    const char *title;                 // for ps: "ravelin: worker 0"
    const struct privilege *privilege; // NULL: it keeps the rights of the master
    int keep[SPAWN_KEEP_MAX];
    size_t keep_count;
    void *argument;
    // Before the sandbox. Returns what run() gets; NULL ends the process with status 1. May be NULL
    // itself: run() gets the argument.
    void *(*prepare)(void *argument);
    enum sandbox sandbox;       // left out, it is the narrowest
    int (*run)(void *prepared); // its result is the exit status
};

// The child's pid, or -1 with errno. The child never returns from this call.
pid_t spawn_process(const struct spawn *spawn, const struct title *title);

// fork() with all signals blocked, so that none reaches the handlers of this process in the child.
// They stay blocked there, and *mask is what to set when it has dispositions of its own.
pid_t spawn_fork(sigset_t *mask);

// In a child that says nothing but through its log: stdout and stderr lead nowhere from now on. A
// sanitizer keeps its stderr.
void spawn_mute(void);

#endif
