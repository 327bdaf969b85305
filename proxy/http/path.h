// The path of a request target in normal form, for the choice of a route (RFC 3986 3.3 and 6.2.2).
// The target itself is forwarded as received. No I/O, no allocation.
//
// Normal form: percent-encoding decoded once, dot segments resolved. Servers read some bytes
// differently, and this must not change the route: an encoded slash or backslash (a slash to some),
// a second decoding, an empty segment (dropped by some), a parameter behind ';' (cut off by some),
// and overlong UTF-8 (decoded by some). Such a byte is *doubtful*. http_path_next() reports
// doubtful bytes, and the router refuses a path whose readings lead to different routes.
//
// http_check_path() refuses paths with too many readings: a backslash; an encoded NUL; a dot
// segment that is not written plainly ("%2e%2e", "..%2f", "..;a", "%252e"), that climbs above the
// root, or that removes an empty segment or a segment with a doubtful slash; a dot segment in a
// path over HTTP_DOTTED_PATH_MAX bytes.
#ifndef RAVELIN_HTTP_PATH_H
#define RAVELIN_HTTP_PATH_H

#include "base/slice.h"

#include <stdbool.h>

#define HTTP_DOTTED_PATH_MAX 4096

// Checks the path of a scanned target, from its first '/' up to the query. Its percent-encoding is
// well-formed. NULL: the path is valid. Otherwise a static text with the reason for a 400.
const char *http_check_path(struct slice path);

// Reads a checked path byte by byte in normal form. Doubtful bytes are decoded as far as any server
// does: twice, every kind of slash is a slash, empty segments are dropped, parameters are cut off.
struct http_path_reader {
    const char *at;
    const char *end;
    bool after_slash;
    char resolved[HTTP_DOTTED_PATH_MAX]; // if the path has dot segments: the path without them
};

enum http_path_step {
    PATH_BYTE,          // *byte is the next byte
    PATH_DOUBTFUL_BYTE, // the same; some servers read another byte here
    PATH_DOUBTFUL,      // no byte; some servers read a byte here
    PATH_LOST,          // the rest depends on the server; no more bytes follow
    PATH_END,
};

void http_path_reader_init(struct http_path_reader *reader, struct slice path);
enum http_path_step http_path_next(struct http_path_reader *reader, char *byte);

#endif
