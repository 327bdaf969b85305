#include "http/scan.h"

static bool refuse(struct http_refusal *refusal, uint16_t status, const char *why) {
    *refusal = (struct http_refusal){.status = status, .why = why};
    return false;
}

static bool ends_in_lf(struct slice bytes) {
    return bytes.size > 0 && bytes.data[bytes.size - 1] == '\n';
}

static bool is_crlf(const char *at) { // `at` is not beyond the LF that ends the bytes
    return at[0] == '\r' && at[1] == '\n';
}

// Scans the plain part of a path: no '%', backslash, ';', empty segment or segment that begins with
// a dot. Returns where it stopped.
static const char *scan_plain_path(const char *at) {
    while (*at == '/' && at[1] != '/' && at[1] != '.') {
        do {
            at++;
        } while (http_byte_is(*at, BYTE_SEGMENT));
    }
    return at;
}

// The first byte from `at` on that is not a token byte; there is one. In steps of four bytes,
// because names are short and many.
static const char *skip_token(const char *at) {
    while (http_byte_is(at[0], BYTE_TOKEN) && http_byte_is(at[1], BYTE_TOKEN) &&
           http_byte_is(at[2], BYTE_TOKEN) && http_byte_is(at[3], BYTE_TOKEN)) {
        at += 4;
    }
    while (http_byte_is(*at, BYTE_TOKEN)) {
        at++;
    }
    return at;
}

// Returns the end of target bytes before a query. NULL: a '%' without two hex digits after it.
static const char *scan_target(const char *at) {
    for (;;) {
        while (http_byte_is(*at, BYTE_TARGET)) {
            at++;
        }
        if (*at != '%') {
            return at;
        }
        if (!http_byte_is(at[1], BYTE_HEX) || !http_byte_is(at[2], BYTE_HEX)) {
            return NULL;
        }
        at += 3;
    }
}

// Ravelin does not interpret a query. Its bytes are free if they cannot end the line or, as '#'
// does for some readers, the query.
static const char *scan_query(const char *at) {
    while (http_byte_is(*at, BYTE_QUERY)) {
        at++;
    }
    return at;
}

// The bytes end in an LF, so that a version is followed by a byte.
static bool is_version(const char *at, const char *end) {
    return end - at > 8 && memcmp(at, "HTTP/", 5) == 0 && http_byte_is(at[5], BYTE_DIGIT) &&
           at[6] == '.' && http_byte_is(at[7], BYTE_DIGIT);
}

static bool scan_version(const char *at, const char *end, uint8_t *minor_version,
                         struct http_refusal *refusal) {
    if (!is_version(at, end) || !is_crlf(at + 8)) {
        return refuse(refusal, 400,
                      is_version(at, end) && at[8] == '\n'
                          ? "bare LF in the request line"
                          : "malformed version in the request line");
    }
    if (at[5] != '1' || at[7] > '1') {
        return refuse(refusal, 505, "HTTP version other than 1.0 and 1.1");
    }
    *minor_version = (uint8_t)(at[7] - '0');
    return true;
}

// Sets `target` and `plain_size` of the line. Returns where the target ends, at the byte `end`, or
// NULL.
static inline __attribute__((always_inline)) const char *
scan_whole_target(const char *target, char end, struct http_request_line *line,
                  struct http_refusal *refusal) {
    const char *at = scan_plain_path(target);
    line->plain_size = *at == end || *at == '?' ? (size_t)(at - target) : 0;
    if (*at != '?') {
        at = scan_target(at);
    }
    if (at != NULL && *at == '?') {
        at = scan_query(at);
    }
    if (at == NULL) {
        (void)refuse(refusal, 400, "malformed percent-encoding in the target");
        return NULL;
    }
    line->target = (struct slice){target, (size_t)(at - target)};
    if (line->target.size == 0) {
        (void)refuse(refusal, 400, "no target in the request line");
        return NULL;
    }
    if (*at != end) {
        (void)refuse(refusal, 400,
                     *at == '#'                   ? "fragment in the target"
                     : *at == '\r' || *at == '\n' ? "no version in the request line"
                                                  : "illegal byte in the target");
        return NULL;
    }
    return at;
}

enum result http_scan_target(struct slice target, struct http_request_line *line,
                             struct http_refusal *refusal) {
    const char *end = scan_whole_target(target.data, '\n', line, refusal);
    if (end == NULL) {
        return RESULT_ERROR;
    }
    return end == target.data + target.size
               ? RESULT_OK
               : http_refuse(refusal, 400, "illegal byte in the target");
}

