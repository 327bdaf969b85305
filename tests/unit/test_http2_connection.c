// A connection from its owner's side: responses, resets, limits, ends, deadlines, memory.
#include "http2_lab.h"

// --- responses ---

static void test_headers_in_frames(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    static char value[40000];
    memset(value, '\x01', sizeof value); // has no short code
    const struct hpack_field fields[] = {{SLICE(":status"), SLICE("200"), false},
                                         {SLICE("x"), {value, sizeof value}, false}};
    static uint8_t output[65536];
    size_t size;
    assert_int_equal(
        http2_send_headers(&lab.connection, lab.last, fields, 2, false, output, 40000, &size),
        RESULT_AGAIN);
    assert_int_equal(
        http2_send_headers(&lab.connection, lab.last, fields, 2, false, output, 8, &size),
        RESULT_AGAIN);
    assert_int_equal(
        http2_send_headers(&lab.connection, lab.last, fields, 2, false, output, 40100, &size),
        RESULT_OK);
    struct frame_header header;
    frame_read_header(output, &header);
    assert_int_equal(header.type, FRAME_HEADERS);
    assert_int_equal(header.flags, 0);
    assert_int_equal(header.length, 16384);
    frame_read_header(output + FRAME_HEADER_SIZE + 16384, &header);
    assert_int_equal(header.type, FRAME_CONTINUATION);
    assert_true(size > 40000);
    assert_int_equal(lab.connection.stream_count, 1);
    // Trailers end it.
    assert_int_equal(
        http2_send_headers(&lab.connection, lab.last, fields, 1, true, output, 100, &size),
        RESULT_OK);
    assert_int_equal(lab.connection.stream_count, 0);
    lab_end(&lab);
}

// The client's largest frame counts from when it says so.
static void test_larger_frames(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    assert_int_equal(http2_room(&lab.connection, lab.last), 16384);
    assert_int_equal(lab_send_setting(&lab, SETTING_MAX_FRAME_SIZE, 40000), RESULT_OK);
    assert_int_equal(http2_room(&lab.connection, lab.last), 40000);
    lab_end(&lab);
}

static void test_ends(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    uint8_t header[FRAME_HEADER_SIZE];
    // The client's end first, then ours.
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    http2_send_data(&lab.connection, lab.last, 10, false, header);
    http2_send_data(&lab.connection, lab.last, 5, true, header);
    assert_int_equal(lab.connection.stream_count, 0);
    assert_int_equal(lab.connection.send_window, 65520);
    // Ours first, then the client's.
    assert_int_equal(lab_request(&lab, 3, false), RESULT_OK);
    http2_send_data(&lab.connection, lab.last, 0, true, header);
    assert_int_equal(lab.connection.stream_count, 1);
    assert_int_equal(lab_data_of(&lab, 3, 7, true), RESULT_OK);
    assert_int_equal(lab.connection.stream_count, 0);
    lab_assert_log(&lab, "H1. H3 E3 ");
    // Ours, then NO_ERROR for the rest of the request (8.1).
    assert_int_equal(lab_request(&lab, 5, false), RESULT_OK);
    http2_send_data(&lab.connection, lab.last, 0, true, header);
    http2_reset(&lab.connection, lab.last, HTTP2_NO_ERROR);
    lab_assert_seen(&lab, "RST(5,0) ");
    assert_int_equal(lab.connection.stream_count, 0);
    assert_int_equal(lab_data_of(&lab, 5, 7, true), RESULT_OK);
    lab_assert_seen(&lab, "");
    lab_assert_log(&lab, "H5 ");
    lab_end(&lab);
}

// What the owner does to a stream that it sees a last time means nothing.
static void end_in_reset(void *owner, struct http2_stream *stream, enum http2_code code,
                         const char *why) {
    struct lab *lab = owner;
    uint8_t header[FRAME_HEADER_SIZE];
    http2_want(&lab->connection, stream, HTTP2_WANTS_FRAME);
    http2_send_data(&lab->connection, stream, 0, true, header);
    http2_reset(&lab->connection, stream, HTTP2_CANCEL);
    lab_reset(owner, stream, code, why);
}

