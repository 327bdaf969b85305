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
            *scanned = (size_t)(lf - data); // this line end is to be looked at again
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

// A first line that has not arrived whole can already be wrong: it does not begin with a method, or
// holds a carriage return that ends nothing.
static bool check_line_start(const char *data, size_t size, struct http_refusal *refusal) {
    size_t method = 0;
    while (method < size && http_byte_is(data[method], BYTE_TOKEN)) {
        method++;
    }
    const char *cr = memchr(data, '\r', size);
    if (method > METHOD_SIZE_MAX) {
        *refusal = (struct http_refusal){501, "method longer than 32 bytes"};
    } else if (method < size && (method == 0 || data[method] != ' ') && data[method] != '\r') {
        *refusal =
            (struct http_refusal){400, "no method token and space at the start of the request"};
    } else if (cr != NULL && cr + 1 < data + size) {
        *refusal = (struct http_refusal){400, "bare CR in the request line"};
    } else {
        return true;
    }
    return false;
}

enum result http_check_first_line(const char *data, size_t size, bool *whole,
                                  struct http_refusal *refusal) {
    const char *lf = size == 0 ? NULL : memchr(data, '\n', size);
    *whole = lf != NULL;
    struct http_request_line line;
    bool ok = *whole ? http_scan_request_line((struct slice){data, (size_t)(lf + 1 - data)}, &line,
                                              refusal) > 0
                     : check_line_start(data, size, refusal);
    return ok ? RESULT_OK : RESULT_ERROR;
}
