// Handshakes in which one allocation fails, each in its turn: the server goes on or refuses, and
// leaves nothing behind. So do the signer that loads keys and the validator.
#include "handshake_lab.h"
#include "issue.h"
#include "no_memory.h"
#include "tls/certificate/check.h"

#define PERSON                                                                                     \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"                     \
    "extendedKeyUsage=clientAuth\n"

static struct lab lab;

static int set_up_all(void **state) {
    (void)state;
    lab_open(&lab);
    issue(&lab.folder, (struct issue){.name = "root", .extensions = AUTHORITY});
    issue(&lab.folder, (struct issue){.name = "middle", .issuer = "root", .extensions = AUTHORITY});
    issue(&lab.folder, (struct issue){.name = "person", .issuer = "middle", .extensions = PERSON});
    lab_start(&lab,
              LAB_SITE("p256.test", "p256") LAB_ROUTE LAB_SITE("ed.test", "ed")
                  LAB_ROUTE LAB_SITE("rsa.test", "rsa")
                      LAB_ROUTE LAB_SITE("known.test", "p256") "client-ca = root.pem " LAB_REST);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    lab_close(&lab);
    return 0;
}

// With the chain of its certificate.
static void show_person(WOLFSSL *ssl) {
    uint8_t pem[16384];
    size_t size = read_file(&lab.folder, "person.pem", pem, sizeof(pem) / 2);
    size += read_file(&lab.folder, "middle.pem", pem + size, sizeof(pem) / 2);
    assert_int_equal(wolfSSL_use_certificate_chain_buffer(ssl, pem, (long)size), WOLFSSL_SUCCESS);
    size = read_file(&lab.folder, "person.key", pem, sizeof(pem));
    assert_int_equal(wolfSSL_use_PrivateKey_buffer(ssl, pem, (long)size, WOLFSSL_FILETYPE_PEM),
                     WOLFSSL_SUCCESS);
}

static void pause_failures(bool paused) {
    no_memory.paused = paused;
}

// One connection, in which the n-th allocation of the server (its signer included) fails, and all
// after it when `for_good`. True: there was one.
static bool run_one(const struct client *client, uint64_t n, bool for_good) {
    struct link *link = calloc(1, sizeof(*link));
    assert_non_null(link);
    link->lab = &lab;
    link->piece = SIZE_MAX;
    client_make(link, client);
    if (strcmp(client->name, "known.test") == 0) {
        show_person(link->client);
    }
    memory_fail(n, for_good);
    link->handshake = handshake_new(lab.contexts, lab.engine, lab_choose_site, &lab);
    link->result = link->handshake == NULL ? RESULT_ERROR : RESULT_AGAIN;
    size_t seen;
    do {
        seen = link->to_client.end + link->to_server.begin;
        pause_failures(true);
        link_client_step(link);
        pause_failures(false);
        while (link->result == RESULT_AGAIN && link_server_step(link)) {
        }
    } while (link->to_client.end + link->to_server.begin != seen);
    bool through = link->result == RESULT_OK &&
                   handshake_finish(link->handshake, &link->layer, &link->facts) == RESULT_OK;
    if (link->result != RESULT_OK) {
        handshake_free(link->handshake);
    }
    link->handshake = NULL;
    bool failed = memory_again();
    assert_int_not_equal(link->result, RESULT_AGAIN);
    assert_true(through || failed);
    bool is_known = strcmp(client->name, "known.test") == 0; // and must have a certificate
    assert_int_equal(through && is_known, link->facts.client != NULL);
    free(link->facts.client);
    link_close(link);
    return failed;
}

static void run_each(const struct client *client) {
    uint64_t n = 1;
    assert_false(
        run_one(client, UINT64_MAX - 1, false)); // what the library makes once is there now
    int64_t before = no_memory.blocks;
    while (run_one(client, n, false)) {
        assert_int_equal(no_memory.blocks, before);
        (void)run_one(client, n, true);
        assert_int_equal(no_memory.blocks, before);
        n++;
    }
    assert_true(!MEMORY_CAN_FAIL || n > 50);
    assert_false(run_one(client, UINT64_MAX - 1, false)); // and still serves
}

