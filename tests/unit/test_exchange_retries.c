// Servers that fail: what is asked again, how often, and what the client gets, without a socket.
#include "exchange_scenario.h"

#define CLOSED "the server closed the connection without a response"

static int set_up_retries(void **state, const char *retries) {
    char text[600];
    (void)state;
    (void)snprintf(text, sizeof(text), BENCH_SITE("server 127.0.0.1:9000 {}\n retries = %s"),
                   retries);
    bench_start(text);
    return 0;
}

static int set_up_none(void **state) {
    return set_up_retries(state, "0");
}

static int set_up_three(void **state) {
    return set_up_retries(state, "3");
}

static const struct scenario twice = {
    .request = GET,
    .scripts = {{.reply = "", .closes = true}, {.reply = OK_HELLO}},
    .script_count = 2,
    .at_server = "GET /|none|",
    .at_client = "{200 length}hello{end}",
    .status = 200,
    .response_bytes = 5,
    .pooled = true,
};

static const struct scenario once = {
    .request = GET,
    .scripts = {{.reply = "", .closes = true}, {.reply = OK_HELLO}},
    .script_count = 2,
    .at_client = "{answer 502}",
    .status = 502,
    .ended = CLOSED,
    .response_bytes = ANSWER_BODY_SIZE,
};

// It needs this many connections.
static void assert_attempts(const struct scenario *scenario, size_t attempts) {
    for (uint32_t n = 0; n < 50; n++) {
        const struct faults faults = {.server_takes = (size_t)n * 5,
                                      .server_gives = n,
                                      .client_takes = n,
                                      .alone = n % 2 == 1};
        scenario_run(scenario, &faults);
        assert_outcome(scenario);
        assert_int_equal(bench.connection_count, attempts);
        bench_forget_connections();
    }
}

static void test_idempotent_requests_are_repeated(void **state) {
    (void)state;
    static const char *const methods[] = {"GET", "HEAD", "OPTIONS", "PUT", "DELETE"};
    for (size_t i = 0; i < 5; i++) {
        char request[100], server[100];
        struct scenario scenario = twice;
        (void)sprintf(request, "%s / HTTP/1.1\r\nHost: a.test\r\n\r\n", methods[i]);
        (void)sprintf(server, "%s /|none|", methods[i]);
        scenario.request = request;
        scenario.at_server = server;
        if (i == 1) {
            scenario.scripts[1].reply = OK_EMPTY;
            scenario.at_client = "{200 none}{end}";
            scenario.response_bytes = 0;
        }
        assert_attempts(&scenario, 2);
    }
    struct scenario scenario = twice;
    scenario.scripts[0] = (struct script){.reply = "", .read_error = ECONNRESET};
    assert_attempts(&scenario, 2);
    scenario.scripts[0] = (struct script){
        .reply = "", .write_max = 10, .write_error = EPIPE, .when = AT_ONCE, .closes = true};
    assert_attempts(&scenario, 2);
}

static void test_other_requests_are_not_repeated(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.request = "POST / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_attempts(&scenario, 1);
    scenario.request = "PATCH / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    assert_attempts(&scenario, 1);
    scenario.request = "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n";
    scenario.body = "12345";
    scenario.request_bytes = 5;
    assert_attempts(&scenario, 1);
    scenario.request = "PUT / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_attempts(&scenario, 1);
}

// A server that has said something has perhaps done something.
static void test_the_same_server_is_not_asked_after_a_part_of_a_head(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.scripts[0].reply = "H";
    scenario.ended = "the server closed the connection in the middle of its response headers";
    assert_attempts(&scenario, 1);
    scenario.scripts[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r";
    assert_attempts(&scenario, 1);
}

static void test_nothing_is_repeated_after_what_was_passed_on(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.scripts[0].reply = "HTTP/1.1 103 Early Hints\r\n\r\n";
    scenario.at_client = "{103}{answer 502}";
    assert_attempts(&scenario, 1);
    scenario.scripts[0].reply = "HTTP/1.1 103 Early Hints\r\n\r\nnonsense\r\n\r\n";
    scenario.ended = "status line does not begin with HTTP/1.0 or HTTP/1.1";
    assert_attempts(&scenario, 1);
}

static int set_up_two_servers(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n server 127.0.0.1:9001 {}\n retries = 5"));
    return 0;
}

// What a server said that was not passed on is forgotten.
static void test_nonsense_is_asked_elsewhere(void **state) {
    (void)state;
    struct scenario scenario = twice;
    scenario.scripts[0] = (struct script){.reply = "nonsense\r\n\r\nnonsense"};
    for (uint32_t n = 0; n < 50; n++) {
        if (n == 25) {
            scenario.scripts[0] = (struct script){.reply = "HTTP/1.1 404 Not F", .closes = true};
        }
        scenario_run(&scenario, &(struct faults){.server_gives = n % 25, .client_takes = n});
        assert_string_equal(bench.memory.record, scenario.at_client);
        assert_int_equal(bench.connection_count, 2);
        assert_int_equal(bench_server(0)->health->in_a_row + bench_server(1)->health->in_a_row, 1);
        bench_forget_connections();
        *bench_server(1)->health = (struct health){.until_ms = 0};
    }
}

// --- the budget ---

static int set_up_no_budget(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n server 127.0.0.1:9001 {}\n retries = 1 "
                           "max-failures = off failure-ratio = off retry-budget = 0%"));
    return 0;
}

