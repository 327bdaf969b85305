// What an operator orders of servers, and the list of them.
#include "process/servers.h"

#include "config_text.h"

#include <unistd.h>

enum { SLOTS = 2, FORMER = 7 };

#define TWO                                                                                        \
    LISTEN SITE "backend b { server 127.0.0.1:1 {}\n"                                              \
                "server unix:/run/x { backup = yes weight = 3 max-connections = 20 } }\n"          \
                "backend b-c { server 127.0.0.1:1 {} }\n"

struct lab {
    struct log log;
    int log_end;
    struct server_counts *counts;
};

static void open_lab(struct lab *lab) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_init(&lab->log, ends[1], false, SEVERITY_INFO, "master");
    lab->log_end = ends[0];
    lab->counts = server_counts_map(SLOTS);
    assert_non_null(lab->counts);
}

static void close_lab(struct lab *lab) {
    (void)close(lab->log_end);
    server_counts_unmap(lab->counts);
}

// What was logged since the last time, without times and names.
static void assert_logged(const struct lab *lab, const char *expected) {
    char text[2048] = "";
    size_t size = 0;
    ssize_t got = 0;
    assert_int_equal(write(lab->log.sink.fd, "#", 1), 1); // there is something to read
    got = read(lab->log_end, text, sizeof(text) - 1);
    assert_true(got > 0);
    text[got - 1] = '\0';
    char found[2048] = "";
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        const char *message = strstr(line, "]: ");
        assert_non_null(message);
        size += (size_t)snprintf(found + size, sizeof(found) - size, "%s\n", message + 3);
    }
    assert_string_equal(found, expected);
}

static struct source make(const char *text, const struct source *former) {
    struct source source = {.number = FORMER, .config = load(text)};
    struct server_table_former before = {.config = NULL};
    if (former != NULL) {
        before = (struct server_table_former){former->config, FORMER, &former->servers};
    }
    assert_true(server_table_make(&source.servers, source.config, SLOTS, NULL,
                                  former == NULL ? NULL : &before));
    return source;
}

static void discard(struct source *source) {
    server_table_close(&source->servers);
    config_free(source->config);
}

static void order(struct lab *lab, const struct source *source, const char *name, const char *word,
                  int exit_code, const char *answer) {
    char text[SERVERS_TEXT_SIZE];
    assert_int_equal(servers_order(source, name, word, &lab->log, text), exit_code);
    assert_string_equal(text, answer);
}

static void assert_standings(const struct source *source, enum server_standing a,
                             enum server_standing b, enum server_standing c) {
    const enum server_standing wanted[] = {a, b, c};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(server_entry_standing(server_table_entry(&source->servers, i)), wanted[i]);
    }
}

static void test_orders(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    struct source source = make(TWO, NULL);
    assert_standings(&source, SERVER_PRIMARY, SERVER_BACKUP, SERVER_PRIMARY);
    order(&lab, &source, "b/unix:/run/x", "drain", 0, "b/unix:/run/x: drain");
    order(&lab, &source, "b-c/127.0.0.1:1", "down", 0, "b-c/127.0.0.1:1: down");
    assert_standings(&source, SERVER_PRIMARY, SERVER_DRAINING, SERVER_DOWN);
    assert_logged(&lab, "server b/unix:/run/x: drain (it was ready)\n"
                        "server b-c/127.0.0.1:1: down (it was ready)\n");
    order(&lab, &source, "b-c/127.0.0.1:1", "down", 0, "b-c/127.0.0.1:1: down"); // no change
    order(&lab, &source, "b/unix:/run/x", "ready", 0, "b/unix:/run/x: ready");
    order(&lab, &source, "b-c/127.0.0.1:1", "drain", 0, "b-c/127.0.0.1:1: drain");
    assert_standings(&source, SERVER_PRIMARY, SERVER_BACKUP, SERVER_DRAINING);
    assert_logged(&lab, "server b/unix:/run/x: ready (it was drain)\n"
                        "server b-c/127.0.0.1:1: drain (it was down)\n");
    discard(&source);
    close_lab(&lab);
}

static void test_orders_that_mean_nothing(void **state) {
    (void)state;
    static const char *const names[] = {"b",   "b/",  "b/127.0.0.1:2",  "c/127.0.0.1:1", "/",
                                        "b/b", "b-c", "b-/127.0.0.1:1", "127.0.0.1:1"};
    struct lab lab;
    open_lab(&lab);
    struct source source = make(TWO, NULL);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char answer[SERVERS_TEXT_SIZE];
        (void)snprintf(answer, sizeof(answer),
                       "no server '%s'; 'ravelin servers' lists them as BACKEND/ADDRESS", names[i]);
        order(&lab, &source, names[i], "down", 1, answer);
    }
    order(&lab, &source, "b/127.0.0.1:1", "up", 2,
          "a server can be drain, ready or down, not 'up'");
    assert_standings(&source, SERVER_PRIMARY, SERVER_BACKUP, SERVER_PRIMARY);
    assert_logged(&lab, "");
    discard(&source);
    close_lab(&lab);
}

