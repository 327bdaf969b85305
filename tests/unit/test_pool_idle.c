// What becomes of idle connections to servers: closed for an end, for bytes, for age.
#include "pool_fixture.h"

#include "base/clock.h"

// --- What an idle connection is closed for ---

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
    lease = pool_lease(&f->pool, &f->servers[0], false,
                       &f->owner.as_owner); // without a turn of the loop
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
    lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
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
        leaser->lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
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
    lease = pool_lease(&f->pool, &f->servers[0], false, &f->owner.as_owner);
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
    struct backend_set *other = new_backend_set(&f->config);
    assert_non_null(other);
    struct lease *leased = lease_fresh(f);
    for (size_t i = 0; i < SERVERS; i++) {
        struct lease *lease = lease_server(f, i, true);
        struct lease *more = lease_server(f, i, true);
        lease_release(lease, false, NOW);
        lease_release(more, false, NOW);
    }
    struct lease *others =
        pool_lease(&f->pool, &other->backends[0].servers[0], true, &f->owner.as_owner);
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
    pool_init(&f->pool, f->loop, f->metrics); // for tear_down()
}

// --- Servers that send bytes that nobody asked for ---

static void unasked(struct fixture *f, const char *bytes) {
    struct lease *lease = lease_fresh(f);
    struct lease *other = lease_fresh(f);
    int peer = accept_one(f, 0);
    int other_peer = accept_one(f, 0);
    int64_t now_ms = clock_monotonic_us() / 1000;
    lease_release(lease, false, now_ms);
    lease_release(other, false, now_ms);
    assert_int_equal(send(peer, bytes, strlen(bytes), 0), strlen(bytes));
    (void)shutdown(peer, SHUT_WR);
    RUN_UNTIL(f->loop, f->servers[0].idle_count < 2);
    (void)close(peer);
    (void)close(other_peer);
}

static void test_after_unasked_bytes_no_connection_of_the_server_is_reused(void **state) {
    struct fixture *f = *state;
    unasked(f, "HTTP/1.1 200 OK\r\n");
    assert_idle(f, 0, 0);
    assert_int_equal(metric(f, METRIC_server_unasked), 1);
    int64_t now_ms = clock_monotonic_us() / 1000;
    lease_release(lease_fresh(f), false, now_ms);
    assert_idle(f, 0, 0);
    lease_release(lease_server(f, 1, true), false, now_ms); // another server
    assert_idle(f, 0, 1);
    lease_release(lease_fresh(f), false, now_ms + POOL_DISTRUST_MS + 1000);
    assert_idle(f, 1, 1);
}

static void test_bytes_that_the_next_lease_sees_count_too(void **state) {
    struct fixture *f = *state;
    lease_after_the_poll(f, "x");
    assert_int_equal(metric(f, METRIC_server_unasked), 1);
    lease_release(lease_fresh(f), false, clock_monotonic_us() / 1000);
    assert_idle(f, 0, 0);
}

static void test_an_end_and_a_timeout_are_no_unasked_bytes(void **state) {
    struct fixture *f = *state;
    unasked(f, "");
    assert_idle(f, 1, 0);
    unasked(f, "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n");
    assert_int_equal(metric(f, METRIC_server_unasked), 0);
    assert_int_not_equal(f->servers[0].idle_count, 0);
}
int main(void) {
    const struct CMUnitTest tests[] = {
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
        POOL_TEST(test_after_unasked_bytes_no_connection_of_the_server_is_reused),
        POOL_TEST(test_bytes_that_the_next_lease_sees_count_too),
        POOL_TEST(test_an_end_and_a_timeout_are_no_unasked_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
