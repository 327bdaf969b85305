// What a client sends in the clear, its ClientHello above all: what is taken, what is refused, and
// with which alert.
#include "flight_lab.h"

// --- The ClientHello ---

// A message of this type in records of at most `fragment` bytes.
static size_t make_message(uint8_t *output, uint8_t type, size_t body_size, size_t fragment) {
    static uint8_t message[HELLO_SIZE_MAX + 100];
    size_t size = 4 + body_size;
    assert_true(size <= sizeof(message));
    for (size_t i = 4; i < size; i++) {
        message[i] = (uint8_t)(i * 7);
    }
    message[0] = type;
    message[1] = (uint8_t)(body_size >> 16);
    message[2] = (uint8_t)(body_size >> 8);
    message[3] = (uint8_t)body_size;
    size_t end = 0;
    for (size_t at = 0; at < size; at += fragment) {
        size_t part = size - at < fragment ? size - at : fragment;
        const uint8_t header[] = {RECORD_HANDSHAKE, 3, 1, (uint8_t)(part >> 8), (uint8_t)part};
        memcpy(output + end, header, sizeof(header));
        memcpy(output + end + sizeof(header), message + at, part);
        end += sizeof(header) + part;
    }
    return end;
}

static uint8_t output[HELLO_SIZE_MAX * 6 + 1000];

static void assert_hello_came(struct client_flight *c, size_t body_size) {
    struct slice hello = flight_hello(&c->flight);
    assert_int_equal(hello.size, body_size);
    for (size_t i = 0; i < body_size; i++) {
        assert_int_equal((uint8_t)hello.data[i], (uint8_t)((i + 4) * 7));
    }
}

static void test_a_hello_in_records_of_any_size(void **state) {
    struct client_flight *c = *state;
    for (size_t fragment = 1; fragment < 120; fragment++) {
        restart(c);
        size_t used, size = make_message(output, CLIENT_HELLO, 100, fragment);
        output[size] = 99; // what follows is left
        assert_int_equal(feed(c, output, size + 1, &used), RESULT_OK);
        assert_int_equal(used, size);
        assert_hello_came(c, 100);
    }
}

static void test_a_hello_byte_by_byte(void **state) {
    struct client_flight *c = *state;
    static const size_t fragments[] = {1, 3, 50, 1000};
    for (size_t i = 0; i < 4; i++) {
        restart(c);
        size_t size = make_message(output, CLIENT_HELLO, 100, fragments[i]);
        size_t begin = 0;
        for (size_t end = 0; end <= size; end++) {
            size_t used;
            enum result result = feed(c, output + begin, end - begin, &used);
            assert_int_equal(result, end < size ? RESULT_AGAIN : RESULT_OK);
            begin += used;
        }
        assert_int_equal(begin, size);
        assert_hello_came(c, 100);
    }
}

static void test_the_largest_hello(void **state) {
    struct client_flight *c = *state;
    static const size_t fragments[] = {1, 1000, RECORD_PAYLOAD_MAX};
    for (size_t i = 0; i < 3; i++) {
        restart(c);
        size_t used, size = make_message(output, CLIENT_HELLO, HELLO_SIZE_MAX, fragments[i]);
        assert_int_equal(feed(c, output, size, &used), RESULT_OK);
        assert_hello_came(c, HELLO_SIZE_MAX);
        restart(c);
        (void)make_message(output, CLIENT_HELLO, HELLO_SIZE_MAX + 1, fragments[i]);
        // As soon as its size is known.
        size_t header = fragments[i] == 1 ? (size_t)4 * 6 : 5 + fragments[i];
        assert_plain_refused(c, output, header, ALERT_DECODE_ERROR);
        assert_int_equal(buffer_size(&c->flight.message), 4);
    }
}

static void test_bytes_behind_the_hello_in_its_record(void **state) {
    struct client_flight *c = *state;
    size_t size = make_message(output, CLIENT_HELLO, 100, 1000);
    output[4]++; // the record is one byte longer
    output[size] = 0;
    assert_plain_refused(c, output, size + 1, ALERT_UNEXPECTED_MESSAGE);
}

static void test_another_message_than_a_hello(void **state) {
    struct client_flight *c = *state;
    for (int type = 0; type < 256; type++) {
        restart(c);
        const uint8_t record[] = {RECORD_HANDSHAKE, 3, 1, 0, 1, (uint8_t)type};
        if (type == CLIENT_HELLO) {
            assert_taken(c, record, sizeof(record));
        } else {
            assert_plain_refused(c, record, sizeof(record), ALERT_UNEXPECTED_MESSAGE);
        }
    }
}

// --- The first bytes ---

