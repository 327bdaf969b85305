// HTTP/1 over a transport of memory: requests cut at every byte, pipelining, framing of responses,
// and what becomes of the connection.
#include "http1_bench.h"
#include "session/linger.h"

#define HEAD_OF(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"

// What the servers have received: all requests of all connections.
static const char *at_servers(void) {
    static char text[SCENARIO_BODY_MAX];
    size_t size = 0;
    text[0] = '\0';
    for (size_t i = 0; i < bench.connection_count; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%s; ",
                                 understood(&bench.connections[i]));
        assert_in_range(size, 0, sizeof(text) - 1);
    }
    return text;
}

struct expected {
    const char *servers; // NULL: not compared
    const char *client;
    bool closed; // by Ravelin: its direction has ended
};

static void run(const char *input, const struct script *script, const struct expected *expected,
                const struct client_faults *faults) {
    bench_use(script, 1);
    client_begin(input, faults);
    client_run();
    if (expected->servers != NULL) {
        assert_string_equal(at_servers(), expected->servers);
    }
    assert_string_equal(what_the_client_has(), expected->client);
    if (faults->stays) {
        assert_int_equal(client.shut || is_closed(), expected->closed);
    }
    client_finish();
}

// Under every cut and every size of pieces, plain and in records.
static void run_cut(const char *input, const struct script *script,
                    const struct expected *expected) {
    size_t size = strlen(input);
    for (size_t n = 0; n < size; n++) {
        run(input, script, expected, &(struct client_faults){.cut = n, .stays = true});
        run(input, script, expected, &(struct client_faults){.arrive = n});
        run(input, script, expected, &(struct client_faults){.takes = n, .arrive = 50});
        run(input, script, expected,
            &(struct client_faults){.secure = true, .record = n, .stays = true});
        run(input, script, expected,
            &(struct client_faults){.secure = true,
                                    .takes = n,
                                    .arrive = n,
                                    .stays = true,
                                    .server = {.server_gives = n,
                                               .server_takes = n,
                                               .alone = true,
                                               .first_event = (uint32_t)n}});
    }
}

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
static const struct script hello = {.reply = HELLO};
static const struct script hello_then_close = {.reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                                                        "Content-Length: 5\r\n\r\nhello"};

// --- requests ---

static void test_bodies_of_known_length(void **state) {
    (void)state;
    run_cut("POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 12\r\n\r\nHello world!", &hello,
            &(struct expected){"POST /a|length|Hello world!; ", HELLO, false});
}

