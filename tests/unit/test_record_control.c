// Alerts, KeyUpdates and the limits of a key (RFC 8446 4.6.3, 5.5, 6). Data and sizes are tested in
// test_record.c.
#include "record_peer.h"

enum { KEY_UPDATE = 24 };

static const uint8_t update_not_requested[] = {KEY_UPDATE, 0, 0, 1, 0};
static const uint8_t update_requested[] = {KEY_UPDATE, 0, 0, 1, 1};

static enum result receive_alert(struct fixture *f, uint8_t level, uint8_t description) {
    const uint8_t alert[] = {level, description};
    return receive(f, RECORD_ALERT, alert, sizeof(alert));
}

static enum result receive_key_update(struct fixture *f, bool requested) {
    enum result result =
        receive(f, RECORD_HANDSHAKE, requested ? update_requested : update_not_requested, 5);
    peer_update(f, &f->sends);
    return result;
}

static enum result seal_text(struct fixture *f, const char *text) {
    uint8_t *payload = f->record + RECORD_HEADER_SIZE;
    size_t size = strlen(text);
    memcpy(payload, text, size + 1);
    return record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, size, f->record,
                       payload + size + 1);
}

// The layer seals, the client reads it.
static void assert_sends(struct fixture *f, const char *text) {
    uint8_t *content;
    size_t size;
    assert_int_equal(seal_text(f, text), RESULT_OK);
    assert_int_equal(peer_open(f, f->record, strlen(text) + RECORD_OVERHEAD, &content, &size),
                     RECORD_APPLICATION_DATA);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(content, text, size);
}

static void assert_sends_key_update(struct fixture *f, uint8_t request) {
    uint8_t record[RECORD_KEY_UPDATE_SIZE], *content;
    const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, request};
    size_t size;
    assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_OK);
    assert_int_equal(peer_open(f, record, sizeof(record), &content, &size), RECORD_HANDSHAKE);
    assert_int_equal(size, sizeof(message));
    assert_memory_equal(content, message, sizeof(message));
    peer_update(f, &f->receives);
}

static void assert_sends_alert(struct fixture *f, uint8_t level, uint8_t alert) {
    uint8_t record[RECORD_ALERT_SIZE], *content;
    size_t size;
    assert_int_equal(record_seal_alert(&f->layer, f->engine, alert, record), RESULT_OK);
    assert_int_equal(peer_open(f, record, sizeof(record), &content, &size), RECORD_ALERT);
    assert_int_equal(size, 2);
    assert_int_equal(content[0], level);
    assert_int_equal(content[1], alert);
}

// Nothing is sealed any more, of whatever kind, and nobody is asked to.
static void assert_sends_nothing(struct fixture *f) {
    assert_false(record_wants_key_update(&f->layer));
    uint8_t record[RECORD_OVERHEAD + 16];
    const uint64_t sequence = f->layer.write.sequence;
    assert_int_equal(seal_text(f, "a"), RESULT_ERROR);
    assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_ERROR);
    assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_CLOSE_NOTIFY, record),
                     RESULT_EOF);
    assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_DECODE_ERROR, record),
                     RESULT_EOF);
    assert_true(f->layer.write.sequence == sequence);
}

// --- Alerts received ---

static void test_close_notify_closes_reading_alone(void **state) {
    struct fixture *f = *state;
    for (unsigned level = 0; level < 4; level++) { // the level says nothing, 6
        fixture_start(f, suites[0], 0);
        assert_int_equal(receive_alert(f, (uint8_t)level, ALERT_CLOSE_NOTIFY), RESULT_OK);
        assert_int_equal(f->event, RECORD_EVENT_CLOSED);
        assert_true(f->layer.closed_read);
        assert_sends(f, "half-closed");
        assert_sends_alert(f, 1, ALERT_CLOSE_NOTIFY);
    }
}

static void test_what_follows_close_notify_is_ignored(void **state) {
    struct fixture *f = *state;
    size_t size;
    assert_int_equal(receive_alert(f, 1, ALERT_CLOSE_NOTIFY), RESULT_OK);
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "more", 4), RESULT_EOF);
    assert_null(f->payload);
    assert_int_equal(f->payload_size, 0);
    assert_int_equal(receive_alert(f, 2, ALERT_DECODE_ERROR), RESULT_EOF);
    assert_int_equal(record_measure(&f->layer, (const uint8_t *)"rubbish", 7, &size), RESULT_EOF);
    assert_int_equal(size, 0);
    assert_false(f->layer.failed);
    assert_sends(f, "still sending");
}

