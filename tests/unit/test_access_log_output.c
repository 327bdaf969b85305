// Where lines go and when: the buffer, files, pipes, syslog, and what happens when a line cannot be
// written.
#include "access_log_fixture.h"
#include "syslog_daemon.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

static size_t count_lines(const char *text) {
    size_t lines = 0;
    for (; (text = strchr(text, '\n')) != NULL; text++) {
        lines++;
    }
    return lines;
}

static void write_lines(struct fixture *fixture, size_t count) {
    struct access_entry entry = usual_entry();
    for (size_t i = 0; i < count; i++) {
        access_log_write(&fixture->log, &entry);
    }
}

static void test_lines_wait_for_the_flush(void **state) {
    struct fixture *fixture = *state;
    write_lines(fixture, 10);
    assert_string_equal(read_text(fixture), "");
    access_log_flush(&fixture->log);
    assert_int_equal(count_lines(read_text(fixture)), 10);
    access_log_flush(&fixture->log);
    assert_string_equal(read_text(fixture), "");
}

static void test_a_nearly_full_buffer_is_written_and_no_line_is_lost(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    size_t line_size = strlen(written(fixture, &entry));
    size_t lines = 2 * (size_t)ACCESS_LOG_BUFFER_SIZE / line_size;
    write_lines(fixture, lines);
    size_t size = strlen(read_text(fixture));
    assert_in_range(size, ACCESS_LOG_BUFFER_SIZE - ACCESS_LOG_LINE_MAX - line_size,
                    lines * line_size);
    assert_int_equal(size % line_size, 0);
    access_log_flush(&fixture->log);
    assert_int_equal(size + strlen(read_text(fixture)), lines * line_size);
    assert_int_equal(fixture->log.sink.lost, 0);
}

static void use_pipe(struct fixture *fixture, int ends[2]) {
    assert_int_equal(pipe2(ends, O_DIRECT | O_CLOEXEC | O_NONBLOCK), 0);
    access_log_reopen(&fixture->log, ends[1], SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
}

static void close_pipe(struct fixture *fixture, int ends[2]) {
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    close(ends[0]);
    close(ends[1]);
}

// Reads what the pipe holds now, checks that each write was of whole lines and no more than a pipe
// takes whole, and returns the number of lines.
static size_t drain_pipe(int fd) {
    char packet[2 * PIPE_BUF + 1];
    size_t lines = 0;
    ssize_t size;
    while ((size = read(fd, packet, sizeof(packet) - 1)) > 0) {
        packet[size] = '\0';
        assert_in_range(size, 1, PIPE_BUF);
        assert_memory_equal(packet, "{\"time\":\"", 9);
        assert_string_equal(packet + size - 15, ",\"ended\":null}\n");
        lines += count_lines(packet);
    }
    return lines;
}

static void test_a_pipe_gets_whole_lines_in_pieces_it_takes_whole(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    use_pipe(fixture, ends);
    struct access_entry entry = usual_entry();
    static char long_text[4 * PIPE_BUF];
    entry.target = repeated(long_text, sizeof(long_text), "t");
    for (size_t i = 0; i < 30; i++) {
        entry.target.size = 1 + i * 61 % 1500;
        access_log_write(&fixture->log, &entry);
    }
    access_log_flush(&fixture->log);
    assert_int_equal(drain_pipe(ends[0]), 30);
    // One that a pipe would not take whole is cut.
    entry.target.size = sizeof(long_text);
    access_log_write(&fixture->log, &entry);
    access_log_flush(&fixture->log);
    assert_int_equal(drain_pipe(ends[0]), 1);
    close_pipe(fixture, ends);
}

static void test_a_full_pipe_is_not_waited_for_and_the_loss_is_reported_once(void **state) {
    struct fixture *fixture = *state;
    int ends[2];
    use_pipe(fixture, ends);
    const size_t lines = 2000;
    alarm(60); // a write that waits would never end
    write_lines(fixture, lines);
    assert_in_range(fixture->log.sink.lost, 1, lines - 1);
    assert_string_equal(read_error(fixture), "");
    char expected[128];
    (void)snprintf(expected, sizeof(expected),
                   ": access log: %llu lines lost: the reader does not keep up\n",
                   (unsigned long long)fixture->log.sink.lost);
    access_log_flush(&fixture->log);
    assert_non_null(strstr(read_error(fixture), " warning worker 0["));
    assert_non_null(strstr(fixture->text, expected));
    access_log_flush(&fixture->log);
    assert_string_equal(read_error(fixture), "");

    // What was not dropped comes through once there is room.
    size_t read_lines = 0;
    while (fixture->log.sink.used > 0) {
        read_lines += drain_pipe(ends[0]);
        access_log_flush(&fixture->log);
    }
    read_lines += drain_pipe(ends[0]);
    assert_int_equal(read_lines + fixture->log.sink.lost, lines);
    write_lines(fixture, 1);
    access_log_flush(&fixture->log);
    assert_int_equal(drain_pipe(ends[0]), 1);
    alarm(0);
    close_pipe(fixture, ends);
}

static void test_a_reader_that_went_away_is_named(void **state) {
    struct fixture *fixture = *state;
    (void)signal(SIGPIPE, SIG_IGN);
    int ends[2];
    use_pipe(fixture, ends);
    close(ends[0]);
    ends[0] = -1;
    write_lines(fixture, 3);
    access_log_free(&fixture->log);
    assert_non_null(strstr(read_error(fixture), ": access log: 3 lines lost: Broken pipe\n"));
    close(ends[1]);
    (void)signal(SIGPIPE, SIG_DFL);
}

static void test_a_line_torn_by_a_full_disk_is_completed_later(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    size_t line_size = strlen(written(fixture, &entry));
    struct rlimit usual;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &usual), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    // Room for three lines and a half.
    const struct rlimit tight = {line_size * 7 / 2, usual.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    write_lines(fixture, 1000);
    access_log_flush(&fixture->log);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &usual), 0);
    (void)signal(SIGXFSZ, SIG_DFL);
    uint64_t dropped = fixture->log.sink.lost;
    assert_in_range(dropped, 1, 999);
    assert_non_null(strstr(read_error(fixture), " lines lost: File too large\n"));

    access_log_flush(&fixture->log);
    const char *text = read_text(fixture);
    assert_int_equal(strlen(text), (1000 - dropped) * line_size);
    for (const char *at = text; *at != '\0'; at += line_size) {
        assert_memory_equal(at, text, line_size);
    }
}

