// Files of keys: which are protected by their mode, by a folder or by a mount of their own.
#include "config/key_file.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CANNOT_MOUNT = 77 };

static char top[40];
static char place[KEY_PLACE_SIZE];

static const char *in(const char *name) {
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % 4];
    (void)snprintf(text, sizeof(texts[0]), "%s/%s", top, name);
    return text;
}

static void write_key(const char *path, mode_t mode) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(top, sizeof(top), "/tmp/ravelin-unit-XXXXXX");
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0755), 0);
    assert_int_equal(mkdir(in("folder"), 0755), 0);
    assert_int_equal(mkdir(in("other"), 0755), 0);
    write_key(in("folder/key"), 0600);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const files[] = {"folder/key", "other/key", "link"};
    for (size_t i = 0; i < 3; i++) {
        (void)unlink(in(files[i]));
    }
    (void)rmdir(in("folder"));
    (void)rmdir(in("other"));
    (void)rmdir(top);
    return 0;
}

static enum key_file judge(const char *path) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status) != 0) {
        abort();
    }
    memset(place, 0, sizeof(place));
    enum key_file result = key_file_judge(fd, &status, place);
    (void)close(fd);
    return result;
}

static enum key_file judge_mode(mode_t mode) {
    assert_int_equal(chmod(in("folder/key"), mode), 0);
    return judge(in("folder/key"));
}

static void test_modes(void **state) {
    (void)state;
    static const struct {
        mode_t mode;
        enum key_file expected;
    } cases[] = {
        {0600, KEY_FILE_PRIVATE},    {0400, KEY_FILE_PRIVATE},    {0640, KEY_FILE_PRIVATE},
        {0440, KEY_FILE_PRIVATE},    {0644, KEY_FILE_EXPOSED},    {0444, KEY_FILE_EXPOSED},
        {0604, KEY_FILE_EXPOSED},    {0666, KEY_FILE_CHANGEABLE}, {0660, KEY_FILE_CHANGEABLE},
        {0602, KEY_FILE_CHANGEABLE},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(judge_mode(cases[i].mode), cases[i].expected);
    }
}

static void test_a_folder_that_others_cannot_enter(void **state) {
    (void)state;
    char expected[KEY_PLACE_SIZE];
    static const mode_t closed[] = {0700, 0750, 0744, 0710};
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        assert_int_equal(chmod(in("folder"), closed[i]), 0);
        assert_int_equal(judge_mode(0644), KEY_FILE_SHIELDED);
        (void)snprintf(expected, sizeof(expected), "folder '%s/folder'", top);
        assert_string_equal(place, expected);
        assert_int_equal(judge_mode(0666), KEY_FILE_CHANGEABLE);
    }
    static const mode_t open[] = {0711, 0701, 0755};
    for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++) {
        assert_int_equal(chmod(in("folder"), open[i]), 0);
        assert_int_equal(judge_mode(0644), KEY_FILE_EXPOSED);
    }
    assert_int_equal(chmod(top, 0700), 0); // any folder above counts
    assert_int_equal(judge_mode(0644), KEY_FILE_SHIELDED);
    (void)snprintf(expected, sizeof(expected), "folder '%s'", top);
    assert_string_equal(place, expected);
}

// The folders of the file count, not those of a link to it; and a second name of the file may be
// anywhere.
static void test_other_ways_to_the_file(void **state) {
    (void)state;
    assert_int_equal(judge_mode(0644), KEY_FILE_EXPOSED);
    assert_int_equal(chmod(in("other"), 0700), 0);
    assert_int_equal(symlink(in("folder/key"), in("other/key")), 0);
    assert_int_equal(judge(in("other/key")), KEY_FILE_EXPOSED);
    assert_int_equal(unlink(in("other/key")), 0);
    assert_int_equal(chmod(in("folder"), 0700), 0);
    assert_int_equal(symlink(in("folder/key"), in("link")), 0);
    assert_int_equal(judge(in("link")), KEY_FILE_SHIELDED);
    assert_int_equal(link(in("folder/key"), in("other/key")), 0);
    assert_int_equal(judge_mode(0644), KEY_FILE_EXPOSED);
}

// --- Mounts, in a process with a mount namespace of its own ---

