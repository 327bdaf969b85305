// The history of the status page, and the page itself.
#include "monitor/history.h"

#include "monitor/page.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 2 };

static struct history history;
static struct metrics_slot *map;

static int set_up(void **state) {
    (void)state;
    memset(&history, 0, sizeof(history));
    map = metrics_map(SLOTS);
    return map == NULL;
}

static int tear_down(void **state) {
    (void)state;
    metrics_unmap(map, SLOTS);
    return 0;
}

static const char *drawn(void) {
    static char text[65536];
    struct json json = json_into(text, sizeof(text));
    json_open(&json, NULL, '{');
    history_to_json(&history, &json);
    json_close(&json, '}');
    assert_false(json.failed);
    return text;
}

static void test_each_step_has_what_was_counted_in_it(void **state) {
    (void)state;
    metric_add(&map[0], METRIC_requests, 100); // before the monitor began
    history_begin(&history, map, SLOTS);
    metric_add(&map[0], METRIC_requests, 3);
    metric_add(&map[1], METRIC_requests, 4);
    metric_add(&map[1], METRIC_group_x25519mlkem768, 2);
    history_step(&history, map, SLOTS, 7000000);
    metric_add(&map[1], METRIC_responses_5xx, 1);
    history_step(&history, map, SLOTS, 12000000);
    assert_non_null(strstr(drawn(), "\"step\":5,\"end\":12,\"requests\":[7,0],\"errors\":[0,1]"));
    assert_non_null(strstr(drawn(), "\"X25519MLKEM768\":[2,0]"));
}

static void test_the_last_points_are_kept(void **state) {
    (void)state;
    history_begin(&history, map, SLOTS);
    for (unsigned i = 0; i < HISTORY_POINTS + 2; i++) {
        metric_add(&map[0], METRIC_requests, i);
        history_step(&history, map, SLOTS, (int64_t)i * 1000000);
    }
    assert_non_null(strstr(drawn(), "\"requests\":[2,3,4,"));
    assert_non_null(strstr(drawn(), ",179,180,181],"));
}

// A worker that was taken over can write anything.
static void test_counters_that_go_back(void **state) {
    (void)state;
    metric_set(&map[0], METRIC_requests, UINT64_MAX);
    metric_add(&map[1], METRIC_requests, 5);
    history_begin(&history, map, SLOTS);
    metric_set(&map[0], METRIC_requests, 0);
    history_step(&history, map, SLOTS, 1);
    metric_set(&map[0], METRIC_requests, UINT64_MAX);
    history_step(&history, map, SLOTS, 2);
    assert_non_null(strstr(drawn(), "\"requests\":[0,4294967295]"));
}

static void test_quantiles(void **state) {
    (void)state;
    static struct time_sums sums;
    memset(&sums, 0, sizeof(sums));
    assert_int_equal(history_quantile_us(&sums, 128), 0);
    sums.buckets[histogram_bucket(1000)] = 99;
    sums.buckets[histogram_bucket(1000000)] = 1;
    assert_in_range(history_quantile_us(&sums, 128), 896, 1024);
    assert_in_range(history_quantile_us(&sums, 255), 917504, 1048576);
    sums.buckets[HISTOGRAM_BUCKETS - 1] = 1000;
    assert_in_range(history_quantile_us(&sums, 128), 1 << 26, 1 << 26); // beyond is not known
}

static void test_quantiles_are_of_one_step(void **state) {
    (void)state;
    metric_note_time(&map[0], TIME_REQUEST, 5000000);
    history_begin(&history, map, SLOTS);
    for (unsigned i = 0; i < 10; i++) {
        metric_note_time(&map[1], TIME_REQUEST, 100);
    }
    history_step(&history, map, SLOTS, 1);
    history_step(&history, map, SLOTS, 2);
    assert_in_range(history.points[0].values[HISTORY_P99_US], 96, 112);
    assert_int_equal(history.points[1].values[HISTORY_P99_US], 0);
}

static void test_the_page(void **state) {
    (void)state;
    struct slice page = page_html();
    assert_true(page.size > 10000);
    assert_memory_equal(page.data, "<!doctype html>", 15);
    assert_true(page_script().size > 1000 && page_style().size > 1000);
    assert_memory_equal(page_script().data + page_script().size, "</script>", 9);
    assert_memory_equal(page_style().data - 7, "<style>", 7);
}

static void test_the_policy(void **state) {
    (void)state;
    char policy[PAGE_POLICY_SIZE];
    // The SHA-256 of nothing, and of "abc".
    page_write_policy("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", policy);
    assert_non_null(
        strstr(policy, "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';"));
    assert_non_null(
        strstr(policy, "style-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=';"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_each_step_has_what_was_counted_in_it),
        TEST(test_the_last_points_are_kept),
        TEST(test_counters_that_go_back),
        TEST(test_quantiles),
        TEST(test_quantiles_are_of_one_step),
        TEST(test_the_page),
        TEST(test_the_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
