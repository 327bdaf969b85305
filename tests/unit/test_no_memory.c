// A worker's service in which one allocation fails, each in its turn, or all from one on: at a
// start, at a reload, and in the middle of exchanges. It goes on, and leaves nothing behind.
#include "../fuzz/exchange_lab.h"

#include "base/reserve.h"
#include "exchange/generation.h"
#include "no_memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct lab lab;

// --- Generations ---

static bool make_generation(unsigned number, uint64_t n, bool for_good) {
    char error[CONFIG_ERROR_SIZE] = "";
    int bundle = fcntl(lab.bundles[number].files.fd, F_DUPFD_CLOEXEC, 0);
    struct server_fds servers = lab_server_fds(&lab, number);
    const struct server_fds taken = servers;
    int64_t before = no_memory.blocks;
    const struct generation_shares shares = {
        .metrics = lab.metrics, .counter = *sole_counter(), .series = sole_series()};
    memory_fail(n, for_good);
    struct generation *generation = generation_new(99, bundle, &servers, &shares, error);
    bool failed = memory_again();
    assert_true(generation != NULL || (failed && error[0] != '\0'));
    generation_release(generation);
    assert_int_equal(no_memory.blocks, before);
    assert_int_equal(fcntl(bundle, F_GETFD), -1);
    assert_int_equal(fcntl(taken.entries, F_GETFD), -1);
    assert_int_equal(fcntl(taken.states, F_GETFD), -1);
    return failed;
}

static void test_a_generation(void **state) {
    (void)state;
    for (unsigned number = 0; number < CONFIGS; number++) {
        uint64_t n = 1;
        while (make_generation(number, n, false)) {
            assert_true(make_generation(number, n, true));
            n++;
        }
        assert_true(!MEMORY_CAN_FAIL || n > 30);
    }
}

// --- Reloads ---

static bool reload(unsigned number, uint64_t n, bool for_good) {
    char error[CONFIG_ERROR_SIZE] = "";
    int listener = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int bundle = fcntl(lab.bundles[number].files.fd, F_DUPFD_CLOEXEC, 0);
    int access_log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const struct generation *former = lab.service->sessions.shared.current;
    const struct service_load load = {
        .number = ++lab.generation,
        .bundle_fd = bundle,
        .servers = lab_server_fds(&lab, number),
        .listener_fds = &listener,
        .listener_count = 1,
        .access_log_fd = access_log,
    };
    memory_fail(n, for_good);
    enum result result = service_stage(lab.service, &load, error);
    if (result == RESULT_OK) {
        service_commit(lab.service);
    }
    bool failed = memory_again();
    assert_true(result == RESULT_OK || (failed && error[0] != '\0'));
    assert_int_equal(lab.service->sessions.shared.current == former, result != RESULT_OK);
    assert_int_equal(metrics_sum(lab.metrics, 1, METRIC_generations_held), 1);
    if (result != RESULT_OK) { // closed, all of them
        assert_int_equal(fcntl(listener, F_GETFD), -1);
        assert_int_equal(fcntl(bundle, F_GETFD), -1);
        assert_int_equal(fcntl(access_log, F_GETFD), -1);
        assert_int_equal(fcntl(load.servers.entries, F_GETFD), -1);
        assert_int_equal(fcntl(load.servers.states, F_GETFD), -1);
    }
    return failed;
}

static void test_a_reload(void **state) {
    (void)state;
    for (unsigned number = 0; number < CONFIGS; number++) {
        uint64_t n = 1;
        while (reload(number, n, false)) {
            (void)reload(number, n, true);
            n++;
        }
        assert_true(!MEMORY_CAN_FAIL || n > 30);
    }
    lab_reload(&lab, 0);
}

// --- Sessions ---

static void test_a_session(void **state) {
    (void)state;
    const struct listener listener = {.sessions = &lab.service->sessions, .protocol = LISTEN_HTTPS};
    struct sockaddr_storage peer = {.ss_family = AF_INET};
    bool failed = true;
    for (uint64_t n = 1; failed; n++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair),
                         0);
        memory_fail(n, false);
        listener_start_session(&listener, pair[0], (struct sockaddr *)&peer);
        (void)ev_run(lab.loop, EVRUN_NOWAIT);
        failed = memory_again();
        assert_true(failed || !list_is_empty(&lab.service->sessions.open));
        (void)close(pair[1]);
        while (!list_is_empty(&lab.service->sessions.open)) {
            (void)ev_run(lab.loop, EVRUN_NOWAIT);
        }
        (void)ev_run(lab.loop, EVRUN_NOWAIT);
        assert_int_equal(fcntl(pair[0], F_GETFD), -1);
        assert_int_equal(metrics_sum(lab.metrics, 1, METRIC_sessions_open), 0);
        assert_int_equal(metrics_sum(lab.metrics, 1, METRIC_handshakes_open), 0);
    }
}

