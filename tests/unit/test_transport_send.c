// The sending side of a transport; what it receives is tested in test_transport.c.
#include "transport_peer.h"

enum { BYTES_OF_4_SLOTS = 4 * SLOT_READ_MAX };

static struct send_buffer *buffer_of(struct fixture *f) {
    struct send_buffer *buffer = transport_send_buffer(&f->transport);
    assert_non_null(buffer);
    assert_ptr_equal(transport_send_buffer(&f->transport), buffer); // there is one
    return buffer;
}

// Puts a run of the stream into a slot, as a span.
static void add(struct fixture *f, uint32_t slot, size_t offset, size_t at, size_t size) {
    uint8_t *data = slot_payload(buffer_of(f), slot) + offset;
    fill_stream(data, at, size);
    assert_true(transport_add_span(f->transport.send, slot, data, size));
}

static void seal(struct fixture *f) {
    assert_int_equal(transport_seal(&f->transport), RESULT_OK);
    assert_int_equal(f->transport.send->span_count, 0);
}

// Seals and sends what the socket takes at once, and the client has it.
static void deliver(struct fixture *f) {
    seal(f);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    assert_false(transport_has_unsent(&f->transport));
    peer_receive(f, RECEIVED_MAX);
}

static void assert_received(const struct fixture *f, size_t size, size_t records) {
    assert_int_equal(f->received_size, size);
    assert_stream(f->received, 0, size);
    assert_int_equal(f->records, records);
}

// --- Spans ---

static void test_a_span_leaves_as_one_record(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 1000);
    seal(f);
    assert_true(transport_has_unsent(&f->transport));
    assert_int_equal(f->transport.send->iov_count, 1); // header, payload and tag lie together
    assert_int_equal(f->transport.send->iov[0].iov_len, 1000 + RECORD_OVERHEAD);
    assert_ptr_equal(f->transport.send->iov[0].iov_base,
                     slot_payload(f->transport.send, 0) - RECORD_HEADER_SIZE);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    peer_receive(f, RECEIVED_MAX);
    assert_received(f, 1000, 1);
    assert_int_equal(metric(f, METRIC_records_sealed), 1);
    assert_int_equal(metric(f, METRIC_send_buffers), 1);
    assert_true(f->transport.sent == 1000 + RECORD_OVERHEAD);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_spans_that_touch_are_one_record(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 10);
    add(f, 0, 10, 10, 20);
    add(f, 0, 30, 30, 1);
    assert_int_equal(f->transport.send->span_count, 1);
    deliver(f);
    assert_received(f, 31, 1);
}

static void test_a_joined_span_stays_within_a_record(void **state) {
    struct fixture *f = *state;
    struct send_buffer *buffer = buffer_of(f);
    uint8_t *data = buffer->slots[0];
    assert_true(transport_add_span(buffer, 0, data, 1000));
    assert_true(transport_add_span(buffer, 0, data + 1000, RECORD_PAYLOAD_MAX - 1000));
    assert_int_equal(buffer->span_count, 1);
    assert_true(transport_add_span(buffer, 0, data + RECORD_PAYLOAD_MAX, 1));
    assert_int_equal(buffer->span_count, 2);
    assert_int_equal(buffer->spans[0].size, RECORD_PAYLOAD_MAX);
}

static void test_spans_of_different_slots_are_not_joined(void **state) {
    struct fixture *f = *state;
    struct send_buffer *buffer = buffer_of(f);
    uint8_t *end = buffer->slots[1];
    assert_true(transport_add_span(buffer, 0, end - 10, 10));
    assert_true(transport_add_span(buffer, 1, end, 10)); // they touch in memory
    assert_int_equal(buffer->span_count, 2);
}

static void test_a_chunk_line_and_its_end_fit_around_the_payload(void **state) {
    struct fixture *f = *state;
    struct send_buffer *buffer = buffer_of(f);
    // Our chunk line before, CRLF after, and the record still is not too large.
    uint8_t *begin = slot_payload(buffer, 0) - (SLOT_LEAD - RECORD_HEADER_SIZE);
    size_t size = SLOT_LEAD - RECORD_HEADER_SIZE + SLOT_READ_MAX + 2;
    assert_in_range(size, SLOT_READ_MAX, RECORD_PAYLOAD_MAX);
    fill_stream(begin, 0, size);
    assert_true(transport_add_span(buffer, 0, begin, size));
    add(f, 1, 0, size, SLOT_READ_MAX);
    deliver(f);
    assert_received(f, size + SLOT_READ_MAX, 2);
}

