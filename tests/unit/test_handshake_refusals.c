// Handshakes that must not succeed, and what the client is told.
#include "handshake_lab.h"
#include "hello_bytes.h"

static struct lab lab;
static struct lab quantum; // requires a post-quantum group

static int set_up_all(void **state) {
    (void)state;
    lab_open(&lab);
    lab_start(&lab, LAB_SITE("a.test", "p256") LAB_ROUTE LAB_SITE("b.test", "ed")
                        LAB_ROUTE LAB_SITE("c.test", "rsa") LAB_REST);
    folder_make(&quantum.folder);
    make_certificate(&quantum.folder, "p256", "ec", "P-256");
    lab_start(&quantum, "tls { require-post-quantum = yes }\n" LAB_SITE("a.test", "p256") LAB_REST);
    return 0;
}

static int tear_down_all(void **state) {
    (void)state;
    lab_end(&quantum);
    lab_close(&lab);
    return 0;
}

// --- Hellos made by hand ---

// The server's answer to these bytes is this alert and nothing else, for this reason.
static void assert_refused_with(struct lab *of, const void *data, size_t size, size_t piece,
                                enum refusal_reason reason, const char *text) {
    struct link *link = link_open(of, NULL);
    link->piece = piece;
    queue_put(&link->to_server, data, size);
    link_run(link);
    assert_int_equal(link->result, RESULT_ERROR);
    const struct refusal *refusal = handshake_refusal(link->handshake);
    assert_int_equal(refusal->reason, reason);
    if (text != NULL) {
        assert_string_equal(refusal->text, text);
    }
    const uint8_t expected[] = {RECORD_ALERT, 3, 3, 0, 2, 2, refusal->alert};
    size_t expected_size = refusal->alert == REFUSAL_NO_ALERT ? 0 : sizeof(expected);
    assert_int_equal(queue_size(&link->to_client), expected_size);
    assert_memory_equal(link->to_client.data, expected, expected_size);
    // It stays so, and no second alert follows.
    size_t used;
    assert_int_equal(handshake_advance(link->handshake, link->to_server.data, size, &used),
                     RESULT_ERROR);
    assert_int_equal(used, 0);
    assert_int_equal(handshake_output(link->handshake).size, 0);
    assert_int_equal(link->signatures, 0);
    link_close(link);
}

static void assert_hello_refused(struct lab *of, const struct hello_parts *parts,
                                 enum refusal_reason reason, const char *text) {
    static const size_t pieces[] = {SIZE_MAX, 1, 50};
    static struct bytes bytes;
    make_hello(&bytes, parts, RECORD_PAYLOAD_MAX);
    for (size_t i = 0; i < 3; i++) {
        assert_refused_with(of, bytes.data, bytes.size, pieces[i], reason, text);
    }
}

static void test_older_versions_alone(void **state) {
    (void)state;
    static const uint16_t older[] = {0x0303, 0x0302, 0x0301, 0};
    struct hello_parts parts = usual_parts();
    parts.versions = NULL; // as TLS 1.2 did
    assert_hello_refused(&lab, &parts, REFUSAL_old_version, "no TLS 1.3 offered");
    parts.versions = older;
    assert_hello_refused(&lab, &parts, REFUSAL_old_version, "no TLS 1.3 offered");
}

static void test_older_versions_in_a_hello_over_several_records(void **state) {
    (void)state;
    static struct bytes bytes;
    struct hello_parts parts = usual_parts();
    parts.versions = NULL;
    make_hello(&bytes, &parts, 40);
    assert_refused_with(&lab, bytes.data, bytes.size, SIZE_MAX, REFUSAL_old_version, NULL);
    assert_refused_with(&lab, bytes.data, bytes.size, 1, REFUSAL_old_version, NULL);
}

static void test_no_common_group(void **state) {
    (void)state;
    static const uint16_t groups[] = {0x0019, 0x001e, 0x0100, 0}; // P-521, X448, ffdhe2048
    struct hello_parts parts = usual_parts();
    parts.groups = groups;
    assert_hello_refused(&lab, &parts, REFUSAL_no_group, "no common group");
}