static void test_each_kind_of_key(void **state) {
    (void)state;
    run_each(&(struct client){.name = "p256.test"});
    run_each(&(struct client){.name = "ed.test"});
    run_each(&(struct client){.name = "rsa.test"});
}

static void test_each_group(void **state) {
    (void)state;
    static const int groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_SECP256R1MLKEM768,
                                 WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        run_each(&(struct client){.name = "p256.test", .groups = {groups[i]}});
    }
}

static void test_a_second_hello(void **state) {
    (void)state;
    run_each(&(struct client){
        .name = "p256.test", .groups = {WOLFSSL_X25519MLKEM768}, .no_key_shares = true});
}

static void test_a_client_with_a_certificate(void **state) {
    (void)state;
    run_each(&(struct client){.name = "known.test"});
}

static void test_a_resumption(void **state) {
    (void)state;
    const struct client first = {.name = "p256.test"};
    struct link *link = link_establish(&lab, &first, SIZE_MAX);
    link_assert_works(link); // the client has read its ticket
    WOLFSSL_SESSION *session = wolfSSL_get1_session(link->client);
    assert_non_null(session);
    run_each(&(struct client){.name = "p256.test", .session = session});
    wolfSSL_SESSION_free(session);
    link_close(link);
}

// --- Keys and certificates ---

static bool load_keys(struct signer_keys *keys, uint64_t n, bool for_good) {
    int64_t before = no_memory.blocks;
    memory_fail(n, for_good);
    enum result result = signer_keys_load(keys, 7, &lab.folder.pair.keys);
    bool failed = memory_again();
    assert_true(result == RESULT_OK || failed);
    if (result == RESULT_OK) {
        signer_keys_drop(keys, 7);
    }
    assert_int_equal(no_memory.blocks, before);
    return failed;
}

static void test_a_signer_that_loads_keys(void **state) {
    (void)state;
    struct signer_keys *keys = signer_keys_new();
    assert_non_null(keys);
    uint64_t n = 1;
    while (load_keys(keys, n, false)) {
        (void)load_keys(keys, n, true);
        n++;
    }
    assert_true(!MEMORY_CAN_FAIL || n > 5);
    signer_keys_free(keys);
}

static bool validate(struct findings *findings, uint64_t n, bool for_good) {
    char error[CONFIG_ERROR_SIZE] = "";
    int64_t before = no_memory.blocks;
    memory_fail(n, for_good);
    enum result result = tls_check(lab.folder.config, &lab.folder.pair.files, &lab.folder.pair.keys,
                                   findings, error);
    bool failed = memory_again();
    assert_true(result == RESULT_OK || (failed && error[0] != '\0'));
    assert_true(n >= UINT64_MAX - 1 || no_memory.blocks == before);
    return failed;
}

static void test_the_validator(void **state) {
    (void)state;
    struct findings *findings = findings_map(lab.folder.config);
    assert_non_null(findings);
    uint64_t n = 1;
    assert_false(
        validate(findings, UINT64_MAX - 1, false)); // what libraries make once is there now
    while (validate(findings, n, false)) {
        (void)validate(findings, n, true);
        n++;
    }
    assert_true(!MEMORY_CAN_FAIL || n > 50);
    findings_unmap(findings, lab.folder.config);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_of_key), cmocka_unit_test(test_each_group),
        cmocka_unit_test(test_a_second_hello),   cmocka_unit_test(test_a_client_with_a_certificate),
        cmocka_unit_test(test_a_resumption),     cmocka_unit_test(test_a_signer_that_loads_keys),
        cmocka_unit_test(test_the_validator),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
