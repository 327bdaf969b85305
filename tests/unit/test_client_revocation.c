// Who is refused because a certificate is revoked, and which files of authorities and of revocation
// lists are refused themselves.
#include "client_auth_lab.h"

// --- Revocation ---

static void test_the_revoked(void **state) {
    (void)state;
    assert_int_equal(JUDGE("root.pem", "empty.crl", "bad.pem"), 0);
    assert_int_equal(JUDGE("root.pem", "root.crl", "bad.pem"), ALERT_CERTIFICATE_REVOKED);
    assert_int_equal(JUDGE("root.pem", "root.crl", "direct.pem"), 0);
    JOIN(&folder, "both.crl", "middle.crl", "root.crl");
    assert_int_equal(JUDGE("root.pem", "both.crl", "leaf.pem", "middle.pem"), 0);
    JOIN(&folder, "both.crl", "badmiddle.crl", "root.crl");
    assert_int_equal(JUDGE("root.pem", "both.crl", "badleaf.pem", "badmiddle.pem"),
                     ALERT_CERTIFICATE_REVOKED);
    // Also when the file has it.
    JOIN(&folder, "all.pem", "badmiddle.pem", "root.pem");
    assert_int_equal(JUDGE("all.pem", "both.crl", "badleaf.pem"), ALERT_CERTIFICATE_REVOKED);
    assert_int_equal(JUDGE("root.pem", "der.crl", "bad.pem"), ALERT_CERTIFICATE_REVOKED);
}

static void test_lists_that_do_not_help(void **state) {
    (void)state;
    assert_int_equal(JUDGE("root.pem", "stale.crl", "direct.pem"), ALERT_CERTIFICATE_UNKNOWN);
    assert_int_equal(JUDGE("root.pem", "early.crl", "direct.pem"), ALERT_CERTIFICATE_UNKNOWN);
    assert_int_equal(JUDGE("root.pem", "root.crl", "leaf.pem", "middle.pem"),
                     ALERT_CERTIFICATE_UNKNOWN);
    JOIN(&folder, "all.pem", "stranger.pem", "root.pem");
    assert_int_equal(JUDGE("all.pem", "stranger.crl", "direct.pem"), ALERT_CERTIFICATE_UNKNOWN);
    // Of two lists of one authority neither may have it, and both must be fresh.
    JOIN(&folder, "two.crl", "empty.crl", "root.crl");
    assert_int_equal(JUDGE("root.pem", "two.crl", "bad.pem"), ALERT_CERTIFICATE_REVOKED);
    JOIN(&folder, "two.crl", "root.crl", "stale.crl");
    assert_int_equal(JUDGE("root.pem", "two.crl", "direct.pem"), ALERT_CERTIFICATE_UNKNOWN);
}

static void assert_crls(const char *authorities, const char *crl, const char *expected) {
    char error[CLIENT_AUTH_ERROR_SIZE] = "";
    struct client_auth *auth = make_well(authorities, crl);
    assert_int_equal(client_auth_verify_crls(auth, error),
                     expected[0] == '\0' ? RESULT_OK : RESULT_ERROR);
    assert_string_equal(error, expected);
    client_auth_free(auth);
}

static void test_who_signed_a_list(void **state) {
    (void)state;
    assert_crls("root.pem", NULL, "");
    assert_crls("root.pem", "root.crl", "");
    assert_crls("root.pem", "stale.crl", ""); // which accepts nobody
    JOIN(&folder, "all.pem", "middle.pem", "root.pem");
    JOIN(&folder, "both.crl", "middle.crl", "root.crl");
    assert_crls("all.pem", "both.crl", "");
    assert_crls("root.pem", "both.crl",
                "revocation list 1 (of CN=middle): no authority of client-ca has signed it");
    assert_crls("root.pem", "stranger.crl",
                "revocation list 1 (of CN=stranger): no authority of client-ca has signed it");
    issue(&folder,
          (struct issue){.name = "imposter", .subject = "/CN=root", .extensions = AUTHORITY});
    // Neither a fresh list of it nor one that is past its nextUpdate or not valid yet.
    static const int days[][2] = {{-1, 30}, {-30, -1}, {1, 30}};
    for (size_t i = 0; i < 3; i++) {
        list("imposter.crl", "imposter", date_in_days(days[i][0]), date_in_days(days[i][1]));
        assert_crls("root.pem", "imposter.crl",
                    "revocation list 1 (of CN=root): no authority of client-ca has signed it");
    }
    JOIN(&folder, "all.pem", "root.pem", "imposter.pem");
    assert_crls("all.pem", "imposter.crl", "");
    assert_crls("all.pem", "root.crl", "");
}

