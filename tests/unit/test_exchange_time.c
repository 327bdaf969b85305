// Time limits of an exchange, and limits of sizes, without a socket and without waiting.
#include "exchange_scenario.h"

#include "exchange/pace.h"

enum {
    CONNECT_MS = 2000,
    RESPONSE_MS = 30000,
    IDLE_MS = 10000,
    RATE = 100,
    WINDOW_BYTES = RATE * IDLE_MS / 1000,
    BODY_SIZE = 40000,
    HEADER_SIZE = 4096
};

static char body[BODY_SIZE + 1];

static int set_up_timed(void **state) {
    (void)state;
    memset(body, 'x', BODY_SIZE);
    bench_start(
        "limits { idle-timeout = 10s\n body-rate = 100\n response-header-size = 4k }\n" BENCH_SITE(
            "server 127.0.0.1:9000 {}\n retries = 1\n connect-timeout = 2s\n"
            " response-timeout = 30s"));
    return 0;
}

static int set_up_queue(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 { max-connections = 1 }\n"
                           " queue = 1\n queue-timeout = 3s"));
    return 0;
}

#define TIMED_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_timed, tear_down)

// Nothing more happens, and it is waited for so long from now on.
static void assert_waits(int64_t ms) {
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_int_equal(exchange_deadline(bench.exchange) - bench.shared.now_ms, ms);
}

// The deadline passes.
static enum result time_out(void) {
    bench.shared.now_ms = exchange_deadline(bench.exchange);
    return exchange_timed_out(bench.exchange);
}

// Ends it and compares what the client has.
static void assert_ends(const char *record, uint16_t status, const char *ended) {
    bench_finish();
    assert_string_equal(bench.memory.record, record);
    assert_int_equal(bench.account.status, status);
    if (ended == NULL) {
        assert_null(bench.account.ended);
    } else {
        assert_non_null(bench.account.ended);
        assert_string_equal(bench.account.ended, ended);
    }
    bench_forget_connections();
}

static void assert_answered(const char *record, uint16_t status, const char *ended) {
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends(record, status, ended);
}

// How many times of this kind are at least so long, since the last call.
static uint64_t longer(enum metric_time time, int64_t ms) {
    uint64_t count = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += i >= histogram_bucket(ms * 1000) ? bench.metrics->times[time].buckets[i] : 0;
    }
    memset(&bench.metrics->times[time], 0, sizeof(bench.metrics->times[time]));
    return count;
}

// --- servers ---

static void test_connect_timeout(void **state) {
    (void)state;
    struct scenario scenario = {.request = POST(5),
                                .body = "12345",
                                .scripts = {{.pending = true, .hangs = true}, {.reply = OK_HELLO}},
                                .script_count = 2};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(CONNECT_MS);
    bench_pass_time(700);
    assert_waits(CONNECT_MS - 700); // what happens elsewhere is no progress
    assert_int_equal(time_out(), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK); // of the second
    assert_ends("{200 length}hello{end}", 200, NULL);
    assert_int_equal(longer(TIME_CONNECT, CONNECT_MS), 1);

    scenario.script_count = 1;
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(CONNECT_MS);
    assert_int_equal(time_out(), RESULT_OK);
    assert_waits(CONNECT_MS);
    assert_int_equal(time_out(), RESULT_OK);
    assert_answered("{answer 504}", 504, "connect timeout");
    assert_int_equal(longer(TIME_CONNECT, CONNECT_MS), 2);
}

// Each new connection has one time, however it ends.
static void test_times_to_connect(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.reply = OK_HELLO},
        {.reply = OK_HELLO, .pending = true},
        {.connect_error = ECONNREFUSED},
        {.pending = true, .late_error = ECONNREFUSED},
    };
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        bool fails = i >= 2;
        scenario_run(&(struct scenario){.request = GET, .scripts = {scripts[i]}},
                     &(struct faults){.steps = 0});
        assert_int_equal(bench.account.status, fails ? 502 : 200);
        assert_int_equal(longer(TIME_CONNECT, 0), fails ? 2 : 1);
        if (!fails) { // the connection is used again
            scenario_begin(&(struct scenario){.request = GET}, &(struct faults){.steps = 0});
            (void)bench_advance();
            bench_finish();
            assert_int_equal(longer(TIME_CONNECT, 0), 0);
        }
        bench_forget_connections();
    }
}

