#include "base/claim.h"
#include "observe/metrics.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SLOTS 3

static int map_slots(void **state) {
    *state = metrics_map(SLOTS);
    return *state == NULL ? -1 : 0;
}

static int unmap_slots(void **state) {
    metrics_unmap(*state, SLOTS);
    return 0;
}

static void test_a_new_map_is_zero_and_each_slot_has_its_own_cache_lines(void **state) {
    const struct metrics_slot *map = *state;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        assert_int_equal((uintptr_t)&map[slot] % 64, 0);
        for (size_t i = 0; i < METRIC_COUNT; i++) {
            assert_int_equal(atomic_load(&map[slot].values[i]), 0);
        }
    }
}

static void test_no_slots_or_too_many_give_no_map(void **state) {
    (void)state;
    assert_null(metrics_map(0));
    assert_null(metrics_map(SIZE_MAX / 2));
    metrics_unmap(NULL, 1);
}

static void test_counters_are_summed_over_the_slots(void **state) {
    struct metrics_slot *map = *state;
    metric_add(&map[0], METRIC_requests, 5);
    metric_add(&map[1], METRIC_requests, 7);
    metric_add(&map[1], METRIC_requests, 1);
    metric_add(&map[2], METRIC_responses_2xx, 100);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_requests), 13);
    assert_int_equal(metrics_sum(map, 1, METRIC_requests), 5);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_responses_2xx), 100);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_responses_3xx), 0);
}

static void test_a_gauge_goes_both_ways(void **state) {
    struct metrics_slot *map = *state;
    metric_add(&map[0], METRIC_sessions_open, 4);
    metric_add(&map[1], METRIC_sessions_open, 2);
    metric_subtract(&map[0], METRIC_sessions_open, 3);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_sessions_open), 3);
    metric_set(&map[1], METRIC_sessions_open, 0);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_sessions_open), 1);
}

static void test_the_generation_is_the_latest_and_not_a_sum(void **state) {
    struct metrics_slot *map = *state;
    metric_set(&map[0], METRIC_generation, 2);
    metric_set(&map[1], METRIC_generation, 3);
    metric_set(&map[2], METRIC_generation, 2);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_generation), 3);
}

static void test_clearing_gauges_leaves_the_counters_and_the_other_slots(void **state) {
    struct metrics_slot *map = *state;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        for (size_t i = 0; i < METRIC_COUNT; i++) {
            metric_set(&map[slot], (enum metric)i, 9);
        }
    }
    metrics_clear_gauges(&map[1]);
    enum kind { COUNTER, GAUGE, LATEST };
    const enum kind kinds[] = {
#define KIND_OF(name, kind, help) kind,
        METRICS(KIND_OF)
#undef KIND_OF
    };
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        assert_int_equal(atomic_load(&map[0].values[i]), 9);
        assert_int_equal(atomic_load(&map[1].values[i]), kinds[i] == COUNTER ? 9 : 0);
        assert_int_equal(atomic_load(&map[2].values[i]), 9);
    }
}

static void test_a_child_writes_and_the_parent_reads(void **state) {
    struct metrics_slot *map = *state;
    metric_add(&map[2], METRIC_signatures, 1);
    metrics_lend(map, SLOTS, 2);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        metric_add(&map[2], METRIC_signatures, 41);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    metrics_lend(map, SLOTS, REGION_NO_SLOT);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_signatures), 42);
    assert_int_equal(metrics_sum(metrics_readable(map, SLOTS), SLOTS, METRIC_signatures), 42);
}

static void test_sums_do_not_wrap(void **state) {
    struct metrics_slot *map = *state;
    metric_set(&map[0], METRIC_requests, 5);
    metric_set(&map[1], METRIC_requests, UINT64_MAX - 1);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_requests), UINT64_MAX);
    metric_set(&map[2], METRIC_requests, UINT64_MAX);
    assert_int_equal(metrics_sum(map, SLOTS, METRIC_requests), UINT64_MAX);
}

static void test_of_other_slots_a_limit_believes_a_part(void **state) {
    struct metrics_slot *map = *state;
    metric_set(&map[0], METRIC_sessions_open, 70);
    metric_set(&map[1], METRIC_sessions_open, 20);
    metric_set(&map[2], METRIC_sessions_open, UINT64_MAX);
    assert_int_equal(metrics_bounded_sum(map, SLOTS, 0, 30, METRIC_sessions_open), 120);
    assert_int_equal(metrics_bounded_sum(map, SLOTS, 1, 30, METRIC_sessions_open), 80);
    assert_int_equal(metrics_bounded_sum(map, SLOTS, 2, 30, METRIC_sessions_open), UINT64_MAX);
}

static void test_how_much_of_a_limit_one_slot_may_claim(void **state) {
    (void)state;
    assert_int_equal(claim_bound(1, 4), 1);
    assert_int_equal(claim_bound(2, 4), 1);
    assert_int_equal(claim_bound(10, 2), 9);
    assert_int_equal(claim_bound(100, 2), 78);
    assert_int_equal(claim_bound(100000, 4), 31266);
    assert_int_equal(claim_bound(10000000, 1), 9999999); // there is no other slot
}

static void test_names_are_the_tables(void **state) {
    (void)state;
    assert_string_equal(metric_name(METRIC_sessions_accepted), "sessions_accepted");
    assert_string_equal(metric_name(METRIC_generations_held), "generations_held");
    assert_string_equal(metric_name((enum metric)0), "sessions_accepted");
    assert_string_equal(metric_help(METRIC_sessions_accepted), "client connections accepted");
    assert_true(metric_is_counter(METRIC_sessions_accepted));
    assert_false(metric_is_counter(METRIC_generation));
}

static void test_json_tells_every_sum(void **state) {
    struct metrics_slot *map = *state;
    char expected[8192] = "{";
    for (size_t i = 0; i < METRIC_COUNT; i++) {
        metric_set(&map[0], (enum metric)i, UINT64_MAX - i);
        size_t used = strlen(expected);
        (void)snprintf(expected + used, sizeof(expected) - used, "\"%s\":%" PRIu64 "%s",
                       metric_name((enum metric)i), UINT64_MAX - i,
                       i + 1 < METRIC_COUNT ? "," : "}");
    }
    char output[4096];
    struct json json = json_into(output, sizeof(output));
    metrics_to_json(map, SLOTS, &json, NULL);
    assert_false(json.failed);
    assert_string_equal(output, expected);
}

#define WITH_MAP(test) cmocka_unit_test_setup_teardown(test, map_slots, unmap_slots)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_MAP(test_a_new_map_is_zero_and_each_slot_has_its_own_cache_lines),
        cmocka_unit_test(test_no_slots_or_too_many_give_no_map),
        WITH_MAP(test_counters_are_summed_over_the_slots),
        WITH_MAP(test_a_gauge_goes_both_ways),
        WITH_MAP(test_the_generation_is_the_latest_and_not_a_sum),
        WITH_MAP(test_clearing_gauges_leaves_the_counters_and_the_other_slots),
        WITH_MAP(test_a_child_writes_and_the_parent_reads),
        WITH_MAP(test_sums_do_not_wrap),
        WITH_MAP(test_of_other_slots_a_limit_believes_a_part),
        cmocka_unit_test(test_how_much_of_a_limit_one_slot_may_claim),
        cmocka_unit_test(test_names_are_the_tables),
        WITH_MAP(test_json_tells_every_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