static void test_an_order_stays_until_the_file_changes_the_server(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum server_standing standings[3]; // of b and its two servers, then b-c
        const char *logged;
    } cases[] = {
        {TWO, {SERVER_DOWN, SERVER_DRAINING, SERVER_DRAINING}, ""},
        // Another order of the file, and what is not of a server.
        {LISTEN SITE "backend b-c { retries = 3 balance = hash server 127.0.0.1:1 {} }\n"
                     "backend b { server 127.0.0.1:1 {}\n"
                     "server unix:/run/x { backup = yes weight = 3 max-connections = 20 } }\n",
         {SERVER_DRAINING, SERVER_DOWN, SERVER_DRAINING},
         ""},
        {LISTEN SITE "backend b { server 127.0.0.1:1 { weight = 2 }\n"
                     "server unix:/run/x { backup = yes weight = 3 max-connections = 21 } }\n"
                     "backend b-c { server 127.0.0.1:1 { backup = yes } }\n",
         {SERVER_PRIMARY, SERVER_BACKUP, SERVER_BACKUP},
         "server b/127.0.0.1:1: ready (it was down), because the configuration changed it\n"
         "server b/unix:/run/x: ready (it was drain), because the configuration changed it\n"
         "server b-c/127.0.0.1:1: ready (it was drain), because the configuration changed it\n"},
        {LISTEN SITE "backend b { server 127.0.0.1:1 {} server 127.0.0.1:3 {} }\n"
                     "backend c { server 127.0.0.1:1 {} }\n",
         {SERVER_DOWN, SERVER_PRIMARY, SERVER_PRIMARY},
         ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct lab lab;
        open_lab(&lab);
        struct source former = make(TWO, NULL);
        order(&lab, &former, "b/127.0.0.1:1", "down", 0, "b/127.0.0.1:1: down");
        order(&lab, &former, "b/unix:/run/x", "drain", 0, "b/unix:/run/x: drain");
        struct source next = make(cases[i].text, &former);
        // While the next one is loaded.
        order(&lab, &former, "b-c/127.0.0.1:1", "drain", 0, "b-c/127.0.0.1:1: drain");
        assert_logged(&lab, "server b/127.0.0.1:1: down (it was ready)\n"
                            "server b/unix:/run/x: drain (it was ready)\n"
                            "server b-c/127.0.0.1:1: drain (it was ready)\n");
        servers_keep_orders(&next, &former, &lab.log);
        assert_standings(&next, cases[i].standings[0], cases[i].standings[1],
                         cases[i].standings[2]);
        assert_logged(&lab, cases[i].logged);
        discard(&next);
        discard(&former);
        close_lab(&lab);
    }
}

// The worker takes the server out of use.
static void fail_at(const struct server_counter *counter, uint32_t cell, enum fault fault,
                    uint32_t detail) {
    static const struct config_backend policy = {.max_failures = 1, .eject_time_ms = 60000};
    const struct health_event event = {&policy, 1, 1, false};
    (void)health_failed(&server_counter_health(counter)[cell], &event, fault, detail, false, 0);
}

static void test_the_list(void **state) {
    (void)state;
    struct lab lab;
    open_lab(&lab);
    struct source source = make(TWO, NULL);
    char text[1024];
    for (size_t slot = 0; slot < SLOTS; slot++) {
        const struct server_counter counter = {lab.counts, slot};
        uint32_t cell = server_table_entry(&source.servers, 1)->cell;
        server_cell_add(server_counter_cell(&counter, cell), 6);
        fail_at(&counter, cell, FAULT_CONNECT_TIMEOUT, 0);
    }
    const struct server_counter first = {lab.counts, 0};
    fail_at(&first, server_table_entry(&source.servers, 2)->cell, FAULT_STATUS, 503);
    order(&lab, &source, "b/127.0.0.1:1", "drain", 0, "b/127.0.0.1:1: drain");
    servers_list(&source, lab.counts, text, sizeof(text));
    assert_string_equal(
        text, "server           state  in use  at most  weight  backup  health\n"
              "b/127.0.0.1:1    drain       0        -       1  no      up\n"
              "b/unix:/run/x    ready      12       20       3  yes     out: connect: timeout\n"
              "b-c/127.0.0.1:1  ready       0        -       1  no      out, but used (none is up) "
              "in 1 of 2 workers: status 503");
    // What does not fit is counted.
    servers_list(&source, lab.counts, text, 220);
    assert_string_equal(text, "server           state  in use  at most  weight  backup  health\n"
                              "b/127.0.0.1:1    drain       0        -       1  no      up\n"
                              "and 2 more");
    discard(&source);
    close_lab(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_orders_that_mean_nothing),
        cmocka_unit_test(test_an_order_stays_until_the_file_changes_the_server),
        cmocka_unit_test(test_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
