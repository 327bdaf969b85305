// Lines of the access log with selected fields.
#include "access_log_fixture.h"

static struct access_fields selected(const char *names) {
    struct access_fields fields = {.count = 0};
    while (names[0] != '\0') {
        size_t size = strcspn(names, " ");
        size_t i = 0;
        while (strlen(access_field_names[i]) != size ||
               strncmp(names, access_field_names[i], size) != 0) {
            i++;
        }
        assert_true(access_fields_add(&fields, (unsigned)i));
        names += size + (names[size] == ' ');
    }
    return fields;
}

static void test_a_selection_has_each_field_once(void **state) {
    (void)state;
    struct access_fields fields = {.count = 0};
    for (unsigned i = 0; i < ACCESS_FIELD_COUNT; i++) {
        assert_false(access_fields_have(&fields, (enum access_field)i));
        assert_true(access_fields_add(&fields, i));
        assert_true(access_fields_have(&fields, (enum access_field)i));
        assert_false(access_fields_add(&fields, i));
    }
    assert_false(access_fields_add(&fields, ACCESS_FIELD_COUNT));
    assert_int_equal(fields.count, ACCESS_FIELD_COUNT);
    assert_null(access_field_names[ACCESS_FIELD_COUNT]);
}

static void test_selections_in_json(void **state) {
    struct access_fields fields = selected("status target time duration_us tls_group ended");
    struct access_entry entry = usual_entry();
    entry.fields = &fields;
    assert_string_equal(written(*state, &entry),
                        "{\"status\":200,\"target\":\"/api/items?page=2\","
                        "\"time\":\"2026-11-23T10:11:12.345Z\",\"duration_us\":1234,"
                        "\"tls_group\":\"X25519MLKEM768\",\"ended\":null}\n");
    fields =
        selected("tls_version tls_suite tls_resumed tls_sni tls_client_certificate request_id");
    assert_string_equal(written(*state, &entry),
                        "{\"tls_version\":\"TLSv1.3\",\"tls_suite\":\"TLS_AES_128_GCM_SHA256\","
                        "\"tls_resumed\":true,\"tls_sni\":\"localhost\","
                        "\"tls_client_certificate\":\"CN=Ada\",\"request_id\":null}\n");
    entry = empty_entry();
    entry.fields = &fields;
    fields = selected("protocol tls tls_version response_us");
    assert_string_equal(
        written(*state, &entry),
        "{\"protocol\":null,\"tls\":null,\"tls_version\":null,\"response_us\":null}\n");
    fields = (struct access_fields){.count = 0}; // as if there were none
    assert_non_null(strstr(written(*state, &entry), "{\"time\":\"2000-"));
}

static void test_selections_in_the_combined_format(void **state) {
    struct fixture *fixture = *state;
    struct access_fields fields = selected("target status");
    struct access_entry entry = usual_entry();
    entry.fields = &fields;
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    assert_string_equal(written(fixture, &entry),
                        "- - - [-] \"- /api/items?page=2 -\" 200 - \"-\" \"-\"\n");
    fields = selected("user_agent ended duration_us client tls_sni server_reused connect_us");
    entry.ended = "a \"b\"";
    entry.connect_us = -1;
    assert_string_equal(written(fixture, &entry),
                        "192.0.2.1 - - [-] \"- - -\" - - \"-\" \"curl/8.5.0\" "
                        "ended=\"a \\\"b\\\"\" duration_us=1234 tls_sni=\"localhost\" "
                        "server_reused=true connect_us=-\n");
    use_format(fixture, ACCESS_FORMAT_COMBINED_REASON);
    fields = selected("ended tls tls_group site");
    assert_string_equal(written(fixture, &entry),
                        "- - - [-] \"- - -\" - - \"-\" \"-\" \"a \\\"b\\\"\" "
                        "tls_version=\"TLSv1.3\" tls_suite=\"TLS_AES_128_GCM_SHA256\" "
                        "tls_resumed=true tls_sni=\"localhost\" tls_client_certificate=\"CN=Ada\" "
                        "tls_group=\"X25519MLKEM768\" site=\"localhost\"\n");
    fields = selected("status client_unread");
    entry.client_unread = SLICE("x");
    assert_string_equal(written(fixture, &entry),
                        "- - - [-] \"- - -\" 200 - \"-\" \"-\" \"-; not understood: x\"\n");
    fields = selected("status");
    assert_string_equal(written(fixture, &entry), "- - - [-] \"- - -\" 200 - \"-\" \"-\" \"-\"\n");
}

