#include "http/proxy_protocol.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V2_SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

struct bytes {
    const char *data;
    size_t size;
};

#define BYTES(literal) ((struct bytes){(literal), sizeof(literal) - 1})

// In memory of exactly that size, so that a sanitizer sees a read behind it.
static enum result read_header(struct bytes bytes, struct proxy_header *header, const char **why) {
    uint8_t *copy = malloc(bytes.size == 0 ? 1 : bytes.size);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    *why = NULL;
    enum result result = proxy_header_read(copy, bytes.size, header, why);
    free(copy);
    return result;
}

static void assert_client(struct bytes bytes, size_t size, const char *client) {
    struct proxy_header header;
    const char *why;
    char text[ADDRESS_TEXT_SIZE];
    // Whatever comes in pieces is the same.
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(read_header((struct bytes){bytes.data, cut}, &header, &why), RESULT_AGAIN);
    }
    if (read_header(bytes, &header, &why) != RESULT_OK) {
        fail_msg("refused: %s", why);
    }
    assert_int_equal(header.size, size);
    assert_int_equal(header.has_client, client != NULL);
    if (client != NULL) {
        address_format(&header.client, text);
        assert_string_equal(text, client);
    }
}

static void assert_refused(struct bytes bytes) {
    struct proxy_header header;
    const char *why;
    if (read_header(bytes, &header, &why) != RESULT_ERROR) {
        fail_msg("taken: %.*s", (int)bytes.size, bytes.data);
    }
    assert_non_null(why);
}

static void test_version_1(void **state) {
    (void)state;
    assert_client(BYTES("PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n\x16\x03"), 45,
                  "192.0.2.1:56324");
    assert_client(BYTES("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\nGET"), 44,
                  "[2001:db8::1]:1");
    assert_client(BYTES("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 1\r\n"), 37, "192.0.2.1:0");
    assert_client(BYTES("PROXY UNKNOWN\r\n"), 15, NULL);
    assert_client(BYTES("PROXY UNKNOWN ffff::1 any thing 1 2\r\n"), 37, NULL);
    // The longest there is, 107 bytes.
    assert_client(BYTES("PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"),
                  107, NULL);
}

static void test_version_1_refused(void **state) {
    (void)state;
    static const struct bytes all[] = {
        {"GET / HTTP/1.1\r\n", 16},
        {"\x16\x03\x01\x02", 4},
        {"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 36},
        {"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 37},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n", 35},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n", 37},
        {"PROXY TCP4 192.0.2.1  192.0.2.2 1 2\r\n", 37},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n", 38},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n", 34},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n", 40},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n", 37},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n", 37},
        {"PROXY TCP4 192.0.2.1 192.0.2.2 1 +2\r\n", 37},
        {"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n", 38},
        {"PROXY TCP4 2001:db8::1 192.0.2.2 1 2\r\n", 38},
        {"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n", 36},
        {"PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", 37},
        {"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n", 36},
        {"PROXY \r\n", 8},
        {"PROXY\r\n", 7},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        assert_refused(all[i]);
    }
    char longest[108] = "PROXY UNKNOWN ";
    memset(longest + 14, 'x', sizeof(longest) - 14);
    assert_refused((struct bytes){longest, 107}); // no end in sight
}

