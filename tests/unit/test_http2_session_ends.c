// How requests and connections of HTTP/2 end: resets at every moment, servers that break off,
// answers of Ravelin, drain, and time that passes.
#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GOT_HELLO "{200 content-length=5}hello{end}"

static const struct client_faults usual = {.secure = true, .stays = true};

// --- the client resets ---

// After so many bytes of its input, and beside a request that is not disturbed.
static void test_resets_at_every_moment(void **state) {
    (void)state;
    static const struct script scripts[] = {
        {.reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n"}};
    for (size_t moment = 0; moment < 700; moment++) {
        bench_use(scripts, 1);
        h2.window = moment % 3 == 0 ? 0 : 7;
        h2_begin(&(struct client_faults){.secure = moment % 2 != 0,
                                         .stays = true,
                                         .takes = moment % 5 == 0 ? 0 : 31,
                                         .server = {.server_gives = moment % 7,
                                                    .server_takes = moment % 11,
                                                    .alone = true,
                                                    .first_event = (uint32_t)moment}});
        h2_post(1, "/1", "");
        h2_data(1, "0123456789", 10, false);
        h2_get(3, "/3");
        bool reset = false;
        bool any = true;
        for (size_t turn = 0; any || !reset; turn++) {
            if (turn >= moment / 6 && !reset) {
                h2_reset_stream(1, HTTP2_CANCEL);
                reset = true;
            }
            any = false;
            for (uint32_t i = 0; i < 6 && !any; i++) {
                any = h2_event((uint32_t)(moment + turn) + i);
            }
            h2_check();
        }
        assert_string_equal(h2_got(3), "{200}hello world!{end}");
        assert_int_equal(h2.goaways, 0);
        assert_true(list_is_empty(&client.session->http2->sides));
        assert_int_equal(client.session->http2->connection.held, 0);
        h2_finish();
    }
    h2.window = 0;
}

// --- the server breaks off ---

static void assert_reply_gives(const struct script *script, const char *expected) {
    for (size_t n = 0; n < 40; n++) {
        bench_use(script, 1);
        h2_begin(&(struct client_faults){
            .secure = true, .stays = true, .takes = n * 3, .server = {.server_gives = n}});
        h2_get(1, "/");
        h2_run();
        const char *got = h2_got(1);
        if (strncmp(expected, "{50", 3) == 0) {
            assert_memory_equal(got, expected, 4);
            assert_non_null(strstr(got, "</html>\n{end}"));
        } else { // data behind which the fault lies may be missing
            const char *end = strstr(got, "{reset 2}");
            assert_non_null(end);
            assert_memory_equal(got, expected, (size_t)(end - got));
            assert_string_equal(end, "{reset 2}");
        }
        assert_int_equal(h2.goaways, 0);
        h2_finish();
        bench_forget_servers();
    }
}

static void test_a_server_that_breaks_off(void **state) {
    (void)state;
    assert_reply_gives(
        &(struct script){.reply = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello",
                         .closes = true},
        "{200 content-length=9}hello{reset 2}");
    assert_reply_gives(
        &(struct script){.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello",
                         .closes = true},
        "{200}hello{reset 2}");
    assert_reply_gives(
        &(struct script){
            .reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz"},
        "{200}hello{reset 2}");
    assert_reply_gives(&(struct script){.reply = "HTTP/1.1 200 OK\r\nConte", .closes = true},
                       "{502");
    assert_reply_gives(&(struct script){.reply = "", .closes = true}, "{502");
    assert_reply_gives(&(struct script){.reply = "HTTP/1.1 200 OK\r\nA b: c\r\n\r\n"}, "{502");
    assert_reply_gives(&(struct script){.connect_error = ECONNREFUSED}, "{502");
}

// --- answers ---

static void assert_answer(void (*say)(void), const char *status) {
    static const struct script script = {.reply = HELLO};
    for (size_t n = 0; n < 60; n++) {
        bench_use(&script, 1);
        h2.window = n == 0 ? 0 : (uint32_t)n * 20;
        h2_begin(&(struct client_faults){.secure = true, .stays = true, .takes = n * 7});
        say();
        h2_get(3, "/");
        h2_run();
        assert_memory_equal(h2_got(1), status, strlen(status));
        assert_non_null(strstr(h2_got(1), "</html>\n{end}"));
        assert_string_equal(h2_got(3), GOT_HELLO);
        h2_finish();
    }
    h2.window = 0;
}

static void say_unknown_host(void) {
    h2_put_headers(1, ":method: GET\n:scheme: https\n:authority: b.test\n:path: /\n", true);
}

static void say_large_body(void) {
    h2_post(1, "/small/", "content-length: 6\n");
    h2_data(1, "abcdef", 6, true);
}

static void say_trace(void) {
    h2_put_headers(1, ":method: TRACE\n:scheme: https\n:authority: a.test\n:path: /\n", true);
}

static void say_long_target(void) {
    char lines[300];
    (void)snprintf(lines, sizeof(lines),
                   ":method: GET\n:scheme: https\n:authority: a.test\n:path: /%0150d\n", 1);
    h2_put_headers(1, lines, true);
}

static void test_answers(void **state) {
    (void)state;
    assert_answer(say_unknown_host, "{421 ");
    assert_answer(say_large_body, "{413 ");
    assert_answer(say_trace, "{405 ");
    assert_answer(say_long_target, "{414 ");
}

static int set_up_short(void **state) {
    (void)state;
    return h2_start("limits { target-size = 100 }");
}

static void test_malformed_requests(void **state) {
    (void)state;
    static const char *const cases[] = {
        ":method: GET\n:scheme: https\n:path: /\n:path: /\n",
        ":method: GET\n:path: /\n",
        ":method: GET\n:scheme: https\n:authority: a.test\n:path: /\nconnection: close\n",
        ":method: GET\n:scheme: https\n:authority: a.test\n:path: /\nUpper: x\n",
        ":method: GET\n:scheme: https\n:authority: a.test\n:path: /\nhost: b.test\n",
    };
    static const struct script script = {.reply = HELLO};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_use(&script, 1);
        h2_begin(&usual);
        h2_put_headers(1, cases[i], true);
        h2_get(3, "/");
        h2_run();
        assert_string_equal(h2_got(1), "{reset 1}");
        assert_string_equal(h2_got(3), GOT_HELLO);
        assert_int_equal(bench.connection_count, 1);
        h2_finish();
    }
}

// No server sees more than was declared, nor a whole request of less.
static void test_content_length_against_data(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO};
    for (int more = 0; more < 2; more++) {
        bench_use(&script, 1);
        h2_begin(&usual);
        h2_post(1, "/", "content-length: 6\n");
        h2_data(1, "abcdefghi", more ? 9 : 3, true);
        h2_run();
        assert_string_equal(h2_got(1), "{reset 1}");
        h2_finish();
    }
}

static size_t body_received(void) {
    const struct memory_connection *server = &bench.connections[0];
    const char *end = memmem(server->received, server->received_size, "\r\n\r\n", 4);
    assert_non_null(end);
    return server->received_size - (size_t)(end + 4 - server->received);
}

// The last byte waits for the end of the stream, so that what is found to be malformed behind it
// is no whole request.
static void test_no_whole_request_before_the_end(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO};
    static const char *const ends[] = {"", "!", "x: y\n", ":path: /\n"};
    for (size_t first = 0; first < 6; first++) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
            bench_use(&script, 1);
            h2_begin(&usual);
            h2_post(1, "/", "content-length: 6\n");
            if (first > 0) {
                h2_data(1, "abcdef", first, false);
                h2_run();
            }
            h2_data(1, &"abcdef"[first], 6 - first, false);
            h2_run();
            assert_int_equal(body_received(), 5);
            if (i < 2) {
                h2_data(1, ends[i], strlen(ends[i]), true);
            } else {
                h2_put_headers(1, ends[i], true);
            }
            h2_run();
            assert_int_equal(body_received(), i % 2 == 0 ? 6 : 5);
            assert_string_equal(h2_got(1), i % 2 == 0 ? GOT_HELLO : "{reset 1}");
            h2_finish();
        }
    }
}

