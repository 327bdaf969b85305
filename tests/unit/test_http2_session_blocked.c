// HTTP/2 over a transport of memory: clients that stop reading and then read again, and their time
// limits.
#include "http2_bench.h"

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GOT_HELLO "{200 content-length=5}hello{end}"

static const struct client_faults usual = {.secure = true, .stays = true};

static int set_up_request_timeout(void **state) {
    (void)state;
    int result = h2_start("");
    ((struct config *)bench.generation.config)->backends[0].request_timeout_ms = 5000;
    return result;
}

// Calls the timers that have expired, at most `most`. False: some were left.
static bool call_timers(int64_t ms, unsigned most) {
    bench.shared.now_ms += ms;
    client.sessions.shared.now_ms += ms;
    struct wheel_node *node = NULL;
    for (unsigned i = 0; i <= most; i++) {
        node = wheel_take(&client.sessions.wheel, client.sessions.shared.now_ms);
        if (node == NULL) {
            return true;
        }
        node->due(node);
    }
    return false;
}

// `request-timeout` ends responses that wait for their turn, because the client reads nothing.
static void test_a_request_timeout_without_a_turn(void **state) {
    (void)state;
    static char reply[200000];
    size_t head = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nContent-Length: 190000\r\n\r\n");
    memset(reply + head, 'x', 190000);
    const struct script script = {.reply = reply, .reply_size = head + 190000, .repeats = true};
    bench_use(&script, 1);
    h2.window = 1 << 20;
    h2_begin(&(struct client_faults){.stays = true, .takes = 1000});
    h2_window(0, 1 << 20);
    h2_get(1, "/");
    h2_get(3, "/");
    client.never_takes = true;
    h2_run();
    assert_true(transport_has_unsent(&client.session->transport));
    assert_true(call_timers(5100, 100));
    client.never_takes = false;
    h2_run();
    assert_true(h2_text_of(1)->reset);
    assert_memory_equal(h2_got(3), "{504 ", 5);
    h2_finish();
    h2.window = 0;
}

// Chunks with so little framing between them that not all of them can be framed at once, and
// trailers. Returns the size.
static size_t write_tight_chunks(char *reply, size_t count) {
    static char data[2001];
    memset(data, 'x', 2000);
    size_t size = (size_t)sprintf(reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < count; i++) {
        size += (size_t)sprintf(reply + size, "7d0\r\n%s\r\n", data);
    }
    return size + (size_t)sprintf(reply + size, "0\r\nSum: 17\r\n\r\n");
}

// Has the client stop reading when the send buffer holds bytes that are not framed yet.
static void block_with_unread(struct script *script, const struct client_faults *faults) {
    bench_use(script, 1);
    h2.window = 1 << 20;
    h2_begin(faults);
    h2_window(0, 1 << 20);
    h2_run();
    client.session->transport.warm_at = 0;
    client.send_left = 0;
    client.never_takes = true;
    h2_get(1, "/");
    h2_run();
    assert_non_null(client.session->http2->lent);
}

// The client reads again, and what it has said has arrived.
static void unblock(void) {
    client.never_takes = false;
    client.send_left = SIZE_MAX;
    client.session->transport.writable = true;
    (void)client_becomes_readable();
    h2_run();
}

static void test_a_fault_while_bytes_are_unread(void **state) {
    (void)state;
    static char reply[100000];
    struct script script = {.reply = reply, .reply_size = write_tight_chunks(reply, 20)};
    block_with_unread(&script, &usual);
    h2_put_frame(FRAME_DATA, 0, 0, "x", 1);
    unblock();
    assert_int_equal(h2.goaways, 1);
    h2_finish();
    h2.window = 0;
}

// Bytes of the client before the last frame of this type with this flag.
static size_t place_of_last(uint8_t type, uint8_t flag) {
    size_t place = 0;
    struct frame_header header;
    for (size_t at = 0; at < h2.parsed; at += FRAME_HEADER_SIZE + header.length) {
        frame_read_header(h2.plain + at, &header);
        place = header.type == type && (header.flags & flag) != 0 ? at : place;
    }
    return place;
}

// A header block uses the client's settings only after their ACK: trailers, and a head behind an
// interim one.
static void test_header_blocks_behind_settings(void **state) {
    (void)state;
    static char reply[100000];
    static const char early[] = "HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\n" HELLO;
    struct script scripts[] = {{.reply = reply, .reply_size = write_tight_chunks(reply, 20)},
                               {.reply = early, .reply_size = sizeof(early) - 1}};
    static const char *const ends[] = {"{end sum=17}", "{103 link=</s>}" GOT_HELLO};
    for (size_t i = 0; i < 2; i++) {
        block_with_unread(&scripts[i], &usual);
        h2_put_frame(FRAME_SETTINGS, 0, 0, "\0\1\0\0\0\0", 6); // no table
        unblock();
        assert_string_equal(h2_got(1) + h2_text_of(1)->size - strlen(ends[i]), ends[i]);
        assert_true(place_of_last(FRAME_SETTINGS, FRAME_ACK) <
                    place_of_last(FRAME_HEADERS, FRAME_END_HEADERS));
        h2_finish();
    }
    h2.window = 0;
}

static unsigned rings;

static void ring_again(struct wheel_node *node) {
    rings++;
    sessions_await(&client.sessions, node, client.sessions.shared.now_ms - 100);
}

// A timer that is always set to a time in the past does not keep others from their turn.
static void test_a_timer_in_the_past(void **state) {
    (void)state;
    struct wheel_node node;
    wheel_node_init(&node, ring_again);
    bench_use(&(struct script){.reply = HELLO}, 1);
    h2_begin(&usual);
    h2_run();
    rings = 0;
    sessions_await(&client.sessions, &node, client.sessions.shared.now_ms);
    assert_true(call_timers(61000, 100)); // the session has its timers
    assert_in_range(rings, 1, 2);
    wheel_remove(&client.sessions.wheel, &node);
    h2_run();
    assert_int_equal(h2.goaways, 2);
    h2_finish();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_request_timeout_without_a_turn,
                                        set_up_request_timeout, h2_tear_down),
        H2_TEST(test_a_fault_while_bytes_are_unread),
        H2_TEST(test_header_blocks_behind_settings),
        H2_TEST(test_a_timer_in_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