static void test_version_2(void **state) {
    (void)state;
    assert_client(BYTES(V2_SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb\x16\x03"),
                  28, "192.0.2.1:56324");
    assert_client(BYTES(V2_SIGNATURE "\x21\x21\0\x24\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1"
                                     "\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\2\0\1\xff\xff"),
                  52, "[2001:db8::1]:1");
    // With what belongs to it behind the addresses: an ALPN and an empty NOOP.
    assert_client(BYTES(V2_SIGNATURE "\x21\x11\0\x17\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb"
                                     "\1\0\5hello\4\0\0"),
                  39, "192.0.2.1:56324");
    assert_client(BYTES(V2_SIGNATURE "\x20\0\0\0"), 16, NULL); // LOCAL
    assert_client(BYTES(V2_SIGNATURE "\x20\x11\0\3abc"), 19, NULL);
    assert_client(BYTES(V2_SIGNATURE "\x21\0\0\0"), 16, NULL); // unspecified
}

static void test_version_2_unix(void **state) {
    (void)state;
    char header[16 + 216] = V2_SIGNATURE "\x21\x31\0\xd8/run/client";
    assert_client((struct bytes){header, sizeof(header)}, sizeof(header), NULL);
}

static void test_version_2_refused(void **state) {
    (void)state;
    assert_refused(BYTES("\r\n\r\n\0\r\nQUIX"));
    assert_refused(BYTES(V2_SIGNATURE "\x11\x11\0\0")); // version 1 in version 2's clothes
    assert_refused(BYTES(V2_SIGNATURE "\x31\x11\0\0"));
    assert_refused(BYTES(V2_SIGNATURE "\x22\x11\0\0")); // no such command
    assert_refused(BYTES(V2_SIGNATURE "\x21\x12\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb")); // UDP
    assert_refused(BYTES(V2_SIGNATURE "\x21\x11\0\x0b\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1"));
    assert_refused(BYTES(V2_SIGNATURE "\x21\x21\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb"));
    assert_refused(BYTES(V2_SIGNATURE "\x21\x11\x08\1")); // 2,049 bytes to come
    assert_refused(BYTES(V2_SIGNATURE "\x21\x11\xff\xff"));
    assert_refused(BYTES(V2_SIGNATURE "\x21\x11\0\x0e\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb\1\0"));
    assert_refused(BYTES(V2_SIGNATURE "\x21\x11\0\x10\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb\1\0\2x"));
}

static struct address make(const char *text) {
    struct address address;
    const char *why;
    assert_int_equal(address_parse(slice_from(text), &address, &why), RESULT_OK);
    return address;
}

static void test_what_is_written(void **state) {
    (void)state;
    static const struct {
        const char *client, *local, *version_1;
    } cases[] = {
        {"192.0.2.1:56324", "198.51.100.2:443", "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n"},
        {"[2001:db8::1]:1", "[::1]:65535", "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"},
        {"192.0.2.1:1", "[::1]:2", "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n"},
        {"[2001:db8::1]:1", "192.0.2.1:2", "PROXY TCP6 2001:db8::1 ::ffff:192.0.2.1 1 2\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address client = make(cases[i].client);
        struct address local = make(cases[i].local);
        uint8_t output[PROXY_HEADER_WRITE_MAX];
        size_t size = proxy_header_write(PROXY_VERSION_1, &client, &local, output);
        assert_int_equal(size, strlen(cases[i].version_1));
        assert_memory_equal(output, cases[i].version_1, size);
        assert_client((struct bytes){(char *)output, size}, size, cases[i].client);
        size = proxy_header_write(PROXY_VERSION_2, &client, &local, output);
        assert_client((struct bytes){(char *)output, size}, size, cases[i].client);
    }
}

static void test_version_2_byte_for_byte(void **state) {
    (void)state;
    static const char wanted[] = V2_SIGNATURE "\x21\x11\0\x0c\xc0\0\2\1\xc6\x33\x64\2\xdc\4\1\xbb";
    struct address client = make("192.0.2.1:56324");
    struct address local = make("198.51.100.2:443");
    uint8_t output[PROXY_HEADER_WRITE_MAX];
    assert_int_equal(proxy_header_write(PROXY_VERSION_2, &client, &local, output),
                     sizeof(wanted) - 1);
    assert_memory_equal(output, wanted, sizeof(wanted) - 1);
    assert_int_equal(proxy_header_write(PROXY_VERSION_NONE, &client, &local, output), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_1),
        cmocka_unit_test(test_version_1_refused),
        cmocka_unit_test(test_version_2),
        cmocka_unit_test(test_version_2_unix),
        cmocka_unit_test(test_version_2_refused),
        cmocka_unit_test(test_what_is_written),
        cmocka_unit_test(test_version_2_byte_for_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
