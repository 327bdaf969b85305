// The link to the signer. The signer is the test itself, at the other end of the socket, and so are
// the owners of the requests.
#include "loop.h"
#include "observe/metrics.h"
#include "session/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS = 1000 };

// What a session was told.
struct told {
    struct signing_owner owner;
    unsigned times;
    size_t size;
    uint8_t signature[SIGNATURE_SIZE_MAX];
};

struct fixture {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct signing signing;
    int signer;                                // the other end; -1: none
    struct sign_request batch[SIGN_BATCH_MAX]; // the last datagram it received
    size_t batch_count;
    size_t batch_next;
    struct sign_request requests[SESSIONS];
    uint64_t numbers[SESSIONS];
    struct told told[SESSIONS];
};

static struct fixture fixture;

static void on_answer(struct signing_owner *owner, const uint8_t *signature, size_t size) {
    struct told *told = LIST_ENTRY(owner, struct told, owner);
    told->times++;
    told->size = size;
    memcpy(told->signature, signature, size);
}

static void attach_signer(struct fixture *f) {
    int pair[2];
    if (f->signer >= 0) {
        (void)close(f->signer);
    }
    f->batch_count = f->batch_next = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    f->signer = pair[1];
    signing_attach(&f->signing, pair[0]);
}

static void forget_answers(struct fixture *f) {
    memset(f->told, 0, sizeof(f->told));
    for (size_t i = 0; i < SESSIONS; i++) {
        f->told[i].owner.answered = on_answer;
    }
}

static int set_up(void **state) {
    struct fixture *f = &fixture;
    memset(f, 0, sizeof(*f));
    f->loop = ev_loop_new(EVFLAG_AUTO);
    f->metrics = metrics_map(1);
    assert_true(f->loop != NULL && f->metrics != NULL);
    f->signer = -1;
    forget_answers(f);
    signing_init(&f->signing, f->loop, f->metrics);
    attach_signer(f);
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    signing_free(&f->signing);
    if (f->signer >= 0) {
        (void)close(f->signer);
    }
    metrics_unmap(f->metrics, 1);
    ev_loop_destroy(f->loop);
    return 0;
}

static void ask(struct fixture *f, size_t session) {
    struct sign_request *request = &f->requests[session];
    memset(request, 0, sizeof(*request));
    memcpy(request->data, &session, sizeof(session));
    request->data_size = sizeof(session);
    f->numbers[session] = signing_ask(&f->signing, &f->told[session].owner, request);
    assert_true(f->numbers[session] != 0);
    assert_int_equal(f->told[session].times, 0); // never from in there
}

static void ask_first(struct fixture *f, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ask(f, i);
    }
}

// Receives a datagram for the signer; false when there is none now.
static bool take_batch(struct fixture *f) {
    ssize_t size = recv(f->signer, f->batch, sizeof(f->batch), MSG_DONTWAIT | MSG_TRUNC);
    if (size < 0) {
        assert_int_equal(errno, EAGAIN);
        return false;
    }
    assert_int_equal((size_t)size % sizeof(f->batch[0]), 0);
    f->batch_next = 0;
    f->batch_count = (size_t)size / sizeof(f->batch[0]);
    assert_in_range(f->batch_count, 1, SIGN_BATCH_MAX);
    return true;
}

// The next request the signer has; false when there is none now.
static bool take(struct fixture *f, struct sign_request *request) {
    if (f->batch_next == f->batch_count && !take_batch(f)) {
        return false;
    }
    *request = f->batch[f->batch_next++];
    return true;
}

static size_t session_of(const struct sign_request *request) {
    size_t session;
    memcpy(&session, request->data, sizeof(session));
    assert_in_range(session, 0, SESSIONS - 1);
    return session;
}

static struct sign_response make_response(uint64_t number, size_t session) {
    struct sign_response response = {.number = number, .signature_size = sizeof(session)};
    memcpy(response.signature, &session, sizeof(session));
    return response;
}

