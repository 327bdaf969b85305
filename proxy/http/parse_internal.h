// Functions that parse.c (requests, and the common part) and parse_response.c share. No other file
// includes it.
#ifndef RAVELIN_HTTP_PARSE_INTERNAL_H
#define RAVELIN_HTTP_PARSE_INTERNAL_H

#include "http/parse.h"
#include "http/scan.h"

static inline enum result refuse_field(struct http_refusal *refusal, const char *why,
                                       const struct http_field *field) {
    *refusal = (struct http_refusal){.status = 502, .why = why, .field = field};
    return RESULT_ERROR;
}

struct body_length {
    bool has_length;
    bool chunked;
    uint64_t length;
};

// Lets http-parser read the lines of a request that may frame a body. RESULT_ERROR: its reading
// differs from `fields` or `body`.
enum result http_read_again(struct slice section, const struct http_fields *fields,
                            const struct body_length *body,
                            struct http_refusal *refusal) MUST_CHECK;
// The same for a response, with the canonical forms of its two framing fields. A field without a
// name is absent. Other fields whose names begin like theirs are read, too.
enum result http_read_framing_again(const struct http_fields *fields,
                                    const struct http_field canonical[2],
                                    const struct body_length *body,
                                    struct http_refusal *refusal) MUST_CHECK;

#endif
