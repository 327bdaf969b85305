// Our own look at a ClientHello. What wolfSSL makes of it afterwards is tested in test_handshake.c.
#include "hello_bytes.h"
#include "tls/hello.h"
#include "tls/record.h"

#include <stdlib.h>

// Calls with a block of exactly this size, so that AddressSanitizer sees a byte read past it.
static uint8_t *exact(const void *data, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

static void assert_find_refuses(const void *data, size_t size, enum tls_alert expected) {
    uint8_t *copy = exact(data, size);
    struct slice message;
    uint8_t alert = 0;
    assert_int_equal(hello_find(copy, size, &message, &alert), RESULT_ERROR);
    assert_int_equal(alert, expected);
    assert_int_equal(message.size, 0);
    free(copy);
}

static void assert_find_waits(const void *data, size_t size) {
    uint8_t *copy = exact(data, size);
    struct slice message;
    uint8_t alert = 0;
    assert_int_equal(hello_find(copy, size, &message, &alert), RESULT_AGAIN);
    assert_int_equal(message.size, 0);
    free(copy);
}

// ---- hello_find

static void test_find_waits_for_the_whole_record(void **state) {
    (void)state;
    static struct bytes bytes;
    struct hello_parts parts = usual_parts();
    make_hello(&bytes, &parts, RECORD_PAYLOAD_MAX);
    for (size_t size = 0; size < bytes.size; size++) {
        assert_find_waits(bytes.data, size);
    }
    struct slice message;
    uint8_t alert = 0;
    assert_int_equal(hello_find(bytes.data, bytes.size, &message, &alert), RESULT_OK);
    assert_ptr_equal(message.data, bytes.data + 9);
    assert_int_equal(message.size, bytes.size - 9);
}

static void test_find_looks_at_the_first_record_only(void **state) {
    (void)state;
    static struct bytes bytes;
    struct hello_parts parts = usual_parts();
    make_hello(&bytes, &parts, RECORD_PAYLOAD_MAX);
    size_t size = bytes.size;
    put(&bytes, 0x1403030001, 5);
    put(&bytes, 1, 1);
    struct slice message;
    uint8_t alert = 0;
    assert_int_equal(hello_find(bytes.data, bytes.size, &message, &alert), RESULT_OK);
    assert_ptr_equal(message.data, bytes.data + 9);
    assert_int_equal(message.size, size - 9);
}

static void test_find_gives_no_message_when_it_is_spread_over_records(void **state) {
    (void)state;
    static struct bytes bytes;
    struct hello_parts parts = usual_parts();
    make_hello(&bytes, &parts, RECORD_PAYLOAD_MAX);
    const size_t fragments[] = {1, 3, 4, 5, 100, bytes.size - 5 - 1};
    for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        make_hello(&bytes, &parts, fragments[i]);
        // As soon as the first record is there.
        for (size_t size = 0; size < 5 + fragments[i]; size++) {
            assert_find_waits(bytes.data, size);
        }
        uint8_t *copy = exact(bytes.data, 5 + fragments[i]);
        struct slice message = SLICE("x");
        uint8_t alert = 0;
        assert_int_equal(hello_find(copy, 5 + fragments[i], &message, &alert), RESULT_OK);
        assert_int_equal(message.size, 0);
        free(copy);
    }
}

static void test_find_refuses_what_is_no_handshake_at_its_first_byte(void **state) {
    (void)state;
    for (int first = 0; first < 256; first++) {
        uint8_t byte = (uint8_t)first;
        if (first == RECORD_HANDSHAKE) {
            assert_find_waits(&byte, 1);
        } else {
            assert_find_refuses(&byte, 1, ALERT_UNEXPECTED_MESSAGE);
        }
    }
}

static void test_find_refuses_other_major_versions(void **state) {
    (void)state;
    assert_find_refuses("\x16\x02", 2, ALERT_PROTOCOL_VERSION);
    assert_find_refuses("\x16\x04", 2, ALERT_PROTOCOL_VERSION);
    assert_find_waits("\x16\x03", 2);
    // The minor one says nothing (RFC 8446 5.1).
    assert_find_waits("\x16\x03\xff\x00\x01", 5);
}

static void test_find_refuses_records_of_impossible_size(void **state) {
    (void)state;
    assert_find_refuses("\x16\x03\x01\x00\x00", 5, ALERT_DECODE_ERROR);
    assert_find_waits("\x16\x03\x01\x40\x00", 5); // 16,384
    assert_find_refuses("\x16\x03\x01\x40\x01", 5, ALERT_RECORD_OVERFLOW);
    assert_find_refuses("\x16\x03\x01\xff\xff", 5, ALERT_RECORD_OVERFLOW);
}