static void test_chunked_bodies(void **state) {
    (void)state;
    run_cut("POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            "6;a=b\r\nHello \r\n0000006\r\nworld!\r\n0\r\nA: b\r\n\r\n",
            &hello,
            &(struct expected){"POST /a|chunked|Hello world!|A: b\r\n\r\n; ", HELLO, false});
    run_cut("POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &hello, &(struct expected){"POST /a|chunked||\r\n; ", HELLO, false});
}

// More chunks in a record than an exchange is given at once.
static void test_many_small_chunks(void **state) {
    (void)state;
    enum { CHUNKS = 5 * STREAM_RUNS_MAX };
    char request[CHUNKS * 6 + 100], expected[CHUNKS + 50];
    size_t at = (size_t)sprintf(request, "PUT /a HTTP/1.1\r\nHost: a.test\r\n"
                                         "Transfer-Encoding: chunked\r\n\r\n");
    size_t end = (size_t)sprintf(expected, "PUT /a|chunked|");
    for (size_t i = 0; i < CHUNKS; i++) {
        at += (size_t)sprintf(request + at, "1\r\n%c\r\n", (int)('a' + i % 26));
        end += (size_t)sprintf(expected + end, "%c", (int)('a' + i % 26));
    }
    (void)sprintf(request + at, "0\r\n\r\n");
    (void)sprintf(expected + end, "|\r\n; ");
    for (size_t n = 0; n < 300; n++) {
        run(request, &hello, &(struct expected){expected, HELLO, false},
            &(struct client_faults){
                .arrive = n, .secure = n % 2, .stays = true, .server = {.server_takes = n}});
    }
}

// Each has a connection of its own, because its server closes; the order is kept.
static void test_pipelined_requests(void **state) {
    (void)state;
    run_cut("\r\nPOST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi"
            "GET /b HTTP/1.1\r\nHost: a.test\r\n\r\n"
            "\r\nPUT /c HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
            "1\r\nx\r\n0\r\n\r\n"
            "GET /d HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
            "GET /e HTTP/1.1\r\nHost: a.test\r\n\r\n",
            &hello_then_close,
            &(struct expected){"POST /a|length|hi; GET /b|none|; PUT /c|chunked|x|\r\n; "
                               "GET /d|none|; ",
                               HELLO HELLO HELLO
                               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"
                               "\r\nhello",
                               true});
}

static void test_a_malformed_chunk(void **state) {
    (void)state;
    static const char request[] = "POST /a HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: "
                                  "chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n"
                                  "GET /b HTTP/1.1\r\nHost: a.test\r\n\r\n";
    for (size_t n = 0; n < sizeof(request); n++) {
        bench_use(&hello, 1);
        client_begin(request, &(struct client_faults){.cut = n, .stays = true});
        client_run();
        assert_memory_equal(what_the_client_has(), "HTTP/1.1 400 ", 13);
        assert_null(strstr(what_the_client_has() + 1, "HTTP/1.1 200"));
        assert_true(client.shut);
        assert_null(strstr(at_servers(), "/b"));
        client_finish();
    }
}

// The rest of a request that is refused is dropped, whatever it looks like.
static void test_the_rest_of_a_refused_request(void **state) {
    (void)state;
    static const char *const requests[] = {
        "POST /gone/ HTTP/1.1\r\nHost: a.test\r\nContent-Length: 60\r\n\r\n"
        "GET /b HTTP/1.1\r\nHost: a.test\r\n\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "POST /gone/ HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1e\r\nGET /b HTTP/1.1\r\nHost: a.test\r\n\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: "
        "a.test\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < strlen(requests[i]); n++) {
            for (int secure = 0; secure < 2; secure++) {
                bench_use(&hello, 1);
                client_begin(requests[i], &(struct client_faults){.cut = secure ? 0 : n,
                                                                  .record = n,
                                                                  .secure = secure,
                                                                  .stays = true});
                client_run();
                const char *text = what_the_client_has();
                assert_memory_equal(text, "HTTP/1.1 410 Gone\r\n", 19);
                assert_non_null(strstr(text, "Connection: close\r\n"));
                assert_null(strstr(text + 1, "HTTP/1.1 "));
                assert_int_equal(bench.connection_count, 0);
                assert_true(client.shut);
                client_finish();
            }
        }
    }
}

// A whole response comes while the ring is full of a body, and the client takes nothing before it
// has sent everything.
static void test_a_full_ring_of_a_body_that_nobody_wants(void **state) {
    (void)state;
    static const char head[] = "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300000\r\n\r\n";
    enum { BODY = 300000 };
    char *input = malloc(sizeof(head) + BODY);
    assert_non_null(input);
    memcpy(input, head, sizeof(head) - 1);
    memset(input + sizeof(head) - 1, 'x', BODY);
    input[sizeof(head) - 1 + BODY] = '\0';
    bench_use(&(struct script){.reply = "HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno",
                               .when = AFTER_HEAD},
              1);
    client_begin(input, &(struct client_faults){.cut = sizeof(head) - 1, .stays = true});
    assert_true(client_becomes_readable());
    follow_exchange();
    assert_non_null(bench.exchange);
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): asserted
    struct lease *lease = bench.exchange->attempt.lease;
    connection_of(lease->fd)->drained = false;
    lease->readable = true; // noted in the same turn of the loop
    client.never_takes = true;
    client.send_left = 0;
    while (session_event(1) || session_event(4)) {
    }
    assert_int_equal(client.read, client.input_size);
    assert_int_equal(client.output_size, 0);
    // The end of the session has time of its own.
    client.sessions.shared.now_ms += INT64_C(2) * DROP_TOTAL_MS;
    client.never_takes = false;
    client_run();
    assert_memory_equal(what_the_client_has(), "HTTP/1.1 403 No\r\n", 17);
    assert_true(client.shut);
    assert_true(client.session->deadline_ms > client.sessions.shared.now_ms);
    client_finish();
    free(input);
}

