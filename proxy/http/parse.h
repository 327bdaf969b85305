// Message heads: bytes in, one clear reading or a refusal out. RFC 9110 and 9112, strict where they leave a choice.
//
// The caller gathers a whole head (through the empty line) in one contiguous run of bytes; http_head_end() finds
// that end incrementally. The head is first checked by our own strict scan (only CRLF line ends, no control bytes,
// no obs-fold, no space before the colon, token names, origin/absolute/asterisk-form targets where they belong), then
// read by http-parser (built strict), which gives names, values and the flags; then the framing decision is made
// here, once, and stored in `framing`. What is ambiguous is refused: a request with an `http_refusal` status, a
// response with RESULT_ERROR.
//
// No I/O, no allocation, no state between messages. http_parser.h is included only by parse.c.
#ifndef RAVELIN_HTTP_PARSE_H
#define RAVELIN_HTTP_PARSE_H

#include "base/result.h"
#include "base/slice.h"
#include "http/header.h"

#include <stdbool.h>
#include <stdint.h>

enum http_framing {
    FRAMING_NONE,    // no body
    FRAMING_LENGTH,  // exactly content_length bytes
    FRAMING_CHUNKED, //
    FRAMING_CLOSE,   // responses only: until the server closes
    FRAMING_TUNNEL,  // after 101: bytes both ways until close
};

struct http_request {
    struct slice method;
    struct slice target;    // as received
    struct slice path;      // origin-form path and query of the target ("/a?b"); "*" for OPTIONS *
    struct slice authority; // host[:port]: from the absolute-form target, else Host; empty when neither (HTTP/1.0)
    struct slice host;      // authority without port, brackets kept for IPv6
    uint8_t minor_version;  // 0 or 1
    enum http_framing framing; // NONE, LENGTH or CHUNKED
    uint64_t content_length;   // FRAMING_LENGTH only; > 0
    bool keep_alive;           // what the client asks for
    bool is_head;
    bool expects_continue;
    bool upgrade;              // Connection: upgrade with an Upgrade field, HTTP/1.1, no body
    bool idempotent;           // GET HEAD OPTIONS PUT DELETE TRACE
    struct http_fields *fields;
};

struct http_response {
    uint16_t status;
    struct slice reason;
    uint8_t minor_version;
    enum http_framing framing; // for 101: FRAMING_TUNNEL
    uint64_t content_length;   // FRAMING_LENGTH only (> 0)
    bool has_declared_length;  // a Content-Length is to be forwarded (also in answers to HEAD and 304)
    uint64_t declared_length;
    bool declared_chunked;     // Transfer-Encoding: chunked was there (also in answers to HEAD)
    bool interim;              // 1xx other than 101
    bool keep_alive;           // the connection can be used again after this message
    struct http_fields *fields;
};

// What to answer a refused request with: 400, 414, 417, 431, 501 or 505, and why (a static text for the log).
struct http_refusal {
    uint16_t status;
    const char *why;
};

// Looks for the end of the head in data[0..size). `scanned` (start it at 0) remembers how far earlier calls came.
// Returns the head's size including the empty line, or 0 when it is not complete yet. Bare-LF line ends are also
// found as an end here ("\n\n", "\r\n\n"), so that the parser can refuse them at once instead of waiting.
size_t http_head_end(const char *data, size_t size, size_t *scanned);

// How many bytes of empty lines (CRLF) precede a request line: RFC 9112 2.2 lets a server skip them; at most 8 are.
size_t http_skip_empty_lines(const char *data, size_t size);

// `head` is exactly one head, with its empty line. Fields are stored in `fields` (its capacity is the limit: 431).
// On RESULT_ERROR `refusal` says what to answer. The slices point into `head`.
enum result http_parse_request(struct slice head, struct http_fields *fields, struct http_request *request,
                               struct http_refusal *refusal) MUST_CHECK;

// `request_is_head`, `upgrade_asked`: of the request this answers. On RESULT_ERROR *why is a static text.
enum result http_parse_response(struct slice head, bool request_is_head, bool upgrade_asked,
                                struct http_fields *fields, struct http_response *response,
                                const char **why) MUST_CHECK;

// The trailer section of a chunked body: field lines and the empty line. Same strictness. Fields that must not be
// in trailers (framing, routing, Connection, ...) make it an error.
enum result http_parse_trailers(struct slice section, struct http_fields *fields, const char **why) MUST_CHECK;

#endif
