// ClientHellos as the doctor writes them, and the answers it reads.
#include "doctor/answer.h"
#include "doctor/suites.h"
#include "tls/handshake/hello.h"
#include "tls/probe/offer.h"
#include "tls/record/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t RANDOM[OFFER_RANDOM_SIZE] = "thirty-two bytes of randomness.";
static struct flight flight;

// --- Offers: read by the server's own reader ---

static const uint16_t SUITES[] = {0x1301, 0x1303};
static const uint16_t GROUPS[] = {GROUP_X25519, 0x0100};
static const uint16_t SIGNATURES[] = {0x0403, 0x0804};
static const uint16_t VERSIONS[] = {VERSION_TLS13};

static struct offer usual_offer(void) {
    return (struct offer){.version = VERSION_TLS12,
                          .suites = NUMBERS(SUITES),
                          .name = SLICE("a.test"),
                          .versions = NUMBERS(VERSIONS),
                          .groups = NUMBERS(GROUPS),
                          .signatures = NUMBERS(SIGNATURES)};
}

static void test_an_offer_is_read_as_it_was_meant(void **state) {
    uint8_t bytes[2048];
    uint8_t record_bytes[2048];
    struct client_hello hello;
    struct refusal refusal = {0};
    (void)state;
    struct offer offer = usual_offer();
    offer.has_shares = offer.http1 = offer.ocsp = offer.legacy = true;
    offer.modes = PSK_KE | PSK_DHE_KE;
    offer.cookie = SLICE("cookie");
    offer.psk = SLICE("ticket");
    offer.early_data = true;
    offer.binder_size = 32;
    struct builder message = builder_over(bytes, sizeof(bytes));
    offer_write(&offer, RANDOM, &message);
    assert_false(message.overflow);
    struct builder record = builder_over(record_bytes, sizeof(record_bytes));
    offer_write_record(VERSION_TLS10, (struct slice){(const char *)bytes, message.size}, &record);
    assert_int_equal(record.size, RECORD_HEADER_SIZE + message.size);
    struct slice found = {(const char *)record_bytes + RECORD_HEADER_SIZE + 4, message.size - 4};
    assert_int_equal(hello_parse(found, &hello, &refusal), RESULT_OK);
    assert_true(hello.offers_tls13);
    assert_true(slice_equal(hello.server_name, SLICE("a.test")));
    assert_true(slice_equal(hello.cipher_suites, SLICE("\x13\x01\x13\x03")));
    assert_true(slice_equal(hello.groups, SLICE("\x00\x1d\x01\x00")));
    assert_true((hello.signatures & POLICY_SIGNATURE_RSA_PSS) != 0);
    // The binder is the very end.
    assert_int_equal(offer_binders_size(&offer), 35);
    assert_int_equal(bytes[message.size - 33], 32);
    assert_int_equal(bytes[message.size - 35] << 8 | bytes[message.size - 34], 33);
}

static void test_an_offer_that_does_not_fit(void **state) {
    uint8_t bytes[300];
    (void)state;
    struct offer offer = usual_offer();
    for (size_t capacity = 0; capacity < 200; capacity++) {
        struct builder message = builder_over(bytes, capacity);
        offer_write(&offer, RANDOM, &message);
        assert_true(message.size <= capacity);
        struct client_hello hello;
        struct refusal refusal = {0};
        struct slice body = {(const char *)bytes + 4, message.size < 4 ? 0 : message.size - 4};
        assert_int_equal(message.overflow, hello_parse(body, &hello, &refusal) != RESULT_OK);
    }
    struct builder much = builder_over(bytes, sizeof(bytes));
    size_t begin = builder_open(&much, 1);
    builder_put_zeros(&much, 256);
    builder_close(&much, begin, 1);
    assert_true(much.overflow);
}

static void test_ssl2_hellos(void **state) {
    uint8_t bytes[64];
    (void)state;
    struct builder hello = builder_over(bytes, sizeof(bytes));
    offer_write_ssl2(VERSION_SSL2, SLICE("\x01\x00\x80"), RANDOM, &hello);
    static const uint8_t expected[] = {0x80, 28, 1, 0, 2, 0, 3, 0, 0, 0, 16, 1, 0, 0x80};
    assert_int_equal(hello.size, 30);
    assert_memory_equal(bytes, expected, sizeof(expected));
}

