// What lines look like: both formats, escapes, lengths.
#include "access_log_fixture.h"

#include <stdio.h>
#include <sys/wait.h>

// --- Formats ---

static void test_json_of_an_exchange(void **state) {
    struct access_entry entry = usual_entry();
    assert_string_equal(
        written(*state, &entry),
        "{\"time\":\"2026-11-23T10:11:12.345Z\",\"client\":\"192.0.2.1\",\"client_port\":54321,"
        "\"client_unread\":null,\"user\":null,\"site\":\"localhost\",\"method\":\"GET\",\"target\":"
        "\"/api/"
        "items?page=2\","
        "\"host\":\"localhost:8443\",\"protocol\":\"HTTP/1.1\",\"status\":200,\"request_bytes\":0,"
        "\"response_bytes\":1024,\"referer\":\"https://localhost:8443/\","
        "\"user_agent\":\"curl/8.5.0\",\"backend\":\"api\",\"server\":\"127.0.0.1:9000\","
        "\"server_reused\":true,\"duration_us\":1234,\"connect_us\":7,\"response_us\":1100,"
        "\"tls\":{\"version\":\"TLSv1.3\",\"group\":\"X25519MLKEM768\","
        "\"suite\":\"TLS_AES_128_GCM_SHA256\",\"resumed\":true,\"sni\":\"localhost\","
        "\"client_certificate\":\"CN=Ada\"},"
        "\"ended\":null}\n");
}

static void test_json_of_a_session_without_a_request(void **state) {
    struct access_entry entry = empty_entry();
    assert_string_equal(
        written(*state, &entry),
        "{\"time\":\"2000-10-10T13:55:36.000Z\",\"client\":\"2001:db8::1\",\"client_port\":1,"
        "\"client_unread\":null,\"user\":null,\"site\":null,\"method\":null,\"target\":null,"
        "\"host\":null,"
        "\"protocol\":null,"
        "\"status\":0,\"request_bytes\":0,\"response_bytes\":0,\"referer\":null,"
        "\"user_agent\":null,\"backend\":null,\"server\":null,\"server_reused\":false,"
        "\"duration_us\":10,\"connect_us\":null,\"response_us\":null,\"tls\":null,"
        "\"ended\":\"handshake failed\"}\n");
}

static void test_json_of_a_failed_handshake_tells_the_name(void **state) {
    struct access_entry entry = empty_entry();
    entry.tls_sni = SLICE("a.test");
    assert_non_null(strstr(written(*state, &entry),
                           ",\"tls\":{\"version\":null,\"group\":null,\"suite\":null,"
                           "\"resumed\":false,\"sni\":\"a.test\",\"client_certificate\":null},"
                           "\"ended\":\"handshake failed\"}"));
}

static void test_json_of_http_1_0_and_tls_without_sni(void **state) {
    struct access_entry entry = usual_entry();
    entry.minor_version = 0;
    entry.tls_group = SLICE("");
    entry.tls_sni = entry.tls_client = slice_from(NULL);
    entry.tls_resumed = false;
    const char *line = written(*state, &entry);
    assert_non_null(strstr(line, ",\"protocol\":\"HTTP/1.0\","));
    assert_non_null(strstr(
        line, ",\"tls\":{\"version\":\"TLSv1.3\",\"group\":null,\"suite\":\"TLS_AES_"
              "128_GCM_SHA256\",\"resumed\":false,\"sni\":null,\"client_certificate\":null},"));
}

static void test_combined_lines(void **state) {
    struct fixture *fixture = *state;
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    struct access_entry entry = usual_entry();
    assert_string_equal(
        written(fixture, &entry),
        "192.0.2.1 - - [23/Nov/2026:10:11:12 +0000] \"GET /api/items?page=2 HTTP/1.1\" 200 "
        "1024 \"https://localhost:8443/\" \"curl/8.5.0\"\n");
    entry = empty_entry();
    assert_string_equal(written(fixture, &entry),
                        "2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] \"-\" - - \"-\" \"-\"\n");
    // A request that could not be read, answered all the same.
    entry.status = 400;
    entry.response_bytes = 0;
    assert_string_equal(written(fixture, &entry),
                        "2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] \"-\" 400 0 \"-\" \"-\"\n");
}

