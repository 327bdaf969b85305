// Handshakes that succeed. Resumption is tested in test_handshake_resumption.c, refusals in
// test_handshake_refusals.c.
#include "handshake_lab.h"
#include "hello_bytes.h"

#include <malloc.h>

static struct lab lab;

static int set_up_all(void **state) {
    (void)state;
    lab_open(&lab);
    lab_start(&lab, LAB_SITE("p256.test", "p256") LAB_ROUTE LAB_SITE("p384.test", "p384")
                        LAB_ROUTE LAB_SITE("ed.test", "ed") LAB_ROUTE LAB_SITE("rsa.test", "rsa")
                            LAB_REST);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    lab_close(&lab);
    return 0;
}

static const struct client USUAL = {.name = "p256.test", .trusts = "p256.pem"};
static const size_t PIECES[] = {SIZE_MAX, 1, 7, 300};
enum { PIECES_COUNT = sizeof(PIECES) / sizeof(PIECES[0]) };

// --- What can be negotiated ---

static void test_each_kind_of_key(void **state) {
    (void)state;
    static const char *const kinds[] = {"p256", "p384", "ed", "rsa"};
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < PIECES_COUNT; k++) {
            char name[32], certificate[32];
            (void)snprintf(name, sizeof(name), "%s.test", kinds[i]);
            (void)snprintf(certificate, sizeof(certificate), "%s.pem", kinds[i]);
            const struct client client = {.name = name, .trusts = certificate};
            struct link *link = link_establish(&lab, &client, PIECES[k]);
            assert_int_equal(link->signatures, 1);
            assert_int_equal(link->facts.site_index, i);
            assert_string_equal(link->facts.name, name);
            assert_int_equal(link->facts.name_size, strlen(name));
            assert_false(link->facts.resumed);
            link_assert_works(link);
            link_close(link);
        }
    }
}

static void test_each_group(void **state) {
    (void)state;
    static const struct {
        int group;
        const char *name;
    } groups[] = {
        {WOLFSSL_X25519MLKEM768, "X25519MLKEM768"},
        {WOLFSSL_SECP256R1MLKEM768, "SecP256r1MLKEM768"},
        {WOLFSSL_ECC_X25519, "X25519"},
        {WOLFSSL_ECC_SECP256R1, "P-256"},
        {WOLFSSL_ECC_SECP384R1, "P-384"},
    };
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < PIECES_COUNT; k++) {
            struct client client = USUAL;
            client.groups[0] = groups[i].group;
            struct link *link = link_establish(&lab, &client, PIECES[k]);
            assert_string_equal(link->facts.group->name, groups[i].name);
            link_assert_works(link);
            link_close(link);
        }
    }
}

static void test_each_suite(void **state) {
    (void)state;
    static const char *const suites[][2] = {
        {"TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
        {"TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384"},
        {"TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256"},
    };
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < PIECES_COUNT; k++) {
            struct client client = USUAL;
            client.suites = suites[i][0];
            struct link *link = link_establish(&lab, &client, PIECES[k]);
            assert_string_equal(link->facts.suite->name, suites[i][1]);
            link_assert_works(link);
            link_close(link);
        }
    }
}

static void test_every_combination(void **state) {
    (void)state;
    static const char *const kinds[] = {"p256", "p384", "ed", "rsa"};
    static const int groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_SECP256R1MLKEM768,
                                 WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    static const char *const suites[] = {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384",
                                         "TLS13-CHACHA20-POLY1305-SHA256"};
    for (size_t i = 0; i < (size_t)4 * 5 * 3; i++) {
        char name[32], certificate[32];
        (void)snprintf(name, sizeof(name), "%s.test", kinds[i % 4]);
        (void)snprintf(certificate, sizeof(certificate), "%s.pem", kinds[i % 4]);
        const struct client client = {.name = name,
                                      .trusts = certificate,
                                      .suites = suites[i / 4 % 3],
                                      .groups = {groups[i / 12], 0}};
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        link_assert_works(link);
        link_close(link);
    }
}