// Whether the second attempt, after this first one, is one of the free retries.
static bool costs_a_retry(const struct script *first) {
    struct scenario scenario = twice;
    scenario.scripts[0] = *first;
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_int_equal(bench.connection_count, 2);
    bool costs = bench_server(0)->backend->few_retries.full_ms > 0;
    bench_forget_connections();
    return costs;
}

static void test_failed_connections_cost_no_budget(void **state) {
    (void)state;
    const struct script refuses = {.connect_error = ECONNREFUSED};
    const struct script refuses_late = {.pending = true, .late_error = ECONNREFUSED};
    const struct script closes = {.reply = "", .closes = true};
    assert_false(costs_a_retry(&refuses));
    assert_false(costs_a_retry(&refuses_late));
    assert_true(costs_a_retry(&closes));
}

// --- bodies that are kept ---

static int set_up_kept(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n server 127.0.0.1:9001 {}\n retries = 1 "
                           "max-failures = off failure-ratio = off retry-body = 1k "
                           "retry-budget = 100%"));
    return 0;
}

#define PUT(fields) "PUT / HTTP/1.1\r\nHost: a.test\r\n" fields "\r\n\r\n"

// Under every cut of the body, of what the first server takes, and of what it says.
static void assert_kept(struct scenario *scenario, size_t attempts) {
    static const struct script firsts[] = {
        {.reply = "", .closes = true},
        {.reply = "", .closes = true, .when = AT_ONCE},
        {.reply = "", .read_error = ECONNRESET, .when = AFTER_HEAD},
        {.reply = "", .write_max = 70, .write_error = EPIPE, .when = AT_ONCE, .closes = true},
        {.reply = "nonsense\r\n\r\n", .when = AFTER_HEAD},
    };
    for (size_t i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
        for (uint32_t n = 0; n < 40; n++) {
            scenario->scripts[0] = firsts[i];
            const struct faults faults = {.arrive = n % 7,
                                          .run = n % 5,
                                          .server_takes = (size_t)n * 3,
                                          .alone = n % 2 == 1,
                                          .first_event = n % 4,
                                          .late_end = n % 3 == 0};
            scenario_begin(scenario, &faults);
            assert_int_equal(bench_advance(), RESULT_OK);
            bench_finish();
            assert_string_equal(bench.memory.record, scenario->at_client);
            assert_int_equal(bench.connection_count, attempts);
            if (attempts == 2) {
                assert_string_equal(understood(last_connection()), scenario->at_server);
                assert_int_equal(bench.account.request_bytes, scenario->request_bytes);
            }
            bench_forget_connections();
        }
    }
}

static void test_a_body_is_sent_again(void **state) {
    (void)state;
    struct scenario scenario = twice;
    scenario.request = PUT("Content-Length: 12");
    scenario.body = "Hello world!";
    scenario.request_bytes = 12;
    scenario.at_server = "PUT /|length|Hello world!";
    assert_kept(&scenario, 2);
    scenario.request = PUT("Transfer-Encoding: chunked");
    scenario.at_server = "PUT /|chunked|Hello world!|\r\n";
    assert_kept(&scenario, 2);
    scenario.trailer = (struct http_field){.name = SLICE("X-Sum"), .value = SLICE("7")};
    scenario.at_server = "PUT /|chunked|Hello world!|X-Sum: 7\r\n\r\n";
    assert_kept(&scenario, 2);
}

