// The strict scan: the first and deciding look at the bytes of a message head. Used inside http/
// only.
//
// One pass, one class table. It accepts only what RFC 9112 lets a sender generate: lines that end
// in CRLF, no control byte but HTAB inside field values, no line folding, a token and a colon at
// once after it. It finds the parts of the start line and the name and value of every field; what
// they mean is decided in http/parse.
//
// Every function takes bytes that end in LF (checked here first), so that no loop runs past them.
// No I/O, no allocation.
#ifndef RAVELIN_HTTP_SCAN_H
#define RAVELIN_HTTP_SCAN_H

#include "http/bytes.h"
#include "http/parse.h"

#define METHOD_SIZE_MAX 32

// Which known fields a section holds. first[id] is set only where `seen` has the bit.
struct http_index {
    uint64_t seen;
    uint64_t repeated;
    struct http_field *first[FIELD_ID_COUNT];
};

struct http_request_line {
    struct slice method;
    struct slice target;
    size_t plain_size; // of the path it begins with, when every byte of that is plain; else 0
    uint8_t minor_version;
};

struct http_status_line {
    uint16_t status;
    uint8_t minor_version;
    struct slice reason;
};

// Each returns how many bytes the line takes with its CRLF, or 0 with `refusal` set.
size_t http_scan_request_line(struct slice head, struct http_request_line *line,
                              struct http_refusal *refusal);
size_t http_scan_status_line(struct slice head, struct http_status_line *line,
                             struct http_refusal *refusal);

// Field lines and the empty line, nothing before and nothing after. Fills `fields` (names, trimmed
// values, ids, and hop_by_hop for those that are so by name) and `index`.
enum result http_scan_fields(struct slice section, struct http_fields *fields,
                             struct http_index *index, struct http_refusal *refusal) MUST_CHECK;

// The tolerant scan of http/scan_response.c, for the heads of responses that the strict one refuses:
// see http_parse_response(). `refusal` says which byte is wrong.
size_t http_scan_status_line_tolerantly(struct slice head, struct http_status_line *line,
                                        struct http_refusal *refusal);
enum result http_scan_fields_tolerantly(struct slice section, struct http_fields *fields,
                                        struct http_index *index,
                                        struct http_refusal *refusal) MUST_CHECK;
// The line at *at without its end, CRLF or LF; *at goes behind that. False: no line ends there.
bool http_next_line(const char **at, const char *end, struct slice *line);
// Splits a line into name and value. RESULT_ERROR: it is no field.
enum result http_split_field(struct slice line, struct slice *name, struct slice *value,
                             struct http_refusal *refusal) MUST_CHECK;

// Why what is at `at` ends no name that began at `name`.
const char *http_why_bad_name(const char *name, const char *at);

// Hop-by-hop by name (RFC 9110 7.6.1), and what must not reach a server under its own name.
#define HOP_BY_HOP_IDS                                                                             \
    (FIELD_BIT(FIELD_CONNECTION) | FIELD_BIT(FIELD_HTTP2_SETTINGS) | FIELD_BIT(FIELD_KEEP_ALIVE) | \
     FIELD_BIT(FIELD_PROXY) | FIELD_BIT(FIELD_PROXY_AUTHENTICATE) |                                \
     FIELD_BIT(FIELD_PROXY_AUTHENTICATION_INFO) | FIELD_BIT(FIELD_PROXY_AUTHORIZATION) |           \
     FIELD_BIT(FIELD_PROXY_CONNECTION) | FIELD_BIT(FIELD_TE) | FIELD_BIT(FIELD_TRAILER) |          \
     FIELD_BIT(FIELD_TRANSFER_ENCODING) | FIELD_BIT(FIELD_UPGRADE) | FIELD_BIT(FIELD_LOOKALIKE))

// There is room for one more field.
static inline void http_add_field(struct http_fields *fields, struct http_index *index,
                                  struct slice name, struct slice value) {
    struct http_field *field = &fields->items[fields->count++];
    field->name = name;
    field->value = value;
    field->id = http_field_lookup(name);
    field->hop_by_hop = (HOP_BY_HOP_IDS & FIELD_BIT(field->id)) != 0;
    uint64_t bit = FIELD_BIT(field->id);
    if ((index->seen & bit) != 0) {
        index->repeated |= bit;
    } else {
        index->seen |= bit;
        index->first[field->id] = field;
    }
}

#endif
