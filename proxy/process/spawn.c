#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct title title_find(int argc, char **argv) {
    if (argc == 0) {
        return (struct title){NULL, 0};
    }
    // The arguments are adjacent in memory. A gap ends the memory that may be overwritten.
    char *end = argv[0];
    for (int i = 0; i < argc && argv[i] == end; i++) {
        end += strlen(argv[i]) + 1;
    }
    return (struct title){argv[0], (size_t)(end - argv[0])};
}

static void title_set(const struct title *title, const char *text) {
    if (title->size > 0) {
        memset(title->start, 0, title->size);
        memcpy(title->start, text, strnlen(text, title->size - 1));
    }
}

static void reset_signals(const sigset_t *mask) {
    static const int ignored[] = {SIGINT,  SIGTERM, SIGQUIT, SIGHUP,
                                  SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    const struct sigaction standard = {.sa_handler = SIG_DFL};
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        (void)sigaction(ignored[i], &ignore, NULL);
    }
    (void)sigaction(SIGCHLD, &standard, NULL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
}

static int compare_fds(const void *a, const void *b) {
    return *(const int *)a - *(const int *)b;
}

// Closes all descriptors except 0, 1, 2 and `keep`, and redirects stdin to /dev/null.
static bool close_others(const int *keep, size_t count) {
    int sorted[SPAWN_KEEP_MAX];
    memcpy(sorted, keep, count * sizeof(*keep));
    qsort(sorted, count, sizeof(*sorted), compare_fds);
    unsigned from = 3;
    for (size_t i = 0; i < count; i++) {
        unsigned fd = (unsigned)sorted[i];
        if (fd > from && close_range(from, fd - 1, 0) != 0) {
            return false;
        }
        from = fd + 1;
    }
    if (close_range(from, ~0U, 0) != 0) {
        return false;
    }
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) != 0) {
        return false;
    }
    return null == 0 || close(null) == 0;
}

void spawn_mute(void) {
    (void)dup2(STDIN_FILENO, STDOUT_FILENO);
// These builds write reports to stderr.
#if !defined(RAVELIN_SANITIZE) && !defined(RAVELIN_COUNT_COPIES)
    (void)dup2(STDIN_FILENO, STDERR_FILENO);
#endif
}

static void die(const struct spawn *spawn, const char *what) {
    (void)dprintf(2, "%s: %s: %s\n", spawn->title, what, strerror(errno));
    _exit(1);
}

static void become(const struct spawn *spawn, const struct title *title, pid_t parent,
                   const sigset_t *mask) {
    const char *why = NULL;
    reset_signals(mask);
    (void)prctl(PR_SET_NAME, spawn->name, 0, 0, 0);
    title_set(title, spawn->title);
    if (!close_others(spawn->keep, spawn->keep_count)) {
        die(spawn, "cannot close descriptors");
    }
    if (spawn->privilege != NULL && privilege_drop(spawn->privilege, &why) != RESULT_OK) {
        die(spawn, why);
    }
    // After the change of user, which clears this setting.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) {
        die(spawn, "cannot be bound to the master's life");
    }
    if (getppid() != parent) {
        _exit(1);
    }
}

static int live(const struct spawn *spawn) {
    void *prepared = spawn->argument;
    if (spawn->prepare != NULL && (prepared = spawn->prepare(spawn->argument)) == NULL) {
        return 1;
    }
    if (sandbox_enter(spawn->sandbox) != RESULT_OK) {
        die(spawn, "cannot enter its sandbox");
    }
    return spawn->run(prepared);
}

// Of the two processes, only the new one has 0.
static pid_t fork_process(int *process) {
    return process == NULL
               ? fork()
               : (pid_t)syscall(SYS_clone, CLONE_PARENT | CLONE_PIDFD, NULL, process, NULL, NULL);
}

static pid_t fork_blocked(sigset_t *mask, int *process) {
    sigset_t all;
    (void)sigfillset(&all);
    (void)fflush(NULL);
    if (sigprocmask(SIG_BLOCK, &all, mask) != 0) {
        return -1;
    }
    pid_t pid = fork_process(process);
    if (pid != 0) {
        int saved = errno;
        (void)sigprocmask(SIG_SETMASK, mask, NULL);
        errno = saved;
    }
    return pid;
}

pid_t spawn_fork(sigset_t *mask) {
    return fork_blocked(mask, NULL);
}

pid_t spawn_fork_sibling(sigset_t *mask, int *process) {
    return fork_blocked(mask, process);
}

pid_t spawn_process(const struct spawn *spawn, const struct title *title) {
    sigset_t mask;
    pid_t parent = getpid();
    pid_t pid = spawn_fork(&mask);
    if (pid == 0) {
        become(spawn, title, parent, &mask);
        exit(live(spawn));
    }
    return pid;
}