static void test_every_other_alert_is_fatal(void **state) {
    struct fixture *f = *state;
    for (unsigned description = 1; description < 256; description++) {
        if (description == ALERT_USER_CANCELED) {
            continue;
        }
        fixture_start(f, suites[0], 0);
        assert_int_equal(receive_alert(f, 1 + description % 2, (uint8_t)description), RESULT_OK);
        assert_int_equal(f->event, RECORD_EVENT_ALERT);
        assert_int_equal(f->layer.peer_alert, description);
        assert_sends_nothing(f);
        assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "more", 4), RESULT_ERROR);
        assert_null(f->payload);
    }
}

static void test_user_canceled_is_passed_over_but_not_endlessly(void **state) {
    struct fixture *f = *state;
    assert_int_equal(receive_alert(f, 1, ALERT_USER_CANCELED), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_NONE);
    assert_receives(f, "data");
    for (size_t i = 0; i < RECORD_EMPTY_MAX; i++) {
        assert_int_equal(receive_alert(f, 1, ALERT_USER_CANCELED), RESULT_OK);
    }
    assert_refused(f, receive_alert(f, 1, ALERT_USER_CANCELED), ALERT_UNEXPECTED_MESSAGE);
}

static void test_alerts_of_a_wrong_size(void **state) {
    struct fixture *f = *state;
    const uint8_t alerts[] = {1, ALERT_CLOSE_NOTIFY, 1, ALERT_CLOSE_NOTIFY, 0};
    for (size_t size = 0; size <= sizeof(alerts); size++) {
        if (size == 2) {
            continue;
        }
        fixture_start(f, suites[0], 0);
        assert_refused(f, receive(f, RECORD_ALERT, alerts, size),
                       size == 0 ? ALERT_UNEXPECTED_MESSAGE : ALERT_DECODE_ERROR);
        assert_false(f->layer.closed_read);
    }
    fixture_start(f, suites[0], 0);
    peer_seal(f, RECORD_ALERT, NULL, 0, 100); // padding makes it no less empty
    assert_refused(f, layer_open(f), ALERT_UNEXPECTED_MESSAGE);
}

static void test_an_alert_may_be_padded(void **state) {
    struct fixture *f = *state;
    const uint8_t alert[] = {1, ALERT_CLOSE_NOTIFY};
    peer_seal(f, RECORD_ALERT, alert, sizeof(alert), 30);
    assert_int_equal(layer_open(f), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_CLOSED);
}

// --- Alerts sent ---

static void test_only_one_alert_is_ever_sealed(void **state) {
    struct fixture *f = *state;
    const uint8_t alerts[] = {ALERT_CLOSE_NOTIFY, ALERT_INTERNAL_ERROR};
    for (size_t i = 0; i < sizeof(alerts); i++) {
        fixture_start(f, suites[0], 0);
        assert_sends(f, "data");
        assert_sends_alert(f, i == 0 ? 1 : 2, alerts[i]);
        assert_sends_nothing(f);
    }
}

static void test_after_our_close_notify_the_client_may_go_on(void **state) {
    struct fixture *f = *state;
    assert_sends_alert(f, 1, ALERT_CLOSE_NOTIFY);
    assert_receives(f, "the rest of a request");
    // We cannot answer any more, but its keys change.
    assert_int_equal(receive_key_update(f, true), RESULT_OK);
    assert_false(record_wants_key_update(&f->layer));
    assert_receives(f, "under new keys");
    assert_int_equal(receive_alert(f, 1, ALERT_CLOSE_NOTIFY), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_CLOSED);
}

static void test_after_our_fatal_alert_nothing_is_opened(void **state) {
    struct fixture *f = *state;
    assert_sends_alert(f, 2, ALERT_INTERNAL_ERROR);
    assert_int_equal(receive(f, RECORD_APPLICATION_DATA, "data", 4), RESULT_ERROR);
    assert_null(f->payload);
}

