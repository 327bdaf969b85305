// Resumption with session tickets (RFC 8446 2.2, 4.6.1): when it happens, and when a full handshake
// does instead.
#include "handshake_lab.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static struct lab lab;
static time_t later_s; // how much later it is than the clock says

// Stand in for those of the C library, from which the age of tickets is taken. The client's wolfSSL
// takes it from a third, time(): for it nothing is ever too old.
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock == CLOCK_REALTIME ? later_s : 0;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    (void)zone;
    struct timespec clock;
    int result = clock_gettime(CLOCK_REALTIME, &clock);
    *now = (struct timeval){clock.tv_sec, clock.tv_nsec / 1000};
    return result;
}

#define SITES LAB_SITE("a.test", "p256") LAB_ROUTE LAB_SITE("b.test", "ed") LAB_REST

static int set_up_all(void **state) {
    (void)state;
    return tls_library_init() == RESULT_OK ? 0 : -1;
}

static int tear_down_all(void **state) {
    (void)state;
    tls_library_free();
    return 0;
}

static void start(const char *config_text) {
    folder_make(&lab.folder);
    make_certificate(&lab.folder, "p256", "ec", "P-256");
    make_certificate(&lab.folder, "ed", "ed25519", NULL);
    lab_start(&lab, config_text);
}

static int set_up(void **state) {
    (void)state;
    start(SITES);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    later_s = 0;
    lab_end(&lab);
    return 0;
}

static const struct client CLIENT = {.name = "a.test", .trusts = "p256.pem"};

// What the client has after a connection, its ticket in it.
static WOLFSSL_SESSION *take_session(struct link *link) {
    link_send(link, "x");
    link_assert_client_reads(link, "x"); // the ticket came before
    WOLFSSL_SESSION *session = wolfSSL_get1_session(link->client);
    assert_non_null(session);
    return session;
}

static WOLFSSL_SESSION *visit(const struct client *client) {
    struct link *link = link_establish(&lab, client, SIZE_MAX);
    assert_false(link->facts.resumed);
    WOLFSSL_SESSION *session = take_session(link);
    link_close(link);
    return session;
}

// Connects with a session, byte by byte and at once, and expects a resumption or not.
static void assert_connects(struct client client, WOLFSSL_SESSION *session, bool resumed) {
    static const size_t pieces[] = {1, SIZE_MAX};
    client.session = session;
    for (size_t i = 0; i < 2; i++) {
        struct link *link = link_establish(&lab, &client, pieces[i]);
        assert_int_equal(link->facts.resumed, resumed);
        assert_int_equal(wolfSSL_session_reused(link->client), resumed);
        assert_int_equal(link->signatures, resumed ? 0 : 1);
        link_assert_works(link);
        link_close(link);
    }
}

// --- Resumption ---

static void test_a_ticket_resumes(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    assert_connects(CLIENT, session, true);
    wolfSSL_SESSION_free(session);
}

static void test_each_suite_resumes(void **state) {
    (void)state;
    static const char *const suites[] = {"TLS13-AES128-GCM-SHA256", "TLS13-AES256-GCM-SHA384",
                                         "TLS13-CHACHA20-POLY1305-SHA256"};
    for (size_t i = 0; i < 3; i++) {
        struct client client = CLIENT;
        client.suites = suites[i];
        WOLFSSL_SESSION *session = visit(&client);
        assert_connects(client, session, true);
        wolfSSL_SESSION_free(session);
    }
}

