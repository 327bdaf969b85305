// Clients' certificates: who is accepted, and with which alert everybody else is refused.
#include "client_auth_lab.h"

// --- Who is accepted ---

static void test_paths(void **state) {
    (void)state;
    assert_int_equal(JUDGE("root.pem", NULL, "direct.pem"), 0);
    assert_int_equal(JUDGE("root.pem", NULL, "leaf.pem", "middle.pem"), 0);
    assert_int_equal(JUDGE("root.pem", NULL, "deep.pem", "middle.pem", "low.pem"),
                     0); // in any order
    assert_int_equal(JUDGE("root.pem", NULL, "deep.pem", "low.pem", "middle.pem", "root.pem"), 0);
    assert_int_equal(JUDGE("root.pem", NULL, "direct.pem", "stranger.pem"), 0); // one too many
    assert_int_equal(JUDGE("middle.pem", NULL, "leaf.pem"), 0); // each of the file is trusted
    JOIN(&folder, "all.pem", "stranger.pem", "middle.pem", "root.pem");
    assert_int_equal(JUDGE("all.pem", NULL, "leaf.pem"), 0);
    assert_int_equal(JUDGE("all.pem", NULL, "foreign.pem"), 0);
}

static void test_who_it_is(void **state) {
    (void)state;
    issue(&folder,
          (struct issue){.name = "person",
                         .issuer = "root",
                         .subject = "/C=GB/O=Engines, Ltd./OU=R&D\r\nX-Forged: 1/CN=Ada \xc3\x84",
                         .extensions = CLIENT});
    assert_int_equal(JUDGE("root.pem", NULL, "person.pem"), 0);
    assert_string_equal(identity.subject,
                        "CN=Ada \\C3\\83\\C2\\84,OU=R&D\\0D\\0AX-Forged: 1,O=Engines\\, Ltd.,C=GB");
    char log[400];
    OPENSSL(&folder, "x509", "-in", in_folder(&folder, "person.pem"), "-noout", "-fingerprint",
            "-sha256");
    size_t size = read_file(&folder, "log", log, sizeof(log));
    const char *hex = strchr(log, '=') + 1;
    for (size_t i = 0, k = 0; hex + i < log + size && k < 64; i++) {
        if (hex[i] != ':') {
            assert_int_equal(identity.fingerprint[k++], hex[i] >= 'A' ? hex[i] | 0x20 : hex[i]);
        }
    }
    assert_int_equal(strlen(identity.fingerprint), 64);
}

static void test_several_authorities_of_one_name(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "twin", .subject = "/CN=root", .extensions = AUTHORITY});
    client("ofthetwin", "twin");
    JOIN(&folder, "both.pem", "root.pem", "twin.pem");
    assert_int_equal(JUDGE("both.pem", NULL, "direct.pem"), 0);
    assert_int_equal(JUDGE("both.pem", NULL, "ofthetwin.pem"), 0);
    assert_int_equal(JUDGE("root.pem", NULL, "ofthetwin.pem"), ALERT_UNKNOWN_CA);
}

// --- Who is not ---

static void test_unknown_authorities(void **state) {
    (void)state;
    assert_int_equal(JUDGE("root.pem", NULL, "foreign.pem"), ALERT_UNKNOWN_CA);
    assert_int_equal(JUDGE("root.pem", NULL, "foreign.pem", "stranger.pem"), ALERT_UNKNOWN_CA);
    assert_int_equal(JUDGE("root.pem", NULL, "leaf.pem"), ALERT_UNKNOWN_CA); // "middle" is missing
    assert_int_equal(JUDGE("root.pem", NULL, "stranger.pem"), ALERT_UNKNOWN_CA);
    issue(&folder, (struct issue){.name = "self", .extensions = CLIENT});
    assert_int_equal(JUDGE("root.pem", NULL, "self.pem"), ALERT_UNKNOWN_CA);
}

static void test_a_changed_certificate(void **state) {
    (void)state;
    struct client_auth *auth = make_well("root.pem", NULL);
    uint8_t der[8192];
    struct slice presented = load_der("direct.pem", der, sizeof(der));
    size_t size = presented.size;
    for (size_t i = 0; i < size; i++) { // each byte of it
        der[i] ^= 1;
        struct client_verdict verdict =
            client_auth_judge(auth, &presented, 1, (int64_t)time(NULL), &identity);
        assert_int_not_equal(verdict.alert, 0);
        der[i] ^= 1;
    }
    der[size - 1] ^= 1;
    assert_int_equal(client_auth_judge(auth, &presented, 1, (int64_t)time(NULL), &identity).alert,
                     ALERT_BAD_CERTIFICATE);
    der[size - 1] ^= 1;
    for (size_t cut = 0; cut < size; cut++) {
        struct slice part = {(const char *)der, cut};
        assert_int_equal(client_auth_judge(auth, &part, 1, (int64_t)time(NULL), &identity).alert,
                         ALERT_BAD_CERTIFICATE);
    }
    assert_int_equal(client_auth_judge(auth, &presented, 1, (int64_t)time(NULL), &identity).alert,
                     0);
    assert_int_equal(client_auth_judge(auth, &presented, 0, 0, &identity).alert,
                     ALERT_BAD_CERTIFICATE);
    client_auth_free(auth);
}

