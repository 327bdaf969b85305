#include "process/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static long abi(void) {
    return syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
}

// The errno of the attempt in a process behind the fence; 0: it worked.
static int inside(int (*attempt)(const void *), const void *argument) {
    pid_t pid = fork();
    if (pid == 0) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || landlock_enter() != (abi() >= 1)) {
            _exit(255);
        }
        errno = 0;
        _exit(attempt(argument) < 0 ? errno : 0);
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

// The errno of opening a file for reading in a process that may read below a folder; 0: it worked.
static int reading_below(const char *folder, const char *path, int flags) {
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !landlock_enter_reading(fd)) {
            _exit(255);
        }
        errno = 0;
        _exit(open(path, flags | O_CLOEXEC, 0600) < 0 ? errno : 0);
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int open_file(const void *path) {
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int write_file(const void *path) {
    return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int bind_tcp(const void *argument) {
    const struct sockaddr_in address = {.sin_family = AF_INET};
    (void)argument;
    return bind(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), (const struct sockaddr *)&address,
                sizeof(address));
}

static int signal_parent(const void *argument) {
    (void)argument;
    return kill(getppid(), 0);
}

static int connect_to(const void *address) {
    return connect(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), address,
                   sizeof(struct sockaddr_un));
}

static int nothing(const void *argument) {
    (void)argument;
    return 0;
}

static void test_a_kernel_without_it_is_no_error(void **state) {
    (void)state;
    assert_int_equal(inside(nothing, NULL), 0);
}

static void test_no_file_is_reached(void **state) {
    (void)state;
    if (abi() < 1) {
        skip();
    }
    assert_int_equal(inside(open_file, "/etc/hostname"), EACCES);
    assert_int_equal(inside(write_file, "/tmp/ravelin-landlock"), EACCES);
}

static void test_files_below_one_folder_can_be_read(void **state) {
    (void)state;
    if (abi() < 1) {
        skip();
    }
    assert_int_equal(reading_below("/etc", "/etc/hostname", O_RDONLY), 0);
    assert_int_equal(reading_below("/etc", "/proc/self/status", O_RDONLY), EACCES);
    assert_int_equal(reading_below("/usr", "/etc/hostname", O_RDONLY), EACCES);
    assert_int_equal(reading_below("/tmp", "/tmp/ravelin-landlock", O_WRONLY | O_CREAT), EACCES);
    assert_int_equal(reading_below("/etc", "/etc", O_RDONLY | O_DIRECTORY), EACCES);
}

// The errno of an attempt at a program of a folder with this right; 0: it worked.
static int with_right(enum landlock_right right, const char *folder,
                      int (*attempt)(const char *path)) {
    char path[64];
    (void)snprintf(path, sizeof(path), "%s/program", folder);
    pid_t pid = fork();
    if (pid == 0) {
        const struct landlock_path paths[] = {{"/usr", LANDLOCK_RUN},
                                              {"/lib", LANDLOCK_RUN},
                                              {"/lib64", LANDLOCK_RUN},
                                              {folder, right},
                                              {"/nothing", LANDLOCK_WRITE}};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
            !landlock_enter_paths(paths, sizeof(paths) / sizeof(paths[0]))) {
            _exit(255);
        }
        errno = 0;
        _exit(attempt(path) < 0 ? errno : 0);
    }
    int status = 0;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int read_program(const char *path) {
    return open(path, O_RDONLY | O_CLOEXEC);
}

static int change_program(const char *path) {
    return open(path, O_WRONLY | O_CLOEXEC);
}

// Ends with status 0 if it is run.
static int run_program(const char *path) {
    char *const arguments[] = {(char *)(uintptr_t) "true", NULL};
    return execv(path, arguments);
}

static void test_what_can_be_written_cannot_be_run(void **state) {
    (void)state;
    char folder[] = "/tmp/ravelin-landlock-XXXXXX";
    char command[128];
    if (abi() < 1) {
        skip();
    }
    assert_non_null(mkdtemp(folder));
    (void)snprintf(command, sizeof(command), "cp /bin/true %s/program", folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a copy of a program
    static const struct {
        enum landlock_right right;
        int read, change, run;
    } rows[] = {{LANDLOCK_READ, 0, EACCES, EACCES},
                {LANDLOCK_RUN, 0, EACCES, 0},
                {LANDLOCK_WRITE, 0, 0, EACCES}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(with_right(rows[i].right, folder, read_program), rows[i].read);
        assert_int_equal(with_right(rows[i].right, folder, change_program), rows[i].change);
        assert_int_equal(with_right(rows[i].right, folder, run_program), rows[i].run);
    }
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
}

static void test_no_port_is_bound(void **state) {
    (void)state;
    if (abi() < 4) {
        skip();
    }
    assert_int_equal(inside(bind_tcp, NULL), EACCES);
}

static void test_no_abstract_socket_and_no_signal(void **state) {
    (void)state;
    if (abi() < 6) {
        skip();
    }
    assert_int_equal(inside(signal_parent, NULL), EPERM);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr_un named = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "ravelin-%d", getpid());
    (void)snprintf(named.sun_path, sizeof(named.sun_path), "/tmp/ravelin-landlock-%d", getpid());
    struct sockaddr_un *addresses[] = {&address, &named};
    for (size_t i = 0; i < 2; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fd, (struct sockaddr *)addresses[i], sizeof(address)), 0);
        assert_int_equal(listen(fd, 1), 0);
        // One with a path is a server or syslog.
        assert_int_equal(inside(connect_to, addresses[i]), i == 0 ? EPERM : 0);
        (void)close(fd);
    }
    (void)unlink(named.sun_path);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kernel_without_it_is_no_error),
        cmocka_unit_test(test_no_file_is_reached),
        cmocka_unit_test(test_files_below_one_folder_can_be_read),
        cmocka_unit_test(test_what_can_be_written_cannot_be_run),
        cmocka_unit_test(test_no_port_is_bound),
        cmocka_unit_test(test_no_abstract_socket_and_no_signal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
