#include "base/printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_cleaned(const char *text, enum printable kind, const char *expected) {
    char copy[128];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    printable_clean(copy, kind);
    assert_string_equal(copy, expected);
}

static void test_what_a_terminal_would_obey_goes(void **state) {
    (void)state;
    assert_cleaned("", PRINTABLE_LINE, "");
    assert_cleaned("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", PRINTABLE_LINE,
                   "gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80");
    assert_cleaned("\x1b[2J\r\t\x7f\b", PRINTABLE_LINE, "?[2J????"); // C0 and DEL
    assert_cleaned("\xc2\x9b"
                   "31m\x9b",
                   PRINTABLE_LINE, "??31m?");                             // C1, and half of it
    assert_cleaned("\xe2\x80\xaa\xe2\x81\xa9", PRINTABLE_LINE, "??????"); // U+202A, U+2069
    assert_cleaned("a\xe2\x80\xa8z", PRINTABLE_LINE, "a???z");            // U+2028
    assert_cleaned("\xff\xc0\x80\xed\xa0\x80", PRINTABLE_LINE, "??????"); // no UTF-8
    assert_cleaned("cut \xe2\x82", PRINTABLE_LINE, "cut ??");
    assert_cleaned("one\ntwo", PRINTABLE_LINE, "one?two");
    assert_cleaned("one\ntwo\r\n", PRINTABLE_LINES, "one\ntwo?\n");
}

static void test_bytes_may_hold_nuls(void **state) {
    (void)state;
    char bytes[] = "a\0b\x1b\n\xc3\xbc\xc3";
    printable_clean_bytes(bytes, sizeof(bytes) - 1, PRINTABLE_LINES);
    assert_string_equal(bytes, "a?b?\n\xc3\xbc?");
}

static void assert_attributed(size_t capacity, const char *text, const char *expected) {
    char output[64];
    memset(output, '!', sizeof(output));
    printable_attribute(output, capacity, "worker 3", text);
    assert_string_equal(output, expected);
    assert_int_equal(output[capacity], '!');
}

static void test_the_text_is_one_line_with_a_name(void **state) {
    (void)state;
    assert_attributed(60, "out of memory", "worker 3: 'out of memory'");
    assert_attributed(60, "one\ntwo\n", "worker 3: 'one?two?'");
    assert_attributed(60, "a\rmaster: b\x9b", "worker 3: 'a?master: b?'");
    assert_attributed(60, "", "worker 3: ''");
}

static void test_what_does_not_fit_is_cut(void **state) {
    (void)state;
    assert_attributed(1, "text", "");
    assert_attributed(12, "text", "");
    assert_attributed(13, "text", "worker 3: ''");
    assert_attributed(16, "text", "worker 3: 'tex'");
    assert_attributed(17, "text", "worker 3: 'text'");
    assert_attributed(15, "\xc3\xbc\xc3\xbc", "worker 3: '\xc3\xbc'");
    assert_attributed(14, "\xc3\xbc", "worker 3: '?'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_terminal_would_obey_goes),
        cmocka_unit_test(test_bytes_may_hold_nuls),
        cmocka_unit_test(test_the_text_is_one_line_with_a_name),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
