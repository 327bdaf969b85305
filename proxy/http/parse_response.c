// Responses and trailer sections: the second part of http/parse.h.
#include "http/connection.h"
#include "http/parse.h"
#include "http/parse_internal.h"

// Persistent-Auth, with any value, is sent by servers that authenticate connections.
static bool binds_connection(const struct http_fields *fields, const struct http_index *index) {
    const uint64_t challenges =
        FIELD_BIT(FIELD_WWW_AUTHENTICATE) | FIELD_BIT(FIELD_PROXY_AUTHENTICATE);
    if ((index->seen & (challenges | FIELD_BIT(FIELD_PERSISTENT_AUTH))) == 0) {
        return false;
    }
    bool binds = http_has(index, FIELD_PERSISTENT_AUTH);
    for (uint32_t i = 0; i < fields->count && !binds; i++) {
        const struct http_field *field = &fields->items[i];
        binds =
            (challenges & FIELD_BIT(field->id)) != 0 && http_authenticates_connection(field->value);
    }
    return binds;
}

static enum result decide_switch(const struct http_response *response,
                                 const struct http_index *index,
                                 const struct connection *connection, struct slice asked,
                                 struct http_refusal *refusal) {
    if (asked.size == 0) {
        return http_refuse(refusal, 502, "101 that was not asked for");
    }
    struct protocols protocols = {0, false, false, &asked};
    if (response->minor_version == 0 || !connection->upgrade || !http_has(index, FIELD_UPGRADE) ||
        http_has_repeated(index, FIELD_UPGRADE) ||
        !http_list_each(index->first[FIELD_UPGRADE]->value, http_on_protocol, &protocols) ||
        protocols.count == 0 || protocols.barred) {
        return http_refuse(refusal, 502, "101 without a proper Upgrade");
    }
    if (protocols.others) {
        return http_refuse(refusal, 502, "101 to a protocol that was not asked for");
    }
    return RESULT_OK;
}

// --- framing ---

struct lengths {
    struct body_length *body;
    struct slice first; // the digits that were met first, without leading zeros
    bool differ;
};

static struct slice strip_zeros(struct slice digits) {
    while (digits.size > 1 && digits.data[0] == '0') {
        digits = (struct slice){digits.data + 1, digits.size - 1};
    }
    return digits;
}

// A number without a sign and without leading zeros, of at most 18 digits.
static inline bool read_number(struct slice digits, uint64_t *number) {
    if (digits.size == 0 || digits.size > 18) {
        return false;
    }
    *number = 0;
    for (size_t i = 0; i < digits.size; i++) {
        if (!http_byte_is(digits.data[i], BYTE_DIGIT)) {
            return false;
        }
        *number = *number * 10 + (uint64_t)(digits.data[i] - '0');
    }
    return true;
}

static bool on_length(struct slice item, void *context) {
    struct lengths *lengths = context;
    uint64_t number;
    item = strip_zeros(item);
    if (!read_number(item, &number)) {
        return false;
    }
    lengths->differ = lengths->first.size > 0 && number != lengths->body->length;
    lengths->first = lengths->first.size > 0 ? lengths->first : item;
    lengths->body->length = number;
    return !lengths->differ;
}

struct codings {
    struct slice chunked;
    uint32_t count;
};

static bool on_coding(struct slice item, void *context) {
    struct codings *codings = context;
    codings->chunked = item;
    return codings->count++ == 0 && slice_equal_nocase(item, SLICE("chunked"));
}

static enum result read_framing_field(const struct http_field *field, struct lengths *lengths,
                                      struct codings *codings, struct http_refusal *refusal) {
    if (field->id == FIELD_CONTENT_LENGTH && lengths->first.size == 0 &&
        read_number(field->value, &lengths->body->length)) { // nearly always
        lengths->first = field->value;
        return RESULT_OK;
    }
    if (field->id == FIELD_CONTENT_LENGTH &&
        (!http_list_each(field->value, on_length, lengths) || lengths->first.size == 0)) {
        return refuse_field(refusal,
                            lengths->differ ? "Content-Length of two values"
                                            : "Content-Length is not a number of 1 to 18 digits",
                            field);
    }
    if (field->id == FIELD_TRANSFER_ENCODING && !http_list_each(field->value, on_coding, codings)) {
        return refuse_field(refusal, "Transfer-Encoding is not exactly chunked", field);
    }
    return RESULT_OK;
}

