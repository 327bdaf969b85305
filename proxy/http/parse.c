#include "http/parse.h"

#include "http/parse_internal.h"
#include "http/target.h"

#include <http_parser.h>

#define CONNECTION_OPTIONS_MAX 32
#define DIGITS_MAX 18

static struct slice first_value(const struct http_index *index, enum http_field_id id) {
    return has(index, id) ? index->first[id]->value : (struct slice){NULL, 0};
}

// ---- framing fields, alike in requests and responses

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

// RFC 9112 6.3: a request whose last coding is not chunked has no length and MUST get 400. 6.1: a
// coding before it that is not known here gets 501.
static enum result check_transfer_encoding(struct slice value, struct http_refusal *refusal) {
    if (slice_equal_nocase(value, SLICE("chunked"))) {
        return RESULT_OK;
    }
    struct codings codings = {0, 0, false};
    if (!http_list_each(value, on_coding, &codings) || codings.count < 2 ||
        codings.chunked_count != 1 || !codings.chunked_last) {
        return refuse(refusal, 400, "Transfer-Encoding is not exactly chunked");
    }
    return refuse(refusal, 501, "transfer coding other than chunked");
}

enum result http_read_body_length(const struct http_index *index, uint8_t minor_version,
                                  struct body_length *body, struct http_refusal *refusal) {
    *body = (struct body_length){false, false, 0};
    if (has(index, FIELD_CONTENT_LENGTH)) {
        if (has_repeated(index, FIELD_CONTENT_LENGTH)) {
            return refuse(refusal, 400, "repeated Content-Length");
        }
        if (!parse_digits(index->first[FIELD_CONTENT_LENGTH]->value, &body->length)) {
            return refuse(refusal, 400, "Content-Length is not 1 to 18 digits");
        }
        body->has_length = true;
    }
    if (!has(index, FIELD_TRANSFER_ENCODING)) {
        return RESULT_OK;
    }
    if (body->has_length) {
        return refuse(refusal, 400, "both Content-Length and Transfer-Encoding");
    }
    if (minor_version == 0) {
        return refuse(refusal, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (has_repeated(index, FIELD_TRANSFER_ENCODING)) {
        return refuse(refusal, 400, "repeated Transfer-Encoding");
    }
    body->chunked = true;
    return check_transfer_encoding(index->first[FIELD_TRANSFER_ENCODING]->value, refusal);
}

// ---- Connection and Upgrade

static void mark_hop_by_hop(struct http_fields *fields, struct slice name) {
    for (uint32_t i = 0; i < fields->count; i++) {
        if (slice_equal_nocase(fields->items[i].name, name)) {
            fields->items[i].hop_by_hop = true;
        }
    }
}

static const char *why_bad_option(const struct connection *connection, struct slice option) {
    return connection->option_count > CONNECTION_OPTIONS_MAX ? "too many Connection options"
           : !http_is_token(option)                          ? "Connection option is not a token"
           : http_field_is_end_to_end(option) ? "Connection names an end-to-end field"
                                              : NULL;
}

static bool on_connection_option(struct slice option, void *context) {
    struct connection *connection = context;
    if (++connection->option_count > CONNECTION_OPTIONS_MAX && !connection->tolerant) {
        connection->why = "too many Connection options";
    } else if (slice_equal_nocase(option, SLICE("close"))) {
        connection->close = true;
    } else if (slice_equal_nocase(option, SLICE("keep-alive"))) {
        connection->keep_alive = true;
    } else if (slice_equal_nocase(option, SLICE("upgrade"))) {
        connection->upgrade = true;
    } else {
        const char *why = why_bad_option(connection, option);
        if (why == NULL) {
            mark_hop_by_hop(connection->fields, option);
        } else if (connection->tolerant) {
            connection->odd = true;
        } else {
            connection->why = why;
        }
    }
    return connection->why == NULL;
}

// Takes the options of every Connection field; false as soon as one is refused.
static bool take_options(const struct http_index *index, struct connection *connection) {
    if (!has(index, FIELD_CONNECTION)) {
        return true;
    }
    if (!has_repeated(index, FIELD_CONNECTION)) {
        struct slice value = index->first[FIELD_CONNECTION]->value;
        connection->keep_alive = slice_equal(value, SLICE("keep-alive")); // as it nearly always is
        return connection->keep_alive || http_list_each(value, on_connection_option, connection);
    }
    for (uint32_t i = 0; i < connection->fields->count; i++) {
        const struct http_field *field = &connection->fields->items[i];
        if (field->id == FIELD_CONNECTION &&
            !http_list_each(field->value, on_connection_option, connection)) {
            return false;
        }
    }
    return true;
}

enum result http_read_connection(struct http_fields *fields, const struct http_index *index,
                                 bool tolerant, struct connection *connection,
                                 struct http_refusal *refusal) {
    *connection = (struct connection){.fields = fields, .tolerant = tolerant};
    return take_options(index, connection) ? RESULT_OK : refuse(refusal, 400, connection->why);
}

struct search {
    struct slice wanted;
    bool found;
};

static bool on_asked_protocol(struct slice item, void *context) {
    struct search *search = context;
    search->found = slice_equal_nocase(item, search->wanted);
    return !search->found;
}

bool http_on_protocol(struct slice item, void *context) {
    struct protocols *protocols = context;
    const char *slash = memchr(item.data, '/', item.size);
    struct slice name = item;
    if (slash != NULL) {
        name.size = (size_t)(slash - item.data);
        struct slice version = {slash + 1, item.size - name.size - 1};
        if (!http_is_token(version)) {
            return false;
        }
    }
    protocols->count++;
    protocols->barred = protocols->barred || slice_equal_nocase(name, SLICE("h2c")) ||
                        slice_equal_nocase(name, SLICE("h2")) ||
                        slice_equal_nocase(name, SLICE("HTTP")) ||
                        slice_equal_nocase(name, SLICE("TLS"));
    if (protocols->asked != NULL) {
        struct search search = {item, false};
        (void)http_list_each(*protocols->asked, on_asked_protocol, &search);
        protocols->others = protocols->others || !search.found;
    }
    return http_is_token(name);
}

// ---- the second reader

struct second_reading {
    const struct http_field *line;  // the field whose line is handed over
    const struct http_field *field; // the one whose name was met last
    uint32_t lines, names, values;
    bool differs;
    bool complete;
};

static int on_field_name(http_parser *parser, const char *at, size_t size) {
    struct second_reading *reading = parser->data;
    const struct slice *ours = &reading->line->name;
    reading->field = reading->line;
    reading->names++;
    reading->differs = reading->differs || ours->data != at || ours->size != size;
    return 0;
}

// An empty value is told only with the next line.
static int on_field_value(http_parser *parser, const char *at, size_t size) {
    struct second_reading *reading = parser->data;
    while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) {
        size--;
    }
    reading->values++;
    reading->differs = reading->differs || reading->values != reading->names ||
                       reading->field->value.size != size ||
                       (size > 0 && reading->field->value.data != at);
    return 0;
}

static int on_fields_complete(http_parser *parser) {
    struct second_reading *reading = parser->data;
    reading->complete = true;
    return 2; // stop after the head
}

// Hands http-parser some bytes of a head. False: it does not take them all.
static bool read_bytes(http_parser *parser, const char *bytes, size_t size) {
    static const http_parser_settings settings = {
        .on_header_field = on_field_name,
        .on_header_value = on_field_value,
        .on_headers_complete = on_fields_complete,
    };
    return http_parser_execute(parser, &settings, bytes, size) == size &&
           parser->http_errno == HPE_OK;
}

// Whether http-parser may take the field for one that frames the body. It does so with every name
// that begins like theirs.
static inline __attribute__((always_inline)) bool may_frame(struct slice name) {
    switch (ascii_lower(name.data[0])) {
    case 'c':
        return slice_begins_nocase(name, SLICE("content-length"));
    case 't':
        return slice_begins_nocase(name, SLICE("transfer-encoding"));
    default:
        return false;
    }
}

static bool begin_reading(http_parser *parser, struct second_reading *reading) {
    static const char start_line[] = "GET / HTTP/1.1\r\n";
    http_parser_init(parser, HTTP_REQUEST);
    parser->data = reading;
    return read_bytes(parser, start_line, sizeof(start_line) - 1);
}

// Hands over the lines of those fields, as they were received, with a start line before them.
static bool read_lines(http_parser *parser, struct slice section, const struct http_fields *fields,
                       struct second_reading *reading) {
    bool ok = true;
    for (uint32_t i = 0; i < fields->count && ok; i++) {
        const struct http_field *field = &fields->items[i];
        if (!may_frame(field->name)) {
            continue;
        }
        ok = reading->lines++ > 0 || begin_reading(parser, reading);
        const char *end =
            i + 1 < fields->count ? field[1].name.data : section.data + section.size - 2;
        reading->line = field;
        ok = ok && read_bytes(parser, field->name.data, (size_t)(end - field->name.data));
    }
    return ok;
}

static inline bool agrees(http_parser *parser, const struct second_reading *reading,
                          const struct body_length *body) {
    uint64_t length = body->has_length ? body->length : UINT64_MAX;
    return read_bytes(parser, "\r\n", 2) && reading->complete && !reading->differs &&
           reading->names == reading->lines && reading->values == reading->lines &&
           parser->content_length == length && ((parser->flags & F_CHUNKED) != 0) == body->chunked;
}

static const char differently[] = "two parsers read the fields differently";

// A section without such a field is not read again: there is nothing to differ in.
enum result http_read_again(struct slice section, const struct http_fields *fields,
                            const struct body_length *body, struct http_refusal *refusal) {
    struct second_reading reading = {.line = NULL};
    http_parser parser;
    bool ok = read_lines(&parser, section, fields, &reading);
    if (reading.lines == 0 || (ok && agrees(&parser, &reading, body))) {
        return RESULT_OK;
    }
    return refuse(refusal, 400, differently);
}

// Of a line with its end; the others are refused.
#define CANONICAL_LINE_MAX 512

// Hands over a field as one line. Its value is not empty, so that nothing of it is told later.
static bool read_field(http_parser *parser, const struct http_field *field,
                       struct second_reading *reading) {
    char text[CANONICAL_LINE_MAX];
    size_t name_size = field->name.size, value_size = field->value.size;
    size_t size = name_size + value_size + 3;
    struct http_field line = {
        {text, name_size}, {text + name_size + 1, value_size}, field->id, false};
    if (size > sizeof(text)) {
        return false;
    }
    memcpy(text, field->name.data, name_size);
    text[name_size] = ':';
    memcpy(text + name_size + 1, field->value.data, value_size);
    text[size - 2] = '\r';
    text[size - 1] = '\n';
    reading->line = &line;
    bool ok = read_bytes(parser, text, size);
    reading->line = reading->field = NULL;
    return ok;
}

static bool read_one(http_parser *parser, const struct http_field *field,
                     struct second_reading *reading) {
    return (reading->lines++ > 0 || begin_reading(parser, reading)) &&
           read_field(parser, field, reading);
}

enum result http_read_framing_again(const struct http_fields *fields,
                                    const struct http_field canonical[2],
                                    const struct body_length *body, struct http_refusal *refusal) {
    struct second_reading reading = {.line = NULL};
    http_parser parser;
    bool ok = true;
    for (size_t i = 0; i < 2 && ok; i++) {
        ok = canonical[i].name.size == 0 || read_one(&parser, &canonical[i], &reading);
    }
    for (uint32_t i = 0; i < fields->count && ok; i++) {
        const struct http_field *field = &fields->items[i];
        bool is_other = may_frame(field->name) && field->id != FIELD_CONTENT_LENGTH &&
                        field->id != FIELD_TRANSFER_ENCODING && field->value.size > 0;
        ok = !is_other || read_one(&parser, field, &reading);
    }
    if (reading.lines == 0 || (ok && agrees(&parser, &reading, body))) {
        return RESULT_OK;
    }
    return refuse(refusal, 502, differently);
}

// ---- requests

// Fields of one value that decide who may do what: two of them would be two readings.
static enum result check_repetitions(const struct http_index *index, struct http_refusal *refusal) {
    const uint64_t single =
        FIELD_BIT(FIELD_AUTHORIZATION) | FIELD_BIT(FIELD_CONTENT_TYPE) | FIELD_BIT(FIELD_ORIGIN);
    return (index->repeated & single) == 0
               ? RESULT_OK
               : refuse(refusal, 400, "repeated Authorization, Content-Type or Origin");
}

static bool is_idempotent(struct slice method) {
    return slice_equal(method, SLICE("GET")) || slice_equal(method, SLICE("HEAD")) ||
           slice_equal(method, SLICE("OPTIONS")) || slice_equal(method, SLICE("PUT")) ||
           slice_equal(method, SLICE("DELETE"));
}

// The number of times an OPTIONS may still be forwarded (RFC 9110 7.6.2). What is too large to be
// counted down in earnest is taken for the largest number.
static enum result decide_max_forwards(struct http_request *request, const struct http_index *index,
                                       struct http_refusal *refusal) {
    request->max_forwards = -1;
    if (!has(index, FIELD_MAX_FORWARDS) || !slice_equal(request->method, SLICE("OPTIONS"))) {
        return RESULT_OK;
    }
    uint64_t number;
    if (has_repeated(index, FIELD_MAX_FORWARDS) ||
        !parse_digits(index->first[FIELD_MAX_FORWARDS]->value, &number)) {
        return refuse(refusal, 400, "malformed or repeated Max-Forwards");
    }
    request->max_forwards = number < INT32_MAX ? (int32_t)number : INT32_MAX;
    return RESULT_OK;
}

static enum result decide_target(struct http_request *request, size_t plain_size,
                                 const struct http_index *index, struct http_refusal *refusal) {
    if (slice_equal(request->method, SLICE("CONNECT"))) {
        return refuse(refusal, 501, "CONNECT");
    }
    if (slice_equal(request->method, SLICE("TRACE"))) {
        return refuse(refusal, 405, "TRACE");
    }
    if (has_repeated(index, FIELD_HOST)) {
        return refuse(refusal, 400, "repeated Host");
    }
    if (!has(index, FIELD_HOST) && request->minor_version == 1) {
        return refuse(refusal, 400, "no Host");
    }
    const struct http_field *host = has(index, FIELD_HOST) ? index->first[FIELD_HOST] : NULL;
    const char *why = http_resolve_target(request, plain_size, host);
    return why == NULL ? RESULT_OK : refuse(refusal, 400, why);
}

static enum result decide_expect(struct http_request *request, const struct http_index *index,
                                 struct http_refusal *refusal) {
    request->expects_continue = false;
    if (!has(index, FIELD_EXPECT)) {
        return RESULT_OK;
    }
    if (has_repeated(index, FIELD_EXPECT) ||
        !slice_equal_nocase(index->first[FIELD_EXPECT]->value, SLICE("100-continue"))) {
        return refuse(refusal, 417, "Expect other than 100-continue");
    }
    request->expects_continue = request->minor_version == 1 && request->framing != FRAMING_NONE;
    return RESULT_OK;
}

static enum result decide_upgrade(struct http_request *request, const struct http_index *index,
                                  const struct connection *connection,
                                  struct http_refusal *refusal) {
    request->upgrade = false;
    request->protocols = (struct slice){NULL, 0};
    if (!has(index, FIELD_UPGRADE) || !connection->upgrade || request->minor_version == 0) {
        return RESULT_OK;
    }
    struct protocols protocols = {0, false, false, NULL};
    for (uint32_t i = 0; i < request->fields->count; i++) {
        const struct http_field *field = &request->fields->items[i];
        if (field->id == FIELD_UPGRADE &&
            !http_list_each(field->value, http_on_protocol, &protocols)) {
            return refuse(refusal, 400, "malformed Upgrade");
        }
    }
    if (protocols.count == 0) {
        return refuse(refusal, 400, "malformed Upgrade");
    }
    request->upgrade = !protocols.barred && !has_repeated(index, FIELD_UPGRADE);
    if (request->upgrade) {
        request->protocols = index->first[FIELD_UPGRADE]->value;
    }
    return RESULT_OK;
}

enum result http_parse_request(struct slice head, struct http_fields *fields,
                               struct http_request *request, struct http_refusal *refusal) {
    request->is_head = false;
    if (head.size > HTTP_HEAD_SIZE_MAX) {
        return refuse(refusal, 431, "head over 64 KiB");
    }
    struct http_request_line line;
    size_t line_size = http_scan_request_line(head, &line, refusal);
    if (line_size == 0) {
        return RESULT_ERROR;
    }
    request->method = line.method;
    request->target = line.target;
    request->minor_version = line.minor_version;
    request->is_head = slice_equal(line.method, SLICE("HEAD"));
    request->idempotent = is_idempotent(line.method);
    request->fields = fields;
    struct slice section = {head.data + line_size, head.size - line_size};
    __attribute__((uninitialized)) struct http_index index; // `seen` tells what is set
    struct connection connection;
    struct body_length body;
    if (http_scan_fields(section, fields, &index, refusal) != RESULT_OK ||
        check_repetitions(&index, refusal) != RESULT_OK ||
        decide_target(request, line.plain_size, &index, refusal) != RESULT_OK ||
        http_read_connection(fields, &index, false, &connection, refusal) != RESULT_OK ||
        http_read_body_length(&index, line.minor_version, &body, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    request->referer = first_value(&index, FIELD_REFERER);
    request->user_agent = first_value(&index, FIELD_USER_AGENT);
    request->has_dav_fields =
        (index.seen & (FIELD_BIT(FIELD_DESTINATION) | FIELD_BIT(FIELD_IF))) != 0;
    request->binds_connection =
        has(&index, FIELD_AUTHORIZATION) &&
        http_authenticates_connection(index.first[FIELD_AUTHORIZATION]->value);
    request->keep_alive = keeps_alive(&connection, line.minor_version);
    request->content_length = body.length;
    request->framing = body.chunked       ? FRAMING_CHUNKED
                       : body.length == 0 ? FRAMING_NONE
                                          : FRAMING_LENGTH;
    request->body_is_unusual = request->framing != FRAMING_NONE && request->idempotent &&
                               !slice_equal(line.method, SLICE("PUT"));
    if (decide_max_forwards(request, &index, refusal) != RESULT_OK ||
        decide_expect(request, &index, refusal) != RESULT_OK ||
        decide_upgrade(request, &index, &connection, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return http_read_again(section, fields, &body, refusal);
}

void http_library_version(unsigned parts[3]) {
    unsigned long version = http_parser_version();
    for (unsigned i = 0; i < 3; i++) {
        parts[i] = (unsigned)(version >> (16 - 8 * i)) & 255;
    }
}