// Clients have time to read an early response before its stream is reset.
static void test_early_answers_linger(void **state) {
    (void)state;
    static char data[10000];
    for (int ends = 0; ends < 3; ends++) {
        bench_use(&(struct script){.reply = HELLO}, 1);
        h2_begin(&usual);
        h2_post(1, "/gone/", "");
        h2_data(1, data, sizeof(data), false);
        h2_run();
        assert_non_null(strstr(h2_got(1), "</html>\n{end}"));
        assert_null(strstr(h2_got(1), "{reset"));
        h2_data(1, data, sizeof(data), ends == 1);
        if (ends == 2) {
            h2_reset_stream(1, HTTP2_CANCEL);
        }
        h2_run();
        assert_int_equal(client.session->http2->connection.held, 0);
        assert_int_equal(client.session->http2->connection.stream_count, ends == 0);
        h2_pass_time(250);
        assert_int_equal(strstr(h2_got(1), "{reset 0}") != NULL, ends == 0);
        assert_int_equal(client.session->http2->connection.stream_count, 0);
        assert_int_equal(h2.goaways, 0);
        h2_finish();
    }
}

// What the client still sends after a complete response is dropped, but it is judged.
static void test_malformed_after_an_early_answer(void **state) {
    (void)state;
    static const struct {
        const char *fields, *trailers;
        size_t size;
        bool right;
    } cases[] = {
        {"content-length: 6\n", NULL, 6, .right = true},
        {"content-length: 6\n", "x: y\n", 6, .right = true},
        {"content-length: 6\n", NULL, 7, .right = false},
        {"content-length: 6\n", NULL, 5, .right = false},
        {"content-length: 6\n", "x: y\n", 5, .right = false},
        {"", "x: y\n", 5, .right = true},
        {"", ":path: /\n", 5, .right = false},
        {"", "connection: close\n", 5, .right = false},
        {"", "content-length: 5\n", 5, .right = false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_use(&(struct script){.reply = HELLO}, 1);
        h2_begin(&usual);
        h2_post(1, "/gone/", cases[i].fields);
        h2_run();
        assert_non_null(strstr(h2_got(1), "</html>\n{end}"));
        h2_data(1, "abcdefg", cases[i].size, cases[i].trailers == NULL);
        if (cases[i].trailers != NULL) {
            h2_put_headers(1, cases[i].trailers, true);
        }
        h2_run();
        assert_int_equal(strstr(h2_got(1), "{reset 1}") != NULL, !cases[i].right);
        assert_int_equal(client.session->http2->connection.held, 0);
        assert_int_equal(client.session->http2->connection.stream_count, 0);
        h2_pass_time(250);
        assert_null(strstr(h2_got(1), "{reset 0}"));
        assert_int_equal(h2.goaways, 0);
        h2_finish();
    }
}

// What waits for a server that responds before it reads it is given back, with the stream open.
static void test_an_early_response_gives_back_what_waits(void **state) {
    (void)state;
    static char data[10000];
    bench_use(&(struct script){.reply = HELLO, .when = AFTER_HEAD, .write_max = 300}, 1);
    h2_begin(&usual);
    h2_post(1, "/", "");
    h2_data(1, data, sizeof(data), false);
    h2_run();
    assert_non_null(strstr(h2_got(1), "hello"));
    assert_int_equal(client.session->http2->connection.stream_count, 1);
    assert_int_equal(client.session->http2->connection.held, 0);
    h2_finish();
}

// --- ends of the connection ---

static void test_a_drain(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO, .when = AFTER_REQUEST};
    bench_use(&script, 1);
    h2_begin(&usual);
    h2_post(1, "/", "");
    h2_run();
    h2.quiet = true; // does not answer the PING at once
    client.sessions.shared.draining = true;
    session_drain(client.session);
    h2_run();
    assert_int_equal(h2.goaways, 1);
    assert_int_equal(h2.last_stream, 0x7fffffff);
    h2_get(3, "/late"); // was on its way
    h2_run();
    h2_pass_time(2000);
    assert_int_equal(h2.goaways, 2);
    assert_int_equal(h2.last_stream, 3);
    assert_int_equal(h2.code, HTTP2_NO_ERROR);
    assert_false(client.shut);
    h2_data(1, "x", 1, true);
    h2_run();
    assert_string_equal(h2_got(1), GOT_HELLO);
    assert_true(client.shut);
    client.sessions.shared.draining = false;
    h2.quiet = false;
    h2_finish();
}

