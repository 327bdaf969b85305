// From a decoded header section to the request that http/ knows (RFC 9113 8, RFC 8441): one clear
// reading or none, before any server sees it.
//
// Two kinds of refusals: what RFC 9113 calls malformed ends the stream with PROTOCOL_ERROR (the
// status is 0), all others are answered with a status, as in HTTP/1. No I/O, no allocation.
#ifndef RAVELIN_HTTP2_REQUEST_H
#define RAVELIN_HTTP2_REQUEST_H

#include "http/request.h"

// The value of a Sec-WebSocket-Key: 16 random bytes in base64.
#define HTTP2_WEBSOCKET_KEY_SIZE 24

struct http2_request {
    struct http_request http;
    // An extended CONNECT for a WebSocket. `http` is then the GET of RFC 6455 with Upgrade, for a
    // server that speaks HTTP/1.1. DATA is what goes through the tunnel after a 101, which the
    // client gets as 200.
    bool websocket;
};

// `fields` holds a section as hpack_decode() gave it, with crumbs of Cookie joined. It is rewritten
// in place to what an HTTP/1 head would hold: without pseudo-header fields, with a Host. `end`:
// the section ends its stream. `key`: for a WebSocket.
//
// Malformed: a pseudo-header field that is unknown, repeated, of a response, or behind a regular
// field; no or an empty :method, :scheme or :path (CONNECT: any of the latter two, or no
// :authority); a :method that is no token; a :scheme that is none; a :path that does not begin with
// '/', but "*" with OPTIONS; Connection, Proxy-Connection, Keep-Alive, Transfer-Encoding or
// Upgrade; TE other than "trailers"; a Host that is repeated or differs from :authority (letters in
// any case, default port aware); a Content-Length that is not 1 to 18 digits, is repeated, or is
// not 0 when `end`; :protocol without CONNECT, or with a Content-Length or `end`.
//
// 400: a :scheme other than http and https; a field name that only begins with content-length or
// transfer-encoding. 501: a :protocol other than websocket; a :method over 32
// bytes. All other refusals are those of http_request_read() and of a target in HTTP/1.
enum result http2_request_read(struct http_fields *fields, bool end,
                               const char key[HTTP2_WEBSOCKET_KEY_SIZE],
                               struct http2_request *request,
                               struct http_refusal *refusal) MUST_CHECK;

// A trailer section. Malformed, with `refusal` as above: a pseudo-header field, a field of HTTP/1
// connections, or one that must not be in trailers.
enum result http2_trailers_read(struct http_fields *fields,
                                struct http_refusal *refusal) MUST_CHECK;

// Content-Length against DATA (RFC 9113 8.1.1). A body without a Content-Length may have any size.
// Not for a WebSocket.
struct http2_body {
    bool declared;
    uint64_t left;
};

struct http2_body http2_body_of(const struct http_request *request);
// Each part of the body. False: it is longer than declared; the request is malformed.
bool http2_body_take(struct http2_body *body, uint64_t size);
// False: it ended before what was declared; the request is malformed.
static inline bool http2_body_may_end(const struct http2_body *body) {
    return !body->declared || body->left == 0;
}

#endif
