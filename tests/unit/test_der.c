// DER: what is read, and that nothing malformed is.
#include "tls/certificate/der.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(...)                                                                                 \
    ((struct slice){(const char *)(const uint8_t[]){__VA_ARGS__},                                  \
                    sizeof((const uint8_t[]){__VA_ARGS__})})

static void test_elements(void **state) {
    (void)state;
    struct der der = der_begin(BYTES(0x02, 1, 5, 0x30, 3, 0x04, 1, 'x', 0x05, 0));
    assert_int_equal(der_peek(&der), DER_INTEGER);
    struct slice number = der_take(&der, DER_INTEGER);
    assert_int_equal(number.size, 1);
    struct der inner = der_enter(&der, DER_SEQUENCE);
    assert_true(slice_equal(der_take(&inner, DER_OCTET_STRING), SLICE("x")));
    assert_int_equal(der_peek(&inner), 0);
    der_skip(&der, DER_SEQUENCE); // not there
    struct slice whole;
    assert_int_equal(der_take_any(&der, &whole).size, 0);
    assert_true(slice_equal(whole, SLICE("\5\0")));
    assert_false(der.bad || inner.bad);
    assert_int_equal(der.rest.size, 0);
}

static void test_long_lengths(void **state) {
    (void)state;
    static const size_t sizes[] = {127, 128, 255, 256, 65535, 65536};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = sizes[i];
        uint8_t *data = calloc(1, size + 5);
        size_t header = 0;
        data[header++] = DER_OCTET_STRING;
        size_t digits = size < 128 ? 0 : size < 256 ? 1 : size < 65536 ? 2 : 3;
        if (digits > 0) {
            data[header++] = (uint8_t)(0x80 | digits);
        }
        for (size_t k = digits == 0 ? 1 : digits; k-- > 0;) {
            data[header++] = (uint8_t)(size >> (8 * k));
        }
        struct der der = der_begin((struct slice){(const char *)data, header + size});
        assert_int_equal(der_take(&der, DER_OCTET_STRING).size, size);
        assert_false(der.bad);
        der = der_begin((struct slice){(const char *)data, header + size - 1}); // a byte is missing
        (void)der_take(&der, DER_OCTET_STRING);
        assert_true(der.bad);
        free(data);
    }
}

static void assert_bad(struct slice bytes) {
    struct der der = der_begin(bytes);
    struct slice whole;
    struct slice content = der_take_any(&der, &whole);
    assert_true(der.bad);
    assert_int_equal(content.size + whole.size + der.rest.size, 0);
    assert_int_equal(der_take(&der, DER_INTEGER).size, 0); // and stays so
    assert_true(der.bad);
}

static void test_malformed(void **state) {
    (void)state;
    assert_bad((struct slice){NULL, 0});
    assert_bad(BYTES(0x02));
    assert_bad(BYTES(0x02, 1));
    assert_bad(BYTES(0x02, 2, 1));
    assert_bad(BYTES(0x1f, 0x81, 0x00, 0));          // a tag of several bytes
    assert_bad(BYTES(0x30, 0x80, 0, 0));             // no length
    assert_bad(BYTES(0x04, 0x81, 1, 7));             // longer than it must be
    assert_bad(BYTES(0x04, 0x82, 0, 200, 7));        // likewise
    assert_bad(BYTES(0x04, 0x84, 1, 0, 0, 0));       // more than there can be
    assert_bad(BYTES(0x04, 0x89, 1, 1, 1, 1, 1, 1)); // likewise
    struct der der = der_begin(BYTES(0x02, 1, 5));
    (void)der_take(&der, DER_OCTET_STRING); // another kind
    assert_true(der.bad);
}

static int64_t read_time(uint8_t tag, const char *text, bool *bad) {
    char bytes[40];
    int size = snprintf(bytes, sizeof(bytes), "%c%c%s", tag, (char)strlen(text), text);
    struct der der = der_begin((struct slice){bytes, (size_t)size});
    int64_t seconds = der_take_time(&der);
    *bad = der.bad;
    return seconds;
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        uint8_t tag;
        const char *text;
        int64_t seconds;
    } times[] = {
        {DER_UTC_TIME, "700101000000Z", 0},
        {DER_UTC_TIME, "491231235959Z", 2524607999},
        {DER_UTC_TIME, "500101000000Z", -631152000},
        {DER_UTC_TIME, "240229120000Z", 1709208000},
        {DER_GENERALIZED_TIME, "20500101000000Z", 2524608000},
        {DER_GENERALIZED_TIME, "99991231235959Z", 253402300799},
        {DER_GENERALIZED_TIME, "20240229120000Z", 1709208000},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        bool bad;
        assert_int_equal(read_time(times[i].tag, times[i].text, &bad), times[i].seconds);
        assert_false(bad);
    }
}

static void test_times_that_are_none(void **state) {
    (void)state;
    static const struct {
        uint8_t tag;
        const char *text;
    } times[] = {
        {DER_UTC_TIME, "7001010000Z"},
        {DER_UTC_TIME, "700101000000"},
        {DER_UTC_TIME, "700101000000+0100"},
        {DER_UTC_TIME, "20500101000000Z"},
        {DER_UTC_TIME, "7o0101000000Z"},
        {DER_UTC_TIME, "230229120000Z"},
        {DER_UTC_TIME, "701301000000Z"},
        {DER_UTC_TIME, "700100000000Z"},
        {DER_UTC_TIME, "700101240000Z"},
        {DER_UTC_TIME, "700101006000Z"},
        {DER_GENERALIZED_TIME, "700101000000Z"},
        {DER_GENERALIZED_TIME, "20500101000000.5Z"},
        {DER_GENERALIZED_TIME, ""},
        {DER_OCTET_STRING, "700101000000Z"},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        bool bad;
        assert_int_equal(read_time(times[i].tag, times[i].text, &bad), 0);
        assert_true(bad);
    }
}

static void test_unsigned_numbers(void **state) {
    (void)state;
    assert_int_equal(der_unsigned(SLICE("\0\x80")).size, 1);
    assert_int_equal(der_unsigned(SLICE("\0")).size, 1);
    assert_int_equal(der_unsigned(SLICE("\x7f")).size, 1);
    assert_int_equal(der_unsigned((struct slice){NULL, 0}).size, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),
        cmocka_unit_test(test_long_lengths),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_times_that_are_none),
        cmocka_unit_test(test_unsigned_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