static void test_there_is_a_last_span(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < SPANS_MAX; i++) {
        add(f, 0, i * 100, i * 40, 40);
    }
    struct send_buffer *buffer = buffer_of(f);
    assert_false(transport_add_span(buffer, 0, slot_payload(buffer, 0) + 5000, 40));
    assert_int_equal(buffer->span_count, SPANS_MAX);
    // One that touches the last is still taken.
    fill_stream(slot_payload(buffer, 0) + 1540, 640, 5);
    assert_true(transport_add_span(buffer, 0, slot_payload(buffer, 0) + 1540, 5));
    deliver(f);
    assert_received(f, 645, SPANS_MAX);
}

static void test_full_slots_leave_in_one_piece_each(void **state) {
    struct fixture *f = *state;
    for (uint32_t i = 0; i < SEND_SLOTS; i++) {
        add(f, i, 0, i * SLOT_READ_MAX, SLOT_READ_MAX);
    }
    seal(f);
    assert_int_equal(f->transport.send->iov_count, SEND_SLOTS);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    peer_receive(f, RECEIVED_MAX);
    assert_received(f, BYTES_OF_4_SLOTS, SEND_SLOTS);
    assert_int_equal(metric(f, METRIC_records_sealed), SEND_SLOTS);
}

// --- Gaps: a record needs 17 bytes behind its payload and 5 before ---

static void test_gaps_of_every_width(void **state) {
    struct fixture *f = *state;
    for (size_t gap = 1; gap <= 60; gap++) {
        f->received_size = f->records = 0;
        for (size_t i = 0; i < 5; i++) {
            add(f, 2, i * (30 + gap), i * 30, 30);
        }
        deliver(f);
        assert_received(f, 150, 5);
    }
}

static void test_records_lie_side_by_side_in_a_gap_that_just_fits(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 30);
    add(f, 0, 30 + RECORD_OVERHEAD, 30, 30);
    seal(f);
    assert_int_equal(f->transport.send->iov_count, 1);
    assert_int_equal(f->transport.send->iov[0].iov_len, 2 * (30 + RECORD_OVERHEAD));
}

static void test_bytes_that_wait_their_turn_are_not_touched(void **state) {
    struct fixture *f = *state;
    for (size_t gap = 1; gap <= 60; gap++) {
        f->received_size = f->records = 0;
        struct send_buffer *buffer = buffer_of(f);
        add(f, 1, 0, 0, 50);
        uint32_t begin = (uint32_t)(50 + gap);
        buffer->first_slot = gap % 2; // then it is the first part of the room
        struct room_part *part = &buffer->room.parts[1 - gap % 2];
        *part = (struct room_part){slot_payload(buffer, 1), 200, begin, begin + 40};
        fill_stream(slot_payload(buffer, 1) + begin, 50, 40);
        deliver(f);
        assert_stream(slot_payload(buffer, 1) + begin, 50, 40);
        transport_trim(&f->transport); // not while bytes wait
        assert_ptr_equal(f->transport.send, buffer);
        room_clear(&buffer->room);
        buffer->first_slot = 0;
        assert_true(transport_add_span(buffer, 1, slot_payload(buffer, 1) + begin, 40));
        deliver(f);
        assert_received(f, 90, 2);
    }
}

static void test_gaps_in_several_slots(void **state) {
    struct fixture *f = *state;
    size_t at = 0;
    for (uint32_t slot = 0; slot < SEND_SLOTS; slot++) {
        for (size_t i = 0; i < 4; i++) {
            add(f, slot, i * 1007, at, 1000 + i * 2); // gaps of 7, 5, 3
            at += 1000 + i * 2;
        }
    }
    deliver(f);
    assert_received(f, at, SPANS_MAX);
}

// --- Sending ---

// Sends the stream through slots that are filled anew, while the client takes `most` bytes at a
// time.
static void stream_through(struct fixture *f, size_t total, size_t most) {
    size_t made = 0;
    size_t waits = 0;
    while (f->received_size < total) {
        if (!transport_has_unsent(&f->transport) && made < total) {
            for (uint32_t i = 0; i < SEND_SLOTS && made < total; i++) {
                size_t size = (made / 3 + 1) % SLOT_READ_MAX + 1;
                size = size < total - made ? size : total - made;
                add(f, i, 0, made, size);
                made += size;
            }
            seal(f);
        }
        enum result result = transport_flush(&f->transport);
        assert_int_equal(result == RESULT_OK, !transport_has_unsent(&f->transport));
        if (result != RESULT_OK) {
            assert_int_equal(result, RESULT_AGAIN);
            assert_false(f->transport.writable);
            waits++;
        }
        peer_receive(f, most);
        f->transport.writable = true; // as the loop would tell
    }
    assert_received(f, total, f->records);
    assert_true(waits > 100);
}