#define FRAMING_BITS (FIELD_BIT(FIELD_CONTENT_LENGTH) | FIELD_BIT(FIELD_TRANSFER_ENCODING))

// If a field is repeated, every field is read; otherwise the only one.
static enum result read_framing_fields(const struct http_fields *fields,
                                       const struct http_index *index, struct lengths *lengths,
                                       struct codings *codings, struct http_refusal *refusal) {
    enum result result = RESULT_OK;
    if ((index->repeated & FRAMING_BITS) != 0) {
        for (uint32_t i = 0; i < fields->count && result == RESULT_OK; i++) {
            result = read_framing_field(&fields->items[i], lengths, codings, refusal);
        }
        return result;
    }
    if (http_has(index, FIELD_CONTENT_LENGTH)) {
        result = read_framing_field(index->first[FIELD_CONTENT_LENGTH], lengths, codings, refusal);
    }
    if (result == RESULT_OK && http_has(index, FIELD_TRANSFER_ENCODING)) {
        result =
            read_framing_field(index->first[FIELD_TRANSFER_ENCODING], lengths, codings, refusal);
    }
    return result;
}

// The framing of the body as at most one field of each kind; no field: an empty name.
struct framing {
    struct slice digits;
    struct slice coding;
};

// Reads every Content-Length and Transfer-Encoding.
static enum result read_framing(const struct http_fields *fields, const struct http_index *index,
                                struct body_length *body, struct framing *framing,
                                struct http_refusal *refusal) {
    struct lengths lengths = {.body = body};
    struct codings codings = {.count = 0};
    *body = (struct body_length){false, false, 0};
    if ((index->seen & FRAMING_BITS) == 0) {
        return RESULT_OK;
    }
    if (read_framing_fields(fields, index, &lengths, &codings, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    body->has_length = lengths.first.size > 0;
    body->chunked = codings.count > 0;
    framing->digits = lengths.first;
    framing->coding = codings.chunked;
    return body->has_length && body->chunked
               ? refuse_field(refusal, "both Content-Length and Transfer-Encoding",
                              index->first[FIELD_TRANSFER_ENCODING])
               : RESULT_OK;
}

// Compares with the second parser: with the received lines if they are strict, otherwise with the
// canonical fields.
static enum result compare_framing(struct slice section, bool strict,
                                   const struct http_fields *fields, const struct http_index *index,
                                   const struct body_length *body, const struct framing *framing,
                                   struct http_refusal *refusal) {
    if (strict && (index->repeated & FRAMING_BITS) == 0 &&
        http_read_again(section, fields, body, refusal) == RESULT_OK) {
        return RESULT_OK;
    }
    struct http_field canonical[2] = {{.id = FIELD_OTHER}, {.id = FIELD_OTHER}};
    if (body->has_length) {
        canonical[0] = *index->first[FIELD_CONTENT_LENGTH];
        canonical[0].value = framing->digits;
    }
    if (body->chunked) {
        canonical[1] = *index->first[FIELD_TRANSFER_ENCODING];
        canonical[1].value = framing->coding;
    }
    return http_read_framing_again(fields, canonical, body, refusal);
}

static void decide_response_body(struct http_response *response, const struct body_length *body,
                                 bool request_is_head) {
    bool is_1xx = response->status >= 100 && response->status < 200;
    bool is_205 = response->status == 205;
    bool never_body = is_1xx || response->status == 204 || is_205;
    response->interim = is_1xx && response->status != 101;
    response->has_declared_length = (body->has_length && !never_body) || is_205;
    response->declared_length = body->has_length && !never_body ? body->length : 0;
    response->declared_chunked = body->chunked && !never_body;
    response->content_length = 0;
    if (response->status == 101) {
        response->framing = FRAMING_TUNNEL;
    } else if (never_body || request_is_head || response->status == 304) {
        response->framing = FRAMING_NONE;
    } else if (body->chunked) {
        response->framing = FRAMING_CHUNKED;
    } else if (body->has_length) {
        response->framing = body->length == 0 ? FRAMING_NONE : FRAMING_LENGTH;
        response->content_length = body->length;
    } else {
        response->framing = FRAMING_CLOSE;
    }
}

// Whether another request may follow on the connection: the end of this response must be known, and
// no body may arrive that the status excludes.
static bool is_reusable(const struct http_response *response, const struct connection *connection,
                        const struct body_length *body) {
    bool is_205 = response->status == 205;
    bool announces = (response->status == 204 || is_205) && (body->chunked || body->length > 0);
    bool endless_205 = is_205 && !body->chunked && !body->has_length;
    return keeps_alive(connection, response->minor_version) && !connection->odd && !announces &&
           !endless_205 && !(body->chunked && response->minor_version == 0) &&
           response->framing != FRAMING_CLOSE && response->framing != FRAMING_TUNNEL;
}

static size_t scan_status_line(struct slice head, struct http_status_line *line,
                               struct http_refusal *refusal) {
    size_t size = http_scan_status_line(head, line, refusal);
    return size > 0 ? size : http_scan_status_line_tolerantly(head, line, refusal);
}

// *strict: the strict scan accepts them.
static enum result scan_fields(struct slice section, struct http_fields *fields,
                               struct http_index *index, bool *strict,
                               struct http_refusal *refusal) {
    *strict = http_scan_fields(section, fields, index, refusal) == RESULT_OK;
    return *strict ? RESULT_OK : http_scan_fields_tolerantly(section, fields, index, refusal);
}

enum result http_parse_response(struct slice head, bool request_is_head, struct slice protocols,
                                struct http_fields *fields, struct http_response *response,
                                struct http_refusal *refusal) {
    if (head.size > HTTP_RESPONSE_HEAD_SIZE_MAX) {
        return http_refuse(refusal, 502, "head over 256 KiB");
    }
    struct http_status_line line;
    size_t line_size = scan_status_line(head, &line, refusal);
    if (line_size == 0) {
        return RESULT_ERROR;
    }
    response->status = line.status;
    response->reason = line.reason;
    response->minor_version = line.minor_version;
    response->fields = fields;
    struct slice section = {head.data + line_size, head.size - line_size};
    __attribute__((uninitialized)) struct http_index index; // `seen` shows which items are set
    struct connection connection;
    struct body_length body;
    struct framing framing;
    bool strict;
    if (scan_fields(section, fields, &index, &strict, refusal) != RESULT_OK ||
        http_read_connection(fields, &index, true, &connection, refusal) != RESULT_OK ||
        read_framing(fields, &index, &body, &framing, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    decide_response_body(response, &body, request_is_head);
    if ((response->interim || line.status == 101) && line.minor_version == 0) {
        return http_refuse(refusal, 502, "1xx in HTTP/1.0");
    }
    response->binds_connection = binds_connection(fields, &index);
    response->keep_alive = is_reusable(response, &connection, &body);
    if (line.status == 101 &&
        decide_switch(response, &index, &connection, protocols, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return compare_framing(section, strict, fields, &index, &body, &framing, refusal);
}

// --- trailers ---

enum result http_parse_trailers(struct slice section, struct http_fields *fields,
                                const char **why) {
    struct http_refusal refusal = {.status = 400, .why = "trailer section over 256 KiB"};
    const struct body_length no_body = {false, false, 0};
    __attribute__((uninitialized)) struct http_index index; // `seen` shows which items are set
    *why = NULL;
    if (section.size > HTTP_RESPONSE_HEAD_SIZE_MAX ||
        http_scan_fields(section, fields, &index, &refusal) != RESULT_OK) {
        *why = refusal.why;
        return RESULT_ERROR;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if (http_field_is_barred_from_trailers(fields->items[i].name)) {
            *why = "field that must not be in a trailer section";
            return RESULT_ERROR;
        }
    }
    if (http_read_again(section, fields, &no_body, &refusal) != RESULT_OK) {
        *why = refusal.why;
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

enum result http_parse_response_trailers(struct slice section, struct http_fields *fields,
                                         struct http_refusal *refusal) {
    const char *at = section.data;
    const char *end = at + section.size;
    __attribute__((uninitialized)) struct http_index index; // `seen` shows which items are set
    struct slice line;
    http_begin_fields(fields, &index);
    while (http_next_line(&at, end, &line) && line.size > 0) {
        struct slice name, value;
        const char *cr = memchr(line.data, '\r', line.size);
        if (cr != NULL) {
            *refusal =
                (struct http_refusal){.status = 502, .why = "bare CR in a trailer", .byte = cr};
            return RESULT_ERROR;
        }
        if (http_split_field(line, &name, &value, refusal) == RESULT_OK &&
            fields->count < fields->capacity && !http_field_is_barred_from_trailers(name)) {
            http_add_field(fields, &index, name, value);
        }
    }
    return at == end ? RESULT_OK : http_refuse(refusal, 502, "bytes after the trailers");
}
