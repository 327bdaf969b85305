// Priorities (RFC 9218): what is read of them, and whose turn it is.
#include "http2_lab.h"

static const struct {
    const char *text;
    int urgency; // -1: malformed
    bool incremental;
} values[] = {
    {"", 3, false},
    {"u=0", 0, false},
    {"u=7", 7, false},
    {"u=8", 3, false},
    {"u=-1", 3, false},
    {"u=5, i", 5, true},
    {"i", 3, true},
    {"i=?1", 3, true},
    {"i=?0", 3, false},
    {"i=1", 3, false},
    {"u=2,i", 2, true},
    {"u=2 \t, \ti", 2, true},
    {" u=2 ", 2, false},
    {"u=1, u=2", 2, false},
    {"u=2;a;b=\"x\\\"y\";c=?0;d=:aGk=:, i;q=0.5", 2, true},
    {"u=2.0", 3, false},
    {"u=\"2\"", 3, false},
    {"u=token/x", 3, false},
    {"a=(1 2;x \"y\" t), u=1", 1, false},
    {"a=(), u=1", 1, false},
    {"a=( 1 ), u=1", 1, false},
    {"*x-._9=*tok:en, u=1", 1, false},
    {"u=000000000000001", 1, false},
    {"x=-999999999999999, u=1", 1, false},
    {"x=123456789012.123, u=1", 1, false},
    // malformed
    {"u=1,", -1, false},
    {",u=1", -1, false},
    {"u=1 i", -1, false},
    {"u=", -1, false},
    {"u==1", -1, false},
    {"U=1", -1, false},
    {"u=1, i=?", -1, false},
    {"i=?2", -1, false},
    {"u=0000000000000001", -1, false},
    {"x=1234567890123.1", -1, false},
    {"x=1.", -1, false},
    {"x=1.1234", -1, false},
    {"x=-", -1, false},
    {"x=\"a", -1, false},
    {"x=\"a\\b\"", -1, false},
    {"x=\"\x7f\"", -1, false},
    {"x=:abc", -1, false},
    {"x=(1", -1, false},
    {"x=(1,2)", -1, false},
    {"x=(1\"a\")", -1, false},
    {"u=1;", -1, false},
    {"u=1;=2", -1, false},
    {"1=u", -1, false},
    {"\xff", -1, false},
};

static void test_read(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        struct slice text = copy_of(slice_from(values[i].text));
        struct http2_priority priority = {6, true};
        bool fine = http2_priority_read(text, &priority);
        if (fine != (values[i].urgency >= 0)) {
            print_error("'%s'\n", values[i].text);
        }
        assert_int_equal(fine, values[i].urgency >= 0);
        assert_int_equal(priority.urgency, fine ? values[i].urgency : 6);
        assert_int_equal(priority.incremental, fine ? values[i].incremental : true);
        free((void *)text.data);
    }
}

static void test_merge(void **state) {
    (void)state;
    struct http2_priority priority = {2, true};
    assert_true(http2_priority_merge(SLICE("u=5"), &priority));
    assert_int_equal(priority.urgency, 5);
    assert_true(priority.incremental);
    assert_true(http2_priority_merge(SLICE("i=?0"), &priority));
    assert_false(priority.incremental);
    assert_false(http2_priority_merge(SLICE("u=1, ="), &priority));
    assert_int_equal(priority.urgency, 5);
}

// --- turns ---

// Opens a stream whose HEADERS have this Priority field, NULL: none; it has data.
static struct http2_stream *begin_stream(struct lab *lab, uint32_t id, const char *priority) {
    char block[64] = BLOCK;
    size_t size = sizeof(BLOCK) - 1;
    if (priority != NULL) {
        char *at = put(block + size, SLICE("\x00\x08priority"));
        *at++ = (char)strlen(priority);
        size = (size_t)(put(at, slice_from(priority)) - block);
    }
    assert_int_equal(lab_send(lab, FRAME_HEADERS, LAB_WHOLE, id, (struct slice){block, size}),
                     RESULT_OK);
    http2_want(&lab->connection, lab->last, HTTP2_WANTS_DATA);
    return lab->last;
}

// So many turns of `size` bytes; which streams had them.
static void assert_turns(struct lab *lab, unsigned turns, uint32_t size, const char *wanted) {
    char text[256] = "";
    uint8_t header[FRAME_HEADER_SIZE];
    for (unsigned i = 0; i < turns; i++) {
        struct http2_stream *stream = http2_next(&lab->connection);
        char number[16];
        (void)snprintf(number, sizeof number, "%u ", stream == NULL ? 0 : stream->id);
        *put(text + strlen(text), slice_from(number)) = '\0';
        if (stream != NULL) {
            assert_true(http2_room(&lab->connection, stream) >= size);
            http2_send_data(&lab->connection, stream, size, false, header);
        }
    }
    assert_string_equal(text, wanted);
}

static void test_turns(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    begin_stream(&lab, 1, NULL);
    begin_stream(&lab, 3, NULL);
    begin_stream(&lab, 5, "u=5");
    begin_stream(&lab, 7, "u=5, i");
    assert_turns(&lab, 5, 100, "1 3 1 3 1 "); // nothing was said of these: they share
    struct http2_stream *urgent = begin_stream(&lab, 9, "u=0");
    assert_turns(&lab, 3, 100, "9 9 9 ");
    http2_want(&lab.connection, urgent, HTTP2_WANTS_NOTHING);
    assert_turns(&lab, 2, 100, "3 1 ");
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    assert_turns(&lab, 3, 100, "5 5 5 "); // one that is not incremental keeps its place
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    assert_turns(&lab, 2, 100, "7 7 ");
    lab_end(&lab);
}

