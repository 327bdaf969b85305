#include "monitor/check_response.h"

#include <string.h>

enum { STATUS_LINE_SIZE = 12, CODE_AT = 9 }; // "HTTP/1.1 200"

static const struct check_verdict MORE = {.ended = false};

static struct check_verdict end_with(enum check_fault fault, uint32_t detail) {
    return (struct check_verdict){true, fault, detail};
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Whether the bytes are the beginning of a status line.
static bool is_status_line(const char *data, size_t size) {
    static const char form[STATUS_LINE_SIZE + 1] = "HTTP/1.# ###";
    size_t i = 0;
    while (i < size && i < STATUS_LINE_SIZE &&
           (form[i] == '#' ? is_digit(data[i]) : form[i] == data[i])) {
        i++;
    }
    return i == size || i == STATUS_LINE_SIZE;
}

static bool is_good(const struct config_health *health, uint32_t status) {
    static const struct config_statuses none;
    bool usual = memcmp(&health->status, &none, sizeof(none)) == 0;
    return usual ? status >= 200 && status <= 399 : config_statuses_have(&health->status, status);
}

struct check_verdict check_response(const struct config_health *health, const char *data,
                                    size_t size, bool closed) {
    if (!is_status_line(data, size)) {
        return end_with(CHECK_MALFORMED, 0);
    }
    if (size <= STATUS_LINE_SIZE) { // the byte behind the three digits of a status is needed, too
        return !closed ? MORE : end_with(size == 0 ? CHECK_CLOSED : CHECK_MALFORMED, 0);
    }
    uint32_t status = (uint32_t)(data[CODE_AT] - '0') * 100 +
                      (uint32_t)(data[CODE_AT + 1] - '0') * 10 +
                      (uint32_t)(data[CODE_AT + 2] - '0');
    if (is_digit(data[STATUS_LINE_SIZE])) {
        return end_with(CHECK_MALFORMED, 0);
    }
    if (!is_good(health, status)) {
        return end_with(CHECK_STATUS, status);
    }
    if (health->expect == NULL || memmem(data, size, health->expect, strlen(health->expect))) {
        return end_with(CHECK_GOOD, 0);
    }
    return closed || size == CHECK_RESPONSE_MAX ? end_with(CHECK_UNEXPECTED, 0) : MORE;
}
