// Log writers: which targets get one, how long it lives, that it cleans lines and counts losses.
#include "process/log_writer.h"

#include "log_files_fixture.h"
#include "process/log_target.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static pid_t only_writer(const struct fixture *fixture) {
    pid_t pid = 0;
    assert_int_equal(count_writers(fixture), 1);
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        pid += fixture->writers.writers[i].pid;
    }
    return pid;
}

// --- Terminals by their path ---

struct terminal {
    int master;
    int slave; // -1: closed
    char path[64];
};

static struct terminal make_terminal(void) {
    struct terminal terminal;
    assert_int_equal(openpty(&terminal.master, &terminal.slave, terminal.path, NULL, NULL), 0);
    return terminal;
}

static void close_terminal(struct terminal *terminal) {
    (void)close(terminal->master);
    (void)close(terminal->slave);
}

static void open_terminal(struct fixture *fixture, struct terminal *terminal,
                          struct log_files *files) {
    const struct config config =
        make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, terminal->path);
    assert_int_equal(log_files_open(files, &config, &fixture->writers, fixture->error), RESULT_OK);
}

static void write_line(const struct log_files *files, const char *line) {
    assert_int_equal(write(files->access.fd, line, strlen(line)), strlen(line));
}

static void test_a_terminal_by_its_path_gets_a_log_writer(void **state) {
    struct fixture *fixture = *state;
    struct terminal terminal = make_terminal();
    struct stat status;
    open_terminal(fixture, &terminal, &fixture->files);
    pid_t first = only_writer(fixture);
    assert_int_equal(fstat(fixture->files.access.fd, &status), 0);
    assert_true(S_ISFIFO(status.st_mode)); // what a worker gets
    assert_true(is_nonblocking(fixture->files.access.fd));
    write_line(&fixture->files, "a\033[2Jb\007\n");
    expect_text(terminal.master, "a?[2Jb?\r\n");
    // The next generation has the same log writer, until the last one leaves it.
    struct log_files next;
    open_terminal(fixture, &terminal, &next);
    assert_int_equal(only_writer(fixture), first);
    log_files_close(&fixture->files);
    write_line(&next, "two\n");
    expect_text(terminal.master, "two\r\n");
    log_files_close(&next);
    assert_int_equal(waitpid(first, NULL, 0), first);
    assert_false(log_writers_note_death(&fixture->writers, first)); // it was to end
    assert_int_equal(count_writers(fixture), 0);
    close_terminal(&terminal);
}

static void test_several_names_of_one_terminal_have_one_log_writer(void **state) {
    struct fixture *fixture = *state;
    struct terminal terminal = make_terminal();
    char link[] = "/dev/stdout";
    char *const paths[] = {terminal.path, link};
    use_as_stdout(terminal.slave);
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const struct config config =
            make_config(LOG_TARGET_STDOUT, NULL, LOG_TARGET_FILE, paths[i]);
        struct log_files former = fixture->files;
        assert_int_equal(
            log_files_open(&fixture->files, &config, &fixture->writers, fixture->error), RESULT_OK);
        log_files_close(&former);
        (void)only_writer(fixture);
        write_line(&fixture->files, "line\n");
        expect_text(terminal.master, "line\r\n");
    }
    close_terminal(&terminal);
}

static void expect_loss(struct fixture *fixture, const char *text) {
    int ends[2];
    char line[1024] = "";
    static struct log log;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    log_init(&log, ends[1], SINK_NO_DAEMON, SEVERITY_INFO, "master");
    for (int i = 0; i < PATIENCE_MS && line[0] == '\0'; i++) {
        log_writers_report(&fixture->writers, &log);
        const struct timespec pause = {.tv_nsec = 1000000};
        (void)nanosleep(&pause, NULL);
        (void)read(ends[0], line, sizeof(line) - 1);
    }
    assert_non_null(strstr(line, text));
    log_writers_report(&fixture->writers, &log); // once
    assert_int_equal(read(ends[0], line, sizeof(line) - 1), -1);
    close(ends[0]);
    close(ends[1]);
}

static void test_lines_for_a_closed_terminal_are_counted(void **state) {
    struct fixture *fixture = *state;
    struct terminal terminal = make_terminal();
    char expected[128];
    open_terminal(fixture, &terminal, &fixture->files);
    close_terminal(&terminal);
    write_line(&fixture->files, "one\ntwo\n");
    (void)snprintf(expected, sizeof(expected), "cannot write to %s: Input/output error; lines",
                   terminal.path);
    expect_loss(fixture, expected);
    assert_int_equal(log_writers_lost(&fixture->writers), 2);
}