static void test_dates(void **state) {
    (void)state;
    struct client_auth *auth = make_well("root.pem", NULL);
    int64_t now = (int64_t)time(NULL);
    static const char *const names[] = {"leaf.pem", "middle.pem", NULL};
    assert_int_equal(judge_at(auth, now + 29 * DAY_S, names), 0);
    assert_int_equal(judge_at(auth, now + 31 * DAY_S, names), ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(judge_at(auth, now - 2 * DAY_S, names), ALERT_CERTIFICATE_EXPIRED);
    client_auth_free(auth);
    client("ofold", "oldroot");
    issue(&folder, (struct issue){.name = "oldmiddle",
                                  .issuer = "root",
                                  .extensions = AUTHORITY,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    client("below", "oldmiddle");
    assert_int_equal(JUDGE("oldroot.pem", NULL, "ofold.pem"), ALERT_CERTIFICATE_EXPIRED);
    assert_int_equal(JUDGE("root.pem", NULL, "below.pem", "oldmiddle.pem"),
                     ALERT_CERTIFICATE_EXPIRED);
    JOIN(&folder, "all.pem", "oldmiddle.pem", "root.pem");
    assert_int_equal(JUDGE("all.pem", NULL, "below.pem"), ALERT_CERTIFICATE_EXPIRED);
}

static void test_purposes(void **state) {
    (void)state;
    static const struct {
        const char *extensions;
        uint8_t alert;
    } purposes[] = {
        {"extendedKeyUsage=serverAuth\n", ALERT_UNSUPPORTED_CERTIFICATE},
        {"extendedKeyUsage=codeSigning,emailProtection\n", ALERT_UNSUPPORTED_CERTIFICATE},
        {"extendedKeyUsage=serverAuth,clientAuth\n", 0},
        {"extendedKeyUsage=anyExtendedKeyUsage\n", 0},
        {"basicConstraints=CA:FALSE\n", 0}, // all is allowed that is not forbidden
        {"keyUsage=keyEncipherment\n", ALERT_UNSUPPORTED_CERTIFICATE},
        {"keyUsage=digitalSignature,keyEncipherment\n", 0},
    };
    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        issue(&folder, (struct issue){.name = "purpose",
                                      .issuer = "root",
                                      .extensions = purposes[i].extensions});
        assert_int_equal(JUDGE("root.pem", NULL, "purpose.pem"), purposes[i].alert);
    }
    issue(&folder, (struct issue){.name = "forservers",
                                  .issuer = "root",
                                  .extensions = AUTHORITY "extendedKeyUsage=serverAuth\n"});
    client("below", "forservers");
    assert_int_equal(JUDGE("root.pem", NULL, "below.pem", "forservers.pem"),
                     ALERT_UNSUPPORTED_CERTIFICATE);
}

static void test_who_must_not_issue(void **state) {
    (void)state;
    client("below", "direct"); // by one that is no authority
    assert_int_equal(JUDGE("root.pem", NULL, "below.pem", "direct.pem"), ALERT_BAD_CERTIFICATE);
    client("below", "nosign");
    assert_int_equal(JUDGE("root.pem", NULL, "below.pem", "nosign.pem"), ALERT_BAD_CERTIFICATE);
    issue(&folder, (struct issue){.name = "short",
                                  .extensions =
                                      "basicConstraints=critical,CA:TRUE,pathlen:0\n"
                                      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"});
    client("below", "short");
    assert_int_equal(JUDGE("short.pem", NULL, "below.pem"), 0);
    authority("between", "short");
    client("below", "between");
    assert_int_equal(JUDGE("short.pem", NULL, "below.pem", "between.pem"), ALERT_BAD_CERTIFICATE);
}

static void test_name_constraints(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "narrow",
                                  .extensions = AUTHORITY
                                  "nameConstraints=critical,permitted;DNS:good.test\n"});
    issue(&folder, (struct issue){.name = "inside",
                                  .issuer = "narrow",
                                  .extensions = CLIENT "subjectAltName=DNS:x.good.test\n"});
    issue(&folder, (struct issue){.name = "outside",
                                  .issuer = "narrow",
                                  .extensions = CLIENT "subjectAltName=DNS:x.bad.test\n"});
    assert_int_equal(JUDGE("narrow.pem", NULL, "inside.pem"), 0);
    assert_int_not_equal(JUDGE("narrow.pem", NULL, "outside.pem"), 0);
    issue(&folder, (struct issue){.name = "between", // which could issue what "narrow" must not
                                  .issuer = "narrow",
                                  .extensions = AUTHORITY "subjectAltName=DNS:y.good.test\n"});
    issue(&folder, (struct issue){.name = "outside",
                                  .issuer = "between",
                                  .extensions = CLIENT "subjectAltName=DNS:x.bad.test\n"});
    issue(&folder, (struct issue){.name = "inside",
                                  .issuer = "between",
                                  .extensions = CLIENT "subjectAltName=DNS:x.good.test\n"});
    assert_int_equal(JUDGE("narrow.pem", NULL, "inside.pem", "between.pem"), 0);
    assert_int_equal(JUDGE("narrow.pem", NULL, "outside.pem", "between.pem"),
                     ALERT_BAD_CERTIFICATE);
    assert_string_equal(why,
                        "a name in the client's certificates is none its authority may vouch for");
}

static void test_name_constraints_hold_for_authorities(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "top",
                                  .extensions = AUTHORITY
                                  "nameConstraints=critical,permitted;dirName:n\n[n]\nO=Good\n"});
    issue(&folder, (struct issue){.name = "low",
                                  .issuer = "top",
                                  .subject = "/O=Good/CN=low",
                                  .extensions = AUTHORITY});
    static const char *const subjects[] = {"/O=Good/CN=lower", "/O=Bad/CN=lower"};
    static const uint8_t alerts[] = {0, ALERT_BAD_CERTIFICATE};
    for (size_t i = 0; i < 2; i++) {
        issue(&folder, (struct issue){.name = "lower",
                                      .issuer = "low",
                                      .subject = subjects[i],
                                      .extensions = AUTHORITY});
        issue(&folder, (struct issue){.name = "inside",
                                      .issuer = "lower",
                                      .subject = "/O=Good/CN=a",
                                      .extensions = CLIENT});
        assert_int_equal(JUDGE("top.pem", NULL, "inside.pem", "low.pem", "lower.pem"), alerts[i]);
    }
}

