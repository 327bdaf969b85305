// What the kinds of a transport differ in, the commit point, and system calls that fail.
#include "session/transport_kind.h"
#include "transport_peer.h"

static int set_up_raw(void **state) {
    int pair[2];
    if (fixture_start(state, false) != 0) {
        return -1;
    }
    struct fixture *f = *state;
    transport_close(&f->transport);
    (void)close(f->fd);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    transport_init(&f->transport, &f->pools, pair[0]);
    f->fd = pair[1];
    return 0;
}

#define RAW_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_raw, tear_down)

static void peer_ends(const struct fixture *f) {
    assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
}

static void add(struct fixture *f, uint32_t slot, size_t at, size_t size) {
    struct send_buffer *buffer = transport_send_buffer(&f->transport);
    assert_non_null(buffer);
    fill_stream(slot_payload(buffer, slot), at, size);
    assert_true(transport_add_span(buffer, slot, slot_payload(buffer, slot), size));
}

// --- What an end of the connection means ---

static void end_is(struct fixture *f, enum transport_end end) {
    peer_ends(f);
    assert_int_equal(receive(f), RESULT_EOF);
    assert_int_equal(f->transport.end, end);
    assert_false(transport_wants_receive(&f->transport));
}

static void test_the_end_of_a_raw_connection_is_a_cut(void **state) {
    end_is(*state, TRANSPORT_CUT);
}

static void test_the_end_of_a_plain_connection_is_in_good_order(void **state) {
    end_is(*state, TRANSPORT_ENDED);
}

static void test_the_end_without_close_notify_is_a_cut(void **state) {
    end_is(*state, TRANSPORT_CUT);
}

static ssize_t recv_end(int fd, void *data, size_t size, int flags) {
    (void)fd, (void)data, (void)size, (void)flags;
    return 0;
}

// A close_notify that lies unopened in the ring when the end is read does not make it a good one.
static void test_an_end_never_becomes_a_better_one(void **state) {
    struct fixture *f = *state;
    peer_send_alert(f, ALERT_CLOSE_NOTIFY);
    assert_int_equal(receive(f), RESULT_OK);
    f->pools.calls.recv = recv_end;
    assert_int_equal(receive(f), RESULT_EOF);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
}

// --- Raw, and the commit point ---

static void test_a_raw_transport_gives_out_no_plaintext(void **state) {
    struct fixture *f = *state;
    peer_write(f, "hello", 5);
    receive_and_open(f);
    assert_false(transport_has_segments(&f->transport));
    struct transport_input input = transport_input(&f->transport);
    assert_int_equal(input.size, 5);
    assert_memory_equal(input.data, "hello", 5);
    transport_take(&f->transport, 2);
    assert_memory_equal(transport_input(&f->transport).data, "llo", 3);
    transport_trim(&f->transport); // takes nothing that is needed
    assert_int_equal(transport_input(&f->transport).size, 3);
    transport_take(&f->transport, 3);
    transport_trim(&f->transport);
    assert_no_buffers(f);
    assert_null(transport_input(&f->transport).data);
    transport_take(&f->transport, 0);
}

static void test_a_raw_transport_sends_no_plaintext(void **state) {
    struct fixture *f = *state;
    add(f, 0, 0, 100);
    assert_int_equal(transport_seal(&f->transport), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_false(transport_has_unsent(&f->transport));
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->received_size, 0);
}

static void test_a_raw_transport_ends_without_an_alert(void **state) {
    struct fixture *f = *state;
    assert_int_equal(transport_send_key_update(&f->transport), RESULT_OK);
    transport_shutdown(&f->transport, ALERT_CLOSE_NOTIFY);
    peer_receive(f, RECEIVED_MAX);
    assert_true(f->ended);
    assert_int_equal(f->received_size, 0);
}

// The client's first request may come in the packet of its last handshake message.
static void test_what_was_not_taken_is_opened_after_the_commit(void **state) {
    struct fixture *f = *state;
    struct fixture *keys = calloc(1, sizeof(*keys)); // its transport is not used
    assert_non_null(keys);
    keys->engine = f->engine;
    transport_init(&keys->transport, &f->pools, -1);
    start_records(keys, SUITE_AES_128_GCM_SHA256, 0);
    f->layer = keys->layer;
    peer_write(f, "handshake", 9);
    peer_send(f, 0, 100);
    assert_int_equal(receive(f), RESULT_OK);
    transport_take(&f->transport, 9);
    records_commit(&f->transport, &keys->transport.records);
    assert_true(transport_is_cold(&f->transport));
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_int_equal(transport_segment_count(&f->transport), 1);
    assert_segment(f, 0, 0, 100);
    // The secrets have moved.
    static const uint8_t zeros[RECORD_SECRET_MAX];
    assert_memory_equal(keys->transport.records.read.secret, zeros, sizeof(zeros));
    assert_memory_equal(keys->transport.records.write.key, zeros, 32);
    transport_close(&keys->transport);
    free(keys);
}

