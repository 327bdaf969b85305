// The path of a request target, as far as the choice of a route needs it. RFC 3986 3.3 and 6.2.2.
//
// A route is chosen for the path in normal form: percent-encoding decoded once, dot segments
// resolved. The target itself is forwarded as it was received. What servers read differently must
// not make a difference to the route: an encoded slash or backslash (a slash to some), a second
// decoding, an empty segment (dropped by some), a parameter behind ';' (cut off by some), and
// overlong UTF-8 (decoded by some). Such a byte is *doubtful*: it stands for itself to one server
// and for something else to another. Readers are told, and the router refuses a path of which
// different readings lead to different routes.
//
// http_check_path() refuses at once what could lead anywhere: a backslash; an encoded NUL; a dot
// segment that is not written plainly ("%2e%2e", "..%2f", "..;a", "%252e"); one that climbs above
// the root, or that would remove an empty segment or one with a doubtful slash in it; dot segments
// in a path over HTTP_DOTTED_PATH_MAX. So the readers below meet no dot segment but plain ones.
//
// Bytes in, bytes out; nothing is allocated.
#ifndef RAVELIN_HTTP_PATH_H
#define RAVELIN_HTTP_PATH_H

#include "base/slice.h"

#include <stdbool.h>

#define HTTP_DOTTED_PATH_MAX 4096

// `path` is scanned target bytes (percent-encoding well-formed) from the first '/' up to the query.
// NULL when it is right, else why the answer is 400.
const char *http_check_path(struct slice path);

// Reads a checked path byte by byte in normal form. Doubtful bytes are read in their farthest
// meaning: decoded twice, every kind of slash a slash, empty segments dropped, parameters cut off.
struct http_path_reader {
    const char *at;
    const char *end;
    bool after_slash;
    char resolved[HTTP_DOTTED_PATH_MAX]; // the path without its dot segments, when it had any
};

enum http_path_step {
    PATH_BYTE,          // *byte is the next one
    PATH_DOUBTFUL_BYTE, // the same, but to some servers another byte stands here
    PATH_DOUBTFUL,      // no byte, but to some servers one stands here
    PATH_LOST,          // where the path goes on depends on the server; nothing more is read
    PATH_END,
};

void http_path_reader_init(struct http_path_reader *reader, struct slice path);
enum http_path_step http_path_next(struct http_path_reader *reader, char *byte);

#endif
