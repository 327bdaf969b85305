#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_a_literal_has_its_size_without_the_nul(void **state) {
    (void)state;
    struct slice slice = SLICE("abc");
    assert_int_equal(slice.size, 3);
    assert_memory_equal(slice.data, "abc", 3);
    assert_int_equal(SLICE("").size, 0);
    assert_int_equal(SLICE("a\0b").size, 3);
}

static void test_from_text(void **state) {
    (void)state;
    const char *text = "hello";
    struct slice slice = slice_from(text);
    assert_ptr_equal(slice.data, text);
    assert_int_equal(slice.size, 5);
    assert_int_equal(slice_from("").size, 0);
    assert_int_equal(slice_from(NULL).size, 0);
}

static void test_equal_compares_size_and_every_byte(void **state) {
    (void)state;
    assert_true(slice_equal(SLICE("abc"), slice_from("abc")));
    assert_false(slice_equal(SLICE("abc"), SLICE("abd")));
    assert_false(slice_equal(SLICE("abc"), SLICE("ab")));
    assert_false(slice_equal(SLICE("abc"), SLICE("ABC")));
    assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
}

static void test_empty_slices_are_equal_wherever_they_point(void **state) {
    (void)state;
    assert_true(slice_equal(slice_from(NULL), SLICE("")));
    assert_true(slice_equal_nocase(slice_from(NULL), SLICE("")));
    assert_false(slice_equal(slice_from(NULL), SLICE("a")));
    assert_false(slice_equal_nocase(slice_from(NULL), SLICE("a")));
}

static void test_equal_reads_no_further_than_the_slice(void **state) {
    (void)state;
    // Neither is NUL-terminated; what lies behind differs.
    struct slice a = {"abcX", 3};
    struct slice b = {"abcY", 3};
    assert_true(slice_equal(a, b));
    assert_true(slice_equal_nocase(a, b));
}

static void test_nocase_folds_ascii_letters_and_nothing_else(void **state) {
    (void)state;
    assert_true(slice_equal_nocase(SLICE("Content-LENGTH"), SLICE("content-length")));
    assert_false(slice_equal_nocase(SLICE("host"), SLICE("hos")));
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            char left = (char)a;
            char right = (char)b;
            bool letters =
                (a >= 'a' && a <= 'z' && b == a - 32) || (b >= 'a' && b <= 'z' && a == b - 32);
            bool equal = slice_equal_nocase((struct slice){&left, 1}, (struct slice){&right, 1});
            assert_int_equal(equal, a == b || letters);
        }
    }
}

// By words and by bytes, every byte at every place.
static void test_lower_copies(void **state) {
    (void)state;
    for (size_t size = 0; size <= 24; size++) {
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                char from[24], to[25];
                memset(from, at % 2 == 0 ? 'Z' : 0xff, sizeof(from));
                memset(to, '.', sizeof(to));
                from[at] = (char)byte;
                ascii_copy_lower(to, (struct slice){from, size});
                for (size_t i = 0; i < size; i++) {
                    assert_int_equal(to[i], ascii_lower(from[i]));
                }
                assert_int_equal(to[size], '.');
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_literal_has_its_size_without_the_nul),
        cmocka_unit_test(test_from_text),
        cmocka_unit_test(test_equal_compares_size_and_every_byte),
        cmocka_unit_test(test_empty_slices_are_equal_wherever_they_point),
        cmocka_unit_test(test_equal_reads_no_further_than_the_slice),
        cmocka_unit_test(test_nocase_folds_ascii_letters_and_nothing_else),
        cmocka_unit_test(test_lower_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
