#include "config_text.h"
#include "server_tables.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

enum { SLOTS = 3, FORMER = 7 };

#define TWO_BACKENDS                                                                               \
    LISTEN SITE "backend b { server 127.0.0.1:1 {} server unix:/run/x { weight = 3 } }\n"          \
                "backend c { server 127.0.0.1:1 {} }\n"

static struct server_view open_view(const struct server_table *table, size_t slot,
                                    const struct config *config) {
    struct server_view view;
    struct server_fds fds = sent_fds(table, slot);
    assert_true(server_view_open(&view, config, &fds));
    assert_int_equal(fds.entries, -1);
    assert_int_equal(fds.states, -1);
    return view;
}

static void test_a_worker_finds_the_servers_in_the_order_of_the_config(void **state) {
    (void)state;
    struct config *config = load(TWO_BACKENDS);
    struct server_table table;
    assert_true(server_table_make(&table, config, SLOTS, NULL, NULL));
    for (size_t slot = 0; slot < SLOTS; slot++) {
        struct server_view view = open_view(&table, slot, config);
        assert_int_equal(view.count, 3);
        const uint32_t weights[] = {1, 3, 1};
        const struct config_server *servers[] = {&config->backends[0].servers[0],
                                                 &config->backends[0].servers[1],
                                                 &config->backends[1].servers[0]};
        for (size_t i = 0; i < 3; i++) {
            struct address address;
            server_entry_address(&view.entries[i], &address);
            assert_true(address_equal(&address, &servers[i]->address));
            assert_int_equal(view.entries[i].weight, weights[i]);
            assert_int_equal(view.entries[i].former, 0);
            assert_int_equal(view.states[i].current_weight, 0);
        }
        server_view_close(&view);
        server_view_close(&view);
    }
    server_table_close(&table);
    server_table_close(&table);
    config_free(config);
}

static void test_workers_see_which_sites_are_in_maintenance(void **state) {
    (void)state;
    struct config *config = load(LISTEN SITE "site b.test { certificate b { key = b } route / { "
                                             "backend = b } }\n" BACKEND);
    struct server_table table;
    assert_true(server_table_make(&table, config, SLOTS, NULL, NULL));
    struct server_view view = open_view(&table, 1, config);
    for (size_t site = 0; site < 3; site++) { // of which the last is none
        assert_false(server_view_is_closed(&view, site));
    }
    server_table_close_site(&table, 1, true);
    server_table_close_site(&table, 1, true); // once more is fine
    server_table_close_site(&table, 2, true); // there is none
    assert_true(server_table_site_is_closed(&table, 1));
    assert_false(server_view_is_closed(&view, 0));
    assert_true(server_view_is_closed(&view, 1));
    assert_false(server_view_is_closed(&view, 2));
    assert_int_equal(*view.closed_sites, 1);
    server_table_close_site(&table, 1, false);
    server_table_close_site(&table, 1, false);
    assert_false(server_view_is_closed(&view, 1));
    assert_int_equal(*view.closed_sites, 0);
    server_view_close(&view);
    server_table_close(&table);
    config_free(config);
}

// --- Addresses ---

enum { READS = 20000000 };

struct writing {
    struct server_entry entry;
    _Atomic bool done;
};

// Its first and its last member say the same.
static struct address numbered(uint8_t number) {
    return (struct address){.as.any.sa_family = number, .size = number};
}

static void *write_addresses(void *argument) {
    struct writing *writing = argument;
    for (size_t i = 0; !atomic_load(&writing->done); i++) {
        const struct address address = numbered((uint8_t)i);
        server_entry_set_address(&writing->entry, &address, NULL);
    }
    return NULL;
}

static void test_an_address_that_changes_is_read_whole(void **state) {
    (void)state;
    struct writing writing = {.done = false};
    // On one processor, so that often one is interrupted and the other goes on for a while.
    cpu_set_t before;
    cpu_set_t one;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    pthread_t writer;
    assert_int_equal(pthread_create(&writer, NULL, write_addresses, &writing), 0);
    bool whole = true;
    for (size_t i = 0; i < READS; i++) {
        struct address found;
        server_entry_address(&writing.entry, &found);
        whole = whole && found.as.any.sa_family == found.size;
    }
    atomic_store(&writing.done, true);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_true(whole);
}

// --- Who can write what ---

