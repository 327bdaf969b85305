// Connections in use, counted over all workers: who can write what, and what is believed.
#include "backend/server_counts.h"

#include "base/region.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3, CELL = 7 };

static struct server_counter counter_of(const struct server_counts *counts, size_t slot) {
    return (struct server_counter){counts, slot};
}

static void use(const struct server_counts *counts, size_t slot, uint32_t amount) {
    const struct server_counter counter = counter_of(counts, slot);
    server_cell_add(server_counter_cell(&counter, CELL), amount);
}

static uint32_t sum(const struct server_counts *counts, size_t slot) {
    const struct server_counter counter = counter_of(counts, slot);
    return server_counter_sum(&counter, CELL);
}

static void test_all_workers_see_the_sum(void **state) {
    (void)state;
    struct server_counts *counts = server_counts_map(SLOTS);
    assert_non_null(counts);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        use(counts, slot, (uint32_t)slot + 1);
    }
    for (size_t slot = 0; slot < SLOTS; slot++) {
        assert_int_equal(sum(counts, slot), 6);
    }
    use(counts, 1, UINT32_MAX);
    assert_int_equal(sum(counts, 0), 5);
    server_counts_clear(counts, 2); // its worker died
    assert_int_equal(sum(counts, 0), 2);
    const struct server_counter other = counter_of(counts, 0);
    assert_int_equal(server_counter_sum(&other, CELL + 1), 0);
    assert_int_equal(server_counter_sum(&other, SERVER_CELLS - 1), 0);
    server_counts_unmap(counts);
    server_counts_unmap(NULL);
}

static void test_what_another_worker_says_is_believed_up_to_a_bound(void **state) {
    (void)state;
    struct server_counts *counts = server_counts_map(SLOTS);
    assert_non_null(counts);
    use(counts, 1, 16);
    assert_int_equal(sum(counts, 0), 16);
    use(counts, 1, UINT32_MAX - 16);
    assert_int_equal(sum(counts, 0), 16);
    use(counts, 0, 10);
    assert_int_equal(sum(counts, 0), 10 + 36);
    use(counts, 2, 36);
    assert_int_equal(sum(counts, 0), 10 + 36 + 36);
    use(counts, 0, UINT32_MAX - 10);
    assert_int_equal(sum(counts, 0), UINT32_MAX);
    server_counts_unmap(counts);
}

static void test_where_a_limit_counts_all_is_believed(void **state) {
    (void)state;
    struct server_counts *counts = server_counts_map(SLOTS);
    assert_non_null(counts);
    const struct server_counter counter = counter_of(counts, 0);
    use(counts, 1, 1000);
    use(counts, 0, 1);
    assert_int_equal(server_counter_total(&counter, CELL), 1001);
    use(counts, 2, UINT32_MAX);
    assert_int_equal(server_counter_total(&counter, CELL), UINT32_MAX);
    server_counts_unmap(counts);
}

static void test_who_waits_in_other_workers(void **state) {
    (void)state;
    struct server_counts *counts = server_counts_map(SLOTS);
    assert_non_null(counts);
    const struct server_counter all[] = {counter_of(counts, 0), counter_of(counts, 1),
                                         counter_of(counts, 2)};
    assert_int_equal(server_counter_waiting(&all[0], CELL), 0);
    assert_int_equal(server_counter_oldest(&all[0], CELL), 0);
    server_counter_set_waiting(&all[0], CELL, 1, 10);
    server_counter_set_waiting(&all[1], CELL, 2, 30);
    server_counter_set_waiting(&all[2], CELL, 3, 20);
    assert_int_equal(server_counter_waiting(&all[0], CELL), 6);
    assert_int_equal(server_counter_oldest(&all[0], CELL), 20);
    assert_int_equal(server_counter_oldest(&all[1], CELL), 10);
    server_counter_set_waiting(&all[2], CELL, UINT32_MAX, -5);
    assert_int_equal(server_counter_waiting(&all[0], CELL), UINT32_MAX);
    assert_int_equal(server_counter_oldest(&all[0], CELL), 30);
    server_counts_clear(counts, 2);
    assert_int_equal(server_counter_waiting(&all[0], CELL), 3);
    server_counts_unmap(counts);
}

// What happens to a process with that view that adds to a slot: 0, or a signal.
static int try_to_use(const struct server_counts *counts, size_t lent, size_t slot) {
    server_counts_lend(counts, lent);
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        use(counts, slot, 1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    server_counts_lend(counts, REGION_NO_SLOT);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void test_a_worker_writes_its_own_slot_only(void **state) {
    (void)state;
    struct server_counts *counts = server_counts_map(SLOTS);
    assert_non_null(counts);
    assert_int_equal(try_to_use(counts, 1, 1), 0);
    assert_int_equal(sum(counts, 0), 1);
    assert_int_not_equal(try_to_use(counts, 1, 0), 0);
    assert_int_not_equal(try_to_use(counts, REGION_NO_SLOT, 1), 0);
    assert_int_equal(sum(counts, 0), 1);
    server_counts_unmap(counts);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_workers_see_the_sum),
        cmocka_unit_test(test_what_another_worker_says_is_believed_up_to_a_bound),
        cmocka_unit_test(test_where_a_limit_counts_all_is_believed),
        cmocka_unit_test(test_who_waits_in_other_workers),
        cmocka_unit_test(test_a_worker_writes_its_own_slot_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
