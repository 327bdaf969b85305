// What the logs tell of a request that was refused.
#include "http_cases.h"

#include "http/glance.h"

struct glance_case {
    struct slice bytes;
    const char *line, *method, *target, *protocol, *host, *referer, *user_agent;
};

#define GLANCE(text, ...)                                                                          \
    { .bytes = {text, sizeof(text) - 1}, __VA_ARGS__ }

static void check_case(const struct glance_case *wanted) {
    struct slice copy = copy_of(wanted->bytes);
    struct http_glance glance = http_glance(copy);
    const struct {
        struct slice actual;
        const char *wanted;
    } texts[] = {
        {glance.line, wanted->line},
        {glance.method, wanted->method},
        {glance.target, wanted->target},
        {glance.protocol, wanted->protocol},
        {glance.host, wanted->host},
        {glance.referer, wanted->referer},
        {glance.user_agent, wanted->user_agent},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_slice(texts[i].actual, texts[i].wanted == NULL ? "" : texts[i].wanted);
    }
    free((char *)copy.data);
}

static void tells_what_came(void **state) {
    (void)state;
    static const struct glance_case cases[] = {
        // clang-format off
        GLANCE("", .line = ""),
        GLANCE("\r\n\r\n", .line = ""),
        GLANCE("G", .line = "G", .target = "G"),
        GLANCE("GET ", .line = "GET ", .method = "GET"),
        GLANCE("GET /a", .line = "GET /a", .method = "GET", .target = "/a"),
        GLANCE("GET /a HTTP/1.1\r\n", .line = "GET /a HTTP/1.1", .method = "GET", .target = "/a", .protocol = "HTTP/1.1"),
        GLANCE("GET /a HTTP/1.1\n\n", .line = "GET /a HTTP/1.1", .method = "GET", .target = "/a", .protocol = "HTTP/1.1"),
        GLANCE("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .line = "GET /a b HTTP/1.1", .method = "GET", .target = "/a b", .protocol = "HTTP/1.1", .host = "a"),
        GLANCE("GET /a HTTP/\r\n", .line = "GET /a HTTP/", .method = "GET", .target = "/a HTTP/"),
        GLANCE("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", .line = "PRI * HTTP/2.0", .method = "PRI", .target = "*", .protocol = "HTTP/2.0"),
        GLANCE("GET  HTTP/1.1\r\n", .line = "GET  HTTP/1.1", .method = "GET", .protocol = "HTTP/1.1"),
        GLANCE("G(T / HTTP/1.1\r\nhost: a\r\n\r\n", .line = "G(T / HTTP/1.1", .target = "G(T / HTTP/1.1", .host = "a"),
        GLANCE(" GET / HTTP/1.1\r\n", .line = " GET / HTTP/1.1", .target = " GET / HTTP/1.1"),
        GLANCE("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1\r\n", .line = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1", .target = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456 / HTTP/1.1"),
        GLANCE("POST / HTTP/1.1\r\nHOST:\ta:80 \r\nuser-AGENT: b/1 (c)\r\nReferer:http://d\r\nHost: e\r\n\r\nHost: f\r\n",
               .line = "POST / HTTP/1.1", .method = "POST", .target = "/", .protocol = "HTTP/1.1", .host = "a:80", .referer = "http://d", .user_agent = "b/1 (c)"),
        GLANCE("POST / HTTP/1.1\r\nHost : a\r\nX-Host: b\r\nHost\r\nUser-Agent: \r\nUser-Agent: c\r\nRefer",
               .line = "POST / HTTP/1.1", .method = "POST", .target = "/", .protocol = "HTTP/1.1"),
        GLANCE("POST / HTTP/1.1\r\nUser-Agent: half of i", .line = "POST / HTTP/1.1", .method = "POST", .target = "/", .protocol = "HTTP/1.1", .user_agent = "half of i"),
        // clang-format on
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        check_case(&cases[i]);
    }
}

static void cuts_what_is_long(void **state) {
    (void)state;
    static char text[8192];
    memset(text, 'a', sizeof text);
    (void)put(text, SLICE("GET /"));
    struct http_glance glance = http_glance((struct slice){text, sizeof text});
    assert_int_equal(glance.line.size, HTTP_GLANCE_LINE_MAX);
    assert_int_equal(glance.target.size, HTTP_GLANCE_LINE_MAX);
    (void)put(text, SLICE("GET(/")); // perhaps the body of another request
    glance = http_glance((struct slice){text, sizeof text});
    assert_int_equal(glance.line.size, HTTP_GLANCE_OTHER_MAX);
    assert_int_equal(glance.target.size, HTTP_GLANCE_OTHER_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_what_came),
        cmocka_unit_test(cuts_what_is_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