static void test_what_was_not_taken_is_plain_after_the_commit(void **state) {
    struct fixture *f = *state;
    peer_write(f, "PROXY \r\n", 8);
    uint8_t data[50];
    fill_stream(data, 0, sizeof(data));
    peer_write(f, data, sizeof(data));
    assert_int_equal(receive(f), RESULT_OK);
    transport_take(&f->transport, 8);
    plain_commit(&f->transport);
    assert_false(transport_is_cold(&f->transport));
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
    assert_segment(f, 0, 0, sizeof(data));
}

// --- System calls that fail. A script says what each call does ---

enum { SCRIPT_MAX = 16 };
static struct {
    int steps[SCRIPT_MAX]; // > 0: bytes that are taken; < 0: errno; 0: the script is over
    size_t next;
} script;

// How many of `size` bytes the call takes; -1: none, with errno.
static ssize_t next_step(size_t size) {
    int step = script.next < SCRIPT_MAX ? script.steps[script.next] : 0;
    if (step != 0) {
        script.next++;
    }
    if (step < 0) {
        errno = -step;
        return -1;
    }
    return step == 0 || (size_t)step > size ? (ssize_t)size : step;
}

static ssize_t scripted_send(int fd, const void *data, size_t size, int flags) {
    ssize_t part = next_step(size);
    return part < 0 ? part : send(fd, data, (size_t)part, flags);
}

static ssize_t scripted_send_parts(int fd, struct iovec *parts, size_t count) {
    assert_true(count > 0 && parts[0].iov_len > 0);
    ssize_t part = next_step(parts[0].iov_len);
    return part < 0 ? part : send(fd, parts[0].iov_base, (size_t)part, MSG_NOSIGNAL);
}

static ssize_t scripted_recv(int fd, void *data, size_t size, int flags) {
    ssize_t part = next_step(size);
    return part < 0 ? part : recv(fd, data, (size_t)part, flags);
}

static void play(struct fixture *f, const int *steps, size_t count) {
    memset(&script, 0, sizeof(script));
    memcpy(script.steps, steps, count * sizeof(*steps));
    f->pools.calls.send = scripted_send;
    f->pools.calls.send_parts = scripted_send_parts;
    f->pools.calls.recv = scripted_recv;
}

#define PLAY(f, ...)                                                                               \
    play(f, (const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int))

static void test_raw_bytes_go_on_where_a_write_stopped(void **state) {
    struct fixture *f = *state;
    size_t sent = 7;
    PLAY(f, 2, -EINTR, 1, -EAGAIN);
    assert_int_equal(transport_write(&f->transport, SLICE("handshake"), &sent), RESULT_AGAIN);
    assert_int_equal(sent, 3);
    assert_false(f->transport.writable);
    assert_int_equal(transport_write(&f->transport, SLICE("dshake"), &sent), RESULT_OK);
    assert_int_equal(sent, 6);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->received_size, 9);
    assert_memory_equal(f->received, "handshake", 9);
    assert_true(f->transport.sent == 0); // that counts what comes after the commit
}

static void test_a_failed_write_is_a_cut(void **state) {
    struct fixture *f = *state;
    size_t sent = 7;
    PLAY(f, 4, -EPIPE);
    assert_int_equal(transport_write(&f->transport, SLICE("handshake"), &sent), RESULT_ERROR);
    assert_int_equal(sent, 4);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
}

// The socket takes one byte, then none until it is writable again.
static ssize_t send_one(int fd, struct iovec *parts, size_t count) {
    static bool full;
    assert_true(count > 0 && parts[0].iov_len > 0);
    full = !full;
    if (!full) {
        errno = EAGAIN;
        return -1;
    }
    return send(fd, parts[0].iov_base, 1, MSG_NOSIGNAL);
}

