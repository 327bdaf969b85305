// HTTP/2 over a transport of memory: requests and responses of every framing, several at a time,
// under every cut and every size of pieces and windows.
#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GOT_HELLO "{200 content-length=5}hello{end}"

static const char *at_server(size_t index) {
    return understood(&bench.connections[index]);
}

// A response that is complete before its request is asks for no more of it.
static void cut_early_reset(uint32_t stream, const char *expected) {
    if (h2_text_of(stream)->reset) {
        assert_string_equal(h2_got(stream) + strlen(expected), "{reset 0}");
        h2_text_of(stream)->text[strlen(expected)] = '\0';
    }
}

// --- one request ---

struct one {
    const char *fields; // of a POST; NULL: GET
    const char *body;   // in DATA frames of `frame` bytes
    const char *trailers;
    struct script script;
    const char *server; // NULL: not compared
    const char *client;
    bool may_be_early;
};

static void say(const struct one *one, size_t frame) {
    if (one->fields == NULL) {
        h2_get(1, "/a");
        return;
    }
    h2_post(1, "/a", one->fields);
    size_t size = one->body == NULL ? 0 : strlen(one->body);
    frame = frame == 0 ? size : frame;
    for (size_t at = 0; at < size; at += frame) {
        size_t part = size - at < frame ? size - at : frame;
        h2_data(1, one->body + at, part, at + part == size && one->trailers == NULL);
    }
    if (one->trailers != NULL) {
        h2_put_headers(1, one->trailers, true);
    } else if (size == 0) {
        h2_data(1, "", 0, true);
    }
}

static void run_with(const struct one *one, const struct client_faults *faults, size_t frame) {
    bench_use(&one->script, 1);
    h2_begin(faults);
    say(one, frame);
    h2_run();
    if (one->may_be_early) {
        cut_early_reset(1, one->client);
    }
    assert_string_equal(h2_got(1), one->client);
    if (one->server != NULL) {
        assert_int_equal(bench.connection_count, 1);
        assert_string_equal(at_server(0), one->server);
    }
    assert_int_equal(h2.goaways, 0);
    h2_finish();
}

static void run_under_all(const struct one *one) {
    size_t size = 200 + (one->script.reply == NULL ? 0 : strlen(one->script.reply));
    h2.keeps_windows = false;
    for (size_t n = 0; n < size; n++) {
        h2.window = 0;
        run_with(one, &(struct client_faults){.cut = n, .stays = true}, 0);
        run_with(one, &(struct client_faults){.arrive = n, .stays = true}, n);
        run_with(one, &(struct client_faults){.takes = n, .arrive = 50, .stays = true}, 1);
        run_with(one, &(struct client_faults){.secure = true, .record = n, .stays = true}, 2);
        h2.window = (uint32_t)n;
        run_with(one, &(struct client_faults){.stays = true}, 0);
        run_with(one,
                 &(struct client_faults){.secure = true,
                                         .takes = n,
                                         .arrive = n,
                                         .stays = true,
                                         .server = {.server_gives = n,
                                                    .server_takes = n,
                                                    .alone = true,
                                                    .interrupts = n % 3 == 0 ? 3 : 0,
                                                    .first_event = (uint32_t)n}},
                 n % 7);
    }
    h2.window = 0;
}

