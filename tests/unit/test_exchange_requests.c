// Requests: every framing, early responses, limits, and answers of Ravelin itself, without a
// socket.
#include "exchange_scenario.h"

#define AT_ONCE_HELLO                                                                              \
    {                                                                                              \
        { .reply = OK_HELLO }                                                                      \
    }
#define CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"
#define TOO_LARGE "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"

static const struct scenario with_hello = {
    .scripts = AT_ONCE_HELLO,
    .at_client = "{200 length}hello{end}",
    .status = 200,
    .response_bytes = 5,
    .pooled = true,
};

static void test_bodies_of_every_framing(void **state) {
    (void)state;
    struct scenario scenario = with_hello;
    scenario.request = POST(12);
    scenario.body = "Hello world!";
    scenario.at_server = "POST /|length|Hello world!";
    scenario.request_bytes = 12;
    run_under_all_faults(&scenario);
    scenario.request = POST_CHUNKED;
    scenario.at_server = "POST /|chunked|Hello world!|\r\n";
    run_under_all_faults(&scenario);
    scenario.trailer = (struct http_field){.name = SLICE("A"), .value = SLICE("b")};
    scenario.at_server = "POST /|chunked|Hello world!|A: b\r\n\r\n";
    run_under_all_faults(&scenario);
    scenario.body = "";
    scenario.at_server = "POST /|chunked||A: b\r\n\r\n";
    scenario.request_bytes = 0;
    run_under_all_faults(&scenario);
    scenario.trailer.name.size = 0;
    scenario.at_server = "POST /|chunked||\r\n";
    run_under_all_faults(&scenario);
}

static void test_large_bodies(void **state) {
    (void)state;
    enum { SIZE = 100000 };
    static char body[SIZE + 1];
    static char expected[SIZE + 100];
    for (size_t i = 0; i < SIZE; i++) {
        body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    struct scenario scenario = with_hello;
    scenario.body = body;
    scenario.request_bytes = SIZE;
    scenario.at_server = expected;
    for (int chunked = 0; chunked < 2; chunked++) {
        scenario.request = chunked ? POST_CHUNKED : POST(100000);
        (void)sprintf(expected, "POST /|%s|%s%s", chunked ? "chunked" : "length", body,
                      chunked ? "|\r\n" : "");
        for (uint32_t n = 0; n < 8; n++) {
            run_under(&scenario, &(struct faults){.arrive = (size_t)n * 3000,
                                                  .run = (size_t)n * 701,
                                                  .server_takes = (size_t)n * 907,
                                                  .alone = n % 2 == 1,
                                                  .first_event = n});
        }
    }
}

static void test_a_body_after_100_continue(void **state) {
    (void)state;
    struct scenario scenario = with_hello;
    scenario.request = EXPECT;
    scenario.body = "world";
    scenario.waits_for_100 = true;
    scenario.scripts[0] = (struct script){.reply = CONTINUE OK_HELLO, .early = strlen(CONTINUE)};
    scenario.at_server = "POST /|length|world";
    scenario.at_client = "{100}{200 length}hello{end}";
    scenario.request_bytes = 5;
    run_under_all_faults(&scenario);
}

// Then no body comes, and nobody waits for one.
static void test_a_response_instead_of_100_continue(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = EXPECT,
        .body = "world",
        .waits_for_100 = true,
        .scripts = {{.reply = TOO_LARGE, .when = AFTER_HEAD}},
        .at_server = "POST /|length|",
        .at_client = "{413 length cut}no{end}",
        .status = 413,
        .response_bytes = 2,
    };
    run_scenario(&scenario);
    assert_true(bench.memory.stopped && !bench.memory.drops);
    for (uint32_t n = 1; n < 70; n++) {
        run_under(&scenario, &(struct faults){.server_gives = n, .head_again = n % 2 == 0});
        run_under(&scenario, &(struct faults){.client_takes = n, .fits_not = 2});
    }
}

