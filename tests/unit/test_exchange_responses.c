// Responses: every framing and every end, without a socket.
#include "exchange_scenario.h"

#define GET_AT_SERVER "GET /|none|"
#define WITH_NO_BODY(head, record, code)                                                           \
    {                                                                                              \
        .request = GET, .scripts = {{.reply = head "\r\n"}}, .at_server = GET_AT_SERVER,           \
        .at_client = (record), .status = (code), .pooled = true,                                   \
    }

static void test_bodies_of_every_framing(void **state) {
    (void)state;
    static const struct scenario scenarios[] = {
        {.request = GET,
         .scripts = {{.reply = OK_HELLO}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 length}hello{end}",
         .status = 200,
         .response_bytes = 5,
         .pooled = true},
        {.request = GET,
         .scripts = {{.reply = OK_EMPTY}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 none}{end}",
         .status = 200,
         .pooled = true},
        {.request = GET,
         .scripts = {{.reply = OK_CHUNKED "5\r\nhello\r\n1;a=b\r\n!\r\n0\r\n\r\n"}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 chunked}hello!{end}",
         .status = 200,
         .response_bytes = 6,
         .pooled = true},
        {.request = GET,
         .scripts = {{.reply = OK_CHUNKED "0\r\n\r\n"}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 chunked}{end}",
         .status = 200,
         .pooled = true},
        {.request = GET, // lines that end in LF alone
         .scripts = {{.reply = OK_CHUNKED "2\nhe\n1\nl\n2\nlo\n0\n\n"}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 chunked}hello{end}",
         .status = 200,
         .response_bytes = 5,
         .pooled = true},
        {.request = GET,
         .scripts = {{.reply = "HTTP/1.1 200 OK\r\n\r\nhello", .closes = true}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 close}hello{end}",
         .status = 200,
         .response_bytes = 5},
        {.request = GET,
         .scripts = {{.reply = "HTTP/1.1 200 OK\r\n\r\n", .closes = true}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 close}{end}",
         .status = 200},
        {.request = GET,
         .scripts = {{.reply =
                          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
                      .closes = true}},
         .at_server = GET_AT_SERVER,
         .at_client = "{200 length}hi{end}",
         .status = 200,
         .response_bytes = 2},
    };
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        run_under_all_faults(&scenarios[i]);
    }
}

static void test_trailers(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = GET,
        .scripts = {{.reply = OK_CHUNKED "5\r\nhello\r\n0\r\nA: b\r\nC:d\r\n\r\n"}},
        .at_server = GET_AT_SERVER,
        .at_client = "{200 chunked}hello{end A=b C=d}",
        .status = 200,
        .response_bytes = 5,
        .pooled = true,
    };
    run_under_all_faults(&scenario);
    scenario.scripts[0].reply = OK_CHUNKED "5\r\nhello\r\n0\r\nContent-Length: 7\r\n\r\n";
    scenario.at_client = "{200 chunked}hello{end}"; // no place for that field
    run_under_all_faults(&scenario);
}

static void test_responses_that_have_no_body(void **state) {
    (void)state;
    static const struct scenario scenarios[] = {
        WITH_NO_BODY("HTTP/1.1 204 No Content\r\n", "{204 none}{end}", 204),
        WITH_NO_BODY("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n", "{304 none}{end}", 304),
        WITH_NO_BODY("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n",
                     "{304 none}{end}", 304),
        WITH_NO_BODY("HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n", "{205 none}{end}", 205),
        {.request = "HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n",
         .scripts = {{.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"}},
         .at_server = "HEAD /|none|",
         .at_client = "{200 none}{end}",
         .status = 200,
         .pooled = true},
        {.request = "HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n",
         .scripts = {{.reply = OK_CHUNKED}},
         .at_server = "HEAD /|none|",
         .at_client = "{200 none}{end}",
         .status = 200,
         .pooled = true},
        {.request = GET, // announces a body, so nobody knows whether one follows
         .scripts = {{.reply = "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"}},
         .at_server = GET_AT_SERVER,
         .at_client = "{204 none}{end}",
         .status = 204},
    };
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        run_under_all_faults(&scenarios[i]);
    }
}

static void test_interim_heads_go_before_the_final_one(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = GET,
        .scripts = {{.reply = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                              "HTTP/1.1 102 Processing\r\n\r\n" OK_HELLO}},
        .at_server = GET_AT_SERVER,
        .at_client = "{103}{102}{200 length}hello{end}",
        .status = 200,
        .response_bytes = 5,
        .pooled = true,
    };
    run_under_all_faults(&scenario);
}