static void test_each_worker_has_states_of_its_own(void **state) {
    (void)state;
    struct config *config = load(TWO_BACKENDS);
    struct server_table table;
    assert_true(server_table_make(&table, config, SLOTS, NULL, NULL));
    struct server_view views[SLOTS];
    for (size_t slot = 0; slot < SLOTS; slot++) {
        views[slot] = open_view(&table, slot, config);
    }
    memset(views[1].states_part.data, 0xff, views[1].states_part.size); // all that it can write
    for (size_t slot = 0; slot < SLOTS; slot++) {
        for (size_t i = 0; i < views[slot].count; i++) {
            assert_int_equal(views[slot].states[i].current_weight, slot == 1 ? -1 : 0);
        }
    }
    void *entries = views[1].entries_part.data;
    assert_int_equal(mprotect(entries, views[1].entries_part.size, PROT_READ | PROT_WRITE), -1);
    for (size_t slot = 0; slot < SLOTS; slot++) {
        server_view_close(&views[slot]);
    }
    server_table_close(&table);
    config_free(config);
}

static void test_the_next_worker_finds_nothing_of_the_one_that_died(void **state) {
    (void)state;
    struct config *config = load(TWO_BACKENDS);
    struct server_table table;
    assert_true(server_table_make(&table, config, SLOTS, NULL, NULL));
    struct server_view views[] = {open_view(&table, 0, config), open_view(&table, 1, config)};
    memset(views[0].states_part.data, 0xff, views[0].states_part.size);
    views[1].states[0].current_weight = 5;
    server_table_clear(&table, 0);
    struct server_view next = open_view(&table, 0, config);
    for (size_t i = 0; i < next.count; i++) {
        assert_int_equal(next.states[i].current_weight, 0);
    }
    assert_int_equal(views[1].states[0].current_weight, 5);
    server_view_close(&next);
    server_view_close(&views[0]);
    server_view_close(&views[1]);
    server_table_close(&table);
    config_free(config);
}

static void test_a_table_of_another_config_is_not_opened(void **state) {
    (void)state;
    struct config *config = load(TWO_BACKENDS);
    struct config *smaller = load(REST);
    struct server_view view;
    struct server_fds fds = new_server_fds(smaller, NULL);
    const struct server_fds taken = fds;
    assert_false(server_view_open(&view, config, &fds));
    assert_int_equal(fcntl(taken.entries, F_GETFD), -1);
    assert_int_equal(fcntl(taken.states, F_GETFD), -1);
    fds = new_server_fds(config, NULL);
    fds = (struct server_fds){fds.states, fds.entries}; // the wrong way round
    assert_false(server_view_open(&view, config, &fds));
    fds = (struct server_fds){-1, -1};
    assert_false(server_view_open(&view, config, &fds));
    config_free(config);
    config_free(smaller);
}

// --- Reloads ---

#define BEFORE                                                                                     \
    LISTEN SITE "backend b { server 127.0.0.1:1 {} server 127.0.0.1:2 { weight = 3 } }\n"          \
                "backend c { server 127.0.0.1:1 {} server 127.0.0.1:3 {} }\n"

// What the states of BEFORE were: turns of -2, 2 and 1, -1.
static void test_what_is_known_of_servers_that_stay_is_taken_over(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t turns[5];
    } cases[] = {
        {BEFORE, {-2, 2, 1, -1}},
        // In another order.
        {LISTEN SITE "backend c { server 127.0.0.1:3 {} server 127.0.0.1:1 {} }\n"
                     "backend b { server 127.0.0.1:2 { weight = 3 } server 127.0.0.1:1 {} }\n",
         {-1, 1, 2, -2}},
        // Another weight, and one server less: the turns begin anew.
        {LISTEN SITE "backend b { server 127.0.0.1:1 {} server 127.0.0.1:2 { weight = 4 } }\n"
                     "backend c { server 127.0.0.1:3 {} }\n",
         {0, 0, 0}},
        // One more, and one of another backend.
        {LISTEN SITE "backend b { server 127.0.0.1:1 {} server 127.0.0.1:2 { weight = 3 }\n"
                     "server 127.0.0.1:3 {} }\n"
                     "backend d { server 127.0.0.1:1 {} server 127.0.0.1:3 {} }\n",
         {0, 0, 0, 0, 0}},
    };
    struct config *before = load(BEFORE);
    struct server_table table;
    assert_true(server_table_make(&table, before, 1, NULL, NULL));
    struct server_view former = open_view(&table, 0, before);
    for (size_t i = 0; i < former.count; i++) {
        const int64_t turns[] = {-2, 2, 1, -1};
        former.states[i] = (struct server_state){turns[i]};
    }
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct config *config = load(cases[i].text);
        const struct server_table_former old = {before, FORMER, &table};
        struct server_view view;
        struct server_fds fds = new_server_fds(config, &old);
        assert_true(server_view_open(&view, config, &fds));
        server_view_take_over(&view, config, &former, FORMER - 1); // not the one before
        assert_int_equal(view.states[0].current_weight, 0);
        server_view_take_over(&view, config, &former, FORMER);
        for (size_t k = 0; k < view.count; k++) {
            assert_int_equal(view.states[k].current_weight, cases[i].turns[k]);
        }
        server_view_close(&view);
        config_free(config);
    }
    server_view_close(&former);
    server_table_close(&table);
    config_free(before);
}

