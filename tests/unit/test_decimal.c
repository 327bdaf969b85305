// Numbers as digits: around every power of ten and of two, as printf writes them.
#include "base/decimal.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void check(uint64_t number) {
    char expected[DECIMAL_SIZE_MAX + 1];
    char written[DECIMAL_SIZE_MAX + 1] = "";
    int size = snprintf(expected, sizeof(expected), "%" PRIu64, number);
    assert_int_equal(decimal_size(number), size);
    decimal_write(written, (size_t)size, number);
    assert_string_equal(written, expected);
}

static void check_around(uint64_t number) {
    check(number - 1);
    check(number);
    check(number + 1);
}

static void test_around_powers_of_ten(void **state) {
    (void)state;
    uint64_t power = 1;
    for (int i = 0; i < DECIMAL_SIZE_MAX; i++, power *= 10) {
        check_around(power);
    }
}

static void test_around_powers_of_two(void **state) {
    (void)state;
    for (int i = 0; i < 64; i++) {
        check_around((uint64_t)1 << i);
    }
    check(0);
    check(UINT64_MAX);
}

static void test_every_pair_of_digits(void **state) {
    (void)state;
    for (uint64_t number = 0; number < 20000; number++) {
        check(number);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_around_powers_of_ten),
        cmocka_unit_test(test_around_powers_of_two),
        cmocka_unit_test(test_every_pair_of_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