static void test_find_refuses_other_handshake_messages(void **state) {
    (void)state;
    assert_find_refuses("\x16\x03\x01\x00\x01\x02", 6, ALERT_UNEXPECTED_MESSAGE);
    assert_find_refuses("\x16\x03\x01\x00\x04\x00\x00\x00\x00", 9, ALERT_UNEXPECTED_MESSAGE);
}

static void test_find_refuses_a_message_over_the_limit(void **state) {
    (void)state;
    struct slice message;
    uint8_t alert = 0;
    assert_int_equal(
        hello_find((const uint8_t *)"\x16\x03\x01\x00\x04\x01\x01\x00\x00", 9, &message, &alert),
        RESULT_OK); // HELLO_SIZE_MAX
    assert_find_refuses("\x16\x03\x01\x00\x04\x01\x01\x00\x01", 9, ALERT_DECODE_ERROR);
}

// ---- hello_parse

static struct client_hello parse(const struct bytes *message, enum result expected,
                                 uint8_t expected_alert) {
    struct client_hello hello;
    uint8_t alert = 0;
    struct slice slice = {(const char *)message->data, message->size};
    assert_int_equal(hello_parse(slice, &hello, &alert), expected);
    assert_int_equal(alert, expected_alert);
    return hello;
}

static struct client_hello parse_parts(const struct hello_parts *parts, enum result expected,
                                       uint8_t alert) {
    static struct bytes message; // the hello points into it
    message.size = 0;
    put_hello(&message, parts);
    return parse(&message, expected, alert);
}

static void test_parse_finds_what_was_offered(void **state) {
    (void)state;
    struct hello_parts parts = usual_parts();
    struct client_hello hello = parse_parts(&parts, RESULT_OK, 0);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_true(hello.offers_tls13);
    assert_true(hello.has_server_name);
    assert_true(slice_equal(hello.server_name, SLICE("a.test")));
    assert_int_equal(hello.signatures, HELLO_SIGNATURE_ECDSA_P256 | HELLO_SIGNATURE_ECDSA_P384 |
                                           HELLO_SIGNATURE_ED25519 | HELLO_SIGNATURE_RSA_PSS);
    assert_true(slice_equal(hello.groups, SLICE("\x00\x1d\x00\x17\x00\x18")));
    assert_true(slice_equal(hello.versions, SLICE("\x03\x04")));
    assert_true(slice_equal(hello.cipher_suites, SLICE("\x13\x01\x13\x02\x13\x03")));
}

static void test_parse_tells_the_signatures_apart(void **state) {
    (void)state;
    static const struct {
        uint16_t scheme;
        uint32_t signature;
    } cases[] = {
        {0x0403, HELLO_SIGNATURE_ECDSA_P256},
        {0x0503, HELLO_SIGNATURE_ECDSA_P384},
        {0x0807, HELLO_SIGNATURE_ED25519},
        {0x0804, HELLO_SIGNATURE_RSA_PSS},
        {0x0805, HELLO_SIGNATURE_RSA_PSS},
        {0x0806, HELLO_SIGNATURE_RSA_PSS},
        {0x0401, 0}, // RSA PKCS #1
        {0x0809, 0}, // RSA-PSS with a key that is for PSS alone
        {0x0603, 0}, // P-521
        {0x0203, 0}, // ECDSA with SHA-1
        {0x0808, 0}, // Ed448
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint16_t list[] = {0x0a0a, cases[i].scheme, 0};
        struct hello_parts parts = usual_parts();
        parts.signatures = list;
        assert_int_equal(parse_parts(&parts, RESULT_OK, 0).signatures, cases[i].signature);
    }
}

static void test_parse_looks_through_a_long_list_of_signatures(void **state) {
    (void)state;
    static uint16_t list[2001];
    for (size_t i = 0; i < 1999; i++) {
        list[i] = 0x0a0a;
    }
    list[1999] = 0x0807;
    struct hello_parts parts = usual_parts();
    parts.signatures = list;
    assert_int_equal(parse_parts(&parts, RESULT_OK, 0).signatures, HELLO_SIGNATURE_ED25519);
}