// A request that was refused unread: what could be told apart in it in JSON, its first line in
// combined.
static void test_lines_of_a_refused_request(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = empty_entry();
    entry.status = 400;
    entry.ended = "why \"so\"";
    entry.request_line = SLICE("GET /\n\xff\" HTTP/1.1");
    entry.method = SLICE("GET");
    entry.target = SLICE("/\n\xff\"");
    entry.protocol = SLICE("HTTP/1.1");
    entry.host = SLICE("h");
    entry.user_agent = SLICE("a\x01");
    const char *line = written(fixture, &entry);
    assert_non_null(strstr(line,
                           ",\"method\":\"GET\",\"target\":\"/\\n\\u00ff\\\"\",\"host\":\"h\","
                           "\"protocol\":\"HTTP/1.1\",\"status\":400,"));
    assert_non_null(strstr(line, "\"user_agent\":\"a\\u0001\""));
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    assert_non_null(strstr(written(fixture, &entry),
                           " \"GET /\\x0a\\xff\\\" HTTP/1.1\" 400 0 \"-\" \"a\\x01\"\n"));
    use_format(fixture, ACCESS_FORMAT_COMBINED_REASON);
    assert_non_null(
        strstr(written(fixture, &entry),
               " \"GET /\\x0a\\xff\\\" HTTP/1.1\" 400 0 \"-\" \"a\\x01\" \"why \\\"so\\\"\"\n"));
    // Nothing but a target, which is the line: no method, no protocol.
    entry.request_line = entry.target = SLICE("\x16\x03\x01");
    entry.method = entry.protocol = slice_from(NULL);
    assert_non_null(strstr(written(fixture, &entry), " \"\\x16\\x03\\x01\" 400 0 "));
    use_format(fixture, ACCESS_FORMAT_JSON);
    assert_non_null(strstr(written(fixture, &entry),
                           "\"method\":null,\"target\":\"\\u0016\\u0003\\u0001\","
                           "\"host\":\"h\",\"protocol\":null,"));
}

static void test_combined_with_the_reason(void **state) {
    struct fixture *fixture = *state;
    use_format(fixture, ACCESS_FORMAT_COMBINED_REASON);
    struct access_entry entry = usual_entry();
    assert_string_equal(
        written(fixture, &entry),
        "192.0.2.1 - - [23/Nov/2026:10:11:12 +0000] \"GET /api/items?page=2 HTTP/1.1\" 200 "
        "1024 \"https://localhost:8443/\" \"curl/8.5.0\" \"-\"\n");
    entry.client_unread = SLICE("a\"b");
    assert_non_null(
        strstr(written(fixture, &entry), " \"curl/8.5.0\" \"-; not understood: a\\\"b\"\n"));
    entry = empty_entry();
    assert_string_equal(written(fixture, &entry), "2001:db8::1 - - [10/Oct/2000:13:55:36 +0000] "
                                                  "\"-\" - - \"-\" \"-\" \"handshake failed\"\n");
    use_format(fixture, ACCESS_FORMAT_JSON);
    entry.client_unread = SLICE("a\"b\xff");
    assert_non_null(
        strstr(written(fixture, &entry), ",\"client_unread\":\"a\\\"b\\u00ff\",\"user\":"));
}

static void test_the_user(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    entry.user = SLICE("bo b\xc3\xa9\"");
    assert_non_null(strstr(written(fixture, &entry), ",\"user\":\"bo b\xc3\xa9\\\"\",\"site\":"));
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    // A blank would end the field.
    assert_non_null(
        strstr(written(fixture, &entry), "192.0.2.1 - bo\\x20b\\xc3\\xa9\\\" [23/Nov/2026"));
    entry.user = SLICE("bob");
    assert_non_null(strstr(written(fixture, &entry), "192.0.2.1 - bob [23/Nov/2026"));
}