static void test_after_an_error_only_one_alert_is_sealed(void **state) {
    struct fixture *f = *state;
    uint8_t record[RECORD_KEY_UPDATE_SIZE];
    assert_int_equal(receive(f, 99, "?", 1), RESULT_ERROR);
    assert_int_equal(seal_text(f, "data"), RESULT_ERROR);
    assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_ERROR);
    assert_int_equal(f->layer.write.sequence, 0);
    assert_sends_alert(f, 2, f->layer.alert);
    assert_sends_nothing(f);
}

// --- KeyUpdates received ---

static void test_the_read_key_changes_exactly_after_a_key_update(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        for (int generation = 0; generation < 3; generation++) {
            const struct record_direction write = f->layer.write;
            assert_receives(f, "before");
            assert_int_equal(receive_key_update(f, false), RESULT_OK);
            assert_int_equal(f->event, RECORD_EVENT_NONE);
            assert_int_equal(f->payload_size, 0);
            assert_int_equal(f->layer.read.sequence, 0);
            assert_memory_equal(f->layer.read.secret, f->sends.secret, RECORD_SECRET_MAX);
            assert_memory_equal(&f->layer.write, &write, sizeof(write));
            assert_false(record_wants_key_update(&f->layer));
            assert_receives(f, "after");
        }
    }
}

static void test_a_record_under_the_former_key_is_refused(void **state) {
    struct fixture *f = *state;
    assert_receives(f, "before");
    assert_int_equal(receive(f, RECORD_HANDSHAKE, update_not_requested, 5), RESULT_OK);
    assert_refused(f, receive(f, RECORD_APPLICATION_DATA, "old key", 7), ALERT_BAD_RECORD_MAC);
}

static bool holds(const void *data, size_t size, const uint8_t *bytes, size_t count) {
    const uint8_t *at = data;
    for (size_t i = 0; i + count <= size; i++) {
        if (memcmp(at + i, bytes, count) == 0) {
            return true;
        }
    }
    return false;
}

static void test_nothing_of_a_former_key_is_left(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        const struct record_layer before = f->layer;
        assert_int_equal(receive_key_update(f, true), RESULT_OK);
        assert_sends_key_update(f, 0);
        const struct record_direction *former[] = {&before.read, &before.write};
        for (size_t i = 0; i < 2; i++) {
            assert_false(holds(&f->layer, sizeof(f->layer), former[i]->secret, 8));
            assert_false(holds(&f->layer, sizeof(f->layer), former[i]->key, 8));
            assert_false(holds(&f->layer, sizeof(f->layer), former[i]->iv, 8));
        }
    }
}

static void test_a_requested_update_is_due_before_the_next_data(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 0);
        assert_sends(f, "before");
        assert_int_equal(receive_key_update(f, true), RESULT_OK);
        assert_true(record_wants_key_update(&f->layer));
        const uint64_t sequence = f->layer.write.sequence;
        assert_int_equal(seal_text(f, "not yet"), RESULT_AGAIN);
        assert_true(f->layer.write.sequence == sequence);
        assert_memory_equal(f->record + RECORD_HEADER_SIZE, "not yet", 7);
        assert_sends_key_update(f, 0);
        assert_false(record_wants_key_update(&f->layer));
        assert_int_equal(f->layer.write.sequence, 0);
        assert_sends(f, "after");
    }
}

static void test_several_requests_are_answered_by_one_update(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(receive_key_update(f, true), RESULT_OK);
    }
    assert_int_equal(receive_key_update(f, false), RESULT_OK); // takes no request back
    assert_true(record_wants_key_update(&f->layer));
    assert_sends_key_update(f, 0);
    assert_false(record_wants_key_update(&f->layer));
    assert_sends(f, "data");
}

static void test_key_updates_are_allowed_but_not_endlessly(void **state) {
    struct fixture *f = *state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < RECORD_KEY_UPDATES_MAX; i++) {
            assert_int_equal(receive_key_update(f, i % 2 == 0), RESULT_OK);
        }
        assert_receives(f, "x"); // begins to count anew
    }
    for (size_t i = 0; i < RECORD_KEY_UPDATES_MAX; i++) {
        assert_int_equal(receive_key_update(f, false), RESULT_OK);
        // What is empty does not count as data.
        assert_int_equal(receive(f, RECORD_APPLICATION_DATA, NULL, 0),
                         i < RECORD_EMPTY_MAX ? RESULT_OK : RESULT_ERROR);
    }
    assert_refused(f, receive_key_update(f, false), ALERT_UNEXPECTED_MESSAGE);
}

