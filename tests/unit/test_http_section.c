// Where a head or a trailer section ends, how large it may be, and what a trailer section may hold.
#include "http_cases.h"

// A head of exactly `size` bytes.
static struct slice long_head(size_t size) {
    char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, 'x', size);
    put(bytes, SLICE("GET / HTTP/1.1\r\nHost: a\r\nX: "));
    put(bytes + size - 4, SLICE("\r\n\r\n"));
    return (struct slice){bytes, size};
}

static void bounds_the_head(void **state) {
    (void)state;
    struct http_field items[3];
    struct http_fields fields = {items, 0, 3};
    struct http_request request;
    struct http_refusal refusal;
    struct slice head = long_head(HTTP_HEAD_SIZE_MAX);
    assert_int_equal(http_parse_request(head, &fields, &request, &refusal), RESULT_OK);
    free((char *)head.data);
    head = long_head(HTTP_HEAD_SIZE_MAX + 1);
    assert_int_equal(http_parse_request(head, &fields, &request, &refusal), RESULT_ERROR);
    assert_int_equal(refusal.status, 431);
    free((char *)head.data);
}

static void chooses_the_oversize_status(void **state) {
    (void)state;
    assert_int_equal(http_oversize_status("GET /aaaa", 9), 414);
    assert_int_equal(http_oversize_status("GET / HTTP/1.1\r\nA: aa", 21), 431);
    assert_int_equal(http_oversize_status("GET / HTTP/1.1\r\n", 15), 414);
    assert_int_equal(http_oversize_status("", 0), 414);
}

// However the bytes arrive, the end is the same, and is found as soon as it is there.
static void check_end(struct slice text, size_t end,
                      size_t (*search)(const char *, size_t, size_t *)) {
    for (size_t step = 1; step <= text.size; step++) {
        size_t scanned = 0;
        size_t found = 0;
        for (size_t size = step; found == 0 && size < text.size + step; size += step) {
            struct slice part =
                copy_of((struct slice){text.data, size < text.size ? size : text.size});
            found = search(part.data, part.size, &scanned);
            assert_true(scanned <= part.size);
            assert_int_equal(found, end != 0 && part.size >= end ? end : 0);
            free((char *)part.data);
        }
        assert_int_equal(found, end);
    }
}

static void finds_the_end(void **state) {
    (void)state;
    check_end(SLICE("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest"), 27, http_head_end);
    check_end(SLICE("A: b\r\n\r\nC: d\r\n\r\n"), 8, http_head_end);
    check_end(SLICE("GET / HTTP/1.1\n\nrest"), 16, http_head_end);
    check_end(SLICE("GET / HTTP/1.1\r\n\nrest"), 17, http_head_end);
    check_end(SLICE("GET / HTTP/1.1\n\r\nrest"), 17, http_head_end);
    check_end(SLICE("a\r\n\r\r\n\r\n"), 8, http_head_end);
    check_end(SLICE("a\r\nb\r\nc\r\r\nd\r"), 0, http_head_end);
    check_end(SLICE("\r\n\r\n"), 4, http_head_end);
    check_end(SLICE("\r\nA: b"), 2, http_trailers_end);
    check_end(SLICE("\nA: b"), 1, http_trailers_end);
    check_end(SLICE("A: b\r\nC: d\r\n\r\nGET"), 14, http_trailers_end);
    check_end(SLICE("\rA\r\n"), 0, http_trailers_end);
}

static size_t skip_lines(const char *data, size_t size, uint8_t before, uint8_t after) {
    uint8_t skipped = before;
    size_t bytes = http_skip_empty_lines(data, size, &skipped);
    assert_int_equal(skipped, after);
    return bytes;
}

static void skips_empty_lines(void **state) {
    (void)state;
    static const char nine[] = "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";
    assert_int_equal(skip_lines("", 0, 0, 0), 0);
    assert_int_equal(skip_lines("GET", 3, 0, 0), 0);
    assert_int_equal(skip_lines("\r", 1, 0, 0), 0);
    assert_int_equal(skip_lines("\r\n", 2, 0, 1), 2);
    assert_int_equal(skip_lines("\n\n", 2, 0, 0), 0);
    assert_int_equal(skip_lines("\r\nGET", 5, 3, 4), 2);
    assert_int_equal(skip_lines("\r\n\r\n\rG", 6, 0, 2), 4);
    assert_int_equal(skip_lines(nine, 18, 0, 8), 16);
    assert_int_equal(skip_lines(nine, 18, 6, 8), 4);
    assert_int_equal(skip_lines(nine, 18, 8, 8), 0);
}

