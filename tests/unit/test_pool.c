// Connections to servers, with a real loop and servers on the loopback interface.
#include "backend/pool.h"
#include "base/socket.h"
#include "loop.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SERVERS = 2, NOW = 1000000 };

// What the owner of a lease was told.
struct owner {
    int told;
};

struct fixture {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct pool pool;
    int listeners[SERVERS];
    struct config_server config_servers[SERVERS];
    struct config_backend config_backend;
    struct config config;
    struct backend_set *set;
    struct server *servers;
    struct owner owner;
};

static void notify(void *owner) {
    ((struct owner *)owner)->told++;
}

static void listen_at(struct fixture *f, size_t index) {
    const char *why;
    struct address *address = &f->config_servers[index].address;
    assert_int_equal(address_parse(SLICE("127.0.0.1:0"), address, &why), RESULT_OK);
    f->listeners[index] = socket_listen(address, 1024);
    assert_true(f->listeners[index] >= 0);
    assert_int_equal(getsockname(f->listeners[index], &address->as.any, &address->size), 0);
    f->config_servers[index].weight = 1;
}

static int set_up(void **state) {
    static char name[] = "web";
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->metrics = metrics_map(1);
    assert_true(f->loop != NULL && f->metrics != NULL);
    for (size_t i = 0; i < SERVERS; i++) {
        listen_at(f, i);
    }
    f->config_backend = (struct config_backend){
        .name = name, .servers = f->config_servers, .server_count = SERVERS};
    f->config = (struct config){.backends = &f->config_backend, .backend_count = 1};
    f->set = backend_set_new(&f->config);
    assert_non_null(f->set);
    f->servers = f->set->backends[0].servers;
    pool_init(&f->pool, f->loop, f->metrics, notify);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    pool_free(&f->pool);
    backend_set_free(f->set);
    for (size_t i = 0; i < SERVERS; i++) {
        (void)close(f->listeners[i]);
    }
    metrics_unmap(f->metrics, 1);
    ev_loop_destroy(f->loop);
    free(f);
    return 0;
}

static uint64_t metric(const struct fixture *f, enum metric which) {
    return metrics_sum(f->metrics, 1, which);
}

static bool is_open(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EBADF;
}

static void wait_readable(int fd) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wanted, 1, LOOP_PATIENCE_S * 1000), 1);
}

