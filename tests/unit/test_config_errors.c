// What is said about a configuration that is wrong: which line, and what.
#include "config/suggest.h"
#include "config/text.h"
#include "config_text.h"

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

static void test_unknown_names_get_the_nearest_right_one(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"\nworker = 2\n" REST, "t.conf:2: unknown option 'worker'; did you mean 'workers'?"},
        {"tsl {}\n", "t.conf:1: unknown option 'tsl'; did you mean 'tls'?"},
        {"backend b {\n server 1.1.1.1:1 {\n wieght = 1 } }",
         "t.conf:3: unknown option 'wieght' in server; did you mean 'weight'?"},
        {"site a {\n certficate a { key = b } }",
         "t.conf:2: unknown option 'certficate' in site; did you mean 'certificate'?"},
        {"tls { log = stderr }",
         "t.conf:1: unknown option 'log' in tls; it belongs outside of all braces"},
        {"weight = 2", "t.conf:1: unknown option 'weight'; it belongs in server"},
        {"zzzzzz = 2", "t.conf:1: unknown option 'zzzzzz'"},
        {"Workers = 2", "t.conf:1: unknown option 'Workers'; did you mean 'workers'?"},
    };
    CHECK_ALL(refusals);
}

static void test_a_balance_that_does_not_exist(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {LISTEN SITE "backend b { server 1.1.1.1:1 {}\n balance = least }",
         "t.conf:4: balance must be round-robin, least-connections, random-two or hash, not "
         "'least'"},
    };
    CHECK_ALL(refusals);
}

static void test_headers_that_no_log_may_have(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"access-log-request-headers = {X-A, Cookie}\n" REST,
         "t.conf:1: access-log-request-headers must be the name of a header field, not 'Cookie': "
         "it has passwords or session tokens, which no log may have"},
        {"access-log-request-headers = authorization\n" REST,
         "t.conf:1: access-log-request-headers must be the name of a header field, not "
         "'authorization': it has passwords or session tokens, which no log may have"},
        {"access-log-request-headers = Proxy_Authorization\n" REST,
         "t.conf:1: access-log-request-headers must be the name of a header field, not "
         "'Proxy_Authorization': it has passwords or session tokens, which no log may have"},
        {"access-log-response-headers = Set-Cookie\n" REST,
         "t.conf:1: access-log-response-headers must be the name of a header field, not "
         "'Set-Cookie': it has passwords or session tokens, which no log may have"},
        {"access-log-response-headers = 'a b'\n" REST,
         "t.conf:1: access-log-response-headers must be the name of a header field, not 'a b': "
         "a name has letters, digits and '-'"},
        {"access-log-request-headers = {X-A,\nx-a}\n" REST,
         "t.conf:2: duplicate request header 'x-a', first on line 1"},
    };
    CHECK_ALL(refusals);
}