static void test_lists_of_suites(void **state) {
    uint16_t list[SUITES_MAX];
    (void)state;
    size_t all = suites_with(SUITE_ANY | SUITE_GOOD, list);
    for (size_t i = 0; i < all; i++) {
        assert_true(list[i] >> 8 != 0x13); // none of TLS 1.3
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(list[i], list[k]);
        }
    }
    assert_true(suites_with(SUITE_RC4, list) > 0 && suites_with(SUITE_RC4, list) < all);
    assert_string_equal(suite_name(0x0005), "TLS_RSA_WITH_RC4_128_SHA");
    assert_string_equal(suite_name(0xffff), "unknown suite");
}

// --- Answers ---

struct bytes {
    uint8_t data[4096];
    struct builder builder;
};

static void begin(struct bytes *bytes) {
    bytes->builder = builder_over(bytes->data, sizeof(bytes->data));
}

static struct slice all_of(const struct bytes *bytes) {
    return (struct slice){(const char *)bytes->data, bytes->builder.size};
}

static void put_record(struct bytes *bytes, uint8_t type, struct slice body) {
    builder_put(&bytes->builder, type, 1);
    builder_put(&bytes->builder, 0x0303, 2);
    builder_put_vector(&bytes->builder, body, 2);
}

// A handshake message in a record of its own.
static void put_message(struct bytes *bytes, uint8_t type, struct slice body) {
    uint8_t storage[2048];
    struct builder message = builder_over(storage, sizeof(storage));
    builder_put(&message, type, 1);
    builder_put_vector(&message, body, 3);
    put_record(bytes, RECORD_HANDSHAKE, (struct slice){(const char *)storage, message.size});
}

static const uint8_t RETRY[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                  0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                  0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

static size_t make_hello(uint8_t *body, size_t capacity, const uint8_t random[32], uint16_t suite,
                         struct slice extensions) {
    struct builder hello = builder_over(body, capacity);
    builder_put(&hello, 0x0303, 2);
    builder_put_bytes(&hello, random, 32);
    builder_put_vector(&hello, SLICE("id"), 1);
    builder_put(&hello, suite, 2);
    builder_put(&hello, 0, 1);
    if (extensions.size > 0) {
        builder_put_vector(&hello, extensions, 2);
    }
    assert_false(hello.overflow);
    return hello.size;
}

static void put_hello(struct bytes *bytes, const uint8_t random[32], uint16_t suite,
                      struct slice extensions) {
    uint8_t body[512];
    size_t size = make_hello(body, sizeof(body), random, suite, extensions);
    put_message(bytes, 2, (struct slice){(const char *)body, size});
}

static enum answer_kind kind_of(struct slice received) {
    struct answer answer;
    (void)(answer_read(received, false, &flight, &answer) == RESULT_OK);
    return answer.kind;
}

static void test_alerts(void **state) {
    struct bytes bytes;
    struct answer answer;
    char text[ANSWER_TEXT_SIZE];
    (void)state;
    begin(&bytes);
    put_record(&bytes, RECORD_ALERT, SLICE("\x01\x70")); // a warning about the name
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_AGAIN);
    put_record(&bytes, RECORD_ALERT, SLICE("\x02\x46"));
    for (size_t i = 0; i < bytes.builder.size; i++) {
        assert_int_equal(
            answer_read((struct slice){all_of(&bytes).data, i}, true, &flight, &answer),
            RESULT_AGAIN);
    }
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_ALERT);
    answer_text(&answer, text);
    assert_string_equal(text, "alert protocol_version (70)");
}

static void test_a_tls13_answer(void **state) {
    static const char extensions[] = "\x00\x2b\x00\x02\x03\x04"
                                     "\x00\x33\x00\x07\x00\x1d\x00\x03key"
                                     "\x00\x29\x00\x02\x00\x05";
    struct bytes bytes;
    struct answer answer;
    (void)state;
    begin(&bytes);
    put_hello(&bytes, RANDOM, 0x1301, SLICE(extensions));
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_HELLO);
    assert_int_equal(answer.hello.version, VERSION_TLS13);
    assert_int_equal(answer.hello.group, GROUP_X25519);
    assert_true(slice_equal(answer.hello.share, SLICE("key")));
    assert_true(answer.hello.has_psk && answer.hello.psk_index == 5);
    assert_true(slice_equal(answer.hello.session_id, SLICE("id")));
}

