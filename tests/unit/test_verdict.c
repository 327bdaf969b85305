// What an exchange does while somebody else decides whether its request may go on.
#include "exchange_scenario.h"

#include "exchange/verdict.h"

enum { WAIT_MS = 1500, GUARDS = ROUTE_GUARD_COUNT };

// What the guards of a test do, and what was asked of them.
static struct rehearsal {           // NOLINT(clang-analyzer-optin.performance.Padding)
    struct answer at_once[GUARDS];  // of the asker
    bool passes_at_once[GUARDS];    // it makes no verdict
    enum result verdict[GUARDS];    // of advance()
    struct answer refusal;          // after RESULT_ERROR
    enum result after_time[GUARDS]; // of timed_out()
    const char *fields;             // that are added when a verdict is RESULT_OK
    uint32_t asked[GUARDS], left[GUARDS], arms;
    char order[16];
} rehearsal;

struct test_verdict {
    struct verdict verdict;
    size_t guard;
    char *text; // freed at the end: the answer's page must not be used later
};

static struct test_verdict *of(struct verdict *verdict) {
    return LIST_ENTRY(verdict, struct test_verdict, verdict);
}

static enum result test_advance(struct verdict *verdict) {
    size_t guard = of(verdict)->guard;
    enum result result = rehearsal.verdict[guard];
    if (result == RESULT_ERROR) {
        return verdict_refuse(verdict, rehearsal.refusal);
    }
    if (result == RESULT_OK && rehearsal.fields != NULL) {
        verdict->fields = slice_from(rehearsal.fields);
    }
    return result;
}

static void test_arm(struct verdict *verdict) {
    (void)verdict;
    rehearsal.arms++;
}

static enum result test_timed_out(struct verdict *verdict) {
    size_t guard = of(verdict)->guard;
    rehearsal.verdict[guard] = rehearsal.after_time[guard];
    return rehearsal.after_time[guard] == RESULT_ERROR
               ? verdict_refuse(verdict, answer_of(504, "the verdict was late"))
               : RESULT_OK;
}

static void test_leave(struct verdict *verdict) {
    rehearsal.left[of(verdict)->guard]++;
    free(of(verdict)->text);
    free(of(verdict));
}

static struct answer ask(size_t guard, const struct verdict_question *question,
                         struct verdict **verdict) {
    static const struct verdict_verbs verbs = {test_advance, test_arm, test_timed_out, test_leave};
    rehearsal.asked[guard]++;
    sprintf(rehearsal.order + strlen(rehearsal.order), "%zu", guard);
    assert_null(*verdict);
    assert_true(question->request->fields->count > 0 && question->told == NULL);
    assert_non_null(question->choice->backend);
    if (rehearsal.at_once[guard].status != 0 || rehearsal.passes_at_once[guard]) {
        return rehearsal.at_once[guard];
    }
    struct test_verdict *made = calloc(1, sizeof(*made));
    assert_non_null(made);
    made->guard = guard;
    made->verdict.verbs = &verbs;
    made->verdict.deadline_ms = bench.shared.now_ms + WAIT_MS;
    *verdict = &made->verdict;
    return NO_ANSWER;
}

static struct answer ask_users(const struct verdict_question *question, struct verdict **verdict) {
    return ask(ROUTE_GUARD_USERS, question, verdict);
}

static struct answer ask_authorize(const struct verdict_question *question,
                                   struct verdict **verdict) {
    return ask(ROUTE_GUARD_AUTHORIZE, question, verdict);
}

static void guard_routes(uint8_t guards) {
    struct config_site *site = &bench.generation.config->sites[0];
    for (size_t i = 0; i < site->route_count; i++) {
        site->routes[i].guards = guards;
    }
}

static int set_up_guards(void **state) {
    (void)state;
    bench_start(BENCH_SITE("server 127.0.0.1:9000 {}\n retries = 1\n request-timeout = 60s"));
    bench.shared.askers[ROUTE_GUARD_USERS] = ask_users;
    bench.shared.askers[ROUTE_GUARD_AUTHORIZE] = ask_authorize;
    guard_routes(1 << ROUTE_GUARD_AUTHORIZE);
    return 0;
}