// --- responses ---

#define GET_A "GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"

static const char *body_of(const char *text, bool chunked) {
    static char body[CLIENT_BYTES_MAX];
    const char *at = strstr(text, "\r\n\r\n") + 4;
    size_t size = 0, left = strlen(at);
    struct chunk_decoder decoder;
    chunk_decoder_init(&decoder); // strict
    if (!chunked) {
        return at;
    }
    enum chunk_span span = CHUNK_FRAMING;
    while (left > 0 && span != CHUNK_TRAILERS) {
        size_t length;
        const char *why;
        assert_int_equal(chunk_next(&decoder, at, left, &span, &length, &why), RESULT_OK);
        if (span == CHUNK_DATA) {
            memcpy(body + size, at, length);
            size += length;
        }
        at += length;
        left -= length;
    }
    assert_int_equal(span, CHUNK_TRAILERS);
    (void)sprintf(body + size, "|%s", at);
    return body;
}

static void test_chunks_are_framed_anew(void **state) {
    (void)state;
    static const char *const replies[] = {
        OK_CHUNKED "5\r\nhello\r\n1\r\n \r\n00005;x=y\r\nworld\r\n0\r\nA: b\r\n\r\n",
        OK_CHUNKED "5\nhello\n1\n \n5\nworld\n0\nA: b\n\n",
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t n = 0; n < strlen(replies[i]); n++) {
            for (uint32_t k = 0; k < 12; k++) {
                const struct client_faults faults = {
                    .secure = k % 2 == 1,
                    .takes = k < 4 ? 0 : k * k * 3,
                    .stays = true,
                    .server = {.server_gives = n, .alone = k > 6, .first_event = k}};
                bench_use(&(struct script){.reply = replies[i]}, 1);
                client_begin(GET_A, &faults);
                client_run();
                const char *text = what_the_client_has();
                assert_non_null(strstr(text, "\r\nTransfer-Encoding: chunked\r\n"));
                assert_string_equal(body_of(text, true), "hello world|A: b\r\n\r\n");
                assert_false(client.shut);
                client_finish();
            }
        }
    }
}

// Each chunk is a run of its own, because what frames it is long: more than go out at once.
static void test_many_chunks_far_apart(void **state) {
    (void)state;
    enum { CHUNKS = 5 * SPANS_MAX };
    char reply[CHUNKS * 60 + 100], expected[CHUNKS + 10];
    size_t at = (size_t)sprintf(reply, OK_CHUNKED);
    for (size_t i = 0; i < CHUNKS; i++) {
        expected[i] = (char)('a' + i % 26);
        at += (size_t)sprintf(reply + at, "1;extension=%032d\r\n%c\r\n", 0, expected[i]);
    }
    (void)sprintf(reply + at, "0\r\n\r\n");
    (void)sprintf(expected + CHUNKS, "|\r\n");
    for (size_t n = 0; n < 300; n += 7) {
        for (int secure = 0; secure < 2; secure++) {
            bench_use(&(struct script){.reply = reply}, 1);
            client_begin(GET_A, &(struct client_faults){.secure = secure,
                                                        .takes = n,
                                                        .stays = true,
                                                        .server = {.server_gives = n * 3}});
            client_run();
            assert_string_equal(body_of(what_the_client_has(), true), expected);
            client_finish();
        }
    }
}

