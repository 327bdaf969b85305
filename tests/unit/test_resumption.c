// Tickets in a handshake. Whole handshakes with them are in test_handshake_resumption.c.
#include "tls/handshake/resumption.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { STATE_SIZE = 120, ROOM = STATE_SIZE + TICKET_STAMP_SIZE };

static const struct ticket_terms TERMS = {.site = SLICE("a.test")};
static struct ticket_store *store;

struct sealed {
    uint8_t name[TICKET_NAME_SIZE], iv[TICKET_IV_SIZE], mac[TICKET_MAC_SIZE], data[ROOM];
};

static struct sealed seal(int64_t age_s, uint32_t resumptions) {
    static const uint8_t nonce[TICKET_NONCE_SIZE];
    const struct ticket_stamp stamp = {clock_wall_us() / 1000000 - age_s, resumptions};
    struct sealed sealed = {.data = {0}};
    struct ticket ticket = {sealed.name, sealed.iv, sealed.mac, sealed.data, STATE_SIZE};
    uint8_t binding[TICKET_BINDING_SIZE];
    ticket_binding(&TERMS, binding);
    assert_int_equal(ticket_seal(store, binding, nonce, &stamp, &ticket), RESULT_OK);
    return sealed;
}

// Without a connection there is no protocol.
static int offer(struct resumption *resumption, struct sealed sealed) {
    int size = ROOM;
    int result = resumption_ticket(resumption, &TERMS, NULL, sealed.name, sealed.iv, sealed.mac, 0,
                                   sealed.data, ROOM, &size, store);
    if (result == WOLFSSL_TICKET_RET_OK) {
        assert_int_equal(size, STATE_SIZE);
    }
    return result;
}

// wolfSSL may take either of them.
static void test_of_several_tickets_the_worst_stamp_counts(void **state) {
    (void)state;
    struct sealed old = seal(5000, 3);
    struct sealed worn = seal(100, 150);
    for (int order = 0; order < 2; order++) {
        struct resumption resumption = {0};
        assert_int_equal(offer(&resumption, order == 0 ? old : worn), WOLFSSL_TICKET_RET_OK);
        assert_int_equal(offer(&resumption, order == 0 ? worn : old), WOLFSSL_TICKET_RET_OK);
        int64_t age = clock_wall_us() / 1000000 - resumption.stamp.since_s;
        assert_true(age >= 5000 && age < 5100);
        assert_int_equal(resumption.stamp.resumptions, 150);
    }
}

static void test_a_ticket_that_does_not_open_counts_for_nothing(void **state) {
    (void)state;
    struct resumption resumption = {0};
    struct sealed sealed = seal(0, TICKET_CHAIN_MAX);
    assert_int_equal(offer(&resumption, sealed), WOLFSSL_TICKET_RET_REJECT);
    sealed = seal(0, 1);
    sealed.data[0] ^= 1;
    assert_int_equal(offer(&resumption, sealed), WOLFSSL_TICKET_RET_REJECT);
    assert_false(resumption.opened);
    assert_int_equal(resumption.stamp.resumptions, 0);
}

static void test_without_room_for_the_stamp_nothing_is_sealed(void **state) {
    (void)state;
    struct resumption resumption = {0};
    struct sealed sealed = {.data = {0}};
    int room = ROOM - 1;
    assert_int_equal(resumption_ticket(&resumption, &TERMS, NULL, sealed.name, sealed.iv,
                                       sealed.mac, 1, sealed.data, STATE_SIZE, &room, store),
                     WOLFSSL_TICKET_RET_REJECT);
}

static int set_up(void **state) {
    (void)state;
    store = ticket_store_new();
    return store == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    ticket_store_free(store);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_several_tickets_the_worst_stamp_counts),
        cmocka_unit_test(test_a_ticket_that_does_not_open_counts_for_nothing),
        cmocka_unit_test(test_without_room_for_the_stamp_nothing_is_sealed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
