#include "http/parse.h"

#include "http/parse_internal.h"

#include <http_parser.h>

// --- the second reader ---

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

// An empty value is reported only with the next line.
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

// Passes bytes of a head to http-parser. False: it does not accept all of them.
static bool read_bytes(http_parser *parser, const char *bytes, size_t size) {
    static const http_parser_settings settings = {
        .on_header_field = on_field_name,
        .on_header_value = on_field_value,
        .on_headers_complete = on_fields_complete,
    };
    return http_parser_execute(parser, &settings, bytes, size) == size &&
           parser->http_errno == HPE_OK;
}

// Whether http-parser may read the field as one that frames the body. It does so for every name
// that begins like the name of such a field.
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

// Passes the lines of these fields, as received, with a start line before them.
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

// A section without such a field is not parsed again, because nothing can differ.
enum result http_read_again(struct slice section, const struct http_fields *fields,
                            const struct body_length *body, struct http_refusal *refusal) {
    struct second_reading reading = {.line = NULL};
    http_parser parser;
    bool ok = read_lines(&parser, section, fields, &reading);
    if (reading.lines == 0 || (ok && agrees(&parser, &reading, body))) {
        return RESULT_OK;
    }
    return http_refuse(refusal, 400, differently);
}

// Size of a line with its end; longer ones are refused.
#define CANONICAL_LINE_MAX 512

// Passes a field as one line. Its value is not empty, so that http-parser reports it at once.
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
    return http_refuse(refusal, 502, differently);
}

// --- requests ---

enum result http_parse_request(struct slice head, struct http_fields *fields,
                               struct http_request *request, struct http_refusal *refusal) {
    request->is_head = false;
    if (head.size > HTTP_HEAD_SIZE_MAX) {
        return http_refuse(refusal, 431, "head over 64 KiB");
    }
    struct http_request_line line;
    size_t line_size = http_scan_request_line(head, &line, refusal);
    if (line_size == 0) {
        return RESULT_ERROR;
    }
    http_request_begin(request, &line, fields);
    struct slice section = {head.data + line_size, head.size - line_size};
    __attribute__((uninitialized)) struct http_index index; // `seen` shows which items are set
    if (http_scan_fields(section, fields, &index, refusal) != RESULT_OK ||
        http_request_read(request, &line, &index, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    const struct body_length body = {http_has(&index, FIELD_CONTENT_LENGTH),
                                     request->framing == FRAMING_CHUNKED, request->content_length};
    return http_read_again(section, fields, &body, refusal);
}

void http_library_version(unsigned parts[3]) {
    unsigned long version = http_parser_version();
    for (unsigned i = 0; i < 3; i++) {
        parts[i] = (unsigned)(version >> (16 - 8 * i)) & 255;
    }
}
