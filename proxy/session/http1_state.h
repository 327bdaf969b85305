// What HTTP/1 keeps of a connection between two requests. A session holds one, for http1.c and its
// parts.
#ifndef RAVELIN_SESSION_HTTP1_STATE_H
#define RAVELIN_SESSION_HTTP1_STATE_H

#include "http/parse.h"

#include <stdint.h>

struct http1_stream;
struct partial_head;

struct http1 {
    uint32_t requests;
    uint8_t empty_lines;   // skipped before the next request
    uint32_t header_count; // limits of the request: those of the time when its head began
    uint32_t target_size;
    int64_t head_since_ms;       // when the incomplete head began to arrive; 0: there is none
    int64_t answered_ms;         // when the last exchange ended
    struct partial_head *head;   // while a request head that does not lie in one piece is gathered
    struct http_part head_part;  // what has been looked at of an incomplete head
    struct http1_stream *stream; // of the request that is under way or whose rest is dropped
};

#endif
