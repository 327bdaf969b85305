// What a ClientHello must keep to, what it must offer, and what the one after a HelloRetryRequest
// may change.
#include "hello_bytes.h"
#include "tls/handshake/hello.h"

static const int GROUPS[] = {4588, 4587, 0x001d, 0x0017, 0x0018};

static struct hello_policy usual_policy(void) {
    return (struct hello_policy){
        .groups = GROUPS, .group_count = 5, .signature = POLICY_SIGNATURE_ECDSA_P256};
}

// The hello of these parts; it lives in `message`.
static struct client_hello hello_in(struct bytes *message, const struct hello_parts *parts) {
    struct client_hello hello;
    struct refusal refusal = {0};
    message->size = 0;
    put_hello(message, parts);
    enum result result =
        hello_parse((struct slice){(const char *)message->data, message->size}, &hello, &refusal);
    if (result != RESULT_OK) {
        fail_msg("%s", refusal.text);
    }
    return hello;
}

static struct client_hello hello_of(const struct hello_parts *parts) {
    static struct bytes message;
    return hello_in(&message, parts);
}

static void assert_rules(const struct hello_parts *parts, enum refusal_reason reason) {
    struct client_hello hello = hello_of(parts);
    struct refusal refusal = {0};
    assert_int_equal(hello_check_rules(&hello, &refusal),
                     reason == REFUSAL_NONE ? RESULT_OK : RESULT_ERROR);
    assert_int_equal(refusal.reason, reason);
}

// --- Rules ---

static void test_mandatory_extensions(void **state) {
    (void)state;
    struct hello_parts parts = usual_parts();
    assert_rules(&parts, REFUSAL_NONE);
    parts.signatures = NULL;
    assert_rules(&parts, REFUSAL_missing_extension);
    parts = usual_parts();
    parts.groups = NULL;
    assert_rules(&parts, REFUSAL_missing_extension); // shares without groups
    parts.no_shares = true;
    assert_rules(&parts, REFUSAL_missing_extension);
    parts = usual_parts();
    parts.no_shares = true;
    assert_rules(&parts, REFUSAL_missing_extension); // groups without shares
}

#define PSK                                                                                        \
    "\x00\x29\x00\x2c\x00\x07\x00\x01x\0\0\0\0\x00\x21\x20"                                        \
    "12345678901234567890123456789012"
#define PSK_SIZE 48
#define MODES(mode) "\x00\x2d\x00\x02\x01" mode

static void test_mandatory_extensions_with_a_psk(void **state) {
    (void)state;
    struct hello_parts parts = usual_parts();
    parts.extra = PSK;
    parts.extra_size = PSK_SIZE;
    assert_rules(&parts, REFUSAL_missing_extension); // no modes
    parts.extra = MODES("\x01") PSK;
    parts.extra_size = 6 + PSK_SIZE;
    assert_rules(&parts, REFUSAL_NONE);
    parts.signatures = NULL; // a certificate may not be needed
    assert_rules(&parts, REFUSAL_NONE);
    parts.groups = NULL;
    parts.no_shares = true;
    assert_rules(&parts, REFUSAL_missing_extension);
    parts.extra = MODES("\x00") PSK; // none is needed in this mode, but it is not ours
    assert_rules(&parts, REFUSAL_no_parameters);
    parts.groups = USUAL_GROUPS;
    assert_rules(&parts, REFUSAL_missing_extension);
    parts.no_shares = false;
    assert_rules(&parts, REFUSAL_NONE); // without the PSK, then
}

static void test_compression_and_cookies_are_refused(void **state) {
    (void)state;
    static struct bytes message;
    static const char *const lists[] = {"\x01\x01", "\x02\x01\x00", "\x02\x00\x01", "\x02\x00\x00"};
    for (size_t i = 0; i < 4; i++) {
        struct client_hello hello = hello_in(&message, &(struct hello_parts){
                                                           .suites = ALL_SUITES,
                                                           .versions = TLS13,
                                                           .groups = USUAL_GROUPS,
                                                           .signatures = USUAL_SIGNATURES,
                                                       });
        struct refusal refusal = {0};
        hello.compressions = (struct slice){lists[i] + 1, (size_t)lists[i][0]};
        assert_int_equal(hello_check_rules(&hello, &refusal), RESULT_ERROR);
        assert_int_equal(refusal.alert, ALERT_ILLEGAL_PARAMETER);
    }
    struct hello_parts parts = usual_parts();
    parts.extra = "\x00\x2c\x00\x03\x00\x01x";
    parts.extra_size = 7;
    assert_rules(&parts, REFUSAL_illegal);
}

// --- Key shares ---

static void put_share(struct bytes *list, uint16_t group, uint8_t first, size_t size) {
    put(list, group, 2);
    put(list, size, 2);
    for (size_t i = 0; i < size; i++) {
        put(list, i == 0 ? first : 7, 1);
    }
}

