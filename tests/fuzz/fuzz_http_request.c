// A client's bytes: empty lines, then a head, then whatever comes next. The first byte chooses how they are cut.
#include "http_checks.h"

static void read_request(struct slice head) {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    struct http_request request;
    struct http_refusal refusal = {0, NULL};
    memset(&request, 0xff, sizeof request);
    if (http_parse_request(head, &fields, &request, &refusal) != RESULT_OK) {
        CHECK(refusal.why != NULL);
        CHECK(refusal.status == 400 || refusal.status == 405 || refusal.status == 417 ||
              refusal.status == 431 || refusal.status == 501 || refusal.status == 505);
        return;
    }
    check_fields(&fields, head);
    CHECK(request.fields == &fields);
    CHECK(request.path.data[0] == '/' || slice_equal(request.path, SLICE("*")));
    CHECK(request.minor_version == 0 || request.authority.size > 0);
    CHECK(request.framing == FRAMING_NONE || request.framing == FRAMING_LENGTH ||
          request.framing == FRAMING_CHUNKED);
    CHECK((request.content_length > 0) == (request.framing == FRAMING_LENGTH));
    CHECK(!request.upgrade || request.framing == FRAMING_NONE);
    check_request(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct slice text = copy_of((const char *)data + 1, size - 1);
    uint8_t lines = 0;
    size_t skipped = http_skip_empty_lines(text.data, text.size, &lines);
    CHECK(lines <= 8 && skipped == 2 * (size_t)lines && skipped <= text.size);
    struct slice rest = {text.data + skipped, text.size - skipped};
    size_t end = check_head_end(rest, 1 + data[0]);
    (void)http_oversize_status(rest.data, rest.size);
    struct slice head = copy_of(rest.data, end == 0 ? rest.size : end);
    read_request(head);
    free((char *)head.data);
    free((char *)text.data);
    return 0;
}
