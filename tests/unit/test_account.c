// What an exchange leaves in the logs and the counters, without a connection.
#include "exchange/account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 2048 };

struct fixture {
    struct shared shared;
    struct client client;
    struct config config;
    struct generation generation;
    struct choice choice;
    struct account account;
    struct log errors;
    int access_fd;
    int errors_fd;
    char text[65536];
};

static int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    memset(fixture, 0, sizeof(*fixture));
    fixture->access_fd = memfd_create("access", MFD_CLOEXEC);
    fixture->errors_fd = memfd_create("errors", MFD_CLOEXEC);
    log_init(&fixture->errors, fixture->errors_fd, SINK_NO_DAEMON, SEVERITY_INFO, "worker 0");
    fixture->shared.log = &fixture->errors;
    fixture->shared.metrics = metrics_map(1);
    slab_init(&fixture->shared.memory_slab, SHARED_MEMORY_SIZE, 2);
    complaints_init(&fixture->shared.complaints, fixture->shared.log, &fixture->shared.now_ms);
    strcpy(fixture->client.text, "192.0.2.1");
    fixture->client.text_size = (uint8_t)strlen(fixture->client.text);
    fixture->client.port = 1234;
    fixture->generation.config = &fixture->config;
    fixture->choice = (struct choice){
        .shared = &fixture->shared,
        .client = &fixture->client,
        .generation = &fixture->generation,
    };
    account_begin(&fixture->account, &fixture->shared, 0);
    *state = fixture;
    return access_log_init(&fixture->shared.access_log, fixture->access_fd, SINK_NO_DAEMON,
                           ACCESS_FORMAT_JSON, &fixture->errors)
               ? 0
               : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    slab_free(&fixture->shared.memory_slab);
    access_log_free(&fixture->shared.access_log);
    metrics_unmap(fixture->shared.metrics, 1);
    close(fixture->access_fd);
    return close(fixture->errors_fd);
}

static const char *read_all(struct fixture *fixture, int fd) {
    access_log_flush(&fixture->shared.access_log);
    log_flush(&fixture->errors);
    ssize_t size = pread(fd, fixture->text, sizeof(fixture->text) - 1, 0);
    assert_true(size >= 0);
    fixture->text[size] = '\0';
    return fixture->text;
}

// Returns `more` bytes behind the texts.
static char *keep_more(struct fixture *fixture, const char *target, size_t more) {
    struct http_field items[1];
    struct http_fields fields = {items, 0, 1};
    const struct http_request request = {
        .fields = &fields, .method = SLICE("GET"), .target = slice_from(target)};
    return account_keep_request(&fixture->account, &fixture->shared, &request, NULL, more);
}

static void keep(struct fixture *fixture, const char *target) {
    assert_non_null(keep_more(fixture, target, 0));
}

static void close_it(struct fixture *fixture, bool done) {
    account_close(&fixture->account, &fixture->choice, done);
}

static void a_line_tells_what_was_done(void **state) {
    struct fixture *fixture = *state;
    keep(fixture, "/path");
    fixture->account.status = 200;
    fixture->account.request_bytes = 11;
    fixture->account.response_bytes = 22;
    fixture->account.server = "10.0.0.1:80";
    close_it(fixture, true);
    const char *line = read_all(fixture, fixture->access_fd);
    static const char *const parts[] = {"\"192.0.2.1\"",   "\"GET\"",        "\"/path\"",
                                        "\"10.0.0.1:80\"", "\"status\":200", "\"ended\":null"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        assert_non_null(strstr(line, parts[i]));
    }
    const struct metrics_slot *metrics = fixture->shared.metrics;
    assert_int_equal(metrics_sum(metrics, 1, METRIC_responses_2xx), 1);
    assert_int_equal(metrics_sum(metrics, 1, METRIC_request_body_bytes), 11);
    assert_int_equal(metrics_sum(metrics, 1, METRIC_response_body_bytes), 22);
    assert_string_equal(read_all(fixture, fixture->errors_fd), "");
}

static void a_line_has_the_fields_of_its_configuration(void **state) {
    struct fixture *fixture = *state;
    keep(fixture, "/path");
    assert_true(access_fields_add(&fixture->config.access_log_fields, ACCESS_FIELD_TARGET));
    close_it(fixture, true);
    assert_string_equal(read_all(fixture, fixture->access_fd), "{\"target\":\"/path\"}\n");
}