static void test_what_a_connection_begins_with(void **state) {
    struct client_flight *c = *state;
    static const struct {
        const char *bytes;
        size_t size;
        enum refusal_reason reason; // REFUSAL_NONE: more is waited for
    } cases[] = {
        {"", 0, REFUSAL_NONE},
        {"\x16", 1, REFUSAL_NONE},
        {"\x16\x03\x01\x00", 4, REFUSAL_NONE},
        {"\x16\x03\xff\x00\x01", 5, REFUSAL_NONE}, // the version says nothing (5.1)
        {"\x16\x04\x00\x00\x01", 5, REFUSAL_NONE},
        {"\x16\x02", 2, REFUSAL_old_version},
        {"\x16\x00\x03", 3, REFUSAL_old_version},
        {"\x16\x03\x01\x00\x00", 5, REFUSAL_unexpected},
        {"\x16\x03\x01\x40\x00", 5, REFUSAL_NONE},
        {"\x16\x03\x01\x40\x01", 5, REFUSAL_oversized},
        {"\x16\x03\x01\xff\xff", 5, REFUSAL_oversized},
        {"\x14\x03\x01\x00\x01", 5, REFUSAL_unexpected},
        {"\x17\x03\x03\x00\x20", 5, REFUSAL_unexpected},
        {"\x15\x03\x01\x00\x02\x02\x28", 7, REFUSAL_client_alert},
        {"\x15\x03\x01\x00\x02\x01\x00", 7, REFUSAL_client_left},
        {"\x15\x03\x01\x00\x02\x02", 6, REFUSAL_NONE},
        {"\x15\x03\x01\x00\x03", 5, REFUSAL_malformed},
        {"\x15\x03\x01\x00\x00", 5, REFUSAL_unexpected},
        {"\x15\x03\x01\x40\x01", 5, REFUSAL_oversized},
        {"G", 1, REFUSAL_NONE},
        {"GET", 3, REFUSAL_NONE},
        {"GET /", 5, REFUSAL_plain_http},
        {"GOT", 3, REFUSAL_not_tls},
        {"\x80\x2e\x01\x00\x02", 5, REFUSAL_old_version}, // SSL 2.0
        {"\x80\x2e", 2, REFUSAL_NONE},
        {"\x80\x2e\x02", 3, REFUSAL_not_tls},
        {"\x00", 1, REFUSAL_not_tls},
        {"\x13", 1, REFUSAL_not_tls},
        {"\x18", 1, REFUSAL_not_tls}, // heartbeat
        {"SSH-2.0", 7, REFUSAL_not_tls},
        {"PRI * HTTP/2.0", 14, REFUSAL_not_tls},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        restart(c);
        size_t used;
        enum result result = feed(c, cases[i].bytes, cases[i].size, &used);
        if (c->flight.refusal.reason != cases[i].reason) {
            fail_msg("case %zu: reason %d", i, c->flight.refusal.reason);
        }
        assert_int_equal(result, cases[i].reason == REFUSAL_NONE ? RESULT_AGAIN : RESULT_ERROR);
    }
}

static void test_records_between_the_pieces_of_a_hello(void **state) {
    struct client_flight *c = *state;
    static const char *const others[] = {"\x14\x03\x03\x00\x01\x01", "\x17\x03\x03\x00\x01\x01",
                                         "\x18\x03\x03\x00\x01\x01", "GET / "};
    for (size_t i = 0; i < 4; i++) {
        restart(c);
        (void)make_message(output, CLIENT_HELLO, 100, 60);
        memcpy(output + 65, others[i], 6);
        assert_plain_refused(c, output, 65 + 6, ALERT_UNEXPECTED_MESSAGE);
    }
}

// --- Passing the hello on ---

static void assert_fed_plain(struct client_flight *c, const uint8_t *message, size_t size) {
    struct buffer *fed = &c->flight.feed;
    for (size_t at = 0; at < size;) {
        const uint8_t *record = buffer_bytes(fed);
        size_t length = (size_t)record[3] << 8 | record[4];
        assert_int_equal(record[0], RECORD_HANDSHAKE);
        assert_int_equal(length, size - at < RECORD_PAYLOAD_MAX ? size - at : RECORD_PAYLOAD_MAX);
        assert_memory_equal(record + 5, message + at, length);
        buffer_take(fed, 5 + length);
        at += length;
    }
    assert_int_equal(buffer_size(fed), 0);
}

static void test_the_hello_is_taken_and_something_else_fed(void **state) {
    struct client_flight *c = *state;
    size_t used, size = make_message(output, CLIENT_HELLO, 300, 100);
    assert_int_equal(feed(c, output, size, &used), RESULT_OK);
    struct buffer kept = {0};
    flight_take_hello(&c->flight, &kept);
    assert_int_equal(buffer_size(&kept), 304);
    assert_int_equal(buffer_size(&c->flight.message), 0);
    buffer_free(&kept);
    static uint8_t message[50000];
    for (size_t i = 0; i < sizeof(message); i++) {
        message[i] = (uint8_t)(i * 3);
    }
    static const size_t sizes[] = {1, 16383, 16384, 16385, 50000};
    for (size_t i = 0; i < 5; i++) {
        assert_true(flight_feed(&c->flight, (struct slice){(const char *)message, sizes[i]}));
        assert_fed_plain(c, message, sizes[i]);
    }
}

