#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FIRST_SECOND (-62135596800LL) // 0001-01-01T00:00:00Z
#define LAST_SECOND 253402300799LL    // 9999-12-31T23:59:59Z

static void assert_iso(int64_t wall_us, const char *expected) {
    char text[CLOCK_ISO_SIZE];
    memset(text, '!', sizeof(text));
    clock_format_iso(wall_us, text);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), CLOCK_ISO_SIZE - 1);
}

static void assert_http_date(time_t seconds, const char *expected) {
    char text[CLOCK_HTTP_DATE_SIZE];
    memset(text, '!', sizeof(text));
    clock_format_http_date(seconds, text);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), CLOCK_HTTP_DATE_SIZE - 1);
}

static void assert_common_log(time_t seconds, const char *expected) {
    char text[CLOCK_COMMON_LOG_SIZE];
    memset(text, '!', sizeof(text));
    clock_format_common_log(seconds, text);
    assert_string_equal(text, expected);
    assert_int_equal(strlen(text), CLOCK_COMMON_LOG_SIZE - 1);
}

static void test_the_examples_of_the_standards(void **state) {
    (void)state;
    assert_http_date(784111777, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_common_log(971186136, "10/Oct/2000:13:55:36 +0000");
    assert_iso(0, "1970-01-01T00:00:00.000Z");
    assert_iso(1795428672345678, "2026-11-23T10:11:12.345Z");
}

static void test_fractions_are_cut_off_before_the_epoch_too(void **state) {
    (void)state;
    assert_iso(999, "1970-01-01T00:00:00.000Z");
    assert_iso(1000, "1970-01-01T00:00:00.001Z");
    assert_iso(999999, "1970-01-01T00:00:00.999Z");
    assert_iso(-1, "1969-12-31T23:59:59.999Z");
    assert_iso(-1000000, "1969-12-31T23:59:59.000Z");
    assert_iso(-1000001, "1969-12-31T23:59:58.999Z");
}

static void test_the_second_of_an_instant_rounds_down(void **state) {
    (void)state;
    const struct {
        int64_t instant, second;
        unsigned rest;
    } cases[] = {
        {0, 0, 0},
        {999999, 0, 999999},
        {1000000, 1, 0},
        {-1, -1, 999999},
        {-1000000, -1, 0},
        {-1000001, -2, 999999},
        {INT64_MAX, 9223372036854, 775807},
        {INT64_MIN, -9223372036855, 224192},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned rest;
        assert_int_equal(clock_second_of(cases[i].instant, &rest), cases[i].second);
        assert_int_equal(rest, cases[i].rest);
    }
}

static void test_instants_out_of_range_are_written_as_the_nearest_inside(void **state) {
    (void)state;
    assert_http_date(FIRST_SECOND, "Mon, 01 Jan 0001 00:00:00 GMT");
    assert_http_date(FIRST_SECOND - 1, "Mon, 01 Jan 0001 00:00:00 GMT");
    assert_http_date(INT64_MIN, "Mon, 01 Jan 0001 00:00:00 GMT");
    assert_http_date(LAST_SECOND, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_http_date(LAST_SECOND + 1, "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_common_log(INT64_MAX, "31/Dec/9999:23:59:59 +0000");
    char text[CLOCK_ISO_SIZE];
    clock_format_iso(INT64_MIN, text);
    assert_memory_equal(text, "0001-01-01T00:00:00.", 20);
    clock_format_iso(INT64_MAX, text);
    assert_memory_equal(text, "9999-12-31T23:59:59.", 20);
}

// The C library is the judge, in the C locale, which a program that never calls setlocale() has.
static void compare_with_library(int64_t seconds) {
    time_t instant = (time_t)seconds;
    struct tm tm;
    assert_non_null(gmtime_r(&instant, &tm));
    char expected[80];
    // strftime's %Y does not pad to four digits.
    char year[8];
    assert_int_equal(snprintf(year, sizeof(year), "%04d", tm.tm_year + 1900), 4);
    char before[32];
    char after[32];
    assert_true(strftime(before, sizeof(before), "%a, %d %b ", &tm) > 0);
    assert_true(strftime(after, sizeof(after), " %H:%M:%S GMT", &tm) > 0);
    (void)snprintf(expected, sizeof(expected), "%s%s%s", before, year, after);
    assert_http_date(instant, expected);
    assert_true(strftime(before, sizeof(before), "-%m-%dT%H:%M:%S.000Z", &tm) > 0);
    (void)snprintf(expected, sizeof(expected), "%s%s", year, before);
    assert_iso(seconds * 1000000, expected);
}

static void test_agrees_with_the_library_on_every_day_of_four_centuries(void **state) {
    (void)state;
    // 1900 to 2300: both kinds of century, and every day and second of day in some combination.
    const int64_t first = -2208988800;
    for (int64_t day = 0; day < 146097; day++) {
        compare_with_library(first + day * 86400 + day * 7919 % 86400);
    }
}

static void test_agrees_with_the_library_around_every_new_year_and_march(void **state) {
    (void)state;
    for (int year = 2; year < 10000; year++) {
        for (int month = 0; month <= 2; month += 2) {
            struct tm tm = {.tm_year = year - 1900, .tm_mon = month, .tm_mday = 1};
            int64_t begin = (int64_t)timegm(&tm);
            compare_with_library(begin - 1);
            compare_with_library(begin);
        }
    }
}

static void test_the_wall_clock_is_the_systems(void **state) {
    (void)state;
    struct timespec before;
    struct timespec after;
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &before), 0);
    int64_t now = clock_wall_us();
    assert_int_equal(clock_gettime(CLOCK_REALTIME, &after), 0);
    assert_true(now >= before.tv_sec * 1000000 + before.tv_nsec / 1000);
    assert_true(now <= after.tv_sec * 1000000 + after.tv_nsec / 1000);
}

static void test_the_monotonic_clock_never_goes_back_and_goes_on(void **state) {
    (void)state;
    int64_t start = clock_monotonic_us();
    int64_t last = start;
    while (last - start < 1000) {
        int64_t now = clock_monotonic_us();
        assert_true(now >= last);
        last = now;
    }
    struct timespec monotonic;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &monotonic), 0);
    assert_true(last <= monotonic.tv_sec * 1000000 + monotonic.tv_nsec / 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_standards),
        cmocka_unit_test(test_fractions_are_cut_off_before_the_epoch_too),
        cmocka_unit_test(test_the_second_of_an_instant_rounds_down),
        cmocka_unit_test(test_instants_out_of_range_are_written_as_the_nearest_inside),
        cmocka_unit_test(test_agrees_with_the_library_on_every_day_of_four_centuries),
        cmocka_unit_test(test_agrees_with_the_library_around_every_new_year_and_march),
        cmocka_unit_test(test_the_wall_clock_is_the_systems),
        cmocka_unit_test(test_the_monotonic_clock_never_goes_back_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
