// HTTP/1 on an open session: one request after the other, each with an exchange whose stream is the
// session itself. Pipelined requests wait in the ring.
//
// What a connection keeps between two requests is struct http1; what an exchange needs of it is
// held as long as there is one, and while the rest of its request is dropped: see http1_internal.h.
#ifndef RAVELIN_SESSION_HTTP1_H
#define RAVELIN_SESSION_HTTP1_H

#include "base/result.h"
#include "http/parse.h"

#include <stdbool.h>
#include <stdint.h>

struct http1_stream;
struct partial_head;
struct session;

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

// One step; RESULT_OK when another may follow at once.
enum result http1_step(struct session *session) MUST_CHECK;
// Nothing more can be done now: has the lease watched, and sets the session's deadline. True: the
// session is idle.
bool http1_arm(struct session *session);
// The deadline passed.
void http1_time_out(struct session *session);
// The service drains: between exchanges the session is due to end now.
void http1_drain(struct session *session);
// The session is closed: ends the exchange and frees all.
void http1_close(struct session *session);
// The rest of a request is dropped, and nothing else is done.
bool http1_only_drops(const struct session *session);

#endif
