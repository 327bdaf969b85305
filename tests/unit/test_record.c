// The record layer with application data: keys, sealing, opening, sizes, limits. What alerts and
// KeyUpdates do is tested in test_record_control.c.
#include "record_peer.h"

// --- RFC 8448 section 3, a simple 1-RTT handshake ---

static const uint8_t client_secret[32] = {
    0x9e, 0x40, 0x64, 0x6c, 0xe7, 0x9a, 0x7f, 0x9d, 0xc0, 0x5a, 0xf8, 0x88, 0x9b, 0xce, 0x65, 0x52,
    0x87, 0x5a, 0xfa, 0x0b, 0x06, 0xdf, 0x00, 0x87, 0xf7, 0x92, 0xeb, 0xb7, 0xc1, 0x75, 0x04, 0xa5};
static const uint8_t server_secret[32] = {
    0xa1, 0x1a, 0xf9, 0xf0, 0x55, 0x31, 0xf8, 0x56, 0xad, 0x47, 0x11, 0x6b, 0x45, 0xa9, 0x50, 0x32,
    0x82, 0x04, 0xb4, 0xf4, 0x4b, 0xfb, 0x6b, 0x3a, 0x4b, 0x4f, 0x1f, 0x3f, 0xcb, 0x63, 0x16, 0x43};
static const uint8_t client_key[16] = {0x17, 0x42, 0x2d, 0xda, 0x59, 0x6e, 0xd5, 0xd9,
                                       0xac, 0xd8, 0x90, 0xe3, 0xc6, 0x3f, 0x50, 0x51};
static const uint8_t client_iv[12] = {0x5b, 0x78, 0x92, 0x3d, 0xee, 0x08,
                                      0x57, 0x90, 0x33, 0xe5, 0x23, 0xd9};
static const uint8_t server_key[16] = {0x9f, 0x02, 0x28, 0x3b, 0x6c, 0x9c, 0x07, 0xef,
                                       0xc2, 0x6b, 0xb9, 0xf2, 0xac, 0x92, 0xe3, 0x56};
static const uint8_t server_iv[12] = {0xcf, 0x78, 0x2b, 0x88, 0xdd, 0x83,
                                      0x54, 0x9a, 0xad, 0xf1, 0xe9, 0x84};
static const uint8_t client_data[72] = {
    0x17, 0x03, 0x03, 0x00, 0x43, 0xa2, 0x3f, 0x70, 0x54, 0xb6, 0x2c, 0x94, 0xd0, 0xaf, 0xfa,
    0xfe, 0x82, 0x28, 0xba, 0x55, 0xcb, 0xef, 0xac, 0xea, 0x42, 0xf9, 0x14, 0xaa, 0x66, 0xbc,
    0xab, 0x3f, 0x2b, 0x98, 0x19, 0xa8, 0xa5, 0xb4, 0x6b, 0x39, 0x5b, 0xd5, 0x4a, 0x9a, 0x20,
    0x44, 0x1e, 0x2b, 0x62, 0x97, 0x4e, 0x1f, 0x5a, 0x62, 0x92, 0xa2, 0x97, 0x70, 0x14, 0xbd,
    0x1e, 0x3d, 0xea, 0xe6, 0x3a, 0xee, 0xbb, 0x21, 0x69, 0x49, 0x15, 0xe4};
static const uint8_t server_data[72] = {
    0x17, 0x03, 0x03, 0x00, 0x43, 0x2e, 0x93, 0x7e, 0x11, 0xef, 0x4a, 0xc7, 0x40, 0xe5, 0x38,
    0xad, 0x36, 0x00, 0x5f, 0xc4, 0xa4, 0x69, 0x32, 0xfc, 0x32, 0x25, 0xd0, 0x5f, 0x82, 0xaa,
    0x1b, 0x36, 0xe3, 0x0e, 0xfa, 0xf9, 0x7d, 0x90, 0xe6, 0xdf, 0xfc, 0x60, 0x2d, 0xcb, 0x50,
    0x1a, 0x59, 0xa8, 0xfc, 0xc4, 0x9c, 0x4b, 0xf2, 0xe5, 0xf0, 0xa2, 0x1c, 0x00, 0x47, 0xc2,
    0xab, 0xf3, 0x32, 0x54, 0x0d, 0xd0, 0x32, 0xe1, 0x67, 0xc2, 0x95, 0x5d};