static void test_post_quantum_goes_first(void **state) {
    (void)state;
    struct client client = USUAL;
    client.groups[0] = WOLFSSL_ECC_X25519; // the client's first, and a share for it
    client.groups[1] = WOLFSSL_ECC_SECP256R1;
    client.groups[2] = WOLFSSL_X25519MLKEM768;
    struct link *link = link_open(&lab, &client);
    assert_int_equal(wolfSSL_UseKeyShare(link->client, WOLFSSL_X25519MLKEM768), WOLFSSL_SUCCESS);
    link_run(link);
    assert_int_equal(link->result, RESULT_OK);
    link_finish(link);
    assert_string_equal(link->facts.group->name, "X25519MLKEM768");
    link_assert_works(link);
    link_close(link);
}

static void test_a_group_that_is_not_ours_is_not_taken(void **state) {
    (void)state;
    struct client client = USUAL;
    client.groups[0] = WOLFSSL_ECC_SECP521R1; // its first, and the only one it has a share for
    client.groups[1] = WOLFSSL_ECC_SECP384R1;
    struct link *link = link_establish(&lab, &client, SIZE_MAX);
    assert_string_equal(link->facts.group->name, "P-384");
    link_close(link);
}

static void test_of_the_suites_ours_is_taken_first(void **state) {
    (void)state;
    struct client client = USUAL;
    client.suites =
        "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES256-GCM-SHA384:TLS13-AES128-GCM-SHA256";
    struct link *link = link_establish(&lab, &client, SIZE_MAX);
    assert_string_equal(link->facts.suite->name, "TLS_AES_128_GCM_SHA256");
    link_close(link);
}

static void test_a_client_without_a_fitting_share_is_asked_for_one(void **state) {
    (void)state;
    for (size_t k = 0; k < PIECES_COUNT; k++) {
        struct client client = USUAL;
        client.groups[0] = WOLFSSL_ECC_SECP384R1;
        client.no_key_shares = true; // HelloRetryRequest, RFC 8446 4.1.4
        struct link *link = link_establish(&lab, &client, PIECES[k]);
        assert_string_equal(link->facts.group->name, "P-384");
        link_assert_works(link);
        link_close(link);
    }
}

// --- The server name ---

static void assert_name_chooses(const char *name, const char *certificate, size_t site,
                                const char *expected_name) {
    const struct client client = {.name = name, .trusts = certificate};
    struct link *link = link_establish(&lab, &client, SIZE_MAX);
    assert_int_equal(link->facts.site_index, site);
    assert_string_equal(link->facts.name, expected_name);
    link_close(link);
}

static void test_the_name_chooses_the_certificate(void **state) {
    (void)state;
    assert_name_chooses("p384.test", "p384.pem", 1, "p384.test");
    assert_name_chooses("ED.Test", "ed.pem", 2, "ed.test"); // in lower case
    assert_name_chooses("unknown.test", "p256.pem", 0, "unknown.test");
    assert_name_chooses(NULL, "p256.pem", 0, "");
}

static void test_the_name_is_known_as_soon_as_the_hello_is(void **state) {
    (void)state;
    const struct client client = {.name = "RSA.test"};
    struct link *link = link_open(&lab, &client);
    link->keeps_signatures = true;
    assert_int_equal(handshake_server_name(link->handshake).size, 0);
    assert_int_equal(handshake_refusal(link->handshake)->reason, REFUSAL_NONE);
    link_run(link);
    assert_true(slice_equal(handshake_server_name(link->handshake), SLICE("rsa.test")));
    link_close(link);
}

// --- How the hello arrives ---

