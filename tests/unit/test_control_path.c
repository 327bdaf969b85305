// Where the control socket is, and which server behind it a client believes.
#include "process/control_path.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOBODY = 65534, OTHER = 65533 };

// --- The folder ---

// The folder for a user, found in a process of its own, with these variables (NULL: not set).
static void expect_folder(uid_t user, const char *runtime, const char *xdg, const char *expected) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct control_path path;
        char error[CONFIG_ERROR_SIZE];
        (void)unsetenv("RUNTIME_DIRECTORY");
        (void)unsetenv("XDG_RUNTIME_DIR");
        bool ok = (runtime == NULL || setenv("RUNTIME_DIRECTORY", runtime, 1) == 0) &&
                  (xdg == NULL || setenv("XDG_RUNTIME_DIR", xdg, 1) == 0) &&
                  (user == geteuid() || seteuid(user) == 0);
        enum result result = control_path_find("/", &path, error);
        ok = ok && (expected == NULL ? result == RESULT_ERROR
                                     : result == RESULT_OK && strcmp(path.folder, expected) == 0);
        if (!ok) {
            print_message("%s\n", result == RESULT_OK ? path.folder : error);
        }
        _exit(ok ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_root_uses_one_folder(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    expect_folder(0, NULL, NULL, "/run/ravelin");
    expect_folder(0, "/run/other", "/run/user/0", "/run/ravelin");
}

static void test_other_users_have_a_folder_of_their_own(void **state) {
    (void)state;
    uid_t user = geteuid() == 0 ? NOBODY : geteuid();
    char expected[64];
    char large[200];
    (void)snprintf(expected, sizeof(expected), "/tmp/ravelin-%lu", (unsigned long)user);
    expect_folder(user, NULL, NULL, expected);
    expect_folder(user, NULL, "relative", expected);
    expect_folder(user, "relative", NULL, expected);
    expect_folder(user, "/run/one:/run/two", NULL, expected);
    (void)snprintf(expected, sizeof(expected), "/run/user/1/ravelin-%lu", (unsigned long)user);
    expect_folder(user, NULL, "/run/user/1", expected);
    expect_folder(user, "/run/ravelin", "/run/user/1", "/run/ravelin");
    memset(large, 'a', sizeof(large));
    large[0] = '/';
    large[sizeof(large) - 1] = '\0';
    expect_folder(user, large, NULL, NULL);
    expect_folder(user, NULL, large, NULL);
}

// --- Trust ---

// A server of this user in a folder that belongs to `owner`. Returns its process.
static pid_t start_server(const struct control_path *path, uid_t user, uid_t owner) {
    int ready[2];
    char byte;
    assert_int_equal(mkdir(path->folder, 0700), 0);
    assert_int_equal(chown(path->folder, user, (gid_t)-1), 0);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
        bool ok = (user == 0 || setuid(user) == 0) &&
                  bind(fd, (const struct sockaddr *)&path->address, sizeof(path->address)) == 0 &&
                  listen(fd, 1) == 0 && write(ready[1], "r", 1) == 1;
        if (!ok) {
            _exit(1);
        }
        for (;;) {
            (void)pause();
        }
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    assert_int_equal(chown(path->folder, owner, (gid_t)-1), 0);
    return child;
}

static bool trusts(uid_t user, uid_t owner) {
    char top[] = "/tmp/ravelin-path-XXXXXX";
    struct control_path path = {.address = {.sun_family = AF_UNIX}};
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0711), 0);
    (void)snprintf(path.folder, sizeof(path.folder), "%s/run", top);
    (void)snprintf(path.address.sun_path, sizeof(path.address.sun_path), "%s/run/s", top);
    path.given = path.address;
    pid_t child = start_server(&path, user, owner);
    int fd = control_connect(&path);
    assert_true(fd >= 0);
    bool trusted = control_server_is_trusted(fd, &path);
    (void)close(fd);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    (void)unlink(path.address.sun_path);
    (void)rmdir(path.folder);
    (void)rmdir(top);
    return trusted;
}

static void test_root_believes_the_owner_of_the_folder(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip();
    }
    assert_true(trusts(0, 0));
    assert_true(trusts(NOBODY, NOBODY));
    assert_false(trusts(NOBODY, 0));
    assert_false(trusts(NOBODY, OTHER));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_root_uses_one_folder),
        cmocka_unit_test(test_other_users_have_a_folder_of_their_own),
        cmocka_unit_test(test_root_believes_the_owner_of_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
