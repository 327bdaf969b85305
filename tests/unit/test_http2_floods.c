// Floods: each kind of cheap frame below, at and above its budget, and what real clients do.
#include "http2_lab.h"

#define BURST 5

// Sends one of the kind. `round` counts from 0.
typedef enum result (*sender)(struct lab *lab, unsigned round);

static uint32_t stream_of(unsigned round) {
    return 2 * round + 1;
}

static enum result send_ping(struct lab *lab, unsigned round) {
    return lab_send(lab, FRAME_PING, round % 2 == 0 ? 0 : FRAME_ACK, 0, BYTES("12345678"));
}

static enum result send_settings(struct lab *lab, unsigned round) {
    return lab_send(lab, FRAME_SETTINGS, round % 2 == 0 ? 0 : FRAME_ACK, 0, BYTES(""));
}

static enum result send_priority(struct lab *lab, unsigned round) {
    return round % 2 == 0 ? lab_send(lab, FRAME_PRIORITY, 0, 1, BYTES("\0\0\0\0\0"))
                          : lab_send(lab, FRAME_PRIORITY_UPDATE, 0, 0, BYTES("\0\0\0\x1u=1"));
}

static enum result send_window_update(struct lab *lab, unsigned round) {
    return lab_send_32(lab, FRAME_WINDOW_UPDATE, round % 2 == 0 ? 0 : 1, 1);
}

static enum result send_empty_data(struct lab *lab, unsigned round) {
    return round % 2 == 0 ? lab_send(lab, FRAME_DATA, 0, 1, BYTES(""))
                          : lab_send(lab, FRAME_DATA, FRAME_PADDED, 1, BYTES("\x1\0"));
}

static enum result send_empty_continuation(struct lab *lab, unsigned round) {
    return round == 0 ? lab_send(lab, FRAME_HEADERS, 0, 101, BYTES(""))
                      : lab_send(lab, FRAME_CONTINUATION, 0, 101, BYTES(""));
}

// CVE-2023-44487: requests that are reset at once.
static enum result send_reset(struct lab *lab, unsigned round) {
    uint32_t id = stream_of(round) + 100;
    enum result result = lab_request(lab, id, true);
    return result == RESULT_OK ? lab_send_32(lab, FRAME_RST_STREAM, id, HTTP2_CANCEL) : result;
}

// CVE-2025-8671: requests that the server is made to reset, by a fault of the stream each.
static enum result send_fault(struct lab *lab, unsigned round) {
    uint32_t id = stream_of(round) + 100;
    enum result result = lab_request(lab, id, false);
    if (result != RESULT_OK) {
        return result;
    }
    switch (round % 5) {
    case 0:
        return lab_send_32(lab, FRAME_WINDOW_UPDATE, id, 0);
    case 1:
        return lab_send_32(lab, FRAME_WINDOW_UPDATE, id, FRAME_WINDOW_MAX);
    case 2:
        return lab_send(lab, FRAME_PRIORITY, 0, id, BYTES("\0\0\0\0"));
    case 3:
        return lab_send(lab, FRAME_HEADERS, FRAME_END_HEADERS, id, BYTES(TRAILER_BLOCK));
    default:
        return lab_send(lab, FRAME_HEADERS, LAB_WHOLE, id, BYTES("\x00\x01X\x00"));
    }
}

// The same by malformed requests, which the owner resets.
static enum result send_malformed(struct lab *lab, unsigned round) {
    uint32_t id = stream_of(round) + 100;
    enum result result = lab_request(lab, id, true);
    if (result == RESULT_OK) {
        http2_reset(&lab->connection, lab->last, HTTP2_PROTOCOL_ERROR);
        result = lab->connection.failed ? RESULT_ERROR : RESULT_OK;
    }
    return result;
}

static enum result send_stray(struct lab *lab, unsigned round) {
    (void)round;
    return lab_send(lab, 0x55, 0, 0, BYTES("abc"));
}

