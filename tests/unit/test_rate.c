// How often something may be done.
#include "base/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct rate FULL = {.interval_ms = 500, .burst = 3};

static void test_a_burst_and_then_one_in_an_interval(void **state) {
    (void)state;
    struct rate rate = FULL;
    const int64_t start = 1000000;
    for (int i = 0; i < 3; i++) {
        assert_true(rate_take(&rate, start));
    }
    assert_false(rate_allows(&rate, start + 499));
    assert_false(rate_take(&rate, start + 499));
    assert_true(rate_allows(&rate, start + 500));
    assert_int_equal(rate.left_out, 1);
    assert_true(rate_take(&rate, start + 500));
    assert_false(rate_take(&rate, start + 500));
    assert_false(rate_take(&rate, start + 999));
    assert_true(rate_take(&rate, start + 1001));
    assert_int_equal(rate.left_out, 3);
}

static void test_a_token_that_is_given_back(void **state) {
    (void)state;
    struct rate rate = FULL;
    for (int i = 0; i < 10; i++) {
        assert_true(rate_take(&rate, 1000));
        rate_give(&rate);
    }
    rate_give(&rate); // of a full bucket: it holds no more than before
    for (int i = 0; i < 3; i++) {
        assert_true(rate_take(&rate, 1000));
    }
    assert_false(rate_take(&rate, 1000));
}

static void test_it_fills_up_again_and_not_further(void **state) {
    (void)state;
    struct rate rate = FULL;
    int64_t now = 0;
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++) {
            assert_true(rate_take(&rate, now));
        }
        assert_false(rate_take(&rate, now));
        now += round == 1 ? 1000000 : 1500;
    }
}

static void test_over_a_long_time_no_more_than_one_in_an_interval(void **state) {
    (void)state;
    struct rate rate = FULL;
    int done = 0;
    for (int64_t now = 0; now < 100000; now += 7) {
        done += rate_take(&rate, now) ? 1 : 0;
    }
    assert_in_range(done, 200, 203);
    assert_int_equal((uint64_t)done + rate.left_out, 100000 / 7 + 1);
}

static void test_a_clock_that_goes_back_does_no_harm(void **state) {
    (void)state;
    struct rate rate = FULL;
    assert_true(rate_take(&rate, 5000));
    assert_true(rate_take(&rate, 4800));
    assert_false(rate_take(&rate, 1000));
    assert_true(rate_take(&rate, 5000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_burst_and_then_one_in_an_interval),
        cmocka_unit_test(test_a_token_that_is_given_back),
        cmocka_unit_test(test_it_fills_up_again_and_not_further),
        cmocka_unit_test(test_over_a_long_time_no_more_than_one_in_an_interval),
        cmocka_unit_test(test_a_clock_that_goes_back_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