// --- After a HelloRetryRequest ---

static void begin_second(struct client_flight *c, bool early_data) {
    restart(c);
    size_t used, size = make_message(output, CLIENT_HELLO, 100, 1000);
    assert_int_equal(feed(c, output, size, &used), RESULT_OK);
    if (early_data) {
        flight_skip_early_data(&c->flight);
    }
    struct buffer kept = {0};
    flight_take_hello(&c->flight, &kept);
    buffer_free(&kept);
    flight_expect_hello(&c->flight);
}

static void test_a_second_hello(void **state) {
    struct client_flight *c = *state;
    begin_second(c, false);
    assert_taken(c, ccs, sizeof(ccs));
    size_t used, size = make_message(output, CLIENT_HELLO, 200, 7);
    assert_int_equal(feed(c, output, size, &used), RESULT_OK);
    assert_hello_came(c, 200);
    begin_second(c, false);
    assert_plain_refused(c, "\x17\x03\x03\x00\x20", 5, ALERT_UNEXPECTED_MESSAGE);
    begin_second(c, false);
    assert_plain_refused(c, "\x15\x03\x03\x00\x02\x02\x0a", 7, REFUSAL_NO_ALERT);
    assert_int_equal(c->flight.refusal.reason, REFUSAL_client_alert);
    assert_string_equal(c->flight.refusal.text, "unexpected_message");
}

static void test_early_data_before_the_second_hello_are_skipped(void **state) {
    struct client_flight *c = *state;
    static uint8_t record[RECORD_SIZE_MAX] = {RECORD_APPLICATION_DATA, 3, 3, 0x41, 0x00};
    begin_second(c, true);
    size_t skipped = 0;
    for (; skipped + sizeof(record) <= FLIGHT_EARLY_DATA_MAX; skipped += sizeof(record)) {
        assert_taken(c, record, sizeof(record));
    }
    assert_plain_refused(c, record, sizeof(record), ALERT_UNEXPECTED_MESSAGE);
    begin_second(c, true);
    assert_taken(c, record, sizeof(record));
    assert_taken(c, ccs, sizeof(ccs));
    assert_taken(c, "\x17\x03\x03\x00\x01x", 6);
    record[4] = 1;
    assert_plain_refused(c, record, 5, ALERT_RECORD_OVERFLOW);
    record[4] = 0;
    // It is over when the hello begins.
    begin_second(c, true);
    (void)make_message(output, CLIENT_HELLO, 200, 100);
    assert_taken(c, output, 105);
    assert_plain_refused(c, record, 5, ALERT_UNEXPECTED_MESSAGE);
}

static void test_change_cipher_spec_is_dropped_but_not_endlessly(void **state) {
    struct client_flight *c = *state;
    begin_second(c, false);
    for (size_t i = 0; i < FLIGHT_IDLE_MAX; i++) {
        assert_taken(c, ccs, sizeof(ccs));
    }
    assert_plain_refused(c, ccs, sizeof(ccs), ALERT_UNEXPECTED_MESSAGE);
    for (int value = 0; value < 256; value++) {
        begin_second(c, false);
        const uint8_t record[] = {RECORD_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, (uint8_t)value};
        if (value == 1) {
            assert_taken(c, record, sizeof(record));
        } else {
            assert_plain_refused(c, record, sizeof(record), ALERT_UNEXPECTED_MESSAGE);
        }
    }
    begin_second(c, false);
    assert_plain_refused(c, "\x14\x03\x03\x00\x00", 5, ALERT_UNEXPECTED_MESSAGE);
    begin_second(c, false);
    assert_plain_refused(c, "\x14\x03\x03\x00\x02\x01\x01", 7, ALERT_UNEXPECTED_MESSAGE);
    begin_second(c, false);
    (void)make_message(output, CLIENT_HELLO, 200, 100);
    assert_taken(c, output, 105);
    assert_plain_refused(c, ccs, sizeof(ccs), ALERT_UNEXPECTED_MESSAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        FLIGHT_TEST(test_a_hello_in_records_of_any_size),
        FLIGHT_TEST(test_a_hello_byte_by_byte),
        FLIGHT_TEST(test_the_largest_hello),
        FLIGHT_TEST(test_bytes_behind_the_hello_in_its_record),
        FLIGHT_TEST(test_another_message_than_a_hello),
        FLIGHT_TEST(test_what_a_connection_begins_with),
        FLIGHT_TEST(test_records_between_the_pieces_of_a_hello),
        FLIGHT_TEST(test_the_hello_is_taken_and_something_else_fed),
        FLIGHT_TEST(test_a_second_hello),
        FLIGHT_TEST(test_early_data_before_the_second_hello_are_skipped),
        FLIGHT_TEST(test_change_cipher_spec_is_dropped_but_not_endlessly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
