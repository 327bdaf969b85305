// A backend whose servers are names, as a worker uses it while the master changes their addresses.
#include "backend/pool.h"
#include "backend/server_places.h"

#include "config_text.h"
#include "loop.h"
#include "server_tables.h"

#include <errno.h>
#include <sys/socket.h>

enum { NOW = 5000, RECORDS_MAX = 4 };

#define NAMED LISTEN SITE "backend b { sticky = id server app.test:80 { addresses = 3 } }\n"

struct lab {
    struct config *config;
    struct server_names *names;
    struct server_table table;
    struct backend_set *set;
    struct backend *backend;
    struct server_name name;
    struct server_places places;
};

static void ignore(void *context, const struct server_name *name, const struct address *address,
                   bool came) {
    (void)context, (void)name, (void)address, (void)came;
}

static void open_lab(struct lab *lab) {
    *lab = (struct lab){.config = load(NAMED), .names = server_names_new()};
    assert_true(server_table_make(&lab->table, lab->config, 1, lab->names, NULL));
    assert_true(server_places_begin(&lab->table, lab->config, NULL, lab->names));
    struct server_fds fds = sent_fds(&lab->table, 0);
    lab->set = backend_set_new(lab->config, &fds, sole_counter());
    assert_non_null(lab->set);
    lab->backend = &lab->set->backends[0];
    assert_true(server_name_next(lab->config, &lab->name));
    lab->places =
        (struct server_places){.table = &lab->table, .names = lab->names, .changed = ignore};
}

static void close_lab(struct lab *lab) {
    backend_set_free(lab->set);
    server_table_close(&lab->table);
    server_names_free(lab->names);
    config_free(lab->config);
}

// Addresses with ranks, as in "1.1.1.1:80 1.1.1.2:80/1".
static void set(struct lab *lab, const char *text) {
    struct server_record records[RECORDS_MAX];
    char copy[256];
    size_t count = 0;
    (void)snprintf(copy, sizeof(copy), "%s", text);
    for (char *one = strtok(copy, " "); one != NULL; one = strtok(NULL, " ")) {
        const char *why;
        char *slash = strchr(one, '/');
        records[count] = (struct server_record){
            .rank = slash == NULL ? 0 : (uint32_t)strtoul(slash + 1, NULL, 10), .share = 1};
        one[slash == NULL ? strlen(one) : (size_t)(slash - one)] = '\0';
        assert_int_equal(address_parse(slice_from(one), &records[count++].address, &why),
                         RESULT_OK);
    }
    (void)server_places_set(&lab->places, &lab->name, records, count);
}

static struct server *choose(struct lab *lab, const struct server_wish *wish) {
    bool tries;
    return backend_choose(lab->backend, wish, NOW, &tries);
}

static const char *chosen(struct lab *lab) {
    const struct server *server = choose(lab, &(struct server_wish){.may_try = true});
    return server == NULL ? "none" : server->text;
}

static void test_requests_wait_until_the_first_answer(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    assert_string_equal(chosen(&lab), "none");
    assert_non_null(lab.backend->queue);
    assert_true(backend_is_up(lab.backend)); // soon
    assert_true(backend_is_empty(lab.backend));
    assert_false(backend_has_room(lab.backend, NOW));
    set(&lab, "");
    assert_false(backend_is_up(lab.backend)); // there is none
    set(&lab, "1.1.1.1:80");
    assert_true(backend_has_room(lab.backend, NOW));
    assert_false(backend_is_empty(lab.backend));
    assert_string_equal(chosen(&lab), "1.1.1.1:80");
    close_lab(&lab);
}

static void test_addresses_come_and_leave_between_requests(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    set(&lab, "1.1.1.1:80 1.1.1.2:80");
    assert_string_equal(chosen(&lab), "1.1.1.1:80");
    assert_string_equal(chosen(&lab), "1.1.1.2:80");
    assert_int_equal(lab.backend->view.count, 2);
    set(&lab, "1.1.1.2:80 1.1.1.3:80");
    for (int i = 0; i < 6; i++) {
        assert_string_not_equal(chosen(&lab), "1.1.1.1:80");
    }
    set(&lab, "1.1.1.4:80"); // into the place of the first one
    assert_string_equal(chosen(&lab), "1.1.1.4:80");
    set(&lab, "");
    assert_string_equal(chosen(&lab), "none");
    close_lab(&lab);
}

static void test_the_only_address_is_tried_again(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    set(&lab, "1.1.1.1:80 1.1.1.2:80");
    set(&lab, "1.1.1.2:80"); // in the second place
    const uint32_t tried[] = {1};
    const struct server_wish wish = {.tried = tried, .tried_count = 1, .may_try = true};
    assert_true(backend_has_one(lab.backend));
    assert_string_equal(choose(&lab, &wish)->text, "1.1.1.2:80");
    set(&lab, "1.1.1.2:80 1.1.1.3:80");
    assert_false(backend_has_one(lab.backend));
    assert_string_equal(choose(&lab, &wish)->text, "1.1.1.3:80");
    close_lab(&lab);
}

