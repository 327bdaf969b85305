#include "session/body_rest.h"

#include "session/relay.h"

#include <stdlib.h>

// RESULT_OK: the last *used bytes end the body. RESULT_AGAIN: all of the segment belongs to it.
static enum result drop_chunked(struct body_rest *rest, const struct segment *segment,
                                size_t *used) {
    *used = 0;
    while (*used < segment->size) {
        const char *at = (const char *)segment->data + *used;
        size_t left = segment->size - *used;
        size_t length = 0;
        enum chunk_span span = CHUNK_TRAILERS;
        const char *why;
        enum result result = RESULT_AGAIN;
        if (rest->trailers.gathering) {
            result = trailers_gather(&rest->trailers, TRAILERS_MAX, at, left, &length);
        } else if (chunk_next(&rest->decoder, at, left, &span, &length, &why) != RESULT_OK) {
            return RESULT_ERROR;
        } else {
            rest->trailers.gathering = span == CHUNK_TRAILERS;
        }
        *used += length;
        if (result != RESULT_AGAIN) {
            return result;
        }
    }
    return RESULT_AGAIN;
}

static enum result drop_segment(struct body_rest *rest, const struct segment *segment,
                                size_t *used) {
    if (rest->framing == FRAMING_CHUNKED) {
        return drop_chunked(rest, segment, used);
    }
    *used = segment->size < rest->left ? segment->size : (size_t)rest->left;
    rest->left -= *used;
    return rest->left == 0 ? RESULT_OK : RESULT_AGAIN;
}

enum result body_rest_drop(struct body_rest *rest, struct transport *transport, uint64_t *dropped) {
    while (transport_has_segments(transport)) {
        size_t used = 0;
        enum result result = drop_segment(rest, transport_segment(transport, 0), &used);
        if (result != RESULT_ERROR) {
            transport_consume(transport, used);
            *dropped += used;
        }
        if (result != RESULT_AGAIN) {
            return result;
        }
    }
    return RESULT_AGAIN;
}

void body_rest_free(struct body_rest *rest) {
    if (rest != NULL) {
        trailers_free(&rest->trailers);
        free(rest);
    }
}
