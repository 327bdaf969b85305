// The watching client: through a handshake with our own server in every way there is, and out of it
// when the server does wrong.
#include "watcher.h"

#include "tls/probe/probe_internal.h"

#define TWO_SITES LAB_SITE("a.test", "ec") LAB_ROUTE LAB_SITE("b.test", "rsa") LAB_REST

static struct lab lab;

static int set_up(void **state) {
    (void)state;
    assert_int_equal(tls_library_init(), RESULT_OK);
    folder_make(&lab.folder);
    make_certificate(&lab.folder, "ec", "ec", "P-256");
    make_certificate(&lab.folder, "rsa", "rsa:2048", NULL);
    make_certificate(&lab.folder, "ed", "ed25519", NULL);
    lab_start(&lab, TWO_SITES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lab_end(&lab);
    tls_library_free();
    return 0;
}

static void assert_works(struct watcher *watcher) {
    assert_int_equal(probe_send_data(watcher->client, SLICE("GET / HTTP/1.1")), RESULT_OK);
    watcher_send(watcher);
    link_assert_server_reads(watcher->link, "GET / HTTP/1.1");
    link_send(watcher->link, "HTTP/1.1 200 OK");
    watcher->data_size = 0;
    watcher_take(watcher, SIZE_MAX);
    assert_int_equal(watcher->data_size, 15);
    assert_memory_equal(watcher->data, "HTTP/1.1 200 OK", 15);
}

static void test_every_group_and_suite(void **state) {
    static const uint16_t groups[] = {GROUP_X25519, GROUP_P256, GROUP_P384,
#ifdef WOLFSSL_HAVE_MLKEM
                                      GROUP_X25519MLKEM768, GROUP_SECP256R1MLKEM768
#endif
    };
    (void)state;
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (size_t s = 0; s < 3; s++) {
            struct probe_wishes wishes = usual_wishes();
            wishes.groups = wishes.shares = (struct numbers){&groups[g], 1};
            wishes.suites = (struct numbers){&WATCHER_SUITES[s], 1};
            struct watcher watcher = watcher_connect(&lab, &wishes);
            const struct probe_facts *facts = probe_facts(watcher.client);
            assert_int_equal(facts->group, groups[g]);
            assert_int_equal(facts->suite, WATCHER_SUITES[s]);
            assert_int_equal(facts->scheme, 0x0403);
            assert_int_equal(facts->signature, VERDICT_GOOD);
            assert_false(facts->retried || facts->resumed || facts->early_data_accepted);
            assert_works(&watcher);
            watcher_close(&watcher);
        }
    }
}

static void test_a_retry(void **state) {
    (void)state;
    for (size_t shares = 0; shares < 2; shares++) { // none, or one that the server does not take
        static const uint16_t secp521r1[] = {GROUP_P521};
        static const uint16_t groups[] = {GROUP_P521, GROUP_P384};
        struct probe_wishes wishes = usual_wishes();
        wishes.groups = NUMBERS(groups);
        wishes.shares = (struct numbers){secp521r1, shares};
        struct watcher watcher = watcher_connect(&lab, &wishes);
        assert_true(probe_facts(watcher.client)->retried);
        assert_int_equal(probe_facts(watcher.client)->group, GROUP_P384);
        assert_int_equal(probe_facts(watcher.client)->signature, VERDICT_GOOD);
        assert_works(&watcher);
        watcher_close(&watcher);
    }
}

static void test_an_rsa_certificate(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    wishes.name = SLICE("b.test");
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_int_equal(probe_facts(watcher.client)->scheme, 0x0804);
    assert_int_equal(probe_facts(watcher.client)->signature, VERDICT_GOOD);
    watcher_close(&watcher);
}

static void test_bytes_one_by_one(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher_run(&watcher, 1);
    assert_int_equal(watcher.handshakes, 1);
    watcher_close(&watcher);
}

// A signature that is not the certificate's is noted; whoever asked decides what it means.
static void test_a_wrong_signature(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher.link->keeps_signatures = true;
    watcher_run(&watcher, SIZE_MAX);
    struct sign_request *request = handshake_wants_signature(watcher.link->handshake);
    assert_non_null(request);
    struct sign_response response = link_sign(watcher.link, request);
    response.signature[response.signature_size - 1] ^= 1;
    handshake_give_signature(watcher.link->handshake, response.signature, response.signature_size);
    watcher_run(&watcher, SIZE_MAX);
    assert_int_equal(watcher.handshakes, 1);
    assert_int_equal(probe_facts(watcher.client)->signature, VERDICT_BAD);
    watcher_close(&watcher);
}

