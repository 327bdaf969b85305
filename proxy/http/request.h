// What the fields of a request mean, whoever brought them: one clear reading or a refusal. RFC 9110
// and 9112, strict where they leave a choice.
//
// http/parse reads the bytes of HTTP/1 and calls this module. A decoder of header lists (RFC 9113
// 8.3) can do so, too: it fills a request line from the pseudo-header fields and adds the fields to
// a list and its index, with the authority as a Host field. It refuses fields of HTTP/1 connections
// itself.
//
// No I/O, no allocation, no state between requests. The slices point at what was given.
#ifndef RAVELIN_HTTP_REQUEST_H
#define RAVELIN_HTTP_REQUEST_H

#include "base/result.h"
#include "http/header.h"
#include "http/index.h"
#include "http/refusal.h"

enum http_framing {
    FRAMING_NONE,    // no body
    FRAMING_LENGTH,  // exactly content_length bytes
    FRAMING_CHUNKED, //
    FRAMING_CLOSE,   // responses only: until the server closes
    FRAMING_TUNNEL,  // after 101: bytes both ways until close
};

struct http_request {
    struct slice method; // as received: case matters, any token up to 32 bytes
    struct slice target; // as received
    struct slice path;   // origin-form path and query of the target ("/a?b"); "*" for OPTIONS *
    size_t path_size;    // of the path without the query
    bool path_is_plain;  // no byte of it means anything but itself: see http/path.h
    struct slice
        authority;         // host[:port]: from the target, else Host; empty when neither (HTTP/1.0)
    struct slice host;     // authority without port, brackets kept for IPv6; letters in any case
    uint8_t minor_version; // 0 or 1
    enum http_framing framing; // NONE, LENGTH or CHUNKED
    uint64_t content_length;   // FRAMING_LENGTH only; > 0
    bool keep_alive;           // what the client asks for
    bool is_head;
    bool expects_continue; // only for HTTP/1.1 with a body; otherwise the expectation means nothing
    bool upgrade;          // Connection: upgrade with one Upgrade field, HTTP/1.1; see below
    struct slice protocols; // what it may be upgraded to, when `upgrade`
    bool idempotent;        // GET HEAD OPTIONS PUT DELETE
    // A body whose server may not read it as one: with GET, HEAD, OPTIONS or DELETE, where a body
    // has no meaning (RFC 9110 9.3.1). It is forwarded, but the server is not trusted to have taken
    // it: its connection must not be used for another request.
    bool body_is_unusual;
    bool has_dav_fields;   // Destination or If, with URLs in them: see exchange/dav.h
    bool binds_connection; // Authorization is of a scheme that authenticates the connection
    int32_t max_forwards;  // of OPTIONS, as received; -1: none
    struct slice referer, user_agent; // of the first such fields; empty: none
    struct http_fields *fields;
};

// What a request says beside its fields: the request line of HTTP/1, or the pseudo-header fields of
// a header list, which counts as version 1.1.
struct http_request_line {
    struct slice method; // a token
    struct slice target; // visible ASCII, and well-formed percent-encoding before a query
    size_t plain_size;   // of the path it begins with, when every byte of that is plain; else 0
    uint8_t minor_version;
    // A body comes, and not its fields but the connection tells where it ends. HTTP/1: false.
    bool body_comes;
};

// Sets the members that do not depend on fields: method, target, minor_version, is_head,
// idempotent, and `fields`, which is filled before or after.
void http_request_begin(struct http_request *request, const struct http_request_line *line,
                        struct http_fields *fields);

// Sets all others; `index` is of its fields, some of which get marked as hop-by-hop. On
// RESULT_ERROR `refusal` says what to answer.
//
// Refused with 400: a missing (HTTP/1.1), repeated or malformed Host; a Host that differs from the
// authority of an absolute-form target (letters in any case, default port aware); a target that is
// neither a path, an http or https URI, nor (with OPTIONS only) "*"; a fragment or user information
// in it; a path that http_check_path() refuses; a repeated Authorization, Content-Type or Origin; a
// Content-Length that is not 1 to 18 digits, or repeated (even with the same value), or beside
// Transfer-Encoding; Transfer-Encoding in HTTP/1.0, repeated, or not ending in exactly one
// "chunked"; more than 32 Connection options, one that is no token, or one that names an end-to-end
// field (http_field_is_end_to_end); a malformed Upgrade; a malformed or repeated Max-Forwards (with
// OPTIONS). 405: TRACE. 417: Expect other than one 100-continue. 501: CONNECT, or other codings
// before a final "chunked".
//
// An Upgrade to HTTP/2 (h2c) or TLS is not an upgrade here, as the tunnel would carry requests
// nobody looks at, and neither is one of several Upgrade lines: it is dropped, and the request goes
// on as an ordinary one, body and all (RFC 9110 7.8 lets a server ignore it). A request with a body
// may be upgraded, too: the caller must accept a 101 only when it has sent all of the body.
enum result http_request_read(struct http_request *request, const struct http_request_line *line,
                              const struct http_index *index,
                              struct http_refusal *refusal) MUST_CHECK;

#endif
