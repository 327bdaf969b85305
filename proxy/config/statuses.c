#include "config/statuses.h"

#include <string.h>

// 500, 502, 503 and 504: the server, or a server behind it, has failed.
static const struct config_statuses usual_failures = {.bits = {[6] = UINT64_C(29) << 16}};

// Reads three digits from 100 to 599. False: other text.
static bool read_status(const char *text, uint32_t *status) {
    *status = 0;
    for (int i = 0; i < 3; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        *status = *status * 10 + (uint32_t)(text[i] - '0');
    }
    return *status >= 100 && *status <= 599;
}

bool statuses_add(struct config_statuses *statuses, const char *text, const char *const *words) {
    uint32_t first, last;
    if (words != NULL && strcmp(text, words[0]) == 0) {
        return true;
    }
    if (words != NULL && strcmp(text, words[1]) == 0) {
        for (size_t i = 0; i < sizeof(statuses->bits) / sizeof(statuses->bits[0]); i++) {
            statuses->bits[i] |= usual_failures.bits[i];
        }
        return true;
    }
    size_t size = strlen(text);
    bool is_range = size == 7 && text[3] == '-';
    if ((size != 3 && !is_range) || !read_status(text, &first) ||
        !read_status(is_range ? text + 4 : text, &last) || first > last) {
        return false;
    }
    for (uint32_t bit = first - 100; bit <= last - 100; bit++) {
        statuses->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    }
    return true;
}