// What is not incremental goes by number, also when it had nothing to send for a while.
static void test_order(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    struct http2_stream *first = begin_stream(&lab, 1, "u=3");
    http2_want(&lab.connection, first, HTTP2_WANTS_NOTHING);
    begin_stream(&lab, 3, "u=3");
    begin_stream(&lab, 5, "i");
    begin_stream(&lab, 7, "u=3");
    begin_stream(&lab, 9, NULL);
    assert_turns(&lab, 2, 1, "3 3 ");
    http2_want(&lab.connection, first, HTTP2_WANTS_DATA);
    assert_turns(&lab, 2, 1, "1 1 ");
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    assert_turns(&lab, 2, 1, "7 7 ");
    http2_want(&lab.connection, http2_next(&lab.connection), HTTP2_WANTS_NOTHING);
    assert_turns(&lab, 4, 1, "5 9 5 9 ");
    http2_reset(&lab.connection, http2_next(&lab.connection), HTTP2_CANCEL); // it has turns no more
    assert_turns(&lab, 2, 1, "9 9 ");
    lab_end(&lab);
}

static void test_updates(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    struct http2_stream *first = begin_stream(&lab, 1, "u=1");
    begin_stream(&lab, 3, "u=2");
    assert_turns(&lab, 2, 1, "1 1 ");
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0, BYTES("\0\0\0\x1u=4")), RESULT_OK);
    assert_turns(&lab, 2, 1, "3 3 ");
    // One that is malformed, or too long, changes nothing.
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0, BYTES("\0\0\0\x1u=0,")),
                     RESULT_OK);
    char longer[100] = "\0\0\0\x1u=0";
    memset(longer + 7, ' ', sizeof longer - 7);
    assert_int_equal(
        lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0, (struct slice){longer, sizeof longer}),
        RESULT_OK);
    assert_turns(&lab, 1, 1, "3 ");
    // Before its stream, and stronger than the field (RFC 9218 7).
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0, BYTES("\0\0\0\x5u=3")), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0, BYTES("\0\0\0\x5u=0")), RESULT_OK);
    begin_stream(&lab, 5, "u=7");
    assert_turns(&lab, 1, 1, "5 ");
    http2_prioritize(&lab.connection, lab.last, SLICE("u=6"));
    assert_turns(&lab, 1, 1, "3 ");
    http2_prioritize(&lab.connection, first, SLICE("u=0"));
    assert_turns(&lab, 1, 1, "1 ");
    // More updates than are kept: the oldest is forgotten.
    for (uint32_t id = 101; id <= 109; id += 2) {
        uint8_t bytes[7] = {0, 0, 0, (uint8_t)id, 'u', '=', '0'};
        assert_int_equal(lab_send(&lab, FRAME_PRIORITY_UPDATE, 0, 0,
                                  (struct slice){(char *)bytes, sizeof bytes}),
                         RESULT_OK);
    }
    assert_int_equal(begin_stream(&lab, 101, NULL)->priority.urgency, HTTP2_URGENCY_DEFAULT);
    assert_int_equal(begin_stream(&lab, 109, NULL)->priority.urgency, 0);
    lab_end(&lab);
}

// Windows decide as well: a stream without one is passed over, and comes back when it has one.
static void test_windows(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    assert_int_equal(lab_send_setting(&lab, SETTING_INITIAL_WINDOW_SIZE, 100), RESULT_OK);
    begin_stream(&lab, 1, "u=0");
    struct http2_stream *second = begin_stream(&lab, 3, "u=1");
    assert_turns(&lab, 3, 100, "1 3 0 ");
    assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 3, 50), RESULT_OK);
    assert_int_equal(http2_room(&lab.connection, second), 50);
    assert_turns(&lab, 2, 50, "3 0 ");
    // A smaller window of all leaves a debt.
    assert_int_equal(lab_send_setting(&lab, SETTING_INITIAL_WINDOW_SIZE, 90), RESULT_OK);
    assert_int_equal(second->send_window, -10);
    assert_int_equal(http2_room(&lab.connection, second), 0);
    assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 3, 10), RESULT_OK);
    assert_turns(&lab, 1, 0, "0 ");
    assert_int_equal(lab_send_setting(&lab, SETTING_INITIAL_WINDOW_SIZE, 65535), RESULT_OK);
    assert_turns(&lab, 3, 16384, "1 1 1 ");
    // The rest of the window of the connection.
    uint32_t rest = 65535 - 2 * 100 - 50 - 3 * 16384;
    assert_int_equal(http2_room(&lab.connection, http2_next(&lab.connection)), rest);
    assert_turns(&lab, 2, rest, "1 0 ");
    lab_end(&lab);
}

// What needs no window goes on without one.
static void test_no_connection_window(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    lab_greet(&lab);
    begin_stream(&lab, 1, "u=0");
    struct http2_stream *second = begin_stream(&lab, 3, "u=1");
    lab.connection.send_window = 10;
    assert_turns(&lab, 2, 10, "1 0 ");
    http2_want(&lab.connection, second, HTTP2_WANTS_FRAME);
    assert_ptr_equal(http2_next(&lab.connection), second);
    uint8_t header[FRAME_HEADER_SIZE];
    http2_send_data(&lab.connection, second, 0, true, header);
    static const uint8_t wanted[] = {0, 0, 0, 0, 1, 0, 0, 0, 3};
    assert_memory_equal(header, wanted, sizeof wanted);
    assert_null(http2_next(&lab.connection));
    assert_int_equal(lab_send_32(&lab, FRAME_WINDOW_UPDATE, 0, 5), RESULT_OK);
    assert_turns(&lab, 1, 5, "1 ");
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_merge),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_no_connection_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
