// Field values, by eight bytes and by one: every byte at every place.
#include "http/bytes.h"

#include "http_cases.h"

static bool may_stand(int byte) {
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

static void test_every_byte(void **state) {
    (void)state;
    for (size_t size = 1; size <= 24; size++) {
        char *text = malloc(size);
        assert_non_null(text);
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                for (size_t i = 0; i < size; i++) {
                    text[i] = i % 3 == 0 ? (char)0xff : i % 3 == 1 ? ' ' : '~';
                }
                text[at] = (char)byte;
                assert_int_equal(http_is_value((struct slice){text, size}), may_stand(byte));
            }
        }
        free(text);
    }
}

// A tab does not hide what comes after it.
static void test_tabs(void **state) {
    (void)state;
    assert_true(http_is_value(SLICE("\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t")));
    assert_false(http_is_value(SLICE("\t\t\t\t\t\t\t\n\t\t\t\t\t\t\t\t\t")));
    assert_false(http_is_value(SLICE("\taaaaaa\x01"
                                     "aaaaaaaa")));
    assert_false(http_is_value(SLICE("aaaaaaaa\t\x7f")));
    assert_true(http_is_value(SLICE("")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte),
        cmocka_unit_test(test_tabs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