static const uint8_t client_alert[24] = {0x17, 0x03, 0x03, 0x00, 0x13, 0xc9, 0x87, 0x27,
                                         0x60, 0x65, 0x56, 0x66, 0xb7, 0x4d, 0x7f, 0xf1,
                                         0x15, 0x3e, 0xfd, 0x6d, 0xb6, 0xd0, 0xb0, 0xe3};
static const uint8_t server_alert[24] = {0x17, 0x03, 0x03, 0x00, 0x13, 0xb5, 0x8f, 0xd6,
                                         0x71, 0x66, 0xeb, 0xf5, 0x99, 0xd2, 0x47, 0x20,
                                         0xcf, 0xbe, 0x7e, 0xfa, 0x7a, 0x88, 0x64, 0xa9};

static void start_rfc8448(struct fixture *f) {
    // The server's record 0 was a session ticket.
    assert_int_equal(record_layer_init(&f->layer, SUITE_AES_128_GCM_SHA256, client_secret,
                                       server_secret, 0, 1, 0),
                     RESULT_OK);
}

static enum result open_copy(struct fixture *f, const uint8_t *record, size_t size) {
    memcpy(f->record, record, size);
    f->record_size = size;
    return layer_open(f);
}

static void test_rfc8448_keys(void **state) {
    struct fixture *f = *state;
    start_rfc8448(f);
    assert_memory_equal(f->layer.read.key, client_key, sizeof(client_key));
    assert_memory_equal(f->layer.read.iv, client_iv, sizeof(client_iv));
    assert_memory_equal(f->layer.write.key, server_key, sizeof(server_key));
    assert_memory_equal(f->layer.write.iv, server_iv, sizeof(server_iv));
}

static void test_rfc8448_records_are_opened(void **state) {
    struct fixture *f = *state;
    start_rfc8448(f);
    assert_int_equal(open_copy(f, client_data, sizeof(client_data)), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_DATA);
    assert_ptr_equal(f->payload, f->record + RECORD_HEADER_SIZE);
    assert_int_equal(f->payload_size, 50);
    for (size_t i = 0; i < f->payload_size; i++) {
        assert_int_equal(f->payload[i], i);
    }
    assert_int_equal(open_copy(f, client_alert, sizeof(client_alert)), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_CLOSED);
}

static void test_rfc8448_records_are_sealed(void **state) {
    struct fixture *f = *state;
    start_rfc8448(f);
    uint8_t record[sizeof(server_data)], alert[RECORD_ALERT_SIZE];
    uint8_t *payload = record + RECORD_HEADER_SIZE;
    for (size_t i = 0; i < 50; i++) {
        payload[i] = (uint8_t)i;
    }
    assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, 50, record,
                                 payload + 51),
                     RESULT_OK);
    assert_memory_equal(record, server_data, sizeof(server_data));
    assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_CLOSE_NOTIFY, alert), RESULT_OK);
    assert_memory_equal(alert, server_alert, sizeof(server_alert));
}

// --- Sealing and opening ---

static const size_t sizes[] = {0,    1,    2,    3,    15,   16,    17,    31,
                               63,   64,   65,   255,  256,  1399,  1400,  1401,
                               4095, 4096, 8191, 8192, 8193, 16382, 16383, 16384};
#define SIZE_COUNT (sizeof(sizes) / sizeof(sizes[0]))

static void fill(uint8_t *data, size_t size, size_t seed) {
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(i * 31 + (i >> 8) + seed);
    }
}

