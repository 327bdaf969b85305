#include "config/parts.h"

#include <stdint.h>
#include <stdlib.h>

const struct config_part *parts_find(const struct config_parts *parts, int line) {
    size_t low = 0;
    size_t high = parts->count; // the first part behind `line` is in low .. high
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (parts->items[middle].first <= line) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low > 0 ? &parts->items[low - 1] : NULL;
}

struct place parts_place(const struct config_parts *parts, const char *file, int line) {
    const struct config_part *part = parts_find(parts, line);
    if (part == NULL) {
        return (struct place){file, line};
    }
    // May be any number if the image is damaged.
    int64_t own = (int64_t)line - part->first + part->line;
    return (struct place){part->path != NULL ? part->path : file, (int)own};
}

void parts_free(struct config_parts *parts) {
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->items[i].path);
        free(parts->items[i].directory);
    }
    free(parts->items);
    *parts = (struct config_parts){0};
}
