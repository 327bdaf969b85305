// What is said about options that do not exist: names of other proxies, and how reading goes on
// behind them.
#include "config/foreign.h"
#include "config/options.h"
#include "config_text.h"

#include <ctype.h>

struct refusal {
    const char *text;
    const char *error;
};

static void check_all(const struct refusal *refusals, size_t count) {
    for (size_t i = 0; i < count; i++) {
        assert_refused(refusals[i].text, refusals[i].error);
    }
}

#define CHECK_ALL(refusals) check_all((refusals), sizeof(refusals) / sizeof((refusals)[0]))

static void test_options_of_other_proxies_get_a_reason(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"tls {\n ssl-protocols = { TLSv1, TLSv1.2 } }\n" REST,
         "t.conf:2: unknown option 'ssl-protocols' in tls: "
         "there is nothing weaker than TLS 1.3 to choose"},
        {"\nSSLProtocol = all\n" REST,
         "t.conf:2: unknown option 'SSLProtocol': there is nothing weaker than TLS 1.3 to choose"},
        {"ssl_early_data on;\n" REST, "t.conf:1: unknown option 'ssl_early_data': "
                                      "there is no 0-RTT, because early data can be replayed"},
        {LISTEN SITE "backend b {\n proxy_ssl_verify = off }",
         "t.conf:4: unknown option 'proxy_ssl_verify' in backend: "
         "servers are spoken to in plain text, so there is no TLS to set up"},
        {"ciphers { a = b }\n" REST,
         "t.conf:1: unknown option 'ciphers': "
         "the three suites are AEAD with forward secrecy, and not a choice"},
        // Of nginx, HAProxy, hitch and Caddy.
        {"error_page 502 /x.html\n" REST,
         "t.conf:1: unknown option 'error_page': write error-page STATUS { file = FILE } in the "
         "site"},
        {"server { }\n" REST, "t.conf:1: unknown option 'server': write site HOST { ... }, or "
                              "server ADDRESS {} in a backend"},
        {"log_format = a\n" REST,
         "t.conf:1: unknown option 'log_format': write access-log-format = json or combined, and "
         "access-log-fields"},
        {"timeout client 30s\n" REST,
         "t.conf:1: unknown option 'timeout': write idle-timeout in limits, or response-timeout in "
         "the backend"},
        {"option forwardfor\n" REST,
         "t.conf:1: unknown option 'option': X-Forwarded-For, kept connections and the log need no "
         "such option"},
        {"write-proxy-v2 = on\n" REST,
         "t.conf:1: unknown option 'write-proxy-v2': write send-proxy-protocol = v1 or v2 in the "
         "backend"},
        {"redir = /\n" REST, "t.conf:1: unknown option 'redir': write redirect = URL in a route"},
        {"a.test {\n}\n" REST,
         "t.conf:1: unknown option 'a.test': for a host, write site HOST { ... }"},
        {"tls { server = a }\n" REST,
         "t.conf:1: unknown option 'server' in tls; it belongs in backend"},
        {"limits { request-timeout = 1s }\n" REST,
         "t.conf:1: unknown option 'request-timeout' in limits; it belongs in backend or route"},
        {"limits { workers = 1 }\n" REST,
         "t.conf:1: unknown option 'workers' in limits; it belongs outside of all braces"},
    };
    CHECK_ALL(refusals);
}

// As a person types them who knows another proxy.
static void test_forms_of_other_proxies(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"listen 443 ssl http2;\n", "t.conf:1: expected '{' after 'listen'; write listen ADDRESS { "
                                    "... }: TLS and HTTP/2 are on by default"},
        {"frontend web\nbind :443 ssl crt /etc/x.pem\n",
         "t.conf:1: unknown option 'frontend': write listen ADDRESS:PORT {}, as in listen "
         "0.0.0.0:443 {}\n"
         "t.conf:2: unknown option 'bind': write listen ADDRESS:PORT {}, as in listen 0.0.0.0:443 "
         "{}"},
        {"backend app\nserver s1 127.0.0.1:2 check\n",
         "t.conf:2: expected '{' after 'backend'; write backend NAME { ... }, with server ADDRESS "
         "{} in it"},
        {"backend = \"[127.0.0.1]:6081\"\n",
         "t.conf:1: expected a name or address after 'backend'; write backend NAME { ... }, with "
         "server ADDRESS {} in it"},
        {"frontend = { host = a }\n", "t.conf:1: unknown option 'frontend': write listen "
                                      "ADDRESS:PORT {}, as in listen 0.0.0.0:443 {}"},
        {"pem-file = a.pem\n",
         "t.conf:1: unknown option 'pem-file': write certificate FILE { key = "
         "FILE } in the site"},
        {"[https]\nconnect = 80\n",
         "t.conf:1: unknown option '[https]'; sections have braces, as in listen ADDRESS { ... }\n"
         "t.conf:2: unknown option 'connect': write backend NAME { server ADDRESS {} }, and "
         "backend "
         "= NAME in a route"},
        {"site a.test {\ncertificate a.pem\nroute / {} }\n",
         "t.conf:3: expected '{' after 'certificate'; write certificate FILE { ... }, with key = "
         "FILE in it"},
        {"site a.test {\nerror-page 502 /x\n}\n",
         "t.conf:2: expected '{' after 'error-page'; write error-page STATUS { ... }, with file = "
         "FILE in it"},
        {"site a.test {\nroute ~ ^/a {}\n}\n",
         "t.conf:2: expected '{' after 'route'; write route PREFIX { ... }, with a prefix and no "
         "regular expression"},
        {"site a.test {\nroute = /a {}\n}\n",
         "t.conf:2: expected a name or address after 'route'; write route PREFIX { ... }, with a "
         "prefix and no regular expression"},
    };
    CHECK_ALL(refusals);
}

