// The judge of a bundle: what is refused, with which words and where, what is only warned about,
// and what will expire.
#include "issue.h"
#include "tls/certificate/check.h"
#include "tls/handshake/context.h"

#define REST                                                                                       \
    "route / { backend = b } }\nlisten 127.0.0.1:1 {}\nbackend b { server 127.0.0.1:2 {} }\n"
#define ROUTE "route / { backend = b } }\n"
#define ONE(certificate, key)                                                                      \
    "site a.test {\ncertificate " certificate " {\nkey = " key "\n}\n" REST

static struct folder folder;
static struct findings *findings;
static char error[CONFIG_ERROR_SIZE];

static int set_up_all(void **state) {
    (void)state;
    assert_int_equal(tls_library_init(), RESULT_OK);
    folder_make(&folder);
    issue(&folder, (struct issue){.name = "root", .extensions = AUTHORITY});
    issue(&folder, (struct issue){.name = "one", .issuer = "root", .extensions = AUTHORITY});
    issue(&folder,
          (struct issue){.name = "leaf", .issuer = "one", .extensions = LEAF("DNS:a.test")});
    issue(&folder, (struct issue){.name = "other", .extensions = LEAF("DNS:b.test")});
    issue(&folder,
          (struct issue){.name = "rsa", .algorithm = "rsa:2048", .extensions = LEAF("DNS:a.test")});
    issue(&folder, (struct issue){.name = "small", .algorithm = "rsa:1024"});
    write_text(&folder, "text.pem", "not a certificate\n");
    write_text(&folder, "text.key", "not a key\n");
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    findings_unmap(findings, folder.config);
    folder_free(&folder);
    tls_library_free();
    return 0;
}

static enum result check(const char *text) {
    findings_unmap(findings, folder.config);
    bundle_close_pair(&folder.pair);
    config_free(folder.config);
    folder.config = NULL;
    folder_load(&folder, text);
    findings = findings_map(folder.config);
    assert_non_null(findings);
    return tls_check(folder.config, &folder.pair.files, &folder.pair.keys, findings, error);
}

static void assert_fine(const char *text) {
    if (check(text) != RESULT_OK) {
        fail_msg("%s", error);
    }
}

// "CONF:LINE: FILE: WHAT", the files with the folder before them.
static const char *line_of(int line, const char *file, const char *what) {
    static char texts[4][CONFIG_ERROR_SIZE / 2];
    static unsigned next;
    char *text = texts[next++ % 4];
    (void)snprintf(text, sizeof(texts[0]), "%s:%d: %s%s%s", in_folder(&folder, "r.conf"), line,
                   file[0] == '\0' ? "" : in_folder(&folder, file), file[0] == '\0' ? "" : ": ",
                   what);
    return text;
}

static void assert_refused(const char *text, int line, const char *file, const char *what) {
    assert_int_equal(check(text), RESULT_ERROR);
    assert_string_equal(error, line_of(line, file, what));
}

// --- Errors ---

static void test_errors_name_file_line_and_certificate(void **state) {
    (void)state;
    assert_refused(ONE("text.pem", "leaf.key"), 2, "text.pem", "no PEM certificate in it");
    assert_refused(
        ONE("small.pem", "small.key"), 2, "small.pem",
        "certificate 1 (CN=small): its RSA key has 1024 bits, and 2048 to 4096 are allowed");
    JOIN(&folder, "chain.pem", "leaf.pem", "one.pem", "leaf.pem");
    assert_refused(ONE("chain.pem", "leaf.key"), 2, "chain.pem",
                   "certificate 3 (CN=leaf) is certificate 1 again");
}

