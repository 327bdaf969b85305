// The strict scan of a head: it finds the parts of the start line, and the name and value of every
// field. http/request.h and parse_response.c decide what they mean. Used inside http/ and http2/
// only.
//
// One pass over the bytes, with the one class table (bytes.h). The scan accepts only what RFC 9112
// allows a sender to generate: lines that end in CRLF, no control byte except HTAB in values, no
// line folding, a token as name with a colon directly behind it.
//
// Every function first checks that the bytes end in LF, so that no loop runs past them. No I/O, no
// allocation.
#ifndef RAVELIN_HTTP_SCAN_H
#define RAVELIN_HTTP_SCAN_H

#include "http/bytes.h"
#include "http/index.h"
#include "http/refusal.h"
#include "http/request.h"

#define METHOD_SIZE_MAX 32

struct http_status_line {
    uint16_t status;
    uint8_t minor_version;
    struct slice reason;
};

// Each returns the size of the line with its CRLF. 0: `refusal` is set.
size_t http_scan_request_line(struct slice head, struct http_request_line *line,
                              struct http_refusal *refusal);
// Scans a target outside of a request line, such as :path of HTTP/2. An LF must follow the target.
// Sets `target` and `plain_size` of the line.
enum result http_scan_target(struct slice target, struct http_request_line *line,
                             struct http_refusal *refusal) MUST_CHECK;
size_t http_scan_status_line(struct slice head, struct http_status_line *line,
                             struct http_refusal *refusal);

// Scans the field lines and the empty line; `section` must contain nothing else. Fills `fields` and
// `index`. hop_by_hop is set for fields that are hop-by-hop by their name.
enum result http_scan_fields(struct slice section, struct http_fields *fields,
                             struct http_index *index, struct http_refusal *refusal) MUST_CHECK;

// The tolerant scan (scan_response.c) for response heads that the strict scan refuses: see
// http_parse_response(). `refusal` names the wrong byte.
size_t http_scan_status_line_tolerantly(struct slice head, struct http_status_line *line,
                                        struct http_refusal *refusal);
enum result http_scan_fields_tolerantly(struct slice section, struct http_fields *fields,
                                        struct http_index *index,
                                        struct http_refusal *refusal) MUST_CHECK;
// Reads the line at *at without its end (CRLF or LF), and moves *at behind the end. False: no line
// end before `end`.
bool http_next_line(const char **at, const char *end, struct slice *line);
// Splits a line into name and value. RESULT_ERROR: the line is not a field.
enum result http_split_field(struct slice line, struct slice *name, struct slice *value,
                             struct http_refusal *refusal) MUST_CHECK;

// The reason why the name that begins at `name` must not end at `at`, as a static text.
const char *http_why_bad_name(const char *name, const char *at);

#endif