static void send_response(struct fixture *f, const void *response, size_t size) {
    assert_int_equal(send(f->signer, response, size, MSG_NOSIGNAL), size);
}

static void answer(struct fixture *f, const struct sign_request *request) {
    struct sign_response response = make_response(request->number, session_of(request));
    send_response(f, &response, sizeof(response));
}

static void assert_told(const struct fixture *f, size_t session) {
    assert_int_equal(f->told[session].times, 1);
    assert_int_equal(f->told[session].size, sizeof(session));
    assert_memory_equal(f->told[session].signature, &session, sizeof(session));
}

static size_t count_told(const struct fixture *f) {
    size_t sum = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        sum += f->told[i].times;
    }
    return sum;
}

// The next request, waited for: the loop may have to send it first.
static struct sign_request next_request(struct fixture *f) {
    struct sign_request request = {0};
    bool taken = false;
    RUN_UNTIL(f->loop, taken || (taken = take(f, &request)));
    return request;
}

// --- Asking and answering ---

static void test_a_request_goes_to_the_signer_and_its_answer_to_the_session(void **state) {
    struct fixture *f = *state;
    ask(f, 7);
    assert_true(f->requests[7].number == f->numbers[7]);
    assert_int_equal(metrics_sum(f->metrics, 1, METRIC_signatures), 1);
    struct sign_request request = {0};
    assert_true(take(f, &request));
    assert_memory_equal(&request, &f->requests[7], sizeof(request));
    assert_false(take(f, &request)); // once
    answer(f, &request);
    RUN_UNTIL(f->loop, f->told[7].times > 0);
    assert_told(f, 7);
    assert_int_equal(count_told(f), 1);
}

static void test_a_refusal_is_told_as_size_0(void **state) {
    struct fixture *f = *state;
    ask(f, 0);
    struct sign_response response = {.number = f->numbers[0]};
    f->told[0].size = 99;
    send_response(f, &response, sizeof(response));
    RUN_UNTIL(f->loop, f->told[0].times > 0);
    assert_int_equal(f->told[0].size, 0);
}

static void test_the_largest_signature_arrives_whole(void **state) {
    struct fixture *f = *state;
    ask(f, 0);
    struct sign_response response = {.number = f->numbers[0], .signature_size = SIGNATURE_SIZE_MAX};
    for (size_t i = 0; i < SIGNATURE_SIZE_MAX; i++) {
        response.signature[i] = (uint8_t)(i * 5 + 1);
    }
    send_response(f, &response, sizeof(response));
    RUN_UNTIL(f->loop, f->told[0].times > 0);
    assert_int_equal(f->told[0].size, SIGNATURE_SIZE_MAX);
    assert_memory_equal(f->told[0].signature, response.signature, SIGNATURE_SIZE_MAX);
}

// Each of many is answered in an order that has nothing to do with that of asking.
static void ask_and_answer_all(struct fixture *f) {
    static struct sign_request requests[SESSIONS];
    forget_answers(f);
    ask_first(f, SESSIONS);
    for (size_t i = 0; i < SESSIONS; i++) {
        requests[i] = next_request(f);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        size_t index = i * 617 % SESSIONS; // 617 is prime to 1,000
        answer(f, &requests[index]);
        RUN_UNTIL(f->loop, f->told[session_of(&requests[index])].times > 0);
        assert_int_equal(count_told(f), i + 1);
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        assert_told(f, i);
    }
    assert_int_equal(f->signing.unsent, 0);
}

static void test_many_are_answered_out_of_order(void **state) {
    struct fixture *f = *state;
    ask_and_answer_all(f);
    uint32_t places = f->signing.place_count;
    assert_in_range(places, SESSIONS, 2 * SESSIONS);
    ask_and_answer_all(f); // the places are used again
    assert_int_equal(f->signing.place_count, places);
}

// --- Several in one datagram ---

