#include "exchange/logged_headers.h"

#include <stdlib.h>
#include <string.h>

// A value under construction.
struct value {
    char text[LOGGED_VALUE_MAX];
    size_t size;
    bool is_cut;
};

static void append(struct value *value, struct slice part) {
    size_t room = sizeof(value->text) - value->size;
    size_t size = part.size < room ? part.size : room;
    if (size > 0) {
        memcpy(value->text + value->size, part.data, size);
    }
    value->size += size;
    value->is_cut = value->is_cut || size < part.size;
}

static bool is_inside_character(char byte) {
    return ((unsigned char)byte & 0xc0) == 0x80;
}

static void mark_cut(struct value *value) {
    static const char mark[] = "...";
    size_t size = sizeof(value->text) - (sizeof(mark) - 1);
    for (int i = 0; i < 3 && is_inside_character(value->text[size]); i++) {
        size--;
    }
    memcpy(value->text + size, mark, sizeof(mark) - 1);
    value->size = size + sizeof(mark) - 1;
}

static void find(struct value *value, struct slice name, const struct http_fields *fields) {
    value->size = 0;
    value->is_cut = false;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->value.size > 0 && slice_equal_nocase(field->name, name)) {
            append(value, value->size > 0 ? SLICE(", ") : SLICE(""));
            append(value, field->value);
        }
    }
    if (value->is_cut) {
        mark_cut(value);
    }
}

struct slice *logged_headers(const struct access_headers *wanted,
                             const struct http_fields *fields) {
    struct value values[ACCESS_HEADERS_MAX];
    size_t size = wanted->count * sizeof(struct slice);
    for (size_t i = 0; i < wanted->count; i++) {
        find(&values[i], slice_from(wanted->names[i]), fields);
        size += values[i].size;
    }
    struct slice *kept = malloc(size);
    char *at = kept == NULL ? NULL : (char *)(kept + wanted->count);
    for (size_t i = 0; i < wanted->count && kept != NULL; i++) {
        kept[i] = (struct slice){at, values[i].size};
        memcpy(at, values[i].text, values[i].size);
        at += values[i].size;
    }
    return kept;
}
