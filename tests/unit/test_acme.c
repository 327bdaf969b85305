// Certificates that are ordered: the configuration, files, times, and what an ACME client says.
#include "config/acme.h"

#include "acme/client.h"
#include "acme/file.h"
#include "acme/keys.h"
#include "acme/receipt.h"
#include "acme/schedule.h"
#include "config_text.h"
#include "tls/certificate/issue.h"
#include "tls/handshake/context.h"

#include <errno.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ACCOUNT "acme { email = a@b.test agree = yes folder = /f }\n"
#define PLAIN "listen 127.0.0.1:80 { protocol = redirect }\n"
#define ROUTE "route / { return = 204 } }\n"
#define ORDERED "site a.test { aliases = {b.test, c.test} certificate acme {} " ROUTE

// --- The configuration ---

static void test_one_certificate_for_each_name(void **state) {
    (void)state;
    struct config *config = load(ACCOUNT PLAIN LISTEN SITE BACKEND
                                 "site x.test { certificate one.pem { key = one.key }\n"
                                 "aliases = y.test\ncertificate acme {}\n"
                                 "certificate two.pem { key = two.key } " ROUTE);
    assert_true(acme_is_used(config));
    for (int i = 0; i < 2; i++) { // once more changes nothing
        assert_true(acme_expand(config));
        const struct config_site *site = &config->sites[1];
        assert_int_equal(site->certificate_count, 4);
        assert_string_equal(site->certificates[0].certificate_path, "/etc/one.pem");
        assert_string_equal(site->certificates[1].certificate_path, "/f/work/x.test.pem");
        assert_string_equal(site->certificates[1].key_path, "/f/keys/x.test.key");
        assert_string_equal(site->certificates[1].spare_path, "/f/keys/x.test.pem");
        assert_string_equal(site->certificates[1].acme_name, "x.test");
        assert_int_equal(site->certificates[1].line, 8);
        assert_string_equal(site->certificates[2].acme_name, "y.test");
        assert_string_equal(site->certificates[3].certificate_path, "/etc/two.pem");
        assert_null(site->certificates[3].acme_name);
        assert_string_equal(config->listeners[0].challenge_path, "/f/work/webroot");
        assert_null(config->listeners[1].challenge_path);
    }
    size_t count;
    const char **paths = acme_list_paths(config, &count);
    assert_non_null(paths);
    assert_int_equal(count, 2);
    assert_string_equal(paths[1], "/f/work/y.test.pem");
    free(paths);
    config_free(config);
}

static void test_two_certificates_for_each_name(void **state) {
    (void)state;
    static const char *const paths[] = {"/f/work/x.test.pem", "/f/work/x.test+rsa.pem",
                                        "/f/work/y.test.pem", "/f/work/y.test+rsa.pem"};
    struct config *config = load("acme { email = a@b.test agree = yes folder = /f\n"
                                 "keys = ecdsa-and-rsa }\n" PLAIN LISTEN
                                 "site x.test { aliases = y.test certificate acme {} " ROUTE);
    assert_true(acme_expand(config));
    const struct config_site *site = &config->sites[0];
    assert_int_equal(site->certificate_count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct config_certificate *entry = &site->certificates[i];
        assert_string_equal(entry->certificate_path, paths[i]);
        assert_string_equal(entry->acme_name, i < 2 ? "x.test" : "y.test");
        assert_int_equal(entry->acme_is_rsa, i % 2);
    }
    assert_string_equal(site->certificates[1].key_path, "/f/keys/x.test+rsa.key");
    assert_string_equal(site->certificates[1].spare_path, "/f/keys/x.test+rsa.pem");
    config_free(config);
}

static void test_without_it_nothing_changes(void **state) {
    (void)state;
    struct config *config = load(PLAIN REST);
    assert_false(acme_is_used(config));
    assert_true(acme_expand(config));
    assert_null(config->listeners[0].challenge_path);
    assert_string_equal(config->acme.folder, "/var/lib/ravelin/acme");
    config_free(config);
}

static void test_a_file_of_that_name(void **state) {
    (void)state;
    struct config *config = load(LISTEN "site a.test { certificate ./acme { key = k } " ROUTE);
    assert_false(acme_is_used(config));
    assert_string_equal(config->sites[0].certificates[0].certificate_path, "/etc/acme");
    config_free(config);
}

