// What a right configuration means. What is said about a wrong one: test_config_errors.c.
#include "config_text.h"

#include <unistd.h>

// As in the design, with every option that exists.
static const char sample[] =
    "workers    = auto                       # one per core\n"
    "user       = nobody                     # after binding\n"
    "log        = stderr                     # stderr | syslog | a file\n"
    "log-level  = debug   access-log = logs/access.log   access-log-format = combined\n"
    "tls {\n"
    "  require-post-quantum = yes\n"
    "  ticket-lifetime = 90s certificate-watch = yes # 0 = no tickets, at most 24h\n"
    "}\n"
    "limits {\n"
    "  handshake-timeout = 1500ms   header-timeout = 2m   idle-timeout = 1h\n"
    "  header-size = 32k response-header-size = 5k header-count = 50 connections = 2000000\n"
    "}\n"
    "listen 0.0.0.0:8443 {}                  # protocol = https is the default\n"
    "listen [::]:8080 { protocol = redirect }   # answers 308 to https, nothing else\n"
    "site localhost {\n"
    "  aliases = {\"*.localhost\", 127.0.0.1}\n"
    "  certificate certs/dev/localhost.pem { key = certs/dev/localhost.key }\n"
    "  certificate /etc/rsa.pem { key = /etc/rsa.key }\n"
    "  route /     { backend = web }\n"
    "  route /api/ { backend = api }\n"
    "}\n"
    "site other.test { certificate o { key = k } route / { backend = api } }\n"
    "backend web {\n"
    "  balance = round-robin                 # of one kind today\n"
    "  server 127.0.0.1:9000 { weight = 7 }\n"
    "  server unix:/run/app.sock {}\n"
    "  connect-timeout = 3s   response-timeout = 1d   retries = 0\n"
    "}\n"
    "backend api { server [::1]:9001 {} }\n";

