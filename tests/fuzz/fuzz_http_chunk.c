// A chunked body: its spans tile the input and are the same however it is cut, and what we write for them reads the same.
#include "http/chunk.h"
#include "http_checks.h"

struct reading {
    char *kinds; // for each byte of the input, the span it belongs to
    size_t used;
    bool failed;
    bool ended;
    const char *why;
};

static void read_part(struct chunk_decoder *decoder, struct slice part, struct reading *reading) {
    struct slice block = copy_of(part.data, part.size);
    size_t at = 0;
    while (at < block.size && !reading->failed && !reading->ended) {
        enum chunk_span span = CHUNK_TRAILERS;
        size_t length = SIZE_MAX;
        const char *why = NULL;
        uint64_t remaining = decoder->remaining;
        if (chunk_next(decoder, block.data + at, block.size - at, &span, &length, &why) !=
            RESULT_OK) {
            CHECK(why != NULL);
            reading->failed = true;
            reading->why = why;
        } else if (span == CHUNK_TRAILERS) {
            CHECK(length == 0);
            reading->ended = true;
        } else {
            CHECK(length > 0 && length <= block.size - at);
            CHECK(span != CHUNK_DATA || length == block.size - at || length == remaining);
            memset(reading->kinds + reading->used, (int)span, length);
            reading->used += length;
            at += length;
        }
    }
    free((char *)block.data);
}

static struct reading read_in_parts(struct slice text, size_t part) {
    struct reading reading = {.kinds = malloc(text.size + 1)};
    struct chunk_decoder decoder;
    CHECK(reading.kinds != NULL);
    chunk_decoder_init(&decoder);
    for (size_t at = 0; at < text.size && !reading.failed && !reading.ended; at += part) {
        size_t size = text.size - at < part ? text.size - at : part;
        read_part(&decoder, (struct slice){text.data + at, size}, &reading);
    }
    return reading;
}

// Writes each data span as a chunk of our own, reads that, and expects the same data.
static void check_reframed(struct slice text, const struct reading *reading) {
    char *framed = malloc(text.size * (CHUNK_LINE_SIZE + 3) + 8);
    size_t size = 0;
    size_t data_size = 0;
    static const char last[] = {'0', '\r', '\n', '\r', '\n'};
    CHECK(framed != NULL);
    for (size_t at = 0; at < reading->used;) {
        size_t end = at;
        while (end < reading->used && reading->kinds[end] == reading->kinds[at]) {
            end++;
        }
        if (reading->kinds[at] == CHUNK_DATA) {
            char line[CHUNK_LINE_SIZE];
            char *start = chunk_write_size(line + sizeof line, end - at);
            size_t line_size = (size_t)(line + sizeof line - start);
            memcpy(framed + size, start, line_size);
            memcpy(framed + size + line_size, text.data + at, end - at);
            framed[size + line_size + (end - at)] = '\r';
            framed[size + line_size + (end - at) + 1] = '\n';
            size += line_size + (end - at) + 2;
            data_size += end - at;
        }
        at = end;
    }
    memcpy(framed + size, last, sizeof last);
    struct reading again = read_in_parts((struct slice){framed, size + 5}, size + 5);
    CHECK(!again.failed && again.ended && again.used == size + 3);
    for (size_t at = 0, from = 0; at < again.used; at++) {
        if (again.kinds[at] != CHUNK_DATA) {
            continue;
        }
        while (reading->kinds[from] != CHUNK_DATA) {
            from++;
        }
        CHECK(framed[at] == text.data[from++]);
        data_size--;
    }
    CHECK(data_size == 0);
    free(again.kinds);
    free(framed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct slice text = {(const char *)data + 1, size - 1};
    struct reading whole = read_in_parts(text, text.size + 1);
    const size_t parts[] = {1, 2, 3, 1 + (size_t)data[0]};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct reading cut = read_in_parts(text, parts[i]);
        CHECK(cut.failed == whole.failed && cut.ended == whole.ended);
        CHECK(cut.why == whole.why);
        CHECK(cut.used >=
              whole.used); // framing before a fault is a span of its own only when it came alone
        CHECK(whole.failed || cut.used == whole.used);
        CHECK(memcmp(cut.kinds, whole.kinds, whole.used) == 0);
        free(cut.kinds);
    }
    if (!whole.failed) {
        check_reframed(text, &whole);
    }
    free(whole.kinds);
    return 0;
}
