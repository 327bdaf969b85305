#include "http2/request.h"

#include "http/bytes.h"
#include "http/index.h"
#include "http/scan.h"
#include "http/target.h"

// --- pseudo-header fields ---

enum pseudo { METHOD, SCHEME, PATH, AUTHORITY, PROTOCOL, PSEUDO_COUNT };

// A value without a pointer is absent.
struct pseudo_fields {
    struct slice values[PSEUDO_COUNT];
    uint32_t count;
};

static enum result malformed(struct http_refusal *refusal, const char *why) {
    return http_refuse(refusal, 0, why);
}

static bool has(const struct pseudo_fields *pseudo, enum pseudo which) {
    return pseudo->values[which].data != NULL;
}

static enum pseudo which_of(struct slice name) {
    static const struct slice names[PSEUDO_COUNT] = {
        {":method", 7}, {":scheme", 7}, {":path", 5}, {":authority", 10}, {":protocol", 9}};
    unsigned which = 0;
    while (which < PSEUDO_COUNT && !slice_equal(name, names[which])) {
        which++;
    }
    return which;
}

static bool is_pseudo(const struct http_field *field) {
    return field->name.size > 0 && field->name.data[0] == ':';
}

static enum result read_pseudo(const struct http_fields *fields, struct pseudo_fields *pseudo,
                               struct http_refusal *refusal) {
    *pseudo = (struct pseudo_fields){.count = 0};
    while (pseudo->count < fields->count && is_pseudo(&fields->items[pseudo->count])) {
        const struct http_field *field = &fields->items[pseudo->count++];
        enum pseudo which = which_of(field->name);
        if (which == PSEUDO_COUNT) {
            return malformed(refusal, "unknown pseudo-header field");
        }
        if (has(pseudo, which)) {
            return malformed(refusal, "repeated pseudo-header field");
        }
        pseudo->values[which] = field->value;
    }
    return RESULT_OK;
}

// RFC 3986 3.1.
static bool is_scheme(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = ascii_lower(text.data[i]);
        bool letter = byte >= 'a' && byte <= 'z';
        bool other = http_byte_is(byte, BYTE_DIGIT) || byte == '+' || byte == '-' || byte == '.';
        if (!letter && (!other || i == 0)) {
            return false;
        }
    }
    return text.size > 0;
}

static enum result check_target(const struct pseudo_fields *pseudo, struct http_refusal *refusal) {
    struct slice path = pseudo->values[PATH];
    bool options = slice_equal(pseudo->values[METHOD], SLICE("OPTIONS"));
    if (!has(pseudo, SCHEME) || !is_scheme(pseudo->values[SCHEME])) {
        return malformed(refusal, ":scheme missing or malformed");
    }
    if (!has(pseudo, PATH) || path.size == 0) {
        return malformed(refusal, ":path missing or empty");
    }
    if (path.data[0] != '/' && !(options && slice_equal(path, SLICE("*")))) {
        return malformed(refusal, ":path that does not begin with a slash");
    }
    if (!slice_equal_nocase(pseudo->values[SCHEME], SLICE("https")) &&
        !slice_equal_nocase(pseudo->values[SCHEME], SLICE("http"))) {
        return http_refuse(refusal, 400, ":scheme other than http and https");
    }
    return RESULT_OK;
}