static void assert_shares(const struct bytes *list, const uint16_t *groups,
                          enum refusal_reason reason) {
    static struct bytes extra;
    extra.size = 0;
    put(&extra, 51, 2);
    put(&extra, list->size + 2, 2);
    put(&extra, list->size, 2);
    put_bytes(&extra, list->data, list->size);
    struct hello_parts parts = usual_parts();
    parts.groups = groups;
    parts.no_shares = true;
    parts.extra = (const char *)extra.data;
    parts.extra_size = extra.size;
    assert_rules(&parts, reason);
}

static void assert_share(uint16_t group, uint8_t first, size_t size, enum refusal_reason reason) {
    static const uint16_t groups[] = {0x0017, 0x0018, 0x001d, 4587, 4588, 0xabcd, 0};
    static struct bytes list;
    list.size = 0;
    put_share(&list, group, first, size);
    assert_shares(&list, groups, reason);
}

static void test_the_form_of_shares(void **state) {
    (void)state;
    static const struct {
        size_t size;
        uint16_t group;
        bool point;
    } cases[] = {
        {32, 0x001d, false}, {65, 0x0017, true}, {97, 0x0018, true},
        {1216, 4588, false}, {1249, 4587, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t size = cases[i].size;
        assert_share(cases[i].group, 4, size, REFUSAL_NONE);
        assert_share(cases[i].group, 4, size - 1, REFUSAL_illegal);
        assert_share(cases[i].group, 4, size + 1, REFUSAL_illegal);
        assert_share(cases[i].group, 4, 1, REFUSAL_illegal);
        assert_share(cases[i].group, 4, 0, REFUSAL_illegal);
        for (uint8_t first = 0; first < 8; first++) {
            bool fine = first == 4 || !cases[i].point;
            assert_share(cases[i].group, first, size, fine ? REFUSAL_NONE : REFUSAL_illegal);
        }
    }
    assert_share(0xabcd, 0, 1, REFUSAL_NONE); // whatever that is
    assert_share(0xabcd, 0, 500, REFUSAL_NONE);
    assert_share(0xabcd, 0, 0, REFUSAL_illegal);
}

static void test_shares_are_of_listed_groups_and_no_two_of_one(void **state) {
    (void)state;
    static struct bytes list;
    static const uint16_t groups[] = {0x001d, 0xabcd, 0};
    list.size = 0;
    put_share(&list, 0x001d, 9, 32);
    put_share(&list, 0xabcd, 9, 3);
    assert_shares(&list, groups, REFUSAL_NONE);
    put_share(&list, 0x001d, 9, 32);
    assert_shares(&list, groups, REFUSAL_illegal);
    list.size = 0;
    put_share(&list, 0x0017, 4, 65);
    assert_shares(&list, groups, REFUSAL_illegal);
    list.size = 0;
    put_share(&list, 0x1234, 4, 65);
    assert_shares(&list, groups, REFUSAL_illegal);
}

static void test_very_many_shares(void **state) {
    (void)state;
    static struct bytes list;
    static uint16_t groups[8002];
    for (uint16_t i = 0; i < 8000; i++) {
        groups[i] = (uint16_t)(0x2000 + i);
    }
    groups[8000] = 0x001d;
    for (size_t count = 1; count < 8000; count = count * 2 + 1) {
        list.size = 0;
        for (size_t i = 0; i < count; i++) {
            put_share(&list, groups[i], 1, 2);
        }
        assert_shares(&list, groups, REFUSAL_NONE);
        size_t before = list.size;
        put_share(&list, 0x001d, 9, 32);
        assert_shares(&list, groups, REFUSAL_NONE);
        list.size = before;
        put_share(&list, groups[count / 2], 1, 2);
        assert_shares(&list, groups, REFUSAL_illegal);
        list.size = before;
        put_share(&list, 0x1fff, 1, 2);
        assert_shares(&list, groups, REFUSAL_illegal);
        list.size = before;
        put_share(&list, 0x001d, 9, 31);
        assert_shares(&list, groups, REFUSAL_illegal);
    }
}

// --- The offer ---

static void assert_offer(const struct hello_parts *parts, const struct hello_policy *policy,
                         enum refusal_reason reason) {
    struct client_hello hello = hello_of(parts);
    struct refusal refusal = {0};
    assert_int_equal(hello_check_offer(&hello, policy, &refusal),
                     reason == REFUSAL_NONE ? RESULT_OK : RESULT_ERROR);
    assert_int_equal(refusal.reason, reason);
}

static void test_suites_groups_and_signatures(void **state) {
    (void)state;
    static const uint16_t no_suites[] = {0x1304, 0x1305, 0xc02f, 0x00ff, 0};
    static const uint16_t last_suite[] = {0x1304, 0x5600, 0x1303, 0};
    static const uint16_t no_groups[] = {0x0019, 0x001e, 0x0100, 0};
    static const uint16_t last_group[] = {0x0019, 0x001e, 0x0018, 0};
    static const uint16_t rsa[] = {0x0804, 0};
    struct hello_policy policy = usual_policy();
    struct hello_parts parts = usual_parts();
    assert_offer(&parts, &policy, REFUSAL_NONE);
    parts.suites = no_suites;
    assert_offer(&parts, &policy, REFUSAL_no_suite);
    parts.suites = last_suite;
    parts.groups = last_group;
    assert_offer(&parts, &policy, REFUSAL_NONE);
    parts.groups = no_groups;
    assert_offer(&parts, &policy, REFUSAL_no_group);
    parts = usual_parts();
    parts.signatures = rsa;
    assert_offer(&parts, &policy, REFUSAL_no_signature);
    policy.signature = POLICY_SIGNATURE_RSA_PSS;
    assert_offer(&parts, &policy, REFUSAL_NONE);
    policy.signature = POLICY_SIGNATURE_ED25519;
    parts.extra = PSK; // then no signature may be needed
    parts.extra_size = PSK_SIZE;
    assert_offer(&parts, &policy, REFUSAL_NONE);
}

static void test_post_quantum_groups_alone(void **state) {
    (void)state;
    static const uint16_t groups[] = {0x001d, 4587, 0};
    struct hello_policy policy = usual_policy();
    policy.group_count = 2;
    policy.post_quantum = true;
    struct hello_parts parts = usual_parts();
    assert_offer(&parts, &policy, REFUSAL_no_post_quantum);
    parts.groups = groups;
    assert_offer(&parts, &policy, REFUSAL_NONE);
}

static void test_protocols(void **state) {
    (void)state;
    static const struct {
        const char *extension;
        size_t size;
        enum refusal_reason reason;
    } cases[] = {
        {"\x00\x10\x00\x0b\x00\x09\x08http/1.1", 15, REFUSAL_NONE},
        {"\x00\x10\x00\x0e\x00\x0c\x02h2\x08http/1.0", 18, REFUSAL_NONE},
        {"\x00\x10\x00\x05\x00\x03\x02h2", 9, REFUSAL_no_protocol}, // not offered here
        {"\x00\x10\x00\x0b\x00\x09\x08http/1.2", 15, REFUSAL_no_protocol},
        {"\x00\x10\x00\x0b\x00\x09\x08HTTP/1.1", 15, REFUSAL_no_protocol},
        {"\x00\x10\x00\x0a\x00\x08\x07http/1.", 14, REFUSAL_no_protocol},
        {"\x00\x10\x00\x14\x00\x12\x11http/1.1,http/1.0", 24, REFUSAL_no_protocol},
    };
    struct hello_policy policy = usual_policy();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hello_parts parts = usual_parts();
        parts.extra = cases[i].extension;
        parts.extra_size = cases[i].size;
        assert_offer(&parts, &policy, cases[i].reason);
    }
}