static void test_a_resumption_has_a_key_exchange_of_its_own(void **state) {
    (void)state;
    static const int groups[] = {WOLFSSL_X25519MLKEM768, WOLFSSL_SECP256R1MLKEM768,
                                 WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
    static const char *const names[] = {"X25519MLKEM768", "SecP256r1MLKEM768", "X25519", "P-256",
                                        "P-384"};
    for (size_t i = 0; i < 5; i++) {
        struct client client = CLIENT;
        client.groups[0] = groups[i];
        WOLFSSL_SESSION *session = visit(&client);
        client.session = session;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        assert_true(link->facts.resumed);
        assert_string_equal(link->facts.group->name, names[i]);
        link_close(link);
        wolfSSL_SESSION_free(session);
    }
}

static void test_a_resumed_connection_gets_a_ticket_too(void **state) {
    (void)state;
    struct client client = CLIENT;
    WOLFSSL_SESSION *session = visit(&client);
    for (int i = 0; i < 3; i++) {
        client.session = session;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        assert_true(link->facts.resumed);
        WOLFSSL_SESSION *next = take_session(link);
        link_close(link);
        wolfSSL_SESSION_free(session);
        session = next;
    }
    wolfSSL_SESSION_free(session);
}

static void test_the_next_generation_resumes_too(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    tls_contexts_free(lab.contexts);
    lab_contexts(&lab, 2); // as after a reload, with the same ticket keys
    assert_connects(CLIENT, session, true);
    wolfSSL_SESSION_free(session);
}

// --- Ticket keys ---

static void test_across_one_rotation_a_ticket_resumes(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    assert_true(ticket_store_rotate(lab.tickets));
    assert_connects(CLIENT, session, true);
    wolfSSL_SESSION_free(session);
}

static void test_after_two_rotations_the_handshake_is_full(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    assert_true(ticket_store_rotate(lab.tickets));
    assert_true(ticket_store_rotate(lab.tickets));
    assert_connects(CLIENT, session, false);
    wolfSSL_SESSION_free(session);
}

static void test_who_comes_back_in_time_stays_resumable(void **state) {
    (void)state;
    struct client client = CLIENT;
    WOLFSSL_SESSION *session = visit(&client);
    for (int i = 0; i < 5; i++) {
        assert_true(ticket_store_rotate(lab.tickets));
        client.session = session;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        assert_true(link->facts.resumed); // each time with a ticket of the key before
        WOLFSSL_SESSION *next = take_session(link);
        link_close(link);
        wolfSSL_SESSION_free(session);
        session = next;
    }
    wolfSSL_SESSION_free(session);
}

static void read_ticket(const struct client *client, uint8_t *ticket, word32 *size) {
    struct link *link = link_establish(&lab, client, SIZE_MAX);
    WOLFSSL_SESSION *session = take_session(link);
    assert_int_equal(wolfSSL_get_SessionTicket(link->client, ticket, size), WOLFSSL_SUCCESS);
    assert_in_range(*size, TICKET_NAME_SIZE + TICKET_IV_SIZE + TICKET_MAC_SIZE + 1, 4096);
    wolfSSL_SESSION_free(session);
    link_close(link);
}

static void test_every_ticket_has_a_nonce_of_its_own(void **state) {
    (void)state;
    enum { TICKETS = 20 };
    uint8_t nonces[TICKETS][12];
    uint8_t name[TICKET_NAME_SIZE];
    for (size_t i = 0; i < TICKETS; i++) {
        uint8_t ticket[4096];
        word32 size = sizeof(ticket);
        read_ticket(&CLIENT, ticket, &size);
        if (i > 0) {
            assert_memory_equal(ticket, name, sizeof(name)); // one key
        }
        memcpy(name, ticket, sizeof(name));
        memcpy(nonces[i], ticket + TICKET_NAME_SIZE, sizeof(nonces[i]));
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(nonces[i], nonces[k], sizeof(nonces[i]));
        }
    }
}

// --- Chains ---

// Each time with the ticket of the time before. Ends with the session of the last visit.
static void assert_chain(struct client client, WOLFSSL_SESSION **session, int visits,
                         bool resumed) {
    for (int i = 0; i < visits; i++) {
        client.session = *session;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        assert_int_equal(link->facts.resumed, resumed);
        client.session = take_session(link);
        link_close(link);
        wolfSSL_SESSION_free(*session);
        *session = client.session;
    }
}

// wolfSSL counts resumptions in a byte, and fails when it is full.
static void test_after_many_resumptions_a_full_handshake_begins_anew(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    for (int i = 0; i < 2; i++) {
        assert_chain(CLIENT, &session, TICKET_CHAIN_MAX, true);
        assert_chain(CLIENT, &session, 1, false);
    }
    wolfSSL_SESSION_free(session);
}