static void test_acts_in_reset(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    struct http2_events events = lab_events;
    events.reset = end_in_reset;
    lab.shared.events = &events;
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    assert_int_equal(lab_send_32(&lab, FRAME_RST_STREAM, 1, HTTP2_CANCEL), RESULT_OK);
    assert_int_equal(lab_request(&lab, 3, true), RESULT_OK);
    assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 3, 0), RESULT_OK);
    lab_assert_log(&lab, "H1. R1:8 H3. R3:1! ");
    lab_assert_seen(&lab, "RST(3,1) ");
    assert_int_equal(lab.connection.stream_count, 0);
    lab_end(&lab);
}

// A stream gets one RST_STREAM at most.
static void test_one_reset(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    http2_reset(&lab.connection, lab.last, HTTP2_CANCEL);
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY, 0, 1, BYTES("\0\0\0\0")), RESULT_OK);
    lab_assert_seen(&lab, "RST(1,8) ");
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY, 0, 1, BYTES("\0\0\0\0")), RESULT_OK);
    lab_assert_seen(&lab, "");
    lab_end(&lab);
}

// The smallest of several sizes of the table counts as well as the last (RFC 7541 4.2).
static void test_table_sizes(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_send(&lab, FRAME_SETTINGS, 0, 0,
                              BYTES("\0\x1\0\0\0\x64"
                                    "\0\x1\0\0\0\0"
                                    "\0\x1\0\0\0\xc8")),
                     RESULT_OK);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    lab_answer(&lab, lab.last);
    static const uint8_t wanted[] = {0, 0, 5, 1, 5, 0, 0, 0, 1, 0x20, 0x3f, 0xa9, 0x01, 0x89};
    assert_int_equal(lab.answered_size, sizeof wanted);
    assert_memory_equal(lab.answered, wanted, sizeof wanted);
    lab_end(&lab);
}

// After our reset anything may still come (5.1, closed), also long after.
static void test_frames_on_their_way(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    for (uint32_t id = 1; id < 100; id += 2) {
        assert_int_equal(lab_request(&lab, id, false), RESULT_OK);
        http2_reset(&lab.connection, lab.last, HTTP2_CANCEL);
        lab_take(&lab, 4096);
    }
    lab.seen[0] = lab.log[0] = '\0';
    for (uint32_t id = 1; id < 100; id += 2) {
        assert_int_equal(lab_data_of(&lab, id, 1, false), RESULT_OK);
        assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, id, 1), RESULT_OK);
        assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, id, BYTES(TRAILER_BLOCK)),
                         RESULT_OK);
    }
    lab_assert_seen(&lab, "");
    lab_assert_log(&lab, "");
    lab_end(&lab);
}

// What a client sends behind its own reset was not on its way when ours came.
static void test_frames_after_both_have_reset(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    http2_reset(&lab.connection, lab.last, HTTP2_NO_ERROR);
    lab_take(&lab, 4096);
    lab.seen[0] = lab.log[0] = '\0';
    assert_int_equal(lab_data_of(&lab, 1, 1, false), RESULT_OK);
    lab_assert_seen(&lab, "");
    assert_int_equal(lab_send_32(&lab, FRAME_RST_STREAM, 1, HTTP2_CANCEL), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 1, false), RESULT_OK);
    lab_take(&lab, 4096);
    lab_assert_seen(&lab, "RST(1,5) ");
    lab_assert_log(&lab, "");
    lab_end(&lab);
}

// --- limits ---