static void test_an_idle_signer_is_asked_at_once_and_a_busy_one_in_batches(void **state) {
    struct fixture *f = *state;
    ask(f, 0);
    assert_true(take_batch(f)); // without a turn of the loop
    assert_int_equal(f->batch_count, 1);
    struct sign_request first = f->batch[0];
    for (size_t i = 1; i < 4; i++) {
        ask(f, i);
    }
    assert_false(take_batch(f));
    run_ready(f->loop);
    assert_true(take_batch(f));
    assert_int_equal(f->batch_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(session_of(&f->batch[i]), i + 1); // in the order of asking
    }
    // When all are answered it is idle again.
    answer(f, &first);
    for (size_t i = 0; i < 3; i++) {
        answer(f, &f->batch[i]);
    }
    RUN_UNTIL(f->loop, count_told(f) == 4);
    assert_int_equal(f->signing.unanswered, 0);
    ask(f, 4);
    assert_true(take_batch(f));
}

static void test_a_full_batch_does_not_wait_for_the_loop(void **state) {
    struct fixture *f = *state;
    ask_first(f, 1 + SIGN_BATCH_MAX + 1);
    assert_true(take_batch(f));
    assert_int_equal(f->batch_count, 1);
    assert_true(take_batch(f));
    assert_int_equal(f->batch_count, SIGN_BATCH_MAX);
    assert_false(take_batch(f));
    run_ready(f->loop);
    assert_true(take_batch(f));
    assert_int_equal(f->batch_count, 1);
    assert_int_equal(session_of(&f->batch[0]), 1 + SIGN_BATCH_MAX);
}

static void test_what_is_forgotten_while_it_is_gathered_is_not_sent(void **state) {
    struct fixture *f = *state;
    ask_first(f, 5);
    assert_true(take_batch(f));
    signing_forget(&f->signing, f->numbers[2]); // from the middle, the front, the end
    signing_forget(&f->signing, f->numbers[1]);
    signing_forget(&f->signing, f->numbers[4]);
    ask(f, 5);
    run_ready(f->loop);
    assert_true(take_batch(f));
    assert_int_equal(f->batch_count, 2);
    assert_int_equal(session_of(&f->batch[0]), 3);
    assert_int_equal(session_of(&f->batch[1]), 5);
    assert_int_equal(f->signing.unsent, 0);
}

static void test_answers_in_one_datagram_go_each_to_its_session(void **state) {
    struct fixture *f = *state;
    struct sign_response responses[SIGN_BATCH_MAX];
    ask_first(f, SIGN_BATCH_MAX);
    for (size_t i = 0; i < SIGN_BATCH_MAX; i++) {
        size_t session = SIGN_BATCH_MAX - 1 - i;
        responses[i] = make_response(f->numbers[session], session);
    }
    responses[2].number = 1000000; // one that makes no sense spoils no other
    send_response(f, responses, sizeof(responses));
    RUN_UNTIL(f->loop, count_told(f) == SIGN_BATCH_MAX - 1);
    for (size_t i = 0; i < SIGN_BATCH_MAX; i++) {
        if (i != SIGN_BATCH_MAX - 1 - 2) {
            assert_told(f, i);
        }
    }
}

static void test_numbers_of_waiting_sessions_differ(void **state) {
    struct fixture *f = *state;
    ask_first(f, SESSIONS);
    for (size_t i = 0; i < SESSIONS; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_true(f->numbers[i] != f->numbers[k]);
        }
    }
}

// --- Forgetting ---

static void test_the_answer_for_a_forgotten_session_is_dropped(void **state) {
    struct fixture *f = *state;
    ask_first(f, 2);
    signing_forget(&f->signing, f->numbers[0]);
    for (size_t i = 0; i < 2; i++) {
        struct sign_request request = next_request(f);
        answer(f, &request);
    }
    RUN_UNTIL(f->loop, f->told[1].times > 0);
    assert_told(f, 1);
    assert_int_equal(f->told[0].times, 0);
}

