// What a request that was refused looked like, as far as its bytes came: for logs only.
//
// The reading is lenient and decides nothing. It is done after a refusal, never before: http/parse
// reads strictly. The slices point into the bytes, are bounded, and may hold any byte, so that
// whoever prints them must escape them. No I/O, no allocation.
#ifndef RAVELIN_HTTP_GLANCE_H
#define RAVELIN_HTTP_GLANCE_H

#include "base/slice.h"

#define HTTP_GLANCE_LINE_MAX 2048
// Of a first line without a method: it may be anything, part of a body too.
#define HTTP_GLANCE_OTHER_MAX 256

struct http_glance {
    struct slice line;     // the first line without its end, cut
    struct slice method;   // empty: it does not begin with a token and a space
    struct slice target;   // what follows the method; without one the line
    struct slice protocol; // "HTTP/1.1"; empty: the line does not end in " HTTP/" and more
    struct slice host;     // of the first such field
    struct slice referer;
    struct slice user_agent;
};

// `bytes`: the beginning of a head, or all of it.
struct http_glance http_glance(struct slice bytes);

#endif