static void test_values_that_an_option_does_not_take(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"\nworkers = many\n" REST,
         "t.conf:2: workers must be auto, or a number from 1 to 256, not 'many': "
         "a whole number without a unit"},
        {"workers = 0\n" REST,
         "t.conf:1: workers must be auto, or a number from 1 to 256, not '0'"},
        {"workers = 99999999999999999999\n" REST,
         "t.conf:1: workers must be auto, or a number from 1 to "
         "256, not '99999999999999999999': too large"},
        {"log-level = warn\n" REST,
         "t.conf:1: log-level must be error, warning, info or debug, not 'warn'"},
        {"access-log-fields = {time, stat}\n" REST,
         "t.conf:1: access-log-fields must be a field of the access log, not 'stat': "
         "did you mean 'status'? The fields are time, client, client_port, client_unread, user, "
         "site, "
         "method, target, host, protocol, status, request_bytes, response_bytes, referer, "
         "user_agent, request_id, traceparent, backend, server, server_reused, duration_us, "
         "connect_us, response_us, tls, ended, tls_version, tls_group, tls_suite, tls_resumed, "
         "tls_sni, tls_client_certificate"},
        {"access-log-fields = {time,\ntime}\n" REST,
         "t.conf:2: access-log-fields must be a field of the access log, not 'time': "
         "it is in the list already"},
        {"access-log-fields = {time, traceparent}\n" REST,
         "t.conf:1: the field 'traceparent' in access-log-fields requires request-id = yes"},
        {"access-log-format = jsno\n" REST, "t.conf:1: access-log-format must be json, combined or "
                                            "combined-reason, not 'jsno': did you mean 'json'?"},
        {"log = stdeer\n" REST, "t.conf:1: log must be stderr, syslog, journal or a file, not "
                                "'stdeer': did you mean 'stderr'?"},
        {"log = off\n" REST,
         "t.conf:1: log must be stderr, syslog, journal or a file, not 'off': a file is "
         "written with a '/' or a '.'"},
        {"user = 'a:b'\n" REST,
         "t.conf:1: user must be a name of letters, digits, '.', '_' and '-', not 'a:b'"},
        {"trusted-proxies = {\n10.0.0.0/8, ::/0 }\n" REST,
         "t.conf:2: trusted-proxies must not be everybody: then any client says who it is"},
        {"\nuser = root\n" REST, "t.conf:2: user must not be root: workers talk to clients, and "
                                 "need none of its rights"},
        {"tls { require-post-quantum = maybe }\n" REST,
         "t.conf:1: require-post-quantum must be yes or no, not 'maybe'"},
        {"tls { ticket-lifetime = 90500ms }\n" REST,
         "t.conf:1: ticket-lifetime must be 0, or a time from 1m to 1d, not '90500ms': whole "
         "seconds only"},
        {"limits {\n idle-timeout = 5 }\n" REST,
         "t.conf:2: idle-timeout must be a time from 100ms to 1d, not '5': "
         "a time is a whole number with a unit, ms, s, m, h or d"},
        {"limits { idle-timeout = 0 }\n" REST,
         "t.conf:1: idle-timeout must be a time from 100ms to 1d, not '0'"},
        {"limits { header-size = 16kb }\n" REST,
         "t.conf:1: header-size must be a size from 1k to 64k, not '16kb': "
         "a whole number of bytes, or one with k, m or g"},
    };
    CHECK_ALL(refusals);
}

#define SERVER_MUST_BE                                                                             \
    "t.conf:3: server must be an address such as 127.0.0.1:9000, [::1]:9000 or "                   \
    "unix:/run/app.sock, or a name such as app.internal:9000 or srv:_http._tcp.app.internal, "

static void test_addresses(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"listen 8443 {}\n" SITE BACKEND, "t.conf:1: listen must be an address such as "
                                          "0.0.0.0:8443 or [::]:8443, not '8443': a port has an "
                                          "address before it, as in 0.0.0.0:443"},
        {"listen '*:8443' {}\n" SITE BACKEND,
         "t.conf:1: listen must be an address such as 0.0.0.0:8443 or [::]:8443, not '*:8443': "
         "use 0.0.0.0 for every IPv4 address, [::] for every IPv6 address"},
        {"listen *:8443 {}\n" SITE BACKEND,
         "t.conf:1: '*' is not an address; write 0.0.0.0 for all of IPv4, or [::] for all of IPv6"},
        {"listen 0.0.0.0:0 {}\n" SITE BACKEND,
         "t.conf:1: listen must be an address such as 0.0.0.0:8443 or [::]:8443, not '0.0.0.0:0': "
         "no port 0"},
        {"listen unix:/run/a {}\n" SITE BACKEND, "t.conf:1: listen must be an address such as "
                                                 "0.0.0.0:8443 or [::]:8443, not 'unix:/run/a': "
                                                 "clients come over TCP"},
        {"admin 192.0.2.1:9901 {}\n" REST,
         "t.conf:1: admin must be 127.0.0.1:9901, another loopback address, or unix:/path, not "
         "'192.0.2.1:9901': other machines could reach it; use 127.0.0.1, [::1] or unix:/path"},
        {"admin 0.0.0.0:9901 {}\n" REST,
         "t.conf:1: admin must be 127.0.0.1:9901, another loopback address, or unix:/path, not "
         "'0.0.0.0:9901': other machines could reach it; use 127.0.0.1, [::1] or unix:/path"},
        {"admin [::]:9901 {}\n" REST,
         "t.conf:1: admin must be 127.0.0.1:9901, another loopback address, or unix:/path, not "
         "'[::]:9901': other machines could reach it; use 127.0.0.1, [::1] or unix:/path"},
        {"admin localhost:9901 {}\n" REST,
         "t.conf:1: admin must be 127.0.0.1:9901, another loopback address, or unix:/path, not "
         "'localhost:9901': not an IPv4 address"},
        {"admin unix:run/a {}\n" REST,
         "t.conf:1: admin must be 127.0.0.1:9901, another loopback address, or unix:/path, not "
         "'unix:run/a': a unix path must be absolute"},
        {LISTEN SITE "backend b { server app.local {} }",
         SERVER_MUST_BE "not 'app.local': no port; write app.local:80 for port 80"},
        {LISTEN SITE "backend b { server 10.0.0.300:80 {} }",
         SERVER_MUST_BE "not '10.0.0.300:80': not an IPv4 address"},
        {LISTEN SITE "backend b { server [::1]:0 {} }", SERVER_MUST_BE "not '[::1]:0': no port 0"},
        {LISTEN SITE "backend b { server 127.0.0.1:80 { addresses = 3 } }",
         "t.conf:3: server '127.0.0.1:80' is one address: addresses goes with a name"},
        {"resolver = {10.0.0.53, system}\n" LISTEN SITE BACKEND,
         "t.conf:1: resolver is either system or a list of addresses"},
        {"resolver = unix:/run/a\n" LISTEN SITE BACKEND,
         "t.conf:1: resolver must be system, or an address such as 10.0.0.53:53 or [::1]:53, not "
         "'unix:/run/a': not a unix socket"},
        {"resolver = dns.test\n" LISTEN SITE BACKEND,
         "t.conf:1: resolver must be system, or an address such as 10.0.0.53:53 or [::1]:53, not "
         "'dns.test': no port"},
    };
    CHECK_ALL(refusals);
}

