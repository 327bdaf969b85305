// The receiving side of a transport; what it sends is tested in test_transport_send.c.
#include "transport_peer.h"

static void test_without_readiness_nothing_is_read_and_no_buffer_taken(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    assert_int_equal(transport_receive(&f->transport), RESULT_AGAIN);
    assert_no_buffers(f);
    assert_false(transport_has_segments(&f->transport));
    assert_int_equal(transport_segment_count(&f->transport), 0);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_true(transport_wants_receive(&f->transport));
}

static void test_a_record_becomes_a_segment_where_it_was_received(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 100);
    receive_and_open(f);
    assert_false(f->transport.readable); // a short read
    assert_int_equal(transport_segment_count(&f->transport), 1);
    assert_segment(f, 0, 0, 100);
    const struct segment *segment = transport_segment(&f->transport, 0);
    assert_ptr_equal(segment->data, f->transport.receive->ring->base + RECORD_HEADER_SIZE);
    assert_true(segment->position == RECORD_HEADER_SIZE);
    assert_int_equal(metric(f, METRIC_receive_buffers), 1);
    assert_int_equal(metric(f, METRIC_records_opened), 1);
    assert_true(f->transport.received == 100 + RECORD_OVERHEAD);
}

static void test_reading_again_finds_nothing(void **state) {
    struct fixture *f = *state;
    assert_int_equal(receive(f), RESULT_AGAIN);
    assert_false(f->transport.readable);
    assert_int_equal(f->transport.end, TRANSPORT_OPEN);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_a_record_in_pieces_waits_until_it_is_whole(void **state) {
    struct fixture *f = *state;
    peer_seal(f, 0, 50);
    for (size_t i = 0; i < f->record_size; i++) {
        assert_false(transport_has_segments(&f->transport));
        transport_trim(&f->transport); // takes nothing that is needed
        peer_write(f, f->record + i, 1);
        receive_and_open(f);
    }
    assert_segment(f, 0, 0, 50);
    assert_int_equal(metric(f, METRIC_records_opened), 1);
}

static void test_consuming_runs_across_segments(void **state) {
    struct fixture *f = *state;
    size_t sizes[] = {1, 100, 7, 3000, 2};
    size_t at = 0;
    for (size_t i = 0; i < 5; i++) {
        peer_send(f, at, sizes[i]);
        at += sizes[i];
    }
    receive_and_open(f);
    assert_int_equal(transport_segment_count(&f->transport), 5);
    transport_consume(&f->transport, 0);
    transport_consume(&f->transport, 1);
    assert_segment(f, 0, 1, 100);
    transport_consume(&f->transport, 40);
    assert_segment(f, 0, 41, 60);
    assert_segment(f, 1, 101, 7);
    transport_consume(&f->transport, 65);
    assert_segment(f, 0, 106, 2);
    assert_int_equal(transport_segment_count(&f->transport), 3);
    assert_true(f->transport.consumed == 106);
    transport_consume(&f->transport, 2 + 3000 + 2);
    assert_false(transport_has_segments(&f->transport));
    assert_true(f->transport.consumed == at);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_a_position_moves_with_what_is_consumed(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    peer_send(f, 10, 10);
    receive_and_open(f);
    const struct ring *ring = f->transport.receive->ring;
    uint64_t second = transport_segment(&f->transport, 1)->position;
    assert_true(second == 10 + RECORD_OVERHEAD + RECORD_HEADER_SIZE);
    transport_consume(&f->transport, 4);
    assert_true(transport_segment(&f->transport, 0)->position == RECORD_HEADER_SIZE + 4);
    assert_true(ring->head == RECORD_HEADER_SIZE + 4);
    transport_consume(&f->transport, 6);
    assert_true(transport_segment(&f->transport, 0)->position == second);
    assert_true(ring->head == second);
}

static void test_an_empty_ring_begins_anew(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < 10; i++) {
        peer_send(f, 0, 1000);
        receive_and_open(f);
        assert_ptr_equal(transport_segment(&f->transport, 0)->data,
                         f->transport.receive->ring->base + RECORD_HEADER_SIZE);
        transport_consume(&f->transport, 1000);
        assert_true(f->transport.receive->ring->tail == 0);
    }
}

static void test_there_are_no_more_segments_than_places_for_them(void **state) {
    struct fixture *f = *state;
    enum { RECORDS = SEGMENTS_MAX * 2 + 3 };
    for (size_t i = 0; i < RECORDS; i++) {
        peer_send(f, i * 10, 10);
    }
    receive_and_open(f);
    assert_int_equal(transport_segment_count(&f->transport), SEGMENTS_MAX);
    assert_int_equal(metric(f, METRIC_records_opened), SEGMENTS_MAX);
    transport_consume(&f->transport, 5); // of the first: still no place
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_int_equal(transport_segment_count(&f->transport), SEGMENTS_MAX);
    transport_consume(&f->transport, 25);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_int_equal(transport_segment_count(&f->transport), SEGMENTS_MAX);
    for (uint32_t i = 0; i < SEGMENTS_MAX; i++) { // the places are used in a ring
        assert_segment(f, i, (i + 3) * 10UL, 10);
    }
    transport_consume(&f->transport, (size_t)SEGMENTS_MAX * 10);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_int_equal(transport_segment_count(&f->transport), SEGMENTS_MAX);
    transport_consume(&f->transport, (size_t)SEGMENTS_MAX * 10);
    assert_int_equal(metric(f, METRIC_records_opened), RECORDS);
    assert_true(f->transport.receive->ring->tail == 0);
}

static void test_a_full_ring_is_not_read_into(void **state) {
    struct fixture *f = *state;
    size_t at = 0;
    // Records of the largest size until no more of them fits.
    while (transport_wants_receive(&f->transport)) {
        peer_send(f, at, RECORD_PAYLOAD_MAX);
        at += RECORD_PAYLOAD_MAX;
        receive_and_open(f);
    }
    assert_int_equal(ring_room(f->transport.receive->ring), 0);
    assert_true(f->transport.readable); // it was no short read
    assert_int_equal(transport_segment_count(&f->transport),
                     RING_SIZE / (RECORD_PAYLOAD_MAX + RECORD_OVERHEAD));
    assert_int_equal(transport_receive(&f->transport), RESULT_AGAIN);
    transport_consume(&f->transport, 1);
    assert_true(transport_wants_receive(&f->transport));
    assert_int_equal(transport_receive(&f->transport), RESULT_OK);
    // What was cut at the ring's end is whole once there is room for it.
    transport_consume(&f->transport, 2UL * RECORD_PAYLOAD_MAX);
    receive_and_open(f);
    assert_segment(f, 0, 2UL * RECORD_PAYLOAD_MAX + 1, RECORD_PAYLOAD_MAX - 1);
    assert_segment(f, 1, 3 * (size_t)RECORD_PAYLOAD_MAX, RECORD_PAYLOAD_MAX);
}

// Two megabytes in records of many sizes, consumed in as many other sizes; the ring is hardly ever
// empty.
static void run_stream(struct fixture *f, size_t total) {
    size_t sent = 0, consumed = 0, turn = 0;
    while (consumed < total) {
        size_t size = turn * 7919 % RECORD_PAYLOAD_MAX + 1;
        size = size < total - sent ? size : total - sent;
        size_t used = f->transport.receive == NULL ? 0 : ring_used(f->transport.receive->ring);
        if (size > 0 && used + size + RECORD_OVERHEAD <= RING_SIZE) {
            peer_send(f, sent, size);
            sent += size;
            assert_int_equal(receive(f), RESULT_OK);
        }
        assert_int_equal(transport_open(&f->transport), RESULT_OK);
        size_t there = 0;
        const struct ring *ring = f->transport.receive->ring;
        for (uint32_t i = 0; i < transport_segment_count(&f->transport); i++) {
            const struct segment *segment = transport_segment(&f->transport, i);
            assert_stream(segment->data, consumed + there, segment->size);
            // Which of the two mappings it is seen through does not matter.
            assert_true((uint64_t)(segment->data - ring->base) % RING_SIZE ==
                        segment->position % RING_SIZE);
            assert_true(segment->data + segment->size <= ring->base + 2 * RING_SIZE);
            there += segment->size;
        }
        size_t part = turn * 104729 % 20011 + 1;
        part = part < there ? part : there;
        transport_consume(&f->transport, part);
        consumed += part;
        turn++;
    }
    assert_int_equal(sent, total);
    assert_true(f->transport.consumed == total);
}

static void test_a_long_stream_of_each_suite(void **state) {
    struct fixture *f = *state;
    static const uint16_t suites[] = {SUITE_AES_128_GCM_SHA256, SUITE_AES_256_GCM_SHA384,
                                      SUITE_CHACHA20_POLY1305_SHA256};
    for (size_t i = 0; i < 3; i++) {
        transport_close(&f->transport);
        (void)close(f->fd);
        start_transport(f, true);
        start_records(f, suites[i], 0);
        run_stream(f, 2000000);
        transport_trim(&f->transport);
        assert_no_buffers(f);
    }
}

// --- The end ---

static void test_close_notify_is_an_end_in_order(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    peer_send_alert(f, ALERT_CLOSE_NOTIFY);
    peer_write(f, "whatever follows it", 19);
    receive_and_open(f);
    assert_int_equal(f->transport.end, TRANSPORT_ENDED);
    assert_segment(f, 0, 0, 10); // what came before it is there
    assert_int_equal(transport_segment_count(&f->transport), 1);
    assert_false(transport_wants_receive(&f->transport));
    assert_int_equal(receive(f), RESULT_AGAIN);
    transport_consume(&f->transport, 10);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_false(transport_has_segments(&f->transport));
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_an_end_without_close_notify_is_a_cut(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
    receive_and_open(f);
    assert_int_equal(f->transport.end, TRANSPORT_OPEN);
    assert_int_equal(receive(f), RESULT_EOF);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_segment(f, 0, 0, 10);
    assert_false(transport_wants_receive(&f->transport));
}

static void test_a_broken_connection_is_a_cut(void **state) {
    struct fixture *f = *state;
    assert_int_equal(send(f->transport.fd, "x", 1, MSG_NOSIGNAL), 1);
    (void)close(f->fd); // with a byte unread: a reset
    f->fd = -1;
    assert_int_equal(receive(f), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_false(transport_wants_receive(&f->transport));
}

static void test_a_damaged_record_fails_and_gives_nothing(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    peer_seal(f, 10, 10);
    f->record[RECORD_HEADER_SIZE + 3] ^= 1;
    peer_write(f, f->record, f->record_size);
    peer_send(f, 20, 10);
    assert_int_equal(receive(f), RESULT_OK);
    assert_int_equal(transport_open(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_BROKEN);
    assert_int_equal(f->transport.alert, ALERT_BAD_RECORD_MAC);
    assert_int_equal(transport_segment_count(&f->transport), 1);
    assert_segment(f, 0, 0, 10);
    peer_send(f, 30, 10);
    assert_false(transport_wants_receive(&f->transport));
    assert_int_equal(receive(f), RESULT_AGAIN);
    assert_int_equal(transport_open(&f->transport), RESULT_ERROR);
    assert_int_equal(transport_segment_count(&f->transport), 1);
}

static void test_a_record_of_a_wrong_type_fails(void **state) {
    struct fixture *f = *state;
    peer_write(f, "GET / HTTP/1.1\r\n", 16);
    assert_int_equal(receive(f), RESULT_OK);
    assert_int_equal(transport_open(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_BROKEN);
    assert_int_equal(f->transport.alert, ALERT_UNEXPECTED_MESSAGE);
}

static void test_a_fatal_alert_of_the_client_is_a_cut(void **state) {
    struct fixture *f = *state;
    peer_send_alert(f, ALERT_INTERNAL_ERROR);
    assert_int_equal(receive(f), RESULT_OK);
    assert_int_equal(transport_open(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT); // no alert of ours is due
    assert_int_equal(f->transport.records.peer_alert, ALERT_INTERNAL_ERROR);
}

static void test_records_without_content_leave_no_trace(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < RECORD_EMPTY_MAX; i++) {
        peer_send(f, 0, 0);
    }
    receive_and_open(f);
    assert_false(transport_has_segments(&f->transport));
    assert_true(f->transport.receive->ring->tail == 0);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

// --- KeyUpdate ---

static void test_a_key_update_of_the_client_is_followed(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 10);
    peer_send_key_update(f, false);
    peer_send(f, 10, 10);
    receive_and_open(f);
    assert_segment(f, 0, 0, 10);
    assert_segment(f, 1, 10, 10);
    assert_int_equal(metric(f, METRIC_key_updates), 1);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->key_updates, 0); // it asked for none
    assert_null(f->transport.send);
}

static void test_a_key_update_that_asks_is_answered_at_once(void **state) {
    struct fixture *f = *state;
    peer_send_key_update(f, true);
    peer_send(f, 0, 10);
    receive_and_open(f);
    assert_segment(f, 0, 0, 10);
    assert_int_equal(metric(f, METRIC_key_updates), 2);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->key_updates, 1);
    transport_consume(&f->transport, 10);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_each_of_many_key_updates_is_answered(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < RECORD_KEY_UPDATES_MAX; i++) { // more in a row no client takes
        peer_send_key_update(f, true);
        peer_send(f, i * 10, 10);
        receive_and_open(f);
        assert_segment(f, 0, i * 10, 10);
        transport_consume(&f->transport, 10);
        peer_receive(f, RECEIVED_MAX);
        assert_int_equal(f->key_updates, i + 1);
    }
}

// --- Plain ---

static void test_plain_bytes_are_one_segment_that_grows(void **state) {
    struct fixture *f = *state;
    uint8_t data[300];
    fill_stream(data, 0, sizeof(data));
    peer_write(f, data, 100);
    receive_and_open(f);
    assert_segment(f, 0, 0, 100);
    assert_int_equal(transport_open(&f->transport), RESULT_OK); // once more adds nothing
    assert_segment(f, 0, 0, 100);
    transport_consume(&f->transport, 30);
    peer_write(f, data + 100, 200);
    receive_and_open(f);
    assert_int_equal(transport_segment_count(&f->transport), 1);
    assert_segment(f, 0, 30, 270);
    transport_consume(&f->transport, 270);
    assert_true(f->transport.receive->ring->tail == 0);
    assert_int_equal(metric(f, METRIC_records_opened), 0);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_a_plain_end_is_in_order(void **state) {
    struct fixture *f = *state;
    peer_write(f, "x", 1);
    assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
    receive_and_open(f);
    assert_int_equal(receive(f), RESULT_EOF);
    assert_int_equal(f->transport.end, TRANSPORT_ENDED);
    assert_int_equal(transport_segment_count(&f->transport), 1);
}

static void test_a_long_plain_stream(void **state) {
    struct fixture *f = *state;
    static uint8_t data[30000];
    size_t sent = 0, consumed = 0;
    while (consumed < 2000000) {
        size_t used = f->transport.receive == NULL ? 0 : ring_used(f->transport.receive->ring);
        size_t size = sent % sizeof(data) + 1;
        if (used + size <= RING_SIZE) {
            fill_stream(data, sent, size);
            peer_write(f, data, size);
            sent += size;
            assert_int_equal(receive(f), RESULT_OK);
        }
        assert_int_equal(transport_open(&f->transport), RESULT_OK);
        const struct segment *segment = transport_segment(&f->transport, 0);
        assert_int_equal(segment->size, sent - consumed);
        assert_true(segment->data + segment->size <=
                    f->transport.receive->ring->base + 2 * RING_SIZE);
        assert_stream(segment->data, consumed, segment->size);
        size_t part = consumed % 17011 + 1;
        part = part < segment->size ? part : segment->size;
        transport_consume(&f->transport, part);
        consumed += part;
    }
}

// --- Closing ---

static void test_closing_gives_everything_back(void **state) {
    struct fixture *f = *state;
    static const struct record_layer wiped;
    peer_send(f, 0, 10);
    receive_and_open(f);
    assert_non_null(transport_send_buffer(&f->transport));
    transport_close(&f->transport);
    assert_no_buffers(f);
    assert_int_equal(f->transport.fd, -1);
    assert_memory_equal(f->transport.records.read.key, wiped.read.key, sizeof(wiped.read.key));
    assert_memory_equal(f->transport.records.read.secret, wiped.read.secret, RECORD_SECRET_MAX);
    assert_memory_equal(f->transport.records.write.key, wiped.write.key, sizeof(wiped.write.key));
    assert_memory_equal(f->transport.records.write.secret, wiped.write.secret, RECORD_SECRET_MAX);
    peer_receive(f, 1); // close() without close_notify: a cut for the client
    assert_true(f->ended);
    assert_false(f->closed);
    transport_close(&f->transport); // once more is fine
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SECURE_TEST(test_without_readiness_nothing_is_read_and_no_buffer_taken),
        SECURE_TEST(test_a_record_becomes_a_segment_where_it_was_received),
        SECURE_TEST(test_reading_again_finds_nothing),
        SECURE_TEST(test_a_record_in_pieces_waits_until_it_is_whole),
        SECURE_TEST(test_consuming_runs_across_segments),
        SECURE_TEST(test_a_position_moves_with_what_is_consumed),
        SECURE_TEST(test_an_empty_ring_begins_anew),
        SECURE_TEST(test_there_are_no_more_segments_than_places_for_them),
        SECURE_TEST(test_a_full_ring_is_not_read_into),
        SECURE_TEST(test_a_long_stream_of_each_suite),
        SECURE_TEST(test_close_notify_is_an_end_in_order),
        SECURE_TEST(test_an_end_without_close_notify_is_a_cut),
        SECURE_TEST(test_a_broken_connection_is_a_cut),
        SECURE_TEST(test_a_damaged_record_fails_and_gives_nothing),
        SECURE_TEST(test_a_record_of_a_wrong_type_fails),
        SECURE_TEST(test_a_fatal_alert_of_the_client_is_a_cut),
        SECURE_TEST(test_records_without_content_leave_no_trace),
        SECURE_TEST(test_a_key_update_of_the_client_is_followed),
        SECURE_TEST(test_a_key_update_that_asks_is_answered_at_once),
        SECURE_TEST(test_each_of_many_key_updates_is_answered),
        PLAIN_TEST(test_plain_bytes_are_one_segment_that_grows),
        PLAIN_TEST(test_a_plain_end_is_in_order),
        PLAIN_TEST(test_a_long_plain_stream),
        SECURE_TEST(test_closing_gives_everything_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
