// Chains of certificates: which are read, in which order they come out, and which are good enough.
#include "certificate_folder.h"
#include "tls/certificate/chain.h"

static void make_certificates(void) {
    issue(&folder,
          (struct issue){.name = "root", .subject = "/O=Test/CN=Root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "one", .issuer = "root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "two", .issuer = "one", .extensions = AUTHORITY});
    issue(&folder,
          (struct issue){.name = "leaf", .issuer = "two", .extensions = LEAF("DNS:a.test")});
    issue(&folder,
          (struct issue){.name = "other", .issuer = "two", .extensions = LEAF("DNS:b.test")});
    // The same name and key as "root", but certified by another root.
    issue(&folder, (struct issue){.name = "older", .extensions = AUTHORITY});
    OPENSSL(&folder, "pkey", "-in", in_folder(&folder, "root.key"), "-out",
            in_folder(&folder, "cross.key"));
    issue(&folder, (struct issue){.name = "cross",
                                  .issuer = "older",
                                  .subject = "/O=Test/CN=Root",
                                  .extensions = AUTHORITY,
                                  .same_key = true});
    // The same name as "one", but another key.
    issue(&folder,
          (struct issue){
              .name = "false", .issuer = "root", .subject = "/CN=one", .extensions = AUTHORITY});
    // Without identifiers of keys.
    issue(&folder,
          (struct issue){.name = "plain",
                         .extensions = "basicConstraints=CA:TRUE\nsubjectKeyIdentifier=none\n"});
    issue(&folder, (struct issue){.name = "plainleaf",
                                  .issuer = "plain",
                                  .extensions = "keyUsage=digitalSignature\n"});
    issue(&folder, (struct issue){.name = "notplain",
                                  .subject = "/CN=plain",
                                  .extensions = "basicConstraints=CA:TRUE\n"});
}

static int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    make_certificates();
    return 0;
}

static enum result read_chain(const char *name, struct chain *chain, char why[CHAIN_ERROR_SIZE]) {
    static uint8_t pem[65536];
    return chain_read(load_text(name, pem, sizeof(pem)), chain, why);
}

static void assert_order(const char *name, const char *const *subjects) {
    struct chain chain;
    char why[CHAIN_ERROR_SIZE] = "";
    if (read_chain(name, &chain, why) != RESULT_OK) {
        fail_msg("%s", why);
    }
    for (size_t i = 0; i < chain.count; i++) {
        char text[NAME_TEXT_SIZE];
        assert_int_equal(name_to_text(chain.certificates[i].subject, text), RESULT_OK);
        assert_non_null(subjects[i]); // NOLINT(clang-analyzer-core.*): the lists end in NULL
        assert_string_equal(text, subjects[i]);
    }
    assert_null(subjects[chain.count]); // NOLINT(clang-analyzer-core.*)
    assert_int_equal(chain_judge(&chain, why), RESULT_OK);
    chain_free(&chain);
}

#define ASSERT_ORDER(name, ...) assert_order(name, (const char *[]){__VA_ARGS__, NULL})

static void assert_unreadable(const char *name, const char *what) {
    struct chain chain;
    char why[CHAIN_ERROR_SIZE] = "";
    assert_int_equal(read_chain(name, &chain, why), RESULT_ERROR);
    assert_string_equal(why, what);
    assert_null(chain.der);
}

static void assert_unfit(const char *name, const char *what) {
    struct chain chain;
    char why[CHAIN_ERROR_SIZE] = "";
    if (read_chain(name, &chain, why) != RESULT_OK) {
        fail_msg("%s", why);
    }
    assert_int_equal(chain_judge(&chain, why), RESULT_ERROR);
    assert_string_equal(why, what);
    chain_free(&chain);
}

// --- Order ---

static void test_any_order(void **state) {
    (void)state;
    static const char *const files[] = {"leaf.pem", "two.pem", "one.pem", "root.pem"};
    for (unsigned order = 0; order < 24; order++) { // every permutation
        const char *left[] = {files[0], files[1], files[2], files[3]};
        const char *names[5] = {NULL};
        unsigned rest = order;
        for (unsigned i = 0; i < 4; i++) {
            unsigned at = rest % (4 - i);
            rest /= 4 - i;
            names[i] = left[at];
            memmove(&left[at], &left[at + 1], (3 - at) * sizeof(left[0]));
        }
        join(&folder, "chain.pem", names);
        ASSERT_ORDER("chain.pem", "CN=leaf", "CN=two", "CN=one", "CN=Root,O=Test");
    }
}