static void test_an_answer_that_comes_late_is_not_given_to_the_next(void **state) {
    struct fixture *f = *state;
    ask(f, 0);
    struct sign_request old = next_request(f);
    signing_forget(&f->signing, f->numbers[0]);
    ask(f, 1); // in the same place
    assert_true(f->numbers[1] != f->numbers[0]);
    struct sign_request request = next_request(f);
    answer(f, &old);
    answer(f, &request);
    RUN_UNTIL(f->loop, count_told(f) > 0);
    assert_told(f, 1);
    assert_int_equal(f->told[0].times, 0);
}

static void test_forgetting_what_is_not_there_does_nothing(void **state) {
    struct fixture *f = *state;
    ask_first(f, 3);
    run_ready(f->loop); // all are sent
    signing_forget(&f->signing, 0);
    signing_forget(&f->signing, UINT32_MAX);
    signing_forget(&f->signing, f->numbers[0] + ((uint64_t)1 << 32));
    signing_forget(&f->signing, f->numbers[1]);
    signing_forget(&f->signing, f->numbers[1]);
    ask(f, 10); // neither of the two gets the place of another one
    ask(f, 11);
    for (size_t i = 0; i < 5; i++) {
        struct sign_request request = next_request(f);
        answer(f, &request);
    }
    RUN_UNTIL(f->loop, count_told(f) == 4);
    assert_told(f, 0);
    assert_told(f, 2);
    assert_told(f, 10);
    assert_told(f, 11);
}

// --- Answers that make no sense ---

static void test_answers_that_make_no_sense_are_dropped(void **state) {
    struct fixture *f = *state;
    ask(f, 0);
    struct sign_response right = make_response(f->numbers[0], 0);
    const uint64_t numbers[] = {0,
                                f->numbers[0] + 1,
                                f->numbers[0] + ((uint64_t)1 << 32),
                                UINT64_MAX,
                                (uint32_t)f->numbers[0] | (uint64_t)7 << 32,
                                1000000};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        struct sign_response response = right;
        response.number = numbers[i];
        send_response(f, &response, sizeof(response));
    }
    struct sign_response too_large = right;
    too_large.signature_size = SIGNATURE_SIZE_MAX + 1;
    send_response(f, &too_large, sizeof(too_large));
    too_large.signature_size = UINT16_MAX;
    send_response(f, &too_large, sizeof(too_large));
    struct {
        struct sign_response response;
        uint8_t more;
    } longer = {.response = right};
    longer.response.signature[0] = 0xbb;
    send_response(f, &longer, sizeof(longer));
    send_response(f, &right, sizeof(right) - 1);
    send_response(f, &right, 8);
    static struct sign_response too_many[SIGN_BATCH_MAX + 1];
    too_many[0] = right;
    too_many[0].signature[0] = 0xcc;
    send_response(f, too_many, sizeof(too_many));
    send_response(f, &right, sizeof(right));
    RUN_UNTIL(f->loop, f->told[0].times > 0);
    assert_told(f, 0);
    assert_int_equal(f->signing.fd >= 0, true);
}

// --- The signer dies ---

static void test_what_waits_is_asked_of_the_next_signer(void **state) {
    struct fixture *f = *state;
    ask_first(f, 10);
    for (size_t i = 0; i < 4; i++) { // some are answered before it dies
        struct sign_request request = next_request(f);
        answer(f, &request);
    }
    RUN_UNTIL(f->loop, count_told(f) == 4);
    signing_forget(&f->signing, f->numbers[9]);
    (void)close(f->signer);
    f->signer = -1;
    RUN_UNTIL(f->loop, f->signing.fd < 0);
    ask(f, 20); // nobody is there
    ask(f, 21);
    signing_forget(&f->signing, f->numbers[20]);
    assert_int_equal(count_told(f), 4);
    attach_signer(f);
    bool seen[SESSIONS] = {false};
    for (size_t i = 0; i < 6; i++) {
        struct sign_request request = next_request(f);
        size_t session = session_of(&request);
        assert_false(seen[session]);
        seen[session] = true;
        assert_true(request.number == f->numbers[session]);
        answer(f, &request);
    }
    struct sign_request more;
    assert_false(take(f, &more));
    RUN_UNTIL(f->loop, count_told(f) == 10);
    for (size_t i = 0; i < 9; i++) {
        assert_told(f, i);
    }
    assert_told(f, 21);
    assert_int_equal(f->signing.unsent, 0);
}

