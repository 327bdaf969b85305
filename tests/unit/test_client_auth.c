// Clients' certificates: who is accepted, and with which alert everybody else is refused.
#include "issue.h"
#include "tls/certificate/client_auth.h"
#include "tls/certificate/pem.h"
#include "tls/record/record.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#define DAY_S INT64_C(86400)

#define CLIENT                                                                                     \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"                     \
    "extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n"

static struct folder folder;
static struct client_identity identity;
static const char *why;

static void client(const char *name, const char *issuer) {
    issue(&folder, (struct issue){.name = name, .issuer = issuer, .extensions = CLIENT});
}

static void authority(const char *name, const char *issuer) {
    issue(&folder, (struct issue){.name = name, .issuer = issuer, .extensions = AUTHORITY});
}

static void revoke_client(const char *name, const char *issuer) {
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            named(&folder, issuer, ".pem"), "-keyfile", named(&folder, issuer, ".key"), "-revoke",
            named(&folder, name, ".pem"));
}

// The list of an authority holds what all have revoked: they share one index.
static void list(const char *name, const char *issuer, const char *from, const char *until) {
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            named(&folder, issuer, ".pem"), "-keyfile", named(&folder, issuer, ".key"), "-gencrl",
            "-out", in_folder(&folder, name), "-crl_lastupdate", from, "-crl_nextupdate", until);
}

static int set_up_all(void **state) {
    (void)state;
    assert_int_equal(wolfSSL_Init(), WOLFSSL_SUCCESS);
    folder_make(&folder);
    authority("root", NULL);
    authority("middle", "root");
    authority("low", "middle");
    authority("stranger", NULL);
    client("direct", "root");
    client("leaf", "middle");
    client("deep", "low");
    client("foreign", "stranger");
    list("empty.crl", "root", date_in_days(-1), date_in_days(30));
    client("bad", "root");
    authority("badmiddle", "root");
    client("badleaf", "badmiddle");
    revoke_client("bad", "root");
    revoke_client("badmiddle", "root");
    list("root.crl", "root", date_in_days(-1), date_in_days(30));
    list("middle.crl", "middle", date_in_days(-1), date_in_days(30));
    list("badmiddle.crl", "badmiddle", date_in_days(-1), date_in_days(30));
    list("stale.crl", "root", date_in_days(-30), date_in_days(-1));
    list("early.crl", "root", date_in_days(1), date_in_days(30));
    list("stranger.crl", "stranger", date_in_days(-1), date_in_days(30));
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    folder_free(&folder);
    wolfSSL_Cleanup();
    return 0;
}

static struct slice load(const char *name, uint8_t *buffer, size_t capacity) {
    return (struct slice){(const char *)buffer, read_file(&folder, name, buffer, capacity)};
}

static struct client_auth *make(const char *authorities, const char *crl,
                                char error[CLIENT_AUTH_ERROR_SIZE], bool *in_crl) {
    static uint8_t first[65536];
    static uint8_t second[65536];
    struct slice lists = {NULL, 0};
    if (crl != NULL) {
        lists = load(crl, second, sizeof(second));
    }
    return client_auth_new(load(authorities, first, sizeof(first)), lists, error, in_crl);
}

static struct client_auth *make_well(const char *authorities, const char *crl) {
    char error[CLIENT_AUTH_ERROR_SIZE];
    bool in_crl;
    struct client_auth *auth = make(authorities, crl, error, &in_crl);
    if (auth == NULL) {
        fail_msg("%s", error);
    }
    return auth;
}

// The alert for these certificates; `names` ends with NULL.
static uint8_t judge_at(const struct client_auth *auth, int64_t now, const char *const *names) {
    static uint8_t der[16][8192];
    struct slice presented[16];
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        uint8_t pem[8192];
        struct slice text = load(names[count], pem, sizeof(pem));
        size_t size = sizeof(der[0]);
        size = first_der(text, der[count], size);
        presented[count] = (struct slice){(const char *)der[count], size};
    }
    struct client_verdict verdict = client_auth_judge(auth, presented, count, now, &identity);
    why = verdict.why;
    assert_int_equal(verdict.alert == 0, verdict.why == NULL);
    return verdict.alert;
}

static uint8_t judge_files(const char *authorities, const char *crl, const char *const *names) {
    struct client_auth *auth = make_well(authorities, crl);
    uint8_t alert = judge_at(auth, (int64_t)time(NULL), names);
    client_auth_free(auth);
    return alert;
}

#define JUDGE(authorities, crl, ...)                                                               \
    judge_files(authorities, crl, (const char *[]){__VA_ARGS__, NULL})

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
    uint8_t pem[8192];
    uint8_t der[8192];
    struct slice text = load("direct.pem", pem, sizeof(pem));
    size_t size = sizeof(der);
    size = first_der(text, der, size);
    struct slice presented = {(const char *)der, size};
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
    issue(&folder, (struct issue){.name = "oldroot",
                                  .extensions = AUTHORITY,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
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
    issue(&folder, (struct issue){.name = "nosign",
                                  .issuer = "root",
                                  .extensions =
                                      "basicConstraints=critical,CA:TRUE\nkeyUsage=cRLSign\n"
                                      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"});
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
    issue(&folder,
          (struct issue){
              .name = "weakmiddle", .issuer = "root", .extensions = AUTHORITY, .digest = "sha1"});
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
    OPENSSL(&folder, "crl", "-in", in_folder(&folder, "root.crl"), "-outform", "DER", "-out",
            in_folder(&folder, "der.crl"));
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
    write_text(&folder, "text", "not a certificate\n");
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
    struct slice authorities = load("root.pem", pem, sizeof(pem));
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
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
