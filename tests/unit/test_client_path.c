// The search for the path from a client's certificate to an authority: what it finds and how much
// work a client can cause.
#include "certificate_folder.h"
#include "tls/certificate/client_path.h"

#define CERTIFICATES_MAX 16
#define NO_IDENTIFIERS                                                                             \
    "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\n"
#define CLIENT "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
#define P256_COST 100
#define P384_COST 350
#define P521_COST 850

static struct client_path path;

static void make(const char *name, const char *issuer, const char *subject, const char *curve,
                 const char *extensions) {
    issue(&folder, (struct issue){.name = name,
                                  .issuer = issuer,
                                  .subject = subject,
                                  .algorithm = "ec",
                                  .curve = curve,
                                  .digest = "sha512",
                                  .extensions = extensions});
}

// The same name and key as `name`, certified by another.
static void certify_again(const char *name, const char *key, const char *issuer,
                          const char *subject) {
    OPENSSL(&folder, "pkey", "-in", named(&folder, key, ".key"), "-out",
            named(&folder, name, ".key"));
    issue(&folder, (struct issue){.name = name,
                                  .issuer = issuer,
                                  .subject = subject,
                                  .extensions = AUTHORITY,
                                  .same_key = true});
}

static int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    make("root", NULL, "/CN=X", "P-256", AUTHORITY);
    make("middle", "root", NULL, "P-256", AUTHORITY);
    make("leaf", "middle", NULL, "P-256", CLIENT);
    // A stranger: each is named as the root is and signed by the one before it, with the most
    // expensive keys there are.
    make("s0", NULL, "/CN=X", "P-521", NO_IDENTIFIERS);
    for (int i = '1'; i <= '7'; i++) {
        const char name[] = {'s', (char)i, '\0'};
        const char issuer[] = {'s', (char)(i - 1), '\0'};
        make(name, issuer, "/CN=X", "P-521", NO_IDENTIFIERS);
    }
    make("stranger", "s7", NULL, "P-521",
         "keyUsage=digitalSignature\nauthorityKeyIdentifier=none\n");
    return 0;
}

struct loaded {
    struct certificate items[CERTIFICATES_MAX];
    uint8_t der[CERTIFICATES_MAX][2048];
    size_t count;
};

// `names` ends with NULL.
static void load(struct loaded *loaded, const char *const *names) {
    for (loaded->count = 0; names[loaded->count] != NULL; loaded->count++) {
        char file[32];
        size_t i = loaded->count;
        assert_in_range(i, 0, CERTIFICATES_MAX - 1);
        (void)snprintf(file, sizeof(file), "%s.pem", names[i]);
        struct slice der = load_der(file, loaded->der[i], sizeof(loaded->der[i]));
        assert_int_equal(certificate_read(der, &loaded->items[i]), RESULT_OK);
    }
}

static struct loaded authorities;
static struct loaded presented;

#define AUTHORITIES(...) load(&authorities, (const char *[]){__VA_ARGS__, NULL})
#define PRESENTED(...) load(&presented, (const char *[]){__VA_ARGS__, NULL})

static enum client_path_end find(void) {
    enum client_path_end end = client_path_find(authorities.items, authorities.count,
                                                presented.items, presented.count, &path);
    assert_in_range(path.cost, 0, CLIENT_PATH_COST_MAX);
    return end;
}

static void test_each_signature_of_a_path_is_verified_once(void **state) {
    (void)state;
    AUTHORITIES("root");
    PRESENTED("leaf", "middle");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.count, 3);
    assert_ptr_equal(path.items[0], &presented.items[0]);
    assert_ptr_equal(path.items[1], &presented.items[1]);
    assert_ptr_equal(path.items[2], &authorities.items[0]);
    assert_int_equal(path.cost, 2 * P256_COST);
    PRESENTED("leaf", "root", "stranger", "middle"); // neither others nor the root cost anything
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.cost, 2 * P256_COST);
}

static void test_a_stranger_does_not_choose_the_keys(void **state) {
    (void)state;
    AUTHORITIES("root");
    PRESENTED("stranger", "s1", "s2", "s3", "s4", "s5", "s6", "s7");
    assert_int_equal(find(), CLIENT_PATH_UNKNOWN);
    assert_int_equal(path.cost, 8 * P256_COST); // each once with the authority's key
    // One that was issued by the authority, sent by a stranger, adds its own key only.
    PRESENTED("stranger", "s1", "s2", "s3", "s4", "s5", "s6", "middle");
    assert_int_equal(find(), CLIENT_PATH_UNKNOWN);
    assert_in_range(path.cost, 1, 8 * P256_COST);
}

static void test_the_work_is_bounded(void **state) {
    (void)state;
    AUTHORITIES("s0"); // an authority with a P-521 key
    PRESENTED("stranger", "s2", "s3", "s4", "s5", "s6", "s7");
    assert_int_equal(find(), CLIENT_PATH_COSTLY);
    assert_int_equal(path.cost, CLIENT_PATH_COST_MAX / P521_COST * P521_COST);
    PRESENTED("s3", "s1", "s2");
    assert_int_equal(find(), CLIENT_PATH_COSTLY);
}