static void test_which_scheme_is_for_which_key(void **state) {
    (void)state;
    static const struct {
        enum certificate_key key;
        uint16_t first, last;
    } fitting[] = {
        {CERTIFICATE_KEY_P256, 0x0403, 0x0403},  {CERTIFICATE_KEY_P384, 0x0503, 0x0503},
        {CERTIFICATE_KEY_P521, 0x0603, 0x0603},  {CERTIFICATE_KEY_ED25519, 0x0807, 0x0807},
        {CERTIFICATE_KEY_RSA, 0x0804, 0x0806},   {CERTIFICATE_KEY_RSA_PSS, 0x0809, 0x080b},
        {CERTIFICATE_KEY_OTHER, 0xffff, 0x0000},
    };
    for (size_t i = 0; i < sizeof(fitting) / sizeof(fitting[0]); i++) {
        for (uint32_t scheme = 0; scheme <= UINT16_MAX; scheme++) {
            assert_int_equal(client_auth_scheme_fits(fitting[i].key, (uint16_t)scheme),
                             scheme >= fitting[i].first && scheme <= fitting[i].last);
        }
    }
}

static void test_what_is_too_weak(void **state) {
    (void)state;
    issue(&folder,
          (struct issue){
              .name = "weak", .issuer = "root", .algorithm = "rsa:1024", .extensions = CLIENT});
    assert_int_equal(JUDGE("root.pem", NULL, "weak.pem"), ALERT_BAD_CERTIFICATE);
    assert_string_equal(why, "a key in the client's certificates is too weak");
    static const char *const digests[] = {"sha1", "sha224"};
    for (size_t i = 0; i < 2; i++) {
        issue(&folder,
              (struct issue){
                  .name = "weak", .issuer = "root", .extensions = CLIENT, .digest = digests[i]});
        assert_int_equal(JUDGE("root.pem", NULL, "weak.pem"), ALERT_BAD_CERTIFICATE);
        assert_string_equal(why, "a signature on the client's certificates is too weak");
    }
    client("below", "weakmiddle");
    assert_int_equal(JUDGE("root.pem", NULL, "below.pem", "weakmiddle.pem"), ALERT_BAD_CERTIFICATE);
    issue(&folder, (struct issue){.name = "p521",
                                  .issuer = "root",
                                  .algorithm = "ec",
                                  .curve = "P-521",
                                  .extensions = CLIENT});
    assert_int_equal(JUDGE("root.pem", NULL, "p521.pem"), 0);
}

static void test_more_than_is_looked_at(void **state) {
    (void)state;
    assert_int_equal(JUDGE("root.pem", NULL, "direct.pem", "root.pem", "root.pem", "root.pem",
                           "root.pem", "root.pem", "root.pem", "root.pem", "root.pem"),
                     ALERT_BAD_CERTIFICATE);
    issue(
        &folder,
        (struct issue){
            .name = "long",
            .issuer = "root",
            .subject =
                "/CN="
                "\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01",
            .extensions = CLIENT});
    assert_int_equal(JUDGE("root.pem", NULL, "long.pem"), 0); // 63 characters
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_who_it_is),
        cmocka_unit_test(test_several_authorities_of_one_name),
        cmocka_unit_test(test_unknown_authorities),
        cmocka_unit_test(test_a_changed_certificate),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_purposes),
        cmocka_unit_test(test_who_must_not_issue),
        cmocka_unit_test(test_name_constraints),
        cmocka_unit_test(test_name_constraints_hold_for_authorities),
        cmocka_unit_test(test_which_scheme_is_for_which_key),
        cmocka_unit_test(test_what_is_too_weak),
        cmocka_unit_test(test_more_than_is_looked_at),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
