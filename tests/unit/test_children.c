// The master's children, with kinds and a handler of the test's own and without processes.
#include "children_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct {
    unsigned started, ready, committed;
    char cannot_start[256], failed[256], died[256];
    struct child *of;
    uint64_t generation;
    bool may_replace;
} told;

static void on_started(void *context) {
    assert_ptr_equal(context, &told);
    told.started++;
}

static void on_cannot_start(void *context, const char *why) {
    (void)context;
    (void)snprintf(told.cannot_start, sizeof(told.cannot_start), "%s", why);
}

static void on_ready(void *context, struct child *child, uint64_t generation) {
    (void)context;
    told.ready++;
    told.of = child;
    told.generation = generation;
}

static void on_committed(void *context, struct child *child, uint64_t generation) {
    (void)context;
    told.committed++;
    told.of = child;
    told.generation = generation;
}

static void on_failed(void *context, struct child *child, uint64_t generation, const char *why) {
    (void)context;
    told.of = child;
    told.generation = generation;
    (void)snprintf(told.failed, sizeof(told.failed), "%s", why);
}

static void on_died(void *context, struct child *child, const char *how) {
    (void)context;
    told.of = child;
    (void)snprintf(told.died, sizeof(told.died), "%s", how);
}

static bool may_replace(void *context) {
    (void)context;
    return told.may_replace;
}

static int set_up(void **state) {
    static const struct children_handler handler = {
        .started = on_started,
        .cannot_start = on_cannot_start,
        .ready = on_ready,
        .committed = on_committed,
        .failed = on_failed,
        .died = on_died,
        .may_replace = may_replace,
        .context = &told,
    };
    (void)state;
    memset(&told, 0, sizeof(told));
    told.may_replace = true;
    lab_open(&handler);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lab_close();
    return 0;
}

