// How fast a client must be: windows of waiting and stalls, by made-up clocks and counts.
#include "exchange/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { WINDOW_MS = 60000, BEGIN_MS = 1000000 };

static struct pace waiting(uint64_t moved) {
    struct pace pace = {.window_open = false};
    pace_open_window(&pace, moved);
    pace_begin_wait(&pace, BEGIN_MS);
    return pace;
}

static void a_wait_ends_with_its_window(void **state) {
    (void)state;
    struct pace pace = waiting(0);
    assert_true(pace.window_open);
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + WINDOW_MS);
    pace_begin_wait(&pace, BEGIN_MS + 500); // goes on
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + WINDOW_MS);
}

static void only_waiting_counts_in_a_window(void **state) {
    (void)state;
    struct pace pace = waiting(0);
    pace_end_wait(&pace, BEGIN_MS + 10000);
    pace_end_wait(&pace, BEGIN_MS + 20000); // not waited for since the first
    pace_begin_wait(&pace, BEGIN_MS + 90000);
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + 90000 + WINDOW_MS - 10000);
    pace_open_window(&pace, 7);
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + 90000 + WINDOW_MS);
}

static void a_client_must_move_its_rate(void **state) {
    (void)state;
    static const struct {
        uint64_t rate;
        int64_t window_ms;
        uint64_t moved;
        bool too_slow;
    } cases[] = {
        {1000, WINDOW_MS, 59999, true},
        {1000, WINDOW_MS, 60000, false},
        {1000, WINDOW_MS, 60001, false},
        {0, WINDOW_MS, 0, true},
        {0, WINDOW_MS, 1, false},
        {1, 500, 0, true}, // less than a byte: one
        {1, 500, 1, false},
        {UINT32_MAX, UINT32_MAX, 1, true}, // the product does not wrap
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = UINT64_C(5000000000);
        struct pace pace = waiting(before);
        assert_int_equal(
            pace_is_too_slow(&pace, cases[i].rate, cases[i].window_ms, before + cases[i].moved),
            cases[i].too_slow);
    }
}

static void a_stall_is_due_before_the_window(void **state) {
    (void)state;
    struct pace pace = waiting(0);
    assert_false(pace_stall_is_due(&pace, INT64_MAX));
    pace_note_stall(&pace, BEGIN_MS + 1, 100);
    pace_note_stall(&pace, BEGIN_MS + 2, 100); // the same one
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + 1 + PACE_STALL_MS);
    assert_int_equal(pace_deadline(&pace, 100), BEGIN_MS + 100);
    assert_false(pace_stall_is_due(&pace, BEGIN_MS + PACE_STALL_MS));
    assert_true(pace_stall_is_due(&pace, BEGIN_MS + 1 + PACE_STALL_MS));
    assert_true(pace_end_stall(&pace, 100));
    assert_false(pace_stall_is_due(&pace, INT64_MAX));
}

static void a_byte_begins_a_stall_anew(void **state) {
    (void)state;
    struct pace pace = waiting(0);
    pace_note_stall(&pace, BEGIN_MS, 100);
    pace_note_stall(&pace, BEGIN_MS + 3000, 101);
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + 3000 + PACE_STALL_MS);
    assert_false(pace_end_stall(&pace, 102));
    pace_note_stall(&pace, BEGIN_MS + 9000, 102);
    pace_forget_stall(&pace);
    assert_int_equal(pace_deadline(&pace, WINDOW_MS), BEGIN_MS + WINDOW_MS);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_with_its_window),
        cmocka_unit_test(only_waiting_counts_in_a_window),
        cmocka_unit_test(a_client_must_move_its_rate),
        cmocka_unit_test(a_stall_is_due_before_the_window),
        cmocka_unit_test(a_byte_begins_a_stall_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
