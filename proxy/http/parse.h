// Parses heads and trailer sections of HTTP/1 (RFC 9110, RFC 9112) strictly: a message has one
// meaning, or it is refused.
//
// How a head is read:
//   1. The caller gathers the whole head, its empty line included, in one contiguous run of bytes.
//      http_head_end() finds the end incrementally.
//   2. The strict scan (http/scan.h) finds the start line and the fields. Line ends are CRLF, names
//      are tokens, and there are no control bytes, no line folding and no space before a colon.
//   3. http/request.h and parse_response.c decide once what the fields mean, above all the framing.
//   4. http-parser (built strict) reads the lines that frame a body again. It also reads lines
//      whose names only begin like Content-Length or Transfer-Encoding, because some servers
//      mistake them.
//      If a name, a value, the length or the chunked flag differs, the message is refused.
//      http-parser decides nothing else. It does not read the start line, because it has a fixed
//      list of methods.
// A response head that the strict scan refuses is scanned again, tolerantly (http/scan_response.c).
//
// No I/O, no allocation, no state between messages. http_parser.h is included only by parse.c.
#ifndef RAVELIN_HTTP_PARSE_H
#define RAVELIN_HTTP_PARSE_H

#include "base/result.h"
#include "base/slice.h"
#include "http/header.h"
#include "http/refusal.h"
#include "http/request.h"

#include <stdbool.h>
#include <stdint.h>

// Bounds in every configuration, in bytes: the head of a request (above: 431), and the head or
// trailer section of a response.
#define HTTP_HEAD_SIZE_MAX ((size_t)64 * 1024)
#define HTTP_RESPONSE_HEAD_SIZE_MAX ((size_t)256 * 1024)

struct http_response {
    uint16_t status; // 0 to 999
    struct slice reason;
    uint8_t minor_version;
    enum http_framing framing; // for 101: FRAMING_TUNNEL
    uint64_t content_length;   // FRAMING_LENGTH only (> 0)
    bool has_declared_length;  // Content-Length is forwarded (also for HEAD and 304)
    uint64_t declared_length;
    bool declared_chunked; // has Transfer-Encoding: chunked (also for HEAD and 304)
    bool interim;          // 1xx other than 101
    bool keep_alive;       // the connection can be used for another request
    // The server authenticates the connection, or will do so: it must serve no other client.
    bool binds_connection;
    struct http_fields *fields;
};

// Finds the end of the head in data[0..size). `scanned`: 0 at the first call for a head; it stores
// how far earlier calls have searched. Returns the size of the head, its empty line included. 0:
// the head is not complete. Lines that end in LF alone count here ("\n\n", "\n\r\n"), so that the
// parser refuses them at once.
size_t http_head_end(const char *data, size_t size, size_t *scanned);

// The same for a trailer section, which may be only an empty line.
size_t http_trailers_end(const char *data, size_t size, size_t *scanned);

// The number of bytes of empty lines (CRLF) before a request line, which the caller skips (RFC 9112
// 2.2); at most 8 lines of a request. `skipped`: 0 at the first call for a request; it counts the
// lines over several calls.
size_t http_skip_empty_lines(const char *data, size_t size, uint8_t *skipped);

// The checked part of an incomplete message. {0} at its beginning.
struct http_part {
    uint32_t checked; // bytes; 0: the first line is not complete
    bool in_value;    // these bytes end within the value of a field
};

// These functions check an incomplete head or trailer section. They refuse at once bytes that can
// never become valid: HTTP/0.9, another protocol, a CR or LF alone, a control byte, a line that is
// not a field.
//   OK     no fault so far
//   ERROR  `refusal`, or *why, is set as after parsing
enum result http_check_request_part(const char *data, size_t size, struct http_part *part,
                                    struct http_refusal *refusal) MUST_CHECK;
enum result http_check_response_part(const char *data, size_t size, struct http_part *part,
                                     struct http_refusal *refusal) MUST_CHECK;
enum result http_check_trailers_part(const char *data, size_t size, struct http_part *part,
                                     const char **why) MUST_CHECK;
enum result http_check_response_trailers_part(const char *data, size_t size, struct http_part *part,
                                              struct http_refusal *refusal) MUST_CHECK;

// Returns the status for a request head over the limit: 414 if its first line is not complete, else
// 431.
uint16_t http_oversize_status(const char *data, size_t size);

// Parses a request head. The slices point into `head` or at static text.
//   head    exactly one head, with its empty line
//   fields  out; its capacity is the limit for the number of fields
//   ERROR   `refusal` has the status and the reason; of `request` only `is_head` is set
//
// Statuses: 431 for a head over HTTP_HEAD_SIZE_MAX or with too many fields; 501 for a method over
// 32 bytes; 505 for a version HTTP/d.d except 1.0 and 1.1; 400 for other faults that the scan
// finds. http_request_read() has the faults of fields.
enum result http_parse_request(struct slice head, struct http_fields *fields,
                               struct http_request *request,
                               struct http_refusal *refusal) MUST_CHECK;

// Parses a response head.
//   request_is_head  the request has the method HEAD
//   protocols        of the request's Upgrade; empty: the request asked for no upgrade
//
// 1xx, 204, 205, 304 and responses to HEAD have no body, whatever their fields say. After a 204 or
// 205 that announces a body the connection is not kept. A 205 is forwarded with Content-Length: 0.
//
// Operators choose their servers, so a head that the strict scan refuses is read tolerantly if only
// one reading exists, as both nginx and HAProxy do:
//   status line        several spaces before the status; any status of three digits; any version
//                      from 1.0, and versions over 1.1 count as 1.1; any byte except CR and LF in
//                      the reason, which is then dropped
//   lines              may end in LF; values may have control bytes except CR, LF and NUL
//   Content-Length     may be repeated, in lines or in a list, with the same number
//   Transfer-Encoding  may have empty elements; may be in HTTP/1.0 (the connection is not kept)
//   Connection         options that are not tokens or name an end-to-end field are ignored (the
//                      connection is not kept)
//
// RESULT_ERROR: other faults that the scan finds; a malformed Content-Length, or two with different
// values; a Transfer-Encoding except one "chunked"; both fields; a 1xx in HTTP/1.0; a 101 without
// Upgrade or Connection: upgrade, without a request for an upgrade, or to a protocol that the
// request does not name.
enum result http_parse_response(struct slice head, bool request_is_head, struct slice protocols,
                                struct http_fields *fields, struct http_response *response,
                                struct http_refusal *refusal) MUST_CHECK;

// Parses the trailer section of a chunked request: field lines and the empty line. As strict as for
// a head. A field that is not allowed in trailers is an error
// (http_field_is_barred_from_trailers()).
enum result http_parse_trailers(struct slice section, struct http_fields *fields,
                                const char **why) MUST_CHECK;

// The same for a response, tolerantly. Dropped are lines that are not fields, fields that are not
// allowed in trailers, and fields beyond the capacity. Errors are only a CR alone, because two
// readings of the line exist, and a missing end.
enum result http_parse_response_trailers(struct slice section, struct http_fields *fields,
                                         struct http_refusal *refusal) MUST_CHECK;

// The version of http-parser: major, minor, patch.
void http_library_version(unsigned parts[3]);

#endif
