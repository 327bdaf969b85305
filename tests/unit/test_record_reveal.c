// What the handshake asks of the record layer: opening without judging, and sealing pieces.
#include "record_peer.h"

static enum result reveal(struct fixture *f, uint8_t *type) {
    f->payload = NULL;
    f->payload_size = 0;
    return record_reveal(&f->layer, f->engine, f->record, f->record_size, type, &f->payload,
                         &f->payload_size);
}

static void test_content_of_any_type_is_told(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        for (int type = 1; type < 256; type++) {
            uint8_t found = 0;
            peer_seal(f, (uint8_t)type, "content", 7, (size_t)type % 3);
            assert_int_equal(reveal(f, &found), RESULT_OK);
            assert_int_equal(found, type);
            assert_int_equal(f->payload_size, 7);
            assert_memory_equal(f->payload, "content", 7);
        }
        assert_int_equal(f->layer.read.sequence, 255);
    }
}

static void test_no_content_and_no_type(void **state) {
    struct fixture *f = *state;
    uint8_t type = 99;
    peer_seal(f, RECORD_HANDSHAKE, NULL, 0, 100);
    assert_int_equal(reveal(f, &type), RESULT_OK);
    assert_int_equal(type, RECORD_HANDSHAKE);
    assert_int_equal(f->payload_size, 0);
    static const uint8_t zeros[100];
    for (size_t size = 0; size <= sizeof(zeros); size += 50) {
        peer_seal_inner(f, zeros, size);
        type = 99;
        assert_int_equal(reveal(f, &type), RESULT_OK);
        assert_int_equal(type, 0);
        assert_int_equal(f->payload_size, 0);
    }
}

static void test_what_is_not_authentic_changes_nothing(void **state) {
    struct fixture *f = *state;
    uint8_t type = 0;
    static const uint8_t zeros[RECORD_TAG_SIZE];
    for (size_t i = 0; i < 5; i++) {
        peer_seal(f, RECORD_HANDSHAKE, "content", 7, 0);
        f->sends.sequence--;
        f->record[RECORD_HEADER_SIZE + 5 * i] ^= 1;
        assert_int_equal(reveal(f, &type), RESULT_EOF);
        assert_false(f->layer.failed);
        assert_int_equal(f->layer.read.sequence, 0);
        // Nothing is left to read where the content was.
        assert_memory_equal(f->record + RECORD_HEADER_SIZE, zeros, 8);
    }
    f->record_size = RECORD_HEADER_SIZE + RECORD_TAG_SIZE - 1; // too short for a tag
    assert_int_equal(reveal(f, &type), RESULT_EOF);
    peer_seal(f, RECORD_HANDSHAKE, "content", 7, 0);
    assert_int_equal(reveal(f, &type), RESULT_OK);
    assert_int_equal(f->layer.read.sequence, 1);
}

static void test_an_inner_plaintext_over_the_maximum(void **state) {
    struct fixture *f = *state;
    static uint8_t content[RECORD_PAYLOAD_MAX + 1];
    uint8_t type = 0;
    peer_seal(f, RECORD_HANDSHAKE, content, RECORD_PAYLOAD_MAX, 0);
    assert_int_equal(reveal(f, &type), RESULT_OK);
    assert_int_equal(f->payload_size, RECORD_PAYLOAD_MAX);
    peer_seal(f, RECORD_HANDSHAKE, content, RECORD_PAYLOAD_MAX, 1);
    assert_int_equal(reveal(f, &type), RESULT_ERROR);
    assert_int_equal(f->layer.alert, ALERT_RECORD_OVERFLOW);
}

static void test_a_piece_may_begin_with_any_byte(void **state) {
    struct fixture *f = *state;
    uint8_t record[RECORD_OVERHEAD + 8], *payload = record + RECORD_HEADER_SIZE, *content;
    size_t content_size;
    for (int first = 0; first < 256; first++) {
        memset(payload, first, 8);
        assert_int_equal(record_seal_piece(&f->layer, f->engine, payload, 8, record, payload + 9),
                         RESULT_OK);
        assert_int_equal(peer_open(f, record, sizeof(record), &content, &content_size),
                         RECORD_HANDSHAKE);
        assert_int_equal(content_size, 8);
        assert_int_equal(content[7], first);
    }
    assert_int_equal(record_seal_piece(&f->layer, f->engine, payload, 0, record, payload + 1),
                     RESULT_ERROR);
    assert_int_equal(
        record_seal_piece(&f->layer, f->engine, payload, RECORD_PAYLOAD_MAX + 1, record, payload),
        RESULT_ERROR);
    assert_int_equal(f->layer.write.sequence, 256);
}

static void test_both_directions_may_have_one_secret(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        uint8_t copy[RECORD_SECRET_MAX];
        memcpy(copy, f->sends.secret, sizeof(copy));
        struct record_layer same, apart;
        assert_int_equal(
            record_layer_init(&same, suites[s], f->sends.secret, f->sends.secret, 3, 5, 0),
            RESULT_OK);
        assert_int_equal(record_layer_init(&apart, suites[s], f->sends.secret, copy, 3, 5, 0),
                         RESULT_OK);
        assert_memory_equal(same.write.key, apart.write.key, sizeof(apart.write.key));
        assert_memory_equal(same.write.iv, apart.write.iv, sizeof(apart.write.iv));
        assert_memory_equal(same.write.secret, apart.write.secret, sizeof(apart.write.secret));
        assert_int_equal(same.read.sequence, 3);
        assert_int_equal(same.write.sequence, 5);
    }
}

static void test_keys_that_are_known_need_not_be_derived(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        struct record_layer derived, given;
        assert_int_equal(
            record_layer_init(&derived, suites[s], f->sends.secret, f->receives.secret, 3, 5, 7),
            RESULT_OK);
        const struct record_keys read = {f->sends.secret, derived.read.key, derived.read.iv};
        const struct record_keys write = {f->receives.secret, derived.write.key, derived.write.iv};
        assert_int_equal(record_layer_init_with_keys(&given, suites[s], &read, &write, 3, 5, 7),
                         RESULT_OK);
        assert_memory_equal(&given, &derived, sizeof(given));
        assert_int_equal(record_layer_init_with_keys(&given, 0x1304, &read, &write, 0, 0, 0),
                         RESULT_ERROR);
        assert_true(given.failed && given.closed_write);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_content_of_any_type_is_told),
        RECORD_TEST(test_no_content_and_no_type),
        RECORD_TEST(test_what_is_not_authentic_changes_nothing),
        RECORD_TEST(test_an_inner_plaintext_over_the_maximum),
        RECORD_TEST(test_a_piece_may_begin_with_any_byte),
        RECORD_TEST(test_both_directions_may_have_one_secret),
        RECORD_TEST(test_keys_that_are_known_need_not_be_derived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