// What comes of the rest is dropped, so that the client reads the response.
static void test_a_refusal_before_the_rest_of_the_body(void **state) {
    (void)state;
    static char body[50001];
    memset(body, 'x', sizeof(body) - 1);
    struct scenario scenario = {
        .request = POST(50000),
        .body = body,
        .scripts = {{.reply = TOO_LARGE, .when = AFTER_HEAD, .write_max = 1000}},
        .at_client = "{413 length cut}no{end}",
        .status = 413,
        .response_bytes = 2,
    };
    for (uint32_t n = 0; n < 40; n++) {
        const struct faults faults = {.arrive = 7000, .server_gives = n, .client_takes = n / 2};
        scenario_run(&scenario, &faults);
        assert_true(bench.memory.stopped && bench.memory.drops);
        assert_string_equal(bench.memory.record, scenario.at_client);
        assert_int_equal(bench_server(0)->idle_count, 0);
        bench_forget_connections();
    }
}

static void test_a_whole_response_before_the_rest_of_the_body(void **state) {
    (void)state;
    struct scenario scenario = with_hello;
    scenario.request = POST(12);
    scenario.body = "Hello world!";
    scenario.scripts[0].when = AFTER_HEAD;
    scenario.scripts[0].write_max = 188;
    scenario.at_client = "{200 length cut}hello{end}";
    scenario.pooled = false;
    scenario_run(&scenario, &(struct faults){.arrive = 1, .alone = true});
    assert_string_equal(bench.memory.record, scenario.at_client);
    assert_true(bench.memory.stopped && bench.memory.drops);
    assert_int_equal(bench_server(0)->idle_count, 0);
}

// A response that goes on lets the request go on too.
static void test_both_directions_at_the_same_time(void **state) {
    (void)state;
    struct scenario scenario = with_hello;
    scenario.request = POST(12);
    scenario.body = "Hello world!";
    scenario.scripts[0].early = strlen(OK_HELLO) - 4;
    scenario.at_server = "POST /|length|Hello world!";
    scenario.request_bytes = 12;
    for (uint32_t n = 1; n < 13; n++) {
        for (uint32_t order = 0; order < 4; order++) {
            run_under(&scenario, &(struct faults){.arrive = n,
                                                  .alone = true,
                                                  .first_event = order,
                                                  .server_takes = (size_t)40 * n,
                                                  .server_gives = 13 - n});
        }
    }
}

// A server that refused before it had the whole request may not have read the rest.
static void test_a_refusal_that_ends_after_the_request(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = POST(12),
        .body = "Hello world!",
        .scripts = {{.reply = TOO_LARGE, .early = strlen(TOO_LARGE) - 1}},
        .at_server = "POST /|length|Hello world!",
        .at_client = "{413 length cut}no{end}",
        .status = 413,
        .request_bytes = 12,
        .response_bytes = 2,
    };
    for (uint32_t n = 1; n < 12; n++) {
        run_under(&scenario, &(struct faults){.arrive = n, .alone = true});
    }
}

// The server answers, closes, and is written to all the same.
static void test_a_response_after_a_failed_write(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = POST(12),
        .body = "Hello world!",
        .scripts = {{.reply = TOO_LARGE,
                     .when = AFTER_HEAD,
                     .closes = true,
                     .write_max = 188,
                     .write_error = EPIPE}},
        .at_client = "{413 length cut}no{end}",
        .status = 413,
        .response_bytes = 2,
    };
    for (uint32_t n = 0; n < 60; n++) {
        scenario_run(&scenario, &(struct faults){.server_gives = n, .client_takes = n, .part = n});
        assert_string_equal(bench.memory.record, scenario.at_client);
        assert_null(bench.account.ended);
        assert_true(bench.memory.stopped && bench.memory.drops);
        assert_int_equal(bench_server(0)->idle_count, 0);
        bench_forget_connections();
    }
    scenario.scripts[0].reply = SWITCH; // not of a request that it has not read
    scenario.at_client = "{answer 502}";
    scenario.status = 502;
    scenario.response_bytes = ANSWER_BODY_SIZE;
    scenario.ended = "101 that was not asked for";
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_outcome(&scenario);
}

static void test_a_client_that_ends_in_the_middle(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = POST(12),
        .body = "Hello",
        .client_ends = true,
        .scripts = {{.reply = OK_HELLO}},
        .result = RESULT_ERROR,
        .at_client = "",
        .at_server = "POST /|length|Hello",
        .ended = "the client closed before the end of its request body",
        .request_bytes = 5,
    };
    for (uint32_t n = 0; n < 6; n++) {
        run_under(&scenario, &(struct faults){.arrive = n, .run = n});
    }
}

