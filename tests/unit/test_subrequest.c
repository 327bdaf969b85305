// The subrequest by which an authorizing server decides: an exchange whose client is memory.
#include "exchange_scenario.h"

#include "exchange/subrequest.h"

static struct outer {
    struct subrequest subrequest;
    uint32_t wakes;
} outer;

static struct choice choice;
static struct config_route route;

static void on_wake(struct subrequest *subrequest) {
    assert_ptr_equal(subrequest, &outer.subrequest);
    outer.wakes++;
}

static int set_up_subrequests(void **state) {
    (void)state;
    static char prefix[] = "/";
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 1\n response-timeout = 30s"));
    route = (struct config_route){.prefix = prefix, .prefix_size = 1, .request_timeout_ms = 10000};
    return 0;
}

static void begin(const struct script *scripts, size_t count, const struct faults *faults) {
    bench.faults = *faults;
    bench.calls = bench.turn = 0;
    bench.shared.turn_us = bench.shared.now_ms * 1000;
    bench_use(scripts, count);
    memory_stream_init(&bench.memory, &bench.faults);
    outer = (struct outer){.subrequest = {.wake = on_wake}};
    choice = (struct choice){
        .shared = &bench.shared,
        .generation = &bench.generation,
        .client = &bench.memory.client,
        .site = &bench.generation.config->sites[0],
        .route = &route,
        .backend = &bench.generation.config->backends[0],
    };
    const char *head = "GET /auth HTTP/1.1\r\nHost: a.test\r\n\r\n";
    char *copy = strdup(head);
    assert_non_null(copy);
    assert_true(subrequest_begin(&outer.subrequest, &bench.memory.stream, &bench.generation,
                                 &choice, (struct slice){copy, strlen(head)}));
    bench.exchange = outer.subrequest.exchange; // so that its servers act
}

// Until it is complete, or waits for what does not come.
static enum result advance(void) {
    enum result result = RESULT_AGAIN;
    bool more = true;
    while (result == RESULT_AGAIN && more) {
        bench.memory.steps_left = bench.faults.steps == 0 ? 4 : bench.faults.steps;
        result = subrequest_advance(&outer.subrequest);
        if (result == RESULT_AGAIN) {
            exchange_arm(bench.exchange);
            more = bench_events() || bench.memory.steps_left == 0;
        }
    }
    return result;
}

static void finish(bool pooled) {
    subrequest_end(&outer.subrequest);
    subrequest_end(&outer.subrequest); // once more is fine
    bench.exchange = NULL;
    memory_stream_finish(&bench.memory);
    assert_nothing_is_held();
    assert_int_equal(bench_server(0)->idle_count, pooled ? 1 : 0);
    bench_forget_connections();
}

static void assert_text(const struct buffer *buffer, const char *text) {
    assert_int_equal(buffer_size(buffer), strlen(text));
    assert_memory_equal(buffer_bytes(buffer), text, strlen(text));
}

#define HEAD                                                                                       \
    "HTTP/1.1 403 No\r\nX-A: b\r\nDate: x\r\nServer: y\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"

// However its bytes come.
static void test_a_response(void **state) {
    (void)state;
    static const char *const replies[] = {
        HEAD "Content-Length: 5\r\n\r\nhello",
        HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nX-Trailer: 1\r\n\r\n",
        "HTTP/1.1 103 Early\r\nX-B: c\r\n\r\n" HEAD "Content-Length: 5\r\n\r\nhello",
        HEAD "\r\nhello",
    };
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        const struct script script = {.reply = replies[i], .closes = i == 3};
        for (size_t gives = 0; gives <= strlen(replies[i]); gives++) {
            begin(&script, 1,
                  &(struct faults){.server_gives = gives, .steps = (uint32_t)(1 + gives % 3)});
            assert_int_equal(advance(), RESULT_OK);
            assert_int_equal(outer.subrequest.status, 403);
            assert_text(&outer.subrequest.fields, "X-A: b\r\n");
            assert_text(&outer.subrequest.body, "hello");
            assert_false(outer.subrequest.body_is_cut);
            finish(i < 3);
        }
    }
}

