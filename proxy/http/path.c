#include "http/path.h"

#include "http/bytes.h"

// A byte of a path, as some server may read it.
struct reading {
    uint8_t byte;
    uint8_t decodings;  // number of times that it was decoded: 0 to 2
    bool overlong;      // in UTF-8 with one byte more than needed
    const char *behind; // the text behind it
};

static unsigned hex_value(uint8_t digit) {
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)((digit | 0x20) - 'a' + 10);
}

// The byte at `at` (not at the end) for a server that decodes up to `times` times.
static struct reading read_byte(const char *at, const char *end, unsigned times) {
    if (times == 0) {
        return (struct reading){(uint8_t)*at, 0, false, at + 1};
    }
    struct reading first = read_byte(at, end, times - 1);
    if (first.byte != '%' || first.behind == end) {
        return first;
    }
    struct reading high = read_byte(first.behind, end, times - 1);
    if (!http_byte_is((char)high.byte, BYTE_HEX) || high.behind == end) {
        return first;
    }
    struct reading low = read_byte(high.behind, end, times - 1);
    if (!http_byte_is((char)low.byte, BYTE_HEX)) {
        return first;
    }
    uint8_t byte = (uint8_t)(hex_value(high.byte) << 4 | hex_value(low.byte));
    return (struct reading){byte, (uint8_t)times, false, low.behind};
}

// Reads a byte with the most decodings: twice, and overlong UTF-8 (two bytes for an ASCII one).
static struct reading read_far(const char *at, const char *end) {
    if (*at != '%') {
        return (struct reading){(uint8_t)*at, 0, false, at + 1};
    }
    struct reading lead = read_byte(at, end, 2);
    if ((lead.byte & 0xfe) != 0xc0 || lead.behind == end) {
        return lead;
    }
    struct reading trail = read_byte(lead.behind, end, 2);
    if ((trail.byte & 0xc0) != 0x80) {
        return lead;
    }
    uint8_t byte = (uint8_t)((lead.byte & 1) << 6 | (trail.byte & 0x3f));
    return (struct reading){byte, 2, true, trail.behind};
}

static bool is_slash(struct reading reading) {
    return reading.byte == '/' || reading.byte == '\\';
}

// --- checking ---

// The part of a segment that was read.
struct shape {
    size_t dots;     // number of dots, if it has only dots; otherwise SIZE_MAX
    bool disguised;  // a part of it, its ends included, is not written plainly
    bool parameters; // a ';' was read: the rest does not belong to its name
};

static void add_to_shape(struct shape *shape, struct reading reading) {
    shape->disguised = shape->disguised || reading.decodings > 0 || reading.byte == ';';
    shape->parameters = shape->parameters || reading.byte == ';';
    if (!shape->parameters) {
        bool more = reading.byte == '.' && shape->dots < 2;
        shape->dots = more ? shape->dots + 1 : SIZE_MAX;
    }
}

static bool is_dot_segment(const struct shape *shape) {
    return shape->dots == 1 || shape->dots == 2;
}

// Checks for a dot segment, a NUL or a backslash, as any server would read it.
static const char *check_segments(struct slice path, bool *dotted) {
    const char *at = path.data + 1;
    const char *end = path.data + path.size;
    struct shape shape = {0, false, false};
    *dotted = false;
    while (at < end) {
        struct reading reading = read_far(at, end);
        if (reading.byte == '\0') {
            return "encoded NUL in the path";
        }
        if (*at == '\\') {
            return "backslash in the path";
        }
        if (is_slash(reading)) {
            bool disguised = reading.decodings > 0;
            if (is_dot_segment(&shape) && (shape.disguised || disguised)) {
                return "encoded dot segment in the path";
            }
            *dotted = *dotted || is_dot_segment(&shape);
            shape = (struct shape){0, disguised, false};
        } else {
            add_to_shape(&shape, reading);
        }
        at = reading.behind;
    }
    *dotted = *dotted || is_dot_segment(&shape);
    return is_dot_segment(&shape) && shape.disguised ? "encoded dot segment in the path" : NULL;
}