static void test_what_is_not_kept_is_not_sent_again(void **state) {
    (void)state;
    static char large[1026];
    memset(large, 'x', 1025);
    struct scenario scenario = once;
    scenario.script_count = 1;
    scenario.request = PUT("Content-Length: 1025");
    scenario.body = large;
    scenario.request_bytes = 1025;
    scenario.scripts[0] = (struct script){.reply = "", .closes = true};
    assert_attempts(&scenario, 1);
    scenario.request = POST(5); // never
    scenario.body = "12345";
    scenario.request_bytes = 5;
    assert_attempts(&scenario, 1);
    large[1024] = '\0';
    struct scenario fits = twice;
    fits.request = PUT("Content-Length: 1024");
    fits.body = large;
    scenario_run(&fits, &(struct faults){.arrive = 100});
    assert_int_equal(bench.connection_count, 2);
    bench_forget_connections();
}

// A server that refuses the body and closes: its response counts, not the failed write.
static void test_a_response_to_a_part_of_a_kept_body(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.request = PUT("Content-Length: 12");
    scenario.body = "Hello world!";
    scenario.scripts[0] = (struct script){.reply = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
                                          .write_max = 70,
                                          .write_error = EPIPE,
                                          .when = AT_ONCE,
                                          .closes = true};
    for (uint32_t n = 0; n < 12; n++) {
        scenario_begin(&scenario, &(struct faults){.arrive = n});
        assert_int_equal(bench_advance(), RESULT_OK);
        bench_finish();
        assert_int_equal(bench.account.status, 403);
        assert_int_equal(bench.connection_count, 1);
        bench_forget_connections();
    }
}

// However many retries there may be.
static void test_each_server_is_asked_once(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.script_count = 1;
    for (uint32_t n = 0; n < 10; n++) {
        scenario_run(&scenario, &(struct faults){.server_gives = n});
        assert_outcome(&scenario);
        assert_int_equal(bench.connection_count, 2);
        assert_int_equal(bench_server(0)->health->in_a_row, 1);
        assert_int_equal(bench_server(1)->health->in_a_row, 1);
        bench_forget_connections();
        *bench_server(1)->health = (struct health){.until_ms = 0};
    }
}

