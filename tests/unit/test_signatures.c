// The signer's keys and its signatures; the process around them is tested in test_signer.c.
// Signatures are verified by openssl with the public key of the certificate.
#include "certificates.h"
#include "process/signer.h"
#include "tls/handshake/context.h"

#define REST                                                                                       \
    "route / { backend = b } }\nlisten 127.0.0.1:1 {}\nbackend b { server 127.0.0.1:2 {} }\n"
#define ALL                                                                                        \
    "site a.test { certificate p256.pem { key = p256.key } certificate p384.pem { key = p384.key " \
    "}\n"                                                                                          \
    "certificate rsa.pem { key = rsa.key } certificate ed.pem { key = ed.key }\n" REST
#define OTHERS                                                                                     \
    "site a.test { certificate other.pem { key = other.key } certificate ed2.pem { key = ed2.key " \
    "}\n" REST

// Two configurations with keys of their own; made once for all tests.
struct fixture {
    struct folder folder;
    struct folder others;
    struct signer_keys *keys; // of one test: the folder's, as generation 1
};

static struct fixture fixture;

static int set_up_all(void **state) {
    (void)state;
    struct fixture *f = &fixture;
    assert_int_equal(tls_library_init(), RESULT_OK);
    folder_make(&f->folder);
    make_each_kind(&f->folder);
    folder_load(&f->folder, ALL);
    folder_make(&f->others);
    make_certificate(&f->others, "other", "ec", "P-256");
    make_certificate(&f->others, "ed2", "ed25519", NULL);
    folder_load(&f->others, OTHERS);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    folder_free(&fixture.folder);
    folder_free(&fixture.others);
    tls_library_free();
    return 0;
}

static int set_up(void **state) {
    struct fixture *f = &fixture;
    f->keys = signer_keys_new();
    assert_non_null(f->keys);
    assert_int_equal(signer_keys_load(f->keys, 1, &f->folder.pair.keys), RESULT_OK);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    signer_keys_free(f->keys);
    return 0;
}

static struct sign_request make_request(const struct folder *folder, uint64_t generation,
                                        const char *key, enum sign_scheme scheme,
                                        enum sign_hash hash, size_t data_size) {
    struct sign_request request = {.number = 0x1122334455667788,
                                   .scheme = (uint8_t)scheme,
                                   .hash = (uint8_t)hash,
                                   .data_size = (uint16_t)data_size};
    signature_key_id(generation, in_folder(folder, key), request.key_id);
    for (size_t i = 0; i < sizeof(request.data); i++) {
        request.data[i] = (uint8_t)(i * 7 + data_size);
    }
    return request;
}

static struct sign_response sign(struct fixture *f, const struct sign_request *request) {
    struct sign_response response;
    memset(&response, 0xee, sizeof(response));
    signer_sign(f->keys, request, &response);
    assert_true(response.number == request->number);
    assert_in_range(response.signature_size, 0, SIGNATURE_SIZE_MAX);
    return response;
}

// Refused, and nothing in the answer but that.
static void assert_refused(struct fixture *f, const struct sign_request *request) {
    static const uint8_t nothing[SIGNATURE_SIZE_MAX];
    struct sign_response response = sign(f, request);
    assert_int_equal(response.signature_size, 0);
    assert_memory_equal(response.signature, nothing, sizeof(nothing));
}

static bool signs(struct fixture *f, const struct folder *folder, uint64_t generation,
                  const char *key) {
    struct sign_request request =
        make_request(folder, generation, key, SIGN_ECDSA, SIGN_HASH_NONE, 32);
    return sign(f, &request).signature_size > 0;
}

// --- Signatures ---

// `options` of openssl's pkeyutl.
static int verify(const struct folder *folder, const char *certificate,
                  const struct sign_request *request, const struct sign_response *response,
                  const char *const *options) {
    const char *arguments[24] = {"openssl",  "pkeyutl",
                                 "-verify",  "-certin",
                                 "-inkey",   in_folder(folder, certificate),
                                 "-sigfile", in_folder(folder, "signature"),
                                 "-in",      in_folder(folder, "data")};
    for (size_t i = 0; options[i] != NULL; i++) {
        arguments[10 + i] = options[i];
    }
    write_file(folder, "signature", response->signature, response->signature_size);
    write_file(folder, "data", request->data, request->data_size);
    return run_program(folder, arguments);
}

static void assert_signs(struct fixture *f, const char *name, const struct sign_request *request,
                         const char *const *options) {
    char certificate[32];
    (void)snprintf(certificate, sizeof(certificate), "%s.pem", name);
    struct sign_response response = sign(f, request);
    assert_int_not_equal(response.signature_size, 0);
    for (size_t i = response.signature_size; i < SIGNATURE_SIZE_MAX; i++) {
        assert_int_equal(response.signature[i], 0);
    }
    assert_int_equal(verify(&f->folder, certificate, request, &response, options), 0);
    // It is this data that was signed.
    struct sign_request other = *request;
    other.data[other.data_size - 1] ^= 1;
    assert_int_not_equal(verify(&f->folder, certificate, &other, &response, options), 0);
}

