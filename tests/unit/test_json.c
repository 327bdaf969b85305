#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_written(const char *text, const char *expected) {
    char *data = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&data, &size);
    assert_non_null(stream);
    json_put_string(stream, text);
    assert_int_equal(fclose(stream), 0);
    assert_string_equal(data, expected);
    free(data);
}

static void test_strings(void **state) {
    (void)state;
    assert_written("", "\"\"");
    assert_written("/etc/ravelin.conf", "\"/etc/ravelin.conf\"");
    assert_written("a\"b\\c", "\"a\\\"b\\\\c\"");
    assert_written("line\nend\x7f\x1b[1m", "\"line\\nend\\u007f\\u001b[1m\"");
    assert_written("stra\xc3\x9f"
                   "e",
                   "\"stra\xc3\x9f"
                   "e\"");
    assert_written("cut \xc3", "\"cut \\u00c3\"");
    assert_written("\xff\xc0\x80", "\"\\u00ff\\u00c0\\u0080\"");
    assert_written("\xc2\x85", "\"\\u0085\""); // a control character
}

// A string that is longer than the part that is escaped at a time, with a character across its end.
static void test_a_long_string(void **state) {
    (void)state;
    char text[1100];
    char expected[sizeof(text) + 2];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'a', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        memcpy(text + 509 + shift, "\xe2\x82\xac", 3);
        (void)snprintf(expected, sizeof(expected), "\"%s\"", text);
        assert_written(text, expected);
    }
}

// --- Into a bounded text ---

static void write_all(struct json *json) {
    json_open(json, NULL, '{');
    json_string(json, "path", "a\"\n\xff");
    json_string(json, "none", NULL);
    json_open(json, "list", '[');
    json_open(json, NULL, '{');
    json_close(json, '}');
    json_integer(json, NULL, INT64_MIN);
    json_unsigned(json, NULL, UINT64_MAX);
    json_open(json, NULL, '[');
    json_close(json, ']');
    json_close(json, ']');
    json_string(json, "brace", "{");
    json_bool(json, "yes", true);
    json_bool(json, "no", false);
    json_close(json, '}');
}

static const char ALL[] = "{\"path\":\"a\\\"\\n\\u00ff\",\"none\":null,"
                          "\"list\":[{},-9223372036854775808,18446744073709551615,[]],"
                          "\"brace\":\"{\",\"yes\":true,\"no\":false}";

static void test_values(void **state) {
    (void)state;
    char output[sizeof(ALL)];
    struct json json = json_into(output, sizeof(output));
    assert_string_equal(output, "");
    write_all(&json);
    assert_false(json.failed);
    assert_int_equal(json.size, sizeof(ALL) - 1);
    assert_string_equal(output, ALL);
}

static void test_what_does_not_fit(void **state) {
    (void)state;
    for (size_t capacity = 1; capacity < sizeof(ALL); capacity++) {
        char output[sizeof(ALL)];
        memset(output, '!', sizeof(output));
        struct json json = json_into(output, capacity);
        write_all(&json);
        assert_true(json.failed);
        assert_true(json.size < capacity);
        assert_int_equal(strlen(output), json.size);
        assert_memory_equal(output, ALL, json.size); // what there is, is the beginning
        assert_int_equal(output[capacity], '!');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_a_long_string),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_what_does_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
