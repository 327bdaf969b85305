// Which route a request takes and what that asks of it, over a made-up generation and without a
// connection. Whole sites and their order are in test_router.c.
#include "exchange/rules.h"

#include "tls/handshake/context_internal.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char config_text[] =
    "trusted-proxies = 10.0.0.0/8\n"
    "limits { body-size = 100 }\n"
    "listen 127.0.0.1:8443 {}\n"
    "backend web { server 127.0.0.1:9000 {} }\n"
    "site a.test {\n certificate a.pem { key = a.key }\n"
    " route / { backend = web }\n"
    " route /in/ { backend = web\n strip-prefix = yes\n allow = 192.0.2.0/24\n deny = 192.0.2.9 }\n"
    " route /gone/ { return = 410 }\n"
    " route /moved/ { redirect = \"https://b.test\" }\n"
    " route /old/ { redirect = \"https://b.test/new/\"\n redirect-rest = yes }\n"
    " route /up/ { redirect = /\n redirect-rest = yes }\n"
    " route /large/ { backend = web\n body-size = 1000 }\n"
    " route /often/ { backend = web\n rate = 1\n burst = 2 }\n"
    "}\n"
    "site b.test {\n certificate b.pem { key = b.key }\n client-ca = ca.pem\n"
    " route / { backend = web }\n}\n";

struct fixture {
    struct shared shared;
    struct client client;
    struct client_identity identity;
    struct generation generation;
    struct backend_set backends; // nothing but its view of sites
    _Atomic uint32_t closed_sites;
    _Atomic uint8_t sites[2];
    struct tls_contexts contexts;
    struct tls_site tls_sites[2];
    struct choice choice;
    struct http_request request;
    struct http_fields fields;
    struct http_field items[8];
    struct log log;
    char scratch[65536];
};

static void set_address(struct client *client, const char *text) {
    client->address.v4 = (struct sockaddr_in){.sin_family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, &client->address.v4.sin_addr), 1);
    client->text_size = (uint8_t)snprintf(client->text, sizeof(client->text), "%s", text);
}

// From the beginning, with a request for this.
static void ask(struct fixture *fixture, const char *host, const char *path) {
    fixture->choice = (struct choice){
        .shared = &fixture->shared,
        .generation = &fixture->generation,
        .client = &fixture->client,
        .begun_us = 1000000,
        .client_address = fixture->client.address,
    };
    fixture->request = (struct http_request){
        .fields = &fixture->fields,
        .method = SLICE("GET"),
        .host = slice_from(host),
        .path = slice_from(path),
        .path_size = strlen(path),
        .path_is_plain = true,
    };
}

static int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    char error[CONFIG_ERROR_SIZE] = "";
    memset(fixture, 0, sizeof(*fixture));
    struct config *config = config_load("/rules.conf", config_text, sizeof(config_text) - 1, error);
    if (config == NULL) {
        fprintf(stderr, "%s\n", error);
        return -1;
    }
    fixture->tls_sites[1].has_policy = true;
    memset(fixture->tls_sites[1].policy, 7, TLS_CLIENT_POLICY_SIZE);
    fixture->contexts =
        (struct tls_contexts){.config = config, .sites = fixture->tls_sites, .site_count = 2};
    fixture->generation.config = config;
    fixture->generation.contexts = &fixture->contexts;
    fixture->generation.router = router_new(config);
    fixture->generation.https_port = 8443;
    fixture->backends.view = (struct server_view){
        .closed_sites = &fixture->closed_sites, .sites = fixture->sites, .site_count = 2};
    fixture->generation.backends = &fixture->backends;
    fixture->fields = (struct http_fields){fixture->items, 0, 8};
    fixture->shared.scratch = fixture->scratch;
    fixture->shared.scratch_size = sizeof(fixture->scratch);
    fixture->shared.clients = client_table_map(1);
    client_table_lend(fixture->shared.clients, 0);
    log_init(&fixture->log, -1, SINK_NO_DAEMON, SEVERITY_ERROR, "worker 0");
    fixture->shared.log = &fixture->log;
    set_address(&fixture->client, "192.0.2.1");
    *state = fixture;
    return fixture->generation.router == NULL || fixture->shared.clients == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    client_table_unmap(fixture->shared.clients);
    router_free(fixture->generation.router);
    config_free(fixture->generation.config);
    return 0;
}