static void test_ranks_one_after_the_other(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    set(&lab, "1.1.1.1:80 1.1.1.2:80/1 1.1.1.3:80/2");
    assert_string_equal(chosen(&lab), "1.1.1.1:80");
    server_table_order(&lab.table, 0, lab.name.server, SERVER_ORDER_DOWN);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(chosen(&lab), "1.1.1.2:80");
    }
    server_table_order(&lab.table, 1, lab.name.server, SERVER_ORDER_DOWN);
    assert_string_equal(chosen(&lab), "1.1.1.3:80");
    close_lab(&lab);
}

static void test_cookies_follow_the_address(void **state) {
    (void)state;
    struct lab lab;
    uint8_t name[SERVER_NAME_SIZE];
    char first[256];
    open_lab(&lab);
    set(&lab, "1.1.1.1:80 1.1.1.2:80");
    (void)chosen(&lab);
    (void)snprintf(first, sizeof(first), "%s", lab.backend->servers[0].cookie);
    assert_string_not_equal(first, lab.backend->servers[1].cookie);
    server_entry_name(lab.backend->servers[0].entry, name);
    const struct server_wish wish = {.name = name, .may_try = true};
    assert_string_equal(choose(&lab, &wish)->text, "1.1.1.1:80");
    set(&lab, "1.1.1.2:80");
    assert_null(backend_find_named(lab.backend, &wish, NOW));
    set(&lab, "1.1.1.2:80 1.1.1.3:80"); // another one in its place
    assert_string_equal(choose(&lab, &wish)->text, "1.1.1.2:80");
    assert_string_not_equal(lab.backend->servers[0].cookie, first);
    set(&lab, "1.1.1.2:80 1.1.1.1:80");
    assert_string_equal(choose(&lab, &wish)->text, "1.1.1.1:80");
    close_lab(&lab);
}

// --- Connections ---

static void on_ready(struct lease_owner *owner) {
    (void)owner;
}

static int connect_nowhere(const struct address *address, enum connect_state *state) {
    (void)address;
    *state = CONNECT_DONE;
    return socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static ssize_t nothing_yet(int fd, void *data, size_t size, int flags) {
    (void)fd, (void)data, (void)size, (void)flags;
    errno = EAGAIN;
    return -1;
}

static void test_connections_to_an_address_that_left_are_not_used_again(void **state) {
    (void)state;
    struct lab lab;
    struct pool pool;
    struct lease_owner owner = {on_ready};
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct metrics_slot *metrics = metrics_map(1);
    open_lab(&lab);
    pool_init(&pool, loop, metrics);
    pool.calls.connect = connect_nowhere;
    pool.calls.recv = nothing_yet;
    set(&lab, "1.1.1.1:80 1.1.1.2:80");
    (void)chosen(&lab);
    struct server *server = &lab.backend->servers[0];
    struct lease *used = pool_lease(&pool, server, true, &owner);
    struct lease *idle = pool_lease(&pool, server, true, &owner);
    assert_true(used != NULL && idle != NULL);
    lease_release(idle, false, NOW);
    assert_int_equal(server->idle_count, 1);
    assert_true(lease_is_current(used));
    set(&lab, "1.1.1.2:80");
    assert_false(lease_is_current(used));
    pool_close_left(lab.set);
    assert_int_equal(server->idle_count, 0);
    set(&lab, "1.1.1.2:80 1.1.1.3:80"); // the same place
    assert_false(lease_is_current(used));
    lease_release(used, false, NOW); // it ends, and is closed
    assert_int_equal(server->idle_count, 0);
    (void)chosen(&lab);
    struct lease *next = pool_lease(&pool, server, false, &owner);
    lease_release(next, false, NOW);
    assert_int_equal(server->idle_count, 1);
    set(&lab, "1.1.1.2:80");
    set(&lab, "1.1.1.2:80 1.1.1.4:80");
    next = pool_lease(&pool, server, false, &owner); // before a tick: not the old one
    assert_false(next->reused);
    assert_int_equal(server->idle_count, 0);
    lease_close(next);
    pool_free(&pool);
    close_lab(&lab);
    metrics_unmap(metrics, 1);
    ev_loop_destroy(loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_wait_until_the_first_answer),
        cmocka_unit_test(test_addresses_come_and_leave_between_requests),
        cmocka_unit_test(test_the_only_address_is_tried_again),
        cmocka_unit_test(test_ranks_one_after_the_other),
        cmocka_unit_test(test_cookies_follow_the_address),
        cmocka_unit_test(test_connections_to_an_address_that_left_are_not_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
