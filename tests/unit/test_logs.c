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

static void ignore(void *context) {
    (void)context;
}

static int set_up(void **state) {
    static const struct children_handler handler = {.started = ignore};
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
    fixture.logs = (struct logs){&lab.children, &fixture.writers};
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

static void test_the_files_are_opened_again_for_all(void **state) {
    (void)state;
    char error[CONFIG_ERROR_SIZE];
    struct ipc_message message;
    lab_run();
    log_info(&lab.log, "before");
    assert_int_equal(rename(fixture.error_path, fixture.rotated_path), 0);
    assert_int_equal(logs_reopen(&fixture.logs, error), RESULT_OK);
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

static void test_files_that_cannot_be_opened_change_nothing(void **state) {
    (void)state;
    char error[CONFIG_ERROR_SIZE];
    lab_run();
    assert_int_equal(rename(fixture.access_path, fixture.rotated_path), 0);
    assert_int_equal(mkdir(fixture.access_path, 0700), 0);
    assert_int_equal(logs_reopen(&fixture.logs, error), RESULT_ERROR);
    assert_int_equal(rmdir(fixture.access_path), 0);
    assert_non_null(strstr(error, "r.conf: access-log: cannot open "));
    assert_true(is_file(lab.source.logs.access.fd, fixture.rotated_path));
    assert_string_equal(lab_received(lab_child(LAB_CLIENTS, 0)), "");
    log_info(&lab.log, "still there");
    assert_true(contains(fixture.error_path, "still there"));
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
        TEST(test_files_that_cannot_be_opened_change_nothing),
        TEST(test_logs_that_are_there_are_not_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
