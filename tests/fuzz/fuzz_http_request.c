// A client's bytes: empty lines, then a head, then a body and whatever comes next. What we send for
// them is, to a strict reader, one message with that body. The first byte chooses how the bytes are
// cut.
#include "http/chunk.h"
#include "http/glance.h"
#include "http_checks.h"

struct output {
    char *bytes;
    size_t size;
    char *data; // the body alone
    size_t data_size;
};

static void put(struct output *output, const char *bytes, size_t size) {
    memcpy(output->bytes + output->size, bytes, size);
    output->size += size;
}

static void put_data(struct output *output, const char *bytes, size_t size) {
    memcpy(output->data + output->data_size, bytes, size);
    output->data_size += size;
}

static void put_chunk(struct output *output, const char *data, size_t size) {
    char line[CHUNK_LINE_SIZE];
    char *start = chunk_write_size(line + sizeof line, size);
    put(output, start, (size_t)(line + sizeof line - start));
    put(output, data, size);
    put(output, "\r\n", 2);
    put_data(output, data, size);
}

// The trailer section at the start of `rest`. False: it is malformed or not whole.
static bool put_trailers(struct output *output, struct slice rest) {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    const char *why;
    size_t scanned = 0;
    size_t size = http_trailers_end(rest.data, rest.size, &scanned);
    if (size == 0 ||
        http_parse_trailers((struct slice){rest.data, size}, &fields, &why) != RESULT_OK) {
        return false;
    }
    put(output, "0\r\n", 3);
    size_t encoded =
        http_encode_trailers(&fields, NULL, output->bytes + output->size, size + fields.count + 2);
    CHECK(encoded > 0);
    output->size += encoded;
    return true;
}

// As the relay does it, with the bytes coming in parts. False: the body is malformed or not whole.
static bool put_chunks(struct output *output, struct slice rest, size_t part) {
    struct chunk_decoder decoder;
    chunk_decoder_init(&decoder);
    for (size_t at = 0; at < rest.size;) {
        enum chunk_span span;
        size_t length;
        const char *why;
        size_t size = rest.size - at < part ? rest.size - at : part;
        if (chunk_next(&decoder, rest.data + at, size, &span, &length, &why) != RESULT_OK) {
            return false;
        }
        if (span == CHUNK_TRAILERS) {
            return put_trailers(output, (struct slice){rest.data + at, rest.size - at});
        }
        if (span == CHUNK_DATA) {
            put_chunk(output, rest.data + at, length);
        }
        at += length;
    }
    return false;
}

static bool put_body(struct output *output, const struct http_request *request, struct slice rest,
                     size_t part) {
    if (request->framing == FRAMING_CHUNKED) {
        return put_chunks(output, rest, part);
    }
    size_t length = (size_t)request->content_length;
    if (length > rest.size) {
        return false;
    }
    put(output, rest.data, length);
    put_data(output, rest.data, length);
    return true;
}

static void forward(const struct http_request *request, struct slice rest, size_t part) {
    size_t capacity = OUTPUT_SIZE + rest.size * (CHUNK_LINE_SIZE + 3);
    struct output output = {malloc(capacity), 0, malloc(rest.size + 1), 0};
    char *data = malloc(capacity);
    CHECK(output.bytes != NULL && output.data != NULL && data != NULL);
    output.size =
        http_encode_request(request, &forwarding, SLICE("default"), output.bytes, OUTPUT_SIZE);
    if (put_body(&output, request, rest, part)) {
        struct strict_message message;
        strict_request(output.bytes, output.size, data, &message);
        CHECK(message.body_size == output.data_size);
        CHECK(memcmp(data, output.data, output.data_size) == 0);
    }
    free(output.bytes);
    free(output.data);
    free(data);
}

