// What exchanges do for servers that go out of use: who tries them again, and what retries cost.
#include "exchange_scenario.h"

static int set_up_pair(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n server 127.0.0.1:9001 {}\n retries = 1\n"
                           "max-failures = 2 retry-budget = 0% fail-on-status = 503"));
    return 0;
}

static const struct scenario twice = {
    .request = GET,
    .scripts = {{.reply = "", .closes = true}, {.reply = OK_HELLO}},
    .script_count = 2,
    .at_client = "{200 length}hello{end}",
};

static void run(const struct scenario *scenario) {
    scenario_run(scenario, &(struct faults){.steps = 0});
    assert_string_equal(bench.memory.record, scenario->at_client);
    pool_close_idle(&bench.shared.pool, bench.generation.backends);
    bench.connection_count = 0;
}

// It is out of use after failures that are not of its connection, its time is over, and the request
// that tries it cannot connect: the prober connects from then on.
static void test_a_try_that_cannot_connect(void **state) {
    (void)state;
    const struct health due = {.until_ms = BENCH_NOW - 1, .since_ms = BENCH_NOW - 1000};
    struct scenario scenario = twice;
    *bench_server(0)->health = due;
    scenario.scripts[0] = (struct script){.connect_error = ECONNREFUSED};
    run(&scenario);
    assert_true(health_is_held(bench_server(0)->health));
    assert_true(ev_is_active(&bench.shared.prober.tick));
    ev_timer_stop(bench.loop, &bench.shared.prober.tick);
}

static void test_another_failure_wakes_no_prober(void **state) {
    (void)state;
    run(&twice);
    assert_false(ev_is_active(&bench.shared.prober.tick));
    bench_forget_servers();
}

// Free retries that were used.
static int64_t used(void) {
    int64_t full_ms = bench_server(0)->backend->few_retries.full_ms;
    int64_t ahead_ms = full_ms > BENCH_NOW ? full_ms - BENCH_NOW : 0;
    return ahead_ms / FREE_RETRIES_INTERVAL_MS;
}

// What was under way when the server went out of use.
static void test_moves_cost_no_budget(void **state) {
    (void)state;
    static const struct script failures[] = {
        {.pending = true, .hangs = true, .reply = "", .closes = true},
        {.pending = true, .hangs = true, .reply = "nonsense\r\n\r\n"},
        {.pending = true, .hangs = true, .reply = "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"},
    };
    for (size_t i = 0; i < 6; i++) {
        struct scenario scenario = twice;
        scenario.scripts[0] = failures[i / 2];
        scenario_begin(&scenario, &(struct faults){.steps = 0});
        assert_int_equal(bench_advance(), RESULT_AGAIN);
        struct health *health = bench.exchange->attempt.server->health;
        health->until_ms = i % 2 == 0 ? 0 : BENCH_NOW + 1000;
        bench.connections[0].script.hangs = false;
        assert_int_equal(bench_advance(), RESULT_OK);
        bench_finish();
        assert_string_equal(bench.memory.record, scenario.at_client);
        assert_int_equal(used(), i % 2 == 0 ? 1 : 0);
        *health = (struct health){.until_ms = 0};
        bench_forget_connections();
    }
}

// Where no server works, each retry is charged: it would become a storm.
static void test_retries_among_servers_that_are_out_are_charged(void **state) {
    (void)state;
    struct scenario scenario = twice;
    for (uint32_t n = 0; n < 6; n++) {
        bench_server(0)->health->until_ms = bench_server(1)->health->until_ms = BENCH_NOW + 1000;
        run(&scenario);
        assert_int_equal(used(), n + 1);
    }
    bench_forget_servers();
    *bench_server(1)->health = (struct health){.until_ms = 0};
}

#define PAIR_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_pair, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        PAIR_TEST(test_a_try_that_cannot_connect),
        PAIR_TEST(test_another_failure_wakes_no_prober),
        PAIR_TEST(test_moves_cost_no_budget),
        PAIR_TEST(test_retries_among_servers_that_are_out_are_charged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
