// Counters with labels, and the buckets of times.
#include "observe/series.h"

#include "base/region.h"
#include "observe/histogram.h"
#include "observe/metrics.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 2 };

static void test_a_label_set_keeps_its_cell(void **state) {
    (void)state;
    struct series *series = series_map(SLOTS);
    uint64_t key = series_key("a.test", NULL);
    assert_int_equal(series_find(series, key), 0);
    series_register(series, key);
    uint32_t cell = series_find(series, key);
    assert_int_not_equal(cell, 0);
    series_register(series, series_key("b.test", NULL));
    series_register(series, key);
    assert_int_equal(series_find(series, key), cell);
    assert_int_not_equal(series_find(series, series_key("b.test", NULL)), cell);
    series_add(series_own(series, 0, cell), SERIES_2XX, 3);
    series_add(series_own(series, 1, cell), SERIES_2XX, 4);
    assert_int_equal(series_sum(series, cell, SERIES_2XX), 7);
    assert_int_equal(series_sum(series, cell, SERIES_3XX), 0);
    series_unmap(series);
}

static void test_keys_tell_what_they_are_made_of(void **state) {
    (void)state;
    const uint64_t keys[] = {series_key("a", NULL), series_key("a", ""), series_key("ab", "c"),
                             series_key("a", "bc"), series_key("", "abc")};
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = i + 1; k < 5; k++) {
            assert_true(keys[i] != keys[k]);
        }
    }
}

// More label sets than cells: the last ones share a cell, and none loses its own.
static void test_no_series_without_bound(void **state) {
    (void)state;
    struct series *series = series_map(1);
    static uint32_t cells[SERIES_MAX];
    char name[32];
    for (unsigned i = 1; i < 2 * SERIES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "host-%u.test", i);
        uint64_t key = series_key(name, NULL);
        series_register(series, key);
        uint32_t cell = series_find(series, key);
        assert_int_equal(cell, i < SERIES_MAX ? i : 0);
        if (i < SERIES_MAX) {
            cells[i] = cell;
        }
    }
    for (unsigned i = 1; i < SERIES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "host-%u.test", i);
        assert_int_equal(series_find(series, series_key(name, NULL)), cells[i]);
    }
    series_unmap(series);
}

static void test_sums_do_not_wrap(void **state) {
    (void)state;
    struct series *series = series_map(SLOTS);
    series_add(series_own(series, 0, 1), SERIES_5XX, UINT64_MAX);
    series_add(series_own(series, 1, 1), SERIES_5XX, 2);
    assert_true(series_sum(series, 1, SERIES_5XX) == UINT64_MAX);
    series_unmap(series);
}

// A worker writes its own slot and reads the list and the others.
static void test_rights(void **state) {
    (void)state;
    struct series *series = series_map(SLOTS);
    uint64_t key = series_key("a.test", NULL);
    series_register(series, key);
    series_lend(series, 1);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        pid_t pid = fork();
        if (pid == 0) {
            (void)signal(SIGSEGV, SIG_DFL);
            series_add(series_own(series, slot, series_find(series, key)), SERIES_2XX, 5);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WIFSIGNALED(status), slot == 0);
    }
    assert_int_equal(series_sum(series, series_find(series, key), SERIES_2XX), 5);
    series_unmap(series);
}

static void test_statuses(void **state) {
    (void)state;
    assert_int_equal(series_of_status(200), SERIES_2XX);
    assert_int_equal(series_of_status(304), SERIES_3XX);
    assert_int_equal(series_of_status(404), SERIES_4XX);
    assert_int_equal(series_of_status(599), SERIES_5XX);
    assert_int_equal(series_of_status(0), SERIES_NO_STATUS);
    assert_int_equal(series_of_status(101), SERIES_NO_STATUS);
    assert_int_equal(series_of_status(600), SERIES_NO_STATUS);
}

// Each time is in the bucket whose end is the first beyond it.
static void test_buckets(void **state) {
    (void)state;
    assert_int_equal(histogram_bucket(-1), 0);
    assert_int_equal(histogram_bucket(INT64_MIN), 0);
    assert_int_equal(histogram_bucket(INT64_MAX), HISTOGRAM_BUCKETS - 1);
    for (size_t i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        int64_t end = histogram_end_us(i);
        assert_int_equal(histogram_bucket(end - 1), i);
        assert_int_equal(histogram_bucket(end), i + 1);
        assert_true(i == 0 || (end - histogram_end_us(i - 1)) * 4 <= end);
    }
    assert_int_equal(histogram_end_us(0), 16);
    assert_int_equal(histogram_end_us(HISTOGRAM_BUCKETS - 2), 1 << 26); // 67 seconds
    assert_true(histogram_end_us(HISTOGRAM_BUCKETS - 1) == INT64_MAX);
}

static void test_times(void **state) {
    (void)state;
    static struct time_sums sums;
    struct metrics_slot *map = metrics_map(SLOTS);
    metric_note_time(&map[0], TIME_REQUEST, 10);
    metric_note_time(&map[1], TIME_REQUEST, 15);
    metric_note_time(&map[1], TIME_REQUEST, -7);
    metric_note_time(&map[1], TIME_REQUEST, 1000);
    metric_note_time(&map[1], TIME_CONNECT, 1);
    metrics_sum_times(map, SLOTS, TIME_REQUEST, &sums);
    assert_int_equal(sums.buckets[0], 3);
    assert_int_equal(sums.buckets[histogram_bucket(1000)], 1);
    assert_int_equal(sums.sum_us, 1025);
    metrics_unmap(map, SLOTS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_label_set_keeps_its_cell),
        cmocka_unit_test(test_keys_tell_what_they_are_made_of),
        cmocka_unit_test(test_no_series_without_bound),
        cmocka_unit_test(test_sums_do_not_wrap),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_buckets),
        cmocka_unit_test(test_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