static void test_numbers_are_those_of_the_file(void **state) {
    (void)state;
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    JOIN(&folder, "chain.pem", "one.pem", "leaf.pem", "two.pem");
    assert_int_equal(read_chain("chain.pem", &chain, why), RESULT_OK);
    assert_int_equal(chain.numbers[0], 2);
    assert_int_equal(chain.numbers[1], 3);
    assert_int_equal(chain.numbers[2], 1);
    chain_free(&chain);
}

static void test_one_is_a_chain(void **state) {
    (void)state;
    ASSERT_ORDER("leaf.pem", "CN=leaf");
    ASSERT_ORDER("root.pem", "CN=Root,O=Test");
}

static void test_what_stands_around_certificates_is_ignored(void **state) {
    (void)state;
    write_text(&folder, "comment", "subject=CN=leaf\r\nA comment: ---\n");
    write_text(&folder, "parameters",
               "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
    JOIN(&folder, "chain.pem", "comment", "two.pem", "parameters", "leaf.pem", "comment");
    ASSERT_ORDER("chain.pem", "CN=leaf", "CN=two");
}

static void test_a_root_certified_by_another(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "older.pem", "cross.pem", "one.pem", "two.pem", "leaf.pem");
    ASSERT_ORDER("chain.pem", "CN=leaf", "CN=two", "CN=one", "CN=Root,O=Test", "CN=older");
}

static void test_without_identifiers_the_signature_tells(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "plain.pem", "plainleaf.pem");
    ASSERT_ORDER("chain.pem", "CN=plainleaf", "CN=plain");
    JOIN(&folder, "chain.pem", "notplain.pem", "plainleaf.pem");
    assert_unreadable("chain.pem",
                      "certificate 1 (CN=plain) has the name of the issuer of certificate 2, but "
                      "not its key");
}

// --- What is no chain ---

static void test_nothing_in_it(void **state) {
    (void)state;
    write_text(&folder, "chain.pem", "not a certificate\n");
    assert_unreadable("chain.pem", "no PEM certificate in it");
    assert_unreadable("leaf.key",
                      "line 1: 'PRIVATE KEY' is not a certificate; remove it from this file");
}

static void test_damaged(void **state) {
    (void)state;
    uint8_t pem[8192];
    size_t size = read_file(&folder, "leaf.pem", pem, sizeof(pem));
    write_file(&folder, "half.pem", pem, size / 2);
    JOIN(&folder, "chain.pem", "two.pem", "half.pem");
    assert_unreadable("chain.pem", "line 12: 'BEGIN CERTIFICATE' without its END");
    write_text(&folder, "rubbish.pem",
               "-----BEGIN CERTIFICATE-----\nMAAwADAAMAAwAA==\n-----END CERTIFICATE-----\n");
    JOIN(&folder, "chain.pem", "two.pem", "rubbish.pem");
    assert_unreadable("chain.pem",
                      "line 12: certificate 2: 8 bytes after the end of the certificate");
    write_text(&folder, "broken.pem",
               "-----BEGIN CERTIFICATE-----\n####\n-----END CERTIFICATE-----\n");
    JOIN(&folder, "chain.pem", "leaf.pem", "broken.pem");
    assert_unreadable("chain.pem", "line 12: a character that is not base64 (byte 0x23)");
}

static void test_twice(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "leaf.pem", "two.pem", "leaf.pem");
    assert_unreadable("chain.pem", "certificate 3 (CN=leaf) is certificate 1 again");
}

static void test_two_leaves(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "two.pem", "other.pem", "leaf.pem", "one.pem");
    assert_unreadable("chain.pem",
                      "certificate 3 (CN=leaf) does not belong to the chain of certificate 2");
}

static void test_a_gap(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "leaf.pem", "two.pem", "root.pem");
    assert_unreadable(
        "chain.pem",
        "certificate 3 (CN=Root,O=Test) does not belong to the chain of certificate 1, "
        "in which the certificate of CN=one is missing");
    JOIN(&folder, "chain.pem", "root.pem", "leaf.pem");
    assert_unreadable(
        "chain.pem",
        "certificate 1 (CN=Root,O=Test) does not belong to the chain of certificate 2, "
        "in which the certificate of CN=two is missing");
}