static void test_what_is_missing(void **state) {
    (void)state;
    assert_refused(PLAIN LISTEN ORDERED,
                   "t.conf:3: certificate acme requires acme { email = you@example.com agree = yes "
                   "}: the authority has terms of service");
    assert_refused("acme { email = a@b.test }\n" PLAIN LISTEN ORDERED,
                   "t.conf:4: certificate acme requires acme { email = you@example.com agree = yes "
                   "}: the authority has terms of service");
    assert_refused(ACCOUNT LISTEN ORDERED,
                   "t.conf:3: certificate acme requires a listener with protocol = redirect, on "
                   "port 80");
    assert_refused(
        ACCOUNT "listen 127.0.0.1:80 { protocol = redirect acme-challenge = w }\n" LISTEN ORDERED,
        "t.conf:2: acme-challenge is set by itself if a site has certificate acme");
    assert_refused(
        "acme { email = a@b.test agree = yes directory = \"http://a.test/\" }\n" PLAIN LISTEN
            ORDERED,
        "t.conf:1: directory must be an https:// URL");
}

static void test_names_that_cannot_be_ordered(void **state) {
    (void)state;
#define NAMED(name) ACCOUNT PLAIN LISTEN "site " name " { certificate acme {} " ROUTE
    assert_refused(NAMED("192.0.2.1"),
                   "t.conf:4: certificate acme cannot be for '192.0.2.1': it is no host name");
    assert_refused(NAMED("\"[::1]\""),
                   "t.conf:4: certificate acme cannot be for '[::1]': it is no host name");
    assert_refused(
        ACCOUNT PLAIN LISTEN
        "site a.test { aliases = {\"*.a.test\", \"*\"} certificate acme {} " ROUTE,
        "t.conf:4: certificate acme cannot be for '*.a.test': a name with '*' needs a "
        "challenge in DNS\n"
        "t.conf:4: certificate acme cannot be for '*': a name with '*' needs a challenge "
        "in DNS");
    assert_refused(ACCOUNT PLAIN LISTEN "site a.test { certificate acme { key = k } " ROUTE,
                   "t.conf:4: certificate acme has no key and no ocsp");
}

static void test_addresses_of_mail(void **state) {
    (void)state;
    static const char *const wrong[] = {"a",   "@b",    "a@",    "a@b@c", "-a@b",
                                        ".@b", "a b@c", "a/b@c", "..@b/c"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[256];
        char error[CONFIG_ERROR_SIZE];
        (void)snprintf(text, sizeof(text), "acme { email = \"%s\" }\n" REST, wrong[i]);
        assert_null(config_load("t.conf", text, strlen(text), error));
    }
    assert_accepted("acme { email = \"a.b+c_d-e@x.test\" }\n" REST);
}

// --- Times ---

static void test_renewals(void **state) {
    (void)state;
    static const int64_t DAY = 86400;
    for (uint32_t random = 0; random < 5000000; random += 4999) {
        int64_t at = acme_renewal(1000, 1000 + 90 * DAY, random);
        assert_true(at <= 1000 + 60 * DAY && at >= 1000 + 55 * DAY);
    }
    assert_int_equal(acme_renewal(1000, 1000 + 90 * DAY, 0), 1000 + 60 * DAY);
    assert_int_not_equal(acme_renewal(0, 90 * DAY, 1), acme_renewal(0, 90 * DAY, 70000));
    assert_int_equal(acme_renewal(1000, 1000, 7), 1000); // of no term: at once
    assert_int_equal(acme_renewal(1000, 10, 7), 1000);
}

static void test_terms(void **state) {
    char text[ACME_TERM_SIZE];
    (void)state;
    acme_write_term(1000000 + 93600, 1000000, text);
    assert_string_equal(text, "expires in 26 hours");
    acme_write_term(1000001, 1000000, text);
    assert_string_equal(text, "expires in 0 hours");
    acme_write_term(1000000, 1000000, text);
    assert_string_equal(text, "has expired");
    acme_write_term(1, INT64_MAX, text);
    assert_string_equal(text, "has expired");
    acme_write_term(INT64_MAX, 0, text);
    assert_string_equal(text, "expires in 2562047788015215 hours");
}

