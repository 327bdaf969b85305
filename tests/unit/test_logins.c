// What a worker asks its auth process, which is the test itself at the other end of the socket, and
// what it remembers.
#include "session/logins.h"

#include "base/clock.h"
#include "loop.h"
#include "observe/metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OWNERS = 100, SECOND_US = 1000000 };

struct owner {
    struct login_wait wait;
    unsigned times; // it was told a verdict
};

static struct fixture {
    struct ev_loop *loop;
    struct metrics_slot *metrics;
    struct client_table *clients;
    struct logins logins;
    int auth; // the other end; -1: none
    struct owner owners[OWNERS];
    int64_t now_us;
} fixture;

static void on_judged(struct login_wait *wait) {
    LIST_ENTRY(wait, struct owner, wait)->times++;
}

static void attach(void) {
    int pair[2];
    if (fixture.auth >= 0) {
        (void)close(fixture.auth);
    }
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fixture.auth = pair[1];
    logins_attach(&fixture.logins, pair[0]);
}

static int set_up(void **state) {
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    fixture.auth = -1;
    fixture.now_us = 1000 * (int64_t)SECOND_US;
    fixture.loop = ev_loop_new(EVFLAG_AUTO);
    fixture.metrics = metrics_map(1);
    fixture.clients = client_table_map(1);
    for (size_t i = 0; i < OWNERS; i++) {
        fixture.owners[i].wait.judged = on_judged;
    }
    logins_init(&fixture.logins, fixture.loop, fixture.metrics, fixture.clients, 0);
    attach();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    logins_free(&fixture.logins);
    (void)close(fixture.auth);
    client_table_unmap(fixture.clients);
    metrics_unmap(fixture.metrics, 1);
    ev_loop_destroy(fixture.loop);
    return 0;
}

static bool ask_as(size_t owner, uint64_t client, const char *user, const char *password) {
    const struct login_ask ask = {
        .file = {{1, 2}},
        .user = slice_from(user),
        .password = slice_from(password),
        .client = client,
        .now_us = fixture.now_us,
    };
    fixture.owners[owner].times = 0;
    return logins_ask(&fixture.logins, &ask, &fixture.owners[owner].wait);
}

static bool ask(size_t owner, const char *user, const char *password) {
    return ask_as(owner, 1 + owner, user, password);
}

static void assert_verdict(size_t owner, uint32_t verdict) {
    assert_int_equal(fixture.owners[owner].wait.verdict, verdict);
}

// False: no question waits at the auth process.
static bool receive(struct login_request *request) {
    ssize_t size = recv(fixture.auth, request, sizeof(*request), MSG_DONTWAIT | MSG_TRUNC);
    assert_true(size == (ssize_t)sizeof(*request) || (size < 0 && errno == EAGAIN));
    return size > 0;
}

static void answer(uint64_t number, uint32_t verdict, uint32_t wait_s) {
    const struct login_response response = {number, wait_s, verdict};
    assert_int_equal(send(fixture.auth, &response, sizeof(response), 0), sizeof(response));
    run_ready(fixture.loop);
}

static void answer_next(uint32_t verdict) {
    struct login_request request;
    assert_true(receive(&request));
    answer(request.number, verdict, 0);
}

static void test_a_question_and_its_answer(void **state) {
    (void)state;
    struct login_request request;
    assert_false(ask(0, "bob", "secret"));
    assert_true(receive(&request));
    assert_int_equal(request.file.words[1], 2);
    assert_int_equal(request.user_size, 3);
    assert_memory_equal(request.user, "bob", 3);
    assert_int_equal(request.password_size, 6);
    assert_memory_equal(request.password, "secret", 6);
    assert_int_equal(fixture.owners[0].times, 0);
    answer(request.number, LOGIN_GRANTED, 0);
    assert_int_equal(fixture.owners[0].times, 1);
    assert_verdict(0, LOGIN_GRANTED);
    // It is known now.
    assert_true(ask(1, "bob", "secret"));
    assert_verdict(1, LOGIN_GRANTED);
    assert_false(ask(2, "bob", "Secret"));
    answer_next(LOGIN_WRONG);
    assert_verdict(2, LOGIN_WRONG);
    assert_true(ask(3, "bob", "Secret"));
    assert_verdict(3, LOGIN_WRONG);
    assert_int_equal(fixture.metrics->values[METRIC_passwords_checked], 2);
    assert_int_equal(fixture.metrics->values[METRIC_passwords_wrong], 1);
}