static void test_a_death_is_noticed_while_nothing_waits(void **state) {
    struct fixture *f = *state;
    int end = f->signing.fd;
    (void)close(f->signer);
    f->signer = -1;
    RUN_UNTIL(f->loop, f->signing.fd < 0);
    assert_int_equal(fcntl(end, F_GETFD), -1);
    assert_false(ev_is_active(&f->signing.read_watcher));
}

static void test_a_death_is_noticed_when_asking(void **state) {
    struct fixture *f = *state;
    (void)close(f->signer);
    f->signer = -1;
    ask(f, 0); // the loop has not told of it
    assert_true(f->signing.fd < 0);
    attach_signer(f);
    struct sign_request request = next_request(f);
    answer(f, &request);
    RUN_UNTIL(f->loop, f->told[0].times > 0);
    assert_told(f, 0);
}

static void test_another_signer_takes_the_place_of_a_living_one(void **state) {
    struct fixture *f = *state;
    int old = f->signer;
    int old_end = f->signing.fd;
    ask(f, 0);
    f->signer = -1; // attach_signer() shall not close it
    attach_signer(f);
    assert_int_not_equal(f->signing.fd, old_end);
    struct sign_request request = {0};
    char byte;
    assert_int_equal(recv(old, &request, sizeof(request), 0), sizeof(request)); // was asked before
    assert_int_equal(recv(old, &byte, 1, 0), 0);                                // and sees the end
    request = next_request(f);
    answer(f, &request);
    RUN_UNTIL(f->loop, f->told[0].times > 0);
    assert_told(f, 0);
    (void)close(old);
}

static void test_without_a_signer_requests_wait(void **state) {
    (void)state;
    struct fixture *f = &fixture;
    signing_free(&f->signing);
    (void)close(f->signer);
    f->signer = -1;
    signing_init(&f->signing, f->loop, f->metrics);
    ask_first(f, 3);
    assert_int_equal(f->signing.unsent, 3);
    attach_signer(f);
    for (size_t i = 0; i < 3; i++) {
        struct sign_request request = next_request(f);
        answer(f, &request);
    }
    RUN_UNTIL(f->loop, count_told(f) == 3);
}

// --- A full socket ---

