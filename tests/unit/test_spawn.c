#include "process/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct title no_title = {NULL, 0};

static struct privilege find_privilege(void) {
    struct privilege privilege;
    char error[CONFIG_ERROR_SIZE];
    const struct config config = {.path = (char *)(uintptr_t) "test.conf",
                                  .user = (char *)(uintptr_t) "nobody"};
    assert_int_equal(privilege_find(&config, &privilege, error), RESULT_OK);
    return privilege;
}

// How a child ended, as waitpid() says.
static int wait_for_end(const struct spawn *spawn) {
    pid_t pid = spawn_process(spawn, &no_title);
    assert_true(pid > 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

// Runs a function in a child and returns how it ended.
static int run_in_child(int (*run)(void *), void *argument, const int *keep, size_t keep_count,
                        const struct title *title) {
    const struct privilege privilege = find_privilege();
    struct spawn spawn = {
        .name = "rav-test-name",
        .title = "ravelin: test",
        .privilege = &privilege,
        .keep_count = keep_count,
        .argument = argument,
        .sandbox = SANDBOX_NONE,
        .run = run,
    };
    for (size_t i = 0; i < keep_count; i++) {
        spawn.keep[i] = keep[i];
    }
    pid_t pid = spawn_process(&spawn, title);
    assert_true(pid > 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int give_back(void *argument) {
    return *(int *)argument;
}

static void test_the_result_is_the_exit_status(void **state) {
    (void)state;
    int value = 42;
    assert_int_equal(run_in_child(give_back, &value, NULL, 0, &no_title), 42);
}

// --- Descriptors ---

static int check_descriptors(void *argument) {
    const int *keep = argument;
    for (int fd = 3; fd < 256; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;
        bool is_kept = fd == keep[0] || fd == keep[1] || fd == keep[2] || fd == keep[3];
        if (is_open != is_kept) {
            return 1;
        }
    }
    struct stat null;
    struct stat input;
    return fstat(0, &input) == 0 && stat("/dev/null", &null) == 0 && input.st_rdev == null.st_rdev
               ? 0
               : 2;
}

static void test_only_what_is_listed_stays_open(void **state) {
    (void)state;
    int fds[40];
    for (size_t i = 0; i < 40; i++) {
        fds[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        assert_true(fds[i] > 2);
    }
    // In no order, side by side, the first and the last.
    int keep[] = {fds[20], fds[39], fds[0], fds[21]};
    assert_int_equal(run_in_child(check_descriptors, keep, keep, 4, &no_title), 0);
    for (size_t i = 0; i < 40; i++) {
        (void)close(fds[i]);
    }
}

static int mute(void *argument) {
    struct stat input;
    struct stat output;
    (void)argument;
    spawn_mute();
    return fstat(0, &input) == 0 && fstat(1, &output) == 0 && input.st_rdev == output.st_rdev ? 0
                                                                                              : 1;
}

static void test_mute(void **state) {
    (void)state;
    assert_int_equal(run_in_child(mute, NULL, NULL, 0, &no_title), 0);
}

// --- Signals ---

static int check_signals(void *argument) {
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGPIPE};
    struct sigaction action;
    sigset_t mask;
    (void)argument;
    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (sigaction(ignored[i], NULL, &action) != 0 || action.sa_handler != SIG_IGN) {
            return 1;
        }
    }
    if (sigaction(SIGCHLD, NULL, &action) != 0 || action.sa_handler != SIG_DFL) {
        return 2;
    }
    return sigprocmask(SIG_BLOCK, NULL, &mask) == 0 && sigismember(&mask, SIGINT) == 0 ? 0 : 3;
}

static void on_signal(int number) {
    (void)number;
}

static void test_signals(void **state) {
    (void)state;
    struct sigaction former;
    const struct sigaction handler = {.sa_handler = on_signal};
    assert_int_equal(sigaction(SIGCHLD, &handler, &former), 0);
    assert_int_equal(run_in_child(check_signals, NULL, NULL, 0, &no_title), 0);
    assert_int_equal(sigaction(SIGCHLD, &former, NULL), 0);
    sigset_t mask;
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &mask), 0);
    assert_int_equal(sigismember(&mask, SIGINT), 0); // nothing stays blocked here either
}

// --- Rights ---

static bool status_has(const char *line) {
    char text[8192];
    FILE *file = fopen("/proc/self/status", "re");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    return file != NULL && fclose(file) == 0 && strstr(text, line) != NULL;
}

static int check_rights(void *argument) {
    const struct privilege *privilege = argument;
    struct rlimit core;
    uid_t uids[3];
    gid_t gids[3];
    if (!status_has("\nNoNewPrivs:\t1\n") || !status_has("\nCapEff:\t0000000000000000\n") ||
        !status_has("\nCapPrm:\t0000000000000000\n") || !status_has("\nUmask:\t0077\n")) {
        return 1;
    }
    if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_max != 0) {
        return 2;
    }
#ifndef RAVELIN_SANITIZE
    if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return 3;
    }
#endif
    if (getresuid(&uids[0], &uids[1], &uids[2]) != 0 ||
        getresgid(&gids[0], &gids[1], &gids[2]) != 0) {
        return 4;
    }
    for (int i = 0; i < 3; i++) {
        if (uids[i] != privilege->uid || gids[i] != privilege->gid) {
            return 5;
        }
    }
    if (privilege->change && (setuid(0) == 0 || getgroups(0, NULL) != privilege->group_count)) {
        return 6;
    }
    int signal_number = 0;
    return prctl(PR_GET_PDEATHSIG, &signal_number) == 0 && signal_number == SIGKILL ? 0 : 7;
}

