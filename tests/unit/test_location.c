// Which Location of a server is changed, and to what.
#include "exchange/location.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct config_route plain = {.prefix = (char *)(uintptr_t) "/", .prefix_size = 1};
static const struct config_route stripped = {
    .prefix = (char *)(uintptr_t) "/api/", .prefix_size = 5, .strip_prefix = true};

static char text[LOCATION_SIZE_MAX];

static struct slice rewrite(const char *asked, const char *server, const char *value,
                            const struct config_route *route) {
    struct address address;
    const char *why;
    bool is_name = strncmp(server, "app.", 4) == 0; // which the monitor has looked up
    assert_int_equal(address_parse(slice_from(is_name ? "10.0.0.5:8000" : server), &address, &why),
                     RESULT_OK);
    const struct location location = {.authority = slice_from(asked),
                                      .server = slice_from(server),
                                      .address = &address,
                                      .route = route};
    return location_rewrite(&location, slice_from(value), text);
}

static void assert_kept(const char *asked, const char *server, const char *value) {
    struct slice result = rewrite(asked, server, value, &plain);
    if (result.size > 0) {
        fail_msg("%s became %.*s", value, (int)result.size, result.data);
    }
}

static void assert_becomes(const char *asked, const char *server, const char *value,
                           const char *expected) {
    struct slice result = rewrite(asked, server, value, &plain);
    if (!slice_equal(result, slice_from(expected))) {
        fail_msg("%s became '%.*s'", value, (int)result.size, result.data);
    }
}

static void test_the_address_of_the_server(void **state) {
    (void)state;
    assert_becomes("a.test", "10.0.0.1:9000", "http://10.0.0.1:9000/x?y#z", "https://a.test/x?y#z");
    assert_becomes("a.test:8443", "10.0.0.1:9000", "HTTP://10.0.0.1:9000/", "https://a.test:8443/");
    assert_becomes("a.test", "10.0.0.1:9000", "http://10.0.0.1:9000", "https://a.test/");
    assert_becomes("a.test", "10.0.0.1:9000", "http://10.0.0.1:9000?x", "https://a.test/?x");
    assert_becomes("a.test", "10.0.0.1:80", "http://10.0.0.1/x", "https://a.test/x");
    assert_becomes("a.test", "10.0.0.1:80", "http://10.0.0.1:80/x", "https://a.test/x");
    assert_becomes("a.test", "[::1]:9000", "http://[::1]:9000/x", "https://a.test/x");
    assert_becomes("[::1]:8443", "10.0.0.1:9000", "http://[::1]:9000/x", "https://[::1]:8443/x");
    assert_becomes("a.test", "app.internal:8000", "http://APP.internal:8000/x", "https://a.test/x");
    assert_becomes("a.test", "127.0.0.1:9000", "http://localhost:9000/x", "https://a.test/x");
    assert_becomes("a.test", "10.0.0.1:9000", "http://10.0.0.1:9000//b.test/",
                   "https://a.test//b.test/");
}

static void test_the_host_of_the_request(void **state) {
    (void)state;
    assert_becomes("a.test", "10.0.0.1:9000", "http://a.test/x", "https://a.test/x");
    assert_becomes("a.test", "10.0.0.1:9000", "http://A.test:9000/x", "https://a.test/x");
    assert_becomes("a.test:8443", "10.0.0.1:9000", "http://a.test:8443/x", "https://a.test:8443/x");
    assert_becomes("a.test:8443", "10.0.0.1:9000", "http://a.test/x", "https://a.test:8443/x");
    assert_becomes("a.test", "unix:/run/x", "http://a.test/x", "https://a.test/x");
}

static void test_what_is_elsewhere_stays(void **state) {
    (void)state;
    static const char *const values[] = {
        "/x",
        "",
        "x",
        "//10.0.0.1:9000/x",
        "https://10.0.0.1:9000/x",
        "https://a.test/x",
        "http://10.0.0.1/x",
        "http://10.0.0.1:9001/x",
        "http://10.0.0.2:9000/x",
        "http://a.test:9001/x",
        "http://b.test/x",
        "http://b.test:9000/x",
        "http://a.test.b.test/x",
        "http://a.test@b.test/x",
        "http://u@10.0.0.1:9000/x",
        "http://10.0.0.1:09000/x",
        "http://localhost:9000/x",
        "http:///x",
        "ftp://10.0.0.1:9000/x",
        "http:/10.0.0.1:9000/x",
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        assert_kept("a.test", "10.0.0.1:9000", values[i]);
    }
    assert_kept("a.test", "unix:/run/x", "http://localhost/x");
    assert_kept("a.test", "app.internal:8000", "http://localhost:8000/x");
}

static void test_the_prefix_that_was_stripped(void **state) {
    (void)state;
    struct slice result = rewrite("a.test", "10.0.0.1:9000", "http://10.0.0.1:9000/x", &stripped);
    assert_true(slice_equal(result, SLICE("https://a.test/api/x")));
    result = rewrite("a.test", "10.0.0.1:9000", "http://a.test", &stripped);
    assert_true(slice_equal(result, SLICE("https://a.test/api/")));
    assert_int_equal(rewrite("a.test", "10.0.0.1:9000", "/x", &stripped).size, 0);
}

static void test_a_long_one_stays(void **state) {
    (void)state;
    static char value[LOCATION_SIZE_MAX + 64] = "http://10.0.0.1:9000/";
    size_t begin = strlen(value);
    size_t fits = LOCATION_SIZE_MAX - strlen("https://a.test/");
    memset(value + begin, 'a', fits);
    assert_int_equal(rewrite("a.test", "10.0.0.1:9000", value, &plain).size, LOCATION_SIZE_MAX);
    value[begin + fits] = 'a';
    assert_kept("a.test", "10.0.0.1:9000", value);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_address_of_the_server),
        cmocka_unit_test(test_the_host_of_the_request),
        cmocka_unit_test(test_what_is_elsewhere_stays),
        cmocka_unit_test(test_the_prefix_that_was_stripped),
        cmocka_unit_test(test_a_long_one_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
