#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NODE_COUNT = 2000 };

static struct wheel wheel;
static struct wheel_node nodes[NODE_COUNT];
static size_t calls; // of on_due()

static void on_due(struct wheel_node *node) {
    assert_int_equal(node->at_ms, 0);
    calls++;
}

static void init(int64_t now_ms) {
    wheel_init(&wheel, now_ms);
    for (size_t i = 0; i < NODE_COUNT; i++) {
        wheel_node_init(&nodes[i], on_due);
    }
}

static void assert_due_between(struct wheel_node *node, int64_t after_ms, int64_t at_ms) {
    assert_null(wheel_take(&wheel, after_ms));
    assert_ptr_equal(wheel_take(&wheel, at_ms), node);
    assert_null(wheel_take(&wheel, at_ms));
    assert_int_equal(node->at_ms, 0);
}

static void test_nothing_is_due_in_an_empty_wheel(void **state) {
    (void)state;
    init(1000);
    assert_int_equal(wheel_next_ms(&wheel), INT64_MAX);
    for (int64_t now_ms = 1000; now_ms < 10 * WHEEL_SPAN_MS; now_ms += 777) {
        assert_null(wheel_take(&wheel, now_ms));
    }
}

static void test_never_early_and_at_most_a_slot_late(void **state) {
    (void)state;
    for (int64_t start = 12345; start < 12345 + 2 * WHEEL_SLOT_MS; start++) {
        for (int64_t wait = 1; wait < WHEEL_SPAN_MS; wait = wait * 3 / 2 + 1) {
            init(start);
            wheel_put(&wheel, &nodes[0], start + wait);
            assert_int_equal(nodes[0].at_ms, start + wait);
            int64_t next_ms = wheel_next_ms(&wheel);
            assert_true(next_ms >= start + wait && next_ms < start + wait + WHEEL_SLOT_MS);
            assert_due_between(&nodes[0], start + wait - 1, next_ms);
        }
    }
}

static void test_what_is_far_away_comes_up_earlier(void **state) {
    (void)state;
    init(5000);
    const int64_t at_ms = 5000 + 5 * WHEEL_SPAN_MS;
    int64_t now_ms = 5000;
    int times = 0;
    for (wheel_put(&wheel, &nodes[0], at_ms); nodes[0].at_ms < at_ms; times++) {
        assert_true(nodes[0].at_ms > now_ms + WHEEL_SPAN_MS - (int64_t)2 * WHEEL_SLOT_MS);
        now_ms = wheel_next_ms(&wheel);
        assert_true(now_ms <= at_ms);
        assert_ptr_equal(wheel_take(&wheel, now_ms), &nodes[0]);
        assert_null(wheel_take(&wheel, now_ms));
        wheel_put(&wheel, &nodes[0], at_ms);
    }
    assert_in_range(times, 4, 5);
    assert_due_between(&nodes[0], at_ms - 1, at_ms + WHEEL_SLOT_MS);
}

static void test_what_is_over_is_due_at_once(void **state) {
    (void)state;
    init(5000);
    wheel_put(&wheel, &nodes[0], 1);
    assert_true(wheel_next_ms(&wheel) <= 5000 + WHEEL_SLOT_MS);
    assert_ptr_equal(wheel_take(&wheel, 5000 + WHEEL_SLOT_MS), &nodes[0]);
}

static void test_moving_and_removing(void **state) {
    (void)state;
    init(5000);
    wheel_remove(&wheel, &nodes[0]);
    wheel_put(&wheel, &nodes[0], 6000);
    wheel_put(&wheel, &nodes[1], 6000);
    wheel_put(&wheel, &nodes[2], 6000);
    wheel_put(&wheel, &nodes[0], 9000); // later
    wheel_put(&wheel, &nodes[2], 5500); // earlier
    wheel_remove(&wheel, &nodes[1]);
    assert_int_equal(nodes[1].at_ms, 0);
    assert_due_between(&nodes[2], 5499, 5500 + WHEEL_SLOT_MS);
    assert_due_between(&nodes[0], 8999, 9000 + WHEEL_SLOT_MS);
    assert_int_equal(wheel_next_ms(&wheel), INT64_MAX);
}

