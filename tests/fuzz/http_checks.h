// What the HTTP fuzzers share: bytes in a block of exactly their size, and the checks that hold for
// every message.
#ifndef RAVELIN_TESTS_HTTP_CHECKS_H
#define RAVELIN_TESTS_HTTP_CHECKS_H

#include "http/encode.h"
#include "http_strict.h"

#define FIELDS_MAX 100
#define OUTPUT_SIZE (2 * HTTP_HEAD_SIZE_MAX)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// In a block of its own, so that the sanitizer sees every look beyond it. free(copy.data) it.
static inline struct slice copy_of(const char *data, size_t size) {
    char *bytes = malloc(size == 0 ? 1 : size);
    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    return (struct slice){bytes, size};
}

// The head at the start of `text` by a plain search, to compare http_head_end() with; 0 when there
// is none.
static inline size_t plain_head_end(struct slice text) {
    for (size_t i = 0; i + 1 < text.size; i++) {
        if (text.data[i] != '\n') {
            continue;
        }
        if (text.data[i + 1] == '\n') {
            return i + 2;
        }
        if (i + 2 < text.size && text.data[i + 1] == '\r' && text.data[i + 2] == '\n') {
            return i + 3;
        }
    }
    return 0;
}

// The end is the same whether it is looked for at once or each time one part more has come.
static inline size_t check_head_end(struct slice text, size_t part) {
    size_t end = plain_head_end(text);
    size_t scanned = 0;
    CHECK(http_head_end(text.data, text.size, &scanned) == end);
    scanned = 0;
    for (size_t size = part; size < text.size; size += part) {
        size_t found = http_head_end(text.data, size, &scanned);
        CHECK(found == (end != 0 && end <= size ? end : 0));
        if (found != 0) {
            return end;
        }
    }
    CHECK(http_head_end(text.data, text.size, &scanned) == end);
    return end;
}

// Each name is a token, no value holds a byte that could end its line or is surrounded by white
// space, and each lies within the head, after the one before.
static inline void check_fields(const struct http_fields *fields, struct slice within,
                                bool request) {
    const char *at = within.data;
    CHECK(fields->count <= fields->capacity);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        CHECK(http_is_token(field->name));
        CHECK(field->name.data >= at);
        CHECK(field->value.data > field->name.data + field->name.size - 1);
        at = field->value.data + field->value.size;
        CHECK(at <= within.data + within.size);
        CHECK(field->id == http_field_lookup(field->name));
        for (size_t j = 0; j < field->value.size; j++) {
            unsigned char byte = (unsigned char)field->value.data[j];
            CHECK((byte >= 0x20 && byte != 0x7f) || byte == '\t' ||
                  (!request && byte != 0 && byte != '\r' && byte != '\n'));
        }
        if (field->value.size > 0) {
            char first = field->value.data[0];
            char last = field->value.data[field->value.size - 1];
            CHECK(first != ' ' && first != '\t' && last != ' ' && last != '\t');
        }
    }
}

// The next field from `from` on that a reader beyond us may see and that is none of `own`.
static inline const struct http_field *next_passing(const struct http_fields *fields,
                                                    uint32_t *from, uint64_t own) {
    while (*from < fields->count) {
        const struct http_field *field = &fields->items[(*from)++];
        if (!field->hop_by_hop && (own & FIELD_BIT(field->id)) == 0) {
            return field;
        }
    }
    return NULL;
}

// Both pass on the same fields in the same order.
static inline void check_same_fields(const struct http_fields *received,
                                     const struct http_fields *sent, uint64_t own) {
    uint32_t i = 0;
    uint32_t j = 0;
    for (;;) {
        const struct http_field *a = next_passing(received, &i, own);
        const struct http_field *b = next_passing(sent, &j, own);
        CHECK((a == NULL) == (b == NULL));
        if (a == NULL) {
            return;
        }
        CHECK(slice_equal(a->name, b->name) && slice_equal(a->value, b->value));
    }
}

static inline uint32_t count_fields(const struct http_fields *fields, enum http_field_id id) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        count += fields->items[i].id == id ? 1 : 0;
    }
    return count;
}

// --- requests ---

#define REQUEST_OURS                                                                               \
    (FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_EXPECT) | FIELD_BIT(FIELD_FORWARDED) |      \
     FIELD_BIT(FIELD_HOST) | FIELD_BIT(FIELD_X_FORWARDED_FOR) | FIELD_BIT(FIELD_MAX_FORWARDS) |    \
     FIELD_BIT(FIELD_X_FORWARDED_HOST) | FIELD_BIT(FIELD_X_FORWARDED_OTHER) |                      \
     FIELD_BIT(FIELD_X_FORWARDED_PROTO) | FIELD_BIT(FIELD_X_REAL_IP) |                             \
     FIELD_BIT(FIELD_X_TLS_FACTS) | FIELD_BIT(FIELD_CLIENT_CERT) |                                 \
     FIELD_BIT(FIELD_CLIENT_CERT_CHAIN) | FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_FINGERPRINT) |      \
     FIELD_BIT(FIELD_X_CLIENT_CERTIFICATE_SUBJECT))

static const struct http_forwarding forwarding = {.client_host = {"2001:db8::1", 11},
                                                  .proto = {"https", 5}};

