// A sink: receives the fields of a message, one after the other. The walk (http/walk.h) decides
// which fields are written. The sink decides how: as lines of HTTP/1, or as a header list.
//
// If the sink is a compile-time constant, the compiler calls put() directly, because walks are
// always inline.
#ifndef RAVELIN_HTTP_SINK_H
#define RAVELIN_HTTP_SINK_H

#include "base/slice.h"

struct http_sink {
    // Receives one field. Both slices are valid only during the call.
    void (*put)(void *context, struct slice name, struct slice value);
    void *context;
};

#endif