// The client's hello in records of at most `fragment` bytes.
static void refragment(struct link *link, size_t fragment) {
    static struct queue whole;
    whole = link->to_server;
    link->to_server.begin = link->to_server.end = 0;
    size_t size = (size_t)whole.data[3] << 8 | whole.data[4];
    assert_int_equal(whole.end, size + RECORD_HEADER_SIZE);
    for (size_t at = 0; at < size; at += fragment) {
        size_t part = size - at < fragment ? size - at : fragment;
        const uint8_t header[] = {RECORD_HANDSHAKE, 3, 1, (uint8_t)(part >> 8), (uint8_t)part};
        queue_put(&link->to_server, header, sizeof(header));
        queue_put(&link->to_server, whole.data + RECORD_HEADER_SIZE + at, part);
    }
}

static void test_a_hello_over_several_records(void **state) {
    (void)state;
    static const size_t fragments[] = {1000, 100, 50, 4, 3, 2, 1};
    for (size_t i = 0; i < sizeof(fragments) / sizeof(fragments[0]); i++) {
        for (size_t k = 0; k < PIECES_COUNT; k++) {
            const struct client client = {.name = "p384.test", .trusts = "p384.pem"};
            struct link *link = link_open(&lab, &client);
            link->piece = PIECES[k];
            link_client_step(link);
            refragment(link, fragments[i]);
            link_run(link);
            assert_int_equal(link->result, RESULT_OK);
            assert_true(link->connected);
            link_finish(link);
            assert_int_equal(link->facts.site_index, 1);
            link_assert_works(link);
            link_close(link);
        }
    }
}

// --- Signatures ---

static void test_a_late_signature(void **state) {
    (void)state;
    static const char *const names[] = {"p256.test", "p384.test", "ed.test", "rsa.test"};
    for (size_t i = 0; i < 4; i++) {
        const struct client client = {.name = names[i]};
        struct link *link = link_open(&lab, &client);
        link->keeps_signatures = true;
        link_run(link);
        assert_int_equal(link->result, RESULT_AGAIN);
        assert_true(handshake_waits_for_signature(link->handshake));
        struct sign_request *request = handshake_wants_signature(link->handshake);
        assert_non_null(request);
        assert_null(handshake_wants_signature(link->handshake)); // once
        struct sign_response response = link_sign(link, request);
        // Meanwhile the worker does other things; what comes is not taken.
        size_t size = link->to_client.end;
        for (int k = 0; k < 3; k++) {
            size_t used = 99;
            assert_int_equal(handshake_advance(link->handshake, (uint8_t *)"rubbish", 7, &used),
                             RESULT_AGAIN);
            assert_int_equal(used, 0);
            assert_true(handshake_waits_for_signature(link->handshake));
            assert_null(handshake_wants_signature(link->handshake));
        }
        link_take_output(link);
        assert_int_equal(link->to_client.end, size);
        handshake_give_signature(link->handshake, response.signature, response.signature_size);
        assert_false(handshake_waits_for_signature(link->handshake));
        link_run(link);
        assert_int_equal(link->result, RESULT_OK);
        assert_true(link->connected);
        link_finish(link);
        link_assert_works(link);
        link_close(link);
    }
}

// What the library frees is kept here, filled with a pattern, to see that nobody writes to it.
enum { KEPT_MAX = 20000, PATTERN = 0xa5 };
static struct {
    uint8_t *block;
    size_t size;
} kept[KEPT_MAX];
static size_t kept_count;

static void keep(void *block) {
    if (block != NULL) {
        assert_true(kept_count < KEPT_MAX);
        size_t size = malloc_usable_size(block);
        memset(block, PATTERN, size);
        kept[kept_count].block = block;
        kept[kept_count++].size = size;
    }
}

static void *move(void *block, size_t size) {
    void *moved = malloc(size);
    size_t old_size = block == NULL ? 0 : malloc_usable_size(block);
    assert_non_null(moved);
    memcpy(moved, block == NULL ? moved : block, old_size < size ? old_size : size);
    keep(block);
    return moved;
}

