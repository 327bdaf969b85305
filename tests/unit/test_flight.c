// Everything a client sends up to its Finished: what is taken, what is refused, and with which
// alert.
#include "record_peer.h"
#include "tls/handshake/flight.h"

enum { CLIENT_HELLO = 1, CERTIFICATE = 11, CERTIFICATE_VERIFY = 15, FINISHED = 20 };

// A flight beside the fixture's client, which seals under f->sends.
struct client_flight {
    struct fixture f;
    struct flight flight;
    struct record_layer library; // opens what is fed to it
};

static int set_up(void **state) {
    struct client_flight *c = calloc(1, sizeof(*c));
    if (c == NULL) {
        return -1;
    }
    c->f.engine = record_engine_new();
    c->f.peer_engine = aead_engine_new(NULL);
    fixture_start(&c->f, SUITE_AES_128_GCM_SHA256, 0);
    flight_init(&c->flight);
    *state = c;
    return 0;
}

static int tear_down(void **state) {
    struct client_flight *c = *state;
    flight_free(&c->flight);
    record_engine_free(c->f.engine);
    record_engine_free(c->f.peer_engine);
    free(c);
    return 0;
}

static void restart(struct client_flight *c) {
    flight_free(&c->flight);
    flight_init(&c->flight);
    c->f.sends.sequence = 0;
}

// Reads a copy of exactly these bytes, so that AddressSanitizer sees a byte read past them.
static enum result feed(struct client_flight *c, const void *data, size_t size, size_t *used) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    assert_non_null(copy);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    enum result result = flight_read(&c->flight, c->f.engine, copy, size, used);
    assert_true(*used <= size);
    assert_int_equal(result == RESULT_ERROR, c->flight.refusal.reason != REFUSAL_NONE);
    free(copy);
    return result;
}

static void assert_refused_with(struct client_flight *c, enum result result, enum tls_alert alert) {
    assert_int_equal(result, RESULT_ERROR);
    if (c->flight.refusal.alert != alert) {
        fail_msg("%s (%s) instead of %s", alert_name(c->flight.refusal.alert),
                 c->flight.refusal.text, alert_name(alert));
    }
}

static void assert_plain_refused(struct client_flight *c, const void *data, size_t size,
                                 enum tls_alert alert) {
    size_t used;
    assert_refused_with(c, feed(c, data, size, &used), alert);
}

static void assert_taken(struct client_flight *c, const void *data, size_t size) {
    size_t used;
    assert_int_equal(feed(c, data, size, &used), RESULT_AGAIN);
    assert_int_equal(used, size);
}

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

static const uint8_t ccs[] = {RECORD_CHANGE_CIPHER_SPEC, 3, 3, 0, 1, 1};

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

// --- Under keys ---

static void protect(struct client_flight *c, uint16_t suite, bool certificate_asked) {
    restart(c);
    fixture_start(&c->f, suite, 0);
    c->flight.begun = true;
    assert_int_equal(flight_protect(&c->flight, suite, c->f.sends.secret, certificate_asked),
                     RESULT_OK);
    assert_int_equal(
        record_layer_init(&c->library, suite, c->f.sends.secret, c->f.sends.secret, 0, 0, 0),
        RESULT_OK);
}

static enum result send_sealed(struct client_flight *c, uint8_t type, const void *content,
                               size_t size, size_t padding) {
    size_t used;
    peer_seal(&c->f, type, content, size, padding);
    enum result result = feed(c, c->f.record, c->f.record_size, &used);
    assert_true(result == RESULT_ERROR || used == c->f.record_size);
    return result;
}

static void assert_sealed_refused(struct client_flight *c, uint8_t type, const void *content,
                                  size_t size, enum tls_alert alert) {
    assert_refused_with(c, send_sealed(c, type, content, size, 0), alert);
}

