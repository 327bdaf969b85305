// When the master changes the ticket keys.
#include "process/ticket_rotation.h"

#include "base/clock.h"
#include "tls/handshake/ticket_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct ticket_rotation rotation;
    struct log log;
};

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    log_init(&fixture.log, -1, SINK_NO_DAEMON, SEVERITY_INFO, "master");
    fixture.rotation = (struct ticket_rotation){
        .loop = ev_loop_new(EVFLAG_AUTO), .log = &fixture.log, .tickets = ticket_store_new()};
    *state = &fixture;
    return fixture.rotation.tickets != NULL && fixture.rotation.loop != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ticket_store_free(fixture->rotation.tickets);
    ev_loop_destroy(fixture->rotation.loop);
    return 0;
}

static void use_lifetime(struct fixture *fixture, uint32_t seconds) {
    ticket_rotation_use(&fixture->rotation, seconds);
}

static void assert_interval(const struct fixture *fixture, double seconds) {
    const ev_timer *timer = &fixture->rotation.timer;
    assert_true(ev_is_active(timer));
    assert_true(timer->repeat == seconds);
    ev_tstamp left = ev_timer_remaining(fixture->rotation.loop, (ev_timer *)(uintptr_t)timer);
    assert_true(left > seconds - 60 && left <= seconds + 1);
}

static void test_the_interval_is_the_lifetime(void **state) {
    struct fixture *fixture = *state;
    use_lifetime(fixture, 3600);
    assert_interval(fixture, 3600);
    use_lifetime(fixture, 86400);
    assert_interval(fixture, 86400);
    use_lifetime(fixture, 600);
    assert_interval(fixture, 600);
}

static void test_without_tickets_nothing_rotates(void **state) {
    struct fixture *fixture = *state;
    use_lifetime(fixture, 0);
    assert_false(ev_is_active(&fixture->rotation.timer));
    use_lifetime(fixture, 3600);
    use_lifetime(fixture, 0);
    assert_false(ev_is_active(&fixture->rotation.timer));
    use_lifetime(fixture, 3600);
    assert_interval(fixture, 3600);
}

// Else frequent reloads would put it off for ever.
static void test_a_reload_does_not_put_the_rotation_off(void **state) {
    struct fixture *fixture = *state;
    use_lifetime(fixture, 3600);
    ev_timer_stop(fixture->rotation.loop, &fixture->rotation.timer);
    ev_timer_set(&fixture->rotation.timer, 100., 3600.);
    ev_timer_start(fixture->rotation.loop, &fixture->rotation.timer);
    use_lifetime(fixture, 3600);
    assert_true(ev_timer_remaining(fixture->rotation.loop, &fixture->rotation.timer) <= 101.);
}

// Both directions: the time that has passed since the last rotation counts for another interval.
static void test_another_interval_counts_from_the_last_rotation(void **state) {
    struct fixture *fixture = *state;
    ev_timer *timer = &fixture->rotation.timer;
    use_lifetime(fixture, 3600);
    ev_timer_stop(fixture->rotation.loop, timer);
    ev_timer_set(timer, 3000., 3600.); // 600 s ago
    ev_timer_start(fixture->rotation.loop, timer);
    use_lifetime(fixture, 86400);
    ev_tstamp left = ev_timer_remaining(fixture->rotation.loop, timer);
    // Times of the loop are sums of doubles: the last digit can be one more.
    assert_true(left > 86400 - 660 && left <= 86400 - 600 + 0.001);
    use_lifetime(fixture, 900);
    left = ev_timer_remaining(fixture->rotation.loop, timer);
    assert_true(left > 900 - 660 && left <= 900 - 600 + 0.001);
    use_lifetime(fixture, 60);
    assert_true(ev_timer_remaining(fixture->rotation.loop, timer) <= 0.001);
    assert_true(timer->repeat == 60.);
}

// Keys of a former master are as old as they are.
static void test_keys_that_came_are_changed_in_time(void **state) {
    struct fixture *fixture = *state;
    ev_timer *timer = &fixture->rotation.timer;
    ticket_rotation_resume(&fixture->rotation, 3600, 600);
    ev_tstamp left = ev_timer_remaining(fixture->rotation.loop, timer);
    assert_true(left > 2999 && left <= 3001 && timer->repeat == 3600.);
    uint32_t age_s = ticket_rotation_age(&fixture->rotation);
    assert_true(age_s >= 599 && age_s <= 601);
    int64_t age_us = clock_wall_us() - fixture->rotation.made_us; // for metrics
    assert_true(age_us >= 600000000 && age_us < 660000000);
    use_lifetime(fixture, 3600); // a reload
    assert_true(ev_timer_remaining(fixture->rotation.loop, timer) <= 3001);
    ev_timer_stop(fixture->rotation.loop, timer);
    ticket_rotation_resume(&fixture->rotation, 60, 600);
    assert_true(ev_timer_remaining(fixture->rotation.loop, timer) <= 0.001);
}

