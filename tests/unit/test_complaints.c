// Lines of the log that clients and servers can cause: a burst, then a few a second, and how many
// were left out.
#include "exchange/complaints.h"

#include "backend/backend.h"
#include "exchange/shared.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct shared shared;
    struct generation generation;
    struct backend_set backends;
    struct backend backend;
    struct server servers[2];
    struct config_backend backend_config;
    struct config_server server_configs[2];
    struct log log;
    int file;
    char text[65536];
};

static int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    static const char *const addresses[] = {"10.0.0.1:80", "10.0.0.2:80"};
    memset(fixture, 0, sizeof(*fixture));
    fixture->file = memfd_create("log", MFD_CLOEXEC);
    log_init(&fixture->log, fixture->file, SINK_NO_DAEMON, SEVERITY_INFO, "worker 0");
    fixture->shared.log = &fixture->log;
    fixture->shared.now_ms = 1000000;
    complaints_init(&fixture->shared.complaints, fixture->shared.log, &fixture->shared.now_ms);
    fixture->backend_config.name = (char *)(uintptr_t) "web";
    fixture->backend = (struct backend){
        .config = &fixture->backend_config, .servers = fixture->servers, .server_count = 2};
    for (size_t i = 0; i < 2; i++) {
        fixture->server_configs[i].text = (char *)(uintptr_t)addresses[i];
        fixture->servers[i] = (struct server){
            .config = &fixture->server_configs[i],
            .text = addresses[i],
            .backend = &fixture->backend,
            .lines = {.interval_ms = SERVER_LINES_INTERVAL_MS, .burst = SERVER_LINES_BURST},
        };
    }
    fixture->backends = (struct backend_set){.backends = &fixture->backend, .count = 1};
    fixture->generation.backends = &fixture->backends;
    fixture->shared.current = &fixture->generation;
    *state = fixture;
    return fixture->file < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    return close(fixture->file);
}

// How many lines of the log hold the text, and forgets the log.
static unsigned count_lines(struct fixture *fixture, const char *text) {
    ssize_t size = pread(fixture->file, fixture->text, sizeof(fixture->text) - 1, 0);
    assert_true(size >= 0);
    fixture->text[size] = '\0';
    unsigned count = 0;
    for (const char *at = fixture->text; (at = strstr(at, text)) != NULL; at++) {
        count++;
    }
    assert_int_equal(ftruncate(fixture->file, 0), 0);
    assert_int_equal(lseek(fixture->file, 0, SEEK_SET), 0);
    return count;
}

static void tick(struct fixture *fixture, int seconds) {
    for (int i = 0; i < seconds; i++) {
        fixture->shared.now_ms += 1000;
        complaints_tick(&fixture->shared.complaints,
                        fixture->shared.current == NULL ? NULL : fixture->shared.current->backends);
    }
}

static void test_a_flood_of_one_kind_is_a_burst_and_a_number(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 500; i++) {
        complain(&fixture->shared.complaints, COMPLAINT_LIMIT, SEVERITY_WARNING,
                 "client %d: closed", i);
    }
    assert_int_equal(count_lines(fixture, ": closed\n"), COMPLAINTS_BURST);
    tick(fixture, 3);
    assert_int_equal(count_lines(fixture, ": 480 more lines about connections over a limit "
                                          "were left out\n"),
                     1);
    tick(fixture, 10);
    assert_int_equal(count_lines(fixture, "\n"), 0);
}

static void test_the_number_comes_before_the_next_line(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < COMPLAINTS_BURST + 3; i++) {
        complain(&fixture->shared.complaints, COMPLAINT_FORWARDED, SEVERITY_WARNING, "flood");
    }
    fixture->shared.now_ms += 1000;
    complain(&fixture->shared.complaints, COMPLAINT_FORWARDED, SEVERITY_WARNING, "next");
    assert_int_equal(count_lines(fixture, ": 3 more lines about forwarding headers"), 1);
    assert_true(strstr(fixture->text, ": 3 more lines") < strstr(fixture->text, ": next\n"));
}

static void test_kinds_do_not_hide_each_other(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 500; i++) {
        complain(&fixture->shared.complaints, COMPLAINT_LIMIT, SEVERITY_WARNING, "flood");
    }
    complain(&fixture->shared.complaints, COMPLAINT_PROXY_HEADER, SEVERITY_INFO, "another");
    assert_int_equal(count_lines(fixture, ": another\n"), 1);
}

static void test_what_the_level_does_not_want_counts_for_nothing(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 500; i++) {
        complain(&fixture->shared.complaints, COMPLAINT_PROBE, SEVERITY_DEBUG, "probe");
    }
    tick(fixture, 100);
    assert_int_equal(count_lines(fixture, "\n"), 0);
}

static void test_a_broken_server_does_not_hide_another(void **state) {
    struct fixture *fixture = *state;
    for (int i = 0; i < 500; i++) {
        complain_of_server(&fixture->shared.complaints, &fixture->servers[0], "it %s", "broke");
    }
    complain_of_server(&fixture->shared.complaints, &fixture->servers[1], "too");
    assert_int_equal(count_lines(fixture, "backend web: server 10.0.0.1:80: it broke\n"),
                     SERVER_LINES_BURST);
    assert_non_null(strstr(fixture->text, "backend web: server 10.0.0.2:80: too\n"));
    tick(fixture, 3);
    assert_int_equal(count_lines(fixture, "server 10.0.0.1:80: 480 more lines were left out\n"), 1);
    tick(fixture, 10);
    assert_int_equal(count_lines(fixture, "\n"), 0);
    assert_false(fixture->shared.complaints.about_servers);
}

static void test_a_text_from_outside_stays_one_line(void **state) {
    struct fixture *fixture = *state;
    static char large[4096];
    memset(large, '\n', sizeof(large) - 1);
    complain(&fixture->shared.complaints, COMPLAINT_FORWARDED, SEVERITY_WARNING, "%s", large);
    assert_int_equal(count_lines(fixture, "\n"), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_flood_of_one_kind_is_a_burst_and_a_number),
        TEST(test_the_number_comes_before_the_next_line),
        TEST(test_kinds_do_not_hide_each_other),
        TEST(test_what_the_level_does_not_want_counts_for_nothing),
        TEST(test_a_broken_server_does_not_hide_another),
        TEST(test_a_text_from_outside_stays_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
