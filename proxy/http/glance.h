// Finds the parts of a refused request, for logs only.
//
// The reading is lenient and decides nothing. It happens after the strict parser (http/parse.h) has
// refused the request. The slices point into the bytes of the request, have bounded sizes, and may
// contain any byte: the log must escape them. No I/O, no allocation.
#ifndef RAVELIN_HTTP_GLANCE_H
#define RAVELIN_HTTP_GLANCE_H

#include "base/slice.h"

#define HTTP_GLANCE_LINE_MAX 2048
// Bound for a first line without a method, which may be any bytes, such as a part of a body.
#define HTTP_GLANCE_OTHER_MAX 256

struct http_glance {
    struct slice line;     // the first line without its end, cut at the bound
    struct slice method;   // empty: the line does not begin with a token and a space
    struct slice target;   // behind the method; without a method the whole line
    struct slice protocol; // "HTTP/1.1"; empty: the line does not end in " HTTP/" and more
    struct slice host;     // value of the first Host field; the same for the next two
    struct slice referer;
    struct slice user_agent;
};

// `bytes`: a head, or the beginning of one.
struct http_glance http_glance(struct slice bytes);

#endif
