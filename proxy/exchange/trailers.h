// A trailer section on its way, gathered because it may arrive in pieces.
#ifndef RAVELIN_EXCHANGE_TRAILERS_H
#define RAVELIN_EXCHANGE_TRAILERS_H

#include "base/result.h"
#include "http/parse.h"

struct trailers {
    char *data; // NULL until needed
    size_t capacity;
    size_t size;
    size_t scanned;
    struct http_part part;
    bool gathering;
    const char *why; // after RESULT_ERROR of trailers_gather()
};

// Appends to the trailers until their section is whole. RESULT_OK: whole, *used bytes of data
// belong to it. RESULT_AGAIN: all of data was taken, more is needed. RESULT_ERROR: too long,
// malformed (http_check_trailers_part) or no memory. `limit` bounds a section that begins with this
// call.
enum result trailers_gather(struct trailers *trailers, size_t limit, const char *data, size_t size,
                            size_t *used) MUST_CHECK;
// The same of a response. On RESULT_ERROR `refusal` says why: too long, no memory, or what no
// reading of it could mend (http_check_response_trailers_part).
enum result trailers_gather_response(struct trailers *trailers, size_t limit, const char *data,
                                     size_t size, size_t *used,
                                     struct http_refusal *refusal) MUST_CHECK;
void trailers_free(struct trailers *trailers);

#endif