static struct answer choose(struct fixture *fixture, const char *host, const char *path) {
    ask(fixture, host, path);
    return rules_choose(&fixture->choice, &fixture->request);
}

static struct answer apply(struct fixture *fixture, const char *path) {
    assert_int_equal(choose(fixture, "a.test", path).status, 0);
    return rules_apply(&fixture->choice, &fixture->request);
}

static void a_host_and_a_path_choose(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(choose(fixture, "a.test", "/x").status, 0);
    assert_ptr_equal(fixture->choice.site, &fixture->generation.config->sites[0]);
    const struct config *config = fixture->generation.config;
    assert_ptr_equal(fixture->choice.route,
                     &config->sites[0].routes[config->sites[0].route_count - 1]);
    assert_ptr_equal(fixture->choice.backend, &config->backends[0]);
    assert_int_equal(choose(fixture, "a.test", "/gone/x").status, 0);
    assert_null(fixture->choice.backend);
    assert_int_equal(choose(fixture, "", "/x").status, 0); // HTTP/1.0
    assert_ptr_equal(fixture->choice.site, &fixture->generation.config->sites[0]);
}

static void nothing_goes_to_a_client_without_a_certificate_of_the_host(void **state) {
    struct fixture *fixture = *state;
    fixture->client.uncertified = true;
    struct answer answer = choose(fixture, "a.test", "/gone/");
    assert_int_equal(answer.status, 503);
    assert_string_equal(answer.why, "the host has no certificate yet");
    assert_non_null(strstr(answer.page->text, "no certificate yet"));
    assert_true(fixture->choice.ends_connection);
    assert_null(fixture->choice.route);
    assert_int_equal(choose(fixture, "c.test", "/").status, 421);
}

static void challenges_are_for_listeners_that_answer_them(void **state) {
    struct fixture *fixture = *state;
    struct config *config = fixture->generation.config;
    ask(fixture, "a.test", "/.well-known/acme-challenge/token");
    fixture->client.challenges = true;
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request)); // there is no folder
    config->has_challenge_backend = true;
    assert_true(rules_find_challenge(&fixture->choice, &fixture->request));
    assert_ptr_equal(fixture->choice.backend, &config->backends[config->backend_count - 1]);
    fixture->request.method = SLICE("POST");
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request));
    fixture->request.method = SLICE("GET");
    fixture->request.framing = FRAMING_CHUNKED;
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request));
    fixture->request.framing = FRAMING_NONE;
    fixture->request.path = SLICE("/.well-known/acme-challenge/token?x");
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request));
    ask(fixture, "", "/.well-known/acme-challenge/token"); // HTTP/1.0
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request));
    ask(fixture, "a.test", "/.well-known/acme-challenge/token");
    fixture->client.challenges = false;
    assert_false(rules_find_challenge(&fixture->choice, &fixture->request));
    config->has_challenge_backend = false;
}

static void another_host_is_misdirected(void **state) {
    struct fixture *fixture = *state;
    struct answer answer = choose(fixture, "c.test", "/");
    assert_int_equal(answer.status, 421);
    assert_string_equal(answer.why, "no site has this name");
    assert_null(fixture->choice.site);
    char name[] = "b.test";
    fixture->client.server_name = name;
    fixture->client.server_name_size = sizeof(name) - 1;
    assert_int_equal(choose(fixture, "a.test", "/").status, 421);
    fixture->client.server_name_is_odd = true; // not a name: as if there were none
    assert_int_equal(choose(fixture, "a.test", "/").status, 0);
}

static void a_site_that_asks_for_certificates_wants_its_own_handshake(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(choose(fixture, "b.test", "/").status, 421);
    assert_true(fixture->choice.ends_connection);
    memset(fixture->client.policy, 7, TLS_CLIENT_POLICY_SIZE);
    assert_int_equal(choose(fixture, "b.test", "/").status, 0);
    assert_false(fixture->choice.is_certified);
    assert_false(fixture->choice.ends_connection);
    fixture->client.identity = &fixture->identity;
    assert_int_equal(choose(fixture, "b.test", "/").status, 0);
    assert_true(fixture->choice.is_certified);
    assert_int_equal(choose(fixture, "a.test", "/").status, 0);
    assert_false(fixture->choice.is_certified);
}

