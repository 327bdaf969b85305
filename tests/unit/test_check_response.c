#include "monitor/check_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char root[] = "/";
static char wanted[] = "all good";

static const struct config_health any = {.path = root};
static const struct config_health expecting = {.path = root, .expect = wanted};

static const struct {
    const char *text;
    enum check_fault fault;
    uint32_t detail;
    bool by_status; // decided before the end
} cases[] = {
    {"HTTP/1.1 200 OK\r\n\r\n", CHECK_GOOD, 0, true},
    {"HTTP/1.0 399 Odd\r\n\r\n", CHECK_GOOD, 0, true},
    {"HTTP/1.1 200\r\n\r\n", CHECK_GOOD, 0, true},
    {"HTTP/1.1 400 Bad\r\n\r\n", CHECK_STATUS, 400, true},
    {"HTTP/1.1 199 Low\r\n\r\n", CHECK_STATUS, 199, true},
    {"HTTP/1.1 999 High\r\n\r\n", CHECK_STATUS, 999, true},
    {"HTTP/1.1 000 Low\r\n\r\n", CHECK_STATUS, 0, true},
    {"", CHECK_CLOSED, 0, false},
    {"HTTP/1.1 20", CHECK_MALFORMED, 0, false},
    {"HTTP/1.1 200", CHECK_MALFORMED, 0, false},
    {"HTTP/1.1 2000", CHECK_MALFORMED, 0, true},
    {"HTTP/2.0 200 OK", CHECK_MALFORMED, 0, true},
    {"http/1.1 200 OK", CHECK_MALFORMED, 0, true},
    {" HTTP/1.1 200 OK", CHECK_MALFORMED, 0, true},
    {"HTTP/1.1  200 OK", CHECK_MALFORMED, 0, true},
    {"HTTP/1.1 -20 OK", CHECK_MALFORMED, 0, true},
};

// However it comes.
static void test_statuses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size = strlen(cases[i].text);
        for (size_t come = 0; come <= size; come++) {
            struct check_verdict verdict = check_response(&any, cases[i].text, come, come == size);
            if (come == size) {
                assert_true(verdict.ended);
            }
            if (verdict.ended) {
                assert_int_equal(verdict.fault, cases[i].fault);
                assert_int_equal(verdict.detail, cases[i].detail);
                assert_true(come == size || cases[i].by_status);
                break;
            }
        }
    }
}

static void test_own_statuses(void **state) {
    (void)state;
    struct config_health health = {.path = root};
    health.status.bits[(404 - 100) / 64] = UINT64_C(1) << (404 - 100) % 64;
    struct check_verdict verdict = check_response(&health, "HTTP/1.1 404 No", 15, false);
    assert_int_equal(verdict.fault, CHECK_GOOD);
    verdict = check_response(&health, "HTTP/1.1 200 OK", 15, false);
    assert_int_equal(verdict.fault, CHECK_STATUS);
}

static void test_an_expected_text(void **state) {
    (void)state;
    static const char good[] = "HTTP/1.1 200 OK\r\n\r\nwe are all good here";
    size_t at = (size_t)(strstr(good, "good") - good) + 4;
    for (size_t size = 0; size < sizeof(good); size++) {
        struct check_verdict verdict = check_response(&expecting, good, size, false);
        assert_int_equal(verdict.ended, size >= at);
        assert_int_equal(verdict.fault, CHECK_GOOD);
    }
    struct check_verdict verdict = check_response(&expecting, good, at - 1, true);
    assert_true(verdict.ended);
    assert_int_equal(verdict.fault, CHECK_UNEXPECTED);
    verdict = check_response(&expecting, "HTTP/1.1 500 all good", 21, false); // the status first
    assert_int_equal(verdict.fault, CHECK_STATUS);
}

static void test_no_more_than_the_bound_is_read(void **state) {
    (void)state;
    char *data = malloc(CHECK_RESPONSE_MAX);
    assert_non_null(data);
    static const char line[15] = "HTTP/1.1 200 OK";
    memset(data, 'x', CHECK_RESPONSE_MAX);
    memcpy(data, line, sizeof(line));
    assert_false(check_response(&expecting, data, CHECK_RESPONSE_MAX - 1, false).ended);
    struct check_verdict verdict = check_response(&expecting, data, CHECK_RESPONSE_MAX, false);
    assert_true(verdict.ended);
    assert_int_equal(verdict.fault, CHECK_UNEXPECTED);
    free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_own_statuses),
        cmocka_unit_test(test_an_expected_text),
        cmocka_unit_test(test_no_more_than_the_bound_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