static void test_a_malformed_body(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = POST_CHUNKED,
        .body = "Hello",
        .malformed = true,
        .scripts = {{.reply = OK_HELLO}},
        .at_client = "{answer 400}",
        .ended = "the body is malformed in memory",
        .status = 400,
        .response_bytes = ANSWER_BODY_SIZE,
    };
    for (uint32_t n = 1; n < 6; n++) {
        scenario_run(&scenario, &(struct faults){.arrive = n});
        assert_string_equal(bench.memory.record, "{answer 400}");
        assert_string_equal(bench.account.ended, scenario.ended);
        assert_true(bench.memory.stopped && !bench.memory.drops); // where would it end?
        assert_int_equal(bench_server(0)->idle_count, 0);
        bench_forget_connections();
    }
}

// --- limits ---

#define SMALL(fields) "POST /small/ HTTP/1.1\r\nHost: a.test\r\n" fields "\r\n"

static void test_body_size(void **state) {
    (void)state;
    struct scenario scenario = with_hello;
    scenario.request = SMALL("Content-Length: 5\r\n");
    scenario.body = "12345";
    scenario.at_server = "POST /small/|length|12345";
    scenario.request_bytes = 5;
    run_scenario(&scenario);
    scenario.request = SMALL("Transfer-Encoding: chunked\r\n");
    scenario.at_server = "POST /small/|chunked|12345|\r\n";
    run_under_all_faults(&scenario);
    scenario.body = "1234";
    scenario.at_server = "POST /small/|chunked|1234|\r\n";
    scenario.request_bytes = 4;
    run_under_all_faults(&scenario);

    scenario = (struct scenario){
        .request = SMALL("Transfer-Encoding: chunked\r\n"),
        .body = "123456",
        .scripts = {{.reply = OK_HELLO}},
        .at_client = "{answer 413}",
        .ended = "the request body is larger than body-size",
        .status = 413,
        .request_bytes = 6,
        .response_bytes = ANSWER_BODY_SIZE,
    };
    for (uint32_t n = 0; n < 7; n++) {
        run_under(&scenario, &(struct faults){.arrive = n, .run = n});
    }
    scenario.request = SMALL("Content-Length: 6\r\n");
    scenario.request_bytes = 0;
    scenario.at_server = "";
    scenario_run(&scenario, &(struct faults){.steps = 0});
    assert_int_equal(bench.connection_count, 0); // no server sees it
    assert_true(bench.memory.stopped && bench.memory.drops);
    assert_string_equal(bench.memory.record, "{answer 413}");
}

static void test_target_size(void **state) {
    (void)state;
    static char head[9000];
    for (size_t size = 8191; size <= 8193; size++) {
        struct scenario scenario = with_hello;
        (void)sprintf(head, "GET /%*s HTTP/1.1\r\nHost: a.test\r\n\r\n", (int)size - 1, "");
        memset(head + 5, 'a', size - 1);
        scenario.request = head;
        if (size > 8192) {
            scenario.at_client = "{answer 414}";
            scenario.ended = "the target is too long";
            scenario.status = 414;
            scenario.response_bytes = ANSWER_BODY_SIZE;
            scenario.pooled = false;
        }
        run_scenario(&scenario);
    }
}

// --- answers without a server ---

static void assert_answered(const char *request, const char *body, uint16_t status,
                            const char *ended) {
    char record[32];
    (void)snprintf(record, sizeof(record), "{answer %u}", status);
    const struct scenario scenario = {
        .request = request,
        .body = body,
        .scripts = {{.reply = OK_HELLO}},
        .at_client = record,
        .ended = ended,
        .status = status,
        .response_bytes = ANSWER_BODY_SIZE,
    };
    for (uint32_t n = 0; n < 5; n++) {
        scenario_run(&scenario, &(struct faults){.client_takes = n, .flush_again = n});
        assert_outcome(&scenario);
        assert_int_equal(bench.connection_count, 0);
        assert_true(bench.account.answered);
        assert_true(body == NULL || (bench.memory.stopped && bench.memory.drops));
    }
}

static void test_answers_without_a_server(void **state) {
    (void)state;
    assert_answered("GET /gone/x HTTP/1.1\r\nHost: a.test\r\n\r\n", NULL, 410, NULL);
    assert_answered("GET / HTTP/1.1\r\nHost: b.test\r\n\r\n", NULL, 421, "no site has this name");
    assert_answered("OPTIONS / HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\n\r\n", NULL, 204,
                    "Max-Forwards is 0");
    assert_answered("POST /gone/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n", "12345",
                    410, NULL);
}

