// Certificates as strangers send them: what they say, ways to an authority, stapled responses. Made
// with openssl, weak ones too.
#include "certificates.h"

#include "base/clock.h"
#include "doctor/path.h"
#include "doctor/staple.h"
#include "tls/certificate/pem.h"
#include "tls/certificate/verify.h"

static struct folder folder;
static int64_t now;

#define DAYS(count) (INT64_C(86400) * (count))

struct loaded {
    uint8_t der[8192];
    struct x509 x509;
};

#define ISSUE_MAX 40

// NAME.pem and NAME.key; signed by the certificate `issuer`, or by itself. `more`: options, NULL at
// the end.
static void issue(const char *name, const char *issuer, const char *const *more) {
    const char *arguments[ISSUE_MAX] = {"openssl", "req", "-x509", "-nodes"};
    char subject[64];
    char files[4][64];
    size_t count = 4;
    (void)snprintf(subject, sizeof(subject), "/O=Test/CN=%s", name);
    (void)snprintf(files[0], sizeof(files[0]), "%s.pem", name);
    (void)snprintf(files[1], sizeof(files[1]), "%s.key", name);
    const char *const usual[] = {"-subj",   subject,
                                 "-out",    in_folder(&folder, files[0]),
                                 "-keyout", in_folder(&folder, files[1])};
    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        arguments[count++] = usual[i];
    }
    if (issuer != NULL) {
        (void)snprintf(files[2], sizeof(files[2]), "%s.pem", issuer);
        (void)snprintf(files[3], sizeof(files[3]), "%s.key", issuer);
        const char *const by[] = {"-CA", in_folder(&folder, files[2]), "-CAkey",
                                  in_folder(&folder, files[3])};
        for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
            arguments[count++] = by[i];
        }
    }
    for (; *more != NULL; more++) {
        assert_true(count < ISSUE_MAX - 1);
        arguments[count++] = *more;
    }
    if (run_program(&folder, arguments) != 0) {
        char text[2000] = "";
        (void)read_file(&folder, "log", text, sizeof(text) - 1);
        fail_msg("%s: %s", name, text);
    }
    now = clock_wall_us() / 1000000; // not before it begins to count
}
#define ISSUE(name, issuer, ...) issue(name, issuer, (const char *const[]){__VA_ARGS__, NULL})

#define P256 "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"
#define CA                                                                                         \
    "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign"
#define SERVER                                                                                     \
    "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"

static struct loaded *load(const char *name) {
    char text[16384];
    char file[64];
    struct loaded *loaded = calloc(1, sizeof(*loaded));
    assert_non_null(loaded);
    (void)snprintf(file, sizeof(file), "%s.pem", name);
    struct slice pem = {text, read_file(&folder, file, text, sizeof(text))};
    size_t size = sizeof(loaded->der);
    size = first_der(pem, loaded->der, size);
    assert_int_equal(x509_parse((struct slice){(const char *)loaded->der, size}, &loaded->x509),
                     RESULT_OK);
    return loaded;
}

static int set_up(void **state) {
    (void)state;
    folder_make(&folder);
    ISSUE("root", NULL, P256, CA, "-days", "30");
    ISSUE("middle", "root", "-newkey", "rsa:2048", CA, "-days", "20");
    ISSUE("leaf", "middle", P256, SERVER, "-days", "10", "-addext",
          "subjectAltName=DNS:a.test,DNS:*.b.test,DNS:*.test,IP:192.0.2.1,IP:2001:db8::1",
          "-addext", "tlsfeature=status_request");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    folder_free(&folder);
    return 0;
}

// --- Reading ---

static void test_what_a_certificate_says(void **state) {
    char text[X509_TEXT_SIZE];
    (void)state;
    struct loaded *leaf = load("leaf");
    const struct x509 *x509 = &leaf->x509;
    assert_false(x509->is_ca || x509->for_ocsp || x509->has_name_constraints ||
                 x509->has_unknown_critical);
    assert_true(x509->for_servers && x509->must_staple);
    assert_int_equal(x509->not_after - x509->not_before, 10 * 86400);
    assert_in_range(now - x509->not_before, 0, 600);
    assert_string_equal(x509->method.name, "RSA with SHA-256");
    x509_name_text(x509->subject, text);
    assert_string_equal(text, "O=Test, CN=leaf");
    x509_name_text(x509->issuer, text);
    assert_string_equal(text, "O=Test, CN=middle");
    x509_key_text(&x509->key, text);
    assert_string_equal(text, "ECDSA P-256");
    x509_names_text(x509, text);
    assert_string_equal(text, "a.test, *.b.test, *.test, 192.0.2.1, 2001:db8::1");
    free(leaf);
    struct loaded *middle = load("middle");
    assert_true(middle->x509.is_ca && middle->x509.has_key_usage);
    assert_int_equal(middle->x509.key_usage & KEY_USAGE_CERT_SIGN, KEY_USAGE_CERT_SIGN);
    assert_int_equal(middle->x509.path_length, -1);
    assert_int_equal(middle->x509.key.bits, 2048);
    free(middle);
}