static void test_who_comes_back_again_and_again_is_verified_once_a_day(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    for (later_s = 3000; later_s < TICKET_CHAIN_SECONDS - 100; later_s += 3000) {
        assert_chain(CLIENT, &session, 1, true);
    }
    later_s = TICKET_CHAIN_SECONDS + 1;
    assert_chain(CLIENT, &session, 1, false);
    assert_chain(CLIENT, &session, 1, true);
    wolfSSL_SESSION_free(session);
}

// --- What does not resume ---

static void test_another_sites_ticket_does_not_resume(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    struct client other = {.name = "b.test", .trusts = "ed.pem"};
    assert_connects(other, session, false);
    assert_connects(CLIENT, session, true); // it was not used up
    wolfSSL_SESSION_free(session);
}

static void test_another_servers_ticket_does_not_resume(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    tls_contexts_free(lab.contexts);
    ticket_store_free(lab.tickets);
    lab.tickets = ticket_store_new();
    assert_non_null(lab.tickets);
    lab_contexts(&lab, 2);
    assert_connects(CLIENT, session, false);
    wolfSSL_SESSION_free(session);
}

static void test_a_resumption_without_a_key_exchange_is_not_granted(void **state) {
    (void)state;
    struct client client = CLIENT;
    client.session = visit(&client);
    client.no_dhe = true; // psk_ke only: no forward secrecy
    struct link *link = link_open(&lab, &client);
    link_run(link);
    if (link->result == RESULT_OK) {
        link_finish(link);
        assert_false(link->facts.resumed);
        assert_int_equal(link->signatures, 1);
    } else {
        assert_int_equal(link->result, RESULT_ERROR);
        assert_false(link->connected);
    }
    link_close(link);
    wolfSSL_SESSION_free(client.session);
}

static void test_a_damaged_ticket_does_not_resume(void **state) {
    (void)state;
    struct client client = CLIENT;
    client.session = visit(&client);
    // The hello carries the ticket as it is; its middle is changed on the way.
    uint8_t ticket[4096];
    word32 size = sizeof(ticket);
    struct link *link = link_open(&lab, &client);
    assert_int_equal(wolfSSL_get_SessionTicket(link->client, ticket, &size), WOLFSSL_SUCCESS);
    assert_true(size > 0);
    link_client_step(link);
    uint8_t *at = memmem(link->to_server.data, link->to_server.end, ticket, size);
    assert_non_null(at);
    at[size / 2] ^= 1;
    link_run(link);
    // Whatever comes of it: the transcript is not the client's any more. But it is not resumed.
    assert_false(link->connected);
    assert_int_equal(link->signatures, 1);
    link_close(link);
    wolfSSL_SESSION_free(client.session);
}

static void test_a_ticket_grows_too_old(void **state) {
    (void)state;
    lab_end(&lab);
    memset(&lab, 0, sizeof(lab));
    start("tls { ticket-lifetime = 10m }\n" SITES);
    WOLFSSL_SESSION *session = visit(&CLIENT);
    later_s = 540;
    assert_connects(CLIENT, session, true);
    later_s = 601;
    assert_connects(CLIENT, session, false);
    wolfSSL_SESSION_free(session);
}

// A client adds a random number to the age, modulo 2^32 (RFC 8446 4.2.11.1). Of ages of almost a
// day every fiftieth sum wraps around: with so many tickets some are sure to.
static void test_old_tickets_resume_whatever_their_age_add(void **state) {
    (void)state;
    enum { TICKETS = 400 };
    lab_end(&lab);
    memset(&lab, 0, sizeof(lab));
    start("tls { ticket-lifetime = 24h }\n" SITES);
    for (int i = 0; i < TICKETS; i++) {
        struct client client = CLIENT;
        later_s = 0;
        client.session = visit(&CLIENT);
        later_s = 86000;
        struct link *link = link_establish(&lab, &client, SIZE_MAX);
        assert_true(link->facts.resumed);
        link_close(link);
        wolfSSL_SESSION_free(client.session);
    }
}

// As a reload does: other contexts, the same ticket keys.
static void reload(const char *config_text) {
    tls_contexts_free(lab.contexts);
    bundle_close_pair(&lab.folder.pair);
    config_free(lab.folder.config);
    lab.folder.config = NULL;
    folder_load(&lab.folder, config_text);
    lab_contexts(&lab, 2);
}

