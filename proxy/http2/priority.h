// Priorities (RFC 9218): parses them. http2/schedule.c uses them. No I/O, no allocation.
#ifndef RAVELIN_HTTP2_PRIORITY_H
#define RAVELIN_HTTP2_PRIORITY_H

#include "base/slice.h"

#include <stdint.h>

#define HTTP2_URGENCIES 8
#define HTTP2_URGENCY_DEFAULT 3

struct http2_priority {
    uint8_t urgency; // 0 (first) to 7 (last)
    bool incremental;
};

// The priority of a stream without a Priority field or frame. Such streams take turns. RFC 9218
// leaves this to the server, and clients without priorities expect that streams share.
static inline struct http2_priority http2_priority_default(void) {
    return (struct http2_priority){HTTP2_URGENCY_DEFAULT, true};
}

// Reads a dictionary of structured fields (RFC 8941 4.2.2): a Priority field or the value of a
// PRIORITY_UPDATE. False: malformed; nothing has changed. Other members than u and i are ignored,
// and so are values of u and i with a wrong type or out of range.
bool http2_priority_read(struct slice value, struct http2_priority *priority);

// The same for a field of the response, which changes only the members that it has (RFC 9218 8).
bool http2_priority_merge(struct slice value, struct http2_priority *priority);

#endif
