// What the title of a server may be, and the DNS servers of resolv.conf.
#include "config/server_title.h"

#include "config/resolv_conf.h"
#include "config_text.h"

static void free_server(struct config_server *server) {
    free(server->text);
    free(server->host);
}

static void test_titles(void **state) {
    (void)state;
    static const struct {
        const char *title, *text, *host;
        uint16_t port;
    } cases[] = {
        {"127.0.0.1:9000", "127.0.0.1:9000", NULL, 0},
        {"[::0001]:9000", "[::1]:9000", NULL, 0},
        {"unix:/run/app.sock", "unix:/run/app.sock", NULL, 0},
        {"unix:/run/a:b", "unix:/run/a:b", NULL, 0},
        {"app.internal:8000", "app.internal:8000", "app.internal", 8000},
        {"App.Internal.:08000", "app.internal:8000", "app.internal", 8000},
        {"app:1", "app:1", "app", 1},
        {"my_app-2:65535", "my_app-2:65535", "my_app-2", 65535},
        {"10.example:80", "10.example:80", "10.example", 80},
        {"app2:80", "app2:80", "app2", 80},
        {"srv:_http._tcp.App.internal", "srv:_http._tcp.app.internal", "_http._tcp.app.internal",
         0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_server server = {.weight = 1};
        char scratch[128];
        assert_null(server_title_parse(cases[i].title, &server, scratch));
        assert_string_equal(server.text, cases[i].text);
        assert_int_equal(server.host == NULL, cases[i].host == NULL);
        assert_int_equal(server.address.size == 0, cases[i].host != NULL);
        if (cases[i].host != NULL) {
            assert_string_equal(server.host, cases[i].host);
        }
        assert_int_equal(server.port, cases[i].port);
        free_server(&server);
    }
}

static void test_what_is_no_title(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"", "no address"},
        {"app.internal", "no port; write app.internal:80 for port 80"},
        {"app.internal:", "the port is not 1 to 65535"},
        {"app.internal:0", "the port is not 1 to 65535"},
        {"app.internal:65536", "the port is not 1 to 65535"},
        {"app.internal:80/path", "the port is not 1 to 65535"},
        {"app.internal:http", "the port is not 1 to 65535"},
        {"http://app.internal:80",
         "write the address or name with its port alone; servers receive plain HTTP"},
        {"https://127.0.0.1:80/",
         "write the address or name with its port alone; servers receive plain HTTP"},
        {"localhost:80", "write 127.0.0.1 or [::1] for this machine"},
        {"app.localhost:80", "write 127.0.0.1 or [::1] for this machine"},
        {"10.0.0.300:80", "not an IPv4 address"},
        {"10.0.0.1", "no port"},
        {"1:80", "not an IPv4 address"},
        {"::1:80", "an IPv6 address must be in brackets"},
        {"app..internal:80", "a part between dots is empty"},
        {"-app:80", "a part between dots begins or ends with '-'"},
        {"app internal:80", "only letters, digits, '-', '_' and dots"},
        {"srv:_http._tcp.app.internal:80", "no port: SRV records have the ports"},
        {"srv:app.internal", "the name of SRV records is _SERVICE._PROTOCOL.NAME"},
        {"srv:_http.app.internal", "the name of SRV records is _SERVICE._PROTOCOL.NAME"},
        {"srv:_http._tcp", "the name of SRV records is _SERVICE._PROTOCOL.NAME"},
        {"srv:", "the name of SRV records is _SERVICE._PROTOCOL.NAME"},
        {"unix:app.sock", "a unix path must be absolute"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config_server server = {.weight = 1};
        char scratch[128];
        const char *why = server_title_parse(cases[i][0], &server, scratch);
        assert_non_null(why);
        assert_string_equal(why, cases[i][1]);
        assert_null(server.text);
        assert_null(server.host);
    }
    char title[400];
    char scratch[128];
    struct config_server server = {.weight = 1};
    memset(title, 'a', sizeof(title));
    (void)snprintf(title + 300, 20, ":80");
    assert_non_null(server_title_parse(title, &server, scratch));
}

