// Connections to servers: made, leased, pooled, bound to one client.
#include "pool_fixture.h"

#include <sys/resource.h>

// --- Connecting ---

static void test_a_lease_is_a_new_connection(void **state) {
    struct fixture *f = *state;
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    assert_non_null(lease);
    assert_false(lease->reused);
    assert_int_equal(metric(f, METRIC_server_connections), 1);
    assert_int_equal(metric(f, METRIC_server_reuses), 0);
    if (!lease->connected) { // as a rule it is, at once
        assert_false(lease->writable);
        assert_int_equal(lease_finish_connect(lease), EINPROGRESS);
        assert_int_equal(f->owner.told, 0);
        RUN_UNTIL(f->loop, f->owner.told == 1);
        assert_true(lease->writable);
        assert_int_equal(lease_finish_connect(lease), 0);
    }
    assert_true(lease->connected);
    assert_int_equal(lease_watched(lease), EV_READ);
    int fd = lease->fd;
    int peer = accept_one(f, 0);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    char byte;
    assert_int_equal(recv(peer, &byte, 1, 0), 1);
    lease_close(lease);
    assert_false(is_open(fd));
    assert_int_equal(recv(peer, &byte, 1, 0), 0);
    assert_idle(f, 0, 0);
    (void)close(peer);
}

static void test_a_refused_connection_is_told(void **state) {
    struct fixture *f = *state;
    (void)close(f->listeners[0]);
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    f->listeners[0] = -1;
    if (lease == NULL) {
        assert_int_equal(errno, ECONNREFUSED);
        return;
    }
    RUN_UNTIL(f->loop, lease->writable);
    assert_int_equal(lease_finish_connect(lease), ECONNREFUSED);
    assert_false(lease->connected);
    lease_close(lease);
}

static void test_no_lease_where_nothing_can_be_connected(void **state) {
    struct fixture *f = *state;
    const char *why;
    struct address nowhere;
    assert_int_equal(address_parse(SLICE("unix:/nowhere/at/all"), &nowhere, &why), RESULT_OK);
    move_server(f, 0, &nowhere);
    errno = 0;
    assert_null(pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner));
    assert_int_equal(errno, ENOENT);
    assert_int_equal(metric(f, METRIC_server_connections), 0);
}

// A unix server with room for no more connection.
struct full_server {
    char folder[40];
    struct address address;
    int listener;
    int waiting; // in its queue
};

static void open_full_server(struct full_server *full) {
    char text[64];
    const char *why;
    enum connect_state state;
    (void)snprintf(full->folder, sizeof(full->folder), "/tmp/ravelin-test-pool-XXXXXX");
    assert_non_null(mkdtemp(full->folder));
    (void)snprintf(text, sizeof(text), "unix:%s/server", full->folder);
    assert_int_equal(address_parse(slice_from(text), &full->address, &why), RESULT_OK);
    full->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(full->listener, &full->address.as.any, full->address.size), 0);
    assert_int_equal(listen(full->listener, 0), 0);
    full->waiting = socket_connect(&full->address, &state);
    assert_true(full->waiting >= 0);
}

static void close_full_server(const struct full_server *full) {
    (void)close(full->waiting);
    (void)close(full->listener);
    assert_int_equal(unlink(full->address.as.unix_path.sun_path), 0);
    assert_int_equal(rmdir(full->folder), 0);
}

static void test_a_full_queue_is_waited_for(void **state) {
    struct fixture *f = *state;
    struct full_server full;
    open_full_server(&full);
    move_server(f, 0, &full.address);
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    assert_non_null(lease);
    lease_want_write(lease, true); // as an exchange does that waits for its connection
    RUN_UNTIL(f->loop, lease->retry->timer.repeat > 0.01);
    assert_int_equal(f->owner.told, 0);
    assert_int_equal(lease_finish_connect(lease), EINPROGRESS);
    assert_int_equal(lease_watched(lease), 0); // it would always fire
    (void)close(accept(full.listener, NULL, NULL));
    RUN_UNTIL(f->loop, f->owner.told > 0);
    assert_int_equal(lease_finish_connect(lease), 0);
    assert_true(lease->connected);
    assert_true(lease_watched(lease) & EV_READ);
    assert_null(lease->retry);
    lease_want_write(lease, true); // as an exchange does that has filled the socket
    assert_true(lease_watched(lease) & EV_WRITE);
    lease_close(lease);
    close_full_server(&full);
}