static void test_what_is_remembered_is_of_one_file(void **state) {
    (void)state;
    assert_false(ask(0, "bob", "secret"));
    answer_next(LOGIN_GRANTED);
    struct login_ask other = {.file = {{1, 3}},
                              .user = SLICE("bob"),
                              .password = SLICE("secret"),
                              .now_us = fixture.now_us};
    assert_false(logins_ask(&fixture.logins, &other, &fixture.owners[1].wait));
    // Nor do name and password flow into each other.
    assert_false(ask(2, "bobs", "ecret"));
}

static void test_verdicts_are_forgotten(void **state) {
    (void)state;
    assert_false(ask(0, "bob", "secret"));
    answer_next(LOGIN_GRANTED);
    for (int i = 0; i < 3; i++) { // as long as it is used
        fixture.now_us += (LOGIN_CACHE_S - 1) * (int64_t)SECOND_US;
        logins_tick(&fixture.logins, fixture.now_us / 1000);
        assert_true(ask(0, "bob", "secret"));
        assert_verdict(0, LOGIN_GRANTED);
    }
    fixture.now_us += LOGIN_CACHE_S * (int64_t)SECOND_US;
    assert_false(ask(0, "bob", "secret"));
    answer_next(LOGIN_GRANTED);
    fixture.now_us += LOGIN_CACHE_S * (int64_t)SECOND_US;
    logins_tick(&fixture.logins, fixture.now_us / 1000); // wipes it
    fixture.now_us -= LOGIN_CACHE_S * (int64_t)SECOND_US;
    assert_false(ask(0, "bob", "secret"));
}

// Nothing but these two verdicts is remembered.
static void test_other_verdicts(void **state) {
    (void)state;
    static const uint32_t verdicts[] = {LOGIN_FAILED, LOGIN_LATER, LOGIN_BUSY};
    for (size_t i = 0; i < 3; i++) {
        assert_false(ask(0, "bob", "secret"));
        answer_next(verdicts[i]);
        assert_verdict(0, verdicts[i]);
    }
}

static void test_who_asks_the_same_waits_together(void **state) {
    (void)state;
    struct login_request request;
    for (size_t i = 0; i < 10; i++) {
        assert_false(ask(i, "bob", "secret"));
    }
    logins_forget(&fixture.logins, &fixture.owners[3].wait);
    logins_forget(&fixture.logins, &fixture.owners[3].wait); // once more is fine
    answer_next(LOGIN_GRANTED);
    assert_false(receive(&request));
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(fixture.owners[i].times, i != 3);
    }
}

static void test_one_question_at_a_time_the_oldest_first(void **state) {
    (void)state;
    struct login_request request;
    char name[] = "a";
    for (size_t i = 0; i < 5; i++, name[0]++) {
        assert_false(ask(i, name, "secret"));
    }
    logins_forget(&fixture.logins, &fixture.owners[2].wait); // it is not asked
    for (size_t i = 0; i < 5; i++) {
        if (i != 2) {
            assert_true(receive(&request));
            assert_int_equal(request.user[0], 'a' + (int)i);
            answer(request.number, LOGIN_GRANTED, 0);
            assert_int_equal(fixture.owners[i].times, 1);
        }
    }
    assert_false(receive(&request));
    assert_int_equal(fixture.owners[2].times, 0);
}

static void test_who_leaves_while_it_is_asked(void **state) {
    (void)state;
    assert_false(ask(0, "bob", "secret"));
    logins_forget(&fixture.logins, &fixture.owners[0].wait);
    answer_next(LOGIN_GRANTED);
    assert_int_equal(fixture.owners[0].times, 0);
    assert_true(ask(1, "bob", "secret")); // what was found out is of use
}

