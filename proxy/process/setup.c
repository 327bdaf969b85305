#include "process/setup.h"

#include "base/reserve.h"
#include "process/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ev.h>

// An opened descriptor must never take the number of a closed standard stream.
static bool open_standard_streams(void) {
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    return fd >= 0 && close(fd) == 0;
}

// HUP, USR1 and USR2.
static void mask_requests(int how) {
    static const int requests[] = {SIGHUP, SIGUSR1, SIGUSR2};
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        (void)sigaddset(&set, requests[i]);
    }
    (void)sigprocmask(how, &set, NULL);
}

void setup_unblock_signals(void) {
    mask_requests(SIG_UNBLOCK);
}

// Whether as many descriptors are free as a loop needs: one for epoll, two for signals.
static bool has_descriptors(void) {
    int fds[3];
    size_t count = 0;
    while (count < sizeof(fds) / sizeof(fds[0]) &&
           (fds[count] = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)) >= 0) {
        count++;
    }
    bool enough = count == sizeof(fds) / sizeof(fds[0]);
    int error = errno;
    while (count > 0) {
        (void)close(fds[--count]);
    }
    errno = error;
    return enough;
}

struct ev_loop *setup_loop(void) {
    return has_descriptors() ? ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV) : NULL;
}

bool setup_process(void) {
    mask_requests(SIG_BLOCK);
    if (!open_standard_streams()) {
        return false;
    }
    (void)prctl(PR_SET_NAME, "rav-master", 0, 0, 0);
    (void)signal(SIGPIPE, SIG_IGN);
    // A log file at its size limit refuses lines, and no signal follows.
    (void)signal(SIGXFSZ, SIG_IGN);
    (void)signal(SIGTTOU, SIG_IGN); // or a write to the terminal could stop every process
    (void)umask(027);               // log files are for the owner and its group
    privilege_seal_memory();
    // For the loops of all processes. Without address space for it, they use only the heap.
    (void)reserve_open();
    ev_set_allocator(reserve_realloc);
    return true;
}