static void begin(const struct scenario *scenario) {
    static const struct faults none;
    memset(&rehearsal, 0, sizeof(rehearsal));
    rehearsal.verdict[0] = rehearsal.verdict[1] = RESULT_AGAIN;
    scenario_begin(scenario, &none);
}

static void assert_waits(int64_t ms) {
    assert_int_equal(bench_advance(), RESULT_AGAIN);
    assert_int_equal(exchange_deadline(bench.exchange) - bench.shared.now_ms, ms);
    assert_int_equal(bench.connection_count, 0); // no server was asked
}

static void assert_ends(const char *record, uint16_t status, const char *ended) {
    bench_finish();
    assert_string_equal(bench.memory.record, record);
    assert_int_equal(bench.account.status, status);
    if (ended == NULL) {
        assert_null(bench.account.ended);
    } else {
        assert_string_equal(bench.account.ended, ended);
    }
    for (size_t i = 0; i < GUARDS; i++) {
        assert_int_equal(rehearsal.left[i],
                         rehearsal.at_once[i].status != 0 || rehearsal.passes_at_once[i]
                             ? 0
                             : rehearsal.asked[i]);
    }
    bench_forget_connections();
}

static const struct scenario plain = {.request = GET, .scripts = {{.reply = OK_HELLO}}};

// --- tests ---

static void test_it_waits_and_goes_on(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    bench_pass_time(500);
    assert_waits(WAIT_MS - 500); // what happens elsewhere is no progress
    assert_true(rehearsal.arms >= 2);
    verdict_wake(bench.exchange->verdict);
    assert_int_equal(bench.memory.wakes, 1);
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_OK;
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_int_equal(rehearsal.left[ROUTE_GUARD_AUTHORIZE], 1);
    assert_ends("{200 length}hello{end}", 200, NULL);
}

static void test_other_routes_ask_nobody(void **state) {
    (void)state;
    guard_routes(0);
    begin(&plain);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_int_equal(rehearsal.asked[0] + rehearsal.asked[1], 0);
    assert_ends("{200 length}hello{end}", 200, NULL);
}

static void test_it_refuses(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_ERROR;
    rehearsal.refusal = answer_of(403, "not for this one");
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_int_equal(bench.connection_count, 0);
    assert_ends("{answer 403}", 403, "not for this one");
}

// What the answer has is used before the verdict is freed. (That is seen by the sanitizers.)
static void test_its_answer_has_a_page(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    struct test_verdict *verdict = of(bench.exchange->verdict);
    verdict->text = strdup("X-Why: not\r\nsorry");
    const struct http_page page = {SLICE("text/plain"), slice_from(verdict->text + 12)};
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_ERROR;
    rehearsal.refusal = answer_of(401, "who is it");
    rehearsal.refusal.fields = (struct slice){verdict->text, 12};
    rehearsal.refusal.text = &page;
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_string_equal(bench.memory.answered, "X-Why: not\r\n|text/plain|sorry");
    assert_ends("{answer 401}", 401, "who is it");
}

