// What a client sends under keys, up to its Finished: what is taken, what is refused, and with
// which alert.
#include "flight_lab.h"

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
    const struct CMUnitTest tests[] = {
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