static void test_usual_paths_fit(void **state) {
    (void)state;
    static const char *const names[] = {"h0", "h1", "h2", "h3", "h4", "h5"};
    for (size_t i = 0; i < 6; i++) {
        make(names[i], i == 0 ? NULL : names[i - 1], NULL, "P-384", i < 5 ? AUTHORITY : CLIENT);
    }
    AUTHORITIES("h0");
    PRESENTED("h5", "h1", "h2", "h3", "h4");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.count, 6);
    assert_int_equal(path.cost, 5 * P384_COST);
    make("t1", "s0", "/CN=t1", "P-521", NO_IDENTIFIERS);
    make("t2", "t1", "/CN=t2", "P-521", NO_IDENTIFIERS);
    make("t3", "t2", "/CN=t3", "P-521", NO_IDENTIFIERS);
    AUTHORITIES("s0");
    PRESENTED("t3", "t1", "t2");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.cost, 3 * P521_COST);
}

// "other" certified the key of "middle" too, but nobody knows "other".
static void test_a_dead_end_is_not_the_end(void **state) {
    (void)state;
    make("other", NULL, NULL, "P-256", AUTHORITY);
    certify_again("cross", "middle", "other", "/CN=middle");
    AUTHORITIES("root");
    PRESENTED("leaf", "cross", "middle");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_ptr_equal(path.items[1], &presented.items[2]);
    AUTHORITIES("root", "other");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.count, 3);
}

static void test_a_false_signature_is_not_an_unknown_authority(void **state) {
    (void)state;
    AUTHORITIES("root");
    PRESENTED("leaf", "middle");
    for (size_t i = 0; i < 2; i++) {
        uint8_t *last = &presented.der[i][presented.items[i].der.size - 1];
        *last ^= 1;
        assert_int_equal(find(), CLIENT_PATH_FALSE);
        *last ^= 1;
    }
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    PRESENTED("leaf");
    assert_int_equal(find(), CLIENT_PATH_UNKNOWN);
}

static void test_dates_do_not_stand_for_a_signature(void **state) {
    (void)state;
    issue(&folder, (struct issue){.name = "old",
                                  .issuer = "root",
                                  .extensions = CLIENT,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    AUTHORITIES("root");
    PRESENTED("old");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED); // client_auth.c checks the dates
    presented.der[0][presented.items[0].der.size - 1] ^= 1;
    assert_int_equal(find(), CLIENT_PATH_FALSE);
}

static void test_the_path_goes_on_among_the_authorities(void **state) {
    (void)state;
    AUTHORITIES("middle", "root");
    PRESENTED("leaf");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.count, 3);
    assert_ptr_equal(path.items[2], &authorities.items[1]);
    // What is above decides about revocation: if finding it is too much work, there is no path.
    make("top", NULL, "/CN=top", "P-521", NO_IDENTIFIERS);
    make("low", "top", NULL, "P-256", NO_IDENTIFIERS);
    make("client", "low", NULL, "P-256", "authorityKeyIdentifier=none\n");
    make("u0", NULL, "/CN=top", "P-521", NO_IDENTIFIERS);
    make("u1", NULL, "/CN=top", "P-521", NO_IDENTIFIERS);
    make("u2", NULL, "/CN=top", "P-521", NO_IDENTIFIERS);
    make("u3", NULL, "/CN=top", "P-521", NO_IDENTIFIERS);
    PRESENTED("client");
    AUTHORITIES("low", "u0", "u1", "u2", "top");
    assert_int_equal(find(), CLIENT_PATH_TRUSTED);
    assert_int_equal(path.count, 3);
    AUTHORITIES("low", "u0", "u1", "u2", "u3", "top");
    assert_int_equal(find(), CLIENT_PATH_COSTLY);
}

static void test_rsa_keys_cost_by_size_and_exponent(void **state) {
    (void)state;
    struct certificate key = {.key = CERTIFICATE_KEY_RSA, .key_bits = 2048, .exponent_bits = 17};
    assert_in_range(certificate_verification_cost(&key), 20, P256_COST);
    key.key_bits = 4096;
    assert_in_range(certificate_verification_cost(&key), P256_COST, 200);
    key.exponent_bits = 32;
    assert_in_range(certificate_verification_cost(&key), 250, 400);
    key.exponent_bits = 4096;
    assert_true(certificate_verification_cost(&key) > CLIENT_PATH_COST_MAX);
    key = (struct certificate){
        .key = CERTIFICATE_KEY_RSA_PSS, .key_bits = 32768, .exponent_bits = 32768};
    assert_true(certificate_verification_cost(&key) > CLIENT_PATH_COST_MAX);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_signature_of_a_path_is_verified_once),
        cmocka_unit_test(test_a_stranger_does_not_choose_the_keys),
        cmocka_unit_test(test_the_work_is_bounded),
        cmocka_unit_test(test_usual_paths_fit),
        cmocka_unit_test(test_a_dead_end_is_not_the_end),
        cmocka_unit_test(test_a_false_signature_is_not_an_unknown_authority),
        cmocka_unit_test(test_dates_do_not_stand_for_a_signature),
        cmocka_unit_test(test_the_path_goes_on_among_the_authorities),
        cmocka_unit_test(test_rsa_keys_cost_by_size_and_exponent),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
