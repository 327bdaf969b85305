// Where log lines go: that no target is waited for, and that a line is whole or counted as lost.
#include "observe/sink.h"

#include "syslog_daemon.h"

#include <errno.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>
#include <termios.h>

#define BUFFER_SIZE 65536

struct fixture {
    struct sink sink;
    struct syslog_daemon daemon;
    char buffer[BUFFER_SIZE];
    char text[4 * BUFFER_SIZE];
};

static int set_up(void **state) {
    static struct fixture only;
    *state = &only;
    sink_init(&only.sink, only.buffer, sizeof(only.buffer));
    daemon_init(&only.daemon);
    only.sink.syslog_path = only.sink.journal_path = only.daemon.path;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)alarm(60); // a write that waits ends the test
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    (void)alarm(0);
    sink_close(&fixture->sink);
    daemon_free(&fixture->daemon);
    return 0;
}

// Adds a line of `size` bytes that begins with its number. False: it is lost.
static bool add_line(struct sink *sink, unsigned number, size_t size) {
    char *room = sink_room(sink, size + SINK_HEAD_MAX);
    if (room == NULL) {
        return false;
    }
    size_t head = sink_head(sink, 6, room);
    memset(room + head, 'x', size);
    char digits[16];
    int digit_count = snprintf(digits, sizeof(digits), "%08u", number);
    memcpy(room + head, digits, (size_t)digit_count);
    room[head + size - 1] = '\n';
    sink_add(sink, head + size);
    return true;
}

// Reads what a non-blocking descriptor holds; returns its size.
static size_t read_some(int fd, char *text, size_t capacity) {
    size_t used = 0;
    ssize_t size;
    while ((size = read(fd, text + used, capacity - used)) > 0) {
        used += (size_t)size;
    }
    return used;
}

// Checks that the text consists of whole lines in their order, and returns how many.
static unsigned check_lines(char *text, size_t size, size_t line_size) {
    unsigned count = 0;
    unsigned long last = 0;
    for (char *line = text; line < text + size; count++) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        assert_non_null(end);
        size_t length = (size_t)(end - line) + 1;
        length -= length > 1 && end[-1] == '\r'; // a terminal's
        assert_int_equal(length, line_size);
        unsigned long number = strtoul(line, NULL, 10);
        assert_true(count == 0 || number > last);
        last = number;
        line = end + 1;
    }
    return count;
}