struct mounting {
    const char *type;
    unsigned long flags;
    const char *options;
    mode_t mode;   // of the key
    bool is_below; // the key is in a folder of the mount
};

static void judge_in_child(const char *point, const struct mounting *mounting) {
    char key[160];
    unsigned long flags = mounting->flags;
    if ((unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
        _exit(CANNOT_MOUNT);
    }
    const char *source = (flags & MS_BIND) != 0 ? in("other") : "none";
    if (mount(source, point, mounting->type, flags & ~(unsigned long)MS_RDONLY,
              mounting->options) != 0) {
        _exit(CANNOT_MOUNT);
    }
    (void)snprintf(key, sizeof(key), "%s/below", point);
    if (mounting->is_below && mkdir(key, 0755) != 0) {
        _exit(CANNOT_MOUNT);
    }
    (void)snprintf(key, sizeof(key), "%s/%skey", point, mounting->is_below ? "below/" : "");
    int fd = open(key, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || fchmod(fd, mounting->mode) != 0 || close(fd) != 0 ||
        ((flags & MS_RDONLY) != 0 &&
         mount(NULL, point, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)) {
        _exit(CANNOT_MOUNT);
    }
    enum key_file result = judge(key);
    int told = open(in("link"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bool written = write(told, place, sizeof(place)) == (ssize_t)sizeof(place);
    _exit(written ? (int)result : CANNOT_MOUNT);
}

static enum key_file judge_mounted(const char *point, struct mounting mounting) {
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        judge_in_child(point, &mounting);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_MOUNT) {
        skip(); // neither root nor user namespaces
    }
    int told = open(in("link"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(told, place, sizeof(place)), sizeof(place));
    (void)close(told);
    return (enum key_file)WEXITSTATUS(status);
}

static void assert_place(const char *kind) {
    char expected[KEY_PLACE_SIZE];
    (void)snprintf(expected, sizeof(expected), "%s '%s/folder'", kind, top);
    assert_string_equal(place, expected);
}

static void test_mounts_of_secrets(void **state) {
    (void)state;
    static const mode_t modes[] = {0444, 0644};
    for (size_t i = 0; i < 2; i++) {
        struct mounting mounting = {"tmpfs", 0, "mode=0755", modes[i], false};
        assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_SHIELDED);
        assert_place("tmpfs mount");
        // The mode of a tmpfs that nobody gave one.
        mounting.options = "mode=1777";
        assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_SHIELDED);
        assert_place("tmpfs mount");
        // As Kubernetes mounts them: open to all, and read-only.
        mounting = (struct mounting){"tmpfs", MS_RDONLY, "mode=1777", modes[i], false};
        assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_SHIELDED);
        assert_place("read-only mount");
        mounting = (struct mounting){NULL, MS_BIND | MS_RDONLY, NULL, modes[i], false};
        assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_SHIELDED);
        assert_place("read-only mount");
    }
}

static void test_mounts_that_protect_nothing(void **state) {
    (void)state;
    // What others may write to.
    struct mounting mounting = {"tmpfs", 0, "mode=0777", 0644, false};
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_EXPOSED);
    mounting.is_below = true;
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_EXPOSED);
    mounting.options = "mode=0755";
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_SHIELDED);
    mounting = (struct mounting){"tmpfs", 0, "mode=0755", 0666, false};
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_CHANGEABLE);
    mounting = (struct mounting){"tmpfs", MS_RDONLY, "mode=0755", 0664, false};
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_CHANGEABLE);
    // A disk that may be written to.
    mounting = (struct mounting){NULL, MS_BIND, NULL, 0644, false};
    assert_int_equal(judge_mounted(in("folder"), mounting), KEY_FILE_EXPOSED);
    // Places of the whole system.
    static const char *const places[] = {"/run", "/dev/shm", "/mnt", "/srv"};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct stat status;
        mounting = (struct mounting){"tmpfs", MS_RDONLY, "mode=0755", 0444, false};
        if (stat(places[i], &status) == 0) {
            assert_int_equal(judge_mounted(places[i], mounting), KEY_FILE_EXPOSED);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_modes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_folder_that_others_cannot_enter, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_ways_to_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mounts_of_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mounts_that_protect_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
