// Windows of HTTP/2 requests and responses: one that stands still does not hold up the others.
#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GOT_HELLO "{200 content-length=5}hello{end}"

static const struct client_faults usual = {.secure = true, .stays = true};

static void test_a_slow_server(void **state) {
    (void)state;
    static const struct script scripts[] = {{.reply = HELLO, .write_max = 300},
                                            {.reply = HELLO, .repeats = true}};
    static char body[60000];
    memset(body, 'x', sizeof(body));
    bench_use(scripts, 2);
    h2_begin(&usual);
    h2_post(1, "/slow", "");
    for (size_t at = 0; at < sizeof(body); at += 10000) {
        h2_data(1, body + at, 10000, false);
    }
    h2_get(3, "/");
    h2_run();
    assert_string_equal(h2_got(3), GOT_HELLO);
    struct http2_side *side =
        LIST_ENTRY(client.session->http2->sides.next, struct http2_side, node);
    assert_in_range(side->wire->held, 59000, 60000);
    assert_null(client.session->transport.receive); // nothing stays in the ring
    // Beyond its window the stream is reset, and nothing else.
    h2_data(1, body, 10000, false);
    h2_get(5, "/");
    h2_run();
    assert_string_equal(h2_got(1), "{reset 3}");
    assert_string_equal(h2_got(5), GOT_HELLO);
    h2_finish();
}

// The window of an upload grows while its server keeps up, and goes back when it does not.
static void test_windows_that_grow(void **state) {
    (void)state;
    static char body[10000];
    bench_use(&(struct script){.reply = HELLO, .write_max = 230000}, 1);
    h2_begin(&usual);
    h2_post(1, "/", "");
    h2_run();
    const struct http2 *http2 = client.session->http2;
    struct http2_side *side = LIST_ENTRY(http2->sides.next, struct http2_side, node);
    uint32_t first = http2->limits.stream_window, most = first;
    assert_int_equal(side->wire->target, first);
    for (int i = 0; i < 11; i++) {
        h2_data(1, body, sizeof(body), false);
        h2_data(1, body, sizeof(body), false);
        h2_run();
        most = side->wire->target > most ? side->wire->target : most;
        assert_int_equal(side->wire->target, first + side->extra);
        assert_true(http2->extra <= http2->limits.connection_window / 2);
    }
    assert_true(most > 2 * first);
    for (int i = 0; i < 20; i++) { // nobody reads these
        h2_data(1, body, sizeof(body), false);
        h2_run();
    }
    assert_int_equal(side->wire->target, first);
    uint32_t extra = side->extra;
    assert_true(extra > 2 * first); // it holds as much
    bench.connections[0].script.write_max = bench.connections[0].received_size = 0;
    h2_run();
    assert_int_equal(side->wire->held, 0);
    assert_true(side->extra < extra); // it has begun anew
    h2_reset_stream(1, HTTP2_CANCEL);
    h2_run();
    assert_int_equal(http2->extra, 0);
    assert_int_equal(http2->connection.held, 0);
    h2_finish();
}

static int set_up_small_windows(void **state) {
    (void)state;
    return h2_start("http2 { stream-window = 16k connection-window = 64k }");
}

// However fast its server is, an upload leaves half the window of the connection to others.
static void test_windows_grow_to_a_bound(void **state) {
    (void)state;
    static char body[4000];
    bench_use(&(struct script){.reply = HELLO}, 1);
    h2_begin(&usual);
    h2_post(1, "/", "");
    h2_run();
    const struct http2 *http2 = client.session->http2;
    const struct http2_side *side = LIST_ENTRY(http2->sides.next, struct http2_side, node);
    for (int i = 0; i < 5; i++) {
        int32_t most = side->wire->receive_window;
        for (int32_t sent = 0; sent + (int32_t)sizeof(body) <= most; sent += sizeof(body)) {
            h2_data(1, body, sizeof(body), false);
        }
        h2_run();
        assert_true(side->extra <= http2->limits.connection_window / 2);
    }
    assert_int_equal(side->extra, http2->limits.connection_window / 2);
    h2_finish();
}

// Fills the window that a stream has, and lets all of it be taken that is.
static void fill_window(uint32_t stream) {
    static char body[4000];
    const struct http2 *http2 = client.session->http2;
    struct list_node *node = http2->sides.next;
    while (LIST_ENTRY(node, struct http2_side, node)->wire->id != stream) {
        node = node->next;
    }
    int32_t most = LIST_ENTRY(node, struct http2_side, node)->wire->receive_window;
    most = most < http2->connection.receive_window ? most : http2->connection.receive_window;
    for (int32_t sent = 0; sent + (int32_t)sizeof(body) <= most; sent += sizeof(body)) {
        h2_data(stream, body, sizeof(body), false);
    }
    h2_run();
}