static void test_idle_connections(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO};
    bench_use(&script, 1);
    h2_begin(&usual);
    h2_get(1, "/");
    h2_run();
    assert_string_equal(h2_got(1), GOT_HELLO);
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_sessions_idle), 1);
    h2_pass_time(1500); // it becomes small
    assert_in_range(client.sessions.http2.memory.used, 0, 2048);
    h2_pass_time(59000);
    assert_int_equal(h2.goaways, 2); // the client has answered the PING
    assert_true(client.shut);
    h2_finish();
}

static void test_silent_connections(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO};
    bench_use(&script, 1);
    h2.quiet = true;
    h2_begin(&usual);
    h2_run();
    h2_pass_time(11000); // header-timeout
    assert_int_equal(h2.code, HTTP2_SETTINGS_TIMEOUT);
    assert_true(client.shut);
    h2_finish();
    h2.quiet = false;
}

static int set_up_two_requests(void **state) {
    (void)state;
    return h2_start("limits { requests-per-connection = 2 }");
}

static void test_requests_per_connection(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO, .repeats = true};
    bench_use(&script, 1);
    h2_begin(&usual);
    h2_get(1, "/");
    h2_run();
    assert_int_equal(h2.goaways, 0);
    h2_get(3, "/");
    h2_run();
    assert_string_equal(h2_got(3), GOT_HELLO);
    assert_int_equal(h2.goaways, 2);
    assert_int_equal(h2.last_stream, 3);
    assert_true(client.shut);
    h2_finish();
}