static void test_a_refused_head(void **state) {
    (void)state;
    const struct refused_request refused = {SLICE("GET / HTTP/3.7\r\n"), false, 505,
                                            "so says a test"};
    memory_stream_init(&bench.memory, &bench.faults);
    bench.exchange = exchange_new_refused(&bench.memory.stream, &bench.shared, &refused, 0);
    assert_non_null(bench.exchange);
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    assert_string_equal(bench.memory.record, "{answer 505}");
    assert_string_equal(bench.account.ended, "so says a test");
    assert_true(bench.account.refused);
    assert_int_equal(bench.account.status, 505);
}

// A client of a redirect listener.
static void test_a_redirect(void **state) {
    (void)state;
    const struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO}}};
    bench_use(scenario.scripts, 1);
    memory_stream_init(&bench.memory, &bench.faults);
    bench.memory.client.redirect = true;
    bench_begin(GET);
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    assert_string_equal(bench.memory.record, "{answer 308}");
}

// A connection that began with the name of one client is for no other.
static int set_up_proxy_protocol(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n send-proxy-protocol = v1"));
    return 0;
}

static void test_a_proxy_header(void **state) {
    (void)state;
    static const char header[] = "PROXY TCP4 192.0.2.1 127.0.0.1 0 8443\r\n";
    const struct scenario scenario = {.request = GET, .scripts = {{.reply = OK_HELLO}}};
    for (uint32_t n = 0; n < 60; n++) {
        scenario_begin(&scenario, &(struct faults){.server_takes = n});
        bench.memory.client.address.v4.sin_addr.s_addr = htonl(0xc0000201);
        assert_int_equal(bench_advance(), RESULT_OK);
        bench_finish();
        const struct memory_connection *connection = last_connection();
        assert_memory_equal(connection->received, header, sizeof(header) - 1);
        assert_memory_equal(connection->received + sizeof(header) - 1, "GET / ", 6);
        assert_int_equal(bench_server(0)->idle_count, 0);
        bench_forget_connections();
    }
}

// Unless it is bound to that client: then it says so once.
static void test_a_proxy_header_on_a_bound_connection(void **state) {
    (void)state;
    static const char request[] = "GET / HTTP/1.1\r\nHost: a.test\r\nAuthorization: NTLM "
                                  "TlRMTVNTUAABAAAA\r\n\r\n";
    static struct list_node kept;
    list_init(&kept);
    bench_use(&(struct script){.reply = OK_HELLO, .repeats = true}, 1);
    for (int i = 0; i < 3; i++) {
        memory_stream_init(&bench.memory, &bench.faults);
        bench.memory.stream.kept = &kept;
        bench_begin(request);
        assert_int_equal(bench_advance(), RESULT_OK);
        bench.kept = 1;
        bench_finish();
        assert_int_equal(bench.connection_count, 1);
        assert_string_equal(bench.memory.record, "{200 length}hello{end}");
        assert_memory_equal(last_connection()->received, i == 0 ? "PROXY " : "GET / ", 6);
    }
    pool_close_kept(&kept);
    bench.kept = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_bodies_of_every_framing),
        BENCH_TEST(test_large_bodies),
        BENCH_TEST(test_a_body_after_100_continue),
        BENCH_TEST(test_a_response_instead_of_100_continue),
        BENCH_TEST(test_a_refusal_before_the_rest_of_the_body),
        BENCH_TEST(test_a_whole_response_before_the_rest_of_the_body),
        BENCH_TEST(test_both_directions_at_the_same_time),
        BENCH_TEST(test_a_refusal_that_ends_after_the_request),
        BENCH_TEST(test_a_response_after_a_failed_write),
        BENCH_TEST(test_a_client_that_ends_in_the_middle),
        BENCH_TEST(test_a_malformed_body),
        BENCH_TEST(test_body_size),
        BENCH_TEST(test_target_size),
        BENCH_TEST(test_answers_without_a_server),
        BENCH_TEST(test_a_refused_head),
        BENCH_TEST(test_a_redirect),
        cmocka_unit_test_setup_teardown(test_a_proxy_header, set_up_proxy_protocol, tear_down),
        cmocka_unit_test_setup_teardown(test_a_proxy_header_on_a_bound_connection,
                                        set_up_proxy_protocol, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