static void test_host_names(void **state) {
    (void)state;
    static const struct refusal cases[] = {
        {"-a.test", "a part between dots begins or ends with '-'"},
        {"a..test", "a part between dots is empty"},
        {"a/b", "only letters, digits, '-', '_' and dots"},
        {"a.test:443", "only letters, digits, '-', '_' and dots"},
        {"1.2.3", "not an IP address"},
        {"1.2.3.256", "not an IP address"},
        {"'a*.test'", "only letters, digits, '-', '_' and dots"},
        {"'*.*.test'", "only letters, digits, '-', '_' and dots"},
        {"[1.2.3.4]", "only letters, digits, '-', '_' and dots"},
        {"a123456789b123456789c123456789d123456789e123456789f123456789g123",
         "a part between dots is longer than 63"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        char error[512];
        int quoted = cases[i].text[0] == '\'';
        (void)snprintf(text, sizeof(text),
                       LISTEN "site b.test { aliases = %s\n certificate a { key = k }"
                              " route / { backend = b } }" BACKEND,
                       cases[i].text);
        (void)snprintf(
            error, sizeof(error),
            "t.conf:2: aliases must be a host name, an IP address, \"*.suffix\" or \"*\", not "
            "'%.*s': %s",
            (int)strlen(cases[i].text) - 2 * quoted, cases[i].text + quoted, cases[i].error);
        assert_refused(text, error);
    }
    assert_refused(LISTEN
                   "site '*.test' { certificate a { key = k } route / { backend = b } }" BACKEND,
                   "t.conf:2: site must be a host name or an IP address, not '*.test': "
                   "patterns go into aliases");
}

static void test_route_prefixes(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {LISTEN "site a { certificate a { key = k } route api { backend = b } }" BACKEND,
         "t.conf:2: route must be a path that begins with '/', not 'api'"},
        {LISTEN "site a { certificate a { key = k } route '/a?b' { backend = b } }" BACKEND,
         "t.conf:2: route must be a path that begins with '/', not '/a?b': "
         "it is compared with decoded paths: no '?', '#', '%', ';', backslash or space, and ASCII "
         "only"},
        {LISTEN "site a { certificate a { key = k } route '/a%20b/' { backend = b } }" BACKEND,
         "t.conf:2: route must be a path that begins with '/', not '/a%20b/': "
         "it is compared with decoded paths: no '?', '#', '%', ';', backslash or space, and ASCII "
         "only"},
        {LISTEN "site a { certificate a { key = k } route '/a/../b' { backend = b } }" BACKEND,
         "t.conf:2: route must be a path that begins with '/', not '/a/../b': "
         "it is compared with resolved paths: no empty segment, no '.' or '..'"},
        {LISTEN "site a { certificate a { key = k } route '/a//' { backend = b } }" BACKEND,
         "t.conf:2: route must be a path that begins with '/', not '/a//': "
         "it is compared with resolved paths: no empty segment, no '.' or '..'"},
    };
    CHECK_ALL(refusals);
}

