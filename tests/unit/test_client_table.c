#include "base/region.h"
#include "base/socket.h"
#include "exchange/client_table.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3, SECOND_US = 1000000 };

static uint64_t key_of(const struct client_table *table, const char *text) {
    struct address address;
    const char *why;
    assert_int_equal(address_parse(slice_from(text), &address, &why), RESULT_OK);
    return client_table_key(table, &address.as.any);
}

// How many connections the client has then: the least limit that they do not exceed. (When they are
// spread over the slots; see test_a_limit_that_only_one_worker_uses.)
static uint32_t connect_one(struct client_table *table, size_t slot, uint64_t key) {
    uint32_t most = 1;
    while (!client_table_connect(table, slot, key, most)) {
        client_table_disconnect(table, slot, key);
        most++;
    }
    return most;
}

static int set_up(void **state) {
    *state = client_table_map(SLOTS);
    return *state == NULL;
}

static int tear_down(void **state) {
    client_table_unmap(*state);
    return 0;
}

static void test_connections_of_all_slots_are_counted(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    assert_int_equal(connect_one(table, 0, key), 1);
    assert_int_equal(connect_one(table, 1, key), 2);
    assert_int_equal(connect_one(table, 1, key_of(table, "192.0.2.1:2")), 3); // any port
    assert_int_equal(connect_one(table, 2, key_of(table, "192.0.2.2:1")), 1);
    client_table_disconnect(table, 1, key);
    assert_int_equal(connect_one(table, 2, key), 3);
}

static void test_who_dies_takes_its_connections_along(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    for (size_t i = 0; i < 9; i++) {
        (void)client_table_connect(table, i % SLOTS, key, 0);
    }
    assert_false(client_table_connect(table, 1, key, 9));
    client_table_clear(table, 1);
    assert_true(client_table_connect(table, 1, key, 7));
    assert_false(client_table_connect(table, 1, key, 7));
}

static void test_ipv6_counts_by_network(void **state) {
    struct client_table *table = *state;
    assert_int_equal(connect_one(table, 0, key_of(table, "[2001:db8::1]:1")), 1);
    assert_int_equal(connect_one(table, 0, key_of(table, "[2001:db8::ffff:1]:1")), 2);
    assert_int_equal(connect_one(table, 0, key_of(table, "[2001:db8:0:1::1]:1")), 1);
}

static void test_ipv4_inside_ipv6_counts_as_ipv4(void **state) {
    struct client_table *table = *state;
    assert_int_equal(connect_one(table, 0, key_of(table, "192.0.2.1:1")), 1);
    assert_int_equal(connect_one(table, 0, key_of(table, "[::ffff:192.0.2.1]:1")), 2);
    assert_int_equal(connect_one(table, 0, key_of(table, "[::ffff:192.0.2.2]:1")), 1);
}

static void test_an_estimate_is_never_too_low(void **state) {
    struct client_table *table = *state;
    uint32_t too_high = 0;
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "10.1.%u.%u:1", i / 250, i % 250);
            bool within = client_table_connect(table, 0, key_of(table, text), round);
            too_high += within ? 0 : 1;
            assert_false(client_table_connect(table, 0, key_of(table, text), round));
            client_table_disconnect(table, 0, key_of(table, text));
        }
    }
    // Both cells of a client are shared with a chance of about (5000 / 32768)^2.
    assert_true(too_high < 1000);
}

// Runs `body` in a process that was forked with `slot`, as a worker is; how it ended.
static int in_worker(struct client_table *table, size_t slot, void (*body)(struct client_table *)) {
    int status = 0;
    client_table_lend(table, slot);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL);
        body(table);
        _exit(0);
    }
    client_table_lend(table, REGION_NO_SLOT);
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void connect_in_slot_2(struct client_table *table) {
    (void)client_table_connect(table, 2, key_of(table, "192.0.2.1:1"), 0);
}

static void test_a_worker_writes_its_slot_and_no_other(void **state) {
    struct client_table *table = *state;
    assert_int_equal(in_worker(table, 2, connect_in_slot_2), 0);
    assert_int_equal(connect_one(table, 0, key_of(table, "192.0.2.1:1")), 2);
    assert_true(WIFSIGNALED(in_worker(table, 1, connect_in_slot_2)));
    assert_true(WIFSIGNALED(in_worker(table, REGION_NO_SLOT, connect_in_slot_2)));
    assert_int_equal(connect_one(table, 0, key_of(table, "192.0.2.1:1")), 3);
}