static void assert_kept_untouched(void) {
    for (; kept_count > 0; kept_count--) {
        uint8_t *block = kept[kept_count - 1].block;
        for (size_t i = 0; i < kept[kept_count - 1].size; i++) {
            assert_int_equal(block[i], PATTERN);
        }
        free(block);
    }
}

// A client may leave while its handshake waits; others wait beside it, before and behind.
static void test_handshakes_that_end_while_they_wait_leave_nothing_behind(void **state) {
    (void)state;
    static const char *const names[] = {"p256.test", "p384.test", "ed.test", "rsa.test"};
    for (size_t i = 0; i < 4; i++) {
        const struct client client = {.name = names[i]};
        struct link *links[4];
        assert_int_equal(wolfSSL_SetAllocators(malloc, keep, move), 0);
        for (size_t k = 0; k < 4; k++) {
            links[k] = link_open(&lab, &client);
            links[k]->keeps_signatures = true;
            link_run(links[k]);
            assert_true(handshake_waits_for_signature(links[k]->handshake));
            if (k == 2) { // before the last begins
                link_close(links[0]);
            }
        }
        link_close(links[2]);
        const struct sign_request *request = handshake_wants_signature(links[3]->handshake);
        struct sign_response response = link_sign(links[3], request);
        handshake_give_signature(links[3]->handshake, response.signature, response.signature_size);
        link_run(links[3]);
        link_finish(links[3]);
        link_assert_works(links[3]);
        link_close(links[3]);
        handshake_give_signature(links[1]->handshake, NULL, 0); // refused, and not told any more
        link_close(links[1]);
        assert_int_equal(wolfSSL_SetAllocators(NULL, NULL, NULL), 0);
        assert_kept_untouched();
    }
}

static void test_the_request_names_key_scheme_and_hash(void **state) {
    (void)state;
    static const struct {
        const char *name, *key;
        uint8_t scheme;
        size_t data_size; // 0: any
    } cases[] = {{"p256.test", "p256.key", SIGN_ECDSA, 32},
                 {"p384.test", "p384.key", SIGN_ECDSA, 48},
                 {"ed.test", "ed.key", SIGN_ED25519, 0},
                 {"rsa.test", "rsa.key", SIGN_RSA_PSS, 0}};
    for (size_t i = 0; i < 4; i++) {
        const struct client client = {.name = cases[i].name};
        struct link *link = link_open(&lab, &client);
        link->keeps_signatures = true;
        link_run(link);
        const struct sign_request *request = handshake_wants_signature(link->handshake);
        uint8_t id[KEY_ID_SIZE];
        signature_key_id(1, in_folder(&lab.folder, cases[i].key), id);
        assert_non_null(request);
        assert_memory_equal(request->key_id, id, KEY_ID_SIZE);
        assert_int_equal(request->scheme, cases[i].scheme);
        if (cases[i].data_size > 0) {
            assert_int_equal(request->data_size, cases[i].data_size);
        } else if (cases[i].scheme == SIGN_ED25519) {
            // RFC 8446 4.4.3: 64 blanks and what it is for, so that it is good for nothing else.
            char blanks[64];
            memset(blanks, ' ', sizeof(blanks));
            assert_memory_equal(request->data, blanks, sizeof(blanks));
            assert_memory_equal(request->data + 64, "TLS 1.3, server CertificateVerify", 34);
        } else {
            static const size_t sizes[] = {0, 32, 48, 64};
            assert_in_range(request->hash, SIGN_HASH_SHA256, SIGN_HASH_SHA512);
            assert_int_equal(request->data_size, sizes[request->hash]);
        }
        link_close(link);
    }
}

