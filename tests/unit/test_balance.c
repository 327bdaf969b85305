#include "backend/balance.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SERVERS = 3, NOW = 5000 };

struct choosing {
    struct server_entry entries[SERVERS];
    struct server_state states[SERVERS];
    struct balance_view view;
};

static void start(struct choosing *choosing, uint32_t a, uint32_t b, uint32_t c) {
    *choosing = (struct choosing){.entries = {{.weight = a}, {.weight = b}, {.weight = c}}};
    choosing->view = (struct balance_view){choosing->entries, choosing->states, SERVERS};
}

static void assert_order(const struct choosing *choosing, size_t failed, const char *order) {
    for (; *order != '\0'; order++) {
        assert_int_equal(balance_choose(&choosing->view, failed, NOW), *order - 'a');
    }
}

static void test_turns_are_spread_by_weight(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 5, 1, 1);
    assert_order(&choosing, BALANCE_NONE, "aabacaaaabacaa");
    start(&choosing, 1, 1, 1);
    assert_order(&choosing, BALANCE_NONE, "abcabc");
}

static void test_what_is_gained_adds_up_to_nothing(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, UINT32_MAX, 3, 7);
    for (int i = 0; i < 1000; i++) {
        (void)balance_choose(&choosing.view, i % 5 == 0 ? 1 : BALANCE_NONE, NOW);
        int64_t sum = 0;
        for (size_t k = 0; k < SERVERS; k++) {
            sum += choosing.states[k].current_weight;
        }
        assert_int_equal(sum, 0);
    }
}

static void test_a_penalty_lasts_until_its_time(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    balance_punish(&choosing.view, 1, NOW + 1);
    assert_order(&choosing, BALANCE_NONE, "acac");
    balance_punish(&choosing.view, 1, NOW);
    assert_order(&choosing, BALANCE_NONE, "abc");
}

static void test_when_all_have_a_penalty_none_counts(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    for (size_t i = 0; i < SERVERS; i++) {
        balance_punish(&choosing.view, i, INT64_MAX);
    }
    assert_order(&choosing, BALANCE_NONE, "abc");
    assert_order(&choosing, 1, "acac");
}

static void test_the_one_that_failed_is_avoided(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 100, 1, 1);
    assert_order(&choosing, 0, "bcbc");
    balance_punish(&choosing.view, 1, NOW + 1);
    balance_punish(&choosing.view, 2, NOW + 1);
    assert_order(&choosing, 0, "bcbc"); // rather one with a penalty
    choosing.view.count = 1;
    assert_order(&choosing, 0, "aa");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_are_spread_by_weight),
        cmocka_unit_test(test_what_is_gained_adds_up_to_nothing),
        cmocka_unit_test(test_a_penalty_lasts_until_its_time),
        cmocka_unit_test(test_when_all_have_a_penalty_none_counts),
        cmocka_unit_test(test_the_one_that_failed_is_avoided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
