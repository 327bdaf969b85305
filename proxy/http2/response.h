// Heads and trailers of responses as header lists: what http/walk chooses, without what HTTP/2 does
// not have (RFC 9113 8.2.2, 8.3.2), in lower case.
//
// A list is scratch space of a worker: filled, handed to hpack_encode(), forgotten. No I/O, no
// allocation.
#ifndef RAVELIN_HTTP2_RESPONSE_H
#define RAVELIN_HTTP2_RESPONSE_H

#include "http/encode.h"
#include "http2/hpack.h"

// The caller sets the first four members once.
struct http2_list {
    struct hpack_field *items;
    uint32_t capacity;
    char *text; // names and values
    size_t text_capacity;
    uint32_t count;
    size_t text_size;
    bool websocket; // the response is to an extended CONNECT
    bool overflow;  // something did not fit: the list must not be sent
};

// Each fills the list; false: it does not fit, or is a 101 for another request than a WebSocket's.
//
// Left out: fields of HTTP/1 connections, and fields with control bytes in their values, which
// clients would refuse the whole response for. Set-Cookie and fields of authentication enter no
// table. `websocket`: a 101 becomes 200, without Sec-WebSocket-Accept.

// As http_encode_response(): framing->close, write_chunked and client_minor_version mean nothing.
bool http2_list_response(struct http2_list *list, const struct http_response *response,
                         const struct http_response_framing *framing, struct slice date,
                         bool websocket);
// As http_encode_answer().
bool http2_list_answer(struct http2_list *list, uint16_t status, struct slice extra,
                       const struct http_page *page, struct slice date);
// Without fields there is no trailer section: the count is then 0.
bool http2_list_trailers(struct http2_list *list, const struct http_fields *fields);

#endif
