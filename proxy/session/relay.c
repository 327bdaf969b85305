#include "session/relay.h"

#include "http/parse.h"

#include <stdlib.h>
#include <string.h>

enum result trailers_gather(struct trailers *trailers, size_t limit, const char *data, size_t size,
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
    trailers->why = "the trailer section is too large";
    bool hopeless = trailers->size == trailers->capacity ||
                    http_check_trailers_part(trailers->data, trailers->size, &trailers->part,
                                             &trailers->why) != RESULT_OK;
    return hopeless ? RESULT_ERROR : RESULT_AGAIN;
}

void trailers_free(struct trailers *trailers) {
    free(trailers->data);
    trailers->data = NULL;
}