// A client that leaves meanwhile.
static void test_a_connection_that_is_given_up(void **state) {
    (void)state;
    scenario_begin(
        &(struct scenario){.request = GET, .scripts = {{.pending = true, .hangs = true}}},
        &(struct faults){.steps = 0});
    assert_waits(CONNECT_MS);
    bench_pass_time(1000);
    bench_finish();
    assert_int_equal(longer(TIME_CONNECT, 1000), 1);
    bench_forget_connections();
}

static void test_response_timeout(void **state) {
    (void)state;
    struct scenario scenario = {.request = GET, .scripts = {{.reply = "HTTP/1.1 200 OK\r\nCont"}}};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(RESPONSE_MS);
    assert_int_equal(time_out(), RESULT_OK);
    assert_answered("{answer 504}", 504, "response timeout");

    scenario.scripts[0].reply = "HTTP/1.1 103 Early Hints\r\n\r\n";
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(RESPONSE_MS);
    bench_pass_time(RESPONSE_MS - 1);
    assert_int_equal(time_out(), RESULT_OK);
    assert_answered("{103}{answer 504}", 504, "response timeout");

    scenario.scripts[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(RESPONSE_MS);
    assert_int_equal(time_out(), RESULT_ERROR);
    assert_ends("{200 length}hell", 200, "timed out");
}

// Each part of a body that comes begins the time again; parts of a head do not.
static void test_progress_of_the_server(void **state) {
    (void)state;
    struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO, .reply_size = 1}}};
    const size_t head = strlen(OK_HELLO) - 5;
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    for (size_t size = 2; size <= strlen(OK_HELLO); size++) {
        assert_waits(size <= head ? RESPONSE_MS - (int64_t)(size - 2) * 10 : RESPONSE_MS);
        bench_pass_time(size < head ? 10 : RESPONSE_MS - 500);
        bench.connections[0].script.reply_size = size;
        assert_true(bench_events());
    }
    assert_answered("{200 length}hello{end}", 200, NULL);
}

static void test_an_idle_tunnel(void **state) {
    (void)state;
    const struct scenario scenario = {
        .request = UPGRADE, .tunnel = "x", .scripts = {{.reply = SWITCH "y"}}};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(IDLE_MS);
    assert_int_equal(time_out(), RESULT_ERROR);
    assert_ends("{101 tunnel}y", 101, "the tunnel was silent");
}

static int set_up_total(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 1 request-timeout = 5s "
                           "response-timeout = 60s connect-timeout = 2s"));
    return 0;
}

// However much happens meanwhile.
static void test_request_timeout(void **state) {
    (void)state;
    struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO, .reply_size = 1}}};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(5000);
    bench_pass_time(4000);
    assert_waits(1000);
    assert_int_equal(time_out(), RESULT_OK);
    assert_answered("{answer 504}", 504, "request timeout");

    scenario.scripts[0] = (struct script){.pending = true, .hangs = true};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(2000);
    assert_int_equal(time_out(), RESULT_OK);
    assert_waits(2000);
    assert_int_equal(time_out(), RESULT_OK);
    assert_answered("{answer 504}", 504, "connect timeout");

    scenario.scripts[0] =
        (struct script){.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"};
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(5000);
    assert_int_equal(time_out(), RESULT_ERROR);
    assert_ends("{200 length}hell", 200, "request timeout");
}

static struct lease_owner other;

static void nothing(struct lease_owner *owner) {
    (void)owner;
}

