#include "exchange/trailers.h"

#include <stdlib.h>
#include <string.h>

// RESULT_EOF: the section has reached its limit.
static enum result gather(struct trailers *trailers, size_t limit, const char *data, size_t size,
                          size_t *used) {
    *used = 0;
    if (trailers->data == NULL) {
        trailers->data = malloc(limit);
        if (trailers->data == NULL) {
            trailers->why = "no memory for a trailer section";
            return RESULT_ERROR;
        }
        trailers->capacity = limit;
        trailers->size = trailers->scanned = 0;
        trailers->part = (struct http_part){0, false};
    }
    size_t room = trailers->capacity - trailers->size;
    size_t part = size < room ? size : room;
    memcpy(trailers->data + trailers->size, data, part);
    size_t before = trailers->size;
    trailers->size += part;
    size_t end = http_trailers_end(trailers->data, trailers->size, &trailers->scanned);
    if (end > 0) {
        *used = end - before;
        trailers->size = end;
        return RESULT_OK;
    }
    *used = part;
    return trailers->size == trailers->capacity ? RESULT_EOF : RESULT_AGAIN;
}

enum result trailers_gather(struct trailers *trailers, size_t limit, const char *data, size_t size,
                            size_t *used) {
    enum result result = gather(trailers, limit, data, size, used);
    if (result == RESULT_EOF) {
        trailers->why = "the trailer section is too large";
        return RESULT_ERROR;
    }
    if (result == RESULT_AGAIN &&
        http_check_trailers_part(trailers->data, trailers->size, &trailers->part, &trailers->why) !=
            RESULT_OK) {
        return RESULT_ERROR;
    }
    return result;
}

enum result trailers_gather_response(struct trailers *trailers, size_t limit, const char *data,
                                     size_t size, size_t *used, struct http_refusal *refusal) {
    enum result result = gather(trailers, limit, data, size, used);
    if (result == RESULT_ERROR) {
        *refusal = (struct http_refusal){.status = 503, .why = "no memory for trailers"};
    } else if (result == RESULT_EOF) {
        *refusal = (struct http_refusal){
            .status = 502, .why = "the trailers are larger than response-header-size"};
        result = RESULT_ERROR;
    } else if (result == RESULT_AGAIN) {
        result = http_check_response_trailers_part(trailers->data, trailers->size, &trailers->part,
                                                   refusal) == RESULT_OK
                     ? RESULT_AGAIN
                     : RESULT_ERROR;
    }
    return result;
}

void trailers_free(struct trailers *trailers) {
    free(trailers->data);
    trailers->data = NULL;
}