static void test_sealed_records_are_what_the_client_expects(void **state) {
    struct fixture *f = *state;
    uint8_t *copy = malloc(RECORD_PAYLOAD_MAX);
    assert_non_null(copy);
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            uint8_t *payload = f->record + RECORD_HEADER_SIZE, *content;
            size_t content_size;
            fill(copy, sizes[i], i);
            memcpy(payload, copy, sizes[i]);
            payload[sizes[i] + RECORD_TAIL_SIZE] = 0x5a; // the byte after the record
            assert_int_equal(f->layer.write.sequence, i);
            assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload,
                                         sizes[i], f->record, payload + sizes[i] + 1),
                             RESULT_OK);
            assert_int_equal(payload[sizes[i] + RECORD_TAIL_SIZE], 0x5a);
            assert_int_equal(
                peer_open(f, f->record, sizes[i] + RECORD_OVERHEAD, &content, &content_size),
                RECORD_APPLICATION_DATA);
            assert_int_equal(content_size, sizes[i]);
            assert_memory_equal(content, copy, sizes[i]);
        }
    }
    free(copy);
}

static void test_records_of_every_size_are_opened_in_place(void **state) {
    struct fixture *f = *state;
    uint8_t *copy = malloc(RECORD_PAYLOAD_MAX);
    assert_non_null(copy);
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        for (size_t i = 0; i < SIZE_COUNT; i++) {
            fill(copy, sizes[i], i);
            assert_int_equal(receive(f, RECORD_APPLICATION_DATA, copy, sizes[i]), RESULT_OK);
            assert_int_equal(f->event, sizes[i] == 0 ? RECORD_EVENT_NONE : RECORD_EVENT_DATA);
            assert_int_equal(f->payload_size, sizes[i]);
            assert_ptr_equal(f->payload, sizes[i] == 0 ? NULL : f->record + RECORD_HEADER_SIZE);
            assert_memory_equal(f->record + RECORD_HEADER_SIZE, copy, sizes[i]);
            assert_int_equal(f->layer.read.sequence, i + 1);
        }
    }
    free(copy);
}

// The head of a message and its first body bytes may lie apart from where header and tag go.
static void test_header_and_tag_may_lie_elsewhere(void **state) {
    struct fixture *f = *state;
    uint8_t payload[6] = "hello", header[RECORD_HEADER_SIZE], tag[RECORD_TAG_SIZE], *content;
    size_t content_size;
    assert_int_equal(
        record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, 5, header, tag),
        RESULT_OK);
    memcpy(f->record, header, sizeof(header));
    memcpy(f->record + sizeof(header), payload, sizeof(payload));
    memcpy(f->record + sizeof(header) + sizeof(payload), tag, sizeof(tag));
    assert_int_equal(peer_open(f, f->record, 5 + RECORD_OVERHEAD, &content, &content_size),
                     RECORD_APPLICATION_DATA);
    assert_int_equal(content_size, 5);
    assert_memory_equal(content, "hello", 5);
}

static void test_a_message_can_be_sealed_but_no_alert_and_no_key_update(void **state) {
    struct fixture *f = *state;
    uint8_t record[RECORD_OVERHEAD + 8] = {0}, *payload = record + RECORD_HEADER_SIZE, *content;
    size_t content_size;
    const enum record_type refused[] = {RECORD_ALERT, RECORD_CHANGE_CIPHER_SPEC, 0, 24, 255};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_int_equal(
            record_seal(&f->layer, f->engine, refused[i], payload, 4, record, payload + 5),
            RESULT_ERROR);
    }
    payload[0] = 24; // KeyUpdate
    assert_int_equal(
        record_seal(&f->layer, f->engine, RECORD_HANDSHAKE, payload, 5, record, payload + 6),
        RESULT_ERROR);
    payload[0] = 4; // NewSessionTicket
    assert_int_equal(
        record_seal(&f->layer, f->engine, RECORD_HANDSHAKE, payload, 0, record, payload + 1),
        RESULT_ERROR);
    assert_int_equal(f->layer.write.sequence, 0);
    assert_int_equal(
        record_seal(&f->layer, f->engine, RECORD_HANDSHAKE, payload, 4, record, payload + 5),
        RESULT_OK);
    assert_int_equal(peer_open(f, record, 4 + RECORD_OVERHEAD, &content, &content_size),
                     RECORD_HANDSHAKE);
}

static void test_a_payload_over_the_maximum_is_not_sealed(void **state) {
    struct fixture *f = *state;
    uint8_t *payload = f->record + RECORD_HEADER_SIZE;
    assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload,
                                 RECORD_PAYLOAD_MAX + 1, f->record, payload),
                     RESULT_ERROR);
    assert_int_equal(f->layer.write.sequence, 0);
    assert_false(f->layer.failed);
}

