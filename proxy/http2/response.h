// Converts heads and trailers of responses to header lists: the fields that http/walk chooses, in
// lower case, without those that HTTP/2 does not have (RFC 9113 8.2.2, 8.3.2).
//
// A list is scratch space of a worker: it is filled, passed to hpack_encode(), and reused. No I/O,
// no allocation.
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
    bool overflow;  // the list did not fit and must not be sent
};

// These functions fill the list. False: it does not fit, or the response is a 101 to a request that
// is not a WebSocket's.
//
// Left out are fields of HTTP/1 connections, and fields with control bytes in their values, because
// clients would refuse the whole response. Set-Cookie and fields of authentication enter no table.
// `websocket`: a 101 becomes 200, without Sec-WebSocket-Accept.

// As http_encode_response(). framing->close, write_chunked and client_minor_version are ignored.
bool http2_list_response(struct http2_list *list, const struct http_response *response,
                         const struct http_response_framing *framing, struct slice date,
                         bool websocket);
// As http_encode_answer().
bool http2_list_answer(struct http2_list *list, uint16_t status, struct slice extra,
                       const struct http_page *page, struct slice date);
// Without fields there is no trailer section: the count is 0.
bool http2_list_trailers(struct http2_list *list, const struct http_fields *fields);

#endif
