// The tolerant scan of response heads: it accepts what both nginx and HAProxy accept of a server,
// with the same meaning. The strict scan has refused the head before.
#include "http/scan.h"

static enum result refuse_byte(struct http_refusal *refusal, const char *why, const char *byte) {
    *refusal = (struct http_refusal){.status = 502, .why = why, .byte = byte};
    return RESULT_ERROR;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static const char *find(struct slice text, char byte) {
    return text.size == 0 ? NULL : memchr(text.data, byte, text.size);
}

bool http_next_line(const char **at, const char *end, struct slice *line) {
    const char *lf = *at == end ? NULL : memchr(*at, '\n', (size_t)(end - *at));
    if (lf == NULL) {
        return false;
    }
    size_t size = (size_t)(lf - *at);
    *line = (struct slice){*at, size > 0 && lf[-1] == '\r' ? size - 1 : size};
    *at = lf + 1;
    return true;
}

// Number of bytes of "HTTP/d.d " at the beginning of the text; 9: all.
static size_t version_size(struct slice text) {
    // '1' and '0' match any digit; the first must not be 0
    static const char pattern[] = "HTTP/1.0 ";
    size_t i = 0;
    while (i < sizeof(pattern) - 1 && i < text.size &&
           (http_byte_is(pattern[i], BYTE_DIGIT)
                ? http_byte_is(text.data[i], BYTE_DIGIT) && (i != 5 || text.data[i] != '0')
                : text.data[i] == pattern[i])) {
        i++;
    }
    return i;
}

// Reads "HTTP/d.d" from 1.0 on, SP, and three digits from 100 on, followed by SP or nothing.
// Returns their end, or NULL.
static const char *scan_start(struct slice text, struct http_status_line *line,
                              struct http_refusal *refusal) {
    const char *at = text.data;
    const char *end = at + text.size;
    size_t right = version_size(text);
    if (right < 9) {
        (void)refuse_byte(refusal, "status line does not begin with HTTP/1.0 or HTTP/1.1",
                          at + right);
        return NULL;
    }
    line->minor_version = at[5] == '1' && at[7] == '0' ? 0 : 1;
    at += 8;
    while (at < end && *at == ' ') {
        at++;
    }
    line->status = 0;
    const char *digits = at;
    while (at < end && at - digits < 3 && http_byte_is(*at, BYTE_DIGIT)) {
        line->status = (uint16_t)(line->status * 10 + (*at++ - '0'));
    }
    if (at - digits < 3 || (at < end && *at != ' ')) {
        (void)refuse_byte(refusal, "status is not three digits", at);
        return NULL;
    }
    if (line->status < 100) { // RFC 9110 15: no class, so it is unknown whether a body follows
        (void)refuse_byte(refusal, "status below 100", digits);
        return NULL;
    }
    return at;
}

size_t http_scan_status_line_tolerantly(struct slice head, struct http_status_line *line,
                                        struct http_refusal *refusal) {
    const char *next = head.data;
    const char *end = head.data + head.size;
    struct slice text;
    if (head.size == 0 || !http_next_line(&next, end, &text)) {
        *refusal = (struct http_refusal){.status = 502, .why = "head without an end"};
        return 0;
    }
    const char *at = scan_start(text, line, refusal);
    if (at == NULL) {
        return 0;
    }
    const char *stop = text.data + text.size;
    at += at < stop;
    line->reason = (struct slice){at, (size_t)(stop - at)};
    const char *cr = find(line->reason, '\r');
    if (cr != NULL) {
        (void)refuse_byte(refusal, "bare CR in the status line", cr);
        return 0;
    }
    for (size_t i = 0; i < line->reason.size; i++) {
        if (!http_byte_is(line->reason.data[i], BYTE_VALUE)) {
            line->reason.size = 0; // the reason has no meaning, and such bytes are never forwarded
        }
    }
    return (size_t)(next - head.data);
}

enum result http_split_field(struct slice line, struct slice *name, struct slice *value,
                             struct http_refusal *refusal) {
    const char *at = line.data;
    const char *end = at + line.size;
    while (at < end && http_byte_is(*at, BYTE_TOKEN)) {
        at++;
    }
    *name = (struct slice){line.data, (size_t)(at - line.data)};
    if (at == line.data || at == end || *at != ':') {
        return refuse_byte(refusal, http_why_bad_name(line.data, at), at);
    }
    for (at++; at < end && is_blank(*at); at++) {
    }
    while (end > at && is_blank(end[-1])) {
        end--;
    }
    *value = (struct slice){at, (size_t)(end - at)};
    const char *bad = find(*value, '\r');
    if (bad != NULL) {
        return refuse_byte(refusal, "bare CR", bad);
    }
    bad = find(*value, '\0');
    return bad != NULL ? refuse_byte(refusal, "NUL in a field value", bad) : RESULT_OK;
}

enum result http_scan_fields_tolerantly(struct slice section, struct http_fields *fields,
                                        struct http_index *index, struct http_refusal *refusal) {
    const char *at = section.data;
    const char *end = at + section.size;
    struct slice line;
    http_begin_fields(fields, index);
    while (http_next_line(&at, end, &line)) {
        struct slice name, value;
        if (line.size == 0) {
            return at == end ? RESULT_OK : refuse_byte(refusal, "bytes after the empty line", at);
        }
        if (http_split_field(line, &name, &value, refusal) != RESULT_OK) {
            return RESULT_ERROR;
        }
        if (fields->count == fields->capacity) {
            return refuse_byte(refusal, "too many fields", line.data);
        }
        http_add_field(fields, index, name, value);
    }
    *refusal = (struct http_refusal){.status = 502, .why = "head without an empty line"};
    return RESULT_ERROR;
}