static void test_a_server_that_goes_while_its_queue_is_full(void **state) {
    struct fixture *f = *state;
    struct full_server full;
    open_full_server(&full);
    move_server(f, 0, &full.address);
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    struct lease *impatient = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    assert_true(lease != NULL && impatient != NULL);
    lease_close(impatient);
    (void)close(full.listener);
    full.listener = -1;
    RUN_UNTIL(f->loop, f->owner.told > 0);
    assert_int_equal(lease_finish_connect(lease), ECONNREFUSED);
    assert_false(lease->connected);
    lease_close(lease);
    close_full_server(&full);
}

// --- Readiness ---

static void test_the_owner_is_told_when_there_is_something_to_read(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    f->owner.told = 0;
    run_ready(f->loop);
    assert_int_equal(f->owner.told, 0);
    assert_false(lease->readable);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    RUN_UNTIL(f->loop, lease->readable);
    assert_int_equal(f->owner.told, 1);
    lease_close(lease);
    (void)close(peer);
}

// An owner of another kind: it gives its connection back from within.
struct visitor {
    struct lease *lease;
    struct lease_owner as_owner;
};

static void leave(struct lease_owner *owner) {
    struct visitor *visitor = LIST_ENTRY(owner, struct visitor, as_owner);
    lease_close(visitor->lease);
    visitor->lease = NULL;
}

static void test_each_owner_has_its_own_callback_called(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    struct visitor visitor = {.as_owner = {.ready = leave}};
    visitor.lease = pool_lease(&f->pool, &f->servers[0], true, &visitor.as_owner);
    assert_non_null(visitor.lease);
    int visitors_peer = accept_one(f, 0);
    f->owner.told = 0;
    assert_int_equal(send(visitors_peer, "x", 1, 0), 1);
    RUN_UNTIL(f->loop, visitor.lease == NULL);
    assert_int_equal(f->owner.told, 0);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    RUN_UNTIL(f->loop, f->owner.told == 1);
    lease_close(lease);
    (void)close(visitors_peer);
    (void)close(peer);
}

static void test_an_owner_that_does_not_want_to_read_is_not_told(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    f->owner.told = 0;
    lease_want_read(lease, false);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    wait_readable(lease->fd);
    lease_want_write(lease, true);
    RUN_UNTIL(f->loop, f->owner.told > 0); // of the writing
    assert_false(lease->readable);
    assert_false(lease_watched(lease) & EV_WRITE);
    lease_want_read(lease, true);
    RUN_UNTIL(f->loop, lease->readable);
    lease_close(lease);
    (void)close(peer);
}

// --- The pool ---

static void test_a_released_connection_is_leased_again(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int fd = lease->fd;
    lease_release(lease, false, NOW);
    assert_null(lease->owner);
    assert_idle(f, 1, 0);
    struct lease *again = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
    assert_ptr_equal(again, lease);
    assert_int_equal(again->fd, fd);
    assert_true(again->reused);
    assert_true(again->connected);
    assert_ptr_equal(again->owner, &f->owner.as_owner);
    assert_true(lease_watched(again) & EV_READ);
    assert_idle(f, 0, 0);
    assert_int_equal(metric(f, METRIC_server_connections), 1);
    assert_int_equal(metric(f, METRIC_server_reuses), 1);
    lease_close(again);
    assert_idle(f, 0, 0);
}

static void test_a_fresh_one_is_asked_for_although_one_is_idle(void **state) {
    struct fixture *f = *state;
    struct lease *first = lease_fresh(f);
    lease_release(first, false, NOW);
    struct lease *second = lease_fresh(f);
    assert_ptr_not_equal(second, first);
    assert_false(second->reused);
    assert_idle(f, 1, 0);
    assert_int_equal(metric(f, METRIC_server_connections), 2);
    lease_close(second);
}

