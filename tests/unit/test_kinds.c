// The rows of the kinds of children: who comes first, in which sandbox, with which descriptors.
#include "process/kinds.h"

#include "process/auth_process.h"
#include "process/monitor_process.h"
#include "process/signer_process.h"
#include "process/source.h"
#include "process/worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SLOTS = 2, SLOT = 1, CONTROL = 100 };

// Numbers of descriptors that are not open.
enum { FILES = 1000, KEYS, USERS, ERROR_LOG, ACCESS_LOG, SERVERS, STATES, ADMIN };

static struct {
    struct children children;
    struct child child;
    struct config config;
    struct config_listen admin;
    struct source source;
    struct region_part states[SLOTS];
    struct log log;
    struct title title;
    struct privilege privilege;
} fixture;

// --- What stands in for the world ---

static struct spawn spawned;
static struct worker_start worker_start;
static struct signer_start signer_start;
static struct auth_start auth_start;
static struct monitor_start monitor_start;

pid_t spawn_process(const struct spawn *spawn, const struct title *title) {
    assert_ptr_equal(title, &fixture.title);
    spawned = *spawn;
    if (spawn->run == worker_run) {
        worker_start = *(const struct worker_start *)spawn->argument;
    } else if (spawn->run == monitor_run) {
        monitor_start = *(const struct monitor_start *)spawn->argument;
    } else if (spawn->run == auth_run) {
        auth_start = *(const struct auth_start *)spawn->argument;
    } else {
        signer_start = *(const struct signer_start *)spawn->argument;
    }
    return 7;
}

void spawn_mute(void) {}

// --- Fixture ---

static int set_up(void **state) {
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    fixture.config = (struct config){.log_level = LOG_LEVEL_DEBUG,
                                     .log = {.target = LOG_TARGET_SYSLOG},
                                     .admins = &fixture.admin,
                                     .admin_count = 1};
    fixture.states[SLOT].fd = STATES;
    fixture.source = (struct source){
        .number = 7,
        .config = &fixture.config,
        .files_fd = FILES,
        .keys_fd = KEYS,
        .users_fd = USERS,
        .admins = {.count = 1, .fds = {ADMIN}, .config = &fixture.config},
        .logs = {.error = {.fd = ERROR_LOG}, .access = {.fd = ACCESS_LOG}},
        .servers = {.entries = {.fd = SERVERS}, .states = fixture.states, .slots = SLOTS},
    };
    log_init(&fixture.log, -1, SINK_NO_DAEMON, SEVERITY_INFO, "master");
    fixture.children = (struct children){
        .log = &fixture.log,
        .title = &fixture.title,
        .privilege = &fixture.privilege,
        .kinds = kinds,
        .kind_count = KIND_COUNT,
        .slot_count = SLOTS,
        .current = &fixture.source,
    };
    fixture.child = (struct child){.children = &fixture.children, .slot = SLOT};
    return shares_map(&fixture.children.shares, SLOTS) ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    shares_unmap(&fixture.children.shares);
    return 0;
}

static void spawn(int kind) {
    const struct spawn given = {
        .name = "rav-test",
        .title = "ravelin: test",
        .privilege = &fixture.privilege,
        .sandbox = kinds[kind].sandbox,
        .keep = {CONTROL},
        .keep_count = 1,
    };
    fixture.child.kind = &kinds[kind];
    assert_int_equal(kinds[kind].spawn(&fixture.child, &given), 7);
    // What children.c decides for all kinds stays as it is.
    assert_string_equal(spawned.name, "rav-test");
    assert_ptr_equal(spawned.privilege, &fixture.privilege);
    assert_int_equal(spawned.sandbox, kinds[kind].sandbox);
    assert_int_equal(spawned.keep_count, 1);
    assert_int_equal(spawned.keep[0], CONTROL);
}

static struct ipc_message load(int kind) {
    struct ipc_message message;
    ipc_init(&message, IPC_LOAD, 7);
    fixture.child.kind = &kinds[kind];
    kinds[kind].fill_load(&fixture.child, &fixture.source, &message);
    return message;
}

// --- Tests ---

// The order of the rows is the order in which they load: who is asked must be ready before.
static void test_who_answers_loads_before_who_asks(void **state) {
    (void)state;
    for (int pair = 0; pair < PAIR_COUNT; pair++) {
        unsigned answering = 0;
        unsigned asking = 0;
        for (int kind = 0; kind < KIND_COUNT; kind++) {
            answering += kinds[kind].data[pair] == DATA_ANSWERS;
            asking += kinds[kind].data[pair] == DATA_ASKS;
            assert_true(answering >= asking);
        }
        assert_int_equal(answering, 1);
        assert_int_equal(asking, 1);
    }
}