static void test_a_client_that_takes_little_at_a_time(void **state) {
    struct fixture *f = *state;
    int small = 1; // the kernel makes it its smallest
    assert_int_equal(setsockopt(f->transport.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    stream_through(f, 1000000, 1777);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

static void test_a_plain_client_that_takes_little_at_a_time(void **state) {
    struct fixture *f = *state;
    int small = 1;
    assert_int_equal(setsockopt(f->transport.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    stream_through(f, 1000000, 1777);
    assert_true(f->transport.sent == 1000000);
    assert_int_equal(metric(f, METRIC_key_updates), 0);
}

static void test_without_room_nothing_is_sent(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 100);
    seal(f);
    f->transport.writable = false;
    assert_int_equal(transport_flush(&f->transport), RESULT_AGAIN);
    assert_true(f->transport.sent == 0);
    transport_trim(&f->transport); // not while bytes are unsent
    assert_true(transport_has_unsent(&f->transport));
    f->transport.writable = true;
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    assert_true(f->transport.writable);
    peer_receive(f, RECEIVED_MAX);
    assert_received(f, 100, 1);
}

static void test_sending_to_nobody_is_a_cut(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 100);
    seal(f);
    (void)close(f->fd);
    f->fd = -1;
    assert_int_equal(transport_flush(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
}

static void test_flushing_nothing_is_done_at_once(void **state) {
    struct fixture *f = *state;
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    assert_no_buffers(f);
}

static void test_after_an_alert_nothing_is_sealed(void **state) {
    struct fixture *f = *state;
    transport_shutdown(&f->transport, ALERT_CLOSE_NOTIFY);
    add(f, 0, 0, 0, 100);
    assert_int_equal(transport_seal(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_false(transport_has_unsent(&f->transport));
    assert_int_equal(f->transport.send->span_count, 0);
}

static void test_a_batch_that_cannot_be_sealed_whole_is_not_sent_in_part(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 100);
    add(f, 1, 0, 100, 100);
    f->transport.send->spans[1].size = RECORD_PAYLOAD_MAX + 1; // the record layer refuses it
    assert_int_equal(transport_seal(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_false(transport_has_unsent(&f->transport));
}

static void test_plain_spans_leave_as_they_are(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 100);
    add(f, 0, 150, 100, 100);
    add(f, 3, 0, 200, 100);
    deliver(f);
    assert_received(f, 300, 0);
    transport_trim(&f->transport);
    assert_no_buffers(f);
}

// --- KeyUpdate ---

static void test_keys_are_changed_before_they_are_used_up(void **state) {
    struct fixture *f = *state;
    start_records(f, SUITE_AES_128_GCM_SHA256, 64); // records a key, not 2^24.5
    for (size_t i = 0; i < 1000; i++) {
        add(f, 0, 0, i * 10, 10);
        deliver(f);
    }
    assert_received(f, 10000, 1000);
    assert_in_range(f->key_updates, 15, 32);
    assert_int_equal(metric(f, METRIC_key_updates), f->key_updates);
}

static void test_a_due_key_update_goes_before_the_data(void **state) {
    struct fixture *f = *state;
    f->transport.records.key_update_due = true;
    add(f, 0, 0, 0, 10);
    add(f, 1, 0, 10, 10);
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    assert_int_equal(metric(f, METRIC_key_updates), 0); // the seal sends it
    deliver(f);
    assert_int_equal(f->key_updates, 1);
    assert_int_equal(metric(f, METRIC_key_updates), 1);
    assert_received(f, 20, 2);
}

static void test_a_due_key_update_is_sent_when_there_is_nothing_else(void **state) {
    struct fixture *f = *state;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    assert_no_buffers(f); // none is due
    f->transport.records.key_update_due = true;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->key_updates, 1);
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK); // once
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->key_updates, 1);
    add(f, 0, 0, 0, 10);
    deliver(f);
    assert_received(f, 10, 1);
}

static void test_a_due_key_update_waits_for_what_is_unsent(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 10);
    seal(f);
    f->transport.records.key_update_due = true;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    assert_int_equal(metric(f, METRIC_key_updates), 0);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    peer_receive(f, RECEIVED_MAX);
    assert_received(f, 10, 1);
    assert_int_equal(f->key_updates, 1);
}

static void test_a_due_key_update_leaves_what_waits_in_the_slots(void **state) {
    struct fixture *f = *state;
    struct send_buffer *buffer = buffer_of(f);
    buffer->room.parts[0].end = 40;
    fill_stream(slot_payload(buffer, 0), 0, 40);
    f->transport.records.key_update_due = true;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    assert_stream(slot_payload(buffer, 0), 0, 40);
    room_clear(&buffer->room);
    add(f, 0, 0, 0, 40);
    deliver(f);
    assert_received(f, 40, 1);
    assert_int_equal(f->key_updates, 1);
}

static void test_a_plain_connection_has_no_key_update(void **state) {
    struct fixture *f = *state;
    start_records(f, SUITE_AES_128_GCM_SHA256, 0); // though it had keys
    plain_commit(&f->transport);
    f->transport.records.key_update_due = true;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    (void)buffer_of(f);
    deliver(f);
    assert_int_equal(f->received_size, 0);
}

// --- The end ---

static void test_shutdown_says_close_notify_and_ends(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 0, 10);
    deliver(f);
    transport_shutdown(&f->transport, ALERT_CLOSE_NOTIFY);
    peer_receive(f, RECEIVED_MAX);
    assert_true(f->closed);
    peer_receive(f, RECEIVED_MAX);
    assert_true(f->ended);
    transport_shutdown(&f->transport, ALERT_CLOSE_NOTIFY); // once more says nothing more
    // Our direction is closed, the client's is not.
    peer_send(f, 0, 10);
    receive_and_open(f);
    assert_segment(f, 0, 0, 10);
}

static void test_shutdown_says_an_alert(void **state) {
    struct fixture *f = *state;
    transport_shutdown(&f->transport, ALERT_BAD_RECORD_MAC);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->layer.peer_alert, ALERT_BAD_RECORD_MAC);
    peer_receive(f, RECEIVED_MAX);
    assert_true(f->ended);
}

static void test_a_plain_shutdown_only_ends(void **state) {
    struct fixture *f = *state;
    start_records(f, SUITE_AES_128_GCM_SHA256, 0); // though it had keys
    plain_commit(&f->transport);
    transport_shutdown(&f->transport, ALERT_CLOSE_NOTIFY);
    peer_receive(f, RECEIVED_MAX);
    assert_true(f->ended);
    assert_int_equal(f->received_size, 0);
}

// --- Buffers ---

static void test_buffers_of_many_are_counted_and_reused(void **state) {
    struct fixture *f = *state;
    struct transport many[20];
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < 20; i++) {
            transport_init(&many[i], &f->pools, -1);
            struct send_buffer *buffer = transport_send_buffer(&many[i]);
            assert_non_null(buffer);
            assert_int_equal(buffer->span_count + buffer->iov_count, 0);
            assert_false(transport_has_unread(&many[i]));
            assert_false(transport_has_unsent(&many[i]));
            buffer->room.parts[3].end = 2; // left behind for who gets it next
            buffer->span_count = 3;
            buffer->iov_count = 3;
            assert_int_equal(metric(f, METRIC_send_buffers), i + 1);
        }
        for (size_t i = 0; i < 20; i++) {
            transport_close(&many[i]);
        }
        assert_int_equal(metric(f, METRIC_send_buffers), 0);
        transport_pools_trim(&f->pools);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SECURE_TEST(test_a_span_leaves_as_one_record),
        SECURE_TEST(test_spans_that_touch_are_one_record),
        SECURE_TEST(test_a_joined_span_stays_within_a_record),
        SECURE_TEST(test_spans_of_different_slots_are_not_joined),
        SECURE_TEST(test_a_chunk_line_and_its_end_fit_around_the_payload),
        SECURE_TEST(test_there_is_a_last_span),
        SECURE_TEST(test_full_slots_leave_in_one_piece_each),
        SECURE_TEST(test_gaps_of_every_width),
        SECURE_TEST(test_records_lie_side_by_side_in_a_gap_that_just_fits),
        SECURE_TEST(test_bytes_that_wait_their_turn_are_not_touched),
        SECURE_TEST(test_gaps_in_several_slots),
        SECURE_TEST(test_a_client_that_takes_little_at_a_time),
        PLAIN_TEST(test_a_plain_client_that_takes_little_at_a_time),
        SECURE_TEST(test_without_room_nothing_is_sent),
        SECURE_TEST(test_sending_to_nobody_is_a_cut),
        SECURE_TEST(test_flushing_nothing_is_done_at_once),
        SECURE_TEST(test_after_an_alert_nothing_is_sealed),
        SECURE_TEST(test_a_batch_that_cannot_be_sealed_whole_is_not_sent_in_part),
        PLAIN_TEST(test_plain_spans_leave_as_they_are),
        SECURE_TEST(test_keys_are_changed_before_they_are_used_up),
        SECURE_TEST(test_a_due_key_update_goes_before_the_data),
        SECURE_TEST(test_a_due_key_update_is_sent_when_there_is_nothing_else),
        SECURE_TEST(test_a_due_key_update_waits_for_what_is_unsent),
        SECURE_TEST(test_a_due_key_update_leaves_what_waits_in_the_slots),
        PLAIN_TEST(test_a_plain_connection_has_no_key_update),
        SECURE_TEST(test_shutdown_says_close_notify_and_ends),
        SECURE_TEST(test_shutdown_says_an_alert),
        PLAIN_TEST(test_a_plain_shutdown_only_ends),
        SECURE_TEST(test_buffers_of_many_are_counted_and_reused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
