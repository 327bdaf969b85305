// Checks of the doctor before a server of our own code that does what no real server does. The
// others are tested with real and scripted servers in tests/integration/test_doctor.py.
#include "watcher.h"

#include "base/clock.h"
#include "doctor/checks.h"

#include <pthread.h>
#include <sys/socket.h>

#define CONFIG LAB_SITE("a.test", "ec") LAB_REST

static struct lab lab;

// A server in a thread: one connection after the other, until the listener is shut down.
struct server {
    pthread_t thread;
    int listener;
    uint16_t port;
    bool signs_wrongly;
    bool ignores_hellos; // goes on after a ClientHello inside the connection
};

static bool send_output(struct link *link, int peer) {
    struct queue *queue = &link->to_client;
    size_t size = queue_size(queue);
    ssize_t sent = send(peer, queue->data + queue->begin, size, MSG_NOSIGNAL);
    queue->begin += sent > 0 ? (size_t)sent : 0;
    return sent == (ssize_t)size;
}

static void sign(struct link *link, bool wrongly) {
    struct sign_request *request = handshake_wants_signature(link->handshake);
    if (request != NULL) {
        struct sign_response response = link_sign(link, request);
        response.signature[response.signature_size - 1] ^= wrongly ? 1 : 0;
        handshake_give_signature(link->handshake, response.signature, response.signature_size);
        link_run(link);
    }
}

// Answers data with a response and the end; a message that should not come with an alert, or not at
// all.
static bool take_records(struct link *link, bool ignores_hellos) {
    static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    struct queue *queue = &link->to_server;
    uint8_t alert[RECORD_ALERT_SIZE];
    enum record_event event;
    uint8_t *payload;
    size_t size;
    while (record_measure(&link->layer, queue->data + queue->begin, queue_size(queue), &size) ==
               RESULT_OK &&
           size > 0 && size <= queue_size(queue)) {
        uint8_t *record = queue->data + queue->begin;
        queue->begin += size;
        if (record_open(&link->layer, link->lab->engine, record, size, &event, &payload, &size) !=
            RESULT_OK) {
            if (ignores_hellos) {
                return true;
            }
            event = RECORD_EVENT_ALERT;
        }
        if (event == RECORD_EVENT_NONE) {
            continue;
        }
        if (event == RECORD_EVENT_DATA) {
            link_send(link, response);
        }
        if (record_seal_alert(&link->layer, link->lab->engine,
                              event == RECORD_EVENT_DATA ? ALERT_CLOSE_NOTIFY : link->layer.alert,
                              alert) == RESULT_OK) {
            queue_put(&link->to_client, alert, sizeof(alert));
        }
        return false;
    }
    return true;
}

static void serve(const struct server *server, int peer) {
    struct link *link = link_open(&lab, NULL);
    uint8_t bytes[4096];
    ssize_t size;
    bool goes_on = true;
    link->keeps_signatures = true;
    while (goes_on && (size = recv(peer, bytes, sizeof(bytes), 0)) > 0) {
        queue_put(&link->to_server, bytes, (size_t)size);
        if (link->handshake != NULL) {
            link_run(link);
            sign(link, server->signs_wrongly);
            goes_on = link->result != RESULT_ERROR;
            if (link->result == RESULT_OK) {
                link_finish(link);
            }
        }
        if (link->handshake == NULL) {
            goes_on = take_records(link, server->ignores_hellos);
        }
        goes_on = send_output(link, peer) && goes_on;
    }
    link_close(link);
    (void)close(peer);
}

static void *run_server(void *context) {
    const struct server *server = context;
    int peer;
    while ((peer = accept(server->listener, NULL, NULL)) >= 0) {
        serve(server, peer);
    }
    return NULL;
}

static void start_server(struct server *server) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listener >= 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, run_server, server), 0);
}

