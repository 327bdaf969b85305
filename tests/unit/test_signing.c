// The link to the signer: requests go out, alone or in batches, and each answer goes to its owner.
#include "signing_lab.h"

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