static int by_time(const void *left, const void *right) {
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

// Thousands, at any time: each comes up once, in the order of the slots.
static void test_all_come_up_in_order(void **state) {
    (void)state;
    init(7);
    int64_t times[NODE_COUNT];
    uint32_t random = 1;
    for (size_t i = 0; i < NODE_COUNT; i++) {
        random = random * 1664525 + 1013904223;
        times[i] = 8 + (random >> 8) % (WHEEL_SPAN_MS - WHEEL_SLOT_MS);
        wheel_put(&wheel, &nodes[i], times[i]);
    }
    qsort(times, NODE_COUNT, sizeof(times[0]), by_time);
    size_t count = 0;
    for (int64_t now_ms = 7; now_ms < 7 + WHEEL_SPAN_MS + WHEEL_SLOT_MS; now_ms += 13) {
        while (wheel_take(&wheel, now_ms) != NULL) {
            assert_true(times[count] <= now_ms);
            count++;
        }
        assert_true(count == NODE_COUNT || times[count] > now_ms - 13 - WHEEL_SLOT_MS);
    }
    assert_int_equal(count, NODE_COUNT);
}

// Who puts in again what he takes comes to an end, even when time has made a leap.
static void test_taking_ends_though_all_is_put_in_again(void **state) {
    (void)state;
    init(5000);
    for (size_t i = 0; i < NODE_COUNT; i++) {
        wheel_put(&wheel, &nodes[i], 5001 + (int64_t)i);
    }
    const int64_t leaps[] = {6000, 6000 + 3 * WHEEL_SPAN_MS, 7000 + 30 * WHEEL_SPAN_MS};
    for (size_t i = 0; i < sizeof(leaps) / sizeof(leaps[0]); i++) {
        struct wheel_node *node;
        while ((node = wheel_take(&wheel, leaps[i])) != NULL) {
            wheel_put(&wheel, node, leaps[i] + 1);
        }
        assert_true(wheel_next_ms(&wheel) > leaps[i]);
    }
}

// An object that waits, of another kind than on_due()'s.
struct waiter {
    int called;
    struct wheel_node node;
};

static void wait_again(struct wheel_node *node) {
    struct waiter *waiter = LIST_ENTRY(node, struct waiter, node);
    waiter->called++;
    wheel_put(&wheel, node, 6001);
    wheel_remove(&wheel, &nodes[1]); // it was due too
}

static void test_each_node_has_its_own_callback_called(void **state) {
    (void)state;
    init(5000);
    calls = 0;
    struct waiter waiter = {.called = 0};
    wheel_node_init(&waiter.node, wait_again);
    wheel_put(&wheel, &nodes[0], 5500);
    wheel_put(&wheel, &waiter.node, 5500);
    wheel_put(&wheel, &nodes[1], 5500);
    wheel_run(&wheel, 5499, NODE_COUNT);
    assert_int_equal(calls, 0);
    wheel_run(&wheel, 6000, NODE_COUNT);
    assert_int_equal(calls, 1);
    assert_int_equal(waiter.called, 1); // what it put in again is not among them
    assert_true(waiter.node.at_ms == 6001);
    wheel_remove(&wheel, &waiter.node);
}

static void test_no_more_callbacks_are_called_than_asked_for(void **state) {
    (void)state;
    init(5000);
    calls = 0;
    for (size_t i = 0; i < NODE_COUNT; i++) {
        wheel_put(&wheel, &nodes[i], 5500);
    }
    wheel_run(&wheel, 6000, 32);
    assert_int_equal(calls, 32);
    assert_true(wheel_next_ms(&wheel) <= 6000);
    wheel_run(&wheel, 6000, NODE_COUNT);
    assert_int_equal(calls, NODE_COUNT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_due_in_an_empty_wheel),
        cmocka_unit_test(test_never_early_and_at_most_a_slot_late),
        cmocka_unit_test(test_what_is_far_away_comes_up_earlier),
        cmocka_unit_test(test_what_is_over_is_due_at_once),
        cmocka_unit_test(test_moving_and_removing),
        cmocka_unit_test(test_all_come_up_in_order),
        cmocka_unit_test(test_taking_ends_though_all_is_put_in_again),
        cmocka_unit_test(test_each_node_has_its_own_callback_called),
        cmocka_unit_test(test_no_more_callbacks_are_called_than_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
