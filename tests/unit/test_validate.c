#include "process/validate.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

// What a validator under way looks like to the master: a child, and a pipe on which it says its
// verdict. `end`: the signal by which it ends, 0: as processes do.
static struct validation pretend(const char *verdict, int end) {
    struct validation validation = {.pid = 0};
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)close(fds[0]);
        ssize_t size = (ssize_t)strlen(verdict);
        bool written = write(fds[1], verdict, (size_t)size) == size;
        if (end != 0) {
            (void)signal(end, SIG_DFL);
            (void)kill(getpid(), end);
        }
        _exit(written ? 0 : 1);
    }
    (void)close(fds[1]);
    validation.pid = pid;
    validation.fd = fds[0];
    return validation;
}

static enum result wait_for_verdict(struct validation *validation) {
    enum result result = RESULT_AGAIN;
    struct pollfd readable = {.fd = validation->fd, .events = POLLIN};
    while (result == RESULT_AGAIN && poll(&readable, 1, 60000) == 1) {
        result = validate_read(validation);
    }
    assert_int_equal(validation->fd, -1);
    assert_int_equal(validation->pid, 0); // reaped
    return result;
}

static void test_verdicts(void **state) {
    (void)state;
    struct validation valid = pretend("v", 0);
    assert_int_equal(wait_for_verdict(&valid), RESULT_OK);
    struct validation invalid = pretend("iFILE:1: wrong\nFILE:2: wrong, too", 0);
    assert_int_equal(wait_for_verdict(&invalid), RESULT_ERROR);
    assert_string_equal(invalid.text, "FILE:1: wrong\nFILE:2: wrong, too");
}

static void test_silence_is_no_consent(void **state) {
    (void)state;
    struct validation killed = pretend("", SIGSYS);
    assert_int_equal(wait_for_verdict(&killed), RESULT_ERROR);
    assert_non_null(strstr(killed.text, "killed by signal 31"));
    struct validation silent = pretend("", 0);
    assert_int_equal(wait_for_verdict(&silent), RESULT_ERROR);
    assert_non_null(strstr(silent.text, "without a word"));
    struct validation nonsense = pretend("x", 0);
    assert_int_equal(wait_for_verdict(&nonsense), RESULT_ERROR);
}

static void test_a_verdict_that_is_too_long_is_cut(void **state) {
    (void)state;
    char verdict[2 * CONFIG_ERROR_SIZE];
    memset(verdict, 'x', sizeof(verdict));
    verdict[0] = 'i';
    verdict[sizeof(verdict) - 1] = '\0';
    struct validation validation = pretend(verdict, 0);
    assert_int_equal(wait_for_verdict(&validation), RESULT_ERROR);
    assert_in_range(strlen(validation.text), CONFIG_ERROR_SIZE - 10, CONFIG_ERROR_SIZE - 1);
}

// Somebody else may have reaped it; its number may belong to another process by then.
static void test_a_child_reaped_elsewhere_is_left_alone(void **state) {
    (void)state;
    int status = 0;
    struct validation validation = pretend("", SIGKILL);
    pid_t pid = validation.pid;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    validate_note_death(&validation, pid + 1, 0);
    assert_int_equal(validation.pid, pid);
    validate_note_death(&validation, pid, status);
    assert_int_equal(wait_for_verdict(&validation), RESULT_ERROR);
    assert_non_null(strstr(validation.text, "killed by signal 9"));
}

static void test_cancel(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct validation validation = {.fd = fds[0], .pid = fork()};
    assert_true(validation.pid >= 0);
    if (validation.pid == 0) {
        for (;;) {
            (void)pause();
        }
    }
    pid_t pid = validation.pid;
    validate_cancel(&validation);
    assert_int_equal(validation.fd, -1);
    assert_int_equal(validation.pid, 0);
    assert_int_equal(kill(pid, 0), -1);
    validate_cancel(&validation);
    (void)close(fds[1]);
}

static void test_what_is_no_bundle_is_not_valid(void **state) {
    (void)state;
    struct config config = {.path = (char *)(uintptr_t) "test.conf",
                            .user = (char *)(uintptr_t) "nobody"};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const struct source source = {.config = &config, .files_fd = null, .keys_fd = dup(null)};
    struct privilege privilege;
    char error[CONFIG_ERROR_SIZE] = "";
    assert_int_equal(privilege_find(&config, &privilege, error), RESULT_OK);
    const struct title title = {NULL, 0};
    const struct validate_input input = {&source, &privilege, &title};
    assert_int_equal(validate_wait(&input, error), RESULT_ERROR);
    assert_true(error[0] != '\0');
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // no child is left
    (void)close(source.keys_fd);
    (void)close(null);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_silence_is_no_consent),
        cmocka_unit_test(test_a_verdict_that_is_too_long_is_cut),
        cmocka_unit_test(test_a_child_reaped_elsewhere_is_left_alone),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_what_is_no_bundle_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