static void test_each_server_has_its_own(void **state) {
    struct fixture *f = *state;
    struct lease *first = lease_fresh(f);
    lease_release(first, false, NOW);
    struct lease *second = lease_server(f, 1, false);
    assert_false(second->reused);
    assert_idle(f, 1, 0);
    lease_release(second, false, NOW);
    assert_idle(f, 1, 1);
    assert_ptr_equal(lease_server(f, 0, false), first);
    assert_idle(f, 0, 1);
    lease_close(first);
}

static void test_the_last_one_used_is_the_first_reused(void **state) {
    struct fixture *f = *state;
    struct lease *leases[3];
    for (size_t i = 0; i < 3; i++) {
        leases[i] = lease_fresh(f);
    }
    for (size_t i = 0; i < 3; i++) {
        lease_release(leases[i], false, NOW);
    }
    assert_idle(f, 3, 0);
    ev_run(f->loop, EVRUN_NOWAIT);
    for (size_t i = 3; i > 0; i--) {
        assert_ptr_equal(lease_server(f, 0, false), leases[i - 1]);
    }
    assert_idle(f, 0, 0);
    for (size_t i = 0; i < 3; i++) {
        lease_close(leases[i]);
    }
}

static void test_a_retired_generation_pools_nothing(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int fd = lease->fd;
    lease_release(lease, true, NOW);
    assert_false(is_open(fd));
    assert_idle(f, 0, 0);
}

static void test_a_connection_with_something_to_read_is_not_pooled(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    int fd = lease->fd;
    assert_int_equal(send(peer, "x", 1, 0), 1);
    RUN_UNTIL(f->loop, lease->readable);
    lease_release(lease, false, NOW);
    assert_false(is_open(fd));
    assert_idle(f, 0, 0);
    (void)close(peer);
}

static void test_an_owner_that_stopped_reading_leaves_a_watched_connection(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    lease_want_read(lease, false);
    lease_want_write(lease, true);
    lease_release(lease, false, NOW);
    assert_int_equal(lease_watched(lease), EV_READ);
}

// --- The bound ---

static void test_the_pool_of_a_server_has_a_bound(void **state) {
    struct fixture *f = *state;
    static struct lease *leases[POOL_IDLE_MAX + 1];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    for (size_t i = 0; i <= POOL_IDLE_MAX; i++) { // they stay in the listener's queue
        leases[i] = lease_fresh(f);
    }
    for (size_t i = 0; i < POOL_IDLE_MAX; i++) {
        lease_release(leases[i], false, NOW);
    }
    assert_idle(f, POOL_IDLE_MAX, 0);
    int fd = leases[POOL_IDLE_MAX]->fd;
    lease_release(leases[POOL_IDLE_MAX], false, NOW);
    assert_false(is_open(fd));
    assert_idle(f, POOL_IDLE_MAX, 0);
    struct lease *elsewhere = lease_server(f, 1, true); // each server has its own bound
    lease_release(elsewhere, false, NOW);
    assert_idle(f, POOL_IDLE_MAX, 1);
}

// --- Connections that serve one client ---

// A bound connection, idle in the keeper's list.
static struct lease *keep_one(struct fixture *f, struct list_node *keeper, size_t index) {
    struct lease *lease = lease_server(f, index, true);
    lease->bound = true;
    lease_keep(lease, keeper, f->set);
    return lease;
}

static void test_a_bound_connection_is_never_pooled(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int fd = lease->fd;
    lease->bound = true;
    lease_release(lease, false, NOW);
    assert_idle(f, 0, 0);
    assert_false(is_open(fd));
}

