// What one client of HTTP/2 may have and do. A flood of what costs the client little ends its
// connection with ENHANCE_YOUR_CALM.
#ifndef RAVELIN_HTTP2_LIMITS_H
#define RAVELIN_HTTP2_LIMITS_H

#include <stdint.h>

// What is counted. Each kind has a budget: `burst` at once, and `per_second` come back.
enum http2_cost {
    HTTP2_COST_PING,
    HTTP2_COST_SETTINGS,
    HTTP2_COST_PRIORITY,      // PRIORITY and PRIORITY_UPDATE
    HTTP2_COST_WINDOW_UPDATE, // DATA that is sent gives back one for each 2 KiB, and one a frame
    HTTP2_COST_EMPTY,         // DATA, HEADERS or CONTINUATION that carry nothing and end nothing
    HTTP2_COST_RESET,         // streams that the client resets before the response is complete
    HTTP2_COST_FAULT,         // streams that the client makes Ravelin reset, by any fault
    HTTP2_COST_STRAY,         // frames that mean nothing: of closed streams, or of unknown types
    HTTP2_COST_COUNT,
};

struct http2_budget {
    uint16_t burst;
    uint16_t per_second;
};

struct http2_limits {
    uint32_t streams;           // at once; what is beyond gets REFUSED_STREAM
    uint32_t header_list_size;  // RFC 9113 6.5.2; a longer one is told to the owner
    uint32_t header_block_size; // compressed, in HEADERS and CONTINUATION; more ends the connection
    uint32_t continuations;     // frames of one header block
    uint32_t stream_window;     // what a client may send on a new stream; at least 1
    uint32_t connection_window; // on all streams together; at least 65535
    uint32_t overhead;          // bytes: see http2/receive.c
    int64_t settings_ms;        // from the start to the ACK of our SETTINGS
    int64_t header_ms;          // from the first to the last frame of a header block
    int64_t linger_ms;          // of a stream that the client does not end after its response
    int64_t shutdown_ms;        // from the first to the last GOAWAY, if no PING ACK comes before
    struct http2_budget budgets[HTTP2_COST_COUNT];
};

// Of a browser, gRPC and git nothing comes near these.
#define HTTP2_DEFAULT_BUDGETS                                                                      \
    {                                                                                              \
        [HTTP2_COST_PING] = {100, 10}, [HTTP2_COST_SETTINGS] = {20, 1},                            \
        [HTTP2_COST_PRIORITY] = {500, 50}, [HTTP2_COST_WINDOW_UPDATE] = {1000, 100},               \
        [HTTP2_COST_EMPTY] = {20, 2}, [HTTP2_COST_RESET] = {200, 20},                              \
        [HTTP2_COST_FAULT] = {50, 5}, [HTTP2_COST_STRAY] = {500, 50},                              \
    }

#endif