static void test_the_right_name_with_the_wrong_key(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "leaf.pem", "two.pem", "false.pem");
    assert_unreadable("chain.pem",
                      "certificate 3 (CN=one) has the name of the issuer of certificate 2, but "
                      "not its key");
}

static void test_too_many(void **state) {
    (void)state;
    JOIN(&folder, "chain.pem", "leaf.pem", "two.pem", "one.pem", "root.pem", "older.pem",
         "plain.pem", "plainleaf.pem", "false.pem", "cross.pem");
    assert_unreadable("chain.pem", "more than 8 certificates in it");
}

// --- What is not good enough ---

static void test_weak_keys(void **state) {
    (void)state;
    issue(&folder,
          (struct issue){.name = "weak", .algorithm = "rsa:2040", .extensions = AUTHORITY});
    issue(&folder,
          (struct issue){.name = "below", .issuer = "weak", .extensions = LEAF("DNS:a.test")});
    issue(&folder, (struct issue){.name = "strong", .algorithm = "rsa:2048"});
    issue(&folder, (struct issue){.name = "curve", .algorithm = "ec", .curve = "secp256k1"});
    issue(&folder,
          (struct issue){
              .name = "p521", .algorithm = "ec", .curve = "P-521", .extensions = AUTHORITY});
    issue(&folder,
          (struct issue){.name = "under", .issuer = "p521", .extensions = LEAF("DNS:a.test")});
    assert_unfit(
        "weak.pem",
        "certificate 1 (CN=weak): its RSA key has 2040 bits, and 2048 to 4096 are allowed");
    JOIN(&folder, "chain.pem", "below.pem", "weak.pem");
    assert_unfit(
        "chain.pem",
        "certificate 2 (CN=weak): its RSA key has 2040 bits, and 2048 to 4096 are allowed");
    ASSERT_ORDER("strong.pem", "CN=strong");
    assert_unfit(
        "p521.pem",
        "certificate 1 (CN=p521): its key is none of ECDSA P-256, ECDSA P-384, Ed25519, RSA of "
        "2048 to 4096 bits");
    JOIN(&folder, "chain.pem", "p521.pem", "under.pem");
    ASSERT_ORDER("chain.pem", "CN=under", "CN=p521");
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    if (read_chain("curve.pem", &chain, why) == RESULT_OK) {
        assert_int_equal(chain_judge(&chain, why), RESULT_ERROR);
        chain_free(&chain);
    }
}

static void test_rsa_exponents(void **state) {
    (void)state;
    static const struct {
        const char *exponent;
        const char *why;
    } cases[] = {
        {"65539", NULL},
        {"4294967291", NULL},
        {"18446744073709551557",
         "certificate 1 (CN=exponent): the exponent of its RSA key has 64 bits, and at most 32 are "
         "allowed"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char option[64];
        (void)snprintf(option, sizeof(option), "rsa_keygen_pubexp:%s", cases[i].exponent);
        OPENSSL(&folder, "genpkey", "-algorithm", "rsa", "-pkeyopt", option, "-out",
                in_folder(&folder, "exponent.key"));
        issue(&folder, (struct issue){.name = "exponent", .same_key = true});
        if (cases[i].why == NULL) {
            ASSERT_ORDER("exponent.pem", "CN=exponent");
        } else {
            assert_unfit("exponent.pem", cases[i].why);
        }
    }
}

static void test_what_is_no_rsa_exponent(void **state) {
    (void)state;
    uint8_t der[4096];
    OPENSSL(&folder, "x509", "-in", in_folder(&folder, "strong.pem"), "-outform", "DER", "-out",
            in_folder(&folder, "strong.der"));
    size_t size = read_file(&folder, "strong.der", der, sizeof(der));
    uint8_t *exponent = memmem(der, size, "\x02\x03\x01\x00\x01", 5);
    assert_non_null(exponent);
    static const char *const exponents[] = {"\x02\x03\x01\x00\x02", "\x02\x03\x00\x00\x01"};
    for (size_t i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
        struct certificate certificate;
        char why[CERTIFICATE_WHY_SIZE];
        memcpy(exponent, exponents[i], 5);
        if (certificate_read((struct slice){(const char *)der, size}, &certificate) == RESULT_OK) {
            assert_int_equal(certificate_judge_key(&certificate, false, why), RESULT_ERROR);
            assert_string_equal(why, "the exponent of its RSA key is even or 1");
        }
    }
}

static void test_a_kind_that_is_not_known(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "ed448", .algorithm = "ed448", .digest = "null"});
    assert_unreadable("ed448.pem",
                      "line 1: certificate 1: its key (Ed448) is of a kind that is not supported");
}