static void test_concurrency(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.streams = 3;
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    for (uint32_t id = 1; id <= 5; id += 2) {
        assert_int_equal(lab_request(&lab, id, true), RESULT_OK);
    }
    lab_assert_seen(&lab, "");
    // The block of a refused stream still changes the table of the decoder.
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 7, BYTES(BLOCK "\x40\x01x\x01y")),
                     RESULT_OK);
    lab_assert_seen(&lab, "RST(7,7) ");
    lab_assert_log(&lab, "H1. H3. H5. ");
    lab_answer(&lab, lab.last);
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 9, BYTES(BLOCK "\xbe")), RESULT_OK);
    lab_assert_log(&lab, "H9. ");
    assert_slice(lab.items[4].name, "x");
    lab_end(&lab);
}

static void test_header_limits(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.header_list_size = 42 + 44 + 38 + 43 + 34; // BLOCK, "x: y"
    limits.header_block_size = 30;
    limits.continuations = 2;
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 1, BYTES(BLOCK "\x00\x01x\x01y")),
                     RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 3, BYTES(BLOCK "\x00\x01x\x02yz")),
                     RESULT_OK);
    lab_assert_log(&lab, "H1. H3!. ");
    // Two CONTINUATION frames, and a block of 30 bytes.
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, FRAME_END_STREAM, 5, BYTES(BLOCK)), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, 0, 5,
                              BYTES("\x00\x01x\x0f"
                                    "123456789012345")),
                     RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, FRAME_END_HEADERS, 5,
                              BYTES("\x82\x82\x82"
                                    "\x82")),
                     RESULT_OK);
    lab_assert_log(&lab, "H5!. ");
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, 0, 7, BYTES(BLOCK)), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, 0, 7, BYTES("\x82")), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, 0, 7, BYTES("\x82")), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, FRAME_END_HEADERS, 7, BYTES("\x82")),
                     RESULT_ERROR);
    assert_string_equal(lab.connection.fault.why, "too many CONTINUATION frames");
    lab_assert_seen(&lab, "GOAWAY(7,11) ");
    lab_end(&lab);
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 1, (struct slice){lab_zeros, 31}),
                     RESULT_ERROR);
    assert_string_equal(lab.connection.fault.why, "header block too long");
    lab_end(&lab);
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    char trailers[20];
    memset(trailers, '\x82', sizeof trailers);
    assert_int_equal(
        lab_send(&lab, FRAME_HEADERS, LAB_WHOLE, 1, (struct slice){trailers, sizeof trailers}),
        RESULT_OK);
    lab_assert_seen(&lab, "RST(1,11) ");
    lab_end(&lab);
}

// The output is full: nothing more is read until it was fetched. Nothing is lost, and nothing
// grows.
static void test_full_output(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    uint8_t pings[60 * 17];
    for (size_t i = 0; i < 60; i++) {
        const struct lab_frame ping = {FRAME_PING, 0, 0, SLICE("12345678")};
        assert_int_equal(lab_write(pings + 17 * i, &ping), 17);
    }
    size_t at = 0, rounds = 0;
    enum result result;
    do {
        size_t used;
        result = http2_receive(&lab.connection, pings + at, sizeof pings - at, &used, lab.now_ms);
        at += used;
        rounds++;
        assert_true(lab.connection.output_size <= HTTP2_OUTPUT_SIZE);
        lab_take(&lab, 17); // a PONG at a time, and no more room than for that
    } while (result == RESULT_AGAIN);
    assert_int_equal(result, RESULT_OK);
    assert_int_equal(at, sizeof pings);
    assert_in_range(rounds, 3, 10);
    size_t pongs = 0;
    for (const char *seen = lab.seen; (seen = strstr(seen, "PONG")) != NULL; seen++) {
        pongs++;
    }
    assert_int_equal(pongs, 60);
    lab_end(&lab);
}

// --- ends and deadlines ---

