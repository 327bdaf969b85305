// The smaller parts of the master's start: log files, the user, the service manager.
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

static struct config make_config(enum log_target log, char *log_path, enum log_target access,
                                 char *access_path) {
    return (struct config){.path = (char *)(uintptr_t) "test.conf",
                           .log = {log, log_path},
                           .access_log = {access, access_path}};
}

// --- Log files ---

static void test_files_are_appended_to(void **state) {
    (void)state;
    char path[96];
    char text[16] = "";
    struct log_files files;
    struct stat status;
    char error[CONFIG_ERROR_SIZE];
    (void)snprintf(path, sizeof(path), "%s/error.log", folder);
    const struct config config = make_config(LOG_TARGET_FILE, path, LOG_TARGET_OFF, NULL);
    mode_t mask = umask(0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(log_files_open(&files, &config, error), RESULT_OK);
        assert_int_equal(files.access_fd, -1);
        assert_int_equal(fcntl(files.error_fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(files.error_fd, "line\n", 5), 5);
        log_files_close(&files);
        log_files_close(&files);
    }
    (void)umask(mask);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(read(fd, text, sizeof(text)), 10);
    assert_memory_equal(text, "line\nline\n", 10);
    (void)close(fd);
    (void)unlink(path);
}

static void test_streams_are_duplicated(void **state) {
    (void)state;
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    const struct config config = make_config(LOG_TARGET_STDERR, NULL, LOG_TARGET_STDOUT, NULL);
    assert_int_equal(log_files_open(&files, &config, error), RESULT_OK);
    assert_true(files.error_fd > 2 && files.access_fd > 2);
    log_files_close(&files);
    assert_true(fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0);
}

static void test_syslog_and_off_have_no_descriptor(void **state) {
    (void)state;
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    const struct config config = make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_OFF, NULL);
    assert_int_equal(log_files_open(&files, &config, error), RESULT_OK);
    assert_int_equal(files.error_fd, -1);
    assert_int_equal(files.access_fd, -1);
    log_files_close(&files);
}

static void test_what_cannot_be_opened_is_named(void **state) {
    (void)state;
    char bad[96];
    char expected[256];
    struct log_files files;
    char error[CONFIG_ERROR_SIZE];
    (void)snprintf(bad, sizeof(bad), "%s/missing/access.log", folder);
    const struct config config = make_config(LOG_TARGET_STDERR, NULL, LOG_TARGET_FILE, bad);
    assert_int_equal(log_files_open(&files, &config, error), RESULT_ERROR);
    assert_int_equal(files.error_fd, -1); // nothing stays open
    (void)snprintf(expected, sizeof(expected),
                   "test.conf: access-log: cannot open %s: No such file or directory", bad);
    assert_string_equal(error, expected);
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
    assert_true(privilege_equal(&by_default, &named));
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
    notify_manager("READY=1");
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

static void test_no_manager_or_a_bad_name_is_no_matter(void **state) {
    (void)state;
    char name[256];
    memset(name, 'x', sizeof(name) - 1);
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    static const char *const others[] = {"", "/", "relative", "/missing/socket"};
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    notify_manager("READY=1");
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(setenv("NOTIFY_SOCKET", others[i], 1), 0);
        notify_manager("READY=1");
    }
    assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
    notify_manager("READY=1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_appended_to),
        cmocka_unit_test(test_streams_are_duplicated),
        cmocka_unit_test(test_syslog_and_off_have_no_descriptor),
        cmocka_unit_test(test_what_cannot_be_opened_is_named),
        cmocka_unit_test(test_severities),
        cmocka_unit_test(test_the_user),
        cmocka_unit_test(test_root_is_nobody_to_become),
        cmocka_unit_test(test_the_limit_of_descriptors),
        cmocka_unit_test(test_the_manager_is_told),
        cmocka_unit_test(test_no_manager_or_a_bad_name_is_no_matter),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
