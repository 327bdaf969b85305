#include "config_text.h"
#include "exchange/router.h"

enum { SITE_COUNT = 4 };

// Sites 0 to 3; a wildcard inside another one's, and one site for everything else.
static const char *const SITES[SITE_COUNT] = {
    "site a.test { aliases = {\"*.a.test\", \"127.0.0.1\", \"::1\"}\n",
    "site b.test { aliases = {\"www.b.test\", \"*.x.a.test\"}\n",
    "site c.x.a.test {\n",
    "site d.test { aliases = {\"*.d.test\", \"*.y.x.a.test\"}\n",
};

struct routing {
    struct config *config;
    struct router *router;
};

static struct routing *make_routing(const char *more) {
    static const char rest[] = "certificate a.pem { key = a.key } route / { backend = b } }\n";
    char text[4096];
    int size = snprintf(text, sizeof(text), "%s%s%s%s%s%s%s%s%s%s%s", LISTEN, SITES[0], rest,
                        SITES[1], rest, SITES[2], rest, SITES[3], rest, more, BACKEND);
    assert_in_range(size, 1, sizeof(text) - 1);
    struct routing *routing = calloc(1, sizeof(*routing));
    assert_non_null(routing);
    routing->config = load(text);
    routing->router = router_new(routing->config);
    assert_non_null(routing->router);
    return routing;
}

static int set_up(void **state) {
    *state = make_routing("");
    return 0;
}

static int set_up_with_any(void **state) {
    *state = make_routing("site rest.test { aliases = {\"*\"}\n"
                          "certificate a.pem { key = a.key } route / { backend = b } }\n");
    return 0;
}

static int tear_down(void **state) {
    struct routing *routing = *state;
    router_free(routing->router);
    config_free(routing->config);
    free(routing);
    return 0;
}

static void assert_site(void **state, const char *host, size_t expected) {
    struct routing *routing = *state;
    // Of exactly this size, and not terminated.
    char *copy = malloc(strlen(host) + 1);
    assert_non_null(copy);
    size_t size = strlen(host);
    memcpy(copy, host, size + 1);
    copy[size] = 'x';
    size_t site = router_find_site(routing->router, (struct slice){copy, size});
    free(copy);
    if (site != expected) {
        fail_msg("%s is of site %zu, not %zu", host, site, expected);
    }
}

// --- Sites ---

static void test_exact_names(void **state) {
    assert_site(state, "a.test", 0);
    assert_site(state, "b.test", 1);
    assert_site(state, "www.b.test", 1);
    assert_site(state, "127.0.0.1", 0);
    assert_site(state, "[::1]", 0);
}

static void test_case_does_not_matter(void **state) {
    assert_site(state, "A.TEST", 0);
    assert_site(state, "wWw.B.tEsT", 1);
    assert_site(state, "Q.A.Test", 0);
}

static void test_one_final_dot_does_not_matter(void **state) {
    assert_site(state, "a.test.", 0);
    assert_site(state, "q.a.test.", 0);
    assert_site(state, "a.test..", ROUTER_NO_SITE);
    assert_site(state, ".", ROUTER_NO_SITE);
    assert_site(state, "..", ROUTER_NO_SITE);
}

static void test_names_that_no_site_has(void **state) {
    static const char *const names[] = {"",       "test",    "a.tes",    "a.testt",  "aa.test",
                                        "e.test", "b.test:", "*.b.test", "q.b.test", "127.0.0.2",
                                        "[::2]",  "::1",     "a.test\n"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_site(state, names[i], ROUTER_NO_SITE);
    }
}

static void test_a_wildcard_stands_for_one_or_more_labels(void **state) {
    assert_site(state, "q.d.test", 3);
    assert_site(state, "p.q.d.test", 3);
    assert_site(state, "1.2.3.4.5.6.7.8.d.test", 3);
    // Not for none, and not for part of one.
    assert_site(state, ".d.test", ROUTER_NO_SITE);
    assert_site(state, "qd.test", ROUTER_NO_SITE);
    assert_site(state, "q.d.test.org", ROUTER_NO_SITE);
}

static void test_the_longest_wildcard_wins(void **state) {
    assert_site(state, "q.a.test", 0);
    assert_site(state, "x.a.test", 0);
    assert_site(state, "q.x.a.test", 1);
    assert_site(state, "y.x.a.test", 1);
    assert_site(state, "q.y.x.a.test", 3);
    assert_site(state, "q.q.y.x.a.test", 3);
    assert_site(state, "q.z.x.a.test", 1);
}

