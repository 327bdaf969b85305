// Converts a decoded header section to a request of http/ (RFC 9113 8, RFC 8441). A section with
// more than one meaning is refused before a server sees it.
//
// There are two kinds of refusals. What RFC 9113 calls malformed ends the stream with
// PROTOCOL_ERROR (the status is 0). All others get a response with a status, as in HTTP/1. No I/O,
// no allocation.
#ifndef RAVELIN_HTTP2_REQUEST_H
#define RAVELIN_HTTP2_REQUEST_H

#include "http/request.h"
#include "http/websocket.h"

struct http2_request {
    struct http_request http;
    // An extended CONNECT for a WebSocket. `http` is then the GET of RFC 6455 with Upgrade, for an
    // HTTP/1.1 server. After a 101 of the server, the client gets 200, and DATA are the bytes of
    // the tunnel.
    bool websocket;
};

// Converts a section.
//   fields  as hpack_decode() returned them, with crumbs of Cookie joined. Rewritten in place to
//           the fields of an HTTP/1 head: without pseudo-header fields, with a Host
//   end     the section ends its stream
//   key     for a WebSocket
//
// Malformed are:
//   - a pseudo-header field that is unknown, repeated, of a response, or after a regular field;
//   - a missing or empty :method, :scheme or :path. For CONNECT: a :scheme or :path, or no
//   :authority;
//   - a :method that is not a token; a :scheme that is not a scheme;
//   - a :path that does not begin with '/', except "*" with OPTIONS;
//   - Connection, Proxy-Connection, Keep-Alive, Transfer-Encoding or Upgrade; TE other than
//   "trailers";
//   - a Host that is repeated or differs from :authority (any case, default port aware);
//   - a Content-Length that is not 1 to 18 digits, is repeated, or is not 0 when `end`;
//   - :protocol without CONNECT, or with a Content-Length or `end`.
//
// 400: a :scheme other than http and https; a field name that begins with content-length or
// transfer-encoding and goes on. 501: a :protocol other than websocket; a :method over 32 bytes.
// All other refusals are those of http_request_read() and of a target in HTTP/1.
enum result http2_request_read(struct http_fields *fields, bool end,
                               const char key[WEBSOCKET_KEY_SIZE], struct http2_request *request,
                               struct http_refusal *refusal) MUST_CHECK;

// Checks a trailer section. Malformed, with `refusal` as above, are: a pseudo-header field, a field
// of HTTP/1 connections, a field that must not be in trailers.
enum result http2_trailers_read(struct http_fields *fields,
                                struct http_refusal *refusal) MUST_CHECK;

// Compares Content-Length with DATA (RFC 9113 8.1.1). A body without a Content-Length may have any
// size. Not for a WebSocket.
struct http2_body {
    bool declared;
    uint64_t left;
};

struct http2_body http2_body_of(const struct http_request *request);
// Call it for each part of the body. False: the body is longer than declared; the request is
// malformed.
bool http2_body_take(struct http2_body *body, uint64_t size);
// False: the body is shorter than declared; the request is malformed.
static inline bool http2_body_may_end(const struct http2_body *body) {
    return !body->declared || body->left == 0;
}

#endif
