// What the readers of heads share: http/parse.c (requests, and what is alike in both) and
// http/parse_response.c. Nobody else includes it.
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

// Has http-parser read the lines of a request's section that may frame a body. RESULT_ERROR: it
// reads anything otherwise than `fields` and `body` say.
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
