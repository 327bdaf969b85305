// Decoded header sections as requests: every rule of RFC 9113 section 8 and RFC 8441 for a server.
#include "http2/request.h"

#include "http_cases.h"

#define LIST_MAX 12
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct pair {
    const char *name, *value;
};

struct lab {
    struct http_field items[LIST_MAX];
    struct http_fields fields;
    char text[1024];
    struct http2_request request;
    struct http_refusal refusal;
};

// As hpack_decode() stores a section.
static void fill(struct lab *lab, const struct pair pairs[LIST_MAX]) {
    *lab = (struct lab){.fields = {.capacity = LIST_MAX}};
    lab->fields.items = lab->items;
    char *at = lab->text;
    for (size_t i = 0; i < LIST_MAX && pairs[i].name != NULL; i++) {
        struct http_field *field = &lab->items[lab->fields.count++];
        field->name = (struct slice){at, strlen(pairs[i].name)};
        at = put(at, slice_from(pairs[i].name));
        field->value = (struct slice){at, strlen(pairs[i].value)};
        at = put(at, slice_from(pairs[i].value));
        *at++ = '\n';
    }
}

static enum result read_pairs(struct lab *lab, const struct pair pairs[LIST_MAX], bool end) {
    fill(lab, pairs);
    return http2_request_read(&lab->fields, end, KEY, &lab->request, &lab->refusal);
}

#define METHOD(value)                                                                              \
    { ":method", value }
#define SCHEME                                                                                     \
    { ":scheme", "https" }
#define PATH(value)                                                                                \
    { ":path", value }
#define AUTHORITY                                                                                  \
    { ":authority", "a.example" }
#define GET METHOD("GET"), SCHEME, PATH("/"), AUTHORITY
#define POST METHOD("POST"), SCHEME, PATH("/"), AUTHORITY

static void test_simple(void **state) {
    (void)state;
    static const struct pair pairs[LIST_MAX] = {
        PATH("/a/b?c=d"),       {":authority", "a.example:8443"},
        METHOD("HEAD"),         SCHEME,
        {"user-agent", "u/1"},  {"te", "trailers"},
        {"cookie", "a=b; c=d"}, {"x_forwarded_for", "1.2.3.4"}};
    struct lab lab;
    assert_int_equal(read_pairs(&lab, pairs, true), RESULT_OK);
    const struct http_request *request = &lab.request.http;
    assert_slice(request->method, "HEAD");
    assert_slice(request->target, "/a/b?c=d");
    assert_slice(request->path, "/a/b?c=d");
    assert_int_equal(request->path_size, 4);
    assert_true(request->path_is_plain);
    assert_slice(request->authority, "a.example:8443");
    assert_slice(request->host, "a.example");
    assert_slice(request->user_agent, "u/1");
    assert_true(request->is_head && request->idempotent && request->keep_alive);
    assert_true(!request->upgrade && !lab.request.websocket);
    assert_int_equal(request->minor_version, 1);
    assert_int_equal(request->framing, FRAMING_NONE);
    assert_ptr_equal(request->fields, &lab.fields);
    assert_int_equal(lab.fields.count, 5);
    assert_slice(lab.items[0].name, "user-agent");
    assert_true(lab.items[1].hop_by_hop); // TE is of this connection
    assert_false(lab.items[2].hop_by_hop);
    assert_int_equal(lab.items[3].id, FIELD_LOOKALIKE);
    assert_slice(lab.items[4].name, "host");
    assert_slice(lab.items[4].value, "a.example:8443");
}

struct accepted {
    struct pair pairs[LIST_MAX];
    bool end;
    enum http_framing framing;
    const char *path, *authority;
    uint64_t length;
};

