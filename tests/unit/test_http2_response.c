// Heads and trailers of responses as header lists.
#include "http2/response.h"

#include "http_cases.h"

#define ITEMS_MAX 32
#define TEXT_SIZE 1024
#define DATE SLICE("Mon, 30 Nov 2026 08:00:00 GMT")
#define DATE_LINE "date: Mon, 30 Nov 2026 08:00:00 GMT\n"

struct lab {
    struct hpack_field items[ITEMS_MAX];
    char text[TEXT_SIZE];
    struct http2_list list;
    struct http_field fields[FIELDS_MAX];
    struct http_fields received;
    struct http_response response;
};

static void lab_begin(struct lab *lab, const char *head, struct slice protocols) {
    struct http_refusal refusal;
    *lab = (struct lab){.received = {.capacity = FIELDS_MAX}};
    lab->received.items = lab->fields;
    lab->list =
        (struct http2_list){lab->items, ITEMS_MAX, lab->text, TEXT_SIZE, 0, 0, false, false};
    assert_int_equal(http_parse_response(slice_from(head), false, protocols, &lab->received,
                                         &lab->response, &refusal),
                     RESULT_OK);
}

// The list as lines; '!' behind a sensitive field.
static void assert_list(const struct http2_list *list, const char *wanted) {
    char text[2 * TEXT_SIZE], *at = text;
    for (uint32_t i = 0; i < list->count; i++) {
        at = put(put(put(at, list->items[i].name), SLICE(": ")), list->items[i].value);
        at = put(at, list->items[i].sensitive ? SLICE("!\n") : SLICE("\n"));
    }
    *at = '\0';
    assert_string_equal(text, wanted);
}

static const struct http_response_framing framing = {.close = true, .write_chunked = true};

static void test_response(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab,
              "HTTP/1.1 200 Fine\r\nServer: s\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\n"
              "Keep-Alive: 5\r\nProxy-Connection: x\r\nUpgrade: h2c\r\nTrailer: a\r\n"
              "Set-Cookie: a=b\r\nWWW-Authenticate: Basic\r\nX-Mixed-CASE: Value\r\n"
              "HTTP2-Settings: x\r\nTransfer-Encoding: chunked\r\n\r\n",
              SLICE(""));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    assert_list(&lab.list, ":status: 200\nserver: s\nset-cookie: a=b!\n"
                           "www-authenticate: Basic!\nx-mixed-case: Value\n" DATE_LINE);
}

static void test_length_and_date(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.0 404 No\r\nDate: then\r\nContent-Length: 5\r\n\r\n", SLICE(""));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    assert_list(&lab.list, ":status: 404\ndate: then\ncontent-length: 5\n");
}

// A server may send control bytes (http/scan_response.c); a client of HTTP/2 would refuse them all.
static void test_control_bytes(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.1 204 No\r\nA: x\001y\r\nB: y\r\n\r\n", SLICE(""));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    assert_list(&lab.list, ":status: 204\nb: y\n" DATE_LINE);
}

static void test_interim(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.1 103 Early\r\nLink: </a>\r\nConnection: close\r\n\r\n", SLICE(""));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    assert_list(&lab.list, ":status: 103\nlink: </a>\n");
}

// RFC 8441 5.
static void test_websocket(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab,
              "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: abc\r\nSec-WebSocket-Protocol: chat\r\n\r\n",
              SLICE("websocket"));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, true));
    assert_list(&lab.list, ":status: 200\nsec-websocket-protocol: chat\n");
    // HTTP/2 has no 101 (RFC 9113 8.6).
    assert_false(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    lab_begin(&lab, "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", SLICE("websocket"));
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, true));
    assert_list(&lab.list, ":status: 403\ncontent-length: 0\n" DATE_LINE);
}

static void test_answer(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.1 200 Ok\r\n\r\n", SLICE(""));
    assert_true(http2_list_answer(&lab.list, 308, SLICE("Location: https://a/\r\n"), NULL, DATE));
    assert_slice(lab.items[0].name, ":status");
    assert_slice(lab.items[0].value, "308");
    assert_slice(lab.items[lab.list.count - 1].name, "location");
    assert_slice(lab.items[lab.list.count - 1].value, "https://a/");
    for (uint32_t i = 0; i < lab.list.count; i++) {
        assert_false(slice_equal(lab.items[i].name, SLICE("connection")));
    }
}

static void test_trailers(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.1 200 Ok\r\nGrpc-Status: 0\r\nConnection: x\r\nX: y\r\n\r\n",
              SLICE(""));
    assert_true(http2_list_trailers(&lab.list, &lab.received));
    assert_list(&lab.list, "grpc-status: 0\n");
    lab.received.count = 0;
    assert_true(http2_list_trailers(&lab.list, &lab.received));
    assert_int_equal(lab.list.count, 0);
}

static void test_room(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab, "HTTP/1.1 204 No\r\nA: b\r\nDate: x\r\n\r\n", SLICE(""));
    lab.list.text_capacity = 10 + 2 + 5;
    lab.list.capacity = 3;
    assert_true(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    lab.list.text_capacity--;
    assert_false(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    lab.list.text_capacity++;
    lab.list.capacity--;
    assert_false(http2_list_response(&lab.list, &lab.response, &framing, DATE, false));
    assert_false(http2_list_answer(&lab.list, 404, SLICE(""), NULL, DATE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_response),      cmocka_unit_test(test_length_and_date),
        cmocka_unit_test(test_control_bytes), cmocka_unit_test(test_interim),
        cmocka_unit_test(test_websocket),     cmocka_unit_test(test_answer),
        cmocka_unit_test(test_trailers),      cmocka_unit_test(test_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
