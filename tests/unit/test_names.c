// The names of servers: what is asked when, and what is published. The test is the DNS.
#include "monitor/names.h"

#include "config_text.h"
#include "loop.h"

#include <arpa/inet.h>
#include <time.h>

enum { OPEN_MAX = 512, NAMES_MAX = 4, RECORDS_MAX = 256 };

#define FAST "resolve-min = 100ms resolve-keep = 0\n"
#define HOST FAST LISTEN SITE "backend b { server app.test:80 { addresses = 4 } }\n"
#define SRV FAST LISTEN SITE "backend b { server srv:_a._tcp.app.test { addresses = 4 } }\n"
#define SRV_MANY FAST LISTEN SITE "backend b { server srv:_a._tcp.app.test { addresses = 256 } }\n"
#define SRV_NAME "_a._tcp.app.test"

struct lab {
    struct ev_loop *loop;
    struct config *config;
    struct names *names;
    struct question *open[OPEN_MAX];
    size_t open_count;
    size_t asked;
    size_t published;
    struct server_answer answers[NAMES_MAX];
    struct server_record records[NAMES_MAX][RECORDS_MAX];
};

static struct metrics_slot counters;

static void on_ask(void *asker, struct question *question) {
    struct lab *lab = asker;
    assert_true(lab->open_count < OPEN_MAX);
    question->asked = (struct asked *)lab; // open
    lab->open[lab->open_count++] = question;
    lab->asked++;
}

static void close_question(struct lab *lab, struct question *question) {
    size_t kept = 0;
    for (size_t i = 0; i < lab->open_count; i++) {
        if (lab->open[i] != question) {
            lab->open[kept++] = lab->open[i];
        }
    }
    lab->open_count = kept;
    question->asked = NULL;
}

static void on_forget(void *asker, struct question *question) {
    close_question(asker, question);
}

static void on_publish(void *context, size_t name, const struct server_answer *answer) {
    struct lab *lab = context;
    assert_true(name < NAMES_MAX && answer->count <= RECORDS_MAX);
    lab->answers[name] = *answer;
    memcpy(lab->records[name], answer->records, answer->count * sizeof(*answer->records));
    lab->published++;
}

static struct names *make(struct lab *lab, const char *text) {
    lab->config = load(text);
    const struct names_options options = {.loop = lab->loop,
                                          .config = lab->config,
                                          .asker = lab,
                                          .ask = on_ask,
                                          .forget = on_forget,
                                          .publish = on_publish,
                                          .context = lab,
                                          .metrics = &counters};
    struct names *names = names_new(&options);
    assert_non_null(names);
    return names;
}

static void open_lab(struct lab *lab, const char *text) {
    *lab = (struct lab){.loop = ev_loop_new(EVFLAG_AUTO)};
    lab->names = make(lab, text);
    assert_int_equal(lab->asked, 0);
    names_start(lab->names, NULL, false);
}

static void close_lab(struct lab *lab) {
    names_free(lab->names);
    assert_int_equal(lab->open_count, 0);
    config_free(lab->config);
    ev_loop_destroy(lab->loop);
}

static struct question *find(struct lab *lab, const char *host, enum dns_type type) {
    for (size_t i = 0; i < lab->open_count; i++) {
        if (lab->open[i]->type == type && strcmp(lab->open[i]->host, host) == 0) {
            return lab->open[i];
        }
    }
    return NULL;
}

static void end(struct lab *lab, const char *host, enum dns_type type, enum dns_outcome outcome,
                const struct dns_answer *answer) {
    struct question *question = find(lab, host, type);
    if (question == NULL) {
        fail_msg("%s (%d) was not asked", host, (int)type);
        return;
    }
    close_question(lab, question);
    question->answered(question, outcome, answer);
}

// Addresses with a blank between two; "": there is none.
static void answer_ttl(struct lab *lab, const char *host, enum dns_type type, uint32_t ttl_s,
                       const char *addresses) {
    static struct dns_answer answer;
    char copy[512];
    answer = (struct dns_answer){.ttl_s = ttl_s, .has_ttl = true};
    (void)snprintf(copy, sizeof(copy), "%s", addresses);
    for (char *text = strtok(copy, " "); text != NULL; text = strtok(NULL, " ")) {
        assert_int_equal(inet_pton(type == DNS_A ? AF_INET : AF_INET6, text,
                                   answer.addresses[answer.count++].bytes),
                         1);
    }
    end(lab, host, type, answer.count > 0 ? DNS_FOUND : DNS_EMPTY, &answer);
}

