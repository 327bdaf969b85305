// What a configuration says about routes, forwarding and trust: what is read, and what is refused.
#include "config_text.h"

#define ROUTE(text)                                                                                \
    LISTEN "site a.test { certificate a.pem { key = a.key }\nroute /api/ {\n" text "\n} "          \
           "}\n" BACKEND

static void test_a_route_with_everything(void **state) {
    (void)state;
    struct config *config =
        load("trusted-proxies = {10.0.0.0/8, \"::1\"}\n"
             "listen 127.0.0.1:1 { proxy-protocol = yes }\n"
             "site a.test { hsts = 2d certificate a.pem { key = a.key }\n"
             "route /api/ { backend = b strip-prefix = yes allow = {192.0.2.0/24, 10.1.0.0/16}\n"
             "  deny = 192.0.2.1 body-size = 2k rate = 5 burst = 7\n"
             "  request { set-header = {\"X-A:  b c \"} remove-header = {Cookie, X-D} }\n"
             "  response { remove-header = Server } }\n"
             "route /old { redirect = \"https://b.test\" redirect-status = 302 }\n"
             "route / { return = 404 } }\n"
             "backend b { send-proxy-protocol = v2 tls-facts = yes server 127.0.0.1:1 {} }\n");
    assert_int_equal(config->trusted_proxies.count, 2);
    assert_true(config->trusted_proxies.items[1].v6);
    assert_true(config->listeners[0].proxy_protocol);
    assert_int_equal(config->sites[0].hsts_s, 2 * 24 * 60 * 60);
    const struct config_route *api = &config->sites[0].routes[0];
    assert_string_equal(api->prefix, "/api/");
    assert_true(api->strip_prefix);
    assert_int_equal(api->allow.count, 2);
    assert_int_equal(api->allow.items[1].bits, 16);
    assert_int_equal(api->deny.items[0].bits, 32);
    assert_int_equal(api->body_size, 2048);
    assert_int_equal(api->rate, 5);
    assert_int_equal(api->burst, 7);
    assert_int_equal(api->request.set_count, 1);
    assert_string_equal(api->request.set[0], "X-A: b c");
    assert_int_equal(api->request.remove_count, 2);
    assert_string_equal(api->request.remove[1], "X-D");
    assert_int_equal(api->response.set_count, 0);
    assert_string_equal(api->response.remove[0], "Server");
    const struct config_route *old = &config->sites[0].routes[1];
    assert_null(old->backend_name);
    assert_string_equal(old->redirect, "https://b.test");
    assert_int_equal(old->redirect_how, REDIRECT_302);
    assert_int_equal(config->sites[0].routes[2].status, 404);
    assert_int_equal(config->backends[0].send_proxy_protocol, PROXY_PROTOCOL_V2);
    assert_true(config->backends[0].tls_facts);
    config_free(config);
}

static void test_what_is_not_said(void **state) {
    (void)state;
    struct config *config = load(REST);
    const struct config_route *route = &config->sites[0].routes[0];
    assert_int_equal(config->trusted_proxies.count, 0);
    assert_int_equal(config->sites[0].hsts_s, 365 * 24 * 60 * 60);
    assert_int_equal(route->rate, 0);
    assert_int_equal(route->body_size, 0);
    assert_int_equal(route->allow.count + route->deny.count, 0);
    assert_false(route->strip_prefix);
    assert_int_equal(config->limits.body_size, 0);
    assert_int_equal(config->limits.body_rate, 100);
    assert_int_equal(config->limits.target_size, 8192);
    assert_int_equal(config->limits.requests_per_connection, 0);
    assert_int_equal(config->limits.connections_per_client, 0);
    config_free(config);
}

