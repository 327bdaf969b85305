#include "base/region.h"
#include "smaps.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3, SLOT_SIZE = 2 * REGION_PAGE };

// Runs `attempt` in a process that was forked with `slot`; its result, or 128 and the signal.
static int in_child(struct region *region, size_t slot, int (*attempt)(struct region *)) {
    region_lend(region, slot);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        _exit(attempt(region));
    }
    region_lend(region, REGION_NO_SLOT);
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int write_slot_1(struct region *region) {
    region->writable[SLOT_SIZE] = 7;
    region->writable[2 * SLOT_SIZE - 1] = 8;
    return region->readable[SLOT_SIZE] == 7 ? 0 : 1;
}

static int write_slot_0(struct region *region) {
    region->writable[SLOT_SIZE - 1] = 7;
    return 0;
}

static int read_all(struct region *region) {
    int sum = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        sum += region->readable[i * SLOT_SIZE];
    }
    return sum;
}

static int write_what_is_for_reading(struct region *region) {
    *(uint8_t *)(uintptr_t)region->readable = 7;
    return 0;
}

// 0 when no way to write the other slots was found.
static int look_for_another_way(struct region *region) {
    void *readable = (void *)(uintptr_t)region->readable;
    if (mprotect(readable, SLOT_SIZE, PROT_READ | PROT_WRITE) == 0) {
        return 1;
    }
    void *view = mremap(readable, 0, SLOT_SIZE, MREMAP_MAYMOVE);
    if (view == MAP_FAILED || mprotect(view, SLOT_SIZE, PROT_READ | PROT_WRITE) == 0) {
        return 2;
    }
    return 0;
}

// More than the own slot by a view that is grown: there is nothing behind it.
static int grow_the_own_view(struct region *region) {
    void *larger = mremap(region->writable + SLOT_SIZE, SLOT_SIZE, 2 * (size_t)SLOT_SIZE,
                          MREMAP_MAYMOVE);
    if (larger != MAP_FAILED) {
        ((volatile uint8_t *)larger)[SLOT_SIZE] = 9;
    }
    return 0;
}

static void test_a_process_writes_its_slot_and_reads_all(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, SLOTS, SLOT_SIZE));
    region.writable[0] = 1;
    region.writable[2 * (size_t)SLOT_SIZE] = 30;
    assert_int_equal(in_child(&region, 1, write_slot_1), 0);
    assert_int_equal(region.readable[SLOT_SIZE], 7);
    assert_int_equal(region.readable[2 * SLOT_SIZE - 1], 8);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(in_child(&region, i, read_all), 38);
    }
    assert_int_equal(in_child(&region, 0, write_slot_0), 0);
    region_unmap(&region);
    region_unmap(&region);
}

static void test_nothing_else_can_be_written(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip(); // a signal is an exit status there
#endif
    struct region region;
    assert_true(region_map(&region, SLOTS, SLOT_SIZE));
    const size_t others[] = {1, 2, REGION_NO_SLOT};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(in_child(&region, others[i], write_slot_0), 128 + SIGSEGV);
    }
    assert_int_equal(in_child(&region, 1, write_what_is_for_reading), 128 + SIGSEGV);
    assert_int_equal(in_child(&region, REGION_NO_SLOT, read_all), 128 + SIGSEGV);
    assert_int_equal(read_all(&region), 0);
    region_unmap(&region);
}

static void test_no_view_can_be_made_writable_or_larger(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, SLOTS, SLOT_SIZE));
    assert_int_equal(in_child(&region, 1, look_for_another_way), 0);
    (void)in_child(&region, 1, grow_the_own_view);
    assert_int_equal(read_all(&region), 0);
    region_unmap(&region);
}

static void test_it_goes_to_no_process_by_itself(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, SLOTS, SLOT_SIZE));
    assert_true(mapping_has_flag(region.writable, "dc"));
    assert_true(mapping_has_flag(region.readable, "dc"));
    region_lend(&region, 1);
    assert_true(mapping_has_flag(region.writable, "dc"));
    assert_false(mapping_has_flag(region.writable + SLOT_SIZE, "dc"));
    assert_true(mapping_has_flag(region.writable + 2 * (size_t)SLOT_SIZE, "dc"));
    assert_false(mapping_has_flag(region.readable, "dc"));
    region_lend(&region, REGION_NO_SLOT);
    assert_true(mapping_has_flag(region.writable + SLOT_SIZE, "dc"));
    assert_true(mapping_has_flag(region.readable, "dc"));
    region_unmap(&region);
}

static void test_sizes_that_cannot_be(void **state) {
    (void)state;
    struct region region;
    assert_false(region_map(&region, 0, SLOT_SIZE));
    assert_false(region_map(&region, 1, 0));
    assert_false(region_map(&region, 1, REGION_PAGE + 64));
    assert_false(region_map(&region, SIZE_MAX / REGION_PAGE, REGION_PAGE));
    assert_null(region.writable);
    region_unmap(&region);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_writes_its_slot_and_reads_all),
        cmocka_unit_test(test_nothing_else_can_be_written),
        cmocka_unit_test(test_no_view_can_be_made_writable_or_larger),
        cmocka_unit_test(test_it_goes_to_no_process_by_itself),
        cmocka_unit_test(test_sizes_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