static void answer(struct lab *lab, const char *host, enum dns_type type, const char *addresses) {
    answer_ttl(lab, host, type, 3600, addresses);
}

static void fail_question(struct lab *lab, const char *host, enum dns_type type,
                          enum dns_outcome outcome) {
    end(lab, host, type, outcome, NULL);
}

struct service {
    uint16_t priority, weight, port;
    const char *target;
};

static void answer_services(struct lab *lab, const struct service *services, size_t count) {
    static struct dns_answer answer;
    answer = (struct dns_answer){.ttl_s = 3600, .has_ttl = true, .count = count};
    for (size_t i = 0; i < count; i++) {
        answer.services[i] = (struct dns_service){.priority = services[i].priority,
                                                  .weight = services[i].weight,
                                                  .port = services[i].port};
        (void)snprintf(answer.services[i].target, HOST_TEXT_SIZE, "%s", services[i].target);
    }
    end(lab, SRV_NAME, DNS_SRV, count > 0 ? DNS_FOUND : DNS_EMPTY, &answer);
}

// "address rank share, ..." of what was published last.
static void assert_published(const struct lab *lab, size_t name, enum answer_state state,
                             const char *expected) {
    char found[1024] = "";
    const struct server_answer *answer = &lab->answers[name];
    for (size_t i = 0; i < answer->count; i++) {
        char text[ADDRESS_TEXT_SIZE];
        const struct server_record *record = &lab->records[name][i];
        address_format(&record->address, text);
        (void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s %u %u",
                       i > 0 ? ", " : "", text, record->rank, record->share);
    }
    assert_string_equal(found, expected);
    assert_int_equal(answer->state, state);
}

// --- Hosts ---

static void test_both_kinds_of_addresses(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    assert_int_equal(lab.open_count, 2);
    answer(&lab, "app.test", DNS_A, "10.0.0.2 10.0.0.1 10.0.0.2");
    assert_int_equal(lab.published, 0); // all of it at once
    answer(&lab, "app.test", DNS_AAAA, "fd00::1");
    assert_int_equal(lab.published, 1);
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 1, 10.0.0.2:80 0 1, [fd00::1]:80 0 1");
    assert_true(lab.answers[0].is_answered);
    assert_int_equal(lab.answers[0].found, 3);
    close_lab(&lab);
}

static void test_a_kind_that_does_not_answer_does_not_hide_the_other(void **state) {
    (void)state;
    static const enum dns_outcome outcomes[] = {DNS_SILENT, DNS_FAILED};
    static const enum answer_state states[] = {ANSWER_SILENT, ANSWER_FAILED};
    for (size_t i = 0; i < 2; i++) {
        struct lab lab;
        open_lab(&lab, HOST);
        answer(&lab, "app.test", DNS_A, "10.0.0.1");
        fail_question(&lab, "app.test", DNS_AAAA, outcomes[i]);
        assert_published(&lab, 0, states[i], "10.0.0.1:80 0 1");
        close_lab(&lab);
    }
}

static void test_silence_from_the_start(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    fail_question(&lab, "app.test", DNS_A, DNS_SILENT);
    fail_question(&lab, "app.test", DNS_AAAA, DNS_SILENT);
    assert_published(&lab, 0, ANSWER_SILENT, "");
    assert_false(lab.answers[0].is_answered);
    RUN_UNTIL(lab.loop, lab.open_count == 2); // asked again
    answer(&lab, "app.test", DNS_A, "");
    fail_question(&lab, "app.test", DNS_AAAA, DNS_SILENT);
    assert_false(lab.answers[0].is_answered); // it may have one
    RUN_UNTIL(lab.loop, lab.open_count == 2);
    answer(&lab, "app.test", DNS_AAAA, "");
    answer(&lab, "app.test", DNS_A, "");
    assert_published(&lab, 0, ANSWER_EMPTY, "");
    assert_true(lab.answers[0].is_answered);
    close_lab(&lab);
}