// They leave with bytes of the next head behind them, which the seal must not touch.
static void test_interim_heads(void **state) {
    (void)state;
    static const char reply[] = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                                "HTTP/1.1 102 Processing\r\n\r\n" HELLO;
    for (size_t n = 0; n < sizeof(reply); n++) {
        for (int secure = 0; secure < 2; secure++) {
            run(GET_A, &(struct script){.reply = reply}, &(struct expected){NULL, reply, false},
                &(struct client_faults){.secure = secure,
                                        .stays = true,
                                        .takes = n / 2,
                                        .server = {.server_gives = n}});
        }
    }
    run("GET /a HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
        &(struct script){.reply = reply},
        &(struct expected){NULL,
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n"
                           "\r\nhello",
                           false},
        &(struct client_faults){.stays = true});
}

static void test_a_body_until_the_end_gets_chunks(void **state) {
    (void)state;
    const struct script script = {.reply = "HTTP/1.1 200 OK\r\n\r\nhello world", .closes = true};
    for (size_t n = 0; n < 35; n++) {
        for (int old = 0; old < 2; old++) {
            const struct client_faults faults = {
                .takes = n * 2, .stays = true, .server = {.server_gives = n}};
            uint64_t records = metrics_sum(bench.metrics, 1, METRIC_records_sealed);
            bench_use(&script, 1);
            client_begin(old ? "GET /a HTTP/1.0\r\nHost: a.test\r\n"
                               "Connection: keep-alive\r\n\r\n"
                             : GET_A,
                         &faults);
            client_run();
            const char *text = what_the_client_has();
            assert_int_equal(strstr(text, "Transfer-Encoding: chunked") == NULL, old);
            assert_string_equal(body_of(text, !old), old ? "hello world" : "hello world|\r\n");
            if (n == 0 && !old) { // head and body in one, then the last chunk
                assert_int_equal(metrics_sum(bench.metrics, 1, METRIC_records_sealed), records + 2);
            }
            assert_int_equal(client.shut, old); // whose end is that of the body
            client_finish();
        }
    }
}

// Trailers of more than a record, behind the last chunk.
static void test_large_trailers(void **state) {
    (void)state;
    enum { SIZE = 50000 };
    char *reply = malloc(SIZE + 200), *expected = malloc(SIZE + 200), *value = malloc(SIZE + 1);
    memset(value, 'v', SIZE);
    value[SIZE] = '\0';
    (void)sprintf(reply, OK_CHUNKED "5\r\nhello\r\n0\r\nX: %s\r\n\r\n", value);
    (void)sprintf(expected, "hello|X: %s\r\n\r\n", value);
    for (size_t n = 0; n < 12; n++) {
        for (int secure = 0; secure < 2; secure++) {
            const struct client_faults faults = {.secure = secure,
                                                 .takes = n * 1500,
                                                 .stays = true,
                                                 .server = {.server_gives = n * 999}};
            bench_use(&(struct script){.reply = reply, .repeats = true}, 1);
            client_begin(GET_A GET_A, &faults);
            client_run();
            const char *text = what_the_client_has();
            const char *second = strstr(text + 1, "HTTP/1.1 200 OK");
            assert_non_null(second);
            assert_string_equal(body_of(second, true), expected);
            *(char *)(uintptr_t)second = '\0';
            assert_string_equal(body_of(text, true), expected);
            client_finish();
        }
    }
    free(reply);
    free(expected);
    free(value);
}