static void looks_at_a_request_early(void **state) {
    (void)state;
    static const struct {
        struct slice text;
        uint16_t status; // 0: nothing is wrong so far
    } cases[] = {
        {SLICE("G"), 0},
        {SLICE("GET"), 0},
        {SLICE("GET /a\0b"), 0}, // found when the line is whole
        {SLICE("GET / HTTP/1.1"), 0},
        {SLICE("GET / HTTP/1.1\r"), 0},
        {SLICE("GET / HTTP/1.1\r\n"), 0},
        {SLICE("GET / HTTP/1.1\r\nHost"), 0},
        {SLICE("GET / HTTP/1.1\r\nHost: \xe9\t x\r\nA:\r\n\r"), 0},
        {SLICE("\r"), 0}, // of an empty line, which the caller has not skipped
        {SLICE("\x16\x03\x01"), 400},
        {SLICE(" GET"), 400},
        {SLICE("GET\t"), 400},
        {SLICE("\r\n"), 400},
        {SLICE("GET\r\n"), 400},
        {SLICE("GET /\r\n"), 400},
        {SLICE("GET / HTTP/1.1\rX"), 400},
        {SLICE("GET / HTTP/1.1\n"), 400},
        {SLICE("GET / HTTP/2.0\r\n"), 505},
        {SLICE("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"), 501},
        {SLICE("GET / HTTP/1.1\r\nHost "), 400},
        {SLICE("GET / HTTP/1.1\r\n A"), 400},
        {SLICE("GET / HTTP/1.1\r\n:"), 400},
        {SLICE("GET / HTTP/1.1\r\nA\r"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\n"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\rc"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\0"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\x7f"), 400},
        {SLICE("GET / HTTP/1.1\r\nA: b\r\n\r\r"), 400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice text = copy_of(cases[i].text);
        enum result expected = cases[i].status == 0 ? RESULT_OK : RESULT_ERROR;
        struct http_part whole = {0, false};
        struct http_refusal refusal = {.why = ""};
        assert_int_equal(http_check_request_part(text.data, text.size, &whole, &refusal), expected);
        assert_true(cases[i].status == 0 || refusal.status == cases[i].status);
        struct http_part bytes = {0, false};
        enum result result = RESULT_OK;
        for (size_t size = 1; size <= text.size && result == RESULT_OK; size++) {
            result = http_check_request_part(text.data, size, &bytes, &refusal);
        }
        assert_int_equal(result, expected);
        free((char *)text.data);
    }
}

static void looks_at_a_response_early(void **state) {
    (void)state;
    static const struct {
        struct slice text;
        bool fine;
    } cases[] = {
        {SLICE("H"), true},
        {SLICE("HTTP/1."), true},
        {SLICE("HTTP/1.0 200 O\r"), true},
        {SLICE("HTTP/1.1 200 OK\r\n"), true},
        {SLICE("HTTP/1.1 200 OK\r\nA: b\r\n\r"), true},
        {SLICE("X"), false},
        {SLICE("\r\n"), false},
        {SLICE("HTTP/2"), true},
        {SLICE("HTTP/2\r\n"), false},
        {SLICE("HTTP/1.1 200 OK\rA"), false},
        {SLICE("HTTP/1.1 2000\r\n"), false},
        {SLICE("HTTP/1.1 200 OK\n"), true},
        {SLICE("HTTP/1.1 200 OK\r\n A"), false},
        {SLICE("HTTP/1.1 200 OK\r\nA: b\nC: \x01"), true},
        {SLICE("HTTP/1.1 200 OK\r\nA: b\0"), false},
        {SLICE("HTTP/1.1 200 OK\r\nA b"), false},
        {SLICE("HTTP/1.1 200 OK\r\n: b"), false},
        {SLICE("HTTP/1.1 200 OK\r\nA: b\r\n\r\r"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice text = copy_of(cases[i].text);
        struct http_part part = {0, false};
        struct http_refusal refusal = {.why = NULL};
        enum result result = http_check_response_part(text.data, text.size, &part, &refusal);
        assert_int_equal(result, cases[i].fine ? RESULT_OK : RESULT_ERROR);
        assert_true(cases[i].fine || (refusal.why != NULL && refusal.byte >= text.data &&
                                      refusal.byte < text.data + text.size));
        free((char *)text.data);
    }
}

static void looks_at_trailers_early(void **state) {
    (void)state;
    const char *why = NULL;
    struct http_part part = {0, false};
    assert_int_equal(http_check_trailers_part("A: b", 4, &part, &why), RESULT_OK);
    assert_int_equal(http_check_trailers_part("A: b\r\n\r", 7, &part, &why), RESULT_OK);
    assert_int_equal(http_check_trailers_part("A: b\r\n\rx", 8, &part, &why), RESULT_ERROR);
    assert_string_equal(why, "bare CR");
    part = (struct http_part){0, false};
    assert_int_equal(http_check_trailers_part(" A", 2, &part, &why), RESULT_ERROR);
}

struct section {
    struct slice text;
    const char *why; // NULL: accepted
};

#define TRAILERS(text, cause)                                                                      \
    { {text, sizeof(text) - 1}, cause }
#define BARRED "field that must not be in a trailer section"

static const struct section sections[] = {
    TRAILERS("\r\n", NULL),
    TRAILERS("X-Checksum: 12\r\n\r\n", NULL),
    TRAILERS("Server-Timing: a;dur=1\r\nServer-Timing: b\r\n\r\n", NULL),
    TRAILERS("ETag: \"a\"\r\nDigest:\r\n\r\n", NULL),
    TRAILERS("grpc-status: 0\r\nServer: a\r\n\r\n", NULL),
    TRAILERS("Content-Length: 5\r\n\r\n", BARRED),
    TRAILERS("content-length: x\r\n\r\n", BARRED),
    TRAILERS("Transfer-Encoding: chunked\r\n\r\n", BARRED),
    TRAILERS("X: 1\r\nHost: a\r\n\r\n", BARRED),
    TRAILERS("Connection: close\r\n\r\n", BARRED),
    TRAILERS("Keep-Alive: 1\r\n\r\n", BARRED),
    TRAILERS("Trailer: X\r\n\r\n", BARRED),
    TRAILERS("TE: trailers\r\n\r\n", BARRED),
    TRAILERS("Upgrade: x\r\n\r\n", BARRED),
    TRAILERS("Expect: 100-continue\r\n\r\n", BARRED),
    TRAILERS("Date: x\r\n\r\n", BARRED),
    TRAILERS("Forwarded: for=1\r\n\r\n", BARRED),
    TRAILERS("X-Forwarded-For: 1\r\n\r\n", BARRED),
    TRAILERS("X_Forwarded_For: 1\r\n\r\n", BARRED),
    TRAILERS("Authorization: x\r\n\r\n", BARRED),
    TRAILERS("Cookie: x\r\n\r\n", BARRED),
    TRAILERS("Set-Cookie: x\r\n\r\n", BARRED),
    TRAILERS("Content-Type: x\r\n\r\n", BARRED),
    TRAILERS("Content-Encoding: x\r\n\r\n", BARRED),
    TRAILERS("Content-Range: x\r\n\r\n", BARRED),
    TRAILERS("Cache-Control: x\r\n\r\n", BARRED),
    TRAILERS("Location: x\r\n\r\n", BARRED),
    TRAILERS("If-Match: x\r\n\r\n", BARRED),
    TRAILERS("WWW-Authenticate: x\r\n\r\n", BARRED),
    TRAILERS("Proxy-Authenticate: x\r\n\r\n", BARRED),
    TRAILERS("X : 1\r\n\r\n", "space before the colon of a field"),
    TRAILERS("X: 1\r\n 2\r\n\r\n", "folded field line"),
    TRAILERS("X: 1\n\r\n", "bare LF"),
    TRAILERS("X: 1\r\n\n", "field line without a colon"),
    TRAILERS("X: \0\r\n\r\n", "control byte in a field value"),
    TRAILERS("\n", "field line without a colon"),
    TRAILERS("", "head without an end"),
    TRAILERS("\r", "head without an end"),
    TRAILERS("\r\nX: 1\r\n", "bare CR, or bytes after the empty line"),
    TRAILERS("X: 1\r\n", "head without an empty line"),
    TRAILERS("A:\r\nB:\r\nC:\r\nD:\r\n\r\n", "too many fields"),
};

static void reads_trailers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++) {
        struct http_field items[3];
        struct http_fields fields = {items, 0, 3};
        const char *why = NULL;
        struct slice section = copy_of(sections[i].text);
        enum result result = http_parse_trailers(section, &fields, &why);
        const char *wanted = sections[i].why;
        if (result != (wanted == NULL ? RESULT_OK : RESULT_ERROR) ||
            (wanted != NULL && strcmp(why, wanted) != 0)) {
            fail_msg("\"%s\": %s", sections[i].text.data, result == RESULT_OK ? "accepted" : why);
        }
        free((char *)section.data);
    }
}

static void bounds_the_trailers(void **state) {
    (void)state;
    struct http_field items[3];
    struct http_fields fields = {items, 0, 3};
    const char *why = "";
    for (size_t over = 0; over < 2; over++) {
        size_t size = HTTP_RESPONSE_HEAD_SIZE_MAX + over;
        char *section = malloc(size);
        assert_non_null(section);
        memset(section, 'x', size);
        section[1] = ':';
        put(section + size - 4, SLICE("\r\n\r\n"));
        assert_int_equal(http_parse_trailers((struct slice){section, size}, &fields, &why),
                         over == 0 ? RESULT_OK : RESULT_ERROR);
        free(section);
    }
    assert_string_equal(why, "trailer section over 256 KiB");
}

static void gives_the_trailers(void **state) {
    (void)state;
    struct http_field items[3];
    struct http_fields fields = {items, 0, 3};
    const char *why;
    assert_int_equal(http_parse_trailers(SLICE("A: 1\r\nb:2 \r\n\r\n"), &fields, &why), RESULT_OK);
    assert_int_equal(fields.count, 2);
    assert_slice(items[0].name, "A");
    assert_slice(items[0].value, "1");
    assert_slice(items[1].name, "b");
    assert_slice(items[1].value, "2");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_the_head),
        cmocka_unit_test(chooses_the_oversize_status),
        cmocka_unit_test(finds_the_end),
        cmocka_unit_test(skips_empty_lines),
        cmocka_unit_test(looks_at_a_request_early),
        cmocka_unit_test(looks_at_a_response_early),
        cmocka_unit_test(looks_at_trailers_early),
        cmocka_unit_test(reads_trailers),
        cmocka_unit_test(gives_the_trailers),
        cmocka_unit_test(bounds_the_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
