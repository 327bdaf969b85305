// When the master looks at changed files, under a clock of the test's own.
#include "process/auto_reload.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct auto_reload automatic;
    struct log log;
    struct config config;
    struct config_site site;
    struct config_certificate certificate;
    char folder[64], certificate_path[96], key_path[96], log_path[96];
};

static struct fixture fixture;

// --- What stands in for the world ---

static double now_s; // what the clocks say
static bool no_inotify;
static bool is_busy; // a reload is under way
static unsigned looks;
static double look_takes_s;

int clock_gettime(clockid_t clock, struct timespec *now) {
    (void)clock;
    *now = (struct timespec){(time_t)now_s, (long)((now_s - (double)(time_t)now_s) * 1e9)};
    return 0;
}

int inotify_init1(int flags) {
    if (no_inotify) {
        errno = EMFILE;
        return -1;
    }
    return (int)syscall(SYS_inotify_init1, flags);
}

static bool may_begin(void *context) {
    assert_ptr_equal(context, &fixture);
    return !is_busy;
}

static void begin(void *context) {
    assert_ptr_equal(context, &fixture);
    looks++;
    now_s += look_takes_s;
    auto_reload_note_read(&fixture.automatic);
}

static void let_pass(double seconds) {
    now_s += seconds;
    for (int i = 0; i < 3; i++) {
        now_s += 0.0001; // a timer is due when its time is over
        ev_run(fixture.automatic.loop, EVRUN_NOWAIT);
    }
}

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static void change(void) {
    write_file(fixture.certificate_path, "something");
    let_pass(0.);
}

static size_t count_in_log(const char *wanted) {
    static char text[65536];
    int fd = open(fixture.log_path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    size_t count = 0;
    (void)close(fd);
    text[size < 0 ? 0 : size] = '\0';
    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted)) {
        count++;
    }
    return count;
}

// --- Fixture ---

static const char *path_in(char *text, size_t size, const char *name) {
    (void)snprintf(text, size, "%s/%s", fixture.folder, name);
    return text;
}

static int set_up(void **state) {
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    now_s = 1e6;
    no_inotify = false;
    is_busy = false;
    looks = 0;
    look_takes_s = 0;
    (void)snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/ravelin-auto-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    path_in(fixture.certificate_path, sizeof(fixture.certificate_path), "cert");
    path_in(fixture.key_path, sizeof(fixture.key_path), "key");
    path_in(fixture.log_path, sizeof(fixture.log_path), "log");
    write_file(fixture.certificate_path, "one");
    fixture.certificate = (struct config_certificate){.certificate_path = fixture.certificate_path,
                                                      .key_path = fixture.key_path};
    fixture.site =
        (struct config_site){.certificates = &fixture.certificate, .certificate_count = 1};
    fixture.config = (struct config){
        .tls = {.certificate_watch = true}, .sites = &fixture.site, .site_count = 1};
    int log = open(fixture.log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    log_init(&fixture.log, log, SINK_NO_DAEMON, SEVERITY_DEBUG, "master");
    fixture.automatic = (struct auto_reload){
        .loop = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV),
        .log = &fixture.log,
        .handler = {.may_begin = may_begin, .begin = begin, .context = &fixture},
    };
    auto_reload_use(&fixture.automatic, &fixture.config);
    return fixture.automatic.loop == NULL || log < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    char other[96];
    auto_reload_stop(&fixture.automatic);
    ev_loop_destroy(fixture.automatic.loop);
    (void)close(fixture.log.sink.fd);
    (void)unlink(fixture.certificate_path);
    (void)unlink(fixture.log_path);
    (void)unlink(path_in(other, sizeof(other), "other"));
    return rmdir(fixture.folder);
}

// Turned on, and the look at the start is over.
static void start(void) {
    auto_reload_update(&fixture.automatic);
    let_pass(0.);
    assert_int_equal(looks, 1);
    looks = 0;
}

// Not before, and then once.
static void assert_looks_after(double seconds) {
    assert_int_equal(looks, 0);
    let_pass(seconds - 0.01);
    assert_int_equal(looks, 0);
    let_pass(0.02);
    assert_int_equal(looks, 1);
    looks = 0;
}

static void assert_looks_no_more(void) {
    let_pass(10000.);
    assert_int_equal(looks, 0);
}

// --- Changes ---

