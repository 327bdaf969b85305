// Priorities (RFC 9218): reading them, and whose turn it is.
//
// A schedule holds streams that have something to send, by urgency. Of the most urgent ones, a
// stream that is incremental has one turn and goes behind the others; one that is not keeps its
// place until it has sent all. A client that has said nothing of a stream gets turns as well: RFC
// 9218 leaves it to the server, and old clients expect that streams share.
//
// No I/O, no allocation: nodes are part of the streams.
#ifndef RAVELIN_HTTP2_PRIORITY_H
#define RAVELIN_HTTP2_PRIORITY_H

#include "base/list.h"
#include "base/slice.h"

#include <stdint.h>

#define HTTP2_URGENCIES 8
#define HTTP2_URGENCY_DEFAULT 3

struct http2_priority {
    uint8_t urgency; // 0 (first) to 7
    bool incremental;
};

// Of a stream about which nothing was said.
static inline struct http2_priority http2_priority_default(void) {
    return (struct http2_priority){HTTP2_URGENCY_DEFAULT, true};
}

// Reads the value of a Priority field or of PRIORITY_UPDATE, a dictionary of structured fields (RFC
// 8941 4.2.2). False: it is malformed, and nothing has changed. Members other than u and i, and
// values of u and i that are of the wrong type or out of range, mean nothing.
bool http2_priority_read(struct slice value, struct http2_priority *priority);

// The same of a field of the response, which changes only what it names (RFC 9218 8).
bool http2_priority_merge(struct slice value, struct http2_priority *priority);

struct http2_schedule {
    struct list_node ready[HTTP2_URGENCIES];
};

void http2_schedule_init(struct http2_schedule *schedule);
// Adds a node, behind those of its urgency. It must be in no list.
void http2_schedule_add(struct http2_schedule *schedule, struct list_node *node,
                        struct http2_priority priority);
// After a turn of this node.
void http2_schedule_turn(struct http2_schedule *schedule, struct list_node *node,
                         struct http2_priority priority);

#endif
