// What a service manager is told, by datagrams to a socket of the test's own.
#include "process/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state) {
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/ravelin-notify-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state) {
    (void)state;
    return rmdir(folder);
}

// --- Messages ---

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

// --- States ---

// The manager's socket, which NOTIFY_SOCKET names.
static struct sockaddr_un manager_address;

static int open_manager(void) {
    manager_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    (void)snprintf(manager_address.sun_path, sizeof(manager_address.sun_path), "%s/notify", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&manager_address, sizeof(manager_address)),
                     0);
    assert_int_equal(setenv("NOTIFY_SOCKET", manager_address.sun_path, 1), 0);
    return fd;
}

static void close_manager(int fd) {
    (void)close(fd);
    (void)unlink(manager_address.sun_path);
    (void)unsetenv("NOTIFY_SOCKET");
}

// The next message; empty if there is none.
static const char *receive(int fd) {
    static char text[NOTIFY_SIZE + 1];
    ssize_t size = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[size < 0 ? 0 : size] = '\0';
    return text;
}

static void test_states(void **state) {
    (void)state;
    struct notifier notifier = {.untold = ""};
    int fd = open_manager();
    notifier_tell(&notifier, NOTICE_READY, "%u workers", 3U);
    assert_string_equal(receive(fd), "READY=1\nSTATUS=3 workers");
    notifier_tell(&notifier, NOTICE_STOPPING, "%s", "draining");
    assert_string_equal(receive(fd), "STOPPING=1\nSTATUS=draining");
    notifier_tell(&notifier, NOTICE_STATUS, "%s", "well");
    assert_string_equal(receive(fd), "STATUS=well");
    close_manager(fd);
}

// systemd compares the time with that of its own request.
static void test_a_reload_comes_with_its_time(void **state) {
    (void)state;
    static const char START[] = "RELOADING=1\nMONOTONIC_USEC=";
    struct notifier notifier = {.untold = ""};
    struct timespec before;
    struct timespec after;
    int fd = open_manager();
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &before), 0);
    notifier_tell(&notifier, NOTICE_RELOADING, "%s", "reloading");
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &after), 0);
    const char *text = receive(fd);
    char *end;
    assert_memory_equal(text, START, strlen(START));
    uint64_t time_us = strtoull(text + strlen(START), &end, 10);
    assert_string_equal(end, "\nSTATUS=reloading");
    assert_in_range(time_us, (uint64_t)before.tv_sec * 1000000 + (uint64_t)before.tv_nsec / 1000,
                    (uint64_t)after.tv_sec * 1000000 + (uint64_t)after.tv_nsec / 1000);
    close_manager(fd);
}

// A line of it could be a message of its own.
static void test_a_status_is_one_line(void **state) {
    (void)state;
    struct notifier notifier = {.untold = ""};
    char longest[2 * NOTIFY_SIZE];
    int fd = open_manager();
    notifier_tell(&notifier, NOTICE_STATUS, "%s", "r.conf:1: \x1b[1mwrong\nMAINPID=1");
    assert_string_equal(receive(fd), "STATUS=r.conf:1: ?[1mwrong");
    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    notifier_tell(&notifier, NOTICE_READY, "%s", longest);
    const char *text = receive(fd);
    assert_int_equal(strlen(text), NOTIFY_SIZE - 1);
    assert_memory_equal(text, "READY=1\nSTATUS=xxx", 18);
    close_manager(fd);
}

static void test_what_is_not_accepted_is_sent_later(void **state) {
    (void)state;
    struct notifier notifier = {.untold = ""};
    int fd = open_manager();
    while (notify_manager("X")) {
    }
    notifier_tell(&notifier, NOTICE_RELOADING, "%s", "reloading");
    notifier_tell(&notifier, NOTICE_READY, "%s", "well");    // replaces it
    notifier_tell(&notifier, NOTICE_STATUS, "%s", "better"); // replaces its status
    notifier_retry(&notifier);
    while (strcmp(receive(fd), "X") == 0) {
    }
    notifier_retry(&notifier);
    assert_string_equal(receive(fd), "READY=1\nSTATUS=better");
    notifier_retry(&notifier);
    assert_string_equal(receive(fd), "");
    close_manager(fd);
}

// --- The watchdog ---

static bool is_watched(const char *interval, const char *pid) {
    struct notifier notifier = {.untold = ""};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    assert_non_null(loop);
    assert_int_equal(
        interval == NULL ? unsetenv("WATCHDOG_USEC") : setenv("WATCHDOG_USEC", interval, 1), 0);
    assert_int_equal(pid == NULL ? unsetenv("WATCHDOG_PID") : setenv("WATCHDOG_PID", pid, 1), 0);
    notifier_start_watchdog(&notifier, loop);
    bool is_on = ev_is_active(&notifier.watchdog);
    assert_true(!is_on || notifier.watchdog.repeat == 5.);
    notifier_stop(&notifier);
    assert_false(ev_is_active(&notifier.watchdog));
    notifier_stop(&notifier);
    ev_loop_destroy(loop);
    return is_on;
}

static void test_the_watchdog_is_for_who_is_asked(void **state) {
    (void)state;
    char own[32];
    (void)snprintf(own, sizeof(own), "%ld", (long)getpid());
    assert_true(is_watched("10000000", own));
    assert_true(is_watched("10000000", NULL));
    assert_false(is_watched("10000000", "1"));
    assert_false(is_watched(NULL, own));
    assert_false(is_watched("0", own));
    assert_false(is_watched("-5", own));
    assert_false(is_watched("soon", own));
}

static void test_the_watchdog_hears_from_it_twice_an_interval(void **state) {
    (void)state;
    struct notifier notifier = {.untold = ""};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    int fd = open_manager();
    assert_int_equal(setenv("WATCHDOG_USEC", "2000", 1), 0);
    assert_int_equal(unsetenv("WATCHDOG_PID"), 0);
    notifier_start_watchdog(&notifier, loop);
    for (int i = 0; i < 3; i++) {
        ev_run(loop, EVRUN_ONCE);
        assert_string_equal(receive(fd), "WATCHDOG=1");
    }
    notifier_stop(&notifier);
    ev_loop_destroy(loop);
    close_manager(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_manager_is_told),
        cmocka_unit_test(test_a_manager_that_stands_still_is_not_waited_for),
        cmocka_unit_test(test_no_manager_or_a_bad_name_is_no_matter),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_a_reload_comes_with_its_time),
        cmocka_unit_test(test_a_status_is_one_line),
        cmocka_unit_test(test_what_is_not_accepted_is_sent_later),
        cmocka_unit_test(test_the_watchdog_is_for_who_is_asked),
        cmocka_unit_test(test_the_watchdog_hears_from_it_twice_an_interval),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
