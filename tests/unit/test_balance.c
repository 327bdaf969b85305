#include "backend/balance.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SERVERS = 3, SERVERS_MAX = 20, NOW = 5000, SLOTS = 8, KEYS = 10000 };

struct choosing {
    struct server_entry entries[SERVERS_MAX];
    struct server_state states[SERVERS_MAX];
    struct health health[SERVERS_MAX];
    struct balance_view view;
    size_t chosen[SERVERS_MAX];
};

static const struct server_counts *counts; // of SLOTS workers

// As many servers as there are weights, which a 0 ends. The worker is the one in slot 0.
static void start_with(struct choosing *choosing, const uint32_t *weights) {
    *choosing = (struct choosing){.view = {.counter = {counts, 0}}};
    size_t count = 0;
    for (; weights[count] != 0; count++) {
        char address[32];
        int size = snprintf(address, sizeof(address), "10.0.0.%zu:8000", count + 1);
        choosing->entries[count] =
            (struct server_entry){.weight = weights[count],
                                  .cell = (uint32_t)count,
                                  .address_hash = hash_bytes(address, (size_t)size)};
    }
    choosing->view.entries = choosing->entries;
    choosing->view.states = choosing->states;
    choosing->view.health = choosing->health;
    choosing->view.count = count;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        server_counts_clear(counts, slot);
    }
}

// Takes a server out of use until then.
static void eject(struct choosing *choosing, size_t index, int64_t until_ms) {
    choosing->health[index].until_ms = until_ms;
}

static void start(struct choosing *choosing, uint32_t a, uint32_t b, uint32_t c) {
    start_with(choosing, (const uint32_t[]){a, b, c, 0});
}

static void start_equal(struct choosing *choosing, size_t count) {
    uint32_t weights[SERVERS_MAX + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        weights[i] = 1;
    }
    start_with(choosing, weights);
}

static size_t choose(struct choosing *choosing, enum balance how, size_t failed, uint64_t number) {
    const uint32_t tried[] = {(uint32_t)failed};
    const struct balance_wish wish = {how, tried, failed != BALANCE_NONE, NOW, NOW, number};
    size_t index = balance_choose(&choosing->view, &wish);
    assert_true(index < choosing->view.count);
    choosing->chosen[index]++;
    return index;
}

// In turn, or by load with equal servers in turn.
static void assert_order_by(struct choosing *choosing, enum balance how, size_t failed,
                            const char *order) {
    for (; *order != '\0'; order++) {
        assert_int_equal(choose(choosing, how, failed, 0), *order - 'a');
    }
}

static void assert_order(struct choosing *choosing, size_t failed, const char *order) {
    assert_order_by(choosing, BALANCE_ROUND_ROBIN, failed, order);
}

// Connections of a worker to a server.
static void use(size_t slot, size_t server, uint32_t connections) {
    const struct server_counter counter = {counts, slot};
    server_cell_add(server_counter_cell(&counter, (uint32_t)server), connections);
}

// Shares of what was chosen within `tolerance` of those of the weights, both in hundredths.
static void assert_shares(const struct choosing *choosing, size_t tolerance) {
    size_t weights = 0;
    size_t total = 0;
    for (size_t i = 0; i < choosing->view.count; i++) {
        weights += choosing->entries[i].weight;
        total += choosing->chosen[i];
    }
    for (size_t i = 0; i < choosing->view.count; i++) {
        size_t share = total * choosing->entries[i].weight / weights;
        assert_in_range(choosing->chosen[i], share * (100 - tolerance) / 100,
                        share * (100 + tolerance) / 100);
    }
}

// --- Round robin ---

static void test_turns_are_spread_by_weight(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 5, 1, 1);
    assert_order(&choosing, BALANCE_NONE, "aabacaaaabacaa");
    start(&choosing, 1, 1, 1);
    assert_order(&choosing, BALANCE_NONE, "abcabc");
}

static void test_what_is_gained_adds_up_to_nothing(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, UINT32_MAX, 3, 7);
    for (int i = 0; i < 1000; i++) {
        (void)choose(&choosing, BALANCE_ROUND_ROBIN, i % 5 == 0 ? 1 : BALANCE_NONE, 0);
        int64_t sum = 0;
        for (size_t k = 0; k < SERVERS; k++) {
            sum += choosing.states[k].current_weight;
        }
        assert_int_equal(sum, 0);
    }
}

static void test_a_server_is_out_of_use_until_its_time(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    eject(&choosing, 1, NOW + 1);
    assert_order(&choosing, BALANCE_NONE, "acac");
    eject(&choosing, 1, NOW);
    assert_order(&choosing, BALANCE_NONE, "abc");
}