static void test_no_common_suite(void **state) {
    (void)state;
    static const uint16_t suites[] = {0x1304, 0x1305, 0xc02f, 0x009c, 0};
    struct hello_parts parts = usual_parts();
    parts.suites = suites;
    assert_hello_refused(&lab, &parts, REFUSAL_no_suite, "no common cipher suite");
}

static void test_no_common_signature_algorithm(void **state) {
    (void)state;
    static const uint16_t rsa[] = {0x0804, 0x0805, 0x0806, 0};
    struct hello_parts parts = usual_parts();
    parts.signatures = rsa; // the site has ECDSA only
    assert_hello_refused(&lab, &parts, REFUSAL_no_signature, "no common signature algorithm");
    parts.name = "b.test"; // Ed25519 only
    assert_hello_refused(&lab, &parts, REFUSAL_no_signature, "no common signature algorithm");
}

// A PSK could do without a signature, but this one is nobody's.
static void test_no_common_signature_algorithm_beside_a_psk(void **state) {
    (void)state;
    static const char psk[] = "\x00\x2d\x00\x02\x01\x01"
                              "\x00\x29\x00\x2c\x00\x07\x00\x01x\0\0\0\0\x00\x21\x20"
                              "12345678901234567890123456789012";
    static const uint16_t old[] = {0x0401, 0x0501, 0x0201, 0};
    struct hello_parts parts = usual_parts();
    parts.name = "c.test";
    parts.signatures = old;
    parts.x25519 = true;
    parts.extra = psk;
    parts.extra_size = sizeof(psk) - 1;
    static const char *const names[] = {"a.test", "b.test", "c.test"};
    for (size_t i = 0; i < 3; i++) {
        parts.name = names[i];
        assert_hello_refused(&lab, &parts, REFUSAL_no_parameters, NULL);
    }
    parts.signatures = NULL;
    assert_hello_refused(&lab, &parts, REFUSAL_missing_extension, NULL);
}

static void test_post_quantum_is_required(void **state) {
    (void)state;
    struct hello_parts parts = usual_parts();
    assert_hello_refused(&quantum, &parts, REFUSAL_no_post_quantum, NULL);
    struct client client = {.groups = {WOLFSSL_ECC_X25519, 0}};
    struct link *link = link_open(&quantum, &client);
    link_run(link);
    assert_int_equal(link->result, RESULT_ERROR);
    assert_int_equal(handshake_refusal(link->handshake)->reason, REFUSAL_no_post_quantum);
    assert_int_equal(handshake_refusal(link->handshake)->alert, ALERT_HANDSHAKE_FAILURE);
    link_close(link);
    client.groups[0] = WOLFSSL_X25519MLKEM768;
    link = link_establish(&quantum, &client, SIZE_MAX);
    assert_string_equal(link->facts.group->name, "X25519MLKEM768");
    link_close(link);
    client.groups[0] = WOLFSSL_SECP256R1MLKEM768;
    link = link_establish(&quantum, &client, SIZE_MAX);
    assert_string_equal(link->facts.group->name, "SecP256r1MLKEM768");
    link_close(link);
}

static void test_a_hello_that_is_none(void **state) {
    (void)state;
    static const size_t pieces[] = {SIZE_MAX, 1};
    for (size_t i = 0; i < 2; i++) {
        assert_refused_with(&lab, "GET / HTTP/1.1\r\n", 16, pieces[i], REFUSAL_plain_http, NULL);
        assert_refused_with(&lab, "SSH-2.0", 7, pieces[i], REFUSAL_not_tls, "not a TLS handshake");
        assert_refused_with(&lab, "\x16\x02\x00\x00\x01\x01", 6, pieces[i], REFUSAL_old_version,
                            NULL);
        assert_refused_with(&lab, "\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, pieces[i],
                            REFUSAL_unexpected, NULL);
        assert_refused_with(&lab, "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03", 10, pieces[i],
                            REFUSAL_malformed, "malformed ClientHello");
        assert_refused_with(&lab, "\x15\x03\x01\x00\x02\x02\x30", 7, pieces[i],
                            REFUSAL_client_alert, "unknown_ca");
    }
}