// The library gets exactly these bytes, in records it can open.
static void assert_fed(struct client_flight *c, const uint8_t *expected, size_t size) {
    struct buffer *fed = &c->flight.feed;
    while (size > 0) {
        uint8_t *record = buffer_bytes(fed), type, *content;
        size_t content_size, record_size = 5 + ((size_t)record[3] << 8 | record[4]);
        assert_int_equal(record_reveal(&c->library, c->f.engine, record, record_size, &type,
                                       &content, &content_size),
                         RESULT_OK);
        assert_int_equal(type, RECORD_HANDSHAKE);
        assert_in_range(content_size, 1, size);
        assert_memory_equal(content, expected, content_size);
        expected += content_size;
        size -= content_size;
        buffer_take(fed, record_size);
    }
    assert_int_equal(buffer_size(fed), 0);
}

static const uint8_t finished[4 + 32] = {FINISHED, 0, 0, 32, 'p', 'r', 'o', 'o', 'f'};

static void test_finished_in_records_of_any_size(void **state) {
    struct client_flight *c = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        uint8_t message[4 + 48] = {FINISHED, 0, 0, (uint8_t)aead_hash_size(suites[s]), 1, 2, 3};
        size_t size = 4 + message[3];
        for (size_t fragment = 1; fragment <= size; fragment++) {
            protect(c, suites[s], false);
            size_t at = 0;
            for (; at + fragment < size; at += fragment) {
                assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, message + at, fragment, at % 5),
                                 RESULT_AGAIN);
                assert_int_equal(buffer_size(&c->flight.feed), 0);
            }
            assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, message + at, size - at, 0),
                             RESULT_OK);
            assert_int_equal(c->flight.state, FLIGHT_DONE);
            assert_fed(c, message, size);
        }
    }
}

static void test_records_come_byte_by_byte_and_what_follows_is_left(void **state) {
    struct client_flight *c = *state;
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    size_t used;
    peer_seal(&c->f, RECORD_HANDSHAKE, finished, sizeof(finished), 0);
    for (size_t size = 0; size < c->f.record_size; size++) {
        assert_int_equal(feed(c, c->f.record, size, &used), RESULT_AGAIN);
        assert_int_equal(used, 0);
    }
    uint8_t more[200];
    memcpy(more, ccs, sizeof(ccs));
    memcpy(more + sizeof(ccs), c->f.record, c->f.record_size);
    static const uint8_t rest[9] = {RECORD_APPLICATION_DATA, 3, 3, 0, 80, 'r', 'e', 's', 't'};
    memcpy(more + sizeof(ccs) + c->f.record_size, rest, sizeof(rest));
    assert_int_equal(feed(c, more, sizeof(ccs) + c->f.record_size + 9, &used), RESULT_OK);
    assert_int_equal(used, sizeof(ccs) + c->f.record_size);
    assert_fed(c, finished, sizeof(finished));
}

static void test_finished_ends_its_record_and_has_its_size(void **state) {
    struct client_flight *c = *state;
    uint8_t message[100] = {0};
    memcpy(message, finished, sizeof(finished));
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_sealed_refused(c, RECORD_HANDSHAKE, message, sizeof(finished) + 1,
                          ALERT_UNEXPECTED_MESSAGE);
    for (uint8_t size = 0; size < 100; size++) {
        if (size != 32) {
            message[3] = size;
            protect(c, SUITE_AES_128_GCM_SHA256, false);
            assert_sealed_refused(c, RECORD_HANDSHAKE, message, 4, ALERT_DECODE_ERROR);
        }
    }
}

static void test_only_finished_is_asked_for(void **state) {
    struct client_flight *c = *state;
    for (int type = 0; type < 256; type++) {
        protect(c, SUITE_AES_128_GCM_SHA256, false);
        uint8_t first = (uint8_t)type;
        if (type == FINISHED) {
            assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, &first, 1, 0), RESULT_AGAIN);
        } else {
            assert_sealed_refused(c, RECORD_HANDSHAKE, &first, 1, ALERT_UNEXPECTED_MESSAGE);
        }
    }
}

