// The key schedule with the values of RFC 8448 section 3 and 4 (simple 1-RTT handshake,
// resumption).
#include "tls/probe/key_exchange.h"
#include "tls/probe/key_schedule.h"
#include "tls/probe/offer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { SUITE = 0x1301, SUITE_SHA384 = 0x1302 };

static void unhex(const char *text, uint8_t bytes[32]) {
    static const char digits[] = "0123456789abcdef";
    assert_int_equal(strlen(text), 64);
    for (size_t i = 0; i < 32; i++) {
        bytes[i] = (uint8_t)((strchr(digits, text[2 * i]) - digits) << 4 |
                             (strchr(digits, text[2 * i + 1]) - digits));
    }
}

static void assert_hex(const uint8_t *bytes, const char *text) {
    uint8_t expected[32];
    unhex(text, expected);
    assert_memory_equal(bytes, expected, 32);
}

static const char EARLY[] = "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a";
static const char SHARED[] = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d";
static const char HANDSHAKE[] = "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac";
static const char HELLOS[] = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8";
static const char CLIENT[] = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
static const char SERVER[] = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38";
static const char MASTER[] = "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919";
static const char RES_MASTER[] = "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c";
static const char PSK[] = "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3";
static const char EARLY_WITH_PSK[] =
    "9b2188e9b2fc6d64d71dc329900e20bb41915000f678aa839cbb797cb7d8332c";

static void test_a_handshake(void **state) {
    struct key_schedule schedule;
    uint8_t shared[32];
    uint8_t hash[32];
    uint8_t secret[HASH_SIZE_MAX];
    (void)state;
    unhex(SHARED, shared);
    unhex(HELLOS, hash);
    assert_int_equal(key_schedule_start(&schedule, SUITE, SLICE("")), RESULT_OK);
    assert_hex(schedule.secret, EARLY);
    assert_int_equal(key_schedule_next(&schedule, (struct slice){(const char *)shared, 32}),
                     RESULT_OK);
    assert_hex(schedule.secret, HANDSHAKE);
    assert_int_equal(key_schedule_derive(&schedule, "c hs traffic", hash, secret), RESULT_OK);
    assert_hex(secret, CLIENT);
    assert_int_equal(key_schedule_derive(&schedule, "s hs traffic", hash, secret), RESULT_OK);
    assert_hex(secret, SERVER);
    assert_int_equal(key_schedule_next(&schedule, SLICE("")), RESULT_OK);
    assert_hex(schedule.secret, MASTER);
    key_schedule_wipe(&schedule);
    static const uint8_t zeros[32];
    assert_memory_equal(schedule.secret, zeros, 32);
}

static void test_a_ticket(void **state) {
    struct key_schedule schedule;
    uint8_t res_master[32];
    uint8_t psk[HASH_SIZE_MAX];
    (void)state;
    unhex(RES_MASTER, res_master);
    assert_int_equal(key_expand_label(SUITE, res_master, "resumption", SLICE("\0\0"), psk),
                     RESULT_OK);
    assert_hex(psk, PSK);
    assert_int_equal(key_schedule_start(&schedule, SUITE, (struct slice){(const char *)psk, 32}),
                     RESULT_OK);
    assert_hex(schedule.secret, EARLY_WITH_PSK);
}

static void test_an_unknown_suite_is_an_error(void **state) {
    struct key_schedule schedule;
    uint8_t output[HASH_SIZE_MAX];
    uint8_t secret[HASH_SIZE_MAX] = {0};
    (void)state;
    assert_int_equal(key_schedule_start(&schedule, 0x1304, SLICE("")), RESULT_ERROR);
    assert_int_equal(key_hash(0xc02f, SLICE("x"), output), RESULT_ERROR);
    assert_int_equal(key_expand_label(0, secret, "x", SLICE(""), output), RESULT_ERROR);
    assert_int_equal(key_finished(0, secret, secret, output), RESULT_ERROR);
}

static void test_hashes(void **state) {
    uint8_t output[HASH_SIZE_MAX];
    static const uint8_t sha384[4] = {0xcb, 0x00, 0x75, 0x3f};
    (void)state;
    assert_int_equal(key_hash(SUITE, SLICE("abc"), output), RESULT_OK);
    assert_hex(output, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(key_hash(SUITE_SHA384, SLICE("abc"), output), RESULT_OK);
    assert_memory_equal(output, sha384, sizeof(sha384));
}

// --- Key exchange: what handshakes with our own server do not show ---

static void test_shares_that_are_no_keys(void **state) {
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256, GROUP_P384, GROUP_P521};
    static const uint8_t zeros[133];
    uint8_t secret[KEY_SECRET_SIZE_MAX];
    size_t size;
    (void)state;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct key_exchange *exchange = key_exchange_new(groups[i]);
        assert_non_null(exchange);
        for (size_t wrong = 0; wrong <= sizeof(zeros); wrong++) { // also the right size, all zeros
            assert_int_equal(key_exchange_finish(exchange,
                                                 (struct slice){(const char *)zeros, wrong}, secret,
                                                 &size),
                             RESULT_ERROR);
        }
        key_exchange_free(exchange);
    }
    assert_null(key_exchange_new(0x0015));
    assert_false(key_exchange_knows(0x0100));
}

static void test_two_agree(void **state) {
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256, GROUP_P384, GROUP_P521};
    static const size_t sizes[] = {32, 32, 48, 66};
    (void)state;
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        struct key_exchange *one = key_exchange_new(groups[i]);
        struct key_exchange *other = key_exchange_new(groups[i]);
        uint8_t one_secret[KEY_SECRET_SIZE_MAX];
        uint8_t other_secret[KEY_SECRET_SIZE_MAX];
        size_t size;
        assert_true(one != NULL && other != NULL);
        assert_int_equal(key_exchange_finish(one, key_exchange_share(other), one_secret, &size),
                         RESULT_OK);
        assert_int_equal(size, sizes[i]);
        assert_int_equal(key_exchange_finish(other, key_exchange_share(one), other_secret, &size),
                         RESULT_OK);
        assert_memory_equal(one_secret, other_secret, size);
        key_exchange_free(one);
        key_exchange_free(other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_handshake),
        cmocka_unit_test(test_a_ticket),
        cmocka_unit_test(test_an_unknown_suite_is_an_error),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_shares_that_are_no_keys),
        cmocka_unit_test(test_two_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