static void test_an_exact_name_goes_before_every_wildcard(void **state) {
    assert_site(state, "c.x.a.test", 2);
    assert_site(state, "C.X.A.TEST.", 2);
    assert_site(state, "q.c.x.a.test", 1);
}

static void test_the_site_of_the_star_takes_the_rest(void **state) {
    assert_site(state, "e.test", SITE_COUNT);
    assert_site(state, "", SITE_COUNT);
    assert_site(state, ".", SITE_COUNT);
    assert_site(state, "*", SITE_COUNT);
    assert_site(state, "rest.test", SITE_COUNT);
    assert_site(state, "a.test", 0);
    assert_site(state, "q.x.a.test", 1);
}

// "qqq...q.a.test" of this size.
static struct slice long_name(char *name, size_t capacity, size_t size) {
    memset(name, 'q', capacity);
    (void)snprintf(name + size - 7, 8, ".a.test");
    return (struct slice){name, size};
}

static void test_a_name_longer_than_any_is_nobodys(void **state) {
    struct routing *routing = *state;
    char name[400];
    struct slice host = long_name(name, sizeof(name), 253);
    assert_int_equal(router_find_site(routing->router, host), 0);
    name[host.size++] = '.'; // the final dot does not count
    assert_int_equal(router_find_site(routing->router, host), 0);
    host = long_name(name, sizeof(name), 254);
    assert_int_equal(router_find_site(routing->router, host), ROUTER_NO_SITE);
    host = long_name(name, sizeof(name), 390);
    assert_int_equal(router_find_site(routing->router, host), ROUTER_NO_SITE);
}

// --- Many names ---

enum { MANY = 10000 };

static void test_ten_thousand_names(void **state) {
    (void)state;
    static char names[MANY][32];
    static char wildcards[MANY][32];
    static char *aliases[MANY];
    static struct config_site sites[MANY];
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "site-%zu.test", i);
        (void)snprintf(wildcards[i], sizeof(wildcards[i]), "*.wild-%zu.test", i);
        aliases[i] = wildcards[i];
        sites[i] = (struct config_site){.name = names[i], .aliases = &aliases[i], .alias_count = 1};
    }
    const struct config config = {.sites = sites, .site_count = MANY};
    struct router *router = router_new(&config);
    assert_non_null(router);
    for (size_t i = 0; i < MANY; i++) {
        char host[48];
        assert_int_equal(router_find_site(router, slice_from(names[i])), i);
        (void)snprintf(host, sizeof(host), "www.q%s", wildcards[i] + 1);
        assert_int_equal(router_find_site(router, slice_from(host)), i);
        (void)snprintf(host, sizeof(host), "site-%zu.tesu", i);
        assert_int_equal(router_find_site(router, slice_from(host)), ROUTER_NO_SITE);
    }
    router_free(router);
}

static void test_free_of_nothing(void **state) {
    (void)state;
    router_free(NULL);
}

// --- Routes ---

// What the router says of a path, which it looks at byte by byte when that is not `plain`.
static enum result find(const struct config_site *site, struct slice path, bool plain,
                        const struct config_route **route) {
    char *copy = malloc(path.size == 0 ? 1 : path.size);
    assert_non_null(copy);
    if (path.size > 0) {
        memcpy(copy, path.data, path.size);
    }
    enum result result = router_find_route(site, (struct slice){copy, path.size}, plain, route);
    free(copy);
    return result;
}

static void assert_prefix(const struct config_route *route, const char *expected) {
    if (expected == NULL) {
        assert_null(route);
    } else {
        assert_non_null(route);
        assert_string_equal(route->prefix, expected);
    }
}

static void assert_reading(const struct config_site *site, struct slice path,
                           const char *expected) {
    const struct config_route *route;
    assert_int_equal(find(site, path, false, &route), RESULT_OK);
    assert_prefix(route, expected);
}

static void assert_route(const struct config_site *site, struct slice path, const char *expected) {
    const struct config_route *route;
    assert_int_equal(find(site, path, true, &route), RESULT_OK);
    assert_prefix(route, expected);
    assert_reading(site, path, expected);
}

static void assert_doubtful(const struct config_site *site, struct slice path) {
    const struct config_route *route;
    assert_int_equal(find(site, path, false, &route), RESULT_ERROR);
}

