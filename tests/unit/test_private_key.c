// Private keys: which files are read, and to which certificates they belong.
#include "certificate_folder.h"
#include "tls/certificate/chain.h"
#include "tls/certificate/private_key.h"

static const struct {
    const char *name, *algorithm, *curve;
    enum certificate_key kind;
} kinds[] = {
    {"p256", "ec", "P-256", CERTIFICATE_KEY_P256},
    {"p384", "ec", "P-384", CERTIFICATE_KEY_P384},
    {"ed", "ed25519", NULL, CERTIFICATE_KEY_ED25519},
    {"rsa", "rsa:2048", NULL, CERTIFICATE_KEY_RSA},
    {"other256", "ec", "P-256", CERTIFICATE_KEY_P256},
    {"other384", "ec", "P-384", CERTIFICATE_KEY_P384},
    {"othered", "ed25519", NULL, CERTIFICATE_KEY_ED25519},
    {"otherrsa", "rsa:2048", NULL, CERTIFICATE_KEY_RSA},
};
enum { KIND_TOTAL = sizeof(kinds) / sizeof(kinds[0]) };

static int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    for (size_t i = 0; i < KIND_TOTAL; i++) {
        make_certificate(&folder, kinds[i].name, kinds[i].algorithm, kinds[i].curve);
    }
    return 0;
}

static char why[PEM_WHY_SIZE];

static enum result read_key(const char *name, struct private_key *key) {
    uint8_t pem[16384];
    return private_key_read(load_text(name, pem, sizeof(pem)), key, why);
}

static bool fits(const struct private_key *key, const char *name) {
    uint8_t pem[16384];
    char file[32];
    char reason[CHAIN_ERROR_SIZE];
    struct chain chain;
    (void)snprintf(file, sizeof(file), "%s.pem", name);
    assert_int_equal(chain_read(load_text(file, pem, sizeof(pem)), &chain, reason), RESULT_OK);
    bool belongs = private_key_fits(key, &chain.certificates[0]);
    chain_free(&chain);
    return belongs;
}

static void test_each_fits_its_own_certificate_only(void **state) {
    (void)state;
    for (size_t i = 0; i < KIND_TOTAL; i++) {
        struct private_key key;
        char file[32];
        (void)snprintf(file, sizeof(file), "%s.key", kinds[i].name);
        assert_int_equal(read_key(file, &key), RESULT_OK);
        assert_int_equal(key.kind, kinds[i].kind);
        for (size_t k = 0; k < KIND_TOTAL; k++) {
            assert_int_equal(fits(&key, kinds[k].name), i == k);
        }
        private_key_free(&key);
        assert_null(key.secret);
        private_key_free(&key);
    }
}

static void test_older_forms(void **state) {
    (void)state;
    struct private_key key;
    static const char *const names[] = {"p256", "p384", "rsa"};
    for (size_t i = 0; i < 3; i++) {
        OPENSSL(&folder, "pkey", "-in", named(&folder, names[i], ".key"), "-traditional", "-out",
                in_folder(&folder, "old.key"));
        assert_int_equal(read_key("old.key", &key), RESULT_OK);
        assert_true(fits(&key, names[i]));
        private_key_free(&key);
    }
    // As `openssl ecparam -genkey` writes it.
    OPENSSL(&folder, "ecparam", "-name", "prime256v1", "-out", in_folder(&folder, "parameters"));
    OPENSSL(&folder, "pkey", "-in", in_folder(&folder, "p256.key"), "-traditional", "-out",
            in_folder(&folder, "old.key"));
    JOIN(&folder, "both.key", "parameters", "old.key");
    assert_int_equal(read_key("both.key", &key), RESULT_OK);
    assert_true(fits(&key, "p256"));
    private_key_free(&key);
}

