// Who waits for a connection to a server, and who is next.
#include "backend/queue.h"

#include "base/clock.h"
#include "config_text.h"
#include "loop.h"
#include "server_tables.h"

enum { SLOTS = 2, WAITERS_MAX = 12, SERVERS = 2 };

#define TWO_SERVERS(options)                                                                       \
    LISTEN SITE "backend b { " options "\n"                                                        \
                "server 127.0.0.1:1 { max-connections = 2 }\n"                                     \
                "server 127.0.0.1:2 { max-connections = 1 } }\n"

struct waiter {
    struct queue_waiter as_waiter;
    struct lab *lab;
    struct server *takes; // when it is called; NULL: it waits once more
    char name;
};

struct lab {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct queues queues;
    struct server_counts *counts;
    struct config *config;
    struct backend_set *set;
    struct backend *backend;
    struct waiter waiters[WAITERS_MAX];
    char called[2 * WAITERS_MAX + 1];
    size_t calls;
};

static void start(struct lab *lab, const char *text) {
    *lab = (struct lab){.loop = ev_loop_new(EVFLAG_AUTO),
                        .metrics = metrics_map(1),
                        .counts = server_counts_map(SLOTS),
                        .config = load(text)};
    assert_true(lab->loop != NULL && lab->metrics != NULL && lab->counts != NULL);
    queues_init(&lab->queues, lab->loop, lab->metrics);
    struct server_fds fds = new_server_fds(lab->config, NULL);
    const struct server_counter counter = {lab->counts, 0};
    lab->set = backend_set_new(lab->config, &fds, &counter);
    assert_non_null(lab->set);
    lab->backend = &lab->set->backends[0];
    assert_non_null(lab->backend->queue);
}

static void end(struct lab *lab) {
    assert_int_equal(lab->queues.count, 0);
    assert_false(ev_is_active(&lab->queues.look));
    assert_int_equal(metrics_sum(lab->metrics, 1, METRIC_queue_waiting), 0);
    queues_free(&lab->queues);
    backend_set_free(lab->set);
    config_free(lab->config);
    server_counts_unmap(lab->counts);
    metrics_unmap(lab->metrics, 1);
    ev_loop_destroy(lab->loop);
}

// Connections of this worker.
static void use(struct lab *lab, size_t server, int32_t connections) {
    server_cell_add(lab->backend->servers[server].used, (uint32_t)connections);
    if (connections < 0) {
        queue_note_room(lab->backend->queue);
    }
}

static void fill(struct lab *lab) {
    use(lab, 0, 2);
    use(lab, 1, 1);
    assert_false(backend_has_room(lab->backend, 0));
}

static int64_t now_ms(void) {
    return clock_monotonic_us() / 1000;
}

static void on_room(struct queue_waiter *as_waiter) {
    struct waiter *waiter = LIST_ENTRY(as_waiter, struct waiter, as_waiter);
    struct lab *lab = waiter->lab;
    assert_false(queue_has(as_waiter));
    assert_true(as_waiter->granted);
    assert_true(lab->calls + 1 < sizeof(lab->called));
    lab->called[lab->calls++] = waiter->name;
    if (waiter->takes == NULL) {
        assert_true(queue_enter(lab->backend->queue, &lab->queues, as_waiter, now_ms()));
    } else {
        server_cell_add(waiter->takes->used, 1);
    }
}

// The waiters get the names a, b and so on. `key`: of the client.
static bool enter(struct lab *lab, size_t index, uint64_t key) {
    struct waiter *waiter = &lab->waiters[index];
    *waiter = (struct waiter){.as_waiter = {.key = key, .ready = on_room},
                              .lab = lab,
                              .takes = &lab->backend->servers[0],
                              .name = (char)('a' + index)};
    return queue_enter(lab->backend->queue, &lab->queues, &waiter->as_waiter, now_ms());
}

// Gives a connection up so often, and returns who was called then.
static const char *give_up(struct lab *lab, size_t times) {
    lab->calls = 0;
    for (size_t i = 1; i <= times; i++) {
        use(lab, 0, -1);
        RUN_UNTIL(lab->loop, lab->calls == i);
    }
    lab->called[lab->calls] = '\0';
    return lab->called;
}

static void leave_all(struct lab *lab) {
    for (size_t i = 0; i < WAITERS_MAX; i++) {
        queue_leave(&lab->waiters[i].as_waiter);
    }
}