// A head that does not fit before the body goes in pieces.
static void test_large_heads(void **state) {
    (void)state;
    enum { LINES = 900, SIZE = 64000 };
    char *reply = malloc((size_t)SIZE * 2);
    for (size_t size = 15000; size < SIZE; size += 4999) {
        size_t at = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n");
        while (at < size) {
            at += (size_t)sprintf(reply + at, "X%zu:%0*d\n", at % 1000, 70, 0);
        }
        (void)sprintf(reply + at, "\r\nhello");
        for (size_t n = 0; n < 8; n++) {
            const struct client_faults faults = {.secure = n % 2 == 1,
                                                 .takes = n * 700,
                                                 .stays = true,
                                                 .server = {.server_gives = n * 2111}};
            bench_use(&(struct script){.reply = reply, .repeats = true}, 1);
            client_begin(GET_A GET_A, &faults);
            client_run();
            const char *text = what_the_client_has();
            const char *second = strstr(text + 1, "HTTP/1.1 200 OK");
            assert_non_null(second);
            assert_string_equal(body_of(second, false), "hello");
            assert_memory_equal(second - 5, "hello", 5);
            assert_true((size_t)(second - text) > size);
            client_finish();
        }
    }
    free(reply);
}

// --- connections ---

static void test_keep_alive(void **state) {
    (void)state;
    static const struct {
        const char *request, *reply;
        bool closed;
        const char *connection; // the field; NULL: none
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", HELLO, false, NULL},
        {"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n", HELLO, true, "close"},
        {"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", HELLO, true, "close"},
        {"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n", HELLO, false,
         "keep-alive"},
        {"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n",
         OK_CHUNKED "5\r\nhello\r\n0\r\n\r\n", true, "close"},
        {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
         "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello", false, NULL},
        {"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         false, NULL},
        {"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", OK_CHUNKED, false, NULL},
        {"GET /gone/ HTTP/1.1\r\nHost: a.test\r\n\r\n", HELLO, false, NULL},
        {"GET /gone/ HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n", HELLO, true,
         "close"},
        {"GET / HTTP/1.1\r\nHost: a.test\r\nBad Name: x\r\n\r\n", HELLO, true, "close"},
        {"MOVE / HTTP/1.1\r\nHost: a.test\r\nDestination: /a\r\nDestination: /b\r\n\r\n", HELLO,
         true, "close"},
        {"GET /a/%2e%2e/b HTTP/1.1\r\nHost: a.test\r\n\r\n", HELLO, true, "close"},
        {"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n", "nonsense\r\n\r\n", false, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t n = 0; n < 30; n++) {
            bench_use(&(struct script){.reply = cases[i].reply}, 1);
            client_begin(cases[i].request,
                         &(struct client_faults){.stays = true, .takes = n * 3, .arrive = n});
            client_run();
            const char *field = strstr(what_the_client_has(), "Connection: ");
            assert_int_equal(field != NULL, cases[i].connection != NULL);
            if (field != NULL && cases[i].connection != NULL) {
                assert_memory_equal(field + 12, cases[i].connection, strlen(cases[i].connection));
            }
            assert_int_equal(client.shut, cases[i].closed);
            assert_int_equal(client.session->counted_idle, !cases[i].closed);
            assert_true(!client.session->counted_idle ||
                        !transport_has_buffers(&client.session->transport));
            client_finish();
        }
    }
}

static void test_the_end_of_the_client(void **state) {
    (void)state;
    static const char request[] =
        "POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello";
    for (size_t size = 0; size <= sizeof(request) - 1; size++) {
        char part[sizeof(request)];
        memcpy(part, request, size);
        part[size] = '\0';
        bench_use(&hello, 1);
        client_begin(part, &(struct client_faults){.arrive = 0});
        client_run();
        assert_string_equal(what_the_client_has(), size < sizeof(request) - 1 ? "" : HELLO);
        assert_true(is_closed());
        client_finish();
    }
}

static void test_time_limits(void **state) {
    (void)state;
    static const struct client_faults stays = {.stays = true};
    bench_use(&hello, 1);
    client_begin("GET /a HTTP/1.1\r\nHo", &stays);
    client_run();
    assert_int_equal(client.session->deadline_ms - client.sessions.shared.now_ms, 10000);
    client.session->phase->time_out(client.session);
    assert_memory_equal(what_the_client_has(), "HTTP/1.1 408 ", 13);
    assert_true(client.shut);
    client_finish();

    client_begin(GET_A, &stays);
    client_run();
    assert_int_equal(client.session->deadline_ms - client.sessions.shared.now_ms, 60000);
    client.session->phase->time_out(client.session);
    assert_string_equal(what_the_client_has(), HELLO);
    assert_true(client.shut);
    client_finish();
}

// --- records ---

// The client asks for a KeyUpdate, and then says this.
static void begin_with_key_update(const char *input, const struct client_faults *faults) {
    client_begin("", faults);
    uint64_t limit = client.records.read.limit;
    client.records.read.limit = 0; // asks for one
    assert_int_equal(record_seal_key_update(&client.records, client.engine, client.input),
                     RESULT_OK);
    client.records.read.limit = limit;
    client.records.key_update_due = false;
    client.input_size = RECORD_KEY_UPDATE_SIZE;
    client_says(input, strlen(input));
}

// A KeyUpdate that is half sent when an exchange begins must be sent whole before its response.
static void test_a_key_update_before_an_answer(void **state) {
    (void)state;
    static const char *const requests[] = {"GET /gone/ HTTP/1.1\r\nHost: a.test\r\n\r\n", GET_A,
                                           "GET /%%%\r\n\r\n"};
    static const char *const answers[] = {"HTTP/1.1 410 ", "HTTP/1.1 200 ", "HTTP/1.1 400 "};
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 1; n < 60; n++) {
            const struct client_faults faults = {.secure = true, .stays = true, .takes = n};
            bench_use(&hello, 1);
            begin_with_key_update(requests[i], &faults);
            client_run();
            assert_memory_equal(what_the_client_has(), answers[i], 13);
            client_finish();
        }
    }
}