static void test_records_out_of_order_are_refused(void **state) {
    struct fixture *f = *state;
    uint8_t first[RECORD_OVERHEAD + 3];
    peer_seal(f, RECORD_APPLICATION_DATA, "one", 3, 0);
    memcpy(first, f->record, sizeof(first));
    assert_int_equal(layer_open(f), RESULT_OK);
    assert_receives(f, "two");
    // Again the first one.
    assert_refused(f, open_copy(f, first, sizeof(first)), ALERT_BAD_RECORD_MAC);
}

static void test_a_record_of_the_other_direction_is_refused(void **state) {
    struct fixture *f = *state;
    uint8_t *payload = f->record + RECORD_HEADER_SIZE;
    assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, 3,
                                 f->record, payload + 4),
                     RESULT_OK);
    f->record_size = RECORD_OVERHEAD + 3;
    assert_refused(f, layer_open(f), ALERT_BAD_RECORD_MAC);
}

// --- Damage ---

static void test_every_flipped_bit_is_noticed(void **state) {
    struct fixture *f = *state;
    uint8_t intact[RECORD_OVERHEAD + 4];
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        peer_seal(f, RECORD_APPLICATION_DATA, "data", 4, 0);
        memcpy(intact, f->record, sizeof(intact));
        const struct record_layer before = f->layer;
        for (size_t bit = 0; bit < 8 * sizeof(intact); bit++) {
            f->layer = before;
            memcpy(f->record, intact, sizeof(intact));
            f->record[bit / 8] ^= (uint8_t)(1 << bit % 8);
            enum result result = layer_open(f);
            assert_int_equal(result, RESULT_ERROR);
            assert_null(f->payload);
            assert_true(f->layer.failed);
            if (bit / 8 == 0) {
                assert_int_equal(f->layer.alert, ALERT_UNEXPECTED_MESSAGE);
            } else if (bit / 8 != 3 && bit / 8 != 4) { // another length is another record
                assert_int_equal(f->layer.alert, ALERT_BAD_RECORD_MAC);
            }
        }
        f->layer = before;
        assert_int_equal(open_copy(f, intact, sizeof(intact)), RESULT_OK);
    }
}

static void test_nothing_of_a_damaged_record_is_left_to_read(void **state) {
    struct fixture *f = *state;
    static const uint8_t zeros[1000];
    uint8_t secret[sizeof(zeros)];
    memset(secret, 0x42, sizeof(secret));
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        peer_seal(f, RECORD_APPLICATION_DATA, secret, sizeof(secret), 0);
        f->record[f->record_size - 1] ^= 0x80;
        assert_int_equal(layer_open(f), RESULT_ERROR);
        assert_memory_equal(f->record + RECORD_HEADER_SIZE, zeros, sizeof(zeros));
    }
}

// 5.1: legacy_record_version is ignored; but it is authenticated, so it cannot be changed on the
// way.
static void test_another_version_of_the_peer_is_ignored(void **state) {
    struct fixture *f = *state;
    uint8_t nonce[AEAD_NONCE_SIZE], *body = f->record + RECORD_HEADER_SIZE;
    write_header(f->record, 3 + RECORD_TAIL_SIZE);
    f->record[2] = 1;
    const uint8_t inner[] = {'a', 'b', 'c', RECORD_APPLICATION_DATA};
    memcpy(body, inner, sizeof(inner));
    peer_nonce(&f->sends, nonce);
    assert_int_equal(
        aead_seal(f->peer_engine, f->suite, f->sends.key, nonce, f->record, body, 4, body + 4),
        RESULT_OK);
    f->record_size = 3 + RECORD_OVERHEAD;
    assert_int_equal(layer_open(f), RESULT_OK);
    assert_int_equal(f->payload_size, 3);
}

// --- Records that cannot be ---

