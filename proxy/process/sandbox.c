#include "process/sandbox.h"

#ifdef RAVELIN_SANITIZE

enum result sandbox_enter(enum sandbox sandbox) {
    (void)sandbox;
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

// Common calls: memory, time, random bytes, exit, and I/O on open descriptors.
static const int common_calls[] = {
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

// Calls of the loop, connections and rings.
static const int network_calls[] = {
    SCMP_SYS(accept4),        SCMP_SYS(clock_getres),    SCMP_SYS(connect),
    SCMP_SYS(epoll_create1),  SCMP_SYS(epoll_ctl),       SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_wait),     SCMP_SYS(eventfd2),        SCMP_SYS(getpeername),
    SCMP_SYS(getsockname),    SCMP_SYS(readv),           SCMP_SYS(shutdown),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime),
};

// Connections, and files below an open folder. openat2() can be limited to the folder; a system
// without it needs openat() (allow_reading()). No shutdown(), because it would end the listening
// socket for the master, too.
static const int file_calls[] = {SCMP_SYS(accept4), SCMP_SYS(openat2)};

// Calls that a program has no need for.
static const int denied_calls[] = {
    SCMP_SYS(add_key),
    SCMP_SYS(bpf),
    SCMP_SYS(chroot),
    SCMP_SYS(delete_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(fsopen),
    SCMP_SYS(init_module),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(kcmp),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(kexec_load),
    SCMP_SYS(keyctl),
    SCMP_SYS(listen),
    SCMP_SYS(mount),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(open_tree),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(pivot_root),
    SCMP_SYS(process_madvise),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(ptrace),
    SCMP_SYS(reboot),
    SCMP_SYS(request_key),
    SCMP_SYS(setns),
    SCMP_SYS(swapon),
    SCMP_SYS(umount2),
    SCMP_SYS(unshare),
    SCMP_SYS(userfaultfd),
};

// Calls that are allowed with some values of one or two arguments of type int. With other values
// they fail with EPERM, so that a library continues without the option.
//
// F_SETFL is not allowed, because O_NONBLOCK and O_APPEND belong to the open file, which other
// processes use, too. No option is allowed that filters or steers connections, or that connections
// inherit from a listening socket.
struct choice {
    int call;
    unsigned argument; // the second one follows
    int first;
    int second; // ANY: not checked
};

#define ANY (-1)

static const struct choice common_choices[] = {
    {SCMP_SYS(fcntl), 1, F_GETFD, ANY},
    {SCMP_SYS(fcntl), 1, F_SETFD, ANY},
    {SCMP_SYS(fcntl), 1, F_GETFL, ANY},
    {SCMP_SYS(fcntl), 1, F_GET_SEALS, ANY},
    {SCMP_SYS(fcntl), 1, F_DUPFD_CLOEXEC, ANY},
    {SCMP_SYS(madvise), 2, MADV_DONTNEED, ANY}, // malloc()
    {SCMP_SYS(madvise), 2, MADV_HUGEPAGE, ANY}, // malloc()
    {SCMP_SYS(madvise), 2, MADV_DONTDUMP, ANY},
    {SCMP_SYS(madvise), 2, MADV_DONTFORK, ANY},
};

static const struct choice network_choices[] = {
    {SCMP_SYS(madvise), 2, MADV_REMOVE, ANY}, // rings; where one can write
    {SCMP_SYS(getsockopt), 1, SOL_SOCKET, SO_ERROR},
    {SCMP_SYS(getsockopt), 1, IPPROTO_TCP, TCP_INFO},
    {SCMP_SYS(setsockopt), 1, SOL_SOCKET, SO_RCVBUF},
    {SCMP_SYS(setsockopt), 1, SOL_SOCKET, SO_RCVLOWAT},
    {SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_NODELAY},
    {SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_QUICKACK},
    {SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    {SCMP_SYS(setsockopt), 1, IPPROTO_TCP, TCP_CONGESTION},
};

// A kind of socket that may be made, with protocol 0.
struct socket_choice {
    int family;
    int type;
};

static const struct socket_choice network_sockets[] = {
    {AF_INET, SOCK_STREAM},
    {AF_INET6, SOCK_STREAM},
    {AF_UNIX, SOCK_STREAM},
    {AF_UNIX, SOCK_DGRAM}, // syslog
};

static const struct socket_choice monitor_sockets[] = {
    {AF_INET, SOCK_STREAM}, // these three: checks of servers, and the DNS
    {AF_INET6, SOCK_STREAM}, {AF_UNIX, SOCK_STREAM}, {AF_INET, SOCK_DGRAM}, // the DNS
    {AF_INET6, SOCK_DGRAM},  {AF_UNIX, SOCK_DGRAM},                         // syslog
};

// The bits that the kernel reads of an int argument.
static const scmp_datum_t INT_MASK = UINT32_MAX;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

// Calls that a sandbox allows in addition to the common ones.
struct profile {
    const int *calls;
    size_t call_count;
    const struct choice *choices;
    size_t choice_count;
    const struct socket_choice *sockets;
    size_t socket_count;
    bool has_fence; // the process entered one of its own before
};

static const struct profile profiles[] = {
    [SANDBOX_DESCRIPTORS] = {.calls = NULL},
    [SANDBOX_NETWORK] = {network_calls, COUNT(network_calls), network_choices,
                         COUNT(network_choices), network_sockets, COUNT(network_sockets), false},
    [SANDBOX_FILES] = {.calls = file_calls, .call_count = COUNT(file_calls), .has_fence = true},
    [SANDBOX_MONITOR] = {network_calls, COUNT(network_calls), network_choices,
                         COUNT(network_choices), monitor_sockets, COUNT(monitor_sockets), false},
};

static bool allow_all(scmp_filter_ctx filter, const int *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) != 0) {
            return false;
        }
    }
    return true;
}

