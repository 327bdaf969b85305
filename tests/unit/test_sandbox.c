#include "base/ring.h"
#include "process/sandbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

// What a process in the sandbox tries. The result: 0 when it worked.
typedef int (*attempt_function)(void);

// How a child ended that made the attempt inside.
static int try_inside(enum sandbox kind, attempt_function attempt) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || sandbox_enter(kind) != RESULT_OK) {
            _exit(99);
        }
        _exit(attempt() == 0 ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_allowed(enum sandbox kind, attempt_function attempt) {
    int status = try_inside(kind, attempt);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_fatal(enum sandbox kind, attempt_function attempt) {
    int status = try_inside(kind, attempt);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

// --- Attempts ---

static int use_memory(void) {
    const size_t size = (size_t)10 << 20;
    char *data = malloc(size);
    if (data == NULL) {
        return 1;
    }
    memset(data, 1, size);
    free(data);
    void *pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
        return 1;
    }
    pages = mremap(pages, 4096, 8192, MREMAP_MAYMOVE); // as realloc() does with large blocks
    return pages == MAP_FAILED || madvise(pages, 8192, MADV_DONTDUMP) != 0 ||
           mprotect(pages, 8192, PROT_READ) != 0 || munmap(pages, 8192) != 0;
}

static int use_time_and_chance(void) {
    char random[32];
    struct timespec now;
    struct tm parts;
    time_t seconds = time(NULL);
    return getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random) ||
           syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) != 0 ||
           gmtime_r(&seconds, &parts) == NULL || localtime_r(&seconds, &parts) == NULL;
}

static int use_a_pair(void) {
    char byte = 0;
    struct pollfd readable = {.fd = 0, .events = POLLIN};
    return write(1, "x", 0) != 0 || poll(&readable, 1, 0) < 0 ||
           (recv(0, &byte, 1, MSG_DONTWAIT) < 0 && errno == EPERM);
}

static int compare_bytes(const void *a, const void *b) {
    return *(const char *)a - *(const char *)b;
}

static int sort_much(void) {
    // Over 1 KiB qsort() asks the system for the size of memory.
    char *data = calloc(100, 100);
    if (data == NULL) {
        return 1;
    }
    qsort(data, 100, 100, compare_bytes);
    free(data);
    return 0;
}

static int connect_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(1)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
           (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 && errno == EPERM) ||
           close(fd) != 0 || close(socket(AF_INET6, SOCK_STREAM, 0)) != 0 ||
           close(socket(AF_UNIX, SOCK_STREAM, 0)) != 0 ||
           close(socket(AF_UNIX, SOCK_DGRAM, 0)) != 0;
}

static int use_a_loop(void) {
    struct epoll_event event;
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 || epoll_wait(fd, &event, 1, 0) != 0 || close(fd) != 0;
}

static int make_a_ring(void) {
    struct ring_pool pool;
    ring_pool_init(&pool, 0);
    struct ring *ring = ring_get(&pool);
    struct ring *other = ring_get(&pool);
    if (ring == NULL || other == NULL) {
        return 1;
    }
    other->base[0] = 1;
    ring_put(&pool, other); // its memory goes, the chunk stays
    bool gone = !KEEP_SPARES || ring->base[2 * RING_SIZE] == 0;
    ring_put(&pool, ring);
    return gone ? 0 : 2;
}

static int open_a_file(void) {
    return open("/etc/hostname", O_RDONLY);
}

static int make_a_file_in_memory(void) {
    return memfd_create("file", MFD_CLOEXEC);
}

static int look_at_a_file(void) {
    struct stat status;
    return stat("/etc/hostname", &status);
}

static int start_a_program(void) {
    char *arguments[] = {NULL};
    return execv("/bin/true", arguments);
}

static int make_a_process(void) {
    return fork() == 0;
}

static int end_another(void) {
    return kill(getppid(), 0);
}

