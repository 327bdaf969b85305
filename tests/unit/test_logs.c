// Log files opened again, for the master and for children that are no processes.
#include "process/logs.h"

#include "children_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/stat.h>

#include <cmocka.h>

static struct {
    char folder[64], error_path[96], access_path[96], rotated_path[96];
    struct log_writers writers;
    struct logs logs;
} fixture;

static bool may_reopen;
static char answers[1024]; // "client:exit code:text;" for each

static void ignore(void *context) {
    (void)context;
}

static void ignore_death(void *context, struct child *child, const char *how) {
    (void)context, (void)child, (void)how;
}

static bool never(void *context) {
    (void)context;
    return false;
}

static bool on_may_reopen(void *context) {
    assert_ptr_equal(context, &fixture);
    return may_reopen;
}

static void on_answer(void *context, uint64_t client, int exit_code, const char *text) {
    assert_ptr_equal(context, &fixture);
    size_t used = strlen(answers);
    (void)snprintf(answers + used, sizeof(answers) - used, "%u:%d:%s;", (unsigned)client, exit_code,
                   text);
}

static void on_reopened(void *context, const char *failure) {
    (void)context;
    logs_note_reopened(&fixture.logs, failure);
}

static int set_up(void **state) {
    static const struct children_handler handler = {
        .started = ignore, .reopened = on_reopened, .died = ignore_death, .may_replace = never};
    char error[CONFIG_ERROR_SIZE];
    (void)state;
    memset(&fixture, 0, sizeof(fixture));
    (void)snprintf(fixture.folder, sizeof(fixture.folder), "/tmp/ravelin-logs-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.error_path, sizeof(fixture.error_path), "%s/error", fixture.folder);
    (void)snprintf(fixture.access_path, sizeof(fixture.access_path), "%s/access", fixture.folder);
    (void)snprintf(fixture.rotated_path, sizeof(fixture.rotated_path), "%s/rotated",
                   fixture.folder);
    lab_open(&handler);
    lab.config = (struct config){
        .path = (char *)(uintptr_t) "r.conf",
        .log = {.target = LOG_TARGET_FILE, .path = fixture.error_path},
        .log_level = LOG_LEVEL_INFO,
        .access_log = {.target = LOG_TARGET_FILE, .path = fixture.access_path},
    };
    fixture.logs = (struct logs){
        .children = &lab.children,
        .writers = &fixture.writers,
        .handler = {.may_reopen = on_may_reopen, .answer = on_answer, .context = &fixture},
    };
    may_reopen = true;
    memset(answers, 0, sizeof(answers));
    assert_int_equal(log_files_open(&lab.source.logs, &lab.config, &fixture.writers, error),
                     RESULT_OK);
    logs_use(&fixture.logs);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    sink_close(&lab.log.sink);
    log_files_close(&lab.source.logs);
    lab_close();
    (void)unlink(fixture.error_path);
    (void)unlink(fixture.access_path);
    (void)unlink(fixture.rotated_path);
    return rmdir(fixture.folder);
}

static bool is_file(int fd, const char *path) {
    struct stat a;
    struct stat b;
    return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_ino == b.st_ino;
}

static bool contains(const char *path, const char *wanted) {
    char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    text[size < 0 ? 0 : size] = '\0';
    return strstr(text, wanted) != NULL;
}

static void rotate(void) {
    assert_int_equal(rename(fixture.error_path, fixture.rotated_path), 0);
}

// A worker says that it has done it, or why not.
static void confirm(unsigned slot, const char *failure) {
    lab_say(lab_child(LAB_CLIENTS, slot), IPC_REOPENED, 7, failure);
}

// --- Tests ---

static void test_the_files_are_opened_again_for_all(void **state) {
    (void)state;
    struct ipc_message message;
    lab_run();
    log_info(&lab.log, "before");
    rotate();
    assert_null(logs_reopen(&fixture.logs, 0));
    log_info(&lab.log, "after");
    assert_true(contains(fixture.rotated_path, "before"));
    assert_false(contains(fixture.rotated_path, "after"));
    assert_true(contains(fixture.error_path, "after"));
    assert_true(is_file(lab.source.logs.error.fd, fixture.error_path)); // for who is replaced
    assert_int_equal(ipc_receive(*lab_end(lab_child(LAB_CLIENTS, 1)), &message), RESULT_OK);
    assert_int_equal(message.type, IPC_REOPEN);
    assert_true(is_file(message.fds[IPC_FD_ERROR_LOG], fixture.error_path));
    assert_true(is_file(message.fds[IPC_FD_ACCESS_LOG], fixture.access_path));
    ipc_close(&message);
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "R");
    assert_string_equal(lab_received(lab_child(LAB_KEYS, 0)), ""); // they have no log
}

