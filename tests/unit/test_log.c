#include "observe/log.h"

#include "syslog_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_SIZE 2048

// A log over a pipe on which every write stays a packet of its own (O_DIRECT).
struct fixture {
    int read_end;
    int write_end;
    struct log log;
    char packet[2 * PIPE_BUF];
};

static int set_up(void **state) {
    static struct fixture only;
    struct fixture *fixture = &only;
    int ends[2];
    if (pipe2(ends, O_DIRECT | O_NONBLOCK) != 0) {
        return -1;
    }
    fixture->read_end = ends[0];
    fixture->write_end = ends[1];
    log_init(&fixture->log, ends[1], SINK_NO_DAEMON, SEVERITY_DEBUG, "worker 0");
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close(fixture->read_end);
    close(fixture->write_end);
    return 0;
}

// The next packet, NUL-terminated, or NULL when there is none.
static const char *read_packet(struct fixture *fixture) {
    ssize_t size = read(fixture->read_end, fixture->packet, sizeof(fixture->packet) - 1);
    if (size <= 0) {
        return NULL;
    }
    fixture->packet[size] = '\0';
    return fixture->packet;
}

// The next line's message, after its time, level and process were checked. It ends before the line
// end.
static const char *read_message(struct fixture *fixture, const char *level, pid_t pid) {
    char *line = (char *)read_packet(fixture);
    assert_non_null(line);
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; i < sizeof(shape) - 1; i++) {
        if (shape[i] == 'd') {
            assert_in_range(line[i], '0', '9');
        } else {
            assert_int_equal(line[i], shape[i]);
        }
    }
    char head[64];
    (void)snprintf(head, sizeof(head), "%s worker 0[%ld]: ", level, (long)pid);
    line += sizeof(shape) - 1;
    assert_memory_equal(line, head, strlen(head));
    line += strlen(head);
    size_t size = strlen(line);
    assert_true(size > 0);
    assert_int_equal(line[size - 1], '\n');
    line[size - 1] = '\0';
    return line;
}

static void test_a_line_has_time_level_process_and_message_in_one_write(void **state) {
    struct fixture *fixture = *state;
    log_error(&fixture->log, "cannot open %s: %d", "x.conf", 13);
    log_warning(&fixture->log, "second");
    log_info(&fixture->log, "third");
    log_debug(&fixture->log, "fourth");
    assert_string_equal(read_message(fixture, "error", getpid()), "cannot open x.conf: 13");
    assert_string_equal(read_message(fixture, "warning", getpid()), "second");
    assert_string_equal(read_message(fixture, "info", getpid()), "third");
    assert_string_equal(read_message(fixture, "debug", getpid()), "fourth");
    assert_null(read_packet(fixture));
}

static void test_the_level_decides(void **state) {
    struct fixture *fixture = *state;
    static const char *const names[] = {"error", "warning", "info", "debug"};
    for (int level = SEVERITY_ERROR; level <= SEVERITY_DEBUG; level++) {
        fixture->log.level = (enum log_severity)level;
        log_error(&fixture->log, "m");
        log_warning(&fixture->log, "m");
        log_info(&fixture->log, "m");
        log_debug(&fixture->log, "m");
        for (int severity = SEVERITY_ERROR; severity <= level; severity++) {
            assert_string_equal(read_message(fixture, names[severity], getpid()), "m");
        }
        assert_null(read_packet(fixture));
    }
}

static int evaluations;

static int evaluate(void) {
    return ++evaluations;
}

static void test_an_unwanted_line_costs_no_arguments(void **state) {
    struct fixture *fixture = *state;
    fixture->log.level = SEVERITY_WARNING;
    evaluations = 0;
    log_info(&fixture->log, "%d", evaluate());
    log_debug(&fixture->log, "%d", evaluate());
    assert_int_equal(evaluations, 0);
}

static void test_nothing_can_forge_a_line_or_drive_a_terminal(void **state) {
    struct fixture *fixture = *state;
    log_info(&fixture->log, "%s",
             "a\nb\r\x01\x1b[31m\x7f \"q\" back\\slash caf\xc3\xa9 \xff \xc2\x9b \xe2\x82");
    assert_string_equal(
        read_message(fixture, "info", getpid()),
        "a\\x0ab\\x0d\\x01\\x1b[31m\\x7f \"q\" back\\slash caf\xc3\xa9 \\xff \\xc2\\x9b "
        "\\xe2\\x82");
    for (int byte = 1; byte < 256; byte++) {
        char text[2] = {(char)byte, '\0'};
        char expected[8];
        bool plain = byte >= 0x20 && byte < 0x7f;
        (void)snprintf(expected, sizeof(expected), plain ? "%c" : "\\x%02x", (unsigned)byte);
        log_info(&fixture->log, "%s", text);
        assert_string_equal(read_message(fixture, "info", getpid()), expected);
    }
}

