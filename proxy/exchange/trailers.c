#include "exchange/trailers.h"

#include <stdlib.h>
#include <string.h>

static struct trailers *new_trailers(size_t capacity) {
    struct trailers *trailers = malloc(sizeof(*trailers) + capacity);
    if (trailers != NULL) {
        *trailers = (struct trailers){.capacity = capacity};
    }
    return trailers;
}

// Trailers must exist. RESULT_EOF: the section has reached its limit.
static enum result gather(struct trailers *trailers, const char *data, size_t size, size_t *used) {
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

enum result trailers_gather(struct trailers **trailers, size_t limit, const char *data, size_t size,
                            size_t *used, const char **why) {
    *used = 0;
    *trailers = *trailers == NULL ? new_trailers(limit) : *trailers;
    struct trailers *section = *trailers;
    if (section == NULL) {
        *why = "no memory for a trailer section";
        return RESULT_ERROR;
    }
    enum result result = gather(section, data, size, used);
    if (result == RESULT_EOF) {
        *why = "the trailer section is too large";
        return RESULT_ERROR;
    }
    if (result == RESULT_AGAIN &&
        http_check_trailers_part(section->data, section->size, &section->part, why) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return result;
}

enum result trailers_gather_response(struct trailers **trailers, size_t limit, const char *data,
                                     size_t size, size_t *used, struct http_refusal *refusal) {
    *used = 0;
    *trailers = *trailers == NULL ? new_trailers(limit) : *trailers;
    struct trailers *section = *trailers;
    if (section == NULL) {
        *refusal = (struct http_refusal){.status = 503, .why = "no memory for trailers"};
        return RESULT_ERROR;
    }
    enum result result = gather(section, data, size, used);
    if (result == RESULT_EOF) {
        *refusal = (struct http_refusal){
            .status = 502, .why = "the trailers are larger than response-header-size"};
        return RESULT_ERROR;
    }
    if (result == RESULT_AGAIN &&
        http_check_response_trailers_part(section->data, section->size, &section->part, refusal) !=
            RESULT_OK) {
        return RESULT_ERROR;
    }
    return result;
}