static void test_a_retry(void **state) {
    static const char extensions[] = "\x00\x2b\x00\x02\x03\x04"
                                     "\x00\x33\x00\x02\x01\x00"
                                     "\x00\x2c\x00\x08\x00\x06"
                                     "cookie";
    struct bytes bytes;
    struct answer answer;
    (void)state;
    begin(&bytes);
    put_hello(&bytes, RETRY, 0x1301, SLICE(extensions));
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_RETRY);
    assert_int_equal(answer.hello.group, 0x0100);
    assert_true(slice_equal(answer.hello.cookie, SLICE("cookie")));
}

static void test_malformed_hellos(void **state) {
    static const char *const bad[] = {
        "\x00\x2b\x00\x03\x03\x04\x00",        // a byte too many
        "\x00\x2b\x00\x01\x03",                // one too few
        "\x00\x33\x00\x07\x00\x1d\x00\x04key", // a share that ends early
        "\x00\x33\x00\x01\x00",                //
        "\x00\x29\x00\x01\x00",                //
        "\x00\x2c\x00\x02\x00\x01",            //
        "\x00\x2b",                            //
    };
    static const size_t sizes[] = {7, 5, 11, 5, 5, 6, 2};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bytes bytes;
        begin(&bytes);
        put_hello(&bytes, RANDOM, 0x1301, (struct slice){bad[i], sizes[i]});
        assert_int_equal(kind_of(all_of(&bytes)), ANSWER_STRANGE);
    }
    uint8_t body[128];
    struct server_hello hello;
    size_t size = make_hello(body, sizeof(body), RANDOM, 0x1301, SLICE("\x00\x2b\x00\x02\x03\x04"));
    for (size_t i = 0; i < size; i++) { // cut anywhere, but where the extensions begin
        enum result expected = i == 40 ? RESULT_OK : RESULT_ERROR;
        assert_int_equal(server_hello_parse((struct slice){(const char *)body, i}, &hello),
                         expected);
    }
    body[34] = 33; // a session id over 32 bytes
    assert_int_equal(server_hello_parse((struct slice){(const char *)body, size}, &hello),
                     RESULT_ERROR);
}

// --- A flight of TLS 1.2 ---

static void test_a_flight_with_ecdhe(void **state) {
    struct bytes bytes;
    struct answer answer;
    (void)state;
    begin(&bytes);
    put_hello(&bytes, RANDOM, 0xc02f, SLICE("\xff\x01\x00\x01\x00"));
    put_message(&bytes, 11,
                SLICE("\x00\x00\x06\x00\x00\x03"
                      "der"));
    put_message(&bytes, 22, SLICE("\x01\x00\x00\x04ocsp"));
    put_message(&bytes, 12, SLICE("\x03\x00\x17\x02xy\x02\x01\x00\x03sig"));
    assert_int_equal(answer_read(all_of(&bytes), false, &flight, &answer), RESULT_OK);
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_AGAIN);
    put_message(&bytes, 14, SLICE(""));
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_HELLO);
    assert_int_equal(answer.hello.version, VERSION_TLS12);
    assert_true(answer.hello.has_renegotiation_info);
    assert_true(slice_equal(answer.certificates, SLICE("\x00\x00\x03"
                                                       "der")));
    assert_true(slice_equal(answer.staple, SLICE("ocsp")));
    assert_int_equal(answer.exchange.group, GROUP_P256);
    assert_int_equal(answer.exchange.scheme, 0x0201);
}

static void test_a_flight_with_dhe(void **state) {
    struct bytes bytes;
    struct answer answer;
    (void)state;
    begin(&bytes);
    put_hello(&bytes, RANDOM, 0x009e, SLICE(""));
    put_message(&bytes, 12,
                SLICE("\x00\x05\x00\x20" // a prime of 30 bits
                      "123"
                      "\x00\x01\x02\x00\x02xy\x04\x01\x00\x03sig"));
    put_message(&bytes, 14, SLICE(""));
    assert_int_equal(answer_read(all_of(&bytes), true, &flight, &answer), RESULT_OK);
    assert_true(answer.exchange.present);
    assert_int_equal(answer.exchange.bits, 30);
    assert_int_equal(answer.exchange.scheme, 0x0401);
    assert_false(answer.hello.has_renegotiation_info);
}

