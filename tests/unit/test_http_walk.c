// Which fields go on, seen by two sinks: a list, as a header encoding of its own needs it, and the
// text that http/encode writes.
#include "http/walk.h"

#include "http_cases.h"

#define DATE "Mon, 23 Nov 2026 06:00:00 GMT"
#define LIST_MAX 24
#define TEXT_MAX 2048

// Keeps copies, as the slices are valid only during the call.
struct list {
    char text[TEXT_MAX];
    size_t size;
    struct slice names[LIST_MAX], values[LIST_MAX];
    size_t count;
};

static struct slice keep(struct list *list, struct slice text) {
    assert_true(list->size + text.size <= TEXT_MAX);
    char *at = list->text + list->size;
    list->size += text.size;
    (void)put(at, text);
    return (struct slice){at, text.size};
}

static void add(void *context, struct slice name, struct slice value) {
    struct list *list = context;
    assert_true(list->count < LIST_MAX);
    list->names[list->count] = keep(list, name);
    list->values[list->count++] = keep(list, value);
}

static void forward(void *context, const struct http_field *field) {
    add(context, field->name, field->value);
}

static struct http_sink sink_of(struct list *list) {
    return (struct http_sink){add, forward, list};
}

static void assert_list(const struct list *list, const char *const *wanted) {
    size_t count = 0;
    while (wanted[count] != NULL) {
        count++;
    }
    assert_int_equal(list->count * 2, count);
    for (size_t i = 0; i < list->count; i++) {
        assert_slice(list->names[i], wanted[2 * i]);
        assert_slice(list->values[i], wanted[2 * i + 1]);
    }
}

// The list as lines of HTTP/1 behind a first line.
static size_t render(const struct list *list, const char *first, char *output) {
    char *at = put(output, slice_from(first));
    for (size_t i = 0; i < list->count; i++) {
        at = put(at, list->names[i]);
        at = put(at, SLICE(": "));
        at = put(at, list->values[i]);
        at = put(at, SLICE("\r\n"));
    }
    return (size_t)(put(at, SLICE("\r\n")) - output);
}

#define HEAD(status, fields) "HTTP/1.1 " status " R\r\n" fields "\r\n"
#define PAIRS_MAX 24

static char first_set[] = "X-Set: a: b", second_set[] = "Server: mine", removed[] = "x-gone";
static char *all_set[] = {first_set, second_set}, *all_removed[] = {removed};
static const struct config_changes changes = {
    .set = all_set, .set_count = 2, .remove = all_removed, .remove_count = 1};

struct response_case {
    const char *head;
    struct http_response_framing framing;
    const char *pairs[PAIRS_MAX]; // names and values
};

static const struct response_case responses[] = {
    // As for a client whose protocol frames messages itself: nothing about a connection.
    {HEAD("200",
          "Content-Length: 007\r\nX: 1\r\nConnection: close, y\r\nY: 2\r\nKeep-Alive: 3\r\n"),
     {.client_minor_version = 1},
     {"X", "1", "Content-Length", "7", "Date", DATE}},
    {HEAD("200",
          "Transfer-Encoding: chunked\r\nTrailer: T\r\nDate: d\r\nServer: s\r\nServer: t\r\n"),
     {.client_minor_version = 1},
     {"Date", "d", "Server", "s"}},
    {HEAD("304", "ETag: e\r\nContent-Length: 9\r\n"),
     {.client_minor_version = 1, .hsts_s = 31536000},
     {"ETag", "e", "Content-Length", "9", "Date", DATE, "Strict-Transport-Security",
      "max-age=31536000"}},
    {HEAD("200", "Content-Length: 0\r\nStrict-Transport-Security: x\r\n"),
     {.client_minor_version = 1, .hsts_s = 5},
     {"Strict-Transport-Security", "x", "Content-Length", "0", "Date", DATE}},
    {HEAD("103", "Link: l\r\nDate: d\r\nServer: s\r\n"),
     {.client_minor_version = 1, .hsts_s = 5, .changes = &changes},
     {"Link", "l", "Date", "d", "Server", "s"}},
    {HEAD("200", "Content-Length: 1\r\nServer: s\r\nX-Gone: 1\r\nx-set: 2\r\n"),
     {.client_minor_version = 1, .changes = &changes},
     {"Content-Length", "1", "Date", DATE, "X-Set", "a: b", "Server", "mine"}},
    // As for HTTP/1.
    {HEAD("200", "Transfer-Encoding: chunked\r\nTrailer: T\r\nDate: d\r\n"),
     {.client_minor_version = 1, .write_chunked = true, .close = true},
     {"Trailer", "T", "Date", "d", "Transfer-Encoding", "chunked", "Connection", "close"}},
    {HEAD("200", "Content-Length: 18446744\r\nDate: d\r\n"),
     {.client_minor_version = 0},
     {"Date", "d", "Content-Length", "18446744", "Connection", "keep-alive"}},
    {HEAD("101", "Upgrade: p\r\nConnection: upgrade\r\n"),
     {.client_minor_version = 1},
     {"Upgrade", "p", "Connection", "upgrade"}},
};

