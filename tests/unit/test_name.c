// Distinguished names as text (RFC 4514), and that nothing a certificate holds can break out of a
// header line.
#include "tls/certificate/name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CN "\x06\x03\x55\x04\x03"
#define O "\x06\x03\x55\x04\x0a"
#define C "\x06\x03\x55\x04\x06"
#define DC "\x06\x0a\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"
#define UNKNOWN "\x06\x04\x2a\x03\x84\x57" // 1.2.3.599

struct built {
    uint8_t data[8192];
    size_t size;
};

static void element(struct built *built, uint8_t tag, const void *content, size_t size) {
    built->data[built->size++] = tag;
    if (size >= 256) {
        built->data[built->size++] = 0x82;
        built->data[built->size++] = (uint8_t)(size >> 8);
    } else if (size >= 128) {
        built->data[built->size++] = 0x81;
    }
    built->data[built->size++] = (uint8_t)size;
    memcpy(built->data + built->size, content, size);
    built->size += size;
}

// An attribute: the OID with its header, and a string of this kind.
static struct built attribute(const char *oid, size_t oid_size, uint8_t tag, const char *value,
                              size_t size) {
    struct built inside = {.size = oid_size};
    struct built whole = {.size = 0};
    memcpy(inside.data, oid, oid_size);
    element(&inside, tag, value, size);
    element(&whole, 0x30, inside.data, inside.size);
    return whole;
}

static void add(struct built *name, const char *oid, size_t oid_size, uint8_t tag,
                const char *value, size_t size) {
    struct built inner = attribute(oid, oid_size, tag, value, size);
    element(name, 0x31, inner.data, inner.size);
}

#define ADD(name, oid, tag, value) add(name, oid, sizeof(oid) - 1, tag, value, sizeof(value) - 1)

static void assert_text(const struct built *name, const char *expected) {
    char text[NAME_TEXT_SIZE];
    assert_int_equal(name_to_text((struct slice){(const char *)name->data, name->size}, text),
                     RESULT_OK);
    assert_string_equal(text, expected);
}

static void assert_none(const struct built *name) {
    char text[NAME_TEXT_SIZE] = "x";
    struct slice bytes = {(const char *)name->data, name->size};
    assert_int_equal(name_to_text(bytes, text), RESULT_ERROR);
    assert_string_equal(text, "");
    assert_string_equal(name_for_message(bytes, text), "a name that cannot be shown");
}

static void test_the_last_comes_first(void **state) {
    (void)state;
    struct built name = {.size = 0};
    char text[NAME_TEXT_SIZE];
    assert_text(&name, "");
    assert_string_equal(name_for_message((struct slice){NULL, 0}, text), "no name");
    ADD(&name, C, 0x13, "GB");
    ADD(&name, O, 0x0c, "Engines");
    ADD(&name, CN, 0x0c, "Ada Lovelace");
    assert_text(&name, "CN=Ada Lovelace,O=Engines,C=GB");
}

// The examples of RFC 4514 section 4.
static void test_the_examples_of_the_rfc(void **state) {
    (void)state;
    struct built name = {.size = 0};
    ADD(&name, DC, 0x16, "net");
    ADD(&name, DC, 0x16, "example");
    ADD(&name, CN, 0x0c, "James \"Jim\" Smith, III");
    assert_text(&name, "CN=James \\\"Jim\\\" Smith\\, III,DC=example,DC=net");

    name.size = 0;
    ADD(&name, DC, 0x16, "net");
    ADD(&name, CN, 0x0c, "Before\rAfter");
    assert_text(&name, "CN=Before\\0DAfter,DC=net");

    name.size = 0;
    ADD(&name, CN, 0x0c, "Lu\xc4\x8di\xc4\x87");
    assert_text(&name, "CN=Lu\\C4\\8Di\\C4\\87");

    struct built several = attribute("\x06\x03\x55\x04\x0b", 5, 0x13, "Sales", 5);
    struct built other = attribute(CN, 5, 0x13, "J. Smith", 8);
    memcpy(several.data + several.size, other.data, other.size);
    name.size = 0;
    element(&name, 0x31, several.data, several.size + other.size);
    assert_text(&name, "OU=Sales+CN=J. Smith");
}

static void test_what_is_special_is_escaped(void **state) {
    (void)state;
    struct built name = {.size = 0};
    ADD(&name, CN, 0x0c, "# a=b\\c;<d>+ ");
    assert_text(&name, "CN=\\# a\\=b\\\\c\\;\\<d\\>\\+\\20");
    name.size = 0;
    ADD(&name, CN, 0x0c, " x");
    assert_text(&name, "CN=\\20x");
    name.size = 0;
    ADD(&name, CN, 0x0c, "");
    assert_text(&name, "CN=");
}

static void test_every_byte_comes_out_printable(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        struct built name = {.size = 0};
        char text[NAME_TEXT_SIZE];
        char value[3] = {'a', (char)byte, 'z'};
        add(&name, CN, 5, 0x0c, value, 3);
        assert_int_equal(name_to_text((struct slice){(const char *)name.data, name.size}, text),
                         RESULT_OK);
        for (const char *c = text; *c != '\0'; c++) {
            assert_in_range(*c, 0x20, 0x7e);
        }
    }
}

// "x" in one kind of string is not "x" in another.
static void test_other_kinds_are_written_in_hex(void **state) {
    (void)state;
    struct built name = {.size = 0};
    ADD(&name, CN, 0x1e, "\0x");
    assert_text(&name, "CN=#1E020078");
    name.size = 0;
    ADD(&name, UNKNOWN, 0x0c, "x");
    assert_text(&name, "1.2.3.599=#0C0178");
}

static void test_malformed(void **state) {
    (void)state;
    struct built name = {.size = 0};
    ADD(&name, CN, 0x0c, "x");
    name.size--;
    assert_none(&name);
    name.size = 0;
    element(&name, 0x31, "", 0);
    assert_none(&name);
    name.size = 0;
    element(&name, 0x30, "", 0);
    assert_none(&name);
    name.size = 0;
    ADD(&name, "\x06\x02\x2a\x83", 0x0c, "x"); // the OID ends in the middle of a number
    assert_none(&name);
    name.size = 0;
    ADD(&name, "\x06\x0b\x2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 0x0c, "x"); // too large
    assert_none(&name);
}

static void test_too_long_is_not_cut(void **state) {
    (void)state;
    struct built name = {.size = 0};
    char value[NAME_TEXT_SIZE];
    memset(value, 'x', sizeof(value));
    add(&name, CN, 5, 0x0c, value, NAME_TEXT_SIZE - 4);
    char text[NAME_TEXT_SIZE];
    assert_int_equal(name_to_text((struct slice){(const char *)name.data, name.size}, text),
                     RESULT_OK);
    assert_int_equal(strlen(text), NAME_TEXT_SIZE - 1);
    name.size = 0;
    add(&name, CN, 5, 0x0c, value, NAME_TEXT_SIZE - 3);
    assert_none(&name);
    name.size = 0;
    for (int i = 0; i < 65; i++) { // more parts than there may be
        ADD(&name, C, 0x13, "GB");
    }
    assert_none(&name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_last_comes_first),
        cmocka_unit_test(test_the_examples_of_the_rfc),
        cmocka_unit_test(test_what_is_special_is_escaped),
        cmocka_unit_test(test_every_byte_comes_out_printable),
        cmocka_unit_test(test_other_kinds_are_written_in_hex),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_too_long_is_not_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
