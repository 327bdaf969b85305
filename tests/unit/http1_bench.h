// A session that speaks HTTP/1 between a client and servers made of memory: exchange_bench.h with a
// transport whose system calls lead to `struct memory_client`. No loop runs.
#ifndef RAVELIN_TESTS_HTTP1_BENCH_H
#define RAVELIN_TESTS_HTTP1_BENCH_H

#include "exchange_scenario.h"
#include "session/http1.h"
#include "session/http1_internal.h"
#include "session/linger.h"
#include "session/plain.h"
#include "session/records.h"

#include <sys/eventfd.h>

enum { CLIENT_BYTES_MAX = 1 << 20 };

// What the client does; 0: everything at once.
struct client_faults {
    size_t cut;    // the first bytes that come together
    size_t arrive; // then so many at once
    size_t takes;  // so many at once
    bool stays;    // does not end after its last byte
    bool secure;   // speaks in records, of at most
    size_t record; // so many bytes
    struct faults server;
};

struct memory_client {
    struct sessions sessions;
    struct session *session;
    const struct client_faults *faults;
    uint8_t *input; // as it goes over the wire
    size_t input_size, read, come, recv_left, send_left;
    bool end_read, shut, never_takes;
    int64_t round_trip_us;
    uint32_t round_trip_calls;
    uint32_t unsent_max;
    uint32_t low_water;
    uint8_t *output;
    size_t output_size;
    struct record_layer records;
    struct record_engine *engine;
};

static struct memory_client client;

// --- the client's system calls ---

static inline ssize_t client_recv(int fd, void *data, size_t size, int flags) {
    (void)fd, (void)flags;
    size_t left = client.come - client.read;
    size = size < left ? size : left;
    if (size == 0) {
        bool ends = client.read == client.input_size && !client.faults->stays;
        client.end_read |= ends;
        errno = EAGAIN;
        return ends ? 0 : -1;
    }
    memcpy(data, client.input + client.read, size);
    client.read += size;
    return (ssize_t)size;
}

static inline ssize_t client_send_parts(int fd, struct iovec *parts, size_t count) {
    (void)fd;
    size_t total = 0;
    assert_false(client.shut);
    for (size_t i = 0; i < count && client.send_left > 0; i++) {
        size_t size = parts[i].iov_len < client.send_left ? parts[i].iov_len : client.send_left;
        assert_true(client.output_size + size <= CLIENT_BYTES_MAX);
        memcpy(client.output + client.output_size, parts[i].iov_base, size);
        client.output_size += size;
        client.send_left -= size;
        total += size;
    }
    errno = EAGAIN;
    return total > 0 ? (ssize_t)total : -1;
}

static inline ssize_t client_send(int fd, const void *data, size_t size, int flags) {
    (void)flags;
    struct iovec part = {(void *)(uintptr_t)data, size};
    client.send_left = SIZE_MAX; // of an alert, for which there is room when all else was sent
    return client_send_parts(fd, &part, 1);
}

static inline int client_shutdown(int fd, int how) {
    (void)fd;
    assert_int_equal(how, SHUT_WR);
    client.shut = true;
    return 0;
}

static inline int64_t client_round_trip_us(int fd) {
    (void)fd;
    client.round_trip_calls++;
    return client.round_trip_us;
}

static inline void client_limit_unsent(int fd, uint32_t size) {
    (void)fd;
    client.unsent_max = size;
}

static inline void client_set_low_water(int fd, uint32_t size) {
    (void)fd;
    client.low_water = size;
}

// --- setting up ---