// The server's end of the connection that was made first.
static int accept_one(const struct fixture *f, size_t index) {
    wait_readable(f->listeners[index]);
    int fd = accept4(f->listeners[index], NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

// A lease whose connection is complete.
static struct lease *lease_server(struct fixture *f, size_t index, bool fresh) {
    struct lease *lease = pool_lease(&f->pool, &f->servers[index], fresh, &f->owner);
    assert_non_null(lease);
    assert_ptr_equal(lease->owner, &f->owner);
    assert_ptr_equal(lease->server, &f->servers[index]);
    if (!lease->connected) {
        RUN_UNTIL(f->loop, lease->writable);
        assert_int_equal(lease_finish_connect(lease), 0);
    }
    assert_true(lease->connected);
    return lease;
}

static struct lease *lease_fresh(struct fixture *f) {
    return lease_server(f, 0, true);
}

static void assert_idle(const struct fixture *f, uint32_t first, uint32_t second) {
    assert_int_equal(f->servers[0].idle_count, first);
    assert_int_equal(f->servers[1].idle_count, second);
    assert_int_equal(list_is_empty(&f->servers[0].idle), first == 0);
    assert_int_equal(list_is_empty(&f->servers[1].idle), second == 0);
    assert_int_equal(list_is_empty(&f->pool.by_age), first + second == 0);
    assert_int_equal(metric(f, METRIC_pool_idle), first + second);
}

// ---- Connecting

static void test_a_lease_is_a_new_connection(void **state) {
    struct fixture *f = *state;
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    assert_non_null(lease);
    assert_false(lease->reused);
    assert_int_equal(metric(f, METRIC_server_connections), 1);
    assert_int_equal(metric(f, METRIC_server_reuses), 0);
    if (!lease->connected) { // as a rule it is not, at once
        assert_false(lease->writable);
        assert_int_equal(lease_finish_connect(lease), EINPROGRESS);
        assert_int_equal(f->owner.told, 0);
        RUN_UNTIL(f->loop, f->owner.told == 1);
        assert_true(lease->writable);
        assert_int_equal(lease_finish_connect(lease), 0);
    }
    assert_true(lease->connected);
    assert_true(ev_is_active(&lease->read_watcher));
    assert_false(ev_is_active(&lease->write_watcher));
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
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
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
    assert_int_equal(
        address_parse(SLICE("unix:/nowhere/at/all"), &f->config_servers[0].address, &why),
        RESULT_OK);
    errno = 0;
    assert_null(pool_lease(&f->pool, &f->servers[0], false, &f->owner));
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
    f->config_servers[0].address = full.address;
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    assert_non_null(lease);
    lease_want_write(lease, true); // as an exchange does that waits for its connection
    RUN_UNTIL(f->loop, lease->retry.repeat > 0.01);
    assert_int_equal(f->owner.told, 0);
    assert_int_equal(lease_finish_connect(lease), EINPROGRESS);
    assert_false(ev_is_active(&lease->write_watcher)); // it would always fire
    (void)close(accept(full.listener, NULL, NULL));
    RUN_UNTIL(f->loop, f->owner.told > 0);
    assert_int_equal(lease_finish_connect(lease), 0);
    assert_true(lease->connected);
    assert_true(ev_is_active(&lease->read_watcher));
    assert_false(ev_is_active(&lease->retry));
    lease_close(lease);
    close_full_server(&full);
}

static void test_a_server_that_goes_while_its_queue_is_full(void **state) {
    struct fixture *f = *state;
    struct full_server full;
    open_full_server(&full);
    f->config_servers[0].address = full.address;
    struct lease *lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    struct lease *impatient = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
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

// ---- Readiness

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
    assert_false(ev_is_active(&lease->write_watcher));
    lease_want_read(lease, true);
    RUN_UNTIL(f->loop, lease->readable);
    lease_close(lease);
    (void)close(peer);
}

// ---- The pool

static void test_a_released_connection_is_leased_again(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int fd = lease->fd;
    lease_release(lease, false, NOW);
    assert_null(lease->owner);
    assert_idle(f, 1, 0);
    struct lease *again = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    assert_ptr_equal(again, lease);
    assert_int_equal(again->fd, fd);
    assert_true(again->reused);
    assert_true(again->connected);
    assert_ptr_equal(again->owner, &f->owner);
    assert_true(ev_is_active(&again->read_watcher));
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
    assert_true(ev_is_active(&lease->read_watcher));
    assert_false(ev_is_active(&lease->write_watcher));
}

// ---- What an idle connection is closed for

static void test_a_server_that_closes_is_noticed(void **state) {
    struct fixture *f = *state;
    struct lease *stays = lease_fresh(f);
    int stays_peer = accept_one(f, 0);
    struct lease *goes = lease_fresh(f);
    int goes_peer = accept_one(f, 0);
    int fd = goes->fd;
    f->owner.told = 0;
    lease_release(stays, false, NOW);
    lease_release(goes, false, NOW);
    (void)close(goes_peer);
    RUN_UNTIL(f->loop, f->servers[0].idle_count == 1);
    assert_false(is_open(fd));
    assert_idle(f, 1, 0);
    assert_int_equal(f->owner.told, 0); // it has none
    assert_ptr_equal(lease_server(f, 0, false), stays);
    lease_close(stays);
    (void)close(stays_peer);
}

static void test_bytes_that_nobody_asked_for_close_it(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    int fd = lease->fd;
    f->owner.told = 0;
    lease_release(lease, false, NOW);
    assert_int_equal(send(peer, "HTTP/1.1 200 OK\r\n", 17, 0), 17);
    RUN_UNTIL(f->loop, f->servers[0].idle_count == 0);
    assert_false(is_open(fd));
    assert_int_equal(f->owner.told, 0);
    assert_idle(f, 0, 0);
    (void)close(peer);
}

static void test_bytes_that_came_before_the_release_close_it_too(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    wait_readable(lease->fd);
    lease_release(lease, false, NOW); // the loop has not told yet
    RUN_UNTIL(f->loop, f->servers[0].idle_count == 0);
    assert_idle(f, 0, 0);
    (void)close(peer);
}

static void test_bytes_that_came_before_the_release_are_seen_by_the_next_lease(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    int fd = lease->fd;
    assert_int_equal(send(peer, "x", 1, 0), 1);
    wait_readable(fd);
    lease_release(lease, false, NOW);
    lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner); // without a turn of the loop
    assert_non_null(lease);
    assert_false(lease->reused);
    char byte;
    assert_int_equal(recv(peer, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, ECONNRESET); // it was closed with a byte unread
    assert_idle(f, 0, 0);
    lease_close(lease);
    (void)close(peer);
}

static void test_an_end_that_came_before_the_release_is_seen_by_the_next_lease(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    assert_int_equal(shutdown(peer, SHUT_WR), 0);
    wait_readable(lease->fd);
    lease_release(lease, false, NOW);
    lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    assert_non_null(lease);
    assert_false(lease->reused);
    lease_close(lease);
    (void)close(peer);
}

struct leaser {
    ev_check check; // runs after the loop has gathered what is ready, and before it is told
    struct fixture *fixture;
    struct lease *lease;
};

static void lease_now(struct ev_loop *loop, ev_check *watcher, int events) {
    (void)events;
    struct leaser *leaser = watcher->data;
    if (ev_pending_count(loop) > 0 && leaser->lease == NULL) {
        struct fixture *f = leaser->fixture;
        leaser->lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    }
}

static void test_what_is_known_to_have_something_to_read_is_not_leased(void **state) {
    struct fixture *f = *state;
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    int fd = lease->fd;
    lease_release(lease, false, NOW);
    assert_int_equal(send(peer, "x", 1, 0), 1);
    wait_readable(fd);
    // In the same turn of the loop, before the pool is told of it, an exchange wants a connection.
    struct leaser leaser = {.fixture = f};
    ev_check_init(&leaser.check, lease_now);
    ev_set_priority(&leaser.check, EV_MAXPRI);
    leaser.check.data = &leaser;
    ev_check_start(f->loop, &leaser.check);
    RUN_UNTIL(f->loop, leaser.lease != NULL);
    ev_check_stop(f->loop, &leaser.check);
    assert_false(leaser.lease->reused);
    assert_int_equal(metric(f, METRIC_server_connections), 2);
    assert_idle(f, 0, 0);
    lease_close(leaser.lease);
    (void)close(peer);
}

// The loop has polled and found nothing; then the server sends, before the turn is over.
static void lease_after_the_poll(struct fixture *f, const char *bytes) {
    struct lease *lease = lease_fresh(f);
    int peer = accept_one(f, 0);
    lease_release(lease, false, NOW);
    run_ready(f->loop);
    assert_idle(f, 1, 0);
    if (bytes != NULL) {
        assert_int_equal(send(peer, bytes, 1, 0), 1);
    } else {
        assert_int_equal(shutdown(peer, SHUT_WR), 0);
    }
    wait_readable(lease->fd);
    lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner);
    assert_non_null(lease);
    assert_false(lease->reused);
    assert_int_equal(metric(f, METRIC_server_connections), 2);
    assert_idle(f, 0, 0);
    lease_close(lease);
    (void)close(peer);
}

static void test_bytes_that_came_after_the_poll_are_seen_by_the_next_lease(void **state) {
    lease_after_the_poll(*state, "x");
}

static void test_an_end_that_came_after_the_poll_is_seen_by_the_next_lease(void **state) {
    lease_after_the_poll(*state, NULL);
}

static void test_a_sweep_closes_what_is_idle_too_long(void **state) {
    struct fixture *f = *state;
    struct lease *first = lease_fresh(f);
    struct lease *second = lease_server(f, 1, true);
    struct lease *third = lease_fresh(f);
    int first_fd = first->fd, second_fd = second->fd, third_fd = third->fd;
    lease_release(first, false, NOW);
    lease_release(second, false, NOW + 10);
    lease_release(third, false, NOW + 20);
    pool_sweep(&f->pool, NOW + POOL_IDLE_MS - 1);
    assert_idle(f, 2, 1);
    pool_sweep(&f->pool, NOW + POOL_IDLE_MS);
    assert_idle(f, 1, 1);
    assert_false(is_open(first_fd));
    pool_sweep(&f->pool, NOW + POOL_IDLE_MS + 10);
    assert_idle(f, 1, 0);
    assert_false(is_open(second_fd));
    assert_true(is_open(third_fd));
}

static void test_use_makes_a_connection_young_again(void **state) {
    struct fixture *f = *state;
    struct lease *first = lease_fresh(f);
    struct lease *second = lease_server(f, 1, true);
    lease_release(first, false, NOW);
    lease_release(second, false, NOW + 10);
    assert_ptr_equal(lease_server(f, 0, false), first);
    pool_sweep(&f->pool, NOW + 9 * POOL_IDLE_MS); // a leased one is never too old
    assert_idle(f, 0, 0);
    assert_true(is_open(first->fd));
    lease_release(first, false, NOW + 9 * POOL_IDLE_MS);
    pool_sweep(&f->pool, NOW + 10 * POOL_IDLE_MS - 1);
    assert_idle(f, 1, 0);
    pool_sweep(&f->pool, NOW + 10 * POOL_IDLE_MS);
    assert_idle(f, 0, 0);
}

static void test_the_idle_connections_of_one_set_are_closed(void **state) {
    struct fixture *f = *state;
    struct backend_set *other = backend_set_new(&f->config);
    assert_non_null(other);
    struct lease *leased = lease_fresh(f);
    for (size_t i = 0; i < SERVERS; i++) {
        struct lease *lease = lease_server(f, i, true);
        struct lease *more = lease_server(f, i, true);
        lease_release(lease, false, NOW);
        lease_release(more, false, NOW);
    }
    struct lease *others = pool_lease(&f->pool, &other->backends[0].servers[0], true, &f->owner);
    assert_non_null(others);
    lease_release(others, false, NOW);
    assert_int_equal(metric(f, METRIC_pool_idle), 5);
    pool_close_idle(&f->pool, f->set);
    assert_int_equal(metric(f, METRIC_pool_idle), 1);
    assert_int_equal(f->servers[0].idle_count + f->servers[1].idle_count, 0);
    assert_int_equal(other->backends[0].servers[0].idle_count, 1);
    assert_true(is_open(leased->fd));
    lease_close(leased);
    pool_close_idle(&f->pool, other);
    assert_idle(f, 0, 0);
    backend_set_free(other);
}

static void test_freeing_the_pool_closes_what_is_idle(void **state) {
    struct fixture *f = *state;
    struct lease *first = lease_fresh(f);
    struct lease *second = lease_server(f, 1, true);
    int first_fd = first->fd, second_fd = second->fd;
    lease_release(first, false, NOW);
    lease_release(second, false, NOW);
    pool_free(&f->pool);
    assert_false(is_open(first_fd));
    assert_false(is_open(second_fd));
    assert_idle(f, 0, 0);
    pool_init(&f->pool, f->loop, f->metrics, notify); // for tear_down()
}

// ---- The bound

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

// ---- Connections that serve one client

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
    assert_null(pool_lease_kept(&stranger, backend, &f->owner));
    struct lease *other = lease_server(f, 0, false);
    assert_ptr_not_equal(other, lease);
    assert_ptr_equal(pool_lease_kept(&keeper, backend, &f->owner), lease);
    assert_true(lease->bound && lease->reused);
    assert_ptr_equal(lease->owner, &f->owner);
    assert_int_equal(metric(f, METRIC_server_reuses), 1);
    assert_null(pool_lease_kept(&keeper, backend, &f->owner));
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
            assert_null(pool_lease_kept(&keeper, &f->set->backends[0], &f->owner));
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
    struct backend_set *set = backend_set_new(&config);
    pool_move_kept(&f->pool, set);
    struct lease *lease = pool_lease_kept(&keepers[0], &set->backends[0], &f->owner);
    assert_ptr_equal(lease, leases[0]);
    assert_ptr_equal(lease->server, &set->backends[0].servers[1]);
    assert_ptr_equal(leases[1]->server, &set->backends[0].servers[0]);

    backend.server_count = 1; // without server 0
    struct backend_set *last = backend_set_new(&config);
    pool_move_kept(&f->pool, last);
    assert_ptr_equal(leases[1]->server, &last->backends[0].servers[0]);
    int fd = lease->fd;
    lease_keep(lease, &keepers[0], last);
    assert_true(list_is_empty(&keepers[0]));
    assert_false(is_open(fd));
    struct config_backend other = backend;
    other.name = (char[]){"other"};
    config.backends = &other;
    struct backend_set *renamed = backend_set_new(&config);
    pool_move_kept(&f->pool, renamed);
    assert_true(list_is_empty(&keepers[1]));
    backend_set_free(set);
    backend_set_free(last);
    backend_set_free(renamed);
}

