// A bounded queue of bytes.
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_holds(const struct buffer *buffer, const char *text) {
    assert_int_equal(buffer_size(buffer), strlen(text));
    if (*text != '\0') {
        assert_memory_equal(buffer_bytes(buffer), text, strlen(text));
    }
}

static void append(struct buffer *buffer, const char *text) {
    assert_true(buffer_append(buffer, text, strlen(text), 1000));
}

static void test_bytes_come_out_in_order(void **state) {
    (void)state;
    struct buffer buffer = {0};
    assert_holds(&buffer, "");
    append(&buffer, "one");
    append(&buffer, "");
    append(&buffer, "two");
    assert_holds(&buffer, "onetwo");
    buffer_take(&buffer, 2);
    assert_holds(&buffer, "etwo");
    append(&buffer, "three");
    assert_holds(&buffer, "etwothree");
    buffer_take(&buffer, 9);
    assert_holds(&buffer, "");
    assert_int_equal(buffer.end, 0); // the whole block is free again
    append(&buffer, "four");
    assert_holds(&buffer, "four");
    buffer_free(&buffer);
    assert_holds(&buffer, "");
    assert_null(buffer.data);
}

static void test_it_grows_up_to_its_limit(void **state) {
    (void)state;
    struct buffer buffer = {0};
    static uint8_t byte;
    for (size_t i = 0; i < 5000; i++) {
        byte = (uint8_t)i;
        assert_true(buffer_append(&buffer, &byte, 1, 5000));
    }
    assert_false(buffer_append(&buffer, &byte, 1, 5000));
    assert_true(buffer_append(&buffer, &byte, 0, 5000));
    assert_false(buffer_append(&buffer, &byte, SIZE_MAX, 6000));
    assert_false(buffer_append(&buffer, &byte, 1, 100)); // more than that is in it already
    assert_int_equal(buffer_size(&buffer), 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(buffer_bytes(&buffer)[i], (uint8_t)i);
    }
    // What was taken counts no more.
    buffer_take(&buffer, 4000);
    uint8_t *room = buffer_room(&buffer, 4000, 5000);
    assert_non_null(room);
    memset(room, 7, 4000);
    assert_int_equal(buffer_size(&buffer), 1000);
    buffer_grow(&buffer, 4000);
    assert_int_equal(buffer_size(&buffer), 5000);
    assert_int_equal(buffer_bytes(&buffer)[0], (uint8_t)4000);
    assert_int_equal(buffer_bytes(&buffer)[4999], 7);
    assert_null(buffer_room(&buffer, 1, 5000));
    buffer_free(&buffer);
}

static void test_its_end_can_be_cut(void **state) {
    (void)state;
    struct buffer buffer = {0};
    append(&buffer, "abcdef");
    buffer_take(&buffer, 1);
    buffer_cut(&buffer, 2);
    assert_holds(&buffer, "bc");
    append(&buffer, "x");
    assert_holds(&buffer, "bcx");
    buffer_cut(&buffer, 0);
    assert_holds(&buffer, "");
    buffer_free(&buffer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_come_out_in_order),
        cmocka_unit_test(test_it_grows_up_to_its_limit),
        cmocka_unit_test(test_its_end_can_be_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