static void test_queue_timeout(void **state) {
    (void)state;
    const struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO}}};
    bench_use(scenario.scripts, 1);
    other.ready = nothing;
    struct lease *lease = pool_lease(&bench.shared.pool, bench_server(0), true, &other);
    assert_non_null(lease);
    scenario_begin(&scenario, &(struct faults){.steps = 0});
    assert_waits(3000);
    bench_pass_time(2000);
    assert_waits(1000);
    assert_int_equal(time_out(), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK);
    bench.account = bench.exchange->account;
    lease_close(lease);
    assert_ends("{answer 503}", 503, "all servers had max-connections in use");
    assert_int_equal(longer(TIME_QUEUE, 2999), 1);
}

// A client that leaves, and one that finds a full queue.
static void test_times_in_the_queue(void **state) {
    (void)state;
    const struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO}}};
    struct queue_waiter waiter = {.key = 1};
    bench_use(scenario.scripts, 1);
    other.ready = nothing;
    for (int full = 0; full < 2; full++) {
        struct lease *lease = pool_lease(&bench.shared.pool, bench_server(0), true, &other);
        assert_non_null(lease);
        if (full == 1) {
            assert_true(
                queue_enter(bench_server(0)->backend->queue, &bench.shared.queues, &waiter, 1));
        }
        scenario_begin(&scenario, &(struct faults){.steps = 0});
        assert_int_equal(bench_advance(), full ? RESULT_OK : RESULT_AGAIN);
        bench_pass_time(2000);
        lease_close(lease);
        bench_finish();
        assert_int_equal(bench.account.status, full ? 503 : 0);
        assert_int_equal(longer(TIME_QUEUE, full ? 0 : 1999), full ? 0 : 1);
        bench_forget_connections();
    }
    queue_leave(&waiter);
}

// --- clients ---

// The client has moved this much less than it must, or just enough.
static void test_a_slow_request(void **state) {
    (void)state;
    const struct scenario scenario = {
        .request = POST(40000), .body = body, .scripts = {{.reply = OK_HELLO}}};
    for (size_t less = 0; less < 2; less++) {
        scenario_begin(&scenario, &(struct faults){.arrive = 1});
        bench.memory.body_size = 0; // nothing comes yet
        bench.memory.waits_for_100 = true;
        assert_waits(IDLE_MS);
        bench.memory.waits_for_100 = false;
        bench.memory.body_size = WINDOW_BYTES - less;
        while (memory_client_sends(&bench.memory) && bench.memory.come < bench.memory.body_size) {
        }
        bench.memory.end_came = false;
        bench.memory.body_size = BODY_SIZE;
        bench.memory.waits_for_100 = true;
        bench_pass_time(IDLE_MS - 10);
        assert_waits(10);
        assert_int_equal(time_out(), RESULT_OK);
        if (less == 0) {
            assert_waits(IDLE_MS); // the next window
            assert_int_equal(time_out(), RESULT_OK);
        }
        assert_answered("{answer 408}", 408, "the request body came too slowly");
        assert_true(bench.memory.stopped && !bench.memory.drops);
    }
}

static void test_a_slow_reader(void **state) {
    (void)state;
    static char reply[BODY_SIZE + 100];
    (void)sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", BODY_SIZE, body);
    const struct scenario scenario = {.request = GET, .scripts = {{.reply = reply}}};
    for (size_t less = 0; less < 2; less++) {
        scenario_begin(&scenario, &(struct faults){.flush_again = 1});
        bench.memory.never_takes = true;
        assert_waits(IDLE_MS);
        bench_pass_time(5000);
        bench.memory.others_moved += WINDOW_BYTES - less; // acknowledged
        assert_int_equal(time_out(), less == 0 ? RESULT_OK : RESULT_ERROR);
        if (less == 0) {
            assert_waits(IDLE_MS);
            assert_int_equal(time_out(), RESULT_ERROR);
        }
        bench_finish();
        assert_string_equal(bench.account.ended, "the client read the response too slowly");
        bench_forget_connections();
    }
}

