// A server's bytes. The first byte chooses what the request was and how the answer is to be framed
// toward the client.
#include "http_checks.h"

static bool read_response(struct slice head, uint8_t options) {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    struct http_response response;
    struct http_refusal refusal = {.why = NULL};
    bool is_head = (options & 1) != 0;
    bool upgrade_asked = (options & 2) != 0;
    memset(&response, 0xff, sizeof response);
    struct slice protocols = upgrade_asked ? SLICE("websocket, a/1") : (struct slice){NULL, 0};
    if (http_parse_response(head, is_head, protocols, &fields, &response, &refusal) != RESULT_OK) {
        CHECK(refusal.why != NULL);
        CHECK(refusal.byte == NULL ||
              (refusal.byte >= head.data && refusal.byte <= head.data + head.size));
        return false;
    }
    check_fields(&fields, head, false);
    CHECK(response.fields == &fields);
    CHECK(response.status <= 999);
    CHECK(response.status != 101 || upgrade_asked);
    CHECK((response.framing == FRAMING_TUNNEL) == (response.status == 101));
    CHECK((response.content_length > 0) == (response.framing == FRAMING_LENGTH));
    CHECK(!is_head || response.framing == FRAMING_NONE || response.framing == FRAMING_TUNNEL);
    CHECK(!response.keep_alive ||
          (response.framing != FRAMING_CLOSE && response.framing != FRAMING_TUNNEL));
    const struct http_response_framing framing = {
        .client_minor_version = (options & 4) != 0 ? 0 : 1,
        .close = (options & 8) != 0,
        .write_chunked = (options & 16) != 0,
    };
    check_response(&response, head.size, is_head, framing);
    return true;
}

// A head is not refused early when the whole of it is then taken.
static void check_parts(struct slice head, bool accepted, size_t step) {
    struct http_part part = {0, false};
    enum result result = RESULT_OK;
    for (size_t size = 1; size < head.size && result == RESULT_OK; size += step) {
        struct http_refusal refusal = {.why = NULL};
        result = http_check_response_part(head.data, size, &part, &refusal);
        CHECK(result == RESULT_OK || (!accepted && refusal.why != NULL));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct slice text = copy_of((const char *)data + 1, size - 1);
    size_t end = check_head_end(text, 1 + data[0]);
    struct slice head = copy_of(text.data, end == 0 ? text.size : end);
    check_parts(head, read_response(head, data[0]), 1 + (size_t)data[0]);
    free((char *)head.data);
    free((char *)text.data);
    return 0;
}