static void test_the_order_of_messages_when_a_certificate_is_asked_for(void **state) {
    struct client_flight *c = *state;
    static const uint8_t certificate[] = {CERTIFICATE, 0, 0, 10, 0, 0, 0, 6, 0, 0, 1, 'c', 0, 0};
    static const uint8_t no_certificate[] = {CERTIFICATE, 0, 0, 4, 0, 0, 0, 0};
    static const uint8_t verify[] = {CERTIFICATE_VERIFY, 0, 0, 5, 8, 4, 0, 1, 'x'};
    uint8_t all[sizeof(certificate) + sizeof(verify) + sizeof(finished)];
    memcpy(all, certificate, sizeof(certificate));
    memcpy(all + sizeof(certificate), verify, sizeof(verify));
    memcpy(all + sizeof(certificate) + sizeof(verify), finished, sizeof(finished));
    // All in one record, or cut anywhere.
    for (size_t cut = 0; cut < sizeof(all); cut++) {
        protect(c, SUITE_AES_128_GCM_SHA256, true);
        if (cut > 0) {
            assert_true(send_sealed(c, RECORD_HANDSHAKE, all, cut, 0) != RESULT_ERROR);
        }
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, all + cut, sizeof(all) - cut, 0),
                         RESULT_OK);
        assert_int_equal(c->flight.state, FLIGHT_DONE);
        assert_fed(c, all, sizeof(all));
    }
    // Where there is none, nothing can be proven; one that is there must be.
    for (int proven = 0; proven < 2; proven++) {
        protect(c, SUITE_AES_128_GCM_SHA256, true);
        assert_int_equal(
            send_sealed(c, RECORD_HANDSHAKE, no_certificate, sizeof(no_certificate), 0), RESULT_OK);
        if (proven != 0) {
            assert_sealed_refused(c, RECORD_HANDSHAKE, verify, sizeof(verify),
                                  ALERT_UNEXPECTED_MESSAGE);
            continue;
        }
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, sizeof(finished), 0),
                         RESULT_OK);
    }
    protect(c, SUITE_AES_128_GCM_SHA256, true);
    assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, certificate, sizeof(certificate), 0),
                     RESULT_OK);
    assert_sealed_refused(c, RECORD_HANDSHAKE, finished, sizeof(finished),
                          ALERT_UNEXPECTED_MESSAGE);
    protect(c, SUITE_AES_128_GCM_SHA256, true);
    assert_sealed_refused(c, RECORD_HANDSHAKE, finished, sizeof(finished),
                          ALERT_UNEXPECTED_MESSAGE);
    protect(c, SUITE_AES_128_GCM_SHA256, true);
    assert_sealed_refused(c, RECORD_HANDSHAKE, verify, sizeof(verify), ALERT_UNEXPECTED_MESSAGE);
    for (int twice = 0; twice < 2; twice++) {
        protect(c, SUITE_AES_128_GCM_SHA256, true);
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, certificate, sizeof(certificate), 0),
                         RESULT_OK);
        if (twice == 0) {
            assert_sealed_refused(c, RECORD_HANDSHAKE, certificate, sizeof(certificate),
                                  ALERT_UNEXPECTED_MESSAGE);
            continue;
        }
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, verify, sizeof(verify), 0), RESULT_OK);
        assert_sealed_refused(c, RECORD_HANDSHAKE, verify, sizeof(verify),
                              ALERT_UNEXPECTED_MESSAGE);
    }
}

static void test_a_large_certificate(void **state) {
    struct client_flight *c = *state;
    static uint8_t certificate[4 + FLIGHT_MESSAGE_MAX];
    memset(certificate, 24, sizeof(certificate)); // pieces that look like a KeyUpdate
    memcpy(certificate, (const uint8_t[]){CERTIFICATE, 1, 0, 0}, 4);
    protect(c, SUITE_AES_128_GCM_SHA256, true);
    for (size_t at = 0; at < sizeof(certificate); at += 16000) {
        size_t part = sizeof(certificate) - at < 16000 ? sizeof(certificate) - at : 16000;
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, certificate + at, part, 0),
                         at + part < sizeof(certificate) ? RESULT_AGAIN : RESULT_OK);
    }
    assert_fed(c, certificate, sizeof(certificate));
    protect(c, SUITE_AES_128_GCM_SHA256, true);
    assert_sealed_refused(c, RECORD_HANDSHAKE, "\x0b\x01\x00\x01", 4, ALERT_DECODE_ERROR);
}