static int end_a_thread_of_another(void) {
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int trace(void) {
    return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int change_user(void) {
    return setuid(getuid());
}

static int make_memory_executable(void) {
    void *pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return mprotect(pages, 4096, PROT_READ | PROT_EXEC);
}

static int map_executable_memory(void) {
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
           MAP_FAILED;
}

static int open_a_datagram_socket(void) {
    return socket(AF_INET, SOCK_DGRAM, 0);
}

static int open_a_netlink_socket(void) {
    return socket(AF_NETLINK, SOCK_RAW, 0);
}

static int open_a_socket_of_another_protocol(void) {
    return socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
}

static int open_a_socket_for_another_way_to_listen(void) {
    return socket(AF_UNIX, SOCK_SEQPACKET, 0);
}

static int bind_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    return bind(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof(address));
}

static int ask_the_terminal(void) {
    return ioctl(0, TIOCSTI, "x");
}

static int take_a_descriptor_of_another(void) {
    return (int)syscall(SYS_pidfd_getfd, 0, 0, 0);
}

static int write_into_another(void) {
    return (int)syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0);
}

static int load_another_filter(void) {
    return (int)syscall(SYS_seccomp, 0, 0, NULL);
}

static int listen_somewhere(void) {
    return listen(socket(AF_INET, SOCK_STREAM, 0), 1);
}

static int unload(void) {
    return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int ask_a_device(void) {
    return isatty(STDERR_FILENO);
}

static int use_io_uring(void) {
    return (int)syscall(SYS_io_uring_setup, 1, NULL);
}

static int use_another_abi(void) {
#ifdef __x86_64__
    // getpid() as 32-bit programs call it.
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
#else
    (void)kill(getpid(), SIGSYS);
    return 0;
#endif
}

// Whether every call that is made here fails with EPERM.
static bool fails(int result) {
    return result == -1 && errno == EPERM;
}

static int set_other_options(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sock_filter all = {.code = BPF_RET, .k = 0};
    struct sock_fprog program = {1, &all};
    int on = 1;
    const struct {
        int level;
        int option;
    } options[] = {
        {SOL_SOCKET, SO_ATTACH_FILTER},
        {SOL_SOCKET, SO_ATTACH_BPF},
        {SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF},
        {SOL_SOCKET, SO_ATTACH_REUSEPORT_EBPF},
        {SOL_SOCKET, SO_DETACH_REUSEPORT_BPF},
        {SOL_SOCKET, SO_REUSEPORT},
        {SOL_SOCKET, SO_REUSEADDR},
        {SOL_SOCKET, SO_BINDTODEVICE},
        {SOL_SOCKET, SO_INCOMING_CPU},
        {SOL_SOCKET, SO_SNDBUF},
        {SOL_SOCKET, SO_BUF_LOCK},
        {SOL_SOCKET, TCP_NODELAY}, // its number at another level
        {IPPROTO_TCP, TCP_ULP},
        {IPPROTO_TCP, TCP_REPAIR},
        {IPPROTO_TCP, TCP_FASTOPEN},
        {IPPROTO_TCP, TCP_DEFER_ACCEPT},
        {IPPROTO_TCP, TCP_MD5SIG},
        {IPPROTO_IP, IP_TRANSPARENT},
        {IPPROTO_IPV6, IPV6_V6ONLY},
        {IPPROTO_TCP, -1},
    };
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (!fails(
                setsockopt(fd, options[i].level, options[i].option, &program, sizeof(program)))) {
            return 1;
        }
    }
    return setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)) != 0 ||
           setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &on, sizeof(on)) != 0 ||
           setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &on, sizeof(on)) != 0 ||
           setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4) != 0;
}

