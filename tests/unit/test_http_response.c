// Responses: which heads are taken, with which body, and which are refused and why.
#include "http_cases.h"

enum asked {
    ASKED_GET,
    ASKED_HEAD,
    ASKED_UPGRADE,
};

struct accepted {
    enum asked asked;
    struct slice head;
    const char *reading; // "STATUS framing length", then what else is set
};

struct refused {
    enum asked asked;
    struct slice head;
    const char *why;
};

#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }
#define ACCEPT(text, wanted)                                                                       \
    { ASKED_GET, BYTES(text), wanted }
#define ACCEPT_AS(asked, text, wanted)                                                             \
    { asked, BYTES(text), wanted }
#define REFUSE(text, cause)                                                                        \
    { ASKED_GET, BYTES(text), cause }
#define REFUSE_AS(asked, text, cause)                                                              \
    { asked, BYTES(text), cause }
#define OK(fields) "HTTP/1.1 200 OK\r\n" fields "\r\n"
#define OLD(fields) "HTTP/1.0 200 OK\r\n" fields "\r\n"
#define STATUS(status, fields) "HTTP/1.1 " status " x\r\n" fields "\r\n"
#define LENGTH "Content-Length: 5\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define SWITCHED "Connection: Upgrade\r\nUpgrade: websocket\r\n"

#define NO_UPGRADE ((struct slice){NULL, 0})

static struct slice protocols_of(enum asked asked) {
    return asked == ASKED_UPGRADE ? SLICE("WebSocket, a , b/2") : NO_UPGRADE;
}