static void lists_let_clients_in(void **state) {
    static const struct {
        const char *client;
        bool unknown;
        uint16_t status;
    } cases[] = {
        {"192.0.2.1", false, 0},   {"192.0.2.9", false, 403}, {"192.0.3.0", false, 403},
        {"192.0.2.255", false, 0}, {"192.0.2.1", true, 403},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_address(&fixture->client, cases[i].client);
        assert_int_equal(choose(fixture, "a.test", "/in/x").status, 0);
        fixture->choice.unknown = cases[i].unknown;
        assert_int_equal(rules_apply(&fixture->choice, &fixture->request).status, cases[i].status);
    }
    assert_int_equal(choose(fixture, "a.test", "/").status, 0);
    fixture->choice.unknown = true; // there is no list
    assert_int_equal(rules_apply(&fixture->choice, &fixture->request).status, 0);
}

static void bodies_are_limited(void **state) {
    static const struct {
        const char *path;
        uint64_t size;
        enum http_framing framing;
        uint16_t status;
    } cases[] = {
        {"/", 99, FRAMING_LENGTH, 0},           {"/", 100, FRAMING_LENGTH, 0},
        {"/", 101, FRAMING_LENGTH, 413},        {"/large/", 1000, FRAMING_LENGTH, 0},
        {"/large/", 1001, FRAMING_LENGTH, 413}, {"/", 101, FRAMING_CHUNKED, 0},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        choose(fixture, "a.test", cases[i].path);
        fixture->request.framing = cases[i].framing;
        fixture->request.content_length = cases[i].size;
        assert_int_equal(rules_apply(&fixture->choice, &fixture->request).status, cases[i].status);
        assert_int_equal(fixture->choice.body_limit, cases[i].path[1] == 'l' ? 1000 : 100);
    }
}

static void a_client_takes_its_turns(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(apply(fixture, "/often/").status, 0);
    assert_int_equal(apply(fixture, "/often/").status, 0);
    struct answer answer = apply(fixture, "/often/");
    assert_int_equal(answer.status, 429);
    assert_true(slice_equal(answer.fields, SLICE("Retry-After: 1\r\n")));
    assert_int_equal(apply(fixture, "/").status, 0); // another bucket
    set_address(&fixture->client, "192.0.2.2");
    assert_int_equal(apply(fixture, "/often/").status, 0);
}

static void a_route_answers_by_itself(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(apply(fixture, "/gone/").status, 410);
    struct answer answer = apply(fixture, "/moved/x?y");
    assert_int_equal(answer.status / 100, 3);
    assert_null(answer.why);
    assert_true(slice_equal(answer.fields, SLICE("Location: https://b.test/moved/x?y\r\n")));
}

static void a_site_in_maintenance(void **state) {
    struct fixture *fixture = *state;
    fixture->closed_sites = 1;
    fixture->sites[1] = 1;
    assert_int_equal(apply(fixture, "/x").status, 0); // of the other site
    fixture->sites[0] = 1;
    struct answer answer = apply(fixture, "/x");
    assert_int_equal(answer.status, 503);
    assert_true(slice_equal(answer.fields, SLICE("Retry-After: 60\r\n")));
    assert_int_equal(apply(fixture, "/gone/").status, 503);
    set_address(&fixture->client, "192.0.2.9");
    assert_int_equal(apply(fixture, "/in/x").status, 403); // is let in nowhere
    set_address(&fixture->client, "192.0.2.1");
    fixture->closed_sites = 0;
    fixture->sites[0] = fixture->sites[1] = 0;
}