static const struct accepted accepted[] = {
    {{GET}, true, FRAMING_NONE, "/", "a.example", 0},
    {{METHOD("GET"), {":scheme", "http"}, PATH("/"), AUTHORITY},
     true,
     FRAMING_NONE,
     "/",
     "a.example",
     0},
    {{METHOD("GET"), {":scheme", "HTTPS"}, PATH("/"), AUTHORITY},
     true,
     FRAMING_NONE,
     "/",
     "a.example",
     0},
    {{METHOD("OPTIONS"), SCHEME, PATH("*"), AUTHORITY}, true, FRAMING_NONE, "*", "a.example", 0},
    {{METHOD("PROPFIND"), SCHEME, PATH("/"), AUTHORITY}, true, FRAMING_NONE, "/", "a.example", 0},
    // RFC 9113 8.3.1: Host is the authority where there is no :authority.
    {{METHOD("GET"), SCHEME, PATH("/"), {"host", "b.example"}},
     true,
     FRAMING_NONE,
     "/",
     "b.example",
     0},
    {{GET, {"host", "a.example"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{GET, {"host", "A.Example:443"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{METHOD("GET"), {":scheme", "http"}, PATH("/"), AUTHORITY, {"host", "a.example:80"}},
     true,
     FRAMING_NONE,
     "/",
     "a.example",
     0},
    {{POST}, false, FRAMING_CHUNKED, "/", "a.example", 0},
    {{POST, {"content-length", "7"}}, false, FRAMING_LENGTH, "/", "a.example", 7},
    {{POST, {"content-length", "0"}}, false, FRAMING_NONE, "/", "a.example", 0},
    {{POST, {"content-length", "0"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{POST, {"content-length", "000"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{POST, {"content-length", "999999999999999999"}},
     false,
     FRAMING_LENGTH,
     "/",
     "a.example",
     999999999999999999},
    {{GET, {"te", "Trailers"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{GET, {"trailer", "x-sum"}}, true, FRAMING_NONE, "/", "a.example", 0},
    {{GET, {"http2-settings", "AAMAAABk"}}, true, FRAMING_NONE, "/", "a.example", 0},
};

static void test_accepted(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct lab lab;
        enum result result = read_pairs(&lab, accepted[i].pairs, accepted[i].end);
        if (result != RESULT_OK) {
            print_error("case %zu: %s\n", i, lab.refusal.why);
        }
        assert_int_equal(result, RESULT_OK);
        assert_slice(lab.request.http.path, accepted[i].path);
        assert_slice(lab.request.http.authority, accepted[i].authority);
        assert_int_equal(lab.request.http.framing, accepted[i].framing);
        assert_int_equal(lab.request.http.content_length, accepted[i].length);
    }
}

#define MALFORMED 0

struct refused {
    struct pair pairs[LIST_MAX];
    bool end;
    uint16_t status;
    const char *why;
};

static const struct refused refused[] = {
    // 8.3: pseudo-header fields
    {{GET, {":status", "200"}}, true, MALFORMED, "unknown pseudo-header field"},
    {{GET, {":Method", "GET"}}, true, MALFORMED, "unknown pseudo-header field"},
    {{GET, {":", ""}}, true, MALFORMED, "unknown pseudo-header field"},
    {{GET, METHOD("GET")}, true, MALFORMED, "repeated pseudo-header field"},
    {{GET, PATH("/")}, true, MALFORMED, "repeated pseudo-header field"},
    {{GET, SCHEME}, true, MALFORMED, "repeated pseudo-header field"},
    {{GET, AUTHORITY}, true, MALFORMED, "repeated pseudo-header field"},
    {{METHOD("GET"), SCHEME, PATH("/"), {"x", "y"}, AUTHORITY},
     true,
     MALFORMED,
     "pseudo-header field behind a regular field"},
    {{GET, {"x", "y"}, {":protocol", "websocket"}},
     true,
     MALFORMED,
     "pseudo-header field behind a regular field"},
    // 8.3.1
    {{SCHEME, PATH("/"), AUTHORITY}, true, MALFORMED, ":method missing or no token"},
    {{METHOD(""), SCHEME, PATH("/"), AUTHORITY}, true, MALFORMED, ":method missing or no token"},
    {{METHOD("GET /"), SCHEME, PATH("/"), AUTHORITY},
     true,
     MALFORMED,
     ":method missing or no token"},
    {{METHOD("GET"), PATH("/"), AUTHORITY}, true, MALFORMED, ":scheme missing or malformed"},
    {{METHOD("GET"), {":scheme", ""}, PATH("/"), AUTHORITY},
     true,
     MALFORMED,
     ":scheme missing or malformed"},
    {{METHOD("GET"), {":scheme", "1http"}, PATH("/"), AUTHORITY},
     true,
     MALFORMED,
     ":scheme missing or malformed"},
    {{METHOD("GET"), {":scheme", "https://x/?"}, PATH("/"), AUTHORITY},
     true,
     MALFORMED,
     ":scheme missing or malformed"},
    {{METHOD("GET"), SCHEME, AUTHORITY}, true, MALFORMED, ":path missing or empty"},
    {{METHOD("GET"), SCHEME, PATH(""), AUTHORITY}, true, MALFORMED, ":path missing or empty"},
    {{METHOD("GET"), SCHEME, PATH("*"), AUTHORITY},
     true,
     MALFORMED,
     ":path that does not begin with a slash"},
    {{METHOD("OPTIONS"), SCHEME, PATH("**"), AUTHORITY},
     true,
     MALFORMED,
     ":path that does not begin with a slash"},
    {{METHOD("GET"), SCHEME, PATH("a"), AUTHORITY},
     true,
     MALFORMED,
     ":path that does not begin with a slash"},
    {{METHOD("GET"), SCHEME, PATH("https://a.example/"), AUTHORITY},
     true,
     MALFORMED,
     ":path that does not begin with a slash"},
    {{METHOD("GET"), {":scheme", "ftp"}, PATH("/"), AUTHORITY},
     true,
     400,
     ":scheme other than http and https"},
    {{METHOD("GET"), SCHEME, PATH("/"), {":authority", ""}}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/"), {":authority", "u@a.example"}}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/"), {":authority", "a.example/x"}}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/"), {":authority", "a.example:0"}}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/")}, true, 400, "no Host"},
    {{GET, {"host", "b.example"}}, true, MALFORMED, "Host differs from :authority"},
    {{GET, {"host", "a.example:80"}}, true, MALFORMED, "Host differs from :authority"},
    {{GET, {"host", ""}}, true, MALFORMED, "Host differs from :authority"},
    {{GET, {"host", "a.example"}, {"host", "a.example"}}, true, MALFORMED, "repeated Host"},
    {{METHOD("GET"), SCHEME, PATH("/"), {"host", "a"}, {"host", "a"}},
     true,
     MALFORMED,
     "repeated Host"},
    // targets, as in HTTP/1
    {{METHOD("GET"), SCHEME, PATH("/a b"), AUTHORITY}, true, 400, "illegal byte in the target"},
    {{METHOD("GET"), SCHEME, PATH("/a HTTP/1.1"), AUTHORITY},
     true,
     400,
     "illegal byte in the target"},
    {{METHOD("GET"), SCHEME, PATH("/a\tb"), AUTHORITY}, true, 400, "illegal byte in the target"},
    {{METHOD("GET"), SCHEME, PATH("/?a b"), AUTHORITY}, true, 400, "illegal byte in the target"},
    {{METHOD("GET"), SCHEME, PATH("/\xc3\xa4"), AUTHORITY},
     true,
     400,
     "illegal byte in the target"},
    {{METHOD("GET"), SCHEME, PATH("/a#b"), AUTHORITY}, true, 400, "fragment in the target"},
    {{METHOD("GET"), SCHEME, PATH("/?a#b"), AUTHORITY}, true, 400, "fragment in the target"},
    {{METHOD("GET"), SCHEME, PATH("/%4"), AUTHORITY},
     true,
     400,
     "malformed percent-encoding in the target"},
    {{METHOD("GET"), SCHEME, PATH("/a/..;/b"), AUTHORITY}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/a/%2e%2e/b"), AUTHORITY}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/../b"), AUTHORITY}, true, 400, NULL},
    {{METHOD("GET"), SCHEME, PATH("/a\\b"), AUTHORITY}, true, 400, NULL},
    // 8.2.2: connection-specific fields
    {{GET, {"connection", "close"}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{GET, {"connection", ""}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{GET, {"proxy-connection", "keep-alive"}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{GET, {"keep-alive", "300"}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{GET, {"upgrade", "websocket"}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{POST, {"transfer-encoding", "chunked"}}, false, MALFORMED, "field of an HTTP/1 connection"},
    {{POST, {"transfer-encoding", "identity"}}, true, MALFORMED, "field of an HTTP/1 connection"},
    {{GET, {"te", "trailers, deflate"}}, true, MALFORMED, "TE other than trailers"},
    {{GET, {"te", ""}}, true, MALFORMED, "TE other than trailers"},
    {{GET, {"te", "trailers"}, {"te", "gzip"}}, true, MALFORMED, "TE other than trailers"},
    // 8.1.1: Content-Length
    {{POST, {"content-length", "1"}}, true, MALFORMED, "Content-Length without a body"},
    {{POST, {"content-length", "01"}}, true, MALFORMED, "Content-Length without a body"},
    {{POST, {"content-length", "1"}, {"content-length", "1"}},
     false,
     MALFORMED,
     "repeated Content-Length"},
    {{POST, {"content-length", "1, 1"}}, false, MALFORMED, "Content-Length is not 1 to 18 digits"},
    {{POST, {"content-length", "+1"}}, false, MALFORMED, "Content-Length is not 1 to 18 digits"},
    {{POST, {"content-length", ""}}, false, MALFORMED, "Content-Length is not 1 to 18 digits"},
    {{POST, {"content-length", "1000000000000000000"}},
     false,
     MALFORMED,
     "Content-Length is not 1 to 18 digits"},
    {{POST, {"content-length-x", "1"}},
     false,
     400,
     "field name that begins like one that frames a body"},
    {{POST, {"transfer-encoding%", "chunked"}},
     false,
     400,
     "field name that begins like one that frames a body"},
    // what HTTP/1 refuses as well
    {{METHOD("TRACE"), SCHEME, PATH("/"), AUTHORITY}, true, 405, "TRACE"},
    {{POST, {"expect", "x"}}, false, 417, "Expect other than 100-continue"},
    {{GET, {"origin", "a"}, {"origin", "a"}},
     true,
     400,
     "repeated Authorization, Content-Type or Origin"},
    {{METHOD("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"), SCHEME, PATH("/"), AUTHORITY},
     true,
     501,
     "method longer than 32 bytes"},
    // 8.5: CONNECT
    {{METHOD("CONNECT"), AUTHORITY}, false, 501, "CONNECT"},
    {{METHOD("CONNECT")}, false, MALFORMED, "CONNECT without :authority"},
    {{METHOD("CONNECT"), AUTHORITY, SCHEME}, false, MALFORMED, "CONNECT with :scheme or :path"},
    {{METHOD("CONNECT"), AUTHORITY, PATH("/")}, false, MALFORMED, "CONNECT with :scheme or :path"},
    // RFC 8441 4
    {{GET, {":protocol", "websocket"}}, true, MALFORMED, ":protocol without CONNECT"},
    {{METHOD("CONNECT"), {":protocol", "websocket"}, AUTHORITY, SCHEME},
     false,
     MALFORMED,
     ":path missing or empty"},
    {{METHOD("CONNECT"), {":protocol", "websocket"}, AUTHORITY, PATH("/")},
     false,
     MALFORMED,
     ":scheme missing or malformed"},
    {{METHOD("CONNECT"), {":protocol", "websocket"}, SCHEME, PATH("/"), {"host", "a.example"}},
     false,
     MALFORMED,
     "CONNECT without :authority"},
    {{METHOD("CONNECT"), {":protocol", "a b"}, SCHEME, PATH("/"), AUTHORITY},
     false,
     MALFORMED,
     ":protocol is not a token"},
    {{METHOD("CONNECT"), {":protocol", "websocket"}, SCHEME, PATH("/"), AUTHORITY},
     true,
     MALFORMED,
     "CONNECT with a Content-Length, or that ends its stream"},
    {{METHOD("CONNECT"),
      {":protocol", "websocket"},
      SCHEME,
      PATH("/"),
      AUTHORITY,
      {"content-length", "0"}},
     false,
     MALFORMED,
     "CONNECT with a Content-Length, or that ends its stream"},
    {{METHOD("CONNECT"), {":protocol", "connect-udp"}, SCHEME, PATH("/"), AUTHORITY},
     false,
     501,
     ":protocol other than websocket"},
    {{METHOD("CONNECT"), {":protocol", "h2c"}, SCHEME, PATH("/"), AUTHORITY},
     false,
     501,
     ":protocol other than websocket"},
};

static void test_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct lab lab;
        enum result result = read_pairs(&lab, refused[i].pairs, refused[i].end);
        if (result != RESULT_ERROR || lab.refusal.status != refused[i].status) {
            print_error("case %zu: %s, %d\n", i, refused[i].why, result);
        }
        assert_int_equal(result, RESULT_ERROR);
        assert_int_equal(lab.refusal.status, refused[i].status);
        if (refused[i].why != NULL) {
            assert_string_equal(lab.refusal.why, refused[i].why);
        }
    }
}

// What is malformed is never answered, whatever else is wrong.
static void test_malformed_goes_first(void **state) {
    (void)state;
    static const struct pair pairs[][LIST_MAX] = {
        {METHOD("TRACE"), SCHEME, PATH("/"), AUTHORITY, {"connection", "close"}},
        {METHOD("CONNECT"), AUTHORITY, {"transfer-encoding", "chunked"}},
        {METHOD("GET"), {":scheme", "ftp"}, PATH("/"), AUTHORITY, {"te", "gzip"}},
        {METHOD("GET"), SCHEME, PATH("/%4"), AUTHORITY, {"content-length", "1"}},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct lab lab;
        assert_int_equal(read_pairs(&lab, pairs[i], true), RESULT_ERROR);
        assert_int_equal(lab.refusal.status, MALFORMED);
    }
}

static void test_head_is_known(void **state) {
    (void)state;
    static const struct pair head[LIST_MAX] = {METHOD("HEAD"), SCHEME, PATH("/%4"), AUTHORITY};
    static const struct pair get[LIST_MAX] = {METHOD("GET"), SCHEME, PATH("/%4"), AUTHORITY};
    struct lab lab;
    assert_int_equal(read_pairs(&lab, head, true), RESULT_ERROR);
    assert_true(lab.request.http.is_head);
    assert_int_equal(read_pairs(&lab, get, true), RESULT_ERROR);
    assert_false(lab.request.http.is_head);
}

static void test_websocket(void **state) {
    (void)state;
    static const struct pair pairs[LIST_MAX] = {METHOD("CONNECT"),
                                                {":protocol", "WebSocket"},
                                                SCHEME,
                                                PATH("/chat"),
                                                AUTHORITY,
                                                {"sec-websocket-version", "13"},
                                                {"sec-websocket-key", "of the client"}};
    struct lab lab;
    assert_int_equal(read_pairs(&lab, pairs, false), RESULT_OK);
    assert_true(lab.request.websocket);
    const struct http_request *request = &lab.request.http;
    assert_slice(request->method, "GET");
    assert_true(request->upgrade);
    assert_slice(request->protocols, "websocket");
    assert_int_equal(request->framing, FRAMING_NONE);
    assert_int_equal(lab.fields.count, 5);
    assert_true(lab.items[1].hop_by_hop);
    assert_slice(lab.items[2].value, "a.example");
    assert_int_equal(lab.items[3].id, FIELD_UPGRADE);
    assert_slice(lab.items[4].name, "sec-websocket-key");
    assert_slice(lab.items[4].value, KEY);
    assert_false(lab.items[4].hop_by_hop);
}

static void test_trailers(void **state) {
    (void)state;
    static const struct {
        struct pair pairs[LIST_MAX];
        const char *why;
    } cases[] = {
        {{{"x-sum", "1"}, {"grpc-status", "0"}}, NULL},
        {{{"x-sum", "1"}, {":path", "/"}}, "pseudo-header field behind a regular field"},
        {{{":status", "200"}}, "pseudo-header field behind a regular field"},
        {{{"connection", "close"}}, "field of an HTTP/1 connection"},
        {{{"content-length", "1"}}, "field that must not be in trailers"},
        {{{"host", "a"}}, "field that must not be in trailers"},
        {{{"x-forwarded-for", "a"}}, "field that must not be in trailers"},
        {{{"te", "trailers"}}, "field that must not be in trailers"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct lab lab;
        fill(&lab, cases[i].pairs);
        enum result result = http2_trailers_read(&lab.fields, &lab.refusal);
        assert_int_equal(result, cases[i].why == NULL ? RESULT_OK : RESULT_ERROR);
        if (cases[i].why != NULL) {
            assert_string_equal(lab.refusal.why, cases[i].why);
            assert_int_equal(lab.refusal.status, MALFORMED);
        }
    }
}

static void test_body(void **state) {
    (void)state;
    struct http_request request = {.framing = FRAMING_LENGTH, .content_length = 10};
    struct http2_body body = http2_body_of(&request);
    assert_false(http2_body_may_end(&body));
    assert_true(http2_body_take(&body, 4));
    assert_false(http2_body_take(&body, 7));
    assert_true(http2_body_take(&body, 6));
    assert_true(http2_body_may_end(&body));
    assert_false(http2_body_take(&body, 1));
    assert_true(http2_body_take(&body, 0));
    request = (struct http_request){.framing = FRAMING_NONE};
    body = http2_body_of(&request);
    assert_true(http2_body_may_end(&body));
    assert_false(http2_body_take(&body, 1));
    request = (struct http_request){.framing = FRAMING_CHUNKED};
    body = http2_body_of(&request);
    assert_true(http2_body_take(&body, UINT64_MAX) && http2_body_take(&body, 1));
    assert_true(http2_body_may_end(&body));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple),        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_refused),       cmocka_unit_test(test_malformed_goes_first),
        cmocka_unit_test(test_head_is_known), cmocka_unit_test(test_websocket),
        cmocka_unit_test(test_trailers),      cmocka_unit_test(test_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