static void stop_server(struct server *server) {
    assert_int_equal(shutdown(server->listener, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    (void)close(server->listener);
}

// --- The audit of it ---

static struct audit *begin_audit(const struct server *server) {
    char error[CONNECTION_ERROR_SIZE];
    char text[32];
    struct audit *audit = calloc(1, sizeof(*audit));
    assert_non_null(audit);
    (void)snprintf(text, sizeof(text), "127.0.0.1:%u", server->port);
    assert_null(target_parse(text, &audit->target));
    (void)snprintf(audit->target.name, sizeof(audit->target.name), "a.test");
    (void)snprintf(audit->target.authority, sizeof(audit->target.authority), "a.test");
    assert_int_equal(target_resolve(&audit->target, error), RESULT_OK);
    audit->timeout_us = 1000000;
    audit->deadline_us = clock_monotonic_us() + 60000000;
    assert_int_equal(audit_begin(audit, error), RESULT_OK);
    return audit;
}

static struct finding run_check(struct audit *audit, const char *id) {
    struct finding finding = {.outcome = OUTCOME_SKIP};
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        if (strcmp(CHECKS[i].id, id) == 0) {
            check_run(&CHECKS[i], audit, &finding);
            return finding;
        }
    }
    fail_msg("no check %s", id);
    return finding;
}

static void test_a_server_that_does_right(void **state) {
    struct server server = {0};
    (void)state;
    start_server(&server);
    struct audit *audit = begin_audit(&server);
    static const char *const ids[] = {"tls1.3", "tls1.2", "renegotiation", "close-notify"};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct finding finding = run_check(audit, ids[i]);
        if (finding.outcome != OUTCOME_PASS) {
            fail_msg("%s: %s", ids[i], finding.came);
        }
    }
    assert_int_equal(audit->http_status, 200);
    audit_end(audit);
    free(audit);
    stop_server(&server);
}

static void test_a_server_without_the_key(void **state) {
    struct server server = {.signs_wrongly = true};
    (void)state;
    start_server(&server);
    struct audit *audit = begin_audit(&server);
    struct finding finding = run_check(audit, "tls1.3");
    assert_int_equal(finding.outcome, OUTCOME_FAIL);
    assert_string_equal(finding.came, "the server could not prove that it holds the key of its "
                                      "certificate: its ecdsa_secp256r1_sha256 signature is wrong");
    audit_end(audit);
    free(audit);
    stop_server(&server);
}

static void test_a_server_that_ignores_a_hello_inside(void **state) {
    struct server server = {.ignores_hellos = true};
    (void)state;
    start_server(&server);
    struct audit *audit = begin_audit(&server);
    struct finding finding = run_check(audit, "renegotiation");
    assert_int_equal(finding.outcome, OUTCOME_FAIL);
    assert_string_equal(finding.came, "not refused: no answer in time");
    audit_end(audit);
    free(audit);
    stop_server(&server);
}

// --- What checks are ---

static void test_checks_are_whole(void **state) {
    (void)state;
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        const struct check *check = &CHECKS[i];
        assert_true(check->title[0] >= 'A' && check->title[0] <= 'Z');
        assert_true(check->tried[0] != '\0' && check->why[0] != '\0');
        assert_int_not_equal(check->tried[strlen(check->tried) - 1], '.');
        assert_int_not_equal(check->why[strlen(check->why) - 1], '.');
        assert_non_null(check->function);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(check->id, CHECKS[k].id);
        }
    }
}

static void test_outcomes_of_answers(void **state) {
    static const struct {
        enum answer_kind kind;
        enum outcome outcome;
    } cases[] = {
        {ANSWER_NONE, OUTCOME_WARN},    {ANSWER_CLOSED, OUTCOME_PASS}, {ANSWER_RESET, OUTCOME_PASS},
        {ANSWER_LOST, OUTCOME_FAIL},    {ANSWER_ALERT, OUTCOME_PASS},  {ANSWER_HELLO, OUTCOME_FAIL},
        {ANSWER_RETRY, OUTCOME_FAIL},   {ANSWER_SSL2, OUTCOME_FAIL},   {ANSWER_HTTP, OUTCOME_PASS},
        {ANSWER_STRANGE, OUTCOME_PASS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct answer answer = {.kind = cases[i].kind};
        struct finding finding;
        finding_refused(&finding, &answer);
        assert_int_equal(finding.outcome, cases[i].outcome);
    }
}

static int set_up(void **state) {
    (void)state;
    assert_int_equal(tls_library_init(), RESULT_OK);
    folder_make(&lab.folder);
    make_certificate(&lab.folder, "ec", "ec", "P-256");
    lab_start(&lab, CONFIG);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    lab_end(&lab);
    tls_library_free();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_server_that_does_right),
        cmocka_unit_test(test_a_server_without_the_key),
        cmocka_unit_test(test_a_server_that_ignores_a_hello_inside),
        cmocka_unit_test(test_checks_are_whole),
        cmocka_unit_test(test_outcomes_of_answers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
