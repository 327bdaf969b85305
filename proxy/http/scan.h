// The strict scan: the first and deciding look at the bytes of a message head. Used inside http/
// only.
//
// One pass, one class table. It accepts only what RFC 9112 lets a sender generate: lines that end
// in CRLF, no control byte but HTAB inside field values, no line folding, a token and a colon at
// once after it. It finds the parts of the start line and the name and value of every field; what
// they mean is decided in http/request and http/parse_response.
//
// Every function takes bytes that end in LF (checked here first), so that no loop runs past them.
// No I/O, no allocation.
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

// Each returns how many bytes the line takes with its CRLF, or 0 with `refusal` set.
size_t http_scan_request_line(struct slice head, struct http_request_line *line,
                              struct http_refusal *refusal);
size_t http_scan_status_line(struct slice head, struct http_status_line *line,
                             struct http_refusal *refusal);

// Field lines and the empty line, nothing before and nothing after. Fills `fields` (names, trimmed
// values, ids, and hop_by_hop for those that are so by name) and `index`.
enum result http_scan_fields(struct slice section, struct http_fields *fields,
                             struct http_index *index, struct http_refusal *refusal) MUST_CHECK;

// The tolerant scan of http/scan_response.c, for the heads of responses that the strict one
// refuses: see http_parse_response(). `refusal` says which byte is wrong.
size_t http_scan_status_line_tolerantly(struct slice head, struct http_status_line *line,
                                        struct http_refusal *refusal);
enum result http_scan_fields_tolerantly(struct slice section, struct http_fields *fields,
                                        struct http_index *index,
                                        struct http_refusal *refusal) MUST_CHECK;
// The line at *at without its end, CRLF or LF; *at goes behind that. False: no line ends there.
bool http_next_line(const char **at, const char *end, struct slice *line);
// Splits a line into name and value. RESULT_ERROR: it is no field.
enum result http_split_field(struct slice line, struct slice *name, struct slice *value,
                             struct http_refusal *refusal) MUST_CHECK;

// Why what is at `at` ends no name that began at `name`.
const char *http_why_bad_name(const char *name, const char *at);

#endif
