// One value of the configuration: checked against its row of the option table, converted, and put
// in its place in the struct it belongs to.
#ifndef RAVELIN_CONFIG_VALUE_H
#define RAVELIN_CONFIG_VALUE_H

#include "base/socket.h"
#include "config/options.h"

struct value {
    const struct option *option;
    const char *text;      // as written, quotes removed
    const char *directory; // what relative paths are relative to
    void *object;          // the struct of the section; it owns what is put in
    // Afterwards:
    const char
        *key; // the value in its one form (addresses, hosts, names, paths), valid as long as this
    char why[128]; // when it was refused: a hint, or ""
    char scratch[ADDRESS_TEXT_SIZE];
};

// Returns false when the value is not what its option takes; then nothing was put in.
bool value_store(struct value *value);

// Appends a zeroed item to an array kept as a pointer and a count: the pointer at `items` points to
// `*count` items of `item_size`. Returns the item, or NULL when memory is short.
void *array_append(void *items, size_t *count, size_t item_size);

#endif
