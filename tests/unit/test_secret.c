#include "base/secret.h"

#include "smaps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_wipe_overwrites_exactly_its_bytes(void **state) {
    (void)state;
    uint8_t data[64];
    for (size_t size = 0; size <= sizeof(data) - 2; size++) {
        memset(data, 0xa5, sizeof(data));
        secret_wipe(data + 1, size);
        assert_int_equal(data[0], 0xa5);
        for (size_t i = 1; i < sizeof(data); i++) {
            assert_int_equal(data[i], i <= size ? 0 : 0xa5);
        }
    }
    secret_wipe(NULL, 0);
}

static void test_equal_sees_every_bit(void **state) {
    (void)state;
    uint8_t a[33], b[33];
    for (size_t i = 0; i < sizeof(a); i++) {
        a[i] = b[i] = (uint8_t)(i * 37);
    }
    assert_true(secret_equal(a, b, sizeof(a)));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(secret_equal(a, b, sizeof(a)));
        assert_true(secret_equal(a, b, bit / 8)); // what lies behind the size does not count
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(secret_equal("a", "b", 0));
}

static void assert_zeros(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(data[i], 0);
    }
}

// The limit may forbid it, and AddressSanitizer makes mlock() do nothing.
static bool can_lock_a_page(void) {
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool locked = page != MAP_FAILED && mlock(page, 4096) == 0 && mapping_has_flag(page, "lo");
    munmap(page, 4096);
    return locked;
}

static void assert_kept_out_of_dumps_and_swap(const uint8_t *data, size_t size) {
    assert_true(mapping_has_flag(data, "dd"));
    assert_true(mapping_has_flag(data + size - 1, "dd"));
    if (can_lock_a_page()) {
        assert_true(mapping_has_flag(data, "lo"));
    }
}

static void test_mapped_pages_are_kept_out_of_dumps_and_swap(void **state) {
    (void)state;
    const size_t size = 5000; // not a whole number of pages
    uint8_t *data = secret_map(size);
    assert_non_null(data);
    assert_zeros(data, size);
    memset(data, 1, size);
    assert_kept_out_of_dumps_and_swap(data, size);
    secret_unmap(data, size);

    struct secret_views views;
    assert_true(secret_map_views(size, &views));
    assert_zeros(views.own, size);
    assert_kept_out_of_dumps_and_swap(views.own, size);
    assert_true(mapping_has_flag(views.lent, "dd"));
    secret_unmap_views(&views);
}

// Whether a child finds a page there, and can read it.
static bool child_has_page(const void *page) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        unsigned char resident;
        bool there = mincore((void *)(uintptr_t)page, 4096, &resident) == 0;
        _exit(there && *(const volatile uint8_t *)page == 77 ? 42 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 42;
}

static void test_only_lent_pages_are_there_after_fork(void **state) {
    (void)state;
    uint8_t *data = secret_map(4096);
    assert_non_null(data);
    data[0] = 77;
    assert_false(child_has_page(data));
    secret_unmap(data, 4096);

    struct secret_views views;
    assert_true(secret_map_views(4096, &views));
    *(uint8_t *)views.own = 77;
    assert_false(child_has_page(views.lent));
    secret_lend(&views, true);
    assert_true(child_has_page(views.lent));
    assert_false(child_has_page(views.own));
    secret_lend(&views, false);
    assert_false(child_has_page(views.lent));
    secret_unmap_views(&views);
}

static void test_both_views_show_the_same_and_one_is_for_reading(void **state) {
    (void)state;
    struct secret_views views;
    assert_true(secret_map_views(4096, &views));
    memset(views.own, 0x33, 4096);
    assert_memory_equal(views.own, views.lent, 4096);
    void *lent = (void *)(uintptr_t)views.lent;
    assert_int_equal(mprotect(lent, 4096, PROT_READ | PROT_WRITE), -1);
    // A view of the view (an old size of 0 asks for that) can be written as little.
    void *view = mremap(lent, 0, 4096, MREMAP_MAYMOVE);
    assert_true(view != MAP_FAILED);
    assert_int_equal(mprotect(view, 4096, PROT_READ | PROT_WRITE), -1);
    // It outlives the others, and what was secret is gone from it too.
    secret_unmap_views(&views);
    assert_zeros(view, 4096);
    assert_int_equal(munmap(view, 4096), 0);
    unsigned char resident;
    assert_int_equal(mincore(lent, 4096, &resident), -1);
    secret_unmap(NULL, 4096);
}

static void test_map_without_memory(void **state) {
    (void)state;
    struct secret_views views;
    assert_null(secret_map(SIZE_MAX / 2));
    assert_null(secret_map(0));
    assert_false(secret_map_views(SIZE_MAX / 2, &views));
    assert_false(secret_map_views(0, &views));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wipe_overwrites_exactly_its_bytes),
        cmocka_unit_test(test_equal_sees_every_bit),
        cmocka_unit_test(test_mapped_pages_are_kept_out_of_dumps_and_swap),
        cmocka_unit_test(test_only_lent_pages_are_there_after_fork),
        cmocka_unit_test(test_both_views_show_the_same_and_one_is_for_reading),
        cmocka_unit_test(test_map_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