static void test_ecdsa(void **state) {
    const char *const options[] = {NULL};
    struct fixture *f = *state;
    struct sign_request request =
        make_request(&f->folder, 1, "p256.key", SIGN_ECDSA, SIGN_HASH_NONE, 32);
    assert_signs(f, "p256", &request, options);
    request = make_request(&f->folder, 1, "p384.key", SIGN_ECDSA, SIGN_HASH_NONE, 48);
    assert_signs(f, "p384", &request, options);
}

static void test_rsa_pss(void **state) {
    struct fixture *f = *state;
    static const char *const digests[] = {"digest:sha256", "digest:sha384", "digest:sha512"};
    static const size_t sizes[] = {32, 48, 64};
    for (size_t i = 0; i < 3; i++) {
        // RFC 8446 4.2.3: MGF1 with the same hash, and a salt as long as the hash.
        const char *const options[] = {"-pkeyopt", digests[i],
                                       "-pkeyopt", "rsa_padding_mode:pss",
                                       "-pkeyopt", "rsa_pss_saltlen:digest",
                                       NULL};
        struct sign_request request =
            make_request(&f->folder, 1, "rsa.key", SIGN_RSA_PSS,
                         (enum sign_hash)(SIGN_HASH_SHA256 + i), sizes[i]);
        assert_signs(f, "rsa", &request, options);
    }
}

static void test_ed25519(void **state) {
    struct fixture *f = *state;
    const char *const options[] = {"-rawin", NULL};
    static const size_t sizes[] = {1, 98 + 32, 98 + 48, SIGN_DATA_MAX};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct sign_request request =
            make_request(&f->folder, 1, "ed.key", SIGN_ED25519, SIGN_HASH_NONE, sizes[i]);
        assert_signs(f, "ed", &request, options);
    }
}

// --- Refusals ---

static void test_an_unknown_key_is_refused(void **state) {
    struct fixture *f = *state;
    struct sign_request request =
        make_request(&f->folder, 1, "p256.key", SIGN_ECDSA, SIGN_HASH_NONE, 32);
    for (size_t i = 0; i < KEY_ID_SIZE; i++) {
        request.key_id[i] ^= 1;
        assert_refused(f, &request);
        request.key_id[i] ^= 1;
    }
    assert_int_not_equal(sign(f, &request).signature_size, 0);
    request = make_request(&f->folder, 2, "p256.key", SIGN_ECDSA, SIGN_HASH_NONE, 32);
    assert_refused(f, &request);
    memset(request.key_id, 0, KEY_ID_SIZE);
    assert_refused(f, &request);
}

static void test_a_key_signs_only_by_its_own_scheme(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key;
        unsigned scheme;
    } keys[] = {{"p256.key", SIGN_ECDSA},
                {"p384.key", SIGN_ECDSA},
                {"rsa.key", SIGN_RSA_PSS},
                {"ed.key", SIGN_ED25519}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct sign_request request = make_request(&f->folder, 1, keys[i].key, SIGN_ECDSA,
                                                   SIGN_HASH_SHA256, i == 1 ? 48 : 32);
        for (unsigned scheme = 0; scheme < 256; scheme++) {
            request.scheme = (uint8_t)scheme;
            if (scheme == keys[i].scheme) {
                assert_int_not_equal(sign(f, &request).signature_size, 0);
            } else {
                assert_refused(f, &request);
            }
        }
    }
}

static void test_data_of_the_wrong_size_are_refused(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *key;
        enum sign_scheme scheme;
        enum sign_hash hash;
        size_t right;
    } cases[] = {
        {"p256.key", SIGN_ECDSA, SIGN_HASH_NONE, 32},
        {"p384.key", SIGN_ECDSA, SIGN_HASH_NONE, 48},
        {"rsa.key", SIGN_RSA_PSS, SIGN_HASH_SHA256, 32},
        {"rsa.key", SIGN_RSA_PSS, SIGN_HASH_SHA384, 48},
        {"rsa.key", SIGN_RSA_PSS, SIGN_HASH_SHA512, 64},
    };
    static const size_t sizes[] = {0, 1, 20, 28, 31, 32, 33, 47, 48, 49, 63, 64, 65, SIGN_DATA_MAX};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            struct sign_request request =
                make_request(&f->folder, 1, cases[i].key, cases[i].scheme, cases[i].hash, sizes[k]);
            if (sizes[k] == cases[i].right) {
                assert_int_not_equal(sign(f, &request).signature_size, 0);
            } else {
                assert_refused(f, &request);
            }
        }
    }
}

