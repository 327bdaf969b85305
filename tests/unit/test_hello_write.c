// The ClientHello that the library gets instead of the client's.
#include "base/reader.h"
#include "hello_bytes.h"
#include "tls/handshake/hello.h"

#include <stdlib.h>

static struct client_hello parse(const void *message, size_t size) {
    struct client_hello hello;
    struct refusal refusal = {0};
    if (hello_parse((struct slice){message, size}, &hello, &refusal) != RESULT_OK ||
        hello_check_rules(&hello, &refusal) != RESULT_OK) {
        fail_msg("%s", refusal.text);
    }
    return hello;
}

// What is written for a hello of these parts, read again; the bytes are in `output`.
static struct client_hello written(const struct hello_parts *parts, const char *name, bool with_psk,
                                   struct buffer *output, size_t *binders_size) {
    static struct bytes message;
    message.size = 0;
    put_hello(&message, parts);
    struct client_hello hello = parse(message.data, message.size);
    assert_true(hello_write(&hello, slice_from(name), 0, with_psk, output, binders_size));
    const uint8_t *header = buffer_bytes(output);
    size_t size = buffer_size(output);
    assert_int_equal(header[0], 1);
    assert_int_equal((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3], size - 4);
    return parse(header + 4, size - 4);
}

static bool same(struct slice slice, const char *bytes, size_t size) {
    return slice_equal(slice, (struct slice){bytes, size});
}

static uint32_t count_extensions(const struct client_hello *hello) {
    struct reader list = reader_of(hello->extensions);
    uint32_t count = 0;
    for (; reader_more(&list); count++) {
        (void)read_number(&list, 2);
        (void)read_vector(&list, 2);
    }
    return count;
}

static void test_it_says_what_we_may_use_and_nothing_else(void **state) {
    (void)state;
    static const uint16_t versions[] = {0x7a7a, 0x0304, 0x0303, 0};
    static const uint16_t suites[] = {0x1a1a, 0x1303, 0xc02f, 0x1301, 0x1303, 0x5600, 0x1301, 0};
    static const uint16_t groups[] = {0x2a2a, 0x0018, 0x001d, 0x0100, 0x0018, 4588, 0};
    static const uint16_t signatures[] = {0x0401, 0x0806, 0x0403, 0x0203, 0x0806, 0};
    struct hello_parts parts = {
        .name = "As.Sent",
        .suites = suites,
        .versions = versions,
        .groups = groups,
        .signatures = signatures,
        .padding = 300,
        .no_shares = true,
        .extra = "\x00\x33\x00\x07\x00\x05\x2a\x2a\x00\x01x"              // a share of no use
                 "\x00\x10\x00\x17\x00\x15\x02h2\x08http/1.0\x08http/1.1" // protocols
                 "\x00\x05\x00\x06\x01\x00\x01r\x00\x00"                  // status_request
                 "\x00\x2d\x00\x03\x02\x00\x01"                           // PSK modes
                 "\x00\x23\x00\x02xx\x00\x31\x00\x00\xff\x01\x00\x01\x00",
        .extra_size = 11 + 27 + 10 + 7 + 6 + 4 + 5,
    };
    struct buffer output = {0};
    size_t binders_size = 9;
    struct client_hello hello = written(&parts, "as.given", true, &output, &binders_size);
    assert_int_equal(hello.legacy_version, 0x0303);
    assert_true(same(hello.random, "thirty-two bytes of randomness.", 32));
    assert_true(same(hello.cipher_suites, "\x13\x03\x13\x01", 4));
    assert_true(same(hello.compressions, "\0", 1));
    assert_true(same(hello.versions, "\x03\x04", 2));
    assert_true(same(hello.groups, "\x00\x18\x00\x1d\x11\xec", 6));
    assert_true(same(hello.signature_schemes, "\x08\x06\x04\x03", 4));
    assert_true(same(hello.protocols, "\x08http/1.1", 9));
    assert_true(same(hello.status_request, "\x01\x00\x01r\x00\x00", 6));
    assert_true(slice_equal(hello.server_name, SLICE("as.given")));
    assert_int_equal(hello.key_shares.size, 0);
    assert_int_equal(binders_size, 0);
    assert_int_equal(count_extensions(&hello), 7);
    buffer_free(&output);
}