static void test_numbers_of_every_length(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    uint64_t power = 1;
    for (int digits = 1; digits <= 20; digits++, power *= 10) {
        const uint64_t numbers[] = {power - 1, power, power + power / 2, power * 9, UINT64_MAX};
        for (size_t i = 0; i < 5; i++) {
            char expected[128];
            (void)snprintf(expected, sizeof(expected),
                           ",\"request_bytes\":%llu,\"response_bytes\":%llu,",
                           (unsigned long long)numbers[i], (unsigned long long)numbers[4 - i]);
            entry.request_bytes = numbers[i];
            entry.response_bytes = numbers[4 - i];
            assert_non_null(strstr(written(fixture, &entry), expected));
        }
    }
}

static void test_the_time_follows_every_entry_forth_and_back(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        int64_t instant;
        const char *iso, *common;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 "},
        {971186136000000, "2000-10-10T13:55:36.000Z", "10/Oct/2000:13:55:36 "},
        {971186136999999, "2000-10-10T13:55:36.999Z", "10/Oct/2000:13:55:36 "},
        {971186137010000, "2000-10-10T13:55:37.010Z", "10/Oct/2000:13:55:37 "},
        {971186136500000, "2000-10-10T13:55:36.500Z", "10/Oct/2000:13:55:36 "},
        {-1, "1969-12-31T23:59:59.999Z", "31/Dec/1969:23:59:59 "},
        {0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 "},
    };
    struct access_entry entry = usual_entry();
    for (int format = ACCESS_FORMAT_JSON; format <= ACCESS_FORMAT_COMBINED_REASON; format++) {
        use_format(fixture, (enum access_format)format);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            entry.started_us = cases[i].instant;
            assert_non_null(strstr(written(fixture, &entry),
                                   format == ACCESS_FORMAT_JSON ? cases[i].iso : cases[i].common));
        }
    }
}

// --- Escapes ---

// What one byte becomes by the rules of RFC 8259 (JSON) and of the combined format.
static const char *escaped(enum access_format format, unsigned byte) {
    static char text[8];
    static const char letters[] = "\bb\tt\nn\ff\rr";
    const char *letter = byte < 0x20 && byte != 0 ? strchr(letters, (int)byte) : NULL;
    if (byte == '"' || byte == '\\') {
        (void)snprintf(text, sizeof(text), "\\%c", (int)byte);
    } else if (byte >= 0x20 && byte < 0x7f) {
        (void)snprintf(text, sizeof(text), "%c", (int)byte);
    } else if (format != ACCESS_FORMAT_JSON) {
        (void)snprintf(text, sizeof(text), "\\x%02x", byte);
    } else if (letter != NULL) {
        (void)snprintf(text, sizeof(text), "\\%c", letter[1]);
    } else {
        (void)snprintf(text, sizeof(text), "\\u%04x", byte);
    }
    return text;
}

static void test_every_byte_at_every_place_of_a_word(void **state) {
    struct fixture *fixture = *state;
    static const char plain[] = "abcdefghijklmnopq";
    struct access_entry entry = usual_entry();
    for (int format = ACCESS_FORMAT_JSON; format <= ACCESS_FORMAT_COMBINED_REASON; format++) {
        use_format(fixture, (enum access_format)format);
        for (unsigned byte = 0; byte < 256; byte++) {
            for (size_t place = 0; place <= 16; place++) {
                char agent[sizeof(plain) - 1];
                memcpy(agent, plain, sizeof(agent));
                memmove(agent + place, agent + place, 0);
                agent[place] = (char)byte;
                char expected[64];
                (void)snprintf(expected, sizeof(expected), "\"%.*s%s%.*s\"", (int)place, plain,
                               escaped((enum access_format)format, byte), (int)(16 - place),
                               plain + place + 1);
                entry.user_agent = (struct slice){agent, sizeof(agent)};
                if (strstr(written(fixture, &entry), expected) == NULL) {
                    fail_msg("byte %02x at %zu: %s is not in %s", byte, place, expected,
                             fixture->text);
                }
            }
        }
    }
}