static void test_unknown_update_requests(void **state) {
    struct fixture *f = *state;
    for (unsigned value = 2; value < 256; value++) {
        const uint8_t message[] = {KEY_UPDATE, 0, 0, 1, (uint8_t)value};
        fixture_start(f, suites[0], 0);
        assert_refused(f, receive(f, RECORD_HANDSHAKE, message, sizeof(message)),
                       ALERT_ILLEGAL_PARAMETER);
        assert_false(f->layer.key_update_due);
    }
}

static void test_key_updates_of_a_wrong_length(void **state) {
    struct fixture *f = *state;
    const uint8_t messages[][6] = {{KEY_UPDATE, 0, 0, 0, 0, 0},
                                   {KEY_UPDATE, 0, 0, 2, 0, 0},
                                   {KEY_UPDATE, 0, 1, 1, 0, 0},
                                   {KEY_UPDATE, 1, 0, 1, 0, 0},
                                   {KEY_UPDATE, 0xff, 0xff, 0xff, 0, 0}};
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        for (size_t size = 4; size <= 6; size++) {
            fixture_start(f, suites[0], 0);
            assert_refused(f, receive(f, RECORD_HANDSHAKE, messages[i], size), ALERT_DECODE_ERROR);
        }
    }
}

// 5.1: a message before a change of keys ends its record.
static void test_nothing_may_follow_a_key_update_in_its_record(void **state) {
    struct fixture *f = *state;
    const uint8_t twice[] = {KEY_UPDATE, 0, 0, 1, 0, KEY_UPDATE, 0, 0, 1, 0};
    for (size_t size = 6; size <= sizeof(twice); size++) {
        fixture_start(f, suites[0], 0);
        assert_refused(f, receive(f, RECORD_HANDSHAKE, twice, size), ALERT_UNEXPECTED_MESSAGE);
    }
    // Also when it began in the record before.
    fixture_start(f, suites[0], 0);
    assert_int_equal(receive(f, RECORD_HANDSHAKE, twice, 3), RESULT_OK);
    assert_refused(f, receive(f, RECORD_HANDSHAKE, twice + 3, 3), ALERT_UNEXPECTED_MESSAGE);
}

static void test_a_key_update_may_come_in_pieces(void **state) {
    struct fixture *f = *state;
    for (size_t first = 1; first < 5; first++) {
        fixture_start(f, suites[0], 0);
        assert_int_equal(receive(f, RECORD_HANDSHAKE, update_requested, first), RESULT_OK);
        assert_int_equal(f->event, RECORD_EVENT_NONE);
        assert_false(record_wants_key_update(&f->layer));
        assert_int_equal(receive(f, RECORD_HANDSHAKE, update_requested + first, 5 - first),
                         RESULT_OK);
        peer_update(f, &f->sends);
        assert_true(record_wants_key_update(&f->layer));
        assert_receives(f, "new key");
    }
    fixture_start(f, suites[0], 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(receive(f, RECORD_HANDSHAKE, update_not_requested + i, 1), RESULT_OK);
    }
    peer_update(f, &f->sends);
    assert_receives(f, "new key");
    assert_int_equal(receive_key_update(f, false), RESULT_OK); // and the next one whole
    assert_receives(f, "newer key");
}

static void test_nothing_may_come_between_the_pieces(void **state) {
    struct fixture *f = *state;
    const struct {
        uint8_t type;
        uint8_t content[2];
        size_t size;
    } between[] = {
        {RECORD_APPLICATION_DATA, "a", 1},
        {RECORD_APPLICATION_DATA, "", 0},
        {RECORD_ALERT, {1, ALERT_CLOSE_NOTIFY}, 2},
        {RECORD_ALERT, {1, ALERT_USER_CANCELED}, 2},
        {RECORD_HANDSHAKE, "", 0},
    };
    for (size_t i = 0; i < sizeof(between) / sizeof(between[0]); i++) {
        for (size_t first = 1; first < 5; first++) {
            fixture_start(f, suites[0], 0);
            assert_int_equal(receive(f, RECORD_HANDSHAKE, update_requested, first), RESULT_OK);
            assert_refused(f, receive(f, between[i].type, between[i].content, between[i].size),
                           ALERT_UNEXPECTED_MESSAGE);
        }
    }
    // A client that gives up is heard all the same.
    fixture_start(f, suites[0], 0);
    assert_int_equal(receive(f, RECORD_HANDSHAKE, update_requested, 2), RESULT_OK);
    assert_int_equal(receive_alert(f, 2, ALERT_INTERNAL_ERROR), RESULT_OK);
    assert_int_equal(f->event, RECORD_EVENT_ALERT);
}

