// Statuses of `fail-on-status`: when another server is asked in place of the response.
#include "exchange_scenario.h"

#define BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
#define SERVERS "server 127.0.0.1:9000 {}\n server 127.0.0.1:9001 {}\n "
#define UNCOUNTED " max-failures = off failure-ratio = off fail-on-status = {500, 503} "

static int set_up_pair(void **state) {
    (void)state;
    bench_start(BENCH_SITE(SERVERS UNCOUNTED "retries = 1 retry-body = 1k retry-budget = 100%"));
    return 0;
}

static int set_up_unwanted(void **state) {
    (void)state;
    bench_start(BENCH_SITE(SERVERS UNCOUNTED "retries = 0"));
    return 0;
}

static int set_up_poor(void **state) {
    (void)state;
    bench_start(BENCH_SITE(SERVERS UNCOUNTED "retries = 1 retry-budget = 0%"));
    return 0;
}

static int set_up_single(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 3" UNCOUNTED));
    return 0;
}

static int set_up_out(void **state) {
    (void)state;
    bench_start(BENCH_SITE(SERVERS "retries = 1 max-failures = 1 fail-on-status = yes "
                                   "retry-budget = 100%"));
    return 0;
}

static const struct scenario elsewhere = {
    .request = GET,
    .scripts = {{.reply = BUSY}, {.reply = OK_HELLO}},
    .script_count = 2,
    .at_server = "GET /|none|",
    .at_client = "{200 length}hello{end}",
    .status = 200,
    .response_bytes = 5,
};

static const struct scenario passed_on = {
    .request = GET,
    .scripts = {{.reply = BUSY}},
    .at_client = "{503 length}busy{end}",
    .status = 503,
    .response_bytes = 4,
};

static void assert_connections(const struct scenario *scenario, size_t count) {
    for (uint32_t n = 0; n < 60; n++) {
        const struct faults faults = {.server_takes = (size_t)n * 5,
                                      .server_gives = n,
                                      .client_takes = n,
                                      .run = n % 5,
                                      .part = n % 9,
                                      .alone = n % 2 == 1};
        scenario_run(scenario, &faults);
        assert_string_equal(bench.memory.record, scenario->at_client);
        assert_int_equal(bench.account.status, scenario->status);
        assert_int_equal(bench.account.response_bytes, scenario->response_bytes);
        assert_int_equal(bench.connection_count, count);
        if (scenario->at_server != NULL) {
            assert_string_equal(understood(last_connection()), scenario->at_server);
        }
        bench_forget_connections();
    }
}

static void test_another_server_is_asked(void **state) {
    (void)state;
    assert_connections(&elsewhere, 2);
    struct scenario scenario = elsewhere;
    scenario.request = "PUT / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n";
    scenario.body = "12345";
    scenario.request_bytes = 5;
    scenario.at_server = "PUT /|length|12345";
    assert_connections(&scenario, 2);
    scenario.scripts[0].when = AFTER_HEAD;
    assert_connections(&scenario, 2);
}

// It is worse than no response, but the last one is what the client gets.
static void test_the_last_response_is_passed_on(void **state) {
    (void)state;
    struct scenario scenario = elsewhere;
    scenario.scripts[1].reply = "HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops";
    scenario.at_client = "{500 length}oops{end}";
    scenario.status = 500;
    scenario.response_bytes = 4;
    assert_connections(&scenario, 2);
}

static void test_what_is_passed_on_at_once(void **state) {
    (void)state;
    struct scenario scenario = passed_on;
    scenario.request = POST(5);
    scenario.body = "12345";
    assert_connections(&scenario, 1);
    scenario = passed_on; // not one of those statuses
    scenario.scripts[0].reply = "HTTP/1.1 502 Oops\r\nContent-Length: 4\r\n\r\noops";
    scenario.at_client = "{502 length}oops{end}";
    scenario.status = 502;
    assert_connections(&scenario, 1);
    scenario = passed_on; // something was passed on before
    scenario.scripts[0].reply = "HTTP/1.1 103 Early Hints\r\n\r\n" BUSY;
    scenario.at_client = "{103}{503 length}busy{end}";
    assert_connections(&scenario, 1);
}

static void test_without_retries_or_another_server(void **state) {
    (void)state;
    assert_connections(&passed_on, 1);
}

// With nothing earned a few retries are free, and no more.
static void test_the_budget_bounds_it(void **state) {
    (void)state;
    assert_connections(&elsewhere, 2);
    for (uint32_t n = 0; n < 10; n++) {
        bench_server(0)->backend->few_retries.full_ms = INT64_MAX / 2;
        scenario_run(&passed_on, &(struct faults){.server_gives = n});
        assert_string_equal(bench.memory.record, passed_on.at_client);
        assert_int_equal(bench.connection_count, 1);
        bench_forget_connections();
    }
}

// A response is better than a server that is known to fail.
static void test_a_server_that_is_out_of_use_is_not_asked(void **state) {
    (void)state;
    scenario_run(&elsewhere, &(struct faults){.steps = 0});
    assert_int_equal(bench.connection_count, 2);
    bench_forget_connections();
    bench_server(1)->health->until_ms = BENCH_NOW + 60000;
    scenario_run(&passed_on, &(struct faults){.steps = 0});
    assert_string_equal(bench.memory.record, passed_on.at_client);
    assert_int_equal(bench.connection_count, 1);
    assert_true(health_is_out(bench_server(0)->health));
    bench_forget_connections();
}

// When its time is over, the request tries whether it works again, whosever turn it was.
static void test_a_server_that_is_due_is_asked(void **state) {
    (void)state;
    for (int turn = 0; turn < 4; turn++) {
        *bench_server(1)->health = (struct health){.until_ms = BENCH_NOW - 1};
        scenario_run(&elsewhere, &(struct faults){.steps = 0});
        assert_string_equal(bench.memory.record, elsewhere.at_client);
        assert_int_equal(bench.connection_count, 2);
        bench_forget_connections();
    }
}

#define WITH(set_up, test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH(set_up_pair, test_another_server_is_asked),
        WITH(set_up_pair, test_the_last_response_is_passed_on),
        WITH(set_up_pair, test_what_is_passed_on_at_once),
        WITH(set_up_unwanted, test_without_retries_or_another_server),
        WITH(set_up_single, test_without_retries_or_another_server),
        WITH(set_up_poor, test_the_budget_bounds_it),
        WITH(set_up_out, test_a_server_that_is_out_of_use_is_not_asked),
        WITH(set_up_out, test_a_server_that_is_due_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
