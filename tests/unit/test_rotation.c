// When the master changes the ticket keys.
#include "process/master_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

// As much of a master as the rotation looks at.
struct fixture {
    struct master master;
    struct source source;
    struct config config;
};

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.source.config = &fixture.config;
    fixture.master.current = &fixture.source;
    fixture.master.log.fd = -1;
    fixture.master.tickets = ticket_store_new();
    fixture.master.loop = ev_loop_new(EVFLAG_AUTO);
    *state = &fixture;
    return fixture.master.tickets != NULL && fixture.master.loop != NULL ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    ticket_store_free(fixture->master.tickets);
    ev_loop_destroy(fixture->master.loop);
    return 0;
}

static void use_lifetime(struct fixture *fixture, uint32_t seconds) {
    fixture->config.tls.ticket_lifetime_s = seconds;
    master_schedule_rotation(&fixture->master);
}

static void assert_interval(const struct fixture *fixture, double seconds) {
    const ev_timer *timer = &fixture->master.rotate_tickets;
    assert_true(ev_is_active(timer));
    assert_true(timer->repeat == seconds);
    ev_tstamp left = ev_timer_remaining(fixture->master.loop, (ev_timer *)(uintptr_t)timer);
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
    assert_false(ev_is_active(&fixture->master.rotate_tickets));
    use_lifetime(fixture, 3600);
    use_lifetime(fixture, 0);
    assert_false(ev_is_active(&fixture->master.rotate_tickets));
    use_lifetime(fixture, 3600);
    assert_interval(fixture, 3600);
}

// Else frequent reloads would put it off for ever.
static void test_a_reload_does_not_put_the_rotation_off(void **state) {
    struct fixture *fixture = *state;
    use_lifetime(fixture, 3600);
    ev_timer_stop(fixture->master.loop, &fixture->master.rotate_tickets);
    ev_timer_set(&fixture->master.rotate_tickets, 100., 3600.);
    ev_timer_start(fixture->master.loop, &fixture->master.rotate_tickets);
    use_lifetime(fixture, 3600);
    assert_true(ev_timer_remaining(fixture->master.loop, &fixture->master.rotate_tickets) <= 101.);
}

static void seal(const struct fixture *fixture, uint8_t name[TICKET_NAME_SIZE]) {
    static const uint8_t binding[TICKET_BINDING_SIZE];
    static const uint8_t nonce[12];
    uint8_t iv[TICKET_IV_SIZE];
    uint8_t mac[TICKET_MAC_SIZE];
    uint8_t data[16] = {0};
    assert_int_equal(
        ticket_seal(fixture->master.tickets, binding, nonce, name, iv, mac, data, sizeof(data)),
        RESULT_OK);
}

static void test_the_timer_changes_the_key(void **state) {
    struct fixture *fixture = *state;
    uint8_t names[3][TICKET_NAME_SIZE];
    use_lifetime(fixture, 3600);
    for (int i = 0; i < 3; i++) {
        seal(fixture, names[i]);
        ev_invoke(fixture->master.loop, &fixture->master.rotate_tickets, EV_TIMER);
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(names[i], names[k], TICKET_NAME_SIZE);
        }
    }
    assert_interval(fixture, 3600);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_interval_is_the_lifetime),
        TEST(test_without_tickets_nothing_rotates),
        TEST(test_a_reload_does_not_put_the_rotation_off),
        TEST(test_the_timer_changes_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