static void test_other_handshake_messages(void **state) {
    struct fixture *f = *state;
    for (unsigned type = 0; type < 256; type++) {
        if (type == KEY_UPDATE) {
            continue;
        }
        const uint8_t message[] = {(uint8_t)type, 0, 0, 1, 0};
        for (size_t size = 1; size <= sizeof(message); size += 4) {
            fixture_start(f, suites[0], 0);
            assert_refused(f, receive(f, RECORD_HANDSHAKE, message, size),
                           ALERT_UNEXPECTED_MESSAGE);
        }
    }
    fixture_start(f, suites[0], 0);
    peer_seal(f, RECORD_HANDSHAKE, NULL, 0, 5);
    assert_refused(f, layer_open(f), ALERT_UNEXPECTED_MESSAGE);
}

// --- Limits of a key ---

static void test_our_key_is_replaced_at_the_limit(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 5);
        for (int generation = 0; generation < 3; generation++) {
            for (size_t i = 0; i < 5; i++) {
                assert_false(record_wants_key_update(&f->layer));
                assert_sends(f, "data");
            }
            assert_true(record_wants_key_update(&f->layer));
            assert_int_equal(seal_text(f, "one too many"), RESULT_AGAIN);
            assert_sends_key_update(f, 0);
        }
    }
}

static void test_an_alert_may_be_the_last_record_of_a_key(void **state) {
    struct fixture *f = *state;
    fixture_start(f, suites[0], 1);
    assert_sends(f, "data");
    assert_int_equal(seal_text(f, "one too many"), RESULT_AGAIN);
    assert_sends_alert(f, 1, ALERT_CLOSE_NOTIFY);
}

static void test_the_client_is_asked_for_another_key_in_time(void **state) {
    struct fixture *f = *state;
    fixture_start(f, suites[0], 10);
    for (int generation = 0; generation < 3; generation++) {
        for (size_t i = 0; i < 5; i++) {
            assert_false(record_wants_key_update(&f->layer));
            assert_receives(f, "data");
        }
        assert_true(record_wants_key_update(&f->layer));
        assert_sends_key_update(f, 1);
        assert_false(record_wants_key_update(&f->layer)); // asked once
        assert_receives(f, "on its way");
        assert_false(record_wants_key_update(&f->layer));
        assert_int_equal(receive_key_update(f, false), RESULT_OK);
        assert_false(record_wants_key_update(&f->layer));
    }
}

static void test_a_client_that_was_asked_is_not_asked_again(void **state) {
    struct fixture *f = *state;
    fixture_start(f, suites[0], 10);
    for (size_t i = 0; i < 5; i++) {
        assert_receives(f, "data");
    }
    assert_sends_key_update(f, 1);
    for (size_t i = 0; i < 10; i++) {
        assert_sends(f, "data");
    }
    assert_sends_key_update(f, 0); // our own limit
    assert_receives(f, "data");
    assert_false(record_wants_key_update(&f->layer));
}

static void test_a_client_that_does_not_change_its_key_is_cut_off(void **state) {
    struct fixture *f = *state;
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], 10);
        for (size_t i = 0; i < 10; i++) {
            assert_receives(f, "data");
        }
        // The KeyUpdate itself may be one more.
        const struct record_layer layer = f->layer;
        const struct peer_keys keys = f->sends;
        assert_int_equal(receive_key_update(f, false), RESULT_OK);
        assert_receives(f, "new key");
        f->layer = layer;
        f->sends = keys;
        assert_receives(f, "data");
        assert_refused(f, receive(f, RECORD_APPLICATION_DATA, "data", 4), ALERT_UNEXPECTED_MESSAGE);
    }
}