static void test_a_changed_answer(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1 10.0.0.2");
    answer(&lab, "app.test", DNS_AAAA, "");
    RUN_UNTIL(lab.loop, lab.open_count == 1); // a TTL of 0 is resolve-min, and the other is an hour
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.2 10.0.0.1");
    assert_int_equal(lab.published, 1); // the same
    RUN_UNTIL(lab.loop, lab.open_count == 1);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.3 10.0.0.1");
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 1, 10.0.0.3:80 0 1");
    close_lab(&lab);
}

static void test_the_last_answer_stays_while_there_is_silence(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1");
    answer(&lab, "app.test", DNS_AAAA, "");
    for (int i = 0; i < 3; i++) {
        RUN_UNTIL(lab.loop, lab.open_count == 1);
        fail_question(&lab, "app.test", DNS_A, i % 2 == 0 ? DNS_SILENT : DNS_FAILED);
        assert_published(&lab, 0, i % 2 == 0 ? ANSWER_SILENT : ANSWER_FAILED, "10.0.0.1:80 0 1");
        assert_true(lab.answers[0].is_answered);
    }
    RUN_UNTIL(lab.loop, lab.open_count == 1);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1");
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 1");
    close_lab(&lab);
}

static void test_one_kind_may_leave(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1");
    answer(&lab, "app.test", DNS_AAAA, "fd00::1");
    RUN_UNTIL(lab.loop, lab.open_count == 1);
    answer(&lab, "app.test", DNS_A, "");
    assert_published(&lab, 0, ANSWER_FOUND, "[fd00::1]:80 0 1");
    close_lab(&lab);
}

static void test_an_empty_name_keeps_its_servers_for_a_while(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, "resolve-keep = 1s resolve-min = 100ms\n" LISTEN SITE
                   "backend b { server app.test:80 {} }\n");
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1");
    answer(&lab, "app.test", DNS_AAAA, "");
    RUN_UNTIL(lab.loop, lab.open_count == 1);
    answer(&lab, "app.test", DNS_A, "");
    assert_published(&lab, 0, ANSWER_EMPTY, "10.0.0.1:80 0 1");
    RUN_UNTIL(lab.loop, lab.open_count == 1); // asked soon, though the TTL is an hour
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1");
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 1");
    RUN_UNTIL(lab.loop, lab.open_count == 1);
    answer(&lab, "app.test", DNS_A, "");
    RUN_UNTIL(lab.loop, lab.answers[0].count == 0);
    assert_published(&lab, 0, ANSWER_EMPTY, "");
    close_lab(&lab);
}

static void test_no_more_addresses_than_there_is_room_for(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer(&lab, "app.test", DNS_AAAA, "fd00::1");
    answer(&lab, "app.test", DNS_A, "10.0.0.6 10.0.0.5 10.0.0.4 10.0.0.3 10.0.0.2");
    assert_published(&lab, 0, ANSWER_FOUND,
                     "10.0.0.2:80 0 1, 10.0.0.3:80 0 1, 10.0.0.4:80 0 1, 10.0.0.5:80 0 1");
    assert_int_equal(lab.answers[0].found, 6);
    close_lab(&lab);
}

static void test_other_servers_are_asked_at_once(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    fail_question(&lab, "app.test", DNS_A, DNS_AGAIN);
    assert_non_null(find(&lab, "app.test", DNS_A));
    assert_int_equal(lab.asked, 3);
    close_lab(&lab);
}

// --- SRV ---

static void test_services(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, SRV);
    assert_int_equal(lab.open_count, 1);
    static const struct service services[] = {
        {20, 7, 82, "c.test"}, {10, 10, 80, "a.test"}, {10, 30, 81, "b.test"}};
    answer_services(&lab, services, 3);
    assert_int_equal(lab.open_count, 6);
    answer(&lab, "a.test", DNS_A, "10.0.0.1");
    answer(&lab, "a.test", DNS_AAAA, "");
    answer(&lab, "b.test", DNS_A, "10.0.0.2");
    answer(&lab, "b.test", DNS_AAAA, "");
    answer(&lab, "c.test", DNS_A, "10.0.0.3");
    assert_int_equal(lab.published, 0);
    answer(&lab, "c.test", DNS_AAAA, "");
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 10, 10.0.0.2:81 0 30, 10.0.0.3:82 1 7");
    close_lab(&lab);
}