static void a_redirect_keeps_the_rest_of_the_path(void **state) {
    struct fixture *fixture = *state;
    static const char *const cases[][2] = {
        {"/old/", "Location: https://b.test/new/\r\n"},
        {"/old/a/b?c=/d", "Location: https://b.test/new/a/b?c=/d\r\n"},
        {"/old/?c", "Location: https://b.test/new/?c\r\n"},
        {"/up/a", "Location: /a\r\n"},
        {"/up//c.test/a", "Location: /c.test/a\r\n"}, // not the host c.test
        {"/up/", "Location: /\r\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct answer answer = apply(fixture, cases[i][0]);
        assert_int_equal(answer.status, 308);
        assert_true(slice_equal(answer.fields, slice_from(cases[i][1])));
    }
}

static void the_rest_of_a_path_must_be_plain(void **state) {
    struct fixture *fixture = *state;
    ask(fixture, "a.test", "/old/a/%2e%2e/b");
    fixture->request.path_is_plain = false;
    assert_int_equal(rules_choose(&fixture->choice, &fixture->request).status, 400);
    ask(fixture, "a.test", "/%6fld/a");
    fixture->request.path_is_plain = false;
    assert_int_equal(rules_choose(&fixture->choice, &fixture->request).status, 400);
}

static void a_location_has_a_bound(void **state) {
    struct fixture *fixture = *state;
    static char path[9000];
    size_t around = strlen("Location: https://b.test\r\n");
    memset(path, 'a', sizeof(path));
    memcpy(path, "/moved/", 7);
    for (size_t over = 0; over < 2; over++) {
        path[8192 - around + over] = '\0';
        assert_int_equal(apply(fixture, path).status, over == 0 ? 308 : 414);
        path[8192 - around + over] = 'a';
    }
}

static void a_redirect_listener_sends_to_https(void **state) {
    struct fixture *fixture = *state;
    ask(fixture, "a.test", "/x");
    struct answer answer = rules_to_https(&fixture->choice, &fixture->request);
    assert_int_equal(answer.status, 308);
    assert_true(slice_equal(answer.fields, SLICE("Location: https://a.test:8443/x\r\n")));
    fixture->client.https_port = 443; // of its listener
    answer = rules_to_https(&fixture->choice, &fixture->request);
    assert_true(slice_equal(answer.fields, SLICE("Location: https://a.test/x\r\n")));
    fixture->client.https_port = 0;
    ask(fixture, "", "/x");
    assert_int_equal(rules_to_https(&fixture->choice, &fixture->request).status, 400);
}

static void a_prefix_is_stripped_to_its_slash(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(apply(fixture, "/in/x").status, 0);
    assert_true(slice_equal(rules_path(&fixture->choice, &fixture->request), SLICE("/x")));
    const struct config_route *route = fixture->choice.route;
    assert_true(slice_equal(rules_strip(route, SLICE("*")), SLICE("*")));
    assert_true(rules_can_strip(route, SLICE("/in/x"), false));
    assert_false(rules_can_strip(route, SLICE("/%69n/x"), false));
    assert_true(rules_can_strip(route, SLICE("/%69n/x"), true)); // as http/path.h says of it
}

static void assert_client(const struct fixture *fixture, const char *expected) {
    char text[INET6_ADDRSTRLEN];
    assert_true(slice_equal(rules_client_text(&fixture->choice, text), slice_from(expected)));
}

static void only_a_trusted_proxy_is_believed(void **state) {
    struct fixture *fixture = *state;
    fixture->items[0] = (struct http_field){.id = FIELD_X_FORWARDED_FOR,
                                            .name = SLICE("X-Forwarded-For"),
                                            .value = SLICE("198.51.100.7")};
    fixture->fields.count = 1;
    ask(fixture, "a.test", "/");
    assert_null(rules_find_client(&fixture->choice, &fixture->request));
    assert_client(fixture, "192.0.2.1");
    set_address(&fixture->client, "10.1.2.3");
    ask(fixture, "a.test", "/");
    assert_non_null(rules_find_client(&fixture->choice, &fixture->request));
    assert_client(fixture, "198.51.100.7");
    assert_false(fixture->choice.unknown);
    fixture->client.untold = fixture->client.unknown = true;
    ask(fixture, "a.test", "/");
    assert_null(rules_find_client(&fixture->choice, &fixture->request));
    assert_true(fixture->choice.unknown);
}

// A connection whose handshake named this host, from the fixture's generation to one of this text.
static bool keeps(struct fixture *fixture, const char *name, const char *text) {
    char error[CONFIG_ERROR_SIZE] = "";
    struct tls_site sites[2] = {{.has_policy = true}, {.has_policy = true}};
    memset(sites[0].policy, 7, TLS_CLIENT_POLICY_SIZE);
    struct tls_contexts contexts = {.sites = sites, .site_count = 2};
    struct generation now = {.contexts = &contexts};
    contexts.config = now.config = config_load("/rules.conf", text, strlen(text), error);
    assert_string_equal(error, "");
    now.router = router_new(now.config);
    fixture->client.server_name = (char *)(uintptr_t)name;
    fixture->client.server_name_size = name == NULL ? 0 : (uint8_t)strlen(name);
    bool result = rules_keep_site(&fixture->client, &fixture->generation, &now);
    router_free(now.router);
    config_free(now.config);
    return result;
}

#define LISTEN "listen 127.0.0.1:8443 {}\nbackend web { server 127.0.0.1:9000 {} }\n"
#define SITE(name, more)                                                                           \
    "site " name " { certificate a.pem { key = a.key }\n route / { backend = web }\n" more "}\n"
#define ASKS "client-ca = ca.pem\n"

static void a_site_stays_what_it_was(void **state) {
    struct fixture *fixture = *state;
    static const char same[] = LISTEN SITE("a.test", "") SITE("b.test", ASKS);
    static const char turned[] = LISTEN SITE("b.test", ASKS) SITE("a.test", "");
    static const char moved[] = LISTEN SITE("c.test", "aliases = {a.test}\n");
    static const char asks[] = LISTEN SITE("a.test", ASKS);
    static const char wild[] = LISTEN SITE("a.test", "aliases = {\"*\"}\n");
    static const char none[] = "listen 127.0.0.1:8080 { protocol = redirect }\n";
    assert_true(keeps(fixture, "a.test", same));
    assert_true(keeps(fixture, "a.test", turned));
    assert_true(keeps(fixture, "A.TEST.", wild));
    assert_false(keeps(fixture, "a.test", moved));
    assert_false(keeps(fixture, "b.test", moved));
    assert_false(keeps(fixture, "b.test", wild)); // by its alias
    assert_false(keeps(fixture, "a.test", none));
    assert_false(keeps(fixture, "a.test", asks));
    memset(fixture->client.policy, 7, TLS_CLIENT_POLICY_SIZE);
    assert_true(keeps(fixture, "a.test", asks));
    memset(fixture->client.policy, 0, TLS_CLIENT_POLICY_SIZE);
    // Without a name, or with one that no site has: the first site.
    assert_true(keeps(fixture, NULL, same));
    assert_true(keeps(fixture, "x.test", same));
    assert_false(keeps(fixture, NULL, turned));
    assert_false(keeps(fixture, "x.test", wild));
    assert_false(keeps(fixture, NULL, none));
    fixture->client.server_name_is_odd = true;
    assert_true(keeps(fixture, "b.test", same));
    assert_false(keeps(fixture, "a.test", wild)); // any name leads to a site now
    fixture->client.uncertified = true;
    assert_false(keeps(fixture, "a.test", same));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_host_and_a_path_choose),
        TEST(nothing_goes_to_a_client_without_a_certificate_of_the_host),
        TEST(challenges_are_for_listeners_that_answer_them),
        TEST(another_host_is_misdirected),
        TEST(a_site_that_asks_for_certificates_wants_its_own_handshake),
        TEST(lists_let_clients_in),
        TEST(bodies_are_limited),
        TEST(a_client_takes_its_turns),
        TEST(a_route_answers_by_itself),
        TEST(a_site_in_maintenance),
        TEST(a_redirect_keeps_the_rest_of_the_path),
        TEST(the_rest_of_a_path_must_be_plain),
        TEST(a_location_has_a_bound),
        TEST(a_redirect_listener_sends_to_https),
        TEST(a_prefix_is_stripped_to_its_slash),
        TEST(a_site_stays_what_it_was),
        TEST(only_a_trusted_proxy_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