// Servers that stand still after they were fast do not hold up an upload to another one.
static void test_slow_uploads_beside_a_fast_one(void **state) {
    (void)state;
    static const struct script scripts[] = {{.reply = HELLO, .write_max = 45000},
                                            {.reply = HELLO, .write_max = 45000},
                                            {.reply = HELLO, .write_max = 45000},
                                            {.reply = HELLO}};
    bench_use(scripts, 4);
    h2_begin(&usual);
    const struct http2 *http2 = client.session->http2;
    for (uint32_t stream = 1; stream <= 5; stream += 2) {
        h2_post(stream, "/slow", "");
        h2_run();
        for (int i = 0; i < 8; i++) {
            fill_window(stream);
        }
    }
    int64_t beyond = 0;
    for (struct list_node *node = http2->sides.next; node != &http2->sides; node = node->next) {
        const struct http2_stream *wire = LIST_ENTRY(node, struct http2_side, node)->wire;
        int64_t all = (int64_t)wire->held + wire->receive_window;
        beyond += all > http2->limits.stream_window ? all - http2->limits.stream_window : 0;
    }
    assert_in_range(beyond, 1, http2->limits.connection_window / 2);
    assert_true(http2->connection.held > 3 * (http2->limits.stream_window - 4000));
    assert_true(http2->extra <= http2->limits.connection_window / 2);
    h2_post(7, "/fast", "");
    h2_run();
    for (int i = 0; i < 4; i++) {
        uint64_t before = http2->connection.received;
        fill_window(7);
        assert_true(http2->connection.received - before > http2->limits.stream_window / 2);
    }
    h2_finish();
}

// --- over a long path ---

static int set_up_growth(void **state) {
    (void)state;
    return h2_start("http2 { stream-window = 16k connection-window = 64k largest-window = 256k\n"
                    "window-memory = 320k }");
}

static const struct http2_side *first_side(void) {
    return LIST_ENTRY(client.session->http2->sides.next, struct http2_side, node);
}

// A client that is `round_trip_us` away uses its window again and again, each time within `ms`.
static void upload(uint32_t stream, int64_t round_trip_us, int64_t ms, int times) {
    client.round_trip_us = round_trip_us;
    for (int i = 0; i < times; i++) {
        assert_int_equal(client.read, client.input_size);
        client.input_size = client.read = client.come = 0; // what was read is not looked at
        bench.connections[0].received_size = 0;
        fill_window(stream);
        h2_pass_time(ms);
    }
}

static void begin_upload(void) {
    bench_use(&(struct script){.reply = HELLO, .repeats = true}, 1);
    h2_begin(&usual);
    h2_post(1, "/", "");
    h2_run();
}

static void test_windows_grow_by_round_trip(void **state) {
    (void)state;
    begin_upload();
    const struct http2 *http2 = client.session->http2;
    uint32_t half = http2->limits.connection_window / 2;
    upload(1, 50000, 200, 20); // half the window takes two round trips and more
    assert_int_equal(http2->extra, half);
    assert_int_equal(http2->connection.target, http2->limits.connection_window);
    client.round_trip_calls = 0;
    upload(1, 50000, 40, 20);
    assert_in_range(client.round_trip_calls, 1, 8); // every 100 ms
    assert_int_equal(http2->connection.target, 256 * 1024);
    assert_int_equal(http2->extra - half, http2->grown);
    assert_int_equal(client.sessions.http2_windows, http2->grown);
    assert_int_equal(first_side()->wire->target, http2->limits.stream_window + http2->extra);
    assert_in_range(first_side()->wire->receive_window, 100000, 256 * 1024);
    assert_in_range(http2->connection.receive_window, 100000, 256 * 1024);
    h2_data(1, "x", 1, true);
    h2_run();
    assert_string_equal(h2_got(1), GOT_HELLO);
    assert_int_equal(client.sessions.http2_windows, 0);
    assert_int_equal(http2->connection.target, http2->limits.connection_window);
    h2_finish();
}

static int set_up_large_growth(void **state) {
    (void)state;
    return h2_start("http2 { stream-window = 16k connection-window = 64k largest-window = 4m\n"
                    "window-memory = 64m }");
}