static void test_every_truncated_hello_is_refused_or_waited_for(void **state) {
    (void)state;
    static struct bytes bytes, message, cut;
    struct hello_parts parts = usual_parts();
    make_hello(&bytes, &parts, RECORD_PAYLOAD_MAX);
    message.size = 0;
    put_hello(&message, &parts);
    for (size_t size = 0; size < message.size; size++) {
        // The bytes end here:
        struct link *link = link_open(&lab, NULL);
        queue_put(&link->to_server, bytes.data, size);
        link_run(link);
        assert_int_equal(link->result, RESULT_AGAIN);
        assert_int_equal(queue_size(&link->to_client), 0);
        link_close(link);
        // The message says it ends here:
        cut.size = 0;
        static struct bytes part;
        part.size = 0;
        put_bytes(&part, message.data, size);
        put_records(&cut, &part, RECORD_PAYLOAD_MAX);
        link = link_open(&lab, NULL);
        queue_put(&link->to_server, cut.data, cut.size);
        link_run(link);
        assert_int_equal(link->result, RESULT_ERROR);
        assert_int_equal(queue_size(&link->to_client), 7);
        link_close(link);
    }
}

// --- A real client ---

static void test_a_client_that_speaks_only_h2(void **state) {
    (void)state;
    const struct client client = {.name = "a.test", .alpn = "h2"};
    struct link *link = link_open(&lab, &client);
    link_run(link);
    assert_int_equal(link->result, RESULT_ERROR);
    assert_false(link->connected);
    assert_int_equal(link->signatures, 0);
    assert_int_equal(link->to_client.data[6], ALERT_NO_APPLICATION_PROTOCOL);
    link_close(link);
}

static void test_the_signer_refuses(void **state) {
    (void)state;
    static const uint8_t signature[SIGNATURE_SIZE_MAX + 1];
    static const size_t sizes[] = {0, SIGNATURE_SIZE_MAX + 1};
    static const char *const names[] = {"a.test", "b.test"};
    for (size_t i = 0; i < 4; i++) {
        const struct client client = {.name = names[i / 2]};
        struct link *link = link_open(&lab, &client);
        link->keeps_signatures = true;
        link_run(link);
        assert_non_null(handshake_wants_signature(link->handshake));
        handshake_give_signature(link->handshake, signature, sizes[i % 2]);
        assert_false(handshake_waits_for_signature(link->handshake));
        link_run(link);
        assert_int_equal(link->result, RESULT_ERROR);
        assert_false(link->connected);
        assert_string_not_equal(handshake_refusal(link->handshake)->text, "none");
        assert_string_not_equal(handshake_refusal(link->handshake)->text, "");
        // ServerHello has not left yet, so the client is told in the clear.
        assert_int_equal(link->to_client.end, 7);
        assert_int_equal(link->to_client.data[6], ALERT_INTERNAL_ERROR);
        assert_int_equal(handshake_refusal(link->handshake)->reason, REFUSAL_signer);
        assert_int_equal(link->client_error, FATAL_ERROR);
        link_close(link);
    }
}

static void test_a_wrong_signature_is_not_believed(void **state) {
    (void)state;
    static const char *const names[] = {"a.test", "b.test"};
    for (size_t i = 0; i < 2; i++) {
        const struct client client = {.name = names[i]};
        struct link *link = link_open(&lab, &client);
        link->keeps_signatures = true;
        link_run(link);
        struct sign_request *request = handshake_wants_signature(link->handshake);
        assert_non_null(request);
        request->data[10] ^= 1; // another transcript's
        struct sign_response response = link_sign(link, request);
        handshake_give_signature(link->handshake, response.signature, response.signature_size);
        link_run(link);
        assert_false(link->connected);
        assert_int_not_equal(link->client_error, 0);
        assert_int_not_equal(link->result, RESULT_OK);
        link_close(link);
    }
}

