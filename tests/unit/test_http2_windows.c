// Flow control: what a client may send, and what it is told when bytes have been taken.
#include "http2_lab.h"

static void test_windows_at_the_bound(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 40000, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_request(&lab, 3, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 40000, false), RESULT_OK);
    lab_assert_seen(&lab, "");
    assert_int_equal(lab_data_of(&lab, 1, 1, false), RESULT_OK);
    lab_assert_seen(&lab, "RST(1,3) WU(0,40001) "); // what it held is given back to the others
    assert_int_equal(lab_data_of(&lab, 3, 40000, false), RESULT_OK);
    lab_assert_seen(&lab, "");
    lab_end(&lab);
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_request(&lab, 3, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 65000, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 3, 535, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 3, 1, false), RESULT_ERROR);
    lab_assert_seen(&lab, "GOAWAY(3,3) ");
    lab_end(&lab);
}

static void test_credit(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 40000, 100000);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 40000, false), RESULT_OK);
    http2_taken(&lab.connection, lab.last, 19999);
    lab_assert_seen(&lab, ""); // half of a window, or more
    http2_taken(&lab.connection, lab.last, 1);
    lab_assert_seen(&lab, "WU(1,20000) ");
    http2_taken(&lab.connection, lab.last, 20000);
    lab_assert_seen(&lab, "WU(1,20000) ");
    assert_int_equal(lab_data_of(&lab, 1, 40000, false), RESULT_OK);
    http2_taken(&lab.connection, lab.last, 40000);
    lab_assert_seen(&lab, "WU(1,40000) WU(0,80000) ");
    // After the end of the request the stream needs no window.
    assert_int_equal(lab_data_of(&lab, 1, 30000, true), RESULT_OK);
    http2_taken(&lab.connection, lab.last, 30000);
    lab_assert_seen(&lab, "");
    lab_end(&lab);
}

// What some streams hold does not keep another from going on, up to a bound for all together.
static void test_held_bytes_of_others(void **state) {
    (void)state;
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.stream_window = 40000;
    limits.held_max = limits.connection_window + 3 * limits.stream_window;
    lab_begin_with(&lab, &limits);
    lab_greet(&lab);
    lab.quiet = true;
    for (uint32_t id = 1; id <= 5; id += 2) {
        assert_int_equal(lab_request(&lab, id, false), RESULT_OK);
        assert_int_equal(lab_data_of(&lab, id, 40000, false), RESULT_OK);
        lab_take(&lab, 4096);
        assert_true(lab.connection.receive_window >= 65535 / 2);
    }
    assert_int_equal(lab.connection.held, 120000);
    lab.takes = true;
    assert_int_equal(lab_request(&lab, 7, false), RESULT_OK);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(lab_data_of(&lab, 7, 30000, false), RESULT_OK);
        lab_take(&lab, 4096);
        assert_true(lab.connection.held + (uint32_t)lab.connection.receive_window <=
                    limits.held_max);
        lab.seen[0] = '\0';
    }
    lab.takes = false;
    for (uint32_t id = 9; id <= 11; id += 2) { // more streams than there is room for
        assert_int_equal(lab_request(&lab, id, false), RESULT_OK);
        assert_int_equal(lab_data_of(&lab, id, 30000, false), RESULT_OK);
        lab_take(&lab, 4096);
    }
    assert_true(lab.connection.receive_window < 10000);
    assert_false(http2_has_output(&lab.connection));
    lab_end(&lab);
}

static void test_targets(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 1000, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    http2_set_target(&lab.connection, lab.last, 1000000);
    http2_set_target(&lab.connection, NULL, 2000000);
    lab_assert_seen(&lab, "WU(1,999000) WU(0,1934465) ");
    assert_int_equal(lab_data_of(&lab, 1, 1000000, false), RESULT_OK);
    // A smaller one takes effect as bytes are taken.
    http2_set_target(&lab.connection, lab.last, 1000);
    http2_taken(&lab.connection, lab.last, 500000);
    lab_assert_seen(&lab, "");
    http2_taken(&lab.connection, lab.last, 499000);
    lab_assert_seen(&lab, "WU(0,999000) "); // long before half of a large one
    http2_taken(&lab.connection, lab.last, 1000);
    lab_assert_seen(&lab, "WU(1,1000) ");
    http2_set_target(&lab.connection, lab.last, FRAME_WINDOW_MAX);
    lab_assert_seen(&lab, "WU(1,2147482647) ");
    lab_end(&lab);
}

// Until the client has acknowledged our settings, it goes by the window of the RFC.
static void check_early(uint32_t window) {
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.stream_window = window;
    limits.connection_window = limits.held_max = 200000;
    lab_begin_with(&lab, &limits);
    lab.quiet = true;
    assert_int_equal(lab_give(&lab, BYTES(FRAME_PREFACE "\0\0\0\x4\0\0\0\0\0"), SIZE_MAX),
                     RESULT_OK);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 60000, false), RESULT_OK);
    assert_int_equal(lab_send(&lab, FRAME_SETTINGS, FRAME_ACK, 0, BYTES("")), RESULT_OK);
    assert_int_equal(lab.last->receive_window, (int32_t)window - 60000);
    lab_take(&lab, 4096);
    lab.seen[0] = '\0';
    http2_taken(&lab.connection, lab.last, 60000);
    lab_take(&lab, 4096);
    assert_int_equal(lab.last->receive_window, (int32_t)window);
    lab_end(&lab);
}

static void test_early_windows(void **state) {
    (void)state;
    check_early(1000);
    check_early(65535);
    check_early(100000);
}

static void test_padding_is_given_back(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    lab.takes = true;
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    char payload[257] = {(char)255, 'a'};
    for (unsigned i = 0; i < 2000; i++) {
        assert_int_equal(lab_send(&lab, FRAME_DATA, FRAME_PADDED, 1, (struct slice){payload, 257}),
                         RESULT_OK);
        lab_take(&lab, 4096);
        lab.seen[0] = '\0';
    }
    assert_int_equal(lab.last->held, 0);
    assert_int_equal(lab.connection.held, 0);
    lab_end(&lab);
}

// No window is opened for a request that has ended, also if it was due before.
static void test_no_credit_after_the_end(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 10000, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    assert_int_equal(lab_data_of(&lab, 1, 6000, false), RESULT_OK);
    http2_taken(&lab.connection, lab.last, 6000);
    assert_true(http2_has_output(&lab.connection));
    assert_int_equal(lab_data_of(&lab, 1, 1000, true), RESULT_OK);
    lab_assert_seen(&lab, "");
    http2_taken(&lab.connection, lab.last, 1000);
    assert_false(http2_has_output(&lab.connection));
    lab_end(&lab);
}

// Bytes of a stream that is not there any more count for the connection, and are given back.
static void test_ignored_data(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin_windows(&lab, 65535, 65535);
    assert_int_equal(lab_request(&lab, 1, false), RESULT_OK);
    http2_reset(&lab.connection, lab.last, HTTP2_CANCEL);
    lab_assert_seen(&lab, "RST(1,8) ");
    assert_int_equal(lab_data_of(&lab, 1, 32767, false), RESULT_OK);
    lab_assert_seen(&lab, "WU(0,32767) ");
    lab_assert_log(&lab, "H1 ");
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_at_the_bound),
        cmocka_unit_test(test_credit),
        cmocka_unit_test(test_held_bytes_of_others),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_early_windows),
        cmocka_unit_test(test_padding_is_given_back),
        cmocka_unit_test(test_no_credit_after_the_end),
        cmocka_unit_test(test_ignored_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