// The client need not wait for its rest until the server says something.
static void test_a_key_update_while_the_server_is_silent(void **state) {
    (void)state;
    for (size_t n = 1; n < RECORD_KEY_UPDATE_SIZE; n++) {
        const struct client_faults faults = {.secure = true, .stays = true, .takes = n};
        bench_use(&(struct script){.reply = ""}, 1);
        begin_with_key_update(GET_A, &faults);
        client_run();
        assert_int_equal(client.output_size, RECORD_KEY_UPDATE_SIZE);
        assert_non_null(bench.exchange);
        client_finish();
    }
}

// Behind half a record an alert would be read as its rest.
static void test_no_alert_in_the_middle_of_a_record(void **state) {
    (void)state;
    static const struct client_faults faults = {.secure = true, .stays = true, .takes = 5};
    begin_with_key_update("", &faults);
    client.never_takes = true;
    client_run();
    assert_int_equal(client.output_size, 5);
    client.session->phase->time_out(client.session);
    assert_int_equal(client.output_size, 5);
    assert_true(client.shut);
    client_finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        HTTP1_TEST(test_bodies_of_known_length),
        HTTP1_TEST(test_chunked_bodies),
        HTTP1_TEST(test_many_small_chunks),
        HTTP1_TEST(test_pipelined_requests),
        HTTP1_TEST(test_a_malformed_chunk),
        HTTP1_TEST(test_the_rest_of_a_refused_request),
        HTTP1_TEST(test_a_full_ring_of_a_body_that_nobody_wants),
        HTTP1_TEST(test_chunks_are_framed_anew),
        HTTP1_TEST(test_many_chunks_far_apart),
        HTTP1_TEST(test_interim_heads),
        HTTP1_TEST(test_a_body_until_the_end_gets_chunks),
        HTTP1_TEST(test_large_trailers),
        HTTP1_TEST(test_large_heads),
        HTTP1_TEST(test_keep_alive),
        HTTP1_TEST(test_the_end_of_the_client),
        HTTP1_TEST(test_time_limits),
        HTTP1_TEST(test_a_key_update_before_an_answer),
        HTTP1_TEST(test_a_key_update_while_the_server_is_silent),
        HTTP1_TEST(test_no_alert_in_the_middle_of_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