static const struct {
    enum http2_cost cost;
    unsigned used; // of the budget, by the greeting and the first request
    sender send;
    const char *why;
} floods[] = {
    {HTTP2_COST_PING, 0, send_ping, "flood of PING"},
    {HTTP2_COST_SETTINGS, 2, send_settings, "flood of SETTINGS"},
    {HTTP2_COST_PRIORITY, 0, send_priority, "flood of PRIORITY"},
    {HTTP2_COST_WINDOW_UPDATE, 0, send_window_update, "flood of WINDOW_UPDATE"},
    {HTTP2_COST_EMPTY, 0, send_empty_data, "flood of empty frames"},
    {HTTP2_COST_EMPTY, 0, send_empty_continuation, "flood of empty frames"},
    {HTTP2_COST_RESET, 0, send_reset, "flood of RST_STREAM"},
    {HTTP2_COST_FAULT, 0, send_fault, "flood of faults"},
    {HTTP2_COST_FAULT, 0, send_malformed, "flood of faults"},
    {HTTP2_COST_STRAY, 0, send_stray, "flood of frames without a meaning"},
};

static void test_budgets(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(floods); i++) {
        static struct lab lab;
        struct http2_limits limits = lab_limits();
        limits.budgets[floods[i].cost] = (struct http2_budget){BURST, 1};
        lab_begin_with(&lab, &limits);
        lab_greet(&lab);
        assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
        unsigned round = 0;
        for (; round < BURST - floods[i].used; round++) {
            assert_int_equal(floods[i].send(&lab, round), RESULT_OK);
            lab_take(&lab, 4096);
        }
        lab.now_ms += 2000; // two come back
        for (; round < BURST - floods[i].used + 2; round++) {
            assert_int_equal(floods[i].send(&lab, round), RESULT_OK);
            lab_take(&lab, 4096);
        }
        assert_int_equal(floods[i].send(&lab, round), RESULT_ERROR);
        assert_string_equal(lab.connection.fault.why, floods[i].why);
        assert_int_equal(lab.connection.fault.code, HTTP2_ENHANCE_YOUR_CALM);
        lab.seen[0] = '\0';
        lab_take(&lab, 4096);
        assert_non_null(strstr(lab.seen, "GOAWAY("));
        assert_non_null(strstr(lab.seen, ",11) "));
        lab_end(&lab);
    }
}

// A long rest fills every budget, and no more than that.
static void test_refill(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.budgets[HTTP2_COST_PING] = (struct http2_budget){BURST, 60000};
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < BURST; i++) {
            assert_int_equal(send_ping(&lab, 0), RESULT_OK);
            lab_take(&lab, 4096);
        }
        lab.now_ms += INT64_C(1) << 40;
    }
    lab.now_ms += 999;
    for (unsigned i = 0; i < BURST; i++) {
        assert_int_equal(send_ping(&lab, 0), RESULT_OK);
    }
    assert_int_equal(send_ping(&lab, 0), RESULT_ERROR);
    lab_end(&lab);
}

// Parts of a second add up.
static void test_parts_of_a_second(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.budgets[HTTP2_COST_PING] = (struct http2_budget){1, 1};
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    assert_int_equal(send_ping(&lab, 0), RESULT_OK);
    lab.now_ms += 1500;
    assert_int_equal(send_ping(&lab, 0), RESULT_OK);
    lab.now_ms += 500;
    assert_int_equal(send_ping(&lab, 0), RESULT_OK);
    assert_int_equal(send_ping(&lab, 0), RESULT_ERROR);
    lab_end(&lab);
}

// A client that reads a large response sends WINDOW_UPDATE after every 4 KiB, for both windows, and
// a PING after every frame, as some do to measure the round trip.
static void test_download(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_request(&lab, 1, true), RESULT_OK);
    http2_want(&lab.connection, lab.last, HTTP2_WANTS_DATA);
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t header[FRAME_HEADER_SIZE];
        struct http2_stream *stream = http2_next(&lab.connection);
        assert_non_null(stream);
        http2_send_data(&lab.connection, stream, 16384, false, header);
        for (unsigned part = 0; part < 4; part++) {
            assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 1, 4096), RESULT_OK);
            assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 0, 4096), RESULT_OK);
        }
        assert_int_equal(send_ping(&lab, 0), RESULT_OK);
        lab_take(&lab, 4096);
        lab.seen[0] = '\0';
    }
    lab_end(&lab);
}

