#include "process/signer_process.h"

#include "folder.h"
#include "process/ipc.h"
#include "process/sandbox.h"
#include "process/signer.h"
#include "tls/handshake/ticket.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn_public.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/ed25519.h>

enum { PATIENCE_MS = 60000 };

static const char CONFIG[] = "listen 127.0.0.1:8443 {}\n"
                             "site a.test {\n"
                             "  certificate a.pem { key = ecc.key }\n"
                             "  certificate b.pem { key = ed.key }\n"
                             "  route / { backend = b }\n"
                             "}\n"
                             "backend b { server 127.0.0.1:9000 {} }\n";

// A folder with two fresh keys, and a signer process.
struct fixture {
    struct folder folder; // with its bundles
    WC_RNG rng;
    ecc_key ecc;
    ed25519_key ed;
    pid_t pid;
    int control;
    int data; // -1: none yet
};

static const char *ecc_path(const struct fixture *fixture) {
    return in_folder(&fixture->folder, "ecc.key");
}

static void write_key(const struct fixture *fixture, const char *name, const char *label,
                      const uint8_t *der, int size) {
    uint8_t encoded[1024];
    char pem[1500];
    word32 encoded_size = sizeof(encoded);
    assert_true(size > 0);
    assert_int_equal(Base64_Encode(der, (word32)size, encoded, &encoded_size), 0);
    (void)snprintf(pem, sizeof(pem), "-----BEGIN %s-----\n%.*s-----END %s-----\n", label,
                   (int)encoded_size, encoded, label);
    write_file(&fixture->folder, name, pem, strlen(pem));
}

static void make_keys(struct fixture *fixture) {
    uint8_t der[512];
    assert_int_equal(wc_InitRng(&fixture->rng), 0);
    assert_int_equal(wc_ecc_init(&fixture->ecc), 0);
    assert_int_equal(wc_ecc_make_key(&fixture->rng, 32, &fixture->ecc), 0);
    write_key(fixture, "ecc.key", "EC PRIVATE KEY", der,
              wc_EccKeyToDer(&fixture->ecc, der, sizeof(der)));
    assert_int_equal(wc_ed25519_init(&fixture->ed), 0);
    assert_int_equal(wc_ed25519_make_key(&fixture->rng, ED25519_KEY_SIZE, &fixture->ed), 0);
    write_key(fixture, "ed.key", "PRIVATE KEY", der,
              wc_Ed25519PrivateKeyToDer(&fixture->ed, der, sizeof(der)));
}

static void start_signer(struct fixture *fixture) {
    int fds[2];
    assert_int_equal(ipc_pair(fds), RESULT_OK);
    struct signer_start start = {.control = fds[1]};
    fixture->pid = fork();
    assert_true(fixture->pid >= 0);
    if (fixture->pid == 0) {
        (void)close(fds[0]);
        void *signer = signer_prepare(&start);
        bool ready = signer != NULL && sandbox_enter(SANDBOX_DESCRIPTORS) == RESULT_OK;
        _exit(ready ? signer_run(signer) : 99);
    }
    (void)close(fds[1]);
    fixture->control = fds[0];
    fixture->data = -1;
}

