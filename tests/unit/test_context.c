// The TLS contexts of a generation: made when they are needed, and which certificate a client gets.
#include "certificates.h"
#include "tls/handshake/context.h"
#include "tls/handshake/context_internal.h"
#include "tls/policy.h"

#include <string.h>

#define REST                                                                                       \
    "route / { backend = b } }\nlisten 127.0.0.1:1 {}\nbackend b { server 127.0.0.1:2 {} }\n"

static struct folder folder; // with all certificates, made once
static struct ticket_store *tickets;

static int set_up_all(void **state) {
    (void)state;
    assert_int_equal(tls_library_init(), RESULT_OK);
    tickets = ticket_store_new();
    assert_non_null(tickets);
    folder_make(&folder);
    make_each_kind(&folder);
    write_file(&folder, "text.pem", "not a certificate\n", 18);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    folder_free(&folder);
    ticket_store_free(tickets);
    tls_library_free();
    return 0;
}

static void load(const char *text) {
    bundle_close_pair(&folder.pair);
    config_free(folder.config);
    folder.config = NULL;
    folder_load(&folder, text);
}

static struct tls_contexts *build(char error[CONFIG_ERROR_SIZE]) {
    return tls_contexts_build(folder.config, &folder.pair.files, 5, tickets, error);
}

static struct tls_contexts *build_well(const char *text) {
    char error[CONFIG_ERROR_SIZE];
    load(text);
    struct tls_contexts *contexts = build(error);
    if (contexts == NULL) {
        fail_msg("%s", error);
    }
    return contexts;
}

// --- Building ---

static const struct tls_identity *select_any(const struct tls_contexts *contexts, size_t site) {
    const struct client_hello hello = {.signatures = UINT32_MAX};
    return tls_contexts_select(contexts, site, &hello);
}

static void test_every_kind_of_certificate_is_taken(void **state) {
    (void)state;
    struct tls_contexts *contexts =
        build_well("site a.test { certificate p256.pem { key = p256.key }\n"
                   "certificate p384.pem { key = p384.key } certificate ed.pem { key = ed.key }\n"
                   "certificate rsa.pem { key = rsa.key }\n" REST);
    static const uint32_t signatures[] = {POLICY_SIGNATURE_ECDSA_P256, POLICY_SIGNATURE_ECDSA_P384,
                                          POLICY_SIGNATURE_ED25519, POLICY_SIGNATURE_RSA_PSS};
    static const char *const keys[] = {"p256.key", "p384.key", "ed.key", "rsa.key"};
    assert_non_null(select_any(contexts, 0));
    assert_int_equal(contexts->site_count, 1);
    assert_int_equal(contexts->sites[0].count, 4);
    for (size_t i = 0; i < 4; i++) {
        const struct tls_identity *identity = &contexts->sites[0].identities[i];
        uint8_t id[KEY_ID_SIZE];
        signature_key_id(5, in_folder(&folder, keys[i]), id);
        assert_int_equal(identity->signature, signatures[i]);
        assert_memory_equal(identity->key_id, id, KEY_ID_SIZE);
        assert_ptr_equal(identity->owner, contexts);
    }
    tls_contexts_free(contexts);
}

static void test_tickets_are_bound_to_site_and_policy(void **state) {
    (void)state;
    struct tls_contexts *contexts =
        build_well("site a.test { certificate p256.pem { key = p256.key }\n"
                   "certificate ed.pem { key = ed.key } route / { backend = b } }\n"
                   "site b.test { certificate p256.pem { key = p256.key }\n" REST);
    assert_non_null(select_any(contexts, 0));
    assert_non_null(select_any(contexts, 1));
    const struct tls_identity *of_a = contexts->sites[0].identities;
    const struct tls_identity *of_b = contexts->sites[1].identities;
    assert_true(slice_equal(of_a[0].terms.site, SLICE("a.test")));
    assert_true(slice_equal(of_a[1].terms.site, SLICE("a.test")));
    assert_true(slice_equal(of_b[0].terms.site, SLICE("b.test")));
    assert_false(of_a[0].terms.post_quantum_required);
    tls_contexts_free(contexts);
    contexts = build_well("tls { require-post-quantum = yes }\n"
                          "site a.test { certificate p256.pem { key = p256.key }\n" REST);
    assert_non_null(select_any(contexts, 0));
    assert_true(contexts->sites[0].identities[0].terms.post_quantum_required);
    tls_contexts_free(contexts);
}

static void test_a_site_is_made_when_it_is_asked_for(void **state) {
    (void)state;
    struct tls_contexts *contexts =
        build_well("site a.test { certificate p256.pem { key = p256.key }\n"
                   "route / { backend = b } }\n"
                   "site b.test { certificate p256.pem { key = p256.key }\n" REST);
    assert_null(contexts->sites[0].identities);
    assert_null(contexts->sites[1].identities);
    const struct tls_identity *identity = select_any(contexts, 1);
    assert_non_null(identity);
    assert_null(contexts->sites[0].identities);
    assert_ptr_equal(select_any(contexts, 1), identity); // and once
    tls_contexts_free(contexts);
}