static void test_it_refuses_at_once(void **state) {
    (void)state;
    memset(&rehearsal, 0, sizeof(rehearsal));
    rehearsal.at_once[ROUTE_GUARD_AUTHORIZE] = answer_of(401, "who is it");
    scenario_begin(&plain, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_int_equal(bench.connection_count, 0);
    assert_ends("{answer 401}", 401, "who is it");
}

static void test_it_lets_pass_at_once(void **state) {
    (void)state;
    memset(&rehearsal, 0, sizeof(rehearsal));
    rehearsal.passes_at_once[ROUTE_GUARD_AUTHORIZE] = true;
    scenario_begin(&plain, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{200 length}hello{end}", 200, NULL);
}

static void test_guards_in_turn(void **state) {
    (void)state;
    guard_routes(1 << ROUTE_GUARD_USERS | 1 << ROUTE_GUARD_AUTHORIZE);
    begin(&plain);
    assert_waits(WAIT_MS);
    assert_string_equal(rehearsal.order, "01");
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_OK; // the second alone is not enough
    assert_waits(WAIT_MS);
    rehearsal.verdict[ROUTE_GUARD_USERS] = RESULT_OK;
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_AGAIN;
    assert_waits(WAIT_MS);
    assert_int_equal(rehearsal.left[ROUTE_GUARD_USERS], 1);
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_ERROR;
    rehearsal.refusal = answer_of(403, "not for this one");
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{answer 403}", 403, "not for this one");

    rehearsal = (struct rehearsal){.passes_at_once = {true}};
    scenario_begin(&plain, &(struct faults){.steps = 0});
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{200 length}hello{end}", 200, NULL);
}

static void test_a_guard_without_an_asker(void **state) {
    (void)state;
    bench.shared.askers[ROUTE_GUARD_AUTHORIZE] = NULL;
    begin(&plain);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_int_equal(bench.connection_count, 0);
    assert_ends("{answer 503}", 503, "the guard of the route is not running");
}

static void test_it_takes_too_long(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    bench_pass_time(WAIT_MS);
    rehearsal.after_time[ROUTE_GUARD_AUTHORIZE] = RESULT_ERROR;
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{answer 504}", 504, "the verdict was late");

    begin(&plain);
    assert_waits(WAIT_MS);
    bench_pass_time(WAIT_MS);
    rehearsal.after_time[ROUTE_GUARD_AUTHORIZE] = RESULT_OK;
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{200 length}hello{end}", 200, NULL);

    begin(&plain); // request-timeout goes on meanwhile
    assert_waits(WAIT_MS);
    bench.exchange->verdict->deadline_ms = INT64_MAX;
    assert_waits(60000);
    bench_pass_time(60000);
    assert_int_equal(exchange_timed_out(bench.exchange), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{answer 504}", 504, "request timeout");
}

static void test_a_drain_ends(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    assert_int_equal(exchange_expire(bench.exchange), RESULT_OK);
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_ends("{answer 503}", 503, "drain-timeout expired");
}

static void test_the_client_leaves(void **state) {
    (void)state;
    begin(&plain);
    assert_waits(WAIT_MS);
    assert_ends("", 0, NULL);
    assert_int_equal(rehearsal.left[ROUTE_GUARD_AUTHORIZE], 1);
}

// Nothing of the body is asked for before the verdict, and 100 (Continue) is the server's.
static void test_a_body_waits(void **state) {
    (void)state;
    const struct scenario scenario = {
        .request = EXPECT,
        .body = "12345",
        .waits_for_100 = true,
        .scripts = {{.reply = "HTTP/1.1 100 Continue\r\n\r\n" OK_HELLO, .early = 25}}};
    begin(&scenario);
    assert_waits(WAIT_MS);
    assert_int_equal(bench.memory.taken, 0);
    assert_string_equal(bench.memory.record, "");
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_OK;
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_string_equal(understood(last_connection()), "POST /|length|12345");
    assert_ends("{100}{200 length}hello{end}", 200, NULL);

    begin(&scenario);
    assert_waits(WAIT_MS);
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_ERROR;
    rehearsal.refusal = answer_of(403, "not for this one");
    assert_int_equal(bench_advance(), RESULT_OK);
    assert_true(bench.memory.stopped && !bench.memory.drops && bench.memory.taken == 0);
    assert_ends("{answer 403}", 403, "not for this one");
}

static void test_fields_are_added(void **state) {
    (void)state;
    static const char upgrade[] = "Connection: upgrade\r\n";
    for (size_t i = 0; i < 2; i++) {
        const struct scenario scenario = {
            .request = i == 0 ? GET : UPGRADE, .tunnel = "", .scripts = {{.reply = OK_HELLO}}};
        begin(&scenario);
        assert_waits(WAIT_MS);
        rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_OK;
        rehearsal.fields = "Remote-User: ann\r\nRemote-Groups: a,b\r\n";
        assert_int_equal(bench_advance(), RESULT_OK);
        const struct memory_connection *connection = last_connection();
        connection->received[connection->received_size] = '\0';
        const char *tail = strstr(connection->received, "Remote-User");
        assert_non_null(tail);
        assert_string_equal(tail, "Remote-User: ann\r\nRemote-Groups: a,b\r\n\r\n");
        assert_int_equal(strstr(connection->received, upgrade) != NULL, i == 1);
        assert_ends("{200 length}hello{end}", 200, NULL);
    }
}

// What a guard may set comes from no client, not in trailers either.
static void test_reserved_fields(void **state) {
    (void)state;
    static char name[] = "Remote-User";
    static char *names[] = {name};
    struct config_site *site = &bench.generation.config->sites[0];
    for (size_t i = 0; i < site->route_count; i++) {
        site->routes[i].request.reserved[ROUTE_GUARD_AUTHORIZE] = (struct config_names){names, 1};
    }
    const struct scenario scenario = {
        .request = "POST / HTTP/1.1\r\nHost: a.test\r\nREMOTE_USER: eve\r\nremote-user: eve\r\n"
                   "Transfer-Encoding: chunked\r\n\r\n",
        .body = "12345",
        .trailer = {SLICE("Remote-User"), SLICE("eve"), FIELD_OTHER, false},
        .scripts = {{.reply = OK_HELLO}}};
    begin(&scenario);
    rehearsal.verdict[ROUTE_GUARD_AUTHORIZE] = RESULT_OK;
    rehearsal.fields = "Remote-User: ann\r\n";
    assert_int_equal(bench_advance(), RESULT_OK);
    struct memory_connection *connection = &bench.connections[0];
    connection->received[connection->received_size] = '\0';
    assert_null(strstr(connection->received, "eve"));
    assert_non_null(strstr(connection->received, "\r\nRemote-User: ann\r\n\r\n5\r\n12345"));
    assert_ends("{200 length}hello{end}", 200, NULL);
}

// They are sent again to another server, and each guard adds its own.
static void test_fields_of_two_guards(void **state) {
    (void)state;
    guard_routes(1 << ROUTE_GUARD_USERS | 1 << ROUTE_GUARD_AUTHORIZE);
    const struct scenario scenario = {
        .request = GET, .scripts = {{.closes = true}, {.reply = OK_HELLO}}, .script_count = 2};
    begin(&scenario);
    rehearsal.verdict[0] = rehearsal.verdict[1] = RESULT_OK;
    rehearsal.fields = "Remote-User: ann\r\n";
    assert_int_equal(bench_advance(), RESULT_OK);
    const struct memory_connection *connection = last_connection();
    connection->received[connection->received_size] = '\0';
    assert_string_equal(strstr(connection->received, "Remote-User"),
                        "Remote-User: ann\r\nRemote-User: ann\r\n\r\n");
    assert_int_equal(bench.connection_count, 2);
    assert_ends("{200 length}hello{end}", 200, NULL);
}

#define GUARD_TEST(function) cmocka_unit_test_setup_teardown(function, set_up_guards, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        GUARD_TEST(test_it_waits_and_goes_on), GUARD_TEST(test_other_routes_ask_nobody),
        GUARD_TEST(test_it_refuses),           GUARD_TEST(test_its_answer_has_a_page),
        GUARD_TEST(test_it_refuses_at_once),   GUARD_TEST(test_it_lets_pass_at_once),
        GUARD_TEST(test_guards_in_turn),       GUARD_TEST(test_a_guard_without_an_asker),
        GUARD_TEST(test_it_takes_too_long),    GUARD_TEST(test_a_drain_ends),
        GUARD_TEST(test_the_client_leaves),    GUARD_TEST(test_a_body_waits),
        GUARD_TEST(test_fields_are_added),     GUARD_TEST(test_fields_of_two_guards),
        GUARD_TEST(test_reserved_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
