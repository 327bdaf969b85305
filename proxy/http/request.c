#include "http/request.h"

#include "http/bytes.h"
#include "http/connection.h"
#include "http/target.h"

#define DIGITS_MAX 18

static struct slice first_value(const struct http_index *index, enum http_field_id id) {
    return http_has(index, id) ? index->first[id]->value : (struct slice){NULL, 0};
}

// --- framing ---

static bool parse_digits(struct slice value, uint64_t *number) {
    if (value.size == 0 || value.size > DIGITS_MAX) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (!http_byte_is(value.data[i], BYTE_DIGIT)) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(value.data[i] - '0');
    }
    return true;
}

struct codings {
    uint32_t count;
    uint32_t chunked_count;
    bool chunked_last;
};

static bool on_coding(struct slice item, void *context) {
    struct codings *codings = context;
    const char *semicolon = memchr(item.data, ';', item.size);
    struct slice name = item;
    if (semicolon != NULL) {
        name.size = (size_t)(semicolon - item.data);
        while (name.size > 0 &&
               (name.data[name.size - 1] == ' ' || name.data[name.size - 1] == '\t')) {
            name.size--;
        }
    }
    bool chunked = slice_equal_nocase(name, SLICE("chunked"));
    codings->count++;
    codings->chunked_count += chunked ? 1 : 0;
    codings->chunked_last = chunked;
    return http_is_token(name) && !(chunked && semicolon != NULL);
}

// RFC 9112 6.3: a request whose last coding is not chunked has no length and MUST get 400. 6.1: an
// unknown coding before it gets 501.
static enum result check_transfer_encoding(struct slice value, struct http_refusal *refusal) {
    if (slice_equal_nocase(value, SLICE("chunked"))) {
        return RESULT_OK;
    }
    struct codings codings = {0, 0, false};
    if (!http_list_each(value, on_coding, &codings) || codings.count < 2 ||
        codings.chunked_count != 1 || !codings.chunked_last) {
        return http_refuse(refusal, 400, "Transfer-Encoding is not exactly chunked");
    }
    return http_refuse(refusal, 501, "transfer coding other than chunked");
}