static void test_responses_of_every_framing(void **state) {
    (void)state;
    static const struct one cases[] = {
        {.script = {.reply = HELLO}, .server = "GET /a|none|", .client = GOT_HELLO},
        {.script = {.reply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
         .server = "GET /a|none|",
         .client = "{200 content-length=0}{end}"},
        {.script = {.reply = "HTTP/1.1 204 No Content\r\n\r\n"}, .client = "{204}{end}"},
        {.script = {.reply = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"},
         .client = "{304 content-length=7}{end}"},
        {.script = {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n"},
         .client = "{200}hello world!{end}"},
        {.script = {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "1\nh\n1\ne\n1\nl\n1\nl\n1\no\n0\n\n"},
         .client = "{200}hello{end}"},
        {.script = {.reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                             "5\r\nhello\r\n0\r\nSum: 17\r\nConnection: x\r\nOther: b\r\n\r\n"},
         .client = "{200}hello{end sum=17 other=b}"},
        {.script = {.reply = "HTTP/1.1 200 OK\r\n\r\nhello", .closes = true},
         .client = "{200}hello{end}"},
        {.script = {.reply = "HTTP/1.1 200 OK\r\n\r\n", .closes = true}, .client = "{200}{end}"},
        {.script = {.reply = "HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n"
                             "HTTP/1.1 102 Processing\r\n\r\n" HELLO},
         .client = "{103 link=</s>}{102}" GOT_HELLO},
        {.script = {.reply = "HTTP/1.0 200 OK\r\nConnection: close\r\nKeep-Alive: 5\r\n"
                             "Set-Cookie: a\r\nSet-Cookie: b\r\nX: y\r\n\r\nhello",
                    .closes = true},
         .client = "{200 set-cookie=a set-cookie=b x=y}hello{end}"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_under_all(&cases[i]);
    }
}

static void test_requests_of_every_framing(void **state) {
    (void)state;
    static const struct one cases[] = {
        {.fields = "content-length: 12\n",
         .body = "Hello world!",
         .script = {.reply = HELLO},
         .server = "POST /a|length|Hello world!",
         .client = GOT_HELLO},
        {.fields = "content-length: 0\n",
         .script = {.reply = HELLO},
         .server = "POST /a|none|",
         .client = GOT_HELLO,
         .may_be_early = true},
        {.fields = "te: trailers\n",
         .body = "Hello world!",
         .trailers = "sum: 17\nother: b\n",
         .script = {.reply = HELLO},
         .server = "POST /a|chunked|Hello world!|sum: 17\r\nother: b\r\n\r\n",
         .client = GOT_HELLO},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        run_under_all(&cases[i]);
    }
}

// --- several at a time ---

// Five requests of each kind, whose servers answer as they get to it.
static void say_several(void) {
    h2_get(1, "/1");
    h2_post(3, "/3", "content-length: 6\n");
    h2_data(3, "abc", 3, false);
    h2_get(5, "/5");
    h2_data(3, "def", 3, true);
    h2_post(7, "/7", "");
    h2_data(7, "0123456789", 10, true);
    h2_get(9, "/gone/");
}

static void run_several(const struct script *script, const char *expected,
                        const struct client_faults *faults) {
    bench_use(script, 1);
    h2_begin(faults);
    say_several();
    h2_run();
    for (uint32_t stream = 1; stream < 9; stream += 2) {
        assert_string_equal(h2_got(stream), expected);
    }
    assert_memory_equal(h2_got(9), "{410 ", 5);
    assert_non_null(strstr(h2_got(9), "</html>\n{end}"));
    assert_int_equal(h2.goaways, 0);
    h2_finish();
}

static void test_several_at_a_time(void **state) {
    (void)state;
    static const struct script lengths = {.repeats = true, .reply = HELLO};
    static const struct script chunks = {.repeats = true,
                                         .reply =
                                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                             "5\r\nhello\r\n1\r\n \r\n6\r\nworld!\r\n0\r\n\r\n"};
    for (size_t n = 0; n < 400; n++) {
        const struct client_faults faults = {.secure = n % 2 != 0,
                                             .takes = n,
                                             .arrive = n / 2,
                                             .stays = true,
                                             .server = {.server_gives = n / 3,
                                                        .server_takes = n % 50,
                                                        .alone = n % 3 == 0,
                                                        .first_event = (uint32_t)n}};
        h2.window = n % 5 == 4 ? (uint32_t)n / 5 : 0;
        run_several(&lengths, GOT_HELLO, &faults);
        run_several(&chunks, "{200}hello world!{end}", &faults);
    }
    h2.window = 0;
}

// --- large ones ---

enum { LARGE = 300000 };

static const char *large_body(void) {
    static char body[LARGE + 1];
    for (size_t i = 0; i < LARGE; i++) {
        body[i] = (char)('a' + (i * 7 + i / 251) % 26);
    }
    return body;
}

// What the server has written in small pieces is one record and one frame, as far as it has come.
static void test_small_chunks(void **state) {
    (void)state;
    static const size_t sizes[] = {1, 5, 17, 1000, 1024}; // of all chunks
    static char reply[32 * 1024];
    const char *body = large_body();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t whole = sizes[i] < 1000 ? 500 : 3 * sizes[i]; // with its framing in one read
        size_t size =
            (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < whole;) {
            size_t part = whole - at < sizes[i] ? whole - at : sizes[i];
            size += (size_t)sprintf(reply + size, "%zx\r\n%.*s\r\n", part, (int)part, body + at);
            at += part;
        }
        size += (size_t)sprintf(reply + size, "0\r\n\r\n");
        const struct script script = {.reply = reply, .reply_size = size};
        bench_use(&script, 1);
        h2_begin(&(struct client_faults){.secure = true, .stays = true});
        h2_run();
        uint64_t records = metrics_sum(bench.metrics, 1, METRIC_records_sealed);
        h2.data_frames = 0;
        h2_get(1, "/");
        h2_run();
        const char *got = strchr(h2_got(1), '}') + 1;
        assert_memory_equal(got, body, whole);
        assert_string_equal(got + whole, "{end}");
        assert_int_equal(h2.data_frames, 1);
        assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_records_sealed), records + 1);
        h2_finish();
    }
}

// Small responses that are ready together are one record, and larger ones have their own.
static void test_small_responses(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 500, 1024, 1025};
    static char reply[2048];
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s",
                                      sizes[i], (int)sizes[i], large_body());
        const struct script script = {.reply = reply, .reply_size = size};
        bench_use(&script, 1);
        h2_begin(&(struct client_faults){.secure = true, .stays = true});
        h2_run();
        uint64_t records = metrics_sum(bench.metrics, 1, METRIC_records_sealed);
        for (uint32_t id = 1; id <= 5; id += 2) {
            h2_get(id, "/");
        }
        h2_run();
        for (uint32_t id = 1; id <= 5; id += 2) {
            const char *got = strchr(h2_got(id), '}') + 1;
            assert_memory_equal(got, large_body(), sizes[i]);
            assert_string_equal(got + sizes[i], "{end}");
        }
        uint64_t now = metrics_sum(bench.metrics, 1, METRIC_records_sealed);
        assert_int_equal(now - records, sizes[i] <= 1024 ? 1 : 3);
        h2_finish();
    }
}