// What we send for a request parses, under the same rules, to the same request, and to nothing
// more.
static inline void check_request(const struct http_request *request) {
    static char output[OUTPUT_SIZE];
    struct http_field items[FIELDS_MAX + 8];
    struct http_fields fields = {items, 0, FIELDS_MAX + 8};
    struct http_request again;
    struct http_refusal refusal = {.why = ""};
    size_t size = http_encode_request(request, &forwarding, SLICE("default"), output, OUTPUT_SIZE);
    size_t scanned = 0;
    struct strict_message message;
    CHECK(size > 0 && http_head_end(output, size, &scanned) == size);
    strict_request_head(output, size, &message);
    CHECK(message.head_size == size);
    CHECK((message.counts[STRICT_TRANSFER_ENCODING] == 1) == (request->framing == FRAMING_CHUNKED));
    CHECK(request->framing != FRAMING_LENGTH ||
          (message.counts[STRICT_CONTENT_LENGTH] == 1 &&
           strict_length(&message) == request->content_length));
    if (size > HTTP_HEAD_SIZE_MAX) {
        return; // our additions made it longer than the parser takes
    }
    enum result result =
        http_parse_request((struct slice){output, size}, &fields, &again, &refusal);
    if (result != RESULT_OK) {
        fprintf(stderr, "%s:\n%.*s", refusal.why, (int)size, output);
    }
    CHECK(result == RESULT_OK);
    struct slice host = request->authority.size > 0 ? request->authority : SLICE("default");
    CHECK(slice_equal(again.method, request->method));
    CHECK(slice_equal(again.target, request->path));
    CHECK(slice_equal(again.authority, host));
    CHECK(again.minor_version == 1);
    CHECK(again.framing == request->framing && again.content_length == request->content_length);
    CHECK(again.keep_alive);
    CHECK(again.is_head == request->is_head && again.idempotent == request->idempotent);
    CHECK(again.upgrade == request->upgrade);
    CHECK(again.expects_continue == request->expects_continue);
    CHECK(slice_equal(again.protocols, request->protocols));
    CHECK(again.max_forwards ==
          (request->max_forwards > 0 ? request->max_forwards - 1 : request->max_forwards));
    CHECK(count_fields(&fields, FIELD_HOST) == 1);
    CHECK(count_fields(&fields, FIELD_X_FORWARDED_FOR) == 1);
    CHECK(count_fields(&fields, FIELD_X_FORWARDED_HOST) == 1);
    CHECK(count_fields(&fields, FIELD_X_FORWARDED_PROTO) == 1);
    CHECK(count_fields(&fields, FIELD_FORWARDED) == 1);
    CHECK(count_fields(&fields, FIELD_LOOKALIKE) == 0);
    CHECK(count_fields(&fields, FIELD_CONNECTION) == (request->upgrade ? 1 : 0));
    CHECK(request->upgrade || count_fields(&fields, FIELD_UPGRADE) == 0);
    check_same_fields(request->fields, &fields, REQUEST_OURS);
}

// --- responses ---

// http-parser takes such a name for Transfer-Encoding and refuses it beside a Content-Length, which
// a 205 gets from us.
static inline bool has_longer_transfer_encoding(const struct http_fields *fields) {
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_begins_nocase(fields->items[i].name, SLICE("transfer-encoding")) &&
            fields->items[i].id != FIELD_TRANSFER_ENCODING) {
            return true;
        }
    }
    return false;
}

// What we send for a response parses, for the same request, to the same response framed as asked
// for.
static inline void check_response(const struct http_response *response, size_t received_size,
                                  bool request_is_head, struct http_response_framing framing) {
    static char output[OUTPUT_SIZE];
    struct http_field items[FIELDS_MAX + 8];
    struct http_fields fields = {items, 0, FIELDS_MAX + 8};
    struct http_response again;
    struct http_refusal refusal = {.why = ""};
    bool final = response->status < 100 || response->status >= 200;
    bool bodiless = !final || response->status == 204 || response->status == 205 ||
                    response->status == 304 || request_is_head;
    framing.write_chunked =
        framing.write_chunked && final && response->status != 204 && response->status != 205;
    size_t size = http_encode_response(response, &framing, SLICE("Mon, 23 Nov 2026 06:00:00 GMT"),
                                       output, OUTPUT_SIZE);
    size_t scanned = 0;
    struct strict_message message;
    CHECK(size > 0 && http_head_end(output, size, &scanned) == size);
    strict_response_head(output, size, &message);
    CHECK(message.head_size == size);
    CHECK(size <= received_size + HTTP_RESPONSE_GROWTH_MAX + (size_t)2 * response->fields->count);
    if (size > HTTP_RESPONSE_HEAD_SIZE_MAX || has_longer_transfer_encoding(response->fields)) {
        return;
    }
    struct slice protocols =
        response->status == 101 ? SLICE("websocket, a/1") : (struct slice){NULL, 0};
    enum result result = http_parse_response((struct slice){output, size}, request_is_head,
                                             protocols, &fields, &again, &refusal);
    if (result != RESULT_OK) {
        fprintf(stderr, "%s:\n%.*s", refusal.why, (int)size, output);
    }
    CHECK(result == RESULT_OK);
    CHECK(again.status == response->status && slice_equal(again.reason, response->reason));
    CHECK(again.interim == response->interim);
    CHECK(again.declared_chunked == framing.write_chunked);
    CHECK(again.has_declared_length == (response->has_declared_length && !framing.write_chunked));
    CHECK(!again.has_declared_length || again.declared_length == response->declared_length);
    CHECK(!bodiless || again.framing == response->framing);
    CHECK(bodiless || !framing.write_chunked || again.framing == FRAMING_CHUNKED);
    CHECK(!final || again.framing == FRAMING_CLOSE || again.keep_alive == !framing.close);
    CHECK(count_fields(&fields, FIELD_CONNECTION) <= 1);
    CHECK(count_fields(&fields, FIELD_DATE) >= (final ? 1 : 0) ||
          count_fields(response->fields, FIELD_DATE) > 0);
    check_same_fields(response->fields, &fields,
                      FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_DATE) |
                          FIELD_BIT(FIELD_SERVER));
}

#endif