static void test_messages_over_several_records(void **state) {
    struct bytes whole;
    struct bytes parts;
    struct answer answer;
    (void)state;
    begin(&whole);
    put_hello(&whole, RANDOM, 0xc02f, SLICE("\xff\x01\x00\x01\x00"));
    begin(&parts);
    for (size_t i = 5; i < whole.builder.size; i++) {
        put_record(&parts, RECORD_HANDSHAKE, (struct slice){(const char *)whole.data + i, 1});
    }
    assert_int_equal(answer_read(all_of(&parts), false, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_HELLO);
    parts.builder.size--;
    assert_int_equal(answer_read(all_of(&parts), false, &flight, &answer), RESULT_AGAIN);
}

static void test_a_flight_that_never_ends(void **state) {
    static uint8_t storage[FLIGHT_SIZE_MAX + 20000];
    struct builder builder = builder_over(storage, sizeof(storage));
    struct answer answer;
    (void)state;
    while (!builder.overflow) { // a message of 16 MB
        builder_put(&builder, RECORD_HANDSHAKE, 1);
        builder_put(&builder, 0x0303, 2);
        size_t record = builder_open(&builder, 2);
        builder_put(&builder, 0x0bffffff, 4);
        builder_put_zeros(&builder, 10000);
        builder_close(&builder, record, 2);
    }
    assert_int_equal(
        answer_read((struct slice){(const char *)storage, builder.size}, true, &flight, &answer),
        RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_STRANGE);
}

static void test_what_is_not_tls(void **state) {
    struct answer answer;
    (void)state;
    assert_int_equal(kind_of(SLICE("SSH-2.0-x\r\n")), ANSWER_STRANGE);
    assert_int_equal(kind_of(SLICE("HTTP/1.1 xx")), ANSWER_NONE);
    assert_int_equal(kind_of(SLICE("HTTP/1.1 2x0 ")), ANSWER_STRANGE);
    assert_int_equal(answer_read(SLICE("HTTP/1.1 400 Bad"), false, &flight, &answer), RESULT_OK);
    assert_int_equal(answer.kind, ANSWER_HTTP);
    assert_int_equal(answer.http_status, 400);
    assert_int_equal(kind_of(SLICE("\x80\x10\x04\x00\x01\x00\x02")), ANSWER_SSL2);
    assert_int_equal(kind_of(SLICE("\x80\x10\x04\x00\x01\x00")), ANSWER_NONE);
    assert_int_equal(kind_of(SLICE("\x80\x10\x04\x00\x01\x03\x01")), ANSWER_STRANGE);
    assert_int_equal(kind_of(SLICE("\x16\x04\x03\x00\x01\x00")), ANSWER_STRANGE);
    assert_int_equal(kind_of(SLICE("\x16\x03\x03\x00\x04\x01\x00\x00\x00")), ANSWER_STRANGE);
    assert_int_equal(kind_of(SLICE("")), ANSWER_NONE);
}

static void test_the_mark_of_a_downgrade(void **state) {
    struct server_hello hello = {0};
    (void)state;
    assert_int_equal(server_hello_downgrade_mark(&hello), 0);
    memcpy(hello.random + 24, "DOWNGRD\x01", 8);
    assert_int_equal(server_hello_downgrade_mark(&hello), VERSION_TLS12);
    hello.random[31] = 0;
    assert_int_equal(server_hello_downgrade_mark(&hello), VERSION_TLS11);
    hello.random[31] = 2;
    assert_int_equal(server_hello_downgrade_mark(&hello), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_offer_is_read_as_it_was_meant),
        cmocka_unit_test(test_an_offer_that_does_not_fit),
        cmocka_unit_test(test_ssl2_hellos),
        cmocka_unit_test(test_lists_of_suites),
        cmocka_unit_test(test_alerts),
        cmocka_unit_test(test_a_tls13_answer),
        cmocka_unit_test(test_a_retry),
        cmocka_unit_test(test_malformed_hellos),
        cmocka_unit_test(test_a_flight_with_ecdhe),
        cmocka_unit_test(test_a_flight_with_dhe),
        cmocka_unit_test(test_messages_over_several_records),
        cmocka_unit_test(test_a_flight_that_never_ends),
        cmocka_unit_test(test_what_is_not_tls),
        cmocka_unit_test(test_the_mark_of_a_downgrade),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