static void sends_byte_by_byte(struct fixture *f, size_t overhead) {
    f->pools.calls.send_parts = send_one;
    add(f, 0, 0, 300);
    add(f, 1, 300, 200);
    assert_int_equal(transport_seal(&f->transport), RESULT_OK);
    size_t turns = 1;
    while (transport_flush(&f->transport) == RESULT_AGAIN) {
        f->transport.writable = true;
        peer_receive(f, RECEIVED_MAX);
        turns++;
        assert_in_range(turns, 1, 2000);
    }
    assert_false(transport_has_unsent(&f->transport));
    assert_true(f->transport.sent == 500 + overhead);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->received_size, 500);
    assert_stream(f->received, 0, 500);
}

static void test_a_plain_transport_sends_byte_by_byte(void **state) {
    sends_byte_by_byte(*state, 0);
}

static void test_records_are_sent_byte_by_byte(void **state) {
    sends_byte_by_byte(*state, 2 * (size_t)RECORD_OVERHEAD);
}

static void test_an_interrupted_send_is_tried_again(void **state) {
    struct fixture *f = *state;
    PLAY(f, -EINTR, -EINTR);
    add(f, 0, 0, 30);
    assert_int_equal(transport_seal(&f->transport), RESULT_OK);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    assert_true(f->transport.writable);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->received_size, 30);
}

static void test_a_failed_send_is_a_cut(void **state) {
    struct fixture *f = *state;
    PLAY(f, 10, -ECONNRESET);
    add(f, 0, 0, 30);
    assert_int_equal(transport_seal(&f->transport), RESULT_OK);
    f->transport.writable = true;
    enum result result = transport_flush(&f->transport);
    if (result == RESULT_AGAIN) { // after a short write
        f->transport.writable = true;
        result = transport_flush(&f->transport);
    }
    assert_int_equal(result, RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
}

static void test_a_read_that_waits_changes_nothing(void **state) {
    struct fixture *f = *state;
    peer_send(f, 0, 30);
    PLAY(f, -EINTR, -EAGAIN);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(receive(f), RESULT_AGAIN);
        assert_false(f->transport.readable);
        assert_int_equal(f->transport.end, TRANSPORT_OPEN);
    }
    receive_and_open(f);
    assert_segment(f, 0, 0, 30);
}

static void test_a_read_that_fails_is_a_cut(void **state) {
    struct fixture *f = *state;
    PLAY(f, -ETIMEDOUT);
    assert_int_equal(receive(f), RESULT_ERROR);
    assert_int_equal(f->transport.end, TRANSPORT_CUT);
    assert_false(transport_wants_receive(&f->transport));
}

static void test_records_are_received_byte_by_byte(void **state) {
    struct fixture *f = *state;
    peer_seal(f, 0, 3);
    peer_write(f, f->record, f->record_size);
    for (size_t i = 0; i < f->record_size; i++) {
        assert_false(transport_has_segments(&f->transport));
        PLAY(f, 1);
        receive_and_open(f);
    }
    assert_segment(f, 0, 0, 3);
}

static void test_what_is_dropped_at_once_is_bounded(void **state) {
    struct fixture *f = *state;
    static uint8_t waste[100000];
    uint64_t dropped = 5;
    assert_int_equal(transport_drop_received(&f->transport, &dropped), RESULT_AGAIN);
    assert_true(dropped == 5);
    peer_write(f, waste, sizeof(waste));
    peer_write(f, waste, 50000);
    assert_int_equal(transport_drop_received(&f->transport, &dropped), RESULT_AGAIN);
    assert_true(dropped == 5 + 8 * 16384);
    peer_ends(f);
    assert_int_equal(transport_drop_received(&f->transport, &dropped), RESULT_AGAIN);
    assert_true(dropped == 5 + 150000);
    assert_int_equal(transport_drop_received(&f->transport, &dropped), RESULT_OK);
    assert_no_buffers(f); // and none was taken
}

// --- The connection ---