static void test_turning_the_log_off_tells_what_that_loses(void **state) {
    struct fixture *fixture = *state;
    (void)signal(SIGPIPE, SIG_IGN);
    int ends[2];
    use_pipe(fixture, ends);
    close(ends[0]);
    ends[0] = -1;
    write_lines(fixture, 2);
    close_pipe(fixture, ends);
    assert_non_null(strstr(read_error(fixture), ": access log: 2 lines lost: Broken pipe\n"));
    (void)signal(SIGPIPE, SIG_DFL);
}

static void test_reopen_parts_the_lines_and_may_change_the_format(void **state) {
    struct fixture *fixture = *state;
    int second = memfd_create("second", 0);
    assert_true(second >= 0);
    write_lines(fixture, 1);
    access_log_reopen(&fixture->log, second, SINK_NO_DAEMON, ACCESS_FORMAT_COMBINED);
    write_lines(fixture, 1);
    access_log_flush(&fixture->log);
    assert_memory_equal(read_text(fixture), "{\"time\":", 8);
    assert_int_equal(count_lines(fixture->text), 1);
    char text[4096];
    ssize_t size = pread(second, text, sizeof(text) - 1, 0);
    assert_true(size > 0);
    text[size] = '\0';
    static const char start[] = "192.0.2.1 - - [23/Nov/2026:10:11:12 +0000] ";
    assert_memory_equal(text, start, sizeof(start) - 1);
    assert_int_equal(count_lines(text), 1);
    use_format(fixture, ACCESS_FORMAT_JSON);
    assert_int_equal(close(second), 0); // still open: the log closes nothing
}

