// Gathers a trailer section, because it may arrive in pieces. Most messages have no trailers: the
// first bytes of a section allocate struct trailers, and free() ends it.
#ifndef RAVELIN_EXCHANGE_TRAILERS_H
#define RAVELIN_EXCHANGE_TRAILERS_H

#include "base/result.h"
#include "base/slice.h"
#include "http/parse.h"

struct trailers {
    size_t capacity;
    size_t size;
    size_t scanned;
    struct http_part part;
    char data[]; // [capacity]
};

// Appends bytes until the section is complete.
//   trailers  *trailers is allocated if it is NULL; the caller frees it
//   limit     largest size of a section that begins with this call
//   used      out: bytes of data that belong to the section
//   why       out, after ERROR: static text
//   OK        the section is complete
//   AGAIN     all of data was appended, more is needed
//   ERROR     too long, malformed (http_check_trailers_part()) or no memory
enum result trailers_gather(struct trailers **trailers, size_t limit, const char *data, size_t size,
                            size_t *used, const char **why) MUST_CHECK;
// The same for a response. ERROR: `refusal` has the reason: too long, no memory, or malformed
// beyond repair (http_check_response_trailers_part()).
enum result trailers_gather_response(struct trailers **trailers, size_t limit, const char *data,
                                     size_t size, size_t *used,
                                     struct http_refusal *refusal) MUST_CHECK;
// The bytes that have arrived; empty if there are no trailers (NULL).
static inline struct slice trailers_section(const struct trailers *trailers) {
    return trailers == NULL ? SLICE("") : (struct slice){trailers->data, trailers->size};
}

#endif