static void test_when_all_are_out_of_use_all_are_used(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    for (size_t i = 0; i < SERVERS; i++) {
        eject(&choosing, i, INT64_MAX);
    }
    assert_order(&choosing, BALANCE_NONE, "abc");
    assert_order(&choosing, 1, "acac");
}

static void test_the_one_that_failed_is_avoided(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 100, 1, 1);
    assert_order(&choosing, 0, "bcbc");
    eject(&choosing, 1, NOW + 1);
    eject(&choosing, 2, NOW + 1);
    assert_order(&choosing, 0, "bcbc"); // rather one that is out of use
    choosing.view.count = 1;
    assert_order(&choosing, 0, "aa");
}

static void test_the_weight_of_a_server_that_returned_grows(void **state) {
    (void)state;
    static const enum balance all[] = {BALANCE_ROUND_ROBIN, BALANCE_RANDOM_TWO, BALANCE_HASH};
    static const struct {
        int64_t since_ms;
        uint32_t least, most; // of 3000 choices
    } cases[] = {{NOW, 0, 60},
                 {NOW - 250, 320, 420},
                 {NOW - 500, 560, 650},
                 {NOW - 1000, 940, 1060},
                 {NOW - 5000, 940, 1060},
                 {0, 940, 1060}};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
            struct choosing choosing;
            start(&choosing, 1, 1, 1);
            choosing.view.slow_start_ms = 1000;
            choosing.health[1].since_ms = cases[k].since_ms;
            for (uint64_t n = 0; n < 3000; n++) {
                (void)choose(&choosing, all[i], BALANCE_NONE, hash_mix(n + 1));
            }
            assert_in_range(choosing.chosen[1], cases[k].least, cases[k].most);
        }
    }
    struct choosing choosing; // it counts as busier than it is
    start(&choosing, 1, 1, 1);
    choosing.view.slow_start_ms = 1000;
    choosing.health[0].since_ms = NOW - 500;
    use(0, 0, 1);
    use(0, 1, 1);
    use(0, 2, 2);
    assert_int_equal(choose(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, 0), 1);
}

// --- Backups ---

static void test_a_backup_is_for_when_no_other_is_up(void **state) {
    (void)state;
    static const enum balance all[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS,
                                       BALANCE_RANDOM_TWO, BALANCE_HASH};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct choosing choosing;
        start_equal(&choosing, 4);
        choosing.entries[0].standing = choosing.entries[3].standing = SERVER_BACKUP;
        use(0, 1, 100); // however busy the others are
        use(0, 2, 100);
        for (uint64_t k = 0; k < 100; k++) {
            (void)choose(&choosing, all[i], BALANCE_NONE, hash_mix(k + 1));
        }
        assert_int_equal(choosing.chosen[0] + choosing.chosen[3], 0);
        assert_true(choosing.chosen[1] > 0 && choosing.chosen[2] > 0);
        eject(&choosing, 1, NOW + 1);
        assert_int_equal(choose(&choosing, all[i], BALANCE_NONE, 1), 2);
        eject(&choosing, 2, NOW + 1);
        for (uint64_t k = 0; k < 100; k++) {
            size_t index = choose(&choosing, all[i], BALANCE_NONE, hash_mix(k + 1));
            assert_true(index == 0 || index == 3);
        }
        assert_true(choosing.chosen[0] > 0 && choosing.chosen[3] > 0);
        eject(&choosing, 0, NOW + 1);
        assert_int_equal(choose(&choosing, all[i], BALANCE_NONE, 1), 3);
        eject(&choosing, 3, NOW + 1); // none is up: rather one that is no backup
        for (uint64_t k = 0; k < 20; k++) {
            size_t index = choose(&choosing, all[i], 1, hash_mix(k + 1));
            assert_int_equal(index, 2);
        }
    }
}

static void test_a_backup_takes_over_from_the_one_that_failed(void **state) {
    (void)state;
    struct choosing choosing;
    start_with(&choosing, (const uint32_t[]){1, 1, 0});
    choosing.entries[1].standing = SERVER_BACKUP;
    assert_order(&choosing, BALANCE_NONE, "aa");
    assert_order(&choosing, 0, "bb");
    choosing.entries[0].standing = SERVER_BACKUP; // backups alone
    assert_order(&choosing, BALANCE_NONE, "abab");
}

// --- Orders ---