// A ticket of a whole handshake.
static struct probe_ticket get_ticket(void) {
    const struct probe_ticket *tickets;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_int_equal(probe_tickets(watcher.client, &tickets), probe_ticket_count(watcher.client));
    assert_true(probe_ticket_count(watcher.client) > 0);
    assert_int_equal(watcher.tickets, probe_ticket_count(watcher.client));
    struct probe_ticket ticket = tickets[0];
    watcher_close(&watcher);
    return ticket;
}

static void test_resumption(void **state) {
    (void)state;
    struct probe_ticket ticket = get_ticket();
    assert_true(ticket.lifetime_s > 0);
    assert_false(ticket.allows_early_data);
    struct probe_wishes wishes = usual_wishes();
    wishes.ticket = &ticket;
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_true(probe_facts(watcher.client)->resumed);
    assert_int_equal(probe_facts(watcher.client)->group, GROUP_X25519);
    assert_int_equal(probe_facts(watcher.client)->certificates.size, 0);
    assert_works(&watcher);
    watcher_close(&watcher);
}

static void test_resumption_after_a_retry(void **state) {
    (void)state;
    struct probe_ticket ticket = get_ticket();
    struct probe_wishes wishes = usual_wishes();
    wishes.ticket = &ticket;
    wishes.shares.count = 0;
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_true(probe_facts(watcher.client)->retried);
    assert_true(probe_facts(watcher.client)->resumed);
    assert_works(&watcher);
    watcher_close(&watcher);
}

static void test_a_ticket_under_another_name_is_not_taken(void **state) {
    (void)state;
    struct probe_ticket ticket = get_ticket();
    struct probe_wishes wishes = usual_wishes();
    wishes.ticket = &ticket;
    wishes.name = SLICE("b.test");
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_false(probe_facts(watcher.client)->resumed);
    watcher_close(&watcher);
}

static void test_early_data_are_not_taken(void **state) {
    (void)state;
    struct probe_ticket ticket = get_ticket();
    struct probe_wishes wishes = usual_wishes();
    wishes.ticket = &ticket;
    wishes.early_data = SLICE("GET / HTTP/1.1\r\n\r\n");
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher_run(&watcher, SIZE_MAX);
    assert_false(probe_facts(watcher.client)->early_data_accepted);
    watcher_close(&watcher);
}

static void test_what_no_server_may_choose(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct probe_ticket ticket = get_ticket();
    wishes.ticket = &ticket;
    wishes.modes = PSK_KE;
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher_run(&watcher, SIZE_MAX);
    assert_false(probe_facts(watcher.client)->resumed);
    watcher_close(&watcher);
}

static void test_an_alert(void **state) {
    static const uint16_t secp521r1[] = {GROUP_P521};
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    wishes.groups = wishes.shares = NUMBERS(secp521r1);
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher_run(&watcher, SIZE_MAX);
    const struct probe_facts *facts = probe_facts(watcher.client);
    assert_int_equal(watcher.alerts, 1);
    assert_true(facts->has_alert && !facts->alert_was_protected);
    assert_int_equal(facts->alert, ALERT_HANDSHAKE_FAILURE);
    assert_string_equal(probe_failure(watcher.client), "alert handshake_failure (40)");
    watcher_close(&watcher);
}

// The size of the flight without its last record, which is a ticket.
static size_t size_without_ticket(const struct queue *queue) {
    size_t at = queue->begin;
    size_t last = at;
    while (at < queue->end) {
        last = at;
        at += RECORD_HEADER_SIZE + ((size_t)queue->data[at + 3] << 8 | queue->data[at + 4]);
    }
    return last - queue->begin;
}

// Every byte of the server's flight counts: when one is changed, there is no handshake.
static void test_changed_bytes(void **state) {
    (void)state;
    size_t end = SIZE_MAX;
    for (size_t at = 0; at < end; at += at < 160 ? 1 : 37) {
        struct probe_wishes wishes = usual_wishes();
        struct watcher watcher = watcher_open(&lab, &wishes);
        watcher_send(&watcher);
        link_run(watcher.link);
        struct queue *queue = &watcher.link->to_client;
        end = size_without_ticket(queue);
        if (at < end) {
            queue->data[queue->begin + at] ^= 0x40;
            watcher_take(&watcher, SIZE_MAX);
            // The version of a plain record is not looked at (RFC 8446 5.1).
            if (watcher.handshakes != (at == 2)) {
                fail_msg("byte %zu: %s", at, probe_failure(watcher.client));
            }
        }
        watcher_close(&watcher);
    }
}