// A limit by client: one worker that claims all there is leaves a connection to every other worker.
static void test_a_lie_about_connections_is_bounded(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    const uint32_t lies[] = {5, 100, UINT32_MAX};
    for (size_t i = 0; i < 3; i++) {
        client_table_clear(table, 1);
        client_table_disconnect(table, 1, key); // UINT32_MAX
        for (uint32_t k = 0; lies[i] != UINT32_MAX && k <= lies[i]; k++) {
            (void)client_table_connect(table, 1, key, 0);
        }
        assert_true(client_table_connect(table, 0, key, 5));
        assert_false(client_table_connect(table, 0, key, 5));
        client_table_disconnect(table, 0, key);
        client_table_disconnect(table, 0, key);
    }
    // Of a larger limit it takes its share and a part more: 100 / 3, a quarter of that, and 16.
    for (uint32_t k = 0; k < 100 - (33 + 8 + 16); k++) {
        assert_true(client_table_connect(table, 0, key, 100));
    }
    assert_false(client_table_connect(table, 0, key, 100));
}

// Two lies do not wrap the sum around to a small one.
static void test_lies_do_not_lift_a_limit(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    client_table_disconnect(table, 1, key);
    client_table_disconnect(table, 2, key);
    assert_false(client_table_connect(table, 0, key, 5));
    client_table_clear(table, 1);
    client_table_clear(table, 2);
    assert_true(client_table_connect(table, 0, key, 5));
}

static void test_a_limit_that_only_one_worker_uses(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    for (int i = 0; i < 5; i++) {
        assert_true(client_table_connect(table, 0, key, 5));
    }
    assert_false(client_table_connect(table, 0, key, 5));
    client_table_disconnect(table, 0, key);
    // One too many, as one connection of slot 0 is not believed; no worker adds another.
    assert_true(client_table_connect(table, 1, key, 5));
    assert_false(client_table_connect(table, 1, key, 5));
    assert_false(client_table_connect(table, 2, key, 5));
    assert_false(client_table_connect(table, 0, key, 5));
    // A limit of one is exact.
    uint64_t other = key_of(table, "192.0.2.9:1");
    assert_true(client_table_connect(table, 0, other, 1));
    assert_false(client_table_connect(table, 1, other, 1));
}

static void test_a_bucket_empties_and_fills(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    int64_t interval_us = SECOND_US / 10;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(client_table_take(table, 0, key, 7, interval_us, 5, now_us), 0);
    }
    assert_int_equal(client_table_take(table, 0, key, 7, interval_us, 5, now_us), interval_us);
    assert_int_equal(client_table_take(table, 0, key, 7, interval_us, 5, now_us + 1),
                     interval_us - 1);
    // A refused request costs nothing.
    assert_int_equal(client_table_take(table, 0, key, 7, interval_us, 5, now_us + interval_us), 0);
    assert_true(client_table_take(table, 0, key, 7, interval_us, 5, now_us + interval_us) > 0);
    // After a long time it is full, and not fuller.
    now_us += 3600 * (int64_t)SECOND_US;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(client_table_take(table, 0, key, 7, interval_us, 5, now_us), 0);
    }
    assert_true(client_table_take(table, 0, key, 7, interval_us, 5, now_us) > 0);
}

static void test_a_burst_of_one(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 1, 5), SECOND_US);
    assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 1, 5 + SECOND_US), 0);
}

static void test_a_bucket_is_one_for_all_workers(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(client_table_take(table, i % SLOTS, key, 1, SECOND_US, 6, now_us), 0);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(client_table_take(table, i, key, 1, SECOND_US, 6, now_us), SECOND_US);
    }
    client_table_clear(table, 2); // the last one: what it counted goes with it
    assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 6, now_us), 0);
    assert_true(client_table_take(table, 0, key, 1, SECOND_US, 6, now_us) > 0);
}