static void test_errors_about_keys(void **state) {
    (void)state;
    static const char belongs[] = "the key does not match the certificate";
    static const char usable[] = "no PEM private key in it";
    assert_refused(ONE("leaf.pem", "other.key"), 3, "other.key", belongs);
    assert_refused(ONE("leaf.pem", "rsa.key"), 3, "rsa.key", belongs);
    assert_refused(ONE("leaf.pem", "text.key"), 3, "text.key", usable);
    JOIN(&folder, "chain.pem", "one.pem", "leaf.pem"); // the key of the leaf, wherever it stands
    assert_fine(ONE("chain.pem", "leaf.key"));
    assert_refused(ONE("chain.pem", "one.key"), 3, "one.key", belongs);
}

static void test_all_that_is_wrong_is_said_at_once(void **state) {
    (void)state;
    char expected[CONFIG_ERROR_SIZE];
    assert_int_equal(check("site a.test {\ncertificate leaf.pem { key = leaf.key }\n"
                           "certificate text.pem { key = rsa.key }\n" ROUTE
                           "site b.test {\ncertificate other.pem { key = leaf.key }\n" REST),
                     RESULT_ERROR);
    (void)snprintf(expected, sizeof(expected), "%s\n%s",
                   line_of(3, "text.pem", "no PEM certificate in it"),
                   line_of(6, "leaf.key", "the key does not match the certificate"));
    assert_string_equal(error, expected);
}

// --- Warnings ---

static void test_names_that_no_certificate_is_for(void **state) {
    (void)state;
    assert_fine(ONE("leaf.pem", "leaf.key"));
    assert_string_equal(findings->warnings, "");
    assert_fine(
        "\nsite A.test {\naliases = {b.test, \"*\", \"*.a.test\", 192.0.2.1, \"[2001:db8::1]\"}\n"
        "certificate leaf.pem { key = leaf.key }\n" REST);
    char expected[FINDINGS_TEXT_SIZE];
    (void)snprintf(
        expected, sizeof(expected), "%s\n%s\n%s\n%s",
        line_of(2, "", "site 'a.test': no certificate covers the host name 'b.test'"),
        line_of(2, "", "site 'a.test': no certificate covers the host name '*.a.test'"),
        line_of(2, "", "site 'a.test': no certificate covers the host name '192.0.2.1'"),
        line_of(2, "", "site 'a.test': no certificate covers the host name '[2001:db8::1]'"));
    assert_string_equal(findings->warnings, expected);
    // Any of the certificates will do.
    assert_fine("site a.test {\naliases = {b.test}\ncertificate leaf.pem { key = leaf.key }\n"
                "certificate other.pem { key = other.key }\n" REST);
    assert_string_equal(findings->warnings, "");
}

static void test_names_that_a_certificate_is_for(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "wide",
                                  .extensions =
                                      LEAF("DNS:*.A.test,IP:192.0.2.1,IP:2001:db8::1,DNS:c.test")});
    assert_fine("site x.a.test {\naliases = {\"*.a.test\", 192.0.2.1, \"[2001:db8::1]\", C.test}\n"
                "certificate wide.pem { key = wide.key }\n" REST);
    assert_string_equal(findings->warnings, "");
    assert_fine("site a.test {\naliases = {y.x.a.test, 192.0.2.2, \"*.c.test\"}\n"
                "certificate wide.pem { key = wide.key }\n" REST);
    size_t lines = 1;
    for (const char *c = findings->warnings; *c != '\0'; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 4);
}

static void test_warnings_have_a_limit(void **state) {
    (void)state;
    char text[8192] = "site a.test {\naliases = {x0.test";
    size_t used = strlen(text);
    for (int i = 1; i < 150; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, ", x%d.test", i);
    }
    (void)snprintf(text + used, sizeof(text) - used,
                   "}\ncertificate leaf.pem { key = leaf.key }\n" REST);
    assert_fine(text);
    const char *last = strrchr(findings->warnings, '\n');
    assert_non_null(last);
    assert_string_equal(last, "\nand 50 more warnings");
}

// --- Dates ---