static void test_a_pipe_that_is_full_is_not_waited_for(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    unsigned added = 0;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    sink_use(&fixture->sink, ends[1], SINK_NO_DAEMON);
    for (unsigned i = 0; i < 2000; i++) {
        added += add_line(&fixture->sink, i, 200) ? 1 : 0;
    }
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    assert_int_equal(fixture->sink.error, EAGAIN);
    assert_int_equal(fixture->sink.lost, 2000 - added);
    assert_in_range(added, 300, 1999);
    size_t size = 0;
    while (fixture->sink.is_stalled) {
        size += read_some(ends[0], fixture->text + size, sizeof(fixture->text) - size);
        sink_flush(&fixture->sink);
    }
    size += read_some(ends[0], fixture->text + size, sizeof(fixture->text) - size);
    assert_int_equal(check_lines(fixture->text, size, 200), added);
    sink_close(&fixture->sink);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_terminal_accepts_parts_and_no_line_is_torn(void **state) {
    struct fixture *fixture = *state;
    int master;
    int slave;
    unsigned added = 0;
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
    sink_use(&fixture->sink, slave, SINK_NO_DAEMON);
    bool was_torn = false;
    for (unsigned i = 0; i < 1000; i++) {
        added += add_line(&fixture->sink, i, 333) ? 1 : 0;
        sink_flush(&fixture->sink);
        was_torn = was_torn || fixture->sink.is_torn;
    }
    assert_true(was_torn);
    size_t size = 0;
    while (fixture->sink.used > 0) {
        size += read_some(master, fixture->text + size, sizeof(fixture->text) - size);
        sink_flush(&fixture->sink);
    }
    size += read_some(master, fixture->text + size, sizeof(fixture->text) - size);
    assert_int_equal(check_lines(fixture->text, size, 333), added);
    assert_int_equal(fixture->sink.lost, 1000 - added);
    sink_close(&fixture->sink);
    close(master);
    close(slave);
}

static void test_the_rest_of_a_torn_line_never_reaches_another_target(void **state) {
    struct fixture *fixture = *state;
    int master;
    int slave;
    int file = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
    assert_int_equal(fcntl(slave, F_SETFL, O_NONBLOCK), 0);
    sink_use(&fixture->sink, slave, SINK_NO_DAEMON);
    unsigned added = 0;
    while (!fixture->sink.is_torn) {
        assert_true(add_line(&fixture->sink, added++, 333));
        sink_flush(&fixture->sink);
    }
    assert_true(add_line(&fixture->sink, added, 333));
    sink_use(&fixture->sink, file, SINK_NO_DAEMON);
    sink_flush(&fixture->sink);
    assert_int_equal(fixture->sink.lost, 1);
    ssize_t size = pread(file, fixture->text, sizeof(fixture->text), 0);
    assert_int_equal(check_lines(fixture->text, (size_t)size, 333), 1);
    sink_close(&fixture->sink);
    close(master);
    close(slave);
    close(file);
}

// A stream socket that others share, such as the journal's, stays blocking.
static void test_a_socket_is_not_waited_for_and_stays_as_it_was(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    unsigned added = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    sink_use(&fixture->sink, ends[1], SINK_NO_DAEMON);
    for (unsigned i = 0; i < 3000; i++) {
        added += add_line(&fixture->sink, i, 500) ? 1 : 0;
    }
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    unsigned lines = 0;
    while (fixture->sink.used > 0) {
        lines += check_lines(fixture->text,
                             read_some(ends[0], fixture->text, sizeof(fixture->text)), 500);
        sink_flush(&fixture->sink);
    }
    lines +=
        check_lines(fixture->text, read_some(ends[0], fixture->text, sizeof(fixture->text)), 500);
    assert_int_equal(lines, added);
    sink_close(&fixture->sink);
    close(ends[0]);
    close(ends[1]);
}

static void expect_datagram(struct fixture *fixture, const char *start) {
    int priority = 0;
    const char *line = daemon_read(&fixture->daemon, &priority);
    assert_non_null(line);
    assert_int_equal(priority, 3 << 3 | 6); // daemon, informational
    assert_memory_equal(line, start, strlen(start));
    assert_int_equal(strlen(line), 99);
}

static void test_syslog_gets_a_datagram_for_each_line(void **state) {
    struct fixture *fixture = *state;
    int priority;
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    for (unsigned i = 1; i <= 3; i++) {
        assert_true(add_line(&fixture->sink, i, 100));
    }
    sink_flush(&fixture->sink);
    expect_datagram(fixture, "00000001x");
    expect_datagram(fixture, "00000002x");
    expect_datagram(fixture, "00000003x");
    assert_null(daemon_read(&fixture->daemon, &priority));
}

// --- The journal ---

#define JOURNAL_HEAD "PRIORITY=6\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=ravelin\n"

static bool add_fields(struct sink *sink, const char *fields) {
    size_t size = strlen(fields);
    char *room = sink_room(sink, size + SINK_HEAD_MAX);
    if (room == NULL) {
        return false;
    }
    size_t head = sink_head(sink, 6, room);
    for (size_t i = 0; i < size; i++) {
        room[head + i] = fields[i];
    }
    sink_add(sink, head + size);
    return true;
}

static void test_the_journal_gets_fields_in_a_datagram_for_each_line(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    assert_true(add_fields(&fixture->sink, "A=1" SINK_FIELD_END "MESSAGE=one\n"));
    assert_true(add_fields(&fixture->sink, "MESSAGE=two\n"));
    sink_flush(&fixture->sink);
    assert_string_equal(daemon_read_raw(&fixture->daemon), JOURNAL_HEAD "A=1\nMESSAGE=one\n");
    assert_string_equal(daemon_read_raw(&fixture->daemon), JOURNAL_HEAD "MESSAGE=two\n");
    assert_null(daemon_read_raw(&fixture->daemon));
    assert_int_equal(fixture->sink.lost, 0);
}

static void test_a_journal_that_stands_still_is_not_waited_for(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    int other = daemon_fill(&fixture->daemon);
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    unsigned added = 0;
    for (unsigned i = 0; i < 2000; i++) {
        added += add_fields(&fixture->sink, "A=1" SINK_FIELD_END "MESSAGE=one\n") ? 1 : 0;
    }
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    assert_int_equal(fixture->sink.error, EAGAIN);
    assert_int_equal(fixture->sink.lost, 2000 - added);
    daemon_empty(&fixture->daemon);
    sink_flush(&fixture->sink);
    assert_string_equal(daemon_read_raw(&fixture->daemon), JOURNAL_HEAD "A=1\nMESSAGE=one\n");
    close(other);
}

static void test_lines_wait_for_a_journal_that_is_restarted(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    assert_true(add_fields(&fixture->sink, "MESSAGE=one\n"));
    sink_flush(&fixture->sink);
    daemon_stop(&fixture->daemon);
    assert_true(add_fields(&fixture->sink, "MESSAGE=two\n"));
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_flush(&fixture->sink);
    assert_string_equal(daemon_read_raw(&fixture->daemon), JOURNAL_HEAD "MESSAGE=two\n");
    assert_int_equal(fixture->sink.lost, 0);
}

// As fields they are of no use to syslog, and the other way round.
static void test_lines_for_one_daemon_do_not_go_to_another(void **state) {
    struct fixture *fixture = *state;
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    assert_true(add_fields(&fixture->sink, "MESSAGE=one\n"));
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    assert_int_equal(fixture->sink.lost, 1);
    assert_true(add_line(&fixture->sink, 1, 100));
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    assert_int_equal(fixture->sink.lost, 2);
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_flush(&fixture->sink);
    assert_null(daemon_read_raw(&fixture->daemon));
}

// There is none by the native protocol.
static void test_a_journal_is_no_stream(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_STREAM);
    sink_use(&fixture->sink, -1, SINK_DAEMON_JOURNAL);
    assert_true(add_fields(&fixture->sink, "MESSAGE=one\n"));
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    assert_int_equal(fixture->sink.error, EPROTOTYPE);
}