// As many requests as the socket takes and some more; the number of them.
static size_t overfill(struct fixture *f) {
    int small = 1;
    assert_int_equal(setsockopt(f->signing.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    size_t asked = 0;
    while (!ev_is_active(&f->signing.write_watcher)) {
        ask(f, asked++);
    }
    while (f->signing.unsent < 51) {
        ask(f, asked++);
    }
    assert_true(ev_is_active(&f->signing.write_watcher));
    return asked;
}

static void test_a_full_socket_loses_nothing(void **state) {
    struct fixture *f = *state;
    size_t asked = overfill(f);
    for (size_t i = 0; i < asked; i++) {
        struct sign_request request = next_request(f);
        answer(f, &request);
        RUN_UNTIL(f->loop, count_told(f) == i + 1);
    }
    for (size_t i = 0; i < asked; i++) {
        assert_told(f, i);
    }
    struct sign_request more;
    run_ready(f->loop);
    assert_false(take(f, &more));
    assert_int_equal(f->signing.unsent, 0);
    assert_false(ev_is_active(&f->signing.write_watcher));
}

static void test_what_is_forgotten_before_it_was_sent_is_never_sent(void **state) {
    struct fixture *f = *state;
    size_t asked = overfill(f);
    for (size_t i = asked - 51; i < asked - 1; i++) { // all that wait but the last
        signing_forget(&f->signing, f->numbers[i]);
    }
    assert_int_equal(f->signing.unsent, 1);
    for (size_t i = 0; i < asked - 51; i++) {
        struct sign_request request = next_request(f);
        assert_in_range(session_of(&request), 0, asked - 52);
    }
    struct sign_request last = next_request(f);
    assert_int_equal(session_of(&last), asked - 1);
    run_ready(f->loop);
    assert_false(take(f, &last));
    assert_int_equal(f->signing.unsent, 0);
}

static void test_a_signer_that_dies_with_a_full_socket(void **state) {
    struct fixture *f = *state;
    size_t asked = overfill(f);
    (void)close(f->signer);
    f->signer = -1;
    RUN_UNTIL(f->loop, f->signing.fd < 0);
    attach_signer(f);
    for (size_t i = 0; i < asked; i++) {
        struct sign_request request = next_request(f);
        answer(f, &request);
    }
    RUN_UNTIL(f->loop, count_told(f) == asked);
    for (size_t i = 0; i < asked; i++) {
        assert_told(f, i);
    }
}

// --- The bound ---

static void test_the_table_has_a_bound(void **state) {
    struct fixture *f = *state;
    enum { PLACES_MAX = 1 << 20 };
    struct sign_request request = {.number = 0};
    signing_free(&f->signing); // without a signer they all wait
    signing_init(&f->signing, f->loop, f->metrics);
    uint64_t last = 0;
    for (size_t i = 0; i < PLACES_MAX; i++) {
        last = signing_ask(&f->signing, &f->told[0].owner, &request);
        assert_true(last != 0);
    }
    assert_true(signing_ask(&f->signing, &f->told[0].owner, &request) == 0);
    assert_int_equal(f->signing.unsent, PLACES_MAX);
    signing_forget(&f->signing, last);
    assert_true(signing_ask(&f->signing, &f->told[0].owner, &request) != 0);
    assert_true(signing_ask(&f->signing, &f->told[0].owner, &request) == 0);
}

#define SIGNING_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        SIGNING_TEST(test_a_request_goes_to_the_signer_and_its_answer_to_the_session),
        SIGNING_TEST(test_a_refusal_is_told_as_size_0),
        SIGNING_TEST(test_the_largest_signature_arrives_whole),
        SIGNING_TEST(test_many_are_answered_out_of_order),
        SIGNING_TEST(test_an_idle_signer_is_asked_at_once_and_a_busy_one_in_batches),
        SIGNING_TEST(test_a_full_batch_does_not_wait_for_the_loop),
        SIGNING_TEST(test_what_is_forgotten_while_it_is_gathered_is_not_sent),
        SIGNING_TEST(test_answers_in_one_datagram_go_each_to_its_session),
        SIGNING_TEST(test_numbers_of_waiting_sessions_differ),
        SIGNING_TEST(test_the_answer_for_a_forgotten_session_is_dropped),
        SIGNING_TEST(test_an_answer_that_comes_late_is_not_given_to_the_next),
        SIGNING_TEST(test_forgetting_what_is_not_there_does_nothing),
        SIGNING_TEST(test_answers_that_make_no_sense_are_dropped),
        SIGNING_TEST(test_what_waits_is_asked_of_the_next_signer),
        SIGNING_TEST(test_a_death_is_noticed_while_nothing_waits),
        SIGNING_TEST(test_a_death_is_noticed_when_asking),
        SIGNING_TEST(test_another_signer_takes_the_place_of_a_living_one),
        SIGNING_TEST(test_without_a_signer_requests_wait),
        SIGNING_TEST(test_a_full_socket_loses_nothing),
        SIGNING_TEST(test_what_is_forgotten_before_it_was_sent_is_never_sent),
        SIGNING_TEST(test_a_signer_that_dies_with_a_full_socket),
        SIGNING_TEST(test_the_table_has_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
