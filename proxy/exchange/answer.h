// What Ravelin answers by itself, in place of a server. The parts of an exchange only say it;
// exchange.c alone sends it.
#ifndef RAVELIN_EXCHANGE_ANSWER_H
#define RAVELIN_EXCHANGE_ANSWER_H

#include "base/slice.h"
#include "config/config.h"

#include <stdint.h>

#define ANSWER_FIELDS_MAX 16384

struct answer {
    uint16_t status; // 0: there is no answer, and the request goes on
    const char *why; // static, for the logs; NULL: nothing is wrong
    // Further field lines, each with CRLF, of at most ANSWER_FIELDS_MAX bytes. They may be in the
    // scratch space of the service, and are used before anything else is written there.
    struct slice fields;
    const struct config_page *page; // of the route; NULL: that of the status
};

#define NO_ANSWER ((struct answer){.status = 0})

static inline struct answer answer_of(uint16_t status, const char *why) {
    return (struct answer){.status = status, .why = why};
}

#endif
