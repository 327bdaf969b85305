// What the readers of heads share: http/parse.c (requests, and what is alike in both) and
// http/parse_response.c. Nobody else includes it.
#ifndef RAVELIN_HTTP_PARSE_INTERNAL_H
#define RAVELIN_HTTP_PARSE_INTERNAL_H

#include "http/scan.h"

static inline enum result refuse(struct http_refusal *refusal, uint16_t status, const char *why) {
    *refusal = (struct http_refusal){.status = status, .why = why};
    return RESULT_ERROR;
}

static inline enum result refuse_field(struct http_refusal *refusal, const char *why,
                                       const struct http_field *field) {
    *refusal = (struct http_refusal){.status = 502, .why = why, .field = field};
    return RESULT_ERROR;
}

static inline bool has(const struct http_index *index, enum http_field_id id) {
    return (index->seen & FIELD_BIT(id)) != 0;
}

static inline bool has_repeated(const struct http_index *index, enum http_field_id id) {
    return (index->repeated & FIELD_BIT(id)) != 0;
}

struct body_length {
    bool has_length;
    bool chunked;
    uint64_t length;
};

// Content-Length and Transfer-Encoding of a section.
enum result http_read_body_length(const struct http_index *index, uint8_t minor_version,
                                  struct body_length *body,
                                  struct http_refusal *refusal) MUST_CHECK;

struct connection {
    struct http_fields *fields;
    uint32_t option_count;
    bool close;
    bool keep_alive;
    bool upgrade;
    bool tolerant; // of options that mean nothing; `odd` tells that there were any
    bool odd;
    const char *why;
};

// The options of every Connection field. Marks the fields that they name as hop-by-hop. `tolerant`: as
// in struct connection.
enum result http_read_connection(struct http_fields *fields, const struct http_index *index,
                                 bool tolerant, struct connection *connection,
                                 struct http_refusal *refusal) MUST_CHECK;

static inline bool keeps_alive(const struct connection *connection, uint8_t minor_version) {
    return !connection->close && (minor_version == 1 || connection->keep_alive);
}

struct protocols {
    uint32_t count;
    bool barred; // one of them would hide requests from us
    bool others; // one of them is none of `asked`
    const struct slice *asked;
};

// For each element of an Upgrade value; the context is a struct protocols. False: malformed.
bool http_on_protocol(struct slice item, void *context);

// Has http-parser read the lines of a request's section that may frame a body. RESULT_ERROR: it reads
// anything otherwise than `fields` and `body` say.
enum result http_read_again(struct slice section, const struct http_fields *fields,
                            const struct body_length *body,
                            struct http_refusal *refusal) MUST_CHECK;
// The same of a response, of which two fields frame the body; one without a name is not there. What
// else has a name that begins like theirs is read, too.
enum result http_read_framing_again(const struct http_fields *fields,
                                    const struct http_field canonical[2],
                                    const struct body_length *body,
                                    struct http_refusal *refusal) MUST_CHECK;

#endif
