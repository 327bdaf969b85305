#include "backend/backend.h"
#include "config_text.h"
#include "server_tables.h"

// LATER: a server that failed is due for certain, before: it is not.
enum { SERVERS_MAX = 8, EJECT_MS = 1000, BEFORE = 800, LATER = 1200 };

// A backend with these weights (0 ends), and what was chosen from it.
struct choosing {
    struct config_server servers[SERVERS_MAX];
    struct config_backend config_backend;
    struct config config;
    struct backend_set *set;
    struct backend *backend;
    size_t chosen[SERVERS_MAX];
    bool tries; // of the last choice
};

static void start(struct choosing *choosing, const uint32_t *weights) {
    *choosing = (struct choosing){.set = NULL};
    size_t count = 0;
    for (; weights[count] != 0; count++) {
        choosing->servers[count].weight = weights[count];
    }
    choosing->config_backend = (struct config_backend){.servers = choosing->servers,
                                                       .server_count = count,
                                                       .max_failures = 1,
                                                       .eject_time_ms = EJECT_MS,
                                                       .eject_time_max_ms = 4 * EJECT_MS};
    choosing->config = (struct config){.backends = &choosing->config_backend, .backend_count = 1};
    choosing->set = new_backend_set(&choosing->config);
    assert_non_null(choosing->set);
    choosing->backend = &choosing->set->backends[0];
}

static void end(struct choosing *choosing) {
    backend_set_free(choosing->set);
}

static struct server *server(struct choosing *choosing, size_t index) {
    return &choosing->backend->servers[index];
}

static size_t choose(struct choosing *choosing, const struct server *failed, int64_t now_ms) {
    const uint32_t tried[] = {failed == NULL ? 0 : (uint32_t)(failed - choosing->backend->servers)};
    const struct server_wish wish = {
        .tried = tried, .tried_count = failed != NULL, .may_try = true};
    struct server *chosen = backend_choose(choosing->backend, &wish, now_ms, &choosing->tries);
    assert_non_null(chosen);
    size_t index = (size_t)(chosen - choosing->backend->servers);
    assert_true(index < choosing->backend->server_count);
    choosing->chosen[index]++;
    return index;
}

static void choose_often(struct choosing *choosing, size_t times, const struct server *failed,
                         int64_t now_ms) {
    memset(choosing->chosen, 0, sizeof(choosing->chosen));
    for (size_t i = 0; i < times; i++) {
        (void)choose(choosing, failed, now_ms);
    }
}

// --- The set ---

static void test_a_set_has_the_servers_of_the_config_in_its_order(void **state) {
    (void)state;
    struct config *config = load(LISTEN SITE "backend b { server 127.0.0.1:1 {} }\n"
                                             "backend c { server 127.0.0.1:2 { weight = 7 }\n"
                                             "server unix:/run/x {} }\n");
    struct backend_set *set = new_backend_set(config);
    assert_non_null(set);
    assert_int_equal(set->count, config->backend_count);
    assert_false(set->retired);
    for (size_t i = 0; i < set->count; i++) {
        struct backend *backend = &set->backends[i];
        assert_ptr_equal(backend->config, &config->backends[i]);
        assert_int_equal(backend->server_count, config->backends[i].server_count);
        for (size_t k = 0; k < backend->server_count; k++) {
            assert_ptr_equal(backend->servers[k].config, &config->backends[i].servers[k]);
            assert_ptr_equal(backend->servers[k].backend, backend);
            assert_true(list_is_empty(&backend->servers[k].idle));
            assert_int_equal(backend->servers[k].idle_count, 0);
        }
    }
    backend_set_free(set);
    backend_set_free(NULL);
    config_free(config);
}

#define OLD_SET LISTEN SITE "backend b { server 127.0.0.1:1 {} server unix:/run/x {} }\n"
#define FIND_SET(text, index)                                                                      \
    { LISTEN SITE text, index }