static void test_retries(void **state) {
    (void)state;
    static const int64_t waits[] = {60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600};
    for (unsigned i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        for (uint32_t random = 0; random < 100000; random += 997) {
            int64_t wait = acme_retry(i + 1, random);
            assert_true(wait >= waits[i] * 3 / 4 && wait <= waits[i] * 5 / 4 + 1);
        }
    }
    assert_true(acme_retry(UINT32_MAX, UINT32_MAX) <= ACME_RETRY_MAX_S * 5 / 4);
}

static void test_a_clock_that_is_set_back(void **state) {
    (void)state;
    enum { NOW = 1000000000, YEAR = 31536000 };
    assert_false(acme_is_due(NOW + 1, 0, NOW));
    assert_true(acme_is_due(NOW, 0, NOW));
    assert_false(acme_is_due(NOW + YEAR, 0, NOW)); // a renewal
    for (uint32_t random = 0; random < 100000; random += 997) {
        assert_false(acme_is_due(NOW + acme_retry(30, random), 30, NOW));
        assert_true(acme_is_due(NOW + YEAR + acme_retry(1, random), 1, NOW));
    }
    assert_false(acme_is_due(NOW + ACME_RETRY_MAX_S * 5 / 4, 1, NOW));
    assert_true(acme_is_due(NOW + ACME_RETRY_MAX_S * 5 / 4 + 1, 1, NOW));
}

// --- What a client says ---

static void assert_reason(const char *output, const char *expected) {
    char reason[CLIENT_REASON_SIZE];
    client_find_reason(output, strlen(output), reason);
    assert_string_equal(reason, expected);
}

static void test_reasons(void **state) {
    (void)state;
    assert_reason("", "the client does not say why");
    assert_reason("2026/11/30 12:12:18 [INFO] going on\n", "the client does not say why");
    assert_reason("2026/11/30 12:12:18 [INFO] going on\n"
                  "2026/11/30 12:12:18 Could not obtain certificates:\n"
                  "\terror: one or more domains had a problem:\n[a.test] acme: error: 403\n\n",
                  "Could not obtain certificates: error: one or more domains had a problem: "
                  "[a.test] acme: error: 403");
    assert_reason("cannot run /usr/bin/lego: none", "cannot run /usr/bin/lego: none");
    assert_reason("cut line\n2026/11/30 12:12:18 an error\n!!!! HEADS UP !!!!\n",
                  "an error !!!! HEADS UP !!!!");
    assert_reason("2026/11/30 12:12:18 a\x1b[2J\x01 \xff b\n", "a?[2J? ? b");
    assert_reason("2026/11/30 12:12:18 \n", "the client does not say why");
}

static void test_a_long_reason_is_cut(void **state) {
    (void)state;
    char output[CLIENT_TAIL_SIZE];
    char reason[CLIENT_REASON_SIZE];
    memset(output, 'x', sizeof(output));
    client_find_reason(output, sizeof(output), reason);
    assert_int_equal(strlen(reason), CLIENT_REASON_SIZE - 1);
    memset(output, '\n', sizeof(output));
    client_find_reason(output, sizeof(output), reason);
    assert_string_equal(reason, "the client does not say why");
}

// --- What an authority sends ---

static const int64_t NOW = 1800000000;

static bool is_fit(const char *pem, const char *request, const char *name, int64_t now,
                   const char *why) {
    struct receipt receipt = {.not_after = 0};
    char said[RECEIPT_WHY_SIZE] = "";
    bool fit = receipt_judge(slice_from(pem), slice_from(request), name, now, &receipt, said);
    if (fit) {
        assert_true(receipt.not_before < NOW && receipt.not_after > NOW);
    } else if (why != NULL) {
        assert_string_equal(said, why);
    } else {
        assert_string_not_equal(said, "");
    }
    assert_int_equal(receipt.has_expired, strcmp(said, "the certificate has expired") == 0);
    return fit;
}

