#include "backend/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { NOW = 100000, FIRST = 1000, LONGEST = 4000 };

static const struct config_backend policy = {
    .max_failures = 3, .failure_ratio = 50, .eject_time_ms = FIRST, .eject_time_max_ms = LONGEST};

static enum health_change fail_at(struct health *health, int64_t now_ms, enum fault fault,
                                  bool tries) {
    const struct health_event event = {&policy, now_ms, now_ms, tries};
    return health_failed(health, &event, fault, 0, false, (uint64_t)now_ms);
}

static enum health_change work_at(struct health *health, int64_t now_ms, int64_t begun_ms,
                                  bool tries) {
    const struct health_event event = {&policy, now_ms, begun_ms, tries};
    return health_worked(health, &event);
}

static void assert_out_for(const struct health *health, int64_t time_ms) {
    assert_in_range(health_until(health) - NOW, time_ms - time_ms / 8, time_ms + time_ms / 8);
}

static void test_failures_in_a_row(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    for (int i = 0; i < 10; i++) { // never three in a row
        assert_int_equal(fail_at(&health, NOW, FAULT_CLOSED, false), HEALTH_SAME);
        assert_int_equal(work_at(&health, NOW, NOW, false), HEALTH_SAME);
        assert_int_equal(work_at(&health, NOW, NOW, false), HEALTH_SAME);
        assert_false(health_is_out(&health));
    }
    (void)fail_at(&health, NOW, FAULT_CLOSED, false);
    (void)fail_at(&health, NOW, FAULT_MALFORMED, false);
    assert_false(health_is_out(&health));
    assert_int_equal(fail_at(&health, NOW, FAULT_RESPONSE_TIMEOUT, false), HEALTH_EJECTED);
    assert_out_for(&health, FIRST);
    assert_int_equal(health_since(&health), NOW);
}

static void test_a_failed_connection_is_enough(void **state) {
    (void)state;
    static const enum fault faults[] = {FAULT_CONNECT, FAULT_CONNECT_TIMEOUT};
    for (size_t i = 0; i < 2; i++) {
        struct health health = {.until_ms = 0};
        assert_int_equal(fail_at(&health, NOW, faults[i], false), HEALTH_EJECTED);
        assert_true(health_is_held(&health)); // for the prober
        assert_in_range(health.due_ms - NOW, FIRST - FIRST / 8, FIRST + FIRST / 8);
    }
}

static void test_one_failure_is_enough_if_others_say_so(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    const struct health_event event = {&policy, NOW, NOW, false};
    assert_int_equal(health_failed(&health, &event, FAULT_CLOSED, 0, true, 0), HEALTH_EJECTED);
}

static void test_a_ratio(void **state) {
    (void)state;
    for (int works = 0; works < 3; works++) { // for each failure
        struct health health = {.until_ms = 0};
        int failures = 0;
        for (; failures < 100 && !health_is_out(&health); failures++) {
            for (int i = 0; i < works; i++) {
                (void)work_at(&health, NOW, NOW, false);
            }
            health.in_a_row = 0;
            (void)fail_at(&health, NOW, FAULT_CLOSED, false);
        }
        // After the least number of requests, from the first failure on. Of two that work and one
        // that fails: never half.
        assert_int_equal(failures, works == 0 ? 20 : works == 1 ? 11 : 100);
    }
}

static void test_a_ratio_is_of_the_present(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    for (int i = 0; i < 1000; i++) {
        (void)work_at(&health, NOW, NOW, false);
    }
    for (int i = 0; i < 20; i++) {
        health.in_a_row = 0;
        (void)fail_at(&health, NOW + HEALTH_WINDOW_MS + 1 + i, FAULT_CLOSED, false);
    }
    assert_true(health_is_out(&health));
    health = (struct health){.until_ms = 0};
    for (int64_t i = 0; i < 100; i++) { // one in each second is no bad sign
        health.in_a_row = 0;
        (void)fail_at(&health, NOW + i * 1000, FAULT_CLOSED, false);
        assert_false(health_is_out(&health));
    }
}

