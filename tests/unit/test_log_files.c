// Where logs go: that each descriptor is of a kind that never makes a process wait, and that what
// other programs share stays as it was.
#include "log_files_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void open_with(struct fixture *fixture, enum log_target access) {
    const struct config config = make_config(LOG_TARGET_SYSLOG, NULL, access, fixture->path);
    assert_int_equal(log_files_open(&fixture->files, &config, &fixture->writers, fixture->error),
                     RESULT_OK);
}

// --- Files ---

static void test_files_are_appended_to(void **state) {
    struct fixture *fixture = *state;
    char text[16] = "";
    struct stat status;
    mode_t mask = umask(0);
    for (int i = 0; i < 2; i++) {
        open_with(fixture, LOG_TARGET_FILE);
        assert_int_equal(fixture->files.error.fd, -1);
        assert_int_equal(fcntl(fixture->files.access.fd, F_GETFD), FD_CLOEXEC);
        assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
        log_files_close(&fixture->files);
        log_files_close(&fixture->files);
    }
    (void)umask(mask);
    int fd = open(fixture->path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(fstat(fd, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    assert_int_equal(read(fd, text, sizeof(text)), 10);
    assert_memory_equal(text, "line\nline\n", 10);
    (void)close(fd);
}

static void test_syslog_and_off_have_no_descriptor(void **state) {
    struct fixture *fixture = *state;
    open_with(fixture, LOG_TARGET_OFF);
    assert_int_equal(fixture->files.error.fd, -1);
    assert_int_equal(fixture->files.access.fd, -1);
}

static void test_what_cannot_be_opened_is_named(void **state) {
    struct fixture *fixture = *state;
    char bad[96];
    char expected[256];
    (void)snprintf(bad, sizeof(bad), "%s/missing/access.log", fixture->folder);
    const struct config config = make_config(LOG_TARGET_STDERR, NULL, LOG_TARGET_FILE, bad);
    assert_int_equal(log_files_open(&fixture->files, &config, &fixture->writers, fixture->error),
                     RESULT_ERROR);
    assert_int_equal(fixture->files.error.fd, -1); // nothing stays open
    (void)snprintf(expected, sizeof(expected),
                   "test.conf: access-log: cannot open %s: No such file or directory", bad);
    assert_string_equal(fixture->error, expected);
}

static void test_a_socket_in_the_place_of_a_file_is_an_error(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(mknod(fixture->path, S_IFSOCK | 0600, 0), 0);
    const struct config config =
        make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, fixture->path);
    assert_int_equal(log_files_open(&fixture->files, &config, &fixture->writers, fixture->error),
                     RESULT_ERROR);
    assert_non_null(strstr(fixture->error,
                           "it is a socket; if it is a standard stream, write stdout or stderr"));
}

// --- FIFOs ---

static void expect_warning(struct fixture *fixture, const char *text) {
    int ends[2];
    char line[1024] = "";
    static struct log log;
    const struct config config =
        make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, fixture->path);
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    log_init(&log, ends[1], SINK_NO_DAEMON, SEVERITY_INFO, "master");
    log_files_warn(&fixture->files, &config, &log);
    ssize_t size = read(ends[0], line, sizeof(line) - 1);
    assert_true(text == NULL ? size < 0 : size > 0 && strstr(line, text) != NULL);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_fifo_with_a_reader(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    int reader = open(fixture->path, O_RDONLY | O_NONBLOCK);
    open_with(fixture, LOG_TARGET_FILE);
    assert_true(is_nonblocking(fixture->files.access.fd));
    assert_int_equal(fixture->files.access.holder, -1);
    assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
    expect_text(reader, "line\n");
    expect_warning(fixture, NULL);
    close(reader);
}

static void test_a_fifo_without_a_reader_keeps_its_lines_for_one(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    (void)alarm(60); // an open that waits ends the test
    open_with(fixture, LOG_TARGET_FILE);
    (void)alarm(0);
    assert_true(is_nonblocking(fixture->files.access.fd));
    // Workers get the writing end alone.
    assert_int_equal(fcntl(fixture->files.access.fd, F_GETFL) & O_ACCMODE, O_WRONLY);
    assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
    assert_int_equal(log_files_absent(&fixture->files), 0);
    expect_warning(fixture, "access-log: no process reads the FIFO /tmp/ravelin-logs-");
    int reader = open(fixture->path, O_RDONLY | O_NONBLOCK);
    expect_text(reader, "line\n");
    close(reader);
}

// Runs a function as a user without rights; returns its exit status.
static int run_as_nobody(struct fixture *fixture, int (*run)(struct fixture *)) {
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        bool changed = setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
                       setresuid(65534, 65534, 65534) == 0;
        fixture->privilege = (struct privilege){.uid = geteuid(), .gid = getegid()};
        _exit(changed ? run(fixture) : 99);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int open_fifo_as_nobody(struct fixture *fixture) {
    const struct config config =
        make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, fixture->path);
    enum result result =
        log_files_open(&fixture->files, &config, &fixture->writers, fixture->error);
    return result == RESULT_OK && fixture->files.access.fd == -1 &&
                   log_files_absent(&fixture->files) == 1
               ? 0
               : 1;
}

static void test_a_fifo_that_may_not_be_read_is_off_until_there_is_a_reader(void **state) {
    struct fixture *fixture = *state;
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(mkfifo(fixture->path, 0600), 0);
    assert_int_equal(chmod(fixture->path, 0622), 0);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_int_equal(run_as_nobody(fixture, open_fifo_as_nobody), 0);
}

// --- Streams ---

static void test_a_pipe_becomes_no_other_for_those_who_share_it(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    use_as_stdout(ends[1]);
    open_with(fixture, LOG_TARGET_STDOUT);
    assert_true(fixture->files.access.fd > STDERR_FILENO);
    assert_true(is_nonblocking(fixture->files.access.fd));
    assert_false(is_nonblocking(STDOUT_FILENO));
    assert_int_equal(count_writers(fixture), 0);
    assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
    expect_text(ends[0], "line\n");
    log_files_close(&fixture->files);
    assert_true(fcntl(STDOUT_FILENO, F_GETFD) >= 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_file_is_duplicated(void **state) {
    struct fixture *fixture = *state;
    int file = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    use_as_stdout(file);
    open_with(fixture, LOG_TARGET_STDOUT);
    assert_false(is_nonblocking(fixture->files.access.fd));
    assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
    // The same open file description: the offset moves for both.
    assert_int_equal(lseek(STDOUT_FILENO, 0, SEEK_CUR), 5);
    log_files_close(&fixture->files);
    close(file);
}

static pid_t only_writer(const struct fixture *fixture) {
    pid_t pid = 0;
    assert_int_equal(count_writers(fixture), 1);
    for (size_t i = 0; i < LOG_WRITER_COUNT; i++) {
        pid += fixture->writers.writers[i].pid;
    }
    return pid;
}

static void test_a_socket_gets_a_log_writer(void **state) {
    struct fixture *fixture = *state;
    static const int types[] = {SOCK_STREAM, SOCK_DGRAM};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        int ends[2];
        assert_int_equal(socketpair(AF_UNIX, types[i], 0, ends), 0);
        use_as_stdout(ends[1]);
        open_with(fixture, LOG_TARGET_STDOUT);
        (void)only_writer(fixture);
        // Nobody who has this can shut the socket down.
        assert_int_equal(shutdown(fixture->files.access.fd, SHUT_RDWR), -1);
        assert_int_equal(errno, ENOTSOCK);
        assert_false(is_nonblocking(STDOUT_FILENO));
        assert_int_equal(write(fixture->files.access.fd, "line\n", 5), 5);
        expect_text(ends[0], "line\n");
        log_files_close(&fixture->files);
        log_writers_end(&fixture->writers);
        close(ends[0]);
        close(ends[1]);
    }
}

static void test_a_terminal_gets_a_log_writer(void **state) {
    struct fixture *fixture = *state;
    int master;
    int slave;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    use_as_stdout(slave);
    open_with(fixture, LOG_TARGET_STDOUT);
    assert_true(is_nonblocking(fixture->files.access.fd));
    assert_false(is_nonblocking(STDOUT_FILENO));
    pid_t first = only_writer(fixture);
    assert_int_equal(write(fixture->files.access.fd, "one\n", 4), 4);
    expect_text(master, "one\r\n");
    // Opened again, for a reload: the same log writer.
    struct log_files former = fixture->files;
    open_with(fixture, LOG_TARGET_STDOUT);
    log_files_close(&former);
    assert_int_equal(only_writer(fixture), first);
    // One that dies is replaced, and no line is lost.
    assert_int_equal(kill(first, SIGKILL), 0);
    assert_int_equal(waitpid(first, NULL, 0), first);
    assert_true(log_writers_note_death(&fixture->writers, first));
    assert_false(log_writers_note_death(&fixture->writers, first));
    assert_int_equal(write(fixture->files.access.fd, "two\n", 4), 4);
    log_writers_revive(&fixture->writers);
    assert_int_not_equal(only_writer(fixture), first);
    expect_text(master, "two\r\n");
    // The last lines are written before the end.
    assert_int_equal(write(fixture->files.access.fd, "three\n", 6), 6);
    log_files_close(&fixture->files);
    log_writers_end(&fixture->writers);
    struct pollfd readable = {.fd = master, .events = POLLIN};
    assert_int_equal(poll(&readable, 1, 0), 1);
    expect_text(master, "three\r\n");
    close(master);
    close(slave);
}

static void test_a_terminal_that_is_not_read_holds_up_its_log_writer_alone(void **state) {
    struct fixture *fixture = *state;
    int master;
    int slave;
    char line[1024];
    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    use_as_stdout(slave);
    open_with(fixture, LOG_TARGET_STDOUT);
    (void)alarm(60); // a write that waits ends the test
    // The pipe, the log writer's buffer and the terminal hold less than that.
    bool was_full = false;
    for (int i = 0; i < 4000 && !was_full; i++) {
        was_full = write(fixture->files.access.fd, line, sizeof(line)) < 0;
        assert_true(!was_full || errno == EAGAIN);
        struct timespec pause = {.tv_nsec = 100000};
        (void)nanosleep(&pause, NULL);
    }
    assert_true(was_full);
    // Nor does the end wait for it for long.
    pid_t pid = only_writer(fixture);
    log_files_close(&fixture->files);
    log_writers_end(&fixture->writers);
    assert_true(waitpid(pid, NULL, 0) == pid || errno == ECHILD);
    (void)alarm(0);
    close(master);
    close(slave);
}

static int open_stdout_as_nobody(struct fixture *fixture) {
    const struct config config = make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_STDOUT, NULL);
    if (log_files_open(&fixture->files, &config, &fixture->writers, fixture->error) != RESULT_OK ||
        !is_nonblocking(fixture->files.access.fd) || is_nonblocking(STDOUT_FILENO) ||
        count_writers(fixture) != 1) {
        return 1;
    }
    bool written = write(fixture->files.access.fd, "line\n", 5) == 5;
    log_files_close(&fixture->files);
    log_writers_end(&fixture->writers);
    return written ? 0 : 2;
}

static void test_a_pipe_that_may_not_be_opened_again_gets_a_log_writer(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(pipe(ends), 0);
    use_as_stdout(ends[1]);
    assert_int_equal(run_as_nobody(fixture, open_stdout_as_nobody), 0);
    expect_text(ends[0], "line\n");
    close(ends[0]);
    close(ends[1]);
}

#define WITH_FILES(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

// --- Files of others ---

// Root may write everything, and so becomes another user for a while.
static void become_user(struct fixture *fixture) {
    if (fixture->privilege.uid == 0) {
        assert_int_equal(chown(fixture->folder, 65534, 65534), 0);
        assert_int_equal(seteuid(65534), 0);
    }
}

static void make_file(const struct fixture *fixture, const char *text) {
    int fd = open(fixture->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0440);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static enum result open_as_user(struct fixture *fixture) {
    const struct config config =
        make_config(LOG_TARGET_SYSLOG, NULL, LOG_TARGET_FILE, fixture->path);
    become_user(fixture);
    enum result result =
        log_files_open(&fixture->files, &config, &fixture->writers, fixture->error);
    assert_int_equal(seteuid(fixture->privilege.uid), 0);
    return result;
}

// As logrotate makes it by `create`.
static void test_an_empty_file_of_another_user_is_replaced(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    make_file(fixture, "");
    assert_int_equal(open_as_user(fixture), RESULT_OK);
    assert_int_equal(fixture->files.access.state, LOG_FILE_REPLACED);
    assert_int_equal(fstat(fixture->files.access.fd, &status), 0);
    assert_int_equal(status.st_nlink, 1); // it is the one in the folder
    assert_int_equal(status.st_mode & 0777, 0640);
    log_files_close(&fixture->files);
    assert_int_equal(open_as_user(fixture), RESULT_OK);
    assert_int_equal(fixture->files.access.state, LOG_FILE_OPEN);
}

static void test_a_file_of_another_user_that_holds_something_stays(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    make_file(fixture, "x");
    assert_int_equal(open_as_user(fixture), RESULT_ERROR);
    assert_non_null(strstr(fixture->error, "Permission denied"));
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_size, 1);
}

// What it leads to may be elsewhere.
static void test_a_link_to_an_empty_file_stays(void **state) {
    struct fixture *fixture = *state;
    char target[128];
    struct stat status;
    make_file(fixture, "");
    (void)snprintf(target, sizeof(target), "%s.target", fixture->path);
    assert_int_equal(rename(fixture->path, target), 0);
    assert_int_equal(symlink(target, fixture->path), 0);
    assert_int_equal(open_as_user(fixture), RESULT_ERROR);
    assert_non_null(strstr(fixture->error, "Permission denied"));
    assert_int_equal(lstat(fixture->path, &status), 0);
    assert_true(S_ISLNK(status.st_mode));
    assert_int_equal(unlink(target), 0);
}

static void test_without_a_right_to_the_folder_the_file_stays(void **state) {
    struct fixture *fixture = *state;
    struct stat status;
    make_file(fixture, "");
    assert_int_equal(chmod(fixture->folder, 0555), 0);
    assert_int_equal(open_as_user(fixture), RESULT_ERROR);
    assert_int_equal(chmod(fixture->folder, 0755), 0);
    assert_non_null(strstr(fixture->error, "Permission denied"));
    assert_int_equal(stat(fixture->path, &status), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FILES(test_an_empty_file_of_another_user_is_replaced),
        WITH_FILES(test_a_file_of_another_user_that_holds_something_stays),
        WITH_FILES(test_a_link_to_an_empty_file_stays),
        WITH_FILES(test_without_a_right_to_the_folder_the_file_stays),
        WITH_FILES(test_files_are_appended_to),
        WITH_FILES(test_syslog_and_off_have_no_descriptor),
        WITH_FILES(test_what_cannot_be_opened_is_named),
        WITH_FILES(test_a_socket_in_the_place_of_a_file_is_an_error),
        WITH_FILES(test_a_fifo_with_a_reader),
        WITH_FILES(test_a_fifo_without_a_reader_keeps_its_lines_for_one),
        WITH_FILES(test_a_fifo_that_may_not_be_read_is_off_until_there_is_a_reader),
        WITH_FILES(test_a_pipe_becomes_no_other_for_those_who_share_it),
        WITH_FILES(test_a_file_is_duplicated),
        WITH_FILES(test_a_socket_gets_a_log_writer),
        WITH_FILES(test_a_terminal_gets_a_log_writer),
        WITH_FILES(test_a_terminal_that_is_not_read_holds_up_its_log_writer_alone),
        WITH_FILES(test_a_pipe_that_may_not_be_opened_again_gets_a_log_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