static void test_measure(void **state) {
    struct fixture *f = *state;
    const uint8_t header[] = {RECORD_APPLICATION_DATA, 3, 3, 0x01, 0x02};
    size_t size;
    for (size_t i = 0; i < sizeof(header); i++) {
        size = 1;
        assert_int_equal(record_measure(&f->layer, header, i, &size), RESULT_OK);
        assert_int_equal(size, 0);
    }
    assert_int_equal(record_measure(&f->layer, header, sizeof(header), &size), RESULT_OK);
    assert_int_equal(size, RECORD_HEADER_SIZE + 0x102);
    const uint8_t longest[] = {RECORD_APPLICATION_DATA, 3, 3, 0x41, 0x00};
    assert_int_equal(record_measure(&f->layer, longest, sizeof(longest), &size), RESULT_OK);
    assert_int_equal(size, RECORD_SIZE_MAX);
}

static void test_a_length_over_the_maximum_is_a_record_overflow(void **state) {
    struct fixture *f = *state;
    const uint8_t headers[][RECORD_HEADER_SIZE] = {{23, 3, 3, 0x41, 0x01}, {23, 3, 3, 0xff, 0xff}};
    for (size_t i = 0; i < 2; i++) {
        fixture_start(f, suites[0], 0);
        size_t size;
        enum result result = record_measure(&f->layer, headers[i], RECORD_HEADER_SIZE, &size);
        assert_int_equal(size, 0);
        assert_refused(f, result, ALERT_RECORD_OVERFLOW);
    }
}

static void test_every_other_outer_type_is_refused(void **state) {
    struct fixture *f = *state;
    for (unsigned type = 0; type < 256; type++) {
        if (type == RECORD_APPLICATION_DATA) {
            continue;
        }
        fixture_start(f, suites[0], 0);
        // A change_cipher_spec as it may come during the handshake, a plaintext alert, "GET /", ...
        const uint8_t record[] = {(uint8_t)type, 3, 3, 0, 1, 1};
        size_t size;
        enum result result = record_measure(&f->layer, record, sizeof(record), &size);
        assert_refused(f, result, ALERT_UNEXPECTED_MESSAGE);
        fixture_start(f, suites[0], 0);
        assert_refused(f, open_copy(f, record, sizeof(record)), ALERT_UNEXPECTED_MESSAGE);
    }
}

static void test_a_body_too_short_for_a_tag(void **state) {
    struct fixture *f = *state;
    for (size_t size = 0; size < RECORD_TAG_SIZE; size++) {
        fixture_start(f, suites[0], 0);
        write_header(f->record, size);
        f->record_size = RECORD_HEADER_SIZE + size;
        assert_refused(f, layer_open(f), ALERT_BAD_RECORD_MAC);
    }
}

// Authentic, but without a content type (5.4): nothing at all, or only padding.
static void test_no_content_type(void **state) {
    struct fixture *f = *state;
    static const uint8_t zeros[RECORD_PAYLOAD_MAX + 1];
    const size_t padding[] = {0, 1, 2, 100, sizeof(zeros)};
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        for (size_t i = 0; i < sizeof(padding) / sizeof(padding[0]); i++) {
            fixture_start(f, suites[s], 0);
            peer_seal_inner(f, zeros, padding[i]);
            assert_refused(f, layer_open(f), ALERT_UNEXPECTED_MESSAGE);
        }
    }
}

static void test_unknown_inner_types(void **state) {
    struct fixture *f = *state;
    for (unsigned type = 1; type < 256; type++) {
        if (type == RECORD_APPLICATION_DATA || type == RECORD_HANDSHAKE || type == RECORD_ALERT) {
            continue;
        }
        fixture_start(f, suites[0], 0);
        assert_refused(f, receive(f, (uint8_t)type, "\x01", 1), ALERT_UNEXPECTED_MESSAGE);
    }
}

static void test_padding_is_taken_off(void **state) {
    struct fixture *f = *state;
    const size_t padding[] = {1, 2, 15, 16, 255, 256, RECORD_PAYLOAD_MAX - 3};
    for (size_t i = 0; i < sizeof(padding) / sizeof(padding[0]); i++) {
        peer_seal(f, RECORD_APPLICATION_DATA, "a\0b", 3, padding[i]);
        assert_int_equal(layer_open(f), RESULT_OK);
        assert_int_equal(f->event, RECORD_EVENT_DATA);
        assert_int_equal(f->payload_size, 3);
        assert_memory_equal(f->payload, "a\0b", 3);
    }
    // Zeros of the content are not padding.
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "\0\0\0", 3), RESULT_OK);
    assert_int_equal(f->payload_size, 3);
}