static void test_the_last_sequence_number_is_never_used(void **state) {
    struct fixture *f = *state;
    uint8_t record[RECORD_KEY_UPDATE_SIZE];
    for (size_t s = 0; s < SUITE_COUNT; s++) {
        fixture_start(f, suites[s], UINT64_MAX);
        f->layer.write.sequence = UINT64_MAX;
        assert_true(record_wants_key_update(&f->layer));
        assert_int_equal(seal_text(f, "data"), RESULT_AGAIN);
        assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_ERROR);
        assert_true(f->layer.failed);
        assert_sends_nothing(f);
        fixture_start(f, suites[s], UINT64_MAX);
        f->layer.write.sequence = UINT64_MAX;
        assert_int_equal(record_seal_alert(&f->layer, f->engine, ALERT_CLOSE_NOTIFY, record),
                         RESULT_ERROR);
        assert_sends_nothing(f);
        assert_true(f->layer.write.sequence == UINT64_MAX);
        fixture_start(f, suites[s], UINT64_MAX);
        f->layer.read.sequence = f->sends.sequence = UINT64_MAX;
        peer_seal(f, RECORD_APPLICATION_DATA, "data", 4, 0);
        assert_refused(f, layer_open(f), ALERT_UNEXPECTED_MESSAGE);
        assert_true(f->layer.read.sequence == UINT64_MAX);
    }
}

static void test_the_number_before_it_is_left_for_a_key_update(void **state) {
    struct fixture *f = *state;
    fixture_start(f, SUITE_CHACHA20_POLY1305_SHA256, 0);
    f->layer.write.sequence = f->receives.sequence = UINT64_MAX - 1;
    assert_int_equal(seal_text(f, "data"), RESULT_AGAIN);
    assert_sends_key_update(f, 0);
    assert_sends(f, "data");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_close_notify_closes_reading_alone),
        RECORD_TEST(test_what_follows_close_notify_is_ignored),
        RECORD_TEST(test_every_other_alert_is_fatal),
        RECORD_TEST(test_user_canceled_is_passed_over_but_not_endlessly),
        RECORD_TEST(test_alerts_of_a_wrong_size),
        RECORD_TEST(test_an_alert_may_be_padded),
        RECORD_TEST(test_only_one_alert_is_ever_sealed),
        RECORD_TEST(test_after_our_close_notify_the_client_may_go_on),
        RECORD_TEST(test_after_our_fatal_alert_nothing_is_opened),
        RECORD_TEST(test_after_an_error_only_one_alert_is_sealed),
        RECORD_TEST(test_the_read_key_changes_exactly_after_a_key_update),
        RECORD_TEST(test_a_record_under_the_former_key_is_refused),
        RECORD_TEST(test_nothing_of_a_former_key_is_left),
        RECORD_TEST(test_a_requested_update_is_due_before_the_next_data),
        RECORD_TEST(test_several_requests_are_answered_by_one_update),
        RECORD_TEST(test_key_updates_are_allowed_but_not_endlessly),
        RECORD_TEST(test_unknown_update_requests),
        RECORD_TEST(test_key_updates_of_a_wrong_length),
        RECORD_TEST(test_nothing_may_follow_a_key_update_in_its_record),
        RECORD_TEST(test_a_key_update_may_come_in_pieces),
        RECORD_TEST(test_nothing_may_come_between_the_pieces),
        RECORD_TEST(test_other_handshake_messages),
        RECORD_TEST(test_our_key_is_replaced_at_the_limit),
        RECORD_TEST(test_an_alert_may_be_the_last_record_of_a_key),
        RECORD_TEST(test_the_client_is_asked_for_another_key_in_time),
        RECORD_TEST(test_a_client_that_was_asked_is_not_asked_again),
        RECORD_TEST(test_a_client_that_does_not_change_its_key_is_cut_off),
        RECORD_TEST(test_the_last_sequence_number_is_never_used),
        RECORD_TEST(test_the_number_before_it_is_left_for_a_key_update),
    };
    int failures = 0;
    while (next_library()) {
        failures += cmocka_run_group_tests_name(library_name, tests, NULL, NULL);
    }
    return failures;
}