static void test_rsa_signs_with_the_hash_the_client_asks_for(void **state) {
    (void)state;
    static const uint16_t schemes[] = {0x0804, 0x0805, 0x0806};
    static const size_t sizes[] = {32, 48, 64};
    for (size_t i = 0; i < 3; i++) {
        static struct bytes bytes;
        const uint16_t list[] = {schemes[i], 0};
        struct hello_parts parts = usual_parts();
        parts.name = "rsa.test";
        parts.signatures = list;
        parts.x25519 = true;
        make_hello(&bytes, &parts, RECORD_PAYLOAD_MAX);
        struct link *link = link_open(&lab, NULL);
        link->keeps_signatures = true;
        queue_put(&link->to_server, bytes.data, bytes.size);
        link_run(link);
        const struct sign_request *request = handshake_wants_signature(link->handshake);
        assert_non_null(request);
        assert_int_equal(request->hash, SIGN_HASH_SHA256 + i);
        assert_int_equal(request->data_size, sizes[i]);
        link_close(link);
    }
}

// --- The hand-over ---

static void test_data_that_come_with_finished_are_left(void **state) {
    (void)state;
    for (size_t k = 0; k < PIECES_COUNT; k++) {
        struct link *link = link_open(&lab, &USUAL);
        link->piece = PIECES[k];
        link_client_step(link);
        while (link->result == RESULT_AGAIN && link_server_step(link)) {
        }
        link_client_step(link);
        assert_true(link->connected);
        // The client's Finished is under way, and its first requests with it.
        link_client_sends(link, "one");
        link_client_sends(link, "two");
        size_t all = queue_size(&link->to_server);
        link_run(link);
        assert_int_equal(link->result, RESULT_OK);
        assert_in_range(queue_size(&link->to_server), 2 * (3 + RECORD_OVERHEAD), all - 1);
        // Called again, because its output was not taken at once: it stays complete.
        size_t used = 99;
        assert_int_equal(handshake_advance(link->handshake,
                                           link->to_server.data + link->to_server.begin,
                                           queue_size(&link->to_server), &used),
                         RESULT_OK);
        assert_int_equal(used, 0);
        link_finish(link);
        link_assert_server_reads(link, "one");
        link_assert_server_reads(link, "two");
        link_assert_works(link);
        link_close(link);
    }
}

static void test_keys_can_be_updated_afterwards(void **state) {
    (void)state;
    static const char *const suites[] = {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384",
                                         "TLS13-CHACHA20-POLY1305-SHA256"};
    for (size_t i = 0; i < 3; i++) {
        struct client client = USUAL;
        uint8_t record[RECORD_KEY_UPDATE_SIZE];
        client.suites = suites[i];
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        for (int round = 0; round < 5; round++) {
            assert_int_equal(wolfSSL_update_keys(link->client), WOLFSSL_SUCCESS);
            link_client_sends(link, "under the next key");
            link_assert_server_reads(link, "under the next key");
            assert_true(record_wants_key_update(&link->layer)); // it asked for ours
            assert_int_equal(record_seal_key_update(&link->layer, lab.engine, record), RESULT_OK);
            queue_put(&link->to_client, record, sizeof(record));
            link_assert_works(link);
        }
        link_close(link);
    }
}

static void test_ends_in_both_directions(void **state) {
    (void)state;
    struct link *link = link_establish(&lab, &USUAL, SIZE_MAX);
    uint8_t alert[RECORD_ALERT_SIZE];
    char data[10];
    link_assert_works(link);
    assert_int_equal(record_seal_alert(&link->layer, lab.engine, ALERT_CLOSE_NOTIFY, alert),
                     RESULT_OK);
    queue_put(&link->to_client, alert, sizeof(alert));
    assert_int_equal(wolfSSL_read(link->client, data, sizeof(data)), 0);
    assert_int_equal(wolfSSL_get_error(link->client, 0), WOLFSSL_ERROR_ZERO_RETURN);
    (void)wolfSSL_shutdown(link->client);
    enum record_event event;
    uint8_t *payload;
    size_t size;
    struct queue *queue = &link->to_server;
    assert_int_equal(record_open(&link->layer, lab.engine, queue->data + queue->begin,
                                 queue_size(queue), &event, &payload, &size),
                     RESULT_OK);
    assert_int_equal(event, RECORD_EVENT_CLOSED);
    link_close(link);
}