// A new connection doubles its rate with each round trip. The client sees each window half a round
// trip later, and its bytes arrive half a round trip after that. The windows limit it only little.
static void test_windows_follow_a_slow_start(void **state) {
    (void)state;
    enum { STEPS = 8, STEP_MS = 5, ROUNDS = 7, FIRST = 8000 };
    static char body[FRAME_SIZE_DEFAULT];
    int64_t granted[ROUNDS * STEPS], sent = 0, wanted = 0;
    begin_upload();
    upload(1, (int64_t)STEPS * STEP_MS * 1000, 200, 10); // half the window of the connection
    for (int step = 0; step < ROUNDS * STEPS; step++) {
        granted[step] = sent + first_side()->wire->receive_window;
        int64_t size = (FIRST << (step / STEPS)) / STEPS;
        int64_t most = granted[step < STEPS ? 0 : step - STEPS] - sent;
        wanted += size;
        size = size < most ? size : most;
        sent += size;
        client.input_size = client.read = client.come = 0;
        bench.connections[0].received_size = 0;
        for (int64_t part; size > 0; size -= part) {
            part = size < FRAME_SIZE_DEFAULT ? size : FRAME_SIZE_DEFAULT;
            h2_data(1, body, (size_t)part, false);
        }
        h2_run();
        h2_pass_time(STEP_MS);
    }
    assert_in_range(sent, wanted * 3 / 4, wanted);
    h2_finish();
}

// A client that is near, or whose distance is not known.
static void test_windows_of_near_clients(void **state) {
    (void)state;
    static const int64_t round_trips[] = {0, 100};
    for (size_t i = 0; i < 2; i++) {
        begin_upload();
        upload(1, round_trips[i], 1, 40);
        for (int k = 0; k < 40; k++) { // bursts of one turn of the loop
            upload(1, round_trips[i], 0, 2);
            client.sessions.shared.turn_us += 20;
        }
        assert_int_equal(client.session->http2->extra,
                         client.session->http2->limits.connection_window / 2);
        h2_finish();
    }
}

// What other connections of the worker have is not to be had, and comes back when it is short.
static void test_memory_for_windows(void **state) {
    (void)state;
    begin_upload();
    client.sessions.http2_windows = 220 * 1024UL;
    upload(1, 50000, 40, 20);
    const struct http2 *http2 = client.session->http2;
    assert_int_equal(http2->grown, 100 * 1024);
    assert_int_equal(client.sessions.http2_windows, 320 * 1024);
    upload(1, 50000, 1000, 5); // no such window is needed any more
    assert_in_range(http2->extra, 1, http2->limits.connection_window);
    assert_int_equal(client.sessions.http2_windows, 220 * 1024 + http2->grown);
    client.sessions.http2_windows = http2->grown; // nothing is short
    upload(1, 50000, 40, 20);
    upload(1, 50000, 1000, 4);
    assert_int_equal(http2->connection.target, 256 * 1024);
    h2_finish();
    assert_int_equal(client.sessions.http2_windows, 0);
}

// The server stands still: the window shrinks when that is long for the path.
static void test_grown_windows_of_slow_servers(void **state) {
    (void)state;
    begin_upload();
    const struct http2 *http2 = client.session->http2;
    const struct http2_stream *wire = first_side()->wire;
    upload(1, 50000, 40, 12);
    uint32_t target = wire->target;
    assert_int_equal(http2->connection.target, 256 * 1024);
    bench.connections[0].received_size = 0;
    bench.connections[0].script.write_max = 40000;
    for (int i = 0; i < 4; i++) {
        fill_window(1);
    }
    assert_in_range(wire->held, target / 2, target);
    assert_int_equal(wire->target, target);
    h2_pass_time(2000);
    h2_data(1, "x", 1, false);
    h2_run();
    assert_in_range(wire->target, http2->limits.stream_window, target * 2 / 3);
    assert_int_equal(client.sessions.http2_windows, http2->grown);
    assert_true(first_side()->extra + http2->limits.stream_window >= wire->held); // counted
    h2_finish();
    assert_int_equal(client.sessions.http2_windows, 0);
}

static void test_a_shut_window(void **state) {
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
    assert_string_equal(h2_got(1), "{200 content-length=5}he");
    assert_string_equal(h2_got(3), "{200 content-length=5}he");
    assert_null(client.session->transport.send);
    h2_window(3, 10);
    h2_run();
    assert_string_equal(h2_got(3), GOT_HELLO);
    // The client is too slow for `body-rate`.
    h2_pass_time(61000);
    assert_string_equal(h2_got(1), "{200 content-length=5}he{reset 8}");
    h2_finish();
    h2.window = 0;
    h2.keeps_windows = false;
}