static void test_what_counts_as_a_failure(void **state) {
    (void)state;
    static const struct {
        struct script script;
        uint32_t failures;
    } cases[] = {
        {{.reply = "", .closes = true}, 1},
        {{.reply = "", .read_error = ECONNRESET}, 1},
        {{.reply = "HTTP/1.1 200 OK\r\nContent-Le", .closes = true}, 1},
        {{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", .closes = true}, 1},
        {{.reply = "nonsense\r\n\r\n"}, 1},
        {{.reply = OK_CHUNKED "4\r\nhell\r\nzz\r\n"}, 1},
        {{.reply = OK_HELLO}, 0},
        {{.reply = "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"}, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct scenario scenario = once;
        scenario.scripts[0] = cases[i].script;
        scenario.script_count = 1;
        scenario_begin(&scenario, &(struct faults){.steps = 0});
        (void)bench_advance();
        bench_finish();
        assert_int_equal(bench_server(0)->health->in_a_row, cases[i].failures);
        bench_forget_connections();
    }
}

static void test_a_response_that_breaks_off_is_cut(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.result = RESULT_ERROR;
    scenario.status = 200;
    scenario.ended = "the server closed before the end of its response";
    scenario.response_bytes = 4;
    scenario.at_client = "{200 length}hell";
    scenario.scripts[0].reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
    assert_attempts(&scenario, 1);
    scenario.scripts[0].closes = false;
    scenario.scripts[0].read_error = ECONNRESET;
    assert_attempts(&scenario, 1);
    scenario.scripts[0].reply = OK_CHUNKED "4\r\nhell\r\n";
    scenario.at_client = "{200 chunked}hell";
    assert_attempts(&scenario, 1);
    scenario.scripts[0].reply = OK_CHUNKED "4\r\nhell\r\n0\r\nA: b\r\n";
    assert_attempts(&scenario, 1);
    // Until the end of the connection, which must then be an end and not a reset.
    scenario.scripts[0].reply = "HTTP/1.1 200 OK\r\n\r\nhell";
    scenario.at_client = "{200 close}hell";
    assert_attempts(&scenario, 1);
}

// What the client still sends is dropped before the cut, or a reset would destroy what it has.
static void test_a_response_that_breaks_off_during_a_request(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.request = POST(12);
    scenario.body = "Hello world!";
    scenario.scripts[0] =
        (struct script){.reply = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                        .when = AFTER_HEAD,
                        .closes = true};
    scenario.result = RESULT_ERROR;
    for (uint32_t n = 1; n < 12; n++) {
        scenario_begin(&scenario, &(struct faults){.arrive = n, .server_gives = 60 - n});
        bench.memory.waits_for_100 = true;
        assert_int_equal(bench_advance(), RESULT_ERROR);
        bench_finish();
        assert_true(bench.memory.stopped && bench.memory.drops);
        assert_string_equal(bench.memory.record, "{200 length}hell");
        bench_forget_connections();
    }
}

static void test_connections_that_are_not_made(void **state) {
    (void)state;
    struct scenario scenario = twice;
    scenario.request = POST(5); // no server has seen anything of it
    scenario.body = "12345";
    scenario.request_bytes = 5;
    scenario.at_server = "POST /|length|12345";
    scenario.scripts[0] = (struct script){.connect_error = ECONNREFUSED};
    assert_attempts(&scenario, 2);
    scenario.scripts[0] = (struct script){.pending = true, .late_error = EHOSTUNREACH};
    assert_attempts(&scenario, 2);
    scenario.scripts[0] = (struct script){.pending = true, .late_error = ECONNREFUSED};
    scenario.scripts[1].pending = true;
    assert_attempts(&scenario, 2);

    struct scenario fails = once;
    fails.script_count = 1;
    fails.scripts[0] = (struct script){.connect_error = ECONNREFUSED};
    fails.ended = "Connection refused";
    assert_attempts(&fails, 2);
    fails.scripts[0] = (struct script){.pending = true, .late_error = ECONNREFUSED};
    fails.ended = "Connection refused";
    assert_attempts(&fails, 2);
}

// No server is to blame for it, and another attempt would fail too.
static void test_a_shortage_of_this_host(void **state) {
    (void)state;
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL};
    struct scenario scenario = once;
    scenario.at_client = "{answer 503}";
    scenario.status = 503;
    scenario.ended = "no connection can be made";
    for (size_t i = 0; i < 5; i++) {
        scenario.scripts[0] = (struct script){.connect_error = errors[i]};
        assert_attempts(&scenario, 1);
        assert_int_equal(health_until(bench_server(0)->health), 0);
    }
}

static void test_without_retries_there_is_one_attempt(void **state) {
    (void)state;
    assert_attempts(&once, 1);
    struct scenario scenario = once;
    scenario.scripts[0] = (struct script){.connect_error = ECONNREFUSED};
    scenario.ended = "Connection refused";
    assert_attempts(&scenario, 1);
}

static void test_with_three_retries_there_are_four_attempts(void **state) {
    (void)state;
    struct scenario scenario = once;
    scenario.script_count = 1;
    assert_attempts(&scenario, 4);
    scenario = twice;
    scenario.script_count = 3;
    scenario.scripts[1] = (struct script){.connect_error = ECONNREFUSED};
    scenario.scripts[2] = (struct script){.reply = OK_HELLO};
    assert_attempts(&scenario, 3);
}

// --- the pool ---

static const struct scenario simple = {
    .request = GET,
    .scripts = {{.reply = OK_HELLO}},
    .at_server = "GET /|none|",
    .at_client = "{200 length}hello{end}",
    .status = 200,
    .response_bytes = 5,
    .pooled = true,
};

// A connection in the pool that says this when it is used next.
static void pool_one(struct script next) {
    scenario_run(&simple, &(struct faults){.steps = 0});
    assert_outcome(&simple);
    struct memory_connection *connection = &bench.connections[0];
    next.reply_size = strlen(next.reply);
    connection->script = next;
    connection->replied = connection->received_size = 0;
}

static void test_a_pooled_connection_is_used_again(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        pool_one((struct script){.reply = OK_HELLO});
        scenario_run(&simple, &(struct faults){.client_takes = 1});
        assert_outcome(&simple);
        assert_int_equal(bench.connection_count, 1);
        assert_true(bench.account.server_reused);
        bench_forget_connections();
    }
}

// It has ended meanwhile: no server is blamed, and a new connection is made.
static void test_a_pooled_connection_that_is_dead(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        pool_one(i == 0 ? (struct script){.reply = "", .closes = true, .when = AT_ONCE}
                        : (struct script){.reply = "",
                                          .closes = true,
                                          .when = AT_ONCE,
                                          .write_max = 1,
                                          .write_error = EPIPE});
        scenario_run(&simple, &(struct faults){.steps = 0});
        assert_outcome(&simple);
        assert_int_equal(bench.connection_count, 2);
        assert_int_equal(bench.connections[0].closed, 1);
        assert_false(bench.account.server_reused);
        assert_int_equal(health_until(bench_server(0)->health), 0);
        bench_forget_connections();
    }
    // Perhaps it has seen the request.
    pool_one((struct script){.reply = "", .closes = true, .when = AT_ONCE});
    struct scenario scenario = once;
    scenario.request = POST(5);
    scenario.body = "12345";
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_string_equal(bench.memory.record, "{answer 502}");
    assert_int_equal(bench.connection_count, 1);
    assert_int_equal(health_until(bench_server(0)->health), 0);
}