static void test_more_data_than_fit_are_refused(void **state) {
    struct fixture *f = *state;
    static const char *const keys[] = {"p256.key", "p384.key", "rsa.key", "ed.key"};
    static const enum sign_scheme schemes[] = {SIGN_ECDSA, SIGN_ECDSA, SIGN_RSA_PSS, SIGN_ED25519};
    static const size_t sizes[] = {SIGN_DATA_MAX + 1, 1000, UINT16_MAX};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct sign_request request =
                make_request(&f->folder, 1, keys[i], schemes[i], SIGN_HASH_SHA256, sizes[k]);
            assert_refused(f, &request);
        }
    }
}

static void test_an_unknown_hash_is_refused(void **state) {
    struct fixture *f = *state;
    for (unsigned hash = 0; hash < 256; hash++) {
        struct sign_request request =
            make_request(&f->folder, 1, "rsa.key", SIGN_RSA_PSS, (enum sign_hash)hash, 32);
        if (hash != SIGN_HASH_SHA256) {
            assert_refused(f, &request);
        }
    }
}

// --- Generations ---

static void load_others(struct fixture *f, uint64_t generation) {
    assert_int_equal(signer_keys_load(f->keys, generation, &f->others.pair.keys), RESULT_OK);
}

static void test_keys_outlive_two_more_loads(void **state) {
    struct fixture *f = *state;
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    load_others(f, 2);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    assert_true(signs(f, &f->others, 2, "other.key"));
    assert_false(signs(f, &f->others, 1, "other.key"));
    load_others(f, 3);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    assert_true(signs(f, &f->others, 2, "other.key"));
    assert_true(signs(f, &f->others, 3, "other.key"));
    load_others(f, 4);
    assert_false(signs(f, &f->folder, 1, "p256.key"));
    assert_true(signs(f, &f->others, 2, "other.key"));
    assert_true(signs(f, &f->others, 4, "other.key"));
}

static void test_a_dropped_generation_is_gone_and_the_others_stay(void **state) {
    struct fixture *f = *state;
    load_others(f, 2);
    signer_keys_drop(f->keys, 1); // not the newest
    signer_keys_drop(f->keys, 7);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    assert_true(signs(f, &f->others, 2, "other.key"));
    signer_keys_drop(f->keys, 2);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    assert_false(signs(f, &f->others, 2, "other.key"));
    // As if there had been none: two more loads leave generation 1 in its place.
    load_others(f, 3);
    load_others(f, 4);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    load_others(f, 5);
    assert_false(signs(f, &f->folder, 1, "p256.key"));
}

static void test_what_fell_out_does_not_come_back(void **state) {
    struct fixture *f = *state;
    load_others(f, 2);
    load_others(f, 3);
    load_others(f, 4);
    signer_keys_drop(f->keys, 4);
    assert_false(signs(f, &f->folder, 1, "p256.key"));
    assert_true(signs(f, &f->others, 2, "other.key"));
    assert_true(signs(f, &f->others, 3, "other.key"));
    signer_keys_drop(f->keys, 3);
    signer_keys_drop(f->keys, 2);
    assert_false(signs(f, &f->others, 2, "other.key"));
}

static void test_dropping_the_only_generation_leaves_none(void **state) {
    struct fixture *f = *state;
    signer_keys_drop(f->keys, 1);
    assert_false(signs(f, &f->folder, 1, "p256.key"));
    signer_keys_drop(f->keys, 1);
    load_others(f, 2);
    assert_true(signs(f, &f->others, 2, "other.key"));
}

static void test_a_bundle_that_cannot_be_loaded_changes_nothing(void **state) {
    struct fixture *f = *state;
    struct folder bad;
    folder_make(&bad);
    make_certificate(&bad, "p256", "ec", "P-256");
    write_file(&bad, "bad.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
               60);
    write_file(&bad, "bad.pem", "x", 1);
    folder_load(&bad, "site a.test { certificate p256.pem { key = p256.key }\n"
                      "certificate bad.pem { key = bad.key }\n" REST);
    for (uint64_t generation = 2; generation < 10; generation++) {
        assert_int_equal(signer_keys_load(f->keys, generation, &bad.pair.keys), RESULT_ERROR);
        assert_false(signs(f, &bad, generation, "p256.key"));
    }
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    // The files' bundle has no keys in it at all.
    assert_int_equal(signer_keys_load(f->keys, 2, &bad.pair.files), RESULT_ERROR);
    assert_true(signs(f, &f->folder, 1, "p256.key"));
    folder_free(&bad);
}

// --- Wiping ---

#if !defined(__SANITIZE_ADDRESS__) // there the memory to look through has no end

