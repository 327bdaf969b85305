// An answer: a response that Ravelin generates in place of a server's. The parts of an exchange
// only return an answer. exchange.c alone sends it.
#ifndef RAVELIN_EXCHANGE_ANSWER_H
#define RAVELIN_EXCHANGE_ANSWER_H

#include "base/slice.h"
#include "config/config.h"
#include "http/encode.h"

#include <stdint.h>

#define ANSWER_FIELDS_MAX 16384

struct answer {
    uint16_t status; // 0: no answer, the request continues
    const char *why; // static, for the logs; NULL: no error
    // Further field lines, each with CRLF; at most ANSWER_FIELDS_MAX bytes. They may be in the
    // scratch space of the service. The answer is sent before the scratch space is used again.
    struct slice fields;
    const struct config_page *page; // page of the route; NULL: the default page of the status
    const struct http_page *text;   // page of a verdict, which replaces other pages; NULL: none
};

#define NO_ANSWER ((struct answer){.status = 0})

static inline struct answer answer_of(uint16_t status, const char *why) {
    return (struct answer){.status = status, .why = why};
}

#endif
