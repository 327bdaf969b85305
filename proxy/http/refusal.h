// Why a message is refused. The parsers of http/ fill it, for the response and for the log.
#ifndef RAVELIN_HTTP_REFUSAL_H
#define RAVELIN_HTTP_REFUSAL_H

#include "base/result.h"
#include "http/header.h"

struct http_refusal {
    uint16_t status; // for the client: 400, 405, 417, 431, 501 or 505
    const char *why; // static text for the log
    // Responses and trailers only: the wrong byte or the wrong field in the message. NULL: none.
    const char *byte;
    const struct http_field *field; // valid as long as the fields are
};

static inline enum result http_refuse(struct http_refusal *refusal, uint16_t status,
                                      const char *why) {
    *refusal = (struct http_refusal){.status = status, .why = why};
    return RESULT_ERROR;
}

#endif
