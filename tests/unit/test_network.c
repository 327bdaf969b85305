#include "base/network_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static struct network parse(const char *text) {
    struct network network;
    const char *why;
    if (network_parse(slice_from(text), &network, &why) != RESULT_OK) {
        fail_msg("%s: %s", text, why);
    }
    return network;
}

static struct address host(const char *text) {
    struct address address;
    const char *why;
    assert_int_equal(address_parse(slice_from(text), &address, &why), RESULT_OK);
    return address;
}

static bool contains(const char *network, const char *address) {
    struct network parsed = parse(network);
    struct address looked_for = host(address);
    return network_contains(&parsed, &looked_for.as.any);
}

static void test_the_one_form(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"10.0.0.0/8", "10.0.0.0/8"},
        {"192.0.2.1", "192.0.2.1/32"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"2001:DB8::/32", "2001:db8::/32"},
        {"::1", "::1/128"},
        {"::/0", "::/0"},
        {"203.0.113.128/25", "203.0.113.128/25"},
        {"fe80:0:0:0:0:0:0:0/10", "fe80::/10"},
        {"::ffff:10.0.0.0/104", "10.0.0.0/8"},
        {"::ffff:c000:201", "192.0.2.1/32"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:0:0:0/96", "::ffff:0:0:0/96"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct network network = parse(pairs[i][0]);
        char text[NETWORK_TEXT_SIZE];
        network_format(&network, text);
        assert_string_equal(text, pairs[i][1]);
    }
}

static void test_what_is_no_network(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "/",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/08",
        "10.0.0.0/-1",
        "10.0.0.0/8 ",
        "10.0.0/8",
        "10.0.0.1/8",
        "10.0.0.0/8/8",
        "::/129",
        "::1/127",
        "localhost",
        "1.2.3.4:80",
        "[::1]",
        "::ffff:10.0.0.0/80",
        "::ffff:10.1.0.0/104",
        "2001:db8::1/64",
        "fe80::1%lo",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255:1",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct network network;
        const char *why = NULL;
        assert_int_equal(network_parse(slice_from(texts[i]), &network, &why), RESULT_ERROR);
        assert_non_null(why);
    }
}

static void test_what_lies_in_a_network(void **state) {
    (void)state;
    assert_true(contains("10.0.0.0/8", "10.255.0.1:1"));
    assert_false(contains("10.0.0.0/8", "11.0.0.0:1"));
    assert_true(contains("203.0.113.128/25", "203.0.113.128:1"));
    assert_true(contains("203.0.113.128/25", "203.0.113.255:1"));
    assert_false(contains("203.0.113.128/25", "203.0.113.127:1"));
    assert_true(contains("192.0.2.1", "192.0.2.1:9"));
    assert_false(contains("192.0.2.1", "192.0.2.0:9"));
    assert_true(contains("0.0.0.0/0", "255.255.255.255:1"));
    assert_true(contains("2001:db8::/33", "[2001:db8:7fff::1]:1"));
    assert_false(contains("2001:db8::/33", "[2001:db8:8000::1]:1"));
    assert_true(contains("::1", "[::1]:1"));
    assert_true(contains("::/0", "[2001:db8::1]:1"));
}

static void test_families_do_not_mix(void **state) {
    (void)state;
    assert_false(contains("::/0", "10.0.0.1:1"));
    assert_false(contains("0.0.0.0/0", "[2001:db8::1]:1"));
    assert_false(contains("0.0.0.0/0", "unix:/run/x"));
    // An IPv4 address in IPv6 clothing is what it is.
    assert_true(contains("10.0.0.0/8", "[::ffff:10.1.2.3]:1"));
    assert_false(contains("::/0", "[::ffff:10.1.2.3]:1"));
}

static void test_lists(void **state) {
    (void)state;
    struct network networks[] = {parse("10.0.0.0/8"), parse("::1")};
    struct address in = host("[::1]:1");
    struct address out = host("192.0.2.1:1");
    assert_true(networks_contain(networks, 2, &in.as.any));
    assert_false(networks_contain(networks, 1, &in.as.any));
    assert_false(networks_contain(networks, 2, &out.as.any));
    assert_false(networks_contain(NULL, 0, &in.as.any));
}

// --- Sets ---

static void test_a_set_has_what_its_networks_have(void **state) {
    (void)state;
    static const char *const texts[] = {"10.0.0.0/8", "192.0.2.7", "192.0.2.1",     "10.1.0.0/16",
                                        "192.0.2.7",  "::1",       "2001:db8::/32", "0.0.0.0/31"};
    static const char *const addresses[] = {
        "10.2.3.4:1",  "11.0.0.0:1",          "192.0.2.7:1",         "192.0.2.1:1",
        "192.0.2.8:1", "[2001:db8::5]:1",     "[2001:db9::1]:1",     "[::1]:1",
        "[::2]:1",     "[::ffff:10.1.1.1]:1", "[::ffff:11.1.1.1]:1", "0.0.0.1:1",
        "0.0.0.2:1",   "unix:/run/x"};
    struct network networks[8];
    struct network_set set = {.items = calloc(8, sizeof(networks[0])), .count = 8};
    assert_non_null(set.items);
    for (size_t i = 0; i < 8; i++) {
        networks[i] = set.items[i] = parse(texts[i]);
    }
    assert_true(network_set_build(&set));
    assert_int_equal(set.count, 7); // one was there twice
    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        struct address address = host(addresses[i]);
        assert_int_equal(network_set_contains(&set, &address.as.any),
                         networks_contain(networks, 8, &address.as.any));
    }
    network_set_free(&set);
}

static void test_the_empty_set(void **state) {
    (void)state;
    struct network_set set = {.count = 0};
    struct address address = host("10.0.0.1:1");
    assert_true(network_set_build(&set));
    assert_false(network_set_contains(&set, &address.as.any));
    network_set_free(&set);
}

static void test_the_set_of_every_address(void **state) {
    (void)state;
    struct network_set set = {.items = calloc(1, sizeof(struct network)), .count = 1};
    assert_non_null(set.items);
    set.items[0] = parse("0.0.0.0/0");
    assert_true(network_set_build(&set));
    struct address v4 = host("10.0.0.1:1");
    struct address v6 = host("[::1]:1");
    assert_true(network_set_contains(&set, &v4.as.any));
    assert_false(network_set_contains(&set, &v6.as.any));
    network_set_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_one_form),
        cmocka_unit_test(test_what_is_no_network),
        cmocka_unit_test(test_what_lies_in_a_network),
        cmocka_unit_test(test_families_do_not_mix),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_a_set_has_what_its_networks_have),
        cmocka_unit_test(test_the_empty_set),
        cmocka_unit_test(test_the_set_of_every_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