// The same name in another form is the same server.
static void test_names_are_compared_in_lower_case(void **state) {
    (void)state;
    assert_refused(LISTEN SITE "backend b { server app.test:80 {} server APP.test:80 {} }\n",
                   "t.conf:3: duplicate server 'app.test:80', first on line 3");
    assert_accepted(LISTEN SITE "backend b { server app.test:80 {} server app.test:81 {} }\n");
}

// --- resolv.conf ---

static void test_the_servers_of_resolv_conf(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *servers[4];
    } cases[] = {
        {"nameserver 10.0.0.53\n", {"10.0.0.53:53"}},
        {"# comment\nsearch a b\nnameserver\t10.0.0.53\r\nnameserver  ::1  # x\noptions ndots:5",
         {"10.0.0.53:53", "[::1]:53"}},
        {"nameserver 1.1.1.1\nnameserver 2.2.2.2", {"1.1.1.1:53", "2.2.2.2:53"}},
        {"", {NULL}},
        {"nameserver\n nameserver 1.1.1.1\nnameserverx 1.1.1.1\nnameserver fe80::1%eth0\n",
         {"1.1.1.1:53"}},
        {"; nameserver 1.1.1.1\nnameserver dns.test\nnameserver 1.1.1\n", {NULL}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct address servers[RESOLV_CONF_SERVERS_MAX];
        size_t count = resolv_conf_parse(slice_from(cases[i].text), servers);
        for (size_t k = 0; k < count; k++) {
            char text[ADDRESS_TEXT_SIZE];
            address_format(&servers[k], text);
            assert_non_null(cases[i].servers[k]);
            assert_string_equal(text, cases[i].servers[k]);
        }
        assert_null(cases[i].servers[count]);
    }
}

static void test_more_resolvers_than_are_used(void **state) {
    (void)state;
    char text[1024] = "";
    struct address servers[RESOLV_CONF_SERVERS_MAX];
    for (int i = 0; i < RESOLV_CONF_SERVERS_MAX + 2; i++) {
        (void)snprintf(text + strlen(text), 40, "nameserver 10.0.0.%d\n", i);
    }
    assert_int_equal(resolv_conf_parse(slice_from(text), servers), RESOLV_CONF_SERVERS_MAX);
}

// --- The option ---

static void test_resolvers(void **state) {
    (void)state;
    struct config *config = load("resolver = {10.0.0.53, 127.0.0.1:5353, ::1, [::1]:5353}\n" REST);
    static const char *const expected[] = {"10.0.0.53:53", "127.0.0.1:5353", "[::1]:53",
                                           "[::1]:5353"};
    assert_int_equal(config->resolvers.count, 4);
    for (size_t i = 0; i < 4; i++) {
        char text[ADDRESS_TEXT_SIZE];
        address_format(&config->resolvers.items[i], text);
        assert_string_equal(text, expected[i]);
    }
    assert_false(config_uses_system_resolver(config));
    config_free(config);
    static const char *const systems[] = {REST, "resolver = system\n" REST};
    for (size_t i = 0; i < 2; i++) {
        config = load(systems[i]);
        assert_true(config_uses_system_resolver(config));
        assert_false(config_has_names(config));
        config_free(config);
    }
}

static void test_places(void **state) {
    (void)state;
    struct config *config = load(LISTEN SITE "backend b { server 127.0.0.1:1 {}\n"
                                             "server app.test:1 { addresses = 5 } }\n"
                                             "backend c { server 127.0.0.1:1 {} }\n");
    assert_int_equal(config_backend_places(&config->backends[0]), 6);
    assert_true(config_backend_has_names(&config->backends[0]));
    assert_false(config_backend_has_names(&config->backends[1]));
    assert_true(config_has_names(config));
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_titles),
        cmocka_unit_test(test_what_is_no_title),
        cmocka_unit_test(test_names_are_compared_in_lower_case),
        cmocka_unit_test(test_the_servers_of_resolv_conf),
        cmocka_unit_test(test_more_resolvers_than_are_used),
        cmocka_unit_test(test_resolvers),
        cmocka_unit_test(test_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