static void test_names(void **state) {
    static const struct {
        const char *name;
        bool good;
    } names[] = {
        {"a.test", true},      {"A.TEST.", true},      {"x.b.test", true}, {"b.test", false},
        {"x.y.b.test", false}, {".b.test", false},     {"", false},        {".", false},
        {"c.test", false},    // "*.test" is for nobody: the whole of a top-level domain
        {"192.0.2.1", false}, // an address is no name
        {"xa.test", false},    {"a.test.evil", false},
    };
    (void)state;
    struct loaded *leaf = load("leaf");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (x509_is_for_name(&leaf->x509, slice_from(names[i].name)) != names[i].good) {
            fail_msg("%s", names[i].name);
        }
    }
    assert_true(x509_is_for_address(&leaf->x509, SLICE("\xc0\x00\x02\x01")));
    assert_false(x509_is_for_address(&leaf->x509, SLICE("\xc0\x00\x02\x02")));
    assert_true(
        x509_is_for_address(&leaf->x509, SLICE("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01")));
    assert_false(x509_is_for_address(&leaf->x509, SLICE("")));
    free(leaf);
}

static void test_every_piece_counts(void **state) {
    (void)state;
    struct loaded *leaf = load("leaf");
    struct slice whole = leaf->x509.whole;
    for (size_t size = 0; size < whole.size; size++) { // cut: an error, and nothing read behind it
        uint8_t *copy = malloc(size + 1);
        struct x509 x509;
        assert_non_null(copy);
        memcpy(copy, whole.data, size);
        assert_int_equal(x509_parse((struct slice){(const char *)copy, size}, &x509), RESULT_ERROR);
        free(copy);
    }
    free(leaf);
}

