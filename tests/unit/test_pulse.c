// When a child process counts as standing still.
#include "process/pulse.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct process_state in_state(char letter, double cpu_s) {
    return (struct process_state){.letter = letter, .cpu_s = cpu_s};
}

// The ticks after which a child in this state is lost that never answers; 0: it never is.
static unsigned ticks_until_lost(char letter, double cpu_per_tick) {
    struct pulse pulse = {.number = 0};
    const unsigned many = 1000;
    assert_true(pulse_tick(&pulse));
    for (unsigned tick = 1; tick < many; tick++) {
        assert_false(pulse_tick(&pulse));
        const struct process_state state = in_state(letter, 5. + cpu_per_tick * tick);
        if (pulse_judge(&pulse, &state)) {
            assert_false(pulse_is_late(&pulse));
            assert_false(pulse_judge(&pulse, &state)); // once
            return tick;
        }
    }
    return 0;
}

static void test_one_that_does_nothing_is_lost_soon(void **state) {
    (void)state;
    assert_int_equal(ticks_until_lost('T', 0.), PULSE_LIMIT);
    assert_int_equal(ticks_until_lost('S', 0.), PULSE_LIMIT);
    assert_int_equal(ticks_until_lost('?', 0.), PULSE_LIMIT);
}

static void test_an_endless_loop_is_lost_once_it_has_used_much_time(void **state) {
    (void)state;
    assert_int_equal(ticks_until_lost('R', 3.), 4); // all of a tick
    assert_int_equal(ticks_until_lost('R', 1.), 9);
}

static void test_one_that_gets_no_processor_has_more_time(void **state) {
    (void)state;
    assert_int_equal(ticks_until_lost('R', 0.1), PULSE_LIMIT_BUSY);
    assert_int_equal(ticks_until_lost('D', 0.), PULSE_LIMIT_BUSY);
}

static void test_one_in_a_debugger_is_never_lost(void **state) {
    (void)state;
    assert_int_equal(ticks_until_lost('t', 0.), 0);
}

static void test_one_that_answers_is_asked_again(void **state) {
    (void)state;
    struct pulse pulse = {.number = 0};
    const struct process_state stopped = in_state('T', 0.);
    for (uint64_t round = 1; round < 10; round++) {
        assert_true(pulse_tick(&pulse));
        assert_int_equal(pulse.number, round);
        for (unsigned tick = 1; tick < PULSE_LIMIT; tick++) {
            assert_false(pulse_tick(&pulse));
            assert_false(pulse_judge(&pulse, &stopped));
        }
        assert_true(pulse_note_answer(&pulse, round));
        assert_false(pulse_is_late(&pulse));
    }
}

static void test_an_answer_to_another_question_is_none(void **state) {
    (void)state;
    struct pulse pulse = {.number = 0};
    assert_false(pulse_note_answer(&pulse, 0));
    assert_true(pulse_tick(&pulse));
    assert_false(pulse_note_answer(&pulse, 0));
    assert_false(pulse_note_answer(&pulse, 2));
    assert_true(pulse_note_answer(&pulse, 1));
    assert_false(pulse_note_answer(&pulse, 1)); // once
}

static void test_the_line_of_proc(void **state) {
    (void)state;
    struct process_state parsed =
        process_state_parse("12 (a) R (b) T 1 2 3 4 5 6 7 8 9 10 250 50 20 0 1 0 99 88 77\n");
    assert_int_equal(parsed.letter, 'T');
    assert_int_equal(parsed.parent, 1);
    double expected = 300. / (double)sysconf(_SC_CLK_TCK);
    assert_true(parsed.cpu_s > expected - 0.001 && parsed.cpu_s < expected + 0.001);
    static const char *const bad[] = {"", "12 (a", "12 (a)", "12 (a) ", ")"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(process_state_parse(bad[i]).letter, '?');
        assert_int_equal(process_state_parse(bad[i]).parent, 0);
    }
    assert_int_equal(process_state_parse("1 (a) S 1 2").letter, 'S');
}

static void test_a_process_that_is_there(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        for (;;) {
            (void)pause();
        }
    }
    int status = 0;
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
    assert_int_equal(process_state_read(pid).letter, 'T');
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(process_state_read(pid).letter, '?');
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_that_does_nothing_is_lost_soon),
        cmocka_unit_test(test_an_endless_loop_is_lost_once_it_has_used_much_time),
        cmocka_unit_test(test_one_that_gets_no_processor_has_more_time),
        cmocka_unit_test(test_one_in_a_debugger_is_never_lost),
        cmocka_unit_test(test_one_that_answers_is_asked_again),
        cmocka_unit_test(test_an_answer_to_another_question_is_none),
        cmocka_unit_test(test_the_line_of_proc),
        cmocka_unit_test(test_a_process_that_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
