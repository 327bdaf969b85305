#include "base/socket.h"
#include "session/client_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
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
    assert_int_equal(client_table_connect(table, 0, key), 1);
    assert_int_equal(client_table_connect(table, 1, key), 2);
    assert_int_equal(client_table_connect(table, 1, key_of(table, "192.0.2.1:2")), 3); // any port
    assert_int_equal(client_table_connect(table, 2, key_of(table, "192.0.2.2:1")), 1);
    client_table_disconnect(table, 1, key);
    assert_int_equal(client_table_connect(table, 2, key), 3);
}

static void test_who_dies_takes_its_connections_along(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    for (int i = 0; i < 5; i++) {
        (void)client_table_connect(table, 0, key);
        (void)client_table_connect(table, 1, key);
    }
    client_table_clear(table, 1);
    assert_int_equal(client_table_connect(table, 1, key), 6);
}

static void test_ipv6_counts_by_network(void **state) {
    struct client_table *table = *state;
    assert_int_equal(client_table_connect(table, 0, key_of(table, "[2001:db8::1]:1")), 1);
    assert_int_equal(client_table_connect(table, 0, key_of(table, "[2001:db8::ffff:1]:1")), 2);
    assert_int_equal(client_table_connect(table, 0, key_of(table, "[2001:db8:0:1::1]:1")), 1);
}

static void test_ipv4_inside_ipv6_counts_as_ipv4(void **state) {
    struct client_table *table = *state;
    assert_int_equal(client_table_connect(table, 0, key_of(table, "192.0.2.1:1")), 1);
    assert_int_equal(client_table_connect(table, 0, key_of(table, "[::ffff:192.0.2.1]:1")), 2);
    assert_int_equal(client_table_connect(table, 0, key_of(table, "[::ffff:192.0.2.2]:1")), 1);
}

static void test_an_estimate_is_never_too_low(void **state) {
    struct client_table *table = *state;
    uint32_t too_high = 0;
    for (uint32_t round = 1; round <= 2; round++) {
        for (uint32_t i = 0; i < 5000; i++) {
            char text[32];
            (void)snprintf(text, sizeof(text), "10.1.%u.%u:1", i / 250, i % 250);
            uint32_t count = client_table_connect(table, 0, key_of(table, text));
            assert_true(count >= round);
            too_high += count > round;
        }
    }
    // Both cells of a client are shared with a chance of about (5000 / 32768)^2.
    assert_true(too_high < 1000);
}

static void test_children_share_it(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    pid_t child = fork();
    if (child == 0) {
        (void)client_table_connect(table, 2, key);
        _exit(0);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(client_table_connect(table, 0, key), 2);
}

static void test_a_bucket_empties_and_fills(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    int64_t now_us = 1000 * (int64_t)SECOND_US;
    int64_t interval_us = SECOND_US / 10;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(client_table_take(table, key, 7, interval_us, 5, now_us), 0);
    }
    assert_int_equal(client_table_take(table, key, 7, interval_us, 5, now_us), interval_us);
    assert_int_equal(client_table_take(table, key, 7, interval_us, 5, now_us + 1), interval_us - 1);
    // A refused request costs nothing.
    assert_int_equal(client_table_take(table, key, 7, interval_us, 5, now_us + interval_us), 0);
    assert_true(client_table_take(table, key, 7, interval_us, 5, now_us + interval_us) > 0);
    // After a long time it is full, and not fuller.
    now_us += 3600 * (int64_t)SECOND_US;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(client_table_take(table, key, 7, interval_us, 5, now_us), 0);
    }
    assert_true(client_table_take(table, key, 7, interval_us, 5, now_us) > 0);
}

static void test_a_burst_of_one(void **state) {
    struct client_table *table = *state;
    uint64_t key = key_of(table, "192.0.2.1:1");
    assert_int_equal(client_table_take(table, key, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, key, 1, SECOND_US, 1, 5), SECOND_US);
    assert_int_equal(client_table_take(table, key, 1, SECOND_US, 1, 5 + SECOND_US), 0);
}

static void test_buckets_are_apart(void **state) {
    struct client_table *table = *state;
    uint64_t one = key_of(table, "192.0.2.1:1");
    uint64_t other = key_of(table, "192.0.2.2:1");
    assert_int_equal(client_table_take(table, one, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, other, 1, SECOND_US, 1, 5), 0);
    assert_int_equal(client_table_take(table, one, 2, SECOND_US, 1, 5), 0);
    assert_true(client_table_take(table, one, 1, SECOND_US, 1, 5) > 0);
    assert_true(client_table_take(table, other, 1, SECOND_US, 1, 5) > 0);
    assert_true(client_table_take(table, one, 2, SECOND_US, 1, 5) > 0);
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
        TEST(test_children_share_it),
        TEST(test_a_bucket_empties_and_fills),
        TEST(test_a_burst_of_one),
        TEST(test_buckets_are_apart),
        cmocka_unit_test(test_no_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