static void test_large_responses(void **state) {
    (void)state;
    static char reply[LARGE * 2];
    const char *body = large_body();
    for (size_t kind = 0; kind < 4; kind++) {
        static const size_t chunks[] = {0, 0, 1000, 20000};
        size_t size = (size_t)sprintf(
            reply, kind == 0   ? "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
                   : kind == 1 ? "HTTP/1.1 200 OK\r\n\r\n"
                               : "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (size_t at = 0; at < LARGE;) {
            size_t part =
                chunks[kind] == 0 || LARGE - at < chunks[kind] ? LARGE - at : chunks[kind];
            size += kind < 2 ? 0 : (size_t)sprintf(reply + size, "%zx\r\n", part);
            memcpy(reply + size, body + at, part);
            size += part;
            at += part;
            size += kind < 2 ? 0 : (size_t)sprintf(reply + size, "\r\n");
        }
        size += kind < 2 ? 0 : (size_t)sprintf(reply + size, "0\r\n\r\n");
        const struct script script = {.reply = reply, .reply_size = size, .closes = kind == 1};
        for (size_t n = 0; n < 12; n++) {
            h2.window = n % 3 == 0 ? 0 : (uint32_t)(1000 << n);
            bench_use(&script, 1);
            h2_begin(
                &(struct client_faults){.secure = true,
                                        .stays = true,
                                        .takes = n % 4 == 0 ? 0 : 3000 * n,
                                        .server = {.server_gives = n % 5 == 0 ? 0 : 5000 * n}});
            h2_get(1, "/");
            h2_get(3, "/");
            h2_run();
            for (uint32_t stream = 1; stream < 4; stream += 2) {
                const char *got = strchr(h2_got(stream), '}') + 1;
                assert_memory_equal(got, body, LARGE);
                assert_string_equal(got + LARGE, "{end}");
            }
            h2_finish();
        }
    }
    h2.window = 0;
}

static void test_large_requests(void **state) {
    (void)state;
    const char *body = large_body();
    static const struct script script = {.reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                                  "Content-Length: 5\r\n\r\nhello"};
    enum { SIZE = 60000 }; // fits in the window of a stream
    for (size_t n = 0; n < 40; n++) {
        bench_use(&script, 1);
        h2_begin(&(struct client_faults){.secure = n % 2 != 0,
                                         .stays = true,
                                         .arrive = n % 3 == 0 ? 0 : 997 * n,
                                         .server = {.server_takes = n % 4 == 0 ? 0 : 777 * n}});
        h2_post(1, "/", n % 5 == 0 ? "content-length: 60000\n" : "");
        h2_post(3, "/", "");
        for (size_t at = 0; at < SIZE; at += 10000) {
            h2_data(1, body + at, 10000, at + 10000 == SIZE);
            for (size_t k = 0; k < 10000; k += 100) { // many runs
                h2_data(3, body + at + k, 100, at + k + 100 == SIZE);
            }
        }
        h2_run();
        for (size_t i = 0; i < 2; i++) {
            const char *got = strrchr(at_server(i), '|');
            got = at_server(i)[7] == 'c' ? strchr(strchr(at_server(i), '|') + 1, '|') : got;
            assert_memory_equal(got + 1, body, SIZE);
            assert_string_equal(h2_got(1 + 2 * (uint32_t)i), GOT_HELLO);
        }
        h2_finish();
    }
}