static void test_the_table_of_foreign_names(void **state) {
    (void)state;
    size_t count = 0;
    for (const char *name; (name = foreign_name_at(count)) != NULL; count++) {
        char upper[64];
        size_t size = 0;
        for (const char *at = name; *at != '\0'; at++) {
            upper[size++] = (char)(*at == '-' ? '_' : toupper((unsigned char)*at));
        }
        upper[size] = '\0';
        const char *reason = foreign_reason(name);
        assert_non_null(reason);
        assert_ptr_equal(foreign_reason(upper), reason);
        assert_in_range(strlen(reason), 10, FOREIGN_REASON_MAX - 1);
        // What is an option at the top must not be explained away.
        assert_null(option_find(SECTION_TOP, name));
        for (size_t i = 0; i < count; i++) {
            assert_string_not_equal(foreign_name_at(i), name);
        }
    }
    assert_in_range(count, 200, 400);
    assert_null(foreign_reason(""));
    assert_null(foreign_reason("-"));
    assert_null(foreign_reason("ssl-protocol-x"));
    assert_null(foreign_reason("zzzzzz"));
}

static void test_reading_goes_on_behind_an_unknown_option(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"a = 1 b { c { } d = '}' } e f { } g \"h\" i\nj = {1, 2} workers = 0\nk",
         "t.conf:1: unknown option 'a'\n"
         "t.conf:1: unknown option 'b'\n"
         "t.conf:1: unknown option 'e'\n"
         "t.conf:1: unknown option 'g'\n"
         "t.conf:2: unknown option 'j'\n"
         "t.conf:2: workers must be auto, or a number from 1 to 256, not '0'\n"
         "t.conf:3: unknown option 'k'"},
        // What is missing, or refers to what was not read, is not told of such a text.
        {"site a.test { wrong = 1 route / { backend = none } }\nuser www;\nbakend x { }\n",
         "t.conf:1: unknown option 'wrong' in site\n"
         "t.conf:2: expected '=' after 'user'; write user = VALUE\n"
         "t.conf:3: unknown option 'bakend'; did you mean 'backend'?"},
        {"wrong = \"wrong\" wrong = 1\n{\n",
         "t.conf:2: the '{' of this line is still open at the end of the file"},
        {"wrong = 1\n= 2\nwrong = 3\n", "t.conf:1: unknown option 'wrong'\n"
                                        "t.conf:2: unexpected '='"},
        {"auth_basic = a\nproxy_cache = b\nstub_status = c\n",
         "t.conf:1: unknown option 'auth_basic': write users = FILE in the site or a route; "
         "htpasswd -B writes such a file\n"
         "t.conf:2: unknown option 'proxy_cache': Ravelin does not cache; a cache behind it can\n"
         "t.conf:3: unknown option 'stub_status': write admin 127.0.0.1:9901 {}, or run 'ravelin "
         "status'"},
        {"http {\n server {\n listen 443 ssl;\n }\n}\nworkers = 2;\nlog = '/a;b';\nuser = u; "
         "log-level = x ;\n",
         "t.conf:1: unknown option 'http': nothing is around sites and listeners; 'ravelin import "
         "nginx "
         "FILE' translates a file\n"
         "t.conf:6: a ';' at the end of an option; leave it out\n"
         "t.conf:7: a ';' at the end of an option; leave it out\n"
         "t.conf:8: a ';' at the end of an option; leave it out\n"
         "t.conf:8: unknown option ';'; an option ends without a ';'\n"
         "t.conf:8: log-level must be error, warning, info or debug, not 'x'"},
    };
    CHECK_ALL(refusals);
    assert_accepted("log = '/a;b'\naccess-log = /a;b\n" REST);
}

static void test_how_many_unknown_options_are_told(void **state) {
    (void)state;
    char text[1024] = "";
    char error[CONFIG_ERROR_SIZE];
    for (int i = 0; i < 30; i++) {
        (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "x%d = 1\n", i);
    }
    assert_null(config_load("t.conf", text, strlen(text), error));
    assert_non_null(strstr(error, "t.conf:20: unknown option 'x19'"));
    assert_null(strstr(error, "x20"));
}

static void test_servers_have_addresses_and_no_urls(void **state) {
    (void)state;
    assert_refused(LISTEN SITE "backend b { server http://127.0.0.1:9000 {} }",
                   "t.conf:3: server must be an address such as 127.0.0.1:9000, [::1]:9000 or "
                   "unix:/run/app.sock, or a name such as app.internal:9000 or "
                   "srv:_http._tcp.app.internal, not 'http://127.0.0.1:9000': write the address or "
                   "name with its port alone; servers receive plain HTTP");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_of_other_proxies_get_a_reason),
        cmocka_unit_test(test_forms_of_other_proxies),
        cmocka_unit_test(test_the_table_of_foreign_names),
        cmocka_unit_test(test_reading_goes_on_behind_an_unknown_option),
        cmocka_unit_test(test_how_many_unknown_options_are_told),
        cmocka_unit_test(test_servers_have_addresses_and_no_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