static void test_receipts(void **state) {
    (void)state;
    struct issue one;
    struct issue other;
    char both[2 * ISSUE_PEM_SIZE];
    assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", NOW, &one), RESULT_OK);
    assert_int_equal(issue_make(ISSUE_ECDSA, "a.test", NOW, &other), RESULT_OK);
    assert_true(is_fit(one.certificate, one.request, "a.test", NOW, NULL));
    assert_false(is_fit(one.certificate, other.request, "a.test", NOW,
                        "the certificate has another key than the request"));
    assert_false(is_fit(one.certificate, one.request, "b.test", NOW,
                        "the certificate does not cover the name"));
    assert_false(is_fit(one.certificate, one.request, "a.test", NOW + INT64_C(400) * 86400,
                        "the certificate has expired"));
    assert_false(is_fit(one.certificate, one.request, "a.test", NOW - INT64_C(10) * 86400,
                        "the certificate is not valid yet"));
    assert_true(is_fit(one.certificate, one.request, "a.test", NOW - INT64_C(2) * 86400 + 1, NULL));
    assert_false(is_fit(one.certificate, "", "a.test", NOW, "the request cannot be read"));
    assert_false(is_fit("", one.request, "a.test", NOW, NULL));
    assert_false(is_fit("<html>", one.request, "a.test", NOW, NULL));
    assert_false(is_fit(one.request, one.request, "a.test", NOW, NULL));
    (void)snprintf(both, sizeof(both), "%s%s", one.certificate, one.key);
    assert_false(is_fit(both, one.request, "a.test", NOW, "it is no certificate"));
    (void)snprintf(both, sizeof(both), "%s%s", one.certificate, other.certificate);
    assert_false(is_fit(both, one.request, "a.test", NOW, NULL)); // it is not part of the chain
}

// --- Files ---

static struct config *load_with(const char *folder, const char *more) {
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "acme { email = a@b.test agree = yes folder = %s %s }\n" PLAIN LISTEN ORDERED,
                   folder, more);
    struct config *config = load(text);
    assert_true(acme_expand(config));
    return config;
}

static struct config *load_in(const char *folder) {
    return load_with(folder, "");
}

static ino_t inode_of(const char *folder, const char *name) {
    char path[512];
    struct stat status;
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return lstat(path, &status) == 0 ? status.st_ino : 0;
}

static void test_files_are_made_once(void **state) {
    (void)state;
    static const char *const files[] = {"keys/a.test.key", "keys/a.test.pem", "requests/a.test.csr",
                                        "keys/c.test.key", "work/webroot"};
    const struct acme_owner owner = {.change = false};
    char place[] = "/tmp/ravelin-acme-XXXXXX";
    char why[ACME_WHY_SIZE] = "";
    ino_t inodes[sizeof(files) / sizeof(files[0])];
    assert_non_null(mkdtemp(place));
    struct config *config = load_in(place);
    assert_true(acme_make_files(config, &owner, INT64_MAX, why));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        inodes[i] = inode_of(place, files[i]);
        assert_int_not_equal(inodes[i], 0);
    }
    assert_true(acme_make_files(config, &owner, INT64_MAX, why));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        assert_int_equal(inode_of(place, files[i]), inodes[i]);
    }
    char path[512];
    (void)snprintf(path, sizeof(path), "%s/requests/a.test.csr", place);
    assert_int_equal(unlink(path), 0);
    assert_true(acme_make_files(config, &owner, INT64_MAX, why));
    assert_int_not_equal(inode_of(place, "requests/a.test.csr"), 0);
    assert_int_equal(inode_of(place, files[3]), inodes[3]); // of another name
    config_free(config);
    char command[64];
    (void)snprintf(command, sizeof(command), "rm -r %s", place);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
}

// The time for keys is over at once: what was made before stays, and what is missing is an error.
static void test_keys_for_which_there_is_no_time(void **state) {
    (void)state;
    const struct acme_owner owner = {.change = false};
    char place[] = "/tmp/ravelin-acme-XXXXXX";
    char why[ACME_WHY_SIZE] = "";
    char command[64];
    assert_non_null(mkdtemp(place));
    struct config *config = load_in(place);
    assert_true(acme_make_files(config, &owner, INT64_MAX, why));
    assert_true(acme_make_files(config, &owner, 0, why));
    config_free(config);
    ino_t key = inode_of(place, "keys/a.test.key");
    config = load_with(place, "keys = ecdsa-and-rsa");
    assert_false(acme_make_files(config, &owner, 0, why));
    assert_non_null(strstr(why, "keys/a.test+rsa.key' and the keys after it could not be made"));
    assert_int_equal(inode_of(place, "keys/a.test+rsa.key"), 0);
    assert_true(acme_make_files(config, &owner, INT64_MAX, why));
    assert_int_not_equal(inode_of(place, "keys/c.test+rsa.key"), 0);
    assert_int_not_equal(inode_of(place, "requests/a.test+rsa.csr"), 0);
    assert_int_equal(inode_of(place, "keys/a.test.key"), key);
    config_free(config);
    (void)snprintf(command, sizeof(command), "rm -r %s", place);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
}