static void test_duplicates(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"workers = 1\nworkers = 2\n" REST,
         "t.conf:2: duplicate option 'workers', first on line 1"},
        {"tls {}\n\ntls {}\n" REST, "t.conf:3: duplicate section 'tls', first on line 1"},
        {LISTEN REST, "t.conf:2: duplicate listen address '127.0.0.1:8443', first on line 1"},
        {"listen [0::1]:1 {}\nlisten [::0:1]:1 {}\n" SITE BACKEND,
         "t.conf:2: duplicate listen address '[::1]:1', first on line 1"},
        {LISTEN SITE SITE BACKEND, "t.conf:3: duplicate host name 'a.test', first on line 2"},
        {REST
         "site b.test {\n aliases = {A.TEST.} certificate a { key = k } route / { backend = b } }",
         "t.conf:5: duplicate host name 'a.test', first on line 2"},
        {REST "site b.test {\n aliases = '*' certificate a { key = k } route / { backend = b } }\n"
              "site c.test {\n aliases = '*' certificate a { key = k } route / { backend = b } }",
         "t.conf:7: duplicate host name '*', first on line 5"},
        {REST BACKEND, "t.conf:4: duplicate backend 'b', first on line 3"},
        {LISTEN BACKEND
         "site a {\n aliases = b\n aliases = c certificate a { key = k } route / { backend = b } }",
         "t.conf:5: duplicate option 'aliases', first on line 4"},
        {LISTEN BACKEND "site a { certificate a { key = k }\n route / { backend = b }\n route '/' "
                        "{ backend = b } }",
         "t.conf:5: duplicate route '/', first on line 4"},
        {LISTEN BACKEND
         "site a { certificate a { key = k } certificate ./a { key = j } route / { backend = b } }",
         NULL},
        {LISTEN SITE "backend b {\n server 1.1.1.1:1 {}\n server 1.1.1.1:01 {} }",
         "t.conf:5: duplicate server '1.1.1.1:1', first on line 4"},
    };
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (refusals[i].error != NULL) {
            assert_refused(refusals[i].text, refusals[i].error);
            continue;
        }
        char error[CONFIG_ERROR_SIZE]; // the message holds an absolute path
        assert_null(config_load("t.conf", refusals[i].text, strlen(refusals[i].text), error));
        assert_non_null(strstr(error, "t.conf:3: duplicate certificate '"));
    }
}

static void test_the_same_in_another_section_is_no_duplicate(void **state) {
    (void)state;
    assert_accepted(REST
                    "site b.test { certificate a.pem { key = a.key } route / { backend = c } }\n"
                    "backend c { server 127.0.0.1:9000 {} }\n");
}

static void test_what_is_missing(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"", "t.conf:1: no listen section"},
        {"# nothing\n\n", "t.conf:1: no listen section"},
        {LISTEN, "t.conf:1: no site section; write site HOST { ... }"},
        {"listen 127.0.0.1:80 { protocol = redirect }\n" LISTEN,
         "t.conf:2: no site section; write site HOST { ... }"},
        {SITE BACKEND, "t.conf:1: no listen section"},
        {LISTEN BACKEND "\nsite a {\n\n route / { backend = b }\n}\n",
         "t.conf:4: site 'a' has no certificate"},
        {LISTEN BACKEND "site a {\n certificate c { key = k }\n}\n",
         "t.conf:3: site 'a' has no route"},
        {LISTEN BACKEND "site a {\n certificate c {}\n route / { backend = b }\n}\n",
         "t.conf:4: certificate 'c' has no key"},
        {LISTEN BACKEND "site a {\n certificate c { key = k }\n route / {}\n}\n",
         "t.conf:5: route '/' has no backend, redirect or return"},
        {LISTEN SITE "backend b {\n}\n", "t.conf:3: backend 'b' has no server"},
    };
    CHECK_ALL(refusals);
}

static void test_challenges(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {SITE BACKEND "listen 127.0.0.1:1 {\n acme-challenge = www }\n",
         "t.conf:4: acme-challenge requires protocol = redirect"},
        {"listen 127.0.0.1:1 { protocol = redirect acme-challenge = /a }\n"
         "listen 127.0.0.1:2 { protocol = redirect acme-challenge = /a }\n"
         "listen 127.0.0.1:3 { protocol = redirect acme-challenge = /b }\n",
         "t.conf:3: acme-challenge '/b': another listener has '/a'; name one folder in all"},
    };
    CHECK_ALL(refusals);
}