static void test_an_auth_process_that_dies(void **state) {
    (void)state;
    struct login_request first;
    struct login_request again;
    assert_false(ask(0, "bob", "secret"));
    assert_false(ask(1, "alice", "secret"));
    assert_true(receive(&first));
    (void)shutdown(fixture.auth, SHUT_RDWR);
    run_ready(fixture.loop);
    assert_int_equal(fixture.logins.fd, -1);
    assert_false(ask(2, "carol", "secret"));
    attach();
    assert_true(receive(&again));
    assert_int_equal(again.user_size, 3);   // bob, who is the oldest
    answer(first.number, LOGIN_GRANTED, 0); // an answer to the former question is none
    assert_int_equal(fixture.owners[0].times, 0);
    answer(again.number, LOGIN_GRANTED, 0);
    answer_next(LOGIN_GRANTED);
    answer_next(LOGIN_WRONG);
    assert_verdict(1, LOGIN_GRANTED);
    assert_verdict(2, LOGIN_WRONG);
}

static void test_an_auth_process_that_does_not_answer(void **state) {
    (void)state;
    struct login_request request;
    assert_false(ask(0, "bob", "secret"));
    assert_true(receive(&request));
    logins_tick(&fixture.logins, fixture.now_us / 1000 + LOGINS_WAIT_MS - 1);
    assert_int_equal(fixture.owners[0].times, 0);
    logins_tick(&fixture.logins, fixture.now_us / 1000 + LOGINS_WAIT_MS);
    assert_int_equal(fixture.owners[0].times, 1);
    assert_verdict(0, LOGIN_BUSY);
    assert_false(ask(1, "bob", "secret"));
    answer(request.number, LOGIN_GRANTED, 0); // too late
    assert_int_equal(fixture.owners[1].times, 0);
}

static void test_answers_that_make_no_sense(void **state) {
    (void)state;
    struct login_request request;
    const struct login_response response = {1, 0, LOGIN_GRANTED};
    assert_false(ask(0, "bob", "secret"));
    assert_true(receive(&request));
    answer(request.number + 1, LOGIN_GRANTED, 0);
    answer(request.number, LOGIN_VERDICTS, 0);
    answer(request.number, LOGIN_LATER, LOGIN_WAIT_MAX_S + 1);
    assert_int_equal(send(fixture.auth, &response, sizeof(response) - 1, 0), sizeof(response) - 1);
    run_ready(fixture.loop);
    assert_int_equal(fixture.owners[0].times, 0);
    answer(request.number, LOGIN_LATER, LOGIN_WAIT_MAX_S);
    assert_int_equal(fixture.owners[0].times, 1);
    answer(request.number, LOGIN_GRANTED, 0); // and nobody has asked
    assert_int_equal(fixture.owners[0].times, 1);
}

static void test_an_answer_before_any_question(void **state) {
    (void)state;
    answer(1, LOGIN_GRANTED, 0);
    assert_false(ask(0, "anna", "right"));
    answer_next(LOGIN_GRANTED);
    assert_verdict(0, LOGIN_GRANTED);
}

static void test_guesses_of_a_client(void **state) {
    (void)state;
    char guess[32];
    assert_false(ask_as(0, 7, "alice", "secret"));
    answer_next(LOGIN_GRANTED);
    for (int i = 0; i < LOGINS_WRONG_BURST; i++) {
        (void)snprintf(guess, sizeof(guess), "guess %d", i);
        assert_false(ask_as(0, 7, "bob", guess));
        answer_next(LOGIN_WRONG);
    }
    fixture.now_us = clock_monotonic_us();
    assert_true(ask_as(0, 7, "bob", "another"));
    assert_verdict(0, LOGIN_LATER);
    uint32_t wait_s = fixture.owners[0].wait.wait_s;
    assert_true(wait_s > 0 && wait_s <= LOGINS_WRONG_INTERVAL_S);
    assert_false(ask_as(1, 8, "bob", "another")); // of another client
    fixture.now_us += wait_s * (int64_t)SECOND_US;
    assert_false(ask_as(2, 7, "bob", "one more"));
    assert_int_equal(fixture.metrics->values[METRIC_logins_limited], 1);
}

static void test_many_questions_of_a_client(void **state) {
    (void)state;
    char name[16];
    for (size_t i = 0; i < LOGINS_PER_CLIENT; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        assert_false(ask_as(i, 7, name, "secret"));
    }
    assert_true(ask_as(90, 7, "more", "secret"));
    assert_verdict(90, LOGIN_BUSY);
    assert_true(fixture.owners[90].wait.wait_s > 0);
    assert_false(ask_as(91, 7, "n0", "secret")); // it is no other question
    assert_false(ask_as(92, 8, "more", "secret"));
}