static void test_http1_on_http2(void **state) {
    (void)state;
    bench_use(&(struct script){.reply = HELLO}, 1);
    client_open(&usual);
    http2_enter(client.session);
    session_wait(client.session);
    h2.plain = bench_malloc(CLIENT_BYTES_MAX);
    hpack_memory_init(&h2.memory, 0);
    h2.opened = h2.parsed = h2.plain_size = 0;
    client_says("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", 32);
    h2_run();
    assert_int_equal(h2.code, HTTP2_PROTOCOL_ERROR);
    assert_true(client.shut);
    assert_int_equal(bench.connection_count, 0);
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_http2_faults), 1);
    h2_finish();
}

static void test_a_flood(void **state) {
    (void)state;
    bench_use(&(struct script){.reply = HELLO}, 1);
    h2_begin(&usual);
    for (uint32_t i = 0; i < 300; i++) {
        h2_put_frame(FRAME_SETTINGS, 0, 0, "", 0);
    }
    h2_run();
    assert_int_equal(h2.code, HTTP2_ENHANCE_YOUR_CALM);
    assert_true(client.shut);
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_http2_floods), 1);
    h2_finish();
}

static int set_up_one_stalled(void **state) {
    (void)state;
    return h2_start("http2 { stalled-streams = 1 }");
}

// Of two responses that the client does not take, one may wait.
static void test_stalled_streams(void **state) {
    (void)state;
    static const struct script script = {
        .reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"};
    bench_use(&script, 1);
    h2.window = 2;
    h2.keeps_windows = true;
    h2_begin(&usual);
    h2_get(1, "/");
    h2_get(3, "/");
    h2_run();
    h2_pass_time(9000);
    assert_string_equal(h2_got(3), "{200 content-length=5}he");
    h2_pass_time(1500);
    assert_int_equal(h2_text_of(1)->reset + h2_text_of(3)->reset, 1);
    uint32_t other = h2_text_of(1)->reset ? 3 : 1;
    assert_string_equal(h2_got(4 - other), "{200 content-length=5}he{reset 11}");
    h2_window(other, 100);
    h2_run();
    assert_string_equal(h2_got(other), GOT_HELLO);
    assert_int_equal(client.session->http2->stalled, 0);
    h2_finish();
    h2.window = 0;
    h2.keeps_windows = false;
}

// A client that reads nothing makes no memory grow, and is closed in the end.
static void test_a_client_that_reads_nothing(void **state) {
    (void)state;
    static const struct script script = {.reply = HELLO, .repeats = true};
    bench_use(&script, 1);
    h2_begin(&(struct client_faults){.secure = true, .stays = true, .takes = 10});
    client.never_takes = true;
    for (uint32_t i = 0; i < 15; i++) {
        h2_get(1 + 2 * i, "/");
        uint8_t ping[8] = {0};
        h2_put_frame(FRAME_PING, 0, 0, ping, 8);
    }
    h2_run();
    assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_send_buffers), 1);
    h2_pass_time(61000);
    assert_true(is_closed());
    h2_finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        H2_TEST(test_resets_at_every_moment),
        H2_TEST(test_a_server_that_breaks_off),
        cmocka_unit_test_setup_teardown(test_answers, set_up_short, h2_tear_down),
        H2_TEST(test_malformed_requests),
        H2_TEST(test_content_length_against_data),
        H2_TEST(test_no_whole_request_before_the_end),
        H2_TEST(test_early_answers_linger),
        H2_TEST(test_malformed_after_an_early_answer),
        H2_TEST(test_an_early_response_gives_back_what_waits),
        H2_TEST(test_a_drain),
        H2_TEST(test_idle_connections),
        H2_TEST(test_silent_connections),
        cmocka_unit_test_setup_teardown(test_requests_per_connection, set_up_two_requests,
                                        h2_tear_down),
        H2_TEST(test_http1_on_http2),
        H2_TEST(test_a_flood),
        cmocka_unit_test_setup_teardown(test_stalled_streams, set_up_one_stalled, h2_tear_down),
        H2_TEST(test_a_client_that_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
