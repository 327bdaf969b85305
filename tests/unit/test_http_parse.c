// Requests: which heads are taken, and as what.
#include "http_heads.h"

struct accepted {
    struct slice head;
    const char *method;    // NULL: GET
    const char *path;      // NULL: /
    const char *authority; // NULL: a
    const char *host;      // NULL: as authority
    const char *hop;       // the fields marked hop-by-hop, a space after each name
    enum http_framing framing;
    uint64_t length;
    bool old; // HTTP/1.0
    bool closes;
    bool expects;
    bool upgrade;
    uint32_t fields; // 0: not looked at
};

#define ACCEPT(text, ...)                                                                          \
    { .head = BYTES(text), __VA_ARGS__ }

static const struct accepted accepted_cases[] = {
    // clang-format off
    // Methods pass as they are.
    ACCEPT(LINE("GET / HTTP/1.1"), .fields = 1),
    ACCEPT(LINE("HEAD / HTTP/1.1"), .method = "HEAD"),
    ACCEPT(LINE("PROPFIND / HTTP/1.1"), .method = "PROPFIND"),
    ACCEPT(LINE("get / HTTP/1.1"), .method = "get"),
    ACCEPT(LINE("connect / HTTP/1.1"), .method = "connect"),
    ACCEPT(LINE("trace / HTTP/1.1"), .method = "trace"),
    ACCEPT(LINE("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1"), .method = "!#$%&'*+-.^_`|~09azAZ"),
    ACCEPT(LINE("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345 / HTTP/1.1"), .method = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"),
    // Targets: origin form.
    ACCEPT(TARGET("/a/b?c=d&e", "a"), .path = "/a/b?c=d&e"),
    ACCEPT(TARGET("//a//b", "a"), .path = "//a//b"),
    ACCEPT(TARGET("/x/../a/./b?/../", "a"), .path = "/x/../a/./b?/../"),
    ACCEPT(TARGET("/%2eA/%2f?%00", "a"), .path = "/%2eA/%2f?%00"),
    ACCEPT(TARGET("/?", "a"), .path = "/?"),
    ACCEPT(TARGET("/a?b?c/d:e@f", "a"), .path = "/a?b?c/d:e@f"),
    ACCEPT(TARGET("/a|b{c}[d]^`\"<>?\\", "a"), .path = "/a|b{c}[d]^`\"<>?\\"),
    ACCEPT(TARGET("/http://b/", "a"), .path = "/http://b/"),
    // Queries may hold what no URI has.
    ACCEPT(TARGET("/?a=100%", "a"), .path = "/?a=100%"),
    ACCEPT(TARGET("/a%2f/?%zz&%4&%%&%u0041", "a"), .path = "/a%2f/?%zz&%4&%%&%u0041"),
    ACCEPT(TARGET("/a?\xc3\xa4\x80\xff?%", "a"), .path = "/a?\xc3\xa4\x80\xff?%"),
    ACCEPT(TARGET("http://a/b?\xe4%", "a"), .path = "/b?\xe4%"),
    // Targets: absolute form. Its authority stands, its path goes on.
    ACCEPT(TARGET("http://a/b?c", "a"), .path = "/b?c"),
    ACCEPT(TARGET("https://a/b", "a"), .path = "/b"),
    ACCEPT(TARGET("HTTPS://a/b", "a"), .path = "/b"),
    ACCEPT(TARGET("http://a", "a")),
    ACCEPT(TARGET("https://A.Example/", "a.eXAMPLE"), .authority = "A.Example"),
    ACCEPT(TARGET("https://a:443/", "a"), .authority = "a:443", .host = "a"),
    ACCEPT(TARGET("https://a/", "a:443")),
    ACCEPT(TARGET("http://a/", "a:80")),
    ACCEPT(TARGET("http://a:/", "a:80")),
    ACCEPT(TARGET("http://a:8080/x", "a:8080"), .path = "/x", .authority = "a:8080", .host = "a"),
    ACCEPT(TARGET("http://[::1]:8080/", "[::1]:8080"), .authority = "[::1]:8080", .host = "[::1]"),
    ACCEPT("GET http://b/c HTTP/1.0\r\n\r\n", .path = "/c", .authority = "b", .old = true, .closes = true),
    // Targets: asterisk form, with OPTIONS only; a bare URI with OPTIONS means the same.
    ACCEPT("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", .method = "OPTIONS", .path = "*"),
    ACCEPT("OPTIONS http://a:81 HTTP/1.1\r\nHost: a:81\r\n\r\n", .method = "OPTIONS", .path = "*",
           .authority = "a:81", .host = "a"),
    ACCEPT("OPTIONS http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .method = "OPTIONS"),
    ACCEPT("OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", .method = "OPTIONS", .path = "/x"),
    // Host.
    ACCEPT(HOST("a")),
    ACCEPT(HOST(" \t a \t ")),
    ACCEPT(HOST("a-b_c.9.Example."), .authority = "a-b_c.9.Example."),
    ACCEPT(HOST("127.0.0.1"), .authority = "127.0.0.1"),
    ACCEPT(HOST("a:1"), .authority = "a:1", .host = "a"),
    ACCEPT(HOST("a:65535"), .authority = "a:65535", .host = "a"),
    ACCEPT(HOST("a:00080"), .authority = "a:00080", .host = "a"),
    ACCEPT(HOST("a:")),
    ACCEPT(HOST("[::1]"), .authority = "[::1]"),
    ACCEPT(HOST("[2001:DB8::192.0.2.1]:8443"), .authority = "[2001:DB8::192.0.2.1]:8443", .host = "[2001:DB8::192.0.2.1]"),
    ACCEPT(HOST("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]"), .authority = "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]"),
    ACCEPT(HOST(A255), .authority = A255),
    ACCEPT("GET / HTTP/1.1\r\nhOsT: a\r\n\r\n"),
    ACCEPT("GET / HTTP/1.0\r\n\r\n", .authority = "", .old = true, .closes = true),
    ACCEPT(OLD("Host: a\r\n"), .old = true, .closes = true),
    // Field lines.
    ACCEPT(WITH("X:\r\nY: \r\nZ:\t\r\n"), .fields = 4),
    ACCEPT(WITH("X:a\tb \x80\xff\t \r\n"), .fields = 2),
    ACCEPT(WITH("X: a: b, \"c\"; (d)\r\n"), .fields = 2),
    ACCEPT(WITH("!#$%&'*+-.^_`|~09azAZ: 1\r\n"), .fields = 2),
    ACCEPT(WITH("X: 1\r\nX: 2\r\nx: 3\r\n"), .fields = 4),
    // Body length.
    ACCEPT(POST("Content-Length: 0\r\n"), .method = "POST"),
    ACCEPT(POST("Content-Length: 000\r\n"), .method = "POST"),
    ACCEPT(POST("Content-Length: 1\r\n"), .method = "POST", .framing = FRAMING_LENGTH, .length = 1),
    ACCEPT(POST("content-length:\t 42 \r\n"), .method = "POST", .framing = FRAMING_LENGTH, .length = 42),
    ACCEPT(POST("Content-Lengths:\r\nX: 1\r\nContent-Length: 1 \r\n"), .method = "POST", .framing = FRAMING_LENGTH, .length = 1),
    ACCEPT(POST("Content-Length: 000000000000000012\r\n"), .method = "POST", .framing = FRAMING_LENGTH, .length = 12),
    ACCEPT(POST("Content-Length: 999999999999999999\r\n"), .method = "POST", .framing = FRAMING_LENGTH,
           .length = 999999999999999999),
    ACCEPT(WITH("Content-Length: 7\r\n"), .framing = FRAMING_LENGTH, .length = 7),
    ACCEPT(OLD("Content-Length: 7\r\n"), .authority = "", .framing = FRAMING_LENGTH, .length = 7, .old = true, .closes = true),
    ACCEPT(POST("Transfer-Encoding: chunked\r\n"), .method = "POST", .framing = FRAMING_CHUNKED, .hop = "Transfer-Encoding "),
    ACCEPT(POST("transfer-encoding:CHUNKED\r\n"), .method = "POST", .framing = FRAMING_CHUNKED, .hop = "transfer-encoding "),
    ACCEPT(WITH("Transfer-Encoding: \tChunked \r\n"), .framing = FRAMING_CHUNKED, .hop = "Transfer-Encoding "),
    ACCEPT(POST(""), .method = "POST"),
    // Keep-alive.
    ACCEPT(WITH("Connection: close\r\n"), .closes = true, .hop = "Connection "),
    ACCEPT(WITH("Connection: CLOSE\r\n"), .closes = true, .hop = "Connection "),
    ACCEPT(WITH("Connection: keep-alive\r\n"), .hop = "Connection "),
    ACCEPT(WITH("Connection: keep-alive, close\r\n"), .closes = true, .hop = "Connection "),
    ACCEPT(WITH("Connection: keep-alive\r\nConnection: close\r\n"), .closes = true, .hop = "Connection Connection "),
    ACCEPT(WITH("Connection: closed\r\n"), .hop = "Connection "),
    ACCEPT(WITH("Connection:\r\n"), .hop = "Connection "),
    ACCEPT(WITH("Connection: , ,,close ,\r\n"), .closes = true, .hop = "Connection "),
    ACCEPT(WITH("Proxy-Connection: close\r\n"), .hop = "Proxy-Connection "),
    ACCEPT(OLD("Connection: keep-alive\r\n"), .authority = "", .old = true, .hop = "Connection "),
    ACCEPT(OLD("Connection: Keep-Alive\r\nKeep-Alive: 5\r\n"), .authority = "", .old = true, .hop = "Connection Keep-Alive "),
    ACCEPT(OLD("Connection: keep-alive, close\r\n"), .authority = "", .old = true, .closes = true, .hop = "Connection "),
    ACCEPT(OLD("Proxy-Connection: keep-alive\r\n"), .authority = "", .old = true, .closes = true, .hop = "Proxy-Connection "),
    // Hop-by-hop fields: by name, and those that Connection names.
    ACCEPT(WITH("TE: trailers\r\nTrailer: X\r\nUpgrade: x\r\nKeep-Alive: 1\r\nConnection: TE\r\n"),
           .hop = "TE Trailer Upgrade Keep-Alive Connection "),
    ACCEPT(WITH("Proxy-Authorization: x\r\nProxy-Authenticate: y\r\nProxy-Authentication-Info: z\r\nProxy: p\r\nHTTP2-Settings: q\r\n"),
           .hop = "Proxy-Authorization Proxy-Authenticate Proxy-Authentication-Info Proxy HTTP2-Settings "),
    ACCEPT(WITH("Foo: 1\r\nConnection: foo, bar\r\nBAR: 2\r\nBaz: 3\r\nfoo: 4\r\n"), .hop = "Foo Connection BAR foo "),
    ACCEPT(WITH("Foo: 1\r\nConnection: bar\r\nConnection: fo, foo-\r\nFo: 4\r\n"), .hop = "Connection Connection Fo "),
    ACCEPT(WITH("Connection: a1,a2,a3,a4,a5,a6,a7,a8,a9,a10,a11,a12,a13,a14,a15,a16,a17,a18,a19,a20,a21,a22,a23,a24,"
                "a25,a26,a27,a28,a29,a30,a31,a32\r\n"), .hop = "Connection "),
    ACCEPT(WITH("X_Forwarded_For: 1\r\nContent_Length: 5\r\nX-Forwarded_Proto: h\r\nFoo_Bar: 1\r\nTransfer_Encoding: chunked\r\n"),
           .hop = "X_Forwarded_For Content_Length X-Forwarded_Proto Transfer_Encoding "),
    // Expect.
    ACCEPT(POST("Expect: 100-continue\r\nContent-Length: 1\r\n"), .method = "POST", .framing = FRAMING_LENGTH, .length = 1,
           .expects = true),
    ACCEPT(POST("Expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n"), .method = "POST", .framing = FRAMING_CHUNKED,
           .expects = true, .hop = "Transfer-Encoding "),
    ACCEPT(WITH("Expect: 100-continue\r\n")),
    ACCEPT(OLD("Expect: 100-continue\r\nContent-Length: 1\r\n"), .authority = "", .framing = FRAMING_LENGTH, .length = 1,
           .old = true, .closes = true),
    // Upgrade.
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: websocket\r\n"), .upgrade = true, .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket, foo/1.2\r\n"), .upgrade = true, .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"), .upgrade = true, .hop = "Connection Upgrade "),
    ACCEPT(POST("Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 3\r\n"), .method = "POST", .upgrade = true,
           .framing = FRAMING_LENGTH, .length = 3, .hop = "Connection Upgrade "),
    ACCEPT(POST("Connection: Upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked\r\n"), .method = "POST", .upgrade = true,
           .framing = FRAMING_CHUNKED, .hop = "Connection Upgrade Transfer-Encoding "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n"), .hop = "Connection Upgrade Upgrade "),
    ACCEPT(WITH("Upgrade: websocket\r\n"), .hop = "Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\n"), .hop = "Connection "),
    ACCEPT(WITH("Upgrade: websocket\r\nContent-Length: 3\r\n"), .framing = FRAMING_LENGTH, .length = 3, .hop = "Upgrade "),
    ACCEPT(WITH("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
           .hop = "Connection Upgrade HTTP2-Settings "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: websocket, H2C\r\n"), .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 1\r\n"), .framing = FRAMING_LENGTH, .length = 1,
           .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: h2\r\n"), .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n"), .hop = "Connection Upgrade "),
    ACCEPT(WITH("Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n"), .hop = "Connection Upgrade "),
    ACCEPT(OLD("Connection: Upgrade\r\nUpgrade: websocket\r\n"), .authority = "", .old = true, .closes = true, .hop = "Connection Upgrade "),
    // clang-format on
};