static void test_a_lower_lifetime_counts_for_tickets_that_are_out(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    reload("tls { ticket-lifetime = 10m }\n" SITES);
    later_s = 540;
    assert_connects(CLIENT, session, true);
    later_s = 601;
    assert_connects(CLIENT, session, false);
    wolfSSL_SESSION_free(session);
}

static void test_without_tickets_none_from_before_resumes(void **state) {
    (void)state;
    WOLFSSL_SESSION *session = visit(&CLIENT);
    reload("tls { ticket-lifetime = 0 }\n" SITES);
    assert_connects(CLIENT, session, false);
    wolfSSL_SESSION_free(session);
}

// What was agreed on without it is not built upon, although each resumption has an exchange of its
// own.
static void test_require_post_quantum_begins_with_full_handshakes(void **state) {
    (void)state;
    struct client client = CLIENT;
    client.groups[0] = WOLFSSL_X25519MLKEM768;
    WOLFSSL_SESSION *session = visit(&client);
    reload("tls { require-post-quantum = yes }\n" SITES);
    assert_connects(client, session, false);
    wolfSSL_SESSION_free(session);
    session = visit(&client);
    assert_connects(client, session, true);
    wolfSSL_SESSION_free(session);
}

static void test_another_protocol_does_not_resume(void **state) {
    (void)state;
    struct client client = CLIENT;
    client.alpn = "http/1.1";
    WOLFSSL_SESSION *session = visit(&client);
    assert_connects(client, session, true);
    client.alpn = "http/1.0";
    assert_connects(client, session, false);
    client.alpn = "http/1.1,h2";
    assert_connects(client, session, true);
    client.http2 = true; // then it is h2
    assert_connects(client, session, false);
    client.alpn = NULL;
    assert_connects(client, session, false);
    wolfSSL_SESSION_free(session);
}

// --- No tickets ---

static void test_a_lifetime_of_0_gives_no_tickets(void **state) {
    (void)state;
    lab_end(&lab);
    memset(&lab, 0, sizeof(lab));
    start("tls { ticket-lifetime = 0 }\n" SITES);
    uint8_t ticket[4096];
    word32 size = sizeof(ticket);
    struct link *link = link_establish(&lab, &CLIENT, SIZE_MAX);
    WOLFSSL_SESSION *session = take_session(link);
    assert_int_equal(wolfSSL_get_SessionTicket(link->client, ticket, &size), WOLFSSL_SUCCESS);
    assert_int_equal(size, 0);
    assert_true(link->layer.write.sequence == 1); // nothing but the data was sent with these keys
    link_close(link);
    wolfSSL_SESSION_free(session);
}

#define LAB_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        LAB_TEST(test_a_ticket_resumes),
        LAB_TEST(test_each_suite_resumes),
        LAB_TEST(test_a_resumption_has_a_key_exchange_of_its_own),
        LAB_TEST(test_a_resumed_connection_gets_a_ticket_too),
        LAB_TEST(test_the_next_generation_resumes_too),
        LAB_TEST(test_across_one_rotation_a_ticket_resumes),
        LAB_TEST(test_after_two_rotations_the_handshake_is_full),
        LAB_TEST(test_who_comes_back_in_time_stays_resumable),
        LAB_TEST(test_every_ticket_has_a_nonce_of_its_own),
        LAB_TEST(test_after_many_resumptions_a_full_handshake_begins_anew),
        LAB_TEST(test_who_comes_back_again_and_again_is_verified_once_a_day),
        LAB_TEST(test_another_sites_ticket_does_not_resume),
        LAB_TEST(test_another_servers_ticket_does_not_resume),
        LAB_TEST(test_a_resumption_without_a_key_exchange_is_not_granted),
        LAB_TEST(test_a_damaged_ticket_does_not_resume),
        LAB_TEST(test_a_ticket_grows_too_old),
        LAB_TEST(test_old_tickets_resume_whatever_their_age_add),
        LAB_TEST(test_a_lower_lifetime_counts_for_tickets_that_are_out),
        LAB_TEST(test_without_tickets_none_from_before_resumes),
        LAB_TEST(test_require_post_quantum_begins_with_full_handshakes),
        LAB_TEST(test_another_protocol_does_not_resume),
        LAB_TEST(test_a_lifetime_of_0_gives_no_tickets),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