static void test_utf8_stays_and_what_is_not_is_escaped(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        const char *raw, *json;
    } cases[] = {
        {"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"\xe9t\xe9", "\\u00e9t\\u00e9"},          // Latin-1
        {"\xc0\xaf", "\\u00c0\\u00af"},            // overlong
        {"\xed\xa0\x80", "\\u00ed\\u00a0\\u0080"}, // a surrogate
        {"\xf4\x90\x80\x80", "\\u00f4\\u0090\\u0080\\u0080"},
        {"\xc2\x9b"
         "31m",
         "\\u009b31m"},                 // a terminal's control sequence
        {"\xe2\x82", "\\u00e2\\u0082"}, // cut short
        {"\xc2", "\\u00c2"},
    };
    struct access_entry entry = usual_entry();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[128];
        (void)snprintf(expected, sizeof(expected), "\"target\":\"%s\"", cases[i].json);
        entry.target = slice_from(cases[i].raw);
        assert_non_null(strstr(written(fixture, &entry), expected));
    }
}

// --- Long lines ---

static char long_text[1 << 18];

static void test_a_line_of_the_greatest_size_is_whole_and_one_byte_more_is_cut(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    entry.target = SLICE("x");
    size_t rest = strlen(written(fixture, &entry)) - 1;
    entry.target = repeated(long_text, ACCESS_LOG_LINE_MAX - rest, "x");
    assert_int_equal(strlen(written(fixture, &entry)), ACCESS_LOG_LINE_MAX);
    entry.target.size++;
    // The strings may now be half a line long, and this is the only one that is longer.
    assert_int_equal(strlen(written(fixture, &entry)), rest + ACCESS_LOG_LINE_MAX / 2);

    // The same when only the last string's last escape does not fit and the line's end would.
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    entry = usual_entry();
    entry.user_agent = SLICE("x");
    rest = strlen(written(fixture, &entry)) - 1;
    size_t size = ACCESS_LOG_LINE_MAX - rest - 1;
    entry.user_agent = repeated(long_text, size + 1, "x");
    long_text[size] = '\x01';
    assert_int_equal(strlen(written(fixture, &entry)), rest + ACCESS_LOG_LINE_MAX / 2);
}

static void test_only_the_longest_strings_are_cut(void **state) {
    struct fixture *fixture = *state;
    struct access_entry entry = usual_entry();
    entry.target = repeated(long_text, sizeof(long_text), "t");
    static char expected[2 * ACCESS_LOG_LINE_MAX];
    (void)snprintf(expected, sizeof(expected), "\"target\":\"%.*s\",\"host\":\"localhost:8443\",",
                   ACCESS_LOG_LINE_MAX / 2, long_text);
    const char *line = written(fixture, &entry);
    assert_non_null(strstr(line, expected));
    assert_non_null(strstr(line, ",\"user_agent\":\"curl/8.5.0\","));
    assert_non_null(strstr(line, ",\"ended\":null}\n"));

    use_format(fixture, ACCESS_FORMAT_COMBINED);
    (void)snprintf(expected, sizeof(expected), "\"GET %.*s HTTP/1.1\" 200 1024 ",
                   ACCESS_LOG_LINE_MAX / 2, long_text);
    line = written(fixture, &entry);
    assert_non_null(strstr(line, expected));
    assert_non_null(strstr(line, " \"https://localhost:8443/\" \"curl/8.5.0\"\n"));
}

