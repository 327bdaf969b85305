// Orders as the control socket carries them.
#include "process/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct command_row rows[COMMAND_COUNT] = {
    {.name = "serve"},
    {.name = "none", .is_order = true},
    {.name = "some", .is_order = true, .arguments_min = 1, .arguments_max = 2},
    {.name = "many", .is_order = true, .arguments_max = COMMAND_ARGUMENTS_ANY},
    {.name = "a"},
    {.name = "b"},
    {.name = "c"},
    {.name = "d"},
    {.name = "e"},
    {.name = "f"},
    {.name = "g"},
};

// With the bytes at the end of a heap block, so that a sanitizer sees each that is read behind
// them.
static bool parse(struct slice data, struct order *order) {
    static char *copy; // lives until the next one
    free(copy);
    copy = malloc(data.size + 1);
    assert_non_null(copy);
    memcpy(copy, data.data, data.size);
    copy[data.size] = '\0';
    return order_parse(rows, copy, data.size, order);
}

static void test_orders(void **state) {
    (void)state;
    struct order order;
    assert_true(parse(SLICE("none"), &order));
    assert_int_equal(order.command, 1);
    assert_int_equal(order.argument_count, 0);
    assert_true(parse(SLICE("some\0web/unix:/a b\0drain"), &order));
    assert_int_equal(order.command, 2);
    assert_int_equal(order.argument_count, 2);
    assert_string_equal(order.arguments[0], "web/unix:/a b");
    assert_string_equal(order.arguments[1], "drain");
    assert_true(parse(SLICE("some\0x"), &order));
    assert_true(parse(SLICE("many\0"
                            "1\0"
                            "2\0"
                            "3\0"
                            "4"),
                      &order));
    assert_int_equal(order.argument_count, COMMAND_ARGUMENTS_MAX);
}

static void test_what_is_no_order(void **state) {
    (void)state;
    static const struct slice wrong[] = {
        SLICE(""),
        SLICE("serve"),
        SLICE("nones"),
        SLICE("non"),
        SLICE("NONE"),
        SLICE("none "),
        SLICE("none\0"),
        SLICE("none\0x"),
        SLICE("\0none"),
        SLICE("some"),
        SLICE("some\0"),
        SLICE("some\0\0x"),
        SLICE("some\0x\0"),
        SLICE("some\0x\0y\0z"),
        SLICE("some\0x\ny"),
        SLICE("some\0\x7f"),
        SLICE("many\0"
              "1\0"
              "2\0"
              "3\0"
              "4\0"
              "5"),
    };
    struct order order;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(parse(wrong[i], &order));
    }
}

static void test_the_longest(void **state) {
    (void)state;
    static char long_word[ORDER_SIZE_MAX + 1];
    char data[ORDER_SIZE_MAX + 2] = "";
    const char *words[] = {"many", long_word};
    struct order order;
    memset(long_word, 'x', sizeof(long_word) - 1);
    assert_int_equal(order_write(words, 2, data), 0);
    long_word[ORDER_SIZE_MAX - sizeof("many") - 1] = '\0';
    size_t size = order_write(words, 2, data);
    assert_int_equal(size, ORDER_SIZE_MAX - 1);
    assert_true(parse((struct slice){data, size}, &order));
    assert_string_equal(order.arguments[0], long_word);
    assert_int_equal(order_write(words, 1, data), 4);
    assert_memory_equal(data, "many", 4);
    memset(data, 'x', sizeof(data));
    memcpy(data, "many", sizeof("many"));
    assert_true(parse((struct slice){data, ORDER_SIZE_MAX}, &order));
    assert_false(parse((struct slice){data, ORDER_SIZE_MAX + 1}, &order));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_what_is_no_order),
        cmocka_unit_test(test_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
