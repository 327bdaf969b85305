// Priorities (RFC 9218): reads them. http2/schedule.c acts on them. No I/O, no allocation.
#ifndef RAVELIN_HTTP2_PRIORITY_H
#define RAVELIN_HTTP2_PRIORITY_H

#include "base/slice.h"

#include <stdint.h>

#define HTTP2_URGENCIES 8
#define HTTP2_URGENCY_DEFAULT 3

struct http2_priority {
    uint8_t urgency; // 0 (first) to 7
    bool incremental;
};

// Of a stream about which nothing was said. Such streams take turns: RFC 9218 leaves it to the
// server, and clients that know no priorities expect that streams share.
static inline struct http2_priority http2_priority_default(void) {
    return (struct http2_priority){HTTP2_URGENCY_DEFAULT, true};
}

// Reads the value of a Priority field or of PRIORITY_UPDATE, a dictionary of structured fields (RFC
// 8941 4.2.2). False: it is malformed, and nothing has changed. Members other than u and i, and
// values of u and i that are of the wrong type or out of range, mean nothing.
bool http2_priority_read(struct slice value, struct http2_priority *priority);

// The same of a field of the response, which changes only what it names (RFC 9218 8).
bool http2_priority_merge(struct slice value, struct http2_priority *priority);

#endif