// --- A server that is not ours ---

// What a server's callbacks get that knows nothing of handshakes.
struct stranger {
    uint8_t zeros[1 << 16];
    struct link *link;
};

static int stranger_receive(WOLFSSL *ssl, char *buffer, int size, void *context) {
    return client_receive(ssl, buffer, size, &((struct stranger *)context)->link->to_server);
}

static int stranger_send(WOLFSSL *ssl, char *buffer, int size, void *context) {
    return client_send(ssl, buffer, size, &((struct stranger *)context)->link->to_client);
}

static void stranger_load(WOLFSSL_CTX *context) {
    uint8_t pem[8192];
    size_t size = read_file(&lab.folder, "p256.pem", pem, sizeof(pem));
    assert_int_equal(wolfSSL_CTX_use_certificate_chain_buffer(context, pem, (long)size),
                     WOLFSSL_SUCCESS);
    size = read_file(&lab.folder, "p256.key", pem, sizeof(pem));
    assert_int_equal(
        wolfSSL_CTX_use_PrivateKey_buffer(context, pem, (long)size, WOLFSSL_FILETYPE_PEM),
        WOLFSSL_SUCCESS);
    wolfSSL_CTX_SetIORecv(context, stranger_receive);
    wolfSSL_CTX_SetIOSend(context, stranger_send);
}

// tls/handshake/transcript.c steps in for our handshakes alone.
static void test_other_servers_keep_their_transcript(void **state) {
    (void)state;
    static struct stranger stranger;
    stranger.link = link_open(&lab, &USUAL);
    WOLFSSL_CTX *context = wolfSSL_CTX_new(wolfTLSv1_3_server_method());
    assert_non_null(context);
    stranger_load(context);
    WOLFSSL *server = wolfSSL_new(context);
    assert_non_null(server);
    wolfSSL_SetIOReadCtx(server, &stranger);
    wolfSSL_SetIOWriteCtx(server, &stranger);
    bool accepted = false;
    for (int turn = 0; turn < 4 && !accepted; turn++) {
        link_client_step(stranger.link);
        accepted = wolfSSL_accept(server) == WOLFSSL_SUCCESS;
    }
    assert_true(accepted);
    link_client_step(stranger.link);
    assert_true(stranger.link->connected);
    wolfSSL_free(server);
    wolfSSL_CTX_free(context);
    link_close(stranger.link);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_kind_of_key),
        cmocka_unit_test(test_each_group),
        cmocka_unit_test(test_each_suite),
        cmocka_unit_test(test_every_combination),
        cmocka_unit_test(test_post_quantum_goes_first),
        cmocka_unit_test(test_a_group_that_is_not_ours_is_not_taken),
        cmocka_unit_test(test_of_the_suites_ours_is_taken_first),
        cmocka_unit_test(test_a_client_without_a_fitting_share_is_asked_for_one),
        cmocka_unit_test(test_the_name_chooses_the_certificate),
        cmocka_unit_test(test_the_name_is_known_as_soon_as_the_hello_is),
        cmocka_unit_test(test_a_hello_over_several_records),
        cmocka_unit_test(test_a_late_signature),
        cmocka_unit_test(test_handshakes_that_end_while_they_wait_leave_nothing_behind),
        cmocka_unit_test(test_the_request_names_key_scheme_and_hash),
        cmocka_unit_test(test_rsa_signs_with_the_hash_the_client_asks_for),
        cmocka_unit_test(test_data_that_come_with_finished_are_left),
        cmocka_unit_test(test_keys_can_be_updated_afterwards),
        cmocka_unit_test(test_ends_in_both_directions),
        cmocka_unit_test(test_other_servers_keep_their_transcript),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