static void test_large_heads(void **state) {
    (void)state;
    static char reply[70000], expected[70000];
    static const size_t sizes[] = {3000, 15000, 16300, 17000, 33000, 60000};
    for (size_t kind = 0; kind < 2 * sizeof(sizes) / sizeof(sizes[0]); kind++) {
        size_t size =
            (size_t)sprintf(reply, "HTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n");
        size_t end = (size_t)sprintf(expected, "{103 a=b}{200");
        while (size < sizes[kind / 2]) {
            end += (size_t)sprintf(expected + end, " x-%zu=%070d", size, 1);
            size += (size_t)sprintf(reply + size, "X-%zu: %070d\r\n", size, 1);
        }
        (void)sprintf(reply + size, kind % 2 == 0 ? "Content-Length: 5\r\n\r\nhello"
                                                  : "Transfer-Encoding: chunked\r\n\r\n"
                                                    "2\r\nhe\r\n3\r\nllo\r\n0\r\nA: b\r\n\r\n");
        (void)sprintf(expected + end,
                      kind % 2 == 0 ? " content-length=5}hello{end}" : "}hello{end a=b}");
        const struct script script = {.reply = reply, .repeats = true};
        for (size_t n = 0; n < 14; n++) {
            bench_use(&script, 1);
            h2.window = n % 4 == 3 ? 2 : 0;
            h2_begin(
                &(struct client_faults){.secure = true,
                                        .stays = true,
                                        .takes = n % 2 == 0 ? 0 : 999 * n,
                                        .server = {.server_gives = n % 3 == 0 ? 0 : 1777 * n}});
            h2_get(1, "/");
            h2_get(3, "/");
            h2_run();
            assert_string_equal(h2_got(1), expected);
            assert_string_equal(h2_got(3), expected);
            h2_finish();
        }
    }
    h2.window = 0;
}

// --- WebSocket (RFC 8441) ---

static void say_websocket(void) {
    h2_put_headers(1,
                   ":method: CONNECT\n:protocol: websocket\n:scheme: https\n:authority: a.test\n"
                   ":path: /chat\nsec-websocket-version: 13\n",
                   false);
    h2_data(1, "early", 5, false); // waits for the 101
    h2_data(1, " late", 5, true);
}

#define SWITCHES "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n"

static void test_a_websocket(void **state) {
    (void)state;
    static char reply[] =
        SWITCHES "Sec-WebSocket-Accept: the right one has 28 bytes..\r\n\r\nhello";
    const struct script script = {
        .reply = reply, .closes = true, .accept = strstr(reply, "the right one")};
    for (size_t n = 0; n < 200; n++) {
        bench_use(&script, 1);
        h2_begin(&(struct client_faults){.secure = n % 2 != 0,
                                         .stays = true,
                                         .takes = n / 2,
                                         .arrive = n / 3,
                                         .server = {.server_gives = n / 4, .server_takes = n / 5}});
        say_websocket();
        h2_run();
        const char *received = bench.connections[0].received;
        assert_memory_equal(received, "GET /chat HTTP/1.1\r\nHost: a.test\r\n", 34);
        assert_non_null(strcasestr(received, "\r\nUpgrade: websocket\r\n"));
        assert_non_null(strcasestr(received, "\r\nConnection: upgrade\r\n"));
        assert_non_null(strcasestr(received, "\r\nSec-WebSocket-Key: "));
        const char *end = strstr(received, "\r\n\r\n") + 4;
        size_t size = bench.connections[0].received_size - (size_t)(end - received);
        assert_memory_equal(end, "early late", size);
        cut_early_reset(1, "{200}hello{end}");
        assert_string_equal(h2_got(1), "{200}hello{end}");
        h2_finish();
    }
}

static void test_a_websocket_that_is_refused(void **state) {
    (void)state;
    static const struct script script = {.reply = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno"};
    bench_use(&script, 1);
    h2_begin(&(struct client_faults){.secure = true, .stays = true});
    say_websocket();
    h2_run();
    assert_string_equal(h2_got(1), "{403 content-length=2}no{end}");
    h2_finish();
}

// The client would take it for an open WebSocket. No byte of the client reaches the server.
static void test_a_websocket_that_is_not_opened(void **state) {
    (void)state;
    static const char *const replies[] = {
        SWITCHES "\r\n",
        SWITCHES "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        SWITCHES "Sec-WebSocket-Accept: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 204 No Content\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        bench_use(&(struct script){.reply = replies[i]}, 1);
        h2_begin(&(struct client_faults){.secure = true, .stays = true});
        say_websocket();
        h2_run();
        assert_memory_equal(h2_got(1), "{502 ", 5);
        const struct memory_connection *server = &bench.connections[0];
        assert_null(memmem(server->received, server->received_size, "early", 5));
        h2_finish();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        H2_TEST(test_responses_of_every_framing),
        H2_TEST(test_requests_of_every_framing),
        H2_TEST(test_several_at_a_time),
        H2_TEST(test_small_chunks),
        H2_TEST(test_small_responses),
        H2_TEST(test_large_responses),
        H2_TEST(test_large_requests),
        H2_TEST(test_large_heads),
        H2_TEST(test_a_websocket),
        H2_TEST(test_a_websocket_that_is_refused),
        H2_TEST(test_a_websocket_that_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