static void test_a_folder_in_whose_place_something_else_is(void **state) {
    (void)state;
    static const char *const places[] = {"keys", "requests", "work"};
    const struct acme_owner owner = {.change = false};
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        char place[] = "/tmp/ravelin-acme-XXXXXX";
        char path[64];
        char command[64];
        char why[ACME_WHY_SIZE] = "";
        assert_non_null(mkdtemp(place));
        (void)snprintf(path, sizeof(path), "%s/%s", place, places[i]);
        assert_int_equal(symlink("/tmp", path), 0);
        struct config *config = load_in(place);
        assert_false(acme_make_files(config, &owner, INT64_MAX, why));
        assert_non_null(strstr(why, path));
        assert_non_null(strstr(why, "Not a directory"));
        config_free(config);
        (void)snprintf(command, sizeof(command), "rm -r %s", place);
        assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
    }
}

static void test_a_file_is_written_whole_or_not_at_all(void **state) {
    (void)state;
    char place[] = "/tmp/ravelin-acme-XXXXXX";
    char path[64];
    char draft[64];
    char command[64];
    struct stat status;
    assert_non_null(mkdtemp(place));
    (void)snprintf(path, sizeof(path), "%s/file", place);
    (void)snprintf(draft, sizeof(draft), "%s/file.new", place);
    assert_int_equal(symlink("/nothing/here", draft), 0); // not followed
    assert_true(acme_write_file(path, SLICE("one"), 0644));
    assert_int_equal(lstat(path, &status), 0);
    assert_int_equal(status.st_mode, S_IFREG | 0644);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(lstat(draft, &status), -1);
    // In its place there is something that cannot be replaced: errno says this, not that before
    // there was no draft to remove.
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(acme_write_file(path, SLICE("two"), 0644));
    assert_int_equal(errno, EISDIR);
    assert_int_equal(lstat(draft, &status), -1);
    (void)snprintf(command, sizeof(command), "rm -r %s", place);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
    assert_false(acme_write_file(path, SLICE("three"), 0644));
    assert_int_equal(errno, ENOENT);
}

// What a key of a name cannot be put in place for.
static void test_why_a_key_is_not_written(void **state) {
    (void)state;
    const struct acme_owner owner = {.change = false};
    char place[] = "/tmp/ravelin-acme-XXXXXX";
    char path[64];
    char command[64];
    char why[ACME_WHY_SIZE] = "";
    assert_non_null(mkdtemp(place));
    (void)snprintf(path, sizeof(path), "%s/keys", place);
    assert_int_equal(mkdir(path, 0700), 0);
    (void)snprintf(path, sizeof(path), "%s/keys/a.test.key", place);
    assert_int_equal(mkdir(path, 0700), 0); // with the rest missing, a key is made
    struct config *config = load_in(place);
    assert_false(acme_make_files(config, &owner, INT64_MAX, why));
    assert_non_null(strstr(why, path));
    assert_non_null(strstr(why, "Is a directory"));
    config_free(config);
    (void)snprintf(command, sizeof(command), "rm -r %s", place);
    assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): rm of a folder of this test
}

static int set_up(void **state) {
    (void)state;
    return tls_library_init() == RESULT_OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    tls_library_free();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_certificate_for_each_name),
        cmocka_unit_test(test_two_certificates_for_each_name),
        cmocka_unit_test(test_without_it_nothing_changes),
        cmocka_unit_test(test_a_file_of_that_name),
        cmocka_unit_test(test_what_is_missing),
        cmocka_unit_test(test_names_that_cannot_be_ordered),
        cmocka_unit_test(test_addresses_of_mail),
        cmocka_unit_test(test_renewals),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_a_long_reason_is_cut),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_files_are_made_once),
        cmocka_unit_test(test_keys_for_which_there_is_no_time),
        cmocka_unit_test(test_a_folder_in_whose_place_something_else_is),
        cmocka_unit_test(test_a_file_is_written_whole_or_not_at_all),
        cmocka_unit_test(test_why_a_key_is_not_written),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