static enum result decide_coding(struct http_request *request, const struct http_index *index,
                                 struct http_refusal *refusal) {
    if (http_has(index, FIELD_CONTENT_LENGTH)) {
        return http_refuse(refusal, 400, "both Content-Length and Transfer-Encoding");
    }
    if (request->minor_version == 0) {
        return http_refuse(refusal, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (http_has_repeated(index, FIELD_TRANSFER_ENCODING)) {
        return http_refuse(refusal, 400, "repeated Transfer-Encoding");
    }
    request->framing = FRAMING_CHUNKED;
    return check_transfer_encoding(index->first[FIELD_TRANSFER_ENCODING]->value, refusal);
}

static enum result decide_framing(struct http_request *request, bool body_comes,
                                  const struct http_index *index, struct http_refusal *refusal) {
    request->content_length = 0;
    request->framing = body_comes ? FRAMING_CHUNKED : FRAMING_NONE;
    if (http_has(index, FIELD_CONTENT_LENGTH)) {
        if (http_has_repeated(index, FIELD_CONTENT_LENGTH)) {
            return http_refuse(refusal, 400, "repeated Content-Length");
        }
        if (!parse_digits(index->first[FIELD_CONTENT_LENGTH]->value, &request->content_length)) {
            return http_refuse(refusal, 400, "Content-Length is not 1 to 18 digits");
        }
        request->framing = request->content_length == 0 ? FRAMING_NONE : FRAMING_LENGTH;
    }
    return http_has(index, FIELD_TRANSFER_ENCODING) ? decide_coding(request, index, refusal)
                                                    : RESULT_OK;
}

// --- what the other fields say ---

// Fields with one value that decide about access: two of them would have two meanings.
static enum result check_repetitions(const struct http_index *index, struct http_refusal *refusal) {
    const uint64_t single =
        FIELD_BIT(FIELD_AUTHORIZATION) | FIELD_BIT(FIELD_CONTENT_TYPE) | FIELD_BIT(FIELD_ORIGIN);
    return (index->repeated & single) == 0
               ? RESULT_OK
               : http_refuse(refusal, 400, "repeated Authorization, Content-Type or Origin");
}

static bool is_idempotent(struct slice method) {
    return slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD")) ||
           slice_equal(method, SLICE("OPTIONS")) || slice_equal(method, SLICE("PUT")) ||
           slice_equal(method, SLICE("DELETE"));
}

// Reads how often an OPTIONS may still be forwarded (RFC 9110 7.6.2). Numbers that are too large
// become the largest one.
static enum result decide_max_forwards(struct http_request *request, const struct http_index *index,
                                       struct http_refusal *refusal) {
    request->max_forwards = -1;
    if (!http_has(index, FIELD_MAX_FORWARDS) || !slice_equal(request->method, SLICE("OPTIONS"))) {
        return RESULT_OK;
    }
    uint64_t number;
    if (http_has_repeated(index, FIELD_MAX_FORWARDS) ||
        !parse_digits(index->first[FIELD_MAX_FORWARDS]->value, &number)) {
        return http_refuse(refusal, 400, "malformed or repeated Max-Forwards");
    }
    request->max_forwards = number < INT32_MAX ? (int32_t)number : INT32_MAX;
    return RESULT_OK;
}

static enum result decide_target(struct http_request *request, size_t plain_size,
                                 const struct http_index *index, struct http_refusal *refusal) {
    if (slice_equal(request->method, SLICE("CONNECT"))) {
        return http_refuse(refusal, 501, "CONNECT");
    }
    if (slice_equal(request->method, SLICE("TRACE"))) {
        return http_refuse(refusal, 405, "TRACE");
    }
    if (http_has_repeated(index, FIELD_HOST)) {
        return http_refuse(refusal, 400, "repeated Host");
    }
    if (!http_has(index, FIELD_HOST) && request->minor_version == 1) {
        return http_refuse(refusal, 400, "no Host");
    }
    const struct http_field *host = http_has(index, FIELD_HOST) ? index->first[FIELD_HOST] : NULL;
    const char *why = http_resolve_target(request, plain_size, host);
    return why == NULL ? RESULT_OK : http_refuse(refusal, 400, why);
}

static enum result decide_expect(struct http_request *request, const struct http_index *index,
                                 struct http_refusal *refusal) {
    request->expects_continue = false;
    if (!http_has(index, FIELD_EXPECT)) {
        return RESULT_OK;
    }
    if (http_has_repeated(index, FIELD_EXPECT) ||
        !slice_equal_nocase(index->first[FIELD_EXPECT]->value, SLICE("100-continue"))) {
        return http_refuse(refusal, 417, "Expect other than 100-continue");
    }
    request->expects_continue = request->minor_version == 1 && request->framing != FRAMING_NONE;
    return RESULT_OK;
}

static enum result decide_upgrade(struct http_request *request, const struct http_index *index,
                                  const struct connection *connection,
                                  struct http_refusal *refusal) {
    request->upgrade = false;
    request->protocols = (struct slice){NULL, 0};
    if (!http_has(index, FIELD_UPGRADE) || !connection->upgrade || request->minor_version == 0) {
        return RESULT_OK;
    }
    struct protocols protocols = {0, false, false, NULL};
    for (uint32_t i = 0; i < request->fields->count; i++) {
        const struct http_field *field = &request->fields->items[i];
        if (field->id == FIELD_UPGRADE &&
            !http_list_each(field->value, http_on_protocol, &protocols)) {
            return http_refuse(refusal, 400, "malformed Upgrade");
        }
    }
    if (protocols.count == 0) {
        return http_refuse(refusal, 400, "malformed Upgrade");
    }
    request->upgrade = !protocols.barred && !http_has_repeated(index, FIELD_UPGRADE);
    if (request->upgrade) {
        request->protocols = index->first[FIELD_UPGRADE]->value;
    }
    return RESULT_OK;
}

// --- the whole ---

void http_request_begin(struct http_request *request, const struct http_request_line *line,
                        struct http_fields *fields) {
    request->method = line->method;
    request->target = line->target;
    request->minor_version = line->minor_version;
    request->is_head = slice_equal(line->method, SLICE("HEAD"));
    request->idempotent = is_idempotent(line->method);
    request->fields = fields;
}

enum result http_request_read(struct http_request *request, const struct http_request_line *line,
                              const struct http_index *index, struct http_refusal *refusal) {
    struct connection connection;
    if (check_repetitions(index, refusal) != RESULT_OK ||
        decide_target(request, line->plain_size, index, refusal) != RESULT_OK ||
        http_read_connection(request->fields, index, false, &connection, refusal) != RESULT_OK ||
        decide_framing(request, line->body_comes, index, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    request->referer = first_value(index, FIELD_REFERER);
    request->user_agent = first_value(index, FIELD_USER_AGENT);
    request->has_dav_fields =
        (index->seen & (FIELD_BIT(FIELD_DESTINATION) | FIELD_BIT(FIELD_IF))) != 0;
    request->binds_connection =
        http_has(index, FIELD_AUTHORIZATION) &&
        http_authenticates_connection(index->first[FIELD_AUTHORIZATION]->value);
    request->keep_alive = keeps_alive(&connection, line->minor_version);
    request->body_is_unusual = request->framing != FRAMING_NONE && request->idempotent &&
                               !slice_equal(line->method, SLICE("PUT"));
    if (decide_max_forwards(request, index, refusal) != RESULT_OK ||
        decide_expect(request, index, refusal) != RESULT_OK ||
        decide_upgrade(request, index, &connection, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return RESULT_OK;
}