static void test_the_list_is_in_the_order_of_the_rows(void **state) {
    (void)state;
    static const char *const names[] = {"keys 0", "keys 1", "single", "clients 0", "clients 1"};
    size_t i = 0;
    for (struct child *child = child_first(&lab.children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        char name[CHILD_NAME_SIZE];
        child_name(child, name);
        assert_string_equal(name, names[i++]);
    }
    assert_int_equal(i, LAB_CHILDREN);
    assert_null(child_next(lab_child(LAB_KEYS, 1), &lab_kinds[LAB_KEYS]));
    assert_null(child_next(lab_child(LAB_SINGLE, 0), &lab_kinds[LAB_SINGLE]));
}

static void test_all_start_in_that_order(void **state) {
    (void)state;
    children_start(&lab.children);
    assert_string_equal(lab.started,
                        "rav-keys-0|ravelin: keys 0;rav-keys-1|ravelin: keys 1;"
                        "rav-single|ravelin: single;"
                        "rav-clients-0|ravelin: clients 0;rav-clients-1|ravelin: clients 1;");
    assert_int_equal(children_alive(&lab.children), LAB_CHILDREN);
    // Once more starts nobody twice.
    children_start(&lab.children);
    assert_int_equal(lab.last_pid, LAB_FIRST_PID + LAB_CHILDREN);
}

static void test_who_answers_loads_before_it_is_asked(void **state) {
    (void)state;
    children_start(&lab.children);
    for (unsigned slot = 0; slot < LAB_SLOTS; slot++) {
        // An end of a pair when it starts, and another when its partner does.
        assert_string_equal(lab_received(lab_child(LAB_KEYS, slot)), "LDD");
        assert_string_equal(lab_received(lab_child(LAB_CLIENTS, slot)), "DLC");
    }
    assert_string_equal(lab_received(lab_child(LAB_SINGLE, 0)), "L");
}

static void test_the_first_generation(void **state) {
    (void)state;
    children_start(&lab.children);
    lab_say(lab_child(LAB_KEYS, 0), IPC_READY, 6, NULL); // it was not asked about that one
    assert_int_equal(told.started, 0);
    assert_int_equal(lab_child(LAB_KEYS, 0)->state, CHILD_STARTING);
    lab_say(lab_child(LAB_KEYS, 0), IPC_READY, 7, NULL);
    assert_int_equal(told.started, 1);
    assert_int_equal(lab_child(LAB_KEYS, 0)->state, CHILD_RUNNING);
    lab_say(lab_child(LAB_CLIENTS, 0), IPC_READY, 7, NULL); // it has to commit, too
    assert_int_equal(told.started, 1);
    lab_say(lab_child(LAB_CLIENTS, 0), IPC_COMMITTED, 7, NULL);
    assert_int_equal(told.started, 2);
    assert_false(children_all_run(&lab.children));
    lab_run();
    assert_true(children_all_run(&lab.children));
    assert_int_equal(told.committed, 1); // again, by the one that ran
}

static void test_failures_of_the_start(void **state) {
    (void)state;
    children_start(&lab.children);
    lab_say(lab_child(LAB_CLIENTS, 1), IPC_FAILED, 7, "no\x1b\nroom");
    assert_string_equal(told.cannot_start, "clients 1: 'no??room'");
    children_note_death(&lab.children, lab_child(LAB_SINGLE, 0)->pid, 3 << 8);
    assert_non_null(strstr(told.cannot_start, "single (pid "));
    assert_non_null(strstr(told.cannot_start, ") ended with status 3"));
    assert_string_equal(told.died, "");
    lab_turn();
    assert_int_equal(lab.last_pid, LAB_FIRST_PID + LAB_CHILDREN); // it is not replaced
    lab.cannot_fork = true;
    children_start(&lab.children);
    assert_string_equal(told.cannot_start,
                        "cannot start a process: Resource temporarily unavailable");
}

static void test_reports_are_handed_on(void **state) {
    (void)state;
    lab_run();
    struct child *child = lab_child(LAB_CLIENTS, 1);
    lab_say(child, IPC_READY, 8, NULL);
    assert_int_equal(told.ready, 1); // its first READY was no news: it had to commit
    assert_ptr_equal(told.of, child);
    assert_int_equal(told.generation, 8);
    lab_say(child, IPC_COMMITTED, 8, NULL);
    assert_int_equal(told.committed, 1);
    lab_say(child, IPC_FAILED, 9, "why");
    assert_string_equal(told.failed, "clients 1: 'why'");
    assert_int_equal(told.generation, 9);
}

static void test_nonsense_is_not_listened_to(void **state) {
    (void)state;
    lab_run();
    struct child *child = lab_child(LAB_CLIENTS, 0);
    lab_say(child, IPC_LOAD, 8, NULL);
    assert_false(ev_is_active(&child->control));
    child = lab_child(LAB_CLIENTS, 1);
    lab_say(child, IPC_PONG, 8, NULL); // nobody asked
    assert_false(ev_is_active(&child->control));
    child = lab_child(LAB_KEYS, 0);
    lab_say(child, IPC_ORDERS, 1, "a.test"); // it orders nothing
    assert_false(ev_is_active(&child->control));
    assert_int_equal(lab.children.orders.failing, 0);
}

// What a child says of its orders is kept, in printable form.
static void test_failing_orders(void **state) {
    (void)state;
    char long_text[1024];
    lab_run();
    const struct child *child = lab_child(LAB_SINGLE, 0);
    lab_say(child, IPC_ORDERS, 2, "a.test: \x1b[2J\nno");
    assert_int_equal(lab.children.orders.failing, 2);
    assert_string_equal(lab.children.orders.last, "a.test: ?[2J?no");
    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    lab_say(child, IPC_ORDERS, UINT64_MAX, long_text);
    assert_int_equal(strlen(lab.children.orders.last), sizeof(lab.children.orders.last) - 1);
    lab_say(child, IPC_ORDERS, 0, "");
    assert_int_equal(lab.children.orders.failing, 0);
    assert_string_equal(lab.children.orders.last, "");
    assert_true(ev_is_active(&child->control));
}

static void test_a_slot_that_is_apart_is_connected_again(void **state) {
    (void)state;
    lab_run();
    lab_say(lab_child(LAB_KEYS, 1), IPC_FAILED, IPC_NO_GENERATION, "no descriptor");
    assert_string_equal(told.failed, "");
    children_connect(&lab.children);
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 0)), "");
    assert_string_equal(lab_received(lab_child(LAB_SINGLE, 0)), "");
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 1)), "D");
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 1)), "D");
    children_connect(&lab.children); // it is done
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 1)), "");
}

static void test_who_has_no_pair_cannot_be_apart(void **state) {
    (void)state;
    lab_run();
    struct child *single = lab_child(LAB_SINGLE, 0);
    lab_say(single, IPC_FAILED, IPC_NO_GENERATION, "no descriptor");
    assert_false(ev_is_active(&single->control)); // killed
    children_connect(&lab.children);
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 0)), "");
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "");
}

static void die(struct child *child) {
    children_note_death(&lab.children, child->pid, 9);
}

static void test_the_dead_are_replaced(void **state) {
    (void)state;
    lab_run();
    struct child *child = lab_child(LAB_CLIENTS, 1);
    die(child);
    assert_ptr_equal(told.of, child);
    assert_non_null(strstr(told.died, "was killed by signal 9"));
    assert_int_equal(child->state, CHILD_DEAD);
    lab_turn();
    assert_int_equal(child->state, CHILD_STARTING);
    assert_int_equal(child->restarts, 1);
    assert_string_equal(lab_received(child), "DLC");
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 1)), "D");
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 0)), "");
    die(child); // the second time, a little later
    lab_turn();
    assert_int_equal(child->state, CHILD_DEAD);
    assert_true(ev_timer_remaining(lab.children.loop, &child->respawn) > 0.);
}

static void test_only_when_it_is_allowed(void **state) {
    (void)state;
    lab_run();
    struct child *child = lab_child(LAB_SINGLE, 0);
    told.may_replace = false;
    die(child);
    lab_turn();
    children_start(&lab.children);
    assert_int_equal(child->state, CHILD_DEAD);
    told.may_replace = true;
    children_start(&lab.children);
    assert_int_equal(child->state, CHILD_STARTING);
    children_end(&lab.children);
    told.died[0] = '\0';
    die(child);
    lab_turn();
    children_start(&lab.children);
    assert_int_equal(child->state, CHILD_DEAD);
    assert_string_equal(told.died, "");
}