static void test_who_comes_first_is_first(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS(""));
    fill(&lab);
    assert_false(queue_is_busy(lab.backend->queue));
    for (size_t i = 0; i < 4; i++) {
        assert_true(enter(&lab, i, 7));
    }
    assert_true(queue_is_busy(lab.backend->queue));
    assert_int_equal(metrics_sum(lab.metrics, 1, METRIC_queue_waiting), 4);
    run_ready(lab.loop);
    assert_int_equal(lab.calls, 0);
    assert_string_equal(give_up(&lab, 3), "abc");
    assert_true(queue_has(&lab.waiters[3].as_waiter));
    leave_all(&lab);
    assert_false(queue_is_busy(lab.backend->queue));
    end(&lab);
}

static void test_clients_take_turns(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS(""));
    fill(&lab);
    for (size_t i = 0; i < 6; i++) { // one client has many requests
        assert_true(enter(&lab, i, 5));
    }
    assert_true(enter(&lab, 6, 9));
    assert_true(enter(&lab, 7, 9));
    assert_true(enter(&lab, 8, 2 + QUEUE_CLASSES));
    assert_string_equal(give_up(&lab, 9), "iagbhcdef");
    end(&lab);
}

static void test_who_leaves_is_not_called(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS(""));
    fill(&lab);
    for (size_t i = 0; i < 3; i++) {
        assert_true(enter(&lab, i, 1));
    }
    queue_leave(&lab.waiters[0].as_waiter);
    queue_leave(&lab.waiters[0].as_waiter);
    assert_string_equal(give_up(&lab, 2), "bc");
    end(&lab);
}

static void test_a_queue_is_bounded_over_all_workers(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS("queue = 5"));
    const struct server_counter other = {lab.counts, 1};
    fill(&lab);
    server_counter_set_waiting(&other, lab.backend->servers[0].entry->cell, 2, 1);
    for (size_t i = 0; i < 3; i++) {
        assert_true(enter(&lab, i, i));
    }
    assert_false(enter(&lab, 3, 3));
    assert_false(queue_has(&lab.waiters[3].as_waiter));
    queue_leave(&lab.waiters[0].as_waiter);
    assert_true(enter(&lab, 3, 3));
    leave_all(&lab);
    end(&lab);
    start(&lab, TWO_SERVERS("queue = 0"));
    assert_false(enter(&lab, 0, 0));
    end(&lab);
}

// The queues of two generations have one cell, and one bound.
static void test_who_waits_since_before_a_reload_counts(void **state) {
    (void)state;
    struct lab lab;
    struct queue_waiter late = {.key = 1, .ready = on_room};
    struct queue_waiter later = {.key = 2, .ready = on_room};
    start(&lab, TWO_SERVERS("queue = 3"));
    fill(&lab);
    struct server_fds fds = new_server_fds(lab.config, NULL);
    const struct server_counter counter = {lab.counts, 0};
    const struct server_counter other = {lab.counts, 1};
    struct backend_set *next = backend_set_new(lab.config, &fds, &counter);
    assert_non_null(next);
    struct queue *queue = next->backends[0].queue;
    uint32_t cell = lab.backend->servers[0].entry->cell;
    assert_int_equal(next->backends[0].servers[0].entry->cell, cell);
    assert_true(enter(&lab, 0, 1));
    assert_true(enter(&lab, 1, 2));
    int64_t oldest_ms = lab.waiters[0].as_waiter.since_ms;
    assert_true(queue_enter(queue, &lab.queues, &late, oldest_ms + 5));
    assert_int_equal(server_counter_waiting(&counter, cell), 3);
    assert_int_equal(server_counter_oldest(&other, cell), oldest_ms);
    assert_false(queue_enter(queue, &lab.queues, &later, oldest_ms + 6));
    queue_leave(&late);
    assert_int_equal(server_counter_waiting(&counter, cell), 2);
    assert_true(queue_enter(queue, &lab.queues, &late, oldest_ms + 7));
    leave_all(&lab);
    assert_int_equal(server_counter_waiting(&counter, cell), 1);
    assert_int_equal(server_counter_oldest(&other, cell), oldest_ms + 7);
    queue_leave(&late);
    assert_int_equal(server_counter_waiting(&counter, cell), 0);
    assert_int_equal(server_counter_oldest(&other, cell), 0);
    backend_set_free(next);
    end(&lab);
}