// Ten thousand requests at once, each answered, some given up: no flood.
static void test_busy_client(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    for (uint32_t id = 1; id < 20000; id += 2) {
        lab.answers = id % 22 == 21 ? LAB_SILENT : LAB_AT_END;
        assert_int_equal(lab_request(&lab, id, true), RESULT_OK);
        if (lab.answers == LAB_SILENT) {
            assert_int_equal(lab_send_32(&lab, FRAME_RST_STREAM, id, HTTP2_CANCEL), RESULT_OK);
        } else {
            assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, id, 1000), RESULT_OK);
        }
        lab.answered_size = 0;
        lab.log[0] = '\0';
    }
    lab_end(&lab);
}

// Bytes that carry nothing: eight times what carries something, and `overhead` more.
static void test_overhead(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.overhead = 65536;
    for (unsigned i = 0; i < HTTP2_COST_COUNT; i++) {
        limits.budgets[i] = (struct http2_budget){60000, 60000};
    }
    static const char padded[1 + 255] = {(char)255};
    for (int useful = 0; useful < 2; useful++) {
        lab_begin_with(&lab, &limits);
        lab_greet(&lab);
        lab.takes = true;
        enum result result = lab_request(&lab, 1, false);
        unsigned frames = 0;
        while (result == RESULT_OK && frames < 1000) {
            struct slice payload = {padded, sizeof(padded)};
            result = lab_send(&lab, FRAME_DATA, FRAME_PADDED, 1, payload);
            if (useful && result == RESULT_OK) {
                result = lab_send(&lab, FRAME_DATA, 0, 1,
                                  BYTES("0123456789012345678901234567890123456789"));
            }
            lab_take(&lab, SIZE_MAX);
            lab.seen[0] = lab.log[0] = '\0';
            frames++;
        }
        if (useful) {
            assert_int_equal(result, RESULT_OK);
        } else {
            assert_int_equal(result, RESULT_ERROR);
            assert_in_range(frames, 65536 / 265 - 2, 65536 / 265 + 4);
            assert_int_equal(lab.connection.fault.code, HTTP2_ENHANCE_YOUR_CALM);
        }
        lab_end(&lab);
    }
}

// A client that sends what it was granted before it knows that its stream was reset. `many`: with
// more resets behind it than are remembered.
static void check_rest(bool many) {
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.overhead = 65536;
    limits.stream_window = 300000;
    limits.connection_window = limits.held_max = 400000;
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    lab.quiet = true;
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 100000, false), RESULT_OK);
    http2_reset(&lab.connection, lab.last, HTTP2_NO_ERROR);
    for (uint32_t id = 3; many && id < 103; id += 2) {
        assert_int_equal(lab_request(&lab, id, true), RESULT_OK);
        http2_reset(&lab.connection, lab.last, HTTP2_NO_ERROR);
        lab_take(&lab, SIZE_MAX);
    }
    static const char piece[100];
    enum result result = RESULT_OK;
    unsigned sent = 0;
    while (result == RESULT_OK && sent < 2000000) { // 2,000 frames are granted, 500 more forgiven
        result = lab_send(&lab, FRAME_DATA, 0, 1, (struct slice){piece, sizeof(piece)});
        sent += sizeof(piece);
        lab_take(&lab, SIZE_MAX);
        lab.seen[0] = lab.log[0] = '\0';
    }
    assert_int_equal(result, RESULT_ERROR);
    assert_int_equal(lab.connection.fault.code, HTTP2_ENHANCE_YOUR_CALM);
    assert_in_range(sent, 250000, 250200);
    lab_end(&lab);
}

static void test_the_rest_of_a_reset_stream(void **state) {
    (void)state;
    check_rest(false);
    check_rest(true);
}

// However many are reset, no more is granted than the window of the connection.
static void test_the_rest_has_a_bound(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    for (uint32_t id = 1; id < 200; id += 2) {
        assert_int_equal(lab_request(&lab, id, false), RESULT_OK);
        http2_reset(&lab.connection, lab.last, HTTP2_NO_ERROR);
        lab_take(&lab, SIZE_MAX);
        lab.seen[0] = lab.log[0] = '\0';
        assert_in_range(lab.connection.granted, 1, 65535);
    }
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_refill),
        cmocka_unit_test(test_parts_of_a_second),
        cmocka_unit_test(test_download),
        cmocka_unit_test(test_busy_client),
        cmocka_unit_test(test_overhead),
        cmocka_unit_test(test_the_rest_of_a_reset_stream),
        cmocka_unit_test(test_the_rest_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