static void test_what_the_server_gets(void **state) {
    (void)state;
    const struct script script = {.reply = OK_EMPTY};
    begin(&script, 1, &(struct faults){.server_takes = 3});
    assert_int_equal(advance(), RESULT_OK);
    assert_int_equal(outer.subrequest.status, 200);
    assert_string_equal(understood(&bench.connections[0]), "GET /auth|none|");
    assert_true(outer.wakes > 0);
    finish(true);
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_requests), 0);
}

static void test_no_valid_response(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.reply = "nonsense\r\n\r\n"},
        {.reply = "HTTP/1.1 200 OK\r\nX-A", .closes = true},
        {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", .closes = true},
        {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhexx"},
        {.reply = SWITCH},
        {.closes = true},
        {.read_error = ECONNRESET},
        {.connect_error = ECONNREFUSED},
        {.write_max = 5, .write_error = EPIPE, .closes = true, .when = AT_ONCE},
    };
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        const struct script twice[] = {scripts[i], scripts[i]};
        begin(twice, 2, &(struct faults){.steps = 0});
        assert_int_equal(advance(), RESULT_ERROR);
        assert_int_equal(outer.subrequest.status, 0);
        finish(false);
    }
}

// As any GET, at a connection that ended without a word.
static void test_it_is_repeated(void **state) {
    (void)state;
    const struct script scripts[] = {{.closes = true}, {.reply = OK_HELLO}};
    begin(scripts, 2, &(struct faults){.steps = 0});
    assert_int_equal(advance(), RESULT_OK);
    assert_int_equal(outer.subrequest.status, 200);
    assert_int_equal(bench.connection_count, 2);
    finish(true);
}

static void test_a_large_body_is_cut(void **state) {
    (void)state;
    static char reply[SUBREQUEST_BODY_MAX + 200];
    for (size_t more = 0; more < 2; more++) {
        size_t size = SUBREQUEST_BODY_MAX + more;
        int head = sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", size);
        memset(reply + head, 'x', size);
        const struct script script = {.reply = reply, .reply_size = (size_t)head + size};
        begin(&script, 1, &(struct faults){.steps = 0});
        assert_int_equal(advance(), RESULT_OK);
        assert_int_equal(outer.subrequest.status, 200);
        assert_int_equal(outer.subrequest.body_is_cut, more == 1);
        finish(true);
    }
}

static void test_times(void **state) {
    (void)state;
    const struct script script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell"};
    begin(&script, 1, &(struct faults){.steps = 0});
    assert_int_equal(advance(), RESULT_AGAIN);
    assert_int_equal(exchange_deadline(bench.exchange) - bench.shared.now_ms, 10000);
    bench_pass_time(10000);
    assert_int_equal(subrequest_timed_out(&outer.subrequest), RESULT_ERROR);
    assert_int_equal(outer.subrequest.status, 0);
    finish(false);

    const struct script slow[] = {{.pending = true, .hangs = true}, {.reply = OK_HELLO}};
    begin(slow, 2, &(struct faults){.steps = 0});
    assert_int_equal(advance(), RESULT_AGAIN);
    bench.shared.now_ms = exchange_deadline(bench.exchange);
    assert_int_equal(subrequest_timed_out(&outer.subrequest), RESULT_OK);
    assert_int_equal(advance(), RESULT_OK);
    finish(true);
}

static void test_one_that_has_not_begun(void **state) {
    (void)state;
    struct subrequest subrequest = {.status = 0};
    subrequest_end(&subrequest);
}

#define SUBREQUEST_TEST(function)                                                                  \
    cmocka_unit_test_setup_teardown(function, set_up_subrequests, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SUBREQUEST_TEST(test_a_response),
        SUBREQUEST_TEST(test_what_the_server_gets),
        SUBREQUEST_TEST(test_no_valid_response),
        SUBREQUEST_TEST(test_it_is_repeated),
        SUBREQUEST_TEST(test_a_large_body_is_cut),
        SUBREQUEST_TEST(test_times),
        cmocka_unit_test(test_one_that_has_not_begun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