static const char *or_else(const char *text, const char *otherwise) {
    return text != NULL ? text : otherwise;
}

// What a request was read as, in one line.
struct reading {
    char text[1024];
};

static struct reading read_wanted(const struct accepted *wanted) {
    struct reading reading;
    const char *authority = or_else(wanted->authority, "a");
    snprintf(reading.text, sizeof reading.text,
             "%s %s HTTP/1.%d authority=%s host=%s framing=%d %llu%s%s%s; %s",
             or_else(wanted->method, "GET"), or_else(wanted->path, "/"), wanted->old ? 0 : 1,
             authority, or_else(wanted->host, authority), (int)wanted->framing,
             (unsigned long long)wanted->length, wanted->closes ? " close" : "",
             wanted->expects ? " expects" : "", wanted->upgrade ? " upgrade" : "",
             or_else(wanted->hop, ""));
    return reading;
}

#define TEXT(slice) (int)(slice).size, (slice).data

static struct reading read_actual(const struct http_request *request) {
    struct reading reading;
    size_t used = (size_t)snprintf(
        reading.text, sizeof reading.text,
        "%.*s %.*s HTTP/1.%d authority=%.*s host=%.*s framing=%d %llu%s%s%s; ",
        TEXT(request->method), TEXT(request->path), request->minor_version,
        TEXT(request->authority), TEXT(request->host), (int)request->framing,
        (unsigned long long)request->content_length, request->keep_alive ? "" : " close",
        request->expects_continue ? " expects" : "", request->upgrade ? " upgrade" : "");
    for (uint32_t i = 0; i < request->fields->count; i++) {
        const struct http_field *field = &request->fields->items[i];
        if (field->hop_by_hop) {
            used += (size_t)snprintf(reading.text + used, sizeof reading.text - used, "%.*s ",
                                     TEXT(field->name));
        }
    }
    return reading;
}

