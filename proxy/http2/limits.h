// Limits for one HTTP/2 client. A client that sends a flood of cheap frames loses its connection
// with ENHANCE_YOUR_CALM.
#ifndef RAVELIN_HTTP2_LIMITS_H
#define RAVELIN_HTTP2_LIMITS_H

#include <stdint.h>

// Kinds of counted events. Each kind has a budget: `burst` at once, and `per_second` are added.
enum http2_cost {
    HTTP2_COST_PING,
    HTTP2_COST_SETTINGS,
    HTTP2_COST_PRIORITY,      // PRIORITY and PRIORITY_UPDATE
    HTTP2_COST_WINDOW_UPDATE, // sent DATA gives back one for each 2 KiB and one for each frame
    HTTP2_COST_EMPTY, // DATA, HEADERS or CONTINUATION frames without content and without an end
    HTTP2_COST_RESET, // streams that the client resets before the response is complete
    HTTP2_COST_FAULT, // streams that Ravelin resets because of a fault of the client
    HTTP2_COST_STRAY, // frames without meaning: of closed streams, or of unknown types
    HTTP2_COST_COUNT,
};

struct http2_budget {
    uint16_t burst;
    uint16_t per_second;
};

struct http2_limits {
    uint32_t streams;          // open at a time; further streams get REFUSED_STREAM
    uint32_t header_list_size; // RFC 9113 6.5.2; a longer list is passed to the owner as too large
    // Compressed bytes in HEADERS and CONTINUATION; a longer block ends the connection.
    uint32_t header_block_size;
    uint32_t continuations;     // largest number of frames of one header block
    uint32_t stream_window;     // bytes that a client may send on a new stream; at least 1
    uint32_t connection_window; // bytes on all streams together; at least 65535
    // Largest sum of the bytes that all streams hold and the window of the connection. At least
    // connection_window. If it exceeds connection_window by the windows of n streams, n slow
    // streams do not delay the others. A larger target of the connection adds to it.
    uint32_t held_max;
    uint32_t overhead;   // bytes: see http2/receive.c
    int64_t settings_ms; // from the start to the ACK of Ravelin's SETTINGS
    int64_t header_ms;   // from the first to the last frame of a header block
    int64_t linger_ms;   // for a stream that the client does not end after its response
    int64_t shutdown_ms; // from the first to the last GOAWAY, if no PING ACK arrives before
    struct http2_budget budgets[HTTP2_COST_COUNT];
};

// Browsers, gRPC and git stay far below these budgets.
#define HTTP2_DEFAULT_BUDGETS                                                                      \
    {                                                                                              \
        [HTTP2_COST_PING] = {100, 10}, [HTTP2_COST_SETTINGS] = {20, 1},                            \
        [HTTP2_COST_PRIORITY] = {500, 50}, [HTTP2_COST_WINDOW_UPDATE] = {1000, 100},               \
        [HTTP2_COST_EMPTY] = {20, 2}, [HTTP2_COST_RESET] = {200, 20},                              \
        [HTTP2_COST_FAULT] = {50, 5}, [HTTP2_COST_STRAY] = {500, 50},                              \
    }

#endif
