// Request bodies that arrive fast: when the client's socket gets a low-water mark, and when not.
#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

enum { PIECE = 16000, WHOLE = 40 * PIECE };
// Pieces until it begins, and those after which it goes on.
enum {
    FIRST_PIECES = (BULK_BEGIN_SIZE + PIECE - 1) / PIECE,
    LAST_PIECES = (WHOLE - (int)BULK_SIZE) / PIECE,
};

static const struct client_faults plain = {.stays = true};
static char piece[PIECE];

static void begin_http1(const char *framing) {
    char head[200];
    (void)snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: a.test\r\n%s\r\n\r\n", framing);
    client.low_water = 0;
    bench_use(&(struct script){.reply = HELLO}, 1);
    client_begin(head, &plain);
    client_run();
}

static void forget_body(void) {
    bench.connections[0].received_size = 0;
}

static void send_pieces(int count) {
    for (int i = 0; i < count; i++) {
        client_says(piece, PIECE);
        client_run();
        forget_body();
    }
}

static void tick(void) {
    ev_invoke(bench.loop, &client.sessions.bulk_timer, EV_TIMER);
}

static bool is_bulk(void) {
    bool listed = !list_is_empty(&client.sessions.bulk);
    assert_int_equal(listed, client.low_water > 1);
    assert_int_equal(listed, ev_is_active(&client.sessions.bulk_timer) != 0);
    assert_true(!listed || client.low_water == BULK_SIZE);
    return listed;
}

// It begins with a lot in a short time, and ends before the known end of the body.
static void test_known_length(void **state) {
    (void)state;
    char framing[64];
    (void)snprintf(framing, sizeof(framing), "Content-Length: %d", WHOLE);
    begin_http1(framing);
    send_pieces(FIRST_PIECES - 1);
    assert_false(is_bulk());
    send_pieces(1);
    assert_true(is_bulk());
    send_pieces(LAST_PIECES - FIRST_PIECES);
    assert_true(is_bulk());
    send_pieces(1);
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
    client_finish();
}

static void test_short_body(void **state) {
    (void)state;
    char framing[64];
    (void)snprintf(framing, sizeof(framing), "Content-Length: %d",
                   FIRST_PIECES * PIECE + (int)BULK_SIZE - 1);
    begin_http1(framing);
    send_pieces(FIRST_PIECES + 1);
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 0); // it never began
    client_finish();
}

static void test_slow_body(void **state) {
    (void)state;
    char framing[64];
    (void)snprintf(framing, sizeof(framing), "Content-Length: %d", 10 * WHOLE);
    begin_http1(framing);
    for (int i = 0; i < WHOLE / PIECE; i++) {
        send_pieces(1);
        client.sessions.shared.turn_us += BULK_BEGIN_US * PIECE / BULK_BEGIN_SIZE * 4 / 3;
        assert_false(is_bulk());
    }
    assert_int_equal(client.low_water, 0);
    client_finish();
}

static void begin_chunked(void) {
    begin_http1("Transfer-Encoding: chunked");
    client_says("7d000\r\n", 7); // 32 pieces
    send_pieces(FIRST_PIECES);
    assert_true(is_bulk());
}

// A client that falls silent is not waited for. It may be fast again.
static void test_silence(void **state) {
    (void)state;
    begin_chunked();
    send_pieces(1);
    tick();
    assert_true(is_bulk());
    tick();
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
    send_pieces(32 - FIRST_PIECES - 2);
    assert_false(is_bulk());
    client.sessions.shared.turn_us += BULK_BEGIN_US + 1;
    send_pieces(1);
    client_says("\r\n7d000\r\n", 9);
    send_pieces(FIRST_PIECES);
    assert_true(is_bulk());
    client_finish();
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
}

static void test_end_of_chunks(void **state) {
    (void)state;
    begin_chunked();
    send_pieces(32 - FIRST_PIECES);
    assert_true(is_bulk());
    client_says("\r\n0\r\n\r\n", 7);
    client_run();
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
    client_finish();
}

// The server responds before the end of the body: what still comes of it is dropped as it comes.
static void test_early_response(void **state) {
    (void)state;
    begin_chunked();
    bench.connections[0].script.when = AT_ONCE;
    client_run();
    assert_true(client.session->http1.stream->dropping);
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
    client_finish();
}

// --- HTTP/2 ---

static struct http2_side *the_side(void) {
    return LIST_ENTRY(client.session->http2->sides.next, struct http2_side, node);
}

static void begin_http2(const char *more) {
    client.low_water = 0;
    bench_use(&(struct script){.reply = HELLO}, 1);
    h2_begin(&plain);
    h2_post(1, "/", more);
    h2_run();
}

static void send_data(int count) {
    for (int i = 0; i < count; i++) {
        h2_data(1, piece, PIECE, false);
        h2_run();
        forget_body();
    }
}

// It begins when windows have grown. Then they do not end it, as long as the server keeps up.
static void test_http2(void **state) {
    (void)state;
    char more[64];
    (void)snprintf(more, sizeof(more), "content-length: %d\n", WHOLE);
    begin_http2(more);
    send_data(FIRST_PIECES + 4);
    assert_true(is_bulk());
    for (int sent = FIRST_PIECES + 4; sent < LAST_PIECES; sent++) {
        assert_true(http2_expected(client.session->http2) >= BULK_SIZE);
        assert_true(is_bulk());
        send_data(1);
    }
    assert_true(is_bulk());
    send_data(1);
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 1);
    h2_finish();
}

// The server takes no more: the client may not send BULK_SIZE bytes, and is not waited for.
static void test_http2_slow_server(void **state) {
    (void)state;
    begin_http2("");
    send_data(FIRST_PIECES + 4);
    assert_true(is_bulk());
    bench.connections[0].script.write_max = 1;
    bench.connections[0].received_size = 1;
    while (the_side()->wire->receive_window >= (int32_t)BULK_SIZE + PIECE) {
        h2_data(1, piece, PIECE, false);
        h2_run();
        assert_true(is_bulk());
    }
    h2_data(1, piece, PIECE, false);
    h2_run();
    assert_false(is_bulk());
    h2_finish();
}

static int set_up_small_windows(void **state) {
    (void)state;
    return h2_start("http2 { stream-window = 64k connection-window = 64k }");
}

// With such windows, BULK_SIZE bytes would never come.
static void test_http2_small_windows(void **state) {
    (void)state;
    begin_http2("");
    send_data(WHOLE / PIECE);
    assert_false(is_bulk());
    assert_int_equal(client.low_water, 0);
    h2_finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        HTTP1_TEST(test_known_length),
        HTTP1_TEST(test_short_body),
        HTTP1_TEST(test_slow_body),
        HTTP1_TEST(test_silence),
        HTTP1_TEST(test_end_of_chunks),
        HTTP1_TEST(test_early_response),
        H2_TEST(test_http2),
        H2_TEST(test_http2_slow_server),
        cmocka_unit_test_setup_teardown(test_http2_small_windows, set_up_small_windows,
                                        h2_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