// Of a client that knows priorities the kernel takes no more than it can soon send.
static void test_what_may_be_unsent(void **state) {
    (void)state;
    static const char *const priorities[] = {"", "priority: u=3, i\n", "priority: u=0\n"};
    bench_use(&(struct script){.reply = HELLO, .repeats = true}, 1);
    for (uint32_t i = 0; i < 3; i++) {
        char lines[200];
        (void)snprintf(lines, sizeof(lines),
                       ":method: GET\n:scheme: https\n:authority: a.test\n:path: /\n%s",
                       priorities[i]);
        client.unsent_max = 0;
        h2_begin(&usual);
        h2_put_headers(1, lines, true);
        h2_run();
        assert_string_equal(h2_got(1), GOT_HELLO);
        assert_int_equal(client.unsent_max != 0, i == 2);
        h2_finish();
    }
    assert_in_range(client.unsent_max, 65536, 262144);
}

enum { BULK = 400000 };

static void ask_with_priority(uint32_t stream, const char *priority) {
    char lines[200];
    (void)snprintf(lines, sizeof(lines),
                   ":method: GET\n:scheme: https\n:authority: a.test\n:path: /\npriority: %s\n",
                   priority);
    h2_put_headers(stream, lines, true);
}

// Lets all happen that can. Returns the most bytes that the session has sent at a time.
static size_t largest_turn(void) {
    size_t largest = 0;
    bool any = true;
    while (any) {
        any = false;
        for (uint32_t i = 0; i < 6; i++) {
            uint64_t before = client.session->transport.sent;
            any |= h2_event(i);
            size_t size = (size_t)(client.session->transport.sent - before);
            largest = size > largest ? size : largest;
        }
    }
    return largest;
}

// What comes for an urgent request is noticed between turns, so they are short for clients that
// know urgency, and shorter while such a response is awaited.
static void test_turns_beside_what_is_urgent(void **state) {
    (void)state;
    static char reply[BULK + 100];
    static const struct {
        const char *first, *second; // NULL: there is none
        int64_t later_ms;
        size_t least, most;
    } cases[] = {
        {"u=3, i", NULL, 0, BULK / 2, SIZE_MAX}, {"u=5, i", NULL, 0, 60000, 70000},
        {"u=5, i", "u=0", 0, 8000, 17000},       {"u=5, i", "u=0", 21, 60000, 70000},
        {"u=0", "u=5", 0, 60000, 70000},
    };
    size_t head = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BULK);
    memset(reply + head, 'x', BULK);
    const struct script scripts[] = {{.reply = reply, .reply_size = head + BULK}, {.reply = ""}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bench_use(scripts, 2);
        h2.window = 1 << 20;
        h2_begin(&usual);
        h2_window(0, 1 << 20);
        (void)client_becomes_readable();
        client.session->transport.warm_at = 0;
        ask_with_priority(1, cases[i].first);
        if (cases[i].second != NULL) {
            ask_with_priority(3, cases[i].second);
        }
        (void)client_becomes_readable();
        client.sessions.shared.now_ms += cases[i].later_ms;
        assert_in_range(largest_turn(), cases[i].least, cases[i].most);
        assert_int_equal(h2_text_of(1)->size, strlen("{200 content-length=400000}{end}") + BULK);
        h2_finish();
    }
    h2.window = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        H2_TEST(test_a_slow_server),
        H2_TEST(test_windows_that_grow),
        cmocka_unit_test_setup_teardown(test_windows_grow_to_a_bound, set_up_small_windows,
                                        h2_tear_down),
        cmocka_unit_test_setup_teardown(test_slow_uploads_beside_a_fast_one, set_up_small_windows,
                                        h2_tear_down),
        cmocka_unit_test_setup_teardown(test_windows_grow_by_round_trip, set_up_growth,
                                        h2_tear_down),
        cmocka_unit_test_setup_teardown(test_windows_follow_a_slow_start, set_up_large_growth,
                                        h2_tear_down),
        cmocka_unit_test_setup_teardown(test_windows_of_near_clients, set_up_growth, h2_tear_down),
        cmocka_unit_test_setup_teardown(test_memory_for_windows, set_up_growth, h2_tear_down),
        cmocka_unit_test_setup_teardown(test_grown_windows_of_slow_servers, set_up_growth,
                                        h2_tear_down),
        H2_TEST(test_a_shut_window),
        H2_TEST(test_what_may_be_unsent),
        H2_TEST(test_turns_beside_what_is_urgent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