static void test_the_options_of_the_sample(void **state) {
    (void)state;
    struct config *config = load(sample);
    assert_string_equal(config->path, "/etc/t.conf");
    assert_string_equal(config->directory, "/etc");
    assert_int_equal(config->workers, 0);
    assert_string_equal(config->user, "nobody");
    assert_int_equal(config->log.target, LOG_TARGET_STDERR);
    assert_null(config->log.path);
    assert_int_equal(config->log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(config->access_log.target, LOG_TARGET_FILE);
    assert_string_equal(config->access_log.path, "/etc/logs/access.log");
    assert_int_equal(config->access_log_format, ACCESS_LOG_COMBINED);
    assert_true(config->tls.require_post_quantum);
    assert_int_equal(config->tls.ticket_lifetime_s, 90);
    assert_true(config->tls.certificate_watch);
    assert_int_equal(config->limits.handshake_timeout_ms, 1500);
    assert_int_equal(config->limits.header_timeout_ms, 120000);
    assert_int_equal(config->limits.idle_timeout_ms, 3600000);
    assert_int_equal(config->limits.header_size, 32768);
    assert_int_equal(config->limits.response_header_size, 5 * 1024);
    assert_int_equal(config->limits.header_count, 50);
    assert_int_equal(config->limits.connections, 2000000);
    config_free(config);
}

static void assert_address(const struct address *address, const char *expected) {
    char text[ADDRESS_TEXT_SIZE];
    address_format(address, text);
    assert_string_equal(text, expected);
}

static void test_the_listeners_and_sites_of_the_sample(void **state) {
    (void)state;
    struct config *config = load(sample);
    assert_int_equal(config->listener_count, 2);
    assert_address(&config->listeners[0].address, "0.0.0.0:8443");
    assert_int_equal(config->listeners[0].protocol, LISTEN_HTTPS);
    assert_int_equal(config->listeners[0].line, 13);
    assert_address(&config->listeners[1].address, "[::]:8080");
    assert_int_equal(config->listeners[1].protocol, LISTEN_REDIRECT);
    assert_int_equal(config->site_count, 2);
    const struct config_site *site = &config->sites[0];
    assert_string_equal(site->name, "localhost");
    assert_int_equal(site->line, 15);
    assert_int_equal(site->alias_count, 2);
    assert_string_equal(site->aliases[0], "*.localhost");
    assert_string_equal(site->aliases[1], "127.0.0.1");
    assert_int_equal(site->certificate_count, 2);
    assert_string_equal(site->certificates[0].certificate_path, "/etc/certs/dev/localhost.pem");
    assert_string_equal(site->certificates[0].key_path, "/etc/certs/dev/localhost.key");
    assert_int_equal(site->certificates[0].line, 17);
    assert_int_equal(site->certificates[0].key_line, 17);
    assert_string_equal(site->certificates[1].certificate_path, "/etc/rsa.pem");
    assert_string_equal(config->sites[1].name, "other.test");
    config_free(config);
}

static void test_the_routes_and_backends_of_the_sample(void **state) {
    (void)state;
    struct config *config = load(sample);
    const struct config_site *site = &config->sites[0];
    assert_int_equal(site->route_count, 2);
    assert_string_equal(site->routes[0].prefix, "/api/"); // the longest first
    assert_int_equal(site->routes[0].prefix_size, 5);
    assert_int_equal(site->routes[0].backend_index, 1);
    assert_int_equal(site->routes[0].line, 20);
    assert_string_equal(site->routes[1].prefix, "/");
    assert_int_equal(site->routes[1].backend_index, 0);
    assert_int_equal(config->sites[1].routes[0].backend_index, 1);
    assert_int_equal(config->backend_count, 2);
    const struct config_backend *web = &config->backends[0];
    assert_string_equal(web->name, "web");
    assert_int_equal(web->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(web->connect_timeout_ms, 3000);
    assert_int_equal(web->response_timeout_ms, 86400000);
    assert_int_equal(web->retries, 0);
    assert_int_equal(web->server_count, 2);
    assert_address(&web->servers[0].address, "127.0.0.1:9000");
    assert_string_equal(web->servers[0].text, "127.0.0.1:9000");
    assert_int_equal(web->servers[0].weight, 7);
    assert_int_equal(web->servers[0].line, 25);
    assert_string_equal(web->servers[1].text, "unix:/run/app.sock");
    assert_int_equal(web->servers[1].weight, 1);
    config_free(config);
}

static void assert_defaults(const struct config *config) {
    assert_int_equal(config->workers, 0);
    assert_int_equal(config->log.target, LOG_TARGET_STDERR);
    assert_int_equal(config->log_level, LOG_LEVEL_INFO);
    assert_int_equal(config->access_log_format, ACCESS_LOG_JSON);
    assert_false(config->tls.require_post_quantum);
    assert_int_equal(config->tls.ticket_lifetime_s, 3600);
    assert_false(config->tls.certificate_watch);
    assert_int_equal(config->limits.handshake_timeout_ms, 5000);
    assert_int_equal(config->limits.header_timeout_ms, 10000);
    assert_int_equal(config->limits.idle_timeout_ms, 60000);
    assert_int_equal(config->limits.header_size, 16384);
    assert_int_equal(config->limits.header_count, 100);
    assert_int_equal(config->limits.connections, 100000);
    const struct config_backend *backend = &config->backends[0];
    assert_int_equal(backend->balance, BALANCE_ROUND_ROBIN);
    assert_int_equal(backend->connect_timeout_ms, 2000);
    assert_int_equal(backend->response_timeout_ms, 60000);
    assert_int_equal(backend->retries, 1);
    assert_int_equal(backend->servers[0].weight, 1);
}

static void test_what_is_not_said_has_its_default(void **state) {
    (void)state;
    struct config *config = load(REST);
    assert_defaults(config);
    assert_string_equal(config->user, "nobody");
    assert_int_equal(config->access_log.target, LOG_TARGET_OFF);
    assert_int_equal(config->sites[0].alias_count, 0);
    config_free(config);
    config = load("tls {} limits { header-count = 7 }" REST);
    assert_int_equal(config->limits.header_count, 7);
    assert_int_equal(config->limits.response_header_size, 65536);
    assert_int_equal(config->limits.header_size, 16384);
    assert_int_equal(config->tls.ticket_lifetime_s, 3600);
    config_free(config);
}

// The example says of itself that it shows the defaults.
static void test_the_example(void **state) {
    (void)state;
    char *text = read_text("conf/ravelin.conf");
    struct config *config = load(text);
    assert_defaults(config);
    assert_int_equal(config->listener_count, 3);
    assert_int_equal(config->listeners[2].protocol, LISTEN_REDIRECT);
    assert_string_equal(config->sites[0].name, "localhost");
    assert_string_equal(config->sites[0].certificates[0].key_path,
                        "/etc/../certs/dev/localhost.key");
    assert_string_equal(config->backends[0].servers[0].text, "127.0.0.1:9000");
    config_free(config);
    free(text);
}

static void test_values_that_stand_for_nothing_or_automatic(void **state) {
    (void)state;
    static const char *const texts[] = {"tls { ticket-lifetime = 0 }\n" REST,
                                        "tls { ticket-lifetime = 0s }\n" REST};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct config *config = load(texts[i]);
        assert_int_equal(config->tls.ticket_lifetime_s, 0);
        config_free(config);
    }
    struct config *config = load("log = journal access-log = journal\n" REST);
    assert_int_equal(config->log.target, LOG_TARGET_JOURNAL);
    assert_int_equal(config->access_log.target, LOG_TARGET_JOURNAL);
    config_free(config);
    config = load("workers = 3 access-log = off log = syslog\n" REST);
    assert_int_equal(config->workers, 3);
    assert_int_equal(config->access_log.target, LOG_TARGET_OFF);
    assert_int_equal(config->log.target, LOG_TARGET_SYSLOG);
    config_free(config);
}

static void test_yes_and_no_have_synonyms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool expected;
    } cases[] = {{"yes", true}, {"on", true},   {"true", true},
                 {"no", false}, {"off", false}, {"false", false}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "tls { require-post-quantum = %s }" REST, cases[i].text);
        struct config *config = load(text);
        assert_int_equal(config->tls.require_post_quantum, cases[i].expected);
        config_free(config);
    }
}