static inline int http1_start(const char *limits) {
    char text[1200];
    (void)snprintf(text, sizeof(text), "%s\n%s", limits,
                   BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 1"));
    bench_start(text);
    memset(&client, 0, sizeof(client));
    client.engine = record_engine_new();
    client.input = malloc(CLIENT_BYTES_MAX);
    client.output = malloc(CLIENT_BYTES_MAX);
    assert_true(client.engine != NULL && client.input != NULL && client.output != NULL);
    struct sessions *sessions = &client.sessions;
    sessions_init(sessions, bench.loop, (int64_t)BENCH_NOW * 1000);
    // The exchanges of sessions know this one; its lists are empty, and so can be moved.
    sessions->shared = bench.shared;
    exchange_slabs_init(&sessions->shared);
    queues_init(&sessions->shared.queues, bench.loop, bench.metrics);
    struct pool_calls calls = bench.shared.pool.calls;
    pool_init(&sessions->shared.pool, bench.loop, bench.metrics);
    sessions->shared.pool.calls = calls;
    assert_true(
        access_log_init(&sessions->shared.access_log, -1, false, ACCESS_FORMAT_JSON, &bench.log));
    pages_init(&sessions->pages, sizeof(struct session));
    http1_init(sessions);
    assert_true(transport_pools_init(&sessions->transports, bench.metrics));
    sessions->transports.calls = (struct transport_calls){
        client_recv,          client_send,         client_send_parts,   client_shutdown,
        client_round_trip_us, client_limit_unsent, client_set_low_water};
    return 0;
}

static inline int http1_set_up(void **state) {
    (void)state;
    return http1_start("");
}

static inline void close_pool(void) {
    pool_close_idle(&client.sessions.shared.pool, bench.generation.backends);
    assert_nothing_is_held();
    bench.connection_count = 0;
}

static inline int http1_tear_down(void **state) {
    if (client.session != NULL) { // the test has failed in the middle of it
        return 0;
    }
    struct sessions *sessions = &client.sessions;
    close_pool();
    sessions_stop(sessions);
    pool_free(&sessions->shared.pool);
    queues_free(&sessions->shared.queues);
    exchange_slabs_free(&sessions->shared);
    access_log_free(&sessions->shared.access_log);
    transport_pools_free(&sessions->transports);
    pages_free(&sessions->pages);
    slab_free(&sessions->http1_streams);
    record_engine_free(client.engine);
    free(client.input);
    free(client.output);
    return tear_down(state);
}

static inline void client_secrets(uint8_t ours[RECORD_SECRET_MAX],
                                  uint8_t theirs[RECORD_SECRET_MAX]) {
    memset(ours, 1, RECORD_SECRET_MAX);
    memset(theirs, 2, RECORD_SECRET_MAX);
}

static inline void commit_records(void) {
    uint8_t ours[RECORD_SECRET_MAX], theirs[RECORD_SECRET_MAX];
    struct record_layer layer;
    client_secrets(ours, theirs);
    assert_int_equal(record_layer_init(&layer, SUITE_AES_128_GCM_SHA256, ours, theirs, 0, 0, 0),
                     RESULT_OK);
    records_commit(&client.session->transport, &layer);
    assert_int_equal(
        record_layer_init(&client.records, SUITE_AES_128_GCM_SHA256, theirs, ours, 0, 0, 0),
        RESULT_OK);
}

// Appends what the client says, in records if it does.
static inline void client_says(const char *data, size_t size) {
    if (!client.faults->secure) {
        memcpy(client.input + client.input_size, data, size);
        client.input_size += size;
        return;
    }
    size_t most = client.faults->record == 0 ? RECORD_PAYLOAD_MAX : client.faults->record;
    while (size > 0) {
        size_t part = size < most ? size : most;
        uint8_t *record = client.input + client.input_size;
        uint8_t *payload = record + RECORD_HEADER_SIZE;
        memcpy(payload, data, part);
        assert_int_equal(record_seal(&client.records, client.engine, RECORD_APPLICATION_DATA,
                                     payload, part, record, payload + part + 1),
                         RESULT_OK);
        client.input_size += part + RECORD_OVERHEAD;
        data += part;
        size -= part;
    }
}

// A session whose protocol is still to be entered.
static inline void client_open(const struct client_faults *faults) {
    struct sockaddr_in peer = {.sin_family = AF_INET};
    peer.sin_addr.s_addr = htonl(0xc0000201);
    client.faults = faults;
    client.read = client.come = client.input_size = client.output_size = 0;
    client.end_read = client.shut = client.never_takes = false;
    client.send_left = faults->takes == 0 ? SIZE_MAX : faults->takes;
    bench.faults = faults->server;
    bench.calls = bench.turn = 0;
    client.session = session_new(&client.sessions, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
                                 (const struct sockaddr *)(const void *)&peer);
    assert_non_null(client.session);
    if (faults->secure) {
        commit_records();
    } else {
        plain_commit(&client.session->transport);
    }
}

// A session whose client says all of this.
static inline void client_begin(const char *input, const struct client_faults *faults) {
    client_open(faults);
    http1_enter(client.session);
    session_wait(client.session);
    client_says(input, strlen(input));
}

// --- running ---

static inline bool is_closed(void) {
    return client.session->phase == NULL;
}

static inline void follow_exchange(void) {
    const struct http1_stream *stream = is_closed() ? NULL : client.session->http1.stream;
    bench.exchange = stream == NULL ? NULL : stream->exchange;
    if (bench.exchange != NULL) {
        check_unread();
    }
}

static inline bool client_becomes_readable(void) {
    size_t left = client.input_size - client.come;
    size_t arrive = client.faults->arrive;
    if ((client.session->watcher.events & EV_READ) == 0 ||
        (client.read == client.input_size && (client.faults->stays || client.end_read))) {
        return false;
    }
    if (client.read == client.come && client.come == 0 && client.faults->cut > 0) {
        client.come =
            client.faults->cut < client.input_size ? client.faults->cut : client.input_size;
    } else if (client.read == client.come) {
        client.come += arrive == 0 || left < arrive ? left : arrive;
    }
    client.session->transport.readable = true;
    session_advance(client.session);
    return true;
}

static inline bool client_becomes_writable(void) {
    if ((client.session->watcher.events & EV_WRITE) == 0 || client.never_takes) {
        return false;
    }
    client.send_left = client.faults->takes == 0 ? SIZE_MAX : client.faults->takes;
    client.session->transport.writable = true;
    session_advance(client.session);
    return true;
}

static inline bool session_has_turn(void) {
    if (list_is_empty(&client.session->turn_node)) {
        return false;
    }
    list_remove(&client.session->turn_node);
    session_advance(client.session);
    return true;
}

static inline bool session_event(uint32_t which) {
    follow_exchange();
    if (is_closed()) {
        return false;
    }
    switch (which % 5) {
    case 0:
        return bench.exchange != NULL && server_becomes_readable();
    case 1:
        return client_becomes_readable();
    case 2:
        return bench.exchange != NULL && server_becomes_writable();
    case 3:
        return client_becomes_writable();
    default:
        return session_has_turn();
    }
}

// Lets each of `count` events come, round and round, until nothing more can happen.
static inline void client_run_events(bool (*event)(uint32_t which), uint32_t count) {
    bool any = true;
    for (uint32_t turn = 0; any; turn++) {
        assert_true(turn < TURNS_MAX);
        any = false;
        for (uint32_t i = 0; i < count && !(any && bench.faults.alone); i++) {
            any |= event(bench.faults.first_event + turn + i);
        }
    }
}

static inline void client_run(void) {
    client_run_events(session_event, 5);
    follow_exchange();
}

// All that the client sent and the session wrote is opened; text. Date lines are left out.
static inline const char *what_the_client_has(void) {
    static char text[CLIENT_BYTES_MAX];
    size_t size = 0, at = 0;
    while (client.faults->secure && at < client.output_size) {
        size_t record_size, payload_size;
        enum record_event event;
        uint8_t *payload, *record = client.output + at;
        assert_int_equal(
            record_measure(&client.records, record, client.output_size - at, &record_size),
            RESULT_OK);
        assert_in_range(record_size, 1, client.output_size - at);
        assert_int_equal(record_open(&client.records, client.engine, record, record_size, &event,
                                     &payload, &payload_size),
                         RESULT_OK);
        if (event == RECORD_EVENT_DATA) {
            memcpy(text + size, payload, payload_size);
            size += payload_size;
        }
        at += record_size;
    }
    if (!client.faults->secure) {
        memcpy(text, client.output, client.output_size);
        size = client.output_size;
    }
    text[size] = '\0';
    for (char *date = strstr(text, "Date: "); date != NULL; date = strstr(text, "Date: ")) {
        char *end = strchr(date, '\n') + 1;
        memmove(date, end, strlen(end) + 1);
    }
    return text;
}

// Closes the session, if it has not closed itself, and looks for what it holds.
static inline void client_finish(void) {
    session_close(client.session);
    session_free(client.session);
    client.session = NULL;
    bench.exchange = NULL;
    static const enum metric gauges[] = {METRIC_sessions_open, METRIC_sessions_idle,
                                         METRIC_receive_buffers, METRIC_send_buffers};
    for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
        assert_int_equal(metrics_sum(bench.metrics, 1, gauges[i]), 0);
    }
    close_pool();
}

#define HTTP1_TEST(function)                                                                       \
    cmocka_unit_test_setup_teardown(function, http1_set_up, http1_tear_down)

#endif