// The secret of an Ed25519 key is the end of its DER; turned over, so that this text is not found
// itself.
static void read_secret(const struct folder *folder, const char *key, uint8_t hidden[32]) {
    uint8_t der[256];
    assert_int_equal(RUN(folder, "openssl", "pkey", "-in", in_folder(folder, key), "-outform",
                         "DER", "-out", in_folder(folder, "der")),
                     0);
    size_t size = read_file(folder, "der", der, sizeof(der));
    assert_in_range(size, 33, sizeof(der));
    for (size_t i = 0; i < 32; i++) {
        hidden[i] = (uint8_t)~der[size - 32 + i];
    }
    explicit_bzero(der, sizeof(der));
}

static size_t count_hidden(const uint8_t *from, const uint8_t *to, const uint8_t hidden[32]) {
    size_t found = 0;
    for (const uint8_t *at = from; at + 32 <= to; at++) {
        size_t same = 0;
        while (same < 32 && (at[same] ^ hidden[same]) == 0xff) {
            same++;
        }
        found += same == 32;
    }
    return found;
}

// In all memory this process can write to.
static size_t count_in_memory(const uint8_t hidden[32]) {
    char line[512];
    size_t found = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    while (fgets(line, sizeof(line), maps) != NULL) {
        char *dash, *blank;
        const uintptr_t from = strtoul(line, &dash, 16), to = strtoul(dash + 1, &blank, 16);
        if (strncmp(blank, " rw", 3) == 0 && strstr(line, "[v") == NULL) {
            found += count_hidden((const uint8_t *)from, (const uint8_t *)to, hidden);
        }
    }
    (void)fclose(maps);
    return found;
}

static void test_a_key_that_is_no_longer_kept_is_nowhere_in_memory(void **state) {
    struct fixture *f = *state;
    uint8_t hidden[32];
    read_secret(&f->folder, "ed.key", hidden);
    assert_int_not_equal(count_in_memory(hidden), 0);
    load_others(f, 2);
    load_others(f, 3);
    assert_int_not_equal(count_in_memory(hidden), 0);
    load_others(f, 4);
    assert_int_equal(count_in_memory(hidden), 0);
}

static void test_a_dropped_key_is_nowhere_in_memory(void **state) {
    struct fixture *f = *state;
    uint8_t hidden[32];
    read_secret(&f->others, "ed2.key", hidden);
    assert_int_equal(count_in_memory(hidden), 0);
    load_others(f, 2);
    assert_int_not_equal(count_in_memory(hidden), 0);
    signer_keys_drop(f->keys, 2);
    assert_int_equal(count_in_memory(hidden), 0);
}

static void test_freed_keys_are_nowhere_in_memory(void **state) {
    struct fixture *f = *state;
    uint8_t hidden[32];
    read_secret(&f->folder, "ed.key", hidden);
    signer_keys_free(f->keys);
    f->keys = NULL;
    assert_int_equal(count_in_memory(hidden), 0);
}

#endif

static void test_key_ids_tell_generations_and_paths_apart(void **state) {
    (void)state;
    uint8_t one[KEY_ID_SIZE], other[KEY_ID_SIZE];
    signature_key_id(1, "/a.key", one);
    signature_key_id(1, "/a.key", other);
    assert_memory_equal(one, other, KEY_ID_SIZE);
    signature_key_id(2, "/a.key", other);
    assert_memory_not_equal(one, other, KEY_ID_SIZE);
    signature_key_id(1, "/b.key", other);
    assert_memory_not_equal(one, other, KEY_ID_SIZE);
}

#define SIGNER_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SIGNER_TEST(test_ecdsa),
        SIGNER_TEST(test_rsa_pss),
        SIGNER_TEST(test_ed25519),
        SIGNER_TEST(test_an_unknown_key_is_refused),
        SIGNER_TEST(test_a_key_signs_only_by_its_own_scheme),
        SIGNER_TEST(test_data_of_the_wrong_size_are_refused),
        SIGNER_TEST(test_more_data_than_fit_are_refused),
        SIGNER_TEST(test_an_unknown_hash_is_refused),
        SIGNER_TEST(test_keys_outlive_two_more_loads),
        SIGNER_TEST(test_a_dropped_generation_is_gone_and_the_others_stay),
        SIGNER_TEST(test_what_fell_out_does_not_come_back),
        SIGNER_TEST(test_dropping_the_only_generation_leaves_none),
        SIGNER_TEST(test_a_bundle_that_cannot_be_loaded_changes_nothing),
#if !defined(__SANITIZE_ADDRESS__)
        SIGNER_TEST(test_a_key_that_is_no_longer_kept_is_nowhere_in_memory),
        SIGNER_TEST(test_a_dropped_key_is_nowhere_in_memory),
        SIGNER_TEST(test_freed_keys_are_nowhere_in_memory),
#endif
        cmocka_unit_test(test_key_ids_tell_generations_and_paths_apart),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
