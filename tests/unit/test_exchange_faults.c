// An exchange whose stream fails, whose client goes, whose server talks nonsense, or that finds no
// memory, at every point: it must end, say why, and hold nothing.
#include "no_memory.h" // before what allocates for the test

#include "exchange_scenario.h"

static const struct scenario scenarios[] = {
    {.request = GET, .scripts = {{.reply = OK_HELLO}}},
    {.request = GET,
     .scripts = {{.reply = "HTTP/1.1 103 Early Hints\r\n\r\n" OK_CHUNKED
                           "5\r\nhello\r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n"}}},
    {.request = GET, .scripts = {{.reply = "HTTP/1.1 200 OK\r\n\r\nhello", .closes = true}}},
    {.request = POST(12), .body = "Hello world!", .scripts = {{.reply = OK_HELLO}}},
    {.request = POST_CHUNKED,
     .body = "Hello world!",
     .trailer = {.name = SLICE("A"), .value = SLICE("b")},
     .scripts = {{.reply = OK_CHUNKED "5\r\nhello\r\n0\r\n\r\n"}}},
    {.request = UPGRADE, .tunnel = "x", .scripts = {{.reply = SWITCH "hello", .closes = true}}},
    {.request = GET,
     .scripts = {{.reply = "", .closes = true}, {.reply = OK_HELLO}},
     .script_count = 2},
    {.request = GET, .scripts = {{.pending = true, .reply = OK_HELLO}}},
    {.request = "GET /gone/ HTTP/1.1\r\nHost: a.test\r\n\r\n", .scripts = {{.reply = ""}}},
};

enum { SCENARIOS = sizeof(scenarios) / sizeof(scenarios[0]), POINTS = 40 };

// Runs to whatever end. *result: of it.
static void run_to_an_end(const struct scenario *scenario, const struct faults *faults,
                          enum result *result) {
    scenario_begin(scenario, faults);
    *result = RESULT_ERROR;
    if (bench.exchange != NULL) {
        *result = bench_advance();
        assert_int_not_equal(*result, RESULT_AGAIN);
        bench_finish();
    }
    memory_stream_finish(&bench.memory);
    bench_forget_connections();
}

// What is recorded is a beginning of what it would be without the fault, or an answer.
static void assert_beginning(const char *whole) {
    const char *record = bench.memory.record;
    const char *answer = strstr(record, "{answer ");
    size_t size = answer == NULL ? strlen(record) : (size_t)(answer - record);
    assert_memory_equal(record, whole, size);
    assert_true(answer == NULL || size == 0 || memcmp(record, "{1", 2) == 0);
}

// Has every scenario fail at every point. `fault(n)` sets it.
static void fail_everywhere(void (*set)(struct faults *faults, uint32_t n), uint32_t points) {
    enum result result;
    for (size_t i = 0; i < SCENARIOS; i++) {
        char whole[200];
        run_to_an_end(&scenarios[i], &(struct faults){.steps = 0}, &result);
        assert_int_equal(result, RESULT_OK);
        (void)snprintf(whole, sizeof(whole), "%s", bench.memory.record);
        for (uint32_t n = 1; n <= points; n++) {
            for (uint32_t gives = 0; gives < 60; gives += 7) {
                struct faults faults = {.server_gives = gives, .client_takes = gives / 2};
                set(&faults, n);
                run_to_an_end(&scenarios[i], &faults, &result);
                assert_beginning(whole);
                assert_true(result == RESULT_ERROR || bench.account.ended != NULL ||
                            strcmp(whole, bench.memory.record) == 0);
            }
        }
    }
}

static void break_flush(struct faults *faults, uint32_t n) {
    faults->flush_breaks = n;
}

static void take_room(struct faults *faults, uint32_t n) {
    faults->no_room = n;
}

static void fail_head(struct faults *faults, uint32_t n) {
    faults->head_fails = n;
}

static void fail_data(struct faults *faults, uint32_t n) {
    faults->data_fails = n;
}

static void fail_end(struct faults *faults, uint32_t n) {
    faults->end_fails = n;
}

static void fail_head_and_answer(struct faults *faults, uint32_t n) {
    faults->head_fails = n;
    faults->answer_fails = 1;
}

static void test_a_connection_that_breaks_at_every_flush(void **state) {
    (void)state;
    fail_everywhere(break_flush, POINTS);
}

static void test_no_room_at_every_point(void **state) {
    (void)state;
    fail_everywhere(take_room, POINTS);
}

static void test_heads_data_and_ends_that_fail(void **state) {
    (void)state;
    fail_everywhere(fail_head, 3);
    fail_everywhere(fail_data, 12);
    fail_everywhere(fail_end, 1);
}

static void test_answers_that_fail(void **state) {
    (void)state;
    for (uint32_t n = 1; n < 3; n++) {
        struct faults faults = {.answer_fails = n};
        fail_head_and_answer(&faults, n);
        enum result result;
        run_to_an_end(&scenarios[0], &faults, &result);
        assert_int_equal(result, n == 1 ? RESULT_ERROR : RESULT_OK);
        // An exchange that would begin with its answer does not begin.
        scenario_begin(&scenarios[SCENARIOS - 1], &faults);
        assert_null(bench.exchange);
        memory_stream_finish(&bench.memory);
        assert_nothing_is_held();
    }
}