static void test_a_server_is_found_in_another_set(void **state) {
    (void)state;
    enum { NONE = -1 };
    static const struct {
        const char *text;
        int index; // of the server that unix:/run/x of backend b is
    } cases[] = {
        FIND_SET("backend b { server unix:/run/x {} }\n", 0),
        FIND_SET("backend b { server 127.0.0.1:3 {} server unix:/run/x { weight = 9 } }\n", 1),
        FIND_SET("backend b { server unix:/run/y {} }\n", NONE),
        FIND_SET("backend b { server 127.0.0.1:1 {} }\nbackend c { server unix:/run/x {} }\n",
                 NONE),
        FIND_SET("backend b { server unix:/run/x {}\nsend-proxy-protocol = v2 }\n", NONE),
    };
    struct config *config = load(OLD_SET);
    struct backend_set *set = new_backend_set(config);
    struct server *wanted = &set->backends[0].servers[1];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *other_config = load(cases[i].text);
        struct backend_set *other = new_backend_set(other_config);
        assert_ptr_equal(backend_set_find(other, wanted),
                         cases[i].index == NONE ? NULL
                                                : &other->backends[0].servers[cases[i].index]);
        backend_set_free(other);
        config_free(other_config);
    }
    backend_set_free(set);
    config_free(config);
}

// --- Weights ---

static void test_equal_servers_take_turns(void **state) {
    (void)state;
    static const uint32_t weights[] = {3, 3, 3, 0};
    struct choosing choosing;
    start(&choosing, weights);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(choose(&choosing, NULL, 0), i % 3);
    }
    end(&choosing);
}