static void test_the_address_that_the_client_connected_to(void **state) {
    struct fixture *f = *state;
    const char *why;
    struct address address;
    struct transport transport;
    assert_int_equal(address_parse(SLICE("127.0.0.1:0"), &address, &why), RESULT_OK);
    int fd = socket_listen(&address, 1);
    assert_true(fd >= 0);
    transport_init(&transport, &f->pools, fd);
    address = transport_local_address(&transport);
    assert_int_equal(address.as.v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_true(address.as.v4.sin_port != 0);
    transport_close(&transport);
    address = transport_local_address(&transport); // the kernel does not tell
    assert_int_equal(address.as.any.sa_family, AF_INET);
    assert_int_equal(address.as.v4.sin_addr.s_addr, 0);
    assert_int_equal(address.as.v4.sin_port, 0);
    assert_true(transport_acknowledged(&transport) == 0);
}

// --- Another kind, as a kernel with TLS of its own would be ---

// A control message tells of an end in good order, and a mere end of the connection is a cut.

static bool control_came;
static uint8_t said;

static enum result receive_kernel(struct transport *transport) {
    if (control_came) {
        transport_ends(transport, TRANSPORT_ENDED);
        return RESULT_EOF;
    }
    return transport_read(transport, TRANSPORT_CUT);
}

static enum result open_kernel(struct transport *transport) {
    struct receive_buffer *receive = transport->receive;
    size_t size = (size_t)(receive->ring->tail - receive->opened);
    if (size > 0 && receive->count < SEGMENTS_MAX) {
        transport_add_segment(receive, ring_at(receive->ring, receive->opened), size);
        receive->opened = receive->ring->tail;
    }
    return RESULT_OK;
}

static enum result seal_kernel(struct transport *transport) {
    struct send_buffer *buffer = transport->send;
    for (uint32_t i = 0; i < buffer->span_count; i++) {
        transport_add_iov(buffer, buffer->spans[i].data, buffer->spans[i].size);
    }
    return RESULT_OK;
}

static bool owes_kernel(const struct transport *transport) {
    (void)transport;
    return false;
}

static void say_kernel(struct transport *transport, uint8_t alert) {
    (void)transport;
    said = alert;
}

static const struct transport_kind kernel_kind = {
    .in_records = true,
    .receive = receive_kernel,
    .open = open_kernel,
    .seal = seal_kernel,
    .owes = owes_kernel,
    .say = say_kernel,
};

static void test_a_kind_is_a_row_of_verbs(void **state) {
    struct fixture *f = *state;
    f->transport.kind = &kernel_kind;
    control_came = false;
    uint8_t data[40];
    fill_stream(data, 0, sizeof(data));
    for (size_t i = 0; i < 2; i++) {
        peer_write(f, data + 20 * i, 20);
        receive_and_open(f);
    }
    assert_int_equal(transport_segment_count(&f->transport), 2);
    assert_segment(f, 1, 20, 20);
    add(f, 0, 0, 64);
    assert_int_equal(transport_seal(&f->transport), RESULT_OK);
    assert_int_equal(transport_flush(&f->transport), RESULT_OK);
    peer_receive(f, RECEIVED_MAX);
    assert_int_equal(f->received_size, 64);
    control_came = true;
    assert_int_equal(receive(f), RESULT_EOF);
    assert_int_equal(f->transport.end, TRANSPORT_ENDED);
    transport_shutdown(&f->transport, ALERT_INTERNAL_ERROR);
    assert_int_equal(said, ALERT_INTERNAL_ERROR);
    transport_consume(&f->transport, sizeof(data));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        RAW_TEST(test_the_end_of_a_raw_connection_is_a_cut),
        PLAIN_TEST(test_the_end_of_a_plain_connection_is_in_good_order),
        SECURE_TEST(test_the_end_without_close_notify_is_a_cut),
        SECURE_TEST(test_an_end_never_becomes_a_better_one),
        RAW_TEST(test_a_raw_transport_gives_out_no_plaintext),
        RAW_TEST(test_a_raw_transport_sends_no_plaintext),
        RAW_TEST(test_a_raw_transport_ends_without_an_alert),
        RAW_TEST(test_what_was_not_taken_is_opened_after_the_commit),
        RAW_TEST(test_what_was_not_taken_is_plain_after_the_commit),
        RAW_TEST(test_raw_bytes_go_on_where_a_write_stopped),
        RAW_TEST(test_a_failed_write_is_a_cut),
        PLAIN_TEST(test_a_plain_transport_sends_byte_by_byte),
        SECURE_TEST(test_records_are_sent_byte_by_byte),
        SECURE_TEST(test_an_interrupted_send_is_tried_again),
        SECURE_TEST(test_a_failed_send_is_a_cut),
        SECURE_TEST(test_a_read_that_waits_changes_nothing),
        SECURE_TEST(test_a_read_that_fails_is_a_cut),
        SECURE_TEST(test_records_are_received_byte_by_byte),
        PLAIN_TEST(test_what_is_dropped_at_once_is_bounded),
        RAW_TEST(test_the_address_that_the_client_connected_to),
        PLAIN_TEST(test_a_kind_is_a_row_of_verbs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
