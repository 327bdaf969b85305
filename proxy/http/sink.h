// Where the fields of a message that is sent go, one after the other: how they are written is the
// sink's matter, which ones are written that of its caller (http/walk.h).
//
// A sink that is a constant to the compiler costs nothing: the walks are always inline, so that its
// function is called directly.
#ifndef RAVELIN_HTTP_SINK_H
#define RAVELIN_HTTP_SINK_H

#include "base/slice.h"

struct http_sink {
    // Takes one field. Both slices are valid only during the call.
    void (*put)(void *context, struct slice name, struct slice value);
    void *context;
};

#endif