static int set_up(void **state) {
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    *state = &fixture;
    folder_make(&fixture.folder);
    assert_int_equal(wolfSSL_Init(), WOLFSSL_SUCCESS);
    make_keys(&fixture);
    write_file(&fixture.folder, "a.pem", "a certificate", 13);
    write_file(&fixture.folder, "b.pem", "another", 7);
    folder_load(&fixture.folder, CONFIG);
    start_signer(&fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    if (fixture->pid > 0) {
        (void)kill(fixture->pid, SIGKILL);
        (void)waitpid(fixture->pid, NULL, 0);
    }
    (void)close(fixture->control);
    if (fixture->data >= 0) {
        (void)close(fixture->data);
    }
    folder_free(&fixture->folder);
    wc_ecc_free(&fixture->ecc);
    wc_ed25519_free(&fixture->ed);
    wc_FreeRng(&fixture->rng);
    wolfSSL_Cleanup();
    return 0;
}

// --- Talking to the signer ---

static void wait_readable(int fd) {
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
}

static void send_load(const struct fixture *fixture, uint64_t generation, int fd) {
    struct ipc_message message;
    ipc_init(&message, IPC_LOAD, generation);
    message.fds[IPC_FD_BUNDLE] = fd;
    assert_int_equal(ipc_send(fixture->control, &message), RESULT_OK);
}

static struct ipc_message receive_answer(const struct fixture *fixture) {
    struct ipc_message answer;
    wait_readable(fixture->control);
    assert_int_equal(ipc_receive(fixture->control, &answer), RESULT_OK);
    return answer;
}

static void load(const struct fixture *fixture, uint64_t generation) {
    send_load(fixture, generation, fixture->folder.pair.keys.fd);
    struct ipc_message answer = receive_answer(fixture);
    assert_int_equal(answer.type, IPC_READY);
    assert_true(answer.generation == generation);
}

static void connect_data(struct fixture *fixture) {
    int fds[2];
    struct ipc_message message;
    assert_int_equal(ipc_pair(fds), RESULT_OK);
    ipc_init(&message, IPC_DATA, 0);
    message.fds[IPC_FD_DATA] = fds[1];
    assert_int_equal(ipc_send(fixture->control, &message), RESULT_OK);
    (void)close(fds[1]);
    if (fixture->data >= 0) {
        (void)close(fixture->data);
    }
    fixture->data = fds[0];
}

static struct sign_request make_request(uint64_t generation, const char *path, uint8_t scheme) {
    struct sign_request request = {.number = 77, .scheme = scheme, .data_size = 32};
    signature_key_id(generation, path, request.key_id);
    memset(request.data, 0x5a, request.data_size);
    return request;
}

static struct sign_response ask(const struct fixture *fixture, const struct sign_request *request) {
    struct sign_response response;
    assert_int_equal(send(fixture->data, request, sizeof(*request), 0), sizeof(*request));
    wait_readable(fixture->data);
    assert_int_equal(recv(fixture->data, &response, sizeof(response), 0), sizeof(response));
    assert_true(response.number == request->number);
    return response;
}

static struct sign_response ask_ecdsa(const struct fixture *fixture, uint64_t generation) {
    struct sign_request request = make_request(generation, ecc_path(fixture), SIGN_ECDSA);
    return ask(fixture, &request);
}

static bool verify_ecdsa(struct fixture *fixture, const struct sign_response *response) {
    uint8_t hash[32];
    int verified = 0;
    memset(hash, 0x5a, sizeof(hash));
    return response->signature_size > 0 &&
           wc_ecc_verify_hash(response->signature, response->signature_size, hash, sizeof(hash),
                              &verified, &fixture->ecc) == 0 &&
           verified == 1;
}

// --- Tests ---

static void test_signatures_verify(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    struct sign_response response = ask_ecdsa(fixture, 1);
    assert_true(verify_ecdsa(fixture, &response));
    struct sign_request request =
        make_request(1, in_folder(&fixture->folder, "ed.key"), SIGN_ED25519);
    request.number = UINT64_MAX;
    response = ask(fixture, &request);
    int verified = 0;
    assert_int_equal(wc_ed25519_verify_msg(response.signature, response.signature_size,
                                           request.data, request.data_size, &verified,
                                           &fixture->ed),
                     0);
    assert_int_equal(verified, 1);
}

static void test_what_makes_no_sense_gets_no_signature(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    const struct sign_request good = make_request(1, ecc_path(fixture), SIGN_ECDSA);
    struct sign_request bad[] = {good, good, good, good, good};
    bad[0].key_id[0] ^= 1; // another generation
    bad[1].key_id[31] ^= 1;
    bad[2].scheme = SIGN_ED25519; // not this key's
    bad[3].scheme = 0;
    bad[4].data_size = SIGN_DATA_MAX + 1;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ask(fixture, &bad[i]).signature_size, 0);
    }
    struct sign_response response = ask_ecdsa(fixture, 1);
    assert_true(verify_ecdsa(fixture, &response));
}