static void test_weak_keys_and_signatures_are_named(void **state) {
    static const struct {
        const char *const options[5];
        const char *key;
        const char *method;
        enum verdict verdict;
    } kinds[] = {
        {{"-newkey", "rsa:1024", "-sha1"}, "RSA 1024", "RSA with SHA-1", VERDICT_UNKNOWN},
        {{"-newkey", "rsa:1024", "-sha256"}, "RSA 1024", "RSA with SHA-256", VERDICT_GOOD},
        {{"-key", "middle.key", "-md5"}, "RSA 2048", "RSA with MD5", VERDICT_UNKNOWN},
        {{"-key", "middle.key", "-sha512"}, "RSA 2048", "RSA with SHA-512", VERDICT_GOOD},
        {{"-key", "middle.key", "-sha384", "-sigopt", "rsa_padding_mode:pss"},
         "RSA 2048",
         "RSA-PSS with SHA-384",
         VERDICT_GOOD},
        {{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-224"},
         "ECDSA P-224",
         "ECDSA with SHA-256",
         VERDICT_UNKNOWN},
        {{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"},
         "ECDSA secp256k1",
         "ECDSA with SHA-256",
         VERDICT_UNKNOWN},
        {{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-sha384"},
         "ECDSA P-384",
         "ECDSA with SHA-384",
         VERDICT_GOOD},
        {{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512"},
         "ECDSA P-521",
         "ECDSA with SHA-512",
         VERDICT_GOOD},
        {{"-newkey", "ed25519"}, "Ed25519", "Ed25519", VERDICT_GOOD},
        {{"-newkey", "ed448"}, "Ed448", "Ed448", VERDICT_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        char text[X509_TEXT_SIZE];
        const char *options[6] = {0};
        memcpy(options, kinds[i].options, sizeof(kinds[i].options));
        if (strcmp(options[0], "-key") == 0) { // one that is there already
            options[1] = in_folder(&folder, options[1]);
        }
        issue("kind", NULL, options);
        struct loaded *kind = load("kind");
        const struct x509 *x509 = &kind->x509;
        x509_key_text(&x509->key, text);
        assert_string_equal(text, kinds[i].key);
        assert_string_equal(x509->method.name, kinds[i].method);
        enum verdict verdict =
            verify_signature(&x509->key, x509->method, x509->signed_part, x509->signature);
        if (verdict != kinds[i].verdict) {
            fail_msg("%s: %d", kinds[i].method, verdict);
        }
        if (verdict == VERDICT_GOOD) { // and not for anything else
            struct slice less = {x509->signed_part.data, x509->signed_part.size - 1};
            assert_int_equal(verify_signature(&x509->key, x509->method, less, x509->signature),
                             VERDICT_BAD);
            less = (struct slice){x509->signature.data, x509->signature.size - 1};
            assert_int_equal(verify_signature(&x509->key, x509->method, x509->signed_part, less),
                             VERDICT_BAD);
            assert_int_equal(
                verify_signature(&x509->key, x509->method, x509->signed_part, SLICE("")),
                VERDICT_BAD);
        }
        free(kind);
    }
}

// A signature of one kind of key is none of another.
static void test_keys_and_methods_that_do_not_fit(void **state) {
    (void)state;
    struct loaded *leaf = load("leaf");     // a key for ECDSA, signed with RSA
    struct loaded *middle = load("middle"); // the other way around
    assert_int_equal(verify_signature(&leaf->x509.key, leaf->x509.method, leaf->x509.signed_part,
                                      leaf->x509.signature),
                     VERDICT_BAD);
    assert_int_equal(verify_signature(&middle->x509.key, middle->x509.method,
                                      middle->x509.signed_part, middle->x509.signature),
                     VERDICT_BAD);
    struct signature_method ed25519 = verify_scheme(0x0807);
    assert_int_equal(verify_signature(&leaf->x509.key, ed25519, SLICE("x"), SLICE("y")),
                     VERDICT_BAD);
    assert_int_equal(verify_scheme(0x1234).kind, SIGNATURE_OTHER);
    free(leaf);
    free(middle);
}

// --- Ways ---

struct way {
    struct loaded *loaded[4];
    struct loaded *anchor;
    struct x509 sent[4];
    struct path path;
};

// The way from names[0] over the others to the root; sent in this order.
static void find_way(struct way *way, const char *root, const char *const *names) {
    struct trust trust = {0};
    size_t count = 0;
    *way = (struct way){0};
    for (; names[count] != NULL; count++) {
        way->loaded[count] = load(names[count]);
        way->sent[count] = way->loaded[count]->x509;
    }
    if (root != NULL) {
        way->anchor = load(root);
        trust = (struct trust){.anchors = &way->anchor->x509, .count = 1};
    }
    path_find(way->sent, count, &trust, now, &way->path);
}
#define FIND_WAY(way, root, ...) find_way(way, root, (const char *const[]){__VA_ARGS__, NULL})

static void free_way(struct way *way) {
    for (size_t i = 0; i < 4; i++) {
        free(way->loaded[i]);
    }
    free(way->anchor);
}

#define ASSERT_WAY(expected, root, ...)                                                            \
    do {                                                                                           \
        struct way asserted;                                                                       \
        FIND_WAY(&asserted, root, __VA_ARGS__);                                                    \
        if (!asserted.path.found || asserted.path.count != (expected)) {                           \
            fail_msg("%zu, %s", asserted.path.count, asserted.path.why);                           \
        }                                                                                          \
        free_way(&asserted);                                                                       \
    } while (0)

#define ASSERT_NO_WAY(reason, root, ...)                                                           \
    do {                                                                                           \
        struct way asserted;                                                                       \
        FIND_WAY(&asserted, root, __VA_ARGS__);                                                    \
        assert_false(asserted.path.found);                                                         \
        assert_string_equal(asserted.path.why, reason);                                            \
        free_way(&asserted);                                                                       \
    } while (0)

static void test_ways(void **state) {
    (void)state;
    ISSUE("stranger", NULL, P256, CA);
    ASSERT_WAY(2, "root", "leaf", "middle");
    ASSERT_WAY(2, "root", "leaf", "middle", "root");
    ASSERT_WAY(2, "root", "leaf", "root", "stranger", "middle");
    ASSERT_WAY(1, "middle", "leaf");
    ASSERT_WAY(1, "leaf", "leaf"); // trusted by itself
    ASSERT_NO_WAY(
        "the issuer of O=Test, CN=leaf, O=Test, CN=middle, was not sent and is not trusted", "root",
        "leaf");
    ASSERT_NO_WAY(
        "the issuer of O=Test, CN=middle, O=Test, CN=root, was not sent and is not trusted",
        "stranger", "leaf", "middle");
    ASSERT_NO_WAY("the chain of O=Test, CN=leaf ends with O=Test, CN=root, which is not trusted",
                  "stranger", "leaf", "middle", "root");
    ASSERT_NO_WAY("O=Test, CN=stranger is signed by O=Test, CN=stranger itself, and not trusted",
                  "root", "stranger");
    ASSERT_NO_WAY("O=Test, CN=stranger is signed by O=Test, CN=stranger itself, and not trusted",
                  NULL, "stranger");
}

static void test_who_may_issue(void **state) {
    (void)state;
    ISSUE("under-leaf", "leaf", P256, SERVER);
    ASSERT_NO_WAY(
        "O=Test, CN=leaf must not issue O=Test, CN=under-leaf: it is no authority for that", "root",
        "under-leaf", "leaf", "middle");
    ISSUE("short", "root", P256, "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0");
    ISSUE("below", "short", P256, CA);
    ISSUE("leaf-of-short", "short", P256, SERVER);
    ISSUE("leaf-of-below", "below", P256, SERVER);
    ASSERT_WAY(2, "root", "leaf-of-short", "short");
    ASSERT_NO_WAY("O=Test, CN=short must not issue O=Test, CN=below: it is no authority for that",
                  "root", "leaf-of-below", "below", "short");
    ISSUE("signs-data", "root", P256, "-addext", "basicConstraints=critical,CA:TRUE", "-addext",
          "keyUsage=critical,digitalSignature");
    ISSUE("leaf-of-data", "signs-data", P256, SERVER);
    ASSERT_NO_WAY(
        "O=Test, CN=signs-data must not issue O=Test, CN=leaf-of-data: it is no authority "
        "for that",
        "root", "leaf-of-data", "signs-data");
}

static void test_a_name_is_not_enough(void **state) {
    (void)state;
    ISSUE("forger", NULL, P256, CA, "-subj", "/O=Test/CN=root");
    ASSERT_NO_WAY("the signature on O=Test, CN=middle is not one of O=Test, CN=root", "forger",
                  "leaf", "middle");
    ISSUE("by-sha1", "middle", P256, SERVER, "-sha1");
    ASSERT_NO_WAY("the signature on O=Test, CN=by-sha1 (RSA with SHA-1) cannot be verified by this "
                  "build, and should be none that anybody trusts",
                  "root", "by-sha1", "middle");
}

// --- Stapled responses ---

static struct slice read_response(const char *name, uint8_t *bytes, size_t capacity) {
    return (struct slice){(const char *)bytes, read_file(&folder, name, bytes, capacity)};
}

// A response by `signer` about the leaf; `line` is what the index says of it.
static void respond(const char *status, const char *signer_certificate, const char *signer_key,
                    const char *days) {
    struct loaded *leaf = load("leaf");
    char line[256];
    char serial[64] = "";
    for (size_t i = 0; i < leaf->x509.serial.size && i < 24; i++) {
        (void)snprintf(serial + 2 * i, 3, "%02X", (uint8_t)leaf->x509.serial.data[i]);
    }
    bool skip = serial[0] == '0' && serial[1] == '0';
    int size = snprintf(line, sizeof(line), "%s\t401231235959Z\t%s\t%s\tunknown\t/CN=leaf\n",
                        status, status[0] == 'R' ? "200101000000Z" : "", serial + (skip ? 2 : 0));
    write_file(&folder, "index", line, (size_t)size);
    free(leaf);
    assert_int_equal(RUN(&folder, "openssl", "ocsp", "-issuer", in_folder(&folder, "middle.pem"),
                         "-cert", in_folder(&folder, "leaf.pem"), "-no_nonce", "-reqout",
                         in_folder(&folder, "request")),
                     0);
    assert_int_equal(RUN(&folder, "openssl", "ocsp", "-index", in_folder(&folder, "index"), "-CA",
                         in_folder(&folder, "middle.pem"), "-rsigner",
                         in_folder(&folder, signer_certificate), "-rkey",
                         in_folder(&folder, signer_key), "-reqin", in_folder(&folder, "request"),
                         "-respout", in_folder(&folder, "response"), "-ndays", days),
                     0);
}

static const char *judge_at(int64_t when, char text[STAPLE_TEXT_SIZE]) {
    uint8_t bytes[8192];
    struct loaded *leaf = load("leaf");
    struct loaded *middle = load("middle");
    const char *why = staple_judge(read_response("response", bytes, sizeof(bytes)), &leaf->x509,
                                   &middle->x509, when, text);
    free(leaf);
    free(middle);
    return why;
}

static void test_responses(void **state) {
    char text[STAPLE_TEXT_SIZE];
    (void)state;
    respond("V", "middle.pem", "middle.key", "2");
    assert_null(judge_at(now, text));
    assert_non_null(strstr(judge_at(now + DAYS(3), text), "it was good until 20"));
    assert_string_equal(judge_at(now - DAYS(1), text), "it is from the future");
    respond("R", "middle.pem", "middle.key", "2");
    assert_string_equal(judge_at(now, text), "it says that the certificate is revoked");
}

static void test_who_may_respond(void **state) {
    char text[STAPLE_TEXT_SIZE];
    (void)state;
    ISSUE("responder", "middle", P256, "-addext", "extendedKeyUsage=OCSPSigning");
    respond("V", "responder.pem", "responder.key", "2");
    assert_null(judge_at(now, text));
    ISSUE("anybody", "middle", P256, SERVER); // without the right to
    respond("V", "anybody.pem", "anybody.key", "2");
    assert_string_equal(judge_at(now, text), "the certificate of its signer is not for signing "
                                             "OCSP responses (id-kp-OCSPSigning)");
    ISSUE("other", NULL, P256, "-addext", "extendedKeyUsage=OCSPSigning", "-subj",
          "/O=Test/CN=middle");
    respond("V", "other.pem", "other.key", "2");
    assert_string_equal(judge_at(now, text),
                        "it is signed neither by the issuer of the certificate nor by one with a "
                        "certificate of that issuer");
}

static void test_malformed_responses(void **state) {
    uint8_t bytes[8192];
    char text[STAPLE_TEXT_SIZE];
    (void)state;
    respond("V", "middle.pem", "middle.key", "2");
    struct slice response = read_response("response", bytes, sizeof(bytes));
    struct loaded *leaf = load("leaf");
    struct loaded *middle = load("middle");
    for (size_t size = 0; size < response.size; size++) {
        uint8_t *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, response.data, size);
        assert_string_equal(staple_judge((struct slice){(const char *)copy, size}, &leaf->x509,
                                         &middle->x509, now, text),
                            "it is malformed");
        free(copy);
    }
    assert_string_equal(
        staple_judge(SLICE("\x30\x03\x0a\x01\x06"), &leaf->x509, &middle->x509, now, text),
        "it is no answer but an error (6)");
    assert_string_equal(staple_judge(response, &middle->x509, &middle->x509, now, text),
                        "it is about another certificate");
    free(leaf);
    free(middle);
}

// --- Files of authorities ---

static void test_files_of_authorities(void **state) {
    char error[TRUST_ERROR_SIZE];
    char text[32768] = "a comment\n";
    struct trust trust;
    (void)state;
    size_t size = strlen(text);
    size += read_file(&folder, "root.pem", text + size, sizeof(text) - size);
    size += (size_t)snprintf(text + size, sizeof(text) - size,
                             "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    size += read_file(&folder, "middle.pem", text + size, sizeof(text) - size);
    write_file(&folder, "authorities", text, size);
    assert_int_equal(trust_load(in_folder(&folder, "authorities"), &trust, error), RESULT_ERROR);
    assert_non_null(strstr(error, "authorities: line "));
    assert_non_null(strstr(error, ": it is not a certificate: its DER does not begin with"));
    size = read_file(&folder, "root.pem", text, sizeof(text));
    size += read_file(&folder, "middle.pem", text + size, sizeof(text) - size);
    write_file(&folder, "authorities", text, size);
    assert_int_equal(trust_load(in_folder(&folder, "authorities"), &trust, error), RESULT_OK);
    assert_int_equal(trust.count, 2);
    trust_free(&trust);
    assert_int_equal(trust_load(in_folder(&folder, "leaf.key"), &trust, error), RESULT_ERROR);
    assert_non_null(strstr(error, "leaf.key: line 1: 'PRIVATE KEY' is not a certificate"));
    assert_int_equal(trust_load(in_folder(&folder, "nothing"), &trust, error), RESULT_ERROR);
    assert_non_null(strstr(error, "nothing: No such file"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_certificate_says),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_every_piece_counts),
        cmocka_unit_test(test_weak_keys_and_signatures_are_named),
        cmocka_unit_test(test_keys_and_methods_that_do_not_fit),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_who_may_issue),
        cmocka_unit_test(test_a_name_is_not_enough),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_who_may_respond),
        cmocka_unit_test(test_malformed_responses),
        cmocka_unit_test(test_files_of_authorities),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