static void test_drained_servers_are_not_chosen(void **state) {
    (void)state;
    static const enum balance all[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS,
                                       BALANCE_RANDOM_TWO, BALANCE_HASH};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct choosing choosing;
        const struct balance_wish wish = {.how = all[i], .now_ms = NOW, .due_ms = NOW, .number = 1};
        start(&choosing, 1, 1, 1);
        choosing.entries[0].standing = SERVER_DRAINING;
        choosing.entries[1].standing = SERVER_DOWN;
        eject(&choosing, 2, NOW + 1); // rather one that is out of use
        for (uint64_t k = 0; k < 10; k++) {
            assert_int_equal(choose(&choosing, all[i], BALANCE_NONE, hash_mix(k)), 2);
        }
        assert_true(balance_is_up(&choosing.view));
        choosing.entries[2].standing = SERVER_DOWN;
        assert_int_equal(balance_choose(&choosing.view, &wish), BALANCE_NONE);
        assert_false(balance_is_up(&choosing.view));
        assert_false(balance_has_room(&choosing.view, NOW));
        choosing.view.count = 1;
        assert_int_equal(balance_choose(&choosing.view, &wish), BALANCE_NONE);
        choosing.entries[0].standing = SERVER_BACKUP;
        assert_int_equal(balance_choose(&choosing.view, &wish), 0);
    }
}

// --- Limits of connections ---

static void limit(struct choosing *choosing, uint32_t most) {
    choosing->view.is_limited = most > 0;
    for (size_t i = 0; i < choosing->view.count; i++) {
        choosing->entries[i].connections_max = most;
    }
}

static size_t try_to_choose(struct choosing *choosing, enum balance how, size_t failed) {
    const uint32_t tried[] = {(uint32_t)failed};
    return balance_choose(&choosing->view,
                          &(struct balance_wish){how, tried, failed != BALANCE_NONE, NOW, NOW, 1});
}

static void test_a_full_server_is_passed_over(void **state) {
    (void)state;
    static const enum balance all[] = {BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS,
                                       BALANCE_RANDOM_TWO, BALANCE_HASH};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        struct choosing choosing;
        start(&choosing, 1, 1, 1);
        limit(&choosing, 3);
        use(0, 0, 2);
        use(5, 0, 1); // of another worker
        use(0, 2, 3);
        assert_false(balance_is_free(&choosing.view, 0));
        for (size_t k = 0; k < 5; k++) {
            assert_int_equal(try_to_choose(&choosing, all[i], BALANCE_NONE), 1);
        }
        assert_true(balance_has_room(&choosing.view, NOW));
        assert_int_equal(try_to_choose(&choosing, all[i], 1), BALANCE_NONE);
        use(1, 1, 3);
        assert_int_equal(try_to_choose(&choosing, all[i], BALANCE_NONE), BALANCE_NONE);
        assert_false(balance_has_room(&choosing.view, NOW));
        use(5, 0, UINT32_MAX);
        assert_int_equal(try_to_choose(&choosing, all[i], BALANCE_NONE), 0);
        assert_true(balance_has_room(&choosing.view, NOW));
    }
}

static void test_a_full_server_is_up(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    limit(&choosing, 1);
    choosing.entries[2].standing = SERVER_BACKUP;
    use(0, 0, 1);
    eject(&choosing, 1, NOW + 1);
    // Neither the backup nor the one that is out of use stands in for it.
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, BALANCE_NONE), BALANCE_NONE);
    assert_false(balance_has_room(&choosing.view, NOW));
    eject(&choosing, 0, NOW + 1);
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, BALANCE_NONE), 2);
    assert_true(balance_has_room(&choosing.view, NOW));
    eject(&choosing, 2, NOW + 1);
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, BALANCE_NONE), 1);
}

static void test_the_only_server_can_be_full(void **state) {
    (void)state;
    struct choosing choosing;
    start_equal(&choosing, 1);
    limit(&choosing, 2);
    use(0, 0, 1);
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, 0), 0);
    use(1, 0, UINT32_MAX - 5); // a sum does not wrap
    use(2, 0, 100);
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, 0), BALANCE_NONE);
    limit(&choosing, 0);
    assert_int_equal(try_to_choose(&choosing, BALANCE_ROUND_ROBIN, 0), 0);
}

// --- Least connections ---

static void test_the_idlest_is_chosen_and_equal_ones_take_turns(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "abcabc");
    use(0, 0, 1);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "bcbc");
    use(0, 1, 2);
    use(0, 2, 2);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "aaa");
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, 0, "bcbc");
    eject(&choosing, 0, NOW + 1);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "bc");
}

