// Frames of HTTP/2: every rule of RFC 9113 section 6 that a header or a payload tells by itself.
#include "http2/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#define CONNECTION true
#define STREAM false

static void test_header(void **state) {
    (void)state;
    const uint8_t bytes[FRAME_HEADER_SIZE] = {1, 2, 3, FRAME_HEADERS, 0xff, 0x80, 0, 1, 2};
    struct frame_header header;
    frame_read_header(bytes, &header);
    assert_int_equal(header.length, 0x010203);
    assert_int_equal(header.type, FRAME_HEADERS);
    assert_int_equal(header.flags, 0x2d);      // unknown flags are ignored
    assert_int_equal(header.stream, 0x000102); // and the reserved bit
    uint8_t written[FRAME_HEADER_SIZE];
    frame_write_header(written, &header);
    const uint8_t wanted[FRAME_HEADER_SIZE] = {1, 2, 3, FRAME_HEADERS, 0x2d, 0, 0, 1, 2};
    assert_memory_equal(written, wanted, sizeof wanted);
}

static void test_right_headers(void **state) {
    (void)state;
    static const struct frame_header headers[] = {
        {0, 1, FRAME_DATA, 0},
        {16384, 1, FRAME_DATA, FRAME_END_STREAM},
        {1, 1, FRAME_DATA, FRAME_PADDED},
        {0, 3, FRAME_HEADERS, FRAME_END_HEADERS},
        {6, 3, FRAME_HEADERS, FRAME_PADDED | FRAME_HAS_PRIORITY},
        {5, 3, FRAME_PRIORITY, 0},
        {4, 3, FRAME_RST_STREAM, 0},
        {0, 0, FRAME_SETTINGS, 0},
        {12, 0, FRAME_SETTINGS, 0},
        {0, 0, FRAME_SETTINGS, FRAME_ACK},
        {8, 0, FRAME_PING, 0},
        {8, 0, FRAME_GOAWAY, 0},
        {100, 0, FRAME_GOAWAY, 0},
        {4, 0, FRAME_WINDOW_UPDATE, 0},
        {4, 7, FRAME_WINDOW_UPDATE, 0},
        {0, 7, FRAME_CONTINUATION, 0},
        {4, 0, FRAME_PRIORITY_UPDATE, 0},
        {0, 0, 0x0b, 0}, // unknown types are for the receiver to ignore (4.1)
        {16384, 9, 0xff, 0},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct http2_fault fault;
        assert_int_equal(frame_check(&headers[i], FRAME_SIZE_DEFAULT, &fault), RESULT_OK);
    }
}