// Nobody lets such a bundle pass; it is no reason to crash.
static void test_a_site_that_cannot_be_made(void **state) {
    (void)state;
    struct tls_contexts *contexts =
        build_well("site a.test { certificate p256.pem { key = p256.key }\n"
                   "certificate text.pem { key = p256.key }\n" REST);
    assert_null(select_any(contexts, 0));
    assert_null(contexts->sites[0].identities);
    tls_contexts_free(contexts);
}

static void test_freeing_nothing(void **state) {
    (void)state;
    tls_contexts_free(NULL);
}

// --- Choosing ---

static const char *selected(const struct tls_contexts *contexts, size_t site, uint32_t signatures) {
    const struct client_hello hello = {.signatures = signatures};
    const struct tls_identity *identity = tls_contexts_select(contexts, site, &hello);
    assert_non_null(identity);
    switch (identity->signature) {
    case POLICY_SIGNATURE_ECDSA_P256:
        return "p256";
    case POLICY_SIGNATURE_ECDSA_P384:
        return "p384";
    case POLICY_SIGNATURE_ED25519:
        return "ed";
    default:
        return "rsa";
    }
}

static void test_the_best_certificate_that_the_client_can_verify(void **state) {
    (void)state;
    enum {
        P256 = POLICY_SIGNATURE_ECDSA_P256,
        P384 = POLICY_SIGNATURE_ECDSA_P384,
        ED = POLICY_SIGNATURE_ED25519,
        RSA = POLICY_SIGNATURE_RSA_PSS
    };
    struct tls_contexts *contexts = build_well(
        "site a.test { certificate rsa.pem { key = rsa.key } certificate ed.pem { key = ed.key }\n"
        "certificate p384.pem { key = p384.key } certificate p256.pem { key = p256.key }\n"
        "route / { backend = b } }\n"
        "site b.test { certificate rsa.pem { key = rsa.key }\n"
        "certificate p384.pem { key = p384.key }\n" REST);
    assert_string_equal(selected(contexts, 0, P256 | P384 | ED | RSA), "p256");
    assert_string_equal(selected(contexts, 0, P384 | ED | RSA), "p384");
    assert_string_equal(selected(contexts, 0, ED | RSA), "ed");
    assert_string_equal(selected(contexts, 0, RSA), "rsa");
    assert_string_equal(selected(contexts, 0, P256), "p256");
    assert_string_equal(selected(contexts, 1, P256 | P384 | ED | RSA), "p384");
    assert_string_equal(selected(contexts, 1, P256 | ED | RSA), "rsa");
    // None fits: the first. The handshake ends in an alert.
    assert_string_equal(selected(contexts, 0, 0), "rsa");
    assert_string_equal(selected(contexts, 1, P256 | ED), "rsa");
    tls_contexts_free(contexts);
}

// Of one that nobody trusts and another one for the same name, the other one.
static void test_a_certificate_of_its_own_comes_last(void **state) {
    (void)state;
    enum { P256 = POLICY_SIGNATURE_ECDSA_P256, RSA = POLICY_SIGNATURE_RSA_PSS };
    struct tls_contexts *contexts = build_well(
        "site a.test { certificate p256.pem { key = p256.key }\n"
        "certificate rsa.pem { key = rsa.key } certificate ed.pem { key = ed.key }\n" REST);
    const struct client_hello hello = {.signatures = P256 | RSA, .server_name = SLICE("a.test")};
    const struct client_hello no_rsa = {.signatures = P256, .server_name = SLICE("a.test")};
    assert_non_null(select_any(contexts, 0));
    struct tls_identity *p256 = &contexts->sites[0].identities[0];
    struct tls_identity *rsa = &contexts->sites[0].identities[1];
    contexts->sites[0].identities[2].name = "b.test";
    p256->name = rsa->name = "a.test";
    assert_ptr_equal(tls_contexts_select(contexts, 0, &hello), p256);
    p256->is_own = true;
    assert_ptr_equal(tls_contexts_select(contexts, 0, &hello), rsa);
    assert_ptr_equal(tls_contexts_select(contexts, 0, &no_rsa), p256);
    rsa->is_own = true;
    assert_ptr_equal(tls_contexts_select(contexts, 0, &hello), p256);
    p256->name = "b.test"; // of another name: not rather than one for the name
    p256->is_own = false;
    assert_ptr_equal(tls_contexts_select(contexts, 0, &hello), rsa);
    tls_contexts_free(contexts);
}

// --- What is compiled in ---

static void test_the_library_has_what_is_needed(void **state) {
    (void)state;
    assert_true(policy_has_post_quantum());
    assert_string_not_equal(tls_library_version(), "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_certificate_is_taken),
        cmocka_unit_test(test_tickets_are_bound_to_site_and_policy),
        cmocka_unit_test(test_a_site_is_made_when_it_is_asked_for),
        cmocka_unit_test(test_a_site_that_cannot_be_made),
        cmocka_unit_test(test_freeing_nothing),
        cmocka_unit_test(test_the_best_certificate_that_the_client_can_verify),
        cmocka_unit_test(test_a_certificate_of_its_own_comes_last),
        cmocka_unit_test(test_the_library_has_what_is_needed),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
