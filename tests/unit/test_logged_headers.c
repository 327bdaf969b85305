// Values of header fields for the access log.
#include "exchange/logged_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct http_field items[32];
static struct http_fields fields = {.items = items, .capacity = 32};

static void add(const char *name, const char *value) {
    items[fields.count++] =
        (struct http_field){.name = slice_from(name), .value = slice_from(value)};
}

static void assert_value(struct slice value, const char *expected) {
    assert_int_equal(value.size, strlen(expected));
    assert_memory_equal(value.data, expected, value.size);
}

static void test_values_of_each_name(void **state) {
    (void)state;
    char *names[ACCESS_HEADERS_MAX] = {(char[]){"x-a"}, (char[]){"x-b"}, (char[]){"x-none"},
                                       (char[]){"x-empty"}};
    const struct access_headers wanted = {names, 4};
    fields.count = 0;
    add("X-A", "one");
    add("X-Ab", "no");
    add("x-b", "two");
    add("x-empty", "");
    add("X-B", "three");
    add("X-B", "");
    struct slice *values = logged_headers(&wanted, &fields);
    assert_non_null(values);
    assert_value(values[0], "one");
    assert_value(values[1], "two, three");
    assert_value(values[2], "");
    assert_value(values[3], "");
    free(values);
}

// A text of `size` letters, and `tail` behind it.
static const char *text_of(size_t size, const char *tail) {
    static char text[2 * LOGGED_VALUE_MAX + 8];
    memset(text, 'a', size);
    memcpy(text + size, tail, strlen(tail) + 1);
    return text;
}

static void test_long_values_are_cut_and_marked(void **state) {
    (void)state;
    static char name[] = "x-a";
    char *names[ACCESS_HEADERS_MAX];
    for (size_t i = 0; i < ACCESS_HEADERS_MAX; i++) {
        names[i] = name;
    }
    const struct access_headers wanted = {names, ACCESS_HEADERS_MAX};
    static const struct {
        size_t letters;
        const char *tail;
        size_t kept; // letters, before "..." or the end
        bool is_cut;
    } cases[] = {
        {LOGGED_VALUE_MAX - 1, "", LOGGED_VALUE_MAX - 1, false},
        {LOGGED_VALUE_MAX, "", LOGGED_VALUE_MAX, false},
        {LOGGED_VALUE_MAX + 1, "", LOGGED_VALUE_MAX - 3, true},
        {LOGGED_VALUE_MAX + LOGGED_VALUE_MAX, "", LOGGED_VALUE_MAX - 3, true},
        // No character is cut in two.
        {LOGGED_VALUE_MAX - 4, "\xc3\xa9zzzz", LOGGED_VALUE_MAX - 4, true},
        {LOGGED_VALUE_MAX - 6, "\xf0\x9f\x8c\x8dzzzz", LOGGED_VALUE_MAX - 6, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fields.count = 0;
        add("x-a", text_of(cases[i].letters, cases[i].tail));
        struct slice *values = logged_headers(&wanted, &fields);
        assert_non_null(values);
        for (size_t j = 0; j < wanted.count; j++) {
            assert_int_equal(values[j].size, cases[i].kept + (cases[i].is_cut ? 3 : 0));
            assert_int_equal(values[j].data[cases[i].kept - 1], 'a');
            assert_memory_equal(values[j].data + cases[i].kept, "...", cases[i].is_cut ? 3 : 0);
        }
        free(values);
    }
}

static void test_many_fields_of_one_name(void **state) {
    (void)state;
    char *names[] = {(char[]){"x-a"}};
    const struct access_headers wanted = {names, 1};
    fields.count = 0;
    for (int i = 0; i < 32; i++) {
        add("x-a", "0123456789");
    }
    struct slice *values = logged_headers(&wanted, &fields);
    assert_non_null(values);
    assert_int_equal(values[0].size, LOGGED_VALUE_MAX);
    assert_memory_equal(values[0].data, "0123456789, 0123456789, ", 24);
    assert_memory_equal(values[0].data + LOGGED_VALUE_MAX - 3, "...", 3);
    free(values);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_of_each_name),
        cmocka_unit_test(test_long_values_are_cut_and_marked),
        cmocka_unit_test(test_many_fields_of_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