static void test_shutdown(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    http2_shutdown(&lab.connection, lab.now_ms);
    http2_shutdown(&lab.connection, lab.now_ms + 5); // the second call means nothing
    assert_int_equal(http2_deadline(&lab.connection), lab.now_ms + 1000);
    lab_assert_seen(&lab, "GOAWAY(2147483647,0) PING ");
    // A stream that was on its way is still served.
    assert_int_equal(lab_request(&lab, 3, true), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_PING, FRAME_ACK, 0, BYTES("going\0\0\0")), RESULT_OK);
    lab_assert_seen(&lab, "GOAWAY(3,0) ");
    // One that comes later is ignored, but its block is decoded.
    assert_int_equal(
        lab_send(&lab, FRAME_HEADERS, FRAME_END_HEADERS, 5, BYTES(BLOCK "\x40\x01x\x01y")),
        RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 5, 10, true), RESULT_OK);
    lab_assert_seen(&lab, "");
    lab_assert_log(&lab, "H1. H3. ");
    assert_false(http2_is_drained(&lab.connection));
    lab_answer(&lab, lab.last);
    struct http2_stream *first = lab.connection.buckets[0];
    assert_non_null(first);
    lab_answer(&lab, first);
    assert_true(http2_is_drained(&lab.connection));
    assert_int_equal(http2_deadline(&lab.connection), INT64_MAX);
    lab_end(&lab);
}

// A later GOAWAY must not name a higher stream (RFC 9113 6.8).
static void test_a_failure_after_the_last_goaway(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    http2_shutdown(&lab.connection, lab.now_ms);
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 1000), RESULT_OK);
    lab_assert_seen(&lab, "GOAWAY(1,0) ");
    assert_int_equal(lab_request(&lab, 3, true), RESULT_OK); // ignored
    assert_int_equal(lab_send(&lab, FRAME_DATA, 0, 5, BYTES("x")), RESULT_ERROR);
    lab_assert_seen(&lab, "GOAWAY(1,1) ");
    lab_end(&lab);
}

static void test_shutdown_without_an_answer(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    http2_shutdown(&lab.connection, lab.now_ms);
    lab_assert_seen(&lab, "GOAWAY(2147483647,0) PING ");
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 999), RESULT_OK);
    lab_assert_seen(&lab, "");
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 1000), RESULT_OK);
    lab_assert_seen(&lab, "GOAWAY(0,0) ");
    assert_true(http2_is_drained(&lab.connection));
    lab_end(&lab);
}

static void test_settings_in_time(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    assert_int_equal(http2_deadline(&lab.connection), lab.now_ms + 10000);
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 9999), RESULT_OK);
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 10000), RESULT_ERROR);
    assert_string_equal(lab.connection.fault.why, "no preface and SETTINGS in time");
    lab_assert_seen(&lab, "SETTINGS GOAWAY(0,4) ");
    lab_end(&lab);
    lab_begin(&lab);
    assert_int_equal(lab_give(&lab, BYTES(FRAME_PREFACE "\0\0\0\x4\0\0\0\0\0"), SIZE_MAX),
                     RESULT_OK);
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms + 10000), RESULT_ERROR);
    assert_string_equal(lab.connection.fault.why, "no ACK of SETTINGS in time");
    lab_end(&lab);
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(http2_deadline(&lab.connection), INT64_MAX);
    lab_end(&lab);
}

static void test_block_in_time(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    lab.now_ms += 100;
    assert_int_equal(lab_send(&lab, FRAME_HEADERS, 0, 1, BYTES("\x82")), RESULT_OK);
    lab.now_ms += 100;
    assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, 0, 1, BYTES("\x87")), RESULT_OK);
    assert_int_equal(http2_deadline(&lab.connection), lab.now_ms - 100 + 5000);
    assert_int_equal(http2_tick(&lab.connection, lab.now_ms - 100 + 5000), RESULT_ERROR);
    lab_assert_seen(&lab, "GOAWAY(1,11) ");
    lab_end(&lab);
}

// --- memory ---