static void test_an_authority_that_may_sign_no_lists(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "nolists",
                                  .extensions = "basicConstraints=critical,CA:TRUE\n"
                                                "keyUsage=critical,keyCertSign\n"});
    list("nolists.crl", "nolists", date_in_days(-1), date_in_days(30));
    assert_crls("nolists.pem", "nolists.crl",
                "revocation list 1 (of CN=nolists): the keyUsage of its authority does not allow "
                "cRLSign");
}

static void test_what_is_to_be_said_about_the_files(void **state) {
    (void)state;
    struct term authorities = term_begin(TERM_CLIENT_CA, 0, 0);
    struct term crls = term_begin(TERM_CLIENT_CRL, 0, 0);
    char text[NAME_TEXT_SIZE];
    int64_t now = (int64_t)time(NULL);
    JOIN(&folder, "all.pem", "oldroot.pem", "root.pem");
    struct client_auth *auth = make_well("all.pem", "root.crl");
    client_auth_terms(auth, &authorities, &crls);
    assert_int_equal(authorities.until, 1609459200);
    assert_in_range(authorities.from, now - 2 * DAY_S, now);
    assert_in_range(crls.from, now - 2 * DAY_S, now);
    assert_in_range(crls.until, now + 29 * DAY_S, now + 31 * DAY_S);
    assert_string_equal(client_auth_without_crl(auth, text), "CN=oldroot");
    client_auth_free(auth);
    auth = make_well("root.pem", "root.crl");
    assert_null(client_auth_without_crl(auth, text));
    client_auth_free(auth);
    auth = make_well("root.pem", NULL);
    assert_null(client_auth_without_crl(auth, text));
    crls = term_begin(TERM_CLIENT_CRL, 0, 0);
    client_auth_terms(auth, &authorities, &crls);
    assert_true(crls.from < now && crls.until > now);
    client_auth_free(auth);
    client_auth_free(NULL);
}

// --- Files that are no good ---

static void assert_unusable(const char *authorities, const char *crl, const char *expected) {
    char error[CLIENT_AUTH_ERROR_SIZE] = "";
    bool in_crl = crl == NULL;
    assert_null(make(authorities, crl, error, &in_crl));
    assert_string_equal(error, expected);
    assert_int_equal(in_crl, crl != NULL);
}

static void test_files_of_authorities(void **state) {
    (void)state;
    assert_unusable("text", NULL, "no PEM certificate in it");
    JOIN(&folder, "all.pem", "root.pem", "direct.pem");
    assert_unusable("all.pem", NULL,
                    "certificate 2 (CN=direct): it is not the certificate of an authority");
    assert_unusable("nosign.pem", NULL,
                    "certificate 1 (CN=nosign): it is not the certificate of an authority");
    issue(&folder,
          (struct issue){.name = "small", .algorithm = "rsa:1024", .extensions = AUTHORITY});
    assert_unusable(
        "small.pem", NULL,
        "certificate 1 (CN=small): its RSA key has 1024 bits, and 2048 to 4096 are allowed");
    assert_unusable("weakmiddle.pem", NULL,
                    "certificate 1 (CN=weakmiddle): it is signed with SHA-1");
    issue(&folder, (struct issue){.name = "weakroot", .extensions = AUTHORITY, .digest = "sha1"});
    client("below", "weakroot");
    assert_int_equal(JUDGE("weakroot.pem", NULL, "below.pem"), 0); // nobody verifies it
}

static void test_files_of_lists(void **state) {
    (void)state;
    assert_unusable("root.pem", "text", "no revocation list in it, neither DER nor PEM");
    assert_unusable(
        "root.pem", "root.pem",
        "line 1: 'CERTIFICATE' is not a revocation list (X509 CRL); remove it from this "
        "file");
    write_text(&folder, "rubbish",
               "-----BEGIN X509 CRL-----\nMAAwADAAMAAwAA==\n-----END X509 CRL-----\n");
    assert_unusable("root.pem", "rubbish",
                    "revocation list 1 (of no name): bytes follow the list; a file holds one list "
                    "in DER, or several in PEM");
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            in_folder(&folder, "root.pem"), "-keyfile", in_folder(&folder, "root.key"), "-gencrl",
            "-md", "sha1", "-out", in_folder(&folder, "sha1.crl"));
    assert_unusable("root.pem", "sha1.crl",
                    "revocation list 1 (of CN=root): it is signed with SHA-1");
}