static void test_a_heavier_server_may_have_more_connections(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 3, 1, 1);
    use(0, 0, 5); // less than 3 * 2
    use(0, 1, 2);
    use(0, 2, 2);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "aa");
    use(0, 0, 1); // as much: by turns of 3, 1, 1
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "abaca");
    use(0, 0, 1);
    assert_order_by(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, "bcbc");
}

// Eight workers see one world: whatever each of them adds, no server has two more than another.
static void test_all_workers_count_together(void **state) {
    (void)state;
    struct choosing choosing[SLOTS];
    size_t used[SERVERS] = {0};
    for (size_t slot = 0; slot < SLOTS; slot++) {
        start(&choosing[slot], 1, 1, 1);
        choosing[slot].view.counter.slot = slot;
    }
    for (size_t i = 0; i < 300; i++) {
        size_t slot = (size_t)hash_mix(i) % SLOTS;
        size_t index = choose(&choosing[slot], BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, 0);
        use(slot, index, 1);
        used[index]++;
    }
    for (size_t i = 0; i < SERVERS; i++) {
        assert_int_equal(used[i], 100);
    }
}

static void test_a_worker_that_lies_takes_no_server_away(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    use(1, 0, UINT32_MAX);
    for (size_t i = 0; i < 300; i++) {
        use(0, choose(&choosing, BALANCE_LEAST_CONNECTIONS, BALANCE_NONE, 0), 1);
    }
    assert_in_range(choosing.chosen[0], 30, 50); // it seems to have 3 times its own, and 16
}

// --- Random two ---

static void test_two_at_random_by_weight(void **state) {
    (void)state;
    struct choosing choosing;
    start_equal(&choosing, 8);
    for (uint64_t i = 0; i < KEYS; i++) {
        (void)choose(&choosing, BALANCE_RANDOM_TWO, BALANCE_NONE, hash_mix(i + 1));
    }
    assert_shares(&choosing, 10);
    start_with(&choosing, (const uint32_t[]){3, 1, 2, 4, 0});
    for (uint64_t i = 0; i < KEYS; i++) {
        (void)choose(&choosing, BALANCE_RANDOM_TWO, BALANCE_NONE, hash_mix(i + 1));
    }
    assert_shares(&choosing, 10);
}

static void test_the_idler_of_two(void **state) {
    (void)state;
    struct choosing choosing;
    start_equal(&choosing, 4);
    use(0, 0, 7);
    for (uint64_t i = 0; i < 1000; i++) {
        (void)choose(&choosing, BALANCE_RANDOM_TWO, BALANCE_NONE, hash_mix(i + 1));
    }
    assert_int_equal(choosing.chosen[0], 0); // it always loses against the other
    for (size_t i = 1; i < 4; i++) {
        assert_in_range(choosing.chosen[i], 250, 420);
    }
}

// Loads stay close together while connections last as long as they like.
static void test_two_choices_level_the_load(void **state) {
    (void)state;
    struct choosing choosing;
    start_equal(&choosing, 10);
    for (uint64_t i = 0; i < KEYS; i++) {
        use(0, choose(&choosing, BALANCE_RANDOM_TWO, BALANCE_NONE, hash_mix(i + 1)), 1);
    }
    for (size_t i = 0; i < 10; i++) {
        assert_in_range(choosing.chosen[i], 990, 1010);
    }
}

static void test_random_two_with_one_or_none_left(void **state) {
    (void)state;
    struct choosing choosing;
    start(&choosing, 1, 1, 1);
    eject(&choosing, 1, NOW + 1);
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(choose(&choosing, BALANCE_RANDOM_TWO, 0, hash_mix(i + 1)), 2);
    }
    eject(&choosing, 2, NOW + 1); // rather one that is out of use
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_not_equal(choose(&choosing, BALANCE_RANDOM_TWO, 0, hash_mix(i + 1)), 0);
    }
    assert_true(choosing.chosen[1] > 0 && choosing.chosen[2] > 20);
}

// --- Hash ---

static uint64_t key_of(size_t number) {
    char key[32];
    int size = snprintf(key, sizeof(key), "user-%zu", number);
    return hash_bytes(key, (size_t)size);
}

static void map_keys(struct choosing *choosing, size_t *servers) {
    for (size_t i = 0; i < KEYS; i++) {
        servers[i] = choose(choosing, BALANCE_HASH, BALANCE_NONE, key_of(i));
    }
}

