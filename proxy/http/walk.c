#include "http/walk.h"

const struct config_changes http_no_changes;

// The name of "Name: value".
static struct slice name_of(const char *line) {
    return (struct slice){line, (size_t)(strchr(line, ':') - line)};
}

static bool is_reserved(const struct config_names *names, struct slice name) {
    for (size_t i = 0; i < names->count; i++) {
        if (http_name_resembles(name, slice_from(names->items[i]))) {
            return true;
        }
    }
    return false;
}

bool http_is_changed(const struct config_changes *changes, struct slice name) {
    for (size_t i = 0; i < ROUTE_GUARD_COUNT; i++) {
        if (is_reserved(&changes->reserved[i], name)) {
            return true;
        }
    }
    for (size_t i = 0; i < changes->remove_count; i++) {
        if (slice_equal_nocase(name, slice_from(changes->remove[i]))) {
            return true;
        }
    }
    for (size_t i = 0; i < changes->set_count; i++) {
        if (slice_equal_nocase(name, name_of(changes->set[i]))) {
            return true;
        }
    }
    return false;
}

bool http_has_hsts(const struct http_response *response, const struct config_changes *changes) {
    for (uint32_t i = 0; i < response->fields->count; i++) {
        if (slice_equal_nocase(response->fields->items[i].name, HSTS_NAME)) {
            return true;
        }
    }
    return http_is_changed(changes, HSTS_NAME);
}