static void test_a_replacement_that_cannot_load_is_killed(void **state) {
    (void)state;
    lab_run();
    struct child *child = lab_child(LAB_CLIENTS, 0);
    die(child);
    lab_turn();
    lab_say(child, IPC_FAILED, 7, "no memory");
    assert_false(ev_is_active(&child->control));
    assert_string_equal(told.failed, "");
    assert_string_equal(told.cannot_start, "");
}

static void test_helpers_end_last(void **state) {
    (void)state;
    lab_run();
    children_end(&lab.children);
    die(lab_child(LAB_CLIENTS, 0));
    assert_true(children_serve(&lab.children));
    die(lab_child(LAB_CLIENTS, 1));
    assert_false(children_serve(&lab.children));
    assert_int_equal(children_alive(&lab.children), 3);
    children_dismiss_helpers(&lab.children);
    struct ipc_message message;
    assert_int_equal(ipc_receive(*lab_end(lab_child(LAB_KEYS, 0)), &message), RESULT_EOF);
    assert_int_equal(ipc_receive(*lab_end(lab_child(LAB_SINGLE, 0)), &message), RESULT_EOF);
}

static void test_one_that_is_not_wanted_is_not_started(void **state) {
    (void)state;
    struct child *single = lab_child(LAB_SINGLE, 0);
    lab.without_single = 7;
    children_start(&lab.children);
    assert_int_equal(children_alive(&lab.children), LAB_CHILDREN - 1);
    for (struct child *child = child_first(&lab.children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        if (child != single) {
            lab_say(child, IPC_READY, 7, NULL);
            lab_say(child, IPC_COMMITTED, 7, NULL);
        }
    }
    assert_true(children_all_run(&lab.children));
    children_run(&lab.children);
    lab.source.number = 8; // wants it
    assert_false(children_all_run(&lab.children));
    children_start(&lab.children);
    assert_true(single->pid > 0);
    assert_int_equal(single->restarts, 0);
}

static void test_one_that_is_not_wanted_any_more_is_stopped(void **state) {
    (void)state;
    lab_run();
    struct child *single = lab_child(LAB_SINGLE, 0);
    lab.without_single = lab.source.number = 8;
    children_start(&lab.children);
    children_start(&lab.children); // it is told once
    assert_string_equal(lab_received(single), "S");
    pid_t pid = single->pid;
    children_note_death(&lab.children, pid, 0);
    lab_turn();
    assert_int_equal(single->pid, 0);
    assert_string_equal(told.died, ""); // nobody has to do anything
    assert_true(children_all_run(&lab.children));
    lab.source.number = 9;
    children_start(&lab.children);
    assert_true(single->pid > pid);
}

static void test_one_that_is_wanted_again_before_it_has_ended(void **state) {
    (void)state;
    lab_run();
    struct child *single = lab_child(LAB_SINGLE, 0);
    lab.without_single = lab.source.number = 8;
    children_start(&lab.children);
    lab.source.number = 9;
    children_start(&lab.children);
    pid_t pid = single->pid;
    children_note_death(&lab.children, pid, 0);
    assert_true(single->pid > pid);
    assert_false(single->is_dismissed);
    assert_string_equal(lab_received(single), "L");
}

static void test_find(void **state) {
    (void)state;
    children_start(&lab.children);
    struct child *child = lab_child(LAB_CLIENTS, 1);
    assert_ptr_equal(children_find(&lab.children, child->pid), child);
    assert_null(children_find(&lab.children, LAB_FIRST_PID));
    children_note_death(&lab.children, LAB_FIRST_PID, 0); // a stranger
    assert_int_equal(children_alive(&lab.children), LAB_CHILDREN);
}

#define WITH_LAB(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LAB(test_the_list_is_in_the_order_of_the_rows),
        WITH_LAB(test_all_start_in_that_order),
        WITH_LAB(test_who_answers_loads_before_it_is_asked),
        WITH_LAB(test_the_first_generation),
        WITH_LAB(test_failures_of_the_start),
        WITH_LAB(test_reports_are_handed_on),
        WITH_LAB(test_nonsense_is_not_listened_to),
        WITH_LAB(test_failing_orders),
        WITH_LAB(test_a_slot_that_is_apart_is_connected_again),
        WITH_LAB(test_who_has_no_pair_cannot_be_apart),
        WITH_LAB(test_the_dead_are_replaced),
        WITH_LAB(test_only_when_it_is_allowed),
        WITH_LAB(test_a_replacement_that_cannot_load_is_killed),
        WITH_LAB(test_helpers_end_last),
        WITH_LAB(test_one_that_is_not_wanted_is_not_started),
        WITH_LAB(test_one_that_is_not_wanted_any_more_is_stopped),
        WITH_LAB(test_one_that_is_wanted_again_before_it_has_ended),
        WITH_LAB(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