static void test_a_kept_connection_serves_its_keeper_alone(void **state) {
    struct fixture *f = *state;
    struct list_node keeper, stranger;
    list_init(&keeper);
    list_init(&stranger);
    struct lease *lease = keep_one(f, &keeper, 0);
    pool_sweep(&f->pool, NOW + 9 * POOL_IDLE_MS);
    pool_close_idle(&f->pool, f->set);
    assert_idle(f, 0, 0);
    const struct backend *backend = &f->set->backends[0];
    assert_null(pool_lease_kept(&stranger, backend, &f->owner.as_owner));
    struct lease *other = lease_server(f, 0, false);
    assert_ptr_not_equal(other, lease);
    assert_ptr_equal(pool_lease_kept(&keeper, backend, &f->owner.as_owner), lease);
    assert_true(lease->bound && lease->reused);
    assert_ptr_equal(lease->owner, &f->owner.as_owner);
    assert_int_equal(metric(f, METRIC_server_reuses), 1);
    assert_null(pool_lease_kept(&keeper, backend, &f->owner.as_owner));
    lease_close(lease);
    lease_close(other);
}

static void test_a_keeper_has_one_connection_for_a_backend(void **state) {
    struct fixture *f = *state;
    struct list_node keeper;
    list_init(&keeper);
    int fd = keep_one(f, &keeper, 0)->fd;
    struct lease *second = keep_one(f, &keeper, 1);
    assert_false(is_open(fd));
    assert_ptr_equal(LIST_ENTRY(keeper.next, struct lease, node), second);
    assert_ptr_equal(second->node.next, &keeper);
    fd = second->fd;
    pool_close_kept(&keeper);
    assert_true(list_is_empty(&keeper) && list_is_empty(&f->pool.kept));
    assert_false(is_open(fd));
}

static void test_bytes_and_an_end_close_a_kept_connection(void **state) {
    struct fixture *f = *state;
    struct list_node keeper;
    list_init(&keeper);
    int told = 0;
    for (size_t i = 0; i < 2; i++) {
        struct lease *lease = keep_one(f, &keeper, 0);
        int peer = accept_one(f, 0);
        assert_true(i == 0 ? send(peer, "x", 1, 0) == 1 : shutdown(peer, SHUT_WR) == 0);
        wait_readable(lease->fd);
        told = f->owner.told;
        if (i == 0) { // before the loop tells, at once; then by the loop
            assert_null(pool_lease_kept(&keeper, &f->set->backends[0], &f->owner.as_owner));
        }
        RUN_UNTIL(f->loop, list_is_empty(&keeper));
        (void)close(peer);
    }
    assert_int_equal(f->owner.told, told);
}

static void test_one_with_something_to_read_is_not_kept(void **state) {
    struct fixture *f = *state;
    struct list_node keeper;
    list_init(&keeper);
    struct lease *lease = lease_fresh(f);
    lease->bound = lease->readable = true;
    int fd = lease->fd;
    lease_keep(lease, &keeper, f->set);
    assert_true(list_is_empty(&keeper));
    assert_false(is_open(fd));
}

static void assert_in_use(const struct fixture *f, uint32_t first, uint32_t second) {
    assert_int_equal(*f->servers[0].used, first);
    assert_int_equal(*f->servers[1].used, second);
}

static void test_connections_in_use_are_counted_by_server(void **state) {
    struct fixture *f = *state;
    struct list_node keeper;
    list_init(&keeper);
    struct lease *first = lease_server(f, 0, true);
    struct lease *second = lease_server(f, 1, true);
    assert_in_use(f, 1, 1);
    lease_release(first, false, NOW);
    assert_in_use(f, 0, 1);
    first = lease_server(f, 0, false); // the same one again
    assert_in_use(f, 1, 1);
    struct backend_set *next = new_backend_set(&f->config);
    second->bound = true;
    lease_keep(second, &keeper, next);
    assert_in_use(f, 1, 0);
    second = pool_lease_kept(&keeper, &next->backends[0], &f->owner.as_owner);
    assert_non_null(second);
    assert_in_use(f, 1, 1); // it is a connection of the other set now, and of the same server
    assert_ptr_equal(next->backends[0].servers[1].used, f->servers[1].used);
    lease_close(second);
    lease_close(first);
    assert_in_use(f, 0, 0);
    backend_set_free(next);
}