static void test_a_route_does_one_thing(void **state) {
    (void)state;
    assert_refused(ROUTE("return = 404\nbackend = b"),
                   "t.conf:5: a route has one of backend, redirect and return");
    assert_refused(ROUTE("backend = b\nredirect = /x"),
                   "t.conf:5: a route has one of backend, redirect and return");
    assert_refused(ROUTE("redirect = /x\nreturn = 200"),
                   "t.conf:5: a route has one of backend, redirect and return");
    assert_refused(ROUTE("rate = 5"), "t.conf:3: route '/api/' has no backend, redirect or return");
    assert_refused(ROUTE("return = 404 strip-prefix = yes"),
                   "t.conf:4: strip-prefix goes with a backend");
    assert_refused(LISTEN BACKEND "site a { certificate c { key = k }\n"
                                  "route /api { backend = b\nstrip-prefix = yes } }",
                   "t.conf:5: strip-prefix goes with a prefix that ends with '/'");
}

static void test_forms_of_other_proxies(void **state) {
    (void)state;
    static const char *const lists[] = {"allow", "deny"};
    for (size_t i = 0; i < 2; i++) {
        char text[512];
        char expected[512];
        (void)snprintf(text, sizeof(text), ROUTE("backend = b %s = all"), lists[i]);
        (void)snprintf(expected, sizeof(expected),
                       "t.conf:4: %s must be a network such as 10.0.0.0/8 or 2001:db8::/32, or an "
                       "IP address, not 'all': without allow, all clients may use a route; return "
                       "= 403 refuses all",
                       lists[i]);
        assert_refused(text, expected);
    }
    assert_refused(ROUTE("backend = http://127.0.0.1:9"),
                   "t.conf:4: backend must be a name of letters, digits, '.', '_' and '-', not "
                   "'http://127.0.0.1:9': write backend NAME { server ADDRESS {} }, and its name "
                   "here");
    assert_refused(LISTEN BACKEND
                   "site a { certificate c { key = k }\nroute \"~ ^/a\" { return = 404 } }",
                   "t.conf:4: route must be a path that begins with '/', not '~ ^/a': there are no "
                   "regular expressions");
}

