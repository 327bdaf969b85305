// The table of what Ravelin negotiates, compared with the numbers and names of the RFCs.
#include "tls/policy.h"

#include "tls/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static void test_suites(void **state) {
    (void)state;
    // RFC 8446 B.4
    static const struct {
        uint16_t number;
        enum metric metric;
        const char *name;
    } expected[] = {
        {0x1301, METRIC_suite_aes_128_gcm_sha256, "TLS_AES_128_GCM_SHA256"},
        {0x1302, METRIC_suite_aes_256_gcm_sha384, "TLS_AES_256_GCM_SHA384"},
        {0x1303, METRIC_suite_chacha20_poly1305_sha256, "TLS_CHACHA20_POLY1305_SHA256"},
    };
    assert_int_equal(POLICY_SUITE_COUNT, 3);
    for (int i = 0; i < POLICY_SUITE_COUNT; i++) {
        assert_int_equal(policy_suites[i].number, expected[i].number);
        assert_int_equal(policy_suites[i].metric, expected[i].metric);
        assert_string_equal(policy_suites[i].name, expected[i].name);
        assert_int_equal(policy_suite_index(expected[i].number), i);
        assert_string_equal(registry_name(registry_suites(), expected[i].number), expected[i].name);
        assert_int_equal(registry_suites().items[i].flaws, 0);
    }
    assert_int_equal(policy_suite_index(0x1304), -1);
    assert_int_equal(policy_suite_index(0x11301), -1);
    assert_string_equal(
        policy_cipher_list(),
        "TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:TLS13-CHACHA20-POLY1305-SHA256");
}

static void test_groups(void **state) {
    (void)state;
    // RFC 8446 4.2.8.2; draft-ietf-tls-ecdhe-mlkem; FIPS 203, table 3
    static const struct {
        struct policy_group row;
        int library_number;
    } expected[] = {
        {{0x11ec, 1216, false, true, METRIC_group_x25519mlkem768, "X25519MLKEM768",
          "X25519MLKEM768"},
         WOLFSSL_X25519MLKEM768},
        {{0x11eb, 1249, true, true, METRIC_group_secp256r1mlkem768, "SecP256r1MLKEM768",
          "SecP256r1MLKEM768"},
         WOLFSSL_SECP256R1MLKEM768},
        {{0x001d, 32, false, false, METRIC_group_x25519, "X25519", "X25519"}, WOLFSSL_ECC_X25519},
        {{0x0017, 65, true, false, METRIC_group_p256, "P-256", "SECP256R1"}, WOLFSSL_ECC_SECP256R1},
        {{0x0018, 97, true, false, METRIC_group_p384, "P-384", "SECP384R1"}, WOLFSSL_ECC_SECP384R1},
    };
    assert_int_equal(POLICY_GROUP_COUNT, 5);
    for (int i = 0; i < POLICY_GROUP_COUNT; i++) {
        const struct policy_group *row = &expected[i].row;
        assert_int_equal(policy_groups[i].number, row->number);
        assert_int_equal(policy_groups[i].number, expected[i].library_number);
        assert_int_equal(policy_groups[i].share_size, row->share_size);
        assert_int_equal(policy_groups[i].has_point, row->has_point);
        assert_int_equal(policy_groups[i].post_quantum, row->post_quantum);
        assert_int_equal(policy_groups[i].metric, row->metric);
        assert_string_equal(policy_groups[i].name, row->name);
        assert_int_equal(policy_group_index(row->number), i);
        assert_ptr_equal(policy_group_named(row->library_name), &policy_groups[i]);
        assert_string_equal(registry_name(registry_groups(), row->number), row->name);
    }
    assert_int_equal(policy_group_index(GROUP_P521), -1);
    assert_null(policy_group_named("SECP521R1"));
    assert_null(policy_group_named("P-256"));
    assert_null(policy_group_named(NULL));
}

static void test_usable_groups(void **state) {
    (void)state;
    static const int expected[] = {0x11ec, 0x11eb, 0x001d, 0x0017, 0x0018};
    int numbers[POLICY_GROUP_COUNT];
    assert_int_equal(policy_usable_groups(false, numbers), 5);
    assert_memory_equal(numbers, expected, sizeof(expected));
    assert_int_equal(policy_usable_groups(true, numbers), 2);
    assert_memory_equal(numbers, expected, 2 * sizeof(expected[0]));
}

static void test_schemes(void **state) {
    (void)state;
    // RFC 8446 4.2.3
    static const struct policy_scheme expected[] = {
        {0x0403, POLICY_SIGNATURE_ECDSA_P256, "ecdsa_secp256r1_sha256"},
        {0x0503, POLICY_SIGNATURE_ECDSA_P384, "ecdsa_secp384r1_sha384"},
        {0x0807, POLICY_SIGNATURE_ED25519, "ed25519"},
        {0x0804, POLICY_SIGNATURE_RSA_PSS, "rsa_pss_rsae_sha256"},
        {0x0805, POLICY_SIGNATURE_RSA_PSS, "rsa_pss_rsae_sha384"},
        {0x0806, POLICY_SIGNATURE_RSA_PSS, "rsa_pss_rsae_sha512"},
    };
    assert_int_equal(POLICY_SCHEME_COUNT, 6);
    for (int i = 0; i < POLICY_SCHEME_COUNT; i++) {
        assert_int_equal(policy_schemes[i].number, expected[i].number);
        assert_int_equal(policy_schemes[i].signature, expected[i].signature);
        assert_string_equal(policy_schemes[i].name, expected[i].name);
        assert_int_equal(policy_scheme_index(expected[i].number), i);
        assert_string_equal(registry_name(registry_schemes(), expected[i].number),
                            expected[i].name);
    }
    assert_int_equal(policy_scheme_index(0x0603), -1);
    assert_int_equal(policy_scheme_index(0x0401), -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_suites),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_usable_groups),
        cmocka_unit_test(test_schemes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