static void test_the_group_that_will_be_asked_for(void **state) {
    (void)state;
    static const uint16_t groups[] = {0x0019, 0x0018, 0x001d, 0};
    struct hello_policy policy = usual_policy();
    struct hello_parts parts = usual_parts();
    parts.groups = groups;
    struct client_hello hello = hello_of(&parts);
    assert_int_equal(hello_common_group(&hello, &policy), 0x001d); // in our order
    assert_false(hello_has_share(&hello, &policy));
    parts.x25519 = true;
    hello = hello_of(&parts);
    assert_true(hello_has_share(&hello, &policy));
    policy.group_count = 2;
    assert_int_equal(hello_common_group(&hello, &policy), 0);
    assert_false(hello_has_share(&hello, &policy));
}

// --- The second hello ---

#define X25519_SHARE                                                                               \
    "\x00\x33\x00\x26\x00\x24\x00\x1d\x00\x20"                                                     \
    "12345678901234567890123456789012"
#define X25519_SHARE_SIZE 42

struct pair {
    struct hello_parts first, second;
};

static struct pair usual_pair(void) {
    struct pair pair = {usual_parts(), usual_parts()};
    pair.second.no_shares = true;
    pair.second.extra = X25519_SHARE;
    pair.second.extra_size = X25519_SHARE_SIZE;
    return pair;
}

static void assert_second(const struct pair *pair, uint16_t group, enum refusal_reason reason) {
    static struct bytes first_message, second_message;
    struct client_hello first = hello_in(&first_message, &pair->first);
    struct client_hello second = hello_in(&second_message, &pair->second);
    struct refusal refusal = {0};
    assert_int_equal(hello_check_second(&first, &second, group, &refusal),
                     reason == REFUSAL_NONE ? RESULT_OK : RESULT_ERROR);
    assert_int_equal(refusal.reason, reason);
}