static void test_a_client_that_does_not_trust_the_certificate(void **state) {
    (void)state;
    const struct client client = {.name = "a.test", .trusts = "ed.pem"}; // another one's
    struct link *link = link_open(&lab, &client);
    link_client_step(link);
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    size_t size = link->to_client.end;
    link_run(link);
    assert_false(link->connected);
    assert_int_equal(link->result, RESULT_ERROR); // its alert came, and is not answered
    assert_int_equal(handshake_refusal(link->handshake)->reason, REFUSAL_client_alert);
    assert_int_equal(link->to_client.end, size);
    link_close(link);
}

// --- After our flight ---

// A link whose server waits for Finished; the client's is in the queue.
static struct link *link_before_finished(const struct client *client) {
    struct link *link = link_open(&lab, client);
    link_client_step(link);
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    link_client_step(link);
    assert_true(link->connected);
    return link;
}

// The server refuses, and the client can read the alert, which is sealed.
static void assert_tells_client(struct link *link, enum tls_alert alert) {
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    assert_int_equal(link->result, RESULT_ERROR);
    assert_int_equal(link->to_client.data[link->to_client.begin], RECORD_APPLICATION_DATA);
    char data[10];
    assert_true(wolfSSL_read(link->client, data, sizeof(data)) <= 0);
    WOLFSSL_ALERT_HISTORY alerts;
    assert_int_equal(wolfSSL_get_alert_history(link->client, &alerts), WOLFSSL_SUCCESS);
    assert_int_equal(alerts.last_rx.code, alert);
    assert_int_equal(alerts.last_rx.level, 2);
    assert_int_equal(queue_size(&link->to_client), 0);
    link_close(link);
}

static const char *const SUITE_NAMES[] = {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384",
                                          "TLS13-CHACHA20-POLY1305-SHA256"};

static void test_a_change_of_any_byte_of_finished_is_noticed(void **state) {
    (void)state;
    for (size_t suite = 0; suite < 3; suite++) {
        const struct client client = {.name = "a.test", .suites = SUITE_NAMES[suite]};
        struct link *link = link_before_finished(&client);
        const uint8_t *flight = link->to_server.data + link->to_server.begin;
        size_t first = flight[0] == RECORD_CHANGE_CIPHER_SPEC ? 6 : 0;
        size_t size = queue_size(&link->to_server);
        link_close(link);
        for (size_t i = first + RECORD_HEADER_SIZE; i < size; i += 5) {
            link = link_before_finished(&client);
            link->to_server.data[link->to_server.begin + i] ^= 0x40;
            assert_tells_client(link, ALERT_BAD_RECORD_MAC);
        }
    }
}

static void test_data_instead_of_finished(void **state) {
    (void)state;
    const struct client client = {.name = "a.test"};
    struct link *link = link_before_finished(&client);
    link->to_server.begin = link->to_server.end;
    queue_put(&link->to_server,
              "\x17\x03\x03\x00\x14"
              "abcdefghijklmnopqrst",
              25);
    assert_tells_client(link, ALERT_BAD_RECORD_MAC);
}

static void test_records_out_of_place(void **state) {
    (void)state;
    static const struct {
        const char *record;
        size_t size;
        enum tls_alert alert;
    } cases[] = {
        {"\x16\x03\x03\x00\x24", 5, ALERT_UNEXPECTED_MESSAGE},
        {"\x17\x03\x03\x41\x01", 5, ALERT_RECORD_OVERFLOW},
        {"\x14\x03\x03\x00\x01\x02", 6, ALERT_UNEXPECTED_MESSAGE},
        {"\x63\x03\x03\x00\x01\x02", 6, ALERT_UNEXPECTED_MESSAGE},
    };
    const struct client client = {.name = "a.test"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct link *link = link_before_finished(&client);
        link->to_server.begin = link->to_server.end;
        queue_put(&link->to_server, cases[i].record, cases[i].size);
        assert_tells_client(link, cases[i].alert);
    }
}