// Which slab a stream comes from is the worker's matter: none is left when a connection is idle.
static void test_idle_memory(void **state) {
    (void)state;
    // The request of a browser, as nghttp2 encodes it with an empty table.
    static const struct hpack_field browser[] = {
        {SLICE(":method"), SLICE("GET"), false},
        {SLICE(":authority"), SLICE("www.example.com"), false},
        {SLICE(":scheme"), SLICE("https"), false},
        {SLICE(":path"), SLICE("/articles/2026/11/what-is-new"), false},
        {SLICE("sec-ch-ua"), SLICE("\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\""), false},
        {SLICE("sec-ch-ua-platform"), SLICE("\"Linux\""), false},
        {SLICE("user-agent"),
         SLICE("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
               "Chrome/124.0.0.0 Safari/537.36"),
         false},
        {SLICE("accept"),
         SLICE("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
               "*/*;q=0.8"),
         false},
        {SLICE("accept-encoding"), SLICE("gzip, deflate, br, zstd"), false},
        {SLICE("accept-language"), SLICE("en-GB,en;q=0.9"), false},
        {SLICE("cookie"), SLICE("session=0123456789abcdef0123456789abcdef"), false},
        {SLICE("priority"), SLICE("u=0, i"), false},
    };
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    lab.answers = LAB_AT_END;
    struct hpack_encoder client;
    hpack_encoder_init(&client);
    struct hpack_memory memory;
    hpack_memory_init(&memory, 0);
    for (uint32_t id = 1; id < 20; id += 2) {
        uint8_t block[2048];
        size_t size;
        assert_int_equal(
            hpack_encode(&client, &memory, browser, COUNT(browser), block, sizeof block, &size),
            RESULT_OK);
        // In two parts, so that it is gathered.
        assert_int_equal(
            lab_send(&lab, FRAME_HEADERS, FRAME_END_STREAM, id, (struct slice){(char *)block, 5}),
            RESULT_OK);
        assert_int_equal(lab_send(&lab, FRAME_CONTINUATION, FRAME_END_HEADERS, id,
                                  (struct slice){(char *)block + 5, size - 5}),
                         RESULT_OK);
        http2_rest(&lab.connection);
    }
    assert_int_equal(lab.connection.stream_count, 0);
    assert_null(lab.connection.reader.parts.data);
    assert_int_equal(lab.shared.streams.block_size, sizeof(struct http2_stream));
    print_message("connection: %zu bytes, tables: %zu, stream: %zu\n",
                  sizeof(struct http2_connection), lab.shared.memory.used,
                  sizeof(struct http2_stream));
    assert_true(sizeof(struct http2_connection) + lab.shared.memory.used <= HTTP2_IDLE_MAX);
    hpack_encoder_drop(&client);
    lab_end(&lab);
}

static void test_rest_with_streams(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    size_t used = lab.shared.memory.used;
    http2_rest(&lab.connection);
    assert_int_equal(lab.shared.memory.used, used);
    lab_end(&lab);
}

static void test_no_memory(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    lab.shared.memory.limit = 1;
    assert_int_equal(lab_request(&lab, 1, true), RESULT_ERROR);
    lab_assert_seen(&lab, "GOAWAY(1,2) ");
    lab_end(&lab);
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    lab.shared.memory.limit = 1;
    static const struct hpack_field status = {{":status", 7}, {"200", 3}, false};
    uint8_t output[100];
    size_t size;
    assert_int_equal(http2_send_headers(&lab.connection, lab.last, &status, 1, true, output,
                                        sizeof output, &size),
                     RESULT_ERROR);
    lab_assert_seen(&lab, "GOAWAY(1,2) ");
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers_in_frames),
        cmocka_unit_test(test_larger_frames),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_acts_in_reset),
        cmocka_unit_test(test_one_reset),
        cmocka_unit_test(test_table_sizes),
        cmocka_unit_test(test_frames_on_their_way),
        cmocka_unit_test(test_frames_after_both_have_reset),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_header_limits),
        cmocka_unit_test(test_full_output),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_a_failure_after_the_last_goaway),
        cmocka_unit_test(test_shutdown_without_an_answer),
        cmocka_unit_test(test_settings_in_time),
        cmocka_unit_test(test_block_in_time),
        cmocka_unit_test(test_idle_memory),
        cmocka_unit_test(test_rest_with_streams),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