// A stream that is cut in the middle of anything: by its client, or because the service ends.
static void test_the_end_at_every_point(void **state) {
    (void)state;
    for (size_t i = 0; i < SCENARIOS; i++) {
        for (uint32_t n = 1; n < 60; n++) {
            const struct faults faults = {.steps = 1,
                                          .arrive = 1,
                                          .server_gives = 3,
                                          .server_takes = 40,
                                          .client_takes = 2,
                                          .alone = true,
                                          .first_event = n};
            scenario_begin(&scenarios[i], &faults);
            assert_non_null(bench.exchange);
            enum result result = RESULT_AGAIN;
            for (uint32_t turn = 0; turn < n && result == RESULT_AGAIN; turn++) {
                bench.memory.steps_left = 1;
                result = exchange_advance(bench.exchange);
                if (result == RESULT_AGAIN) {
                    exchange_arm(bench.exchange);
                    (void)bench_events();
                }
            }
            bench_finish();
            bench_forget_connections();
        }
    }
}

// --- nonsense ---

// `started`: the client has the head already.
static void assert_bad(const char *reply, const char *why, bool started) {
    for (uint32_t n = 1; n < strlen(reply); n++) {
        scenario_run(&(struct scenario){.request = GET,
                                        .scripts = {{.reply = reply}},
                                        .result = started ? RESULT_ERROR : RESULT_OK},
                     &(struct faults){.server_gives = started ? n % 9 + 1 : n});
        assert_string_equal(bench.account.ended, why);
        assert_int_equal(bench.account.status, started ? 200 : 502);
        assert_int_equal(bench_server(0)->idle_count, 0);
        if (!started) {
            assert_string_equal(bench.memory.record, "{answer 502}");
        }
        bench_forget_connections();
    }
}

static void test_responses_that_are_none(void **state) {
    (void)state;
    assert_bad("SSH-2.0-OpenSSH_9.9\r\n\r\n",
               "status line does not begin with HTTP/1.0 or HTTP/1.1", false);
    assert_bad("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
               "Content-Length of two values", false);
    assert_bad(SWITCH, "101 that was not asked for", false);
}

static void test_bodies_that_are_none(void **state) {
    (void)state;
    assert_bad(OK_CHUNKED "5\r\nhello\r\n5\r\nworldX", "chunk data not followed by CRLF", true);
    assert_bad(OK_CHUNKED "5\r\nhello\r\nx\r\n", "malformed or too large chunk size", true);
}

static void test_a_tunnel_before_the_end_of_the_request(void **state) {
    (void)state;
    static const char request[] = "POST / HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\n"
                                  "Upgrade: websocket\r\nContent-Length: 5\r\n\r\n";
    struct scenario scenario = {.request = request,
                                .body = "12345",
                                .scripts = {{.reply = SWITCH "x", .when = AFTER_HEAD}}};
    for (int failed = 0; failed < 2; failed++) { // its end may be a write that failed, too
        scenario.scripts[0].write_max = failed ? 240 : 0;
        scenario.scripts[0].write_error = EPIPE;
        scenario.scripts[0].closes = failed;
        scenario_begin(&scenario, &(struct faults){.alone = true});
        bench.memory.waits_for_100 = !failed;
        assert_int_equal(bench_advance(), RESULT_OK);
        bench_finish();
        assert_string_equal(bench.memory.record, "{answer 502}");
        assert_string_equal(bench.account.ended, "101 before the end of the request");
        bench_forget_connections();
    }
}

// --- memory ---

// The n-th allocation fails, or all from that one on: by malloc(), with slabs that hold nothing.
static void test_no_memory_at_every_point(void **state) {
    (void)state;
    enum result ignored;
    for (size_t i = 0; i < SCENARIOS; i++) { // what the loop and the test allocate once
        run_to_an_end(&scenarios[i], &(struct faults){.steps = 0}, &ignored);
    }
    for (size_t i = 0; i < SCENARIOS; i++) {
        for (int for_good = 0; for_good < 2; for_good++) {
            bool failed = true;
            for (uint64_t n = 1; failed; n++) {
                enum result result;
                exchange_slabs_free(&bench.shared);
                slab_free(&bench.shared.pool.leases);
                const struct faults faults = {.server_gives = n % 2 == 0 ? 0 : 30};
                memory_fail(n, for_good);
                run_to_an_end(&scenarios[i], &faults, &result);
                failed = memory_again();
                assert_true(n < 50);
                assert_true(failed || result == RESULT_OK);
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_a_connection_that_breaks_at_every_flush),
        BENCH_TEST(test_no_room_at_every_point),
        BENCH_TEST(test_heads_data_and_ends_that_fail),
        BENCH_TEST(test_answers_that_fail),
        BENCH_TEST(test_the_end_at_every_point),
        BENCH_TEST(test_responses_that_are_none),
        BENCH_TEST(test_bodies_that_are_none),
        BENCH_TEST(test_a_tunnel_before_the_end_of_the_request),
        BENCH_TEST(test_no_memory_at_every_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