// --- HelloRetryRequest ---

static void test_change_cipher_spec_follows_the_retry_at_once(void **state) {
    (void)state;
    struct client client = {.groups = {WOLFSSL_ECC_X25519, 0}, .no_key_shares = true};
    struct link *link = link_open(&lab, &client);
    link_client_step(link);
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    const uint8_t *records = link->to_client.data;
    size_t retry = RECORD_HEADER_SIZE + ((size_t)records[3] << 8 | records[4]);
    assert_int_equal(records[0], RECORD_HANDSHAKE);
    assert_int_equal(queue_size(&link->to_client), retry + 6);
    assert_memory_equal(records + retry, "\x14\x03\x03\x00\x01\x01", 6);
    link_run(link);
    assert_int_equal(link->result, RESULT_OK);
    link_close(link);
}

static void test_a_second_hello_that_differs(void **state) {
    (void)state;
    struct client client = {.groups = {WOLFSSL_ECC_X25519, 0}, .no_key_shares = true};
    struct link *link = link_open(&lab, &client);
    link_client_step(link);
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    size_t size = link->to_client.end;
    link_client_step(link);
    uint8_t *second = link->to_server.data + link->to_server.begin;
    while (second[0] == RECORD_CHANGE_CIPHER_SPEC) {
        second += 6;
    }
    second[RECORD_HEADER_SIZE + 4 + 2] ^= 1; // its random
    while (link->result == RESULT_AGAIN && link_server_step(link)) {
    }
    assert_int_equal(link->result, RESULT_ERROR);
    assert_int_equal(handshake_refusal(link->handshake)->reason, REFUSAL_illegal);
    assert_int_equal(link->to_client.end, size + 7);
    assert_memory_equal(link->to_client.data + size, "\x15\x03\x03\x00\x02\x02\x2f", 7);
    link_close(link);
}

// --- Left half-way ---

static void test_a_handshake_can_be_dropped_at_any_byte(void **state) {
    (void)state;
    const struct client client = {.name = "a.test"};
    for (size_t stop = 0; stop < 2000; stop += 13) {
        struct link *link = link_open(&lab, &client);
        link->piece = 1;
        link_client_step(link);
        size_t taken = 0;
        bool going = true;
        while (going && taken++ < stop) {
            going = link_server_step(link);
            if (!going && link->result == RESULT_AGAIN) {
                link_client_step(link);
                going = queue_size(&link->to_server) > 0;
            }
        }
        link_close(link); // no leak, whatever was there
    }
}

static void test_freeing_nothing(void **state) {
    (void)state;
    handshake_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_older_versions_alone),
        cmocka_unit_test(test_older_versions_in_a_hello_over_several_records),
        cmocka_unit_test(test_no_common_group),
        cmocka_unit_test(test_no_common_suite),
        cmocka_unit_test(test_no_common_signature_algorithm),
        cmocka_unit_test(test_no_common_signature_algorithm_beside_a_psk),
        cmocka_unit_test(test_post_quantum_is_required),
        cmocka_unit_test(test_a_hello_that_is_none),
        cmocka_unit_test(test_every_truncated_hello_is_refused_or_waited_for),
        cmocka_unit_test(test_a_client_that_speaks_only_h2),
        cmocka_unit_test(test_the_signer_refuses),
        cmocka_unit_test(test_a_wrong_signature_is_not_believed),
        cmocka_unit_test(test_a_client_that_does_not_trust_the_certificate),
        cmocka_unit_test(test_a_change_of_any_byte_of_finished_is_noticed),
        cmocka_unit_test(test_data_instead_of_finished),
        cmocka_unit_test(test_records_out_of_place),
        cmocka_unit_test(test_change_cipher_spec_follows_the_retry_at_once),
        cmocka_unit_test(test_a_second_hello_that_differs),
        cmocka_unit_test(test_a_handshake_can_be_dropped_at_any_byte),
        cmocka_unit_test(test_freeing_nothing),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