static void test_parse_asks_for_tls13(void **state) {
    (void)state;
    static const uint16_t with_older[] = {0x7a7a, 0x0304, 0x0303, 0};
    static const uint16_t only_older[] = {0x0303, 0x0302, 0x0301, 0};
    static const uint16_t draft[] = {0x7f1c, 0x0305, 0};
    static const uint16_t none[] = {0};
    struct hello_parts parts = usual_parts();
    parts.versions = with_older;
    assert_true(parse_parts(&parts, RESULT_OK, 0).offers_tls13);
    static const uint16_t *const without[] = {only_older, draft, none, NULL};
    for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        parts.versions = without[i];
        assert_false(parse_parts(&parts, RESULT_ERROR, ALERT_PROTOCOL_VERSION).offers_tls13);
    }
}

static void test_parse_of_a_hello_without_extensions_is_an_old_one(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    struct client_hello hello = parse(&message, RESULT_ERROR, ALERT_PROTOCOL_VERSION);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_false(hello.has_server_name);
}

static void test_parse_refuses_every_truncation(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    struct hello_parts parts = usual_parts();
    put_hello(&message, &parts);
    static struct bytes start;
    start.size = 0;
    put_hello_start(&start, ALL_SUITES);
    for (size_t size = 0; size < message.size; size++) {
        uint8_t *copy = exact(message.data, size);
        struct client_hello hello;
        uint8_t alert = 0;
        assert_int_equal(hello_parse((struct slice){(const char *)copy, size}, &hello, &alert),
                         RESULT_ERROR);
        // Cut right before the extensions it is a well-formed hello of an older version.
        assert_int_equal(alert, size == start.size ? ALERT_PROTOCOL_VERSION : ALERT_DECODE_ERROR);
        free(copy);
    }
}

static void test_parse_refuses_bytes_after_the_extensions(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    struct hello_parts parts = usual_parts();
    put_hello(&message, &parts);
    put(&message, 0, 1);
    parse(&message, RESULT_ERROR, ALERT_DECODE_ERROR);
}

static void test_parse_refuses_an_extension_longer_than_the_extensions(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    size_t extensions = open_vector(&message, 2);
    put(&message, 43, 2);
    put(&message, 4, 2);
    put(&message, 0x020304, 3);
    close_vector(&message, extensions, 2);
    parse(&message, RESULT_ERROR, ALERT_DECODE_ERROR);
    put(&message, 0, 1); // in the message, but past the extensions
    parse(&message, RESULT_ERROR, ALERT_DECODE_ERROR);
}

static void test_parse_skips_unknown_extensions(void **state) {
    (void)state;
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    size_t extensions = open_vector(&message, 2);
    put_extension(&message, 0x0a0a, NULL, 0);
    put_extension(&message, 0xfafa, "\xff\xff\xff", 3);
    put_extension(&message, 43, "\x02\x03\x04", 3);
    put_extension(&message, 51, "\xff\xff", 2);
    close_vector(&message, extensions, 2);
    struct client_hello hello = parse(&message, RESULT_OK, 0);
    assert_int_equal(hello.signatures, 0);
    assert_int_equal(hello.groups.size, 0);
    assert_false(hello.has_server_name);
}

// ---- The server name

static struct client_hello parse_with_extension(const void *extension, size_t size) {
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    size_t extensions = open_vector(&message, 2);
    put_extension(&message, 43, "\x02\x03\x04", 3);
    put_extension(&message, 0, extension, size);
    close_vector(&message, extensions, 2);
    return parse(&message, RESULT_OK, 0);
}

static struct client_hello parse_with_name(const void *name, size_t size) {
    static struct bytes message;
    message.size = 0;
    put_hello_start(&message, ALL_SUITES);
    size_t extensions = open_vector(&message, 2);
    put_extension(&message, 43, "\x02\x03\x04", 3);
    put_server_name(&message, name, size);
    close_vector(&message, extensions, 2);
    return parse(&message, RESULT_OK, 0);
}

static void test_name_is_given_as_sent(void **state) {
    (void)state;
    static const char *const names[] = {"a", "WWW.Example.COM", "xn--bcher-kva.example.", "a_b.c-d",
                                        "127.0.0.1"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct client_hello hello = parse_with_name(names[i], strlen(names[i]));
        assert_true(hello.has_server_name);
        assert_true(slice_equal(hello.server_name, slice_from(names[i])));
    }
}

