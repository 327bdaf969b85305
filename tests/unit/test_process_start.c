// The smaller parts of the master's start: the user, limits.
#include "process/log_files.h"
#include "process/privilege.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ravelin-start-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

static void test_severities(void **state) {
    (void)state;
    assert_int_equal(log_files_severity(LOG_LEVEL_ERROR), SEVERITY_ERROR);
    assert_int_equal(log_files_severity(LOG_LEVEL_WARNING), SEVERITY_WARNING);
    assert_int_equal(log_files_severity(LOG_LEVEL_INFO), SEVERITY_INFO);
    assert_int_equal(log_files_severity(LOG_LEVEL_DEBUG), SEVERITY_DEBUG);
}

// --- The user ---

static void test_the_user(void **state) {
    (void)state;
    struct privilege named;
    char error[CONFIG_ERROR_SIZE];
    struct config config = {.path = (char *)(uintptr_t) "test.conf",
                            .user = (char *)(uintptr_t) "nobody",
                            .user_line = 7};
    assert_int_equal(privilege_find(&config, &named, error), RESULT_OK);
    if (geteuid() != 0) {
        assert_false(named.change); // who is not root stays who he is, whatever the file says
        return;
    }
    assert_true(named.change);
    assert_true(named.uid != 0 && named.gid != 0);
    assert_true(named.group_count >= 1);
    config.user = (char *)(uintptr_t) "no-such-user";
    assert_int_equal(privilege_find(&config, &named, error), RESULT_ERROR);
    assert_string_equal(error, "test.conf:7: user: there is no user 'no-such-user'");
}

// The option itself refuses the name "root"; another name of the same user must not get past.
static void test_the_same_user(void **state) {
    (void)state;
    const struct config by_default = {.user = (char *)(uintptr_t) "nobody"};
    const struct config named = {.user = (char *)(uintptr_t) "nobody"};
    const struct config other = {.user = (char *)(uintptr_t) "no-such-user"};
    assert_true(privilege_is_same(&by_default, &named));
    // Without root it is of no account.
    assert_int_equal(privilege_is_same(&named, &other), geteuid() != 0);
}

static void test_root_is_nobody_to_become(void **state) {
    (void)state;
    struct privilege privilege;
    char error[CONFIG_ERROR_SIZE];
    struct config config = {.path = (char *)(uintptr_t) "test.conf",
                            .user = (char *)(uintptr_t) "root",
                            .user_line = 3};
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(privilege_find(&config, &privilege, error), RESULT_ERROR);
    assert_string_equal(error, "test.conf:3: user: \"root\" is root, and no worker may be");
    assert_false(privilege.change);
}

static void test_the_limit_of_descriptors(void **state) {
    (void)state;
    struct rlimit former;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &former), 0);
    limit = former;
    limit.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    privilege_raise_descriptor_limit();
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(limit.rlim_cur == former.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &former), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_severities),
        cmocka_unit_test(test_the_user),
        cmocka_unit_test(test_the_same_user),
        cmocka_unit_test(test_root_is_nobody_to_become),
        cmocka_unit_test(test_the_limit_of_descriptors),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