static const struct accepted accepted_cases[] = {
    // clang-format off
    // Status lines.
    ACCEPT("HTTP/1.1 200 OK\r\n\r\n", "200 'OK' until close"),
    ACCEPT("HTTP/1.0 200 OK\r\n\r\n", "200 'OK' until close"),
    ACCEPT("HTTP/1.1 200 \r\n\r\n", "200 '' until close"),
    ACCEPT("HTTP/1.1 200\r\n\r\n", "200 '' until close"),
    ACCEPT("HTTP/1.1 404 Not\tFound, \xe4\xf6 (\"x\")\r\n\r\n", "404 'Not\tFound, \xe4\xf6 (\"x\")' until close"),
    ACCEPT("HTTP/1.1 200  OK \r\n\r\n", "200 ' OK ' until close"),
    ACCEPT(STATUS("599", LENGTH), "599 'x' 5 bytes, declared 5, keep"),
    ACCEPT(STATUS("299", LENGTH), "299 'x' 5 bytes, declared 5, keep"),
    // Servers that authenticate the connection.
    ACCEPT(STATUS("401", LENGTH "WWW-Authenticate: NTLM\r\n"), "401 'x' 5 bytes, declared 5, keep, bound"),
    ACCEPT(STATUS("401", "www-authenticate: Basic realm=\"a\"\r\n" LENGTH "WWW-AUTHENTICATE: negotiate\r\n"),
           "401 'x' 5 bytes, declared 5, keep, bound"),
    ACCEPT(STATUS("401", LENGTH "WWW-Authenticate: Basic realm=a, Negotiate\r\n"), "401 'x' 5 bytes, declared 5, keep, bound"),
    ACCEPT(STATUS("407", LENGTH "Proxy-Authenticate: NTLM\r\n"), "407 'x' 5 bytes, declared 5, keep, bound"),
    ACCEPT(OK(LENGTH "Persistent-Auth: true\r\n"), "200 'OK' 5 bytes, declared 5, keep, bound"),
    ACCEPT(OK(LENGTH "WWW-Authenticate: Negotiate oYG=\r\n"), "200 'OK' 5 bytes, declared 5, keep, bound"),
    ACCEPT(STATUS("401", LENGTH "WWW-Authenticate: Basic realm=\"NTLM\"\r\nX: NTLM\r\n"), "401 'x' 5 bytes, declared 5, keep"),
    // Bodies.
    ACCEPT(OK(LENGTH), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Content-Length: 0\r\n"), "200 'OK' none, declared 0, keep"),
    ACCEPT(OK("Content-Length: 0005\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Content-Length: 999999999999999999\r\n"), "200 'OK' 999999999999999999 bytes, declared 999999999999999999, keep"),
    ACCEPT(OK(CHUNKED), "200 'OK' chunked, declared chunked, keep"),
    ACCEPT(OK("transfer-encoding:Chunked \r\n"), "200 'OK' chunked, declared chunked, keep"),
    ACCEPT(OLD(LENGTH), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(STATUS("205", ""), "205 'x' none, declared 0"),
    ACCEPT(STATUS("205", CHUNKED), "205 'x' none, declared 0"),
    ACCEPT(STATUS("205", LENGTH), "205 'x' none, declared 0"),
    ACCEPT(STATUS("205", "Content-Length: 0\r\n"), "205 'x' none, declared 0, keep"),
    ACCEPT(STATUS("301", "Location: /\r\n" LENGTH), "301 'x' 5 bytes, declared 5, keep"),
    // No body, whatever the fields say.
    ACCEPT(STATUS("204", ""), "204 'x' none, keep"),
    ACCEPT(STATUS("204", "Content-Length: 0\r\n"), "204 'x' none, keep"),
    ACCEPT(STATUS("204", LENGTH), "204 'x' none"),
    ACCEPT(STATUS("204", CHUNKED), "204 'x' none"),
    ACCEPT(STATUS("304", ""), "304 'x' none, keep"),
    ACCEPT(STATUS("304", LENGTH), "304 'x' none, declared 5, keep"),
    ACCEPT(STATUS("304", CHUNKED), "304 'x' none, declared chunked, keep"),
    ACCEPT_AS(ASKED_HEAD, OK(""), "200 'OK' none, keep"),
    ACCEPT_AS(ASKED_HEAD, OK(LENGTH), "200 'OK' none, declared 5, keep"),
    ACCEPT_AS(ASKED_HEAD, OK("Content-Length: 0\r\n"), "200 'OK' none, declared 0, keep"),
    ACCEPT_AS(ASKED_HEAD, OK(CHUNKED), "200 'OK' none, declared chunked, keep"),
    ACCEPT_AS(ASKED_HEAD, STATUS("404", LENGTH), "404 'x' none, declared 5, keep"),
    ACCEPT_AS(ASKED_HEAD, OLD(LENGTH), "200 'OK' none, declared 5"),
    // Interim answers.
    ACCEPT("HTTP/1.1 100 Continue\r\n\r\n", "100 'Continue' none, interim, keep"),
    ACCEPT(STATUS("102", ""), "102 'x' none, interim, keep"),
    ACCEPT(STATUS("103", "Link: </a>; rel=preload\r\n"), "103 'x' none, interim, keep"),
    ACCEPT(STATUS("199", LENGTH), "199 'x' none, interim, keep"),
    ACCEPT(STATUS("100", CHUNKED), "100 'x' none, interim, keep"),
    ACCEPT_AS(ASKED_HEAD, STATUS("103", ""), "103 'x' none, interim, keep"),
    ACCEPT_AS(ASKED_UPGRADE, STATUS("100", ""), "100 'x' none, interim, keep"),
    // Switching protocols.
    ACCEPT_AS(ASKED_UPGRADE, STATUS("101", SWITCHED), "101 'x' tunnel"),
    ACCEPT_AS(ASKED_UPGRADE, STATUS("101", "upgrade: a, b/2\r\nconnection: keep-alive, upgrade\r\n"), "101 'x' tunnel"),
    ACCEPT_AS(ASKED_UPGRADE, STATUS("101", SWITCHED "Content-Length: 0\r\n"), "101 'x' tunnel"),
    ACCEPT_AS(ASKED_UPGRADE, OK(LENGTH), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT_AS(ASKED_UPGRADE, STATUS("426", SWITCHED LENGTH), "426 'x' 5 bytes, declared 5, keep"),
    // Keep-alive.
    ACCEPT(OK(LENGTH "Connection: close\r\n"), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(OK(LENGTH "Connection: keep-alive\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK(LENGTH "Connection: keep-alive\r\nConnection: CLOSE\r\n"), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(OLD(LENGTH "Connection: Keep-Alive\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OLD("Connection: keep-alive\r\n"), "200 'OK' until close"),
    ACCEPT(OK("Connection: keep-alive\r\n"), "200 'OK' until close"),
    ACCEPT(OK(CHUNKED "Connection: close\r\n"), "200 'OK' chunked, declared chunked"),
    // What only the tolerant scan takes: status lines.
    ACCEPT("HTTP/1.1   200 OK\r\n\r\n", "200 'OK' until close"),
    ACCEPT("HTTP/1.2 200 OK\r\n" LENGTH "\r\n", "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT("HTTP/2.0 200 OK\r\n" LENGTH "\r\n", "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(STATUS("600", LENGTH), "600 'x' 5 bytes, declared 5, keep"),
    ACCEPT(STATUS("999", ""), "999 'x' until close"),
    ACCEPT("HTTP/1.1 200 O\0K\r\n\r\n", "200 '' until close"),
    ACCEPT("HTTP/1.1 200 O\x7fK\r\n\r\n", "200 '' until close"),
    // Lines that end in LF.
    ACCEPT("HTTP/1.1 200\n\r\n", "200 '' until close"),
    ACCEPT("HTTP/1.1 200 OK\n\n", "200 'OK' until close"),
    ACCEPT("HTTP/1.1 200 OK\nA: b\nContent-Length: 5 \n\n", "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("A: b\nContent-Length:5\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT("HTTP/1.1 200 OK\r\nA: b\r\n\n", "200 'OK' until close"),
    // Values.
    ACCEPT(OK(LENGTH "A: b\x01\x1b\x7f\x0b\x0c" "c\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK(LENGTH LENGTH), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK(LENGTH "content-length: 05\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Content-Length: 5 ,5, 0005\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Content-Length: 5\t\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Content-Length: 000000000000000000000000005\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(STATUS("100", LENGTH LENGTH), "100 'x' none, interim, keep"),
    ACCEPT(OK("Transfer-Encoding: chunked,\r\n"), "200 'OK' chunked, declared chunked, keep"),
    ACCEPT(OK("Transfer-Encoding:\r\n" LENGTH), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK("Transfer-Encoding:\r\n" CHUNKED), "200 'OK' chunked, declared chunked, keep"),
    ACCEPT(OLD(CHUNKED "Connection: keep-alive\r\n"), "200 'OK' chunked, declared chunked"),
    ACCEPT(OK(LENGTH "Connection: a b\r\n"), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(OK(LENGTH "Connection: \"close\", keep-alive\r\n"), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(OK(LENGTH "Connection: Content-Length, set-cookie\r\n"), "200 'OK' 5 bytes, declared 5"),
    ACCEPT(OK(LENGTH "Connection: 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32\r\n"),
           "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK(LENGTH "Connection: 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33\r\n"),
           "200 'OK' 5 bytes, declared 5"),
    // Host means nothing here.
    ACCEPT(OK(LENGTH "Host: a b\r\nHost: c\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    ACCEPT(OK(LENGTH "Expect: x\r\nUpgrade: h2c\r\n"), "200 'OK' 5 bytes, declared 5, keep"),
    // clang-format on
};

#define NO_HTTP "status line does not begin with HTTP/1.0 or HTTP/1.1"
#define BAD_STATUS "status is not three digits"
#define LOW_STATUS "status below 100"
#define BAD_LINE "bare CR in the status line"
#define BAD_LENGTH "Content-Length is not a number of 1 to 18 digits"
#define TWO_LENGTHS "Content-Length of two values"
#define BOTH "both Content-Length and Transfer-Encoding"
#define BAD_CODING "Transfer-Encoding is not exactly chunked"
#define BAD_SWITCH "101 without a proper Upgrade"
#define OTHER_SWITCH "101 to a protocol that was not asked for"
#define UNASKED "101 that was not asked for"

static const struct refused refused_cases[] = {
    // clang-format off
    // Status lines.
    REFUSE("HTTP/0.9 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("HTTP/2 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("HTTP/1 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("HTTP/1.10 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("http/1.1 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("ICY 200 OK\r\nA: b\r\n\r\n", NO_HTTP),
    REFUSE("RTSP/1.0 200 OK\r\n\r\n", NO_HTTP),
    REFUSE(" HTTP/1.1 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("\r\nHTTP/1.1 200 OK\r\n\r\n", NO_HTTP),
    REFUSE("HTTP/1.1\t200 OK\r\n\r\n", NO_HTTP),
    REFUSE("HTTP/1.1\r\n\r\n", NO_HTTP),
    REFUSE("Status: 200\r\n\r\n", NO_HTTP),
    REFUSE("<html>\n\n</html>\n", NO_HTTP),
    REFUSE("\n\n", NO_HTTP),
    REFUSE("", "head without an end"),
    REFUSE("HTTP/1.1 20 OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 099 OK\r\n" LENGTH "\r\n", LOW_STATUS),
    REFUSE("HTTP/1.1 000\r\n\r\n", LOW_STATUS),
    REFUSE("HTTP/1.1 2000 OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 +20 OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 2x0 OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 20x OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 200\tOK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 200OK\r\n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 200 OK\r\r\n\r\n", BAD_LINE),
    REFUSE("HTTP/1.1 200 O\rK\r\n\r\n", BAD_LINE),
    REFUSE("HTTP/1.1 200\r \n\r\n", BAD_STATUS),
    REFUSE("HTTP/1.1 200 OK\r\n", "head without an empty line"),
    REFUSE("HTTP/1.1 200 OK\r\nA: b\r\n", "head without an empty line"),
    // Field lines: the same scan as for requests.
    REFUSE(OK("A : b\r\n"), "space before the colon of a field"),
    REFUSE(OK("A: b\r\n c\r\n"), "folded field line"),
    REFUSE(OK("A: b\rC: d\r\n"), "bare CR"),
    REFUSE(OK("A: b\0\r\n"), "NUL in a field value"),
    REFUSE(OK("A\r\n"), "field line without a colon"),
    REFUSE(OK(": b\r\n"), "empty field name"),
    REFUSE(OK("A[]: b\r\n"), "illegal byte in a field name"),
    REFUSE(OK("\r\nA: b\r\n"), "bytes after the empty line"),
    REFUSE(OK("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n"), "too many fields"),
    // Lengths.
    REFUSE(OK("Content-Length: 5\r\nContent-Length: 6\r\n"), TWO_LENGTHS),
    REFUSE(OK("Content-Length: 5, 6\r\n"), TWO_LENGTHS),
    REFUSE(OK("Content-Length: -5\r\n"), BAD_LENGTH),
    REFUSE(OK("Content-Length: +5\r\n"), BAD_LENGTH),
    REFUSE(OK("Content-Length: 5x\r\n"), BAD_LENGTH),
    REFUSE(OK("Content-Length:\r\n"), BAD_LENGTH),
    REFUSE(OK("Content-Length: 1000000000000000000\r\n"), BAD_LENGTH),
    REFUSE(OK(LENGTH CHUNKED), BOTH),
    REFUSE(OK(CHUNKED LENGTH), BOTH),
    REFUSE(OK(CHUNKED CHUNKED), BAD_CODING),
    REFUSE(OK("Transfer-Encoding: gzip\r\n"), BAD_CODING),
    REFUSE(OK("Transfer-Encoding: identity\r\n"), BAD_CODING),
    REFUSE(OK("Transfer-Encoding: chunked, identity\r\n"), BAD_CODING),
    REFUSE(OK("Transfer-Encoding: chunked;x=y\r\n"), BAD_CODING),
    REFUSE(OK("Transfer-Encoding: gzip, chunked\r\n"), BAD_CODING),
    // The same where there is no body at all: the head is malformed.
    REFUSE(STATUS("204", LENGTH CHUNKED), BOTH),
    REFUSE_AS(ASKED_HEAD, OK("Content-Length: x\r\n"), BAD_LENGTH),
    REFUSE_AS(ASKED_HEAD, OK(LENGTH CHUNKED), BOTH),
    REFUSE(STATUS("304", "Content-Length: 5, 6\r\n"), TWO_LENGTHS),
    // Switching protocols.
    REFUSE(STATUS("101", SWITCHED), UNASKED),
    REFUSE_AS(ASKED_HEAD, STATUS("101", SWITCHED), UNASKED),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", ""), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Upgrade: websocket\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade:\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: a\r\nUpgrade: a\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: a b\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: h2c\r\n"), BAD_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: c\r\n"), OTHER_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: b\r\n"), OTHER_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: a/1\r\n"), OTHER_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, STATUS("101", "Connection: Upgrade\r\nUpgrade: a, c\r\n"), OTHER_SWITCH),
    REFUSE_AS(ASKED_UPGRADE, "HTTP/1.0 101 x\r\n" SWITCHED "\r\n", "1xx in HTTP/1.0"),
    REFUSE("HTTP/1.0 100 x\r\n\r\n", "1xx in HTTP/1.0"),
    // clang-format on
};

static void describe(const struct http_response *response, char *text, size_t size) {
    static const char *const framings[] = {
        [FRAMING_NONE] = "none",
        [FRAMING_CHUNKED] = "chunked",
        [FRAMING_CLOSE] = "until close",
        [FRAMING_TUNNEL] = "tunnel",
    };
    char length[40] = "";
    char declared[40] = "";
    if (response->framing == FRAMING_LENGTH) {
        snprintf(length, sizeof length, "%llu bytes", (unsigned long long)response->content_length);
    } else {
        assert_int_equal(response->content_length, 0);
        snprintf(length, sizeof length, "%s", framings[response->framing]);
    }
    if (response->has_declared_length) {
        snprintf(declared, sizeof declared, ", declared %llu",
                 (unsigned long long)response->declared_length);
    } else {
        assert_int_equal(response->declared_length, 0);
    }
    snprintf(text, size, "%u '%.*s' %s%s%s%s%s%s", response->status, (int)response->reason.size,
             response->reason.data, length, declared,
             response->declared_chunked ? ", declared chunked" : "",
             response->interim ? ", interim" : "", response->keep_alive ? ", keep" : "",
             response->binds_connection ? ", bound" : "");
}

static void accepts(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_cases / sizeof accepted_cases[0]; i++) {
        const struct accepted *wanted = &accepted_cases[i];
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        struct http_response response;
        struct http_refusal refusal = {.why = ""};
        char text[256];
        struct slice head = copy_of(wanted->head);
        memset(&response, 0xa5, sizeof response); // every member must be set
        if (http_parse_response(head, wanted->asked == ASKED_HEAD, protocols_of(wanted->asked),
                                &fields, &response, &refusal) != RESULT_OK) {
            fail_msg("refused, %s: %s", refusal.why, wanted->head.data);
        }
        describe(&response, text, sizeof text);
        assert_string_equal(text, wanted->reading);
        assert_int_equal(response.minor_version, memcmp(head.data, "HTTP/1.0", 8) != 0);
        assert_ptr_equal(response.fields, &fields);
        free((char *)head.data);
    }
}

static void refuses(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_cases / sizeof refused_cases[0]; i++) {
        const struct refused *wanted = &refused_cases[i];
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        struct http_response response;
        struct http_refusal refusal = {.why = ""};
        struct slice head = copy_of(wanted->head);
        if (http_parse_response(head, wanted->asked == ASKED_HEAD, protocols_of(wanted->asked),
                                &fields, &response, &refusal) != RESULT_ERROR) {
            fail_msg("accepted: %s", wanted->head.data);
        }
        if (strcmp(refusal.why, wanted->why) != 0) {
            fail_msg("refused with %s instead of %s: %s", refusal.why, wanted->why,
                     wanted->head.data);
        }
        free((char *)head.data);
    }
}

static void tells_what_is_wrong(void **state) {
    (void)state;
    static const struct {
        struct slice head;
        size_t at; // of the byte that is wrong, SIZE_MAX: none
        const char *field;
    } cases[] = {
        {BYTES("HTTP/1.x 200 OK\r\n\r\n"), 7, NULL},
        {BYTES("HTTP/1.1 2x0 OK\r\n\r\n"), 10, NULL},
        {BYTES("HTTP/1.1 200 O\rK\r\n\r\n"), 14, NULL},
        {BYTES(OK("A: b\r\nB : c\r\n")), 24, NULL},
        {BYTES(OK("A: b\rc\r\n")), 21, NULL},
        {BYTES(OK("A: b\0c\n")), 21, NULL},
        {BYTES(OK("A: b\n c\n")), 22, NULL},
        {BYTES(OK("A: b\r\nContent-length: 5, 6\r\n")), SIZE_MAX, "Content-length"},
        {BYTES(OK(LENGTH CHUNKED)), SIZE_MAX, "Transfer-Encoding"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        struct http_response response;
        struct http_refusal refusal = {.why = ""};
        const char *head = cases[i].head.data;
        assert_int_equal(
            http_parse_response(cases[i].head, false, NO_UPGRADE, &fields, &response, &refusal),
            RESULT_ERROR);
        assert_int_equal(refusal.byte == NULL ? SIZE_MAX : (size_t)(refusal.byte - head),
                         cases[i].at);
        assert_int_equal(refusal.field != NULL, cases[i].field != NULL);
        if (cases[i].field != NULL) {
            assert_slice(refusal.field->name, cases[i].field);
        }
    }
}

static void leaves_out_what_is_no_trailer(void **state) {
    (void)state;
    static const struct {
        struct slice section;
        const char *names; // of the fields that stay
    } cases[] = {
        {BYTES("\r\n"), ""},
        {BYTES("\n"), ""},
        {BYTES("A: 1\r\nB:2\n\r\n"), "A B "},
        {BYTES(
             "A: 1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nSet-Cookie: a\r\nB: 2\r\n\r\n"),
         "A B "},
        {BYTES("A: 1\r\n folded\r\nno colon\r\n: b\r\nC : d\r\nD(): e\r\nE: \0\r\nF: 6\r\n\r\n"),
         "A F "},
        {BYTES("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n"), "A B C D "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_field items[4];
        struct http_fields fields = {items, 0, 4};
        struct http_refusal refusal;
        char names[16] = "";
        struct slice section = copy_of(cases[i].section);
        assert_int_equal(http_parse_response_trailers(section, &fields, &refusal), RESULT_OK);
        for (uint32_t k = 0; k < fields.count; k++) {
            snprintf(names + strlen(names), sizeof names - strlen(names), "%.*s ",
                     (int)items[k].name.size, items[k].name.data);
        }
        assert_string_equal(names, cases[i].names);
        free((char *)section.data);
    }
    struct http_field items[4];
    struct http_fields fields = {items, 0, 4};
    struct http_refusal refusal;
    struct slice bad = SLICE("A: 1\r\nB: a\rb\r\n\r\n");
    assert_int_equal(http_parse_response_trailers(bad, &fields, &refusal), RESULT_ERROR);
    assert_ptr_equal(refusal.byte, bad.data + 10);
}

static void marks_hop_by_hop_fields(void **state) {
    (void)state;
    struct http_field items[8];
    struct http_fields fields = {items, 0, 8};
    struct http_response response;
    struct http_refusal refusal = {.why = ""};
    struct slice head = SLICE(OK("Foo: 1\r\nConnection: foo\r\nKeep-Alive: 5\r\n" CHUNKED
                                 "Trailer: X\r\nProxy-Authenticate: a\r\nServer: b\r\n"));
    assert_int_equal(http_parse_response(head, false, NO_UPGRADE, &fields, &response, &refusal),
                     RESULT_OK);
    assert_int_equal(fields.count, 7);
    for (uint32_t i = 0; i < 6; i++) {
        assert_true(items[i].hop_by_hop);
    }
    assert_false(items[6].hop_by_hop);
}

static void bounds_the_head(void **state) {
    (void)state;
    struct http_field items[2];
    struct http_fields fields = {items, 0, 2};
    struct http_response response;
    struct http_refusal refusal = {.why = ""};
    size_t size = HTTP_RESPONSE_HEAD_SIZE_MAX + 1;
    char *head = malloc(size);
    assert_non_null(head);
    memset(head, 'x', size);
    put(head, SLICE("HTTP/1.1 200 OK\r\nA: "));
    put(head + size - 4, SLICE("\r\n\r\n"));
    assert_int_equal(http_parse_response((struct slice){head, size}, false, NO_UPGRADE, &fields,
                                         &response, &refusal),
                     RESULT_ERROR);
    assert_string_equal(refusal.why, "head over 256 KiB");
    put(head + size - 5, SLICE("\r\n\r\n"));
    assert_int_equal(http_parse_response((struct slice){head, size - 1}, false, NO_UPGRADE, &fields,
                                         &response, &refusal),
                     RESULT_OK);
    free(head);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(tells_what_is_wrong),
        cmocka_unit_test(leaves_out_what_is_no_trailer),
        cmocka_unit_test(marks_hop_by_hop_fields),
        cmocka_unit_test(bounds_the_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