static void test_networks(void **state) {
    (void)state;
    static const char wanted[] = " must be a network such as 10.0.0.0/8 or 2001:db8::/32, or an IP "
                                 "address, not ";
    static const struct {
        const char *value, *why;
    } cases[] = {
        {"10.0.0.1/8", "the address has bits set behind its prefix"},
        {"10.0.0.0/33", "the prefix length is not 0 to 32"},
        {"localhost", "not an IP address (names are not looked up)"},
        {"\"::/129\"", "the prefix length is not 0 to 128"},
        {"\"::ffff:10.0.0.1/104\"", "the address has bits set behind its prefix"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        char expected[512];
        char bare[64];
        size_t quoted = cases[i].value[0] == '"';
        (void)snprintf(bare, sizeof(bare), "%.*s", (int)(strlen(cases[i].value) - 2 * quoted),
                       cases[i].value + quoted);
        (void)snprintf(text, sizeof(text), "trusted-proxies = {192.0.2.1, %s}\n" REST,
                       cases[i].value);
        (void)snprintf(expected, sizeof(expected), "t.conf:1: trusted-proxies%s'%s': %s", wanted,
                       bare, cases[i].why);
        assert_refused(text, expected);
    }
    assert_refused("listen 127.0.0.1:1 {\nproxy-protocol = yes }\n" SITE BACKEND,
                   "t.conf:2: proxy-protocol requires trusted-proxies; list the addresses of your "
                   "load balancers there");
}

static void test_fields(void **state) {
    (void)state;
    static const struct {
        const char *value, *why;
    } cases[] = {
        {"X-A b", "no colon"},
        {": b", "a name has 1 to 64 characters"},
        {"X A: b", "a name has letters, digits and '-'"},
        {"X-A:  ", "a value has 1 to 4096 characters"},
        {"X-A: \xc3\xa4", "a value has visible ASCII characters and spaces"},
        {"Host: a", "Ravelin writes this field itself"},
        {"content-length: 5", "Ravelin writes this field itself"},
        {"Transfer-Encoding: chunked", "Ravelin writes this field itself"},
        {"Connection: close", "Ravelin writes this field itself"},
        {"X-Forwarded-For: 1.2.3.4", "Ravelin writes this field itself"},
        {"X-TLS-Facts: none", "Ravelin writes this field itself"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        char expected[512];
        (void)snprintf(text, sizeof(text),
                       LISTEN BACKEND "site a { certificate c { key = k }\nroute / { backend = b\n"
                                      "request { set-header = {\"%s\"} } } }",
                       cases[i].value);
        (void)snprintf(expected, sizeof(expected),
                       "t.conf:5: set-header must be a header field, \"Name: value\", not '%s': %s",
                       cases[i].value, cases[i].why);
        assert_refused(text, expected);
    }
    assert_refused(ROUTE("backend = b response { remove-header = {A, upgrade} }"),
                   "t.conf:4: remove-header must be the name of a header field, not 'upgrade': "
                   "Ravelin writes this field itself");
}

static void test_fields_of_a_response_have_a_bound(void **state) {
    (void)state;
    char value[2100];
    char text[8192];
    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    static const char form[] =
        LISTEN BACKEND "site a { certificate c { key = k }\nroute / { backend = b\n"
                       "%s { set-header = {\"X-A: %s\", \"X-B: %s\"} } } }";
    (void)snprintf(text, sizeof(text), form, "request", value, value);
    assert_accepted(text);
    (void)snprintf(text, sizeof(text), form, "response", value, value);
    assert_refused(text, "t.conf:4: the set-header of a response has 4212 bytes, at most 4096 fit");
}

static void test_where_to_redirect(void **state) {
    (void)state;
    static const char *const right[] = {"/", "/a?b=c", "https://a.test", "http://[::1]:80/x",
                                        "/a$?b=$"};
    static const char *const wrong[] = {"a",
                                        "https://",
                                        "https:///x",
                                        "ftp://a.test",
                                        "//a.test",
                                        "https://a b",
                                        "/\xc3\xa4",
                                        "javascript:alert(1)",
                                        "https://a.test$request_uri",
                                        "/a/$1",
                                        "https://{host}/"};
    char text[512];
    char error[CONFIG_ERROR_SIZE];
    static const char form[] =
        LISTEN "site a { certificate c { key = k }\nroute / { redirect = \"%s\" } }";
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        (void)snprintf(text, sizeof(text), form, right[i]);
        assert_accepted(text);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        (void)snprintf(text, sizeof(text), form, wrong[i]);
        struct config *config = config_load("t.conf", text, strlen(text), error);
        assert_null(config);
        assert_non_null(strstr(error, "t.conf:3: redirect must be an https:// or http:// URL"));
    }
}

#define BACKEND_WITH(text) LISTEN SITE "backend b { server 127.0.0.1:1 {}\n" text " }\n"

static void test_variables_of_other_proxies_are_no_redirect(void **state) {
    (void)state;
    assert_refused(LISTEN "site a { certificate c { key = k }\n"
                          "route / { redirect = 'https://b.test$request_uri' } }",
                   "t.conf:3: redirect must be an https:// or http:// URL, or a path that begins "
                   "with '/', not 'https://b.test$request_uri': there are no variables; a URL "
                   "without a path keeps the path of the request");
}

static void test_a_redirect_that_keeps_the_rest(void **state) {
    (void)state;
    assert_refused(ROUTE("return = 404\nredirect-rest = yes"),
                   "t.conf:5: redirect-rest requires redirect");
    assert_refused(LISTEN "site a { certificate c { key = k }\n"
                          "route /api { redirect = /x/\nredirect-rest = yes } }",
                   "t.conf:4: redirect-rest requires a prefix that ends with '/'");
    static const char *const targets[] = {"/x", "'https://b.test'", "'https://b.test/x'"};
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text),
                       LISTEN "site a { certificate c { key = k }\n"
                              "route / { redirect = %s\nredirect-rest = yes } }",
                       targets[i]);
        assert_refused(
            text, "t.conf:4: redirect-rest requires a redirect with a path that ends with '/'");
    }
    assert_accepted(LISTEN "site a { certificate c { key = k }\n"
                           "route / { redirect = 'https://b.test/x/' redirect-rest = yes } }");
}

static void test_the_port_of_a_redirect_listener(void **state) {
    (void)state;
    assert_refused("listen 127.0.0.1:1 { https-port = 443 }\n" SITE BACKEND,
                   "t.conf:1: https-port requires protocol = redirect");
    struct config *config =
        load("listen 127.0.0.1:1 { protocol = redirect https-port = 8443 }\n" SITE BACKEND);
    assert_int_equal(config->listeners[0].https_port, 8443);
    config_free(config);
}

