// The pieces of an image: numbers, texts and counts, written and read with every size checked.
// Private to image.c.
#ifndef RAVELIN_CONFIG_IMAGE_INTERNAL_H
#define RAVELIN_CONFIG_IMAGE_INTERNAL_H

#include "config/options.h"

#include <stdlib.h>
#include <string.h>

#define NO_TEXT UINT32_MAX // in place of a text's size: there is no text

// If data is NULL, the writer only counts the bytes of an image.
struct writer {
    uint8_t *data;
    size_t size;
};

struct reader {
    const char *at;
    size_t left;
    bool out_of_memory;
};

static inline void put(struct writer *writer, const void *from, size_t size) {
    if (writer->data != NULL && size > 0) {
        memcpy(writer->data + writer->size, from, size);
    }
    writer->size += size;
}

static inline void put_number(struct writer *writer, uint32_t number) {
    put(writer, &number, sizeof(number));
}

static inline void put_text(struct writer *writer, const char *text) {
    size_t size = text == NULL ? 0 : strlen(text);
    put_number(writer, text == NULL ? NO_TEXT : (uint32_t)size);
    put(writer, text, size);
}

static inline bool take(struct reader *reader, void *to, size_t size) {
    if (size > reader->left) {
        return false;
    }
    memcpy(to, reader->at, size);
    reader->at += size;
    reader->left -= size;
    return true;
}

static inline bool take_number(struct reader *reader, uint32_t *number) {
    return take(reader, number, sizeof(*number));
}

// Reads a text. *text: NULL if there is none.
static inline bool take_text(struct reader *reader, char **text) {
    uint32_t size;
    *text = NULL;
    if (!take_number(reader, &size)) {
        return false;
    }
    if (size == NO_TEXT) {
        return true;
    }
    if (size > reader->left || memchr(reader->at, '\0', size) != NULL) {
        return false;
    }
    *text = malloc((size_t)size + 1);
    if (*text == NULL) {
        reader->out_of_memory = true;
        return false;
    }
    (*text)[size] = '\0';
    return take(reader, *text, size);
}

// Reads the number of values of an option. Each value takes at least the bytes of a number.
static inline bool take_count(struct reader *reader, const struct option *option, uint32_t *count) {
    return take_number(reader, count) && *count >= option->least && *count <= option->most &&
           *count <= reader->left / sizeof(*count);
}

// Allocates zeroed items. NULL: count is 0.
static inline bool make_items(struct reader *reader, size_t count, size_t size, void **items) {
    *items = count == 0 ? NULL : calloc(count, size);
    reader->out_of_memory |= count > 0 && *items == NULL;
    return count == 0 || *items != NULL;
}

static inline char *pointer_at(const char *place) {
    char *pointer;
    memcpy(&pointer, place, sizeof(pointer));
    return pointer;
}

static inline size_t count_at(const char *object, const struct option *option) {
    size_t count;
    memcpy(&count, object + option->count_offset, sizeof(count));
    return count;
}

static inline void set_items(char *object, const struct option *option, const void *items,
                             size_t count) {
    memcpy(object + option->offset, &items, sizeof(items));
    memcpy(object + option->count_offset, &count, sizeof(count));
}

#endif