// A list of the root with a section of extensions, from a copy of its database.
static void make_list(const char *name, const char *extension) {
    uint8_t text[2000];
    char path[300];
    size_t size = read_file(&folder, "ca.conf", text, sizeof(text) - 200);
    size += (size_t)snprintf((char *)text + size, 200, "[list]\n%s\n", extension);
    write_file(&folder, "list.conf", text, size);
    (void)snprintf(path, sizeof(path), "%s", in_folder(&folder, name));
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "list.conf"), "-cert",
            in_folder(&folder, "root.pem"), "-keyfile", in_folder(&folder, "root.key"), "-gencrl",
            "-crlexts", "list", "-out", path);
}

static void test_lists_that_are_not_all(void **state) {
    (void)state;
    static const char *const extensions[] = {
        "2.5.29.27=critical,ASN1:INTEGER:1",
        "1.2.3.4=critical,ASN1:NULL",
        // Wrong, but it means the same.
        "2.5.29.27=ASN1:INTEGER:1",
        "issuingDistributionPoint=@point\n[point]\nonlyCA=TRUE",
    };
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        make_list("partial.crl", extensions[i]);
        assert_unusable("root.pem", "partial.crl",
                        i < 2 ? "revocation list 1 (of CN=root): it has a critical extension, and "
                                "only plain, complete lists are taken"
                              : "revocation list 1 (of CN=root): it is about a part of the "
                                "certificates, and only plain, complete lists are taken");
    }
}

// Its signature is wrong, which is looked at later.
static const char entry_with_critical_extension[] =
    "-----BEGIN X509 CRL-----\n"
    "MIG7MGQCAQEwCgYIKoZIzj0EAwIwDzENMAsGA1UEAwwEcm9vdBcNMjYwMTAxMDAw\n"
    "MDAwWhcNMjYwMTEwMDAwMDAwWjAkMCICAQMXDTI2MDEwMTAwMDAwMFowDjAMBgMq\n"
    "AwQBAf8EAgUAMAoGCCqGSM49BAMCA0cAMEQCIE+ZHXRaYFJVRoZCNjHjmnwX5+JK\n"
    "nkR5owpvCMBe97suAiAxeX29+iQbRd+Bk4SmAWGBBUeNo+LH23R1lYul7XT2LQ==\n"
    "-----END X509 CRL-----\n";

static void test_lists_with_entries_that_are_not_plain(void **state) {
    (void)state;
    write_text(&folder, "entry.crl", entry_with_critical_extension);
    assert_unusable("root.pem", "entry.crl",
                    "revocation list 1 (of CN=root): an entry has a critical extension, and only "
                    "plain entries are taken");
}

static void test_no_damage_to_a_list_does_harm(void **state) {
    (void)state;
    uint8_t der[8192];
    size_t size = read_file(&folder, "der.crl", der, sizeof(der));
    uint8_t pem[8192];
    struct slice authorities = load_text("root.pem", pem, sizeof(pem));
    for (size_t i = 0; i < size; i++) {
        char text[CLIENT_AUTH_ERROR_SIZE];
        bool in_crl;
        uint8_t *copy = malloc(i + 1);
        memcpy(copy, der, i);
        struct slice part = {(const char *)copy, i};
        assert_null(client_auth_new(authorities, part, text, &in_crl));
        free(copy);
        for (unsigned bit = 0; bit < 8; bit++) {
            der[i] ^= (uint8_t)(1u << bit);
            client_auth_free(client_auth_new(authorities, (struct slice){(const char *)der, size},
                                             text, &in_crl));
            der[i] ^= (uint8_t)(1u << bit);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_revoked),
        cmocka_unit_test(test_lists_that_do_not_help),
        cmocka_unit_test(test_who_signed_a_list),
        cmocka_unit_test(test_an_authority_that_may_sign_no_lists),
        cmocka_unit_test(test_what_is_to_be_said_about_the_files),
        cmocka_unit_test(test_files_of_authorities),
        cmocka_unit_test(test_files_of_lists),
        cmocka_unit_test(test_lists_that_are_not_all),
        cmocka_unit_test(test_lists_with_entries_that_are_not_plain),
        cmocka_unit_test(test_no_damage_to_a_list_does_harm),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