static void test_one_look_at_the_start(void **state) {
    (void)state;
    assert_int_equal(fixture.automatic.state, AUTO_RELOAD_OFF);
    start();
    assert_int_equal(fixture.automatic.state, AUTO_RELOAD_WATCHING);
    assert_int_equal(fixture.automatic.outcome, AUTO_RELOAD_NEVER);
    assert_looks_no_more();
}

static void test_a_change_is_looked_at_once_after_a_pause(void **state) {
    (void)state;
    start();
    change();
    change();
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
    assert_looks_no_more();
    change();
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

static void test_while_changes_go_on_the_pause_grows(void **state) {
    (void)state;
    static const double pauses[] = {1, 2, 4, 8, 16, 32, 60, 60, 60};
    start();
    for (size_t i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++) {
        change();
        assert_looks_after(pauses[i]);
    }
    let_pass(AUTO_RELOAD_CALM_S);
    change();
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

static void test_a_look_that_takes_long_is_not_taken_often(void **state) {
    (void)state;
    look_takes_s = 3;
    start();
    let_pass(AUTO_RELOAD_CALM_S);
    change();
    assert_looks_after(30);
}

static void test_in_a_pause_nothing_wakes_the_master(void **state) {
    (void)state;
    start();
    change();
    assert_false(ev_is_active(&fixture.automatic.change));
    let_pass(AUTO_RELOAD_PAUSE_S);
    assert_true(ev_is_active(&fixture.automatic.change));
}

static void test_other_files_wake_it_now_and_then(void **state) {
    (void)state;
    char other[96];
    start();
    for (int i = 0; i < 5; i++) {
        write_file(path_in(other, sizeof(other), "other"), "something");
        let_pass(0.);
        assert_false(ev_is_active(&fixture.automatic.change));
        let_pass(AUTO_RELOAD_REST_S + 0.01);
        assert_true(ev_is_active(&fixture.automatic.change));
    }
    assert_looks_no_more();
    change();
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

static void test_what_comes_in_a_rest_is_not_missed(void **state) {
    (void)state;
    char other[96];
    start();
    write_file(path_in(other, sizeof(other), "other"), "something");
    let_pass(0.);
    change();
    let_pass(AUTO_RELOAD_REST_S + 0.01);
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

static void test_a_reload_under_way_is_waited_for(void **state) {
    (void)state;
    start();
    change();
    is_busy = true;
    let_pass(10 * AUTO_RELOAD_PAUSE_S);
    assert_int_equal(looks, 0);
    is_busy = false;
    let_pass(AUTO_RELOAD_PAUSE_S);
    assert_int_equal(looks, 1);
}

// --- How it ends ---

static void test_files_that_are_no_good_are_looked_at_again(void **state) {
    (void)state;
    struct auto_reload *automatic = &fixture.automatic;
    start();
    assert_true(auto_reload_is_news(automatic, "a.conf:1: no good\nb"));
    auto_reload_note_end(automatic, 2, "a.conf:1: no good\nb");
    assert_false(auto_reload_is_news(automatic, "a.conf:1: no good\nb"));
    assert_true(auto_reload_is_news(automatic, "a.conf:1: no good\nc"));
    assert_int_equal(automatic->outcome, AUTO_RELOAD_FAILED);
    assert_string_equal(automatic->ending, "a.conf:1: no good");
    assert_true(automatic->ended_us == (int64_t)(now_s * 1e6));
    assert_looks_after(AUTO_RELOAD_RETRY_S);
    assert_looks_no_more(); // unless that one fails, too
    auto_reload_note_end(automatic, 2, "a.conf:1: no good\nb");
    let_pass(1.);
    change(); // comes first
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
    assert_looks_no_more();
}

static void test_what_was_wrong_is_news_again_after_it_was_right(void **state) {
    (void)state;
    struct auto_reload *automatic = &fixture.automatic;
    start();
    auto_reload_note_end(automatic, 2, "no good");
    auto_reload_note_same(automatic);
    assert_true(auto_reload_is_news(automatic, "no good"));
    auto_reload_note_end(automatic, 2, "no good");
    auto_reload_note_end(automatic, 0, "reloaded");
    assert_true(auto_reload_is_news(automatic, "no good"));
    assert_int_equal(automatic->outcome, AUTO_RELOAD_SUCCEEDED);
    auto_reload_note_end(automatic, 2, "no good");
    auto_reload_update(automatic); // a reload by hand
    assert_true(auto_reload_is_news(automatic, "no good"));
}

// --- What cannot be watched ---

static void test_without_inotify_it_says_so_once_and_tries_again(void **state) {
    (void)state;
    struct auto_reload *automatic = &fixture.automatic;
    no_inotify = true;
    start();
    assert_int_equal(automatic->state, AUTO_RELOAD_BLIND);
    assert_non_null(strstr(automatic->problem, "max_user_instances"));
    for (int i = 0; i < 3; i++) {
        assert_looks_after(AUTO_RELOAD_RETRY_S); // what changed meanwhile is seen then
    }
    assert_int_equal(count_in_log("warning master"), 1);
    assert_int_equal(count_in_log("max_user_instances): reload by hand"), 1);
    no_inotify = false;
    assert_looks_after(AUTO_RELOAD_RETRY_S);
    assert_int_equal(automatic->state, AUTO_RELOAD_WATCHING);
    assert_string_equal(automatic->problem, "");
    change();
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
    assert_looks_no_more();
}

// --- On and off ---

static void test_off_is_off(void **state) {
    (void)state;
    struct auto_reload *automatic = &fixture.automatic;
    start();
    change();
    fixture.config.tls.certificate_watch = false;
    auto_reload_update(&fixture.automatic);
    assert_int_equal(automatic->state, AUTO_RELOAD_OFF);
    assert_null(automatic->files);
    assert_looks_no_more();
    change();
    assert_looks_no_more();
    auto_reload_update(&fixture.automatic); // as little
    assert_looks_no_more();
    fixture.config.tls.certificate_watch = true;
    start();
    assert_non_null(automatic->files);
    auto_reload_stop(&fixture.automatic);
    auto_reload_stop(&fixture.automatic);
    change();
    assert_looks_no_more();
}

static void test_it_tells_when_it_is_turned_on_or_off(void **state) {
    (void)state;
    start();
    start(); // a reload by hand
    assert_int_equal(count_in_log("certificate-watch: reloading when files change"), 1);
    fixture.config.tls.certificate_watch = false;
    auto_reload_update(&fixture.automatic);
    auto_reload_update(&fixture.automatic);
    assert_int_equal(count_in_log("certificate-watch: off"), 1);
}

static void test_other_paths_after_a_reload_by_hand(void **state) {
    (void)state;
    char other[96];
    start();
    fixture.certificate.certificate_path =
        (char *)(uintptr_t)path_in(other, sizeof(other), "other");
    start();
    change(); // of the former
    assert_looks_no_more();
    write_file(other, "something");
    let_pass(0.);
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

// Its own reload brings another generation, with other paths.
static void test_other_paths_after_a_reload_by_itself(void **state) {
    (void)state;
    char other[96];
    start();
    struct config_certificate certificate = fixture.certificate;
    struct config_site site = {.certificates = &certificate, .certificate_count = 1};
    struct config config = fixture.config;
    certificate.certificate_path = (char *)(uintptr_t)path_in(other, sizeof(other), "other");
    config.sites = &site;
    auto_reload_use(&fixture.automatic, &config);
    auto_reload_note_end(&fixture.automatic, 0, "reloaded");
    change(); // of the former: noticed, since nothing has been looked at again
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
    change();
    assert_looks_no_more();
    write_file(other, "something");
    let_pass(0.);
    assert_looks_after(AUTO_RELOAD_PAUSE_S);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_look_at_the_start),
        TEST(test_a_change_is_looked_at_once_after_a_pause),
        TEST(test_while_changes_go_on_the_pause_grows),
        TEST(test_a_look_that_takes_long_is_not_taken_often),
        TEST(test_in_a_pause_nothing_wakes_the_master),
        TEST(test_other_files_wake_it_now_and_then),
        TEST(test_what_comes_in_a_rest_is_not_missed),
        TEST(test_a_reload_under_way_is_waited_for),
        TEST(test_files_that_are_no_good_are_looked_at_again),
        TEST(test_what_was_wrong_is_news_again_after_it_was_right),
        TEST(test_without_inotify_it_says_so_once_and_tries_again),
        TEST(test_off_is_off),
        TEST(test_it_tells_when_it_is_turned_on_or_off),
        TEST(test_other_paths_after_a_reload_by_hand),
        TEST(test_other_paths_after_a_reload_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
