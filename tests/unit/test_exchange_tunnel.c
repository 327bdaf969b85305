// Tunnels without a head, for TCP listeners: bytes both ways, ends in either order, servers that
// fail.
#include "exchange_scenario.h"

static void begin(const struct script *script, const char *client, bool client_ends,
                  const struct faults *faults) {
    bench.faults = *faults;
    bench.calls = bench.turn = 0;
    bench_use(script, 1);
    memory_stream_init(&bench.memory, &bench.faults);
    bench.memory.started = true;
    bench.memory.body = client;
    bench.memory.body_size = strlen(client);
    bench.memory.client_ended = client_ends;
    bench.memory.stays_open = !client_ends;
    bench.is_done = false;
    const struct config *config = bench.generation.config;
    bench.exchange = exchange_new_tunnel(&bench.memory.stream, &bench.shared, &bench.generation,
                                         &config->sites[0], &config->backends[0]);
    assert_non_null(bench.exchange);
}

static void assert_server_has(const char *bytes) {
    assert_int_equal(last_connection()->received_size, strlen(bytes));
    assert_memory_equal(last_connection()->received, bytes, strlen(bytes));
}

static const struct script GREETS = {.reply = "hello, this is the server", .when = AT_ONCE};

static void test_both_ways_under_any_faults(void **state) {
    (void)state;
    struct script script = GREETS;
    script.closes = true;
    for (uint32_t n = 1; n < 20; n++) {
        for (uint32_t order = 0; order < 4; order++) {
            const struct faults faults = {.arrive = n,
                                          .run = n,
                                          .server_gives = n,
                                          .client_takes = n,
                                          .server_takes = n,
                                          .part = n,
                                          .interrupts = 2 + n % 3,
                                          .alone = true,
                                          .first_event = order};
            begin(&script, "EHLO client.test", true, &faults);
            assert_int_equal(bench_advance(), RESULT_OK);
            bench_finish();
            assert_server_has("EHLO client.test");
            assert_true(last_connection()->shut);
            assert_string_equal(bench.memory.record, "hello, this is the server{end}");
            assert_int_equal(bench.account.request_bytes, 16);
            assert_int_equal(bench.account.response_bytes, 25);
            assert_int_equal(bench.account.status, 0);
            assert_null(bench.account.ended);
            bench_forget_connections();
        }
    }
}