static void test_every_kind_has_a_sandbox(void **state) {
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        assert_int_not_equal(kinds[kind].sandbox, SANDBOX_NONE);
    }
    assert_int_equal(kinds[KIND_SIGNER].sandbox, SANDBOX_DESCRIPTORS);
    assert_int_equal(kinds[KIND_AUTH].sandbox, SANDBOX_DESCRIPTORS);
    assert_int_equal(kinds[KIND_WORKER].sandbox, SANDBOX_NETWORK);
    assert_int_equal(kinds[KIND_MONITOR].sandbox, SANDBOX_MONITOR);
}

static void test_private_keys_go_to_kinds_without_a_network_only(void **state) {
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct ipc_message message = load(kind);
        for (int i = 0; i < IPC_FD_COUNT; i++) {
            assert_true(message.fds[i] != KEYS || kinds[kind].sandbox == SANDBOX_DESCRIPTORS);
        }
    }
}

static void test_what_a_signer_loads(void **state) {
    (void)state;
    const struct ipc_message message = load(KIND_SIGNER);
    for (int i = 0; i < IPC_FD_COUNT; i++) {
        assert_int_equal(message.fds[i], i == IPC_FD_BUNDLE ? KEYS : -1);
    }
    assert_int_equal(message.listener_count, 0);
}

static void test_hashes_go_to_the_kind_that_checks_passwords_only(void **state) {
    (void)state;
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct ipc_message message = load(kind);
        for (int i = 0; i < IPC_FD_COUNT; i++) {
            bool is_due = kind == KIND_AUTH && i == IPC_FD_BUNDLE;
            assert_int_equal(message.fds[i] == USERS, is_due);
            assert_true(kind != KIND_AUTH || is_due || message.fds[i] == -1);
        }
    }
}

static void test_one_that_checks_passwords_is_wanted_if_a_route_asks_for_one(void **state) {
    (void)state;
    const struct child child = {.kind = &kinds[KIND_AUTH]};
    struct config_route route = {.login = {.users = NULL}};
    struct config_site site = {.routes = &route, .route_count = 1};
    fixture.config.sites = &site;
    fixture.config.site_count = 1;
    assert_false(child_is_wanted(&child, &fixture.source));
    route.login.users = "/users";
    assert_true(child_is_wanted(&child, &fixture.source));
    fixture.config.site_count = 0;
    fixture.config.sites = NULL;
}

static void test_what_a_worker_loads(void **state) {
    (void)state;
    const struct ipc_message message = load(KIND_WORKER);
    assert_int_equal(message.fds[IPC_FD_BUNDLE], FILES);
    assert_int_equal(message.fds[IPC_FD_ERROR_LOG], ERROR_LOG);
    assert_int_equal(message.fds[IPC_FD_ACCESS_LOG], ACCESS_LOG);
    assert_int_equal(message.fds[IPC_FD_SERVERS], SERVERS);
    assert_int_equal(message.fds[IPC_FD_SERVER_STATES], STATES); // of its own slot
    assert_int_equal(message.fds[IPC_FD_DATA], -1);
    assert_int_equal(message.log_level, LOG_LEVEL_DEBUG);
    assert_int_equal(message.log_daemon, SINK_DAEMON_SYSLOG);
}

static void test_what_a_monitor_loads(void **state) {
    (void)state;
    fixture.child.slot = 0;
    const struct ipc_message message = load(KIND_MONITOR);
    assert_int_equal(message.fds[IPC_FD_BUNDLE], FILES);
    assert_int_equal(message.fds[IPC_FD_ERROR_LOG], ERROR_LOG);
    assert_int_equal(message.fds[IPC_FD_ACCESS_LOG], -1);
    assert_int_equal(message.fds[IPC_FD_SERVERS], SERVERS);
    assert_int_equal(message.fds[IPC_FD_SERVER_STATES], -1);
    assert_int_equal(message.fds[IPC_FD_DATA], -1);
    assert_int_equal(message.listener_count, 1); // of `admin`, none of clients
    assert_int_equal(message.listeners[0], ADMIN);
}

static void test_a_monitor_is_wanted_if_there_is_something_to_do(void **state) {
    (void)state;
    const struct child monitor = {.kind = &kinds[KIND_MONITOR]};
    assert_true(child_is_wanted(&monitor, &fixture.source));
    fixture.config.admin_count = 0;
    assert_false(child_is_wanted(&monitor, &fixture.source));
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        const struct child child = {.kind = &kinds[kind]};
        bool may_be_unwanted = kind >= KIND_MONITOR || kind == KIND_AUTH;
        assert_true(child_is_wanted(&child, &fixture.source) || may_be_unwanted);
    }
}