static void test_a_long_line_is_cut_and_marked(void **state) {
    struct fixture *fixture = *state;
    static char text[3 * LINE_SIZE];
    memset(text, 'x', sizeof(text) - 1);
    log_info(&fixture->log, "%s", "");
    size_t head = strlen(read_packet(fixture)) - 1;
    // The longest that fits, and all around it.
    for (size_t size = LINE_SIZE - head - 8; size < LINE_SIZE + 8; size++) {
        log_info(&fixture->log, "%.*s", (int)size, text);
        const char *message = read_message(fixture, "info", getpid());
        if (head + size + 1 <= LINE_SIZE) {
            assert_int_equal(strlen(message), size);
            assert_null(strchr(message, '.'));
        } else {
            assert_int_equal(head + strlen(message) + 1, LINE_SIZE);
            assert_string_equal(message + strlen(message) - 4, "x...");
        }
    }
    log_info(&fixture->log, "%s", text);
    assert_int_equal(head + strlen(read_message(fixture, "info", getpid())) + 1, LINE_SIZE);
}

static void test_a_cut_never_splits_an_escape_or_a_character(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *unit;
        const char *written;
    } cases[] = {{"\x01", "\\x01"}, {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"}};
    for (size_t which = 0; which < 2; which++) {
        // Shifted by one character each time, so that the end falls on every place in a unit.
        for (size_t shift = 0; shift < 5; shift++) {
            static char text[2 * LINE_SIZE];
            memset(text, 'a', shift);
            size_t used = shift;
            while (used + 4 < sizeof(text)) {
                memcpy(text + used, cases[which].unit, strlen(cases[which].unit));
                used += strlen(cases[which].unit);
            }
            text[used] = '\0';
            log_info(&fixture->log, "%s", text);
            const char *message = read_message(fixture, "info", getpid());
            assert_in_range(strlen(message), LINE_SIZE - 70, LINE_SIZE);
            message += shift;
            while (strcmp(message, "...") != 0) {
                assert_memory_equal(message, cases[which].written, 4);
                message += 4;
            }
        }
    }
}

static void fill_pipe(int fd) {
    char page[PIPE_BUF];
    memset(page, 'f', sizeof(page));
    while (write(fd, page, sizeof(page)) > 0) {
    }
    assert_int_equal(errno, EAGAIN);
}

static void test_a_full_pipe_is_not_waited_for_and_lines_wait(void **state) {
    struct fixture *fixture = *state;
    alarm(60); // a write that waits would end this test
    fill_pipe(fixture->write_end);
    log_error(&fixture->log, "waits");
    log_flush(&fixture->log);
    while (read_packet(fixture) != NULL) {
    }
    log_flush(&fixture->log);
    assert_string_equal(read_message(fixture, "error", getpid()), "waits");
    assert_null(read_packet(fixture));
    assert_int_equal(fixture->log.sink.lost, 0);
    alarm(0);
}

// Puts the log into a pipe that does not hold more than a page, and writes lines until some are
// lost. Returns how many were not lost.
static unsigned lose_lines(struct fixture *fixture, unsigned count) {
    fill_pipe(fixture->write_end);
    for (unsigned i = 0; i < count; i++) {
        log_error(&fixture->log, "line %u", i);
    }
    fixture->log.level = SEVERITY_WARNING;
    log_info(&fixture->log, "not wanted, so not lost");
    assert_in_range(fixture->log.sink.lost, 1, count - 1);
    return count - (unsigned)fixture->log.sink.lost;
}

static void expect_losses(struct fixture *fixture, unsigned kept, unsigned count) {
    char expected[96];
    // Several lines that waited leave together.
    (void)snprintf(expected, sizeof(expected),
                   "error log: %u lines lost: the reader does not keep up\n", count - kept);
    unsigned lines = 0;
    const char *packet;
    bool reported = false;
    while ((packet = read_packet(fixture)) != NULL) {
        reported = reported || strstr(packet, expected) != NULL;
        for (; (packet = strstr(packet, ": line ")) != NULL; packet++) {
            lines++;
        }
    }
    assert_true(reported);
    assert_int_equal(lines, kept);
}

static void test_lost_lines_are_reported_as_soon_as_there_is_room(void **state) {
    struct fixture *fixture = *state;
    alarm(60);
    unsigned kept = lose_lines(fixture, 1000);
    while (read_packet(fixture) != NULL) {
    }
    log_flush(&fixture->log); // no other line is needed
    expect_losses(fixture, kept, 1000);
    log_error(&fixture->log, "and on");
    assert_string_equal(read_message(fixture, "error", getpid()), "and on");
    alarm(0);
}

static void test_lost_lines_are_reported_before_the_next_line(void **state) {
    struct fixture *fixture = *state;
    alarm(60);
    unsigned kept = lose_lines(fixture, 1000);
    while (read_packet(fixture) != NULL) {
    }
    log_error(&fixture->log, "line last");
    expect_losses(fixture, kept + 1, 1001);
    alarm(0);
}

static void test_another_target_gets_the_lines_that_wait(void **state) {
    struct fixture *fixture = *state;
    int former = fixture->write_end;
    int former_reader = fixture->read_end;
    int ends[2];
    fill_pipe(former);
    log_error(&fixture->log, "waits");
    assert_int_equal(pipe2(ends, O_DIRECT | O_NONBLOCK), 0);
    fixture->read_end = ends[0];
    fixture->write_end = ends[1];
    log_use(&fixture->log, ends[1], SINK_NO_DAEMON, SEVERITY_INFO);
    log_flush(&fixture->log);
    assert_string_equal(read_message(fixture, "error", getpid()), "waits");
    log_debug(&fixture->log, "not wanted any more");
    assert_null(read_packet(fixture));
    close(former);
    close(former_reader);
}

static void test_a_reader_that_went_away_loses_lines_and_no_process(void **state) {
    struct fixture *fixture = *state;
    (void)signal(SIGPIPE, SIG_IGN);
    close(fixture->read_end);
    fixture->read_end = -1;
    for (int i = 0; i < 1000; i++) {
        log_error(&fixture->log, "nobody reads");
    }
    assert_in_range(fixture->log.sink.lost, 1, 999);
    assert_string_equal(sink_reason(&fixture->log.sink), "Broken pipe");
    (void)signal(SIGPIPE, SIG_DFL);
}

static void test_errno_is_left_alone(void **state) {
    struct fixture *fixture = *state;
    fill_pipe(fixture->write_end);
    errno = ENOTTY;
    log_error(&fixture->log, "lost");
    assert_int_equal(errno, ENOTTY);
}

static void test_a_log_without_a_target_writes_nowhere(void **state) {
    struct fixture *fixture = *state;
    struct log zeroed = {.level = SEVERITY_DEBUG};
    log_error(&zeroed, "nowhere");
    log_flush(&zeroed);
    log_use(&fixture->log, -1, SINK_NO_DAEMON, SEVERITY_DEBUG);
    log_error(&fixture->log, "nowhere");
    log_flush(&fixture->log);
    assert_int_equal(fixture->log.sink.lost, 0);
    assert_null(read_packet(fixture));
}

static void test_a_child_writes_its_own_pid(void **state) {
    struct fixture *fixture = *state;
    log_info(&fixture->log, "parent");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        log_info(&fixture->log, "child");
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(read_message(fixture, "info", getpid()), "parent");
    assert_string_equal(read_message(fixture, "info", child), "child");
}

static void test_syslog_gets_priority_process_and_escaped_message(void **state) {
    struct fixture *fixture = *state;
    struct log *log = &fixture->log;
    struct syslog_daemon daemon;
    int priority = -1;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    log->sink.syslog_path = daemon.path;
    log_use(log, -1, SINK_DAEMON_SYSLOG, SEVERITY_DEBUG);
    // RFC 5424: facility 3, daemon; 3 error, 4 warning, 6 informational, 7 debug.
    static const int priorities[] = {3, 4, 6, 7};
    for (int severity = SEVERITY_ERROR; severity <= SEVERITY_DEBUG; severity++) {
        log_write(log, (enum log_severity)severity, "100%% of %s", "a\nb");
        assert_string_equal(daemon_read(&daemon, &priority), "worker 0: 100% of a\\x0ab");
        assert_int_equal(priority, 3 << 3 | priorities[severity]);
    }
    log->level = SEVERITY_ERROR;
    log_warning(log, "not wanted");
    assert_null(daemon_read(&daemon, &priority));
    log_error(log, "%s", "%s%n");
    assert_string_equal(daemon_read(&daemon, &priority), "worker 0: %s%n");
    assert_null(read_packet(fixture));
    log_use(log, -1, SINK_NO_DAEMON, SEVERITY_DEBUG);
    daemon_free(&daemon);
}

static void test_the_journal_gets_fields(void **state) {
    struct fixture *fixture = *state;
    struct log *log = &fixture->log;
    struct syslog_daemon daemon;
    char text[4096];
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    log->sink.journal_path = daemon.path;
    log_use(log, -1, SINK_DAEMON_JOURNAL, SEVERITY_DEBUG);
    log_warning(log, "%s",
                "a\nMESSAGE=b\x1f"
                "c");
    assert_string_equal(daemon_read_raw(&daemon),
                        "PRIORITY=4\nSYSLOG_FACILITY=3\nSYSLOG_IDENTIFIER=ravelin\n"
                        "RAVELIN_PROCESS=worker 0\nMESSAGE=worker 0: a\\x0aMESSAGE=b\\x1fc\n");
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    log_error(log, "%s", text);
    const char *line = daemon_read_raw(&daemon);
    assert_non_null(line);
    assert_string_equal(line + strlen(line) - 4, "...\n");
    assert_null(daemon_read_raw(&daemon));
    log_use(log, -1, SINK_NO_DAEMON, SEVERITY_DEBUG);
    daemon_free(&daemon);
}

static void assert_quoted(const char *text, size_t size, const char *wanted) {
    char output[LOG_QUOTE_SIZE];
    char copy[512];
    memcpy(copy, text, size);
    assert_ptr_equal(log_quote((struct slice){copy, size}, output), output);
    assert_string_equal(output, wanted);
}

static void test_what_clients_sent_is_quoted_in_ascii(void **state) {
    (void)state;
    assert_quoted("", 0, "''");
    assert_quoted("GET /a?b HTTP/1.1", 17, "'GET /a?b HTTP/1.1'");
    assert_quoted("a'b\\c", 5, "'a\\x27b\\x5cc'");
    assert_quoted("a\0b\r\n\x7f\xc3\xa4\xff", 9, "'a\\x00b\\x0d\\x0a\\x7f\\xc3\\xa4\\xff'");
    char text[LOG_QUOTE_SIZE + 8];
    char wanted[LOG_QUOTE_SIZE] = "'";
    memset(text, 'a', sizeof(text));
    size_t most = LOG_QUOTE_SIZE - sizeof("''...");
    memset(wanted + 1, 'a', most);
    memcpy(wanted + 1 + most, "'", 2);
    assert_quoted(text, most, wanted);
    memcpy(wanted + 1 + most, "'...", 5);
    assert_quoted(text, most + 1, wanted);
    assert_quoted(text, sizeof(text), wanted);
    text[most - 3] = '\n'; // no room for its escape: not half of it
    memcpy(wanted + 1 + most - 3, "'...", 5);
    assert_quoted(text, most, wanted);
}

#define WITH_LOG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LOG(test_a_line_has_time_level_process_and_message_in_one_write),
        WITH_LOG(test_the_level_decides),
        WITH_LOG(test_an_unwanted_line_costs_no_arguments),
        WITH_LOG(test_nothing_can_forge_a_line_or_drive_a_terminal),
        WITH_LOG(test_a_long_line_is_cut_and_marked),
        WITH_LOG(test_a_cut_never_splits_an_escape_or_a_character),
        WITH_LOG(test_a_full_pipe_is_not_waited_for_and_lines_wait),
        WITH_LOG(test_lost_lines_are_reported_as_soon_as_there_is_room),
        WITH_LOG(test_lost_lines_are_reported_before_the_next_line),
        WITH_LOG(test_another_target_gets_the_lines_that_wait),
        WITH_LOG(test_a_reader_that_went_away_loses_lines_and_no_process),
        WITH_LOG(test_errno_is_left_alone),
        WITH_LOG(test_a_log_without_a_target_writes_nowhere),
        WITH_LOG(test_a_child_writes_its_own_pid),
        WITH_LOG(test_syslog_gets_priority_process_and_escaped_message),
        WITH_LOG(test_the_journal_gets_fields),
        cmocka_unit_test(test_what_clients_sent_is_quoted_in_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
