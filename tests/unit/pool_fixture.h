// A pool with two servers on the loopback interface and a real loop.
#ifndef RAVELIN_TESTS_POOL_FIXTURE_H
#define RAVELIN_TESTS_POOL_FIXTURE_H

#include "backend/pool.h"
#include "base/socket.h"
#include "loop.h"
#include "server_tables.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SERVERS = 2, NOW = 1000000 };

// What the owner of a lease was told.
struct owner {
    struct lease_owner as_owner;
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
    struct server_table table;
    struct backend_set *set;
    struct server *servers;
    struct owner owner;
};

static inline void on_ready(struct lease_owner *owner) {
    LIST_ENTRY(owner, struct owner, as_owner)->told++;
}

static inline void listen_at(struct fixture *f, size_t index) {
    const char *why;
    struct address *address = &f->config_servers[index].address;
    assert_int_equal(address_parse(SLICE("127.0.0.1:0"), address, &why), RESULT_OK);
    f->listeners[index] = socket_listen(address, 1024);
    assert_true(f->listeners[index] >= 0);
    assert_int_equal(getsockname(f->listeners[index], &address->as.any, &address->size), 0);
    f->config_servers[index].weight = 1;
}

static inline int set_up(void **state) {
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
    assert_true(server_table_make(&f->table, &f->config, 1, NULL, NULL));
    struct server_fds fds = sent_fds(&f->table, 0);
    f->set = backend_set_new(&f->config, &fds, sole_counter());
    assert_non_null(f->set);
    f->servers = f->set->backends[0].servers;
    pool_init(&f->pool, f->loop, f->metrics);
    f->owner.as_owner.ready = on_ready;
    *state = f;
    return 0;
}

static inline int tear_down(void **state) {
    struct fixture *f = *state;
    pool_free(&f->pool);
    backend_set_free(f->set);
    server_table_close(&f->table);
    for (size_t i = 0; i < SERVERS; i++) {
        (void)close(f->listeners[i]);
    }
    metrics_unmap(f->metrics, 1);
    ev_loop_destroy(f->loop);
    free(f);
    return 0;
}

// As the master does it: connections to this server begin there from now on.
static inline void move_server(struct fixture *f, size_t index, const struct address *address) {
    size_t at = (size_t)((const uint8_t *)f->servers[index].entry - f->set->view.entries_part.data);
    server_entry_set_address((struct server_entry *)(void *)(f->table.entries.data + at), address,
                             NULL);
}

static inline uint64_t metric(const struct fixture *f, enum metric which) {
    return metrics_sum(f->metrics, 1, which);
}

static inline bool is_open(int fd) {
    char byte;
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EBADF;
}

static inline void wait_readable(int fd) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&wanted, 1, LOOP_PATIENCE_S * 1000), 1);
}

// The server's end of the connection that was made first.
static inline int accept_one(const struct fixture *f, size_t index) {
    wait_readable(f->listeners[index]);
    int fd = accept4(f->listeners[index], NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

// A lease whose connection is complete.
static inline struct lease *lease_server(struct fixture *f, size_t index, bool fresh) {
    struct lease *lease = pool_lease(&f->pool, &f->servers[index], fresh, &f->owner.as_owner);
    assert_non_null(lease);
    assert_ptr_equal(lease->owner, &f->owner.as_owner);
    assert_ptr_equal(lease->server, &f->servers[index]);
    if (!lease->connected) {
        RUN_UNTIL(f->loop, lease->writable);
        assert_int_equal(lease_finish_connect(lease), 0);
    }
    assert_true(lease->connected);
    return lease;
}

static inline struct lease *lease_fresh(struct fixture *f) {
    return lease_server(f, 0, true);
}

static inline void assert_idle(const struct fixture *f, uint32_t first, uint32_t second) {
    assert_int_equal(f->servers[0].idle_count, first);
    assert_int_equal(f->servers[1].idle_count, second);
    assert_int_equal(list_is_empty(&f->servers[0].idle), first == 0);
    assert_int_equal(list_is_empty(&f->servers[1].idle), second == 0);
    assert_int_equal(list_is_empty(&f->pool.by_age), first + second == 0);
    assert_int_equal(metric(f, METRIC_pool_idle), first + second);
}

#define POOL_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
