// Why a message is refused. Filled by the readers of http/, for the response and for the log.
#ifndef RAVELIN_HTTP_REFUSAL_H
#define RAVELIN_HTTP_REFUSAL_H

#include "base/result.h"
#include "http/header.h"

// What to answer a refused request with (400, 405, 417, 431, 501 or 505) and why (a static text for
// the log). For responses and trailers also what is wrong: the byte, or the field, in the message;
// each NULL where there is none.
struct http_refusal {
    uint16_t status;
    const char *why;
    const char *byte;
    const struct http_field *field; // valid as long as the fields are
};

static inline enum result http_refuse(struct http_refusal *refusal, uint16_t status,
                                      const char *why) {
    *refusal = (struct http_refusal){.status = status, .why = why};
    return RESULT_ERROR;
}

#endif