// --- Cells ---

// Makes the table of `text` after `*former` and puts it in its place.
static void next_table(struct server_table *former, struct config **former_config, const char *text,
                       const char *cells) {
    struct config *config = load(text);
    const struct server_table_former old = {*former_config, FORMER, former};
    struct server_table table;
    assert_true(server_table_make(&table, config, 1, NULL, *former_config == NULL ? NULL : &old));
    struct server_view view = open_view(&table, 0, config);
    assert_int_equal(view.count, strlen(cells));
    for (size_t i = 0; i < view.count; i++) {
        assert_int_equal(view.entries[i].cell, cells[i] - '0');
    }
    server_view_close(&view);
    if (*former_config != NULL) {
        server_table_close(former);
        config_free(*former_config);
    }
    *former = table;
    *former_config = config;
}

static void test_a_server_keeps_its_cell(void **state) {
    (void)state;
    struct server_table table;
    struct config *config = NULL;
    next_table(&table, &config, BEFORE, "0123");
    // Two leave, and two come: they get cells that nobody had before.
    next_table(&table, &config,
               LISTEN SITE "backend c { server 127.0.0.1:4 {} server 127.0.0.1:3 {} }\n"
                           "backend b { server 127.0.0.1:5 {} server 127.0.0.1:2 {} }\n",
               "4351");
    next_table(&table, &config,
               LISTEN SITE "backend b { server 127.0.0.1:1 {} server 127.0.0.1:2 {} }\n", "01");
    server_table_close(&table);
    config_free(config);
}

static void test_with_too_many_servers_cells_are_shared(void **state) {
    (void)state;
    enum { PER_BACKEND = 1000, BACKENDS = SERVER_CELLS / PER_BACKEND + 1 };
    struct config_server *servers = calloc(PER_BACKEND, sizeof(*servers));
    struct config_backend *backends = calloc(BACKENDS, sizeof(*backends));
    assert_non_null(servers);
    assert_non_null(backends);
    for (size_t i = 0; i < BACKENDS; i++) {
        backends[i] = (struct config_backend){.servers = servers, .server_count = PER_BACKEND};
    }
    struct config config = {.backends = backends, .backend_count = BACKENDS};
    struct server_table table;
    assert_true(server_table_make(&table, &config, 1, NULL, NULL));
    struct server_view view = open_view(&table, 0, &config);
    for (size_t i = 0; i < view.count; i++) {
        assert_int_equal(view.entries[i].cell, i % SERVER_CELLS);
    }
    server_view_close(&view);
    server_table_close(&table);
    free(servers);
    free(backends);
}

static void test_a_first_generation_takes_nothing_over(void **state) {
    (void)state;
    struct config *config = load(BEFORE);
    struct server_fds fds = new_server_fds(config, NULL);
    struct server_view view;
    assert_true(server_view_open(&view, config, &fds));
    view.states[0].current_weight = 5;
    server_view_take_over(&view, config, &view, 0);
    assert_int_equal(view.states[0].current_weight, 5);
    server_view_close(&view);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_worker_finds_the_servers_in_the_order_of_the_config),
        cmocka_unit_test(test_workers_see_which_sites_are_in_maintenance),
        cmocka_unit_test(test_an_address_that_changes_is_read_whole),
        cmocka_unit_test(test_each_worker_has_states_of_its_own),
        cmocka_unit_test(test_the_next_worker_finds_nothing_of_the_one_that_died),
        cmocka_unit_test(test_a_table_of_another_config_is_not_opened),
        cmocka_unit_test(test_what_is_known_of_servers_that_stay_is_taken_over),
        cmocka_unit_test(test_a_server_keeps_its_cell),
        cmocka_unit_test(test_with_too_many_servers_cells_are_shared),
        cmocka_unit_test(test_a_first_generation_takes_nothing_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
