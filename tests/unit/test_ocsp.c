// OCSP responses: which are taken, what they say, and that no damage does harm.
#include "certificate_folder.h"
#include "tls/certificate/chain.h"
#include "tls/certificate/ocsp.h"

static struct chain leaf;
static struct chain other;
static struct chain root;

static void load(const char *name, struct chain *chain) {
    uint8_t pem[8192];
    char why[CHAIN_ERROR_SIZE];
    assert_int_equal(chain_read(load_text(name, pem, sizeof(pem)), chain, why), RESULT_OK);
}

// One response about both certificates, signed with this key.
static void make_signed_response(const char *name, const char *signer) {
    OPENSSL(&folder, "ocsp", "-issuer", in_folder(&folder, "root.pem"), "-cert",
            in_folder(&folder, "leaf.pem"), "-cert", in_folder(&folder, "other.pem"), "-no_nonce",
            "-reqout", in_folder(&folder, "request"));
    OPENSSL(&folder, "ocsp", "-index", in_folder(&folder, "index"), "-CA",
            in_folder(&folder, "root.pem"), "-rsigner", named(&folder, signer, ".pem"), "-rkey",
            named(&folder, signer, ".key"), "-reqin", in_folder(&folder, "request"), "-respout",
            in_folder(&folder, name), "-ndays", "3");
}

static void make_response(const char *name) {
    make_signed_response(name, "root");
}

static int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    issue(&folder, (struct issue){.name = "root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "leaf", .issuer = "root"});
    issue(&folder, (struct issue){.name = "other", .issuer = "root"});
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            in_folder(&folder, "root.pem"), "-keyfile", in_folder(&folder, "root.key"), "-revoke",
            in_folder(&folder, "other.pem"));
    make_response("response");
    load("leaf.pem", &leaf);
    load("other.pem", &other);
    load("root.pem", &root);
    return 0;
}

static int tear_down_all(void **state) {
    chain_free(&leaf);
    chain_free(&other);
    chain_free(&root);
    return close_certificate_folder(state);
}

static void test_what_it_says(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    struct slice file = {(const char *)der, read_file(&folder, "response", der, sizeof(der))};
    int64_t now = (int64_t)time(NULL);
    assert_int_equal(ocsp_read(file, &leaf.certificates[0], &ocsp, why), RESULT_OK);
    assert_int_equal(ocsp.status, OCSP_GOOD);
    assert_in_range(ocsp.from, now - 600, now + 1);
    assert_int_equal(ocsp.until - ocsp.from, 3 * 86400);
    assert_int_equal(ocsp.size, file.size);
    assert_memory_equal(ocsp.der, der, file.size);
    ocsp_free(&ocsp);
    assert_null(ocsp.der);
    ocsp_free(&ocsp);
    assert_int_equal(ocsp_read(file, &other.certificates[0], &ocsp, why), RESULT_OK);
    assert_int_equal(ocsp.status, OCSP_REVOKED);
    ocsp_free(&ocsp);
}

static void test_no_damage_does_harm(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    size_t size = read_file(&folder, "response", der, sizeof(der));
    for (size_t i = 0; i < size; i++) {
        // Exactly as much memory as there are bytes, for sanitizers.
        uint8_t *copy = malloc(i + 1);
        memcpy(copy, der, i);
        assert_int_equal(
            ocsp_read((struct slice){(const char *)copy, i}, &leaf.certificates[0], &ocsp, why),
            RESULT_ERROR);
        free(copy);
        for (unsigned bit = 0; bit < 8; bit++) {
            der[i] ^= (uint8_t)(1u << bit);
            why[0] = '\0';
            if (ocsp_read((struct slice){(const char *)der, size}, &leaf.certificates[0], &ocsp,
                          why) == RESULT_OK) {
                // What can be changed says nothing else.
                if (ocsp_verify(&ocsp, &root.certificates[0], why) == RESULT_OK) {
                    assert_int_equal(ocsp.status, OCSP_GOOD);
                    assert_int_equal(ocsp.until - ocsp.from, 3 * 86400);
                }
                ocsp_free(&ocsp);
            }
            assert_true(why[0] != '\0' || ocsp.der == NULL);
            der[i] ^= (uint8_t)(1u << bit);
        }
    }
}

