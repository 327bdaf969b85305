// The link to the signer when the signer dies, its socket is full, or too many requests wait.
#include "signing_lab.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
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