static void test_keys_that_came_end_without_tickets(void **state) {
    struct fixture *fixture = *state;
    uint8_t before[TICKET_KEYS_SIZE];
    uint8_t after[TICKET_KEYS_SIZE];
    ticket_store_copy_out(fixture->rotation.tickets, before);
    ticket_rotation_resume(&fixture->rotation, 0, 600);
    assert_int_equal(fixture->rotation.made_us, 0);
    ticket_store_copy_out(fixture->rotation.tickets, after);
    assert_false(ev_is_active(&fixture->rotation.timer));
    for (size_t at = 4; at < TICKET_KEYS_SIZE; at += 48) {
        assert_memory_not_equal(before + at, after + at, 48);
    }
}

// A ticket that is sealed now.
struct sealed {
    uint8_t name[TICKET_NAME_SIZE], iv[TICKET_IV_SIZE], mac[TICKET_MAC_SIZE];
    uint8_t data[16 + TICKET_STAMP_SIZE];
};

static const uint8_t BINDING[TICKET_BINDING_SIZE];

static struct sealed seal(const struct fixture *fixture) {
    static const uint8_t nonce[TICKET_NONCE_SIZE];
    static const struct ticket_stamp stamp;
    struct sealed sealed = {.data = {0}};
    struct ticket ticket = {sealed.name, sealed.iv, sealed.mac, sealed.data, 16};
    assert_int_equal(ticket_seal(fixture->rotation.tickets, BINDING, nonce, &stamp, &ticket),
                     RESULT_OK);
    return sealed;
}

static bool opens(const struct fixture *fixture, struct sealed sealed) {
    struct ticket_stamp stamp;
    struct ticket ticket = {sealed.name, sealed.iv, sealed.mac, sealed.data, sizeof(sealed.data)};
    return ticket_open(fixture->rotation.tickets, BINDING, 0, &ticket, &stamp) == RESULT_OK;
}

// As an upgrade does: tickets of the one open in the other, also those that it seals for a while.
static void test_keys_that_were_handed_on_open_tickets(void **state) {
    struct fixture *fixture = *state;
    struct ticket_store *former = fixture->rotation.tickets;
    struct ticket_store *next = ticket_store_new();
    uint8_t keys[TICKET_KEYS_SIZE];
    struct sealed tickets[3] = {seal(fixture)};
    assert_true(ticket_store_rotate(former));
    tickets[1] = seal(fixture);
    ticket_store_copy_out(former, keys);
    assert_true(ticket_store_copy_in(next, keys));
    assert_true(ticket_store_rotate(former));
    tickets[2] = seal(fixture);
    fixture->rotation.tickets = next;
    for (size_t i = 0; i < 3; i++) {
        assert_true(opens(fixture, tickets[i]));
    }
    fixture->rotation.tickets = former;
    ticket_store_free(next);
}

static void test_bytes_that_are_no_keys_change_nothing(void **state) {
    struct fixture *fixture = *state;
    const uint8_t keys[TICKET_KEYS_SIZE] = {TICKET_KEY_COUNT};
    struct sealed ticket = seal(fixture);
    assert_false(ticket_store_copy_in(fixture->rotation.tickets, keys));
    assert_true(opens(fixture, ticket));
}

static void test_the_timer_changes_the_key(void **state) {
    struct fixture *fixture = *state;
    struct sealed tickets[3];
    use_lifetime(fixture, 3600);
    for (int i = 0; i < 3; i++) {
        tickets[i] = seal(fixture);
        ev_invoke(fixture->rotation.loop, &fixture->rotation.timer, EV_TIMER);
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(tickets[i].name, tickets[k].name, TICKET_NAME_SIZE);
        }
        assert_true(opens(fixture, tickets[i]));
        assert_true(i == 0 || !opens(fixture, tickets[i - 1]));
    }
    assert_interval(fixture, 3600);
}

static void test_another_lifetime_keeps_the_keys(void **state) {
    struct fixture *fixture = *state;
    use_lifetime(fixture, 3600);
    struct sealed ticket = seal(fixture);
    use_lifetime(fixture, 86400);
    use_lifetime(fixture, 60);
    assert_true(opens(fixture, ticket));
}

static void test_turning_tickets_off_or_on_makes_all_keys_anew(void **state) {
    struct fixture *fixture = *state;
    static const uint32_t lifetimes[] = {0, 3600};
    use_lifetime(fixture, 3600);
    for (size_t i = 0; i < 2; i++) {
        const struct ticket_keys before = *fixture->rotation.tickets->lent;
        struct sealed ticket = seal(fixture);
        use_lifetime(fixture, lifetimes[i]);
        assert_false(opens(fixture, ticket));
        for (size_t k = 0; k < TICKET_KEY_COUNT; k++) {
            assert_null(memmem(fixture->rotation.tickets->lent, sizeof(before), &before.ring[k].key,
                               TICKET_KEY_SIZE));
        }
    }
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_interval_is_the_lifetime),
        TEST(test_keys_that_came_are_changed_in_time),
        TEST(test_keys_that_came_end_without_tickets),
        TEST(test_keys_that_were_handed_on_open_tickets),
        TEST(test_bytes_that_are_no_keys_change_nothing),
        TEST(test_without_tickets_nothing_rotates),
        TEST(test_a_reload_does_not_put_the_rotation_off),
        TEST(test_another_interval_counts_from_the_last_rotation),
        TEST(test_the_timer_changes_the_key),
        TEST(test_another_lifetime_keeps_the_keys),
        TEST(test_turning_tickets_off_or_on_makes_all_keys_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