static void test_responses(void **state) {
    (void)state;
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    for (size_t i = 0; i < sizeof(responses) / sizeof(responses[0]); i++) {
        const struct response_case *one = &responses[i];
        struct http_response response;
        struct http_refusal refusal;
        struct list list = {.count = 0};
        char first[32], wanted[TEXT_MAX], text[TEXT_MAX];
        assert_int_equal(http_parse_response(slice_from(one->head), false, SLICE("p"), &fields,
                                             &response, &refusal),
                         RESULT_OK);
        http_walk_response(&response, &one->framing, SLICE(DATE), sink_of(&list));
        assert_list(&list, one->pairs);
        (void)snprintf(first, sizeof(first), "HTTP/1.1 %u R\r\n", response.status);
        size_t size = render(&list, first, wanted);
        assert_int_equal(
            http_encode_response(&response, &one->framing, SLICE(DATE), text, sizeof(text)), size);
        assert_memory_equal(text, wanted, size);
    }
}

struct request_case {
    const char *head;
    bool told;
    bool changed;
    const char *pairs[PAIRS_MAX];
};

static const struct request_case requests[] = {
    {"POST / HTTP/1.1\r\nhost: a\r\nX: 1\r\nTE: 2\r\nX-Forwarded-For: 3\r\nContent-Length: "
     "04\r\n\r\n",
     false,
     false,
     {"Host", "a", "X", "1", "Content-Length", "4"}},
    {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n"
     "Expect: 100-continue\r\nX-TLS-Facts: f\r\n\r\n",
     false,
     false,
     {"Host", "a", "Trailer", "T", "Expect", "100-continue", "Transfer-Encoding", "chunked"}},
    {"OPTIONS * HTTP/1.1\r\nMax-Forwards: 7\r\nHost: a\r\nX-Forwarded-Port: 1\r\n\r\n",
     false,
     false,
     {"Host", "a", "Max-Forwards", "6"}},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Port: 1\r\nForwarded: for=b\r\nClient-Cert: "
     "c\r\n\r\n",
     true,
     false,
     {"Host", "a", "X-Forwarded-Port", "1"}},
    {"GET / HTTP/1.1\r\nHost: a\r\nX-Gone: 1\r\nX-Set: 2\r\nX: 3\r\nServer: 4\r\n\r\n",
     false,
     true,
     {"Host", "a", "X", "3"}},
};

static void test_requests(void **state) {
    (void)state;
    static const struct config_changes none;
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        const struct request_case *one = &requests[i];
        struct http_request request;
        struct http_refusal refusal;
        struct list list = {.count = 0};
        assert_int_equal(http_parse_request(slice_from(one->head), &fields, &request, &refusal),
                         RESULT_OK);
        http_walk_request(&request, request.authority, one->told, 0,
                          one->changed ? &changes : &none, sink_of(&list));
        assert_list(&list, one->pairs);
    }
}

static void test_set(void **state) {
    (void)state;
    static const char *const pairs[] = {"X-Set", "a: b", "Server", "mine", NULL};
    struct list list = {.count = 0};
    http_walk_set(&changes, sink_of(&list));
    assert_list(&list, pairs);
}

static void test_answers(void **state) {
    (void)state;
    static const struct {
        uint16_t status;
        bool close;
        struct slice extra;
        const char *pairs[PAIRS_MAX];
    } cases[] = {
        {204, false, {"", 0}, {"Date", DATE, "Cache-Control", "no-store"}},
        {405,
         true,
         {"A: \r\nB: c: d\r\n", 14},
         {"Date", DATE, "Cache-Control", "no-store", "Content-Type", "text/html; charset=utf-8",
          "Content-Length", "417", "Connection", "close", "Allow",
          "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", "A", "", "B", "c: d"}},
        // What is no line ends the walk.
        {204, false, {"A: b", 4}, {"Date", DATE, "Cache-Control", "no-store"}},
        {204, false, {"A:\r\nB: c\r\n", 11}, {"Date", DATE, "Cache-Control", "no-store"}},
        {204, false, {"A\r\n", 3}, {"Date", DATE, "Cache-Control", "no-store"}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list list = {.count = 0};
        char first[64], wanted[TEXT_MAX], text[TEXT_MAX];
        http_walk_answer(cases[i].status, cases[i].extra, NULL, cases[i].close, SLICE(DATE),
                         sink_of(&list));
        assert_list(&list, cases[i].pairs);
        (void)snprintf(first, sizeof(first), "HTTP/1.1 %u %s\r\n", cases[i].status,
                       http_reason(cases[i].status));
        size_t size = render(&list, first, wanted);
        assert_int_equal(http_encode_answer(cases[i].status, cases[i].extra, NULL, cases[i].close,
                                            true, SLICE(DATE), text, sizeof(text)),
                         size);
        assert_memory_equal(text, wanted, size);
    }
}

static void test_trailers(void **state) {
    (void)state;
    static const char *const pairs[] = {"X-A", "1", "x-a", "2", NULL};
    const struct slice section = SLICE("X-A:1\r\nx-a:  2 \r\nX-Left: 3\r\n\r\n");
    struct http_field items[LIST_MAX];
    struct http_fields fields = {items, 0, LIST_MAX};
    const char *why;
    struct list list = {.count = 0};
    char text[TEXT_MAX], wanted[TEXT_MAX];
    assert_int_equal(http_parse_trailers(section, &fields, &why), RESULT_OK);
    items[2].hop_by_hop = true;
    http_walk_trailers(&fields, &http_no_changes, sink_of(&list));
    assert_list(&list, pairs);
    size_t size = render(&list, "", wanted);
    assert_int_equal(http_encode_trailers(&fields, NULL, text, sizeof(text)), size);
    assert_memory_equal(text, wanted, size);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_responses), cmocka_unit_test(test_requests),
        cmocka_unit_test(test_set),       cmocka_unit_test(test_answers),
        cmocka_unit_test(test_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