static void test_an_inner_plaintext_over_the_maximum_is_a_record_overflow(void **state) {
    struct fixture *f = *state;
    uint8_t *content = calloc(1, RECORD_BODY_MAX);
    assert_non_null(content);
    // One byte too many of content or of padding, and the most that the length field allows.
    const size_t most = RECORD_BODY_MAX - RECORD_TAG_SIZE - 1;
    const size_t cases[][2] = {{RECORD_PAYLOAD_MAX + 1, 0},
                               {1, RECORD_PAYLOAD_MAX},
                               {0, RECORD_PAYLOAD_MAX + 1},
                               {most, 0}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_start(f, suites[0], 0);
        peer_seal(f, RECORD_APPLICATION_DATA, content, cases[i][0], cases[i][1]);
        assert_refused(f, layer_open(f), ALERT_RECORD_OVERFLOW);
    }
    fixture_start(f, suites[0], 0);
    peer_seal(f, RECORD_APPLICATION_DATA, content, most, 0);
    f->record[100] ^= 1;
    assert_refused(f, layer_open(f), ALERT_BAD_RECORD_MAC);
    free(content);
}

static void test_open_wants_exactly_one_record(void **state) {
    struct fixture *f = *state;
    const size_t sizes_given[] = {RECORD_OVERHEAD + 2, RECORD_OVERHEAD + 4};
    for (size_t i = 0; i < 2; i++) {
        fixture_start(f, suites[0], 0);
        peer_seal(f, RECORD_APPLICATION_DATA, "abc", 3, 0);
        f->record_size = sizes_given[i];
        assert_refused(f, layer_open(f), ALERT_INTERNAL_ERROR);
    }
    fixture_start(f, suites[0], 0);
    f->record_size = 4;
    f->record[0] = RECORD_APPLICATION_DATA;
    assert_refused(f, layer_open(f), ALERT_INTERNAL_ERROR);
}

static void test_empty_records_are_allowed_but_not_endlessly(void **state) {
    struct fixture *f = *state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < RECORD_EMPTY_MAX; i++) {
            peer_seal(f, RECORD_APPLICATION_DATA, NULL, 0, i % 2 == 0 ? 0 : 100);
            assert_int_equal(layer_open(f), RESULT_OK);
            assert_int_equal(f->event, RECORD_EVENT_NONE);
            assert_int_equal(f->payload_size, 0);
        }
        assert_receives(f, "x"); // begins to count anew
    }
    for (size_t i = 0; i < RECORD_EMPTY_MAX; i++) {
        assert_int_equal(receive(f, RECORD_APPLICATION_DATA, NULL, 0), RESULT_OK);
    }
    assert_refused(f, receive(f, RECORD_APPLICATION_DATA, NULL, 0), ALERT_UNEXPECTED_MESSAGE);
}

// --- A layer's life ---

static void test_init_with_an_unknown_suite(void **state) {
    struct fixture *f = *state;
    uint8_t record[RECORD_ALERT_SIZE];
    assert_int_equal(record_layer_init(&f->layer, 0x1304, client_secret, server_secret, 0, 0, 0),
                     RESULT_ERROR);
    assert_int_equal(layer_open(f), RESULT_ERROR);
    assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_INTERNAL_ERROR, record),
                     RESULT_EOF);
}

static void test_limits_of_the_suites(void **state) {
    struct fixture *f = *state;
    const uint64_t limits[] = {23726565, 23726565, UINT64_MAX - 1};
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        assert_true(f->layer.read.limit == limits[s] && f->layer.write.limit == limits[s]);
        fixture_start(f, suites[s], UINT64_MAX);
        assert_true(f->layer.write.limit == UINT64_MAX - 1);
        fixture_start(f, suites[s], 7);
        assert_true(f->layer.read.limit == 7 && f->layer.write.limit == 7);
    }
}