static void test_the_longest_prefix_wins(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate a.pem { key = a.key }\n"
                                        "route /api/ { backend = b }\n"
                                        "route / { backend = b }\n"
                                        "route /api/v2/ { backend = b }\n"
                                        "route /i { backend = b } }\n" BACKEND);
    const struct config_site *site = &config->sites[0];
    assert_route(site, SLICE("/"), "/");
    assert_route(site, SLICE("/other"), "/");
    assert_route(site, SLICE("/api"), "/");
    assert_route(site, SLICE("/api/"), "/api/");
    assert_route(site, SLICE("/api/v2"), "/api/");
    assert_route(site, SLICE("/api/v2/"), "/api/v2/");
    assert_route(site, SLICE("/api/v2/users/1"), "/api/v2/");
    assert_route(site, SLICE("/API/"), "/"); // paths have case
    assert_route(site, SLICE("/images"), "/i");
    assert_route(site, SLICE(""), NULL);
    assert_route(site, SLICE("*"), NULL);
    // What lies behind the path is not looked at.
    assert_route(site, (struct slice){"/api/v2/", 4}, "/");
    config_free(config);
}

static void test_a_path_is_compared_in_normal_form(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate a.pem { key = a.key }\n"
                                        "route / { backend = b }\n"
                                        "route /api/ { backend = b }\n"
                                        "route /api/v2/ { backend = b } }\n" BACKEND);
    const struct config_site *site = &config->sites[0];
    assert_reading(site, SLICE("/%61pi/"), "/api/");
    assert_reading(site, SLICE("/x/../api/x"), "/api/");
    assert_reading(site, SLICE("/api/v2/../x"), "/api/");
    assert_reading(site, SLICE("/api/v2/.."), "/api/");
    assert_reading(site, SLICE("/api/."), "/api/");
    assert_reading(site, SLICE("/api/x//y%2f;z"), "/api/");
    assert_reading(site, SLICE("/x%2fapi/"), "/");
    assert_reading(site, SLICE("//x"), "/");
    assert_reading(site, SLICE("/;/x"), "/");
    config_free(config);
}

static void test_a_path_that_leads_to_several_routes_is_refused(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate a.pem { key = a.key }\n"
                                        "route / { backend = b }\n"
                                        "route /api/ { backend = b }\n"
                                        "route /api/v2/ { backend = b } }\n"
                                        "site b.test { certificate a.pem { key = a.key }\n"
                                        "route /api/ { backend = b } }\n" BACKEND);
    const struct config_site *site = &config->sites[0];
    static const char *const paths[] = {
        "/api%2f",    "/api%5Cx",    "/api%252f",     "//api/",     "/%2fapi/",
        "/api//v2/",  "/api;a/",     "/;/api/",       "/api;%2f",   "/%2561pi/",
        "/api/v2;/x", "/api/%2fv2/", "/api/v%2532/x", "/api%c0%af", "/api/;x/v2/",
    };
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        print_message("%s\n", paths[i]);
        assert_doubtful(site, slice_from(paths[i]));
    }
    assert_reading(site, SLICE("/api;a"), "/"); // to everybody
    // Nowhere is a route of its own.
    assert_doubtful(&config->sites[1], SLICE("//api/"));
    assert_reading(&config->sites[1], SLICE("//x"), NULL);
    config_free(config);
}

static void test_a_path_outside_all_prefixes_has_no_route(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate a.pem { key = a.key }\n"
                                        "route /api/ { backend = b } }\n" BACKEND);
    assert_route(&config->sites[0], SLICE("/api/x"), "/api/");
    assert_route(&config->sites[0], SLICE("/"), NULL);
    assert_route(&config->sites[0], SLICE("/api"), NULL);
    config_free(config);
}

#define ROUTER_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ROUTER_TEST(test_exact_names),
        ROUTER_TEST(test_case_does_not_matter),
        ROUTER_TEST(test_one_final_dot_does_not_matter),
        ROUTER_TEST(test_names_that_no_site_has),
        ROUTER_TEST(test_a_wildcard_stands_for_one_or_more_labels),
        ROUTER_TEST(test_the_longest_wildcard_wins),
        ROUTER_TEST(test_an_exact_name_goes_before_every_wildcard),
        cmocka_unit_test_setup_teardown(test_the_site_of_the_star_takes_the_rest, set_up_with_any,
                                        tear_down),
        ROUTER_TEST(test_a_name_longer_than_any_is_nobodys),
        cmocka_unit_test(test_ten_thousand_names),
        cmocka_unit_test(test_free_of_nothing),
        cmocka_unit_test(test_the_longest_prefix_wins),
        cmocka_unit_test(test_a_path_outside_all_prefixes_has_no_route),
        cmocka_unit_test(test_a_path_is_compared_in_normal_form),
        cmocka_unit_test(test_a_path_that_leads_to_several_routes_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