static void test_a_time_that_cannot_be_is_not_believed(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    // What slot 1 says comes from a clock far ahead.
    assert_int_equal(client_table_take(table, 1, key, 1, SECOND_US, 3, INT64_MAX / 2), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 3, now_us), 0);
    }
    assert_true(client_table_take(table, 0, key, 1, SECOND_US, 3, now_us) > 0);
    // The clock of a busy worker may be a little behind.
    uint64_t other = key_of(table, "192.0.2.2:1");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(client_table_take(table, 1, other, 1, SECOND_US, 3, now_us + SECOND_US),
                         0);
    }
    assert_true(client_table_take(table, 0, other, 1, SECOND_US, 3, now_us) > 0);
}

// A worker that always says that the bucket is empty slows the others down and no more.
static void test_a_bucket_that_only_another_worker_empties(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    const int64_t end_us = now_us + 600 * (int64_t)SECOND_US;
    int passed = 0;
    for (; now_us < end_us; now_us += SECOND_US / 4) {
        while (client_table_take(table, 1, key, 1, SECOND_US, 3, now_us) == 0) {
        }
        passed += client_table_take(table, 0, key, 1, SECOND_US, 3, now_us) == 0;
    }
    assert_in_range(passed, 80, 100); // one in 2 * SLOTS seconds
    // Its own requests count: it gets no second one at once.
    client_table_clear(table, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_table_take(table, 0, key, 1, SECOND_US, 3, now_us), 0);
    }
}

static void test_buckets_are_apart(void **state) {
    struct client_table *table = *state;
    uint64_t one = key_of(table, "192.0.2.1:1");
    uint64_t other = key_of(table, "192.0.2.2:1");
    assert_int_equal(client_table_take(table, 0, one, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, 0, other, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, 0, one, 2, SECOND_US, 1, 5), 0);
    assert_true(client_table_take(table, 0, one, 1, SECOND_US, 1, 5) > 0);
    assert_true(client_table_take(table, 0, other, 1, SECOND_US, 1, 5) > 0);
    assert_true(client_table_take(table, 0, one, 2, SECOND_US, 1, 5) > 0);
}

// --- Buckets that are charged after the act ---

static const struct client_bucket guesses = {7, 30 * (int64_t)SECOND_US, 4};

static void test_what_is_charged_later_is_looked_at_before(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us), 0);
        assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us), 0); // costs nothing
        client_table_charge(table, 0, key, &guesses, now_us);
    }
    assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us), guesses.interval_us);
    client_table_charge(table, 0, key, &guesses, now_us); // it is empty, and no more than that
    assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us), guesses.interval_us);
    now_us += guesses.interval_us - 1;
    assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us), 1);
    assert_int_equal(client_table_peek(table, 0, key, &guesses, now_us + 1), 0);
    uint64_t other = key_of(table, "192.0.2.2:1");
    assert_int_equal(client_table_peek(table, 0, other, &guesses, now_us), 0);
}

// In another worker, a client that has used up its bucket in one has half of it.
static void test_what_only_another_worker_says_counts_for_half(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    for (int i = 0; i < 9; i++) {
        client_table_charge(table, 0, key, &guesses, now_us);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(client_table_peek(table, 1, key, &guesses, now_us), 0);
        client_table_charge(table, 1, key, &guesses, now_us);
    }
    assert_true(client_table_peek(table, 1, key, &guesses, now_us) > 0);
}

static void test_no_slots(void **state) {
    (void)state;
    assert_null(client_table_map(0));
    assert_null(client_table_map(SIZE_MAX));
    client_table_unmap(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_connections_of_all_slots_are_counted),
        TEST(test_who_dies_takes_its_connections_along),
        TEST(test_ipv6_counts_by_network),
        TEST(test_ipv4_inside_ipv6_counts_as_ipv4),
        TEST(test_an_estimate_is_never_too_low),
        TEST(test_a_worker_writes_its_slot_and_no_other),
        TEST(test_a_lie_about_connections_is_bounded),
        TEST(test_lies_do_not_lift_a_limit),
        TEST(test_a_limit_that_only_one_worker_uses),
        TEST(test_a_bucket_empties_and_fills),
        TEST(test_a_burst_of_one),
        TEST(test_a_bucket_is_one_for_all_workers),
        TEST(test_a_time_that_cannot_be_is_not_believed),
        TEST(test_a_bucket_that_only_another_worker_empties),
        TEST(test_buckets_are_apart),
        TEST(test_what_is_charged_later_is_looked_at_before),
        TEST(test_what_only_another_worker_says_counts_for_half),
        cmocka_unit_test(test_no_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