static void test_a_hello_without_a_name_or_signatures_of_ours(void **state) {
    (void)state;
    static const uint16_t foreign[] = {0x0603, 0x0809, 0};
    struct hello_parts parts = usual_parts();
    parts.signatures = foreign;
    struct buffer output = {0};
    size_t binders_size;
    struct client_hello hello = written(&parts, "", false, &output, &binders_size);
    assert_int_equal(hello.server_name.size, 0);
    assert_false(hello_has(&hello, HELLO_SERVER_NAME));
    assert_int_equal(hello.signatures, 0);
    assert_int_equal(hello.signature_schemes.size, 2);
    buffer_free(&output);
}

static void test_the_session_id_stays(void **state) {
    (void)state;
    static struct bytes message;
    for (size_t size = 0; size <= 32; size += 8) {
        message.size = 0;
        struct hello_parts parts = usual_parts();
        put_hello(&message, &parts);
        struct client_hello hello = parse(message.data, message.size);
        hello.session_id = (struct slice){"12345678901234567890123456789012", size};
        struct buffer output = {0};
        size_t binders_size;
        assert_true(hello_write(&hello, SLICE("x"), 0, false, &output, &binders_size));
        struct client_hello again = parse(buffer_bytes(&output) + 4, buffer_size(&output) - 4);
        assert_true(slice_equal(again.session_id, hello.session_id));
        buffer_free(&output);
    }
}

static void test_the_longest_lists_become_short(void **state) {
    (void)state;
    static uint16_t many[20001];
    for (size_t i = 0; i < 20000; i++) {
        many[i] = (uint16_t)(0x2000 + i % 0x4000);
    }
    many[19999] = 0x1302;
    struct hello_parts parts = usual_parts();
    parts.suites = many;
    struct buffer output = {0};
    size_t binders_size;
    struct client_hello hello = written(&parts, "", false, &output, &binders_size);
    assert_true(same(hello.cipher_suites, "\x13\x02", 2));
    for (size_t i = 0; i < 20000; i++) {
        many[i] = 0x0017;
    }
    parts = usual_parts();
    parts.groups = many;
    buffer_free(&output);
    hello = written(&parts, "", false, &output, &binders_size);
    assert_true(same(hello.groups, "\x00\x17", 2));
    assert_in_range(buffer_size(&output), 50, 200);
    buffer_free(&output);
}

// --- X25519 ---

static void assert_x25519(const uint8_t given[32], const uint8_t expected[32]) {
    static char extra[2000];
    static const size_t before[] = {0, 1184}; // of ML-KEM
    static const uint16_t groups[] = {0x001d, 4588, 0};
    for (size_t i = 0; i < 2; i++) {
        size_t size = before[i] + 32;
        const uint8_t header[] = {0,
                                  51,
                                  (uint8_t)((size + 6) >> 8),
                                  (uint8_t)(size + 6),
                                  (uint8_t)((size + 4) >> 8),
                                  (uint8_t)(size + 4),
                                  (uint8_t)(groups[i] >> 8),
                                  (uint8_t)groups[i],
                                  (uint8_t)(size >> 8),
                                  (uint8_t)size};
        memcpy(extra, header, sizeof(header));
        memset(extra + sizeof(header), 0xff, before[i]);
        memcpy(extra + sizeof(header) + before[i], given, 32);
        struct hello_parts parts = usual_parts();
        parts.groups = groups;
        parts.no_shares = true;
        parts.extra = extra;
        parts.extra_size = sizeof(header) + size;
        struct buffer output = {0};
        size_t binders_size;
        struct client_hello hello = written(&parts, "", false, &output, &binders_size);
        assert_int_equal(hello.key_shares.size, 4 + size);
        memcpy(extra + sizeof(header) + before[i], expected, 32);
        assert_memory_equal(hello.key_shares.data, extra + sizeof(header) - 4, 4 + size);
        buffer_free(&output);
    }
}

static void test_after_a_retry_its_suite_alone_is_left(void **state) {
    (void)state;
    static struct bytes message;
    struct hello_parts parts = usual_parts();
    struct buffer output = {0};
    size_t binders_size;
    put_hello(&message, &parts);
    struct client_hello hello = parse(message.data, message.size);
    assert_true(hello_write(&hello, SLICE(""), 0x1302, true, &output, &binders_size));
    hello = parse(buffer_bytes(&output) + 4, buffer_size(&output) - 4);
    assert_true(same(hello.cipher_suites, "\x13\x02", 2));
    buffer_free(&output);
}