static void test_weights(void **state) {
    (void)state;
    static const struct {
        uint16_t weights[2];
        const char *second; // addresses of the second target
        const char *expected;
    } cases[] = {
        {{1, 1}, "10.0.0.2", "10.0.0.1:80 0 1, 10.0.0.2:80 0 1"},
        {{50, 50}, "10.0.0.2", "10.0.0.1:80 0 1, 10.0.0.2:80 0 1"},
        {{0, 0}, "10.0.0.2", "10.0.0.1:80 0 1, 10.0.0.2:80 0 1"},
        {{0, 3}, "10.0.0.2", "10.0.0.1:80 0 1, 10.0.0.2:80 0 300"}, // a very small one
        {{10, 65535}, "10.0.0.2", "10.0.0.1:80 0 2, 10.0.0.2:80 0 13107"},
        // The addresses of a target share its weight.
        {{1, 1}, "10.0.0.2 10.0.0.3", "10.0.0.1:80 0 2, 10.0.0.2:80 0 1, 10.0.0.3:80 0 1"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        open_lab(&lab, SRV);
        const struct service services[] = {{0, cases[i].weights[0], 80, "a.test"},
                                           {0, cases[i].weights[1], 80, "b.test"}};
        answer_services(&lab, services, 2);
        answer(&lab, "a.test", DNS_A, "10.0.0.1");
        answer(&lab, "a.test", DNS_AAAA, "");
        answer(&lab, "b.test", DNS_A, cases[i].second);
        answer(&lab, "b.test", DNS_AAAA, "");
        assert_published(&lab, 0, ANSWER_FOUND, cases[i].expected);
        close_lab(&lab);
    }
}

static void test_targets_come_and_leave(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, "resolve-max = 100ms\n" SRV);
    static const struct service two[] = {{0, 1, 80, "a.test"}, {0, 1, 80, "b.test"}};
    static const struct service others[] = {{0, 1, 80, "b.test"}, {0, 1, 80, "c.test"}};
    answer_services(&lab, two, 2);
    answer(&lab, "a.test", DNS_A, "10.0.0.1");
    answer(&lab, "a.test", DNS_AAAA, "");
    answer(&lab, "b.test", DNS_A, "10.0.0.2");
    answer(&lab, "b.test", DNS_AAAA, "");
    RUN_UNTIL(lab.loop, lab.open_count == 5);
    answer_services(&lab, others, 2); // while those of the target are asked
    assert_null(find(&lab, "a.test", DNS_A));
    assert_non_null(find(&lab, "b.test", DNS_A));
    answer(&lab, "c.test", DNS_A, "10.0.0.3");
    fail_question(&lab, "c.test", DNS_AAAA, DNS_SILENT);
    assert_published(&lab, 0, ANSWER_SILENT, "10.0.0.2:80 0 1, 10.0.0.3:80 0 1");
    RUN_UNTIL(lab.loop, find(&lab, SRV_NAME, DNS_SRV) != NULL);
    answer_services(&lab, NULL, 0);
    assert_published(&lab, 0, ANSWER_EMPTY, "");
    close_lab(&lab);
}

static void test_an_address_of_two_targets(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, SRV);
    static const struct service services[] = {{20, 1, 80, "a.test"}, {10, 1, 80, "b.test"}};
    answer_services(&lab, services, 2);
    answer(&lab, "a.test", DNS_A, "10.0.0.1 10.0.0.3");
    answer(&lab, "a.test", DNS_AAAA, "");
    answer(&lab, "b.test", DNS_A, "10.0.0.2 10.0.0.3");
    answer(&lab, "b.test", DNS_AAAA, "");
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.2:80 0 1, 10.0.0.3:80 0 1, 10.0.0.1:80 1 1");
    close_lab(&lab);
}

// A full answer, of addresses that no other host has.
static void answer_many(struct lab *lab, unsigned host, enum dns_type type) {
    static struct dns_answer answer;
    char name[32];
    answer = (struct dns_answer){.ttl_s = 3600, .has_ttl = true, .count = DNS_RECORDS_MAX};
    for (unsigned i = 0; i < DNS_RECORDS_MAX; i++) {
        memcpy(answer.addresses[i].bytes, (uint8_t[]){10, (uint8_t)host, (uint8_t)i, 1}, 4);
    }
    (void)snprintf(name, sizeof(name), "t%u.test", host);
    end(lab, name, type, DNS_FOUND, &answer);
}

