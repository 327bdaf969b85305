#include "process/sandbox.h"

#ifdef RAVELIN_SANITIZE

enum result sandbox_enter(enum sandbox kind) {
    (void)kind;
    return RESULT_OK;
}

void sandbox_library_version(unsigned parts[3]) {
    parts[0] = parts[1] = parts[2] = 0;
}

#else

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <seccomp.h>

// Memory, time, randomness, the end, and the descriptors one has.
static const int everybody[] = {
    SCMP_SYS(brk),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(close),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(fstat),
    SCMP_SYS(futex),
    SCMP_SYS(getpid),
    SCMP_SYS(getrandom),
    SCMP_SYS(gettid),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(madvise),
    SCMP_SYS(mlock),
    SCMP_SYS(mremap),
    SCMP_SYS(munlock),
    SCMP_SYS(munmap),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(read),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sendmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sysinfo), // qsort() asks for the size of memory
    SCMP_SYS(time),
    SCMP_SYS(write),
    SCMP_SYS(writev),
};

// The loop, connections, rings.
static const int workers[] = {
    SCMP_SYS(accept4),        SCMP_SYS(clock_getres),    SCMP_SYS(connect),
    SCMP_SYS(epoll_create1),  SCMP_SYS(epoll_ctl),       SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),     SCMP_SYS(eventfd2),        SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),    SCMP_SYS(getsockopt),      SCMP_SYS(lseek),
    SCMP_SYS(readv),          SCMP_SYS(setsockopt),      SCMP_SYS(shutdown),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
};

static const int fcntl_commands[] = {F_GETFD, F_SETFD,     F_GETFL,
                                     F_SETFL, F_GET_SEALS, F_DUPFD_CLOEXEC};

static const struct {
    int family;
    int type;
} sockets[] = {
    {AF_INET, SOCK_STREAM},
    {AF_INET6, SOCK_STREAM},
    {AF_UNIX, SOCK_STREAM},
    {AF_UNIX, SOCK_DGRAM}, // syslog
};

enum { SOCKET_TYPE_MASK = 0xf };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool allow_all(scmp_filter_ctx filter, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) != 0) {
            return false;
        }
    }
    return true;
}

// A condition on one argument: that it has this value in the bits of the mask.
static struct scmp_arg_cmp has(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = mask, .datum_b = value};
}

static struct scmp_arg_cmp is(unsigned argument, scmp_datum_t value) {
    return has(argument, ~(scmp_datum_t)0, value);
}

static bool allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, condition) == 0;
}

// Calls that depend on what they are asked for.
static bool allow_parts(scmp_filter_ctx filter) {
    for (size_t i = 0; i < COUNT(fcntl_commands); i++) {
        if (!allow_if(filter, SCMP_SYS(fcntl), is(1, (scmp_datum_t)fcntl_commands[i]))) {
            return false;
        }
    }
    return allow_if(filter, SCMP_SYS(mmap), has(2, PROT_EXEC, 0)) &&
           allow_if(filter, SCMP_SYS(mprotect), has(2, PROT_EXEC, 0)) &&
           // fstat() of a newer C library. With a path beside the flag it tells that a file exists,
           // and opens nothing.
           allow_if(filter, SCMP_SYS(newfstatat), is(3, AT_EMPTY_PATH)) &&
           // abort()
           allow_if(filter, SCMP_SYS(tgkill), is(0, (scmp_datum_t)getpid()));
}

static bool allow_sockets(scmp_filter_ctx filter) {
    for (size_t i = 0; i < COUNT(sockets); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                             is(0, (scmp_datum_t)sockets[i].family),
                             has(1, SOCKET_TYPE_MASK, (scmp_datum_t)sockets[i].type)) != 0) {
            return false;
        }
    }
    return true;
}

enum result sandbox_enter(enum sandbox kind) {
    // The C library reads the time zone from a file when it first needs it, even for UTC.
    tzset();
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (filter == NULL) {
        return RESULT_ERROR;
    }
    // A search tree: the kernel caches what is always allowed, the rest should be found quickly.
    bool ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
              allow_all(filter, everybody, COUNT(everybody)) && allow_parts(filter);
    if (ok && kind == SANDBOX_WORKER) {
        ok = allow_all(filter, workers, COUNT(workers)) && allow_sockets(filter);
    }
    ok = ok && seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok ? RESULT_OK : RESULT_ERROR;
}

void sandbox_library_version(unsigned parts[3]) {
    const struct scmp_version *version = seccomp_version();
    parts[0] = version->major;
    parts[1] = version->minor;
    parts[2] = version->micro;
}

#endif