static void test_host_names_have_one_form(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"WWW.Example.COM", "www.example.com"},
        {"example.com.", "example.com"},
        {"a_b.example", "a_b.example"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"10.0.0.1", "10.0.0.1"},
        {"::1", "[::1]"},
        {"[2001:DB8:0::1]", "[2001:db8::1]"},
        {"\"*.Example.com\"", "*.example.com"},
        {"\"*\"", "*"},
        {"1.example", "1.example"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       LISTEN "site b.test { aliases = %s certificate a { key = k }"
                              " route / { backend = b } }" BACKEND,
                       cases[i].text);
        struct config *config = load(text);
        assert_int_equal(config->sites[0].alias_count, 1);
        assert_string_equal(config->sites[0].aliases[0], cases[i].expected);
        config_free(config);
    }
}

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } cases[] = {{"{}", 0},
                 {"c.test", 1},
                 {"{c.test}", 1},
                 {"{c.test, d.test,}", 2},
                 {"{c.test,\n # a comment\n d.test, 'e.test'}", 3}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text),
                       LISTEN "site b.test { aliases = %s certificate a { key = k }"
                              " route / { backend = b } }" BACKEND,
                       cases[i].text);
        struct config *config = load(text);
        assert_int_equal(config->sites[0].alias_count, cases[i].count);
        config_free(config);
    }
}

static void test_layout_means_nothing(void **state) {
    (void)state;
    assert_accepted("listen 127.0.0.1:1{}site a.test{certificate a{key=b}route /{backend=b}}"
                    "backend b{server 127.0.0.1:2{}}");
    assert_accepted("\r\n# c\r\nworkers\r\n=\r\n2\r\n" REST "# no line end");
    assert_accepted("\t#\n#\n# \"unbalanced { ${HOME} * \xc3\xa9\n" REST);
    assert_accepted(
        "listen '127.0.0.1:1' {} site \"a.test\" { certificate \"a b.pem\" { key = 'c d' }"
        "route \"/x\" { backend = 'b' } } backend \"b\" { server \"127.0.0.1:2\" {} }");
}

static void test_quotes_keep_what_is_in_them(void **state) {
    (void)state;
    struct config *config = load("log = \"/a # {b} 'c' \\\"d\\\\ \xc3\xa9//*\"" REST);
    assert_string_equal(config->log.path, "/a # {b} 'c' \"d\\ \xc3\xa9//*");
    config_free(config);
    config = load("log = '/a \"b\" \\'c\\\\'" REST);
    assert_string_equal(config->log.path, "/a \"b\" 'c\\");
    config_free(config);
}