// The monitor does nothing else meanwhile.
static void test_the_most_addresses_need_little_time(void **state) {
    (void)state;
    enum { TARGETS = 256, SECONDS_MAX = 10 };
    struct lab lab;
    struct service services[TARGETS];
    char names[TARGETS][32];
    open_lab(&lab, SRV_MANY);
    for (unsigned i = 0; i < TARGETS; i++) {
        (void)snprintf(names[i], sizeof(names[i]), "t%u.test", i);
        services[i] = (struct service){0, 1, 80, names[i]};
    }
    answer_services(&lab, services, TARGETS);
    clock_t begin = clock(); // of this process
    for (unsigned i = 0; i < TARGETS; i++) {
        answer_many(&lab, i, DNS_A);
        answer_many(&lab, i, DNS_AAAA);
    }
    assert_int_equal(lab.answers[0].found, 2 * TARGETS * DNS_RECORDS_MAX);
    assert_true(clock() - begin < SECONDS_MAX * CLOCKS_PER_SEC);
    close_lab(&lab);
}

static void test_more_targets_than_there_is_room_for(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, SRV);
    static const struct service services[] = {
        {9, 1, 80, "e.test"}, {0, 1, 80, "a.test"}, {0, 1, 80, "a.test"}, {0, 1, 81, "a.test"},
        {0, 1, 80, "b.test"}, {0, 1, 80, "c.test"}, {1, 1, 80, "d.test"},
    };
    answer_services(&lab, services, 7);
    assert_int_equal(lab.open_count, 6); // of a:80, a:81 and b
    close_lab(&lab);
}

// --- The next generation ---

#define NEXT                                                                                       \
    FAST LISTEN SITE "backend b { server other.test:80 {} server app.test:80 { addresses = 2 } "   \
                     "}\n"

static void test_the_next_generation_takes_over(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer_ttl(&lab, "app.test", DNS_A, 0, "10.0.0.1 10.0.0.2 10.0.0.3");
    answer(&lab, "app.test", DNS_AAAA, "");
    struct names *former = lab.names;
    struct config *former_config = lab.config;
    lab.names = make(&lab, NEXT);
    names_start(lab.names, former, false);
    names_free(former);
    config_free(former_config);
    assert_published(&lab, 1, ANSWER_FOUND, "10.0.0.1:80 0 1, 10.0.0.2:80 0 1");
    assert_int_equal(lab.open_count, 2); // of the other
    assert_non_null(find(&lab, "other.test", DNS_A));
    RUN_UNTIL(lab.loop, find(&lab, "app.test", DNS_A) != NULL);
    answer(&lab, "app.test", DNS_A, "10.0.0.3");
    assert_published(&lab, 1, ANSWER_FOUND, "10.0.0.3:80 0 1");
    close_lab(&lab);
}

static void test_other_resolvers_are_asked_for_all(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab, HOST);
    answer(&lab, "app.test", DNS_A, "10.0.0.1");
    answer(&lab, "app.test", DNS_AAAA, "");
    struct names *former = lab.names;
    struct config *former_config = lab.config;
    lab.names = make(&lab, HOST);
    names_start(lab.names, former, true);
    names_free(former);
    config_free(former_config);
    assert_published(&lab, 0, ANSWER_FOUND, "10.0.0.1:80 0 1"); // until they answer
    assert_int_equal(lab.open_count, 2);
    close_lab(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_kinds_of_addresses),
        cmocka_unit_test(test_a_kind_that_does_not_answer_does_not_hide_the_other),
        cmocka_unit_test(test_silence_from_the_start),
        cmocka_unit_test(test_a_changed_answer),
        cmocka_unit_test(test_the_last_answer_stays_while_there_is_silence),
        cmocka_unit_test(test_one_kind_may_leave),
        cmocka_unit_test(test_an_empty_name_keeps_its_servers_for_a_while),
        cmocka_unit_test(test_no_more_addresses_than_there_is_room_for),
        cmocka_unit_test(test_other_servers_are_asked_at_once),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_weights),
        cmocka_unit_test(test_targets_come_and_leave),
        cmocka_unit_test(test_an_address_of_two_targets),
        cmocka_unit_test(test_the_most_addresses_need_little_time),
        cmocka_unit_test(test_more_targets_than_there_is_room_for),
        cmocka_unit_test(test_the_next_generation_takes_over),
        cmocka_unit_test(test_other_resolvers_are_asked_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