// What the file says about the public key is not believed.
static void test_the_public_key_is_computed(void **state) {
    (void)state;
    struct private_key key;
    OPENSSL(&folder, "ec", "-in", in_folder(&folder, "p256.key"), "-no_public", "-out",
            in_folder(&folder, "half.key"));
    assert_int_equal(read_key("half.key", &key), RESULT_OK);
    assert_true(fits(&key, "p256"));
    key.secret[5] ^= 1;
    assert_false(fits(&key, "p256"));
    memset(key.secret, 0, key.size);
    assert_false(fits(&key, "p256"));
    memset(key.secret, 0xff, key.size);
    assert_false(fits(&key, "p256"));
    private_key_free(&key);
}

static void test_what_is_no_usable_key(void **state) {
    (void)state;
    struct private_key key;
    OPENSSL(&folder, "pkey", "-in", in_folder(&folder, "p256.key"), "-aes-256-cbc", "-passout",
            "pass:x", "-out", in_folder(&folder, "locked.key"));
    OPENSSL(&folder, "rsa", "-in", in_folder(&folder, "rsa.key"), "-aes256", "-traditional",
            "-passout", "pass:x", "-out", in_folder(&folder, "oldlocked.key"));
    OPENSSL(&folder, "genpkey", "-algorithm", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-out",
            in_folder(&folder, "p521.key"));
    OPENSSL(&folder, "genpkey", "-algorithm", "x25519", "-out", in_folder(&folder, "x.key"));
    OPENSSL(&folder, "req", "-new", "-key", in_folder(&folder, "p256.key"), "-subj", "/CN=x",
            "-out", in_folder(&folder, "request"));
    OPENSSL(&folder, "pkey", "-in", in_folder(&folder, "p256.key"), "-outform", "DER", "-out",
            in_folder(&folder, "der.key"));
    write_text(&folder, "behind.key",
               "-----BEGIN PRIVATE KEY-----\nMAMCAQAA\n-----END PRIVATE KEY-----\n");
    write_text(&folder, "text.key", "not a key\n");
    write_text(&folder, "empty.key", "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n");
    write_text(&folder, "rubbish.key",
               "-----BEGIN PRIVATE KEY-----\nMAMCAQA=\n-----END PRIVATE KEY-----\n");
    JOIN(&folder, "two.key", "p256.key", "p384.key");
    JOIN(&folder, "request.key", "p256.key", "request");
    static const char encrypted[] =
        "line 1: the key is encrypted; decrypt it with 'openssl pkey -in FILE -out NEW'";
    static const struct {
        const char *name;
        const char *why;
    } cases[] = {
        {"locked.key", encrypted},
        {"oldlocked.key", encrypted},
        {"p521.key", "line 1: the curve of the key is none of P-256 and P-384"},
        {"x.key", "line 1: the key is none of ECDSA, Ed25519 and RSA"},
        {"text.key", "no PEM private key in it"},
        {"empty.key", "line 2: the base64 of 'PRIVATE KEY' is not complete"},
        {"p256.pem", "no PEM private key in it"},
        {"rubbish.key", "line 1: the key is cut short, or its DER is damaged"},
        {"two.key", "line 6: a second private key; a file holds one"},
        {"request.key", "line 6: 'CERTIFICATE REQUEST' is not a private key in a form that Ravelin "
                        "reads; remove it from this file"},
        {"behind.key", "line 1: bytes follow the key"},
        {"der.key", "line 1: the file is binary (DER or PKCS#12), not PEM; convert it, for example "
                    "with 'openssl x509 -inform der' or 'openssl pkcs12'"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_key(cases[i].name, &key), RESULT_ERROR);
        assert_string_equal(why, cases[i].why);
        assert_null(key.secret);
    }
}

static void test_what_may_stand_beside_a_key(void **state) {
    (void)state;
    struct private_key key;
    write_text(&folder, "comment", "\xef\xbb\xbfKey of a.test\r\n");
    JOIN(&folder, "both.key", "comment", "p256.pem", "p256.key");
    assert_int_equal(read_key("both.key", &key), RESULT_OK);
    assert_true(fits(&key, "p256"));
    private_key_free(&key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_fits_its_own_certificate_only),
        cmocka_unit_test(test_older_forms),
        cmocka_unit_test(test_the_public_key_is_computed),
        cmocka_unit_test(test_what_is_no_usable_key),
        cmocka_unit_test(test_what_may_stand_beside_a_key),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