// Receives one datagram of answers; how many.
static size_t receive_responses(const struct fixture *fixture,
                                struct sign_response responses[SIGN_BATCH_MAX]) {
    wait_readable(fixture->data);
    ssize_t size = recv(fixture->data, responses, SIGN_BATCH_MAX * sizeof(responses[0]), MSG_TRUNC);
    assert_true(size > 0);
    size_t count = (size_t)size / sizeof(responses[0]);
    assert_int_equal(count * sizeof(responses[0]), size);
    assert_in_range(count, 1, SIGN_BATCH_MAX);
    return count;
}

// Each of a datagram gets its own answer, in order; one that makes no sense spoils no other.
static void test_requests_in_one_datagram(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    struct sign_request requests[SIGN_BATCH_MAX];
    for (size_t i = 0; i < SIGN_BATCH_MAX; i++) {
        requests[i] = make_request(1, ecc_path(fixture), SIGN_ECDSA);
        requests[i].number = i;
    }
    requests[3].key_id[0] ^= 1;
    assert_int_equal(send(fixture->data, requests, sizeof(requests), 0), sizeof(requests));
    for (size_t answered = 0; answered < SIGN_BATCH_MAX;) {
        struct sign_response responses[SIGN_BATCH_MAX];
        size_t count = receive_responses(fixture, responses);
        for (size_t i = 0; i < count; i++, answered++) {
            assert_true(responses[i].number == answered);
            assert_int_equal(verify_ecdsa(fixture, &responses[i]), answered != 3);
        }
    }
}

static void test_requests_of_another_size_are_dropped(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    struct sign_request many[SIGN_BATCH_MAX + 1] = {make_request(1, ecc_path(fixture), SIGN_ECDSA)};
    const size_t sizes[] = {
        1, 8, sizeof(many[0]) - 1, sizeof(many[0]) + 1, 2 * sizeof(many[0]) - 1, sizeof(many)};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_int_equal(send(fixture->data, many, sizes[i], 0), sizes[i]);
    }
    // The first answer is that of the first request of the right size.
    struct sign_request request = make_request(1, ecc_path(fixture), SIGN_ECDSA);
    request.number = 78;
    struct sign_response response = ask(fixture, &request);
    assert_true(verify_ecdsa(fixture, &response));
    struct pollfd more = {.fd = fixture->data, .events = POLLIN};
    assert_int_equal(poll(&more, 1, 0), 0);
}

static void test_handshakes_begun_before_a_reload_can_end(void **state) {
    struct fixture *fixture = *state;
    connect_data(fixture);
    for (uint64_t generation = 1; generation <= 4; generation++) {
        load(fixture, generation);
    }
    for (uint64_t generation = 2; generation <= 4; generation++) {
        struct sign_response response = ask_ecdsa(fixture, generation);
        assert_true(verify_ecdsa(fixture, &response));
    }
    assert_int_equal(ask_ecdsa(fixture, 1).signature_size, 0);
}

static void test_generations_that_were_taken_back_push_out_none(void **state) {
    struct fixture *fixture = *state;
    connect_data(fixture);
    load(fixture, 1);
    for (uint64_t generation = 2; generation <= 9; generation++) {
        load(fixture, generation);
        assert_int_equal(ipc_send_type(fixture->control, IPC_ABORT, generation), RESULT_OK);
        assert_int_equal(ipc_send_type(fixture->control, IPC_ABORT, 1000), RESULT_OK);
    }
    struct sign_response response = ask_ecdsa(fixture, 1);
    assert_true(verify_ecdsa(fixture, &response));
    assert_int_equal(ask_ecdsa(fixture, 9).signature_size, 0);
}