static void test_weak_signatures(void **state) {
    (void)state;
    static const char *const digests[][2] = {
        {"sha1", "SHA-1"}, {"md5", "MD5"}, {"sha224", "SHA-224"}};
    issue(&folder,
          (struct issue){.name = "rsaroot", .algorithm = "rsa:2048", .extensions = AUTHORITY});
    for (size_t i = 0; i < 3; i++) {
        char expected[CHAIN_ERROR_SIZE];
        issue(&folder, (struct issue){.name = "bad",
                                      .issuer = "rsaroot",
                                      .extensions = LEAF("DNS:a.test"),
                                      .digest = digests[i][0]});
        (void)snprintf(expected, sizeof(expected), "certificate 2 (CN=bad): it is signed with %s",
                       digests[i][1]);
        JOIN(&folder, "chain.pem", "rsaroot.pem", "bad.pem");
        assert_unfit("chain.pem", expected);
    }
    issue(&folder, (struct issue){
                       .name = "bad", .issuer = "root", .extensions = AUTHORITY, .digest = "sha1"});
    issue(&folder,
          (struct issue){.name = "good", .issuer = "bad", .extensions = LEAF("DNS:a.test")});
    JOIN(&folder, "chain.pem", "good.pem", "bad.pem");
    assert_unfit("chain.pem", "certificate 2 (CN=bad): it is signed with SHA-1");
    issue(&folder, (struct issue){.name = "alone", .digest = "sha1"});
    assert_unfit("alone.pem", "certificate 1 (CN=alone): it is signed with SHA-1");
}

// Nobody verifies it: who trusts a root trusts its key.
static void test_the_signature_of_a_root_does_not_matter(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "oldroot", .digest = "sha1", .extensions = AUTHORITY});
    issue(&folder,
          (struct issue){.name = "new", .issuer = "oldroot", .extensions = LEAF("DNS:a.test")});
    JOIN(&folder, "chain.pem", "new.pem", "oldroot.pem");
    ASSERT_ORDER("chain.pem", "CN=new", "CN=oldroot");
}

static void test_rsa_pss_signatures(void **state) {
    (void)state;
    static const char *const digests[] = {"-sha256", "-sha384", "-sha512", "-sha1"};
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    for (size_t i = 0; i < 4; i++) {
        OPENSSL(&folder, "req", "-x509", "-key", in_folder(&folder, "rsaroot.key"), "-subj",
                "/CN=pss", "-days", "3", digests[i], "-sigopt", "rsa_padding_mode:pss", "-out",
                in_folder(&folder, "pss.pem"));
        assert_int_equal(read_chain("pss.pem", &chain, why), RESULT_OK);
        assert_int_equal(chain_judge(&chain, why), i < 3 ? RESULT_OK : RESULT_ERROR);
        chain_free(&chain);
    }
    assert_string_equal(
        why,
        "certificate 1 (CN=pss): it is signed with RSA-PSS with a hash that is none of SHA-256, "
        "SHA-384 and SHA-512");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_numbers_are_those_of_the_file),
        cmocka_unit_test(test_one_is_a_chain),
        cmocka_unit_test(test_what_stands_around_certificates_is_ignored),
        cmocka_unit_test(test_a_root_certified_by_another),
        cmocka_unit_test(test_without_identifiers_the_signature_tells),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_two_leaves),
        cmocka_unit_test(test_a_gap),
        cmocka_unit_test(test_the_right_name_with_the_wrong_key),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_weak_keys),
        cmocka_unit_test(test_rsa_exponents),
        cmocka_unit_test(test_what_is_no_rsa_exponent),
        cmocka_unit_test(test_a_kind_that_is_not_known),
        cmocka_unit_test(test_weak_signatures),
        cmocka_unit_test(test_the_signature_of_a_root_does_not_matter),
        cmocka_unit_test(test_rsa_pss_signatures),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