static void test_what_else_may_not_be_inside(void **state) {
    struct client_flight *c = *state;
    static const uint8_t zeros[100];
    for (int type = 0; type < 256; type++) {
        if (type == RECORD_HANDSHAKE || type == RECORD_ALERT) {
            continue;
        }
        protect(c, SUITE_AES_128_GCM_SHA256, false);
        assert_sealed_refused(c, (uint8_t)type, "\x01", type == 0 ? 0 : 1,
                              ALERT_UNEXPECTED_MESSAGE);
    }
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_sealed_refused(c, RECORD_HANDSHAKE, "", 0, ALERT_UNEXPECTED_MESSAGE);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_sealed_refused(c, RECORD_ALERT, "", 0, ALERT_UNEXPECTED_MESSAGE);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_sealed_refused(c, RECORD_ALERT, "\x02", 1, ALERT_DECODE_ERROR);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_sealed_refused(c, RECORD_ALERT, "\x02\x28\x02\x28", 4, ALERT_DECODE_ERROR);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    size_t used;
    peer_seal_inner(&c->f, zeros, sizeof(zeros));
    assert_refused_with(c, feed(c, c->f.record, c->f.record_size, &used), ALERT_UNEXPECTED_MESSAGE);
}

static void test_alerts_of_the_client(void **state) {
    struct client_flight *c = *state;
    for (int description = 0; description < 256; description++) {
        protect(c, SUITE_AES_128_GCM_SHA256, false);
        const uint8_t body[] = {1, (uint8_t)description};
        enum result result = send_sealed(c, RECORD_ALERT, body, 2, 0);
        if (description == ALERT_USER_CANCELED) {
            assert_int_equal(result, RESULT_AGAIN);
            continue;
        }
        assert_refused_with(c, result, REFUSAL_NO_ALERT);
        assert_int_equal(c->flight.refusal.reason, description == ALERT_CLOSE_NOTIFY
                                                       ? REFUSAL_client_left
                                                       : REFUSAL_client_alert);
    }
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    for (size_t i = 0; i < FLIGHT_IDLE_MAX; i++) {
        assert_int_equal(send_sealed(c, RECORD_ALERT, "\x01\x5a", 2, 0), RESULT_AGAIN);
    }
    assert_sealed_refused(c, RECORD_ALERT, "\x01\x5a", 2, ALERT_UNEXPECTED_MESSAGE);
}

static void test_records_between_the_pieces_of_finished(void **state) {
    struct client_flight *c = *state;
    for (int i = 0; i < 4; i++) {
        protect(c, SUITE_AES_128_GCM_SHA256, false);
        assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, 10, 0), RESULT_AGAIN);
        switch (i) {
        case 0:
            assert_plain_refused(c, ccs, sizeof(ccs), ALERT_UNEXPECTED_MESSAGE);
            break;
        case 1:
            assert_sealed_refused(c, RECORD_ALERT, "\x01\x5a", 2, ALERT_UNEXPECTED_MESSAGE);
            break;
        case 2:
            assert_sealed_refused(c, RECORD_APPLICATION_DATA, "x", 1, ALERT_UNEXPECTED_MESSAGE);
            break;
        default:
            assert_sealed_refused(c, RECORD_ALERT, "\x02\x28", 2, REFUSAL_NO_ALERT);
            break;
        }
    }
}

static void test_records_in_the_clear(void **state) {
    struct client_flight *c = *state;
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_plain_refused(c, "\x16\x03\x03\x00\x24", 5, ALERT_UNEXPECTED_MESSAGE);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_plain_refused(c, "\x18\x03\x03\x00\x24", 5, ALERT_UNEXPECTED_MESSAGE);
    // The client may not have its keys, as long as it did not use them.
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_plain_refused(c, "\x15\x03\x03\x00\x02\x02\x2f", 7, REFUSAL_NO_ALERT);
    assert_int_equal(c->flight.refusal.reason, REFUSAL_client_alert);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, 10, 0), RESULT_AGAIN);
    assert_plain_refused(c, "\x15\x03\x03\x00\x02\x02\x2f", 7, ALERT_UNEXPECTED_MESSAGE);
}