static void test_expired_and_not_yet_valid_are_no_errors(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "over",
                                  .extensions = LEAF("DNS:a.test"),
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    issue(&folder, (struct issue){.name = "early",
                                  .extensions = LEAF("DNS:a.test"),
                                  .from = "20480101000000Z",
                                  .until = "20490101000000Z"});
    assert_fine("site a.test {\ncertificate over.pem { key = over.key }\ncertificate early.pem { "
                "key = early.key }\n" REST);
    const struct term *over = findings_term(findings, folder.config, 0);
    const struct term *early = findings_term(findings, folder.config, 1);
    assert_non_null(over);
    assert_non_null(early);
    assert_null(findings_term(findings, folder.config, 2));
    assert_int_equal(over->from, 1577836800);
    assert_int_equal(over->until, 1609459200);
    assert_int_equal(early->from, 2461449600);
}

static void test_a_chain_is_as_good_as_the_worst_of_it(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "oldroot",
                                  .extensions = AUTHORITY,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    issue(&folder, (struct issue){.name = "old",
                                  .issuer = "oldroot",
                                  .extensions = AUTHORITY,
                                  .from = "20210101000000Z",
                                  .until = "20220101000000Z"});
    issue(&folder, (struct issue){.name = "fresh",
                                  .issuer = "old",
                                  .extensions = LEAF("DNS:a.test"),
                                  .from = "20200601000000Z"});
    JOIN(&folder, "chain.pem", "fresh.pem", "oldroot.pem", "old.pem");
    assert_fine(ONE("chain.pem", "fresh.key"));
    const struct term *term = findings_term(findings, folder.config, 0);
    assert_non_null(term);
    assert_int_equal(term->until, 1640995200); // of the one between; clients have their own root
    assert_int_equal(term->from, 1609459200);
    assert_int_equal(term->number, 3);
}

// --- Clients ---

#define CLIENTS(lines) "site a.test {\n" lines "certificate leaf.pem { key = leaf.key }\n" REST

static void test_files_about_clients(void **state) {
    (void)state;
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            in_folder(&folder, "root.pem"), "-keyfile", in_folder(&folder, "root.key"), "-gencrl",
            "-out", in_folder(&folder, "root.crl"));
    assert_fine(CLIENTS("client-ca = root.pem\nclient-crl = root.crl\n"));
    assert_string_equal(findings->warnings, "");
    assert_int_equal(findings->count, 3);
    assert_int_equal(findings_term(findings, folder.config, 1)->kind, TERM_CLIENT_CA);
    assert_int_equal(findings_term(findings, folder.config, 2)->kind, TERM_CLIENT_CRL);
    assert_refused(CLIENTS("client-ca = text.pem\n"), 2, "text.pem", "no PEM certificate in it");
    assert_refused(CLIENTS("client-ca = leaf.pem\n"), 2, "leaf.pem",
                   "certificate 1 (CN=leaf): it is not the certificate of an authority");
    assert_refused(CLIENTS("client-ca = root.pem\nclient-crl = text.pem\n"), 3, "text.pem",
                   "no revocation list in it, neither DER nor PEM");
    assert_refused(CLIENTS("client-ca = one.pem\nclient-crl = root.crl\n"), 3, "root.crl",
                   "revocation list 1 (of CN=root): no authority of client-ca has signed it");
    JOIN(&folder, "both.pem", "one.pem", "root.pem");
    assert_fine(CLIENTS("client-ca = both.pem\nclient-crl = root.crl\n"));
    assert_string_equal(findings->warnings,
                        line_of(3, "root.crl", "no list of CN=one in it: its clients are refused"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_name_file_line_and_certificate),
        cmocka_unit_test(test_errors_about_keys),
        cmocka_unit_test(test_all_that_is_wrong_is_said_at_once),
        cmocka_unit_test(test_names_that_no_certificate_is_for),
        cmocka_unit_test(test_names_that_a_certificate_is_for),
        cmocka_unit_test(test_warnings_have_a_limit),
        cmocka_unit_test(test_expired_and_not_yet_valid_are_no_errors),
        cmocka_unit_test(test_a_chain_is_as_good_as_the_worst_of_it),
        cmocka_unit_test(test_files_about_clients),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