// The first line of a refused request would show a target that is not selected.
static void test_a_refused_request_shows_selected_parts_only(void **state) {
    struct fixture *fixture = *state;
    struct access_fields fields = selected("method protocol status");
    struct access_entry entry = empty_entry();
    entry.fields = &fields;
    entry.request_line = SLICE("GET /secret\x01 HTTP/1.1");
    entry.method = SLICE("GET");
    entry.target = SLICE("/secret\x01");
    entry.protocol = SLICE("HTTP/1.1");
    entry.status = 400;
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    assert_string_equal(written(fixture, &entry),
                        "- - - [-] \"GET - HTTP/1.1\" 400 - \"-\" \"-\"\n");
    fields = selected("target method protocol");
    assert_non_null(strstr(written(fixture, &entry), " \"GET /secret\\x01 HTTP/1.1\" - - "));
}

static char *two_names[] = {(char[]){"x-a"}, (char[]){"x-b"}};

static void test_headers_follow(void **state) {
    struct fixture *fixture = *state;
    const struct slice values[] = {SLICE("a\"\n"), {NULL, 0}};
    struct access_fields fields = selected("status");
    fields.request_headers = (struct access_headers){two_names, 2};
    fields.response_headers = (struct access_headers){two_names, 1};
    struct access_entry entry = usual_entry();
    entry.fields = &fields;
    entry.request_headers = values;
    assert_string_equal(written(fixture, &entry),
                        "{\"status\":200,\"request_headers\":{\"x-a\":\"a\\\"\\n\",\"x-b\":null},"
                        "\"response_headers\":{\"x-a\":null}}\n");
    use_format(fixture, ACCESS_FORMAT_COMBINED);
    assert_string_equal(written(fixture, &entry),
                        "- - - [-] \"- - -\" 200 - \"-\" \"-\" "
                        "request_headers.x-a=\"a\\\"\\x0a\" request_headers.x-b=\"-\" "
                        "response_headers.x-a=\"-\"\n");
    fields = (struct access_fields){.response_headers = {two_names, 1}}; // and the usual fields
    entry.response_headers = values;
    use_format(fixture, ACCESS_FORMAT_JSON);
    assert_non_null(strstr(written(fixture, &entry),
                           ",\"ended\":null,\"response_headers\":{\"x-a\":\"a\\\"\\n\"}}\n"));
}

// A line with everything, all of whose texts are cut, has room in ACCESS_LINE_ROOM.
static void test_the_longest_line_is_whole(void **state) {
    (void)state;
    static char long_text[8192];
    static char name[65];
    memset(long_text, '\x01', sizeof(long_text));
    memset(name, 'n', sizeof(name) - 1);
    char *names[ACCESS_HEADERS_MAX];
    struct slice values[ACCESS_HEADERS_MAX];
    const struct slice text = {long_text, sizeof(long_text)};
    for (size_t i = 0; i < ACCESS_HEADERS_MAX; i++) {
        names[i] = name;
        values[i] = text;
    }
    struct access_fields fields = {.count = 0};
    for (unsigned i = 0; i < ACCESS_FIELD_COUNT; i++) {
        assert_true(access_fields_add(&fields, i));
    }
    fields.request_headers = fields.response_headers =
        (struct access_headers){names, ACCESS_HEADERS_MAX};
    struct access_entry entry = usual_entry();
    entry.fields = &fields;
    entry.request_headers = entry.response_headers = values;
    entry.target = entry.referer = entry.user_agent = entry.user = entry.host = entry.site = text;
    entry.client = entry.client_unread = entry.backend = entry.server = entry.tls_sni = text;
    entry.tls_client = entry.request_id = entry.traceparent = entry.method = text;
    entry.request_bytes = entry.response_bytes = UINT64_MAX;
    entry.duration_us = entry.connect_us = entry.response_us = INT64_MAX;
    for (int format = 0; format <= ACCESS_FORMAT_COMBINED_REASON; format++) {
        char line[ACCESS_LINE_ROOM];
        struct access_style style = {.format = (enum access_format)format, .second = INT64_MIN};
        size_t size = access_line_build(&entry, &style, true, line, sizeof(line));
        assert_in_range(size, 1, sizeof(line));
        assert_int_equal(line[size - 1], '\n');
        assert_int_equal(line[size - 2], format == ACCESS_FORMAT_JSON ? '}' : '"');
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_selection_has_each_field_once),
        WITH_LOG(test_selections_in_json),
        WITH_LOG(test_selections_in_the_combined_format),
        WITH_LOG(test_headers_follow),
        cmocka_unit_test(test_the_longest_line_is_whole),
        WITH_LOG(test_a_refused_request_shows_selected_parts_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