static void test_what_is_no_bundle_of_keys_fails(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    int unsealed = open("/dev/null", O_RDONLY | O_CLOEXEC);
    send_load(fixture, 2, unsealed);
    struct ipc_message answer = receive_answer(fixture);
    assert_int_equal(answer.type, IPC_FAILED);
    assert_true(answer.generation == 2);
    assert_true(answer.text[0] != '\0');
    // Certificates and text are no keys.
    send_load(fixture, 3, fixture->folder.pair.files.fd);
    assert_int_equal(receive_answer(fixture).type, IPC_FAILED);
    (void)close(unsealed);
    connect_data(fixture);
    struct sign_response response = ask_ecdsa(fixture, 1);
    assert_true(verify_ecdsa(fixture, &response));
}

static void test_it_outlives_its_worker(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    for (int i = 0; i < 3; i++) {
        connect_data(fixture); // closes the former
        struct sign_response response = ask_ecdsa(fixture, 1);
        assert_true(verify_ecdsa(fixture, &response));
    }
}

// It takes no more requests while nobody takes its answers, but still listens to the master; and
// then goes on where it was, in the middle of a datagram too.
static void test_a_worker_that_reads_nothing(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    struct sign_request requests[3];
    struct pollfd room = {.fd = fixture->data, .events = POLLOUT};
    uint64_t sent = 0;
    while (sent < 300000 && poll(&room, 1, 200) == 1) {
        for (size_t i = 0; i < 3; i++) {
            requests[i] = make_request(1, ecc_path(fixture), SIGN_ECDSA);
            requests[i].number = sent++;
        }
        assert_int_equal(send(fixture->data, requests, sizeof(requests), 0), sizeof(requests));
    }
    assert_true(sent < 300000);
    load(fixture, 2);
    for (uint64_t received = 0; received < sent;) {
        struct sign_response responses[SIGN_BATCH_MAX];
        size_t count = receive_responses(fixture, responses);
        for (size_t i = 0; i < count; i++) {
            assert_true(responses[i].number == received++);
            assert_true(responses[i].signature_size > 0);
        }
    }
}

static void assert_ends(struct fixture *fixture, int status) {
    int found = 0;
    assert_int_equal(waitpid(fixture->pid, &found, 0), fixture->pid);
    fixture->pid = 0;
    assert_true(WIFEXITED(found));
    assert_int_equal(WEXITSTATUS(found), status);
}

static void test_it_ends_with_its_master(void **state) {
    struct fixture *fixture = *state;
    load(fixture, 1);
    connect_data(fixture);
    assert_int_equal(shutdown(fixture->control, SHUT_RDWR), 0);
    assert_ends(fixture, 0);
}

static void test_it_ends_on_nonsense(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(send(fixture->control, "nonsense", 8, 0), 8);
    assert_ends(fixture, 1);
}

static void test_it_ends_on_an_order_that_is_not_for_it(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(ipc_send_type(fixture->control, IPC_DRAIN, 1), RESULT_OK);
    assert_ends(fixture, 1);
}

int main(void) {
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_signatures_verify),
        TEST(test_what_makes_no_sense_gets_no_signature),
        TEST(test_requests_in_one_datagram),
        TEST(test_requests_of_another_size_are_dropped),
        TEST(test_handshakes_begun_before_a_reload_can_end),
        TEST(test_generations_that_were_taken_back_push_out_none),
        TEST(test_what_is_no_bundle_of_keys_fails),
        TEST(test_it_outlives_its_worker),
        TEST(test_a_worker_that_reads_nothing),
        TEST(test_it_ends_with_its_master),
        TEST(test_it_ends_on_nonsense),
        TEST(test_it_ends_on_an_order_that_is_not_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
