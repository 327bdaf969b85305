// A sink: receives the fields of a message, one after the other. The walk (http/walk.h) decides
// which fields are written. The sink decides how: as lines of HTTP/1, or as a header list.
//
// If the sink is a compile-time constant, the compiler calls put() directly, because walks are
// always inline.
#ifndef RAVELIN_HTTP_SINK_H
#define RAVELIN_HTTP_SINK_H

#include "http/header.h"

// Names and values are valid only during the call.
struct http_sink {
    // Receives a field that Ravelin adds.
    void (*put)(void *context, struct slice name, struct slice value);
    // Receives a field of the message, whose id is known.
    void (*forward)(void *context, const struct http_field *field);
    void *context;
};

#endif