static void test_lines_are_counted_through_comments_and_lists(void **state) {
    (void)state;
    struct config *config =
        load("# one\n\n# three\nlisten\n 127.0.0.1:1\n {\n}\n"
             "site a.test {\n aliases = {b.test, # nine\n c.test}\n"
             " certificate a {\n  key =\n   k }\n route / {\n backend = b }}\n" BACKEND);
    assert_int_equal(config->listeners[0].line, 6); // of the brace
    assert_int_equal(config->sites[0].line, 8);
    assert_int_equal(config->sites[0].certificates[0].line, 11);
    assert_int_equal(config->sites[0].certificates[0].key_line, 13);
    assert_int_equal(config->sites[0].routes[0].line, 14);
    assert_int_equal(config->sites[0].routes[0].backend_line, 15);
    assert_int_equal(config->backends[0].line, 16);
    config_free(config);
}

static void assert_directory(const char *path, const char *directory, const char *log) {
    char error[CONFIG_ERROR_SIZE];
    static const char text[] = "log = ./x/y.log " REST;
    struct config *config = config_load(path, text, sizeof(text) - 1, error);
    assert_non_null(config);
    assert_string_equal(config->directory, directory);
    assert_string_equal(config->log.path, log);
    config_free(config);
}

static void test_paths_are_relative_to_the_file(void **state) {
    (void)state;
    char working[4096];
    char expected[2][sizeof(working) + 32];
    assert_non_null(getcwd(working, sizeof(working)));
    assert_directory("/etc/ravelin/a.conf", "/etc/ravelin", "/etc/ravelin/x/y.log");
    assert_directory("/a.conf", "/", "/x/y.log");
    (void)snprintf(expected[0], sizeof(expected[0]), "%s/x/y.log", working);
    assert_directory("a.conf", working, expected[0]);
    (void)snprintf(expected[0], sizeof(expected[0]), "%s/conf", working);
    (void)snprintf(expected[1], sizeof(expected[1]), "%s/conf/x/y.log", working);
    assert_directory("conf/a.conf", expected[0], expected[1]);
}

// The lexer of libconfuse keeps its state between texts; a bad one must not spoil the next.
static void test_loading_again_and_again(void **state) {
    (void)state;
    static const char *const bad[] = {
        "site a { route / { backend =",        "log = \"a",     "aliases = {a,", "x", "site",
        "tls { ticket-lifetime = x } nothing", "listen 1 { x }"};
    for (size_t i = 0; i < 20; i++) {
        char error[CONFIG_ERROR_SIZE];
        const char *text = bad[i % (sizeof(bad) / sizeof(bad[0]))];
        assert_null(config_load("t", text, strlen(text), error));
        struct config *config = load(sample);
        assert_int_equal(config->backends[1].line, 29);
        config_free(config);
    }
}

static void test_a_large_config(void **state) {
    (void)state;
    enum { SITES = 2000 };
    char *text = calloc(SITES + 1, 160);
    assert_non_null(text);
    char *end = text + sprintf(text, "%s", LISTEN);
    for (int i = 0; i < SITES; i++) {
        end += sprintf(end,
                       "site s%d.test { certificate a { key = k } route / { backend = b%d } }\n"
                       "backend b%d { server 127.0.0.1:%d {} }\n",
                       i, SITES - 1 - i, i, 1 + i);
    }
    struct config *config = load(text);
    assert_int_equal(config->site_count, SITES);
    assert_string_equal(config->sites[SITES - 1].name, "s1999.test");
    for (size_t i = 0; i < SITES; i++) {
        assert_int_equal(config->sites[i].routes[0].backend_index, SITES - 1 - i);
    }
    config_free(config);
    free(text);
}

static void test_freeing_nothing(void **state) {
    (void)state;
    config_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_options_of_the_sample),
        cmocka_unit_test(test_the_listeners_and_sites_of_the_sample),
        cmocka_unit_test(test_the_routes_and_backends_of_the_sample),
        cmocka_unit_test(test_what_is_not_said_has_its_default),
        cmocka_unit_test(test_the_example),
        cmocka_unit_test(test_values_that_stand_for_nothing_or_automatic),
        cmocka_unit_test(test_yes_and_no_have_synonyms),
        cmocka_unit_test(test_host_names_have_one_form),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_layout_means_nothing),
        cmocka_unit_test(test_quotes_keep_what_is_in_them),
        cmocka_unit_test(test_lines_are_counted_through_comments_and_lists),
        cmocka_unit_test(test_paths_are_relative_to_the_file),
        cmocka_unit_test(test_loading_again_and_again),
        cmocka_unit_test(test_a_large_config),
        cmocka_unit_test(test_freeing_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
