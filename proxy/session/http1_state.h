// The state of HTTP/1 on a connection between two requests. Each session has one struct http1, for
// http1.c and the other files of HTTP/1.
#ifndef RAVELIN_SESSION_HTTP1_STATE_H
#define RAVELIN_SESSION_HTTP1_STATE_H

#include "http/parse.h"

#include <stdint.h>

struct http1_stream;
struct partial_head;

struct http1 {
    uint32_t requests;     // requests on this connection so far
    uint8_t empty_lines;   // empty lines skipped before the next request
    uint32_t header_count; // limit of header fields, as configured when the head began
    uint32_t target_size; // limit of the request target in bytes, as configured when the head began
    int64_t head_since_ms; // when the incomplete head began to arrive; 0: no incomplete head
    int64_t answered_ms;   // when the last exchange ended
    // a request head that is not contiguous in the ring, while it is gathered
    struct partial_head *head;
    struct http_part head_part; // the part of an incomplete head that was parsed already
    // of the present request, or of the one whose rest is dropped; NULL: none
    struct http1_stream *stream;
};

#endif