static void test_a_wrong_finished(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct probe *client = probe_new(&wishes);
    enum probe_event event = PROBE_NOTHING;
    uint8_t finished[4 + 32] = {MESSAGE_FINISHED, 0, 0, 32};
    assert_non_null(client);
    client->state = PROBE_WAITS_FINISHED;
    assert_int_equal(key_schedule_start(&client->schedule, 0x1301, SLICE("")), RESULT_OK);
    struct slice message = {(const char *)finished, sizeof(finished)};
    assert_int_equal(probe_take_message(client, message, &event), RESULT_ERROR);
    assert_string_equal(probe_failure(client), "the server's Finished is wrong");
    assert_false(probe_is_connected(client));
    probe_free(client);
}

// What is not encrypted must not be taken for the beginning of what is (RFC 8446 5.1).
static void test_a_message_across_a_change_of_keys(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_open(&lab, &wishes);
    watcher_send(&watcher);
    link_run(watcher.link);
    struct queue *queue = &watcher.link->to_client;
    uint8_t *hello = queue->data + queue->begin;
    size_t size = RECORD_HEADER_SIZE + ((size_t)hello[3] << 8 | hello[4]);
    memmove(hello + size + 1, hello + size, queue->end - queue->begin - size);
    hello[size] = MESSAGE_ENCRYPTED_EXTENSIONS;
    hello[4]++;
    queue->end++;
    watcher_take(&watcher, SIZE_MAX);
    assert_string_equal(probe_failure(watcher.client),
                        "a handshake message goes on across a change of keys");
    watcher_close(&watcher);
}

static void test_key_updates(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_connect(&lab, &wishes);
    struct record_direction *read = &watcher.link->layer.read;
    for (size_t i = 0; i < 3; i++) {
        uint8_t update[RECORD_KEY_UPDATE_SIZE];
        uint64_t limit = read->limit;
        read->limit = i == 1 ? 0 : limit; // at its limit, it asks the client to do the same
        assert_int_equal(record_seal_key_update(&watcher.link->layer, lab.engine, update),
                         RESULT_OK);
        read->limit = limit;
        queue_put(&watcher.link->to_client, update, sizeof(update));
        assert_int_equal(watcher.link->layer.update_asked, i == 1);
        watcher_take(&watcher, SIZE_MAX);
        assert_works(&watcher);
    }
    watcher_close(&watcher);
}

static void test_close_notify(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_connect(&lab, &wishes);
    uint8_t alert[RECORD_ALERT_SIZE];
    assert_int_equal(record_seal_alert(&watcher.link->layer, lab.engine, ALERT_CLOSE_NOTIFY, alert),
                     RESULT_OK);
    queue_put(&watcher.link->to_client, alert, sizeof(alert));
    watcher_take(&watcher, SIZE_MAX);
    assert_int_equal(watcher.ends, 1);
    assert_int_equal(watcher.alerts, 0);
    watcher_close(&watcher);
}

static void test_other_messages_after_the_handshake_reach_the_server(void **state) {
    (void)state;
    struct probe_wishes wishes = usual_wishes();
    struct watcher watcher = watcher_connect(&lab, &wishes);
    assert_int_equal(probe_send_message(watcher.client, SLICE("\x01\x00\x00\x00")), RESULT_OK);
    watcher_send(&watcher);
    struct queue *queue = &watcher.link->to_server;
    enum record_event event;
    uint8_t *payload;
    size_t size;
    assert_int_equal(
        record_measure(&watcher.link->layer, queue->data + queue->begin, queue_size(queue), &size),
        RESULT_OK);
    assert_int_equal(record_open(&watcher.link->layer, lab.engine, queue->data + queue->begin, size,
                                 &event, &payload, &size),
                     RESULT_ERROR);
    assert_int_equal(watcher.link->layer.alert, ALERT_UNEXPECTED_MESSAGE);
    watcher_close(&watcher);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_group_and_suite),
        cmocka_unit_test(test_a_retry),
        cmocka_unit_test(test_an_rsa_certificate),
        cmocka_unit_test(test_bytes_one_by_one),
        cmocka_unit_test(test_a_wrong_signature),
        cmocka_unit_test(test_early_data_are_not_taken),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_resumption_after_a_retry),
        cmocka_unit_test(test_a_ticket_under_another_name_is_not_taken),
        cmocka_unit_test(test_what_no_server_may_choose),
        cmocka_unit_test(test_an_alert),
        cmocka_unit_test(test_changed_bytes),
        cmocka_unit_test(test_a_wrong_finished),
        cmocka_unit_test(test_a_message_across_a_change_of_keys),
        cmocka_unit_test(test_key_updates),
        cmocka_unit_test(test_close_notify),
        cmocka_unit_test(test_other_messages_after_the_handshake_reach_the_server),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