static void test_a_route_to_an_unknown_backend(void **state) {
    (void)state;
    assert_refused(LISTEN
                   "site a { certificate a { key = k }\n route / {\n backend = wbe } }\n"
                   "backend web { server 1.1.1.1:1 {} }\nbackend api { server 1.1.1.1:1 {} }",
                   "t.conf:4: backend 'wbe' is not defined; did you mean 'web'?");
    assert_refused(LISTEN SITE, "t.conf:2: backend 'b' is not defined");
}

static void test_too_many(void **state) {
    (void)state;
    char text[8192] = "";
    for (int i = 0; i < CONFIG_LISTENERS_MAX + 1; i++) {
        (void)sprintf(text + strlen(text), "listen 127.0.0.1:%d {}\n", i + 1);
    }
    assert_refused(text, "t.conf:65: more than 64 of 'listen'");
}

static void test_syntax(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"log stderr", "t.conf:1: expected '=' after 'log'; write log = VALUE"},
        {"log = \n", "t.conf:2: the file ends in the middle of an option"},
        {"log = = stderr", "t.conf:1: unexpected '='"},
        {"workers = {2}", "t.conf:1: unexpected '{'"},
        {"tls = 4", "t.conf:1: expected '{' after 'tls'; write tls { ... }"},
        {"site {}", "t.conf:1: expected a name or address after 'site'; write site NAME { ... }"},
        {"site a b {}", "t.conf:1: expected '{' after 'site'; write site NAME { ... }"},
        {"site a {\n aliases = {b c} }", "t.conf:2: unexpected 'c'"},
        {"tls {}\n}", "t.conf:2: '}' without a '{' before it"},
        {"tls {} , ", "t.conf:1: unexpected ','"},
        {"{}", "t.conf:1: unexpected '{'"},
        {"a {{{{{{{{{", "t.conf:1: too many braces inside braces"},
        {"\"\" = 4", "t.conf:1: empty quotes"},
        {"workers = (4)", "t.conf:1: unexpected '('"},
    };
    CHECK_ALL(refusals);
}

static void test_a_file_that_was_cut_is_refused(void **state) {
    (void)state;
    static const char whole[] = REST "# end";
    size_t last = strlen(REST) - 2; // the last brace
    assert_refused_bytes(whole, last,
                         "t.conf:3: the '{' of this line is still open at the end of the file");
    assert_refused("listen 127.0.0.1:1 {\n\nsite a {\n # }\n",
                   "t.conf:3: the '{' of this line is still open at the end of the file");
    for (size_t size = 0; size <= last; size++) {
        char error[CONFIG_ERROR_SIZE];
        assert_null(config_load("t.conf", whole, size, error));
    }
}

static void test_nothing_is_read_from_elsewhere(void **state) {
    (void)state;
    assert_int_equal(setenv("RAVELIN_TEST_WORKERS", "3", 1), 0);
    static const struct refusal refusals[] = {
        {"\nworkers = ${RAVELIN_TEST_WORKERS}\n" REST,
         "t.conf:2: variables such as ${NAME} are not expanded: "
         "a configuration means the same in every process"},
        {"\nworkers = \"${RAVELIN_TEST_WORKERS}\"\n" REST,
         "t.conf:2: variables such as ${NAME} are not expanded: "
         "a configuration means the same in every process"},
        {"workers = 'x${RAVELIN_TEST_WORKERS:-3}'\n" REST,
         "t.conf:1: variables such as ${NAME} are not expanded: "
         "a configuration means the same in every process"},
        {"include(\"/etc/passwd\")\n" REST,
         "t.conf:1: unknown option 'include': write include \"FILE\", with quotes and without '='"},
    };
    CHECK_ALL(refusals);
    assert_accepted("log = /a$b/$\n# ${RAVELIN_TEST_WORKERS}\n" REST);
}