static void test_a_response_that_broke_off_was_counted_before(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    for (int i = 0; i < 19; i++) {
        (void)work_at(&health, NOW, NOW, false);
        (void)fail_at(&health, NOW, FAULT_BROKEN, false);
    }
    assert_int_equal(health.requests, 18); // without the first, see above
    assert_int_equal(health.failed, 19);
}

static void test_times_grow_and_begin_again(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    static const int64_t times[] = {FIRST, INT64_C(2) * FIRST, LONGEST, LONGEST, LONGEST};
    for (size_t i = 0; i < 5; i++) {
        (void)fail_at(&health, NOW, FAULT_CONNECT, i > 0);
        assert_in_range(health.due_ms - NOW, times[i] - times[i] / 8, times[i] + times[i] / 8);
    }
    assert_int_equal(work_at(&health, NOW, NOW, true), HEALTH_RETURNED);
    assert_false(health_is_out(&health));
    // It failed again soon after its return.
    (void)fail_at(&health, NOW + INT64_C(2) * LONGEST, FAULT_CONNECT, false);
    assert_in_range(health.due_ms - NOW - INT64_C(2) * LONGEST, LONGEST - LONGEST / 8,
                    LONGEST + LONGEST / 8);
    (void)work_at(&health, NOW, NOW, true);
    (void)fail_at(&health, NOW + INT64_C(2) * LONGEST + 1, FAULT_CONNECT, false);
    assert_in_range(health.due_ms - NOW - INT64_C(2) * LONGEST - 1, FIRST - FIRST / 8,
                    FIRST + FIRST / 8);
}

static void test_times_are_spread(void **state) {
    (void)state;
    int64_t least = INT64_MAX, most = 0;
    for (uint64_t random = 0; random < 1000; random++) {
        struct health health = {.until_ms = 0};
        const struct health_event event = {&policy, NOW, NOW, false};
        (void)health_failed(&health, &event, FAULT_CONNECT, 0, false, random);
        least = health.due_ms < least ? health.due_ms : least;
        most = health.due_ms > most ? health.due_ms : most;
    }
    assert_int_equal(least, NOW + FIRST - FIRST / 8);
    assert_int_equal(most, NOW + FIRST + FIRST / 8);
}

static void test_what_began_before_says_nothing(void **state) {
    (void)state;
    struct health health = {.until_ms = 0};
    for (int i = 0; i < 3; i++) {
        (void)fail_at(&health, NOW, FAULT_RESPONSE_TIMEOUT, false);
    }
    int64_t until_ms = health_until(&health);
    assert_int_equal(work_at(&health, NOW + 5, NOW, false), HEALTH_SAME);
    assert_int_equal(fail_at(&health, NOW + 5, FAULT_RESPONSE_TIMEOUT, false), HEALTH_SAME);
    assert_int_equal(health_until(&health), until_ms);
    // All servers were out of use, so this one was asked.
    assert_int_equal(work_at(&health, NOW + 5, NOW + 1, false), HEALTH_RETURNED);
}

static void test_a_try(void **state) {
    (void)state;
    struct health health = {.until_ms = NOW, .since_ms = NOW - 1000};
    health_try(&health, NOW);
    assert_int_equal(health_until(&health), HEALTH_HELD);
    assert_false(health_is_held(&health)); // not for the prober
    health_end_try(&health, NOW + 7);
    assert_int_equal(health_until(&health), NOW + 7);
    health_end_try(&health, NOW + 9); // once
    assert_int_equal(health_until(&health), NOW + 7);
    health_try(&health, NOW);
    assert_int_equal(fail_at(&health, NOW, FAULT_CLOSED, true), HEALTH_SAME);
    assert_int_equal(health.trying_ms, 0);
    assert_out_for(&health, FIRST);
    health_try(&health, NOW + 2000);
    assert_int_equal(work_at(&health, NOW + 2001, NOW, true), HEALTH_RETURNED);
    assert_int_equal(health.trying_ms, 0);
}