// --- Daemons ---

static void test_a_daemon_that_stands_still_is_not_waited_for(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    int other = daemon_fill(&fixture->daemon);
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    unsigned added = 0;
    for (unsigned i = 0; i < 2000; i++) {
        added += add_line(&fixture->sink, i, 100) ? 1 : 0;
    }
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    assert_int_equal(fixture->sink.error, EAGAIN);
    assert_int_equal(fixture->sink.lost, 2000 - added);
    daemon_empty(&fixture->daemon);
    sink_flush(&fixture->sink);
    expect_datagram(fixture, "00000000x");
    expect_datagram(fixture, "00000001x");
    close(other);
}

static void test_lines_wait_for_a_daemon_that_is_restarted(void **state) {
    struct fixture *fixture = *state;
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    assert_true(add_line(&fixture->sink, 1, 100));
    sink_flush(&fixture->sink); // it has not been started yet
    assert_int_equal(fixture->sink.error, ENOENT);
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    sink_flush(&fixture->sink);
    expect_datagram(fixture, "00000001x");
    daemon_stop(&fixture->daemon);
    assert_true(add_line(&fixture->sink, 2, 100));
    sink_flush(&fixture->sink);
    assert_true(fixture->sink.is_stalled);
    daemon_start(&fixture->daemon, SOCK_DGRAM);
    assert_true(add_line(&fixture->sink, 3, 100));
    sink_flush(&fixture->sink);
    expect_datagram(fixture, "00000002x");
    expect_datagram(fixture, "00000003x");
    assert_int_equal(fixture->sink.lost, 0);
}