static void test_a_cut_never_splits_an_escape_or_a_character(void **state) {
    struct fixture *fixture = *state;
    static const char *const units[][2] = {
        {"\x01", "\\u0001"}, {"\"", "\\\""}, {"\xff", "\\u00ff"}, {"\xe2\x82\xac", "\xe2\x82\xac"}};
    struct access_entry entry = usual_entry();
    for (size_t which = 0; which < 4; which++) {
        // Shifted by one each time, so that the cut falls on every place in a unit.
        for (size_t shift = 0; shift < 6; shift++) {
            memset(long_text, 'a', shift);
            (void)repeated(long_text + shift, sizeof(long_text) - shift, units[which][0]);
            entry.user_agent = (struct slice){long_text, sizeof(long_text)};
            const char *at = strstr(written(fixture, &entry), ",\"user_agent\":\"");
            assert_non_null(at);
            at += strlen(",\"user_agent\":\"") + shift;
            size_t unit_size = strlen(units[which][1]);
            size_t size = shift;
            while (strncmp(at, "\",\"backend\":\"api\"", 17) != 0) {
                assert_memory_equal(at, units[which][1], unit_size);
                at += unit_size;
                size += unit_size;
            }
            assert_in_range(size, ACCESS_LOG_LINE_MAX / 2 - unit_size + 1, ACCESS_LOG_LINE_MAX / 2);
        }
    }
}

// Everything but the strings must fit at its longest, so that cutting them always ends in a valid
// line.
static void test_all_strings_huge_and_all_numbers_long(void **state) {
    struct fixture *fixture = *state;
    struct slice huge = repeated(long_text, sizeof(long_text) - 1, "\x01");
    long_text[sizeof(long_text) - 1] = '\0';
    const struct access_entry entry = {
        .started_us = INT64_MAX,
        .client = huge,
        .client_port = UINT16_MAX,
        .site = huge,
        .method = huge,
        .target = huge,
        .host = huge,
        .minor_version = UINT8_MAX,
        .status = UINT16_MAX,
        .request_bytes = UINT64_MAX,
        .response_bytes = UINT64_MAX,
        .referer = huge,
        .user_agent = huge,
        .backend = huge,
        .server = huge,
        .duration_us = INT64_MAX,
        .connect_us = INT64_MAX,
        .response_us = INT64_MAX,
        .tls_version = huge,
        .tls_group = huge,
        .tls_suite = huge,
        .tls_sni = huge,
        .ended = long_text,
    };
    const char *line = written(fixture, &entry);
    size_t size = strlen(line);
    assert_in_range(size, ACCESS_LOG_LINE_MAX / 2, ACCESS_LOG_LINE_MAX);
    size_t escapes = 0;
    for (const char *at = line; (at = strstr(at, "\\u0001")) != NULL; at += 6) {
        escapes++;
    }
    assert_true(escapes > 0 && escapes % 14 == 0); // fourteen strings, all cut alike
    assert_string_equal(line + size - 3, "\"}\n");
}

// --- Against a real JSON reader ---

static const char checker[] =
    "import json, sys\n"
    "keys = ('time client client_port client_unread user site method target host protocol status "
    "request_bytes '\n"
    "        'response_bytes referer user_agent backend server server_reused duration_us '\n"
    "        'connect_us response_us tls ended').split()\n"
    "def meaning(raw):\n"
    "    text, at = '', 0\n"
    "    while at < len(raw):\n"
    "        for size in (1, 2, 3, 4):\n"
    "            try:\n"
    "                text += raw[at:at + size].decode('utf-8')\n"
    "                break\n"
    "            except UnicodeDecodeError:\n"
    "                pass\n"
    "        else:\n"
    "            text, size = text + chr(raw[at]), 1\n"
    "        at += size\n"
    "    return text\n"
    "count = 0\n"
    "for line, raw in zip(open(sys.argv[1], 'rb'), open(sys.argv[2]), strict=True):\n"
    "    entry = json.loads(line.decode('utf-8'))\n"
    "    assert list(entry) == keys, line\n"
    "    assert list(entry['tls']) == ['version', 'group', 'suite', 'resumed', 'sni', "
    "'client_certificate'], line\n"
    "    assert entry['user_agent'] == (meaning(bytes.fromhex(raw)) or None), (line, raw)\n"
    "    assert entry['tls']['sni'] == entry['user_agent'], (line, raw)\n"
    "    count += 1\n"
    "assert count == 3000, count\n";

