// What a configuration may say but hardly means.
#include "config/doubts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define BEFORE                                                                                     \
    "listen 127.0.0.1:1 {}\nbackend b { server 127.0.0.1:2 {} }\n"                                 \
    "site a.test { certificate c { key = k }\n"

// The doubts about this route, which is on line 4.
static const char *doubts_of(const char *route) {
    static char text[2048];
    char config_text[1024];
    char error[CONFIG_ERROR_SIZE];
    struct report warnings;
    int size = snprintf(config_text, sizeof(config_text), BEFORE "%s }\n", route);
    struct config *config = config_load("t.conf", config_text, (size_t)size, error);
    if (config == NULL) {
        fail_msg("%s", error);
    }
    report_init(&warnings, "t.conf", text, sizeof(text));
    doubts_find(config, &warnings);
    config_free(config);
    return text;
}

static const char *doubts_of_header(const char *section, const char *header) {
    char route[512];
    (void)snprintf(route, sizeof(route), "route / { backend = b %s { set-header = '%s' } }",
                   section, header);
    return doubts_of(route);
}

static void assert_header(const char *header, const char *variable, const char *counterpart) {
    char expected[512];
    (void)snprintf(expected, sizeof(expected),
                   "t.conf:4: route '/': set-header '%s': a value has no variables, and '%s' is "
                   "sent as it stands%s",
                   header, variable, counterpart);
    assert_string_equal(doubts_of_header("request", header), expected);
}

static void test_variables(void **state) {
    (void)state;
    static const char host[] = "; servers find the host in Host and X-Forwarded-Host";
    static const char client[] = "; servers find the client in X-Forwarded-For";
    assert_header("X-A: $host", "$host", host);
    assert_header("X-A: a $http_host$request_uri", "$http_host", host);
    assert_header("X-A: $remote_addr", "$remote_addr", client);
    assert_header("X-A: $proxy_add_x_forwarded_for", "$proxy_add_x_forwarded_for", client);
    assert_header("X-A: %[src]", "%[src]", client);
    assert_header("X-A: {remote_host}", "{remote_host}", client);
    assert_header("X-A: $scheme", "$scheme", "; servers find the protocol in X-Forwarded-Proto");
    assert_header("X-A: $request_id", "$request_id", "; request-id = yes sends X-Request-Id");
    assert_header("X-A: $remote_user", "$remote_user", "; user-header tells servers the user");
    assert_header("X-A: $ssl_client_s_dn", "$ssl_client_s_dn",
                  "; servers find the subject in X-Client-Certificate-Subject");
    assert_header("X-A: $ssl_protocol", "$ssl_protocol",
                  "; tls-facts = yes in the backend tells servers of TLS");
    assert_header("X-A: $foo", "$foo", "");
    assert_string_equal(doubts_of_header("response", "X-A: $host"),
                        "t.conf:4: route '/': set-header 'X-A: $host': a value has no variables, "
                        "and '$host' is sent as it stands");
}

static void test_values_that_only_look_so(void **state) {
    (void)state;
    static const char *const headers[] = {
        "X-A: $5",      "X-A: 5$", "X-A: $",          "X-A: a{}", "X-A: {\"group\":1}",
        "X-A: 50%[off", "X-A: 1%", "X-A: {not ended", "X-A: {A}", "X-A: {",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        assert_string_equal(doubts_of_header("request", headers[i]), "");
    }
}

static void test_prefixes(void **state) {
    (void)state;
    assert_string_equal(doubts_of("route '/api*' { backend = b }"),
                        "t.conf:4: route '/api*': '*' stands for itself; route /api serves all "
                        "paths that begin so");
    assert_string_equal(doubts_of("route '/*' { backend = b }"),
                        "t.conf:4: route '/*': '*' stands for itself; route / serves all paths "
                        "that begin so");
    assert_string_equal(doubts_of("route '/a*b' { backend = b }"), "");
    assert_string_equal(doubts_of("route / { backend = b }"), "");
}

static void test_login_pages(void **state) {
    (void)state;
    static const char expected[] = "t.conf:4: login '/sign/in?rd=' is on route '/', which has "
                                   "authorize, too; give the login page a route without it";
    static const char guarded[] = "route / { backend = b authorize /auth { login = '%s' } } %s";
    static const char open[] = "route /sign/ { backend = b }";
    static const struct {
        const char *login, *more, *expected;
    } cases[] = {
        {"/sign/in?rd=", "", expected},
        {"/sign/in?rd=", open, ""},
        {"https://login.test/?rd=", "", ""},
        {"location", "", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char routes[256];
        (void)snprintf(routes, sizeof(routes), guarded, cases[i].login, cases[i].more);
        assert_string_equal(doubts_of(routes), cases[i].expected);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_values_that_only_look_so),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_login_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