// A wait of the client counts, the time between is the server's.
static void test_a_window_counts_the_time_that_the_client_is_waited_for(void **state) {
    (void)state;
    const struct scenario scenario = {
        .request = POST(40000), .body = body, .scripts = {{.reply = OK_HELLO, .write_max = 300}}};
    scenario_begin(&scenario, &(struct faults){.arrive = 1});
    bench.memory.waits_for_100 = true;
    assert_waits(IDLE_MS);
    bench_pass_time(4000);
    bench.memory.come = 1000; // more than the server takes
    assert_waits(RESPONSE_MS);
    bench_pass_time(20000);
    bench.connections[0].script.write_max = 0;
    assert_true(bench_events());
    assert_waits(IDLE_MS - 4000);
    assert_int_equal(time_out(), RESULT_OK); // 1000 bytes in the window
    assert_waits(IDLE_MS);
    bench_finish();
}

// --- both wait ---

static char stalled_reply[BODY_SIZE + 100];

// A server that reads no more before its response is read, and a client that reads nothing before
// its request is taken.
static void begin_stall(const char *status) {
    (void)sprintf(stalled_reply, "HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s", status, BODY_SIZE,
                  body);
    const struct scenario scenario = {
        .request = POST(40000),
        .body = body,
        .scripts = {{.reply = stalled_reply, .when = AFTER_HEAD, .write_max = 2000}}};
    scenario_begin(&scenario, &(struct faults){.flush_again = 1, .part = 1000});
    bench.memory.never_takes = true;
}

static void test_a_stall_of_a_response_that_refuses(void **state) {
    (void)state;
    begin_stall("403 Forbidden");
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_true(bench.memory.stopped && bench.memory.drops); // at once
    bench.memory.never_takes = false;
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    assert_int_equal(bench.account.response_bytes, BODY_SIZE);
    assert_int_equal(bench_server(0)->idle_count, 0);
}