static void test_wrong_headers(void **state) {
    (void)state;
    static const struct {
        struct frame_header header;
        bool of_connection;
        enum http2_code code;
    } cases[] = {
        {{16385, 1, FRAME_DATA, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{16385, 0, 0xff, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{0, 0, FRAME_DATA, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{0, 1, FRAME_DATA, FRAME_PADDED}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{0, 0, FRAME_HEADERS, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{4, 1, FRAME_HEADERS, FRAME_HAS_PRIORITY}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{5, 1, FRAME_HEADERS, FRAME_HAS_PRIORITY | FRAME_PADDED},
         CONNECTION,
         HTTP2_FRAME_SIZE_ERROR},
        {{5, 0, FRAME_PRIORITY, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{4, 1, FRAME_PRIORITY, 0}, STREAM, HTTP2_FRAME_SIZE_ERROR},
        {{6, 1, FRAME_PRIORITY, 0}, STREAM, HTTP2_FRAME_SIZE_ERROR},
        {{4, 0, FRAME_RST_STREAM, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{3, 1, FRAME_RST_STREAM, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{5, 1, FRAME_RST_STREAM, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{0, 1, FRAME_SETTINGS, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{7, 0, FRAME_SETTINGS, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{6, 0, FRAME_SETTINGS, FRAME_ACK}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{4, 1, FRAME_PUSH_PROMISE, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{8, 1, FRAME_PING, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{7, 0, FRAME_PING, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{9, 0, FRAME_PING, FRAME_ACK}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{8, 1, FRAME_GOAWAY, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{7, 0, FRAME_GOAWAY, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{3, 1, FRAME_WINDOW_UPDATE, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{5, 0, FRAME_WINDOW_UPDATE, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
        {{0, 0, FRAME_CONTINUATION, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{4, 1, FRAME_PRIORITY_UPDATE, 0}, CONNECTION, HTTP2_PROTOCOL_ERROR},
        {{3, 0, FRAME_PRIORITY_UPDATE, 0}, CONNECTION, HTTP2_FRAME_SIZE_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http2_fault fault = {0};
        assert_int_equal(frame_check(&cases[i].header, FRAME_SIZE_DEFAULT, &fault), RESULT_ERROR);
        assert_int_equal(fault.code, cases[i].code);
        assert_int_equal(fault.of_connection, cases[i].of_connection);
        assert_non_null(fault.why);
    }
}

static void test_prefixes(void **state) {
    (void)state;
    static const struct {
        struct frame_header header;
        uint8_t prefix[6];
        uint32_t content, padding, dependency;
    } cases[] = {
        {{10, 1, FRAME_DATA, 0}, {0}, 10, 0, 0},
        {{10, 1, FRAME_DATA, FRAME_PADDED}, {0}, 9, 0, 0},
        {{10, 1, FRAME_DATA, FRAME_PADDED}, {9}, 0, 9, 0},
        {{10, 1, FRAME_HEADERS, FRAME_HAS_PRIORITY}, {0x80, 0, 0, 3, 255}, 5, 0, 3},
        {{10, 1, FRAME_HEADERS, FRAME_PADDED | FRAME_HAS_PRIORITY}, {4, 0, 0, 1, 5}, 0, 4, 0x105},
        {{5, 1, FRAME_PRIORITY, 0}, {0, 0, 0, 0, 0}, 0, 0, 0},
        {{8, 0, FRAME_PING, 0}, {0}, 8, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct frame_layout layout;
        struct http2_fault fault;
        assert_int_equal(frame_read_prefix(&cases[i].header, cases[i].prefix, &layout, &fault),
                         RESULT_OK);
        assert_int_equal(layout.content, cases[i].content);
        assert_int_equal(layout.padding, cases[i].padding);
        assert_int_equal(layout.dependency, cases[i].dependency);
    }
}

static void test_wrong_prefixes(void **state) {
    (void)state;
    struct frame_layout layout;
    struct http2_fault fault;
    const struct frame_header data = {10, 1, FRAME_DATA, FRAME_PADDED};
    assert_int_equal(frame_read_prefix(&data, (const uint8_t[]){10}, &layout, &fault),
                     RESULT_ERROR);
    assert_true(fault.of_connection && fault.code == HTTP2_PROTOCOL_ERROR);
    const struct frame_header headers = {10, 1, FRAME_HEADERS, FRAME_PADDED | FRAME_HAS_PRIORITY};
    assert_int_equal(
        frame_read_prefix(&headers, (const uint8_t[]){5, 0, 0, 0, 3, 1}, &layout, &fault),
        RESULT_ERROR);
    assert_true(fault.of_connection && fault.code == HTTP2_PROTOCOL_ERROR);
    // h2spec 5.3.1: a stream cannot depend on itself; the reserved bit is not part of the number.
    assert_int_equal(
        frame_read_prefix(&headers, (const uint8_t[]){0, 0x80, 0, 0, 1, 1}, &layout, &fault),
        RESULT_ERROR);
    assert_true(!fault.of_connection && fault.code == HTTP2_PROTOCOL_ERROR);
    const struct frame_header priority = {5, 7, FRAME_PRIORITY, 0};
    assert_int_equal(
        frame_read_prefix(&priority, (const uint8_t[]){0, 0, 0, 7, 1}, &layout, &fault),
        RESULT_ERROR);
    assert_true(!fault.of_connection && fault.code == HTTP2_PROTOCOL_ERROR);
}

static void test_parameters(void **state) {
    (void)state;
    static const struct {
        struct frame_parameter parameter;
        enum http2_code code;
    } cases[] = {
        {{SETTING_HEADER_TABLE_SIZE, 0xffffffff}, HTTP2_NO_ERROR},
        {{SETTING_ENABLE_PUSH, 0}, HTTP2_NO_ERROR},
        {{SETTING_ENABLE_PUSH, 1}, HTTP2_NO_ERROR},
        {{SETTING_ENABLE_PUSH, 2}, HTTP2_PROTOCOL_ERROR},
        {{SETTING_MAX_CONCURRENT_STREAMS, 0}, HTTP2_NO_ERROR},
        {{SETTING_INITIAL_WINDOW_SIZE, 0}, HTTP2_NO_ERROR},
        {{SETTING_INITIAL_WINDOW_SIZE, 0x7fffffff}, HTTP2_NO_ERROR},
        {{SETTING_INITIAL_WINDOW_SIZE, 0x80000000}, HTTP2_FLOW_CONTROL_ERROR},
        {{SETTING_MAX_FRAME_SIZE, 16383}, HTTP2_PROTOCOL_ERROR},
        {{SETTING_MAX_FRAME_SIZE, 16384}, HTTP2_NO_ERROR},
        {{SETTING_MAX_FRAME_SIZE, 16777215}, HTTP2_NO_ERROR},
        {{SETTING_MAX_FRAME_SIZE, 16777216}, HTTP2_PROTOCOL_ERROR},
        {{SETTING_MAX_HEADER_LIST_SIZE, 0}, HTTP2_NO_ERROR},
        {{7, 0xffffffff}, HTTP2_NO_ERROR},
        {{SETTING_ENABLE_CONNECT_PROTOCOL, 2}, HTTP2_PROTOCOL_ERROR},
        {{SETTING_NO_RFC7540_PRIORITIES, 1}, HTTP2_NO_ERROR},
        {{SETTING_NO_RFC7540_PRIORITIES, 2}, HTTP2_PROTOCOL_ERROR},
        {{0xffff, 0xffffffff}, HTTP2_NO_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http2_fault fault = {0};
        enum result result = frame_check_parameter(&cases[i].parameter, &fault);
        assert_int_equal(result, cases[i].code == HTTP2_NO_ERROR ? RESULT_OK : RESULT_ERROR);
        assert_int_equal(fault.code, cases[i].code);
        assert_int_equal(fault.of_connection, cases[i].code != HTTP2_NO_ERROR);
    }
    struct frame_parameter parameter;
    frame_read_parameter((const uint8_t[]){0, 4, 0x80, 1, 2, 3}, &parameter);
    assert_int_equal(parameter.id, SETTING_INITIAL_WINDOW_SIZE);
    assert_int_equal(parameter.value, 0x80010203);
}

static void test_written(void **state) {
    (void)state;
    uint8_t bytes[128];
    struct builder output = builder_over(bytes, sizeof bytes);
    static const uint8_t wanted[] = {
        0, 0, 6, 4, 0, 0, 0, 0, 0, 0,    3,    0,    0,    0, 100,        // SETTINGS
        0, 0, 0, 4, 1, 0, 0, 0, 0,                                        // its ACK
        0, 0, 8, 6, 1, 0, 0, 0, 0, 1,    2,    3,    4,    5, 6,   7, 8,  // PING
        0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0,   0, 11, // GOAWAY
        0, 0, 4, 3, 0, 0, 0, 0, 5, 0,    0,    0,    7,                   // RST_STREAM
        0, 0, 4, 8, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff,                // WINDOW_UPDATE
    };
    const struct frame_parameter parameter = {SETTING_MAX_CONCURRENT_STREAMS, 100};
    frame_put_settings(&output, &parameter, 1);
    frame_put_settings_ack(&output);
    frame_put_ping(&output, (const uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}, true);
    frame_put_goaway(&output, FRAME_STREAM_MAX, HTTP2_ENHANCE_YOUR_CALM);
    frame_put_reset(&output, 5, HTTP2_REFUSED_STREAM);
    frame_put_window_update(&output, 0, FRAME_WINDOW_MAX);
    assert_false(output.overflow);
    assert_int_equal(output.size, sizeof wanted);
    assert_memory_equal(bytes, wanted, sizeof wanted);
}

// The block comes out of the frames as it was, in as few frames as there can be.
static void check_wrapped(size_t size, uint32_t size_max, size_t frames) {
    static uint8_t bytes[4096];
    size_t total = size + frames * FRAME_HEADER_SIZE;
    for (size_t i = 0; i < size; i++) {
        bytes[FRAME_HEADER_SIZE + i] = (uint8_t)(i * 7);
    }
    assert_int_equal(frame_wrap_headers(bytes, size, total - 1, 3, size_max, true), 0);
    assert_int_equal(frame_wrap_headers(bytes, size, total, 3, size_max, true), total);
    size_t seen = 0, at = 0;
    for (size_t i = 0; i < frames; i++) {
        struct frame_header header;
        frame_read_header(bytes + at, &header);
        assert_int_equal(header.type, i == 0 ? FRAME_HEADERS : FRAME_CONTINUATION);
        assert_int_equal(header.stream, 3);
        assert_int_equal(header.flags & FRAME_END_HEADERS, i + 1 == frames ? FRAME_END_HEADERS : 0);
        assert_int_equal(header.flags & FRAME_END_STREAM, i == 0 ? FRAME_END_STREAM : 0);
        assert_true(header.length <= size_max);
        at += FRAME_HEADER_SIZE;
        for (uint32_t j = 0; j < header.length; j++) {
            assert_int_equal(bytes[at++], (uint8_t)(seen++ * 7));
        }
    }
    assert_int_equal(seen, size);
    assert_int_equal(at, total);
}

static void test_wrapped(void **state) {
    (void)state;
    check_wrapped(0, 100, 1);
    check_wrapped(1, 100, 1);
    check_wrapped(100, 100, 1);
    check_wrapped(101, 100, 2);
    check_wrapped(999, 100, 10);
    check_wrapped(1000, 100, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_header),         cmocka_unit_test(test_right_headers),
        cmocka_unit_test(test_wrong_headers),  cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_wrong_prefixes), cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_written),        cmocka_unit_test(test_wrapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
