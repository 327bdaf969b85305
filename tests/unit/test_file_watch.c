// Each test has a folder of its own, and does to files what people and programs do to them.
#include "process/file_watch.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct file_watch *watch;

// --- Files ---

// In a ring of a few texts, so that one call can have several.
static const char *at(const char *name) {
    static char texts[8][512];
    static unsigned next;
    char *text = texts[next++ % 8];
    (void)snprintf(text, sizeof(texts[0]), "%s/%s", folder, name);
    return text;
}

static void write_text(const char *name, const char *text) {
    int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void make_folder(const char *name) {
    assert_int_equal(mkdir(at(name), 0700), 0);
}

static void make_link(const char *target, const char *name) {
    assert_int_equal(symlink(target, at(name)), 0);
}

static void move(const char *from, const char *to) {
    assert_int_equal(rename(at(from), at(to)), 0);
}

static void erase(const char *name) {
    assert_int_equal(remove(at(name)), 0);
}

// --- The watch ---

static void watch_all(const char *const *names, size_t count) {
    const char *paths[8];
    char problem[FILE_WATCH_PROBLEM_SIZE] = "left over";
    assert_in_range(count, 0, 8);
    for (size_t i = 0; i < count; i++) {
        paths[i] = at(names[i]);
    }
    file_watch_free(watch);
    watch = file_watch_new(paths, count, problem);
    assert_non_null(watch);
    assert_string_equal(problem, "");
}

static void watch_one(const char *name) {
    watch_all(&name, 1);
}

static bool is_readable(void) {
    struct pollfd readable = {.fd = file_watch_fd(watch), .events = POLLIN};
    return poll(&readable, 1, 0) == 1;
}

// inotify reports at once, before the call that changes something returns.
static void assert_noticed(void) {
    assert_true(is_readable());
    assert_true(file_watch_read(watch));
    assert_false(is_readable());
    assert_false(file_watch_read(watch));
}

static void assert_not_noticed(void) {
    assert_false(file_watch_read(watch));
}

static int set_up(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ravelin-watch-XXXXXX");
    assert_non_null(mkdtemp(folder));
    write_text("cert", "one");
    return 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *place) {
    (void)status, (void)type, (void)place;
    return remove(path);
}

static int tear_down(void **state) {
    (void)state;
    file_watch_free(watch);
    watch = NULL;
    return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

// --- Plain files ---

static void test_nothing_happens(void **state) {
    (void)state;
    watch_one("cert");
    assert_false(is_readable());
    char buffer[8];
    int fd = open(at("cert"), O_RDONLY | O_CLOEXEC); // as who looks at it does
    assert_int_equal(read(fd, buffer, sizeof(buffer)), 3);
    (void)close(fd);
    assert_false(is_readable());
}

static void test_a_file_written_in_place(void **state) {
    (void)state;
    watch_one("cert");
    write_text("cert", "two");
    assert_noticed();
    write_text("cert", "three"); // and again
    assert_noticed();
}

static void test_a_file_renamed_over(void **state) {
    (void)state;
    write_text("new", "two");
    watch_one("cert");
    move("new", "cert");
    assert_noticed();
}

static void test_a_file_linked_or_moved_away_and_back(void **state) {
    (void)state;
    watch_one("cert");
    move("cert", "cert~"); // as editors keep the former text
    assert_noticed();
    assert_int_equal(link(at("cert~"), at("cert")), 0);
    assert_noticed();
}

static void test_a_file_deleted_and_made_again(void **state) {
    (void)state;
    watch_one("cert");
    erase("cert");
    assert_noticed();
    write_text("cert", "two");
    assert_noticed();
}

static void test_a_file_that_comes_later(void **state) {
    (void)state;
    watch_one("later");
    assert_not_noticed();
    write_text("later", "one");
    assert_noticed();
}

static void test_a_file_that_may_be_read_now(void **state) {
    (void)state;
    watch_one("cert");
    assert_int_equal(chmod(at("cert"), 0640), 0);
    assert_noticed();
}

static void test_a_file_written_through_another_name(void **state) {
    (void)state;
    make_folder("elsewhere");
    assert_int_equal(link(at("cert"), at("elsewhere/same")), 0);
    watch_one("cert");
    write_text("elsewhere/same", "two");
    assert_noticed();
}

static void test_other_files_do_not_matter(void **state) {
    (void)state;
    make_folder("sub");
    write_text("sub/cert", "one");
    write_text("other", "one");
    watch_one("sub/cert");
    write_text("other", "two");
    move("other", "another");
    write_text("sub/new", "");
    erase("sub/new");
    write_text("cert", "two"); // the same name in another folder
    assert_not_noticed();
    write_text("sub/cert", "two");
    assert_noticed();
}

static void test_one_change_among_many_others(void **state) {
    (void)state;
    watch_one("cert");
    for (int i = 0; i < 500; i++) {
        write_text("noise", "one");
        erase("noise");
    }
    write_text("cert", "two");
    for (int i = 0; i < 500; i++) {
        write_text("noise", "one");
        erase("noise");
    }
    assert_noticed();
}

// Then anything may have happened.
static void test_more_than_the_kernel_keeps(void **state) {
    (void)state;
    char text[32] = "";
    int fd = open("/proc/sys/fs/inotify/max_queued_events", O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    long limit = strtol(text, NULL, 10);
    (void)close(fd);
    if (size <= 0 || limit > 200000) {
        skip();
    }
    watch_one("cert");
    for (long i = 0; i < limit / 2 + 1; i++) {
        write_text("noise", "one");
        erase("noise");
    }
    assert_noticed();
}

static void test_each_of_several(void **state) {
    (void)state;
    static const char *const names[] = {"cert", "sub/one", "sub/two", "missing/three"};
    make_folder("sub");
    write_text("sub/one", "one");
    watch_all(names, 4);
    write_text("sub/one", "two");
    assert_noticed();
    write_text("sub/two", "two");
    assert_noticed();
    write_text("cert", "two");
    assert_noticed();
    make_folder("missing");
    assert_noticed();
}

static void test_no_files(void **state) {
    (void)state;
    watch_all(NULL, 0);
    write_text("cert", "two");
    assert_not_noticed();
}

// --- Folders ---

static void test_a_folder_replaced(void **state) {
    (void)state;
    make_folder("now");
    make_folder("next");
    write_text("now/cert", "one");
    write_text("next/cert", "two");
    watch_one("now/cert");
    move("now", "before");
    assert_noticed();
    move("next", "now");
    assert_noticed();
}

static void test_a_folder_deleted_and_made_again(void **state) {
    (void)state;
    make_folder("a");
    make_folder("a/b");
    write_text("a/b/cert", "one");
    watch_one("a/b/cert");
    erase("a/b/cert");
    erase("a/b");
    erase("a");
    assert_noticed();
    watch_one("a/b/cert");
    make_folder("a");
    assert_noticed();
    watch_one("a/b/cert"); // who notices watches anew, and looks then
    make_folder("a/b");
    assert_noticed();
    watch_one("a/b/cert");
    write_text("a/b/cert", "two");
    assert_noticed();
}

// --- Links ---

// live/cert is a link into archive/, and is made to lead to the next file there.
static void test_a_link_switched_as_certbot_does(void **state) {
    (void)state;
    make_folder("live");
    make_folder("archive");
    write_text("archive/cert1", "one");
    make_link("../archive/cert1", "live/cert");
    watch_one("live/cert");
    write_text("archive/cert2", "two");
    assert_not_noticed();
    erase("live/cert");
    make_link("../archive/cert2", "live/cert");
    assert_noticed();
    watch_one("live/cert");
    write_text("archive/cert2", "three"); // what it leads to is watched as well
    assert_noticed();
}

// The folder of the files is behind a link that is renamed over.
static void test_a_link_switched_as_kubernetes_does(void **state) {
    (void)state;
    make_folder("tls");
    make_folder("tls/..1");
    write_text("tls/..1/cert", "one");
    make_link("..1", "tls/..data");
    make_link("..data/cert", "tls/cert");
    watch_one("tls/cert");
    make_folder("tls/..2");
    write_text("tls/..2/cert", "two");
    make_link("..2", "tls/..data_tmp");
    assert_not_noticed();
    move("tls/..data_tmp", "tls/..data");
    assert_noticed();
    watch_one("tls/cert");
    write_text("tls/..1/cert", "three"); // nobody's any more
    assert_not_noticed();
    write_text("tls/..2/cert", "three");
    assert_noticed();
}

static void test_a_link_in_the_middle_of_the_path(void **state) {
    (void)state;
    make_folder("releases");
    make_folder("releases/1");
    make_folder("releases/1/tls");
    write_text("releases/1/tls/cert", "one");
    make_folder("releases/2");
    make_folder("releases/2/tls");
    write_text("releases/2/tls/cert", "two");
    make_link("releases/1", "current");
    watch_one("current/tls/cert");
    make_link("releases/2", "next");
    assert_not_noticed();
    move("next", "current");
    assert_noticed();
}

static void test_absolute_links_and_odd_paths(void **state) {
    (void)state;
    make_folder("a");
    make_folder("b");
    write_text("b/cert", "one");
    make_link(at("b/../b/./cert"), "a/cert");
    watch_one("a/..//a/./cert");
    write_text("b/cert", "two");
    assert_noticed();
    watch_one("a/cert");
    write_text("b/new", "three");
    assert_not_noticed();
    move("b/new", "b/cert");
    assert_noticed();
}

static void test_a_link_that_leads_nowhere(void **state) {
    (void)state;
    make_link("missing", "cert2");
    watch_one("cert2");
    write_text("missing", "one");
    assert_noticed();
}

static void test_links_in_a_circle(void **state) {
    (void)state;
    make_link("b", "a");
    make_link("a", "b");
    watch_one("a/cert");
    erase("b");
    assert_noticed();
    make_folder("b");
    write_text("b/cert", "one");
    assert_noticed();
}

static void test_paths_that_are_too_long(void **state) {
    (void)state;
    static char path[9000];
    const char *const paths[] = {path};
    char problem[FILE_WATCH_PROBLEM_SIZE];
    for (size_t size = 200; size < sizeof(path); size += 800) {
        memset(path, 'x', size);
        path[0] = '/';
        for (size_t i = 0; size > 300 && i < size; i += 100) {
            path[i] = '/';
        }
        path[size] = '\0';
        file_watch_free(watch);
        watch = file_watch_new(paths, 1, problem);
        assert_non_null(watch);
        assert_string_equal(problem, "");
    }
    // A link whose target makes the rest too long.
    memset(path, 0, sizeof(path));
    for (size_t i = 0; i < 4000; i += 2) {
        memcpy(path + i, "./", 2);
    }
    make_link(path, "long");
    size_t size = (size_t)snprintf(path, sizeof(path), "%s/long/", folder);
    for (; size < 3000; size += 8) {
        memcpy(path + size, "cert/../", 9);
    }
    file_watch_free(watch);
    watch = file_watch_new(paths, 1, problem);
    assert_non_null(watch);
    assert_string_equal(problem, "");
}

// --- Limits. A child meets them; its exit status tells what it saw ---

static int run_child(int (*function)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        _exit(function());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool has_words(const char *text, const char *one, const char *other) {
    return strstr(text, one) != NULL && strstr(text, other) != NULL;
}

static int meet_no_descriptors(void) {
    const struct rlimit none = {0, 0};
    const char *const paths[] = {at("cert")};
    char problem[FILE_WATCH_PROBLEM_SIZE];
    (void)setrlimit(RLIMIT_NOFILE, &none);
    return file_watch_new(paths, 1, problem) == NULL &&
                   has_words(problem, "cannot watch files", "max_user_instances")
               ? 42
               : 1;
}

static void test_no_watch_at_all_is_told(void **state) {
    (void)state;
    assert_int_equal(run_child(meet_no_descriptors), 42);
}

enum { CANNOT_TRY = 77 };

// A user namespace has limits of its own.
static int meet_few_watches(void) {
    const char *const paths[] = {at("cert"), at("other"), at("sub/third")};
    char problem[FILE_WATCH_PROBLEM_SIZE];
    int fd = unshare(CLONE_NEWUSER) == 0
                 ? open("/proc/sys/user/max_inotify_watches", O_WRONLY | O_CLOEXEC)
                 : -1;
    if (fd < 0 || write(fd, "2", 1) != 1) {
        return CANNOT_TRY;
    }
    struct file_watch *few = file_watch_new(paths, 3, problem);
    return few == NULL ? 1 : !has_words(problem, "cannot watch files", "max_user_watches") ? 2 : 42;
}

static void test_too_few_watches_are_told(void **state) {
    (void)state;
    int seen = run_child(meet_few_watches);
    if (seen == CANNOT_TRY) {
        skip();
    }
    assert_int_equal(seen, 42);
}

static int meet_closed_folders(void) {
    const char *const passed[] = {at("passed/open/cert")};
    const char *const closed[] = {at("passed/closed/cert")};
    char problem[FILE_WATCH_PROBLEM_SIZE];
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) {
        return 1;
    }
    // One that may be passed but not listed, on the way: nothing to tell.
    if (file_watch_new(passed, 1, problem) == NULL || problem[0] != '\0') {
        return 2;
    }
    // The one of the file itself: what replaces the file would not be noticed.
    return file_watch_new(closed, 1, problem) == NULL            ? 3
           : !has_words(problem, closed[0], "Permission denied") ? 4
                                                                 : 42;
}

static void test_a_folder_that_cannot_be_watched_is_told(void **state) {
    (void)state;
    make_folder("passed");
    make_folder("passed/open");
    make_folder("passed/closed");
    write_text("passed/open/cert", "one");
    write_text("passed/closed/cert", "one");
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(at("passed/open/cert"), 0644), 0);
    assert_int_equal(chmod(at("passed/closed/cert"), 0644), 0);
    assert_int_equal(chmod(at("passed/open"), 0755), 0);
    // Neither the owner nor others may list: root becomes another user, a normal user is the owner.
    assert_int_equal(chmod(at("passed/closed"), 0311), 0);
    assert_int_equal(chmod(at("passed"), 0311), 0);
    int seen = run_child(meet_closed_folders);
    assert_int_equal(chmod(at("passed"), 0755), 0);
    assert_int_equal(chmod(at("passed/closed"), 0755), 0);
    assert_int_equal(seen, 42);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_happens),
        TEST(test_a_file_written_in_place),
        TEST(test_a_file_renamed_over),
        TEST(test_a_file_linked_or_moved_away_and_back),
        TEST(test_a_file_deleted_and_made_again),
        TEST(test_a_file_that_comes_later),
        TEST(test_a_file_that_may_be_read_now),
        TEST(test_a_file_written_through_another_name),
        TEST(test_other_files_do_not_matter),
        TEST(test_one_change_among_many_others),
        TEST(test_more_than_the_kernel_keeps),
        TEST(test_each_of_several),
        TEST(test_no_files),
        TEST(test_a_folder_replaced),
        TEST(test_a_folder_deleted_and_made_again),
        TEST(test_a_link_switched_as_certbot_does),
        TEST(test_a_link_switched_as_kubernetes_does),
        TEST(test_a_link_in_the_middle_of_the_path),
        TEST(test_absolute_links_and_odd_paths),
        TEST(test_a_link_that_leads_nowhere),
        TEST(test_links_in_a_circle),
        TEST(test_paths_that_are_too_long),
        TEST(test_no_watch_at_all_is_told),
        TEST(test_too_few_watches_are_told),
        TEST(test_a_folder_that_cannot_be_watched_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
