// Writes the text format of Prometheus, version 0.0.4: families of samples with labels, into a
// bounded buffer. Label values are escaped, so that no byte of a value can end its quotes or its
// line.
#ifndef RAVELIN_MONITOR_EXPOSITION_H
#define RAVELIN_MONITOR_EXPOSITION_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPOSITION_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define EXPOSITION_PREFIX "ravelin_" // before every name

// If a piece does not fit, `failed` becomes true and nothing more is written.
struct exposition {
    struct buffer *output; // owned by the caller
    size_t limit;          // largest size of the output in bytes
    bool failed;
    bool has_label; // the present sample has a label
};

// Begins a family: HELP and TYPE. `type`: "counter", "gauge" or "histogram".
void exposition_family(struct exposition *exposition, const char *name, const char *type,
                       const char *help);
// A sample: begin, any number of labels, end. `suffix`: "", or "_bucket" and the like.
void exposition_begin(struct exposition *exposition, const char *name, const char *suffix);
void exposition_label(struct exposition *exposition, const char *key, const char *value);
void exposition_end(struct exposition *exposition, uint64_t value);
void exposition_end_seconds(struct exposition *exposition, double seconds);

#endif
