// Questions to DNS servers over the loopback interface. The test is the servers.
#include "monitor/resolver.h"

#include "base/socket.h"
#include "dns_bytes.h"
#include "loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { QUESTIONS_MAX = 300 };

enum behaviour { ANSWERS, IS_SILENT, HAS_WRONG_IDS, FAILS, SENDS_RUBBISH };

struct server {
    ev_io io;
    struct address address;
    enum behaviour behaviour;
    size_t asked;
};

// What the test asks, and what came of it.
struct asking {
    struct question question;
    struct lab *lab;
    char host[HOST_TEXT_SIZE];
    bool ended;
    enum dns_outcome outcome;
    size_t count;
    uint8_t last; // byte of the first address
};

struct lab {
    struct ev_loop *loop;
    struct resolver *resolver;
    struct server servers[2];
    struct asking askings[QUESTIONS_MAX];
    size_t ended;
};

static void on_question(struct ev_loop *loop, ev_io *io, int events) {
    struct server *server = io->data;
    static struct dns_bytes bytes;
    uint8_t data[1500];
    struct sockaddr_storage from;
    socklen_t from_size = sizeof(from);
    (void)loop;
    (void)events;
    ssize_t size = recvfrom(io->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_size);
    assert_true(size > 12);
    server->asked++;
    if (server->behaviour == IS_SILENT) {
        return;
    }
    char name[HOST_TEXT_SIZE] = "";
    for (size_t at = 12; data[at] != 0; at += data[at] + 1u) {
        (void)snprintf(name + strlen(name), sizeof(name) - strlen(name), "%s%.*s",
                       name[0] != '\0' ? "." : "", data[at], (const char *)&data[at + 1]);
    }
    put_head(&bytes, name, DNS_A, server->behaviour == ANSWERS ? 1 : 0, 0);
    if (server->behaviour == ANSWERS || server->behaviour == HAS_WRONG_IDS) {
        char text[20];
        (void)snprintf(text, sizeof(text), "10.0.0.%zu", (size_t)(server->io.fd % 200));
        bytes.data[7] = 1;
        put_a(&bytes, name, 60, text);
    }
    memcpy(bytes.data, data, 2);
    bytes.data[0] ^= server->behaviour == HAS_WRONG_IDS ? 0xff : 0;
    bytes.data[3] |= server->behaviour == FAILS ? 2 : 0;
    if (server->behaviour == SENDS_RUBBISH) {
        bytes.data[7] = 200; // records that are not there
    }
    assert_true(sendto(io->fd, bytes.data, bytes.size, 0, (struct sockaddr *)&from, from_size) > 0);
}

static void open_server(struct lab *lab, struct server *server) {
    const char *why;
    assert_int_equal(address_parse(SLICE("127.0.0.1:0"), &server->address, &why), RESULT_OK);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, &server->address.as.any, server->address.size), 0);
    assert_int_equal(getsockname(fd, &server->address.as.any, &server->address.size), 0);
    ev_io_init(&server->io, on_question, fd, EV_READ);
    server->io.data = server;
    ev_io_start(lab->loop, &server->io);
}

static void use(struct lab *lab, size_t first, size_t count) {
    struct address addresses[2];
    for (size_t i = 0; i < count; i++) {
        addresses[i] = lab->servers[first + i].address;
    }
    assert_true(resolver_use(lab->resolver, addresses, count));
}

static struct lab *open_lab(void) {
    struct lab *lab = calloc(1, sizeof(*lab));
    assert_non_null(lab);
    lab->loop = ev_loop_new(EVFLAG_AUTO);
    lab->resolver = resolver_new(lab->loop);
    assert_non_null(lab->resolver);
    for (size_t i = 0; i < 2; i++) {
        open_server(lab, &lab->servers[i]);
    }
    use(lab, 0, 1);
    return lab;
}

static void close_lab(struct lab *lab) {
    resolver_free(lab->resolver);
    for (size_t i = 0; i < 2; i++) {
        ev_io_stop(lab->loop, &lab->servers[i].io);
        (void)close(lab->servers[i].io.fd);
    }
    ev_loop_destroy(lab->loop);
    free(lab);
}

static void on_answered(struct question *question, enum dns_outcome outcome,
                        const struct dns_answer *answer) {
    struct asking *asking = LIST_ENTRY(question, struct asking, question);
    if (outcome == DNS_AGAIN) {
        resolver_ask(asking->lab->resolver, question);
        return;
    }
    asking->ended = true;
    asking->outcome = outcome;
    asking->count = outcome == DNS_FOUND ? answer->count : 0;
    asking->last = asking->count > 0 ? answer->addresses[0].bytes[3] : 0;
    asking->lab->ended++;
}

static void ask_with(struct lab *lab, struct asking *asking, size_t index) {
    *asking = (struct asking){.lab = lab};
    (void)snprintf(asking->host, sizeof(asking->host), "n%zu.test", index);
    question_init(&asking->question);
    asking->question.host = asking->host;
    asking->question.type = DNS_A;
    asking->question.answered = on_answered;
    resolver_ask(lab->resolver, &asking->question);
}

static struct asking *ask(struct lab *lab, size_t index) {
    ask_with(lab, &lab->askings[index], index);
    return &lab->askings[index];
}