static void test_pages(void **state) {
    (void)state;
    assert_refused(ROUTE("backend = b\ntext = x"), "t.conf:5: text, file and type require return");
    assert_refused(ROUTE("return = 200\ntype = 'a/b'"), "t.conf:5: type requires text or file");
    assert_refused(ROUTE("return = 200\ntext = x\nfile = y.txt"),
                   "t.conf:6: a page has text or file, and not both");
    assert_refused(ROUTE("return = 204\ntext = x"),
                   "t.conf:5: a response with the status 204 has no text");
    assert_refused(ROUTE("return = 200\nfile = page"),
                   "t.conf:5: the file name does not tell the type of the page; add type, as in "
                   "type = \"text/html\"");
    assert_refused(ROUTE("return = 200\ntext = x type = html"),
                   "t.conf:5: type must be a media type such as \"text/html; charset=utf-8\", not "
                   "'html'");
    struct config *config = load(ROUTE("return = 200 file = 'x.html'"));
    assert_string_equal(config->sites[0].routes[0].page.file, "/etc/x.html");
    assert_string_equal(config->sites[0].routes[0].page.type, "text/html; charset=utf-8");
    config_free(config);
    config = load(ROUTE("return = 200 file = x type = 'image/png;a=\"b\"'"));
    assert_string_equal(config->sites[0].routes[0].page.type, "image/png;a=\"b\"");
    config_free(config);
}

#define ERROR_PAGE(text)                                                                           \
    LISTEN "site a { certificate c { key = k } route / { return = 404 }\n" text " }\n"

static void test_error_pages(void **state) {
    (void)state;
    assert_refused(ERROR_PAGE("error-page 399 { text = x }"),
                   "t.conf:3: error-page must be a number from 400 to 599, not '399'");
    assert_refused(ERROR_PAGE("error-page 600 { text = x }"),
                   "t.conf:3: error-page must be a number from 400 to 599, not '600'");
    assert_refused(ERROR_PAGE("error-page 502 {}"), "t.conf:3: an error-page has text or file");
    assert_refused(ERROR_PAGE("error-page 502 { text = x }\nerror-page 502 { text = y }"),
                   "t.conf:4: duplicate error-page '502', first on line 3");
    struct config *config =
        load(ERROR_PAGE("error-page 400 { text = x } error-page 599 { text = y }"));
    assert_int_equal(config->sites[0].error_page_count, 2);
    assert_int_equal(config->sites[0].error_pages[1].status, 599);
    config_free(config);
}

// At, below and above the bound.
static void test_how_long_a_text_may_be(void **state) {
    (void)state;
    char text[9000];
    char config_text[9500];
    for (size_t size = 8191; size <= 8193; size++) {
        char error[CONFIG_ERROR_SIZE];
        memset(text, 'x', size);
        text[size] = '\0';
        (void)snprintf(config_text, sizeof(config_text), ROUTE("return = 200 text = %s"), text);
        struct config *config = config_load("t.conf", config_text, strlen(config_text), error);
        assert_int_equal(config != NULL, size <= 8192);
        config_free(config);
    }
}

static void test_what_is_hashed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum hash_by what;
        const char *name;
    } cases[] = {
        {BACKEND_WITH("balance = hash"), HASH_BY_CLIENT, NULL},
        {BACKEND_WITH("balance = hash hash-by = client"), HASH_BY_CLIENT, NULL},
        {BACKEND_WITH("hash-by = path balance = hash"), HASH_BY_PATH, NULL},
        {BACKEND_WITH("balance = hash hash-by = header X-User"), HASH_BY_HEADER, "X-User"},
        {BACKEND_WITH("balance = hash hash-by=cookie \t id # a comment\n"), HASH_BY_COOKIE, "id"},
        {BACKEND_WITH("balance = hash hash-by = \"header X-User\""), HASH_BY_HEADER, "X-User"},
        {BACKEND_WITH("balance = hash 'hash-by' = 'cookie  id'"), HASH_BY_COOKIE, "id"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = load(cases[i].text);
        const struct config_backend *backend = &config->backends[0];
        assert_int_equal(backend->balance, BALANCE_HASH);
        assert_int_equal(backend->hash_by.what, cases[i].what);
        assert_int_equal(backend->hash_by.name == NULL, cases[i].name == NULL);
        if (cases[i].name != NULL) {
            assert_string_equal(backend->hash_by.name, cases[i].name);
        }
        config_free(config);
    }
}