static void test_a_log_that_is_off_writes_nothing_and_may_be_opened_later(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    struct access_log log;
    assert_true(access_log_init(&log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON, &fixture->errors));
    assert_false(access_log_enabled(&log));
    access_log_write(&log, &entry);
    access_log_flush(&log);
    access_log_reopen(&log, fixture->file, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    assert_true(access_log_enabled(&log));
    access_log_write(&log, &entry);
    access_log_free(&log);
    assert_false(access_log_enabled(&log));
    assert_int_equal(count_lines(read_text(fixture)), 1);
    access_log_write(&log, &entry);
    access_log_free(&log);
    assert_string_equal(read_text(fixture), "");
    assert_string_equal(read_error(fixture), "");
}

static void test_syslog_gets_each_line_at_once(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    struct syslog_daemon daemon;
    int priority = -1;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    entry.target = SLICE("/100%s%n");
    fixture->log.sink.syslog_path = daemon.path;
    access_log_reopen(&fixture->log, fixture->file, SINK_DAEMON_SYSLOG, ACCESS_FORMAT_COMBINED);
    assert_int_equal(fixture->log.sink.fd, -1); // syslog goes before a descriptor
    assert_true(access_log_enabled(&fixture->log));
    access_log_write(&fixture->log, &entry);
    assert_string_equal(daemon_read(&daemon, &priority),
                        "192.0.2.1 - - [23/Nov/2026:10:11:12 +0000] "
                        "\"GET /100%s%n HTTP/1.1\" 200 1024 "
                        "\"https://localhost:8443/\" \"curl/8.5.0\"");
    assert_int_equal(priority, 3 << 3 | 6); // RFC 5424: daemon, informational
    access_log_flush(&fixture->log);
    assert_null(daemon_read(&daemon, &priority));
    assert_string_equal(read_text(fixture), "");
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

static void test_the_journal_gets_fields_and_the_line(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    struct syslog_daemon daemon;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    fixture->log.sink.journal_path = daemon.path;
    access_log_reopen(&fixture->log, -1, SINK_DAEMON_JOURNAL, ACCESS_FORMAT_COMBINED);
    entry.target = SLICE("/\n\x1fMESSAGE=a\xff");
    entry.ended = "client closed";
    access_log_write(&fixture->log, &entry);
    const char *text = daemon_read_raw(&daemon);
    assert_non_null(text);
    char duration[64];
    (void)snprintf(duration, sizeof(duration), "RAVELIN_DURATION_US=%lld\n",
                   (long long)entry.duration_us);
    const char *const fields[] = {
        "PRIORITY=6\n",
        "\nSYSLOG_IDENTIFIER=ravelin\n",
        "\nRAVELIN_LOG=access\n",
        "\nRAVELIN_CLIENT=192.0.2.1\n",
        "\nRAVELIN_SITE=localhost\n",
        "\nRAVELIN_METHOD=GET\n",
        "\nRAVELIN_TARGET=/\\x0A\\x1FMESSAGE=a\\xFF\n",
        "\nRAVELIN_STATUS=200\n",
        duration,
        "\nRAVELIN_ENDED=client closed\n",
        "\nMESSAGE=192.0.2.1 - - [23/Nov/2026:10:11:12 +0000] \"GET /\\x0A\\x1FMESSAGE=a\\xFF ",
    };
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        assert_non_null(strcasestr(text, fields[i]));
    }
    assert_string_equal(text + strlen(text) - 14, " \"curl/8.5.0\"\n");
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

static void test_the_journal_gets_the_selected_fields(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    struct access_fields fields = {.count = 0};
    static const enum access_field items[] = {ACCESS_FIELD_TIME,   ACCESS_FIELD_PROTOCOL,
                                              ACCESS_FIELD_TLS,    ACCESS_FIELD_REQUEST_ID,
                                              ACCESS_FIELD_STATUS, ACCESS_FIELD_SERVER_REUSED};
    struct syslog_daemon daemon;
    for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
        assert_true(access_fields_add(&fields, items[i]));
    }
    entry.fields = &fields;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    fixture->log.sink.journal_path = daemon.path;
    access_log_reopen(&fixture->log, -1, SINK_DAEMON_JOURNAL, ACCESS_FORMAT_JSON);
    access_log_write(&fixture->log, &entry);
    const char *text = daemon_read_raw(&daemon);
    assert_non_null(text);
    assert_non_null(strstr(text, "\nRAVELIN_LOG=access\n"
                                 "RAVELIN_TIME=2026-11-23T10:11:12.345Z\n"
                                 "RAVELIN_PROTOCOL=HTTP/1.1\n"
                                 "RAVELIN_TLS_VERSION=TLSv1.3\n"
                                 "RAVELIN_TLS_GROUP=X25519MLKEM768\n"
                                 "RAVELIN_TLS_SUITE=TLS_AES_128_GCM_SHA256\n"
                                 "RAVELIN_TLS_RESUMED=true\n"
                                 "RAVELIN_TLS_SNI=localhost\n"
                                 "RAVELIN_TLS_CLIENT_CERTIFICATE=CN=Ada\n"
                                 "RAVELIN_STATUS=200\n"
                                 "RAVELIN_SERVER_REUSED=true\n"
                                 "MESSAGE={\"time\":\"2026-11-23T10:11:12.345Z\",\"protocol\":"));
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

static void test_the_journal_gets_no_field_for_what_is_unknown(void **state) {
    struct fixture *fixture = *state;
    const struct access_entry entry = {.client = SLICE("192.0.2.1"),
                                       .duration_us = -1,
                                       .connect_us = -1,
                                       .response_us = -1,
                                       .ended = "handshake timeout"};
    struct syslog_daemon daemon;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    fixture->log.sink.journal_path = daemon.path;
    access_log_reopen(&fixture->log, -1, SINK_DAEMON_JOURNAL, ACCESS_FORMAT_JSON);
    access_log_write(&fixture->log, &entry);
    const char *text = daemon_read_raw(&daemon);
    assert_non_null(text);
    const char *message = strstr(text, "\nMESSAGE={\"time\":");
    assert_non_null(message);
    static const char *const absent[] = {"SITE", "METHOD", "TARGET", "STATUS", "DURATION"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        assert_null(strstr(text, absent[i]));
    }
    assert_non_null(strstr(text, "\nRAVELIN_ENDED=handshake timeout\n"));
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

// All that does not fit is cut so that the datagram stays one.
static void test_a_long_line_for_the_journal_is_cut(void **state) {
    struct fixture *fixture = *state;
    static char long_text[ACCESS_LOG_LINE_MAX];
    struct access_entry entry = usual_entry();
    struct syslog_daemon daemon;
    memset(long_text, '"', sizeof(long_text));
    entry.target = (struct slice){long_text, sizeof(long_text)};
    entry.user_agent = entry.referer = entry.target;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    fixture->log.sink.journal_path = daemon.path;
    access_log_reopen(&fixture->log, -1, SINK_DAEMON_JOURNAL, ACCESS_FORMAT_JSON);
    access_log_write(&fixture->log, &entry);
    const char *text = daemon_read_raw(&daemon);
    assert_non_null(text);
    assert_in_range(strlen(text), 1000, SINK_PIECE_MAX);
    assert_string_equal(text + strlen(text) - 2, "}\n");
    assert_non_null(strstr(text, "\nMESSAGE={"));
    assert_int_equal(fixture->log.sink.lost, 0);
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

static void test_a_daemon_that_stands_still_loses_lines_and_costs_no_time(void **state) {
    struct fixture *fixture = *state;
    struct syslog_daemon daemon;
    int priority = -1;
    const size_t lines = 1000;
    daemon_init(&daemon);
    daemon_start(&daemon, SOCK_DGRAM);
    int other = daemon_fill(&daemon);
    fixture->log.sink.syslog_path = daemon.path;
    access_log_reopen(&fixture->log, -1, SINK_DAEMON_SYSLOG, ACCESS_FORMAT_JSON);
    alarm(60);
    write_lines(fixture, lines);
    access_log_flush(&fixture->log);
    alarm(0);
    assert_in_range(fixture->log.sink.lost, 1, lines - 1);
    assert_non_null(strstr(read_error(fixture), " lines lost: the reader does not keep up\n"));
    size_t kept = lines - fixture->log.sink.lost;
    daemon_empty(&daemon);
    size_t received = 0;
    while (fixture->log.sink.used > 0) {
        access_log_flush(&fixture->log);
        while (daemon_read(&daemon, &priority) != NULL) {
            received++;
        }
    }
    assert_int_equal(received, kept);
    close(other);
    access_log_reopen(&fixture->log, -1, SINK_NO_DAEMON, ACCESS_FORMAT_JSON);
    daemon_free(&daemon);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LOG(test_lines_wait_for_the_flush),
        WITH_LOG(test_a_nearly_full_buffer_is_written_and_no_line_is_lost),
        WITH_LOG(test_a_pipe_gets_whole_lines_in_pieces_it_takes_whole),
        WITH_LOG(test_a_full_pipe_is_not_waited_for_and_the_loss_is_reported_once),
        WITH_LOG(test_a_reader_that_went_away_is_named),
        WITH_LOG(test_a_line_torn_by_a_full_disk_is_completed_later),
        WITH_LOG(test_turning_the_log_off_tells_what_that_loses),
        WITH_LOG(test_reopen_parts_the_lines_and_may_change_the_format),
        WITH_LOG(test_a_log_that_is_off_writes_nothing_and_may_be_opened_later),
        WITH_LOG(test_syslog_gets_each_line_at_once),
        WITH_LOG(test_the_journal_gets_fields_and_the_line),
        WITH_LOG(test_the_journal_gets_the_selected_fields),
        WITH_LOG(test_the_journal_gets_no_field_for_what_is_unknown),
        WITH_LOG(test_a_long_line_for_the_journal_is_cut),
        WITH_LOG(test_a_daemon_that_stands_still_loses_lines_and_costs_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