static void test_what_waits_at_a_pooled_connection(void **state) {
    (void)state;
    static const char timeout[] = "HTTP/1.1 408 Request Timeout\r\n\r\n";
    static const struct script waits[] = {
        {.reply = OK_HELLO, .ended_before = true, .before = ""},
        {.reply = OK_HELLO, .before = timeout},
        {.reply = OK_HELLO, .before = OK_HELLO},
    };
    for (size_t i = 0; i < 3; i++) {
        pool_one(waits[i]);
        scenario_run(&simple, &(struct faults){.steps = 0});
        assert_string_equal(bench.memory.record, simple.at_client);
        assert_int_equal(bench.connection_count, 2);
        assert_int_equal(bench.connections[0].closed, 1);
        assert_int_equal(bench.connections[0].received_size, 0);
        // After bytes that nobody asked for no connection is used again.
        assert_int_equal(bench_server(0)->idle_count, i == 2 ? 0 : 1);
        bench_forget_connections();
    }
}

// A connection on which a server may take a part of this request for the next one.
static void test_connections_that_are_not_pooled(void **state) {
    (void)state;
    static const char get_with_body[] =
        "GET / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n";
    struct scenario scenario = simple;
    scenario.pooled = false;
    scenario.request = get_with_body;
    scenario.body = "12345";
    scenario.request_bytes = 5;
    scenario.at_server = "GET /|length|12345";
    run_under_all_faults(&scenario);
    scenario.request = EXPECT; // never said 100
    scenario.at_server = "POST /|length|12345";
    run_under_all_faults(&scenario);

    static char body[16386];
    memset(body, 'x', sizeof(body) - 1);
    scenario.at_server = NULL;
    for (size_t size = 16384; size <= 16385; size++) { // perhaps it has not read all of that
        char head[100];
        (void)sprintf(head, "POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %zu\r\n\r\n", size);
        scenario.request = head;
        scenario.body = body;
        scenario.body_size = scenario.request_bytes = size;
        scenario.scripts[0].reply = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
        scenario.at_client = "{403 length}no{end}";
        scenario.status = 403;
        scenario.response_bytes = 2;
        scenario.pooled = size == 16384;
        run_scenario(&scenario);
        scenario.scripts[0].reply = OK_HELLO;
        scenario.at_client = simple.at_client;
        scenario.status = 200;
        scenario.response_bytes = 5;
        scenario.pooled = true;
        run_scenario(&scenario);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_idempotent_requests_are_repeated),
        BENCH_TEST(test_other_requests_are_not_repeated),
        BENCH_TEST(test_the_same_server_is_not_asked_after_a_part_of_a_head),
        BENCH_TEST(test_nothing_is_repeated_after_what_was_passed_on),
        cmocka_unit_test_setup_teardown(test_nonsense_is_asked_elsewhere, set_up_two_servers,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_failed_connections_cost_no_budget, set_up_no_budget,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_body_is_sent_again, set_up_kept, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_kept_is_not_sent_again, set_up_kept,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_response_to_a_part_of_a_kept_body, set_up_kept,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_each_server_is_asked_once, set_up_two_servers,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_counts_as_a_failure, set_up_none, tear_down),
        BENCH_TEST(test_a_response_that_breaks_off_is_cut),
        BENCH_TEST(test_a_response_that_breaks_off_during_a_request),
        BENCH_TEST(test_connections_that_are_not_made),
        BENCH_TEST(test_a_shortage_of_this_host),
        cmocka_unit_test_setup_teardown(test_without_retries_there_is_one_attempt, set_up_none,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_with_three_retries_there_are_four_attempts,
                                        set_up_three, tear_down),
        BENCH_TEST(test_a_pooled_connection_is_used_again),
        BENCH_TEST(test_a_pooled_connection_that_is_dead),
        BENCH_TEST(test_what_waits_at_a_pooled_connection),
        BENCH_TEST(test_connections_that_are_not_pooled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