static void test_x25519_shares_are_masked_and_reduced(void **state) {
    (void)state;
    uint8_t given[32] = {9};
    uint8_t expected[32] = {9};
    assert_x25519(given, expected);
    given[31] = 0x80;
    assert_x25519(given, expected);
    memset(given, 0xaa, sizeof(given));
    memset(expected, 0xaa, sizeof(expected));
    expected[31] = 0x2a;
    assert_x25519(given, expected);
    // 2^255-19 and up.
    memset(given, 0xff, sizeof(given));
    memset(expected, 0, sizeof(expected));
    for (unsigned low = 0xed; low <= 0xff; low++) {
        given[0] = (uint8_t)low;
        expected[0] = (uint8_t)(low - 0xed);
        given[31] = 0x7f;
        assert_x25519(given, expected);
        given[31] = 0xff;
        assert_x25519(given, expected);
    }
    given[31] = 0x7f; // one less is its own
    given[0] = 0xec;
    assert_x25519(given, given);
    given[0] = 0xff;
    given[15] = 0xfe;
    assert_x25519(given, given);
}

// --- PSKs ---

static void put_identity(struct bytes *bytes, const void *identity, size_t size) {
    put(bytes, size, 2);
    put_bytes(bytes, identity, size);
    put(bytes, 0x01020304, 4);
}

// In the form of a ticket of the library's, of this size.
static const uint8_t *ticket(size_t size, uint8_t fill) {
    static uint8_t bytes[2000];
    memset(bytes, fill, sizeof(bytes));
    bytes[32] = (uint8_t)((size - 66) >> 8);
    bytes[33] = (uint8_t)(size - 66);
    return bytes;
}

static void put_binder(struct bytes *bytes, uint8_t fill, size_t size) {
    put(bytes, size, 1);
    for (size_t i = 0; i < size; i++) {
        put(bytes, fill, 1);
    }
}

// The extension with these entries, behind the one that names the modes.
static struct hello_parts parts_with_psks(const struct bytes *identities,
                                          const struct bytes *binders) {
    static struct bytes extra;
    extra.size = 0;
    put_bytes(&extra, "\x00\x2d\x00\x02\x01\x01\x00\x29", 8);
    put(&extra, identities->size + binders->size + 4, 2);
    put(&extra, identities->size, 2);
    put_bytes(&extra, identities->data, identities->size);
    put(&extra, binders->size, 2);
    put_bytes(&extra, binders->data, binders->size);
    struct hello_parts parts = usual_parts();
    parts.extra = (const char *)extra.data;
    parts.extra_size = extra.size;
    return parts;
}

struct psk_reader {
    struct reader identities, binders;
};

static struct psk_reader read_psks(const struct client_hello *hello) {
    struct reader extension = reader_of(hello->pre_shared_key);
    struct psk_reader reader;
    reader.identities = reader_of(read_vector(&extension, 2));
    reader.binders = reader_of(read_vector(&extension, 2));
    return reader;
}

static void assert_psk(struct psk_reader *reader, const void *identity, size_t size,
                       uint8_t binder_fill, size_t binder_size) {
    struct slice found = read_vector(&reader->identities, 2);
    assert_true(slice_equal(found, (struct slice){identity, size}));
    assert_int_equal(read_number(&reader->identities, 4), 0x01020304);
    struct slice binder = read_vector(&reader->binders, 1);
    assert_int_equal(binder.size, binder_size);
    assert_int_equal((uint8_t)binder.data[binder_size - 1], binder_fill);
}

static void test_tickets_stay_and_the_rest_becomes_placeholders(void **state) {
    (void)state;
    static struct bytes identities, binders;
    identities.size = binders.size = 0;
    static uint8_t long_one[3000];
    put_identity(&identities, "x", 1);
    put_identity(&identities, ticket(300, 1), 300);
    put_identity(&identities, long_one, sizeof(long_one));
    put_identity(&identities, ticket(300, 2), 299);
    put_identity(&identities, ticket(300, 2), 301);
    put_identity(&identities, ticket(300, 1), 300); // once more
    put_identity(&identities, ticket(66, 3), 66);
    put_identity(&identities, ticket(1025, 4), 1025);
    put_identity(&identities, ticket(1024, 5), 1024);
    static const size_t sizes[] = {32, 48, 64, 65, 255, 33, 32, 32, 48};
    for (uint8_t i = 0; i < 9; i++) {
        put_binder(&binders, i, sizes[i]);
    }
    struct hello_parts parts = parts_with_psks(&identities, &binders);
    struct buffer output = {0};
    size_t binders_size;
    struct client_hello hello = written(&parts, "", true, &output, &binders_size);
    assert_true(hello.offers_psk_dhe);
    assert_int_equal(hello_binders_size(&hello), binders_size);
    struct psk_reader reader = read_psks(&hello);
    assert_psk(&reader, "\0", 1, 0, 32);
    assert_psk(&reader, ticket(300, 1), 300, 1, 48);
    assert_psk(&reader, "\2", 1, 2, 64);
    assert_psk(&reader, "\3", 1, 3, 64);
    assert_psk(&reader, "\4", 1, 4, 64);
    assert_psk(&reader, "\5", 1, 5, 33);
    assert_psk(&reader, ticket(66, 3), 66, 6, 32);
    assert_psk(&reader, "\7", 1, 7, 32);
    assert_psk(&reader, ticket(1024, 5), 1024, 8, 48);
    assert_true(reader_done(&reader.identities) && reader_done(&reader.binders));
    buffer_free(&output);
}