static void test_a_server_that_speaks_first(void **state) {
    (void)state;
    begin(&GREETS, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_string_equal(bench.memory.record, "hello, this is the server");
    assert_server_has("");
    bench_finish();
    assert_true(bench.account.tcp);
    assert_int_equal(bench.account.connect_us, 0);
}

static void client_sends(const char *bytes, bool ends) {
    bench.memory.body = bytes;
    bench.memory.body_size = strlen(bytes);
    bench.memory.come = bench.memory.taken = 0;
    bench.memory.client_ended = ends;
    bench.memory.end_came = false;
    assert_true(bench_events() || ends);
}

static void test_a_client_that_goes_on_after_its_server(void **state) {
    (void)state;
    struct script script = GREETS;
    script.closes = true;
    begin(&script, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_string_equal(bench.memory.record, "hello, this is the server{end}");
    assert_false(last_connection()->shut);
    client_sends("the last words", false);
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_server_has("the last words");
    client_sends("", true);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_true(last_connection()->shut);
    bench_finish();
    assert_null(bench.account.ended);
}

static void test_a_server_that_goes_on_after_its_client(void **state) {
    (void)state;
    begin(&GREETS, "bye", true, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_true(last_connection()->shut);
    bench.connections[0].script.closes = true;
    assert_true(bench_events());
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    assert_string_equal(bench.memory.record, "hello, this is the server{end}");
}

// It has closed both directions: nothing of what the client still sends arrives.
static void test_a_server_that_has_closed(void **state) {
    (void)state;
    struct script script = GREETS;
    script.closes = true;
    begin(&script, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    bench.connections[0].script.write_max = 1;
    bench.connections[0].script.write_error = EPIPE;
    client_sends("more", false);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_true(bench.memory.stopped);
    bench_finish();
}

static void check_failure(const struct script *script, uint16_t status, const char *ended) {
    begin(script, "x", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_ERROR);
    bench_finish();
    assert_string_equal(bench.memory.record, "");
    assert_int_equal(bench.account.status, status);
    assert_string_equal(bench.account.ended, ended);
    bench_forget_connections();
}

static void test_servers_that_fail(void **state) {
    (void)state;
    check_failure(&(struct script){.connect_error = ECONNREFUSED}, 502, "Connection refused");
    check_failure(&(struct script){.read_error = ECONNRESET, .when = AT_ONCE}, 502,
                  "the server closed the connection without a response");
    begin(&(struct script){.reply = "x", .read_error = ECONNRESET, .when = AT_ONCE}, "", false,
          &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_ERROR);
    bench_finish();
    assert_string_equal(bench.memory.record, "x"); // and no end
    assert_string_equal(bench.account.ended, "the server closed before the end of its response");
}

static void test_another_server_after_a_failed_connection(void **state) {
    (void)state;
    const struct script scripts[] = {{.connect_error = ECONNREFUSED},
                                     {.reply = "hello", .when = AT_ONCE}};
    begin(&GREETS, "hi", false, &(struct faults){.steps = 0});
    bench_use(scripts, 2);
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_string_equal(bench.memory.record, "hello");
    assert_server_has("hi");
    bench_finish();
}

static void test_a_connection_that_takes_too_long(void **state) {
    (void)state;
    const struct script scripts[] = {{.pending = true, .hangs = true},
                                     {.pending = true, .reply = "hello", .when = AT_ONCE}};
    for (size_t i = 0; i < 2; i++) {
        begin(&GREETS, "hi", false, &(struct faults){.steps = 0});
        bench_use(scripts, 2 - i);
        assert_int_equal(bench_advance(), RESULT_AGAIN);
        assert_int_equal(exchange_deadline(bench.exchange) - bench.shared.now_ms, 2000);
        bench_pass_time(2000);
        assert_int_equal(exchange_timed_out(bench.exchange), RESULT_OK);
        assert_int_equal(bench_advance(), RESULT_AGAIN);
        if (i == 0) {
            assert_string_equal(bench.memory.record, "hello");
            assert_server_has("hi");
            bench_finish();
            bench_forget_connections();
        }
    }
    bench_pass_time(2000);
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_ERROR);
    bench_finish();
    assert_int_equal(bench.account.status, 504);
    assert_string_equal(bench.account.ended, "connect timeout");
}

static void test_no_connection_of_the_pool(void **state) {
    (void)state;
    run_scenario(&(struct scenario){.request = GET,
                                    .scripts = {{.reply = OK_HELLO}},
                                    .at_client = "{200 length}hello{end}",
                                    .status = 200,
                                    .response_bytes = 5,
                                    .pooled = true});
    scenario_run(&(struct scenario){.request = GET, .scripts = {{.reply = OK_HELLO}}},
                 &(struct faults){.steps = 0});
    assert_int_equal(bench_server(0)->idle_count, 1);
    begin(&GREETS, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_false(bench.account.server_reused);
    assert_int_equal(bench_server(0)->idle_count, 1);
    bench_finish();
    assert_int_equal(bench_server(0)->idle_count, 1); // and its own does not go there
}

static void test_silence(void **state) {
    (void)state;
    begin(&GREETS, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_int_equal(exchange_deadline(bench.exchange) - bench.shared.now_ms, 60000);
    bench_pass_time(60000);
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_ERROR);
    bench_finish();
    assert_string_equal(bench.account.ended, "the tunnel was silent");
}

// A server that waits for its client is not to blame.
static void test_silence_from_the_beginning(void **state) {
    (void)state;
    static const struct script silent = {.reply = ""};
    begin(&silent, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    bench_pass_time(60000);
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_ERROR);
    bench_finish();
    assert_string_equal(bench.account.ended, "the tunnel was silent");
    assert_int_equal(bench.account.status, 0);
    assert_int_equal(bench_server(0)->health->in_a_row, 0);
}

static void assert_expires(const struct script *script, enum result expected) {
    begin(script, "", false, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_int_equal(exchange_expire(bench.exchange), expected);
    bench_finish();
    assert_string_equal(bench.account.ended, "drain-timeout expired");
    bench_forget_connections();
}

static void test_the_end_of_a_drain(void **state) {
    (void)state;
    assert_expires(&GREETS, RESULT_EOF);
    assert_expires(&(struct script){.reply = ""}, RESULT_EOF);
    assert_expires(&(struct script){.pending = true, .hangs = true}, RESULT_ERROR);
}

static int set_up_proxy(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n send-proxy-protocol = v1"));
    return 0;
}

static void test_a_proxy_header_comes_first(void **state) {
    (void)state;
    static const char header[] = "PROXY TCP4 192.0.2.1 127.0.0.1 0 8443\r\n";
    for (int silent = 0; silent < 2; silent++) { // also from a client that only listens
        begin(&GREETS, silent ? "" : "EHLO", false, &(struct faults){.server_takes = 7});
        bench.memory.client.address.v4.sin_addr.s_addr = htonl(0xc0000201);
        assert_int_equal(bench_advance(), RESULT_AGAIN);
        assert_int_equal(last_connection()->received_size, strlen(header) + (silent ? 0 : 4));
        assert_memory_equal(last_connection()->received, header, strlen(header));
        bench_finish();
        bench_forget_connections();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_both_ways_under_any_faults),
        BENCH_TEST(test_a_server_that_speaks_first),
        BENCH_TEST(test_a_client_that_goes_on_after_its_server),
        BENCH_TEST(test_a_server_that_goes_on_after_its_client),
        BENCH_TEST(test_a_server_that_has_closed),
        BENCH_TEST(test_servers_that_fail),
        BENCH_TEST(test_another_server_after_a_failed_connection),
        BENCH_TEST(test_a_connection_that_takes_too_long),
        BENCH_TEST(test_no_connection_of_the_pool),
        BENCH_TEST(test_silence),
        BENCH_TEST(test_silence_from_the_beginning),
        BENCH_TEST(test_the_end_of_a_drain),
        cmocka_unit_test_setup_teardown(test_a_proxy_header_comes_first, set_up_proxy, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
