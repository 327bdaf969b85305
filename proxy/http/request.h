// Decides what the fields of a request mean (RFC 9110, RFC 9112), strictly: a request has one
// meaning, or it is refused. This module does not depend on the version of HTTP.
//
// http/parse.h reads the bytes of HTTP/1 and calls this module. So can a decoder of header lists
// (RFC 9113 8.3): it fills a request line from the pseudo-header fields, and adds the fields to a
// list and its index, with the authority as a Host field. The decoder itself refuses the fields of
// HTTP/1 connections.
//
// No I/O, no allocation, no state between requests. The slices point into the caller's bytes.
#ifndef RAVELIN_HTTP_REQUEST_H
#define RAVELIN_HTTP_REQUEST_H

#include "base/result.h"
#include "http/header.h"
#include "http/index.h"
#include "http/refusal.h"

enum http_framing {
    FRAMING_NONE,    // no body
    FRAMING_LENGTH,  // exactly content_length bytes
    FRAMING_CHUNKED, // chunks (RFC 9112 7.1); in HTTP/2 until the end of the stream
    FRAMING_CLOSE,   // responses only: until the server closes
    FRAMING_TUNNEL,  // after 101: bytes both ways until one side closes
};

struct http_request {
    struct slice method; // as received: any token up to 32 bytes; case matters
    struct slice target; // as received
    struct slice path;   // path and query of the target ("/a?b"); "*" for OPTIONS *
    size_t path_size;    // of the path without the query
    bool path_is_plain;  // every byte of the path stands for itself: see http/path.h
    struct slice
        authority;         // host[:port]: from the target, else Host; empty when neither (HTTP/1.0)
    struct slice host;     // authority without port; brackets around IPv6; letters in any case
    uint8_t minor_version; // 0 or 1
    enum http_framing framing; // NONE, LENGTH or CHUNKED
    uint64_t content_length;   // FRAMING_LENGTH only; > 0
    bool keep_alive;           // the client allows another request on the connection
    bool is_head;
    bool expects_continue;  // Expect: 100-continue in HTTP/1.1 with a body; otherwise it is ignored
    bool upgrade;           // Connection: upgrade with one Upgrade field in HTTP/1.1; see below
    struct slice protocols; // value of Upgrade, if `upgrade`
    bool idempotent;        // GET HEAD OPTIONS PUT DELETE
    // GET, HEAD, OPTIONS or DELETE with a body, which has no meaning there (RFC 9110 9.3.1). The
    // body is forwarded, but the server may not read it as a body. So the connection to the server
    // must not be used again.
    bool body_is_unusual;
    bool has_dav_fields;   // has Destination or If, which contain URLs: see exchange/dav.h
    bool binds_connection; // the scheme of Authorization authenticates the connection
    int32_t max_forwards;  // of OPTIONS, as received; -1: none
    struct slice referer, user_agent; // values of the first such fields; empty: none
    struct http_fields *fields;
};

// The request line of HTTP/1, or the pseudo-header fields of a header list, which count as version
// 1.1.
struct http_request_line {
    struct slice method; // a token
    struct slice target; // visible ASCII, and well-formed percent-encoding before a query
    // Size of the path at its beginning, if every byte of the path is plain; else 0.
    size_t plain_size;
    uint8_t minor_version;
    // A body follows, and the stream has its end, not a field. Always false in HTTP/1.
    bool body_comes;
};

// Sets the members that do not depend on fields (method, target, minor_version, is_head,
// idempotent), and `fields`, which may be filled before or later.
void http_request_begin(struct http_request *request, const struct http_request_line *line,
                        struct http_fields *fields);

// Sets all other members, and marks fields as hop-by-hop. `index` belongs to request->fields.
// RESULT_ERROR: `refusal` has the status and the reason.
//
// Refused with 400:
//   Host               missing (HTTP/1.1), repeated or malformed; different from the authority of
//                      an absolute-form target (any case, default port aware)
//   target             neither a path, an http or https URI, nor (with OPTIONS only) "*"; with a
//                      fragment or user information; a path that http_check_path() refuses
//   repeated           Authorization, Content-Type or Origin
//   Content-Length     not 1 to 18 digits; repeated (even with the same value); next to
//                      Transfer-Encoding
//   Transfer-Encoding  in HTTP/1.0; repeated; not ending in exactly one "chunked"
//   Connection         more than 32 options; an option that is not a token, or that names an
//                      end-to-end field (http_field_is_end_to_end())
//   others             a malformed Upgrade; a malformed or repeated Max-Forwards (with OPTIONS)
// 405: TRACE. 417: Expect other than one 100-continue. 501: CONNECT, or other codings before a
// final "chunked".
//
// An Upgrade to HTTP/2 (h2c) or TLS is dropped, because Ravelin could not check the requests in the
// tunnel. An Upgrade in several lines is dropped, too. Such a request is forwarded as an ordinary
// request (RFC 9110 7.8). A request with a body may ask for an upgrade: the caller must accept a
// 101 only after it has sent the whole body.
enum result http_request_read(struct http_request *request, const struct http_request_line *line,
                              const struct http_index *index,
                              struct http_refusal *refusal) MUST_CHECK;

#endif