#define POOL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        POOL_TEST(test_a_lease_is_a_new_connection),
        POOL_TEST(test_a_refused_connection_is_told),
        POOL_TEST(test_no_lease_where_nothing_can_be_connected),
        POOL_TEST(test_the_owner_is_told_when_there_is_something_to_read),
        POOL_TEST(test_a_full_queue_is_waited_for),
        POOL_TEST(test_a_server_that_goes_while_its_queue_is_full),
        POOL_TEST(test_an_owner_that_does_not_want_to_read_is_not_told),
        POOL_TEST(test_a_released_connection_is_leased_again),
        POOL_TEST(test_a_fresh_one_is_asked_for_although_one_is_idle),
        POOL_TEST(test_each_server_has_its_own),
        POOL_TEST(test_the_last_one_used_is_the_first_reused),
        POOL_TEST(test_a_retired_generation_pools_nothing),
        POOL_TEST(test_a_connection_with_something_to_read_is_not_pooled),
        POOL_TEST(test_an_owner_that_stopped_reading_leaves_a_watched_connection),
        POOL_TEST(test_a_server_that_closes_is_noticed),
        POOL_TEST(test_bytes_that_nobody_asked_for_close_it),
        POOL_TEST(test_bytes_that_came_before_the_release_close_it_too),
        POOL_TEST(test_bytes_that_came_before_the_release_are_seen_by_the_next_lease),
        POOL_TEST(test_an_end_that_came_before_the_release_is_seen_by_the_next_lease),
        POOL_TEST(test_what_is_known_to_have_something_to_read_is_not_leased),
        POOL_TEST(test_bytes_that_came_after_the_poll_are_seen_by_the_next_lease),
        POOL_TEST(test_an_end_that_came_after_the_poll_is_seen_by_the_next_lease),
        POOL_TEST(test_a_sweep_closes_what_is_idle_too_long),
        POOL_TEST(test_use_makes_a_connection_young_again),
        POOL_TEST(test_the_idle_connections_of_one_set_are_closed),
        POOL_TEST(test_freeing_the_pool_closes_what_is_idle),
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