static void test_a_terminal_that_was_hung_up_is_opened_again(void **state) {
    struct fixture *fixture = *state;
    struct terminal terminal = make_terminal();
    if (geteuid() != 0) {
        skip();
    }
    open_terminal(fixture, &terminal, &fixture->files);
    pid_t first = only_writer(fixture);
    assert_int_equal(ioctl(terminal.slave, TIOCVHANGUP), 0); // as at a logout
    struct log_files next;
    open_terminal(fixture, &terminal, &next);
    log_files_close(&fixture->files);
    write_line(&next, "line\n");
    expect_text(terminal.master, "line\r\n");
    assert_int_equal(waitpid(first, NULL, 0), first);
    (void)log_writers_note_death(&fixture->writers, first);
    assert_int_not_equal(only_writer(fixture), first);
    log_files_close(&next);
    close_terminal(&terminal);
}

static void test_stopped_terminals_hold_a_bounded_number_of_log_writers(void **state) {
    struct fixture *fixture = *state;
    struct terminal terminals[2 * LOG_WRITER_COUNT];
    enum { COUNT = sizeof(terminals) / sizeof(terminals[0]) };
    (void)alarm(60);
    for (size_t i = 0; i < COUNT; i++) {
        terminals[i] = make_terminal();
        assert_int_equal(tcflow(terminals[i].slave, TCOOFF), 0);
        open_terminal(fixture, &terminals[i], &fixture->files);
        write_line(&fixture->files, "line\n");
        log_files_close(&fixture->files);
        assert_true(count_writers(fixture) <= LOG_WRITER_COUNT);
    }
    log_writers_end(&fixture->writers);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    (void)alarm(0);
    for (size_t i = 0; i < COUNT; i++) {
        close_terminal(&terminals[i]);
    }
}

// --- Kinds of targets ---

static void test_devices_that_never_wait_get_no_log_writer(void **state) {
    struct fixture *fixture = *state;
    static const char *const paths[] = {"/dev/null", "/dev/zero", "/dev/full"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char path[16];
        (void)snprintf(path, sizeof(path), "%s", paths[i]);
        const struct config config = make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, path);
        assert_int_equal(
            log_files_open(&fixture->files, &config, &fixture->writers, fixture->error), RESULT_OK);
        assert_true(fixture->files.access.fd >= 0);
        assert_int_equal(count_writers(fixture), 0);
        log_files_close(&fixture->files);
    }
}

static void test_kinds_of_targets(void **state) {
    const struct { // NOLINT(clang-analyzer-optin.performance.Padding)
        mode_t mode;
        dev_t device;
        unsigned long filesystem;
        bool needs_writer;
    } cases[] = {
        {S_IFREG, 0, 0xEF53, false},              // ext4
        {S_IFREG, 0, 0x01021994, false},          // tmpfs
        {S_IFREG, 0, 0x6969, true},               // NFS
        {S_IFREG, 0, 0xFF534D42, true},           // CIFS
        {S_IFREG, 0, 0xFFFFFFFFFF534D42UL, true}, // the same where f_type is signed
        {S_IFREG, 0, 0x65735546, true},           // FUSE
        {S_IFIFO, 0, 0x6969, false},              // only its name is on the network
        {S_IFCHR, makedev(1, 3), 0, false},       // null
        {S_IFCHR, makedev(1, 7), 0, false},       // full
        {S_IFCHR, makedev(1, 11), 0, true},       // kmsg
        {S_IFCHR, makedev(4, 12), 0, true},       // tty12
        {S_IFCHR, makedev(136, 3), 0, true},      // pts/3
        {S_IFCHR, makedev(4, 67), 0, true},       // ttyS3
        {S_IFSOCK, 0, 0, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct stat status = {.st_mode = cases[i].mode | 0600, .st_rdev = cases[i].device};
        assert_int_equal(log_target_needs_writer(&status, cases[i].filesystem),
                         cases[i].needs_writer);
    }
}

#define WITH_WRITERS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_WRITERS(test_a_terminal_by_its_path_gets_a_log_writer),
        WITH_WRITERS(test_several_names_of_one_terminal_have_one_log_writer),
        WITH_WRITERS(test_lines_for_a_closed_terminal_are_counted),
        WITH_WRITERS(test_a_terminal_that_was_hung_up_is_opened_again),
        WITH_WRITERS(test_stopped_terminals_hold_a_bounded_number_of_log_writers),
        WITH_WRITERS(test_devices_that_never_wait_get_no_log_writer),
        cmocka_unit_test(test_kinds_of_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