static void test_sequence_numbers_come_from_the_handshake(void **state) {
    struct fixture *f = *state;
    const uint64_t sequence = 0x0123456789abcdef;
    assert_int_equal(record_layer_init(&f->layer, SUITE_CHACHA20_POLY1305_SHA256, f->sends.secret,
                                       f->receives.secret, sequence, sequence, 0),
                     RESULT_OK);
    f->suite = SUITE_CHACHA20_POLY1305_SHA256;
    peer_derive(f, &f->sends);
    peer_derive(f, &f->receives);
    f->sends.sequence = f->receives.sequence = sequence;
    assert_receives(f, "hello");
    uint8_t *payload = f->record + RECORD_HEADER_SIZE, *content;
    size_t content_size;
    assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, 5,
                                 f->record, payload + 6),
                     RESULT_OK);
    peer_open(f, f->record, 5 + RECORD_OVERHEAD, &content, &content_size);
    assert_int_equal(content_size, 5);
}

static void test_wipe(void **state) {
    struct fixture *f = *state;
    static const struct record_direction nothing;
    record_layer_wipe(&f->layer);
    assert_memory_equal(&f->layer.read, &nothing, sizeof(nothing));
    assert_memory_equal(&f->layer.write, &nothing, sizeof(nothing));
    uint8_t record[RECORD_OVERHEAD + 16] = {0}, *payload = record + RECORD_HEADER_SIZE;
    assert_int_equal(
        record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, 1, record, payload + 2),
        RESULT_ERROR);
    assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_ERROR);
    assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_CLOSE_NOTIFY, record),
                     RESULT_EOF);
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "a", 1), RESULT_ERROR);
}

static void test_names(void **state) {
    (void)state;
    assert_string_equal(alert_name(ALERT_CLOSE_NOTIFY), "close_notify");
    assert_string_equal(alert_name(ALERT_BAD_RECORD_MAC), "bad_record_mac");
    assert_string_equal(alert_name(ALERT_HANDSHAKE_FAILURE), "handshake_failure");
    assert_string_equal(alert_name(ALERT_NO_APPLICATION_PROTOCOL), "no_application_protocol");
    assert_string_equal(alert_name(1), "unknown");
    assert_string_equal(alert_name(255), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_rfc8448_keys),
        RECORD_TEST(test_rfc8448_records_are_opened),
        RECORD_TEST(test_rfc8448_records_are_sealed),
        RECORD_TEST(test_sealed_records_are_what_the_client_expects),
        RECORD_TEST(test_records_of_every_size_are_opened_in_place),
        RECORD_TEST(test_header_and_tag_may_lie_elsewhere),
        RECORD_TEST(test_a_message_can_be_sealed_but_no_alert_and_no_key_update),
        RECORD_TEST(test_a_payload_over_the_maximum_is_not_sealed),
        RECORD_TEST(test_records_out_of_order_are_refused),
        RECORD_TEST(test_a_record_of_the_other_direction_is_refused),
        RECORD_TEST(test_every_flipped_bit_is_noticed),
        RECORD_TEST(test_nothing_of_a_damaged_record_is_left_to_read),
        RECORD_TEST(test_another_version_of_the_peer_is_ignored),
        RECORD_TEST(test_measure),
        RECORD_TEST(test_a_length_over_the_maximum_is_a_record_overflow),
        RECORD_TEST(test_every_other_outer_type_is_refused),
        RECORD_TEST(test_a_body_too_short_for_a_tag),
        RECORD_TEST(test_no_content_type),
        RECORD_TEST(test_unknown_inner_types),
        RECORD_TEST(test_padding_is_taken_off),
        RECORD_TEST(test_an_inner_plaintext_over_the_maximum_is_a_record_overflow),
        RECORD_TEST(test_open_wants_exactly_one_record),
        RECORD_TEST(test_empty_records_are_allowed_but_not_endlessly),
        RECORD_TEST(test_init_with_an_unknown_suite),
        RECORD_TEST(test_limits_of_the_suites),
        RECORD_TEST(test_sequence_numbers_come_from_the_handshake),
        RECORD_TEST(test_wipe),
        RECORD_TEST(test_names),
    };
    int failures = 0;
    while (next_library()) {
        failures += cmocka_run_group_tests_name(library_name, tests, NULL, NULL);
    }
    return failures;
}