static void test_records_that_do_not_open(void **state) {
    struct client_flight *c = *state;
    size_t used;
    for (size_t at = 0; at < 30; at++) {
        protect(c, SUITE_AES_128_GCM_SHA256, false);
        peer_seal(&c->f, RECORD_HANDSHAKE, finished, sizeof(finished), 0);
        c->f.record[RECORD_HEADER_SIZE + at] ^= 0x10;
        assert_refused_with(c, feed(c, c->f.record, c->f.record_size, &used), ALERT_BAD_RECORD_MAC);
    }
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_plain_refused(c, "\x17\x03\x03\x00\x00", 5, ALERT_BAD_RECORD_MAC);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_plain_refused(c, "\x17\x03\x03\x41\x01", 5, ALERT_RECORD_OVERFLOW);
    // The longest that opens, and one that is too long inside.
    static uint8_t content[RECORD_PAYLOAD_MAX];
    memcpy(content, finished, sizeof(finished));
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, sizeof(finished),
                                 RECORD_PAYLOAD_MAX - sizeof(finished)),
                     RESULT_OK);
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    assert_refused_with(c,
                        send_sealed(c, RECORD_HANDSHAKE, finished, sizeof(finished),
                                    RECORD_PAYLOAD_MAX - sizeof(finished) + 1),
                        ALERT_RECORD_OVERFLOW);
}

static void test_early_data_are_skipped_until_a_record_opens(void **state) {
    struct client_flight *c = *state;
    static uint8_t garbage[1005] = {RECORD_APPLICATION_DATA, 3, 3, 0x03, 0xe8};
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    flight_skip_early_data(&c->flight);
    size_t skipped = 0;
    for (; skipped + sizeof(garbage) <= FLIGHT_EARLY_DATA_MAX; skipped += sizeof(garbage)) {
        assert_taken(c, garbage, sizeof(garbage));
    }
    assert_taken(c, ccs, sizeof(ccs));
    assert_plain_refused(c, garbage, sizeof(garbage), ALERT_UNEXPECTED_MESSAGE);
    // Finished after some:
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    flight_skip_early_data(&c->flight);
    assert_taken(c, garbage, sizeof(garbage));
    assert_taken(c, "\x17\x03\x03\x00\x01x", 6);
    assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, sizeof(finished), 0), RESULT_OK);
    assert_fed(c, finished, sizeof(finished));
    // No garbage after a record that opened.
    protect(c, SUITE_AES_128_GCM_SHA256, false);
    flight_skip_early_data(&c->flight);
    assert_int_equal(send_sealed(c, RECORD_HANDSHAKE, finished, 10, 0), RESULT_AGAIN);
    assert_plain_refused(c, garbage, sizeof(garbage), ALERT_BAD_RECORD_MAC);
}

static void test_an_unknown_suite(void **state) {
    struct client_flight *c = *state;
    assert_int_equal(flight_protect(&c->flight, 0x1304, c->f.sends.secret, false), RESULT_ERROR);
}

int main(void) {
#define FLIGHT_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
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
        FLIGHT_TEST(test_finished_in_records_of_any_size),
        FLIGHT_TEST(test_records_come_byte_by_byte_and_what_follows_is_left),
        FLIGHT_TEST(test_finished_ends_its_record_and_has_its_size),
        FLIGHT_TEST(test_only_finished_is_asked_for),
        FLIGHT_TEST(test_the_order_of_messages_when_a_certificate_is_asked_for),
        FLIGHT_TEST(test_a_large_certificate),
        FLIGHT_TEST(test_what_else_may_not_be_inside),
        FLIGHT_TEST(test_alerts_of_the_client),
        FLIGHT_TEST(test_records_between_the_pieces_of_finished),
        FLIGHT_TEST(test_records_in_the_clear),
        FLIGHT_TEST(test_records_that_do_not_open),
        FLIGHT_TEST(test_early_data_are_skipped_until_a_record_opens),
        FLIGHT_TEST(test_an_unknown_suite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