static void test_name_of_any_other_byte_is_not_given(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char name[] = "a?c";
        name[1] = (char)c;
        bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
        struct client_hello hello = parse_with_name(name, 3);
        assert_true(hello.has_server_name);
        assert_int_equal(hello.server_name.size, allowed ? 3 : 0);
    }
}

static void test_name_has_a_longest(void **state) {
    (void)state;
    char name[HELLO_NAME_MAX + 1];
    memset(name, 'a', sizeof(name));
    assert_int_equal(parse_with_name(name, HELLO_NAME_MAX).server_name.size, HELLO_NAME_MAX);
    struct client_hello hello = parse_with_name(name, HELLO_NAME_MAX + 1);
    assert_true(hello.has_server_name);
    assert_int_equal(hello.server_name.size, 0);
    assert_int_equal(parse_with_name(name, 0).server_name.size, 0);
}

static void test_name_is_the_first_host_name_of_the_list(void **state) {
    (void)state;
    struct client_hello hello =
        parse_with_extension("\x00\x0c\x01\x00\x01x\x00\x00\x01y\x00\x00\x01z", 14);
    assert_true(slice_equal(hello.server_name, SLICE("y")));
    // Only another kind of name: there is none for us.
    hello = parse_with_extension("\x00\x04\x01\x00\x01x", 6);
    assert_false(hello.has_server_name);
    assert_int_equal(hello.server_name.size, 0);
}

static void test_name_never_reaches_past_its_list(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } cases[] = {
        {"", 0},
        {"\x00", 1},
        {"\x00\x00", 2},
        {"\x00\x04\x00\x00\x02"
         "a",
         6}, // the name is longer than the list
        {"\x00\x05\x00\x00\x01"
         "a",
         6}, // the list is longer than the extension
        {"\x00\x02\x00\x00", 4},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client_hello hello = parse_with_extension(cases[i].bytes, cases[i].size);
        assert_int_equal(hello.server_name.size, 0);
    }
}

// ---- Plain HTTP on the TLS port

static void test_http_is_recognised(void **state) {
    (void)state;
    static const char *const yes[] = {
        "GET ",    "GET / HTTP/1.1\r\n", "HEAD ",  "POST ",    "PUT ",
        "DELETE ", "OPTIONS ",           "PATCH ", "CONNECT ", "TRACE "};
    static const char *const no[] = {"",     "G",      "GET",   "get ",         "GETS ",
                                     "POST", "POST\t", " GET ", "\x16\x03\x01", "BREW "};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        uint8_t *copy = exact(yes[i], strlen(yes[i]));
        assert_true(hello_looks_like_http(copy, strlen(yes[i])));
        free(copy);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        uint8_t *copy = exact(no[i], strlen(no[i]));
        assert_false(hello_looks_like_http(copy, strlen(no[i])));
        free(copy);
    }
    assert_false(hello_looks_like_http((const uint8_t *)"GET /", 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_waits_for_the_whole_record),
        cmocka_unit_test(test_find_looks_at_the_first_record_only),
        cmocka_unit_test(test_find_gives_no_message_when_it_is_spread_over_records),
        cmocka_unit_test(test_find_refuses_what_is_no_handshake_at_its_first_byte),
        cmocka_unit_test(test_find_refuses_other_major_versions),
        cmocka_unit_test(test_find_refuses_records_of_impossible_size),
        cmocka_unit_test(test_find_refuses_other_handshake_messages),
        cmocka_unit_test(test_find_refuses_a_message_over_the_limit),
        cmocka_unit_test(test_parse_finds_what_was_offered),
        cmocka_unit_test(test_parse_tells_the_signatures_apart),
        cmocka_unit_test(test_parse_looks_through_a_long_list_of_signatures),
        cmocka_unit_test(test_parse_asks_for_tls13),
        cmocka_unit_test(test_parse_of_a_hello_without_extensions_is_an_old_one),
        cmocka_unit_test(test_parse_refuses_every_truncation),
        cmocka_unit_test(test_parse_refuses_bytes_after_the_extensions),
        cmocka_unit_test(test_parse_refuses_an_extension_longer_than_the_extensions),
        cmocka_unit_test(test_parse_skips_unknown_extensions),
        cmocka_unit_test(test_name_is_given_as_sent),
        cmocka_unit_test(test_name_of_any_other_byte_is_not_given),
        cmocka_unit_test(test_name_has_a_longest),
        cmocka_unit_test(test_name_is_the_first_host_name_of_the_list),
        cmocka_unit_test(test_name_never_reaches_past_its_list),
        cmocka_unit_test(test_http_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