size_t http_scan_request_line(struct slice head, struct http_request_line *line,
                              struct http_refusal *refusal) {
    if (!ends_in_lf(head)) {
        return refuse(refusal, 400, "head without an end");
    }
    const char *at = skip_token(head.data);
    line->method = (struct slice){head.data, (size_t)(at - head.data)};
    if (line->method.size == 0 || *at != ' ') {
        return refuse(refusal, 400, "no method token and space at the start of the request");
    }
    if (line->method.size > METHOD_SIZE_MAX) {
        return refuse(refusal, 501, "method longer than 32 bytes");
    }
    at = scan_whole_target(at + 1, ' ', line, refusal);
    if (at == NULL) {
        return 0;
    }
    line->body_comes = false;
    at++;
    if (!scan_version(at, head.data + head.size, &line->minor_version, refusal)) {
        return 0;
    }
    return (size_t)(at + 10 - head.data);
}

// The first byte from `at` on that is not allowed in a field value. end[-1], an LF, is such a byte.
static const char *skip_value(const char *at, const char *end) {
    while (end - at >= HTTP_VALUE_STEP) {
        size_t plain = http_value_plain(at);
        at += plain;
        if (plain < HTTP_VALUE_STEP) {
            if (*at != '\t') {
                return at;
            }
            at++;
        }
    }
    while (http_byte_is(*at, BYTE_VALUE)) {
        at++;
    }
    return at;
}

size_t http_scan_status_line(struct slice head, struct http_status_line *line,
                             struct http_refusal *refusal) {
    const char *at = head.data;
    const char *end = at + head.size;
    if (!ends_in_lf(head) || head.size < 14 || memcmp(at, "HTTP/1.", 7) != 0 ||
        (at[7] != '0' && at[7] != '1') || at[8] != ' ') {
        return refuse(refusal, 502, "status line does not begin with HTTP/1.0 or HTTP/1.1");
    }
    line->minor_version = (uint8_t)(at[7] - '0');
    if (at[9] < '1' || at[9] > '5' || !http_byte_is(at[10], BYTE_DIGIT) ||
        !http_byte_is(at[11], BYTE_DIGIT)) {
        return refuse(refusal, 502, "status is not three digits from 100 to 599");
    }
    line->status = (uint16_t)((at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0'));
    at += 12;
    if (*at != ' ' && *at != '\r') {
        return refuse(refusal, 502, "status is not three digits from 100 to 599");
    }
    at += *at == ' '; // real servers leave it out if there is no reason
    const char *reason = at;
    at = skip_value(at, end);
    line->reason = (struct slice){reason, (size_t)(at - reason)};
    if (!is_crlf(at)) {
        return refuse(refusal, 502, "bare CR, bare LF or control byte in the status line");
    }
    return (size_t)(at + 2 - head.data);
}

const char *http_why_bad_name(const char *name, const char *at) {
    if (*at == ' ' || *at == '\t') {
        return at == name ? "folded field line" : "space before the colon of a field";
    }
    if (*at == ':') {
        return "empty field name";
    }
    return *at == '\r' || *at == '\n' ? "field line without a colon"
                                      : "illegal byte in a field name";
}

static const char *why_bad_value(const char *at) {
    return *at == '\n' ? "bare LF" : *at == '\r' ? "bare CR" : "control byte in a field value";
}

enum result http_scan_fields(struct slice section, struct http_fields *fields,
                             struct http_index *index, struct http_refusal *refusal) {
    http_begin_fields(fields, index);
    const char *at = section.data;
    const char *end = at + section.size;
    bool ok = ends_in_lf(section) || refuse(refusal, 400, "head without an end");
    while (ok && *at != '\r') {
        const char *name = at;
        at = skip_token(at);
        if (at == name || *at != ':') {
            ok = refuse(refusal, 400, http_why_bad_name(name, at));
            break;
        }
        size_t name_size = (size_t)(at - name);
        do {
            at++;
        } while (*at == ' ' || *at == '\t');
        const char *value = at;
        at = skip_value(at, end);
        if (!is_crlf(at)) {
            ok = refuse(refusal, 400, why_bad_value(at));
            break;
        }
        const char *stop = at;
        while (stop > value && (stop[-1] == ' ' || stop[-1] == '\t')) {
            stop--;
        }
        at += 2;
        if (at == end) {
            ok = refuse(refusal, 400, "head without an empty line");
            break;
        }
        if (fields->count == fields->capacity) {
            ok = refuse(refusal, 431, "too many fields");
            break;
        }
        http_add_field(fields, index, (struct slice){name, name_size},
                       (struct slice){value, (size_t)(stop - value)});
    }
    if (ok && (!is_crlf(at) || at + 2 != end)) {
        ok = refuse(refusal, 400, "bare CR, or bytes after the empty line");
    }
    return ok ? RESULT_OK : RESULT_ERROR;
}
