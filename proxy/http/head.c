// Where a head begins and ends: the first part of http/parse.h.
#include "http/parse.h"
#include "http/scan.h"

#define EMPTY_LINES_MAX 8

size_t http_head_end(const char *data, size_t size, size_t *scanned) {
    const char *at = data + *scanned;
    const char *end = data + size;
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        if (lf == NULL) {
            break;
        }
        at = lf + 1;
        if (at<end && * at> '\r') { // nearly every line begins so
            continue;
        }
        if (at < end && *at == '\n') {
            return (size_t)(at + 1 - data);
        }
        if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
            return (size_t)(at + 2 - data);
        }
        if (at == end || (end - at == 1 && *at == '\r')) {
            *scanned = (size_t)(lf - data); // search again from this line end
            return 0;
        }
    }
    *scanned = size;
    return 0;
}

size_t http_trailers_end(const char *data, size_t size, size_t *scanned) {
    if (size >= 1 && data[0] == '\n') {
        return 1;
    }
    if (size >= 2 && data[0] == '\r' && data[1] == '\n') {
        return 2;
    }
    return http_head_end(data, size, scanned);
}

size_t http_skip_empty_lines(const char *data, size_t size, uint8_t *skipped) {
    size_t at = 0;
    while (*skipped < EMPTY_LINES_MAX && size - at >= 2 && data[at] == '\r' &&
           data[at + 1] == '\n') {
        at += 2;
        ++*skipped;
    }
    return at;
}

uint16_t http_oversize_status(const char *data, size_t size) {
    return size == 0 || memchr(data, '\n', size) == NULL ? 414 : 431;
}

// An incomplete first line may already be malformed: it does not begin with a method, or has a CR
// that is not before LF.
static bool check_line_start(const char *data, size_t size, struct http_refusal *refusal) {
    size_t method = 0;
    while (method < size && http_byte_is(data[method], BYTE_TOKEN)) {
        method++;
    }
    const char *cr = memchr(data, '\r', size);
    if (method > METHOD_SIZE_MAX) {
        *refusal = (struct http_refusal){.status = 501, .why = "method longer than 32 bytes"};
    } else if (method < size && (method == 0 || data[method] != ' ') && data[method] != '\r') {
        *refusal = (struct http_refusal){
            .status = 400, .why = "no method token and space at the start of the request"};
    } else if (cr != NULL && cr + 1 < data + size) {
        *refusal = (struct http_refusal){.status = 400, .why = "bare CR in the request line"};
    } else {
        return true;
    }
    return false;
}

// Checks field lines from part->checked on, byte by byte, because the last may be incomplete.
static enum result check_lines(const char *data, size_t size, struct http_part *part,
                               const char **why) {
    *why = NULL;
    for (size_t i = part->checked; i < size && *why == NULL; i++) {
        char before = i == 0 ? '\n' : data[i - 1];
        char byte = data[i];
        if (byte == '\n') {
            *why = before == '\r' ? NULL : "bare LF";
            part->in_value = false;
        } else if (before == '\r') {
            *why = "bare CR";
        } else if (part->in_value) {
            *why = http_byte_is(byte, BYTE_VALUE) || byte == '\r' ? NULL
                                                                  : "control byte in a field value";
        } else if (before == '\n') {
            *why =
                http_byte_is(byte, BYTE_TOKEN) || byte == '\r' ? NULL : "field line without a name";
        } else if (byte == ':') {
            part->in_value = true;
        } else if (!http_byte_is(byte, BYTE_TOKEN)) {
            *why = "no token and colon at the start of a field line";
        }
    }
    part->checked = (uint32_t)size;
    return *why == NULL ? RESULT_OK : RESULT_ERROR;
}

enum result http_check_request_part(const char *data, size_t size, struct http_part *part,
                                    struct http_refusal *refusal) {
    if (part->checked == 0) {
        const char *lf = size == 0 ? NULL : memchr(data, '\n', size);
        struct http_request_line line;
        if (lf == NULL) {
            return check_line_start(data, size, refusal) ? RESULT_OK : RESULT_ERROR;
        }
        part->checked = (uint32_t)(lf + 1 - data);
        if (http_scan_request_line((struct slice){data, part->checked}, &line, refusal) == 0) {
            return RESULT_ERROR;
        }
    }
    refusal->status = 400;
    return check_lines(data, size, part, &refusal->why);
}

// As check_lines(), for the tolerant scan.
static enum result check_response_lines(const char *data, size_t size, struct http_part *part,
                                        struct http_refusal *refusal) {
    const char *why = NULL;
    size_t i = part->checked;
    for (; i < size; i++) {
        char before = data[i - 1]; // the status line ended with an LF
        char byte = data[i];
        if (byte == '\n') {
            part->in_value = false;
        } else if (before == '\r') {
            why = "bare CR";
        } else if (byte == '\0') {
            why = "NUL in a field";
        } else if (!part->in_value && byte == ':' && before != '\n') {
            part->in_value = true;
        } else if (!part->in_value && byte != '\r' && !http_byte_is(byte, BYTE_TOKEN)) {
            why = before == '\n' ? "field line without a name"
                                 : "no token and colon at the start of a field line";
        }
        if (why != NULL) {
            *refusal = (struct http_refusal){502, why, &data[i], NULL};
            return RESULT_ERROR;
        }
    }
    part->checked = (uint32_t)size;
    return RESULT_OK;
}

enum result http_check_response_part(const char *data, size_t size, struct http_part *part,
                                     struct http_refusal *refusal) {
    static const char start[] = "HTTP/";
    if (part->checked == 0) {
        const char *lf = size == 0 ? NULL : memchr(data, '\n', size);
        const char *cr = size == 0 ? NULL : memchr(data, '\r', size);
        struct http_status_line line;
        for (size_t i = 0; i < size && i < sizeof(start) - 1; i++) {
            if (data[i] != start[i]) {
                *refusal = (struct http_refusal){
                    502, "status line does not begin with HTTP/1.0 or HTTP/1.1", data + i, NULL};
                return RESULT_ERROR;
            }
        }
        if (cr != NULL && cr + 1 < data + size && cr[1] != '\n') {
            *refusal = (struct http_refusal){502, "bare CR in the status line", cr, NULL};
            return RESULT_ERROR;
        }
        if (lf == NULL) {
            return RESULT_OK;
        }
        part->checked = (uint32_t)(lf + 1 - data);
        if (http_scan_status_line_tolerantly((struct slice){data, part->checked}, &line, refusal) ==
            0) {
            return RESULT_ERROR;
        }
    }
    return check_response_lines(data, size, part, refusal);
}

enum result http_check_trailers_part(const char *data, size_t size, struct http_part *part,
                                     const char **why) {
    return check_lines(data, size, part, why);
}

enum result http_check_response_trailers_part(const char *data, size_t size, struct http_part *part,
                                              struct http_refusal *refusal) {
    const char *end = data + size;
    const char *at = data + part->checked;
    while (at < end && (at = memchr(at, '\r', (size_t)(end - at))) != NULL) {
        if (at + 1 == end) {
            part->checked = (uint32_t)(size - 1);
            return RESULT_OK;
        }
        if (at[1] != '\n') {
            *refusal = (struct http_refusal){502, "bare CR in a trailer", at, NULL};
            return RESULT_ERROR;
        }
        at++;
    }
    part->checked = (uint32_t)size;
    return RESULT_OK;
}