// The address of a connection is the one of the server table, not of the configuration.
static void test_a_connection_goes_where_the_table_says(void **state) {
    struct fixture *f = *state;
    move_server(f, 0, &f->config_servers[1].address);
    struct lease *lease = lease_fresh(f);
    (void)close(accept_one(f, 1));
    lease_close(lease);
}

static void test_kept_connections_move_to_the_set_in_use(void **state) {
    struct fixture *f = *state;
    struct config_server servers[] = {f->config_servers[1], f->config_servers[0]};
    struct config_backend backend = {.name = f->config_backend.name, .servers = servers};
    struct config config = {.backends = &backend, .backend_count = 1};
    struct list_node keepers[2];
    struct lease *leases[2];
    for (size_t i = 0; i < 2; i++) {
        list_init(&keepers[i]);
        leases[i] = keep_one(f, &keepers[i], i);
    }
    backend.server_count = 2;
    struct backend_set *set = new_backend_set(&config);
    pool_move_kept(&f->pool, set);
    struct lease *lease = pool_lease_kept(&keepers[0], &set->backends[0], &f->owner.as_owner);
    assert_ptr_equal(lease, leases[0]);
    assert_ptr_equal(lease->server, &set->backends[0].servers[1]);
    assert_ptr_equal(leases[1]->server, &set->backends[0].servers[0]);

    backend.server_count = 1; // without server 0
    struct backend_set *last = new_backend_set(&config);
    pool_move_kept(&f->pool, last);
    assert_ptr_equal(leases[1]->server, &last->backends[0].servers[0]);
    int fd = lease->fd;
    lease_keep(lease, &keepers[0], last);
    assert_true(list_is_empty(&keepers[0]));
    assert_false(is_open(fd));
    struct config_backend other = backend;
    other.name = (char[]){"other"};
    config.backends = &other;
    struct backend_set *renamed = new_backend_set(&config);
    pool_move_kept(&f->pool, renamed);
    assert_true(list_is_empty(&keepers[1]));
    backend_set_free(set);
    backend_set_free(last);
    backend_set_free(renamed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        POOL_TEST(test_connections_in_use_are_counted_by_server),
        POOL_TEST(test_a_connection_goes_where_the_table_says),
        POOL_TEST(test_a_lease_is_a_new_connection),
        POOL_TEST(test_a_refused_connection_is_told),
        POOL_TEST(test_no_lease_where_nothing_can_be_connected),
        POOL_TEST(test_a_full_queue_is_waited_for),
        POOL_TEST(test_a_server_that_goes_while_its_queue_is_full),
        POOL_TEST(test_the_owner_is_told_when_there_is_something_to_read),
        POOL_TEST(test_each_owner_has_its_own_callback_called),
        POOL_TEST(test_an_owner_that_does_not_want_to_read_is_not_told),
        POOL_TEST(test_a_released_connection_is_leased_again),
        POOL_TEST(test_a_fresh_one_is_asked_for_although_one_is_idle),
        POOL_TEST(test_each_server_has_its_own),
        POOL_TEST(test_the_last_one_used_is_the_first_reused),
        POOL_TEST(test_a_retired_generation_pools_nothing),
        POOL_TEST(test_a_connection_with_something_to_read_is_not_pooled),
        POOL_TEST(test_an_owner_that_stopped_reading_leaves_a_watched_connection),
        POOL_TEST(test_the_pool_of_a_server_has_a_bound),
        POOL_TEST(test_a_bound_connection_is_never_pooled),
        POOL_TEST(test_a_kept_connection_serves_its_keeper_alone),
        POOL_TEST(test_a_keeper_has_one_connection_for_a_backend),
        POOL_TEST(test_bytes_and_an_end_close_a_kept_connection),
        POOL_TEST(test_one_with_something_to_read_is_not_kept),
        POOL_TEST(test_kept_connections_move_to_the_set_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