// Whether every server removes the same text with this segment: it is not empty, also without its
// parameters, and has no part that a server reads as a slash.
static bool is_removable(const char *at, const char *end) {
    if (at == end || read_far(at, end).byte == ';') {
        return false;
    }
    while (at < end) {
        struct reading reading = read_far(at, end);
        if (is_slash(reading)) {
            return false;
        }
        at = reading.behind;
    }
    return true;
}

// Removes the last segment of the output. False: none, or servers differ about it.
static bool remove_segment(const char *output, size_t *size) {
    const char *end = output + *size;
    const char *slash = end;
    while (slash > output && slash[-1] != '/') {
        slash--;
    }
    if (slash == output || !is_removable(slash, end)) {
        return false;
    }
    *size = (size_t)(slash - 1 - output);
    return true;
}

// RFC 3986 5.2.4 for a path that begins with '/', segment by segment. NULL, or the reason of a
// refusal.
static const char *resolve_dots(struct slice path, char output[HTTP_DOTTED_PATH_MAX],
                                size_t *size) {
    const char *at = path.data + 1;
    const char *end = path.data + path.size;
    *size = 0;
    if (path.size > HTTP_DOTTED_PATH_MAX) {
        return "dot segment in a path over 4 KiB";
    }
    for (bool last = false; !last;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        last = slash == NULL;
        struct slice segment = {at, (size_t)((last ? end : slash) - at)};
        bool up = slice_equal(segment, SLICE(".."));
        if (up && !remove_segment(output, size)) {
            return "dot segment that climbs above the root or removes something doubtful";
        }
        if (up || slice_equal(segment, SLICE("."))) {
            segment.size = 0;
            if (!last) {
                at = slash + 1;
                continue;
            }
        }
        output[(*size)++] = '/';
        memcpy(output + *size, segment.data, segment.size);
        *size += segment.size;
        at = last ? end : slash + 1;
    }
    return NULL;
}

const char *http_check_path(struct slice path) {
    bool dotted;
    const char *why = check_segments(path, &dotted);
    if (why != NULL || !dotted) {
        return why;
    }
    char resolved[HTTP_DOTTED_PATH_MAX];
    size_t size;
    return resolve_dots(path, resolved, &size);
}

// --- reading ---

void http_path_reader_init(struct http_path_reader *reader, struct slice path) {
    bool dotted = false;
    for (size_t i = 1; i < path.size && !dotted; i++) {
        dotted = path.data[i] == '.' && path.data[i - 1] == '/';
    }
    size_t size;
    if (dotted && resolve_dots(path, reader->resolved, &size) == NULL) {
        path = (struct slice){reader->resolved, size};
    }
    reader->at = path.data;
    reader->end = path.data + path.size;
    reader->after_slash = false;
}

// Moves to the slash behind the parameters. False: some servers see another slash before it.
static bool skip_parameters(struct http_path_reader *reader) {
    while (reader->at < reader->end && *reader->at != '/') {
        struct reading reading = read_far(reader->at, reader->end);
        if (is_slash(reading)) {
            return false;
        }
        reader->at = reading.behind;
    }
    return true;
}

enum http_path_step http_path_next(struct http_path_reader *reader, char *byte) {
    if (reader->at == reader->end) {
        return PATH_END;
    }
    struct reading reading = read_far(reader->at, reader->end);
    reader->at = reading.behind;
    bool doubtful = reading.decodings > 1;
    if (is_slash(reading)) {
        *byte = '/';
        doubtful = reading.decodings > 0;
        if (reader->after_slash) {
            return PATH_DOUBTFUL;
        }
        reader->after_slash = true;
        return doubtful ? PATH_DOUBTFUL_BYTE : PATH_BYTE;
    }
    if (reading.byte == ';') {
        return skip_parameters(reader) ? PATH_DOUBTFUL : PATH_LOST;
    }
    reader->after_slash = false;
    *byte = (char)reading.byte;
    return doubtful ? PATH_DOUBTFUL_BYTE : PATH_BYTE;
}