static void test_what_cannot_be_hashed(void **state) {
    (void)state;
    static const char wanted[] =
        "t.conf:4: hash-by must be client, path, header NAME or cookie NAME, not '%s'%s";
    static const struct {
        const char *text, *value, *why;
    } cases[] = {
        {BACKEND_WITH("balance = hash hash-by = query"), "query", ""},
        {BACKEND_WITH("balance = hash hash-by = 'path /a'"), "path /a", ""},
        {BACKEND_WITH("balance = hash hash-by = header"), "header",
         ": a name has 1 to 64 characters"},
        {BACKEND_WITH("balance = hash hash-by = 'cookie a b'"), "cookie a b",
         ": a name has letters, digits and '-'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char error[256];
        (void)snprintf(error, sizeof(error), wanted, cases[i].value, cases[i].why);
        assert_refused(cases[i].text, error);
    }
    assert_refused(BACKEND_WITH("hash-by = client"), "t.conf:4: hash-by requires balance = hash");
    assert_refused(BACKEND_WITH("balance = hash hash-by = header tls-facts = yes"),
                   "t.conf:4: unexpected '='");
}

// A check without a path has no title; libconfuse must see one.
static void test_checks(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *path;
        uint32_t interval_ms;
    } cases[] = {
        {BACKEND_WITH("health /healthz {}"), "/healthz", 5000},
        {BACKEND_WITH("health /healthz { interval = 100ms }"), "/healthz", 100},
        {BACKEND_WITH("health '/a?b=c' {}"), "/a?b=c", 5000},
        {BACKEND_WITH("health {}"), "tcp", 5000},
        {BACKEND_WITH("health{ interval = 1s }"), "tcp", 1000},
        {BACKEND_WITH("health # a comment\n {}"), "tcp", 5000},
        {BACKEND_WITH("health tcp {}"), "tcp", 5000},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = load(cases[i].text);
        assert_int_equal(config->backends[0].health_count, 1);
        const struct config_health *health = &config->backends[0].health[0];
        assert_string_equal(health->path, cases[i].path);
        assert_int_equal(health->interval_ms, cases[i].interval_ms);
        config_free(config);
    }
    // In quotes it is a text.
    struct config *config = load(BACKEND_WITH("health / { expect = 'a health { b' }"));
    assert_string_equal(config->backends[0].health[0].expect, "a health { b");
    config_free(config);
    char error[CONFIG_ERROR_SIZE];
    const char *text = BACKEND_WITH("health healthz {}");
    assert_null(config_load("t.conf", text, strlen(text), error));
    assert_string_equal(error, "t.conf:4: health must be a path that begins with '/'; without "
                               "one: a connection is enough, not 'healthz'");
    text = BACKEND_WITH("health {} health / {}");
    assert_null(config_load("t.conf", text, strlen(text), error));
    assert_string_equal(error, "t.conf:4: duplicate section 'health', first on line 4");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_a_route_with_everything),
        cmocka_unit_test(test_what_is_not_said),
        cmocka_unit_test(test_a_redirect_that_keeps_the_rest),
        cmocka_unit_test(test_the_port_of_a_redirect_listener),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_error_pages),
        cmocka_unit_test(test_how_long_a_text_may_be),
        cmocka_unit_test(test_what_is_hashed),
        cmocka_unit_test(test_what_cannot_be_hashed),
        cmocka_unit_test(test_a_route_does_one_thing),
        cmocka_unit_test(test_forms_of_other_proxies),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_fields_of_a_response_have_a_bound),
        cmocka_unit_test(test_where_to_redirect),
        cmocka_unit_test(test_variables_of_other_proxies_are_no_redirect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
