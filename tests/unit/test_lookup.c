// When a lookup asks again. The test is the asker.
#include "monitor/lookup.h"

#include "loop.h"

enum { MIN_MS = 1000, MAX_MS = 300000 };

static bool is_needed;

static bool on_ended(struct lookup *lookup, bool is_good) {
    (void)lookup;
    (void)is_good;
    return is_needed;
}

static void ignore(void *asker, struct question *question) {
    (void)asker;
    (void)question;
}

struct lab {
    struct lookup_rules rules;
    struct lookup lookup;
};

static void open_lab(struct lab *lab, uint32_t min_ms) {
    lab->rules = (struct lookup_rules){.loop = ev_loop_new(EVFLAG_AUTO),
                                       .ask = ignore,
                                       .forget = ignore,
                                       .min_ms = min_ms,
                                       .max_ms = MAX_MS};
    assert_non_null(lab->rules.loop);
    lookup_init(&lab->lookup, &lab->rules, "app.test", DNS_A);
    lab->lookup.ended = on_ended;
}

static void close_lab(struct lab *lab) {
    lookup_end(&lab->lookup);
    ev_loop_destroy(lab->rules.loop);
}

// Returns the time until the next question, in milliseconds. The loop does not run, so the time
// does not pass.
static int64_t wait_after(struct lab *lab, enum dns_outcome outcome, uint32_t ttl_s) {
    static struct dns_answer answer;
    answer = (struct dns_answer){
        .ttl_s = ttl_s, .has_ttl = ttl_s > 0, .count = outcome == DNS_FOUND ? 1 : 0};
    lab->lookup.question.answered(&lab->lookup.question, outcome, &answer);
    return (int64_t)(ev_timer_remaining(lab->rules.loop, &lab->lookup.due) * 1000. + .5);
}

static void test_the_ttl_counts(void **state) {
    (void)state;
    struct lab lab;
    is_needed = false;
    open_lab(&lab, MIN_MS);
    assert_int_equal(wait_after(&lab, DNS_FOUND, 7), 7000);
    assert_int_equal(wait_after(&lab, DNS_FOUND, 0), MAX_MS);
    assert_int_equal(wait_after(&lab, DNS_EMPTY, 7), 7000);
    close_lab(&lab);
}

static void test_failures_are_repeated_less_and_less_often(void **state) {
    (void)state;
    static const int64_t waits[] = {1000, 2000, 4000, 8000, LOOKUP_RETRY_MS, LOOKUP_RETRY_MS};
    struct lab lab;
    is_needed = false;
    open_lab(&lab, MIN_MS);
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        assert_int_equal(wait_after(&lab, i % 2 == 0 ? DNS_FAILED : DNS_SILENT, 0), waits[i]);
    }
    close_lab(&lab);
}

static void test_without_an_address_it_is_urgent(void **state) {
    (void)state;
    static const enum dns_outcome outcomes[] = {DNS_EMPTY, DNS_FAILED, DNS_SILENT};
    is_needed = true;
    for (size_t i = 0; i < 3; i++) {
        struct lab lab;
        open_lab(&lab, MIN_MS);
        assert_int_equal(wait_after(&lab, outcomes[i], 60), 1000);
        for (int k = 0; k < 5; k++) {
            assert_int_equal(wait_after(&lab, outcomes[i], 60), LOOKUP_URGENT_MS);
        }
        close_lab(&lab);
    }
}

static void test_never_sooner_than_resolve_min(void **state) {
    (void)state;
    struct lab lab;
    is_needed = true;
    open_lab(&lab, 60000);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(wait_after(&lab, DNS_EMPTY, 0), 60000);
    }
    close_lab(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_ttl_counts),
        cmocka_unit_test(test_failures_are_repeated_less_and_less_often),
        cmocka_unit_test(test_without_an_address_it_is_urgent),
        cmocka_unit_test(test_never_sooner_than_resolve_min),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