// A program may then compress the former files.
static void test_the_answer_comes_when_no_process_writes_to_the_former_files(void **state) {
    (void)state;
    lab_run();
    assert_null(logs_reopen(&fixture.logs, 5));
    confirm(1, NULL);
    assert_string_equal(answers, "");
    confirm(0, NULL);
    assert_string_equal(answers, "5:0:log files reopened;");
}

static void test_who_dies_is_not_waited_for(void **state) {
    (void)state;
    lab_run();
    assert_null(logs_reopen(&fixture.logs, 5));
    confirm(1, NULL);
    children_note_death(&lab.children, lab_child(LAB_CLIENTS, 0)->pid, 9);
    logs_advance(&fixture.logs); // as the owner does when a child was reaped
    assert_string_equal(answers, "5:0:log files reopened;");
}

static void test_who_cannot_do_it_is_named(void **state) {
    (void)state;
    lab_run();
    assert_null(logs_reopen(&fixture.logs, 5));
    confirm(1, "no\x1b[1m room");
    confirm(0, NULL);
    assert_string_equal(answers, "5:1:clients 1: 'no?[1m room';");
    assert_null(logs_reopen(&fixture.logs, 6));
    confirm(1, NULL);
    confirm(0, NULL);
    assert_non_null(strstr(answers, ";6:0:log files reopened;"));
}

// The file may have been renamed after it was opened.
static void test_who_asks_meanwhile_waits_for_the_next_time(void **state) {
    (void)state;
    lab_run();
    assert_null(logs_reopen(&fixture.logs, 5));
    assert_null(logs_reopen(&fixture.logs, 6));
    confirm(0, NULL);
    rotate();
    confirm(1, NULL);
    assert_string_equal(answers, "5:0:log files reopened;");
    assert_true(is_file(lab.source.logs.error.fd, fixture.error_path));
    confirm(0, NULL);
    confirm(1, NULL);
    assert_string_equal(answers, "5:0:log files reopened;6:0:log files reopened;");
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "RR");
}

static void test_a_reload_under_way_is_waited_for(void **state) {
    (void)state;
    lab_run();
    may_reopen = false;
    assert_null(logs_reopen(&fixture.logs, 5));
    assert_null(logs_reopen(&fixture.logs, 0));
    assert_null(logs_reopen(&fixture.logs, 6));
    logs_retry(&fixture.logs);
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "");
    may_reopen = true;
    logs_advance(&fixture.logs);
    confirm(0, NULL);
    confirm(1, NULL);
    assert_string_equal(answers, "5:0:log files reopened;6:0:log files reopened;");
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "R"); // once for all
}

static void test_only_so_many_wait(void **state) {
    (void)state;
    lab_run();
    may_reopen = false;
    for (uint64_t client = 1; client <= LOGS_CLIENTS_MAX; client++) {
        assert_null(logs_reopen(&fixture.logs, client));
    }
    assert_non_null(logs_reopen(&fixture.logs, 100));
    assert_null(logs_reopen(&fixture.logs, 0));
}

static void test_files_that_cannot_be_opened_change_nothing(void **state) {
    (void)state;
    lab_run();
    assert_int_equal(rename(fixture.access_path, fixture.rotated_path), 0);
    assert_int_equal(mkdir(fixture.access_path, 0700), 0);
    assert_null(logs_reopen(&fixture.logs, 5));
    assert_int_equal(rmdir(fixture.access_path), 0);
    assert_memory_equal(answers, "5:1:r.conf: access-log: cannot open ", 36);
    assert_true(is_file(lab.source.logs.access.fd, fixture.rotated_path));
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "");
    log_info(&lab.log, "still there");
    assert_true(contains(fixture.error_path, "still there"));
}

static void test_an_answer_that_was_not_asked_for_is_nonsense(void **state) {
    (void)state;
    lab_run();
    confirm(0, NULL);
    assert_false(ev_is_active(&lab_child(LAB_CLIENTS, 0)->control)); // it is killed
    assert_true(ev_is_active(&lab_child(LAB_CLIENTS, 1)->control));
}

static void test_logs_that_are_there_are_not_tried_again(void **state) {
    (void)state;
    lab_run();
    logs_retry(&fixture.logs);
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_files_are_opened_again_for_all),
        TEST(test_the_answer_comes_when_no_process_writes_to_the_former_files),
        TEST(test_who_dies_is_not_waited_for),
        TEST(test_who_cannot_do_it_is_named),
        TEST(test_who_asks_meanwhile_waits_for_the_next_time),
        TEST(test_a_reload_under_way_is_waited_for),
        TEST(test_only_so_many_wait),
        TEST(test_files_that_cannot_be_opened_change_nothing),
        TEST(test_an_answer_that_was_not_asked_for_is_nonsense),
        TEST(test_logs_that_are_there_are_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