static void test_only_the_first_psks_are_looked_at(void **state) {
    (void)state;
    static struct bytes identities, binders;
    identities.size = binders.size = 0;
    for (uint8_t i = 0; i < 100; i++) {
        put_identity(&identities, ticket(100, i), 100);
        put_binder(&binders, i, 32);
    }
    struct hello_parts parts = parts_with_psks(&identities, &binders);
    struct buffer output = {0};
    size_t binders_size;
    struct client_hello hello = written(&parts, "", true, &output, &binders_size);
    assert_int_equal(binders_size, 2 + 32 * 33);
    struct psk_reader reader = read_psks(&hello);
    for (uint8_t i = 0; i < 32; i++) {
        assert_psk(&reader, ticket(100, i), 100, i, 32);
    }
    assert_true(reader_done(&reader.identities) && reader_done(&reader.binders));
    buffer_free(&output);
}

static void test_a_psk_that_comes_after_a_retry_needs_no_signature_before(void **state) {
    (void)state;
    static const uint16_t foreign[] = {0x0603, 0};
    static const uint16_t *const schemes[] = {NULL, foreign};
    static struct bytes identities, binders;
    identities.size = binders.size = 0;
    put_identity(&identities, ticket(100, 1), 100);
    put_binder(&binders, 1, 32);
    for (size_t i = 0; i < 2; i++) {
        struct hello_parts parts = parts_with_psks(&identities, &binders);
        parts.signatures = schemes[i];
        struct buffer output = {0};
        size_t binders_size;
        struct client_hello hello = written(&parts, "", false, &output, &binders_size);
        assert_int_equal(hello.signatures, 0xf);
        buffer_free(&output);
        hello = written(&parts, "", true, &output, &binders_size);
        assert_int_equal(hello.signatures, 0);
        assert_true(hello_has(&hello, HELLO_SIGNATURES) == (schemes[i] != NULL));
        buffer_free(&output);
    }
}

static void test_psks_are_left_out(void **state) {
    (void)state;
    static struct bytes identities, binders;
    identities.size = binders.size = 0;
    put_identity(&identities, ticket(100, 1), 100);
    put_binder(&binders, 1, 32);
    struct hello_parts parts = parts_with_psks(&identities, &binders);
    struct buffer output = {0};
    size_t binders_size = 9;
    struct client_hello hello = written(&parts, "", false, &output, &binders_size);
    assert_false(hello_has(&hello, HELLO_PRE_SHARED_KEY) || hello_has(&hello, HELLO_PSK_MODES));
    assert_int_equal(binders_size, 0);
    buffer_free(&output);
    // Without a new key exchange there is no resumption.
    char extra[300];
    memcpy(extra, parts.extra, parts.extra_size);
    extra[5] = 0; // psk_ke
    parts.extra = extra;
    hello = written(&parts, "", true, &output, &binders_size);
    assert_false(hello_has(&hello, HELLO_PRE_SHARED_KEY) || hello_has(&hello, HELLO_PSK_MODES));
    assert_int_equal(binders_size, 0);
    buffer_free(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_says_what_we_may_use_and_nothing_else),
        cmocka_unit_test(test_a_hello_without_a_name_or_signatures_of_ours),
        cmocka_unit_test(test_the_session_id_stays),
        cmocka_unit_test(test_the_longest_lists_become_short),
        cmocka_unit_test(test_after_a_retry_its_suite_alone_is_left),
        cmocka_unit_test(test_x25519_shares_are_masked_and_reduced),
        cmocka_unit_test(test_tickets_stay_and_the_rest_becomes_placeholders),
        cmocka_unit_test(test_only_the_first_psks_are_looked_at),
        cmocka_unit_test(test_a_psk_that_comes_after_a_retry_needs_no_signature_before),
        cmocka_unit_test(test_psks_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
