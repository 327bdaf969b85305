// A chunked body: its spans tile the input and are the same however it is cut and whoever reads it,
// and what we write for them reads the same.
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

static struct reading read_in_parts(bool tolerant, struct slice text, size_t part) {
    struct reading reading = {.kinds = malloc(text.size + 1)};
    struct chunk_decoder decoder;
    CHECK(reading.kinds != NULL);
    if (tolerant) {
        chunk_decoder_init_tolerant(&decoder);
    } else {
        chunk_decoder_init(&decoder);
    }
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
    struct reading again = read_in_parts(false, (struct slice){framed, size + 5}, size + 5);
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

// --- The same once more, line by line ---

static const char *skip_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t')) {
        at++;
    }
    return at;
}

static const char *skip_token(const char *at, const char *end) {
    while (at < end && strict_is_token(*at)) {
        at++;
    }
    return at;
}

// Behind the closing quote, or NULL.
static const char *skip_quoted(const char *at, const char *end) {
    for (at++; at < end && strict_is_text(*at); at++) {
        if (*at == '"') {
            return at + 1;
        }
        if (*at == '\\' && (++at == end || !strict_is_text(*at))) {
            return NULL;
        }
    }
    return NULL;
}

// RFC 9112 7.1.1, with the white space that RFC 9110 calls bad.
static bool are_extensions(const char *at, const char *end) {
    while (at < end) {
        at = skip_space(at, end);
        if (at == end || *at != ';') {
            return false;
        }
        const char *name = skip_space(at + 1, end);
        at = skip_token(name, end);
        if (at == name) {
            return false;
        }
        const char *equals = skip_space(at, end);
        if (equals == end || *equals != '=') {
            continue;
        }
        const char *value = skip_space(equals + 1, end);
        at = value < end && *value == '"' ? skip_quoted(value, end) : skip_token(value, end);
        if (at == NULL || at == value) {
            return false;
        }
    }
    return true;
}

// The size of the line's chunk; UINT64_MAX when it is malformed.
static uint64_t plain_size(const char *line, size_t size) {
    uint64_t value = 0;
    size_t digits = 0;
    while (digits < size && strict_is_alnum(line[digits]) && (line[digits] | 0x20) <= 'f') {
        char digit = line[digits++];
        value = value * 16 + (uint64_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        if (digits > 16 || value > CHUNK_SIZE_MAX) {
            return UINT64_MAX;
        }
    }
    bool right =
        digits > 0 && size + 2 <= CHUNK_SIZE_LINE_MAX && are_extensions(line + digits, line + size);
    return right ? value : UINT64_MAX;
}

// Whether the text begins with whole chunks up to and with the last size line; marks the data in
// `kinds`.
static bool read_plainly(struct slice text, char *kinds, size_t *used) {
    const char *at = text.data;
    const char *end = at + text.size;
    for (;;) {
        const char *line = at;
        while (end - at >= 2 && !(at[0] == '\r' && at[1] == '\n')) {
            at++;
        }
        if (end - at < 2) {
            return false;
        }
        uint64_t size = plain_size(line, (size_t)(at - line));
        at += 2;
        if (size == 0) {
            *used = (size_t)(at - text.data);
            return true;
        }
        if (size == UINT64_MAX || (uint64_t)(end - at) < size + 2 || at[size] != '\r' ||
            at[size + 1] != '\n') {
            return false;
        }
        memset(kinds + (at - text.data), CHUNK_DATA, size);
        at += size + 2;
    }
}

static void check_plainly(struct slice text, const struct reading *reading) {
    char *kinds = malloc(text.size + 1);
    size_t used = 0;
    CHECK(kinds != NULL);
    memset(kinds, CHUNK_FRAMING, text.size + 1);
    // The decoder tells the end only when something follows it.
    bool ended = read_plainly(text, kinds, &used);
    CHECK(ended ? !reading->failed && used == reading->used : !reading->ended);
    CHECK(!ended || memcmp(kinds, reading->kinds, used) == 0);
    free(kinds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    bool tolerant = (data[0] & 0x80) != 0; // as the body of a server is read
    struct slice text = {(const char *)data + 1, size - 1};
    struct reading whole = read_in_parts(tolerant, text, text.size + 1);
    const size_t parts[] = {1, 2, 3, 1 + (size_t)data[0]};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct reading cut = read_in_parts(tolerant, text, parts[i]);
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
    if (!tolerant) {
        check_plainly(text, &whole);
    }
    free(whole.kinds);
    return 0;
}