// --- Signatures ---

#define RESPONDER "extendedKeyUsage=OCSPSigning\nauthorityKeyIdentifier=keyid\n"

// NULL: the response that `signer` signed verifies.
static const char *verify_signed_by(const char *signer, const struct certificate *issuer,
                                    struct ocsp *told) {
    static char why[PEM_WHY_SIZE];
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    make_signed_response("signed", signer);
    struct slice file = {(const char *)der, read_file(&folder, "signed", der, sizeof(der))};
    assert_int_equal(ocsp_read(file, &leaf.certificates[0], &ocsp, why), RESULT_OK);
    enum result result = ocsp_verify(&ocsp, issuer, why);
    if (told != NULL) {
        *told = ocsp;
    }
    ocsp_free(&ocsp);
    return result == RESULT_OK ? NULL : why;
}

static void test_who_may_sign(void **state) {
    (void)state;
    const struct certificate *issuer = &root.certificates[0];
    assert_null(verify_signed_by("root", issuer, NULL));
    issue(&folder, (struct issue){.name = "delegated", .issuer = "root", .extensions = RESPONDER});
    assert_null(verify_signed_by("delegated", issuer, NULL));
    issue(&folder,
          (struct issue){
              .name = "rsa", .issuer = "root", .algorithm = "rsa:2048", .extensions = RESPONDER});
    assert_null(verify_signed_by("rsa", issuer, NULL));
    static const char no_right[] = "the certificate of its signer is not for signing OCSP "
                                   "responses (id-kp-OCSPSigning)";
    issue(&folder, (struct issue){.name = "plain", .issuer = "root"});
    assert_string_equal(verify_signed_by("plain", issuer, NULL), no_right);
    issue(&folder, (struct issue){.name = "server",
                                  .issuer = "root",
                                  .extensions = "extendedKeyUsage=serverAuth\n"});
    assert_string_equal(verify_signed_by("server", issuer, NULL), no_right);
}

