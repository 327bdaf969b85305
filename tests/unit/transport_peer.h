// A transport on one end of a socket pair, and the client with its own record layer at the other.
#ifndef RAVELIN_TESTS_TRANSPORT_PEER_H
#define RAVELIN_TESTS_TRANSPORT_PEER_H

#include "session/plain.h"
#include "session/records.h"
#include "session/transport.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { RECEIVED_MAX = 4 << 20, PEER_PATIENCE_MS = 20000 };

struct fixture {
    struct metrics_slot *metrics;
    struct transport_pools pools;
    struct transport transport;
    // The client.
    int fd;
    struct record_layer layer;
    struct record_engine *engine;
    uint8_t record[RECORD_SIZE_MAX + 64];
    size_t record_size;
    uint8_t *arrived; // bytes that make no whole record yet
    size_t arrived_size;
    uint8_t *received; // plaintext
    size_t received_size;
    size_t records; // of application data
    size_t key_updates;
    bool closed; // close_notify came
    bool ended;  // the connection's end came
};

// The byte at a place in a stream: no two runs of it look alike.
static inline uint8_t stream_byte(size_t at) {
    return (uint8_t)(at * 31 + (at >> 8) * 7 + (at >> 16) * 3);
}

static inline void fill_stream(uint8_t *data, size_t at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        data[i] = stream_byte(at + i);
    }
}

static inline void assert_stream(const uint8_t *data, size_t at, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (data[i] != stream_byte(at + i)) {
            fail_msg("byte %zu of the stream is wrong", at + i);
        }
    }
}

// Both sides' records, under `limit` records a key on the transport's side (0: the suite's own).
static inline void start_records(struct fixture *f, uint16_t suite, uint64_t limit) {
    uint8_t client[RECORD_SECRET_MAX], server[RECORD_SECRET_MAX];
    for (size_t i = 0; i < RECORD_SECRET_MAX; i++) {
        client[i] = (uint8_t)(i + 1);
        server[i] = (uint8_t)(0x80 + i);
    }
    struct record_layer layer;
    assert_int_equal(record_layer_init(&layer, suite, client, server, 0, 0, limit), RESULT_OK);
    records_commit(&f->transport, &layer);
    assert_int_equal(record_layer_init(&f->layer, suite, server, client, 0, 0, 0), RESULT_OK);
}

static inline void start_transport(struct fixture *f, bool secure) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    transport_init(&f->transport, &f->pools, pair[0]);
    f->fd = pair[1];
    if (secure) {
        start_records(f, SUITE_AES_128_GCM_SHA256, 0);
    } else {
        plain_commit(&f->transport);
    }
}

static inline int fixture_start(void **state, bool secure) {
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->metrics = metrics_map(1);
    f->engine = record_engine_new();
    f->arrived = malloc(RECEIVED_MAX);
    f->received = malloc(RECEIVED_MAX);
    assert_true(f->metrics != NULL && f->engine != NULL && f->arrived != NULL &&
                f->received != NULL);
    assert_true(transport_pools_init(&f->pools, f->metrics));
    start_transport(f, secure);
    *state = f;
    return 0;
}

static inline int set_up_secure(void **state) {
    return fixture_start(state, true);
}

static inline int set_up_plain(void **state) {
    return fixture_start(state, false);
}

static inline uint64_t metric(const struct fixture *f, enum metric which) {
    return metrics_sum(f->metrics, 1, which);
}

static inline void assert_no_buffers(const struct fixture *f) {
    assert_null(f->transport.receive);
    assert_null(f->transport.send);
    assert_int_equal(metric(f, METRIC_receive_buffers), 0);
    assert_int_equal(metric(f, METRIC_send_buffers), 0);
}

// Between records an engine, which is one page, knows no key. All zeros: wiped with the transport.
static inline void assert_not_in_the_engine(const struct fixture *f, const uint8_t key[16]) {
    static const uint8_t zeros[16];
    if (memcmp(key, zeros, sizeof(zeros)) != 0) {
        assert_null(memmem(f->pools.engine, 4096, key, sizeof(zeros)));
    }
}

static inline int tear_down(void **state) {
    struct fixture *f = *state;
    assert_not_in_the_engine(f, f->transport.records.read.key);
    assert_not_in_the_engine(f, f->transport.records.write.key);
    transport_close(&f->transport);
    assert_no_buffers(f);
    transport_pools_free(&f->pools);
    record_engine_free(f->engine);
    metrics_unmap(f->metrics, 1);
    (void)close(f->fd);
    free(f->arrived);
    free(f->received);
    free(f);
    return 0;
}

// --- The client sends ---

static inline void wait_for(int fd, short events) {
    struct pollfd wanted = {.fd = fd, .events = events};
    assert_int_equal(poll(&wanted, 1, PEER_PATIENCE_MS), 1);
}

