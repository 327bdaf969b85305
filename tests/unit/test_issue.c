// Keys with a request and a certificate of their own.
#include "tls/certificate/issue.h"

#include "tls/certificate/chain.h"
#include "tls/certificate/private_key.h"
#include "tls/handshake/context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int set_up(void **state) {
    (void)state;
    return tls_library_init() == RESULT_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    tls_library_free();
    return 0;
}

static void assert_whole(enum issue_kind kind, const char *host) {
    struct issue issue;
    struct chain chain;
    struct private_key key;
    char why[CHAIN_ERROR_SIZE];
    int64_t now = time(NULL);
    assert_int_equal(issue_make(kind, host, now, &issue), RESULT_OK);
    if (chain_read(slice_from(issue.certificate), &chain, why) != RESULT_OK ||
        chain_judge(&chain, why) != RESULT_OK) {
        fail_msg("%s", why);
    }
    const struct certificate *leaf = &chain.certificates[0];
    assert_int_equal(chain.count, 1);
    assert_int_equal(leaf->key, kind == ISSUE_RSA ? CERTIFICATE_KEY_RSA : CERTIFICATE_KEY_P256);
    assert_int_equal(leaf->key_bits, kind == ISSUE_RSA ? 2048 : 0);
    assert_true(certificate_covers(leaf, host));
    assert_false(certificate_covers(leaf, "other.test"));
    assert_false(leaf->is_authority);
    assert_true(leaf->not_before < now && leaf->not_after > now + INT64_C(396) * 86400);
    assert_int_equal(private_key_read(slice_from(issue.key), &key, why), RESULT_OK);
    assert_true(private_key_fits(&key, leaf));
    private_key_free(&key);
    uint8_t room[ISSUE_PEM_SIZE];
    struct slice requested = issue_request_key(slice_from(issue.request), room, sizeof(room));
    assert_true(slice_equal(requested, leaf->key_info));
    chain_free(&chain);
}

static void test_a_key_with_its_request_and_certificate(void **state) {
    (void)state;
    assert_whole(ISSUE_ECDSA, "a.test");
    assert_whole(ISSUE_ECDSA, "www.example.com");
    assert_whole(ISSUE_RSA, "www.example.com");
}

static void test_a_long_name(void **state) {
    (void)state;
    char host[254];
    memset(host, 'a', sizeof(host));
    for (size_t i = 60; i < sizeof(host); i += 61) {
        host[i] = '.';
    }
    host[sizeof(host) - 1] = '\0';
    assert_whole(ISSUE_ECDSA, host);
    assert_whole(ISSUE_RSA, host);
}

static void test_a_name_that_is_too_long(void **state) {
    (void)state;
    struct issue issue;
    char *host = malloc(2000);
    assert_non_null(host);
    memset(host, 'a', 1999);
    host[1999] = '\0';
    assert_int_equal(issue_make(ISSUE_RSA, host, 0, &issue), RESULT_ERROR);
    assert_string_equal(issue.key, "");
    free(host);
}

static void test_two_are_not_the_same(void **state) {
    (void)state;
    struct issue one;
    struct issue other;
    assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", time(NULL), &one), RESULT_OK);
    assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", time(NULL), &other), RESULT_OK);
    assert_string_not_equal(one.key, other.key);
    assert_string_not_equal(one.certificate, other.certificate);
}

static void test_years(void **state) {
    (void)state;
    static const int64_t times[] = {946684800, INT64_C(2493072000), INT64_C(2524608000),
                                    INT64_C(4102444800)}; // 2000, 2049, 2050, 2100
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct issue issue;
        struct chain chain;
        char why[CHAIN_ERROR_SIZE];
        assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", times[i], &issue), RESULT_OK);
        assert_int_equal(chain_read(slice_from(issue.certificate), &chain, why), RESULT_OK);
        assert_int_equal(chain.certificates[0].not_before, times[i] - 86400);
        chain_free(&chain);
    }
}

// What OpenSSL finds in a request, which no module here reads.
static void assert_openssl_verifies(enum issue_kind kind, const char *algorithm) {
    struct issue issue;
    char output[4096];
    assert_int_equal(issue_make(kind, "a.test", time(NULL), &issue), RESULT_OK);
    char path[] = "/tmp/ravelin-request-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    assert_true(fputs(issue.request, file) >= 0);
    assert_int_equal(fclose(file), 0);
    char command[256];
    (void)snprintf(command, sizeof(command), "openssl req -in %s -noout -verify -text 2>&1", path);
    FILE *run = popen(command, "r"); // NOLINT(cert-env33-c): no text from outside
    assert_non_null(run);
    size_t size = fread(output, 1, sizeof(output) - 1, run);
    output[size] = '\0';
    assert_int_equal(pclose(run), 0);
    assert_non_null(strstr(output, "verify OK"));
    assert_non_null(strstr(output, "DNS:a.test"));
    assert_non_null(strstr(output, algorithm));
    (void)remove(path);
}

static void test_openssl_verifies_the_request(void **state) {
    (void)state;
    assert_openssl_verifies(ISSUE_ECDSA, "ecdsa-with-SHA256");
    assert_openssl_verifies(ISSUE_RSA, "sha256WithRSAEncryption");
}

static void test_what_is_no_request(void **state) {
    (void)state;
    struct issue issue;
    uint8_t room[ISSUE_PEM_SIZE];
    assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", time(NULL), &issue), RESULT_OK);
    assert_int_equal(issue_request_key(SLICE(""), room, sizeof(room)).size, 0);
    assert_int_equal(issue_request_key(slice_from(issue.key), room, sizeof(room)).size, 0);
    assert_int_equal(issue_request_key(slice_from(issue.request), room, 10).size, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_with_its_request_and_certificate),
        cmocka_unit_test(test_a_long_name),
        cmocka_unit_test(test_a_name_that_is_too_long),
        cmocka_unit_test(test_two_are_not_the_same),
        cmocka_unit_test(test_years),
        cmocka_unit_test(test_openssl_verifies_the_request),
        cmocka_unit_test(test_what_is_no_request),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