static int get_other_options(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char value[256];
    socklen_t size = sizeof(value);
    return !fails(getsockopt(fd, SOL_SOCKET, SO_PEERSEC, value, &size)) ||
           !fails(getsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, &size)) ||
           !fails(getsockopt(fd, SOL_SOCKET, TCP_INFO, value, &size)) ||
           getsockopt(fd, SOL_SOCKET, SO_ERROR, value, &size) != 0 ||
           getsockopt(fd, IPPROTO_TCP, TCP_INFO, value, &size) != 0;
}

static int use_other_commands(void) {
    const int commands[] = {F_SETFL, F_SETOWN, F_SETSIG,     F_SETLEASE,  F_NOTIFY,
                            F_SETLK, F_DUPFD,  F_SETPIPE_SZ, F_ADD_SEALS, F_SETOWN_EX};
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (!fails(fcntl(0, commands[i], 0))) {
            return 1;
        }
    }
    return fcntl(0, F_GETFL) < 0 || fcntl(0, F_GETFD) < 0 || fcntl(0, F_SETFD, 0) != 0;
}

static int give_other_advice(void) {
    void *pages = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return !fails(madvise(pages, 4096, MADV_DODUMP)) || !fails(madvise(pages, 4096, MADV_DOFORK)) ||
           !fails(madvise(pages, 4096, MADV_MERGEABLE)) ||
           madvise(pages, 4096, MADV_DONTFORK) != 0 || madvise(pages, 4096, MADV_DONTNEED) != 0;
}

// --- Tests ---

static void test_what_everybody_may(void **state) {
    (void)state;
    const attempt_function attempts[] = {use_memory, use_time_and_chance, use_a_pair, sort_much};
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        assert_allowed(SANDBOX_NETWORK, attempts[i]);
        assert_allowed(SANDBOX_DESCRIPTORS, attempts[i]);
    }
}

static void test_what_only_workers_may(void **state) {
    (void)state;
    const attempt_function attempts[] = {connect_somewhere, use_a_loop};
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        assert_allowed(SANDBOX_NETWORK, attempts[i]);
#ifndef RAVELIN_SANITIZE
        assert_fatal(SANDBOX_DESCRIPTORS, attempts[i]);
#endif
    }
    assert_allowed(SANDBOX_NETWORK, make_a_ring);
}

static void test_what_nobody_may(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip();
#endif
    const attempt_function attempts[] = {
        make_a_file_in_memory,
        open_a_file,
        look_at_a_file,
        start_a_program,
        make_a_process,
        end_another,
        end_a_thread_of_another,
        trace,
        change_user,
        make_memory_executable,
        map_executable_memory,
        open_a_datagram_socket,
        open_a_netlink_socket,
        open_a_socket_of_another_protocol,
        open_a_socket_for_another_way_to_listen,
        bind_somewhere,
        ask_the_terminal,
        take_a_descriptor_of_another,
        write_into_another,
        load_another_filter,
        listen_somewhere,
        unload,
        ask_a_device,
        use_io_uring,
        use_another_abi,
    };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        assert_fatal(SANDBOX_NETWORK, attempts[i]);
        assert_fatal(SANDBOX_DESCRIPTORS, attempts[i]);
    }
}

static void test_with_other_arguments_calls_fail(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip();
#endif
    assert_allowed(SANDBOX_NETWORK, set_other_options);
    assert_allowed(SANDBOX_NETWORK, get_other_options);
    assert_allowed(SANDBOX_NETWORK, use_other_commands);
    assert_allowed(SANDBOX_NETWORK, give_other_advice);
    assert_fatal(SANDBOX_DESCRIPTORS, set_other_options);
    assert_fatal(SANDBOX_DESCRIPTORS, get_other_options);
    assert_allowed(SANDBOX_DESCRIPTORS, use_other_commands);
    assert_allowed(SANDBOX_DESCRIPTORS, give_other_advice);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_other_arguments_calls_fail),
        cmocka_unit_test(test_what_everybody_may),
        cmocka_unit_test(test_what_only_workers_may),
        cmocka_unit_test(test_what_nobody_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
