// What the master tells the monitor.
#include "observe/board.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_facts_and_state(void **state) {
    (void)state;
    static struct board_facts facts;
    struct board *board = board_map();
    assert_int_equal(board_state(board), BOARD_STARTING);
    board_set_state(board, BOARD_ENDING);
    assert_int_equal(board_state(board), BOARD_ENDING);
    board_begin(board)->reloads_done = 3;
    assert_false(board_read(board, &facts)); // in the middle
    board_end(board);
    assert_true(board_read(board, &facts));
    assert_int_equal(facts.reloads_done, 3);
    board_unmap(board);
}

static void test_the_last_events_are_kept(void **state) {
    (void)state;
    static struct board_events events;
    struct board *board = board_map();
    char text[2 * BOARD_EVENT_SIZE];
    board_read_events(board, &events);
    assert_int_equal(events.count, 0);
    for (unsigned i = 0; i < BOARD_EVENTS_MAX + 5; i++) {
        (void)snprintf(text, sizeof(text), "event %u", i);
        board_add_event(board, i, 1, text);
    }
    board_read_events(board, &events);
    assert_int_equal(events.total, BOARD_EVENTS_MAX + 5);
    assert_int_equal(events.count, BOARD_EVENTS_MAX);
    assert_string_equal(events.items[0].text, "event 5");
    assert_string_equal(events.items[BOARD_EVENTS_MAX - 1].text, "event 68");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    board_add_event(board, 0, 0, text); // it is cut
    board_read_events(board, &events);
    assert_int_equal(strlen(events.items[BOARD_EVENTS_MAX - 1].text), BOARD_EVENT_SIZE - 1);
    board_unmap(board);
}

// Never a mixture of two.
static void test_a_reader_sees_whole_facts(void **state) {
    (void)state;
    static struct board_facts facts;
    struct board *board = board_map();
    board_lend(board, true);
    pid_t pid = fork();
    if (pid == 0) {
        unsigned whole = 0;
        for (unsigned i = 0; i < 2000; i++) {
            if (board_read(board, &facts)) {
                whole++;
                if (facts.reloads_done != facts.term_count) {
                    _exit(1);
                }
            }
        }
        _exit(whole > 0 ? 0 : 2);
    }
    int status;
    for (unsigned i = 0; waitpid(pid, &status, WNOHANG) == 0; i++) {
        struct board_facts *written = board_begin(board);
        written->reloads_done = i;
        written->term_count = i;
        board_end(board);
        (void)usleep(10);
    }
    assert_int_equal(status, 0);
    board_unmap(board);
}

static void test_only_the_master_writes(void **state) {
    (void)state;
    struct board *board = board_map();
    for (int lends = 0; lends < 2; lends++) {
        board_lend(board, lends == 1);
        for (int writes = 0; writes < 2; writes++) {
            pid_t pid = fork();
            if (pid == 0) {
                (void)signal(SIGSEGV, SIG_DFL);
                if (writes == 1) {
                    board_set_state(board, BOARD_ENDING);
                }
                _exit((int)board_state(board));
            }
            int status;
            assert_int_equal(waitpid(pid, &status, 0), pid);
            assert_int_equal(WIFSIGNALED(status), writes == 1 || lends == 0);
        }
    }
    board_unmap(board);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_and_state),
        cmocka_unit_test(test_the_last_events_are_kept),
        cmocka_unit_test(test_a_reader_sees_whole_facts),
        cmocka_unit_test(test_only_the_master_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
