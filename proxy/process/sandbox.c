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

#include "process/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
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
    SCMP_SYS(getsockname),    SCMP_SYS(readv),           SCMP_SYS(shutdown),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
};

// Calls that are allowed with some values of one or two arguments, of type int. With any other they
// fail with EPERM, so that a library that asks for an option does without it.
//
// F_SETFL is not among them: O_NONBLOCK and O_APPEND belong to the open file, which other processes
// use too. Nor is any option that filters or steers connections, or that a listening socket would
// hand on.
struct choice {
    enum sandbox kind; // SANDBOX_SIGNER: for every process
    int call;
    unsigned argument; // the second one follows
    int first;
    int second; // ANY: not looked at
};

#define ANY (-1)

static const struct choice choices[] = {
    {SANDBOX_SIGNER, SCMP_SYS(fcntl), 1, F_GETFD, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(fcntl), 1, F_SETFD, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(fcntl), 1, F_GETFL, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(fcntl), 1, F_GET_SEALS, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(fcntl), 1, F_DUPFD_CLOEXEC, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(madvise), 2, MADV_DONTNEED, ANY}, // malloc()
    {SANDBOX_SIGNER, SCMP_SYS(madvise), 2, MADV_HUGEPAGE, ANY}, // malloc()
    {SANDBOX_SIGNER, SCMP_SYS(madvise), 2, MADV_DONTDUMP, ANY},
    {SANDBOX_SIGNER, SCMP_SYS(madvise), 2, MADV_DONTFORK, ANY},
    {SANDBOX_WORKER, SCMP_SYS(madvise), 2, MADV_REMOVE, ANY}, // rings; where one can write
    {SANDBOX_WORKER, SCMP_SYS(getsockopt), 1, SOL_SOCKET, SO_ERROR},
    {SANDBOX_WORKER, SCMP_SYS(getsockopt), 1, IPPROTO_TCP, TCP_INFO},
    {SANDBOX_WORKER, SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_NODELAY},
    {SANDBOX_WORKER, SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_QUICKACK},
    {SANDBOX_WORKER, SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_CONGESTION},
};

// The sockets that may be made, all with protocol 0.
static const struct {
    int family;
    int type;
} sockets[] = {
    {AF_INET, SOCK_STREAM},
    {AF_INET6, SOCK_STREAM},
    {AF_UNIX, SOCK_STREAM},
    {AF_UNIX, SOCK_DGRAM}, // syslog
};

// The kernel reads so much of an argument that is an int.
static const scmp_datum_t INT_MASK = UINT32_MAX;

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

static struct scmp_arg_cmp is(unsigned argument, int value) {
    return has(argument, INT_MASK, (scmp_datum_t)(unsigned)value);
}

static bool allow_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp condition) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, condition) == 0;
}

// Calls that depend on what they are asked for.
static bool allow_parts(scmp_filter_ctx filter) {
    return allow_if(filter, SCMP_SYS(mmap), has(2, PROT_EXEC, 0)) &&
           allow_if(filter, SCMP_SYS(mprotect), has(2, PROT_EXEC, 0)) &&
           // fstat() of a newer C library. With a path beside the flag it tells that a file exists,
           // and opens nothing.
           allow_if(filter, SCMP_SYS(newfstatat), is(3, AT_EMPTY_PATH)) &&
           // abort()
           allow_if(filter, SCMP_SYS(tgkill), is(0, getpid()));
}

static bool allow_sockets(scmp_filter_ctx filter) {
    for (size_t i = 0; i < COUNT(sockets); i++) {
        const scmp_datum_t type_mask = INT_MASK & ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, is(0, sockets[i].family),
                             has(1, type_mask, (scmp_datum_t)sockets[i].type), is(2, 0)) != 0) {
            return false;
        }
    }
    return true;
}

// The calls that have choices: all values of the arguments, or the chosen ones.
static bool allow_choices(scmp_filter_ctx filter, enum sandbox kind, bool only_chosen) {
    bool ok = true;
    for (size_t i = 0; i < COUNT(choices) && ok; i++) {
        const struct choice *choice = &choices[i];
        if (choice->kind == SANDBOX_WORKER && kind != SANDBOX_WORKER) {
            continue;
        }
        const struct scmp_arg_cmp conditions[] = {is(choice->argument, choice->first),
                                                  is(choice->argument + 1, choice->second)};
        unsigned count = !only_chosen ? 0 : choice->second == ANY ? 1 : 2;
        bool is_same_call = i > 0 && choices[i - 1].call == choice->call;
        ok = (count == 0 && is_same_call) ||
             seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, choice->call, count, conditions) == 0;
    }
    return ok;
}

// Ends the process at a call that it has no use for.
static bool fill_fatal(scmp_filter_ctx filter, enum sandbox kind) {
    return allow_all(filter, everybody, COUNT(everybody)) && allow_parts(filter) &&
           allow_choices(filter, kind, false) &&
           (kind != SANDBOX_WORKER ||
            (allow_all(filter, workers, COUNT(workers)) && allow_sockets(filter)));
}

// Lets the others fail that are not chosen. What fill_fatal() judges passes.
static bool fill_refusing(scmp_filter_ctx filter, enum sandbox kind) {
    static const int judged[] = {SCMP_SYS(mmap),   SCMP_SYS(mprotect), SCMP_SYS(newfstatat),
                                 SCMP_SYS(tgkill), SCMP_SYS(socket),   SCMP_SYS(seccomp),
                                 SCMP_SYS(prctl)}; // that loads the other
    return allow_all(filter, everybody, COUNT(everybody)) &&
           allow_all(filter, workers, COUNT(workers)) && allow_all(filter, judged, COUNT(judged)) &&
           allow_choices(filter, kind, true);
}

static bool load(enum sandbox kind, uint32_t otherwise,
                 bool (*fill)(scmp_filter_ctx filter, enum sandbox kind)) {
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (filter == NULL) {
        return false;
    }
    // A search tree: the kernel caches what is always allowed, the rest should be found quickly.
    bool ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && fill(filter, kind) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

enum result sandbox_enter(enum sandbox kind) {
    // The C library reads the time zone from a file when it first needs it, even for UTC.
    tzset();
    (void)landlock_enter(); // for what the filters might let through
    // Of two filters the kernel obeys the stricter.
    bool ok = load(kind, SCMP_ACT_ERRNO(EPERM), fill_refusing) &&
              load(kind, SCMP_ACT_KILL_PROCESS, fill_fatal);
    return ok ? RESULT_OK : RESULT_ERROR;
}

void sandbox_library_version(unsigned parts[3]) {
    const struct scmp_version *version = seccomp_version();
    parts[0] = version->major;
    parts[1] = version->minor;
    parts[2] = version->micro;
}

#endif
