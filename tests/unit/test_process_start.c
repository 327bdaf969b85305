// The smaller parts of the master's start: the user, the service manager.
#include "process/log_files.h"
#include "process/notify.h"
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
    struct privilege by_default;
    struct privilege named;
    char error[CONFIG_ERROR_SIZE];
    struct config config = {.path = (char *)(uintptr_t) "test.conf"};
    assert_int_equal(privilege_find(&config, &by_default, error), RESULT_OK);
    config.user = (char *)(uintptr_t) "nobody";
    config.user_line = 7;
    assert_int_equal(privilege_find(&config, &named, error), RESULT_OK);
    assert_int_equal(by_default.uid, named.uid);
    assert_int_equal(by_default.gid, named.gid);
    if (geteuid() != 0) {
        assert_false(named.change); // who is not root stays who he is, whatever the file says
        return;
    }
    assert_true(named.change);
    assert_true(named.uid != 0 && named.gid != 0);
    assert_true(named.group_count >= 1);
    config.user = (char *)(uintptr_t) "no-such-user";
    assert_int_equal(privilege_find(&config, &named, error), RESULT_ERROR);
    assert_string_equal(error, "test.conf:7: user: there is no user \"no-such-user\"");
}

// The option itself refuses the name "root"; another name of the same user must not get past.
static void test_the_same_user_under_its_name_or_by_default(void **state) {
    (void)state;
    const struct config by_default = {.user = NULL};
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

// --- The service manager ---

static void assert_notified(const char *name, const struct sockaddr_un *address, size_t size) {
    char text[32] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)address, (socklen_t)size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_true(notify_manager("READY=1"));
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
    assert_string_equal(text, "READY=1");
    (void)close(fd);
}

static void test_the_manager_is_told(void **state) {
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[96];
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
    assert_notified(address.sun_path, &address, sizeof(address));
    (void)unlink(address.sun_path);
    int size = snprintf(name, sizeof(name), "@%s", folder);
    memset(address.sun_path, 0, sizeof(address.sun_path));
    memcpy(address.sun_path + 1, name + 1, (size_t)size - 1);
    assert_notified(name, &address, offsetof(struct sockaddr_un, sun_path) + (size_t)size);
}

static void test_a_manager_that_stands_still_is_not_waited_for(void **state) {
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char text[32] = "";
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    (void)alarm(60); // a send that waits ends the test
    while (notify_manager("X")) {
    }
    (void)alarm(0);
    while (recv(fd, text, sizeof(text), MSG_DONTWAIT) == 1) {
    }
    assert_true(notify_manager("READY=1"));
    assert_int_equal(recv(fd, text, sizeof(text), MSG_DONTWAIT), 7);
    (void)close(fd);
    (void)unlink(address.sun_path);
}

static void test_no_manager_or_a_bad_name_is_no_matter(void **state) {
    (void)state;
    char name[256];
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    static const char *const others[] = {"", "/", "relative", "/missing/socket"};
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    assert_true(notify_manager("READY=1"));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", others[i], 1), 0);
        assert_true(notify_manager("READY=1"));
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    assert_true(notify_manager("READY=1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_severities),
        cmocka_unit_test(test_the_user),
        cmocka_unit_test(test_the_same_user_under_its_name_or_by_default),
        cmocka_unit_test(test_root_is_nobody_to_become),
        cmocka_unit_test(test_the_limit_of_descriptors),
        cmocka_unit_test(test_the_manager_is_told),
        cmocka_unit_test(test_a_manager_that_stands_still_is_not_waited_for),
        cmocka_unit_test(test_no_manager_or_a_bad_name_is_no_matter),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
