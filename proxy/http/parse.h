// Message heads: bytes in, one clear reading or a refusal out. RFC 9110 and 9112, strict where they
// leave a choice.
//
// The caller gathers a whole head (through the empty line) in one contiguous run of bytes;
// http_head_end() finds that end incrementally. The head is read by our own strict scan (http/scan:
// only CRLF line ends, no control bytes, no obs-fold, no space before the colon, token names). What
// the fields mean, the framing above all, is decided once, in http/request and http/parse_response.
// Then http-parser (built strict) reads the lines that frame a body a second time, among them any
// whose names only begin like Content-Length or Transfer-Encoding, as some readers take those for
// them: where a name, a value, the length or the chunked flag differs from ours in anything, the
// message is refused: it decides nothing else. The start line is read by us alone, as http-parser
// knows only a fixed list of methods. What is ambiguous is refused: a request with an
// `http_refusal` status, a response with RESULT_ERROR. The head of a response that the strict scan
// refuses is read once more by a tolerant one (http/scan_response).
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

// The longest head of a request (longer: 431), and the longest head of a response and trailer
// section, that the parser looks at, whatever the configuration says.
#define HTTP_HEAD_SIZE_MAX ((size_t)64 * 1024)
#define HTTP_RESPONSE_HEAD_SIZE_MAX ((size_t)256 * 1024)

struct http_response {
    uint16_t status; // 0 to 999
    struct slice reason;
    uint8_t minor_version;
    enum http_framing framing; // for 101: FRAMING_TUNNEL
    uint64_t content_length;   // FRAMING_LENGTH only (> 0)
    bool has_declared_length;  // a Content-Length is to be forwarded (also for HEAD and 304)
    uint64_t declared_length;
    bool declared_chunked; // Transfer-Encoding: chunked was there (also in answers to HEAD and 304)
    bool interim;          // 1xx other than 101
    bool keep_alive;       // the connection can be used again after this message
    // The server authenticates the connection, or is about to: it must serve no other client.
    bool binds_connection;
    struct http_fields *fields;
};

// Looks for the end of the head in data[0..size). `scanned` (start it at 0) remembers how far
// earlier calls came. Returns the head's size including the empty line, or 0 when it is not
// complete yet. Bare-LF line ends are also found as an end here ("\n\n", "\n\r\n"), so that the
// parser can refuse them at once instead of waiting.
size_t http_head_end(const char *data, size_t size, size_t *scanned);

// The same for a trailer section, which may be the empty line alone.
size_t http_trailers_end(const char *data, size_t size, size_t *scanned);

// How many bytes of empty lines (CRLF) precede a request line: RFC 9112 2.2 lets a server skip
// them; at most 8 are. `skipped` (start it at 0 for each request) counts them over several calls.
size_t http_skip_empty_lines(const char *data, size_t size, uint8_t *skipped);

// How far a message that is not complete has been looked at. {0} when it begins.
struct http_part {
    uint32_t checked; // bytes; 0: not even the first line is whole
    bool in_value;    // they end within the value of a field
};

// Look at all that has come of a head or trailer section that is not complete, so that what can
// never become one (HTTP/0.9, another protocol, bare CR or LF, a control byte, a line that is no
// field) is refused at once instead of waited for. RESULT_OK: nothing is wrong so far. On
// RESULT_ERROR `refusal`, or *why, is as after parsing.
enum result http_check_request_part(const char *data, size_t size, struct http_part *part,
                                    struct http_refusal *refusal) MUST_CHECK;
enum result http_check_response_part(const char *data, size_t size, struct http_part *part,
                                     struct http_refusal *refusal) MUST_CHECK;
enum result http_check_trailers_part(const char *data, size_t size, struct http_part *part,
                                     const char **why) MUST_CHECK;
enum result http_check_response_trailers_part(const char *data, size_t size, struct http_part *part,
                                              struct http_refusal *refusal) MUST_CHECK;

// What to answer when a request head does not end within the limit: 414 when not even its first
// line does, else 431.
uint16_t http_oversize_status(const char *data, size_t size);

// `head` is exactly one head, with its empty line. Fields are stored in `fields` (its capacity is
// the limit: 431). On RESULT_ERROR `refusal` says what to answer, and of `request` only `is_head`
// is set. The slices point into `head` or at static text.
//
// What the fields mean is read by http_request_read(), which says what else is refused. A head over
// HTTP_HEAD_SIZE_MAX or with more fields than there is room for gets 431, a method over 32 bytes
// 501, any version HTTP/d.d but 1.0 and 1.1 505, and other heads that the scan refuses 400.
enum result http_parse_request(struct slice head, struct http_fields *fields,
                               struct http_request *request,
                               struct http_refusal *refusal) MUST_CHECK;

// `request_is_head`, `protocols` (empty when no upgrade was asked for): of the request this
// answers.
//
// 1xx, 204, 205, 304 and answers to HEAD have no body, whatever their fields say; after a 204 or
// 205 that announces one the connection is not kept, and a 205 is declared to be empty.
//
// Servers are the operator's choice, so a head that does not pass the scan of requests is read
// again, as nginx and HAProxy both do where only one reading exists (http/scan_response.c): lines
// that end in LF; several SP before the status; any status of three digits; any version from 1.0
// (what is beyond 1.1 is as 1.1); control bytes but CR, LF and NUL in values; any but CR and LF in
// the reason, which is then left out. Content-Length may be repeated, in lines or in a list, with
// the same number; Transfer-Encoding may have empty elements, and be in HTTP/1.0 (then the
// connection is not kept); Connection options that are no tokens, or name an end-to-end field, mean
// nothing (then it is not kept either).
//
// Errors: what remains of the scan's; Content-Length of another form, or two of different value;
// any Transfer-Encoding but one "chunked"; both of them; a 1xx in HTTP/1.0; a 101 that was not
// asked for, names a protocol that was not, or lacks Upgrade or Connection: upgrade.
enum result http_parse_response(struct slice head, bool request_is_head, struct slice protocols,
                                struct http_fields *fields, struct http_response *response,
                                struct http_refusal *refusal) MUST_CHECK;

// The trailer section of a chunked request: field lines and the empty line. Same strictness. Fields
// that must not be in trailers (http_field_is_barred_from_trailers) make it an error.
enum result http_parse_trailers(struct slice section, struct http_fields *fields,
                                const char **why) MUST_CHECK;

// The same of a response. Lines that are no fields, or fields that must not be in trailers, are
// left out, and so are fields beyond the capacity. An error is only a bare CR, as two readings of
// the line exist, or no end.
enum result http_parse_response_trailers(struct slice section, struct http_fields *fields,
                                         struct http_refusal *refusal) MUST_CHECK;

// Of http-parser: major, minor, patch.
void http_library_version(unsigned parts[3]);

#endif