static inline void peer_write(struct fixture *f, const void *data, size_t size) {
    ssize_t sent = send(f->fd, data, size, MSG_NOSIGNAL);
    assert_int_equal(sent, size); // no test sends more than the socket takes
}

// A record of the stream, in f->record.
static inline void peer_seal(struct fixture *f, size_t at, size_t size) {
    uint8_t *payload = f->record + RECORD_HEADER_SIZE;
    fill_stream(payload, at, size);
    assert_int_equal(record_seal(&f->layer, f->engine, RECORD_APPLICATION_DATA, payload, size,
                                 f->record, payload + size + 1),
                     RESULT_OK);
    f->record_size = size + RECORD_OVERHEAD;
}

static inline void peer_send(struct fixture *f, size_t at, size_t size) {
    peer_seal(f, at, size);
    peer_write(f, f->record, f->record_size);
}

static inline void peer_send_alert(struct fixture *f, uint8_t alert) {
    uint8_t record[RECORD_ALERT_SIZE];
    assert_int_equal(record_seal_alert(&f->layer, f->engine, alert, record), RESULT_OK);
    peer_write(f, record, sizeof(record));
}

// `asks`: for a KeyUpdate of ours. The record layer asks when its read key is half used up.
static inline void peer_send_key_update(struct fixture *f, bool asks) {
    uint8_t record[RECORD_KEY_UPDATE_SIZE];
    uint64_t sequence = f->layer.read.sequence;
    uint64_t limit = f->layer.read.limit;
    f->layer.read.limit = asks ? 0 : UINT64_MAX;
    f->layer.update_asked = false;
    assert_int_equal(record_seal_key_update(&f->layer, f->engine, record), RESULT_OK);
    assert_true(f->layer.read.sequence == sequence);
    f->layer.read.limit = limit;
    f->layer.key_update_due = false;
    peer_write(f, record, sizeof(record));
}

// --- The client receives ---

static inline size_t peer_open_one(struct fixture *f, uint8_t *record, size_t size) {
    size_t record_size;
    enum record_event event;
    uint8_t *payload;
    size_t payload_size;
    uint16_t key_updates = f->layer.key_updates;
    assert_int_equal(record_measure(&f->layer, record, size, &record_size), RESULT_OK);
    if (record_size == 0 || record_size > size) {
        return 0;
    }
    assert_int_equal(
        record_open(&f->layer, f->engine, record, record_size, &event, &payload, &payload_size),
        RESULT_OK);
    if (event == RECORD_EVENT_DATA) {
        assert_true(f->received_size + payload_size <= RECEIVED_MAX);
        memcpy(f->received + f->received_size, payload, payload_size);
        f->received_size += payload_size;
        f->records++;
    }
    f->key_updates += f->layer.key_updates > key_updates;
    f->closed |= event == RECORD_EVENT_CLOSED;
    return record_size;
}

static inline void peer_open(struct fixture *f) {
    size_t at = 0, size = 1;
    while (size > 0 && at < f->arrived_size && !f->closed && f->layer.peer_alert == 0) {
        size = peer_open_one(f, f->arrived + at, f->arrived_size - at);
        at += size;
    }
    memmove(f->arrived, f->arrived + at, f->arrived_size - at);
    f->arrived_size -= at;
}

// Takes what has arrived by now, at most `most` bytes of it.
static inline void peer_receive(struct fixture *f, size_t most) {
    size_t room = RECEIVED_MAX - f->arrived_size;
    ssize_t size = recv(f->fd, f->arrived + f->arrived_size, most < room ? most : room, 0);
    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return;
    }
    f->ended |= size == 0;
    f->arrived_size += (size_t)size;
    if (f->transport.in_records) {
        peer_open(f);
    } else {
        memcpy(f->received + f->received_size, f->arrived, f->arrived_size);
        f->received_size += f->arrived_size;
        f->arrived_size = 0;
    }
}

// --- The transport ---

static inline enum result receive(struct fixture *f) {
    f->transport.readable = true;
    return transport_receive(&f->transport);
}

// What has arrived becomes segments.
static inline void receive_and_open(struct fixture *f) {
    assert_int_equal(receive(f), RESULT_OK);
    assert_int_equal(transport_open(&f->transport), RESULT_OK);
}

static inline void assert_segment(const struct fixture *f, uint32_t index, size_t at, size_t size) {
    assert_in_range(index + 1, 1, transport_segment_count(&f->transport));
    const struct segment *segment = transport_segment(&f->transport, index);
    assert_int_equal(segment->size, size);
    assert_stream(segment->data, at, size);
}

#define SECURE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_secure, tear_down)
#define PLAIN_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_plain, tear_down)

#endif