static void test_one_that_orders_is_wanted_if_a_site_asks_for_it(void **state) {
    (void)state;
    const struct child child = {.kind = &kinds[KIND_ACME]};
    char path[] = CONFIG_ACME;
    struct config_certificate certificate = {.certificate_path = path};
    struct config_site site = {.certificates = &certificate, .certificate_count = 1};
    assert_false(child_is_wanted(&child, &fixture.source));
    fixture.config.sites = &site;
    fixture.config.site_count = 1;
    assert_true(child_is_wanted(&child, &fixture.source));
    path[0] = '/';
    assert_false(child_is_wanted(&child, &fixture.source));
    fixture.config.site_count = 0;
    fixture.config.sites = NULL;
}

static void test_what_one_that_orders_gets(void **state) {
    (void)state;
    const struct child child = {.kind = &kinds[KIND_ACME]};
    struct ipc_message message;
    ipc_init(&message, IPC_LOAD, 1);
    kinds[KIND_ACME].fill_load(&child, &fixture.source, &message);
    assert_int_equal(message.fds[IPC_FD_BUNDLE], fixture.source.files_fd); // and no keys
    assert_int_equal(message.fds[IPC_FD_ERROR_LOG], ERROR_LOG);
    for (int i = IPC_FD_ACCESS_LOG; i < IPC_FD_COUNT; i++) {
        assert_int_equal(message.fds[i], -1);
    }
    assert_int_equal(message.listener_count, 0);
}

static void test_how_a_signer_starts(void **state) {
    (void)state;
    spawn(KIND_SIGNER);
    assert_ptr_equal(spawned.prepare, signer_prepare);
    assert_ptr_equal(spawned.run, signer_run);
    assert_int_equal(signer_start.control, CONTROL);
}

static void test_how_one_that_checks_passwords_starts(void **state) {
    (void)state;
    spawn(KIND_AUTH);
    assert_ptr_equal(spawned.prepare, auth_prepare);
    assert_ptr_equal(spawned.run, auth_run);
    assert_int_equal(auth_start.control, CONTROL);
}

static void test_how_a_worker_starts(void **state) {
    (void)state;
    fixture.children.shares.metrics[SLOT].values[METRIC_receive_buffers] = 3;
    fixture.children.shares.metrics[0].values[METRIC_receive_buffers] = 4;
    spawn(KIND_WORKER);
    assert_ptr_equal(spawned.prepare, worker_prepare);
    assert_ptr_equal(spawned.run, worker_run);
    assert_int_equal(worker_start.control, CONTROL);
    assert_int_equal(worker_start.slot, SLOT);
    assert_ptr_equal(worker_start.shares, &fixture.children.shares);
    // What the one before had open is not open any more.
    assert_int_equal(fixture.children.shares.metrics[SLOT].values[METRIC_receive_buffers], 0);
    assert_int_equal(fixture.children.shares.metrics[0].values[METRIC_receive_buffers], 4);
}

static void test_how_a_monitor_starts(void **state) {
    (void)state;
    fixture.child.slot = 0;
    fixture.source.admins.count = 0; // the descriptor is none
    spawn(KIND_MONITOR);
    assert_ptr_equal(spawned.prepare, monitor_prepare);
    assert_ptr_equal(spawned.run, monitor_run);
    assert_int_equal(monitor_start.control, CONTROL);
    assert_ptr_equal(monitor_start.shares, &fixture.children.shares);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_who_answers_loads_before_who_asks),
        TEST(test_every_kind_has_a_sandbox),
        TEST(test_private_keys_go_to_kinds_without_a_network_only),
        TEST(test_what_a_signer_loads),
        TEST(test_hashes_go_to_the_kind_that_checks_passwords_only),
        TEST(test_one_that_checks_passwords_is_wanted_if_a_route_asks_for_one),
        TEST(test_how_one_that_checks_passwords_starts),
        TEST(test_what_a_worker_loads),
        TEST(test_one_that_orders_is_wanted_if_a_site_asks_for_it),
        TEST(test_what_one_that_orders_gets),
        TEST(test_how_a_signer_starts),
        TEST(test_how_a_worker_starts),
        TEST(test_what_a_monitor_loads),
        TEST(test_a_monitor_is_wanted_if_there_is_something_to_do),
        TEST(test_how_a_monitor_starts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