static void test_keys_are_spread_by_weight(void **state) {
    (void)state;
    static size_t servers[KEYS];
    struct choosing choosing;
    for (size_t count = 2; count <= 10; count++) {
        start_equal(&choosing, count);
        map_keys(&choosing, servers);
        assert_shares(&choosing, 10);
    }
    start_with(&choosing, (const uint32_t[]){5, 1, 2, 3, 0});
    map_keys(&choosing, servers);
    assert_shares(&choosing, 10);
    start_with(&choosing, (const uint32_t[]){256, 256, 256, 0});
    map_keys(&choosing, servers);
    assert_shares(&choosing, 10);
}

// One of N servers goes, out of use or out of the configuration: its keys move, and no others.
static void test_the_keys_of_a_server_that_goes_move_and_no_others(void **state) {
    (void)state;
    static size_t before[KEYS], after[KEYS];
    for (size_t count = 2; count <= SERVERS_MAX; count += 3) {
        struct choosing choosing;
        size_t moved = 0;
        start_equal(&choosing, count);
        map_keys(&choosing, before);
        eject(&choosing, 1, NOW + 1);
        memset(choosing.chosen, 0, sizeof(choosing.chosen));
        map_keys(&choosing, after);
        for (size_t i = 0; i < KEYS; i++) {
            moved += before[i] != after[i];
            assert_true(before[i] == after[i] || before[i] == 1);
        }
        assert_true(moved <= KEYS / count + KEYS * 5 / 100);
        assert_int_equal(choosing.chosen[1], 0);
        for (size_t i = 0; count < 11 && i < count; i++) { // what moved is spread
            assert_true(i == 1 || choosing.chosen[i] < KEYS / (count - 1) * 11 / 10);
        }
        choosing.states[1] = choosing.states[count - 1];
        choosing.entries[1] = choosing.entries[count - 1];
        choosing.view.count = count - 1;
        for (size_t i = 0; count > 2 && i < KEYS; i++) {
            size_t index = choose(&choosing, BALANCE_HASH, BALANCE_NONE, key_of(i));
            assert_int_equal(index, after[i] == count - 1 ? 1 : after[i]);
        }
    }
}

// The one that a key gets instead of a server that failed is the one it gets when that has gone.
static void test_a_key_has_a_second_server(void **state) {
    (void)state;
    struct choosing choosing;
    start_equal(&choosing, 5);
    for (size_t i = 0; i < 100; i++) {
        size_t first = choose(&choosing, BALANCE_HASH, BALANCE_NONE, key_of(i));
        size_t second = choose(&choosing, BALANCE_HASH, first, key_of(i));
        assert_int_not_equal(first, second);
        eject(&choosing, first, NOW + 1);
        assert_int_equal(choose(&choosing, BALANCE_HASH, BALANCE_NONE, key_of(i)), second);
        eject(&choosing, first, 0);
    }
}

static int set_up(void **state) {
    (void)state;
    counts = server_counts_map(SLOTS);
    return counts == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    server_counts_unmap((struct server_counts *)(uintptr_t)counts);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_are_spread_by_weight),
        cmocka_unit_test(test_what_is_gained_adds_up_to_nothing),
        cmocka_unit_test(test_a_server_is_out_of_use_until_its_time),
        cmocka_unit_test(test_when_all_are_out_of_use_all_are_used),
        cmocka_unit_test(test_the_one_that_failed_is_avoided),
        cmocka_unit_test(test_the_weight_of_a_server_that_returned_grows),
        cmocka_unit_test(test_a_backup_is_for_when_no_other_is_up),
        cmocka_unit_test(test_a_backup_takes_over_from_the_one_that_failed),
        cmocka_unit_test(test_drained_servers_are_not_chosen),
        cmocka_unit_test(test_a_full_server_is_passed_over),
        cmocka_unit_test(test_a_full_server_is_up),
        cmocka_unit_test(test_the_only_server_can_be_full),
        cmocka_unit_test(test_the_idlest_is_chosen_and_equal_ones_take_turns),
        cmocka_unit_test(test_a_heavier_server_may_have_more_connections),
        cmocka_unit_test(test_all_workers_count_together),
        cmocka_unit_test(test_a_worker_that_lies_takes_no_server_away),
        cmocka_unit_test(test_two_at_random_by_weight),
        cmocka_unit_test(test_the_idler_of_two),
        cmocka_unit_test(test_two_choices_level_the_load),
        cmocka_unit_test(test_random_two_with_one_or_none_left),
        cmocka_unit_test(test_keys_are_spread_by_weight),
        cmocka_unit_test(test_the_keys_of_a_server_that_goes_move_and_no_others),
        cmocka_unit_test(test_a_key_has_a_second_server),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