// /proc/self belongs to root once memory is sealed, so the status is read before in a sealed build:
// as root it can be.
static void test_rights(void **state) {
    (void)state;
    struct privilege privilege = find_privilege();
    assert_int_equal(privilege.change, geteuid() == 0);
    assert_true(privilege.uid != 0);
    assert_int_equal(run_in_child(check_rights, &privilege, NULL, 0, &no_title), 0);
}

// --- The sandbox ---

static void *open_a_file(void *argument) {
    int *fd = argument;
    *fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? NULL : argument;
}

static int try_to_open_a_file(void *argument) {
    return open_a_file(argument) == NULL;
}

static void *fail_to_prepare(void *argument) {
    (void)argument;
    return NULL;
}

static void test_it_prepares_outside_of_the_sandbox_and_runs_inside(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip();
#endif
    const struct privilege privilege = find_privilege();
    int number = 42;
    struct spawn spawn = {.name = "rav-test",
                          .title = "test",
                          .privilege = &privilege,
                          .argument = &number,
                          .prepare = open_a_file,
                          .sandbox = SANDBOX_NETWORK,
                          .run = give_back};
    int status = wait_for_end(&spawn);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 3);
    spawn.run = try_to_open_a_file;
    status = wait_for_end(&spawn);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    spawn.sandbox = SANDBOX_NONE;
    assert_int_equal(wait_for_end(&spawn), 0);
    spawn.prepare = fail_to_prepare;
    spawn.run = give_back;
    status = wait_for_end(&spawn);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static int try_to_make_a_socket(void *argument) {
    (void)argument;
    return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static void test_the_sandbox_is_narrow_where_none_is_named(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip();
#endif
    const struct privilege privilege = find_privilege();
    struct spawn spawn = {
        .name = "rav-test", .title = "test", .privilege = &privilege, .run = try_to_make_a_socket};
    int status = wait_for_end(&spawn);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
    spawn.sandbox = SANDBOX_NETWORK;
    assert_int_equal(wait_for_end(&spawn), 0);
}

static int wait_for_ever(void *argument) {
    char byte = 'x';
    if (write(*(int *)argument, &byte, 1) != 1) {
        return 1;
    }
    for (;;) {
        (void)pause();
    }
}

static void test_a_child_dies_with_its_parent(void **state) {
    (void)state;
    int fds[2];
    char byte;
    assert_int_equal(pipe(fds), 0);
    pid_t parent = fork();
    assert_true(parent >= 0);
    if (parent == 0) {
        const struct privilege privilege = find_privilege();
        const struct spawn spawn = {.name = "rav-test",
                                    .title = "test",
                                    .privilege = &privilege,
                                    .keep = {fds[1]},
                                    .keep_count = 1,
                                    .argument = &fds[1],
                                    .sandbox = SANDBOX_NONE,
                                    .run = wait_for_ever};
        (void)spawn_process(&spawn, &no_title);
        for (;;) {
            (void)pause();
        }
    }
    (void)close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1); // the grandchild lives
    assert_int_equal(kill(parent, SIGKILL), 0);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    // The end of the file comes when nobody holds the other end any more.
    struct pollfd ended = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&ended, 1, 60000), 1);
    assert_int_equal(read(fds[0], &byte, 1), 0);
    (void)close(fds[0]);
}

// --- Names ---

static int check_title(void *argument) {
    char name[16];
    const char *expected = argument;
    return prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "rav-test-name") == 0 &&
                   memcmp(expected, "ravelin: test\0\0\0\0", 17) == 0
               ? 0
               : 1;
}

static void test_titles_stay_inside_the_arguments(void **state) {
    (void)state;
    char memory[] = "program\0run\0-c\0file.conf\0ENVIRONMENT=1";
    char *arguments[] = {memory, memory + 8, memory + 12, memory + 15, NULL};
    struct title title = title_find(4, arguments);
    assert_ptr_equal(title.start, memory);
    assert_int_equal(title.size, 25);
    assert_int_equal(run_in_child(check_title, memory, NULL, 0, &title), 0);
    assert_string_equal(memory, "program"); // here nothing changes
    char *apart[] = {memory, memory + 12, NULL};
    assert_int_equal(title_find(2, apart).size, 8); // what does not follow is not ours
    assert_int_equal(title_find(0, arguments + 4).size, 0);
}

static int check_short_title(void *argument) {
    return memcmp(argument, "ravel\0guard", 11) == 0 ? 0 : 1;
}

static void test_a_long_title_is_cut(void **state) {
    (void)state;
    char memory[] = "a.out\0guard";
    struct title title = {memory, 6};
    assert_int_equal(run_in_child(check_short_title, memory, NULL, 0, &title), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_result_is_the_exit_status),
        cmocka_unit_test(test_only_what_is_listed_stays_open),
        cmocka_unit_test(test_mute),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_it_prepares_outside_of_the_sandbox_and_runs_inside),
        cmocka_unit_test(test_the_sandbox_is_narrow_where_none_is_named),
        cmocka_unit_test(test_a_child_dies_with_its_parent),
        cmocka_unit_test(test_titles_stay_inside_the_arguments),
        cmocka_unit_test(test_a_long_title_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