// Clients with many questions give way to those with few, and are told when the loop comes round.
static void test_all_places_are_taken(void **state) {
    (void)state;
    char name[16];
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%zu", i);
        assert_false(ask_as(i, 100 + i / LOGINS_PER_CLIENT, name, "secret"));
    }
    unsigned told = 0;
    assert_false(ask_as(90, 7, "new", "secret"));
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        told += fixture.owners[i].times;
    }
    assert_int_equal(told, 0);
    run_ready(fixture.loop);
    run_ready(fixture.loop);
    size_t left_out = LOGINS_MAX;
    for (size_t i = 0; i < LOGINS_MAX; i++) {
        told += fixture.owners[i].times;
        left_out = fixture.owners[i].times > 0 ? i : left_out;
    }
    assert_int_equal(told, 1);
    assert_verdict(left_out, LOGIN_BUSY);
    // Three more of the same client: the others have four at most, it has as many then.
    assert_false(ask_as(91, 7, "new 2", "secret"));
    assert_false(ask_as(92, 7, "new 3", "secret"));
    assert_true(ask_as(93, 7, "new 4", "secret"));
    assert_verdict(93, LOGIN_BUSY);
}

static void test_names_and_passwords_that_are_too_long(void **state) {
    (void)state;
    char text[LOGIN_PASSWORD_MAX + 2];
    memset(text, 'x', sizeof(text));
    text[LOGIN_PASSWORD_MAX + 1] = '\0';
    assert_true(ask(0, "bob", text));
    assert_verdict(0, LOGIN_FAILED);
    text[USERS_NAME_MAX + 1] = '\0';
    assert_true(ask(0, text, "secret"));
    assert_verdict(0, LOGIN_FAILED);
    assert_true(ask(0, "", "secret"));
    assert_verdict(0, LOGIN_FAILED);
    text[USERS_NAME_MAX] = '\0';
    assert_false(ask(0, text, ""));
}

static void test_more_passwords_than_are_remembered(void **state) {
    (void)state;
    struct login_cache cache = {.entries = NULL};
    const struct users_mark file = {{1, 2}};
    struct login_mac mac = {{0}};
    char name[16];
    assert_int_equal(login_cache_find(&cache, &mac, 1), LOGIN_UNKNOWN);
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(name, sizeof(name), "n%d", i);
        assert_true(login_cache_mac(&cache, &file, slice_from(name), SLICE("x"), &mac));
        login_cache_add(&cache, &mac, true, 1000 + i);
        assert_int_equal(login_cache_find(&cache, &mac, 1000 + i), LOGIN_KNOWN_RIGHT);
    }
    for (int i = 0; i < 5000; i++) { // wrong ones push out no right one
        (void)snprintf(name, sizeof(name), "w%d", i);
        struct login_mac wrong;
        assert_true(login_cache_mac(&cache, &file, slice_from(name), SLICE("x"), &wrong));
        login_cache_add(&cache, &wrong, false, 6000);
    }
    assert_int_equal(login_cache_find(&cache, &mac, 6000), LOGIN_KNOWN_RIGHT);
    login_cache_expire(&cache, 6000 + LOGIN_CACHE_S * 1000);
    assert_int_equal(login_cache_find(&cache, &mac, 6000), LOGIN_UNKNOWN);
    login_cache_free(&cache);
    login_cache_free(&cache);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_question_and_its_answer),
        TEST(test_what_is_remembered_is_of_one_file),
        TEST(test_verdicts_are_forgotten),
        TEST(test_other_verdicts),
        TEST(test_who_asks_the_same_waits_together),
        TEST(test_one_question_at_a_time_the_oldest_first),
        TEST(test_who_leaves_while_it_is_asked),
        TEST(test_an_auth_process_that_dies),
        TEST(test_an_auth_process_that_does_not_answer),
        TEST(test_answers_that_make_no_sense),
        TEST(test_an_answer_before_any_question),
        TEST(test_guesses_of_a_client),
        TEST(test_many_questions_of_a_client),
        TEST(test_all_places_are_taken),
        TEST(test_names_and_passwords_that_are_too_long),
        TEST(test_more_passwords_than_are_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