static void test_who_may_not_sign(void **state) {
    (void)state;
    static const char stranger[] = "it is signed neither by the issuer of the certificate nor by "
                                   "one with a certificate of that issuer";
    const struct certificate *issuer = &root.certificates[0];
    issue(&folder, (struct issue){.name = "foreign", .extensions = AUTHORITY});
    assert_string_equal(verify_signed_by("foreign", issuer, NULL), stranger);
    // With the right, but from another authority; even one with the same name.
    issue(&folder, (struct issue){.name = "hired", .issuer = "foreign", .extensions = RESPONDER});
    assert_string_equal(verify_signed_by("hired", issuer, NULL), stranger);
    issue(&folder,
          (struct issue){.name = "double", .subject = "/CN=root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "fake", .issuer = "double", .extensions = RESPONDER});
    assert_string_equal(verify_signed_by("fake", issuer, NULL), stranger);
    // By one to whom a responder, not the authority, has given it.
    issue(&folder, (struct issue){.name = "below", .issuer = "root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "lent", .issuer = "below", .extensions = RESPONDER});
    assert_string_equal(verify_signed_by("lent", issuer, NULL), stranger);
}

static void test_the_dates_of_a_responder_bound_a_response(void **state) {
    (void)state;
    struct ocsp told;
    issue(&folder, (struct issue){.name = "short",
                                  .issuer = "root",
                                  .extensions = RESPONDER,
                                  .until = date_in_days(1)});
    // Verified whatever the dates are: one that is over is no error, and not stapled.
    assert_null(verify_signed_by("short", &root.certificates[0], &told));
    assert_in_range(told.until, time(NULL) + 86000, time(NULL) + 86400);
    issue(&folder, (struct issue){.name = "past",
                                  .issuer = "root",
                                  .extensions = RESPONDER,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    assert_null(verify_signed_by("past", &root.certificates[0], &told));
    assert_int_equal(told.until, 1609459200);
}

static void test_a_response_that_was_changed(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    size_t size = read_file(&folder, "response", der, sizeof(der));
    // The end of the nextUpdate of the first answer: another second.
    uint8_t *next = memmem(der, size, "\xa0\x11\x18\x0f", 4);
    assert_non_null(next);
    next[4 + 13] = next[4 + 13] == '0' ? '1' : '0';
    assert_int_equal(
        ocsp_read((struct slice){(const char *)der, size}, &leaf.certificates[0], &ocsp, why),
        RESULT_OK);
    assert_int_equal(ocsp_verify(&ocsp, &root.certificates[0], why), RESULT_ERROR);
    assert_string_equal(why, "its signature is wrong, or not by the issuer of the certificate");
    ocsp_free(&ocsp);
}

// --- Files ---

static void assert_refused(struct slice file, const char *what) {
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    assert_int_equal(ocsp_read(file, &leaf.certificates[0], &ocsp, why), RESULT_ERROR);
    assert_string_equal(why, what);
}

// Base64 of the DER, in a block with this label and with a text behind it.
static struct slice as_pem(const uint8_t *der, size_t size, const char *label, const char *behind) {
    static char text[32768];
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int used = snprintf(text, sizeof(text), "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = (uint32_t)der[i] << 16 | (uint32_t)(i + 1 < size ? der[i + 1] : 0) << 8 |
                        (i + 2 < size ? der[i + 2] : 0);
        for (size_t k = 0; k < 4; k++) {
            text[used++] = i + k <= size ? digits[bits >> (18 - 6 * k) & 63] : '=';
        }
        if (i % 48 == 45) {
            text[used++] = '\n';
        }
    }
    used +=
        snprintf(text + used, sizeof(text) - (size_t)used, "\n-----END %s-----\n%s", label, behind);
    return (struct slice){text, (size_t)used};
}

static void test_a_file_holds_one_response(void **state) {
    (void)state;
    uint8_t der[OCSP_SIZE_MAX];
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    size_t size = read_file(&folder, "response", der, sizeof(der) - 1);
    struct slice pem = as_pem(der, size, "OCSP RESPONSE", "a comment\n");
    assert_int_equal(ocsp_read(pem, &leaf.certificates[0], &ocsp, why), RESULT_OK);
    assert_int_equal(ocsp.size, size);
    assert_memory_equal(ocsp.der, der, size);
    ocsp_free(&ocsp);
    der[size] = 0;
    assert_refused((struct slice){(const char *)der, size + 1}, "bytes follow the OCSP response");
    assert_refused(as_pem(der, size, "OCSP RESPONSE", "-----BEGIN X-----\nAAAA\n-----END X-----\n"),
                   "something follows the OCSP RESPONSE of line 1");
    assert_refused(as_pem(der, size, "OCSP RESPONSE", "----BEGIN X-----\n"),
                   "something follows the OCSP RESPONSE of line 1");
    assert_refused(as_pem(der, size, "OCSP REQUEST", ""),
                   "line 1: 'OCSP REQUEST' is not an OCSP RESPONSE; remove it from this file");
    assert_refused(SLICE("0 is a digit\n"), "no OCSP response in it, neither DER nor PEM");
    assert_refused(SLICE("\xff\xfe-\0"),
                   "line 1: the text is UTF-16; save the file as UTF-8 or ASCII");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_no_damage_does_harm),
        cmocka_unit_test(test_who_may_sign),
        cmocka_unit_test(test_who_may_not_sign),
        cmocka_unit_test(test_the_dates_of_a_responder_bound_a_response),
        cmocka_unit_test(test_a_response_that_was_changed),
        cmocka_unit_test(test_a_file_holds_one_response),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
