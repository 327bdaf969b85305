// OCSP responses: which are taken, what they say, and that no damage does harm.
#include "issue.h"
#include "tls/chain.h"
#include "tls/ocsp.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

static struct folder folder;
static struct chain leaf;
static struct chain other;

static void load(const char *name, struct chain *chain) {
    uint8_t pem[8192];
    char why[CHAIN_ERROR_SIZE];
    size_t size = read_file(&folder, name, pem, sizeof(pem));
    assert_int_equal(chain_read((struct slice){(const char *)pem, size}, chain, why), RESULT_OK);
}

// One response about both certificates.
static void make_response(const char *name) {
    OPENSSL(&folder, "ocsp", "-issuer", in_folder(&folder, "root.pem"), "-cert",
            in_folder(&folder, "leaf.pem"), "-cert", in_folder(&folder, "other.pem"), "-no_nonce",
            "-reqout", in_folder(&folder, "request"));
    OPENSSL(&folder, "ocsp", "-index", in_folder(&folder, "index"), "-CA",
            in_folder(&folder, "root.pem"), "-rsigner", in_folder(&folder, "root.pem"), "-rkey",
            in_folder(&folder, "root.key"), "-reqin", in_folder(&folder, "request"), "-respout",
            in_folder(&folder, name), "-ndays", "3");
}

static int set_up_all(void **state) {
    (void)state;
    assert_int_equal(wolfSSL_Init(), WOLFSSL_SUCCESS);
    folder_make(&folder);
    issue(&folder, (struct issue){.name = "root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "leaf", .issuer = "root"});
    issue(&folder, (struct issue){.name = "other", .issuer = "root"});
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            in_folder(&folder, "root.pem"), "-keyfile", in_folder(&folder, "root.key"), "-revoke",
            in_folder(&folder, "other.pem"));
    make_response("response");
    load("leaf.pem", &leaf);
    load("other.pem", &other);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    chain_free(&leaf);
    chain_free(&other);
    folder_free(&folder);
    wolfSSL_Cleanup();
    return 0;
}

static void test_what_it_says(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    const char *why;
    struct slice file = {(const char *)der, read_file(&folder, "response", der, sizeof(der))};
    int64_t now = (int64_t)time(NULL);
    assert_int_equal(ocsp_read(file, &leaf.certificates[0], &ocsp, &why), RESULT_OK);
    assert_int_equal(ocsp.status, OCSP_GOOD);
    assert_in_range(ocsp.from, now - 600, now + 1);
    assert_int_equal(ocsp.until - ocsp.from, 3 * 86400);
    assert_int_equal(ocsp.size, file.size);
    assert_memory_equal(ocsp.der, der, file.size);
    ocsp_free(&ocsp);
    assert_null(ocsp.der);
    ocsp_free(&ocsp);
    assert_int_equal(ocsp_read(file, &other.certificates[0], &ocsp, &why), RESULT_OK);
    assert_int_equal(ocsp.status, OCSP_REVOKED);
    ocsp_free(&ocsp);
}

static void test_no_damage_does_harm(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    const char *why;
    size_t size = read_file(&folder, "response", der, sizeof(der));
    for (size_t i = 0; i < size; i++) {
        // Exactly as much memory as there are bytes, for sanitizers.
        uint8_t *copy = malloc(i + 1);
        memcpy(copy, der, i);
        assert_int_equal(
            ocsp_read((struct slice){(const char *)copy, i}, &leaf.certificates[0], &ocsp, &why),
            RESULT_ERROR);
        free(copy);
        for (unsigned bit = 0; bit < 8; bit++) {
            der[i] ^= (uint8_t)(1u << bit);
            why = NULL;
            if (ocsp_read((struct slice){(const char *)der, size}, &leaf.certificates[0], &ocsp,
                          &why) == RESULT_OK) {
                ocsp_free(&ocsp);
            } else {
                assert_non_null(why);
            }
            der[i] ^= (uint8_t)(1u << bit);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_no_damage_does_harm),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