// --- Exchanges ---

struct talk {
    const char *request;
    size_t request_fill; // bytes of its body
    const char *response;
    size_t response_fill;
};

static const struct talk talks[] = {
    {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     0},
    {"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 200000\r\n\r\n", 200000,
     "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n", 200000},
    {"PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n0\r\nA: b\r\n\r\n",
     0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 0,
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello",
     1000},
    {"GET / HTTP/1.0\r\n\r\n", 0, "HTTP/1.1 200 OK\r\n\r\n", 100000},
    {"POST / HTTP/1.1\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx", 0,
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n", 0},
    {"GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n", 0,
     "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n", 0},
    {"nonsense\r\n\r\n", 0, "", 0},
};

static uint8_t filler[200000];

// Only the worker's side can fail.
static void turns(int count) {
    for (int i = 0; i < count; i++) {
        no_memory.paused = false;
        (void)ev_run(lab.loop, EVRUN_NOWAIT);
        no_memory.paused = true;
        lab_servers_accept(&lab);
        lab_servers_read(&lab);
        lab_client_reads(&lab, STREAM_MAX);
    }
}

// What is sent in one go is at most what a socket takes; what is left of a fill is left out, and
// its exchange ends with its connection.
static void say(const struct talk *talk) {
    lab_client_sends(&lab, (const uint8_t *)talk->request, strlen(talk->request));
    for (size_t sent = 0; sent < talk->request_fill; sent += 20000) {
        lab_client_sends(&lab, filler, 20000);
        turns(3);
    }
    turns(4);
    lab_server_sends(&lab, (const uint8_t *)talk->response, strlen(talk->response));
    for (size_t sent = 0; sent < talk->response_fill; sent += 20000) {
        lab_server_sends(&lab, filler, 20000);
        turns(3);
    }
    turns(4);
}

// Nothing is kept from the conversation before.
static void drop_spares(void) {
    for (int i = 0; i < 64; i++) {
        transport_pools_trim(&lab.service->sessions.transports);
        slab_trim(&lab.service->sessions.shared.exchange_slab);
    }
}

static bool converse(const struct talk *talk, bool secure, uint64_t n, bool for_good) {
    drop_spares();
    lab_connect(&lab, secure);
    memory_fail(n, for_good);
    say(talk);
    if (lab.session != NULL && !list_is_empty(&lab.service->sessions.open)) {
        say(talk);
    }
    no_memory.paused = false;
    bool failed = memory_again();
    assert_true(failed || lab.received.size > 0);
    lab_finish(&lab); // checks that nothing is open any more
    return failed;
}

static void try_talks(bool secure) {
    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        uint64_t n = 1;
        while (converse(&talks[i], secure, n, false)) {
            (void)converse(&talks[i], secure, n, true);
            n++;
        }
        assert_true(!MEMORY_CAN_FAIL || n > 5);
        assert_false(converse(&talks[i], secure, UINT64_MAX - 1, false));
        int64_t before = no_memory.blocks;
        assert_false(converse(&talks[i], secure, UINT64_MAX - 1, false));
        assert_int_equal(no_memory.blocks, before);
    }
}

static void test_exchanges_over_records(void **state) {
    (void)state;
    try_talks(true);
}

static void test_exchanges_in_plain(void **state) {
    (void)state;
    try_talks(false);
}

static int set_up_all(void **state) {
    (void)state;
    memset(filler, 'f', sizeof(filler));
    assert_true(reserve_open());
    ev_set_allocator(reserve_realloc);
    assert_int_equal(tls_library_init(), RESULT_OK);
    lab_start(&lab);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    lab_remove_files(&lab);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_generation),       cmocka_unit_test(test_a_reload),
        cmocka_unit_test(test_a_session),          cmocka_unit_test(test_exchanges_over_records),
        cmocka_unit_test(test_exchanges_in_plain),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
