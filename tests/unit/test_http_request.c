// What the fields of a request mean when nobody wrote them as text: lists, as a header decoder
// makes.
#include "http/request.h"

#include "http_cases.h"

#define LIST_MAX 8

struct pair {
    const char *name, *value;
};

struct listed {
    const char *method, *target; // NULL: GET, /
    struct pair fields[LIST_MAX];
    bool body_comes;
};

static enum result read_list(const struct listed *listed, struct http_fields *fields,
                             struct http_request *request, struct http_refusal *refusal) {
    const struct http_request_line line = {
        .method = slice_from(listed->method == NULL ? "GET" : listed->method),
        .target = slice_from(listed->target == NULL ? "/" : listed->target),
        .minor_version = 1,
        .body_comes = listed->body_comes,
    };
    struct http_index index;
    http_begin_fields(fields, &index);
    for (size_t i = 0; i < LIST_MAX && listed->fields[i].name != NULL; i++) {
        http_add_field(fields, &index, slice_from(listed->fields[i].name),
                       slice_from(listed->fields[i].value));
    }
    http_request_begin(request, &line, fields);
    return http_request_read(request, &line, &index, refusal);
}

#define WITH_HOST                                                                                  \
    { "host", "a.example" }

static void test_accepted(void **state) {
    (void)state;
    static const struct {
        struct listed list;
        enum http_framing framing;
        uint64_t length;
        bool expects, unusual;
        int32_t max_forwards;
    } cases[] = {
        {{.fields = {WITH_HOST}}, FRAMING_NONE, 0, false, false, -1},
        // A body whose end the connection tells, with and without its length.
        {{.method = "POST", .fields = {WITH_HOST}, .body_comes = true},
         FRAMING_CHUNKED,
         0,
         false,
         false,
         -1},
        {{.method = "POST", .fields = {WITH_HOST, {"content-length", "7"}}, .body_comes = true},
         FRAMING_LENGTH,
         7,
         false,
         false,
         -1},
        {{.method = "POST", .fields = {WITH_HOST, {"content-length", "0"}}, .body_comes = true},
         FRAMING_NONE,
         0,
         false,
         false,
         -1},
        {{.fields = {WITH_HOST}, .body_comes = true}, FRAMING_CHUNKED, 0, false, true, -1},
        {{.method = "PUT", .fields = {WITH_HOST, {"expect", "100-continue"}}, .body_comes = true},
         FRAMING_CHUNKED,
         0,
         true,
         false,
         -1},
        {{.method = "PUT", .fields = {WITH_HOST, {"expect", "100-continue"}}},
         FRAMING_NONE,
         0,
         false,
         false,
         -1},
        {{.method = "OPTIONS", .target = "*", .fields = {WITH_HOST, {"max-forwards", "3"}}},
         FRAMING_NONE,
         0,
         false,
         false,
         3},
    };
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request request;
        struct http_refusal refusal;
        assert_int_equal(read_list(&cases[i].list, &fields, &request, &refusal), RESULT_OK);
        assert_int_equal(request.framing, cases[i].framing);
        assert_int_equal(request.content_length, cases[i].length);
        assert_int_equal(request.expects_continue, cases[i].expects);
        assert_int_equal(request.body_is_unusual, cases[i].unusual);
        assert_int_equal(request.max_forwards, cases[i].max_forwards);
        assert_slice(request.host, "a.example");
        assert_ptr_equal(request.fields, &fields);
        assert_true(request.keep_alive);
    }
}

static void test_what_it_says(void **state) {
    (void)state;
    static const struct listed list = {.method = "HEAD",
                                       .target = "/a/b?c=d",
                                       .fields = {{"host", "a.example:8443"},
                                                  {"referer", "https://r.example/"},
                                                  {"user-agent", "u/1"},
                                                  {"authorization", "NTLM abc"},
                                                  {"destination", "/c"},
                                                  {"connection", "x-hop"},
                                                  {"x-hop", "1"}}};
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    struct http_request request;
    struct http_refusal refusal;
    assert_int_equal(read_list(&list, &fields, &request, &refusal), RESULT_OK);
    assert_slice(request.method, "HEAD");
    assert_slice(request.target, "/a/b?c=d");
    assert_slice(request.path, "/a/b?c=d");
    assert_int_equal(request.path_size, 4);
    assert_slice(request.authority, "a.example:8443");
    assert_slice(request.host, "a.example");
    assert_slice(request.referer, "https://r.example/");
    assert_slice(request.user_agent, "u/1");
    assert_true(request.is_head && request.idempotent && request.binds_connection);
    assert_true(request.has_dav_fields && !request.upgrade);
    assert_true(items[6].hop_by_hop);
    assert_false(items[4].hop_by_hop);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        struct listed list;
        uint16_t status;
        const char *why;
    } cases[] = {
        {{.fields = {{"accept", "*/*"}}}, 400, "no Host"},
        {{.fields = {WITH_HOST, {"host", "b.example"}}}, 400, "repeated Host"},
        {{.fields = {WITH_HOST, {"origin", "a"}, {"origin", "a"}}},
         400,
         "repeated Authorization, Content-Type or Origin"},
        {{.fields = {WITH_HOST, {"content-length", "+1"}}},
         400,
         "Content-Length is not 1 to 18 digits"},
        {{.fields = {WITH_HOST, {"content-length", "1"}, {"content-length", "1"}}},
         400,
         "repeated Content-Length"},
        {{.fields = {WITH_HOST, {"content-length", "1"}, {"transfer-encoding", "chunked"}}},
         400,
         "both Content-Length and Transfer-Encoding"},
        {{.fields = {WITH_HOST, {"transfer-encoding", "gzip, chunked"}}},
         501,
         "transfer coding other than chunked"},
        {{.method = "CONNECT", .fields = {WITH_HOST}}, 501, "CONNECT"},
        {{.method = "TRACE", .fields = {WITH_HOST}}, 405, "TRACE"},
        {{.fields = {WITH_HOST, {"expect", "200-ok"}}}, 417, "Expect other than 100-continue"},
        {{.fields = {WITH_HOST, {"connection", "host"}}},
         400,
         "Connection names an end-to-end field"},
    };
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct http_request request;
        struct http_refusal refusal = {.status = 0};
        assert_int_equal(read_list(&cases[i].list, &fields, &request, &refusal), RESULT_ERROR);
        assert_int_equal(refusal.status, cases[i].status);
        assert_string_equal(refusal.why, cases[i].why);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