static void test_checks_that_find_it_up_again_bring_it_back(void **state) {
    (void)state;
    static const enum fault faults[] = {FAULT_CONNECT, FAULT_STATUS};
    for (size_t i = 0; i < 2; i++) {
        struct health health = {.until_ms = 0};
        assert_int_equal(health_found_up(&health, NOW, NOW), HEALTH_SAME); // it is in use
        while (fail_at(&health, NOW, faults[i], false) == HEALTH_SAME) {
        }
        assert_int_equal(health_found_up(&health, 0, NOW + 9), HEALTH_SAME);
        assert_int_equal(health_found_up(&health, NOW, NOW + 9), HEALTH_SAME);
        assert_true(health_is_out(&health));
        assert_int_equal(health_found_up(&health, NOW + 1, NOW + 9), HEALTH_RETURNED);
        assert_false(health_is_out(&health));
        assert_int_equal(health_since(&health), NOW + 9);
        (void)fail_at(&health, NOW + 10, FAULT_CONNECT, false); // the same check counts once
        assert_int_equal(health_found_up(&health, NOW + 1, NOW + 11), HEALTH_SAME);
    }
}

static void test_a_try_is_left_to_others_for_a_while_only(void **state) {
    (void)state;
    struct health health = {.until_ms = NOW};
    int64_t now_ms = NOW;
    while (health_yield(&health, now_ms)) {
        assert_true(health_until(&health) > now_ms);
        now_ms = health_until(&health);
        assert_true(now_ms - NOW <= HEALTH_YIELD_MS);
    }
    assert_int_equal(now_ms - NOW, HEALTH_YIELD_MS);
    assert_true(health_yield(&health, now_ms)); // the next time
}

static void test_shares(void **state) {
    (void)state;
    assert_int_equal(health_share(0, 1000, NOW), 256); // it was never out of use
    assert_int_equal(health_share(NOW, 1000, NOW), 1);
    assert_int_equal(health_share(NOW, 1000, NOW + 500), 128);
    assert_int_equal(health_share(NOW, 1000, NOW + 999), 255);
    assert_int_equal(health_share(NOW, 1000, NOW + 1000), 256);
    assert_int_equal(health_share(NOW, 0, NOW), 256);
    assert_int_equal(health_share(NOW + 50, 1000, NOW), 1); // another worker's clock
}

// A worker that was taken over can write any number.
static void test_texts(void **state) {
    (void)state;
    char text[FAULT_TEXT_SIZE];
    struct health health = {.until_ms = 0};
    const struct health_event event = {&policy, NOW, NOW, false};
    (void)health_failed(&health, &event, FAULT_CONNECT, 111, false, 0);
    fault_write(health.fault, text);
    assert_string_equal(text, "connect: Connection refused");
    (void)health_failed(&health, &event, FAULT_STATUS, 503, false, 0);
    fault_write(health.fault, text);
    assert_string_equal(text, "status 503");
    fault_write(0, text);
    assert_string_equal(text, "");
    for (uint32_t i = 0; i < 4096; i++) {
        fault_write(i * 1048573U, text);
        assert_true(strlen(text) < FAULT_TEXT_SIZE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_in_a_row),
        cmocka_unit_test(test_a_failed_connection_is_enough),
        cmocka_unit_test(test_one_failure_is_enough_if_others_say_so),
        cmocka_unit_test(test_a_ratio),
        cmocka_unit_test(test_a_ratio_is_of_the_present),
        cmocka_unit_test(test_a_response_that_broke_off_was_counted_before),
        cmocka_unit_test(test_times_grow_and_begin_again),
        cmocka_unit_test(test_times_are_spread),
        cmocka_unit_test(test_what_began_before_says_nothing),
        cmocka_unit_test(test_a_try),
        cmocka_unit_test(test_checks_that_find_it_up_again_bring_it_back),
        cmocka_unit_test(test_a_try_is_left_to_others_for_a_while_only),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