static void test_bytes_that_are_no_text(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"#\n# \x01", "t.conf:2: control character 0x01"},
        {"\n\nlog = '\x7f'", "t.conf:3: control character 0x7f"},
        {"workers\r= 2", "t.conf:1: control character 0x0d"},
        {"# \xff", "t.conf:1: the text is not UTF-8"},
        {"# \xc3", "t.conf:1: the text is not UTF-8"},
        {"# \xc0\x80", "t.conf:1: the text is not UTF-8"},
        {"# \xed\xa0\x80", "t.conf:1: the text is not UTF-8"},
        {"\nworkers\xc2\xa0= 2",
         "t.conf:2: a character that is not ASCII; put the value in quotes"},
    };
    CHECK_ALL(refusals);
    static const char nul[] = "\nworkers = 2\n\0" REST;
    assert_refused_bytes(nul, sizeof(nul) - 1, "t.conf:3: control character 0x00");
    static const char utf16[] = "t.conf:1: the text is UTF-16; save the file as UTF-8";
    assert_refused_bytes("\xff\xfel\0o\0g\0", 8, utf16);
    assert_refused_bytes("\xfe\xff\0l\0o\0g", 8, utf16);
    assert_refused_bytes("l\0o\0g\0", 6, utf16);
    assert_refused_bytes("\0l\0o\0g", 6, utf16);
    assert_refused("\n\xef\xbb\xbflog = stderr\n" REST,
                   "t.conf:2: a byte order mark inside the text; remove these three bytes");
    assert_accepted("\xef\xbb\xbf" REST);
    assert_accepted("\xef\xbb\xbf# a comment\n" REST);
    assert_accepted("log = \"/a#b\"# a comment\nlimits {# another\n}# and another\n" REST);
}

static void test_characters_that_would_be_misread(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"site a { aliases = {*.test} }", "t.conf:1: unexpected '*'; put the value in quotes"},
        {"workers = +4", "t.conf:1: unexpected '+'; put the value in quotes"},
        {"tls|ticket-lifetime = 1h", "t.conf:1: unexpected '|'; put the value in quotes"},
        {"log = a\\b", "t.conf:1: unexpected '\\'; put the value in quotes"},
        {"site a { route / { deny = {} allow = {# nobody\n } } }",
         "t.conf:2: an empty list of allow; name who may, or leave allow out to let everybody in"},
        {"log = /a#b\n" REST, "t.conf:1: a # right behind a word; put a blank before a comment, "
                              "or the value in quotes"},
        {"\n// workers = 2", "t.conf:2: comments begin with #"},
        {"/* workers = 2 */", "t.conf:1: comments begin with #"},
        {"include sites/*.conf", "t.conf:1: put a value with '*' in quotes, as in include "
                                 "\"sites/*.conf\""},
        {"log = \"a\n\"", "t.conf:1: this line has an opening quote without a closing one"},
        {"\nlog = 'a", "t.conf:2: this line has an opening quote without a closing one"},
        {"log = \"\\x41\"", "t.conf:1: in quotes \\ may stand before the quote and before \\ only"},
        {"log = 'a\\", "t.conf:1: in quotes \\ may stand before the quote and before \\ only"},
    };
    CHECK_ALL(refusals);
    assert_accepted("log = /var//log/a.b:c@d-e~f%g;h\n" REST);
}

// libconfuse lets a name be a path into other sections.
static void test_no_name_reaches_into_another_section(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {REST "\"site=a.test|aliases\" = x.test", "t.conf:4: no sub-section 'a.test' in 'site'"},
        {REST "\"site=a.test|route\" /x { backend = b }",
         "t.conf:4: no sub-section 'a.test' in 'site'"},
        {REST "\"site='a.test'aliases\" = x.test", "t.conf:4: no sub-section 'a.test' in 'site'"},
        {"\"tls|ticket-lifetime\" = 1h", "t.conf:1: no sub-section title/index for 'tls'"},
    };
    CHECK_ALL(refusals);
}

static void test_too_large(void **state) {
    (void)state;
    size_t size = CONFIG_TEXT_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, '\n', size);
    assert_refused_bytes(text, size, "t.conf: larger than 4 MiB");
    memcpy(text, REST, sizeof(REST) - 1);
    config_free(load_bytes(text, size - 1));
    free(text);
}