static void read_request(struct slice head, struct slice rest, size_t part) {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    struct http_request request;
    struct http_refusal refusal = {.why = NULL};
    memset(&request, 0xff, sizeof request);
    if (http_parse_request(head, &fields, &request, &refusal) != RESULT_OK) {
        CHECK(refusal.why != NULL);
        CHECK(refusal.status == 400 || refusal.status == 405 || refusal.status == 417 ||
              refusal.status == 431 || refusal.status == 501 || refusal.status == 505);
        return;
    }
    check_fields(&fields, head, true);
    CHECK(request.fields == &fields);
    CHECK(request.path.data[0] == '/' || slice_equal(request.path, SLICE("*")));
    CHECK(request.path_size > 0 && request.path_size <= request.path.size);
    CHECK(request.path_size == request.path.size || request.path.data[request.path_size] == '?');
    CHECK(memchr(request.path.data, '?', request.path_size) == NULL);
    CHECK(request.minor_version == 0 || request.authority.size > 0);
    CHECK(request.framing == FRAMING_NONE || request.framing == FRAMING_LENGTH ||
          request.framing == FRAMING_CHUNKED);
    CHECK((request.content_length > 0) == (request.framing == FRAMING_LENGTH));
    CHECK(request.upgrade == (request.protocols.size > 0));
    check_request(&request);
    forward(&request, rest, part);
}

// A head is not refused early when the whole of it is then taken, and early means the same however
// it comes. A few dozen parts: each is also looked at from the beginning.
static void check_parts(struct slice head, bool accepted, size_t step) {
    struct http_part part = {0, false};
    step = step > head.size / 32 ? step : head.size / 32;
    for (size_t size = 1; size < head.size; size += step) {
        struct http_part anew = {0, false};
        struct http_refusal refusal;
        enum result result = http_check_request_part(head.data, size, &part, &refusal);
        CHECK(result == http_check_request_part(head.data, size, &anew, &refusal));
        CHECK(result == RESULT_OK || !accepted);
        if (result != RESULT_OK) {
            CHECK(refusal.why != NULL && refusal.status >= 400 && refusal.status <= 505);
            return;
        }
    }
}

// What the logs tell of it lies within its bytes, and agrees with the strict reading of a head that
// is accepted.
static void check_glance(struct slice head, bool accepted) {
    struct http_glance glance = http_glance(head);
    const struct slice parts[] = {glance.line, glance.method,  glance.target,    glance.protocol,
                                  glance.host, glance.referer, glance.user_agent};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        CHECK(parts[i].size <= HTTP_GLANCE_LINE_MAX);
        CHECK(parts[i].size == 0 || (parts[i].data >= head.data &&
                                     parts[i].data + parts[i].size <= head.data + head.size));
        CHECK(parts[i].size == 0 || memchr(parts[i].data, '\n', parts[i].size) == NULL);
    }
    CHECK(!accepted || (glance.method.size > 0 && glance.target.size > 0));
    CHECK(!accepted || slice_equal(glance.protocol, SLICE("HTTP/1.1")) ||
          slice_equal(glance.protocol, SLICE("HTTP/1.0")));
}

static bool is_accepted(struct slice head) {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields = {items, 0, FIELDS_MAX};
    struct http_request request;
    struct http_refusal refusal;
    return http_parse_request(head, &fields, &request, &refusal) == RESULT_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct slice text = copy_of((const char *)data + 1, size - 1);
    size_t part = 1 + (size_t)data[0];
    uint8_t lines = 0;
    size_t skipped = http_skip_empty_lines(text.data, text.size, &lines);
    CHECK(lines <= 8 && skipped == 2 * (size_t)lines && skipped <= text.size);
    struct slice rest = {text.data + skipped, text.size - skipped};
    size_t end = check_head_end(rest, part);
    (void)http_oversize_status(rest.data, rest.size);
    struct slice head = copy_of(rest.data, end == 0 ? rest.size : end);
    read_request(head, (struct slice){rest.data + end, end == 0 ? 0 : rest.size - end}, part);
    check_parts(head, is_accepted(head), part);
    check_glance(head, is_accepted(head));
    free((char *)head.data);
    free((char *)text.data);
    return 0;
}