static void test_the_second_hello_may_be_like_the_first(void **state) {
    (void)state;
    struct pair pair = usual_pair();
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.second.padding = 100;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.first.padding = 200;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.second.padding = 0;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.first.extra = "\x00\x2a\x00\x00"; // early data, taken out
    pair.first.extra_size = 4;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.first.extra = "\xfe\x0d\x00\x01x"; // encrypted_client_hello, another one
    pair.first.extra_size = 5;
    pair.second.extra = X25519_SHARE "\xfe\x0d\x00\x02yz";
    pair.second.extra_size = X25519_SHARE_SIZE + 6;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
}

static void test_the_second_hello_may_move_only_two(void **state) {
    (void)state;
    struct pair pair = usual_pair();
    pair.first.versions = NULL;
    pair.first.extra = "\x00\x2d\x00\x02\x01\x01\x00\x2b\x00\x03\x02\x03\x04";
    pair.first.extra_size = 13;
    pair.second.extra = X25519_SHARE "\x00\x2d\x00\x02\x01\x01";
    pair.second.extra_size = X25519_SHARE_SIZE + 6;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.second.extra = X25519_SHARE "\x00\x2d\x00\x02\x01\x00"; // with another content
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair = usual_pair();
    pair.first.extra = "\xaa\xaa\x00\x00\xbb\xbb\x00\x00";
    pair.first.extra_size = 8;
    pair.second.extra = X25519_SHARE "\xaa\xaa\x00\x00\xbb\xbb\x00\x00";
    pair.second.extra_size = X25519_SHARE_SIZE + 8;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
    pair.second.extra = X25519_SHARE "\xbb\xbb\x00\x00\xaa\xaa\x00\x00";
    assert_second(&pair, 0x001d, REFUSAL_illegal);
}

static void test_the_second_hello_changes_nothing_else(void **state) {
    (void)state;
    static const uint16_t fewer_suites[] = {0x1301, 0x1302, 0};
    static const uint16_t other_groups[] = {0x001d, 0x0018, 0x0017, 0};
    static const uint16_t both_versions[] = {0x0304, 0x0303, 0};
    struct pair pair = usual_pair();
    pair.second.name = "b.test";
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair.second.name = NULL;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair = usual_pair();
    pair.second.suites = fewer_suites;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair = usual_pair();
    pair.second.groups = other_groups;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair = usual_pair();
    pair.second.versions = both_versions;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair = usual_pair();
    pair.second.extra = X25519_SHARE "\xaa\xaa\x00\x00";
    pair.second.extra_size = X25519_SHARE_SIZE + 4;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair.second.extra = X25519_SHARE "\x00\x2a\x00\x00"; // early data
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair.second.extra = X25519_SHARE PSK;
    pair.second.extra_size = X25519_SHARE_SIZE + PSK_SIZE;
    assert_second(&pair, 0x001d, REFUSAL_illegal); // the first had none
    pair.first.extra = PSK;
    pair.first.extra_size = PSK_SIZE;
    assert_second(&pair, 0x001d, REFUSAL_NONE);
}

static void test_the_second_hello_brings_the_share_that_was_asked_for(void **state) {
    (void)state;
    struct pair pair = usual_pair();
    assert_second(&pair, 0x0017, REFUSAL_illegal);
    pair.second.extra = "\x00\x33\x00\x02\x00\x00";
    pair.second.extra_size = 6;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    static const char two[] = "\x00\x33\x00\x2b\x00\x29\x00\x1d\x00\x20"
                              "12345678901234567890123456789012"
                              "\x00\x17\x00\x01x";
    pair.second.extra = two;
    pair.second.extra_size = sizeof(two) - 1;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
    pair.second.extra_size = 0;
    assert_second(&pair, 0x001d, REFUSAL_illegal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mandatory_extensions),
        cmocka_unit_test(test_mandatory_extensions_with_a_psk),
        cmocka_unit_test(test_compression_and_cookies_are_refused),
        cmocka_unit_test(test_the_form_of_shares),
        cmocka_unit_test(test_shares_are_of_listed_groups_and_no_two_of_one),
        cmocka_unit_test(test_very_many_shares),
        cmocka_unit_test(test_suites_groups_and_signatures),
        cmocka_unit_test(test_post_quantum_groups_alone),
        cmocka_unit_test(test_protocols),
        cmocka_unit_test(test_the_group_that_will_be_asked_for),
        cmocka_unit_test(test_the_second_hello_may_be_like_the_first),
        cmocka_unit_test(test_the_second_hello_may_move_only_two),
        cmocka_unit_test(test_the_second_hello_changes_nothing_else),
        cmocka_unit_test(test_the_second_hello_brings_the_share_that_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