static void test_a_stall_of_another_response(void **state) {
    (void)state;
    begin_stall("200 OK");
    assert_waits(PACE_STALL_MS);
    bench_pass_time(PACE_STALL_MS - 1);
    bench.memory.others_moved++; // the client took a byte
    assert_waits(PACE_STALL_MS);
    assert_false(bench.memory.stopped);
    assert_int_equal(time_out(), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_true(bench.memory.stopped && bench.memory.drops);
    bench.memory.never_takes = false;
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    assert_string_equal(bench.account.ended, "the server stopped reading the request");
    assert_int_equal(bench.account.response_bytes, BODY_SIZE);
    assert_int_equal(bench_server(0)->idle_count, 0);
}

// The server reads on in time, and then only the client is waited for.
static void test_a_stall_that_ends(void **state) {
    (void)state;
    begin_stall("200 OK");
    assert_waits(PACE_STALL_MS);
    bench_pass_time(4000);
    bench.connections[0].script.write_max = 0;
    assert_true(bench_events());
    assert_waits(IDLE_MS - 4000);
    assert_false(bench.memory.stopped);
    bench_finish();
}

// Half of an interim response cannot be taken back: no answer follows it.
static void test_no_answer_behind_half_an_interim_response(void **state) {
    (void)state;
    const struct scenario scenario = {.request = GET,
                                      .scripts = {{.reply = "HTTP/1.1 103 Early Hints\r\n\r\n"}}};
    scenario_begin(&scenario, &(struct faults){.flush_again = 1});
    bench.memory.never_takes = true;
    assert_waits(IDLE_MS);
    assert_int_equal(time_out(), RESULT_ERROR);
    assert_ends("", 0, "the request body came too slowly");
}

// --- sizes ---

static void test_response_header_size(void **state) {
    (void)state;
    static char reply[HEADER_SIZE + 100];
    for (int size = HEADER_SIZE - 2; size <= HEADER_SIZE + 2; size++) {
        static const char begin[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: ";
        int fill = size - (int)sizeof(begin) + 1 - 4;
        (void)sprintf(reply, "%s%.*s\r\n\r\nhello", begin, fill, body);
        assert_int_equal(strlen(reply), size + 5);
        struct scenario scenario = {.request = GET,
                                    .scripts = {{.reply = reply}},
                                    .at_client = "{200 length}hello{end}",
                                    .status = 200,
                                    .response_bytes = 5,
                                    .pooled = true};
        if (size > HEADER_SIZE) {
            scenario.at_client = "{answer 502}";
            scenario.status = 502;
            scenario.ended = "the head is larger than response-header-size";
            scenario.response_bytes = ANSWER_BODY_SIZE;
            scenario.pooled = false;
        }
        run_scenario(&scenario);
        if (size > HEADER_SIZE) { // it can never become whole: nothing more is waited for
            scenario.scripts[0].reply_size = HEADER_SIZE;
            scenario_run(&scenario, &(struct faults){.steps = 0});
            assert_int_equal(bench.account.status, 502);
            scenario.scripts[0].reply_size = 0;
        }
        bench_forget_connections();
        for (uint32_t n = 1; n < 30; n++) {
            run_under(&scenario, &(struct faults){.server_gives = (size_t)n * n * 5});
            run_under(&scenario, &(struct faults){.part = (size_t)n * n * 5});
        }
    }
}

static void test_the_size_of_trailers(void **state) {
    (void)state;
    static char reply[HEADER_SIZE + 200];
    for (int size = HEADER_SIZE - 1; size <= HEADER_SIZE + 1; size++) {
        (void)sprintf(reply, OK_CHUNKED "5\r\nhello\r\n0\r\nX: %.*s\r\n\r\n", size - 7, body);
        struct scenario scenario = {.request = GET, .scripts = {{.reply = reply}}};
        bool fits = size <= HEADER_SIZE;
        scenario.result = fits ? RESULT_OK : RESULT_ERROR;
        for (uint32_t n = 0; n < 30; n++) {
            scenario_run(&scenario,
                         &(struct faults){.server_gives = 60 + n * 60, .no_trailer_text = true});
            assert_string_equal(bench.memory.record,
                                fits ? "{200 chunked}hello{end}" : "{200 chunked}hello");
            assert_true(fits || strcmp(bench.account.ended,
                                       "the trailers are larger than response-header-size") == 0);
            bench_forget_connections();
        }
    }
}

static void test_interim_heads_without_end(void **state) {
    (void)state;
    const size_t most = 1000;
    static const char interim[] = "HTTP/1.1 102 Processing\r\n\r\n";
    const size_t size = sizeof(interim) - 1;
    char *reply = calloc(most + 2, sizeof(interim));
    assert_non_null(reply);
    for (size_t i = 0; i < most + 1; i++) {
        memcpy(reply + i * size, interim, size);
    }
    struct scenario scenario = {.request = GET, .scripts = {{.reply = reply}}};
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_string_equal(bench.memory.record + 5 * most, "{answer 502}");
    assert_string_equal(bench.account.ended, "too many interim responses");
    memcpy(reply + most * size, OK_EMPTY, sizeof(OK_EMPTY));
    bench_forget_connections();
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_string_equal(bench.memory.record + 5 * most, "{200 none}{end}");
    free(reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TIMED_TEST(test_connect_timeout),
        TIMED_TEST(test_times_to_connect),
        TIMED_TEST(test_a_connection_that_is_given_up),
        TIMED_TEST(test_response_timeout),
        TIMED_TEST(test_progress_of_the_server),
        TIMED_TEST(test_an_idle_tunnel),
        cmocka_unit_test_setup_teardown(test_request_timeout, set_up_total, tear_down),
        cmocka_unit_test_setup_teardown(test_queue_timeout, set_up_queue, tear_down),
        cmocka_unit_test_setup_teardown(test_times_in_the_queue, set_up_queue, tear_down),
        TIMED_TEST(test_a_slow_request),
        TIMED_TEST(test_a_slow_reader),
        TIMED_TEST(test_a_window_counts_the_time_that_the_client_is_waited_for),
        TIMED_TEST(test_a_stall_of_a_response_that_refuses),
        TIMED_TEST(test_a_stall_of_another_response),
        TIMED_TEST(test_a_stall_that_ends),
        TIMED_TEST(test_no_answer_behind_half_an_interim_response),
        TIMED_TEST(test_response_header_size),
        TIMED_TEST(test_the_size_of_trailers),
        TIMED_TEST(test_interim_heads_without_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