static void test_a_daemon_with_a_stream_socket(void **state) {
    struct fixture *fixture = *state;
    daemon_start(&fixture->daemon, SOCK_STREAM);
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    assert_true(add_line(&fixture->sink, 1, 100));
    assert_true(add_line(&fixture->sink, 2, 100));
    sink_flush(&fixture->sink);
    assert_false(fixture->sink.is_stalled);
    int connection = accept(fixture->daemon.fd, NULL, NULL);
    assert_true(connection >= 0);
    ssize_t size = recv(connection, fixture->text, sizeof(fixture->text), MSG_DONTWAIT);
    assert_true(size > 200);
    assert_memory_equal(fixture->text, "<30>", 4);
    fixture->text[size] = '\0';
    assert_non_null(strstr(fixture->text, "]: 00000001x"));
    assert_non_null(strstr(fixture->text, "x\n<30>"));
    // A connection that breaks leads to another.
    close(connection);
    assert_true(add_line(&fixture->sink, 3, 100));
    sink_flush(&fixture->sink);
    connection = accept(fixture->daemon.fd, NULL, NULL);
    assert_true(connection >= 0);
    size = recv(connection, fixture->text, sizeof(fixture->text) - 1, MSG_DONTWAIT);
    assert_true(size > 100);
    fixture->text[size] = '\0';
    assert_non_null(strstr(fixture->text, "]: 00000003x"));
    close(connection);
}

static void test_lines_with_a_header_go_to_no_file(void **state) {
    struct fixture *fixture = *state;
    int file = memfd_create("log", MFD_CLOEXEC);
    sink_use(&fixture->sink, -1, SINK_DAEMON_SYSLOG);
    assert_true(add_line(&fixture->sink, 1, 100));
    sink_use(&fixture->sink, file, SINK_NO_DAEMON);
    assert_int_equal(fixture->sink.lost, 1);
    assert_true(add_line(&fixture->sink, 2, 100));
    sink_flush(&fixture->sink);
    ssize_t size = pread(file, fixture->text, sizeof(fixture->text), 0);
    assert_int_equal(check_lines(fixture->text, (size_t)size, 100), 1);
    assert_memory_equal(fixture->text, "00000002x", 9);
    sink_use(&fixture->sink, -1, SINK_NO_DAEMON);
    assert_false(sink_is_on(&fixture->sink));
    close(file);
}

#define WITH_SINK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SINK(test_a_pipe_that_is_full_is_not_waited_for),
        WITH_SINK(test_a_terminal_accepts_parts_and_no_line_is_torn),
        WITH_SINK(test_the_rest_of_a_torn_line_never_reaches_another_target),
        WITH_SINK(test_a_socket_is_not_waited_for_and_stays_as_it_was),
        WITH_SINK(test_the_journal_gets_fields_in_a_datagram_for_each_line),
        WITH_SINK(test_a_journal_that_stands_still_is_not_waited_for),
        WITH_SINK(test_lines_wait_for_a_journal_that_is_restarted),
        WITH_SINK(test_lines_for_one_daemon_do_not_go_to_another),
        WITH_SINK(test_a_journal_is_no_stream),
        WITH_SINK(test_syslog_gets_a_datagram_for_each_line),
        WITH_SINK(test_a_daemon_that_stands_still_is_not_waited_for),
        WITH_SINK(test_lines_wait_for_a_daemon_that_is_restarted),
        WITH_SINK(test_a_daemon_with_a_stream_socket),
        WITH_SINK(test_lines_with_a_header_go_to_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
