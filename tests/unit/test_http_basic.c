// Authorization: Basic: one reading of a name and a password, or none.
#include "http/basic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_read(const char *value, const char *user, const char *password) {
    struct http_basic basic;
    if (!http_basic_read(slice_from(value), &basic)) {
        fail_msg("not read: %s", value);
    }
    assert_true(slice_equal(basic.user, slice_from(user)));
    assert_true(slice_equal(basic.password, slice_from(password)));
}

static void test_what_is_read(void **state) {
    (void)state;
    assert_read("Basic Ym9iOnNlY3JldA==", "bob", "secret");
    assert_read("basic Ym9iOnNlY3JldA==", "bob", "secret");
    assert_read("BASIC   Ym9iOnNlY3JldDE=", "bob", "secret1");
    assert_read("Basic Ym9iOnNlY3JldDEy", "bob", "secret12");
    assert_read("Basic Ym9iOg==", "bob", "");
    assert_read("Basic Ym9iOmE6Yjpj", "bob", "a:b:c");
    assert_read("Basic em/DqzpwcyDDpHN3w7ZyZA==", "zo\xc3\xab", "ps \xc3\xa4sw\xc3\xb6rd");
}

static void test_what_is_not_read(void **state) {
    (void)state;
    static const char *const values[] = {
        "",
        "Basic",
        "Basic ",
        "BasicYm9iOnNlY3JldA==",
        "Bearer Ym9iOnNlY3JldA==",
        "Basic Ym9iOnNlY3JldA",       // without its padding
        "Basic Ym9iOnNlY3JldA=",      //
        "Basic Ym9iOnNlY3JldA== ",    // what follows
        "Basic Ym9iOnNlY3JldA==x",    //
        "Basic Ym9iOnNlY3JldB==",     // bits that stand for nothing
        "Basic Ym9iOnNlY3JldD1=",     //
        "Basic Ym9iOnNlY3JldA==Ym9i", // padding in the middle
        "Basic Ym9i Onj=",            // a blank in the middle
        "Basic Ym9iOi0t_-==",         // another alphabet
        "Basic Ym9i",                 // no colon
        "Basic OnNlY3JldA==",         // no name
        "Basic Ym9iOgA=",             // a NUL
        "Basic Ym9iOgo=",             // a line end
        "Basic Ym9iOn8=",             // DEL
        "Basic Ym9iOv8=",             // not UTF-8
        "Basic Ym8KYjp4",             // a line end in the name
        "Basic YsKFOng=",             // U+0085
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct http_basic basic;
        if (http_basic_read(slice_from(values[i]), &basic)) {
            fail_msg("read: %s", values[i]);
        }
        assert_int_equal(basic.user.size + basic.password.size, 0);
        for (size_t j = 0; j < sizeof(basic.bytes); j++) {
            assert_int_equal(basic.bytes[j], 0); // nothing secret is left
        }
    }
}

static void encode(const char *bytes, size_t size, char *to) {
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3, to += 4) {
        size_t left = size - i < 3 ? size - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < left ? (uint8_t)bytes[i + j] : 0);
        }
        for (size_t j = 0; j < 4; j++) {
            to[j] = j <= left ? alphabet[bits >> (18 - 6 * j) & 63] : '=';
        }
    }
    *to = '\0';
}

static bool is_read(size_t name, size_t password) {
    char bytes[1024];
    char value[2048] = "Basic ";
    struct http_basic basic;
    memset(bytes, 'x', sizeof(bytes));
    bytes[name] = ':';
    encode(bytes, name + 1 + password, value + 6);
    return http_basic_read(slice_from(value), &basic) && basic.user.size == name &&
           basic.password.size == password;
}

static void test_sizes(void **state) {
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_true(is_read(USERS_NAME_MAX - i, BASIC_PASSWORD_MAX));
        assert_true(is_read(USERS_NAME_MAX, BASIC_PASSWORD_MAX - i));
        assert_false(is_read(USERS_NAME_MAX + 1 + i, 0));
        assert_false(is_read(1, BASIC_PASSWORD_MAX + 1 + i));
        assert_false(is_read(USERS_NAME_MAX, BASIC_PASSWORD_MAX + 1 + i));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_read),
        cmocka_unit_test(test_what_is_not_read),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