static void test_weights_are_exact_over_a_round(void **state) {
    (void)state;
    static const uint32_t cases[][SERVERS_MAX] = {
        {5, 1, 1, 0}, {1, 2, 3, 4, 0},          {100, 1, 0},
        {7, 3, 0},    {1, 1, 1, 1, 1, 1, 1, 0}, {13, 8, 5, 3, 2, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct choosing choosing;
        start(&choosing, cases[i]);
        size_t total = 0;
        for (size_t k = 0; k < choosing.backend->server_count; k++) {
            total += cases[i][k];
        }
        for (size_t round = 0; round < 5; round++) {
            choose_often(&choosing, total, NULL, 0);
            for (size_t k = 0; k < choosing.backend->server_count; k++) {
                assert_int_equal(choosing.chosen[k], cases[i][k]);
            }
        }
        end(&choosing);
    }
}

static void test_a_heavy_server_is_spread_over_the_round(void **state) {
    (void)state;
    static const uint32_t weights[] = {5, 1, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    // After any number of choices nobody is more than one away from its share.
    for (size_t n = 1; n <= 70; n++) {
        (void)choose(&choosing, NULL, 0);
        for (size_t k = 0; k < 3; k++) {
            int64_t difference = (int64_t)(choosing.chosen[k] * 7) - (int64_t)(n * weights[k]);
            assert_in_range(difference + 7, 0, 14);
        }
    }
    end(&choosing);
}

static void test_the_largest_weights_do_not_overflow(void **state) {
    (void)state;
    static const uint32_t weights[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0};
    struct choosing choosing;
    start(&choosing, weights);
    choose_often(&choosing, 3000, NULL, 0);
    for (size_t k = 0; k < 3; k++) {
        assert_int_equal(choosing.chosen[k], 1000);
    }
    end(&choosing);
}

// --- Failures ---

static void fail_at(struct server *server, int64_t now_ms) {
    const struct server_outcome outcome = {now_ms, now_ms, false};
    (void)server_failed(server, &outcome, FAULT_RESPONSE_TIMEOUT, 0);
}

static void test_a_failed_server_is_passed_over_for_a_while(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 2, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    fail_at(server(&choosing, 1), 5000);
    choose_often(&choosing, 100, NULL, 5000);
    assert_int_equal(choosing.chosen[0], 50);
    assert_int_equal(choosing.chosen[1], 0);
    assert_int_equal(choosing.chosen[2], 50);
    choose_often(&choosing, 100, NULL, 5000 + BEFORE);
    assert_int_equal(choosing.chosen[1], 0);
    // Then one request tries it, and no other until that has ended.
    choose_often(&choosing, 100, NULL, 5000 + LATER);
    assert_int_equal(choosing.chosen[1], 1);
    health_end_try(server(&choosing, 1)->health, 5000 + LATER);
    while (choose(&choosing, NULL, 5000 + LATER) != 1) {
        assert_false(choosing.tries);
    }
    assert_true(choosing.tries);
    const struct server_outcome outcome = {5000 + LATER, 5000 + LATER, true};
    server_worked(server(&choosing, 1), &outcome);
    choose_often(&choosing, 400, NULL, 5000 + LATER);
    assert_in_range(choosing.chosen[0], 99, 101);
    assert_in_range(choosing.chosen[1], 199, 201);
    assert_in_range(choosing.chosen[2], 99, 101);
    end(&choosing);
}

static void test_a_request_that_cannot_be_repeated_waits_with_a_try(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    fail_at(server(&choosing, 0), 5000);
    for (int64_t now = 5000; now < 5000 + BEFORE + HEALTH_PATIENCE_MS; now += 10) {
        bool tries;
        const struct server_wish wish = {.may_try = false};
        assert_ptr_equal(backend_choose(choosing.backend, &wish, now, &tries),
                         server(&choosing, 1));
    }
    bool tries = false;
    for (size_t i = 0; i < 2 && !tries; i++) {
        const struct server_wish wish = {.may_try = false};
        (void)backend_choose(choosing.backend, &wish, 5000 + LATER + HEALTH_PATIENCE_MS, &tries);
    }
    assert_true(tries);
    end(&choosing);
}

static void test_another_server_is_there_or_not(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 1, 0};
    static const uint32_t tried[] = {1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    assert_true(backend_has_other(choosing.backend, NULL, 0));
    assert_true(backend_has_other(choosing.backend, tried, 1));
    assert_false(backend_has_other(choosing.backend, tried, 2));
    end(&choosing);
}

static void test_when_all_have_failed_all_are_tried(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 2, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    for (size_t k = 0; k < 3; k++) {
        fail_at(server(&choosing, k), 0);
    }
    choose_often(&choosing, 40, NULL, 10);
    assert_int_equal(choosing.chosen[0], 10);
    assert_int_equal(choosing.chosen[1], 20);
    assert_int_equal(choosing.chosen[2], 10);
    end(&choosing);
}

static void test_the_server_that_failed_in_this_exchange_is_avoided(void **state) {
    (void)state;
    static const uint32_t weights[] = {100, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    choose_often(&choosing, 50, server(&choosing, 0), 0);
    assert_int_equal(choosing.chosen[0], 0);
    assert_int_equal(choosing.chosen[1], 50);
    end(&choosing);
}

static void test_a_server_that_is_out_of_use_is_better_than_the_one_that_failed_here(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    fail_at(server(&choosing, 1), 0);
    choose_often(&choosing, 10, server(&choosing, 0), 10);
    assert_int_equal(choosing.chosen[1], 10);
    fail_at(server(&choosing, 0), 10);
    choose_often(&choosing, 10, server(&choosing, 0), 20);
    assert_int_equal(choosing.chosen[1], 10);
    end(&choosing);
}

static void test_a_retry_goes_to_a_server_in_use(void **state) {
    (void)state;
    static const uint32_t weights[] = {1, 1, 1, 0};
    struct choosing choosing;
    start(&choosing, weights);
    fail_at(server(&choosing, 0), 0);
    fail_at(server(&choosing, 1), 0);
    choose_often(&choosing, 10, server(&choosing, 0), LATER); // server 1 is due
    assert_int_equal(choosing.chosen[2], 10);
    fail_at(server(&choosing, 2), LATER); // no server is in use: the one that is due is the best
    assert_int_equal(choose(&choosing, server(&choosing, 0), LATER + 1), 1);
    assert_true(choosing.tries);
    end(&choosing);
}

static void test_a_single_server_is_always_chosen(void **state) {
    (void)state;
    static const uint32_t weights[] = {3, 0};
    struct choosing choosing;
    start(&choosing, weights);
    assert_int_equal(choose(&choosing, NULL, 0), 0);
    fail_at(server(&choosing, 0), 0);
    assert_int_equal(choose(&choosing, NULL, 1), 0);
    assert_int_equal(choose(&choosing, server(&choosing, 0), 1), 0);
    end(&choosing);
}

// --- Names ---

#define STICKY_SET                                                                                 \
    LISTEN SITE "backend b { sticky = id server 127.0.0.1:1 {} server 127.0.0.1:2 {}\n"            \
                "server 127.0.0.1:3 { backup = yes } }\n"

static void test_the_named_server_is_chosen_while_it_is_up(void **state) {
    (void)state;
    struct config *config = load(STICKY_SET);
    struct backend_set *set = new_backend_set(config);
    assert_non_null(set);
    struct backend *backend = &set->backends[0];
    bool tries;
    for (size_t i = 0; i < 3; i++) {
        struct server *server = &backend->servers[i];
        const struct server_wish wish = {.name = server->entry->names[1], .may_try = true};
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(server_has_name(&backend->servers[k], wish.name), i == k);
            assert_ptr_equal(backend_choose(backend, &wish, 5000, &tries), server);
        }
        const uint32_t tried[] = {(uint32_t)i};
        const struct server_wish again = {.name = wish.name, .tried = tried, .tried_count = 1};
        assert_ptr_not_equal(backend_choose(backend, &again, 5000, &tries), server);
        const struct server_outcome outcome = {5000, 5000, false};
        assert_true(server_failed(server, &outcome, FAULT_CONNECT_TIMEOUT, 0));
        assert_ptr_not_equal(backend_choose(backend, &wish, 5000, &tries), server);
        server->health->until_ms = 6000;
        assert_ptr_equal(backend_choose(backend, &wish, 6000, &tries), server);
        assert_true(tries);
        server->health->until_ms = server->health->trying_ms = 0;
    }
    static const uint8_t nobody[SERVER_NAME_SIZE] = {1};
    const struct server_wish wish = {.name = nobody};
    struct server *first = backend_choose(backend, &wish, 0, &tries); // by turns
    assert_ptr_not_equal(backend_choose(backend, &wish, 0, &tries), first);
    backend_set_free(set);
    config_free(config);
}

static void test_a_drained_server_keeps_its_clients(void **state) {
    (void)state;
    struct config *config = load(STICKY_SET);
    const struct config_server *first = &config->backends[0].servers[0];
    struct server_names *names = server_names_new();
    struct server_table table;
    assert_non_null(names);
    assert_true(server_table_make(&table, config, 1, names, NULL));
    struct server_fds fds = sent_fds(&table, 0);
    struct backend_set *set = backend_set_new(config, &fds, sole_counter());
    assert_non_null(set);
    struct backend *backend = &set->backends[0];
    const struct server_wish wish = {.name = backend->servers[0].entry->names[1]};
    bool tries;
    server_table_order(&table, 0, first, SERVER_ORDER_DRAIN);
    assert_ptr_equal(backend_choose(backend, &wish, 0, &tries), &backend->servers[0]);
    assert_ptr_equal(backend_choose(backend, &(struct server_wish){.name = NULL}, 0, &tries),
                     &backend->servers[1]);
    server_table_order(&table, 0, first, SERVER_ORDER_DOWN);
    assert_ptr_equal(backend_choose(backend, &wish, 0, &tries), &backend->servers[1]);
    server_table_order(&table, 0, first, SERVER_ORDER_READY);
    assert_ptr_equal(backend_choose(backend, &wish, 0, &tries), &backend->servers[0]);
    backend_set_free(set);
    server_table_close(&table);
    server_names_free(names);
    config_free(config);
}

static void test_a_cookie_names_a_server_without_its_address(void **state) {
    (void)state;
    char text[256], name[65];
    memset(name, 'n', 64);
    name[64] = '\0';
    (void)snprintf(text, sizeof(text),
                   LISTEN SITE "backend b { sticky = %s server 127.0.0.1:1 {} }\n", name);
    struct config *config = load(text);
    struct backend_set *set = new_backend_set(config);
    assert_non_null(set);
    const char *cookie = set->backends[0].servers[0].cookie;
    char hex[SERVER_NAME_TEXT_SIZE];
    server_name_write(set->backends[0].servers[0].entry->names[1], hex);
    (void)snprintf(text, sizeof(text), "%s=%.*s; Path=/; HttpOnly; Secure; SameSite=Lax", name,
                   SERVER_NAME_TEXT_SIZE, hex);
    assert_string_equal(cookie, text);
    backend_set_free(set);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_has_the_servers_of_the_config_in_its_order),
        cmocka_unit_test(test_a_server_is_found_in_another_set),
        cmocka_unit_test(test_equal_servers_take_turns),
        cmocka_unit_test(test_weights_are_exact_over_a_round),
        cmocka_unit_test(test_a_heavy_server_is_spread_over_the_round),
        cmocka_unit_test(test_the_largest_weights_do_not_overflow),
        cmocka_unit_test(test_a_failed_server_is_passed_over_for_a_while),
        cmocka_unit_test(test_a_request_that_cannot_be_repeated_waits_with_a_try),
        cmocka_unit_test(test_another_server_is_there_or_not),
        cmocka_unit_test(test_when_all_have_failed_all_are_tried),
        cmocka_unit_test(test_the_server_that_failed_in_this_exchange_is_avoided),
        cmocka_unit_test(test_a_server_that_is_out_of_use_is_better_than_the_one_that_failed_here),
        cmocka_unit_test(test_a_retry_goes_to_a_server_in_use),
        cmocka_unit_test(test_a_single_server_is_always_chosen),
        cmocka_unit_test(test_the_named_server_is_chosen_while_it_is_up),
        cmocka_unit_test(test_a_drained_server_keeps_its_clients),
        cmocka_unit_test(test_a_cookie_names_a_server_without_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
