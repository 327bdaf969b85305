#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

// The textbook encoding of any number up to 21 bits in `size` bytes, whether or not it is allowed.
static void encode(uint32_t value, size_t size, uint8_t bytes[4]) {
    static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (uint8_t)(0x80 | (value & 0x3f));
        value >>= 6;
    }
    bytes[0] = (uint8_t)(leads[size] | value);
}

static size_t right_size(uint32_t code_point) {
    bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
    // Marks, embeddings, overrides, isolates of bidirectional text; separators; byte order mark.
    bool format = code_point == 0x61c || code_point == 0x200e || code_point == 0x200f ||
                  code_point == 0x2028 || code_point == 0x2029 ||
                  (code_point >= 0x202a && code_point <= 0x202e) ||
                  (code_point >= 0x2066 && code_point <= 0x2069) || code_point == 0xfeff;
    if (code_point < 0xa0 || surrogate || format || code_point > 0x10ffff) {
        return 0;
    }
    return code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
}

static void test_every_number_in_every_size(void **state) {
    (void)state;
    const uint32_t ends[] = {0, 0, 0x800, 0x10000, 0x200000};
    for (size_t size = 2; size <= 4; size++) {
        for (uint32_t value = 0; value < ends[size]; value++) {
            uint8_t bytes[4] = {0};
            encode(value, size, bytes);
            size_t expected = right_size(value) == size ? size : 0; // an overlong form is none
            if (utf8_printable(bytes, size) != expected) {
                fail_msg("U+%04X in %zu bytes", (unsigned)value, size);
            }
        }
    }
}

static void test_ascii_and_stray_bytes_are_none(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t bytes[4] = {(uint8_t)byte, 'a', 'a', 'a'};
        assert_int_equal(utf8_printable(bytes, sizeof(bytes)), 0);
    }
    const uint8_t continuations[4] = {0xbf, 0xbf, 0xbf, 0xbf};
    assert_int_equal(utf8_printable(continuations, sizeof(continuations)), 0);
    const uint8_t too_high[4] = {0xf8, 0x88, 0x80, 0x80};
    assert_int_equal(utf8_printable(too_high, sizeof(too_high)), 0);
}

static void test_a_broken_continuation_at_each_place(void **state) {
    (void)state;
    for (size_t size = 2; size <= 4; size++) {
        for (size_t place = 1; place < size; place++) {
            uint8_t bytes[4] = {0};
            encode(size == 2 ? 0xe9 : size == 3 ? 0x20ac : 0x1f600, size, bytes);
            assert_int_equal(utf8_printable(bytes, size), size);
            bytes[place] = 'a';
            assert_int_equal(utf8_printable(bytes, size), 0);
            bytes[place] = 0xc3;
            assert_int_equal(utf8_printable(bytes, size), 0);
        }
    }
}

static void test_a_character_cut_short_is_none(void **state) {
    (void)state;
    const uint8_t bytes[4] = {0xf0, 0x9f, 0x98, 0x80};
    assert_int_equal(utf8_printable(bytes, 4), 4);
    for (size_t size = 0; size < 4; size++) {
        assert_int_equal(utf8_printable(bytes, size), 0);
    }
}

static void test_what_follows_does_not_matter(void **state) {
    (void)state;
    const uint8_t bytes[3] = {0xc3, 0xa9, 0xff};
    assert_int_equal(utf8_printable(bytes, sizeof(bytes)), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_number_in_every_size),
        cmocka_unit_test(test_ascii_and_stray_bytes_are_none),
        cmocka_unit_test(test_a_broken_continuation_at_each_place),
        cmocka_unit_test(test_a_character_cut_short_is_none),
        cmocka_unit_test(test_what_follows_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