static void statuses_are_counted_by_class(void **state) {
    static const struct {
        uint16_t status;
        enum metric metric;
        uint64_t count;
    } cases[] = {
        {199, METRIC_responses_2xx, 0}, {200, METRIC_responses_2xx, 1},
        {299, METRIC_responses_2xx, 2}, {300, METRIC_responses_3xx, 1},
        {499, METRIC_responses_4xx, 1}, {599, METRIC_responses_5xx, 1},
        {600, METRIC_responses_5xx, 1}, {0, METRIC_responses_2xx, 2},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fixture->account.status = cases[i].status;
        close_it(fixture, true);
        assert_int_equal(metrics_sum(fixture->shared.metrics, 1, cases[i].metric), cases[i].count);
    }
}

static void a_response_cut_by_the_client_says_so(void **state) {
    struct fixture *fixture = *state;
    keep(fixture, "/");
    close_it(fixture, false);
    assert_non_null(strstr(read_all(fixture, fixture->access_fd),
                           "\"ended\":\"the client closed the connection\""));
}

static void a_reason_goes_before_the_cut(void **state) {
    struct fixture *fixture = *state;
    keep(fixture, "/");
    fixture->account.ended = "timed out";
    close_it(fixture, false);
    assert_non_null(strstr(read_all(fixture, fixture->access_fd), "\"ended\":\"timed out\""));
}

static void more_is_kept_behind_the_texts(void **state) {
    struct fixture *fixture = *state;
    char target[2 * SHARED_MEMORY_SIZE]; // from the slab, and beyond
    for (size_t size = 1; size < sizeof(target); size += 7) {
        memset(target, 'a', size);
        target[size] = '\0';
        fixture->account = (struct account){.status = 200};
        char *more = keep_more(fixture, target, size);
        memset(more, 'b', size); // all of it is the caller's
        assert_int_equal(fixture->account.texts->target.size, size < TEXT_MAX ? size : TEXT_MAX);
        assert_memory_equal(fixture->account.texts->target.data, target,
                            fixture->account.texts->target.size);
        assert_true(slice_equal(fixture->account.texts->method, SLICE("GET")));
        close_it(fixture, true); // frees both
    }
}

static void texts_are_cut(void **state) {
    struct fixture *fixture = *state;
    char target[TEXT_MAX + 2];
    for (size_t size = TEXT_MAX - 1; size <= TEXT_MAX + 1; size++) {
        memset(target, 'a', size);
        target[size] = '\0';
        keep(fixture, target);
        assert_int_equal(fixture->account.texts->target.size, size < TEXT_MAX ? size : TEXT_MAX);
        close_it(fixture, true);
    }
}

static void a_refused_request_is_logged_twice(void **state) {
    struct fixture *fixture = *state;
    account_keep_refused(&fixture->account, &fixture->shared,
                         SLICE("GET /x HTTP/1.1\r\nHost: a b\r\n"));
    fixture->account.status = 400;
    fixture->account.answered = true;
    fixture->account.ended = "it is wrong";
    close_it(fixture, true);
    assert_non_null(strstr(read_all(fixture, fixture->errors_fd),
                           "client 192.0.2.1 port 1234: request refused: 400 it is wrong: "
                           "'GET /x HTTP/1.1'"));
    assert_non_null(strstr(read_all(fixture, fixture->access_fd), "\"/x\""));
}

static void an_answer_of_a_server_is_no_refusal(void **state) {
    struct fixture *fixture = *state;
    keep(fixture, "/");
    fixture->account.status = 400;
    fixture->account.ended = "timed out";
    close_it(fixture, true);
    assert_string_equal(read_all(fixture, fixture->errors_fd), "");
}

static void a_slow_head_counts_from_its_first_byte(void **state) {
    struct fixture *fixture = *state;
    struct account account = {.status = 0};
    fixture->shared.turn_us = clock_monotonic_us();
    int64_t since_ms = fixture->shared.turn_us / 1000 - 5000;
    fixture->shared.wall_offset_us = 77;
    account_begin(&account, &fixture->shared, since_ms);
    assert_true(account.head_us >= 4999000);
    assert_int_equal(account.started_us, account.started_mono_us + 77);
    assert_int_equal(account.connect_us, -1);
    assert_int_equal(account.response_us, -1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_line_tells_what_was_done),
        TEST(a_line_has_the_fields_of_its_configuration),
        TEST(statuses_are_counted_by_class),
        TEST(a_response_cut_by_the_client_says_so),
        TEST(a_reason_goes_before_the_cut),
        TEST(more_is_kept_behind_the_texts),
        TEST(texts_are_cut),
        TEST(a_refused_request_is_logged_twice),
        TEST(an_answer_of_a_server_is_no_refusal),
        TEST(a_slow_head_counts_from_its_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