// The condition that an argument has this value in the bits of the mask.
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

// openat() for reading only.
static bool allow_reading(scmp_filter_ctx filter) {
    return allow_if(filter, SCMP_SYS(openat), has(2, O_ACCMODE | O_CREAT | O_TRUNC, 0));
}

// Adds the calls that depend on their arguments.
static bool allow_parts(scmp_filter_ctx filter) {
    return allow_if(filter, SCMP_SYS(mmap), has(2, PROT_EXEC, 0)) &&
           allow_if(filter, SCMP_SYS(mprotect), has(2, PROT_EXEC, 0)) &&
           // fstat() of a newer C library. With a path and this flag, it reports that a file
           // exists, and opens nothing.
           allow_if(filter, SCMP_SYS(newfstatat), is(3, AT_EMPTY_PATH)) &&
           // For abort().
           allow_if(filter, SCMP_SYS(tgkill), is(0, getpid()));
}

static bool allow_sockets(scmp_filter_ctx filter, const struct profile *profile) {
    for (size_t i = 0; i < profile->socket_count; i++) {
        const scmp_datum_t type_mask = INT_MASK & ~(scmp_datum_t)(SOCK_CLOEXEC | SOCK_NONBLOCK);
        const struct socket_choice *choice = &profile->sockets[i];
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 3, is(0, choice->family),
                             has(1, type_mask, (scmp_datum_t)choice->type), is(2, 0)) != 0) {
            return false;
        }
    }
    return true;
}

// Calls with choices: all values of the arguments, or the chosen ones.
static bool allow_choices(scmp_filter_ctx filter, const struct choice *choices, size_t size,
                          bool only_chosen) {
    bool ok = true;
    for (size_t i = 0; i < size && ok; i++) {
        const struct choice *choice = &choices[i];
        const struct scmp_arg_cmp conditions[] = {is(choice->argument, choice->first),
                                                  is(choice->argument + 1, choice->second)};
        unsigned count = !only_chosen ? 0 : choice->second == ANY ? 1 : 2;
        int status =
            seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, choice->call, count, conditions);
        ok = status == 0 || status == -EEXIST;
    }
    return ok;
}

static bool allow_profile(scmp_filter_ctx filter, const struct profile *profile, bool only_chosen) {
    return allow_all(filter, common_calls, COUNT(common_calls)) &&
           allow_all(filter, profile->calls, profile->call_count) &&
           (!profile->has_fence || allow_reading(filter)) &&
           allow_choices(filter, common_choices, COUNT(common_choices), only_chosen) &&
           allow_choices(filter, profile->choices, profile->choice_count, only_chosen);
}

// Other calls kill the process.
static bool fill_fatal(scmp_filter_ctx filter, const struct profile *profile) {
    return allow_profile(filter, profile, false) && allow_parts(filter) &&
           allow_sockets(filter, profile);
}

// Other calls that are not chosen fail. Calls that fill_fatal() handles pass.
static bool fill_refusing(scmp_filter_ctx filter, const struct profile *profile) {
    static const int judged[] = {SCMP_SYS(mmap),   SCMP_SYS(mprotect), SCMP_SYS(newfstatat),
                                 SCMP_SYS(tgkill), SCMP_SYS(socket),   SCMP_SYS(seccomp),
                                 SCMP_SYS(prctl)}; // that loads the other
    return allow_profile(filter, profile, true) && allow_all(filter, judged, COUNT(judged));
}

static bool load(const struct profile *profile, uint32_t otherwise,
                 bool (*fill)(scmp_filter_ctx filter, const struct profile *profile)) {
    scmp_filter_ctx filter = seccomp_init(otherwise);
    if (filter == NULL) {
        return false;
    }
    // A search tree: the kernel caches calls that are always allowed, and the others should be
    // found quickly.
    bool ok = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && fill(filter, profile) &&
              seccomp_load(filter) == 0;
    seccomp_release(filter);
    return ok;
}

static bool deny_calls(scmp_filter_ctx filter, const struct profile *profile) {
    (void)profile;
    for (size_t i = 0; i < COUNT(denied_calls); i++) {
        if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied_calls[i], 0) != 0) {
            return false;
        }
    }
    return true;
}

enum result sandbox_enter(enum sandbox sandbox) {
    if (sandbox == SANDBOX_NONE) {
        return RESULT_OK;
    }
    if (sandbox == SANDBOX_PROGRAMS) {
        return load(NULL, SCMP_ACT_ALLOW, deny_calls) ? RESULT_OK : RESULT_ERROR;
    }
    const struct profile *profile = &profiles[sandbox];
    // The C library reads the time zone from a file at its first use, also for UTC.
    tzset();
    if (!profile->has_fence) {
        (void)landlock_enter(); // in case the filter has a hole
    }
    // The kernel applies the stricter of two filters.
    bool ok = load(profile, SCMP_ACT_ERRNO(EPERM), fill_refusing) &&
              load(profile, SCMP_ACT_KILL_PROCESS, fill_fatal);
    return ok ? RESULT_OK : RESULT_ERROR;
}

void sandbox_library_version(unsigned parts[3]) {
    const struct scmp_version *version = seccomp_version();
    parts[0] = version->major;
    parts[1] = version->minor;
    parts[2] = version->micro;
}

#endif