// What a server sends behind its response belongs to no request.
static void test_a_surplus_is_dropped_with_its_connection(void **state) {
    (void)state;
    static const char *const replies[] = {OK_HELLO "surplus",
                                          OK_CHUNKED "5\r\nhello\r\n0\r\n\r\nsurplus",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhellos"};
    static const char *const records[] = {"{200 length}hello{end}", "{200 chunked}hello{end}",
                                          "{200 length}hello{end}"};
    for (size_t i = 0; i < 3; i++) {
        struct scenario scenario = {
            .request = GET,
            .scripts = {{.reply = replies[i]}},
            .at_server = GET_AT_SERVER,
            .at_client = records[i],
            .status = 200,
            .response_bytes = 5,
        };
        run_scenario(&scenario);
        for (uint32_t part = 1; part < 100; part++) {
            scenario_run(&scenario, &(struct faults){.part = part, .alone = part % 2 == 0});
            assert_string_equal(bench.memory.record, records[i]);
            assert_int_equal(bench.account.response_bytes, 5);
            bench_forget_connections();
        }
    }
}

static void test_a_tunnel_carries_bytes_both_ways(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = UPGRADE,
        .tunnel = "from the client",
        .scripts = {{.reply = SWITCH "from the server", .closes = true}},
        .at_client = "{101 tunnel}from the server{end}",
        .status = 101,
        .request_bytes = 0,
        .response_bytes = 15,
    };
    for (uint32_t n = 1; n < 20; n++) {
        for (uint32_t order = 0; order < 4; order++) {
            const struct faults faults = {.arrive = n,
                                          .run = n,
                                          .server_gives = n,
                                          .client_takes = n,
                                          .part = n,
                                          .alone = true,
                                          .first_event = order};
            scenario_run(&scenario, &faults);
            assert_string_equal(bench.memory.record, scenario.at_client);
            assert_int_equal(bench.account.status, 101);
            // The server closed before all of the client's bytes came, perhaps.
            const char *server = understood(last_connection());
            assert_memory_equal(server, "GET /|none|", 11);
            assert_memory_equal(server + 11, scenario.tunnel, strlen(server) - 11);
            assert_int_equal(strlen(server) - 11, bench.account.request_bytes);
            bench_forget_connections();
        }
    }
}

static void test_a_tunnel_ends_when_its_server_ends_after_its_client(void **state) {
    (void)state;
    struct scenario scenario = {
        .request = UPGRADE,
        .tunnel = "bye",
        .client_ends = true,
        .scripts = {{.reply = SWITCH}},
        .result = RESULT_AGAIN,
        .at_server = "GET /|none|bye",
        .at_client = "{101 tunnel}",
        .status = 101,
        .request_bytes = 3,
        .ended = NULL,
    };
    scenario_begin(&scenario, &(struct faults){.arrive = 1});
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_true(last_connection()->shut); // our direction ended
    bench.connections[0].script.closes = true;
    assert_true(bench_events());
    assert_int_equal(bench_advance(), RESULT_OK);
    bench_finish();
    scenario.at_client = "{101 tunnel}{end}";
    assert_outcome(&scenario);
}

// A body of more than a room, whose bytes are compared one by one.
static void test_large_bodies(void **state) {
    (void)state;
    enum { SIZE = 150000, CHUNK = 4096 };
    static const char *const heads[] = {"HTTP/1.1 200 OK\r\nContent-Length: 150000\r\n\r\n",
                                        OK_CHUNKED, "HTTP/1.1 200 OK\r\n\r\n"};
    static const size_t parts[] = {0, 1, 3, 100, 4096};
    char *reply = malloc((size_t)SIZE * 2);
    for (size_t kind = 0; kind < 3; kind++) {
        size_t size = (size_t)sprintf(reply, "%s", heads[kind]);
        for (size_t at = 0; at < SIZE;) {
            size_t part = kind != 1 ? SIZE : SIZE - at < CHUNK ? SIZE - at : CHUNK;
            size += kind == 1 ? (size_t)sprintf(reply + size, "%zx\r\n", part) : 0;
            for (size_t i = 0; i < part; i++, at++) {
                reply[size++] = (char)('a' + (at * 7 + at / 251) % 26);
            }
            size += kind == 1 ? (size_t)sprintf(reply + size, "\r\n") : 0;
        }
        size += kind == 1 ? (size_t)sprintf(reply + size, "0\r\n\r\n") : 0;
        const struct scenario scenario = {
            .request = GET, .scripts = {{.reply = reply, .reply_size = size, .closes = kind == 2}}};
        for (size_t i = 0; i < 5; i++) {
            scenario_run(&scenario, &(struct faults){.part = parts[i],
                                                     .client_takes = i == 0 ? 0 : 2000,
                                                     .server_gives = i < 2 ? 0 : 9999,
                                                     .fits_not = (uint32_t)i,
                                                     .fits_part = i < 3 ? 0 : 700 * i});
            const char *record = strchr(bench.memory.record, '}') + 1;
            for (size_t at = 0; at < SIZE; at++) {
                assert_int_equal(record[at], 'a' + (at * 7 + at / 251) % 26);
            }
            assert_string_equal(record + SIZE, "{end}");
            assert_int_equal(bench.account.response_bytes, SIZE);
            // What is there is read without waiting for the loop.
            assert_true(i > 0 || kind == 2 || bench.readables == 1);
            bench_forget_connections();
        }
    }
    free(reply);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_bodies_of_every_framing),
        BENCH_TEST(test_trailers),
        BENCH_TEST(test_responses_that_have_no_body),
        BENCH_TEST(test_interim_heads_go_before_the_final_one),
        BENCH_TEST(test_a_surplus_is_dropped_with_its_connection),
        BENCH_TEST(test_a_tunnel_carries_bytes_both_ways),
        BENCH_TEST(test_a_tunnel_ends_when_its_server_ends_after_its_client),
        BENCH_TEST(test_large_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
