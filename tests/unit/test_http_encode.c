// What is written: request heads for servers, response heads for clients, trailers, and our own
// answers.
#include "http/encode.h"
#include "http_cases.h"

#define NO_UPGRADE ((struct slice){NULL, 0})
#define DATE "Mon, 23 Nov 2026 06:00:00 GMT"
#define OURS(host)                                                                                 \
    "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: " host            \
    "\r\nForwarded: for=192.0.2.1;proto=https;host=" host "\r\n"
#define END OURS("a") "\r\n"
#define WITH(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"

struct rewrite {
    const char *received;
    const char *sent;
};

static const struct rewrite requests[] = {
    // clang-format off
    {WITH(""), "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {"get /a?b HTTP/1.1\r\nhost:a\r\n\r\n", "get /a?b HTTP/1.1\r\nHost: a\r\n" END},
    // Fields keep their order, spelling and number; white space around values goes; Host comes
    // first.
    {"GET / HTTP/1.1\r\nx-b:1\r\nX-A: \t 2 \t\r\nHost: a\r\nx-b: 3, 4\r\nEmpty:\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nx-b: 1\r\nX-A: 2\r\nx-b: 3, 4\r\nEmpty: \r\n" END},
    {WITH("Date: x\r\nServer: y\r\nReferer: z\r\nUser-Agent: \xe4\r\nVia: 1.1 b\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nDate: x\r\nServer: y\r\nReferer: z\r\nUser-Agent: \xe4\r\nVia: 1.1 b\r\n" END},
    // Targets and hosts.
    {"GET http://a:81/b?c HTTP/1.1\r\nHost: A:81\r\n\r\n",
     "GET /b?c HTTP/1.1\r\nHost: a:81\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a:81\r\n"
     "Forwarded: for=192.0.2.1;proto=https;host=\"a:81\"\r\n\r\n"},
    {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\n" END},
    {"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: [::1]\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: [::1]\r\n"
     "Forwarded: for=192.0.2.1;proto=https;host=\"[::1]\"\r\n\r\n"},
    {"GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: default\r\n" OURS("default") "\r\n"},
    {"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" END},
    // Bodies.
    {WITH("Content-Length: 007\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n" END},
    {WITH("Content-Length: 0\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" END},
    {WITH("Content-Length: 999999999999999999\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999999999999\r\n" END},
    {WITH("transfer-encoding: CHUNKED\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" END},
    {WITH("Transfer-Encoding: chunked\r\nTrailer: X, Y\r\nTE: trailers\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nTrailer: X, Y\r\nTransfer-Encoding: chunked\r\n" END},
    {WITH("Trailer: X\r\nContent-Length: 1\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" END},
    {WITH("Expect: 100-Continue\r\nContent-Length: 1\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n" END},
    {WITH("Expect: 100-continue\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {"GET / HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
     "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n" END},
    // Hop-by-hop fields stop here, and so does what Connection names.
    {WITH("Connection: close, foo\r\nFOO: 1\r\nKeep-Alive: 2\r\nProxy-Connection: 3\r\nTE: 4\r\nTrailer: 5\r\nUpgrade: 6\r\n"
          "Proxy-Authorization: 7\r\nProxy-Authenticate: 8\r\nProxy: 9\r\nHTTP2-Settings: 10\r\nBar: 11\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nBar: 11\r\n" END},
    {WITH("X_Forwarded_For: 1\r\nContent_Length: 2\r\nX_Other: 3\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nX_Other: 3\r\n" END},
    // What a client says about who forwarded is not believed.
    {WITH("X-Forwarded-For: 9.9.9.9\r\nx-forwarded-proto: http\r\nX-Forwarded-Host: evil\r\nForwarded: for=9.9.9.9\r\n"
          "X-Forwarded-For: 8.8.8.8\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {WITH("X-Forwarded-Port: 80\r\nx-forwarded-prefix: /a\r\nX-Real-IP: 9.9.9.9\r\nX_Real_IP: 9\r\nX-Forwarded_Ssl: on\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\n" END},
    // OPTIONS counts down (RFC 9110 7.6.2), other methods do not.
    {"OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 010\r\n\r\n", "OPTIONS / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 9\r\n" END},
    {WITH("Max-Forwards: 10\r\n"), "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n" END},
    // Upgrade.
    {WITH("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" OURS("a") "Connection: upgrade\r\n\r\n"},
    {WITH("Connection: Upgrade\r\nUpgrade: a , b/1\r\n"),
     "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: a , b/1\r\n" OURS("a") "Connection: upgrade\r\n\r\n"},
    {WITH("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n" END},
    {WITH("Upgrade: websocket\r\n"), "GET / HTTP/1.1\r\nHost: a\r\n" END},
    // clang-format on
};

static size_t rewrite_request(const char *head, const struct http_forwarding *forwarding,
                              char *output, size_t capacity) {
    struct http_field items[20];
    struct http_fields fields = {items, 0, 20};
    struct http_request request;
    struct http_refusal refusal = {.why = ""};
    if (http_parse_request(slice_from(head), &fields, &request, &refusal) != RESULT_OK) {
        fail_msg("%s: %s", refusal.why, head);
    }
    return http_encode_request(&request, forwarding, SLICE("default"), output, capacity);
}

static const struct http_forwarding forwarding = {
    .client_host = {"192.0.2.1", 9},
    .proto = {"https", 5},
};

static void encodes_requests(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        char output[1024];
        size_t size = rewrite_request(requests[i].received, &forwarding, output, sizeof output);
        assert_slice(((struct slice){output, size}), requests[i].sent);
    }
}

static void names_the_client(void **state) {
    (void)state;
    static const struct {
        const char *client;
        const char *fields;
    } cases[] = {
        {"2001:db8::1",
         "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
         "Forwarded: for=\"[2001:db8::1]\";proto=http;host=a\r\n\r\n"},
        {"unix:", "X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
                  "Forwarded: for=unknown;proto=http;host=a\r\n\r\n"},
        {"", "X-Forwarded-For: unknown\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\n"
             "Forwarded: for=unknown;proto=http;host=a\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char output[1024];
        const struct http_forwarding other = {.client_host = slice_from(cases[i].client),
                                              .proto = SLICE("http")};
        size_t size = rewrite_request(WITH(""), &other, output, sizeof output);
        assert_true(size > 25);
        assert_slice(((struct slice){output + 25, size - 25}), cases[i].fields);
    }
}

enum toward {
    TOWARD_NEW,       // HTTP/1.1, kept alive
    TOWARD_CLOSING,   // HTTP/1.1, to be closed
    TOWARD_CHUNKED,   // HTTP/1.1, body re-framed in chunks
    TOWARD_OLD,       // HTTP/1.0, kept alive
    TOWARD_OLD_CLOSE, // HTTP/1.0, to be closed
};

static const struct {
    enum toward toward;
    const char *received;
    const char *sent;
} responses[] = {
    // clang-format off
    {TOWARD_NEW, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 5\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 5\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.0 200 OK\r\nContent-Length: 05\r\nserver:x\r\n\r\n",
     "HTTP/1.1 200 OK\r\nserver: x\r\nContent-Length: 5\r\nDate: " DATE "\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.1 404\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 404 \r\nDate: d\r\nContent-Length: 0\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.1 299 a \xe4 \"b\"\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 299 a \xe4 \"b\"\r\nDate: d\r\nContent-Length: 0\r\n\r\n"},
    {TOWARD_CHUNKED, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: Chunked\r\nTrailer: X\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {TOWARD_CHUNKED, "HTTP/1.1 200 OK\r\nDate: d\r\n\r\n", "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {TOWARD_CLOSING, "HTTP/1.1 200 OK\r\nDate: d\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nConnection: close\r\n\r\n"},
    {TOWARD_CLOSING, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"},
    {TOWARD_OLD, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n"},
    {TOWARD_OLD_CLOSE, "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nContent-Length: 1\r\nConnection: close\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.1 204 No Content\r\nDate: d\r\nContent-Length: 1\r\n\r\n", "HTTP/1.1 204 No Content\r\nDate: d\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 9\r\nETag: \"a\"\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\nDate: d\r\nETag: \"a\"\r\nContent-Length: 9\r\n\r\n"},
    // Hop-by-hop fields stop here; what may be repeated stays so.
    {TOWARD_NEW, "HTTP/1.1 200 OK\r\nConnection: close, foo\r\nFoo: 1\r\nKeep-Alive: 2\r\nProxy-Connection: 3\r\nTE: 4\r\n"
                 "Upgrade: h2c\r\nProxy-Authenticate: 5\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nDate: d\r\nContent-Length: 0\r\n\r\n"},
    // Of Date and Server the first goes on.
    {TOWARD_NEW, "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\ndate: e\r\nA: b\r\nserver: t\r\nA: b\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nDate: d\r\nServer: s\r\nA: b\r\nA: b\r\nContent-Length: 0\r\n\r\n"},
    // Requests' own fields are nothing special in a response.
    {TOWARD_NEW, "HTTP/1.1 200 OK\r\nHost: x\r\nForwarded: y\r\nX-Forwarded-For: z\r\nDate: d\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 OK\r\nHost: x\r\nForwarded: y\r\nX-Forwarded-For: z\r\nDate: d\r\nContent-Length: 0\r\n\r\n"},
    // Interim answers and 101: nothing about the connection or the body is added.
    {TOWARD_CLOSING, "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"},
    {TOWARD_CHUNKED, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 3\r\nTrailer: X\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"},
    {TOWARD_OLD, "HTTP/1.1 102 x\r\nConnection: close\r\n\r\n", "HTTP/1.1 102 x\r\n\r\n"},
    {TOWARD_NEW, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n"
                 "Sec-WebSocket-Accept: x\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nConnection: upgrade\r\n\r\n"},
    // clang-format on
};

static size_t rewrite_response(const char *head, enum toward toward, char *output,
                               size_t capacity) {
    struct http_field items[20];
    struct http_fields fields = {items, 0, 20};
    struct http_response response;
    struct http_refusal refusal = {.why = ""};
    const struct http_response_framing framing = {
        .client_minor_version = toward == TOWARD_OLD || toward == TOWARD_OLD_CLOSE ? 0 : 1,
        .close = toward == TOWARD_CLOSING || toward == TOWARD_OLD_CLOSE,
        .write_chunked = toward == TOWARD_CHUNKED,
    };
    if (http_parse_response(slice_from(head), false, SLICE("websocket"), &fields, &response,
                            &refusal) != RESULT_OK) {
        fail_msg("%s: %s", refusal.why, head);
    }
    return http_encode_response(&response, &framing, SLICE(DATE), output, capacity);
}

static void encodes_responses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof responses / sizeof responses[0]; i++) {
        char output[1024];
        size_t size =
            rewrite_response(responses[i].received, responses[i].toward, output, sizeof output);
        assert_slice(((struct slice){output, size}), responses[i].sent);
        assert_true(size <= strlen(responses[i].received) + HTTP_RESPONSE_GROWTH_MAX);
    }
}

// The largest growth there is: every line we add, and 64 fields that each grow by a space.
static void grows_within_bounds(void **state) {
    (void)state;
    char head[512];
    char output[1024];
    struct http_field items[64];
    struct http_fields fields = {items, 0, 64};
    struct http_response response;
    struct http_refusal refusal;
    char *at = put(head, SLICE("HTTP/1.1 200\r\n"));
    for (int i = 0; i < 64; i++) {
        at = put(at, SLICE("a:\r\n"));
    }
    size_t size = (size_t)(put(at, SLICE("\r\n")) - head);
    assert_int_equal(http_parse_response((struct slice){head, size}, false, NO_UPGRADE, &fields,
                                         &response, &refusal),
                     RESULT_OK);
    char cookie[HTTP_SET_COOKIE_MAX];
    memset(cookie, 'c', sizeof cookie);
    const struct http_response_framing framing = {.write_chunked = true,
                                                  .close = true,
                                                  .hsts_s = UINT32_MAX,
                                                  .set_cookie = {cookie, sizeof cookie}};
    size_t encoded = http_encode_response(&response, &framing, SLICE(DATE), output, sizeof output);
    assert_in_range(encoded, size, size + HTTP_RESPONSE_GROWTH_MAX);
}

static void adds_a_cookie_to_what_is_not_interim(void **state) {
    (void)state;
    static const struct {
        const char *received;
        bool adds;
    } cases[] = {
        {"HTTP/1.1 204 No\r\nSet-Cookie: a=b\r\n\r\n", true},
        {"HTTP/1.1 101 No\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", true},
        {"HTTP/1.1 103 No\r\n\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        struct http_response response;
        struct http_refusal refusal;
        char output[512] = "";
        const struct http_response_framing framing = {.client_minor_version = 1,
                                                      .set_cookie = SLICE("id=7; Path=/")};
        assert_int_equal(http_parse_response(slice_from(cases[i].received), false,
                                             SLICE("websocket"), &fields, &response, &refusal),
                         RESULT_OK);
        (void)http_encode_response(&response, &framing, SLICE(DATE), output, sizeof output - 1);
        bool added = strstr(output, "\r\nSet-Cookie: id=7; Path=/\r\n") != NULL;
        assert_int_equal(added, cases[i].adds);
        assert_int_equal(strstr(output, "Set-Cookie: a=b\r\n") != NULL, i == 0);
    }
}

static void encodes_trailers(void **state) {
    (void)state;
    static const struct rewrite cases[] = {
        {"\r\n", "\r\n"},
        {"a:1\r\nB: 2\r\n\r\n", "a: 1\r\nB: 2\r\n\r\n"},
        {"A: \r\nA: 1\r\n\r\n", "A: \r\nA: 1\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        const char *why;
        char output[64];
        assert_int_equal(http_parse_trailers(slice_from(cases[i].received), &fields, &why),
                         RESULT_OK);
        size_t size = http_encode_trailers(&fields, NULL, output, sizeof output);
        assert_slice(((struct slice){output, size}), cases[i].sent);
    }
}

// What only a guard of the route may set, in every spelling that a server could take for it.
static void drops_reserved_fields(void **state) {
    (void)state;
    static char user[] = "Remote-User", group[] = "X_Group";
    static char *users[] = {user}, *groups[] = {group};
    const struct config_changes changes = {
        .reserved = {[ROUTE_GUARD_USERS] = {users, 1}, [ROUTE_GUARD_AUTHORIZE] = {groups, 1}}};
    struct http_forwarding changed = forwarding;
    changed.changes = &changes;
    char output[512];
    size_t size = rewrite_request(
        WITH("Remote-User: 1\r\nREMOTE_user: 2\r\nRemote.User: 3\r\nRemoteUser: 4\r\nRemote-Users: "
             "5\r\nx-group: 6\r\nX_Group: 7\r\nX!Group: 8\r\nXxGroup: 9\r\n"),
        &changed, output, sizeof output);
    assert_slice(((struct slice){output, size}),
                 "GET / HTTP/1.1\r\nHost: a\r\nRemoteUser: 4\r\nRemote-Users: 5\r\nXxGroup: "
                 "9\r\n" END);

    struct http_field items[4];
    struct http_fields fields = {items, 0, 4};
    const char *why;
    assert_int_equal(http_parse_trailers(SLICE("x_group: 1\r\nA: 2\r\n\r\n"), &fields, &why),
                     RESULT_OK);
    size = http_encode_trailers(&fields, &changes, output, sizeof output);
    assert_slice(((struct slice){output, size}), "A: 2\r\n\r\n");
}

// --- our own answers ---

// A block of exactly `capacity` bytes, for the sanitizer; what was written into it, in `output`.
typedef size_t encoder(char *output, size_t capacity);

static size_t encode_some_request(char *output, size_t capacity) {
    return rewrite_request(WITH("A: b\r\nContent-Length: 5\r\n"), &forwarding, output, capacity);
}

static size_t encode_some_response(char *output, size_t capacity) {
    return rewrite_response("HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n", TOWARD_CLOSING,
                            output, capacity);
}

static size_t encode_some_trailers(char *output, size_t capacity) {
    struct http_field items[] = {{SLICE("A"), SLICE("b"), FIELD_OTHER, false}};
    const struct http_fields fields = {items, 1, 1};
    return http_encode_trailers(&fields, NULL, output, capacity);
}

static size_t encode_some_answer(char *output, size_t capacity) {
    return http_encode_answer(502, SLICE("X: y\r\n"), NULL, true, false, SLICE(DATE), output,
                              capacity);
}

static struct http_request redirected(const char *host, const char *path) {
    return (struct http_request){
        .method = SLICE("GET"), .host = slice_from(host), .path = slice_from(path)};
}

static size_t encode_some_redirect(char *output, size_t capacity) {
    const struct http_request request = redirected("a", "/b");
    return http_encode_redirect(&request, 8443, output, capacity);
}

// With one byte less than it takes: 0, and nothing beyond the room.
static void respects_the_room(void **state) {
    (void)state;
    static encoder *const encoders[] = {encode_some_request, encode_some_response,
                                        encode_some_trailers, encode_some_answer,
                                        encode_some_redirect};
    for (size_t i = 0; i < sizeof encoders / sizeof encoders[0]; i++) {
        char whole[2048];
        size_t size = encoders[i](whole, sizeof whole);
        assert_in_range(size, 1, sizeof whole - 1);
        for (size_t capacity = 0; capacity <= size + 1; capacity++) {
            char *room = malloc(capacity == 0 ? 1 : capacity);
            assert_non_null(room);
            assert_int_equal(encoders[i](room, capacity), capacity >= size ? size : 0);
            if (capacity >= size) {
                assert_memory_equal(room, whole, size);
            }
            free(room);
        }
    }
}

// An answer, read by our own parser. Its head, body and declared length must agree.
static struct slice read_answer(struct slice answer, bool head_only, uint16_t status,
                                struct http_response *response) {
    size_t scanned = 0;
    struct http_refusal refusal = {.why = ""};
    size_t head_size = http_head_end(answer.data, answer.size, &scanned);
    assert_in_range(head_size, 1, answer.size);
    if (http_parse_response((struct slice){answer.data, head_size}, head_only, NO_UPGRADE,
                            response->fields, response, &refusal) != RESULT_OK) {
        fail_msg("%s", refusal.why);
    }
    assert_int_equal(response->status, status);
    assert_true(response->has_declared_length);
    struct slice body = {answer.data + head_size, answer.size - head_size};
    assert_int_equal(body.size, head_only ? 0 : response->declared_length);
    return body;
}

static void check_field(const struct http_fields *fields, const char *name, const char *value) {
    const struct http_field *found = NULL;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_equal(fields->items[i].name, slice_from(name))) {
            assert_null(found);
            found = &fields->items[i];
        }
    }
    assert_int_equal(found != NULL, value != NULL);
    if (found != NULL) {
        assert_slice(found->value, value);
    }
}

static const uint16_t statuses[] = {308, 400, 404, 405, 408, 413, 414, 417, 421,
                                    429, 431, 500, 501, 502, 503, 504, 505, 299};

static void answers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        for (int options = 0; options < 4; options++) {
            bool close = (options & 1) != 0;
            bool head_only = (options & 2) != 0;
            uint16_t status = statuses[i];
            char output[2048];
            char title[64];
            struct http_field items[10];
            struct http_fields fields = {items, 0, 10};
            struct http_response response = {.fields = &fields};
            size_t size =
                http_encode_answer(status, SLICE("Retry-After: 1\r\nX-Extra: y\r\n"), NULL, close,
                                   head_only, SLICE(DATE), output, sizeof output - 1);
            output[size] = '\0';
            struct slice body =
                read_answer((struct slice){output, size}, head_only, status, &response);
            assert_int_equal(response.keep_alive, !close);
            assert_slice(response.reason, http_reason(status));
            check_field(&fields, "Date", DATE);
            check_field(&fields, "Content-Type", "text/html; charset=utf-8");
            check_field(&fields, "Cache-Control", "no-store");
            check_field(&fields, "Connection", close ? "close" : NULL);
            check_field(&fields, "Retry-After", "1");
            check_field(&fields, "X-Extra", "y");
            check_field(&fields, "Server", NULL);
            check_field(&fields, "Allow",
                        status == 405 ? "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" : NULL);
            snprintf(title, sizeof title, "<title>%u %s</title>", status, http_reason(status));
            assert_int_equal(strstr(output, title) != NULL, !head_only);
            assert_int_equal(body.size > 0 && body.data[body.size - 1] == '\n', !head_only);
        }
    }
}

static void knows_reasons(void **state) {
    (void)state;
    assert_string_equal(http_reason(400), "Bad Request");
    assert_string_equal(http_reason(502), "Bad Gateway");
    assert_string_equal(http_reason(299), "Error");
    for (size_t i = 0; i + 1 < sizeof statuses / sizeof statuses[0]; i++) {
        assert_string_not_equal(http_reason(statuses[i]), "Error");
    }
}

static void redirects(void **state) {
    (void)state;
    static const struct {
        const char *host;
        const char *path;
        uint16_t port;
        const char *location;
    } cases[] = {
        {"a.example", "/b?c=%20", 443, "https://a.example/b?c=%20"},
        {"a.example", "/", 8443, "https://a.example:8443/"},
        {"[::1]", "//evil", 443, "https://[::1]//evil"},
        {"a", "*", 443, "https://a/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int head_only = 0; head_only < 2; head_only++) {
            char output[2048];
            struct http_field items[10];
            struct http_fields fields = {items, 0, 10};
            struct http_response response = {.fields = &fields};
            struct http_request request = redirected(cases[i].host, cases[i].path);
            request.is_head = head_only != 0;
            char location[256];
            struct slice field = {
                location, http_encode_redirect(&request, cases[i].port, location, sizeof location)};
            size_t size = http_encode_answer(308, field, NULL, true, request.is_head, SLICE(DATE),
                                             output, sizeof output);
            read_answer((struct slice){output, size}, request.is_head, 308, &response);
            check_field(&fields, "Location", cases[i].location);
            check_field(&fields, "Connection", "close");
            check_field(&fields, "Date", DATE);
        }
    }
    char output[2048];
    const struct http_request nowhere = redirected("", "/");
    assert_int_equal(http_encode_redirect(&nowhere, 443, output, sizeof output), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_requests),
        cmocka_unit_test(names_the_client),
        cmocka_unit_test(encodes_responses),
        cmocka_unit_test(grows_within_bounds),
        cmocka_unit_test(adds_a_cookie_to_what_is_not_interim),
        cmocka_unit_test(encodes_trailers),
        cmocka_unit_test(drops_reserved_fields),
        cmocka_unit_test(respects_the_room),
        cmocka_unit_test(answers),
        cmocka_unit_test(knows_reasons),
        cmocka_unit_test(redirects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