static int run_checker(const char *lines, const char *raw) {
    pid_t child = fork();
    if (child == 0) {
        execl("/usr/bin/python3", "python3", "-c", checker, lines, raw, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

// Pieces that are near a border of some kind, drawn by a generator with a fixed start.
static struct slice random_text(char *text, size_t capacity, uint32_t *seed) {
    const struct slice pieces[] = {SLICE("a"),
                                   SLICE("plain words"),
                                   SLICE("\""),
                                   SLICE("\\"),
                                   SLICE("\n"),
                                   SLICE("\x1f"),
                                   SLICE("\x7f"),
                                   SLICE("\x80"),
                                   SLICE("\xc2\x80"),
                                   SLICE("\xc2\x9f"),
                                   SLICE("\xc2\xa0"),
                                   SLICE("\xc3"),
                                   SLICE("\xff"),
                                   SLICE("\xe2\x82"),
                                   SLICE("\xf0\x9f"),
                                   SLICE("\xe2\x82\xac"),
                                   SLICE("\xed\xa0\x80"),
                                   SLICE("\xf4\x90\x80\x80"),
                                   SLICE("\xf0\x9f\x98\x80")};
    size_t size = 0;
    *seed = *seed * 1664525 + 1013904223;
    for (size_t count = *seed >> 28; count > 0; count--) {
        *seed = *seed * 1664525 + 1013904223;
        struct slice piece = pieces[(*seed >> 16) % (sizeof(pieces) / sizeof(pieces[0]))];
        assert_true(size + piece.size <= capacity);
        memcpy(text + size, piece.data, piece.size);
        size += piece.size;
    }
    return (struct slice){text, size};
}

static void test_a_json_reader_reads_back_what_was_meant(void **state) {
    struct fixture *fixture = *state;
    if (access("/usr/bin/python3", X_OK) != 0) {
        skip();
    }
    int raw = memfd_create("raw", 0);
    assert_true(raw >= 0);
    uint32_t seed = 1;
    for (int i = 0; i < 3000; i++) {
        char text[256];
        struct access_entry entry = usual_entry();
        entry.user_agent = entry.tls_sni = random_text(text, sizeof(text), &seed);
        access_log_write(&fixture->log, &entry);
        for (size_t at = 0; at < entry.user_agent.size; at++) {
            assert_int_equal(dprintf(raw, "%02x", (unsigned)(uint8_t)text[at]), 2);
        }
        assert_int_equal(dprintf(raw, "\n"), 1);
    }
    access_log_flush(&fixture->log);
    char lines_path[64];
    char raw_path[64];
    (void)snprintf(lines_path, sizeof(lines_path), "/proc/%ld/fd/%d", (long)getpid(),
                   fixture->file);
    (void)snprintf(raw_path, sizeof(raw_path), "/proc/%ld/fd/%d", (long)getpid(), raw);
    assert_int_equal(run_checker(lines_path, raw_path), 0);
    close(raw);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_LOG(test_json_of_an_exchange),
        WITH_LOG(test_json_of_a_session_without_a_request),
        WITH_LOG(test_json_of_a_failed_handshake_tells_the_name),
        WITH_LOG(test_json_of_http_1_0_and_tls_without_sni),
        WITH_LOG(test_combined_lines),
        WITH_LOG(test_lines_of_a_refused_request),
        WITH_LOG(test_combined_with_the_reason),
        WITH_LOG(test_the_user),
        WITH_LOG(test_numbers_of_every_length),
        WITH_LOG(test_the_time_follows_every_entry_forth_and_back),
        WITH_LOG(test_every_byte_at_every_place_of_a_word),
        WITH_LOG(test_utf8_stays_and_what_is_not_is_escaped),
        WITH_LOG(test_a_line_of_the_greatest_size_is_whole_and_one_byte_more_is_cut),
        WITH_LOG(test_only_the_longest_strings_are_cut),
        WITH_LOG(test_a_cut_never_splits_an_escape_or_a_character),
        WITH_LOG(test_all_strings_huge_and_all_numbers_long),
        WITH_LOG(test_a_json_reader_reads_back_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