static void test_options_that_need_another(void **state) {
    (void)state;
    static const struct refusal refusals[] = {
        {"listen 127.0.0.1:1 {}\nsite a.test { certificate c { key = k } route / { backend = b }\n"
         "client-certificate = optional }\nbackend b { server 127.0.0.1:2 {} }\n",
         "t.conf:3: client-certificate needs client-ca"},
        {"listen 127.0.0.1:1 {}\nsite a.test { certificate c { key = k } route / { backend = b }\n"
         "\nclient-crl = x }\nbackend b { server 127.0.0.1:2 {} }\n",
         "t.conf:4: client-crl needs client-ca"},
    };
    CHECK_ALL(refusals);
}

static void test_all_that_is_wrong_is_said_at_once(void **state) {
    (void)state;
    assert_refused("workers = 0\ntls { ticket-lifetime = 1s }\n" LISTEN LISTEN
                   "site a.test { route / { backend = c } }\n" BACKEND,
                   "t.conf:1: workers must be auto, or a number from 1 to 256, not '0'\n"
                   "t.conf:2: ticket-lifetime must be 0, or a time from 1m to 1d, not '1s'\n"
                   "t.conf:4: duplicate listen address '127.0.0.1:8443', first on line 3\n"
                   "t.conf:5: site 'a.test' has no certificate\n"
                   "t.conf:5: backend 'c' is not defined; did you mean 'b'?");
}

static void test_errors_fit_in_their_buffer_line_by_line(void **state) {
    (void)state;
    char error[CONFIG_ERROR_SIZE];
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    for (int i = 0; i < 500; i++) {
        (void)sprintf(text + strlen(text), "backend b%d { retries = 11 }\n", i);
    }
    assert_null(config_load("t.conf", text, strlen(text), error));
    free(text);
    size_t size = strlen(error);
    assert_true(size < sizeof(error) && size > sizeof(error) - 100);
    const char *last = strrchr(error, '\n') + 1;
    assert_true(strstr(last, " has no server") != NULL || strstr(last, " not '11'") != NULL);

    char path[2 * CONFIG_ERROR_SIZE];
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_null(config_load(path, "x", 1, error));
    assert_int_equal(strlen(error), sizeof(error) - 1);
}

static void test_long_values_are_cut_in_messages(void **state) {
    (void)state;
    char text[2048] = "user = ";
    char error[CONFIG_ERROR_SIZE];
    memset(text + strlen(text), 'u', 1000);
    assert_null(config_load("t.conf", text, strlen(text), error));
    assert_true(strlen(error) < 400);
    assert_non_null(strstr(error, "longer than 64 characters"));
}

static const char *nearest(const char *word) {
    static const char *const candidates[] = {"weight", "connect-timeout", "retries", "key"};
    struct suggestion suggestion;
    suggestion_init(&suggestion, word);
    for (size_t i = 0; i < sizeof(candidates) / sizeof(candidates[0]); i++) {
        suggestion_offer(&suggestion, candidates[i]);
    }
    return suggestion.best == NULL ? "" : suggestion.best;
}

static void test_what_is_near(void **state) {
    (void)state;
    assert_string_equal(nearest("wieght"), "weight");
    assert_string_equal(nearest("wight"), "weight");
    assert_string_equal(nearest("weeight"), "weight");
    assert_string_equal(nearest("waight"), "weight");
    assert_string_equal(nearest("conect_timeout"), "connect-timeout");
    assert_string_equal(nearest("kye"), "key");
    assert_string_equal(nearest("xyz"), "");
    assert_string_equal(nearest("admin"), "");
    assert_string_equal(nearest("weightweightweightweightweightweightweight"), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_names_get_the_nearest_right_one),
        cmocka_unit_test(test_a_balance_that_does_not_exist),
        cmocka_unit_test(test_values_that_an_option_does_not_take),
        cmocka_unit_test(test_headers_that_no_log_may_have),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_route_prefixes),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_the_same_in_another_section_is_no_duplicate),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_a_route_to_an_unknown_backend),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_a_file_that_was_cut_is_refused),
        cmocka_unit_test(test_nothing_is_read_from_elsewhere),
        cmocka_unit_test(test_bytes_that_are_no_text),
        cmocka_unit_test(test_characters_that_would_be_misread),
        cmocka_unit_test(test_no_name_reaches_into_another_section),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_options_that_need_another),
        cmocka_unit_test(test_all_that_is_wrong_is_said_at_once),
        cmocka_unit_test(test_errors_fit_in_their_buffer_line_by_line),
        cmocka_unit_test(test_long_values_are_cut_in_messages),
        cmocka_unit_test(test_what_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