static void accepts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_cases / sizeof accepted_cases[0]; i++) {
        const struct accepted *wanted = &accepted_cases[i];
        struct http_field items[FIELDS_MAX];
        struct http_fields fields = {items, 0, FIELDS_MAX};
        struct http_request request;
        struct http_refusal refusal = {.why = ""};
        struct slice head = copy_of(wanted->head);
        memset(&request, 0xa5, sizeof request); // every member must be set
        if (http_parse_request(head, &fields, &request, &refusal) != RESULT_OK) {
            fail_msg("refused with %u, %s: %s", refusal.status, refusal.why, wanted->head.data);
        }
        assert_string_equal(read_actual(&request).text, read_wanted(wanted).text);
        assert_ptr_equal(request.fields, &fields);
        assert_true(request.target.data == head.data + request.method.size + 1);
        assert_int_equal(request.is_head, slice_equal(request.method, SLICE("HEAD")));
        if (wanted->fields != 0) {
            assert_int_equal(fields.count, wanted->fields);
        }
        free((char *)head.data);
    }
}

static void knows_repeatable_methods(void **state) {
    (void)state;
    static const struct {
        const char *head;
        bool idempotent;
    } cases[] = {
        {LINE("GET / HTTP/1.1"), true},     {LINE("HEAD / HTTP/1.1"), true},
        {LINE("PUT / HTTP/1.1"), true},     {LINE("DELETE / HTTP/1.1"), true},
        {LINE("OPTIONS / HTTP/1.1"), true}, {LINE("POST / HTTP/1.1"), false},
        {LINE("PATCH / HTTP/1.1"), false},  {LINE("get / HTTP/1.1"), false},
        {LINE("GETS / HTTP/1.1"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_field items[2];
        struct http_fields fields = {items, 0, 2};
        struct http_request request;
        struct http_refusal refusal;
        assert_int_equal(http_parse_request(slice_from(cases[i].head), &fields, &request, &refusal),
                         RESULT_OK);
        assert_int_equal(request.idempotent, cases[i].idempotent);
    }
}

static void reads_requests(const char *head, struct http_request *request) {
    static struct http_field items[4];
    static struct http_fields fields = {items, 0, 4};
    struct http_refusal refusal = {.why = ""};
    fields.count = 0;
    if (http_parse_request(slice_from(head), &fields, request, &refusal) != RESULT_OK) {
        fail_msg("%s: %s", refusal.why, head);
    }
}

static void tells_the_path_from_the_query(void **state) {
    (void)state;
    static const struct {
        const char *head;
        size_t size;
        bool plain;
    } cases[] = {
        {LINE("GET / HTTP/1.1"), 1, true},
        {LINE("GET /a/b.c/d?e HTTP/1.1"), 8, true},
        {LINE("GET /a:b@c!$&'()*+,=~-_|[]{}^\"<>/? HTTP/1.1"), 29, true},
        {LINE("GET /?/../%00;// HTTP/1.1"), 1, true},
        {LINE("GET /a/? HTTP/1.1"), 3, true},
        {LINE("GET // HTTP/1.1"), 2, false},
        {LINE("GET /a/.b?c HTTP/1.1"), 5, false},
        {LINE("GET /a;b HTTP/1.1"), 4, false},
        {LINE("GET /%41?%41 HTTP/1.1"), 4, false},
        {LINE("GET /a/../b HTTP/1.1"), 7, false},
        {LINE("GET http://a HTTP/1.1"), 1, true},
        {LINE("GET http://a/b?c HTTP/1.1"), 2, false}, // not looked at while it was scanned
        {LINE("OPTIONS * HTTP/1.1"), 1, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_request request;
        reads_requests(cases[i].head, &request);
        assert_int_equal(request.path_size, cases[i].size);
        assert_int_equal(request.path_is_plain, cases[i].plain);
    }
}

static void knows_bodies_that_servers_ignore(void **state) {
    (void)state;
    static const struct {
        const char *method;
        bool unusual;
    } cases[] = {{"GET", true},  {"HEAD", true},  {"OPTIONS", true}, {"DELETE", true},
                 {"PUT", false}, {"POST", false}, {"PATCH", false},  {"get", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[128];
        struct http_request request;
        snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
                 cases[i].method);
        reads_requests(head, &request);
        assert_int_equal(request.body_is_unusual, cases[i].unusual);
        snprintf(head, sizeof head,
                 "%s / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", cases[i].method);
        reads_requests(head, &request);
        assert_int_equal(request.body_is_unusual, cases[i].unusual);
        snprintf(head, sizeof head, "%s / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                 cases[i].method);
        reads_requests(head, &request);
        assert_false(request.body_is_unusual);
    }
}

static void knows_credentials_of_connections(void **state) {
    (void)state;
    struct http_request request;
    reads_requests(WITH("Authorization: ntlm TlRM\r\n"), &request);
    assert_true(request.binds_connection);
    reads_requests(WITH("Authorization: Negotiate YII=\r\n"), &request);
    assert_true(request.binds_connection);
    reads_requests(WITH("Authorization: Basic TlRM\r\n"), &request);
    assert_false(request.binds_connection);
    reads_requests(WITH("X: NTLM\r\n"), &request);
    assert_false(request.binds_connection);
}

static void counts_forwards_of_options(void **state) {
    (void)state;
    struct http_request request;
    reads_requests(LINE("OPTIONS / HTTP/1.1"), &request);
    assert_int_equal(request.max_forwards, -1);
    reads_requests(WITH("Max-Forwards: 3\r\n"), &request);
    assert_int_equal(request.max_forwards, -1); // any other method
    reads_requests("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n", &request);
    assert_int_equal(request.max_forwards, 0);
    reads_requests("OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3000000000\r\n\r\n", &request);
    assert_int_equal(request.max_forwards, INT32_MAX);
}

static void keeps_what_an_upgrade_asks_for(void **state) {
    (void)state;
    struct http_request request;
    reads_requests(WITH("Connection: upgrade\r\nUpgrade: a, b/1\r\n"), &request);
    assert_slice(request.protocols, "a, b/1");
    reads_requests(WITH("Upgrade: a\r\n"), &request);
    assert_slice(request.protocols, "");
    reads_requests(WITH("Connection: upgrade\r\nUpgrade: h2c\r\n"), &request);
    assert_slice(request.protocols, "");
}

static void counts_fields(void **state) {
    (void)state;
    struct http_field items[3];
    struct http_fields fields = {items, 0, 3};
    struct http_request request;
    struct http_refusal refusal;
    assert_int_equal(
        http_parse_request(SLICE(WITH("X: 1\r\nY: 2\r\n")), &fields, &request, &refusal),
        RESULT_OK);
    assert_int_equal(fields.count, 3);
    assert_slice(items[1].name, "X");
    assert_slice(items[2].value, "2");
    assert_int_equal(
        http_parse_request(SLICE(WITH("X: 1\r\nY: 2\r\nZ: 3\r\n")), &fields, &request, &refusal),
        RESULT_ERROR);
    assert_int_equal(refusal.status, 431);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(knows_repeatable_methods),
        cmocka_unit_test(tells_the_path_from_the_query),
        cmocka_unit_test(knows_bodies_that_servers_ignore),
        cmocka_unit_test(knows_credentials_of_connections),
        cmocka_unit_test(counts_forwards_of_options),
        cmocka_unit_test(keeps_what_an_upgrade_asks_for),
        cmocka_unit_test(counts_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
