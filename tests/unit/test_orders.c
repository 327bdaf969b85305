// What each order does and answers, with an owner and a control socket of the test's own.
#include "process/orders.h"

#include "children_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { CLIENT = 5 };

static struct orders orders;

// What the owner was told, in order: a letter each, 'a' for an answer to the client.
static char told[16];
static const char *refusal;
static bool fits;

static struct {
    int exit_code;
    char text[4096];
    size_t fd_count;
    bool has_executable, has_bundle;
} reply;

static void note(char letter) {
    size_t used = strlen(told);
    assert_true(used + 1 < sizeof(told));
    told[used] = letter;
}

// --- What stands in for the world ---

static bool is_same_file(int fd, int other) {
    struct stat a;
    struct stat b;
    return fstat(fd, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

void control_answer_with(struct control_server *server, uint64_t client, int exit_code,
                         const char *text, const int *fds, size_t fd_count) {
    assert_ptr_equal(server, orders.control);
    assert_int_equal(client, CLIENT);
    note('a');
    reply.exit_code = exit_code;
    (void)snprintf(reply.text, sizeof(reply.text), "%s", text);
    reply.fd_count = fd_count;
    if (fd_count == 2) {
        int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
        reply.has_executable = is_same_file(fds[0], self);
        reply.has_bundle = is_same_file(fds[1], lab.source.files_fd);
        (void)close(self);
    }
}

void control_answer(struct control_server *server, uint64_t client, int exit_code,
                    const char *text) {
    control_answer_with(server, client, exit_code, text, NULL, 0);
}

static const char *on_reload(void *context, uint64_t client) {
    assert_ptr_equal(context, &orders);
    assert_int_equal(client, CLIENT);
    note('r');
    return refusal;
}

static const char *on_upgrade(void *context, uint64_t client) {
    assert_ptr_equal(context, &orders);
    assert_int_equal(client, CLIENT);
    note('u');
    return refusal;
}

static const char *on_reopen(void *context, uint64_t client) {
    assert_ptr_equal(context, &orders);
    assert_int_equal(client, CLIENT);
    note('o');
    return refusal;
}

static const char *keeps(void *context) {
    assert_ptr_equal(context, &orders);
    return refusal;
}

static void on_drain(void *context) {
    assert_ptr_equal(context, &orders);
    note('d');
}

static void on_stop(void *context) {
    assert_ptr_equal(context, &orders);
    note('s');
}

static bool draw_status(void *context, char *text, size_t capacity) {
    assert_ptr_equal(context, &orders);
    (void)snprintf(text, capacity, "{}");
    return fits;
}

// --- Fixture ---

static void ignore(void *context) {
    (void)context;
}

static int set_up(void **state) {
    static const struct children_handler handler = {.started = ignore};
    static int server;
    (void)state;
    memset(told, 0, sizeof(told));
    memset(&reply, 0, sizeof(reply));
    refusal = NULL;
    fits = true;
    lab_open(&handler);
    lab.source.files_fd = memfd_create("bundle", MFD_CLOEXEC);
    lab.config.tls = (struct config_tls){.require_post_quantum = true, .ticket_lifetime_s = 60};
    orders = (struct orders){
        .control = (struct control_server *)&server,
        .children = &lab.children,
        .version = "1.2",
        .handler = {.reload = on_reload,
                    .reopen = on_reopen,
                    .upgrade = on_upgrade,
                    .keeps = keeps,
                    .drain = on_drain,
                    .stop = on_stop,
                    .draw_status = draw_status,
                    .context = &orders},
    };
    return lab.source.files_fd < 0;
}

static int tear_down(void **state) {
    (void)state;
    (void)close(lab.source.files_fd);
    lab_close();
    return 0;
}

static void give(enum command command) {
    const struct control_handler handler = orders_control(&orders);
    const struct order order = {
        .command = command, .argument_count = 2, .arguments = {"web/127.0.0.1:1", "drain"}};
    handler.command(handler.context, CLIENT, &order);
}

static void assert_reply(int exit_code, const char *text) {
    assert_int_equal(reply.exit_code, exit_code);
    assert_string_equal(reply.text, text);
}

// --- Tests ---

static void test_what_takes_time_is_answered_when_it_ends(void **state) {
    (void)state;
    give(COMMAND_RELOAD);
    give(COMMAND_REOPEN);
    assert_string_equal(told, "ro");
}

static void test_what_is_refused_is_answered_at_once(void **state) {
    (void)state;
    refusal = "a reload is running";
    give(COMMAND_RELOAD);
    assert_string_equal(told, "ra");
    assert_reply(1, "a reload is running");
    give(COMMAND_REOPEN);
    assert_string_equal(told, "raoa");
    assert_reply(1, "a reload is running");
}

static void test_servers_and_sites_stay_while_they_are_kept(void **state) {
    (void)state;
    refusal = "an upgrade is under way";
    give(COMMAND_SERVER);
    assert_reply(1, "an upgrade is under way");
    give(COMMAND_MAINTENANCE);
    assert_string_equal(told, "aa");
    assert_reply(1, "an upgrade is under way");
    give(COMMAND_SERVERS);
    assert_int_equal(reply.exit_code, 0);
}

// The owner may end before the next turn of the loop.
static void test_who_ends_it_has_the_answer_first(void **state) {
    (void)state;
    give(COMMAND_DRAIN);
    assert_string_equal(told, "ad");
    assert_reply(0, "draining");
    give(COMMAND_STOP);
    assert_string_equal(told, "adas");
    assert_reply(0, "stopping");
}

static void test_status(void **state) {
    (void)state;
    give(COMMAND_STATUS);
    assert_reply(0, "{}");
    fits = false;
    give(COMMAND_STATUS);
    assert_reply(1, "no room for the status");
}

static void test_servers(void **state) {
    (void)state;
    give(COMMAND_SERVERS); // there are none
    assert_reply(0, "server  state  in use  at most  weight  backup  health");
    give(COMMAND_SERVER);
    assert_reply(1, "no server 'web/127.0.0.1:1'; 'ravelin servers' lists them as BACKEND/ADDRESS");
}

static void test_prove(void **state) {
    (void)state;
    char expected[1024];
    lab_run();
    give(COMMAND_PROVE);
    int size = snprintf(expected, sizeof(expected),
                        "pid %ld\nversion 1.2\ngeneration 7\nrequire-post-quantum yes\n"
                        "ticket-lifetime 60\n",
                        (long)getpid());
    for (struct child *child = child_first(&lab.children, NULL); child != NULL;
         child = child_next(child, NULL)) {
        size += snprintf(expected + size, sizeof(expected) - (size_t)size,
                         "process %s %u %ld running\n", child->kind->name, child->slot,
                         (long)child->pid);
    }
    assert_reply(0, expected);
    assert_int_equal(reply.fd_count, 2);
    assert_true(reply.has_executable && reply.has_bundle);
}

static void test_each_order_gets_one_answer(void **state) {
    (void)state;
    refusal = "not now"; // else a reload is answered later
    for (int command = 0; command < COMMAND_COUNT; command++) {
        memset(told, 0, sizeof(told));
        give((enum command)command);
        const char *answer = strchr(told, 'a');
        assert_non_null(answer);
        assert_null(strchr(answer + 1, 'a'));
        assert_int_equal(strcmp(reply.text, "unknown command") == 0, !commands[command].is_order);
    }
}

static void test_children_may_give_no_orders(void **state) {
    (void)state;
    const struct control_handler handler = orders_control(&orders);
    lab_run();
    assert_true(handler.refuses(handler.context, lab_child(LAB_CLIENTS, 1)->pid));
    assert_false(handler.refuses(handler.context, LAB_FIRST_PID));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_takes_time_is_answered_when_it_ends),
        TEST(test_what_is_refused_is_answered_at_once),
        TEST(test_servers_and_sites_stay_while_they_are_kept),
        TEST(test_who_ends_it_has_the_answer_first),
        TEST(test_status),
        TEST(test_servers),
        TEST(test_prove),
        TEST(test_each_order_gets_one_answer),
        TEST(test_children_may_give_no_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