// The room was gone when it looked: it is the first once more, whatever the bound says.
static void test_who_was_called_in_vain_stays_the_first(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS("queue = 2"));
    fill(&lab);
    assert_true(enter(&lab, 0, 1));
    assert_true(enter(&lab, 1, 1));
    int64_t since_ms = lab.waiters[0].as_waiter.since_ms;
    lab.waiters[0].takes = NULL;
    lab.calls = 0;
    use(&lab, 0, -1);
    RUN_UNTIL(lab.loop, lab.calls >= 3); // it looks again and again
    assert_memory_equal(lab.called, "aaa", 3);
    assert_int_equal(lab.waiters[0].as_waiter.since_ms, since_ms);
    lab.waiters[0].takes = &lab.backend->servers[0];
    RUN_UNTIL(lab.loop, !queue_has(&lab.waiters[0].as_waiter));
    assert_string_equal(give_up(&lab, 1), "b");
    end(&lab);
}

// A connection that another worker gave up; nothing tells this one.
static void test_room_that_others_make_is_found(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS(""));
    const struct server_counter other = {lab.counts, 1};
    _Atomic uint32_t *cell = server_counter_cell(&other, lab.backend->servers[0].entry->cell);
    server_cell_add(cell, 2);
    use(&lab, 1, 1);
    assert_true(enter(&lab, 0, 1));
    run_ready(lab.loop);
    assert_int_equal(lab.calls, 0);
    server_cell_add(cell, UINT32_MAX);
    RUN_UNTIL(lab.loop, lab.calls == 1);
    end(&lab);
}

static void test_one_that_waits_longer_elsewhere_comes_first(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS(""));
    const struct server_counter other = {lab.counts, 1};
    uint32_t cell = lab.backend->servers[0].entry->cell;
    fill(&lab);
    assert_true(enter(&lab, 0, 1));
    server_counter_set_waiting(&other, cell, 1, now_ms() - 10L * QUEUE_LEAD_MS);
    int64_t begin_ms = now_ms();
    use(&lab, 0, -1);
    ev_now_update(lab.loop);
    RUN_UNTIL(lab.loop, lab.calls == 1); // that one does not come: it is waited for this long only
    assert_true(now_ms() - begin_ms >= QUEUE_YIELD_MS);
    server_counter_set_waiting(&other, cell, 1, now_ms()); // one that came later does not count
    assert_true(enter(&lab, 1, 1));
    use(&lab, 0, -1);
    run_ready(lab.loop);
    assert_int_equal(lab.calls, 2);
    end(&lab);
}

static void test_who_waits_for_one_server_lets_others_pass(void **state) {
    (void)state;
    struct lab lab;
    start(&lab, TWO_SERVERS("sticky = id"));
    fill(&lab);
    assert_true(enter(&lab, 0, 1));
    lab.waiters[0].as_waiter.server = &lab.backend->servers[1];
    lab.waiters[0].takes = &lab.backend->servers[1];
    assert_true(enter(&lab, 1, 1));
    assert_true(enter(&lab, 2, 2));
    assert_string_equal(give_up(&lab, 2), "bc");
    lab.calls = 0;
    use(&lab, 1, -1);
    RUN_UNTIL(lab.loop, lab.calls == 1);
    assert_int_equal(lab.called[0], 'a');
    end(&lab);
}

static void test_a_backend_without_limits_has_no_queue(void **state) {
    (void)state;
    struct config *config = load(REST);
    struct backend_set *set = new_backend_set(config);
    assert_non_null(set);
    assert_null(set->backends[0].queue);
    assert_true(backend_has_room(&set->backends[0], 0));
    backend_set_free(set);
    config_free(config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_comes_first_is_first),
        cmocka_unit_test(test_clients_take_turns),
        cmocka_unit_test(test_who_leaves_is_not_called),
        cmocka_unit_test(test_a_queue_is_bounded_over_all_workers),
        cmocka_unit_test(test_who_waits_since_before_a_reload_counts),
        cmocka_unit_test(test_who_was_called_in_vain_stays_the_first),
        cmocka_unit_test(test_room_that_others_make_is_found),
        cmocka_unit_test(test_one_that_waits_longer_elsewhere_comes_first),
        cmocka_unit_test(test_who_waits_for_one_server_lets_others_pass),
        cmocka_unit_test(test_a_backend_without_limits_has_no_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