static void test_an_answer(void **state) {
    (void)state;
    struct lab *lab = open_lab();
    struct asking *asking = ask(lab, 0);
    RUN_UNTIL(lab->loop, asking->ended);
    assert_int_equal(asking->outcome, DNS_FOUND);
    assert_int_equal(asking->last, lab->servers[0].io.fd % 200);
    close_lab(lab);
}

static void test_answers_that_are_none(void **state) {
    (void)state;
    static const struct {
        enum behaviour behaviour;
        enum dns_outcome outcome;
    } cases[] = {
        {IS_SILENT, DNS_SILENT},
        {HAS_WRONG_IDS, DNS_SILENT},
        {FAILS, DNS_FAILED},
        {SENDS_RUBBISH, DNS_FAILED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab *lab = open_lab();
        lab->servers[0].behaviour = cases[i].behaviour;
        struct asking *asking = ask(lab, 0);
        RUN_UNTIL(lab->loop, asking->ended);
        // How c-ares tells a server that reports errors from one that is silent differs by version.
        assert_true(asking->outcome == DNS_SILENT || asking->outcome == DNS_FAILED);
        assert_true(asking->outcome == cases[i].outcome || cases[i].behaviour == FAILS);
        assert_true(lab->servers[0].asked > 0);
        close_lab(lab);
    }
}

static void test_the_next_server_is_asked(void **state) {
    (void)state;
    static const enum behaviour behaviours[] = {IS_SILENT, FAILS};
    for (size_t i = 0; i < 2; i++) {
        struct lab *lab = open_lab();
        use(lab, 0, 2);
        lab->servers[0].behaviour = behaviours[i];
        struct asking *asking = ask(lab, 0);
        RUN_UNTIL(lab->loop, asking->ended);
        assert_int_equal(asking->outcome, DNS_FOUND);
        assert_int_equal(asking->last, lab->servers[1].io.fd % 200);
        close_lab(lab);
    }
}

static void test_a_server_where_nobody_listens(void **state) {
    (void)state;
    struct lab *lab = open_lab();
    ev_io_stop(lab->loop, &lab->servers[0].io);
    (void)close(lab->servers[0].io.fd);
    struct asking *asking = ask(lab, 0);
    RUN_UNTIL(lab->loop, asking->ended);
    assert_int_equal(asking->outcome, DNS_SILENT);
    lab->servers[0].io.fd = dup(0);
    close_lab(lab);
}

static void test_many_questions(void **state) {
    (void)state;
    struct lab *lab = open_lab();
    for (size_t i = 0; i < QUESTIONS_MAX; i++) {
        (void)ask(lab, i);
    }
    RUN_UNTIL(lab->loop, lab->ended == QUESTIONS_MAX);
    for (size_t i = 0; i < QUESTIONS_MAX; i++) {
        assert_int_equal(lab->askings[i].outcome, DNS_FOUND);
    }
    close_lab(lab);
}

static void test_other_servers_answer_what_is_under_way(void **state) {
    (void)state;
    struct lab *lab = open_lab();
    lab->servers[0].behaviour = IS_SILENT;
    for (size_t i = 0; i < QUESTIONS_MAX; i++) {
        (void)ask(lab, i);
    }
    RUN_UNTIL(lab->loop, lab->servers[0].asked == RESOLVER_QUESTIONS_MAX);
    use(lab, 1, 1);
    RUN_UNTIL(lab->loop, lab->ended == QUESTIONS_MAX);
    assert_int_equal(lab->servers[0].asked, RESOLVER_QUESTIONS_MAX);
    close_lab(lab);
}

// Each waiting question fails at once, whatever their number: no socket can connect to this server.
static void test_waiting_questions_that_fail_at_once(void **state) {
    (void)state;
    enum { MANY = 100000 };
    struct lab *lab = open_lab();
    struct asking *askings = calloc(MANY, sizeof(*askings));
    struct address broadcast;
    const char *why;
    assert_non_null(askings);
    assert_int_equal(address_parse(SLICE("255.255.255.255:53"), &broadcast, &why), RESULT_OK);
    lab->servers[0].behaviour = IS_SILENT;
    for (size_t i = 0; i < MANY; i++) {
        ask_with(lab, &askings[i], i);
    }
    assert_true(resolver_use(lab->resolver, &broadcast, 1));
    RUN_UNTIL(lab->loop, lab->ended == MANY);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_not_equal(askings[i].outcome, DNS_FOUND);
    }
    close_lab(lab);
    free(askings);
}

static void test_what_is_forgotten_is_not_answered(void **state) {
    (void)state;
    struct lab *lab = open_lab();
    for (size_t i = 0; i < 100; i++) { // under way and waiting
        resolver_forget(lab->resolver, &ask(lab, i)->question);
    }
    struct asking *last = ask(lab, 100);
    RUN_UNTIL(lab->loop, last->ended);
    assert_int_equal(lab->ended, 1);
    (void)ask(lab, 101); // and at the end
    close_lab(lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),
        cmocka_unit_test(test_answers_that_are_none),
        cmocka_unit_test(test_the_next_server_is_asked),
        cmocka_unit_test(test_a_server_where_nobody_listens),
        cmocka_unit_test(test_many_questions),
        cmocka_unit_test(test_other_servers_answer_what_is_under_way),
        cmocka_unit_test(test_waiting_questions_that_fail_at_once),
        cmocka_unit_test(test_what_is_forgotten_is_not_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