// RFC 9113 8.5, RFC 8441 4.
static enum result check_connect(const struct pseudo_fields *pseudo, bool end, bool has_length,
                                 struct http_refusal *refusal) {
    if (!has(pseudo, AUTHORITY)) {
        return malformed(refusal, "CONNECT without :authority");
    }
    if (!has(pseudo, PROTOCOL)) {
        return has(pseudo, SCHEME) || has(pseudo, PATH)
                   ? malformed(refusal, "CONNECT with :scheme or :path")
                   : http_refuse(refusal, 501, "CONNECT");
    }
    if (!http_is_token(pseudo->values[PROTOCOL])) {
        return malformed(refusal, ":protocol is not a token");
    }
    if (end || has_length) {
        return malformed(refusal, "CONNECT with a Content-Length, or that ends its stream");
    }
    if (check_target(pseudo, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return slice_equal_nocase(pseudo->values[PROTOCOL], SLICE("websocket"))
               ? RESULT_OK
               : http_refuse(refusal, 501, ":protocol other than websocket");
}

static enum result check_pseudo(const struct pseudo_fields *pseudo, bool end, bool has_length,
                                struct http_refusal *refusal) {
    if (!has(pseudo, METHOD) || !http_is_token(pseudo->values[METHOD])) {
        return malformed(refusal, ":method missing or no token");
    }
    if (slice_equal(pseudo->values[METHOD], SLICE("CONNECT"))) {
        return check_connect(pseudo, end, has_length, refusal);
    }
    return has(pseudo, PROTOCOL) ? malformed(refusal, ":protocol without CONNECT")
                                 : check_target(pseudo, refusal);
}

// --- regular fields ---

// RFC 9113 8.2.2: fields about a connection of HTTP/1.
#define BARRED                                                                                     \
    (FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_KEEP_ALIVE) |                                   \
     FIELD_BIT(FIELD_PROXY_CONNECTION) | FIELD_BIT(FIELD_TRANSFER_ENCODING) |                      \
     FIELD_BIT(FIELD_UPGRADE))

static enum result check_field(const struct http_field *field, struct http_refusal *refusal) {
    if (is_pseudo(field)) {
        return malformed(refusal, "pseudo-header field behind a regular field");
    }
    if ((BARRED & FIELD_BIT(field->id)) != 0) {
        return malformed(refusal, "field of an HTTP/1 connection");
    }
    if (field->id == FIELD_TE && !slice_equal_nocase(field->value, SLICE("trailers"))) {
        return malformed(refusal, "TE other than trailers");
    }
    return RESULT_OK;
}

// Moves the fields from `from` on to the beginning, sets their ids, and fills the index.
static enum result take_fields(struct http_fields *fields, uint32_t from, struct http_index *index,
                               struct http_refusal *refusal) {
    uint32_t count = fields->count;
    http_begin_fields(fields, index);
    for (uint32_t i = from; i < count; i++) {
        struct http_field field = fields->items[i];
        http_add_field(fields, index, field.name, field.value);
        if (check_field(&fields->items[fields->count - 1], refusal) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}

static bool same_host(struct slice authority, struct slice host, uint16_t default_port) {
    struct http_authority a, b;
    if (http_parse_authority(authority, &a) != NULL || http_parse_authority(host, &b) != NULL) {
        return slice_equal(authority, host);
    }
    return slice_equal_nocase(a.host, b.host) &&
           (a.port == 0 ? default_port : a.port) == (b.port == 0 ? default_port : b.port);
}

// Makes :authority the Host (RFC 9113 8.3.1). There is space, because its own item is free.
static enum result take_authority(struct http_fields *fields, const struct pseudo_fields *pseudo,
                                  struct http_index *index, struct http_refusal *refusal) {
    if (http_has_repeated(index, FIELD_HOST)) {
        return malformed(refusal, "repeated Host");
    }
    if (!has(pseudo, AUTHORITY)) {
        return RESULT_OK;
    }
    struct slice authority = pseudo->values[AUTHORITY];
    if (!http_has(index, FIELD_HOST)) {
        http_add_field(fields, index, SLICE("host"), authority);
        return RESULT_OK;
    }
    uint16_t default_port = slice_equal_nocase(pseudo->values[SCHEME], SLICE("http")) ? 80 : 443;
    struct http_field *host = index->first[FIELD_HOST];
    if (!same_host(authority, host->value, default_port)) {
        return malformed(refusal, "Host differs from :authority");
    }
    host->value = authority;
    return RESULT_OK;
}

// Refuses field names that some HTTP/1 parsers read as the framing field with which they begin.
static enum result check_framing_names(const struct http_fields *fields,
                                       struct http_refusal *refusal) {
    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice name = fields->items[i].name;
        if ((slice_begins_nocase(name, SLICE("content-length")) ||
             slice_begins_nocase(name, SLICE("transfer-encoding"))) &&
            fields->items[i].id != FIELD_CONTENT_LENGTH) {
            return http_refuse(refusal, 400, "field name that begins like one that frames a body");
        }
    }
    return RESULT_OK;
}

static bool is_number(struct slice value) {
    for (size_t i = 0; i < value.size; i++) {
        if (!http_byte_is(value.data[i], BYTE_DIGIT)) {
            return false;
        }
    }
    return value.size > 0 && value.size <= 18;
}

static enum result check_length(const struct http_index *index, bool end,
                                struct http_refusal *refusal) {
    if (!http_has(index, FIELD_CONTENT_LENGTH)) {
        return RESULT_OK;
    }
    struct slice value = index->first[FIELD_CONTENT_LENGTH]->value;
    if (http_has_repeated(index, FIELD_CONTENT_LENGTH)) {
        return malformed(refusal, "repeated Content-Length");
    }
    if (!is_number(value)) {
        return malformed(refusal, "Content-Length is not 1 to 18 digits");
    }
    for (size_t i = 0; i < value.size; i++) {
        if (end && value.data[i] != '0') {
            return malformed(refusal, "Content-Length without a body");
        }
    }
    return RESULT_OK;
}

// --- WebSocket ---

// Adds the fields of RFC 6455 4.1 that HTTP/2 does not have. The client's own key is dropped,
// because it has no meaning (RFC 8441 5.1). There is space, because five pseudo-header fields were
// removed.
static void take_websocket(struct http_fields *fields, struct http_index *index, const char *key) {
    for (uint32_t i = 0; i < fields->count; i++) {
        struct http_field *field = &fields->items[i];
        field->hop_by_hop |= slice_equal(field->name, SLICE("sec-websocket-key"));
    }
    http_add_field(fields, index, SLICE("upgrade"), SLICE("websocket"));
    http_add_field(fields, index, SLICE("sec-websocket-key"),
                   (struct slice){key, WEBSOCKET_KEY_SIZE});
}

// --- the whole ---

static enum result read_line(const struct pseudo_fields *pseudo, bool end, bool websocket,
                             struct http_request_line *line, struct http_refusal *refusal) {
    line->method = websocket ? SLICE("GET") : pseudo->values[METHOD];
    if (line->method.size > METHOD_SIZE_MAX) {
        return http_refuse(refusal, 501, "method longer than 32 bytes");
    }
    line->minor_version = 1;
    line->body_comes = !end && !websocket;
    return http_scan_target(pseudo->values[PATH], line, refusal);
}

enum result http2_request_read(struct http_fields *fields, bool end,
                               const char key[WEBSOCKET_KEY_SIZE], struct http2_request *request,
                               struct http_refusal *refusal) {
    struct pseudo_fields pseudo;
    struct http_request_line line;
    __attribute__((uninitialized)) struct http_index index; // `seen` shows which items are set
    request->http.is_head = false;
    request->websocket = false;
    if (read_pseudo(fields, &pseudo, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    request->http.is_head = slice_equal(pseudo.values[METHOD], SLICE("HEAD"));
    // Malformed requests end the stream, so these faults are checked before those with a status.
    if (take_fields(fields, pseudo.count, &index, refusal) != RESULT_OK ||
        take_authority(fields, &pseudo, &index, refusal) != RESULT_OK ||
        check_length(&index, end, refusal) != RESULT_OK ||
        check_pseudo(&pseudo, end, http_has(&index, FIELD_CONTENT_LENGTH), refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    bool websocket = has(&pseudo, PROTOCOL);
    if (check_framing_names(fields, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    if (websocket) {
        take_websocket(fields, &index, key);
    }
    if (read_line(&pseudo, end, websocket, &line, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    http_request_begin(&request->http, &line, fields);
    if (http_request_read(&request->http, &line, &index, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    request->websocket = websocket;
    if (websocket) {
        request->http.upgrade = true;
        request->http.protocols = SLICE("websocket");
    }
    return RESULT_OK;
}

enum result http2_trailers_read(struct http_fields *fields, struct http_refusal *refusal) {
    __attribute__((uninitialized)) struct http_index index;
    if (take_fields(fields, 0, &index, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if (http_field_is_barred_from_trailers(fields->items[i].name)) {
            return malformed(refusal, "field that must not be in trailers");
        }
    }
    return RESULT_OK;
}

// --- the body ---

struct http2_body http2_body_of(const struct http_request *request) {
    // FRAMING_NONE is a Content-Length of 0, or no body at all.
    return (struct http2_body){request->framing != FRAMING_CHUNKED, request->content_length};
}

bool http2_body_take(struct http2_body *body, uint64_t size) {
    if (!body->declared) {
        return true;
    }
    if (size > body->left) {
        return false;
    }
    body->left -= size;
    return true;
}
